"""Activations against mpmath (scalars), HIPS autograd and PyTorch (softmax backward)."""

import autograd.numpy as anp
import mpmath
import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from oracles import autograd_vjp, cases, close, quick, same_kind, sizes, torch_vjp

from fnnlib import activations
from fnnlib.check import complex_step

mpmath.mp.prec = 200  # bits; the exact forms below have no cancellation


def _exact_tanh_prime(z):
    return 1 / mpmath.cosh(z) ** 2


def _exact_sigmoid(z):
    e = mpmath.exp(-abs(z))
    return (e if z < 0 else 1) / (1 + e)


def _exact_sigmoid_prime(z):
    return 1 / (2 * mpmath.cosh(z / 2)) ** 2


EXACT = {
    "sigmoid": _exact_sigmoid,
    "sigmoid_prime": _exact_sigmoid_prime,
    "tanh": mpmath.tanh,
    "tanh_prime": _exact_tanh_prime,
    "relu": lambda z: max(z, mpmath.mpf(0)),
    "relu_prime": lambda z: mpmath.mpf(z > 0),
    "leaky_relu": lambda z: z if z > 0 else mpmath.mpf(0.01) * z,
    "leaky_relu_prime": lambda z: mpmath.mpf(1) if z > 0 else mpmath.mpf(0.01),
    "softplus": lambda z: mpmath.log1p(mpmath.exp(-abs(z))) + max(z, mpmath.mpf(0)),
    "softplus_prime": _exact_sigmoid,
}
ULPS = 6


def ulps(actual, exact):
    """The distance from the exact value, in units of the last place of its own format."""
    unit = np.spacing(np.abs(actual.dtype.type(float(exact))))
    return float(abs(mpmath.mpf(float(actual)) - exact) / mpmath.mpf(float(unit)))


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("dtype, width", [(np.float64, 64), (np.float32, 32)])
def test_scalar_functions_to_the_last_places(name, dtype, width):
    @quick
    @given(st.floats(-1e4, 1e4, width=width) | st.floats(-40, 40, width=width))
    @example(1e4)
    @example(-1e4)
    @example(0.0)
    @example(-0.0)
    @example(-88.5)
    @example(-700.0)
    def check(z):
        z = dtype(z)
        value = getattr(activations, name)(np.array([z]))
        assert value.dtype == dtype
        assert ulps(value[0], EXACT[name](mpmath.mpf(float(z)))) <= ULPS

    check()


@pytest.mark.parametrize("name", activations.ELEMENTWISE)
@quick
@given(case=cases, shape=st.lists(sizes, max_size=3))
def test_prime_is_the_derivative_for_every_shape_and_layout(name, case, shape):
    f, prime = activations.ELEMENTWISE[name]
    z = case.normal(*shape)
    before = z.copy()
    derivative = prime(z)
    assert (derivative.shape, derivative.dtype) == (z.shape, z.dtype)
    assert (f(z).shape, f(z).dtype) == (z.shape, z.dtype)
    for index in np.ndindex(*shape):
        step = complex_step(f, (z[index],), (np.float64(1),))
        close(np.asarray(derivative)[index], step)
    np.testing.assert_array_equal(z, before)


@pytest.mark.parametrize("name", activations.ELEMENTWISE)
@quick
@given(case=cases, shape=st.lists(sizes, max_size=3))
def test_backward_from_the_output_is_the_derivative_at_the_input(name, case, shape):
    f, prime = activations.ELEMENTWISE[name]
    z, dy = case.normal(*shape), case.normal(*shape)
    dz = getattr(activations, f"{name}_backward")(dy, f(z))
    same_kind((dz,), (z,))
    close(dz, dy * prime(z), slack=4)


@pytest.mark.parametrize("name", activations.ELEMENTWISE)
def test_what_a_net_calls_without_checks_is_what_the_public_functions_compute(name):
    z, dy = np.linspace(-3, 3, 7), np.arange(7.0)
    f, slope = activations.KERNELS[name]
    y = f(z, np.empty(7))
    np.testing.assert_array_equal(y, getattr(activations, name)(z))
    np.testing.assert_array_equal(dy * slope(y), getattr(activations, f"{name}_backward")(dy, y))


def test_backward_passes_keep_small_slopes():
    tiny = np.array([1e-30])
    assert activations.sigmoid_backward(np.array([1.0]), tiny) == 1e-30
    assert activations.softplus_backward(np.array([1.0]), tiny) == 1e-30


WITH_OUT = [*activations.ELEMENTWISE, "softmax"]


@pytest.mark.parametrize("name", WITH_OUT)
def test_results_go_where_they_are_sent_even_over_the_argument(name):
    f, z = getattr(activations, name), np.random.default_rng(0).normal(size=(4, 3))
    expected, out = f(z), np.empty((4, 3))
    assert f(z, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert f(z, out=z) is z
    np.testing.assert_array_equal(z, expected)


@pytest.mark.parametrize("name", WITH_OUT)
@pytest.mark.parametrize("over", ["dy", "y"])
def test_gradients_go_over_either_argument(name, over):
    backward = getattr(activations, f"{name}_backward")
    y = getattr(activations, name)(np.random.default_rng(0).normal(size=(4, 3)))
    args = {"dy": np.random.default_rng(1).normal(size=(4, 3)), "y": y}
    expected = backward(*args.values())
    assert backward(*args.values(), out=args[over]) is args[over]
    np.testing.assert_array_equal(args[over], expected)


@pytest.mark.parametrize("name", activations.ELEMENTWISE)
def test_complex_step_survives_the_tails(name):
    f, prime = activations.ELEMENTWISE[name]
    for z in (-1e4, -50.0, 50.0, 1e4):
        assert complex_step(f, (np.array(z),), (1.0,)) == pytest.approx(float(prime(np.array(z))))


def test_the_kinks():
    zero = np.array([0.0, -0.0])
    assert activations.relu_prime(zero).tolist() == [0, 0]
    assert activations.leaky_relu_prime(zero, 0.3).tolist() == [0.3, 0.3]
    assert activations.relu_backward(zero + 5, zero).tolist() == [0, 0]
    assert activations.leaky_relu_backward(zero + 5, zero, 0.3).tolist() == [1.5, 1.5]


def test_leaky_relu_takes_its_slope():
    z = np.array([-2.0, 4.0])
    assert activations.leaky_relu(z, slope=0.25).tolist() == [-0.5, 4.0]
    assert activations.leaky_relu_prime(z, slope=0.25).tolist() == [0.25, 1.0]
    assert activations.leaky_relu_backward(z, z, slope=0.25).tolist() == [-0.5, 4.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_is_one_from_forty_on(dtype):
    assert activations.sigmoid(np.array([40, 41, 1e4], dtype)).tolist() == [1, 1, 1]


def test_a_python_float_is_a_scalar_array():
    assert activations.sigmoid(0.0) == 0.5
    assert activations.relu(-1.0) == 0.0


rows = st.lists(st.floats(-1e4, 1e4, width=32) | st.floats(-5, 5, width=32), min_size=1, max_size=6)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@quick
@given(row=rows)
@example(row=[1e4, -1e4, 1e4])
def test_softmax_and_its_logarithm_against_mpmath(dtype, row):
    z = np.array(row, dtype)
    exact = [mpmath.mpf(x) for x in row]
    largest = max(exact)
    log_sum = largest + mpmath.log(mpmath.fsum(mpmath.exp(x - largest) for x in exact))
    eps = np.finfo(dtype).eps
    p, logp = activations.softmax(z), activations.log_softmax(z)
    assert p.dtype == logp.dtype == dtype
    for k, x in enumerate(exact):
        spread = float(largest - x)  # rounding of the difference is magnified by exp
        log_exact = x - log_sum
        assert abs(float(p[k] - mpmath.exp(log_exact))) <= (spread + 8) * eps * float(p[k]) + 2 * (
            np.finfo(dtype).tiny
        )
        assert abs(float(logp[k]) - float(log_exact)) <= (spread + 8) * eps


@quick
@given(case=cases, B=sizes, C=sizes, shift=st.sampled_from([-1e4, 1e4]))
def test_softmax_does_not_feel_a_common_shift(case, B, C, shift):
    z = np.round(case.normal(B, C) * 8) / 8  # eighths, so that the shift is exact
    np.testing.assert_array_equal(
        activations.softmax(z), activations.softmax(z + z.dtype.type(shift))
    )


SOFTMAX = {
    "softmax": (
        lambda z: anp.exp(z) / anp.sum(anp.exp(z), axis=-1, keepdims=True),
        lambda z: torch.softmax(z, -1),
    ),
    "log_softmax": (
        lambda z: z - anp.log(anp.sum(anp.exp(z), axis=-1, keepdims=True)),
        lambda z: torch.log_softmax(z, -1),
    ),
}


@pytest.mark.parametrize("name", SOFTMAX)
@quick
@given(case=cases, lead=st.lists(sizes, max_size=2), C=sizes)
def test_softmax_backward_against_autograd_and_torch(name, case, lead, C):
    by_autograd, by_torch = SOFTMAX[name]
    z, dout = case.normal(*lead, C), case.normal(*lead, C)
    out = getattr(activations, name)(z)
    dz = getattr(activations, f"{name}_backward")(dout, out)
    close(out, by_torch(torch.tensor(z.copy())).numpy())
    same_kind((dz,), (z,))
    close((dz,), autograd_vjp(by_autograd, (z,), dout))
    close((dz,), torch_vjp(by_torch, (z,), dout))


def test_softmax_of_one_class_is_certain_and_has_no_gradient():
    assert activations.softmax(np.array([[3.0], [-1e4]])).tolist() == [[1.0], [1.0]]
    assert activations.softmax_backward(np.array([[5.0]]), np.array([[1.0]])).tolist() == [[0.0]]
