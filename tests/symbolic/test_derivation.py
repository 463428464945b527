import pytest

from fnnlib.symbolic import (
    D,
    Derivation,
    Misuse,
    Piecewise,
    Refused,
    array,
    exp,
    index,
    log,
    matrix,
    relu,
    scalar,
    sigmoid,
    size,
    total,
)
from fnnlib.symbolic.derivation import _merge
from fnnlib.symbolic.ledger import MIME

from .networks import layer, softmax

z, y = scalar("z y")


def jacobian(n):
    from fnnlib.symbolic import delta

    d = Derivation(D(n.p[n.i], n.z[n.j]), "softmax_jacobian")
    return d.step(n.p[n.i] * (delta(n.i, n.j) - n.p[n.j]), "quotient rule")


def test_the_status_is_that_of_the_weakest_step():
    from sympy import cos, sin

    d = Derivation(sin(2 * z), "double")
    assert d.status == "unproved"
    d.step(2 * sin(z) * cos(z), "twice the angle", accept="simplified")
    assert d.status == "simplified"
    assert d.step(2 * cos(z) * sin(z) + z - z, "other order").status == "simplified"
    with pytest.raises(Refused, match="the case z > 0 was only simplified"):
        Derivation(sin(2 * z), "double").cases(
            {z > 0: 2 * sin(z) * cos(z), z < 0: sin(2 * z)}, "twice the angle")


def test_what_a_derivation_says_of_itself():
    n, m = size("n m")
    x, u = array("x", n), array("u", m)
    d = Derivation(D(z**2, z), "d").step(2 * z, "rule")
    assert d.variable == z and Derivation(z, "e").variable is None and d.sizes == {}
    both = total(lambda k: x[k], n) + total(lambda k: u[k], m)
    e = Derivation(both, "e").step(both, "itself").step(both, "again")
    assert e.sizes == {"m": (1, 3), "n": (1, 3)} and e.status == "proved"
    merged = _merge([{"n": (2, 3), "m": (2, 2)}, {"n": (1, 2), "m": (1, 3)}])
    assert merged == {"m": (1, 3), "n": (1, 3)}


def test_a_refused_step_leaves_the_chain_as_it_was():
    d = Derivation(D(sigmoid(z), z), "sigmoid_prime")
    with pytest.raises(Refused):
        d.step(sigmoid(z), "wrong")
    assert len(d.rows) == 1
    d.step(sigmoid(z) * (1 - sigmoid(z)), "right")
    assert d.status == "proved"


def test_cases_cover_both_signs_and_name_the_kink():
    d = Derivation(D(relu(z), z), "relu_prime").cases({z > 0: 1, z < 0: 0}, "each branch")
    assert d.status == "proved" and d.conditions == [(z, r"\neq", 0)]
    with pytest.raises(Refused, match="in the case z < 0"):
        Derivation(D(relu(z), z), "relu_prime").cases({z > 0: 1, z < 0: 1}, "always one")
    both = Derivation(relu(z) ** 2 + relu(-z) ** 2, "square")
    both.cases({z > 0: z**2, z < 0: z**2}, "one of them is zero")
    assert both.status == "proved" and "where" in repr(both)
    x, n = array("x", size("n")), size("n")
    whole = Derivation(relu(z) * total(lambda k: x[k], n), "whole")
    whole.cases({z > 0: z * total(lambda k: x[k], n), z < 0: 0}, "each branch")
    assert whole.sizes == {"n": (1, 3)}
    for wrong in ({z > 0: 1}, {z > 0: 1, y < 0: 0}, {z >= 0: 1, z < 0: 0}, {z > 1: 1, z < 1: 0},
                  {z + 1 > 0: 1, z + 1 < 0: 0}, {z > 0: 1, z < 0: 0, y > 0: 1}):
        with pytest.raises(Misuse):
            Derivation(D(relu(z), z), "relu_prime").cases(wrong, "each branch")


def test_conditions_are_listed_unless_they_always_hold():
    n = softmax()
    always = Derivation(n.p[n.i], "softmax").step(n.p[n.i], "itself")
    assert always.conditions == []
    assert Derivation(y / z, "ratio").step(y / z, "itself").conditions == [(z, r"\neq", 0)]
    assert Derivation(log(z), "logarithm").step(log(z), "itself").conditions == [(z, ">", 0)]

    def conditions(e, **named):
        return Derivation(e, "d").step(e, "itself", **named).conditions

    step = Piecewise((1, z > 1), (0, True))
    assert conditions(z ** (1 - n.n)) == [(z, r"\neq", 0)] and conditions(step) == [
        (z - 1, r"\neq", 0)]
    assert conditions(z**2) == conditions(y / sigmoid(z)) == conditions(log(1 + exp(z))) == []
    ratio = Derivation(y / z, "ratio").step(y / z, "itself")
    assert conditions(y, using=[ratio]) == [(z, r"\neq", 0)]


def test_a_lemma_is_used_at_any_index():
    n = softmax()
    lemma = jacobian(n)
    d = Derivation(-total(lambda i: n.y[i] / n.p[i] * D(n.p[i], n.z[n.j]), n.n), "with_lemma")
    from fnnlib.symbolic import delta

    d.step(-total(lambda i: n.y[i] * (delta(i, n.j) - n.p[n.j]), n.n), "lemma", using=[lemma])
    assert d.status == "proved"


def test_the_record_says_what_was_established():
    n = layer()
    d = Derivation(D(n.loss, n.M), "layer_dW").step(n.X.T * n.g, "outer product")
    record = d.record
    assert record["kind"] == "derivation" and record["status"] == "proved"
    assert "B=1..3" in record["sizes"] and record["function"] is None
    bundle = d._repr_mimebundle_()
    assert bundle[MIME] == record and "eq-layer-dW" in bundle["text/markdown"]
    assert "layer_dW [proved]" in bundle["text/plain"]


MISUSE = [
    (lambda: Derivation(z, "two words"), "needs a name"),
    (lambda: Derivation(z, None), "needs a name"),
    (lambda: Derivation(z, "d").step(z, ""), "needs a reason"),
    (lambda: Derivation(z, "d").step(z, 3), "needs a reason"),
    (lambda: Derivation(z, "d").step(z, "same", accept="guessed"), "accept is one of"),
]


@pytest.mark.parametrize("call, message", MISUSE)
def test_misuse_is_explained(call, message):
    with pytest.raises(Misuse, match=message):
        call()


def test_a_shape_mismatch_is_a_refusal_with_both_shapes():
    n = layer()
    with pytest.raises(Refused, match=r"\(D, H\).*\(H, D\)"):
        Derivation(D(n.loss, n.M), "layer_dW").step(n.g.T * n.X, "transposed")


def test_an_index_off_its_axis_is_a_refusal():
    n, m = size("n m")
    x, i = array("x", n), index("i", m)
    with pytest.raises(Refused, match=r"index i of x\[i\] runs over 0..m - 1"):
        Derivation(x[i], "d").step(x[i] * 2 / 2, "halves")


def test_matrices_and_entries_mean_the_same():
    n = layer()
    i, j = index("i", n.D), index("j", n.H)
    d = Derivation(D(n.loss, n.W[i, j]), "layer_dW_entry")
    d.step(total(lambda r: n.x[r, i] * n.G[r, j], n.B), "outer product")
    assert d.status == "proved" and matrix(n.W).shape == (n.D, n.H)
