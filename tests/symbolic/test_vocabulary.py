import itertools

import pytest
from sympy import Abs, Dummy, Sum, sign
from sympy.core.function import ArgumentIndexError

from fnnlib.symbolic import (
    D,
    Misuse,
    Piecewise,
    array,
    define,
    delta,
    elementwise,
    function,
    index,
    matrix,
    prime,
    recursive,
    scalar,
    size,
    tanh,
    total,
    vocabulary,
)
from fnnlib.symbolic.shapes import entry
from fnnlib.symbolic.vocabulary import Partial, axis, is_size, recursive_arrays, unfold

n, m = size("n m")
x, W, z = array("x", n), array("W", n, m), scalar("z")


def test_a_total_cannot_capture_an_outer_index():
    j = index("j", n)
    inner = total(lambda j: x[j], n)  # the same letter, another index
    assert (x[j] * inner).free_symbols >= {j}
    assert all(isinstance(k, Dummy) for k, *_ in inner.limits)
    nested = total(lambda k: x[k] * total(lambda k: x[k], n), n)
    outer, = (s for s in nested.atoms(Sum) if s.function.has(Sum))
    assert len(nested.atoms(Dummy)) == 2 and outer.limits[0][0] != outer.function.args[-1]


def test_the_indices_of_a_total():
    e = total(lambda t, _: W[t, _], n, m)
    (inner, *_), (outer, *_) = e.limits
    assert (outer.name, inner.name) == ("t", "k") and outer.is_integer and inner.is_integer
    assert total(lambda k: delta(k, 0) * x[k], n) != 0


def test_scalars_and_sizes_are_what_they_are_called():
    assert scalar("z").is_real and size("k").is_positive and size("k").is_integer


def test_which_ranges_are_those_of_a_size():
    assert all(is_size(axis(size)) for size in (n, n - 1, n + m - 2, (0, n - 1)))
    for other in (1, 3, (0, n), (0, n + 1), (1, n), (1, n - 1), (n, n - 1), (2, 1), 0):
        assert not is_size(axis(other))


def test_two_definitions_under_one_name_are_two_arrays():
    p, q = (define("p", lambda i, c=c: c * x[i], n) for c in (1, 2))
    assert p != q and p[0] != q[0]
    assert p == p and hash(p) == hash(p)
    assert array("a", n) == array("a", n) != array("a", m)


def test_a_definition_is_no_free_array(monkeypatch):
    monkeypatch.setattr(vocabulary, "_serial", itertools.count())
    for p in (define("p", lambda i: x[i], n), define("p", lambda i: x[i], n)):
        assert p != array("p", n) and p[0] != array("p", n)[0]


def test_everything_is_real():
    q, two = define("q", z), define("two", 2)
    assert (q.value, two.value) == (z, 2)
    assert all(e.is_real for e in (z, x[0], q, D(z**2, z), function("phi")(z)))
    assert array("late", (1, n)).shape == (n,) and array("W", (2, n), m).shape == (n - 1, m)
    assert all(e.is_commutative for e in (D(z**2, z), function("phi")(z)))


def test_a_rule_is_written_out_for_whole_numbers():
    p = define("p", lambda i: delta(i, 1) * x[i], n)
    assert p.body(1) == x[1] and p.body(0) == 0
    h = recursive("h", (0, n), start=0, value=3, rule=lambda t: 2 * h[t - 1])
    assert h.body(0) == 3 and h.body(2) == 2 * h[1]


def test_the_names_of_derivatives():
    phi, (u, v) = function("phi"), scalar("u v")
    assert str(phi(z).diff(z, 2)) == "phi''(z)" and str(prime(phi)(z)) == "phi'(z)"
    F = function("F", tex="F_0")
    assert str(F(u, v).diff(v)) == "F_2(u, v)" and str(F(u, v).diff(u)) == "F'(u, v)"
    assert F(u, v).diff(v).tex == "F_0" and phi(z).tex == r"\operatorname{phi}"
    with pytest.raises(ArgumentIndexError):
        F(u, v).fdiff(3)
    with pytest.raises(ArgumentIndexError):
        F(u, v).fdiff(0)
    G = function("G", lambda a, b: a**2 * b**3)
    assert unfold(G(u, v).diff(v)) == 3 * u**2 * v**2 and unfold(G(u, v).diff(u)) == 2 * u * v**3


def test_the_derivative_of_a_named_function_is_one_object():
    phi = function("phi")
    assert phi(z).diff(z) == prime(phi)(z)
    assert phi(2 * z).diff(z) == 2 * prime(phi)(2 * z)
    F, (u, v) = function("F"), scalar("u v")
    first, second = F(u, v).diff(u), F(u, v).diff(v)
    assert F(z, 3 * z).diff(z) == (first + 3 * second).xreplace({u: z, v: 3 * z})


def test_a_derivative_waits_for_the_definitions():
    p = define("p", lambda i: x[i] ** 2, n)
    i, j = index("i j", n)
    assert isinstance(D(p[i], x[j]), Partial)
    assert D(p[i], x[j]) != 0


def test_a_definition_keeps_what_it_meant_at_its_first_use():
    data = array("first", n)
    p = define("p", lambda i: 2 * data[i], n)
    before = p.body(0)
    data = array("second", n)
    assert p.body(0) == before and data[0] not in p.body(0).args


def test_recursive_arrays_are_found_through_definitions():
    T = size("T")
    h = recursive("h", (0, T), start=0, value=1, rule=lambda t: tanh(h[t - 1]))
    L = define("L", total(lambda t: h[t], (1, T)))
    other = recursive("g", (0, T), start=0, value=1, rule=lambda t: h[t])
    through = define("p", lambda i: other[i], n)
    assert recursive_arrays(L) == {h}
    assert recursive_arrays(through[0]) == recursive_arrays(h[0] + other[0]) == {h, other}
    assert recursive_arrays(x[0]) == set()


MISUSE = [
    (lambda: size(3), "names must be a string"),
    (lambda: size(""), "names must be a string"),
    (lambda: index("i", scalar("r")), "an axis is an integer size"),
    (lambda: index("i", (1, 2, 3)), r"a pair \(first, last\)"),
    (lambda: array("a"), "at least one axis"),
    (lambda: W[0], "W has 2 axes, got 1"),
    (lambda: x[0, 1], "x has 1 axes, got 2"),
    (lambda: total(lambda i, j: x[i], n), "takes 2 indices, but 1 axes"),
    (lambda: total(lambda: 1, n), "takes 0 indices, but 1 axes"),
    (lambda: define("p", lambda i: x[i]), "its axes must follow"),
    (lambda: D(matrix(W), z), "a matrix has no single derivative"),
    (lambda: D(z, define("q", z**2)), "is defined by other quantities"),
    (lambda: D(z, define("p", lambda i: x[i], n)[0]), "is defined by other quantities"),
    (lambda: D(z, z + 1), "cannot differentiate with respect to"),
    (lambda: matrix(W, 0, 0), "leave one or two axes"),
    (lambda: matrix(z), "leave one or two axes"),
    (lambda: matrix(array("A", n, n, n)), "leave one or two axes"),
    (lambda: x.unroll(1), "no recurrence"),
]


@pytest.mark.parametrize("call, message", MISUSE)
def test_misuse_is_explained(call, message):
    with pytest.raises(Misuse, match=message):
        call()


def test_a_symbolic_array_is_not_iterated():
    with pytest.raises(TypeError):
        list(x)


def test_a_meaning_is_of_real_numbers():
    """Complex ones would put the derivative of a modulus into real and imaginary parts."""
    size_of = function("g", lambda u: Abs(u) * u)
    assert unfold(prime(size_of)(z)) == z * sign(z) + Abs(z)


def test_entries_of_a_step_of_an_array():
    T, n, m = size("T n m")
    rows, b, W = array("R", T, n), array("b", n), array("W", T, n, m)
    t, i, j = index("t", T), index("i", n), index("j", m)
    assert matrix(rows, t)[0, i] == rows[t, i] and matrix(b)[0, i] == b[i]
    assert matrix(W, t)[i, j] == W[t, i, j] and matrix(rows)[t, i] == rows[t, i]


def test_elementwise_takes_named_functions_and_lambdas():
    phi = function("phi")
    i, j = index("i", n), index("j", m)
    for f in (phi, lambda u: 1 - u**2, lambda u: Piecewise((u, u > 0), (0, True))):
        of_matrix = elementwise(f, matrix(W))
        assert of_matrix.shape == (n, m) and entry(of_matrix, i, j) == f(W[i, j])


def test_a_sum_has_the_free_symbols_that_it_has_in_sympy():
    z, i = array("z", n, m), index("i", n)
    sums = [
        total(lambda k: z[i, k], m),
        total(lambda k: z[k, 0] * scalar("w"), (size("a"), size("c"))),
        total(lambda j, k: z[j, k], n, m),
        total(lambda j: total(lambda k: z[j, k], (0, j)), n),
    ]
    for e in sums:
        assert e.free_symbols == Sum(e.function, *e.limits).free_symbols
