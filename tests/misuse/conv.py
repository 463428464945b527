"""Malformed calls of the convolution."""

import numpy as np

from fnnlib import buffers, conv
from misuse.spoilt import RNG, Maybe, f, free

P, X = conv.Params(f(3, 2, 3, 2), f(3)), f(4, 2, 6, 5)
Z, CACHE = conv.forward(P, X)

CALLS = {
    "conv.init": (
        conv.init, {"rng": RNG, "O": 3, "C": 2, "I": 3, "J": 2, "dtype": np.float64}
    ),
    "conv.forward": (
        conv.forward,
        {"p": P, "x": X, "stride": 1, "padding": 1, "reuse": Maybe(buffers.Buffers())},
    ),
    "conv.backward": (conv.backward, {"dz": f(*Z.shape), "cache": CACHE}),
}  # fmt: skip

# Changes of one array after which it still fits.
FREE = {
    "conv.forward": {"p.W": free(2, 3), "x": free(0, 2, 3)},
}
