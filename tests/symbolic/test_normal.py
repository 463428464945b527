import pytest
from sympy import Sum, cos, sin

from fnnlib.symbolic import array, delta, exp, index, log, scalar, size, softplus, total
from fnnlib.symbolic.normal import (
    aligned,
    by_sines,
    common_start,
    is_positive,
    normal_form,
    shifted,
    written_out,
)
from fnnlib.symbolic.vocabulary import unfold

n, m, T = size("n m T")
x, y, W, q = array("x", n), array("y", n), array("W", n, n), array("q", (0, T))
i, j = index("i j", n)
s = index("s", (1, T - 1))

SAME = [
    ("linearity", total(lambda k: 2 * x[k] + y[k], n),
     2 * total(lambda k: x[k], n) + total(lambda k: y[k], n)),
    ("renaming", total(lambda k: x[k], n), total(lambda anything: x[anything], n)),
    ("Fubini", total(lambda a, b: x[a] * y[b], n, n), total(lambda b, a: x[a] * y[b], n, n)),
    ("product of sums", total(lambda k: x[k], n) * total(lambda k: y[k], n),
     total(lambda a, b: x[a] * y[b], n, n)),
    ("square of a sum", total(lambda k: x[k], n) ** 2, total(lambda a, b: x[a] * x[b], n, n)),
    ("contraction", total(lambda k: delta(k, i) * x[k], n), x[i]),
    ("contraction of two", total(lambda a, b: delta(a, i) * delta(b, j) * W[a, b], n, n), W[i, j]),
    ("contraction out of range", total(lambda t: delta(t, 0) * q[t], (1, T)), 0 * x[0]),
    ("counting", total(lambda k: x[i], n), n * x[i]),
    ("counting time", total(lambda t: x[i], (1, T)), T * x[i]),
    ("peeling the last", total(lambda t: q[t], (1, T)),
     total(lambda t: q[t], (1, T - 1)) + q[T]),
    ("shifted index", total(lambda t: delta(t - 1, s) * q[t], (1, T)), q[s + 1]),
    ("delta moves its index", delta(i, j) * x[j], delta(i, j) * x[i]),
    ("delta is idempotent", delta(i, j) ** 2, delta(i, j)),
    ("trace", total(lambda a, b: delta(a, b) * W[a, b], n, n), total(lambda k: W[k, k], n)),
]

def test_sums_that_meet_only_after_a_shift():
    a, b = total(lambda t: q[t - 1], (1, T)), total(lambda t: q[t], (0, T - 1))
    assert normal_form(a - b) != 0 and shifted(normal_form(a - b)) == 0
    whole, split = total(lambda t: q[t], (0, T)), q[0] + total(lambda t: q[t], (1, T))
    assert normal_form(whole - split) != 0 and common_start(normal_form(whole - split)) == 0
    for e in (a - total(lambda t: q[t], (0, T)), whole - split + q[1], a - split):
        assert shifted(normal_form(e)) != 0 and common_start(normal_form(e)) != 0


def test_sums_over_two_indices_that_run_backwards():
    M, v = array("M", (1, T), n), array("v", (0, T), n)
    ahead = total(lambda t, k: M[t, k] * v[T + 1 - t, k], (1, T), n)
    back = total(lambda k, t: M[T + 1 - t, k] * v[t, k], n, (1, T))
    early = total(lambda k, t: M[T + 1 - t, k] * v[t - 1, k], n, (1, T))
    assert normal_form(ahead - back) != 0 and aligned(normal_form(ahead - back)) == 0
    assert aligned(normal_form(ahead - early)) != 0
    tail = total(lambda t, k: v[t, k], (2, T), n) + total(lambda k: v[1, k], n)
    whole = total(lambda t, k: v[t, k], (1, T), n)
    assert common_start(normal_form(whole - tail)) == 0
    assert common_start(normal_form(whole - tail + v[1, i])) != 0


def test_even_powers_of_cosines():
    z, w = scalar("z w")
    assert by_sines(cos(z) ** 2 + sin(z) ** 2 - 1) == 0
    assert by_sines(cos(z) ** 5 - cos(z) * (1 - sin(z) ** 2) ** 2) == 0
    assert by_sines(cos(z) ** 3 - cos(z) + cos(z) * sin(z) ** 2) == 0
    for e in (cos(z) ** 2 + sin(w) ** 2 - 1, cos(z) ** 2 - sin(z) ** 2 - 1, cos(z) + sin(z) - 1):
        assert by_sines(e) != 0


DIFFERENT = [
    ("contraction where the root may be outside", total(lambda t: delta(t, s) * q[t], (1, T - 2)),
     q[s]),
    ("sum over another size", total(lambda k: x[k], n), total(lambda k: x[k], m)),
    ("counting a range that may be negative", total(lambda t: x[i], (3, T)), (T - 2) * x[i]),
    ("peeling twice from a range that may be empty", total(lambda t: q[t], (2, T - 1)),
     total(lambda t: q[t], (1, T)) - q[1] - q[T]),
    ("exp of a sum", exp(total(lambda k: x[k], n)), total(lambda k: exp(x[k]), n)),
]


@pytest.mark.parametrize("name, a, b", SAME, ids=[c[0] for c in SAME])
def test_identities(name, a, b):
    assert normal_form(a - b) == 0


@pytest.mark.parametrize("name, a, b", DIFFERENT, ids=[c[0] for c in DIFFERENT])
def test_what_is_not_an_identity_stays(name, a, b):
    assert normal_form(a - b) != 0


def test_exp_of_a_sum_does_not_become_a_product():
    e = normal_form(exp(total(lambda k: x[k], n)))
    assert e.has(Sum) and isinstance(e, exp)


def test_positive_means_certainly_positive():
    z = scalar("z")
    assert is_positive(exp(z)) and is_positive(1 + exp(-z)) and is_positive(exp(x[i]))
    assert is_positive(total(lambda k: exp(x[k]), n))
    assert not is_positive(z) and not is_positive(exp(z) - 1)
    assert not is_positive(total(lambda t: exp(q[t]), (1, T - 1)))  # empty when T = 1


def test_logarithms_split_only_where_factors_are_positive():
    z, w = scalar("z w")
    assert normal_form(log(exp(z) / (1 + exp(z))) - z + log(1 + exp(z))) == 0
    assert normal_form(unfold(softplus(z)) - unfold(softplus(-z)) - z) == 0
    assert normal_form(log(z * w) - log(z) - log(w)) != 0
    assert normal_form(log(exp(exp(z) * w))) == exp(z) * w
    one = 1 / (1 + exp(-z))
    assert is_positive(1 - one)
    split = w * log(one) + (1 - w) * log(1 - one)
    assert normal_form(log(one**w * (1 - one) ** (1 - w)) - split) == 0


def test_entries_that_are_shifted_or_run_backwards_meet():
    def zero(a, b):
        return aligned(normal_form(a - b)) == 0

    steps = total(lambda t: q[t] - q[t - 1], (1, T))
    assert zero(steps, q[T] - q[0]) and not zero(steps, q[T] - q[1])
    ahead, back = total(lambda k: x[k], n), total(lambda k: x[n - 1 - k], n)
    assert normal_form(ahead - back) != 0 and zero(ahead, back)
    mixed = total(lambda k: x[k] * y[n - 1 - k], n), total(lambda k: x[n - 1 - k] * y[k], n)
    assert zero(*mixed) and not zero(mixed[0], total(lambda k: x[k] * y[k], n))


def test_sums_over_a_few_numbers_are_written_out():
    assert normal_form(total(lambda t: q[t], (1, 1))) == q[1]
    assert normal_form(total(lambda t: q[t], (1, 0))) == 0
    few = normal_form(total(lambda t: total(lambda k: q[t] * x[k], n), (0, 2)))
    each = total(lambda k: (q[0] + q[1] + q[2]) * x[k], n)
    assert written_out(few) == normal_form(each) != few
    many = normal_form(total(lambda t: q[t], (1, 9)))
    assert written_out(many) == many


def test_a_range_that_may_end_before_it_starts_is_not_split():
    """Where T = 1, a sum over 3..T is empty, and not minus the term at 2."""
    may_be = total(lambda t: q[t], (3, T))
    assert normal_form(may_be).has(Sum)
    for changed in (q[3] + total(lambda t: q[t], (4, T)), q[T] + total(lambda t: q[t], (3, T - 1))):
        e = normal_form(may_be - changed)
        assert all(f(e) != 0 for f in (normal_form, shifted, common_start, aligned, written_out))
    outside = total(lambda t: delta(t, 2) * q[t], (3, T))
    assert normal_form(outside) == 0


def test_powers_split_where_what_is_left_is_no_fraction():
    b = scalar("b")
    step = index("s", (0, T - 1))
    assert normal_form(b ** (step + 1) - b * b**step) == 0
    assert normal_form(b ** (T - step) - b * b ** (T - step - 1)) == 0
    assert normal_form(b**step - b * b ** (step - 1)) != 0  # not so for b = 0 and s = 0
