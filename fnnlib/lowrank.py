r"""A low-rank adapter: a dense layer whose weights stay as they are gets a small correction.

.. math:: z = x\,(W + s A B) + b, \quad W: (D, H), \; A: (D, R), \; B: (R, H)

``W`` and ``b`` are frozen, ``A`` and ``B`` are trained: R (D + H) numbers rather than D H. The
product A B is never formed. ``x`` is ``(..., D)`` with any leading axes. All arrays are float32, or
all are float64. Malformed arguments raise ValueError or TypeError naming the argument. Source:
[hu2022].
"""

from typing import NamedTuple

import numpy as np

from fnnlib import dense, require


class Params(NamedTuple):
    """The two factors of the correction; also the shape of their gradients."""

    A: np.ndarray  # (D, R)
    B: np.ndarray  # (R, H)


class Cache(NamedTuple):
    """What the backward pass needs."""

    p: Params
    base: dense.Params
    x: np.ndarray  # (..., D)
    u: np.ndarray  # (..., R): x A
    scale: float


def init(rng, D, H, R, dtype=np.float64):
    r"""Random A of variance :math:`1/D`, and B zero: training starts from the frozen layer.

    >>> init(np.random.default_rng(0), 4, 3, 2).B
    array([[0., 0., 0.],
           [0., 0., 0.]])
    """
    require.generator("rng", rng)
    D, H, R = require.count("D", D), require.count("H", H), require.count("R", R)
    dtype = require.precision("dtype", dtype)
    return Params((rng.normal(size=(D, R)) / np.sqrt(D)).astype(dtype), np.zeros((R, H), dtype))


def forward(p, base, x, scale=1.0):
    """The layer ``base``, a dense.Params, with the correction; returns ``(z, cache)``.

    >>> p, base = Params(np.ones((2, 1)), np.ones((1, 2))), dense.Params(np.eye(2), np.zeros(2))
    >>> forward(p, base, np.array([[1.0, 2.0]]), scale=0.5)[0]
    array([[2.5, 3.5]])
    """
    scale = _require(p, base, scale, {"x": (x, "... D")})
    u = np.dot(x, p.A)
    return np.dot(x, base.W) + base.b + scale * np.dot(u, p.B), Cache(p, base, x, u, scale)


def backward(dz, cache):
    r"""Gradients ``(dp, dx)`` from ``dz`` of shape ``(..., H)``; ``base`` is frozen and has none.

    With :math:`v = s\, dz\, B^\top`: :math:`dA = x^\top v`, :math:`dB = s\,(xA)^\top dz` and
    :math:`dx = dz\, W^\top + v A^\top`.

    >>> p, base = Params(np.ones((2, 1)), np.ones((1, 2))), dense.Params(np.eye(2), np.zeros(2))
    >>> z, cache = forward(p, base, np.array([[1.0, 2.0]]))
    >>> backward(np.array([[1.0, 0.0]]), cache)[0].B
    array([[3., 0.]])
    """
    p, base, x, u, scale = require.kind("cache", cache, Cache)
    require.arrays({"x": (x, "... D"), "p.B": (p.B, "R H"), "dz": (dz, "... H")})
    (D, R), H = p.A.shape, p.B.shape[1]
    v = scale * np.dot(dz, p.B.T)
    dA = np.dot(x.reshape(-1, D).T, v.reshape(-1, R))
    dB = scale * np.dot(u.reshape(-1, R).T, dz.reshape(-1, H))
    return Params(dA, dB), np.dot(dz, base.W.T) + np.dot(v, p.A.T)


def merge(p, base, scale=1.0):
    """A dense layer with the correction built in; it costs no more than ``base``.

    >>> p, base = Params(np.ones((2, 1)), np.ones((1, 2))), dense.Params(np.eye(2), np.zeros(2))
    >>> merge(p, base, scale=0.5).W
    array([[1.5, 0.5],
           [0.5, 1.5]])
    """
    scale = _require(p, base, scale, {})
    return base._replace(W=base.W + scale * np.dot(p.A, p.B))


def _require(p, base, scale, others):
    require.kind("p", p, Params)
    require.kind("base", base, dense.Params)
    require.arrays({
        "base.W": (base.W, "D H"), "base.b": (base.b, "H"), "p.A": (p.A, "D R"),
        "p.B": (p.B, "R H"), **others,
    })  # fmt: skip
    return require.number("scale", scale)
