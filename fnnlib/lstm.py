r"""The long short-term memory (LSTM) and backpropagation through time.

.. math::

   i_t, f_t, o_t &= \sigma(x_t W + h_{t-1} U + b), \quad g_t = \tanh(x_t W + h_{t-1} U + b), \\
   c_t &= f_t \odot c_{t-1} + i_t \odot g_t, \quad h_t = o_t \odot \tanh(c_t),

where each gate has its own columns of ``W``, ``U`` and ``b``, in the order **i, f, g, o**.

Conventions: time first. ``x`` is ``(T, B, D)``: T steps, B sequences, D inputs; the two parts of a
state, ``h`` and ``c``, are ``(B, H)``. All arrays are float32, or all are float64. Malformed
arguments raise ValueError or TypeError naming the argument. Source: [hochreiter1997].
"""

from typing import NamedTuple

import numpy as np

from fnnlib import bptt, buffers, require
from fnnlib.activations import sigmoid


class Params(NamedTuple):
    """Weights and biases, the gates i, f, g, o side by side; also the shape of their gradients."""

    W: np.ndarray  # (D, 4H)
    U: np.ndarray  # (H, 4H)
    b: np.ndarray  # (4H,)


class State(NamedTuple):
    """What is carried from one step to the next."""

    h: np.ndarray  # (B, H)
    c: np.ndarray  # (B, H)


class StepCache(NamedTuple):
    """What the backward pass of one step needs."""

    p: Params
    x: np.ndarray  # (B, D)
    s: State  # before the step
    gates: tuple  # i, f, g, o: (B, H) each
    tanh_c: np.ndarray  # (B, H)


class Cache(NamedTuple):
    """What the backward pass of a sequence needs."""

    p: Params
    inputs: np.ndarray  # (T, B, D + 1): x and a column of ones
    h: np.ndarray  # (T + 1, B, H): h[0] is the initial state
    c: np.ndarray  # (T + 1, B, H)
    gates: np.ndarray  # (T, 4, B, H)
    tanh_c: np.ndarray  # (T, B, H)
    turn: buffers.Turn  # None without buffers


def init(rng, D, H, dtype=np.float64):
    r"""Random weights of variance :math:`1/D` (W) and :math:`1/H` (U); zero biases.

    >>> init(np.random.default_rng(0), 3, 2).U.shape
    (2, 8)
    """
    require.generator("rng", rng)
    D, H = require.count("D", D), require.count("H", H)
    dtype = require.precision("dtype", dtype)
    W = rng.normal(size=(D, 4 * H)) / np.sqrt(D)
    U = rng.normal(size=(H, 4 * H)) / np.sqrt(H)
    return Params(W.astype(dtype), U.astype(dtype), np.zeros(4 * H, dtype))


def step(p, x, s):
    """One step: from ``x`` of shape ``(B, D)`` and State ``s`` to ``(State, cache)``.

    >>> p = Params(np.zeros((3, 8)), np.zeros((2, 8)), np.zeros(8))
    >>> step(p, np.ones((1, 3)), State(np.zeros((1, 2)), np.ones((1, 2))))[0].c
    array([[0.5, 0.5]])
    """
    _require(p, x, s, "B D")
    i, f, g, o = np.split(np.dot(x, p.W) + np.dot(s.h, p.U) + p.b, 4, axis=-1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c = f * s.c + i * g
    tanh_c = np.tanh(c)
    return State(o * tanh_c, c), StepCache(p, x, s, (i, f, g, o), tanh_c)


def step_backward(ds, cache):
    """Gradients ``(dp, dx, ds)`` of one step, from ``ds``, the gradient of the state it returned.

    >>> p = Params(np.zeros((3, 8)), np.zeros((2, 8)), np.zeros(8))
    >>> s, cache = step(p, np.ones((1, 3)), State(np.zeros((1, 2)), np.zeros((1, 2))))
    >>> step_backward(State(np.ones((1, 2)), np.zeros((1, 2))), cache)[2].c
    array([[0.25, 0.25]])
    """
    p, x, s, (i, f, g, o), tanh_c = require.kind("cache", cache, StepCache)
    require.kind("ds", ds, State)
    require.arrays({"c": (tanh_c, "B H"), "ds.h": (ds.h, "B H"), "ds.c": (ds.c, "B H")})
    dc = ds.c + ds.h * o * (1 - tanh_c**2)
    di, df, dg, do = dc * g, dc * s.c, dc * i, ds.h * tanh_c
    delta = np.hstack([di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)])
    dp = Params(np.dot(x.T, delta), np.dot(s.h.T, delta), delta.sum(axis=0))
    return dp, np.dot(delta, p.W.T), State(np.dot(delta, p.U.T), dc * f)


def forward(p, x, s, reuse=None):
    """Read the whole sequence ``x`` from State ``s``; returns ``((h, s_T), cache)``.

    ``h`` is ``(T, B, H)``, the hidden state after every step; ``s_T`` is the last State.
    ``reuse`` may be :class:`fnnlib.buffers.Buffers`, which the next pass writes over. The cache
    takes 7 T B H numbers (h, c, tanh c and four gates) and T B (D + 1) for the inputs.

    >>> p = init(np.random.default_rng(0), 3, 2)
    >>> (h, s_T), cache = forward(p, np.ones((5, 4, 3)), State(np.zeros((4, 2)), np.zeros((4, 2))))
    >>> h.shape, s_T.c.shape
    ((5, 4, 2), (4, 2))
    """
    T, B, D, H = _require(p, x, s, "T B D")
    kept, turn = buffers.begin(reuse)
    inputs, h, c, gates, tanh_c, weights, half, scale, shift, a, fresh, steps = kept.room(
        _forward_room, T, B, D, H, x.dtype
    )
    add, multiply, tanh = np.add, np.multiply, np.tanh
    inputs[..., :D] = x
    for first, given in ((h[0], s.h), (c[0], s.c)):
        np.copyto(first, given)  # unlike an assignment, it never drops an imaginary part
    # Each gate has its block of W, b and U to itself, so that what a step works on lies in one
    # piece. One tanh serves all gates, as sigma(a) = tanh(a / 2) / 2 + 1 / 2.
    Wb, U = weights[:, : D + 1], weights[:, D + 1 :]
    for blocks, q in ((Wb[:, :D], p.W), (Wb[:, D:], p.b[None]), (U, p.U)):
        np.copyto(blocks, _by_gate(q))
    multiply(weights, half, weights)
    # The inputs of all steps meet W at once, and a column of ones beside them meets b. The products
    # are written where the gates will stand.
    np.matmul(inputs[:, None], Wb, gates)
    for h_was, gates_t, (i, f, g, o), c_was, c_now, tanh_c_t, h_now in steps:
        np.matmul(h_was, U, a)
        add(gates_t, a, gates_t)
        tanh(gates_t, gates_t)
        multiply(gates_t, scale, gates_t)
        add(gates_t, shift, gates_t)
        multiply(f, c_was, c_now)
        multiply(i, g, fresh)
        add(c_now, fresh, c_now)
        tanh(c_now, tanh_c_t)
        multiply(o, tanh_c_t, h_now)
    return (h[1:], State(h[-1], c[-1])), Cache(p, inputs, h, c, gates, tanh_c, turn)


def backward(dout, cache, truncate=None):
    r"""Backpropagation through time: gradients ``(dp, dx, ds_0)`` from ``dout = (dh, ds_T)``.

    ``dh`` is ``(T, B, H)``, the gradient of every hidden state from outside the recurrence;
    ``ds_T`` is what later steps would send back (zeros when there are none). With :math:`\delta_t`
    the adjoint of what enters the gates, the adjoints of h and c run backward in time,

    .. math::

       \lambda_t = dh_t + \delta_{t+1} U^\top, \quad
       \mu_t = \lambda_t \odot o_t \odot (1 - \tanh^2 c_t) + \mu_{t+1} \odot f_{t+1}.

    ``truncate = K`` cuts the sequence into pieces of K steps and holds the state that enters a
    piece constant, so that no gradient flows further back ([williams1990]). Beside the cache, the
    pass takes 4 T B H numbers and those of dx; to truncate saves none.

    >>> p, s = init(np.random.default_rng(0), 3, 2), State(np.zeros((4, 2)), np.zeros((4, 2)))
    >>> (h, s_T), cache = forward(p, np.ones((5, 4, 3)), s)
    >>> dp, dx, ds_0 = backward((np.ones_like(h), s), cache)
    >>> dp.U.shape, dx.shape, ds_0.c.shape
    ((2, 8), (5, 4, 3), (4, 2))
    """
    p, inputs, h, c, gates, tanh_c, turn = require.kind("cache", cache, Cache)
    dh, ds_T = bptt.pair(dout, State)
    # A state that is not a number makes all later ones so: of h, the last is enough to look at.
    require.arrays({
        "h": (tanh_c, "T B H"), "h[-1]": (h[-1], "B H"), "dh": (dh, "T B H"),
        "ds_T.h": (ds_T.h, "B H"), "ds_T.c": (ds_T.c, "B H"),
    }, checked=("h",))  # fmt: skip
    (T, B, columns), H = inputs.shape, h.shape[-1]
    kept = buffers.resume(turn)
    size, slopes, through, delta, gated, carry, mu, WT, UT, dWb, dp, dx, by_slope, steps = (
        kept.room(_backward_room, T, B, columns - 1, H, h.dtype)
    )
    add, multiply, copyto = np.add, np.multiply, np.copyto
    (d_i, d_f, d_g, d_o), (carry_h, carry_c) = gated, carry
    # Products with copies are faster than with the transposed views.
    WT[:], UT[:] = p.W.T, p.U.T
    carry_h[:], carry_c[:] = ds_T
    for piece, cut in bptt.pieces(T, truncate, size):
        dh_p, f = dh[piece], gates[piece, 1]
        n = len(f)
        _slopes(gates[piece], c[piece], h[1:][piece], tanh_c[piece], slopes[:, :n], through[:n])
        for dh_t, f_t, (of_i, of_f, of_g, of_o, through_c), (delta_t, by_gate) in zip(
            dh_p[::-1], f[::-1], by_slope[n - 1 :: -1], steps[piece][::-1], strict=True
        ):
            add(dh_t, carry_h, carry_h)
            multiply(carry_h, through_c, mu)
            add(mu, carry_c, mu)
            multiply(mu, of_i, d_i)
            multiply(mu, of_f, d_f)
            multiply(mu, of_g, d_g)
            multiply(carry_h, of_o, d_o)
            copyto(by_gate, gated)
            multiply(mu, f_t, carry_c)
            delta_t.dot(UT, carry_h)
        if cut:
            carry_h[:], carry_c[:] = 0, 0
    rows = delta.reshape(T * B, 4 * H)
    inputs.reshape(T * B, columns).T.dot(rows, dWb)
    h[:-1].reshape(T * B, H).T.dot(rows, dp.U)
    rows.dot(WT, dx.reshape(T * B, columns - 1))
    return dp, dx, carry


def _slopes(gates, c_was, h, tanh_c, slopes, through_c):
    """Write the slopes of c by what enters i, f and g, and those of h by what enters o and by c."""
    subtract, multiply, one = np.subtract, np.multiply, h.dtype.type(1)
    np.copyto(slopes, gates.swapaxes(0, 1))
    (i, f, g, o), free = slopes, through_c
    multiply(f, f, free)
    subtract(f, free, f)
    multiply(f, c_was, f)
    multiply(i, g, free)
    multiply(free, g, g)
    subtract(i, g, g)
    subtract(one, i, i)
    multiply(i, free, i)
    multiply(h, tanh_c, through_c)
    subtract(o, through_c, through_c)
    subtract(one, o, o)
    multiply(o, h, o)


def _by_gate(a):
    """A view of (..., B, 4H) as (..., 4, B, H)."""
    return a.reshape(*a.shape[:-1], 4, -1).swapaxes(-2, -3)


def _forward_room(T, B, D, H, dtype):
    """Room for what the cache holds, for weights and scratch, and views of each step's arrays."""
    h, c = np.empty((2, T + 1, B, H), dtype)
    gates, tanh_c = np.empty((T, 4, B, H), dtype), np.empty((T, B, H), dtype)
    inputs, weights = np.ones((T, B, D + 1), dtype), np.empty((4, D + 1 + H, H), dtype)
    half = np.array([0.5, 0.5, 1, 0.5], dtype).reshape(4, 1, 1)
    scale, shift = (np.empty((4, B, H), dtype) for _ in "12")  # faster than broadcasting
    scale[:], shift[:] = half, 1 - half
    steps = zip(h, gates, map(tuple, gates), c, c[1:], tanh_c, h[1:], strict=False)
    a, fresh = np.empty((4, B, H), dtype), np.empty((B, H), dtype)
    return inputs, h, c, gates, tanh_c, weights, half, scale, shift, a, fresh, list(steps)


def _backward_room(T, B, D, H, dtype):
    size = bptt.size(T, 8 * B * H * dtype.itemsize)
    slopes, through_c, delta, gated, mu, WT, UT, dWb, dU, dx = (
        np.empty(shape, dtype)
        for shape in (
            (4, size, B, H), (size, B, H), (T, B, 4 * H), (4, B, H), (B, H), (4 * H, D),
            (4 * H, H), (D + 1, 4 * H), (H, 4 * H), (T, B, D),
        )
    )  # fmt: skip
    by_slope = [(*slopes[:, t], through_c[t]) for t in range(size)]
    steps = [(d, _by_gate(d)) for d in delta]
    carry, dp = State(*np.empty((2, B, H), dtype)), Params(dWb[:D], dU, dWb[D])
    return size, slopes, through_c, delta, gated, carry, mu, WT, UT, dWb, dp, dx, by_slope, steps


def _require(p, x, s, axes):
    require.kind("p", p, Params)
    require.kind("s", s, State)
    sizes = require.arrays({
        "p.W": (p.W, "D 4H"), "p.U": (p.U, "H 4H"), "p.b": (p.b, "4H"), "x": (x, axes),
        "s.h": (s.h, "B H"), "s.c": (s.c, "B H"),
    })  # fmt: skip
    if sizes["4H"] != 4 * sizes["H"]:
        require.refuse("p.U", "4 columns for each row", f"shape {p.U.shape}")
    return sizes.get("T"), sizes["B"], sizes["D"], sizes["H"]
