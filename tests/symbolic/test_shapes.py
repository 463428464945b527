import pytest
from sympy import Sum, Symbol

from fnnlib.symbolic import Misuse, array, hadamard, index, matrix, recursive, size, total
from fnnlib.symbolic.shapes import check_indices, check_shapes, check_unrolled, entry

n, m, T = size("n m T")
A, B, v = (matrix(array(*a)) for a in (("A", n, m), ("B", m, n), ("v", n)))
W, x = array("W", n, m), array("x", (1, T), n)


@pytest.mark.parametrize("e", [lambda: A * A, lambda: A + B.T * B, lambda: hadamard(A, B),
                               lambda: v * B, lambda: A * B.T])
def test_shapes_that_do_not_fit(e):
    with pytest.raises((Misuse, ValueError)):
        check_shapes(e())


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


def test_a_bound_index_with_a_name_is_refused():
    k = Symbol("k", integer=True)
    with pytest.raises(Misuse, match="write it with total"):
        check_indices(Sum(W[k, 0], (k, 0, n - 1)))


def test_entries_are_sums_in_index_notation():
    i, j = index("i j", n)
    product = entry(A * B, i, j)
    assert isinstance(product, Sum) and product.limits[0][1:] == (0, m - 1)
    assert entry(A.T, 0, i) == entry(A, i, 0)


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
