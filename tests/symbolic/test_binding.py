import pytest
from sympy import Dummy, S, Sum, Symbol

from fnnlib.symbolic import (
    D,
    Misuse,
    array,
    define,
    delta,
    exp,
    index,
    recursive,
    scalar,
    sigmoid,
    size,
    total,
)
from fnnlib.symbolic.binding import bounds, expand_definitions, fresh, is_at_least
from fnnlib.symbolic.normal import normal_form
from fnnlib.symbolic.vocabulary import Total

n, m, T = size("n m T")
x = array("x", n)


def test_fresh_gives_every_sum_its_own_index():
    k = Dummy("k", integer=True)
    one = Sum(x[k], (k, 0, n - 1))
    twice = fresh(one * Sum(x[k] ** 2, (k, 0, n - 1)))
    assert len(twice.atoms(Dummy)) == 2
    assert k not in fresh(one).atoms(Dummy)


def test_fresh_keeps_bounds_and_order():
    a, b, c = (Dummy(name, integer=True) for name in "abc")
    e = Total(array("M", n, n, n)[a, b, c], (a, b, n - 1), (b, 0, c), (c, 1, n - 1))
    renamed = fresh(e)
    old = [k for k, *_ in e.limits]
    new = [k for k, *_ in renamed.limits]
    assert not set(old) & set(new) and all(k.is_integer for k in new)
    assert renamed.xreplace(dict(zip(new, old, strict=True))) == e


def test_bounds_of_an_index_expression():
    t = index("t", (1, T))
    assert bounds(t - 1, {}) == (0, T - 1)
    assert bounds(T - t, {}) == (0, T - 1)
    k = Dummy("k", integer=True)
    s = index("s", (0, T - 1))
    assert bounds(k, {k: (S(1), s + 1)}) == (1, T)
    assert bounds(s - k, {k: (S(0), s)}) == (0, T - 1)
    a = index("a", (1, T))  # the outer index comes first by its name
    assert bounds(k - a, {k: (a, T)}) == (0, T - 1)
    assert bounds(a - k, {k: (S(1), a)}) == (0, T - 1)
    inner, outer = Dummy("z", integer=True), Dummy("a", integer=True)
    assert bounds(inner - outer, {outer: (S(1), T), inner: (outer, T)}) == (0, T - 1)
    assert bounds(outer - inner, {outer: (S(1), T), inner: (S(1), outer)}) == (0, T - 1)
    assert bounds(t * t, {}) == (t * t, t * t)  # not linear: not narrowed
    assert bounds(t * t - 3 * t, {}) == (t * t - 3 * t, t * t - 3 * t)
    i = index("i", m)
    assert bounds(n * s + i, {}) == (0, n * T - n + m - 1)  # a stride is positive
    assert bounds(i - n * s, {}) == (n - n * T, m - 1)
    assert bounds(n * s - m * s, {}) == (n * s - m * s, n * s - m * s)  # of unknown sign
    assert bounds(i * s, {}) == (i * s, i * s)  # as unknown, though no index is negative


def test_order_is_only_claimed_where_it_is_certain():
    assert is_at_least(n - 1, 0, {}) and is_at_least(T, 1, {})
    assert not is_at_least(n, m, {}) and not is_at_least(T - 2, 0, {})
    few = index("k", (0, 5))
    assert is_at_least(few, 0, {}) and not is_at_least(few, 3, {})


def test_definitions_are_expanded_before_a_derivative_is_taken():
    i, j = index("i j", n)
    p = define("p", lambda i: x[i] ** 2, n)
    L = define("L", total(lambda i: p[i], n))
    assert expand_definitions(D(L, x[j])).has(Sum)
    z = scalar("z")
    q = define("q", z**3)
    nested = define("r", 2 * q)
    assert expand_definitions(D(define("s", nested + z), z)) == 6 * z**2 + 1
    assert expand_definitions(D(q, z)) == 3 * z**2


def test_definitions_are_expanded_as_far_as_asked():
    p, q = define("p", lambda i: x[i] ** 2, n), define("q", lambda i: x[i] ** 3, n)
    z = scalar("z")
    assert expand_definitions(p[0] + q[0], only={p}) == x[0] ** 2 + q[0]
    assert expand_definitions(p[0] + q[0]) == x[0] ** 2 + x[0] ** 3
    assert expand_definitions(2 * sigmoid(z)) == 2 * sigmoid(z)
    assert expand_definitions(2 * sigmoid(z), deep=True) == 2 / (1 + exp(-z))
    assert expand_definitions(D(define("none", 0), x[0])) == 0


def test_a_delta_depends_on_indices_alone():
    W, y = array("W", m, n), array("y", n)
    i, j, r = index("i", m), *index("j r", n)
    e = total(lambda k: delta(i, 1) * W[i, k] * y[k] + delta(k, i) * y[k] ** 2, n)
    assert normal_form(expand_definitions(D(e, W[i, j])) - delta(i, 1) * y[j]) == 0
    twice = expand_definitions(D(e, W[r, j]))  # a delta of the two rows appears
    assert normal_form(twice - delta(i, 1) * delta(i, r) * y[j]) == 0


def test_a_recurrence_is_used_only_where_it_was_unrolled():
    h = recursive("h", (0, T), start=0, rule=lambda t: 2 * h[t - 1])
    t = index("t", (1, T))
    assert expand_definitions(h[t]) == h[t]
    assert expand_definitions(h[t], [h.unroll(t)]) == 2 * h[t - 1]
    with pytest.raises(Misuse, match="nothing to unroll"):
        expand_definitions(h[0], [h.unroll(0)])


def test_a_users_symbol_is_never_taken_for_a_bound_one():
    k = Symbol("k", integer=True)
    assert fresh(k * total(lambda k: x[k], n)).free_symbols >= {k}
