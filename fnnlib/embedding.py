r"""Embedding: a table with one row of numbers for each token.

Conventions: ``tokens`` are integers from 0 to V - 1 of any shape ``(...)``, such as ``(T, B)``
for a batch of sequences, time first; the output is ``(..., D)``. The table ``E`` is float32 or
float64. Malformed arguments raise ValueError or TypeError naming the argument. Source:
[bengio2003].
"""

from typing import NamedTuple

import numpy as np

from fnnlib import require


class Params(NamedTuple):
    """The table; also the shape of its gradient."""

    E: np.ndarray  # (V, D)


class Cache(NamedTuple):
    """What the backward pass needs."""

    p: Params
    tokens: np.ndarray  # (...)


def init(rng, V, D, dtype=np.float64):
    """A table for V tokens of D random numbers each, of variance 1.

    >>> init(np.random.default_rng(0), 5, 2).E.shape
    (5, 2)
    """
    E = require.generator("rng", rng).normal(size=(require.count("V", V), require.count("D", D)))
    return Params(E.astype(require.precision("dtype", dtype)))


def forward(p, tokens):
    """Look the tokens up: ``x = E[tokens]``; returns ``(x, cache)``.

    >>> forward(Params(np.array([[1.0, 2.0], [3.0, 4.0]])), np.array([1, 1, 0]))[0]
    array([[3., 4.],
           [3., 4.],
           [1., 2.]])
    """
    V = require.arrays({"p.E": (require.kind("p", p, Params).E, "V D")})["V"]
    require.labels("tokens", tokens, V)
    return p.E[tokens], Cache(p, tokens)


def backward(dx, cache):
    r"""Gradient ``dp`` from ``dx`` of shape ``(..., D)``; tokens are data and have none.

    Every row collects what its occurrences send back (scatter-add):
    :math:`dE_v = \sum_{n:\, token_n = v} dx_n`. A token that does not occur gets zero.

    >>> x, cache = forward(Params(np.zeros((3, 1))), np.array([1, 1, 0]))
    >>> backward(np.array([[1.0], [2.0], [4.0]]), cache).E
    array([[4.],
           [3.],
           [0.]])
    """
    p, tokens = require.kind("cache", cache, Cache)
    V, D = p.E.shape
    require.arrays({"p.E": (p.E, "V D"), "dx": (dx, "... D")})
    require.shape("dx", dx, (*tokens.shape, D))
    dE = np.zeros((V, D), dx.dtype)
    np.add.at(dE, tokens.reshape(-1), dx.reshape(-1, D))
    return Params(dE)
