"""The numeric oracles: they agree with known derivatives and notice a wrong gradient."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import quick

from fnnlib import dense, losses, rnn
from fnnlib.check import (
    TOLERANCE,
    CheckFailed,
    complex_step,
    finite_difference,
    gradient_check,
)


def example():
    rng = np.random.default_rng(0)
    return (dense.init(rng, 3, 2), rng.normal(size=(4, 3))), rng


@quick
@given(st.floats(-3, 3), st.floats(-3, 3))
def test_both_oracles_agree_with_calculus(x, d):
    def f(x):
        return np.sum(np.exp(x) * x**2)

    exact = np.exp(x) * (x**2 + 2 * x) * d
    at, along = (np.array([x]),), (np.array([d]),)
    assert complex_step(f, at, along) == pytest.approx(exact, rel=1e-14, abs=1e-14)
    assert finite_difference(f, at, along) == pytest.approx(exact, rel=1e-8, abs=1e-8)


def test_oracles_follow_a_direction_through_a_tree():
    at = (dense.Params(np.array([[2.0]]), np.array([3.0])), np.array(5.0))
    along = (dense.Params(np.array([[1.0]]), np.array([10.0])), np.array(100.0))
    f = lambda p, x: p.W[0, 0] * p.b[0] * x  # noqa: E731
    exact = 1 * 15 + 10 * 10 + 100 * 6
    assert complex_step(f, at, along) == pytest.approx(exact, rel=1e-15)
    assert finite_difference(f, at, along) == pytest.approx(exact, rel=1e-9)


def test_the_difference_is_of_fourth_order():
    f = lambda x: np.sum(x**4)  # noqa: E731
    assert finite_difference(f, (np.array(1.0),), (1.0,), h=0.1) == pytest.approx(4, rel=1e-12)


@pytest.mark.parametrize("derivative", [complex_step, finite_difference])
def test_a_right_gradient_passes_with_its_error(derivative):
    args, rng = example()
    error = gradient_check(dense.forward, dense.backward, args, rng, derivative)
    assert 0 <= error <= TOLERANCE[derivative.__name__]


WRONG = {
    "sign of dW": (lambda dp, dx: (dp._replace(W=-dp.W), dx), "0.W"),
    "factor in db": (lambda dp, dx: (dp._replace(b=dp.b * (1 + 1e-10)), dx), "0.b"),
    "one entry of dx": (lambda dp, dx: (dp, dx + np.eye(4, 3)), "1"),
    "rows swapped in dx": (lambda dp, dx: (dp, dx[::-1].copy()), "1"),
    "both": (lambda dp, dx: (dp._replace(b=0 * dp.b), 2 * dx), "0.b, 1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_gradient_fails_and_its_argument_is_named(name):
    spoil, where = WRONG[name]
    args, rng = example()
    with pytest.raises(CheckFailed, match=f"complex_step .* wrong in argument {where}$"):
        gradient_check(dense.forward, lambda d, c: spoil(*dense.backward(d, c)), args, rng)


@pytest.mark.parametrize(
    "spoil", [lambda dp, dx: (dp, dx[0]), lambda dp, dx: (dp, dx.astype(np.float32))]
)
def test_a_gradient_of_another_shape_or_dtype_fails(spoil):
    args, rng = example()
    with pytest.raises(CheckFailed, match="a gradient is"):
        gradient_check(dense.forward, lambda d, c: spoil(*dense.backward(d, c)), args, rng)


@pytest.mark.parametrize("derivative", [complex_step, finite_difference])
@pytest.mark.parametrize("size", [1e-20, 1.0, 1e20])
def test_the_error_is_relative(size, derivative):
    x, rng = (np.array([1.0, 2.0]),), np.random.default_rng(0)

    def check(factor):
        gradient_check(
            lambda x: (size * x**3, x),
            lambda d, x: factor * size * 3 * x**2 * d,
            x,
            rng,
            derivative,
        )

    check(1.0)
    with pytest.raises(CheckFailed):
        check(1 + 1e-7)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_gradient_of_zeros_is_wrong_by_all_of_it(sign):
    x = (np.ones(2),)
    with pytest.raises(CheckFailed, match=r"relative error 1.0e\+00"):
        gradient_check(lambda x: (sign * x**2, x), lambda d, x: 0 * x, x, np.random.default_rng(0))


def test_in_double_precision_no_error_is_accepted_above_a_billionth():
    assert all(bound <= 1e-9 for kind, bound in TOLERANCE.items() if kind != "float32")


def test_the_error_is_that_of_the_terms_also_where_they_cancel():
    """Along the direction that is drawn the two terms of the derivative sum to rounding."""
    _, *direction = np.random.default_rng(0).normal(size=3)  # first comes the cotangent
    g = np.array([direction[1], -direction[0]])
    assert gradient_check(
        lambda x: (g @ x, None), lambda d, _: d * g, (np.ones(2),), np.random.default_rng(0)
    ) < 1e-15  # fmt: skip


def test_a_failure_tells_the_two_numbers_apart():
    with pytest.raises(CheckFailed) as caught:
        gradient_check(
            lambda x: (x**3, x), lambda d, x: 2 * 3 * x**2 * d, (np.ones(2),),
            np.random.default_rng(0),
        )  # fmt: skip
    number = r"(-?\d+\.\d+)"
    found = re.match(f"backward gives {number}, complex_step {number}: ", str(caught.value))
    ours, theirs = map(float, found.groups())
    assert ours == pytest.approx(2 * theirs)


def test_an_error_as_large_as_the_bound_is_accepted(monkeypatch):
    monkeypatch.setitem(TOLERANCE, "complex_step", 0.0)
    args, rng = (np.ones(2), np.ones(3)), np.random.default_rng(0)

    def check(factor):
        return gradient_check(
            lambda a, b: (factor * a**2, None), lambda d, _: (0 * d, np.zeros(3)), args, rng
        )

    assert check(0) == 0
    with pytest.raises(CheckFailed, match="wrong in argument 0$"):
        check(1)


def test_nan_is_not_a_pass():
    x = (np.ones(2),)
    with pytest.raises(CheckFailed):
        gradient_check(
            lambda x: (x**2, x), lambda d, x: np.full(2, np.nan), x, np.random.default_rng(0)
        )


def test_single_precision_is_held_to_its_own_tolerance():
    rng = np.random.default_rng(0)
    p = rnn.init(rng, 3, 4, np.float32)
    x, s = rng.normal(size=(5, 2, 3)).astype("f4"), rnn.State(np.ones((2, 4), "f4"))
    assert 1e-13 < gradient_check(rnn.forward, rnn.backward, (p, x, s), rng) < TOLERANCE["float32"]


def test_a_wrong_gradient_in_single_precision_fails():
    x = (np.ones(3, np.float32),)
    with pytest.raises(CheckFailed):
        gradient_check(lambda x: (x**2, x), lambda d, x: 2.001 * x * d, x, np.random.default_rng(0))


def test_a_single_argument_has_a_bare_gradient_and_a_loss_is_a_number():
    z, rng = np.random.default_rng(0).normal(size=(4, 3)), np.random.default_rng(1)

    def loss(z):
        return losses.softmax_cross_entropy(z, np.array([0, 1, 2, 0]))

    assert gradient_check(loss, losses.softmax_cross_entropy_backward, (z,), rng) < 1e-14
