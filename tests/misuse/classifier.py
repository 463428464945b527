"""Malformed calls of the recurrent classifier."""

import numpy as np

from fnnlib import classifier, rnn
from misuse.spoilt import RNG, Maybe, f, free

R = rnn.Params(f(3, 2), f(2, 2), f(2))
_, SEQUENCE = rnn.forward(R, f(5, 4, 3), rnn.State(f(4, 2)))
C = classifier.init(RNG, 3, 4, 2)
_, READ = classifier.forward(C, f(5, 4, 3))
LABELS = np.array([0, 1, 1, 0])

CALLS = {
    "classifier.init": (
        classifier.init, {"rng": RNG, "D": 3, "H": 4, "C": 2, "dtype": np.float64}
    ),
    "classifier.forward": (classifier.forward, {"p": C, "x": f(5, 4, 3)}),
    "classifier.backward": (
        classifier.backward, {"dz": f(4, 2), "cache": READ, "truncate": Maybe(2)}
    ),
    "classifier.loss_and_gradients": (
        lambda p, x, truncate: classifier.loss_and_gradients(p, (x, LABELS), truncate),
        {"p": C, "x": f(5, 4, 3), "truncate": Maybe(2)},
    ),
    "classifier.accuracy": (classifier.accuracy, {"p": C, "x": f(5, 4, 3), "labels": LABELS}),
}  # fmt: skip

# Changes of one array after which it still fits.
FREE = {
    "classifier.forward": {"x": free(0, 1)},
    "classifier.loss_and_gradients": {"x": free(0)},
    "classifier.accuracy": {"x": free(0)},
}

# fmt: off
REFUSED = [
    (lambda: classifier.init(RNG, 3, 4, 0), ValueError, "C: expected a whole number >= 1, got 0"),
    (lambda: classifier.forward(R, f(5, 4, 3)), TypeError,
     "p: expected classifier.Params, got rnn.Params"),
    (lambda: classifier.forward(C, f(4, 3)), ValueError, "x: expected shape (T, B, D), got (4, 3)"),
    (lambda: classifier.forward(C, f(5, 4, 2)), ValueError,
     "x: expected shape (T, B, D) with D = 3, got (5, 4, 2)"),
    (lambda: classifier.backward(f(4, 3), READ), ValueError,
     "dz: expected shape (..., H) with ... = (4,), H = 2, got (4, 3)"),
    (lambda: classifier.backward(f(4, 2), SEQUENCE), TypeError,
     "cache: expected classifier.Cache, got rnn.Cache"),
    (lambda: classifier.backward(f(4, 2), None), TypeError,
     "cache: expected classifier.Cache, got NoneType"),
    (lambda: classifier.loss_and_gradients(C, f(5, 4, 3)), TypeError,
     "batch: expected tuple, got ndarray"),
    (lambda: classifier.loss_and_gradients(C, (f(5, 4, 3), np.array([0, 1, 2, 0]))), ValueError,
     "target: expected class indices from 0 to 1, got 2"),
    (lambda: classifier.accuracy(C, f(5, 4, 3), np.zeros(3, int)), ValueError,
     "labels: expected shape (4,), got (3,)"),
    (lambda: classifier.accuracy(C, f(5, 4, 3), np.full(4, 2)), ValueError,
     "labels: expected class indices from 0 to 1, got 2"),
    (lambda: classifier.accuracy(C, f(5, 4, 3), np.zeros(4)), ValueError,
     "labels: expected integer class indices, got float64"),
]
# fmt: on
