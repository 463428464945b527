"""Malformed calls: each is refused, and the error names argument, expectation and what came."""

import numpy as np
import pytest

from fnnlib import (
    activations,
    classifier,
    data,
    dense,
    losses,
    optim,
    require,
    rnn,
    train,
    tree,
)
from fnnlib.check import complex_step, finite_difference, gradient_check

RNG = np.random.default_rng(0)


def f(*shape):
    """Random numbers, or a single one."""
    return np.asarray(RNG.normal(size=shape))


def probabilities(*shape):
    return activations.softmax(f(*shape))


P = dense.Params(f(3, 2), f(2))
R = rnn.Params(f(3, 2), f(2, 2), f(2))
S = rnn.State(f(4, 2))
LAYERS = dense.Params(f(3, 5), f(5)), dense.Params(f(5, 2), f(2))
C = classifier.init(RNG, 3, 4, 2)
_, DENSE = dense.forward(P, f(4, 3))
_, STACK = dense.stack_forward(LAYERS, f(4, 3))
_, STEP = rnn.step(R, f(4, 3), S)
_, SEQUENCE = rnn.forward(R, f(5, 4, 3), S)
_, LOSS = losses.squared_error(f(4, 2), f(4, 2))
_, READ = classifier.forward(C, f(5, 4, 3))
SGD, ADAM = optim.sgd(0.1), optim.adam(0.1)


def output_first(name):
    backward = getattr(activations, f"{name}_backward")
    return lambda y, dy: backward(dy, y)


def rnn_call(function):
    return lambda W, U, b, x, h: function(rnn.Params(W, U, b), x, rnn.State(h))


# Well-formed calls: the function of its arrays, and the arrays by the names that errors use.
ARRAYS = {
    **{
        f"activations.{name}": (getattr(activations, name), {"z": f(4, 3)})
        for pair in activations.ELEMENTWISE
        for name in (pair, f"{pair}_prime")
    },
    **{
        f"activations.{name}_backward": (output_first(name), {"y": f(4, 3), "dy": f(4, 3)})
        for name in activations.ELEMENTWISE
    },
    "activations.softmax": (activations.softmax, {"z": f(4, 3)}),
    "activations.log_softmax": (activations.log_softmax, {"z": f(4, 3)}),
    "activations.softmax_backward": (
        lambda p, dp: activations.softmax_backward(dp, p),
        {"p": probabilities(4, 3), "dp": f(4, 3)},
    ),
    "activations.log_softmax_backward": (
        lambda logp, dlogp: activations.log_softmax_backward(dlogp, logp),
        {"logp": activations.log_softmax(f(4, 3)), "dlogp": f(4, 3)},
    ),
    "losses.squared_error": (losses.squared_error, {"y_hat": f(4, 3), "target": f(4, 3)}),
    "losses.binary_cross_entropy": (
        losses.binary_cross_entropy,
        {"z": f(4, 3), "target": probabilities(4, 3)},
    ),
    "losses.softmax_cross_entropy": (
        lambda z: losses.softmax_cross_entropy(z, np.array([0, 1, 2, 0])),
        {"z": f(4, 3)},
    ),
    "dense.forward": (
        lambda W, b, x: dense.forward(dense.Params(W, b), x),
        {"p.W": f(3, 2), "p.b": f(2), "x": f(4, 3)},
    ),
    "dense.backward": (lambda dz: dense.backward(dz, DENSE), {"dz": f(4, 2)}),
    "dense.stack_backward": (lambda dz: dense.stack_backward(dz, STACK), {"dz": f(4, 2)}),
    "rnn.forward": (
        rnn_call(rnn.forward),
        {"p.W": f(3, 2), "p.U": f(2, 2), "p.b": f(2), "x": f(5, 4, 3), "s.h": f(4, 2)},
    ),
    "rnn.step": (
        rnn_call(rnn.step),
        {"p.W": f(3, 2), "p.U": f(2, 2), "p.b": f(2), "x": f(4, 3), "s.h": f(4, 2)},
    ),
    "rnn.step_backward": (
        lambda h: rnn.step_backward(rnn.State(h), STEP),
        {"ds.h": f(4, 2)},
    ),
    "rnn.backward": (
        lambda dh, h: rnn.backward((dh, rnn.State(h)), SEQUENCE),
        {"dh": f(5, 4, 2), "ds_T.h": f(4, 2)},
    ),
    "classifier.forward": (lambda x: classifier.forward(C, x), {"x": f(5, 4, 3)}),
    "classifier.backward": (lambda dz: classifier.backward(dz, READ), {"dz": f(4, 2)}),
    "optim.clip_by_global_norm": (
        lambda a, b: optim.clip_by_global_norm((a, b), 1.0),
        {"g.0": f(3), "g.1": f(2)},
    ),
    "optim.sgd.step": (
        lambda W, b: SGD.step(P, dense.Params(W, b), SGD.init(P)),
        {"g.W": f(3, 2), "g.b": f(2)},
    ),
    "optim.adam.step": (
        lambda W, b: ADAM.step(P, dense.Params(W, b), ADAM.init(P)),
        {"g.W": f(3, 2), "g.b": f(2)},
    ),
    "train.fit": (
        lambda x: train.fit(None, (x,), [0], SGD),
        {"p.0": f(3)},
    ),
    "data.rows": (data.rows, {"x": f(4, 64)}),
}


def with_one(x, value):
    x = x.copy()
    x.flat[-1] = value
    return x


# How an array may be spoilt, and what the refusal must say.
SPOILT = {
    "integers": (lambda x: np.ones(x.shape, int), ValueError, "float32 or float64, got int64"),
    "booleans": (lambda x: x > 0, ValueError, "float32 or float64, got bool"),
    "half": (lambda x: x.astype(np.float16), ValueError, "float32 or float64, got float16"),
    "other endian": (lambda x: x.astype(">f8"), ValueError, "float32 or float64, got >f8"),
    "text": (lambda x: x.astype(str), ValueError, "float32 or float64, got <U"),
    "objects": (lambda x: x.astype(object), ValueError, "float32 or float64, got object"),
    "NaN": (lambda x: with_one(x, np.nan), ValueError, "finite numbers, got nan at index"),
    "infinity": (lambda x: with_one(x, -np.inf), ValueError, "finite numbers, got -inf at index"),
    "empty": (lambda x: x[:0], ValueError, "no empty axis, got shape (0"),
    "a string": (str, TypeError, "a NumPy array, got str"),
    "nothing": (lambda x: None, TypeError, "a NumPy array, got NoneType"),
    "masked": (np.ma.masked_array, TypeError, "a NumPy array, got MaskedArray"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_the_unspoilt_calls_are_accepted(name):
    function, arrays = ARRAYS[name]
    function(*arrays.values())


@pytest.mark.parametrize("how", SPOILT)
@pytest.mark.parametrize(
    "name, argument",
    [(name, argument) for name, (_, arrays) in ARRAYS.items() for argument in arrays],
)
def test_spoilt_arrays_are_refused_by_name(name, argument, how):
    function, arrays = ARRAYS[name]
    spoil, error, message = SPOILT[how]
    with pytest.raises(error) as caught:
        function(*({**arrays, argument: spoil(arrays[argument])}.values()))
    assert type(caught.value) in (error, require.NotFinite)
    assert str(caught.value).startswith(f"{argument}: expected {message}")


# Calls of several arrays that must have one precision; the leaves of a tree may differ.
MIXED = [n for n, (_, arrays) in ARRAYS.items() if len(arrays) > 1 and "clip" not in n]


@pytest.mark.parametrize("name", MIXED)
def test_mixed_precision_is_refused(name):
    function, arrays = ARRAYS[name]
    for argument in list(arrays)[1:]:
        with pytest.raises(ValueError, match=f"^{argument}: expected float64 like"):
            function(*({**arrays, argument: arrays[argument].astype("f4")}.values()))


# Calls wrong in shape, kind or value: the call, the error and the whole of its message.
# fmt: off
REFUSED = [
    (lambda: activations.softmax(np.float64(1.0)), ValueError,
     "z: expected shape (..., C), got ()"),
    (lambda: activations.softmax_backward(f(4, 3), np.ones((4, 3))), ValueError,
     "p: expected rows >= 0 that sum to one, got a row from 1 to 1 with sum 3"),
    (lambda: activations.softmax_backward(f(1, 2), np.array([[1.5, -0.5]])), ValueError,
     "p: expected rows >= 0 that sum to one, got a row from -0.5 to 1.5 with sum 1"),
    (lambda: activations.softmax_backward(f(4, 2), probabilities(4, 3)), ValueError,
     "dp: expected shape (..., C) with ... = (4,), C = 3, got (4, 2)"),
    (lambda: activations.softmax_backward(f(3), probabilities(4, 3)), ValueError,
     "dp: expected shape (..., C) with ... = (4,), C = 3, got (3,)"),
    (lambda: activations.log_softmax_backward(f(1, 2), np.zeros((1, 2))), ValueError,
     "exp(logp): expected rows >= 0 that sum to one, got a row from 1 to 1 with sum 2"),
    (lambda: activations.log_softmax_backward(f(2, 1), np.log(probabilities(1, 2))), ValueError,
     "dlogp: expected shape (..., C) with ... = (1,), C = 2, got (2, 1)"),
    (lambda: activations.tanh_backward(f(4, 3), f(4, 2)), ValueError,
     "dy: expected shape (...,) with ... = (4, 2), got (4, 3)"),
    (lambda: activations.leaky_relu_backward(f(2), f(2), slope=1.0), ValueError,
     "slope: expected a number >= 0 and < 1, got 1.0"),
    (lambda: activations.sigmoid(f(3), out=[0.0] * 3), TypeError,
     "out: expected a NumPy array, got list"),
    (lambda: activations.tanh(f(3), out=f(4)), ValueError,
     "out: expected shape (3,), got (4,)"),
    (lambda: activations.softmax(f(4, 3), out=f(4, 3).astype("f4")), ValueError,
     "out: expected float64, got float32"),
    (lambda: activations.relu(f(3), out=np.broadcast_to(0.0, 3)), ValueError,
     "out: expected an array that can be written to, got a read-only one"),
    (lambda: activations.relu("1.0"), TypeError, "z: expected a NumPy array, got str"),
    (lambda: activations.relu(1), TypeError, "z: expected a NumPy array, got int"),
    (lambda: activations.relu(np.nan), require.NotFinite,
     "z: expected finite numbers, got nan at index ()"),
    (lambda: activations.relu(np.ma.ones(2)), TypeError,
     "z: expected a NumPy array, got MaskedArray"),
    (lambda: activations.relu(np.asmatrix(f(2, 2))), TypeError,
     "z: expected a NumPy array, got matrix"),
    (lambda: activations.leaky_relu(f(2), slope=1.0), ValueError,
     "slope: expected a number >= 0 and < 1, got 1.0"),
    (lambda: activations.leaky_relu(f(2), slope=-0.1), ValueError,
     "slope: expected a number >= 0 and < 1, got -0.1"),
    (lambda: activations.leaky_relu(f(2), slope=None), TypeError,
     "slope: expected a real number, got NoneType"),
    (lambda: activations.leaky_relu_prime(f(2), slope=1.5), ValueError,
     "slope: expected a number >= 0 and < 1, got 1.5"),
    (lambda: activations.leaky_relu_prime(f(2), slope=np.nan), require.NotFinite,
     "slope: expected a finite number, got nan"),
    (lambda: activations.leaky_relu_prime(f(2), slope=f(2)), TypeError,
     "slope: expected a real number, got ndarray"),
    (lambda: losses.squared_error(f(4, 3), f(4, 2)), ValueError,
     "target: expected shape (..., C) with ... = (4,), C = 3, got (4, 2)"),
    (lambda: losses.squared_error(f(4, 3), f(3)), ValueError,
     "target: expected shape (..., C) with ... = (4,), C = 3, got (3,)"),
    (lambda: losses.squared_error(f(4, 3), f(4, 1)), ValueError,
     "target: expected shape (..., C) with ... = (4,), C = 3, got (4, 1)"),
    (lambda: losses.squared_error(np.float64(1.0), np.float64(1.0)), ValueError,
     "y_hat: expected shape (..., C), got ()"),
    (lambda: losses.squared_error(f(4, 3), f(4, 3), np.ones(4)), ValueError,
     "mask: expected booleans, got float64"),
    (lambda: losses.squared_error(f(4, 3), f(4, 3), np.ones(3, bool)), ValueError,
     "mask: expected shape (4,), got (3,)"),
    (lambda: losses.squared_error(f(4, 3), f(4, 3), np.ones((4, 3), bool)), ValueError,
     "mask: expected shape (4,), got (4, 3)"),
    (lambda: losses.squared_error(f(4, 3), f(4, 3), np.zeros(4, bool)), ValueError,
     "mask: expected at least one True, got none"),
    (lambda: losses.squared_error(f(4, 3), f(4, 3), [True] * 4), TypeError,
     "mask: expected a NumPy array, got list"),
    (lambda: losses.squared_error_backward(np.nan, LOSS), require.NotFinite,
     "dloss: expected a finite number, got nan"),
    (lambda: losses.squared_error_backward("1", LOSS), TypeError,
     "dloss: expected a real number, got str"),
    (lambda: losses.squared_error_backward(True, LOSS), TypeError,
     "dloss: expected a real number, got bool"),
    (lambda: losses.squared_error_backward(np.ones(2), LOSS), TypeError,
     "dloss: expected a real number, got ndarray"),
    (lambda: losses.squared_error_backward(1.0, DENSE), TypeError,
     "cache: expected losses.Cache, got dense.Cache"),
    (lambda: losses.squared_error_backward(1.0, None), TypeError,
     "cache: expected losses.Cache, got NoneType"),
    (lambda: losses.binary_cross_entropy(f(4, 3), np.eye(4, 3) * 1.5), ValueError,
     "target: expected numbers in [0, 1], got 0 to 1.5"),
    (lambda: losses.binary_cross_entropy(f(4, 3), np.eye(4, 3) - 0.5), ValueError,
     "target: expected numbers in [0, 1], got -0.5 to 0.5"),
    (lambda: losses.binary_cross_entropy(f(4, 3), np.ones((4, 3), int)), ValueError,
     "target: expected float32 or float64, got int64"),
    (lambda: losses.binary_cross_entropy(f(4, 1), np.ones(4)), ValueError,
     "target: expected shape (..., C) with ... = (4,), C = 1, got (4,)"),
    (lambda: losses.binary_cross_entropy_backward(1.0, (f(1), f(1), 1.0)), TypeError,
     "cache: expected losses.Cache, got tuple"),
    (lambda: losses.softmax_cross_entropy(f(4, 3), np.array([0, 1, 2, 3])), ValueError,
     "target: expected class indices from 0 to 2, got 3"),
    (lambda: losses.softmax_cross_entropy(f(4, 3), np.array([0, 1, 2, -1])), ValueError,
     "target: expected class indices from 0 to 2, got -1"),
    (lambda: losses.softmax_cross_entropy(f(4, 3), np.array([0, 1, 2])), ValueError,
     "target: expected shape (4,), got (3,)"),
    (lambda: losses.softmax_cross_entropy(f(4, 3), np.array([[0], [1], [2], [0]])), ValueError,
     "target: expected shape (4,), got (4, 1)"),
    (lambda: losses.softmax_cross_entropy(f(4, 3), np.array([0.0, 1.0, 2.0, 0.0])), ValueError,
     "target: expected shape (..., C) with ... = (4,), C = 3, got (4,)"),
    (lambda: losses.softmax_cross_entropy(f(4, 3), np.ones(4, bool)), ValueError,
     "target: expected float32 or float64, got bool"),
    (lambda: losses.softmax_cross_entropy(f(4, 3), [0, 1, 2, 0]), TypeError,
     "target: expected a NumPy array, got list"),
    (lambda: losses.softmax_cross_entropy(f(4, 3), 1), TypeError,
     "target: expected a NumPy array, got int"),
    (lambda: losses.softmax_cross_entropy(f(4, 3), None), TypeError,
     "target: expected a NumPy array, got NoneType"),
    (lambda: losses.softmax_cross_entropy(f(4, 3), np.full((4, 3), 0.5)), ValueError,
     "target: expected rows >= 0 that sum to one, got a row from 0.5 to 0.5 with sum 1.5"),
    (lambda: losses.softmax_cross_entropy(f(2, 2), np.array([[0.5, 0.5], [0.3, 0.4]])), ValueError,
     "target: expected rows >= 0 that sum to one, got a row from 0.3 to 0.4 with sum 0.7"),
    (lambda: losses.softmax_cross_entropy(f(1, 2), np.array([[1.5, -0.5]])), ValueError,
     "target: expected rows >= 0 that sum to one, got a row from -0.5 to 1.5 with sum 1"),
    (lambda: losses.softmax_cross_entropy(f(4, 3), np.full((4, 3), np.nan)), require.NotFinite,
     "target: expected finite numbers, got nan at index (0, 0)"),
    (lambda: losses.softmax_cross_entropy(f(4, 3), probabilities(4, 3).astype("f4")), ValueError,
     "target: expected float64 like z, got float32"),
    (lambda: losses.softmax_cross_entropy(f(4, 3), np.ones((4, 3), int)), ValueError,
     "target: expected shape (4,), got (4, 3)"),
    (lambda: losses.softmax_cross_entropy(f(4, 3), probabilities(2, 3)), ValueError,
     "target: expected shape (..., C) with ... = (4,), C = 3, got (2, 3)"),
    (lambda: losses.softmax_cross_entropy(f(4, 3), np.zeros(4, int), np.zeros(4, bool)), ValueError,
     "mask: expected at least one True, got none"),
    (lambda: losses.softmax_cross_entropy(f(3), np.zeros(3, int)), ValueError,
     "target: expected shape (), got (3,)"),
    (lambda: losses.softmax_cross_entropy_backward(1j, LOSS), TypeError,
     "dloss: expected a real number, got complex"),
    (lambda: losses.one_hot(np.array([0, 1]), 1), ValueError,
     "target: expected class indices from 0 to 0, got 1"),
    (lambda: losses.one_hot(np.array([], int), 2), ValueError,
     "target: expected no empty axis, got shape (0,)"),
    (lambda: losses.one_hot(np.array([0, 1]), 2.0), TypeError,
     "C: expected a whole number >= 1, got float 2.0"),
    (lambda: losses.one_hot(np.array([0, 1]), 2, dtype=int), ValueError,
     "dtype: expected np.float32 or np.float64, got <class 'int'>"),
    (lambda: dense.init(0, 3, 2), TypeError, "rng: expected Generator, got int"),
    (lambda: dense.init(np.random, 3, 2), TypeError, "rng: expected Generator, got module"),
    (lambda: dense.init(RNG, 0, 2), ValueError, "D: expected a whole number >= 1, got 0"),
    (lambda: dense.init(RNG, 3, -2), ValueError, "H: expected a whole number >= 1, got -2"),
    (lambda: dense.init(RNG, 3.0, 2), TypeError, "D: expected a whole number >= 1, got float 3.0"),
    (lambda: dense.init(RNG, True, 2), TypeError, "D: expected a whole number >= 1, got bool True"),
    (lambda: dense.init(RNG, 3, 2, np.float16), ValueError,
     "dtype: expected np.float32 or np.float64, got <class 'numpy.float16'>"),
    (lambda: dense.init(RNG, 3, 2, None), ValueError,
     "dtype: expected np.float32 or np.float64, got None"),
    (lambda: dense.init(RNG, 3, 2, "float64"), ValueError,
     "dtype: expected np.float32 or np.float64, got 'float64'"),
    (lambda: dense.init(RNG, 3, 2, np.ones(1)), ValueError,
     "dtype: expected np.float32 or np.float64, got array([1.])"),
    (lambda: dense.forward(R, f(4, 3)), TypeError, "p: expected dense.Params, got rnn.Params"),
    (lambda: dense.forward((f(3, 2), f(2)), f(4, 3)), TypeError,
     "p: expected dense.Params, got tuple"),
    (lambda: dense.forward(P, f(4, 2)), ValueError,
     "x: expected shape (..., D) with D = 3, got (4, 2)"),
    (lambda: dense.forward(P, np.float64(1.0)), ValueError,
     "x: expected shape (..., D) with D = 3, got ()"),
    (lambda: dense.forward(dense.Params(f(3, 2), f(3)), f(4, 3)), ValueError,
     "p.b: expected shape (H,) with H = 2, got (3,)"),
    (lambda: dense.forward(dense.Params(f(3, 2), f(1, 2)), f(4, 3)), ValueError,
     "p.b: expected shape (H,) with H = 2, got (1, 2)"),
    (lambda: dense.forward(dense.Params(f(3), f(2)), f(4, 3)), ValueError,
     "p.W: expected shape (D, H), got (3,)"),
    (lambda: dense.backward(f(4, 3), DENSE), ValueError,
     "dz: expected shape (..., H) with ... = (4,), H = 2, got (4, 3)"),
    (lambda: dense.backward(f(3, 2), DENSE), ValueError,
     "dz: expected shape (..., H) with ... = (4,), H = 2, got (3, 2)"),
    (lambda: dense.backward(f(2), DENSE), ValueError,
     "dz: expected shape (..., H) with ... = (4,), H = 2, got (2,)"),
    (lambda: dense.backward(f(4, 2), STACK), TypeError,
     "cache: expected dense.Cache, got dense.StackCache"),
    (lambda: dense.stack_init(RNG, (3,)), ValueError,
     "widths: expected at least two widths, got (3,)"),
    (lambda: dense.stack_init(RNG, 3), TypeError, "widths: expected tuple, got int"),
    (lambda: dense.stack_init(RNG, (3, 0, 1)), ValueError,
     "H: expected a whole number >= 1, got 0"),
    (lambda: dense.stack_forward((), f(4, 3)), ValueError,
     "layers: expected at least one layer, got none"),
    (lambda: dense.stack_forward(P, f(4, 3)), TypeError,
     "layers.0: expected dense.Params, got ndarray"),
    (lambda: dense.stack_forward([P], f(4, 3)), TypeError, "layers: expected tuple, got list"),
    (lambda: dense.stack_forward((f(3, 2),), f(4, 3)), TypeError,
     "layers.0: expected dense.Params, got ndarray"),
    (lambda: dense.stack_forward((P, P), f(4, 3)), ValueError,
     "x: expected shape (..., D) with D = 3, got (4, 2)"),
    (lambda: dense.stack_forward(LAYERS, f(4, 2)), ValueError,
     "x: expected shape (..., D) with D = 3, got (4, 2)"),
    (lambda: dense.stack_forward(LAYERS, f(4, 3), "swish"), ValueError,
     "activation: expected one of sigmoid, tanh, relu, leaky_relu, softplus, got 'swish'"),
    (lambda: dense.stack_forward(LAYERS, f(4, 3), np.tanh), ValueError,
     "activation: expected one of sigmoid, tanh, relu, leaky_relu, softplus, got <ufunc 'tanh'>"),
    (lambda: dense.stack_forward(LAYERS, f(4, 3), ["tanh"]), ValueError,
     "activation: expected one of sigmoid, tanh, relu, leaky_relu, softplus, got ['tanh']"),
    (lambda: dense.stack_backward(f(4, 2), DENSE), TypeError,
     "cache: expected dense.StackCache, got dense.Cache"),
    (lambda: dense.stack_backward(f(3, 2), STACK), ValueError,
     "dz: expected shape (..., H) with ... = (4,), H = 2, got (3, 2)"),
    (lambda: rnn.init(7, 3, 2), TypeError, "rng: expected Generator, got int"),
    (lambda: rnn.init(RNG, 0, 3), ValueError, "D: expected a whole number >= 1, got 0"),
    (lambda: rnn.init(RNG, 3, 0), ValueError, "H: expected a whole number >= 1, got 0"),
    (lambda: rnn.init(RNG, 3, 2, np.int64), ValueError,
     "dtype: expected np.float32 or np.float64, got <class 'numpy.int64'>"),
    (lambda: rnn.forward(P, f(5, 4, 3), S), TypeError, "p: expected rnn.Params, got dense.Params"),
    (lambda: rnn.forward(R, f(5, 4, 3), f(4, 2)), TypeError, "s: expected rnn.State, got ndarray"),
    (lambda: rnn.forward(R, f(5, 4, 3), None), TypeError, "s: expected rnn.State, got NoneType"),
    (lambda: rnn.forward(R, f(4, 3), S), ValueError,
     "x: expected shape (T, B, D) with D = 3, got (4, 3)"),
    (lambda: rnn.forward(R, f(4, 5, 3), S), ValueError,
     "s.h: expected shape (B, H) with B = 5, H = 2, got (4, 2)"),
    (lambda: rnn.forward(R, f(5, 4, 2), S), ValueError,
     "x: expected shape (T, B, D) with D = 3, got (5, 4, 2)"),
    (lambda: rnn.forward(R, f(0, 4, 3), S), ValueError,
     "x: expected no empty axis, got shape (0, 4, 3)"),
    (lambda: rnn.forward(R, f(5, 4, 3), rnn.State(f(1, 2))), ValueError,
     "s.h: expected shape (B, H) with B = 4, H = 2, got (1, 2)"),
    (lambda: rnn.forward(R, f(5, 4, 3), rnn.State(f(2))), ValueError,
     "s.h: expected shape (B, H) with B = 4, H = 2, got (2,)"),
    (lambda: rnn.forward(R, f(5, 4, 3), rnn.State(f(4, 3))), ValueError,
     "s.h: expected shape (B, H) with B = 4, H = 2, got (4, 3)"),
    (lambda: rnn.forward(R._replace(U=f(3, 2)), f(5, 4, 3), S), ValueError,
     "p.U: expected shape (H, H) with H = 2, got (3, 2)"),
    (lambda: rnn.forward(R._replace(W=f(2, 3)), f(5, 4, 3), S), ValueError,
     "p.U: expected shape (H, H) with H = 3, got (2, 2)"),
    (lambda: rnn.forward(R._replace(b=f(1, 2)), f(5, 4, 3), S), ValueError,
     "p.b: expected shape (H,) with H = 2, got (1, 2)"),
    (lambda: rnn.step(R, f(5, 4, 3), S), ValueError,
     "x: expected shape (B, D) with D = 3, got (5, 4, 3)"),
    (lambda: rnn.step(R, f(3, 3), S), ValueError,
     "s.h: expected shape (B, H) with B = 3, H = 2, got (4, 2)"),
    (lambda: rnn.step_backward(f(4, 2), STEP), TypeError, "ds: expected rnn.State, got ndarray"),
    (lambda: rnn.step_backward(rnn.State(f(1, 2)), STEP), ValueError,
     "ds.h: expected shape (B, H) with B = 4, H = 2, got (1, 2)"),
    (lambda: rnn.step_backward(S, SEQUENCE), TypeError,
     "cache: expected rnn.StepCache, got rnn.Cache"),
    (lambda: rnn.backward(f(5, 4, 2), SEQUENCE), TypeError, "dout: expected tuple, got ndarray"),
    (lambda: rnn.backward((f(5, 4, 2),), SEQUENCE), ValueError,
     "dout: expected the pair (dh, ds_T), got a tuple of 1"),
    (lambda: rnn.backward((f(5, 4, 2), f(4, 2)), SEQUENCE), TypeError,
     "ds_T: expected rnn.State, got ndarray"),
    (lambda: rnn.backward((f(4, 4, 2), S), SEQUENCE), ValueError,
     "dh: expected shape (T, B, H) with T = 5, B = 4, H = 2, got (4, 4, 2)"),
    (lambda: rnn.backward((f(1, 1, 2), S), SEQUENCE), ValueError,
     "dh: expected shape (T, B, H) with T = 5, B = 4, H = 2, got (1, 1, 2)"),
    (lambda: rnn.backward((f(5, 4, 2), rnn.State(f(3, 2))), SEQUENCE), ValueError,
     "ds_T.h: expected shape (B, H) with B = 4, H = 2, got (3, 2)"),
    (lambda: rnn.backward((f(5, 4, 2), S), STEP), TypeError,
     "cache: expected rnn.Cache, got rnn.StepCache"),
    (lambda: rnn.backward((f(5, 4, 2), S), SEQUENCE, truncate=0), ValueError,
     "truncate: expected a whole number >= 1, got 0"),
    (lambda: rnn.backward((f(5, 4, 2), S), SEQUENCE, truncate=2.5), TypeError,
     "truncate: expected a whole number >= 1, got float 2.5"),
    (lambda: rnn.backward((f(5, 4, 2), S), SEQUENCE, truncate=True), TypeError,
     "truncate: expected a whole number >= 1, got bool True"),
    (lambda: classifier.init(RNG, 3, 4, 0), ValueError, "C: expected a whole number >= 1, got 0"),
    (lambda: classifier.forward(R, f(5, 4, 3)), TypeError,
     "p: expected classifier.Params, got rnn.Params"),
    (lambda: classifier.forward(C, f(4, 3)), ValueError, "x: expected shape (T, B, D), got (4, 3)"),
    (lambda: classifier.forward(C, f(5, 4, 2)), ValueError,
     "x: expected shape (T, B, D) with D = 3, got (5, 4, 2)"),
    (lambda: classifier.backward(f(4, 3), READ), ValueError,
     "dz: expected shape (..., H) with ... = (4,), H = 2, got (4, 3)"),
    (lambda: classifier.backward(f(4, 2), SEQUENCE), TypeError,
     "cache: expected classifier.Cache, got rnn.Cache"),
    (lambda: classifier.backward(f(4, 2), None), TypeError,
     "cache: expected classifier.Cache, got NoneType"),
    (lambda: classifier.loss_and_gradients(C, f(5, 4, 3)), TypeError,
     "batch: expected tuple, got ndarray"),
    (lambda: classifier.loss_and_gradients(C, (f(5, 4, 3), np.array([0, 1, 2, 0]))), ValueError,
     "target: expected class indices from 0 to 1, got 2"),
    (lambda: classifier.accuracy(C, f(5, 4, 3), np.zeros(3, int)), ValueError,
     "labels: expected shape (4,), got (3,)"),
    (lambda: classifier.accuracy(C, f(5, 4, 3), np.full(4, 2)), ValueError,
     "labels: expected class indices from 0 to 1, got 2"),
    (lambda: classifier.accuracy(C, f(5, 4, 3), np.zeros(4)), ValueError,
     "labels: expected integer class indices, got float64"),
    (lambda: optim.sgd(0), ValueError, "learning_rate: expected a number > 0, got 0"),
    (lambda: optim.sgd(-0.1), ValueError, "learning_rate: expected a number > 0, got -0.1"),
    (lambda: optim.sgd(np.inf), require.NotFinite,
     "learning_rate: expected a finite number, got inf"),
    (lambda: optim.sgd("0.1"), TypeError, "learning_rate: expected a real number, got str"),
    (lambda: optim.sgd(0.1, momentum=1.0), ValueError,
     "momentum: expected a number >= 0 and < 1, got 1.0"),
    (lambda: optim.sgd(0.1, momentum=-0.1), ValueError,
     "momentum: expected a number >= 0 and < 1, got -0.1"),
    (lambda: optim.adam(0.0), ValueError, "learning_rate: expected a number > 0, got 0.0"),
    (lambda: optim.adam(0.1, beta1=1.0), ValueError,
     "beta1: expected a number >= 0 and < 1, got 1.0"),
    (lambda: optim.adam(0.1, beta2=-0.5), ValueError,
     "beta2: expected a number >= 0 and < 1, got -0.5"),
    (lambda: optim.adam(0.1, epsilon=0.0), ValueError, "epsilon: expected a number > 0, got 0.0"),
    (lambda: SGD.step(P, P.W, SGD.init(P)), ValueError, "g: expected the leaves g.W, g.b, got g"),
    (lambda: SGD.step(P, (*P, P.b), SGD.init(P)), ValueError,
     "g: expected the leaves g.W, g.b, got g.0, g.1, g.2"),
    (lambda: SGD.step(P, dense.Params(P.W.T, P.b), SGD.init(P)), ValueError,
     "g.W: expected shape (3, 2), got (2, 3)"),
    (lambda: ADAM.step(P, dense.Params(P.W, P.b[None]), ADAM.init(P)), ValueError,
     "g.b: expected shape (2,), got (1, 2)"),
    (lambda: ADAM.step(P, P, SGD.init(P)), TypeError,
     "slots: expected optim.AdamSlots, got dense.Params"),
    (lambda: SGD.step(f(1), f(1), (f(1), f(1))), ValueError,
     "slots: expected the leaves slots, got slots.0, slots.1"),
    (lambda: SGD.step(P, P, SGD.init(R)), ValueError,
     "slots: expected the leaves slots.W, slots.b, got slots.W, slots.U, slots.b"),
    (lambda: optim.clip_by_global_norm(P, 0.0), ValueError,
     "max_norm: expected a number > 0, got 0.0"),
    (lambda: optim.clip_by_global_norm(P, np.inf), require.NotFinite,
     "max_norm: expected a finite number, got inf"),
    (lambda: optim.clip_by_global_norm((), 1.0), ValueError,
     "tree: expected at least one leaf, got none"),
    (lambda: train.fit(None, P, [0], 0.1), TypeError,
     "optimizer: expected optim.Optimizer, got float"),
    (lambda: train.fit(None, P, [0], SGD, clip=-1.0), ValueError,
     "clip: expected a number > 0, got -1.0"),
    (lambda: train.fit(None, [f(2)], [0], SGD), TypeError,
     "p: expected arrays nested in tuples, got list"),
    (lambda: list(train.fit(None, P, [], SGD)), ValueError,
     "batches: expected at least one batch, got none"),
    (lambda: list(train.fit(lambda p, b: ("0.1", p), P, [0], SGD)), TypeError,
     "loss: expected a real number, got str"),
    (lambda: list(train.fit(lambda p, b: (1.0, p.W), P, [0], SGD)), ValueError,
     "g: expected the leaves g.W, g.b, got g"),
    (lambda: list(train.fit(lambda p, b: (f(2), p), P, [0], SGD)), TypeError,
     "loss: expected a real number, got ndarray"),
    (lambda: tree.map(np.add, (f(1), f(1)), (f(1),)), ValueError,
     "tree: expected a tuple of 2 in every tree, got a tuple of 1"),
    (lambda: tree.map(np.add, f(1), (f(1),)), ValueError,
     "tree: expected a leaf in every tree, got a tuple of 1"),
    (lambda: tree.map(np.add, (f(1),), f(1)), ValueError,
     "tree: expected a tuple of 1 in every tree, got ndarray"),
    (lambda: tree.map(np.add, (f(1), (f(1), f(1))), (f(1), (f(1),))), ValueError,
     "tree.1: expected a tuple of 2 in every tree, got a tuple of 1"),
    (lambda: tree.map(np.negative, {"W": f(1)}), TypeError,
     "tree: expected arrays nested in tuples, got dict"),
    (lambda: tree.map(np.negative, (f(1), [f(1)])), TypeError,
     "tree.1: expected arrays nested in tuples, got list"),
    (lambda: tree.dot(P, P.W), ValueError,
     "tree: expected a tuple of 2 in every tree, got ndarray"),
    (lambda: tree.like("g", (), P), ValueError, "g: expected the leaves g.W, g.b, got none"),
    (lambda: list(tree.leaves([f(1)])), TypeError,
     "tree: expected arrays nested in tuples, got list"),
    (lambda: tree.norm(()), ValueError, "tree: expected at least one leaf, got none"),
    (lambda: tree.like("g", P, R), ValueError,
     "g: expected the leaves g.W, g.U, g.b, got g.W, g.b"),
    (lambda: data.minibatches(f(4, 3), np.zeros(3, int), 2, RNG), ValueError,
     "y: expected 4 examples like axis 0 of x, got 3"),
    (lambda: data.minibatches(f(5, 4, 3), np.zeros(4, int), 2, RNG), ValueError,
     "y: expected 5 examples like axis 0 of x, got 4"),
    (lambda: data.minibatches(f(0, 3), np.zeros(0, int), 2, RNG), ValueError,
     "x: expected at least one example, got shape (0, 3)"),
    (lambda: data.minibatches(f(4, 3), np.zeros(4, int), 0, RNG), ValueError,
     "size: expected a whole number >= 1, got 0"),
    (lambda: data.minibatches(f(4, 3), np.zeros(4, int), 2.0, RNG), TypeError,
     "size: expected a whole number >= 1, got float 2.0"),
    (lambda: data.minibatches(f(4, 3), np.zeros(4, int), 2, 0), TypeError,
     "rng: expected Generator, got int"),
    (lambda: data.minibatches(f(4, 3), np.zeros(4, int), 2, RNG, epochs=0), ValueError,
     "epochs: expected a whole number >= 1, got 0"),
    (lambda: data.minibatches(f(4), np.zeros(4, int), 2, RNG, axis=1), ValueError,
     "x: expected 2 or more axes, got shape (4,)"),
    (lambda: data.minibatches(f(4, 3), np.zeros(4, int), 2, RNG, axis=-1), ValueError,
     "axis: expected 0 or 1, got -1"),
    (lambda: data.minibatches(f(4, 3), np.zeros(4, int), 2, RNG, axis=None), ValueError,
     "axis: expected 0 or 1, got None"),
    (lambda: data.minibatches(f(4, 3), [0] * 4, 2, RNG), TypeError,
     "y: expected a NumPy array, got list"),
    (lambda: data.digits(dtype=np.float16), ValueError,
     "dtype: expected np.float32 or np.float64, got <class 'numpy.float16'>"),
    (lambda: data.minibatches(f(4, 3), np.array(0), 2, RNG), ValueError,
     "y: expected 1 or more axes, got shape ()"),
    (lambda: data.rows(np.array(1.0)), ValueError, "x: expected 1 or more axes, got shape ()"),
    (lambda: data.rows(f(4, 63)), ValueError, "x: expected shape (4, 64), got (4, 63)"),
    (lambda: data.rows(f(64)), ValueError, "x: expected shape (64, 64), got (64,)"),
    (lambda: data.rows(f(4, 8, 8)), ValueError, "x: expected shape (4, 64), got (4, 8, 8)"),
    (lambda: finite_difference(np.sum, (f(2),), (f(2),), h=0.0), ValueError,
     "h: expected a number > 0, got 0.0"),
    (lambda: finite_difference(np.sum, (f(2),), (f(2), f(2))), ValueError,
     "tree: expected a tuple of 1 in every tree, got a tuple of 2"),
    (lambda: complex_step(np.sum, (f(2),), f(2)), ValueError,
     "tree: expected a tuple of 1 in every tree, got ndarray"),
    (lambda: gradient_check(dense.forward, dense.backward, (P, f(4, 3)), 0), TypeError,
     "rng: expected Generator, got int"),
]
# fmt: on


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("call, error, message", REFUSED, ids=[row[2] for row in REFUSED])
def test_refusals_say_what_was_expected_and_what_came(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
