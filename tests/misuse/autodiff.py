"""Malformed calls of automatic differentiation."""

import numpy as np

from fnnlib import autodiff
from fnnlib.autodiff import Value
from misuse.spoilt import f, free

V = Value(f(3, 2))
FACTORS = f(4, 3), f(3, 2)


def product(x, y):
    return x @ y


def back(dout):
    _, gradients = autodiff.vjp(product, FACTORS)
    return gradients(dout)


CALLS = {
    "autodiff.vjp": (
        lambda f, x, y: autodiff.vjp(f, (x, y)),
        {"f": product, "args.0": f(4, 3), "args.1": f(3, 2)}
    ),
    "autodiff.vjp.back": (back, {"dout": f(4, 2)}),
}

# Changes of one array after which it still fits.
FREE = {
    "autodiff.vjp": {
        "args.0": {"more axes", *free(0, precision=True)},
        "args.1": {"more axes", *free(1, precision=True)},
    },
    "autodiff.vjp.back": {"dout": free(precision=True)},
}

REFUSED = [
    *(
        (lambda g=g, v=v: g(v), TypeError, f"v: expected autodiff.Value, got {name}")
        for g in (autodiff.exp, autodiff.log, autodiff.tanh, autodiff.relu)
        for v, name in ((f(3), "ndarray"), (1.0, "float"), (None, "NoneType"), ([V], "list"))
    ),
    (lambda: Value(np.arange(3)), ValueError, "data: expected float32 or float64, got int64"),
    (lambda: Value("1"), ValueError, "data: expected float32 or float64, got <U1"),
    (lambda: Value(None), ValueError, "data: expected float32 or float64, got object"),
    (lambda: Value(f(3).astype(np.float16)), ValueError,
     "data: expected float32 or float64, got float16"),
    (lambda: V + "1", TypeError, "operand: expected a Value, an array or a number, got str"),
    (lambda: V * None, TypeError,
     "operand: expected a Value, an array or a number, got NoneType"),
    (lambda: [1.0] - V, TypeError, "operand: expected a Value, an array or a number, got list"),
    (lambda: autodiff.matmul(V, V), ValueError,
     "a and b: expected shapes (..., N, K) and (..., K, M), got (3, 2) and (3, 2)"),
    (lambda: V @ f(2), ValueError,
     "a and b: expected shapes (..., N, K) and (..., K, M), got (3, 2) and (2,)"),
    (lambda: autodiff.matmul(f(3), V), ValueError,
     "a and b: expected shapes (..., N, K) and (..., K, M), got (3,) and (3, 2)"),
    (lambda: autodiff.matmul(V, None), TypeError,
     "operand: expected a Value, an array or a number, got NoneType"),
    (lambda: autodiff.stack([]), ValueError, "values: expected values of one shape, got none"),
    (lambda: autodiff.stack((V, V)), TypeError, "values: expected list, got tuple"),
    (lambda: autodiff.stack([V, Value(f(2))]), ValueError,
     "values: expected values of one shape, got the shapes [(2,), (3, 2)]"),
    (lambda: autodiff.vjp(product, f(3)), TypeError, "args: expected tuple, got ndarray"),
    (lambda: autodiff.vjp(lambda x: 3.0, (f(3),)), TypeError,
     "out: expected autodiff.Value, got float"),
    (lambda: autodiff.vjp(lambda x: (x, x.data), (f(3),)), TypeError,
     "out.1: expected autodiff.Value, got ndarray"),
    (lambda: back((f(4, 2),)), ValueError,
     "dout: expected the leaves dout, got dout.0"),
    (lambda: back(np.asarray(1.0)), ValueError, "dout: expected shape (4, 2), got ()"),
]  # fmt: skip
