"""Handwritten digits: 1,797 real images of 8 x 8 pixels, bundled with scikit-learn."""

from typing import NamedTuple

import numpy as np

from fnnlib import require

TEST = 360  # images held out, one fifth
SEED = 0  # of the shuffle that decides which


class Digits(NamedTuple):
    """Images as rows of 64 pixels in [0, 1], and the digit each shows."""

    x_train: np.ndarray  # (1437, 64)
    y_train: np.ndarray  # (1437,) integers 0 to 9
    x_test: np.ndarray  # (360, 64)
    y_test: np.ndarray  # (360,)


def digits(dtype=np.float64):
    """Load the digits, shuffled once and for all, and split.

    ImportError says what to install where scikit-learn ([pedregosa2011]) is missing. No download.

    >>> digits().x_train.shape
    (1437, 64)
    """
    dtype = require.precision("dtype", dtype)
    try:
        from sklearn.datasets import load_digits
    except ImportError as missing:
        raise ImportError(
            "the digits come with scikit-learn: pip install scikit-learn, or fnnlib[book]"
        ) from missing
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(SEED).permutation(len(labels))
    x, y = (images[order] / 16).astype(dtype), labels[order]  # pixels are 0 to 16
    return Digits(x[:-TEST], y[:-TEST], x[-TEST:], y[-TEST:])


def rows(x):
    """Images ``(B, 64)`` as sequences ``(8, B, 8)``: one row of pixels a step, from the top.

    >>> rows(np.arange(64.0).reshape(1, 64))[1]
    array([[ 8.,  9., 10., 11., 12., 13., 14., 15.]])
    """
    require.floats("x", x)
    require.shape("x", x, (len(require.array("x", x, 1)), 64))
    return np.ascontiguousarray(x.reshape(-1, 8, 8).swapaxes(0, 1))
