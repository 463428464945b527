"""Malformed calls of low-rank adapters."""

import numpy as np

from fnnlib import dense, lowrank
from misuse.spoilt import RNG, f, free

P, BASE = lowrank.Params(f(4, 2), f(2, 3)), dense.Params(f(4, 3), f(3))
_, CACHE = lowrank.forward(P, BASE, f(5, 4))

CALLS = {
    "lowrank.init": (
        lowrank.init, {"rng": RNG, "D": 4, "H": 3, "R": 2, "dtype": np.float64}
    ),
    "lowrank.forward": (lowrank.forward, {"p": P, "base": BASE, "x": f(5, 4), "scale": 0.5}),
    "lowrank.backward": (lowrank.backward, {"dz": f(5, 3), "cache": CACHE}),
    "lowrank.merge": (lowrank.merge, {"p": P, "base": BASE, "scale": 0.5}),
}  # fmt: skip

# Changes of one array after which it still fits.
FREE = {
    "lowrank.forward": {"x": free(0, rank=True)},
}
