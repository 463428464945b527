r"""The gated recurrent unit (GRU) and backpropagation through time.

.. math::

   r_t, z_t &= \sigma(x_t W + h_{t-1} U + b), \\
   n_t &= \tanh(x_t W + b + r_t \odot (h_{t-1} U + c)), \\
   h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1},

where each gate has its own columns of ``W``, ``U`` and ``b``, in the order **r, z, n**. The second
bias ``c`` of the candidate stays apart, for the reset gate multiplies it. In a part of the
literature the update gate says how much is *new*; :func:`other_convention` goes from one to the
other.

Conventions: time first. ``x`` is ``(T, B, D)``: T steps, B sequences, D inputs; a state is
``(B, H)``. All arrays are float32, or all are float64. Malformed arguments raise ValueError or
TypeError naming the argument. Source: [cho2014].
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from fnnlib import blas, bptt, buffers, require
from fnnlib.activations import sigmoid


class Params(NamedTuple):
    """Weights and biases, the gates r, z, n side by side; also the shape of their gradients."""

    W: np.ndarray  # (D, 3H)
    U: np.ndarray  # (H, 3H)
    b: np.ndarray  # (3H,)
    c: np.ndarray  # (H,)


class State(NamedTuple):
    """What is carried from one step to the next."""

    h: np.ndarray  # (B, H)


class StepCache(NamedTuple):
    """What the backward pass of one step needs."""

    p: Params
    x: np.ndarray  # (B, D)
    h: np.ndarray  # (B, H), before the step
    gates: tuple  # r, z, n: (B, H) each
    fed_back: np.ndarray  # (B, H): what the reset gate multiplies


class Cache(NamedTuple):
    """What the backward pass of a sequence needs."""

    p: Params
    inputs: np.ndarray  # (T, B, D + 1): x and a column of ones
    h: np.ndarray  # (T + 1, B, H): h[0] is the initial state
    gates: np.ndarray  # (T, 3, B, H)
    fed_back: np.ndarray  # (T, B, H)
    turn: buffers.Turn  # None without buffers


def init(rng, D, H, dtype=np.float64):
    r"""Random weights of variance :math:`1/D` (W) and :math:`1/H` (U); zero biases.

    >>> init(np.random.default_rng(0), 3, 2).U.shape
    (2, 6)
    """
    require.generator("rng", rng)
    D, H = require.count("D", D), require.count("H", H)
    dtype = require.precision("dtype", dtype)
    W = rng.normal(size=(D, 3 * H)) / np.sqrt(D)
    U = rng.normal(size=(H, 3 * H)) / np.sqrt(H)
    return Params(W.astype(dtype), U.astype(dtype), np.zeros(3 * H, dtype), np.zeros(H, dtype))


def other_convention(p):
    r"""The parameters that give the same net where the update gate says how much is new.

    There :math:`h_t = z_t \odot n_t + (1 - z_t) \odot h_{t-1}`. As
    :math:`1 - \sigma(a) = \sigma(-a)`, only the sign of the update gate's columns changes, and the
    way back is the same.

    >>> other_convention(Params(np.ones((1, 3)), np.ones((1, 3)), np.ones(3), np.ones(1))).b
    array([ 1., -1.,  1.])
    """
    require.kind("p", p, Params)
    sizes = require.arrays(_axes(p))
    _three(p, sizes)
    sign = np.repeat(np.array([1, -1, 1], p.b.dtype), sizes["H"])
    return Params(p.W * sign, p.U * sign, p.b * sign, p.c.copy())


def step(p, x, s):
    """One step: from ``x`` of shape ``(B, D)`` and State ``s`` to ``(State, cache)``.

    >>> p = Params(np.zeros((3, 6)), np.zeros((2, 6)), np.zeros(6), np.zeros(2))
    >>> step(p, np.ones((1, 3)), State(np.array([[1.0, 2.0]])))[0].h
    array([[0.5, 1. ]])
    """
    _require(p, x, s, "B D")
    r_in, z_in, n_in = np.split(np.dot(x, p.W) + p.b, 3, axis=-1)
    r_back, z_back, fed_back = np.split(np.dot(s.h, p.U), 3, axis=-1)
    r, z, fed_back = sigmoid(r_in + r_back), sigmoid(z_in + z_back), fed_back + p.c
    n = np.tanh(n_in + r * fed_back)
    return State((1 - z) * n + z * s.h), StepCache(p, x, s.h, (r, z, n), fed_back)


def step_backward(ds, cache):
    """Gradients ``(dp, dx, ds)`` of one step, from ``ds``, the gradient of the state it returned.

    >>> p = Params(np.zeros((3, 6)), np.zeros((2, 6)), np.zeros(6), np.zeros(2))
    >>> s, cache = step(p, np.ones((1, 3)), State(np.zeros((1, 2))))
    >>> step_backward(State(np.ones((1, 2))), cache)[2].h
    array([[0.5, 0.5]])
    """
    p, x, h, (r, z, n), fed_back = require.kind("cache", cache, StepCache)
    require.kind("ds", ds, State)
    require.arrays({"h": (h, "B H"), "ds.h": (ds.h, "B H")})
    of_n = ds.h * (1 - z) * (1 - n**2)
    of_r, of_z = of_n * fed_back * r * (1 - r), ds.h * (h - n) * z * (1 - z)
    delta, back = np.hstack([of_r, of_z, of_n]), np.hstack([of_r, of_z, of_n * r])
    dc = (of_n * r).sum(axis=0)
    dp = Params(np.dot(x.T, delta), np.dot(h.T, back), delta.sum(axis=0), dc)
    return dp, np.dot(delta, p.W.T), State(np.dot(back, p.U.T) + ds.h * z)


def forward(p, x, s, reuse=None):
    """Read the whole sequence ``x`` from State ``s``; returns ``((h, s_T), cache)``.

    ``h`` is ``(T, B, H)``, the state after every step; ``s_T`` is the last one as a State.
    ``reuse`` may be :class:`fnnlib.buffers.Buffers`, which the next pass writes over. The cache
    takes 5 T B H numbers (h, three gates and what r multiplies) and T B (D + 1) for the inputs.

    >>> p = init(np.random.default_rng(0), 3, 2)
    >>> (h, s_T), cache = forward(p, np.ones((5, 4, 3)), State(np.zeros((4, 2))))
    >>> h.shape, s_T.h.shape
    ((5, 4, 2), (4, 2))
    """
    T, B, D, H = _require(p, x, s, "T B D")
    kept, turn = buffers.begin(reuse)
    inputs, h, gates, fed_back, weights, scale, half, scratch, steps = kept.room(
        _forward_room, T, B, D, H, x.dtype
    )
    inputs[..., :D] = x
    for room, given in ((h[0], s.h), (fed_back, p.c)):
        np.copyto(room, given)  # unlike an assignment, it never drops an imaginary part
    add, subtract, multiply, tanh = np.add, np.subtract, np.multiply, np.tanh
    # Each gate has its block of W, b and U to itself, so that what a step works on lies in one
    # piece. Half the argument of r and z, as sigma(a) = tanh(a / 2) / 2 + 1 / 2.
    Wb, U = weights[:, : D + 1], weights[:, D + 1 :]
    for blocks, q in ((Wb[:, :D], p.W), (Wb[:, D:], p.b[None]), (U, p.U)):
        np.copyto(blocks, _by_gate(q))
    multiply(weights, scale, weights)
    # The inputs of all steps meet W at once, and a column of ones beside them meets b. The products
    # are written where the gates will stand.
    np.matmul(inputs[:, None], Wb, gates)
    for h_was, (add_to_r, add_to_z, add_to_c), rz, (r, z, n), fed_back_t, h_now in steps:
        add_to_r()
        add_to_z()
        add_to_c()
        tanh(rz, rz)
        multiply(rz, half, rz)
        add(rz, half, rz)
        multiply(r, fed_back_t, scratch)
        add(n, scratch, n)
        tanh(n, n)
        subtract(h_was, n, h_now)
        multiply(h_now, z, h_now)
        add(h_now, n, h_now)
    return (h[1:], State(h[-1])), Cache(p, inputs, h, gates, fed_back, turn)


def backward(dout, cache, truncate=None):
    r"""Backpropagation through time: gradients ``(dp, dx, ds_0)`` from ``dout = (dh, ds_T)``.

    ``dh`` is ``(T, B, H)``, the gradient of every state from outside the recurrence; ``ds_T`` is
    what later steps would send back (zeros when there are none). The adjoint of the state runs
    backward in time,

    .. math:: \lambda_t = dh_t + \lambda_{t+1} \odot z_{t+1} + \bar\delta_{t+1} U^\top,

    where :math:`\bar\delta` is the adjoint :math:`\delta` of what enters the gates, with
    :math:`r \odot \delta_n` for the candidate.

    ``truncate = K`` cuts the sequence into pieces of K steps and holds the state that enters a
    piece constant, so that no gradient flows further back ([williams1990]). Beside the cache, the
    pass takes 4 T B H numbers and those of dx; to truncate saves none.

    >>> p = init(np.random.default_rng(0), 3, 2)
    >>> (h, s_T), cache = forward(p, np.ones((5, 4, 3)), State(np.zeros((4, 2))))
    >>> dp, dx, ds_0 = backward((np.ones_like(h), State(np.zeros((4, 2)))), cache)
    >>> dp.U.shape, dx.shape, ds_0.h.shape
    ((2, 6), (5, 4, 3), (4, 2))
    """
    p, inputs, h, gates, fed_back, turn = require.kind("cache", cache, Cache)
    dh, ds_T = bptt.pair(dout, State)
    # A state that is not a number makes all later ones so: of h, the last is enough to look at.
    require.arrays({
        "h": (fed_back, "T B H"), "h[-1]": (h[-1], "B H"), "dh": (dh, "T B H"),
        "ds_T.h": (ds_T.h, "B H"),
    }, checked=("h",))  # fmt: skip
    (T, B, columns), H = inputs.shape, h.shape[-1]
    kept = buffers.resume(turn)
    slopes, free, back, lam, gated, scratch, WT, UT, sums, dWb, dp, dx, ds_0, by_slope, steps = (
        kept.room(_backward_room, T, B, columns - 1, H, h.dtype)
    )
    add, multiply, copyto, (back_r, back_z, back_n) = np.add, np.multiply, np.copyto, gated
    # Products with copies are faster than with the transposed views.
    WT[:], UT[:] = p.W.T, p.U.T
    add(dh[-1], ds_T.h, lam[T])
    for piece, cut in bptt.pieces(T, truncate, len(free)):
        before, z, first = lam[piece], gates[piece, 1], piece.start
        m = len(z)
        _slopes(gates[piece], h[piece], fed_back[piece], slopes[:, :m], free[:m])
        # What the states before get from outside the recurrence; the steps add what they send.
        outside = dh[first - 1] if first else 0
        before[0], before[1:] = outside, dh[piece][:-1]
        for z_t, (of_r, of_z, _, of_back), (lam_t, by_gate, send_back, lam_was) in zip(
            z[::-1], by_slope[m - 1 :: -1], steps[piece][::-1], strict=True
        ):
            multiply(lam_t, of_r, back_r)
            multiply(lam_t, of_z, back_z)
            multiply(lam_t, of_back, back_n)
            copyto(by_gate, gated)
            send_back()
            multiply(lam_t, z_t, scratch)
            add(lam_was, scratch, lam_was)
        if cut:
            before[0] = outside
        dn = lam[1:][piece]
        multiply(dn, slopes[2, :m], dn)  # the adjoint of the candidate's argument, for W
    rows, read = back.reshape(T * B, 3 * H), inputs.reshape(T * B, columns)
    h[:-1].reshape(T * B, H).T.dot(rows, dp.U)
    read[:, -1].dot(rows, sums)
    dp.c[:] = sums[2 * H :]
    rows[:, 2 * H :] = lam[1:].reshape(T * B, H)
    read.T.dot(rows, dWb)
    rows.dot(WT, dx.reshape(T * B, columns - 1))
    ds_0.h[:] = lam[0]
    return dp, dx, ds_0


def _slopes(gates, h_was, fed_back, slopes, free):
    """Write the slopes of the new state by what enters r, z and n, and by what is fed back to n."""
    subtract, multiply, one = np.subtract, np.multiply, h_was.dtype.type(1)
    np.copyto(slopes[:3], gates.swapaxes(0, 1))
    r, z, n, back = slopes
    subtract(one, z, free)
    subtract(h_was, n, back)
    multiply(z, back, z)
    multiply(z, free, z)
    multiply(n, n, n)
    subtract(one, n, n)
    multiply(n, free, n)
    multiply(n, r, back)
    subtract(one, r, r)
    multiply(r, fed_back, r)
    multiply(r, back, r)


def _by_gate(a):
    """A view of (..., B, 3H) as (..., 3, B, H)."""
    return a.reshape(*a.shape[:-1], 3, -1).swapaxes(-2, -3)


def _forward_room(T, B, D, H, dtype):
    """Room for what the cache holds, for weights and scratch, and views of each step's arrays."""
    h = np.empty((T + 1, B, H), dtype)
    gates, fed_back = np.empty((T, 3, B, H), dtype), np.empty((T, B, H), dtype)
    inputs, weights = np.ones((T, B, D + 1), dtype), np.empty((3, D + 1 + H, H), dtype)
    scale, half = np.array([0.5, 0.5, 1], dtype).reshape(3, 1, 1), np.array(0.5, dtype)
    U, scratch = weights[:, D + 1 :], np.empty((B, H), dtype)
    steps = [
        (
            h_was,
            tuple(
                blas.accumulate(h_was, U_g, product, scratch)
                for U_g, product in zip(U, (r, z, fed_back_t), strict=True)
            ),
            gates_t[:2], (r, z, n), fed_back_t, h_now,
        )
        for h_was, gates_t, (r, z, n), fed_back_t, h_now in zip(
            h, gates, gates, fed_back, h[1:], strict=False
        )
    ]  # fmt: skip
    return inputs, h, gates, fed_back, weights, scale, half, scratch, steps


def _backward_room(T, B, D, H, dtype):
    size = bptt.size(T, 8 * B * H * dtype.itemsize)
    slopes, free, back, lam, gated, WT, UT, sums, dWb, dU, dc, dx = (
        np.empty(shape, dtype)
        for shape in (
            (4, size, B, H), (size, B, H), (T, B, 3 * H), (T + 1, B, H), (3, B, H), (3 * H, D),
            (3 * H, H), (3 * H,), (D + 1, 3 * H), (H, 3 * H), (H,), (T, B, D),
        )
    )  # fmt: skip
    carry, scratch = np.empty((2, B, H), dtype)
    by_slope = [tuple(slopes[:, t]) for t in range(size)]
    steps = [
        (now, _by_gate(back_t), blas.accumulate(back_t, UT, before, scratch), before)
        for back_t, (before, now) in zip(back, pairwise(lam), strict=True)
    ]
    dp, ds_0 = Params(dWb[:D], dU, dWb[D], dc), State(carry)
    return (
        slopes, free, back, lam, gated, scratch, WT, UT, sums, dWb, dp, dx, ds_0, by_slope, steps,
    )  # fmt: skip


def _axes(p):
    return {"p.W": (p.W, "D 3H"), "p.U": (p.U, "H 3H"), "p.b": (p.b, "3H"), "p.c": (p.c, "H")}


def _three(p, sizes):
    if sizes["3H"] != 3 * sizes["H"]:
        require.refuse("p.U", "3 columns for each row", f"shape {p.U.shape}")


def _require(p, x, s, axes):
    require.kind("p", p, Params)
    require.kind("s", s, State)
    sizes = require.arrays({**_axes(p), "x": (x, axes), "s.h": (s.h, "B H")})
    _three(p, sizes)
    return sizes.get("T"), sizes["B"], sizes["D"], sizes["H"]
