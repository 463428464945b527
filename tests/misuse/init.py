"""Malformed calls of the initialisations."""

import numpy as np

from fnnlib import init
from misuse.spoilt import RNG

SIZES = {"D": 3, "H": 2}

CALLS = {
    "init.zeros": (init.zeros, {**SIZES, "dtype": np.float64}),
    **{
        f"init.{name}": (
            getattr(init, name), {"rng": RNG, **SIZES, "variance": 0.5, "dtype": np.float64}
        )
        for name in ("uniform", "normal")
    },
    **{
        f"init.{name}": (getattr(init, name), {"rng": RNG, **SIZES, "dtype": np.float64})
        for name in ("xavier", "he", "orthogonal")
    },
}  # fmt: skip

REFUSED = [
    (lambda: init.uniform(RNG, 3, 2, 0.0), ValueError,
     "variance: expected a number > 0 and <= 1e+300, got 0.0"),
    (lambda: init.normal(RNG, 3, 2, -1), ValueError,
     "variance: expected a number > 0 and <= 1e+300, got -1"),
    (lambda: init.zeros(0, 2), ValueError, "D: expected a whole number >= 1, got 0"),
    (lambda: init.orthogonal(RNG, 3, 0), ValueError, "H: expected a whole number >= 1, got 0"),
]  # fmt: skip
