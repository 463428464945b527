import pytest
from sympy import Dummy, Indexed, Sum, log

from fnnlib.symbolic import (
    D,
    Derivation,
    Refused,
    array,
    define,
    delta,
    exp,
    function,
    index,
    prime,
    recursive,
    size,
    tanh,
    total,
)
from fnnlib.symbolic.hiding import hidden
from fnnlib.symbolic.normal import normal_form

n, m, T = size("n m T")
W, V, x = array("W", n, m), array("V", n, m), array("x", (0, T), n)
phi, psi = function("phi"), function("psi")
j, t = index("j", m), index("t", (1, T))


def z(t, j, W=W):
    return total(lambda k: x[t, k] * W[k, j], n)


def test_equal_functions_are_one_array():
    one, renamed = phi(z(t, j)), phi(total(lambda q: W[q, j] * x[t, q], n))
    assert hidden(one - renamed) == 0
    assert isinstance(hidden(one), Indexed) and set(hidden(one).indices) == {t, j}
    split = phi(total(lambda k: x[t, k] * (W[k, j] + V[k, j]), n))
    assert hidden(split - phi(z(t, j) + z(t, j, V))) == 0
    bound = total(lambda s: phi(z(s, j)), (1, T)) - total(lambda q: phi(z(q, j)), (1, T))
    assert normal_form(hidden(bound)) == 0


@pytest.mark.parametrize("other", [
    phi(z(t, j, V)), psi(z(t, j)), prime(phi)(z(t, j)), phi(-z(t, j)), phi(z(t - 1, j)),
    phi(z(t, 0)), phi(2 * z(t, j)), phi(total(lambda k: x[t, k] * W[k, j], (0, n - 2))),
    exp(z(t, j)),
], ids=str)  # fmt: skip
def test_different_functions_are_different_entries(other):
    assert normal_form(hidden(phi(z(t, j)) - other)) != 0


def test_what_is_no_function_of_a_sum_stays():
    for e in (phi(x[t, 0]), z(t, j), exp(z(t, j) + z(t, 0)), x[t, 0] ** 2, exp(x[t, 0]),
              log(z(t, j)), 1 / z(t, j)):
        assert hidden(e) == e
    for e in (exp(z(t, j)), tanh(z(t, j)), phi(z(t, j))):
        assert isinstance(hidden(e), Indexed)
    factor = Dummy("a", real=True)  # as a case split has them; no index
    assert set(hidden(phi(factor * z(t, j))).indices) == {t, j}
    assert not hidden(phi(phi(z(t, j)) + 1)).has(phi, Sum)


def test_a_delta_in_a_function_keeps_its_index():
    i = index("i", n)

    def picked(s):
        return phi(total(lambda k: delta(k, i) * x[s, k], n))

    one, other = picked(t), picked(t - 1)
    assert normal_form(hidden(one - other)) != 0 and hidden(one).has(i)


def test_a_function_without_indices():
    whole = phi(total(lambda k: x[0, k], n))
    assert hidden(whole - phi(total(lambda q: x[0, q], n))) == 0
    assert not hidden(whole).has(phi)


def test_a_symmetric_function_of_two_indices():
    s = index("s", (1, T))
    gram = phi(total(lambda k: x[t, k] * x[s, k], n))
    assert normal_form(hidden(gram - total(lambda q: gram, (1, T)) / T)) == 0


@pytest.mark.parametrize(("wrong", "right"), [
    (lambda t, k: phi(z(t, k)) * x[t, 0], lambda t, k: prime(phi)(z(t, k)) * x[t, 0]),
    (lambda t, k: prime(phi)(z(t - 1, k)) * x[t, 0], lambda t, k: prime(phi)(z(t, k)) * x[t, 0]),
    (lambda t, k: prime(phi)(z(t, k)) * x[t - 1, 0], lambda t, k: prime(phi)(z(t, k)) * x[t, 0]),
])
def test_wrong_gradients_are_refused(wrong, right):
    loss = define("L", total(lambda t, k: phi(z(t, k)), (1, T), m))
    start = D(loss, W[0, j])
    good = Derivation(start, "hidden").step(total(lambda t: right(t, j), (1, T)), "chain rule")
    assert good.status == "proved"
    with pytest.raises(Refused):
        Derivation(start, "hidden").step(total(lambda t: wrong(t, j), (1, T)), "not so")


def test_a_recurrence_inside_a_function_is_not_forgotten():
    h = recursive("h", (0, T), start=0, value=0, rule=lambda t: h[t - 1] + 1)
    start = phi(total(lambda s: h[s], (0, t)) - total(lambda s: h[s], (0, t - 1)))
    step = Derivation(start, "peeled").step(phi(h[t - 1] + 1), "one term", using=[h.unroll(t)])
    assert step.status == "proved"
