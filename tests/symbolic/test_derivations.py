"""Every network's derivations: proved, compared with the library, and wrong variants refused."""

import random
from functools import cache

import pytest

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


def _last_step(made):
    if isinstance(made, Derivation):
        return made.rows[-2].expr, made.last, made.rows[-1].using
    return made.left, made.right, (made,)
