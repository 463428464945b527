"""Every network's derivations: proved, compared with the library, and wrong variants refused."""

import random
from functools import cache

import numpy as np
import pytest

from fnnlib import dense, feedback, gru, init, optim, regularise
from fnnlib.check import CheckFailed
from fnnlib.symbolic import Derivation, Refused, derivations
from fnnlib.symbolic.prover import judge

from .mutants import differ, mutants
from .ranges import missing, room

MODULES = {module.__name__.rpartition(".")[2]: module for module in derivations.modules()}
SAMPLE = 4  # wrong variants of one statement

# What is not proved, with its status and the reason.
UNPROVED = {}

# Arrays by some of whose entries nothing is differentiated, with the reason.
UNREAD = {
    "pooling": {"D(Lambda, m)": "the running maximum starts at a number below all entries"},
}


@cache
def derived(name):
    return MODULES[name].derivations()


def test_every_name_is_used_once():
    # An equation's label on the page does not tell capital letters apart.
    names = [made.name.lower() for name in MODULES for made in derived(name)]
    assert len(set(names)) == len(names), sorted({n for n in names if names.count(n) > 1})


@pytest.mark.parametrize("name", MODULES)
def test_everything_is_proved(name):
    found = {made.name: made.status for made in derived(name)}
    assert found and {n: s for n, s in found.items() if s != "proved"} == {
        n: s for n, (s, _) in UNPROVED.items() if n in found
    }


@pytest.mark.parametrize("name", MODULES)
def test_no_index_could_run_further(name):
    assert {made.name: room(made) for made in derived(name) if room(made)} == {}


@pytest.mark.parametrize("name", MODULES)
def test_no_entry_is_left_out(name):
    assert missing(derived(name)).keys() == UNREAD.get(name, {}).keys()


@pytest.mark.parametrize("name", MODULES)
def test_the_library_agrees(name):
    for agreement in MODULES[name].checks():
        assert agreement.record["status"] == "passed", agreement


@pytest.mark.parametrize("name", MODULES)
def test_wrong_variants_are_refused(name):
    for made in derived(name):
        before, last, using = _last_step(made)
        variants = sorted(set(mutants(last)), key=str)
        chosen = random.Random(0).sample(variants, min(SAMPLE, len(variants)))
        refused = 0
        for variant in chosen:
            try:
                status = judge(before, variant, using).status
            except (Refused, AttributeError):
                refused += 1
                continue
            if status == "proved":
                assert not differ(before, variant, using), f"{made.name}: {variant} was proved"
        assert refused, f"{made.name}: no wrong variant among {chosen}"


# Checks that modules make themselves, and what of the library they rest on.
OWN = {
    "feedback": [("_implicit_check", feedback, "fixed_point_backward")],
    "gru": [("_convention_check", gru, "other_convention")],
    "init": [
        ("_all_signs_check", dense, "forward"), ("_limit_check", init, "uniform"),
        ("_limit_check", init, "xavier"), ("_orthogonal_check", init, "orthogonal"),
        ("_zeros_check", init, "zeros"),
    ],
    "optim": [
        ("_adamw_check", optim, "adamw"), ("_bias_check", optim, "adam"),
        ("_clip_check", optim, "clip_by_global_norm"), ("_descent_check", optim, "sgd"),
        ("_nesterov_check", optim, "nesterov"), ("_schedule_checks", optim, "cosine"),
        ("_schedule_checks", optim, "warm_up"), ("_sum_checks", optim, "adam"),
        ("_sum_checks", optim, "rmsprop"), ("_sum_checks", optim, "sgd"),
    ],
    "regularise": [("_frozen_check", regularise, "freeze")],
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_a_wrong_result_of_the_library_fails_its_check(name, monkeypatch):
    module, rows = MODULES[name], OWN.get(name, ())
    found = {made for made in vars(module) if made.endswith(("_check", "_checks"))}
    assert found == {made for made, *_ in rows}
    for made, library, function in rows:
        with monkeypatch.context() as patch:
            calls = _counted(patch, library, function)
            getattr(module, made)()
        with monkeypatch.context() as patch:
            _counted(patch, library, function, wrong=len(calls))
            with pytest.raises(CheckFailed):
                getattr(module, made)()


def _counted(patch, library, function, wrong=None):
    """The calls of a function of the library, one of which has a wrong result."""
    right, calls = getattr(library, function), []

    def counted(*args, **kwargs):
        calls.append(args)
        found = right(*args, **kwargs)
        return _spoilt(found) if len(calls) == wrong else found

    patch.setattr(library, function, counted)
    return calls


def _spoilt(found):
    """The result with an error in one entry of every array."""
    if callable(found):
        return lambda *args: _spoilt(found(*args))
    if isinstance(found, tuple):
        parts = map(_spoilt, found)
        return type(found)(*parts) if hasattr(found, "_fields") else tuple(parts)
    if isinstance(found, np.ndarray):
        error = np.zeros(found.shape)
        error.flat[-1] = 0.01
        return found + error
    return found * 1.01 if isinstance(found, float) else found


def _last_step(made):
    if isinstance(made, Derivation):
        return made.rows[-2].expr, made.last, made.rows[-1].using
    return made.left, made.right, (made,)
