"""Malformed calls of attention."""

import numpy as np

from fnnlib import attention
from misuse.spoilt import RNG, Maybe, f, free

P, X = attention.init(RNG, 4, 3, 2), f(5, 6, 4)
Q, K, V = f(5, 6, 3), f(7, 6, 3), f(7, 6, 2)
_, ATTENDED = attention.attend(Q, K, V)
_, SELF = attention.forward(P, X)

CALLS = {
    "attention.init": (
        attention.init, {"rng": RNG, "D": 4, "K": 3, "H": 2, "dtype": np.float64}
    ),
    "attention.causal": (attention.causal, {"T": 5}),
    "attention.attend": (
        attention.attend, {"q": Q, "k": K, "v": V, "mask": Maybe(np.ones((5, 7), bool))}
    ),
    "attention.attend_backward": (
        attention.attend_backward, {"dh": f(5, 6, 2), "cache": ATTENDED}
    ),
    "attention.forward": (
        attention.forward, {"p": P, "x": X, "mask": Maybe(attention.causal(5))}
    ),
    "attention.backward": (attention.backward, {"dh": f(5, 6, 2), "cache": SELF}),
}  # fmt: skip

# Changes of one array after which it still fits.
FREE = {
    "attention.attend": {"v": free(2)},
    "attention.forward": {"p.V": free(1), "x": free(1)},
}
