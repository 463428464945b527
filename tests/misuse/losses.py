"""Malformed calls of the losses."""

import numpy as np

from fnnlib import activations, dense, losses, require
from misuse.spoilt import Maybe, f, free


def probabilities(*shape):
    return activations.softmax(f(*shape))


_, DENSE = dense.forward(dense.Params(f(3, 2), f(2)), f(4, 3))
_, LOSS = losses.squared_error(f(4, 2), f(4, 2))
TARGET = probabilities(4, 3)
MASK = np.array([True, False, True, True])

CALLS = {
    "losses.squared_error": (
        losses.squared_error, {"y_hat": f(4, 3), "target": f(4, 3), "mask": Maybe(MASK)}
    ),
    "losses.binary_cross_entropy": (
        losses.binary_cross_entropy,
        {"z": f(4, 3), "target": probabilities(4, 3), "mask": Maybe(MASK)},
    ),
    "losses.softmax_cross_entropy": (
        lambda z, mask: losses.softmax_cross_entropy(z, TARGET, mask),
        {"z": f(4, 3), "mask": Maybe(MASK)},  # a target of whole numbers has another meaning
    ),
    "losses.one_hot": (
        lambda target, C, dtype: losses.one_hot(target, C, dtype),
        {"target": np.array([0, 1, 2]), "C": 3, "dtype": np.float64},
    ),
    **{
        f"losses.{name}_backward": (
            getattr(losses, f"{name}_backward"), {"dloss": 1.0, "cache": LOSS}
        )
        for name in ("squared_error", "binary_cross_entropy", "softmax_cross_entropy")
    },
}  # fmt: skip

# Changes of one array after which it still fits.
FREE = {
    "losses.one_hot": {"target": free(0, rank=True)},
}

# fmt: off
REFUSED = [
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
]
# fmt: on
