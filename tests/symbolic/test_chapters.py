"""Every step of every chapter, changed in one place: none may pass as proved unless it is true."""

import random

import mpmath as mp
import pytest

from fnnlib.symbolic import Misuse, Refused
from fnnlib.symbolic.probe import Probe, Unusable
from fnnlib.symbolic.prover import _entries, judge

from .chapters import NOTEBOOKS, derivations
from .mutants import mutants

CHANGES = 3  # tried per step; the sample moves with the name of the derivation


def is_true(a, b, using):
    """Whether other probes, which the prover has not seen, cannot tell the two apart."""
    follow = {u.array for u in using if hasattr(u, "at")}
    follow = follow.union(*[u.follow for u in using if hasattr(u, "follow")])
    a, b = _entries(a, b)
    with mp.workdps(150):
        for seed in range(7000, 7040):
            probe = Probe(seed, follow)
            try:
                x, y = probe(a), probe(b)
            except (Unusable, ZeroDivisionError, ValueError):
                continue
            if abs(x - y) > mp.mpf(10) ** -20 * (1 + abs(x)):
                return False
    return True


def changed_steps(path):
    for d in derivations(path):
        for n, (before, row) in enumerate(zip(d.rows, d.rows[1:], strict=False), start=1):
            if row.verdict.method == "by cases":
                continue
            variants = sorted(set(mutants(row.expr)), key=str)
            draw = random.Random(f"{d.name} {n}")
            for variant in draw.sample(variants, min(CHANGES, len(variants))):
                yield f"{d.name}, step {n}: {variant}", before.expr, variant, row.using


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_no_changed_step_is_proved_unless_it_is_true(path):
    refused = tried = 0
    for name, before, variant, using in changed_steps(path):
        tried += 1
        try:
            verdict = judge(before, variant, using)
        except (Refused, Misuse, ValueError, AttributeError):
            refused += 1
            continue
        assert verdict.status != "proved" or is_true(before, variant, using), name
    assert tried >= 20 and refused > 0.8 * tried
