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

from fnnlib import require
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
    x: np.ndarray  # (T, B, D)
    h: np.ndarray  # (T + 1, B, H): h[0] is the initial state
    c: np.ndarray  # (T + 1, B, H)
    gates: np.ndarray  # (T, 4, B, H)
    tanh_c: np.ndarray  # (T, B, H)


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


def forward(p, x, s):
    """Read the whole sequence ``x`` from State ``s``; returns ``((h, s_T), cache)``.

    ``h`` is ``(T, B, H)``, the hidden state after every step; ``s_T`` is the last State.

    >>> p = init(np.random.default_rng(0), 3, 2)
    >>> (h, s_T), cache = forward(p, np.ones((5, 4, 3)), State(np.zeros((4, 2)), np.zeros((4, 2))))
    >>> h.shape, s_T.c.shape
    ((5, 4, 2), (4, 2))
    """
    T, B, D, H = _require(p, x, s, "T B D")
    dtype = np.result_type(*p, x, *s)
    h, c = np.empty((T + 1, B, H), dtype), np.empty((T + 1, B, H), dtype)
    h[0], c[0] = s
    gates, tanh_c = np.empty((T, 4, B, H), dtype), np.empty((T, B, H), dtype)
    # One tanh serves all gates, as sigma(a) = tanh(a / 2) / 2 + 1 / 2.
    scale, shift = (_row(numbers, H, dtype) for numbers in ([0.5, 0.5, 1, 0.5], [0.5, 0.5, 0, 0.5]))
    W, U, b = (scale * q for q in p)
    # The inputs of all steps meet W in one product.
    inputs = np.dot(x.reshape(T * B, D), W).reshape(T, B, 4 * H)
    inputs += b
    a, fresh = np.empty((B, 4 * H), dtype), np.empty((B, H), dtype)
    scale, shift = (np.tile(row, (B, 1)) for row in (scale, shift))  # faster than broadcasting
    by_gate, shift = _by_gate(a), np.ascontiguousarray(_by_gate(shift))
    for input_t, gates_t, h_was, h_is, c_was, c_is, tanh_c_t in zip(
        inputs, gates, h[:-1], h[1:], c[:-1], c[1:], tanh_c, strict=True
    ):
        np.dot(h_was, U, out=a)
        a += input_t
        np.tanh(a, out=a)
        a *= scale
        i, f, g, o = np.add(by_gate, shift, out=gates_t)
        np.multiply(f, c_was, out=c_is)
        c_is += np.multiply(i, g, out=fresh)
        np.multiply(o, np.tanh(c_is, out=tanh_c_t), out=h_is)
    return (h[1:], State(h[-1], c[-1])), Cache(p, x, h, c, gates, tanh_c)


def backward(dout, cache, truncate=None):
    r"""Backpropagation through time: gradients ``(dp, dx, ds_0)`` from ``dout = (dh, ds_T)``.

    ``dh`` is ``(T, B, H)``, the gradient of every hidden state from outside the recurrence;
    ``ds_T`` is what later steps would send back (zeros when there are none). With :math:`\delta_t`
    the adjoint of what enters the gates, the adjoints of h and c run backward in time,

    .. math::

       \lambda_t = dh_t + \delta_{t+1} U^\top, \quad
       \mu_t = \lambda_t \odot o_t \odot (1 - \tanh^2 c_t) + \mu_{t+1} \odot f_{t+1}.

    ``truncate = K`` cuts the sequence into pieces of K steps and holds the state that enters a
    piece constant, so that no gradient flows further back ([williams1990]).

    >>> p, s = init(np.random.default_rng(0), 3, 2), State(np.zeros((4, 2)), np.zeros((4, 2)))
    >>> (h, s_T), cache = forward(p, np.ones((5, 4, 3)), s)
    >>> dp, dx, ds_0 = backward((np.ones_like(h), s), cache)
    >>> dp.U.shape, dx.shape, ds_0.c.shape
    ((2, 8), (5, 4, 3), (4, 2))
    """
    p, x, h, c, gates, tanh_c = require.kind("cache", cache, Cache)
    dh, ds_T = _pair(dout)
    require.arrays({
        "h": (tanh_c, "T B H"), "dh": (dh, "T B H"), "ds_T.h": (ds_T.h, "B H"),
        "ds_T.c": (ds_T.c, "B H"),
    })  # fmt: skip
    (T, B, D), H = x.shape, h.shape[-1]
    K = T if truncate is None else require.count("truncate", truncate)
    i, f, g, o = np.swapaxes(gates, 0, 1)
    # What does not wait for the loop: the slopes of c (by i, f, g) and of h (by o and c).
    slopes = gates - gates**2
    slopes[:, 0] *= g
    slopes[:, 1] *= c[:-1]
    slopes[:, 2] = i * (1 - g**2)
    slopes[:, 3] *= tanh_c
    through_c = o * (1 - tanh_c**2)
    UT = np.ascontiguousarray(p.U.T)  # a product with the copy is faster than with the view
    delta = np.empty((T, B, 4 * H), slopes.dtype)
    by_gate = _by_gate(delta)
    carry_h, carry_c = ds_T
    for t in reversed(range(T)):
        lam = dh[t] + carry_h
        mu = through_c[t]
        mu *= lam
        mu += carry_c
        np.multiply(slopes[t, :3], mu, out=by_gate[t, :3])
        np.multiply(slopes[t, 3], lam, out=by_gate[t, 3])
        if t % K or t == 0:
            carry_h, carry_c = np.dot(delta[t], UT), mu * f[t]
        else:
            carry_h, carry_c = np.zeros_like(lam), np.zeros_like(mu)
    rows = delta.reshape(T * B, 4 * H)
    dW = np.dot(x.reshape(T * B, D).T, rows)
    dU = np.dot(h[:-1].reshape(T * B, H).T, rows)
    dx = np.dot(rows, p.W.T).reshape(T, B, D)
    return Params(dW, dU, rows.sum(axis=0)), dx, State(carry_h, carry_c)


def _row(numbers, H, dtype):
    return np.repeat(np.array(numbers, dtype), H)


def _by_gate(a):
    """A view of (..., B, 4H) as (..., 4, B, H)."""
    return np.swapaxes(a.reshape(*a.shape[:-1], 4, -1), -2, -3)


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


def _pair(dout):
    require.kind("dout", dout, tuple)
    if len(dout) != 2:
        require.refuse("dout", "the pair (dh, ds_T)", f"a tuple of {len(dout)}")
    return dout[0], require.kind("ds_T", dout[1], State)
