"""Malformed calls of the net with gated feedback."""

import numpy as np

from fnnlib import gated_feedback
from misuse.spoilt import RNG, Maybe, f, free

P = gated_feedback.init(RNG, 5, 4, 3, 2)
P = type(P)(*(a + f(*a.shape) for a in P))
X, S = f(7, 6, 5), gated_feedback.State(f(6, 4), f(6, 3))
_, STEP = gated_feedback.step(P, X[0], S)
_, SEQUENCE = gated_feedback.forward(P, X, S)
_, LOSS = gated_feedback.loss(f(7, 6, 2), f(7, 6, 3), f(7, 6, 2), f(7, 6, 3), 0.5)

CALLS = {
    "gated_feedback.init": (
        gated_feedback.init, {"rng": RNG, "D": 5, "H": 4, "F": 3, "C": 2, "dtype": np.float64}
    ),
    "gated_feedback.step": (gated_feedback.step, {"p": P, "x": X[0], "s": S, "residual": True}),
    "gated_feedback.step_backward": (
        lambda dy, ds, cache: gated_feedback.step_backward((dy, ds), cache),
        {"dy": f(6, 2), "ds": S, "cache": STEP},
    ),
    "gated_feedback.forward": (
        gated_feedback.forward, {"p": P, "x": X, "s": S, "residual": False}
    ),
    "gated_feedback.backward": (
        lambda dy, dc, ds_T, cache, truncate: gated_feedback.backward(
            (dy, dc, ds_T), cache, truncate
        ),
        {"dy": f(7, 6, 2), "dc": f(7, 6, 3), "ds_T": S, "cache": SEQUENCE, "truncate": Maybe(3)},
    ),
    "gated_feedback.loss": (
        gated_feedback.loss,
        {
            "y": f(7, 6, 2), "c": f(7, 6, 3), "target": f(7, 6, 2), "signal": f(7, 6, 3),
            "weight": 0.5,
        },
    ),
    "gated_feedback.loss_backward": (gated_feedback.loss_backward, {"dloss": 1.0, "cache": LOSS}),
}  # fmt: skip

# Changes of one array after which it still fits.
FREE = {
    "gated_feedback.forward": {"x": free(0)},
}
