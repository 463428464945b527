import mpmath as mp
import numpy as np
import pytest
from sympy import Dummy

from fnnlib import activations
from fnnlib.symbolic import (
    D,
    Misuse,
    Piecewise,
    Rational,
    array,
    define,
    delta,
    exp,
    function,
    index,
    prime,
    scalar,
    sigmoid,
    size,
    softplus,
    total,
)
from fnnlib.symbolic.binding import expand_definitions
from fnnlib.symbolic.emit import javascript, numpy
from fnnlib.symbolic.probe import Probe

from .networks import rnn

n = size("n")
x, W, z = array("x", n), array("W", n, n), scalar("z")
i, j = index("i j", n)


def run(formula, indices, **values):
    scope = {"np": np, "sigmoid": activations.sigmoid, "softplus": activations.softplus}
    exec(numpy({"f": (formula, indices)}), scope)
    return scope["f"](**values)


def test_the_emitted_code_computes_the_formula():
    net = rnn()
    formula = total(lambda t, r: net.h[t - 1, r, net.i] * net.dl[t, r, net.j], (1, net.T), net.B)
    rng = np.random.default_rng(0)
    h, delta_ = rng.normal(size=(4, 2, 3)), rng.normal(size=(3, 2, 3))
    expected = np.einsum("tbi,tbj->ij", h[:3], delta_)
    for a in range(3):
        for b in range(3):
            assert np.isclose(run(formula, [net.i, net.j], i=a, j=b, h=h, delta=delta_, T=3, B=2),
                              expected[a, b], rtol=1e-13)


def test_it_agrees_with_a_probe():
    formula = total(lambda k: exp(W[i, k]) * delta(k, j), n) / (1 + x[j] ** 2) - softplus(z)
    probe = Probe(3)
    probe.values.update({n: 3, i: 1, j: 2})
    exact = probe(formula)
    numbers = {"W": [[float(probe(W[a, b])) for b in range(3)] for a in range(3)],
               "x": [float(probe(x[a])) for a in range(3)], "z": float(probe(z)), "n": 3}
    assert abs(run(formula, [i, j], i=1, j=2, **numbers) - exact) < mp.mpf(10) ** -12


def test_nested_sums_with_one_letter_do_not_shadow():
    row = define("s", lambda r: total(lambda k: W[r, k], n), n)
    formula = expand_definitions(total(lambda k: x[k] * row[k], n))
    assert {k.name for k in formula.atoms(Dummy)} == {"k"}  # two indices, one letter
    value = run(formula, [], x=[1.0, 2.0], W=[[1.0, 3.0], [5.0, 7.0]], n=2)
    assert value == 1 * 4 + 2 * 12


def test_a_bound_index_meets_no_other_name():
    letters, number = array("k", n), scalar("m")
    formula = (
        total(lambda k: letters[k], n) + total(lambda m: number * x[m], n)
        + total(lambda i: x[i], n) * x[i]
    )
    assert run(formula, [i], i=1, k=[1.0, 2.0], m=3.0, x=[5.0, 7.0], n=2) == 3 + 36 + 12 * 7


def test_the_code_reads_like_the_formula():
    def text(formula, *indices):
        return numpy({"f": (formula, list(indices))}).partition("return ")[2]

    letters = array("k", n)
    assert text(1 - x[i] * z, i) == "1 - z*x[i]"
    assert text(-2 * z + x[i], i) == "x[i] - 2*z"
    assert text(-z) == "-z" and text(Rational(-3, 2) * z) == "-3/2*z"
    assert text(total(lambda k: letters[k], n)) == "sum(k[k1] for k1 in range(0, n - 1 + 1))"


def test_numbers():
    formula = Rational(1, 3) * z - Rational(3, 2) / z**2 + z ** Rational(3, 2) - 2 + 2**z
    formula += exp(-2 * z) * (-2 + z) ** 3
    expected = 4 / 3 - 3 / 32 + 8 - 2 + 16 + np.exp(-8) * 8
    assert np.isclose(run(formula, [], z=4.0), expected, rtol=1e-15)


def test_a_scalar_can_stand_among_the_indices():
    assert run(z * x[i], [z, i], z=2.0, i=1, x=[3.0, 5.0]) == 10
    assert numpy({"f": (z * x[i], [z, i])}).startswith("def f(z, i, *, x)")


def test_derivatives_and_quantities_are_taken_first():
    L = define("L", total(lambda k: x[k] ** 3, n))
    assert run(D(L, x[i]), [i], i=1, x=[1.0, 2.0], n=2) == 12


@pytest.mark.parametrize("formula, indices, message", [
    (x[i], [], "has the free index i"),
    (prime(function("phi"))(z), [], "no kernel"),
    (array("kernel", n)[0], [], "a word of the emitted code"),
    (array("i", n)[i], [i], "both an array and an index"),
])
def test_misuse_is_explained(formula, indices, message):
    with pytest.raises(Misuse, match=message):
        javascript({"f": (formula, indices)})


def test_branches():
    formula = Piecewise((1, z > 0), (0, z < 0))
    assert run(formula, [], z=2.0) == 1 and run(formula, [], z=-2.0) == 0
    assert np.isnan(run(formula, [], z=0.0))
    first_that_holds = Piecewise((1, z > 0), (2, z > -1), (3, True))
    assert [run(first_that_holds, [], z=at) for at in (1.0, -0.5, -2.0)] == [1, 2, 3]
    assert "NaN" in javascript({"f": (formula, [])})


def test_javascript_and_numpy_use_the_same_names():
    formula = sigmoid(x[i]) * (1 - sigmoid(x[i]))
    js, py = javascript({"f": (formula, [i])}), numpy({"f": (formula, [i])})
    assert js.startswith("function f(i, {x}) {") and py.startswith("def f(i, *, x):")
    assert "kernel.sigmoid(x[i])" in js and "sigmoid(x[i])" in py
    lam = array("lambda", n)
    assert "lambda_[i]" in javascript({"f": (lam[i], [i])})
