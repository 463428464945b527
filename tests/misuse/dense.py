"""Malformed calls of dense layers."""

import numpy as np

from fnnlib import buffers, dense, rnn
from misuse.spoilt import RNG, Maybe, f, free

P = dense.Params(f(3, 2), f(2))
R = rnn.Params(f(3, 2), f(2, 2), f(2))
LAYERS = dense.Params(f(3, 5), f(5)), dense.Params(f(5, 2), f(2))
_, DENSE = dense.forward(P, f(4, 3))
_, STACK = dense.stack_forward(LAYERS, f(4, 3))

CALLS = {
    "dense.init": (dense.init, {"rng": RNG, "D": 3, "H": 2, "dtype": np.float64}),
    "dense.forward": (
        dense.forward, {"p": P, "x": f(4, 3), "reuse": Maybe(buffers.Buffers())}
    ),
    "dense.backward": (dense.backward, {"dz": f(4, 2), "cache": DENSE}),
    "dense.stack_init": (
        lambda rng, D, H, dtype: dense.stack_init(rng, (D, H), dtype),
        {"rng": RNG, "D": 3, "H": 2, "dtype": np.float64},
    ),
    "dense.stack_backward": (dense.stack_backward, {"dz": f(4, 2), "cache": STACK}),
    "dense.stack_forward": (
        lambda W, b, x, activation, reuse: dense.stack_forward(
            (LAYERS[0], dense.Params(W, b)), x, activation, reuse
        ),
        {
            "layers.1.W": f(5, 2), "layers.1.b": f(2), "x": f(4, 3), "activation": "tanh",
            "reuse": Maybe(buffers.Buffers()),
        },
    ),
}  # fmt: skip

# Changes of one array after which it still fits.
FREE = {
    "dense.forward": {"x": free(0, rank=True)},
    "dense.stack_forward": {"x": free(0, rank=True)},
}

# fmt: off
REFUSED = [
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
     "layers.1.W: expected shape (D1, D2) with D1 = 2, got (3, 2)"),
    (lambda: dense.stack_forward(LAYERS, f(4, 2)), ValueError,
     "x: expected shape (..., D0) with D0 = 3, got (4, 2)"),
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
]
# fmt: on
