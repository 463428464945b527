"""Every step of every chapter, changed in one place: none may pass as proved unless it is true."""

import random

import pytest

from fnnlib.symbolic import Misuse, Refused
from fnnlib.symbolic.prover import judge

from .chapters import NOTEBOOKS, derivations
from .mutants import differ, mutants

CHANGES = 3  # tried per step; the sample moves with the name of the derivation


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
        assert verdict.status != "proved" or not differ(before, variant, using), name
    assert tried >= 20 and refused > 0.8 * tried
