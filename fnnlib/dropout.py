r"""Inverted dropout: in training, every unit is left out at random with probability ``rate``.

Units that stay are divided by ``1 - rate``, so that the mean over the masks is the input. Outside
training nothing is done: leave the call away. Arrays have any shape and are float32 or float64.
Malformed arguments raise ValueError or TypeError naming the argument. Source: [srivastava2014].
"""

from typing import NamedTuple

import numpy as np

from fnnlib import require


class Cache(NamedTuple):
    """What the backward pass needs."""

    m: np.ndarray  # (...)


def mask(rng, shape, rate, dtype=np.float64):
    r"""A random mask: entries are 0 with probability ``rate``, else :math:`1 / (1 - rate)`.

    ``0 <= rate < 1``. ``shape`` is a tuple of whole numbers.

    >>> mask(np.random.default_rng(0), (2, 4), 0.5)
    array([[2., 0., 0., 0.],
           [2., 2., 2., 2.]])
    """
    require.generator("rng", rng)
    shape = tuple(require.count("shape", n) for n in require.kind("shape", shape, tuple))
    rate = require.number("rate", rate, least=0, below=1)
    dtype = require.precision("dtype", dtype)
    return ((rng.random(shape) >= rate) / (1 - rate)).astype(dtype)


def forward(x, m):
    """Drop units: ``y = x * m`` for a mask ``m`` of the shape of ``x``; returns ``(y, cache)``.

    One mask may serve all steps of a sequence.

    >>> forward(np.array([1.0, 2.0]), np.array([0.0, 2.0]))[0]
    array([0., 4.])
    """
    require.arrays({"m": (m, "..."), "x": (x, "...")})
    return x * m, Cache(m)


def backward(dy, cache):
    """Gradient ``dx = dy * m``; the mask is data and has none.

    >>> backward(np.array([1.0, 1.0]), forward(np.array([1.0, 2.0]), np.array([0.0, 2.0]))[1])
    array([0., 2.])
    """
    (m,) = require.kind("cache", cache, Cache)
    require.arrays({"m": (m, "..."), "dy": (dy, "...")})
    return dy * m
