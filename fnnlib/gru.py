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

from typing import NamedTuple

import numpy as np

from fnnlib import require
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
    x: np.ndarray  # (T, B, D)
    h: np.ndarray  # (T + 1, B, H): h[0] is the initial state
    gates: np.ndarray  # (T, 3, B, H)
    fed_back: np.ndarray  # (T, B, H)


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


def forward(p, x, s):
    """Read the whole sequence ``x`` from State ``s``; returns ``((h, s_T), cache)``.

    ``h`` is ``(T, B, H)``, the state after every step; ``s_T`` is the last one as a State.

    >>> p = init(np.random.default_rng(0), 3, 2)
    >>> (h, s_T), cache = forward(p, np.ones((5, 4, 3)), State(np.zeros((4, 2))))
    >>> h.shape, s_T.h.shape
    ((5, 4, 2), (4, 2))
    """
    T, B, D, H = _require(p, x, s, "T B D")
    dtype = np.result_type(*p, x, s.h)
    h = np.empty((T + 1, B, H), dtype)
    h[0] = s.h
    gates, fed_back = np.empty((T, 3, B, H), dtype), np.empty((T, B, H), dtype)
    # Half the argument of r and z, as sigma(a) = tanh(a / 2) / 2 + 1 / 2.
    scale = np.repeat(np.array([0.5, 0.5, 1], dtype), H)
    W, U, b = scale * p.W, scale * p.U, scale * p.b
    # The inputs of all steps meet W in one product.
    inputs = np.dot(x.reshape(T * B, D), W).reshape(T, B, 3 * H)
    inputs += b
    back, c = np.empty((B, 3 * H), dtype), np.tile(p.c, (B, 1))
    back_rz, back_n = _by_gate(back)[:2], back[:, 2 * H :]
    for input_t, gates_t, m, h_was, h_is in zip(
        _by_gate(inputs), gates, fed_back, h[:-1], h[1:], strict=True
    ):
        np.dot(h_was, U, out=back)
        rz, (_, z, n) = gates_t[:2], gates_t
        np.tanh(np.add(back_rz, input_t[:2], out=rz), out=rz)
        rz *= 0.5
        rz += 0.5
        np.multiply(rz[0], np.add(back_n, c, out=m), out=n)
        n += input_t[2]
        np.tanh(n, out=n)
        np.subtract(h_was, n, out=h_is)
        h_is *= z
        h_is += n
    return (h[1:], State(h[-1])), Cache(p, x, h, gates, fed_back)


def backward(dout, cache, truncate=None):
    r"""Backpropagation through time: gradients ``(dp, dx, ds_0)`` from ``dout = (dh, ds_T)``.

    ``dh`` is ``(T, B, H)``, the gradient of every state from outside the recurrence; ``ds_T`` is
    what later steps would send back (zeros when there are none). The adjoint of the state runs
    backward in time,

    .. math:: \lambda_t = dh_t + \lambda_{t+1} \odot z_{t+1} + \bar\delta_{t+1} U^\top,

    where :math:`\bar\delta` is the adjoint :math:`\delta` of what enters the gates, with
    :math:`r \odot \delta_n` for the candidate.

    ``truncate = K`` cuts the sequence into pieces of K steps and holds the state that enters a
    piece constant, so that no gradient flows further back ([williams1990]).

    >>> p = init(np.random.default_rng(0), 3, 2)
    >>> (h, s_T), cache = forward(p, np.ones((5, 4, 3)), State(np.zeros((4, 2))))
    >>> dp, dx, ds_0 = backward((np.ones_like(h), State(np.zeros((4, 2)))), cache)
    >>> dp.U.shape, dx.shape, ds_0.h.shape
    ((2, 6), (5, 4, 3), (4, 2))
    """
    p, x, h, gates, fed_back = require.kind("cache", cache, Cache)
    dh, ds_T = _pair(dout)
    require.arrays({"h": (fed_back, "T B H"), "dh": (dh, "T B H"), "ds_T.h": (ds_T.h, "B H")})
    (T, B, D), H = x.shape, h.shape[-1]
    K = T if truncate is None else require.count("truncate", truncate)
    r, z, n = np.swapaxes(gates, 0, 1)
    # What does not wait for the loop: the slopes of the new state by what enters the gates.
    of_n = (1 - z) * (1 - n**2)
    slopes = gates - gates**2
    slopes[:, 0] *= of_n * fed_back
    slopes[:, 1] *= h[:-1] - n
    slopes[:, 2] = of_n * r
    UT = np.ascontiguousarray(p.U.T)  # a product with the copy is faster than with the view
    back = np.empty((T, B, 3 * H), slopes.dtype)
    by_gate, lam = _by_gate(back), np.empty_like(of_n)
    carry = ds_T.h
    for t in reversed(range(T)):
        np.add(dh[t], carry, out=lam[t])
        np.multiply(slopes[t], lam[t], out=by_gate[t])
        if t % K or t == 0:
            carry = np.dot(back[t], UT)
            carry += lam[t] * z[t]
        else:
            carry = np.zeros_like(carry)
    delta = back.copy()
    np.multiply(of_n, lam, out=delta[:, :, 2 * H :])
    rows, back_rows = delta.reshape(T * B, 3 * H), back.reshape(T * B, 3 * H)
    dW = np.dot(x.reshape(T * B, D).T, rows)
    dU = np.dot(h[:-1].reshape(T * B, H).T, back_rows)
    dx = np.dot(rows, p.W.T).reshape(T, B, D)
    return Params(dW, dU, rows.sum(axis=0), back_rows[:, 2 * H :].sum(axis=0)), dx, State(carry)


def _by_gate(a):
    """A view of (..., B, 3H) as (..., 3, B, H)."""
    return np.swapaxes(a.reshape(*a.shape[:-1], 3, -1), -2, -3)


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


def _pair(dout):
    require.kind("dout", dout, tuple)
    if len(dout) != 2:
        require.refuse("dout", "the pair (dh, ds_T)", f"a tuple of {len(dout)}")
    return dout[0], require.kind("ds_T", dout[1], State)
