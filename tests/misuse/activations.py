"""Malformed calls of the activations."""

import numpy as np

from fnnlib import activations, require
from misuse.spoilt import f, free


def probabilities(*shape):
    return activations.softmax(f(*shape))


def output_first(name):
    backward = getattr(activations, f"{name}_backward")
    return lambda y, dy: backward(dy, y)


CALLS = {
    **{
        f"activations.{name}": (getattr(activations, name), {"z": f(4, 3)})
        for pair in activations.ELEMENTWISE
        for name in (pair, f"{pair}_prime")
    },
    **{
        f"activations.{name}_backward": (output_first(name), {"y": f(4, 3), "dy": f(4, 3)})
        for name in activations.ELEMENTWISE
    },
    "activations.leaky_relu": (activations.leaky_relu, {"z": f(4, 3), "slope": 0.1}),
    "activations.leaky_relu_prime": (activations.leaky_relu_prime, {"z": f(4, 3), "slope": 0.1}),
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
}

# Changes of one array after which it still fits.
FREE = {
    name: {"z": free(0, 1, rank=True, precision=True)} for name in CALLS if "backward" not in name
}

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
]
# fmt: on
