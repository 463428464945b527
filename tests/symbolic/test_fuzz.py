"""Mutation fuzz: no wrong variant of a true statement is ever proved.

The symbolic proof is tried on every variant, also where a probe would refuse it at once, so
that the normal form has to be right on its own. Variants that happen to be true are found by
probes with other seeds, sizes and precision than the prover uses.
"""

import random

import pytest

from fnnlib.symbolic import Misuse, prover
from fnnlib.symbolic.deadline import deadline
from fnnlib.symbolic.prover import _entries, prove

from .corpus import claims
from .mutants import differ, mutants

CLAIMS = claims()
SAMPLE = 6  # variants of one statement; larger statements have hundreds
SECONDS = 5  # a proof attempt that takes longer has not succeeded


def is_proved(a, b):
    try:
        with deadline(SECONDS):
            return prove(a, b)[0] == "proved"
    except TimeoutError:
        return False


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.name)
def test_no_wrong_variant_is_proved(claim, monkeypatch):
    monkeypatch.setattr(prover, "simplify", lambda e: e)  # slow, and never a proof
    variants = sorted(set(mutants(claim.right)), key=str)
    chosen = random.Random(0).sample(variants, min(SAMPLE, len(variants)))
    wrong = 0
    for variant in chosen:
        try:
            a, b = _entries(claim.left, variant)
        except (Misuse, AttributeError):
            wrong += 1  # refused for its shape
            continue
        if differ(a, b):
            wrong += 1
            assert not is_proved(a, b), f"{claim.name}: {variant} was proved"
    assert wrong, "the fuzz produced no wrong variant"
