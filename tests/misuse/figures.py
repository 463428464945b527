"""Malformed calls of the figures that take numbers."""

import numpy as np

from fnnlib import figures, train
from misuse.spoilt import f

RUN = train.History(f(3), f(3), f(1), np.array([3]))

CALLS = {}

REFUSED = [
    (lambda: figures.axes("x", "y", columns=0), ValueError,
     "columns: expected a whole number >= 1, got 0"),
    (lambda: figures.axes("x", "y", columns=1.5), TypeError,
     "columns: expected a whole number >= 1, got float 1.5"),
    (lambda: figures.history(tuple(RUN)), TypeError, "run: expected train.History, got tuple"),
    (lambda: figures.history(RUN.loss), TypeError, "run: expected train.History, got ndarray"),
    (lambda: figures.history(None), TypeError, "run: expected train.History, got NoneType"),
]  # fmt: skip
