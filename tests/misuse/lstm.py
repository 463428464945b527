"""Malformed calls of the long short-term memory."""

import numpy as np

from fnnlib import buffers, lstm
from misuse.spoilt import RNG, Maybe, f, free

P = lstm.Params(f(3, 8), f(2, 8), f(8))
S = lstm.State(f(4, 2), f(4, 2))
_, STEP = lstm.step(P, f(4, 3), S)
_, SEQUENCE = lstm.forward(P, f(5, 4, 3), S)

CALLS = {
    "lstm.init": (lstm.init, {"rng": RNG, "D": 3, "H": 2, "dtype": np.float64}),
    "lstm.step": (lstm.step, {"p": P, "x": f(4, 3), "s": S}),
    "lstm.step_backward": (lstm.step_backward, {"ds": S, "cache": STEP}),
    "lstm.forward": (
        lstm.forward, {"p": P, "x": f(5, 4, 3), "s": S, "reuse": Maybe(buffers.Buffers())}
    ),
    "lstm.backward": (
        lambda dh, ds_T, cache, truncate: lstm.backward((dh, ds_T), cache, truncate),
        {"dh": f(5, 4, 2), "ds_T": S, "cache": SEQUENCE, "truncate": Maybe(2)},
    ),
}  # fmt: skip

# Changes of one array after which it still fits.
FREE = {
    "lstm.forward": {"x": free(0)},
}
