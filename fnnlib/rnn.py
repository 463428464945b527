r"""The simple recurrent net (Elman net) and backpropagation through time.

:math:`h_t = \tanh(x_t W + h_{t-1} U + b)` for :math:`t = 1 \dots T`, from a given :math:`h_0`.

Conventions: time first. ``x`` is ``(T, B, D)``: T steps, B sequences, D inputs; a state is
``(B, H)``. All arrays are float32, or all are float64. Malformed arguments raise ValueError or
TypeError naming the argument. Sources: [elman1990], [werbos1990].
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from fnnlib import blas, bptt, buffers, require


class Params(NamedTuple):
    """Weights and biases; also the shape of their gradients."""

    W: np.ndarray  # (D, H)
    U: np.ndarray  # (H, H)
    b: np.ndarray  # (H,)


class State(NamedTuple):
    """What is carried from one step to the next."""

    h: np.ndarray  # (B, H)


class StepCache(NamedTuple):
    """What the backward pass of one step needs."""

    p: Params
    x: np.ndarray  # (B, D)
    h: tuple  # the state before and after the step, (B, H) each


class Cache(NamedTuple):
    """What the backward pass of a sequence needs."""

    p: Params
    x: np.ndarray  # (T, B, D)
    h: np.ndarray  # (T + 1, B, H): h[0] is the initial state
    turn: buffers.Turn  # None without buffers


def init(rng, D, H, dtype=np.float64):
    r"""Random weights of variance :math:`1/D` (W) and :math:`1/H` (U); zero biases.

    >>> init(np.random.default_rng(0), 3, 2).U.shape
    (2, 2)
    """
    require.generator("rng", rng)
    D, H = require.count("D", D), require.count("H", H)
    dtype = require.precision("dtype", dtype)
    W = rng.normal(size=(D, H)) / np.sqrt(D)
    U = rng.normal(size=(H, H)) / np.sqrt(H)
    return Params(W.astype(dtype), U.astype(dtype), np.zeros(H, dtype))


def step(p, x, s):
    """One step: from ``x`` of shape ``(B, D)`` and State ``s`` to ``(State, cache)``.

    >>> p = Params(np.zeros((3, 2)), np.eye(2), np.zeros(2))
    >>> step(p, np.ones((1, 3)), State(np.array([[0.0, 1.0]])))[0].h.round(3)
    array([[0.   , 0.762]])
    """
    _require(p, x, s, "B D")
    h = np.tanh(np.dot(x, p.W) + np.dot(s.h, p.U) + p.b)
    return State(h), StepCache(p, x, (s.h, h))


def step_backward(ds, cache):
    """Gradients ``(dp, dx, ds)`` of one step, from ``ds``, the gradient of the state it returned.

    >>> p = Params(np.zeros((3, 2)), np.eye(2), np.zeros(2))
    >>> s, cache = step(p, np.ones((1, 3)), State(np.zeros((1, 2))))
    >>> step_backward(State(np.ones((1, 2))), cache)[2].h
    array([[1., 1.]])
    """
    p, x, (before, h) = require.kind("cache", cache, StepCache)
    require.kind("ds", ds, State)
    require.arrays({"h": (h, "B H"), "ds.h": (ds.h, "B H")})
    delta = ds.h * (1 - h * h)
    dp = Params(np.dot(x.T, delta), np.dot(before.T, delta), delta.sum(axis=0))
    return dp, np.dot(delta, p.W.T), State(np.dot(delta, p.U.T))


def forward(p, x, s, reuse=None):
    """Read the whole sequence ``x`` from State ``s``; returns ``((h, s_T), cache)``.

    ``h`` is ``(T, B, H)``, the state after every step; ``s_T`` is the last one as a State.
    ``reuse`` may be :class:`fnnlib.buffers.Buffers`, which the next pass writes over. The cache
    takes T B H numbers beside ``x``, which it refers to.

    >>> p = init(np.random.default_rng(0), 3, 2)
    >>> (h, s_T), cache = forward(p, np.ones((5, 4, 3)), State(np.zeros((4, 2))))
    >>> h.shape, s_T.h.shape
    ((5, 4, 2), (4, 2))
    """
    T, B, D, H = _require(p, x, s, "T B D")
    kept, turn = buffers.begin(reuse)
    h, states, rows, last, b, U, steps = kept.room(_forward_room, T, B, H, x.dtype)
    copy, tanh = np.copyto, np.tanh  # unlike an assignment, copyto never drops an imaginary part
    copy(h[0], s.h)
    copy(b, p.b)
    copy(U, p.U)
    # The inputs of all steps meet W in one product, written where the states will stand.
    x.reshape(T * B, D).dot(p.W, rows)
    np.add(states, b, states)
    for add_fed_back, h_t in steps:
        add_fed_back()
        tanh(h_t, h_t)
    return (states, State(last)), Cache(p, x, h, turn)


def backward(dout, cache, truncate=None):
    r"""Backpropagation through time: gradients ``(dp, dx, ds_0)`` from ``dout = (dh, ds_T)``.

    ``dh`` is ``(T, B, H)``, the gradient of every state from outside the recurrence; ``ds_T`` is
    what later steps would send back (zeros when there are none). With :math:`a_t` the argument of
    tanh, the adjoint :math:`\delta_t = \partial L / \partial a_t` runs backward in time,

    .. math:: \delta_t = (dh_t + \delta_{t+1} U^\top) \odot (1 - h_t^2).

    ``truncate = K`` cuts the sequence into pieces of K steps and holds the state that enters a
    piece constant, so that no gradient flows further back ([williams1990]). Beside the cache, the
    pass takes T B H numbers and those of dx; to truncate saves none.

    >>> p = init(np.random.default_rng(0), 3, 2)
    >>> (h, s_T), cache = forward(p, np.ones((5, 4, 3)), State(np.zeros((4, 2))))
    >>> dp, dx, ds_0 = backward((np.ones_like(h), State(np.zeros((4, 2)))), cache)
    >>> dp.U.shape, dx.shape, ds_0.h.shape
    ((2, 2), (5, 4, 3), (4, 2))
    """
    p, x, h, turn = require.kind("cache", cache, Cache)
    dh, ds_T = bptt.pair(dout, State)
    states = h[1:]
    # A state that is not a number makes all later ones so: of h, the last is enough to look at.
    require.arrays({
        "h": (states, "T B H"), "h[-1]": (h[-1], "B H"), "dh": (dh, "T B H"),
        "ds_T.h": (ds_T.h, "B H"),
    }, checked=("h",))  # fmt: skip
    (T, B, D), H = x.shape, h.shape[-1]
    kept = buffers.resume(turn)
    slopes, delta, rows, WT, UT, ones, dp, dx, ds_0, by_slope, steps = kept.room(
        _backward_room, T, B, D, H, x.dtype
    )
    # Products with copies are faster than with the transposed views.
    WT[:], UT[:] = p.W.T, p.U.T
    multiply, one = np.multiply, x.dtype.type(1)
    # delta[t] is the gradient of h[t] until its step makes it that of the argument of tanh.
    np.add(dh[-1], ds_T.h, delta[T])
    for piece, cut in bptt.pieces(T, truncate, len(slopes)):
        before, first, n = delta[piece], piece.start, piece.stop - piece.start
        multiply(states[piece], states[piece], slopes[:n])
        np.subtract(one, slopes[:n], slopes[:n])
        # What the states before get from outside the recurrence; the steps add what they send.
        outside = dh[first - 1] if first else 0
        before[0], before[1:] = outside, dh[piece][:-1]
        for slope, (delta_t, send_back) in zip(
            by_slope[n - 1 :: -1], steps[piece][::-1], strict=True
        ):
            multiply(delta_t, slope, delta_t)
            send_back()
        if cut:
            before[0] = outside
    x.reshape(T * B, D).T.dot(rows, dp.W)
    h[:-1].reshape(T * B, H).T.dot(rows, dp.U)
    ones.dot(rows, dp.b)
    rows.dot(WT, dx.reshape(T * B, D))
    ds_0.h[:] = delta[0]
    return dp, dx, ds_0


def _forward_room(T, B, H, dtype):
    """Room for the states, b for each sequence and U, and what a step works on."""
    h, U = np.empty((T + 1, B, H), dtype), np.empty((H, H), dtype)
    b, scratch = np.empty((2, B, H), dtype)
    steps = [(blas.accumulate(before, U, now, scratch), now) for before, now in pairwise(h)]
    return h, h[1:], h[1:].reshape(T * B, H), h[-1], b, U, steps


def _backward_room(T, B, D, H, dtype):
    """Room for slopes of tanh, adjoints, weights and gradients, and what a step works on."""
    size = bptt.size(T, 4 * B * H * dtype.itemsize)
    slopes, delta, WT, UT, W, U, b, dx = (
        np.empty(shape, dtype)
        for shape in (
            (size, B, H), (T + 1, B, H), (H, D), (H, H), (D, H), (H, H), (H,), (T, B, D),
        )
    )  # fmt: skip
    carry, scratch = np.empty((2, B, H), dtype)
    rows, ones, dp = delta[1:].reshape(T * B, H), np.ones(T * B, dtype), Params(W, U, b)
    steps = [
        (now, blas.accumulate(now, UT, before, scratch)) for before, now in pairwise(delta)
    ]
    return slopes, delta, rows, WT, UT, ones, dp, dx, State(carry), list(slopes), steps


def _require(p, x, s, axes):
    require.kind("p", p, Params)
    require.kind("s", s, State)
    sizes = require.arrays({
        "p.W": (p.W, "D H"), "p.U": (p.U, "H H"), "p.b": (p.b, "H"), "x": (x, axes),
        "s.h": (s.h, "B H"),
    })  # fmt: skip
    return sizes.get("T"), sizes["B"], sizes["D"], sizes["H"]
