"""Which source is changed, and which tests have to notice."""

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Target(NamedTuple):
    """A module, and what pytest is asked to run for it."""

    name: str
    module: str  # dotted
    path: Path
    tests: tuple  # arguments of pytest, relative to the root
    table: tuple = ()  # the same for a table of all modules: tried where no test of its own fails
    proves: bool = False  # the first two tests ask for its derivations(), and for its checks()


def _target(name, *tests):
    path = ROOT / "fnnlib" / f"{name.replace('.', '/')}.py"
    return Target(name, f"fnnlib.{name}", path, tests)


def _numeric(name, *more):
    files = (f"tests/test_{file}.py" for file in (name, *more))
    target = _target(name, f"fnnlib/{name}.py", *files)
    return target._replace(table=("tests/test_misuse.py",))


def _data(name, *tests):
    name, files = f"data.{name}", (f"tests/test_{file}.py" for file in tests)
    target = _target(name, f"fnnlib/{name.replace('.', '/')}.py", *files)
    return target._replace(table=("tests/test_misuse.py",))


def _derived(name):
    """A module's own rows of the table of all derivations."""
    rows = (
        "everything_is_proved", "the_library_agrees", "no_index_could_run_further",
        "no_entry_is_left_out", "wrong_variants_are_refused",
        "a_wrong_result_of_the_library_fails_its_check",
    )  # fmt: skip
    table = "tests/symbolic/test_derivations.py"
    tests = (f"{table}::test_{row}[{name}]" for row in rows)
    return _target(f"symbolic.derivations.{name}", *tests)._replace(proves=True)


def _prover(name, *more):
    files = (f"tests/symbolic/test_{file}.py" for file in (name, *more))
    return _target(f"symbolic.{name}", f"fnnlib/symbolic/{name}.py", *files)


NUMERIC = [
    _numeric("activations"),
    _numeric("attention"),
    _numeric("autodiff"),
    _target("blas", "fnnlib/blas.py", "tests/test_blas.py"),
    _target("bptt", "fnnlib/bptt.py", "tests/test_buffers.py", "tests/test_rnn.py"),
    _numeric("buffers"),
    _numeric("check"),
    _numeric("classifier"),
    _numeric("conv", "winograd"),
    _data("batches", "data", "datasets"),
    _data("digits", "data"),
    _data("files", "datasets"),
    _data("sentences", "datasets"),
    _data("synthetic", "datasets"),
    _numeric("dense"),
    _numeric("dropout"),
    _numeric("embedding"),
    _numeric("feedback"),
    _numeric("gated_feedback"),
    _numeric("gru", "recurrent", "buffers"),
    _numeric("init"),
    _numeric("io"),
    _numeric("losses"),
    _numeric("lowrank"),
    _numeric("lstm", "recurrent", "buffers"),
    _numeric("optim", "schedules"),
    _numeric("pooling"),
    _numeric("recurrent"),
    _numeric("regularise"),
    _numeric("require"),
    _numeric("rnn", "recurrent", "buffers"),
    _numeric("train", "training"),
    _numeric("tree"),
    _numeric("winograd", "conv"),
]

DERIVATIONS = [
    _derived(path.stem)
    for path in sorted((ROOT / "fnnlib" / "symbolic" / "derivations").glob("*.py"))
    if path.stem != "__init__"
]

PROVER = [
    _prover("binding", "normal", "vocabulary", "prover", "wrong_steps"),
    _prover("cases", "prover"),
    _prover("derivation", "prover"),
    _target(
        "symbolic.evaluate", "fnnlib/symbolic/evaluate.py",
        *(f"tests/symbolic/test_{file}.py" for file in ("probe", "prover", "wrong_steps")),
    ),
    _prover("emit"),
    _prover("hiding", "prover"),
    _prover("induction", "wrong_steps"),
    _prover("lemma", "induction", "derivation"),
    _prover("normal", "prover", "wrong_steps"),
    _prover("probe", "prover", "wrong_steps"),
    _prover("prover", "derivation", "wrong_steps"),
    _prover("shapes", "vocabulary", "prover", "wrong_steps"),
    _prover("vocabulary", "shapes", "prover", "wrong_steps"),
    _prover("agreement"),
]

TARGETS = {target.name: target for target in (*NUMERIC, *DERIVATIONS, *PROVER)}
