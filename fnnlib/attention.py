r"""Attention: every output is a weighted mean of values, with weights from queries and keys.

.. math::

   q = x W_q, \quad k = x W_k, \quad v = x W_v, \quad e_{ts} = q_t \cdot k_s / \sqrt{K}, \quad
   p_{ts} = e^{e_{ts}} / \sum_{s'} e^{e_{ts'}}, \quad h_t = \sum_s p_{ts} v_s

Conventions: time first. ``q`` is ``(T, B, K)``, ``k`` is ``(S, B, K)``, ``v`` is ``(S, B, H)``; in
self-attention all come from one ``x`` of shape ``(T, B, D)`` and S = T. A boolean mask of shape
``(T, S)`` or ``(T, S, B)`` is True where output t may look at input s; all sums over s run over
these alone. All arrays are float32, or all are float64. Malformed arguments raise ValueError or
TypeError naming the argument. Source: [vaswani2017].
"""

from typing import NamedTuple

import numpy as np

from fnnlib import require


class Params(NamedTuple):
    """The projections; also the shape of their gradients."""

    Q: np.ndarray  # (D, K)
    K: np.ndarray  # (D, K)
    V: np.ndarray  # (D, H)


class AttendCache(NamedTuple):
    """What the backward pass of :func:`attend` needs."""

    q: np.ndarray  # (B, T, K)
    k: np.ndarray  # (B, S, K)
    v: np.ndarray  # (B, S, H)
    p: np.ndarray  # (B, T, S): the weights


class Cache(NamedTuple):
    """What the backward pass of self-attention needs."""

    p: Params
    x: np.ndarray  # (T, B, D)
    attended: AttendCache


def init(rng, D, K, H, dtype=np.float64):
    r"""Random projections of variance :math:`1/D`.

    >>> init(np.random.default_rng(0), 4, 3, 2).V.shape
    (4, 2)
    """
    require.generator("rng", rng)
    D, K, H = require.count("D", D), require.count("K", K), require.count("H", H)
    dtype = require.precision("dtype", dtype)
    return Params(*((rng.normal(size=(D, n)) / np.sqrt(D)).astype(dtype) for n in (K, K, H)))


def causal(T):
    """The mask under which no step looks at a later one.

    >>> causal(3).astype(int)
    array([[1, 0, 0],
           [1, 1, 0],
           [1, 1, 1]])
    """
    return np.tri(require.count("T", T), dtype=bool)


def attend(q, k, v, mask=None):
    """Weighted means ``h`` of the values; returns ``(h, cache)``, with ``h`` of shape (T, B, H).

    The weights are ``cache.p``, of shape (B, T, S).

    >>> q, k = np.zeros((1, 1, 2)), np.zeros((2, 1, 2))
    >>> attend(q, k, np.array([[[1.0]], [[3.0]]]))[0]
    array([[[2.]]])
    """
    table = {"q": (q, "T B K"), "k": (k, "S B K"), "v": (v, "S B H")}
    T, B, K, S, _ = require.arrays(table).values()
    q, k, v = (np.ascontiguousarray(a.swapaxes(0, 1)) for a in (q, k, v))
    e = np.matmul(q, k.swapaxes(1, 2)) * K**-0.5
    if mask is not None:
        e = np.where(_by_sequence(mask, T, S, B), e, -np.inf)
    p = np.exp(e - e.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    return np.matmul(p, v).swapaxes(0, 1), AttendCache(q, k, v, p)


def attend_backward(dh, cache):
    r"""Gradients ``(dq, dk, dv)`` from ``dh`` of shape (T, B, H); a mask is data and has none.

    With :math:`dp_{ts} = dh_t \cdot v_s` the scores get
    :math:`de_{ts} = p_{ts} (dp_{ts} - \sum_{s'} p_{ts'} dp_{ts'})`. Then
    :math:`dq_t = \sum_s de_{ts} k_s / \sqrt{K}`, :math:`dk_s = \sum_t de_{ts} q_t / \sqrt{K}` and
    :math:`dv_s = \sum_t p_{ts} dh_t`.

    >>> q, k = np.zeros((1, 1, 2)), np.zeros((2, 1, 2))
    >>> h, cache = attend(q, k, np.array([[[1.0]], [[3.0]]]))
    >>> attend_backward(np.array([[[1.0]]]), cache)[2].ravel()
    array([0.5, 0.5])
    """
    q, k, v, p = require.kind("cache", cache, AttendCache)
    require.arrays({"p": (p, "B T S"), "v": (v, "B S H"), "dh": (dh, "T B H")})
    dh = np.ascontiguousarray(dh.swapaxes(0, 1))
    de = np.matmul(dh, v.swapaxes(1, 2))
    de -= (de * p).sum(axis=-1, keepdims=True)
    de *= p
    de *= q.shape[-1] ** -0.5
    dq, dk = np.matmul(de, k), np.matmul(de.swapaxes(1, 2), q)
    dv = np.matmul(p.swapaxes(1, 2), dh)
    return tuple(d.swapaxes(0, 1) for d in (dq, dk, dv))


def forward(p, x, mask=None):
    """Self-attention: queries, keys and values all come from ``x``; returns ``(h, cache)``.

    >>> p = init(np.random.default_rng(0), 4, 3, 2)
    >>> forward(p, np.ones((5, 6, 4)), mask=causal(5))[0].shape
    (5, 6, 2)
    """
    require.kind("p", p, Params)
    require.arrays({"p.Q": (p.Q, "D K"), "p.K": (p.K, "D K"), "p.V": (p.V, "D H"),
                    "x": (x, "T B D")})
    h, attended = attend(*(np.dot(x, W) for W in p), mask)
    return h, Cache(p, x, attended)


def backward(dh, cache):
    r"""Gradients ``(dp, dx)`` from ``dh`` of shape (T, B, H).

    :math:`dW_q = \sum_t x_t^\top dq_t`, likewise for keys and values, and
    :math:`dx = dq\, W_q^\top + dk\, W_k^\top + dv\, W_v^\top`.

    >>> h, cache = forward(init(np.random.default_rng(0), 4, 3, 2), np.ones((5, 6, 4)))
    >>> dp, dx = backward(np.ones_like(h), cache)
    >>> dp.K.shape, dx.shape
    ((4, 3), (5, 6, 4))
    """
    p, x, attended = require.kind("cache", cache, Cache)
    down = attend_backward(dh, attended)
    rows = x.reshape(-1, x.shape[-1]).T
    dp = Params(*(np.dot(rows, d.reshape(-1, d.shape[-1])) for d in down))
    return dp, sum(np.dot(d, W.T) for d, W in zip(down, p, strict=True))


def _by_sequence(mask, T, S, B):
    """The mask as (B or 1, T, S); every output must have something to look at."""
    require.array("mask", mask)
    expected = (T, S, B) if mask.ndim == 3 else (T, S)
    require.mask("mask", mask, expected)
    if not mask.any(axis=1).all():
        t = int(np.argwhere(~mask.any(axis=1))[0][0])
        require.refuse("mask", "at least one True for every output", f"none for output {t}")
    return np.moveaxis(mask.reshape(T, S, -1), -1, 0)
