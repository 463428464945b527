import mpmath as mp
import numpy as np
import pytest
from sympy import Abs, Heaviside, Max, Min, Rational, cos, sign, sin

from fnnlib.symbolic import (
    D,
    Misuse,
    Piecewise,
    array,
    define,
    delta,
    exp,
    function,
    index,
    prime,
    recursive,
    relu,
    scalar,
    sigmoid,
    size,
    tanh,
    total,
)
from fnnlib.symbolic.probe import DIGITS, TOLERANCE, Probe, Unusable

n, T = size("n T")
z, w = scalar("z w")


@pytest.fixture(autouse=True)
def precision():
    with mp.workdps(DIGITS):
        yield


def close(a, b):
    return abs(a - b) < TOLERANCE * (1 + abs(b))


def test_a_sum_is_the_sum_of_its_entries():
    probe, x = Probe(1), array("x", n)
    probe.values[n] = 3
    value = probe(total(lambda k: x[k] ** 2, n))
    assert close(value, sum(probe(x[k]) ** 2 for k in range(3)))


def test_a_quotient_is_the_derivative_to_fifty_digits():
    probe = Probe(2)
    assert close(probe(D(exp(z) * cos(z), z)), probe(exp(z) * (cos(z) - sin(z))))
    assert close(probe(D(sigmoid(z), z)), probe(sigmoid(z) * (1 - sigmoid(z))))


def test_a_quotient_goes_through_definitions_and_recurrences():
    w = scalar("w")
    h = recursive("h", (0, T), start=0, value=1, rule=lambda t: tanh(w * h[t - 1]))
    L = define("L", h[T])
    probe = Probe(3, follow={h})
    probe.values[T] = 2
    w0 = probe(w)
    by_hand = mp.diff(lambda v: mp.tanh(v * mp.tanh(v)), w0)
    assert abs(probe(D(L, w)) - by_hand) < mp.mpf(10) ** -40
    free = Probe(3)
    free.values[T] = 2
    assert free(D(L, w)) == 0  # not followed: the state is an independent number
    with pytest.raises(Misuse, match="follows from other entries"):
        probe(D(L, h[T]))


def test_quotients_of_quotients():
    w, x = scalar("w"), array("x", n)
    e = sin(z * w) * x[0] ** 2
    probe = Probe(1)
    mixed = probe(D(D(e, z), w)), probe(D(D(e, x[0]), w) + D(e, z))
    a, b, c = map(probe, (z, w, x[0]))
    expected = ((mp.cos(a * b) - a * b * mp.sin(a * b)) * c**2,
                2 * a * mp.cos(a * b) * c + b * mp.cos(a * b) * c**2)
    assert all(abs(u - v) < mp.mpf(10) ** -20 for u, v in zip(mixed, expected, strict=True))
    assert (probe(z), probe(w), probe(x[0])) == (a, b, c)
    long = array("long", (0, 1000))
    assert close(probe(D(exp(long[900]) * z, long[900])), mp.exp(probe(long[900])) * a)


def test_recurrences_share_their_entries():
    """Without the memo this takes 3**T evaluations and would not come back."""
    w = array("w", n, n)
    h = recursive("h", (0, T), n, start=0,
                  rule=lambda t, i: tanh(total(lambda k: h[t - 1, k] * w[k, i], n)))
    probe = Probe(0, follow={h})
    probe.values.update({T: 30, n: 3})
    assert mp.isfinite(probe(h[T, 0]))


def test_named_functions():
    probe, phi = Probe(4), function("phi")
    a, b = probe(prime(phi)(z)), probe(D(phi(z), z))
    assert abs(a - b) < mp.mpf(10) ** -40
    assert probe(phi(z)) != probe(function("psi")(z))


def test_an_opaque_function_means_what_the_probe_says():
    probe, phi, psi = Probe(4), function("phi"), function("psi")
    x, y = probe(z), probe(w)
    elsewhere = probe(psi(z))
    probe.functions.update(phi=tanh, f=lambda a, b: a**3 * b)
    assert close(probe(phi(z)), mp.tanh(x))
    assert close(probe(prime(phi)(z)), 1 - mp.tanh(x) ** 2)
    assert close(probe(phi(z).diff(z, 2)), -2 * mp.tanh(x) * (1 - mp.tanh(x) ** 2))
    of_two = function("f")(z, w)
    assert close(probe(of_two.diff(z)), 3 * x**2 * y) and close(probe(of_two.diff(w)), x**3)
    assert close(probe(of_two.diff(w, z)), 3 * x**2)
    assert probe(psi(z)) == elsewhere and Probe(4)(phi(z)) != mp.tanh(x)
    bent = Probe(4)
    bent.functions.update(phi=Abs)
    assert bent(prime(phi)(z)) == bent(sign(z))


def test_an_opaque_function_has_no_structure_that_a_proof_may_not_use():
    probe, phi, f = Probe(4), function("phi"), function("f")
    pairs = [
        (phi(-z), phi(z)), (phi(-z), -phi(z)), (phi(2 * z), 2 * phi(z)), (phi(2 * z), 4 * phi(z)),
        (phi(z).diff(z, 3) * phi(z), phi(z).diff(z) * phi(z).diff(z, 2)),  # as for a sine
        (f(z, w), f(w, z)), (f(z, w), f(-z, -w)),
    ]  # fmt: skip
    assert all(abs(probe(a) - probe(b)) > 1e-6 for a, b in pairs)


def test_opaque_functions_of_two_arguments():
    probe, of_two = Probe(4), function("g")(z, w)
    for v in (z, w):
        a, b = probe(of_two.diff(v)), probe(D(of_two, v))
        assert abs(a - b) < mp.mpf(10) ** -40 and a != 0


def test_numbers_and_functions_with_a_kink():
    probe = Probe(4)
    x = probe(z)
    assert probe(Rational(2, 3)) == mp.mpf(2) / 3
    assert probe(Max(z, w)) == max(x, probe(w)) and probe(Abs(z)) == abs(x)
    assert probe(Min(z, w)) == min(x, probe(w)) and probe(sign(z)) == (1 if x > 0 else -1)
    assert [probe(Heaviside(u)) for u in (Abs(z), -Abs(z))] == [1, 0]
    at_zero = Probe(0, at_zero=True)
    assert [at_zero(Heaviside(z, *half)) for half in ((), (w**2 + 1,))] == [0.5, 1]
    assert at_zero(sign(z)) == 0


def test_what_is_kept_moves_with_what_a_quantity_stands_for():
    probe, e = Probe(4), exp(define("L", w**2))
    kept = probe(e)
    assert close(probe(D(e, w)), 2 * probe(w) * kept)


def test_products_of_deltas_alone():
    probe, (i, j, k), x = Probe(5), index("i j k", n), array("x", n)
    probe.values.update({i: 1, j: 1, k: 1, n: 2})
    assert probe(delta(i, j) * delta(j, k)) == 1 and probe(delta(i, j) * delta(j, 0)) == 0
    assert probe(total(lambda m: delta(m, 2) * x[m], n)) == 0


def test_what_a_zero_stands_before_is_looked_at_until_all_is_drawn():
    x = array("x", n)
    zero, one = x[0] - define("y", x[0]), 1 + x[0] - define("y", x[0])
    for nothing in (zero, sin(zero), define("q", zero), define("o", lambda k: zero, n)[0]):
        probe, settled = Probe(6), Probe(6)
        probe.values[n] = settled.values[n] = 2
        settled.settled = True
        assert settled(nothing * x[3]) == 0
        for wrong in (lambda: probe(nothing * x[3]), lambda: settled(one * x[3])):  # noqa: B023
            with pytest.raises(Unusable):
                wrong()


def test_branches_and_deltas():
    probe, (i, j) = Probe(5), index("i j", n)
    assert probe(relu(z)) == max(probe(z), 0)
    assert probe(delta(i, j)) == (probe(i) == probe(j))
    with pytest.raises(Unusable):
        probe(Piecewise((1, z > 100)))


def test_conditions_that_are_put_together():
    w = scalar("w")
    for seed in range(20):
        probe = Probe(seed)
        x, y = probe(z), probe(w)
        for condition, holds in [
            ((z > 0) & (w > 0), x > 0 and y > 0),
            ((z > 0) | (w > 0), x > 0 or y > 0),
            (~((z > 0) | (w > 0)), not (x > 0 or y > 0)),
        ]:
            assert probe(Piecewise((1, condition), (2, True))) == (1 if holds else 2)
    kink = Piecewise((1, z > 0), (1, z < 0), (2, True))  # SymPy makes it one condition
    assert Probe(0, at_zero=True)(kink) == 2


def test_nothing_behind_a_zero_delta_is_evaluated():
    h = recursive("h", (0, T), n, start=0, rule=lambda t, i: 1 + delta(i, 1) * h[t, 0])
    probe = Probe(5, follow={h})
    probe.values.update({T: 2, n: 2})
    assert probe(h[1, 0]) == 1 and probe(h[1, 1]) == 2


def test_an_entry_off_its_axis_is_unusable():
    probe, x = Probe(6), array("x", n)
    probe.values[n] = 2
    late = array("late", (1, n))
    for entry in (x[2], late[0], late[3]):
        with pytest.raises(Unusable):
            probe(entry)
    i = index("i", n)
    assert [probe(x[i], {i: at}) for at in (1, 0)] == [probe(x[1]), probe(x[0])]
    assert probe(x[0]) != probe(x[1]) and probe(late[1]) != probe(late[2])


def test_an_empty_range_has_no_index():
    probe = Probe(7)
    probe.values[T] = 1
    with pytest.raises(Unusable):
        probe(index("s", (1, T - 1)))
    assert probe(index("t", (1, T))) == 1


def test_values_follow_their_assumptions():
    signs = {"positive": 1, "nonnegative": 1, "negative": -1, "nonpositive": -1}
    for signed, side in signs.items():
        q = scalar("q", **{signed: True})
        values = [float(side * Probe(seed)(q)) for seed in range(40)]
        assert min(values) > 0 and np.ptp(values) > 0.5
        assert side * Probe(0, at_zero=True)(q) > 0
    free = [float(Probe(seed)(z)) for seed in range(20)]
    assert min(free) < -0.5 and max(free) > 0.5 and Probe(0, at_zero=True)(z) == 0


def test_where_nothing_is_drawn_any_more_a_zero_spares_a_recurrence():
    h = recursive("h", (0, T), start=0, value=1, rule=lambda t: 2 * h[t - 1])
    x = array("x", n)
    e, unused = (x[0] - define("y", x[0])) * h[T], 3 * x[0] * h[T]
    probe = Probe(0, follow={h})
    probe.values.update({T: 4, n: 2})
    before = probe(unused), probe(e)
    settled = Probe(0, follow={h})
    settled.values.update(probe.values)
    settled.settled = True
    assert (settled(unused), settled(e)) == before and before[0] == 3 * 16 * probe(x[0])
    assert settled(total(lambda t: (h[t] - h[t]) * h[T] + h[t], (1, T))) == 2 + 4 + 8 + 16
