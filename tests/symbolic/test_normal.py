import mpmath as mp
import pytest
from sympy import Indexed, Mul, Sum, Symbol, cos, sin, sqrt, tanh

from fnnlib.symbolic import (
    Piecewise,
    array,
    delta,
    exp,
    index,
    log,
    scalar,
    size,
    softplus,
    total,
)
from fnnlib.symbolic.binding import fresh
from fnnlib.symbolic.normal import (
    aligned,
    by_sines,
    common_start,
    is_positive,
    normal_form,
    shifted,
    written_out,
)
from fnnlib.symbolic.probe import DIGITS, TOLERANCE, Probe
from fnnlib.symbolic.prover import prove
from fnnlib.symbolic.vocabulary import unfold

n, m, T = size("n m T")
x, y, W, q = array("x", n), array("y", n), array("W", n, n), array("q", (0, T))
i, j = index("i j", n)
s, first, before = index("s", (1, T - 1)), index("r", (1, T)), index("u", (0, T - 1))
z = scalar("z")
X = total(lambda k: x[k], n)
M = array("M", (0, T), (0, T))


def path(a, b, c, d):
    return W[a, c] * W[b, d] * W[c, d]


def ring(*places):
    """The trace of a power of W, with its indices in this order."""
    def product(*k):
        steps = zip(places, [*places[1:], places[0]], strict=True)
        return Mul(*[W[k[a], k[b]] for a, b in steps])

    over = [n] * len(places)
    return {3: lambda: total(lambda a, b, c: product(a, b, c), *over),
            5: lambda: total(lambda a, b, c, d, e: product(a, b, c, d, e), *over)}[len(places)]()


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
    ("delta moves to an index with a shift", delta(first, s + 1) * q[first],
     delta(first, s + 1) * q[s + 1]),
    ("delta moves to a number", delta(i, 0) * x[i] * X, delta(i, 0) * x[0] * X),
    ("delta of indices apart, above", delta(i + n, j) * x[i], 0 * x[0]),
    ("delta of indices apart, below", delta(i - n, j) * x[i], 0 * x[0]),
    ("contraction of an index that runs ahead", total(lambda t: delta(t, s) * q[t], (s + 1, T)),
     0 * x[0]),
    ("contraction of an index that runs behind", total(lambda t: delta(t, s) * q[t], (0, s - 1)),
     0 * x[0]),
    ("contraction far behind", total(lambda t: delta(t, first) * q[t], (first + 2, T)), 0 * x[0]),
    ("contraction against the sign", total(lambda t: delta(s - t, 0) * q[t], (0, T)), q[s]),
    ("contraction just behind", total(lambda t: delta(t, first) * q[t], (first + 1, T)), 0 * x[0]),
    ("contraction inside a range that may be empty",
     total(lambda t: total(lambda r: delta(r, t) * q[r], (1, T)), (3, T)),
     total(lambda t: q[t], (3, T))),
    ("contraction inside a range that may have no number",
     total(lambda t: total(lambda r: delta(r, t) * q[r], (1, T)), (first + 1, T)),
     total(lambda t: q[t], (first + 1, T))),
    ("Fubini of entries", total(lambda a, b: W[a, b] * x[a], n, n),
     total(lambda b, a: W[a, b] * x[a], n, n)),
    ("a real power under a sum", total(lambda a: 2 * total(lambda b: W[a, b], n) ** z, n),
     2 * total(lambda b: total(lambda a: W[b, a], n) ** z, n)),
    ("one number", total(lambda t: x[i] * q[t], (T, T)), x[i] * q[T]),
    ("no number", total(lambda t: q[t], (3, 1)), 0 * x[0]),
    ("peeling the first", total(lambda t: q[t], (s, T)), q[s] + total(lambda t: q[t], (s + 1, T))),
    ("peeling two", total(lambda t: q[t], (s - 1, T)),
     q[s - 1] + q[s] + total(lambda t: q[t], (s + 1, T))),
    ("peeling under a factor", x[i] * total(lambda t: q[t], (1, T)),
     total(lambda t: x[i] * q[t], (1, T - 1)) + q[T] * x[i]),
    ("exponential of a sum of terms", exp(z + x[i] + X), exp(z) * exp(X) * exp(x[i])),
    ("indices that read alike", total(path, n, n, n, n),
     total(lambda b, d, a, c: path(a, b, c, d), n, n, n, n)),
    ("indices that read alike, exchanged", total(path, n, n, n, n),
     total(lambda d, c, b, a: path(a, b, c, d), n, n, n, n)),
    ("trace of a third power", ring(0, 1, 2), ring(2, 1, 0)),
    ("trace of a fifth power", ring(0, 1, 2, 3, 4), ring(3, 0, 4, 1, 2)),
    ("triangle", total(lambda t: total(lambda k: 2 * M[t, k], (1, t)), (1, T)),
     2 * total(lambda a: total(lambda b: M[a, b], (1, a)), (1, T))),
    ("triangle by columns", total(lambda t: total(lambda k: 2 * M[t, k], (t, T)), (1, T)),
     2 * total(lambda a: total(lambda b: M[a, b], (a, T)), (1, T))),
    ("three levels", total(lambda a: exp(total(lambda b: W[a, b] * exp(
        total(lambda c: W[c, b] * W[c, a], n)), n)), n),
     total(lambda c: exp(total(lambda a: W[c, a] * exp(
        total(lambda b: W[b, c] * W[b, a], n)), n)), n)),
    ("three indices", total(lambda a, b, c: W[a, b] * W[b, c] * W[a, c], n, n, n),
     total(lambda c, a, b: W[a, b] * W[b, c] * W[a, c], n, n, n)),
]


def test_sums_that_meet_only_after_a_shift():
    a, b = total(lambda t: q[t - 1], (1, T)), total(lambda t: q[t], (0, T - 1))
    assert normal_form(a - b) != 0 and shifted(normal_form(a - b)) == 0
    whole, split = total(lambda t: q[t], (0, T)), q[0] + total(lambda t: q[t], (1, T))
    assert normal_form(whole - split) != 0 and common_start(normal_form(whole - split)) == 0
    late = normal_form(total(lambda t: q[t], (s, T)) + whole)
    assert common_start(late) == late
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
    w = scalar("w")
    assert by_sines(cos(z) ** w) == cos(z) ** w
    assert by_sines(cos(z) ** -2 - 1 / (1 - sin(z) ** 2)) == 0
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
    ("contraction where the root may be below", total(lambda t: delta(t, before) * q[t], (1, T)),
     q[before]),
    ("contraction where the range may be empty", total(lambda t: delta(t, T) * q[t], (2, T)),
     q[T]),
    ("contraction of the first", total(lambda t: delta(t, s) * q[t], (s, T - 2)), 0 * x[0]),
    ("contraction of the last", total(lambda t: delta(t, s) * q[t], (2, s)), 0 * x[0]),
    ("contraction of the second", total(lambda t: delta(t, s + 1) * q[t], (s, T - 2)), 0 * x[0]),
    ("contraction of the last but one", total(lambda t: delta(t, s - 1) * q[t], (2, s)),
     0 * x[0]),
    ("contraction of what may be just ahead", total(lambda t: delta(t, s) * q[t], (s, T)),
     0 * x[0]),
    ("contraction of what may be just behind", total(lambda t: delta(t, s) * q[t], (0, s)),
     0 * x[0]),
    ("deltas that touch, above", delta(i + n - 1, j), 0 * x[0]),
    ("deltas that touch, below", delta(i - n + 1, j), 0 * x[0]),
    ("deltas of an index that starts later", delta(before, s), 0 * x[0]),
    ("deltas of an index that starts earlier", delta(s, first), 0 * x[0]),
    ("deltas below zero", delta(index("a", (-3, -1)), index("b", (-3, -1))), 0 * x[0]),
    ("a power of a delta that may be none",
     delta(i, j) ** Symbol("p", integer=True, nonnegative=True), delta(i, j)),
    ("a quotient by a delta", 1 / delta(i, j), delta(i, j)),
    ("a range that may hold one number", total(lambda t: q[t], (T, 1)), 0 * x[0]),
    ("whole indices", total(lambda t: delta(t, T) * q[t], (2, T)), 0 * x[0]),
    ("whole indices of a product", total(
        lambda a: x[a] * total(lambda t: delta(t, T) * array("N", (0, T), n)[t, a], (2, T)), n),
     0 * x[0]),
    ("quotients under a sum", total(lambda a: 1 / total(lambda b: W[a, b], n), n), n + 0 * z),
    ("rows for columns", total(lambda a: exp(total(lambda b: W[a, b], n)), n),
     total(lambda a: exp(total(lambda b: W[b, a], n)), n)),
    ("rows for columns, deep", total(lambda a: exp(total(lambda b: W[a, b] * exp(
        total(lambda c: W[c, b] * W[c, a], n)), n)), n),
     total(lambda a: exp(total(lambda b: W[a, b] * exp(
        total(lambda c: W[c, b] * W[a, c], n)), n)), n)),
    ("lower for upper triangle", total(lambda t: total(lambda k: M[t, k], (1, t)), (1, T)),
     total(lambda t: total(lambda k: M[k, t], (1, t)), (1, T))),
    ("a power that may be negative", z ** (n - m + 1), z * z ** (n - m)),
]


@pytest.mark.parametrize("name, a, b", SAME, ids=[c[0] for c in SAME])
def test_identities(name, a, b):
    assert normal_form(a - b) == 0


@pytest.mark.parametrize("name, a, b", DIFFERENT, ids=[c[0] for c in DIFFERENT])
def test_what_is_not_an_identity_stays(name, a, b):
    assert normal_form(a - b) != 0


def free(e):
    return {v for v in e.free_symbols if not isinstance(v, Indexed)}


@pytest.mark.parametrize("name, a, b", SAME + DIFFERENT, ids=[c[0] for c in SAME + DIFFERENT])
def test_every_form_has_the_value(name, a, b):
    with mp.workdps(DIGITS):
        for e in (a, b):
            once = normal_form(e)
            assert free(once) <= free(e)
            probe = Probe(0, smallest=3)  # a size of three leaves no range empty
            try:
                value = probe(e)
            except ZeroDivisionError:
                continue
            further = normal_form, shifted, common_start, aligned, written_out
            for form in {once, *(f(once) for f in further)}:
                assert abs(probe(fresh(form)) - value) < TOLERANCE * (1 + abs(value))


def test_what_is_formal_may_run_backwards():
    """Peeled, a sum over 2..T runs over 2..T-1: where T = 1, that is minus the term at 1."""
    once = normal_form(total(lambda t: delta(t, first) * q[t], (2, T)))
    assert normal_form(once.xreplace({first: T}) - q[T]) != 0
    assert prove(total(lambda t: delta(t, T) * q[t], (2, T)), q[T])[0] == "probed"


def test_branches_are_left_alone():
    e = Piecewise((delta(i, j) * x[j], z > 0), (0, True))
    assert normal_form(e) == e


def test_exp_of_a_sum_does_not_become_a_product():
    e = normal_form(exp(total(lambda k: x[k], n)))
    assert e.has(Sum) and isinstance(e, exp)


def test_positive_means_certainly_positive():
    w, c, nothing = scalar("w"), Symbol("c"), scalar("o", nonnegative=True)
    grown = 1 + exp(X)

    def part(u):  # positive, which SymPy does not see
        return 1 - 1 / (1 + exp(u))

    for e in (part(z), part(z) * exp(X), part(z) ** w, total(lambda k: part(x[k]), n),
              normal_form(total(lambda a, b: 1 / part(x[a] * x[b]), n, n)),
              exp(X * part(z) ** w), exp(log(part(z)) * X), exp((z + part(z) ** w) ** 2)):
        assert not e.is_positive and is_positive(e), e
    for e in (part(z) - 1, part(z) ** c, exp(X * part(z) ** c), exp(log(z) * part(z) ** w), X,
              total(lambda t: part(q[t]), (1, T - 1)), exp(c * part(z) ** w),
              normal_form(total(lambda t, k: 1 / part(q[t] * x[k]), (1, T - 1), n)),
              normal_form(total(lambda k, t: 1 / part(q[t] * x[k]), n, (1, T - 1)))):
        assert not is_positive(e), e
    for e in (exp(z), 1 + exp(-z), exp(x[i]), exp(X), grown, z**2 * exp(X) + grown, grown**z,
              2 * exp(X) * grown, 1 / grown, exp(z / grown), exp(log(grown) * X), exp(tanh(X)),
              exp(grown**w), total(lambda k: exp(x[k]), n), total(lambda k: grown**x[k], n)):
        assert is_positive(e) or e.has(z**2), e
    for e in (z, exp(z) - 1, nothing, z + z / (1 + exp(z)), z**w, grown * z, X, grown**c, exp(c),
              exp(c * X), exp(sqrt(X)), exp(log(X)), exp(X**z), exp(c**X), exp(sqrt(c) + X),
              total(lambda t: exp(q[t]), (1, T - 1)),  # empty when T = 1
              normal_form(total(lambda t, k: exp(q[t] * x[k]), (1, T - 1), n)),
              normal_form(total(lambda k, t: exp(q[t] * x[k]), n, (1, T - 1)))):
        assert not is_positive(e), e


def test_logarithms_split_only_where_factors_are_positive():
    w, c = scalar("w"), Symbol("c")
    part = 1 - 1 / (1 + exp(-z))
    assert normal_form(log(exp(X))) == normal_form(X)
    assert normal_form(log(exp(X * part**w))) == normal_form(X * part**w)
    assert normal_form(log(part**w) - w * log(part)) == 0
    a, b = 1 + exp(z), 1 + exp(2 * z)
    assert normal_form(log(a / b) + log(b / a)) == normal_form(log(a / b) - log(a) + log(b)) == 0
    assert normal_form(log(exp(z) * w * z) - z - log(w) - log(z)) != 0
    assert normal_form(log((1 + exp(z)) ** c) - c * log(1 + exp(z))) != 0
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
    constant = normal_form(total(lambda t: x[i], (3, T)))
    assert aligned(constant) == constant
    powers = total(lambda t: z ** (T - 1 - t), (0, T - 1)), total(lambda t: z**t, (0, T - 1))
    assert normal_form(powers[0] - powers[1]) != 0 and zero(*powers)
    assert not zero(powers[0], total(lambda t: z**t, (1, T)))
    mixed = total(lambda k: x[k] * y[n - 1 - k], n), total(lambda k: x[n - 1 - k] * y[k], n)
    assert zero(*mixed) and not zero(mixed[0], total(lambda k: x[k] * y[k], n))


def test_sums_over_a_few_numbers_are_written_out():
    assert normal_form(total(lambda t: q[t], (1, 1))) == q[1]
    assert normal_form(total(lambda t: q[t], (1, 0))) == 0
    N = array("N", (0, T), n)
    block = normal_form(total(lambda t, k: N[t, k], (1, 8), n))
    assert len(block.atoms(Sum)) == 1
    rows = total(lambda k: sum(N[t, k] for t in range(1, 9)), n)
    assert written_out(block) == normal_form(rows)
    under = exp(normal_form(total(lambda t: q[t] * exp(total(lambda k: q[k], (0, 1))), (1, 2))))
    assert not written_out(under).has(Sum)
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
    assert normal_form(b ** (step + 2) - b**2 * b**step) == 0
    assert normal_form(b ** (step + 1) - b * b**step) == 0
    assert normal_form(b ** (T - step) - b * b ** (T - step - 1)) == 0
    assert normal_form(b**step - b * b ** (step - 1)) != 0  # not so for b = 0 and s = 0
