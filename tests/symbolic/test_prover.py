import re
import time

import pytest
from sympy import Abs, Max, cos, sin

from fnnlib.symbolic import (
    D,
    Derivation,
    Piecewise,
    Refused,
    S,
    array,
    define,
    delta,
    exp,
    index,
    log,
    matrix,
    ones,
    prime,
    recursive,
    relu,
    scalar,
    sigmoid,
    size,
    sqrt,
    tanh,
    total,
)
from fnnlib.symbolic import prover as prover_module
from fnnlib.symbolic.prover import PROBES, judge, prove

from .corpus import claims

CLAIMS = claims()
n, m, T = size("n m T")
x, q, z = array("x", n), array("q", (0, T)), scalar("z")
i = index("i", n)
s, X = sigmoid(z), total(lambda k: x[k], n)


def doubling(*axes, **start):
    """The array h with h[t] = 2 h[t - 1]."""
    h = recursive("h", *axes, rule=lambda t: 2 * h[t - 1], **start)
    return h


def tall(f):
    """The matrix of two rows whose entries f gives."""
    return matrix(define("f", f, 2, n))


def up(u):
    return Piecewise((1, u > 0), (0, True))


# name, left side, right side, how it is proved
PROVED = [
    ("identical", x[i], x[i], "identical"),
    ("expansion", (s + 1) ** 2, s**2 + 2 * s + 1, "normal form"),
    ("derivative on the right", 2 * z, D(z**2, z), "normal form"),
    ("derivative of a name", D(s**2, z), 2 * s * prime(sigmoid)(z), "normal form"),
    ("meaning of a name", D(s, z), s * (1 - s), "rational normal form, functions unfolded"),
    ("shift", total(lambda t: q[t - 1], (1, T)), total(lambda t: q[t], (0, T - 1)),
     "normal form"),
    ("few numbers", total(lambda t: q[t], (0, 1)), q[0] + q[1], "normal form"),
    ("quotient", (z**2 - 1) / (z - 1), z + 1, "rational normal form"),
    ("quotient of sums", X / (1 + X) + 1 / (1 + X), S.One, "rational normal form"),
    ("sums over a sum", total(lambda k: x[k] / (X + z), n), 1 - z / (X + z),
     "rational normal form"),
    ("summands", total(lambda k: (x[k] + x[k] ** 3) / (1 + x[k] ** 2) ** 2, n),
     total(lambda k: x[k] / (1 + x[k] ** 2), n), "rational normal form of the summands"),
    ("sines", sin(z) ** 2 + cos(z) ** 2, S.One, "rational normal form"),
    ("hyperbolic", tanh(z), (exp(2 * z) - 1) / (exp(2 * z) + 1), "rational normal form"),
    ("branches", Abs(z), Max(z, -z), "by cases"),
    ("hyperbolic branches", up(z) * (up(-z) + tanh(z)),
     up(z) * (exp(2 * z) - 1) / (exp(2 * z) + 1), "by cases"),
    ("branches of a quotient", up(z) * (z**2 - 1) / (z - 1) + up(-z) * up(z), up(z) * (z + 1),
     "by cases"),
    ("branches and summands",
     up(z) * total(lambda k: (x[k] + x[k] ** 3) / (1 + x[k] ** 2) ** 2, n) + up(-z) * up(z),
     up(z) * total(lambda k: x[k] / (1 + x[k] ** 2), n), "by cases"),
    ("branches of sums", Piecewise((X, z > 0), (0, True)) + Piecewise((0, z > 0), (X, True)), X,
     "by cases"),
    ("branches of a quotient of sums", up(z) * X / (1 + X) + up(z) / (1 + X) + up(z) * up(-z),
     up(z), "by cases"),
    ("branches of summands",
     Piecewise((total(lambda k: (x[k] + x[k] ** 3) / (1 + x[k] ** 2) ** 2, n), z > 0), (0, True))
     + Piecewise((0, z > 0), (total(lambda k: x[k] / (1 + x[k] ** 2), n), True)),
     total(lambda k: x[k] / (1 + x[k] ** 2), n), "by cases"),
    ("branches under a sum", total(lambda k: relu(x[k]) - relu(-x[k]), n), X,
     "by cases, functions unfolded"),
    ("branches under one sum", total(lambda k: relu(x[k]) * relu(-x[k]), n), S.Zero,
     "by cases, functions unfolded"),
]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.name)
def test_true_statements_are_proved(claim):
    started = time.process_time()
    assert judge(claim.left, claim.right).status == "proved"
    assert time.process_time() - started < 10  # a guard against a hang, not a measurement


@pytest.mark.parametrize("name, a, b, method", PROVED, ids=[p[0] for p in PROVED])
def test_each_rule_has_its_work(name, a, b, method):
    verdict = judge(a, b)
    assert (verdict.status, verdict.method) == ("proved", method)


# what is wrong only where a probe hardly looks is not proved without one either
NEARLY = [
    (total(lambda k: x[k] / (1 + x[k] ** 2) ** 2 + x[k] ** 3 / (1 + x[k] ** 2) ** 2, n) + z,
     total(lambda k: x[k] / (1 + x[k] ** 2), n)),
    (X / (1 + X), X),
    (up(z) * X, X),
    (total(lambda k: up(x[k]), n), n + 0 * z),
    (tanh(z), exp(2 * z) / (exp(2 * z) + 1)),
]


@pytest.mark.parametrize("a, b", NEARLY)
def test_what_is_wrong_is_not_proved_without_probes(a, b):
    assert prove(a, b)[0] == "probed"


def test_the_verdict_says_what_was_tried():
    verdict = judge(x[i] * q[T], q[T] * x[i])
    assert verdict.probes == PROBES and verdict.sizes == {"n": (1, 3), "T": (1, 3)}


def test_a_step_is_probed_as_often_as_it_says(monkeypatch):
    made = []

    class Counted(prover_module.Probe):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr(prover_module, "Probe", Counted)
    judge(z + z, 2 * z)
    assert len(made) == PROBES and len({probe.values[z] for probe in made}) == PROBES


def test_places_that_are_rarely_met_are_found():
    r, other = array("r", (0, m)), index("v", (1, m - 2))  # only where both sizes are three
    a, b = q[index("u", (1, T - 2))], r[other]
    assert judge((a + b) ** 2, a**2 + 2 * a * b + b**2).sizes == {"T": (3, 3), "m": (3, 3)}


def test_a_mistake_at_the_kink_alone_is_found():
    kink = Piecewise((1, z > 0), (1, z < 0), (2, True))
    for a, b in [(kink, S.One), (S.One, kink), (up(z), 1 - up(-z))]:
        with pytest.raises(Refused, match=r"z=0\.0"):
            judge(a, b)


def test_values_of_any_size_are_compared():
    assert judge(D(exp(50 * z), z), 50 * exp(50 * z)).status == "proved"
    assert judge(D(z**3, z) + relu(z), 3 * z**2 + relu(z)).status == "proved"  # zero at zero
    small = S(10) ** -20 * s
    with pytest.raises(Refused, match="left side"):
        judge(small, small * (1 + S(10) ** -25))


def test_a_refusal_names_the_sides_the_places_and_the_values():
    for a, b in [(S.One, S(2)), (ones(n, n), 2 * ones(n, n))]:
        with pytest.raises(Refused) as refusal:
            judge(a, b)
        assert str(refusal.value) == "the left side is 1.0, the right side 2.0"
    number = r"-?[0-9.]+"
    with pytest.raises(Refused) as refusal:
        judge(z * x[i], 2 * z * x[i])
    assert re.fullmatch(
        f"the left side is {number}, the right side {number} at i=[0-2], n=[1-3]; z={number}",
        str(refusal.value),
    )


def test_matrices_with_one_row_and_with_two():
    b, W = array("b", 1, n), array("W", n, n)
    row = define("row", lambda j: total(lambda k: b[0, k] * W[k, j], n), n)
    assert judge(matrix(b) * matrix(W), matrix(row)).status == "proved"
    first, all_rows = tall(lambda r, k: delta(r, 0) * x[k]), tall(lambda r, k: x[k])
    with pytest.raises(Refused, match="i=1"):
        judge(first, all_rows)
    A = matrix(array("A", n, m))
    with pytest.raises(Refused, match="shapes do not fit"):
        judge(A * A, A * A)


def test_a_time_step_may_come_to_light_when_a_sum_is_peeled():
    h = doubling((0, T), start=0)
    whole, early = total(lambda t: h[t], (1, T)), total(lambda t: h[t], (1, T - 1))
    assert judge(whole, early + 2 * h[T - 1], [h.unroll(T)]).status == "proved"
    with pytest.raises(Refused):
        judge(whole, early + 2 * h[T - 1])


def test_a_recurrence_is_not_unrolled_at_its_start():
    h = recursive("h", (0, T), start=0, rule=lambda t: q[t])
    r = index("r", (0, T))
    with pytest.raises(Refused, match="it may be its start, 0"):
        judge(h[r], q[r], [h.unroll(r)])


def test_a_claim_that_only_simplify_can_show_is_not_called_proved():
    verdict = judge(sin(2 * z), 2 * sin(z) * cos(z))
    assert verdict.status == "simplified"
    d = Derivation(sin(2 * z), "double")
    with pytest.raises(Refused, match="only simplified"):
        d.step(2 * sin(z) * cos(z), "twice the angle")
    step = d.step(2 * sin(z) * cos(z), "twice the angle", accept="simplified")
    assert step.status == "simplified"
    sums = judge(X * sin(2 * z), 2 * X * sin(z) * cos(z))  # not trusted with a sum
    assert sums.status == "probed"


def test_a_claim_that_no_rule_shows_stays_probed(monkeypatch):
    monkeypatch.setattr(prover_module, "vanishes", lambda e: None)
    d = Derivation((z + 1) ** 2, "square")
    with pytest.raises(Refused, match="only probed"):
        d.step(z**2 + 2 * z + 1, "expand")
    assert d.step(z**2 + 2 * z + 1, "expand", accept="probed").status == "probed"


def test_too_few_probes_is_a_refusal():
    nothing = z - z * sigmoid(0) * 2
    for a, b in [(1 / nothing, 1), (log(nothing), 1), (1, log(nothing))]:
        with pytest.raises(Refused, match="only 0 of 8 probes"):
            judge(a, b)


def test_a_domain_matters():
    with pytest.raises(Refused, match="left side"):
        judge(sqrt(z**2), z)


def test_the_time_limit_is_named():
    big = CLAIMS[-1]
    with pytest.raises(Refused, match=r"no verdict within 0\.01 s"):
        judge(big.left, big.right, seconds=0.01)


def test_a_definition_that_leaves_its_axis_is_refused():
    y = define("y", lambda j: x[j + 1], n)
    with pytest.raises(Refused, match="in the definition of y"):
        judge(y[i], y[i])
