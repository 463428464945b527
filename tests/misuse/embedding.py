"""Malformed calls of the embedding."""

import numpy as np

from fnnlib import embedding
from misuse.spoilt import RNG, f, free

P, TOKENS = embedding.Params(f(5, 3)), np.zeros((2, 2), int)
_, CACHE = embedding.forward(P, TOKENS)

CALLS = {
    "embedding.init": (embedding.init, {"rng": RNG, "V": 5, "D": 3, "dtype": np.float64}),
    "embedding.forward": (embedding.forward, {"p": P, "tokens": TOKENS}),
    "embedding.backward": (embedding.backward, {"dx": f(2, 2, 3), "cache": CACHE}),
}

# Changes of one array after which it still fits.
FREE = {
    "embedding.forward": {"p.E": free(0, 1, precision=True), "tokens": free(0, 1, rank=True)},
}
