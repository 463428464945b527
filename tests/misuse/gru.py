"""Malformed calls of the gated recurrent unit."""

import numpy as np

from fnnlib import buffers, gru
from misuse.spoilt import RNG, Maybe, f, free

P = gru.Params(f(3, 6), f(2, 6), f(6), f(2))
S = gru.State(f(4, 2))
_, STEP = gru.step(P, f(4, 3), S)
_, SEQUENCE = gru.forward(P, f(5, 4, 3), S)

CALLS = {
    "gru.init": (gru.init, {"rng": RNG, "D": 3, "H": 2, "dtype": np.float64}),
    "gru.other_convention": (gru.other_convention, {"p": P}),
    "gru.step": (gru.step, {"p": P, "x": f(4, 3), "s": S}),
    "gru.step_backward": (gru.step_backward, {"ds": S, "cache": STEP}),
    "gru.forward": (
        gru.forward, {"p": P, "x": f(5, 4, 3), "s": S, "reuse": Maybe(buffers.Buffers())}
    ),
    "gru.backward": (
        lambda dh, ds_T, cache, truncate: gru.backward((dh, ds_T), cache, truncate),
        {"dh": f(5, 4, 2), "ds_T": S, "cache": SEQUENCE, "truncate": Maybe(2)},
    ),
}  # fmt: skip

# Changes of one array after which it still fits.
FREE = {
    "gru.other_convention": {"p.W": free(0)},
    "gru.forward": {"x": free(0)},
}
