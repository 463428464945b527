"""The independent corpus: every statement is proved, and no wrong variant of it is.

As in the other fuzz tests, the proof is tried on the variants with the probes switched off.
"""

import random

import pytest
from sympy import Idx, Symbol, expand, sympify

from fnnlib.symbolic import Induction, Misuse, Refused, prover
from fnnlib.symbolic.deadline import deadline
from fnnlib.symbolic.prover import _entries, judge, prove

from .literature import BEYOND, STATEMENTS
from .literature.sequences import Always
from .mutants import differ, mutants

PROVED = [name for name in STATEMENTS if name not in BEYOND]
SAMPLE = 5  # variants of one statement
SECONDS = 5  # a proof attempt that takes longer has not succeeded


def claimed(name):
    """The verdict on a statement."""
    said = STATEMENTS[name]()
    return Induction(name, *said) if isinstance(said, Always) else judge(*said)


def test_there_are_enough():
    assert len(PROVED) >= 100 and set(BEYOND) < set(STATEMENTS)


@pytest.mark.parametrize("name", PROVED)
def test_is_proved(name):
    assert claimed(name).status == "proved"


@pytest.mark.parametrize("name", BEYOND)
def test_is_beyond(name):
    status, _ = BEYOND[name]
    try:
        assert claimed(name).status == status
    except Refused as refusal:  # an induction that is not proved is none
        assert f"holds at every probe, but was only {status}" in str(refusal)


@pytest.mark.parametrize("name", PROVED)
def test_no_wrong_variant_is_proved(name, monkeypatch):
    monkeypatch.setattr(prover, "simplify", lambda e: e)  # slow, and never a proof
    said, wrong = STATEMENTS[name](), 0
    for variant, equations in (of_induction if isinstance(said, Always) else of_pair)(*said):
        if any(differs(*equation) for equation in equations):
            wrong += 1
            assert not all(is_proved(*equation) for equation in equations), variant
    assert wrong, "the fuzz produced no wrong variant"


def sample(e):
    variants = sorted(set(mutants(e)), key=str)
    return random.Random(0).sample(variants, min(SAMPLE, len(variants)))


def of_pair(left, right):
    """Every variant with the one equation that it claims."""
    kept, changed = (left, right) if sample(right) else (right, left)
    for variant in sample(changed):
        yield variant, [(kept, variant, ())]


def of_induction(left, right, over, using):
    """Every variant with the two equations that would prove it: the base and the step."""
    first, last = map(sympify, over)
    s = Idx(Symbol("s", integer=True), (first, last - 1))
    start = [u.array.unroll(first) for u in using(s)
             if u.array.value is not None and expand(u.array.start - first) == 0]
    for variant in sample(right(s)):
        at_first, after = variant.xreplace({s: first}), variant.xreplace({s: s + 1})
        yield variant, [
            (left(first), at_first, start), (left(s + 1) - left(s), after - variant, using(s)),
        ]


def differs(a, b, using):
    try:
        return differ(a, b, using)
    except (Misuse, AttributeError):  # refused for its shape or its indices
        return True


def is_proved(a, b, using):
    try:
        with deadline(SECONDS):
            return prove(*_entries(a, b), using)[0] == "proved"
    except (TimeoutError, Misuse, AttributeError):
        return False
