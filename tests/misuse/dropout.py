"""Malformed calls of dropout."""

import numpy as np

from fnnlib import dropout
from misuse.spoilt import RNG, f

_, CACHE = dropout.forward(f(4, 3), f(4, 3))

CALLS = {
    "dropout.mask": (
        lambda rng, shape, rate, dtype: dropout.mask(rng, (2, shape), rate, dtype),
        {"rng": RNG, "shape": 3, "rate": 0.5, "dtype": np.float64},
    ),
    "dropout.forward": (dropout.forward, {"x": f(4, 3), "m": f(4, 3)}),
    "dropout.backward": (dropout.backward, {"dy": f(4, 3), "cache": CACHE}),
}

REFUSED = [
    (lambda: dropout.mask(RNG, [2, 3], 0.5), TypeError, "shape: expected tuple, got list"),
    (lambda: dropout.mask(RNG, 3, 0.5), TypeError, "shape: expected tuple, got int"),
    (lambda: dropout.mask(RNG, (2,), 1.0), ValueError,
     "rate: expected a number >= 0 and < 1, got 1.0"),
    (lambda: dropout.mask(RNG, (2,), -0.1), ValueError,
     "rate: expected a number >= 0 and < 1, got -0.1"),
]  # fmt: skip
