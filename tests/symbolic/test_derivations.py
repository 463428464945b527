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

MODULES = {module.__name__.rpartition(".")[2]: module for module in derivations.modules()}
SAMPLE = 4  # wrong variants of one statement

# What is not proved, with its status and the reason.
UNPROVED = {}


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


# Checks that a module makes itself, and what of the library they rest on.
OWN = [
    ("feedback", "_implicit_check", feedback, "fixed_point_backward"),
    ("gru", "_convention_check", gru, "other_convention"),
    ("init", "_all_signs_check", dense, "forward"),
    ("init", "_limit_check", init, "uniform"),
    ("init", "_limit_check", init, "xavier"),
    ("init", "_orthogonal_check", init, "orthogonal"),
    ("init", "_zeros_check", init, "zeros"),
    ("optim", "_adamw_check", optim, "adamw"),
    ("optim", "_bias_check", optim, "adam"),
    ("optim", "_clip_check", optim, "clip_by_global_norm"),
    ("optim", "_descent_check", optim, "sgd"),
    ("optim", "_nesterov_check", optim, "nesterov"),
    ("optim", "_schedule_checks", optim, "cosine"),
    ("optim", "_schedule_checks", optim, "warm_up"),
    ("optim", "_sum_checks", optim, "adam"),
    ("optim", "_sum_checks", optim, "rmsprop"),
    ("optim", "_sum_checks", optim, "sgd"),
    ("regularise", "_frozen_check", regularise, "freeze"),
]


def test_every_check_of_a_module_of_its_own_is_tried():
    ends = "_check", "_checks"
    found = {(n, made) for n, m in MODULES.items() for made in vars(m) if made.endswith(ends)}
    assert found == {(name, made) for name, made, *_ in OWN}


@pytest.mark.parametrize("name, made, library, function", OWN)
def test_a_wrong_result_of_the_library_fails_its_check(
    name, made, library, function, monkeypatch
):
    right, calls = getattr(library, function), []

    def counted(*args, **kwargs):
        calls.append(function)
        found = right(*args, **kwargs)
        return _spoilt(found) if len(calls) == last else found

    monkeypatch.setattr(library, function, counted)
    last = None
    getattr(MODULES[name], made)()
    last = len(calls)
    calls.clear()
    with pytest.raises(CheckFailed):
        getattr(MODULES[name], made)()


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
