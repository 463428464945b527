"""A recurrent net that reads a sequence and then names its class: rnn, dense layer, softmax.

Conventions: ``x`` is ``(T, B, D)``, the labels are ``(B,)`` integers, the logits ``(B, C)``. The
initial state is zero. Source: [elman1990].
"""

from typing import NamedTuple

import numpy as np

from fnnlib import dense, losses, require, rnn


class Params(NamedTuple):
    """Parameters of the recurrent net and of the layer that reads its last state."""

    rnn: rnn.Params
    readout: dense.Params


class Cache(NamedTuple):
    """What the backward pass needs."""

    rnn: rnn.Cache
    readout: dense.Cache


def init(rng, D, H, C, dtype=np.float64):
    """Random parameters for D inputs a step, H state units and C classes.

    >>> init(np.random.default_rng(0), 8, 16, 10).readout.W.shape
    (16, 10)
    """
    C = require.count("C", C)
    return Params(rnn.init(rng, D, H, dtype), dense.init(rng, H, C, dtype))


def forward(p, x):
    """Logits of every sequence; returns ``(z, cache)``.

    >>> p = init(np.random.default_rng(0), 8, 16, 10)
    >>> forward(p, np.ones((5, 3, 8)))[0].shape
    (3, 10)
    """
    _require(p, x)
    s = rnn.State(np.zeros((x.shape[1], len(p.rnn.b)), x.dtype))
    (h, s_T), sequence = rnn.forward(p.rnn, x, s)
    z, readout = dense.forward(p.readout, s_T.h)
    return z, Cache(sequence, readout)


def backward(dz, cache, truncate=None):
    """Gradients ``(dp, dx)`` from ``dz`` of shape ``(B, C)``; ``truncate`` as in ``rnn.backward``.

    >>> p = init(np.random.default_rng(0), 8, 16, 10)
    >>> z, cache = forward(p, np.ones((5, 3, 8)))
    >>> backward(np.ones_like(z), cache)[1].shape
    (5, 3, 8)
    """
    sequence, readout = require.kind("cache", cache, Cache)
    dreadout, dh_T = dense.backward(dz, readout)
    no_dh = np.zeros_like(sequence.h[1:])  # only the last state is read
    drnn, dx, _ = rnn.backward((no_dh, rnn.State(dh_T)), sequence, truncate)
    return Params(drnn, dreadout), dx


def loss_and_gradients(p, batch, truncate=None):
    """Mean softmax cross-entropy of the batch ``(x, labels)`` and its gradients, for ``train.fit``.

    >>> p = init(np.random.default_rng(0), 8, 16, 10)
    >>> loss, dp = loss_and_gradients(p, (np.ones((5, 3, 8)), np.array([1, 2, 3])))
    >>> dp.rnn.U.shape
    (16, 16)
    """
    if len(require.kind("batch", batch, tuple)) != 2:
        require.refuse("batch", "the pair (x, labels)", f"a tuple of {len(batch)}")
    x, labels = batch
    z, cache = forward(p, x)
    loss, loss_cache = losses.softmax_cross_entropy(z, labels)
    dp, _ = backward(losses.softmax_cross_entropy_backward(1.0, loss_cache), cache, truncate)
    return loss, dp


def accuracy(p, x, labels):
    """Share of the sequences whose largest logit is at their label, from 0 to 1.

    >>> p = init(np.random.default_rng(0), 8, 16, 2)
    >>> accuracy(p, np.zeros((5, 3, 8)), np.array([0, 0, 1]))
    0.6666666666666666
    """
    z, _ = forward(p, x)
    require.shape("labels", require.labels("labels", labels, z.shape[-1]), z.shape[:1])
    return float(np.mean(z.argmax(axis=-1) == labels))


def _require(p, x):
    require.kind("p", p, Params)
    require.kind("p.rnn", p.rnn, rnn.Params)
    require.kind("p.readout", p.readout, dense.Params)
    require.arrays({"x": (x, "T B D")})
    require.arrays({
        "p.rnn.W": (p.rnn.W, "D H"), "p.rnn.U": (p.rnn.U, "H H"), "p.rnn.b": (p.rnn.b, "H"),
        "p.readout.W": (p.readout.W, "H C"), "p.readout.b": (p.readout.b, "C"),
        "x": (x, "T B D"),
    })  # fmt: skip
