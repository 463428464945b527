import pytest
from sympy import (
    Dummy,
    HadamardProduct,
    IndexedBase,
    Inverse,
    MatAdd,
    MatPow,
    S,
    Sum,
    Symbol,
)

from fnnlib.symbolic import (
    Misuse,
    array,
    define,
    hadamard,
    index,
    matrix,
    recursive,
    size,
    total,
)
from fnnlib.symbolic.normal import normal_form
from fnnlib.symbolic.shapes import (
    check_definitions,
    check_indices,
    check_shapes,
    check_unrolled,
    entry,
)

n, m, T = size("n m T")
A, B, v = (matrix(array(*a)) for a in (("A", n, m), ("B", m, n), ("v", n)))
W, x = array("W", n, m), array("x", (1, T), n)


@pytest.mark.parametrize("e", [lambda: A * A, lambda: A + B.T * B, lambda: hadamard(A, B),
                               lambda: v * B, lambda: A * B.T])
def test_shapes_that_do_not_fit(e):
    with pytest.raises((Misuse, ValueError)):
        check_shapes(e())


@pytest.mark.parametrize("wrong", range(3))
@pytest.mark.parametrize("kind", [MatAdd, HadamardProduct])
def test_every_term_and_factor_has_the_shape_of_the_first(kind, wrong):
    terms = [matrix(array(name, n, m)) for name in "CDE"]
    terms[wrong] = B
    with pytest.raises(Misuse, match="shapes do not fit"):
        check_shapes(kind(*terms, evaluate=False))


def test_the_message_names_both_shapes():
    C, D = (matrix(array(name, n, m)) for name in "CD")
    with pytest.raises(Misuse, match=r"Mat\(C\) is \(n, m\), Mat\(B\) is \(m, n\)"):
        check_shapes(HadamardProduct(C, D, B, evaluate=False))
    with pytest.raises(Misuse, match=r"Mat\(v\) is \(1, n\), Mat\(B\) is \(m, n\)"):
        check_shapes(v * B)


def test_shapes_that_fit():
    for e in (A * B, v * A, A + B.T, hadamard(A, B.T), A.T * A):
        check_shapes(e)


def test_an_index_stays_on_its_axis():
    i, j, t = index("i", n), index("j", m), index("t", (1, T))
    for good in (W[i, j], x[t, i], x[1, i], x[T, i], total(lambda t: x[t, i], (1, T))):
        check_indices(good)
    for bad in (W[j, i], x[t - 1, i], x[t + 1, i], x[0, i], total(lambda k: x[T, k], m),
                total(lambda t: x[t, i], (0, T))):
        with pytest.raises(Misuse, match="runs over"):
            check_indices(bad)


def test_literal_indices_count_from_zero():
    short = array("s", (0, T - 2))
    for good in (W[0, 1], W[7, 0], short[0], short[3]):  # the probes see to small sizes
        check_indices(good)
    for bad in (W[-1, 0], x[5, 0], short[-1]):
        with pytest.raises(Misuse, match="runs over"):
            check_indices(bad)
    check_indices(IndexedBase("other")[0])  # not an array of ours: no axes


def test_the_message_names_both_ranges():
    t = index("t", (1, T))
    with pytest.raises(Misuse, match=r"runs over 2\.\.T \+ 1, the axis over 1\.\.T"):
        check_indices(x[t + 1, 0])


def grows(start, shift, over=(0, T)):
    """A recurrence that reads its neighbour ``shift`` steps away."""
    h = recursive("h", over, start=start, rule=lambda t: h[t + shift] + 1)
    return h[T]


GOOD = [
    lambda: define("p", lambda k, j: W[k, j], n, m)[0, 0],
    lambda: define("q", total(lambda k, j: W[k, j], n, m)),
    lambda: grows(0, -1), lambda: grows(T, 1), lambda: grows(None, 0),
    lambda: grows(1, -1, (1, T)), lambda: grows(T, 1, (1, T)),
]  # fmt: skip
BAD = [
    lambda: define("p", lambda k, j: W[j, k], n, m)[0, 0],
    lambda: define("q", total(lambda k, j: W[j, k], n, m)),
    lambda: define("r", define("q", total(lambda k, j: W[j, k], n, m)) ** 2),
    lambda: grows(0, 1), lambda: grows(T, -1), lambda: grows(None, -1), lambda: grows(None, 1),
    lambda: grows(0, -2), lambda: grows(T, 2), lambda: grows(0, -2, (0, T + 1)),
]  # fmt: skip


@pytest.mark.parametrize("made", GOOD)
def test_an_index_in_a_definition_that_stays_on_its_axis(made):
    check_definitions(made())


@pytest.mark.parametrize("made", BAD)
def test_an_index_in_a_definition_that_may_leave_its_axis(made):
    with pytest.raises(Misuse, match="in the definition of .: index"):
        check_definitions(made())


def test_a_bound_index_with_a_name_is_refused():
    k = Symbol("k", integer=True)
    with pytest.raises(Misuse, match="write it with total"):
        check_indices(Sum(W[k, 0], (k, 0, n - 1)))


def test_entries_are_sums_in_index_notation():
    i, j = index("i j", n)
    product = entry(A * B, i, j)
    assert isinstance(product, Sum) and product.limits[0][1:] == (0, m - 1)
    assert entry(A.T, 0, i) == entry(A, i, 0)


def test_powers_of_a_matrix_are_products():
    square, (i, j) = array("Q", n, n), index("i j", n)
    Q = matrix(square)
    two = total(lambda k: square[i, k] * square[k, j], n)
    three = total(lambda k, q: square[i, k] * square[k, q] * square[q, j], n, n)
    assert normal_form(entry(MatPow(Q, 2), i, j) - two) == 0
    assert normal_form(entry(MatPow(Q, 3), i, j) - three) == 0
    for power in (MatPow(Q, n), Inverse(Q), MatPow(Q, 0)):  # these stay as they are
        assert entry(power, i, j) == power._entry(i, j) and not entry(power, i, j).has(Sum)


def test_an_axis_of_one_is_not_summed():
    i, j = index("i", n), index("j", m)
    w, base = matrix(array("w", m)), array("v", n)
    outer = entry(v.T * w, i, j)
    assert outer == base[i] * array("w", m)[j]
    through = entry(A * w.T, i, S.Zero)
    assert through.limits[0][1:] == (0, m - 1)
    assert normal_form(through - total(lambda k: A.base[i, k] * w.base[k], m)) == 0
    assert all(k.is_integer for k in through.atoms(Dummy))


def test_a_recurrence_is_not_unrolled_where_it_may_not_hold():
    h = recursive("h", (0, T), start=0, rule=lambda t: h[t - 1])
    r = recursive("r", (0, T), start=T, value=0, rule=lambda t: r[t + 1])
    s = index("s", (0, T - 1))
    check_unrolled(h.unroll(s + 1))
    check_unrolled(r.unroll(s))
    check_unrolled(r.unroll(T))
    for bad in (h.unroll(s), h.unroll(T + 1), h.unroll(0), r.unroll(s + 1), r.unroll(s - 1)):
        with pytest.raises(Misuse, match="cannot be unrolled"):
            check_unrolled(bad)
