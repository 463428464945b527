"""One mutant, one process: import the changed source in place of the file and run its tests.

Nothing is written: the source reaches the import system from memory. So a run that is
interrupted leaves everything as it was.
"""

import contextlib
import gc
import importlib.abc
import importlib.util
import io
import multiprocessing
import os
import sys
import time
import traceback
import warnings
from collections import Counter
from typing import NamedTuple

import pytest

from . import memo
from .targets import ROOT

BUSY = 10  # a busy machine makes a program this many times slower at most
FORK = "fork" in multiprocessing.get_all_start_methods() and sys.platform != "darwin"
OPTIONS = (
    f"-c{ROOT / 'pyproject.toml'}", "--override-ini=addopts=", "--noconftest", "--doctest-modules",
    "--exitfirst", "--quiet", "--tb=no", "--assert=plain", "-pno:cacheprovider",
    "-pno:unraisableexception",  # it collects all garbage again and again
)  # fmt: skip
SLOW = (
    "numpy", "scipy.stats", "autograd.scipy", "torch", "jax", "sympy", "mpmath",
    "matplotlib.pyplot",
)  # fmt: skip


class Outcome(NamedTuple):
    """What became of a mutant."""

    verdict: str  # killed, survived, endless or broken (there was nothing to run)
    by: str  # the test that failed first
    error: str  # how it failed
    seconds: float  # of the processor
    durations: dict  # of every test that passed


class FromMemory(importlib.abc.SourceLoader, importlib.abc.MetaPathFinder):
    """Imports one module from a text; all others as ever."""

    def __init__(self, module, path, source):
        self.module, self.path, self.source = module, str(path), source

    def find_spec(self, name, path=None, target=None):
        if name != self.module:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def get_filename(self, name):
        return self.path

    def get_data(self, path):
        return self.source.encode()


class Watch:
    """A plugin that puts promising tests first and remembers which one failed."""

    def __init__(self, name, order):
        self.name, self.order, self.failed, self.error, self.durations = name, order, "", "", {}

    def pytest_collection_modifyitems(self, items):
        order = _tables_first(self.name, [item.nodeid for item in items])
        if order.keys() <= self.order.keys():
            order = self.order
        items.sort(key=lambda item: order[item.nodeid])

    def pytest_exception_interact(self, call, report):
        if not self.failed:
            self.failed, error = report.nodeid, call.excinfo.value
            while isinstance(error, BaseExceptionGroup):  # what Hypothesis found, in detail
                error = error.exceptions[0]
            self.error = _told(error)

    def pytest_runtest_logreport(self, report):
        if report.when == "call":
            self.durations[report.nodeid] = report.duration


def _told(error):
    return "".join(traceback.format_exception_only(error))[:400].strip()


def _tables_first(name, tests):
    """File by file, a target's own rows first, then the tests with the most: a row is quick."""
    files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
    rows = Counter(test.partition("[")[0] for test in tests)
    return {
        t: (files.index(t.partition("::")[0]), f"[{name}." not in t, -rows[t.partition("[")[0]])
        for t in tests
    }


def prepare():
    """Import what is slow to import and not ours, once for all trials."""
    warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
    for name in SLOW:
        importlib.import_module(name)
    _calm_hypothesis()
    gc.freeze()  # else the collector of each trial visits all that was imported


def _calm_hypothesis():
    """The same examples every time; the first failure suffices, and slowness is none."""
    from hypothesis import HealthCheck, Phase, settings

    settings.register_profile(
        "mutation", derandomize=True, database=None, deadline=None,
        phases=(Phase.explicit, Phase.generate), suppress_health_check=[*HealthCheck],
    )  # fmt: skip
    settings.load_profile("mutation")


def apart(f, *args):
    """The result of a call in a process of its own: what that imports and keeps goes with it."""
    if not FORK:
        return f(*args)
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_sent, args=(f, args, there))
    process.start()
    there.close()
    try:
        result, error = here.recv()
    except EOFError:
        raise RuntimeError(f"{f.__name__} was stopped from outside") from None
    finally:
        process.join()
    if error is not None:
        raise error
    return result


def _sent(f, args, connection):
    try:
        made = f(*args), None
    except Exception as error:
        made = None, error
    connection.send(made)


def warm(target):
    """The outcome of the target's tests without a mutant; trials from here on find its proofs.

    For a process of its own, as trials of other targets must not find the library imported.
    """
    memo.install()
    with contextlib.redirect_stdout(io.StringIO()):
        outcome = _tested(target, target.tests, {})
    for name, module in list(sys.modules.items()):  # the next to import these are the trials
        path = getattr(module, "__file__", None) or ""
        if name.startswith(memo.CHANGING) or path.startswith(str(ROOT / "tests" / "symbolic")):
            del sys.modules[name]
    gc.freeze()
    return outcome


def trial(target, tests, source, order=None, seconds=60):
    """The outcome of tests with ``source`` in the place of the target's file."""
    context = multiprocessing.get_context("fork" if FORK else "spawn")
    here, there = context.Pipe(duplex=False)
    args = target, tests, source, order or {}, seconds, there
    process = context.Process(target=_run, args=args)
    process.start()
    there.close()
    try:
        sent = here.recv() if here.poll(BUSY * seconds) else None
    except EOFError:  # stopped from outside: it ran out of time or memory
        sent = None
    finally:
        process.kill()
        process.join()
    return sent or Outcome("endless", "", "", seconds, {})


def _run(target, tests, source, order, seconds, connection):
    """In a process of its own."""
    with open(os.devnull, "w") as nowhere:
        for stream in (1, 2):
            os.dup2(nowhere.fileno(), stream)
    _limit(seconds)
    _calm_hypothesis()
    sys.meta_path.insert(0, FromMemory(target.module, target.path, source))
    found = memo.refuted(target.module) if target.proves else None
    if found:
        row, error = found
        by = target.tests[row]
        connection.send(Outcome("killed", by, _told(error), time.process_time(), {}))
    else:
        connection.send(_tested(target, tests, order))


def _tested(target, tests, order):
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(ROOT)
    watch = Watch(target.name, order)
    code = pytest.main([*OPTIONS, *tests], plugins=[watch])
    verdicts = {pytest.ExitCode.OK: "survived", pytest.ExitCode.TESTS_FAILED: "killed",
                pytest.ExitCode.INTERRUPTED: "killed", pytest.ExitCode.USAGE_ERROR: "broken",
                pytest.ExitCode.NO_TESTS_COLLECTED: "broken"}  # fmt: skip
    verdict = verdicts.get(code, "killed")
    return Outcome(verdict, watch.failed, watch.error, time.process_time(), watch.durations)


def _limit(seconds):
    try:
        import resource
    except ImportError:  # Windows has the limit by the clock alone
        return
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
