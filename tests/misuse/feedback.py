"""Malformed calls of the net with output feedback."""

import numpy as np

from fnnlib import feedback
from misuse.spoilt import RNG, Maybe, f, free

P, X = feedback.Params(f(5, 4), f(4), f(2, 4), f(4, 3), f(3), f(3, 2), f(2)), f(6, 5)
_, PASSES = feedback.forward(P, X, 2)
SMALL = feedback.Params(*(a / 4 for a in P))
_, REST = feedback.fixed_point(SMALL, X)

CALLS = {
    "feedback.init": (
        feedback.init, {"rng": RNG, "D": 5, "H1": 4, "H2": 3, "C": 2, "dtype": np.float64}
    ),
    "feedback.forward": (feedback.forward, {"p": P, "x": X, "K": 2, "output": "sigmoid"}),
    "feedback.backward": (feedback.backward, {"dy": f(3, 6, 2), "cache": PASSES}),
    "feedback.contraction": (feedback.contraction, {"p": P, "output": "sigmoid"}),
    "feedback.fixed_point": (
        feedback.fixed_point,
        {"p": SMALL, "x": X, "output": "sigmoid", "tolerance": Maybe(1e-6), "most": 100},
    ),
    "feedback.fixed_point_backward": (
        feedback.fixed_point_backward, {"dy": f(6, 2), "cache": REST}
    ),
}  # fmt: skip

# Changes of one array after which it still fits.
FREE = {
    "feedback.forward": {"x": free(0)},
    "feedback.contraction": {"p.W1": free(0)},
    "feedback.fixed_point": {"x": free(0)},
}
