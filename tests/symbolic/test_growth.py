"""The two ways to write a gradient agree in value, and grow as the chapter says."""

import random
from itertools import pairwise

import pytest
from sympy import Symbol, diff, lambdify, tanh

from fnnlib.symbolic.growth import closed_form, nodes, staged


def value(formula, known):
    names = sorted(formula.free_symbols, key=str)
    return lambdify(names, formula, "math")(*[known[name] for name in names])


@pytest.mark.parametrize("T, n", [(1, 1), (3, 2), (4, 2)])
def test_the_program_computes_the_closed_form(T, n):
    gradient = closed_form(T, n)
    program, names = staged(T, n)
    draw = random.Random(0)
    symbols = set().union(*[f.free_symbols for f in gradient.values()])
    known = {s: draw.uniform(-1, 1) for s in sorted(symbols, key=str)}
    for name, line in program:
        known[name] = value(line, known)
    assert gradient.keys() == names.keys()
    for p, formula in gradient.items():
        assert known[names[p]] == pytest.approx(value(formula, known), rel=1e-12)


def test_every_line_uses_only_names_above_it():
    program, _ = staged(3)
    made = {name for name, _ in program}
    seen = set()
    for name, line in program:
        assert line.free_symbols & made <= seen
        assert name not in seen
        seen.add(name)


def test_the_closed_form_more_than_doubles_and_the_program_grows_evenly():
    closed = [nodes(*closed_form(T).values()) for T in range(1, 7)]
    lines = [nodes(*[line for _, line in staged(T)[0]]) for T in range(2, 7)]
    assert all(later > 2 * earlier for earlier, later in pairwise(closed))
    assert len({later - earlier for earlier, later in pairwise(lines)}) == 1


def test_nodes_counts_a_shared_part_every_time():
    u = Symbol("u")
    assert nodes(tanh(u)) == 2
    assert nodes(tanh(u), diff(u**2, u)) == 2 + 3
    assert nodes(tanh(u) * (1 + tanh(u))) == 1 + 2 + 4
