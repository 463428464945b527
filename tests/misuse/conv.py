"""Malformed calls of the convolution."""

import numpy as np

from fnnlib import buffers, conv
from misuse.spoilt import RNG, Maybe, f, free

P, X = conv.Params(f(3, 2, 3, 2), f(3)), f(4, 2, 6, 5)
Z, CACHE = conv.forward(P, X)
# Of these sizes Winograd's way is taken.
P3, X3 = conv.Params(f(2, 16, 3, 3), f(2)), f(2, 16, 7, 6)
Z3, CACHE3 = conv.forward(P3, X3)

CALLS = {
    "conv.init": (
        conv.init, {"rng": RNG, "O": 3, "C": 2, "I": 3, "J": 2, "dtype": np.float64}
    ),
    "conv.forward": (
        conv.forward,
        {"p": P, "x": X, "stride": 1, "padding": 1, "reuse": Maybe(buffers.Buffers())},
    ),
    "conv.forward, 3 x 3": (
        lambda p, x, padding: conv.forward(p, x, 1, padding), {"p": P3, "x": X3, "padding": 1}
    ),
    "conv.backward, 3 x 3": (conv.backward, {"dz": f(*Z3.shape), "cache": CACHE3}),
    "conv.backward": (conv.backward, {"dz": f(*Z.shape), "cache": CACHE}),
}  # fmt: skip

# Changes of one array after which it still fits.
FREE = {
    "conv.forward": {"p.W": free(2, 3), "x": free(0, 2, 3)},
    "conv.forward, 3 x 3": {"p.W": free(2, 3), "x": free(0, 2, 3)},
}
