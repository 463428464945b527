r"""A recurrent net that computes a feedback signal, gates its state with it, and feeds it back.

.. math::

   a_t &= x_t W + h_{t-1} U + c_{t-1} V + b, \qquad
   h_t = \tanh(a_t) \;\; (+\, h_{t-1} \text{ with } \texttt{residual}), \\
   c_t &= \sigma(h_t W_c + b_c), \\
   \alpha_t &= \mathrm{softmax}(h_t W_a + c_t V_a + b_a), \qquad
   \tilde h_t = \alpha_t \odot h_t, \\
   y_t &= \tilde h_t W_y + c_t V_y + b_y.

h is the state, c the feedback signal, :math:`\alpha` the attention that each unit gets; it sums to
one over the units. In the words of the net's source, :math:`h_t = f_\theta(x_t, h_{t-1})` with
:math:`\theta = (W, U, V, b)`, into which :math:`c_{t-1}` is fed back, and
:math:`y_t = g_\varphi(\tilde h_t, c_t)` with :math:`\varphi = (W_y, V_y, b_y)`. Outputs are affine;
put an activation or a loss from logits behind them.

Conventions: time first. ``x`` is ``(T, B, D)``; a state holds h ``(B, H)`` and c ``(B, F)``; the
outputs are ``(T, B, C)``. All arrays are float32, or all are float64. Malformed arguments raise
ValueError or TypeError naming the argument. Sources: [jordan1986] for signals that are fed back,
[he2016] for the residual loop, [vaswani2017] for softmax as attention.
"""

from typing import NamedTuple

import numpy as np

from fnnlib import losses, require
from fnnlib.activations import sigmoid, softmax, softmax_backward


class Params(NamedTuple):
    """Weights and biases; also the shape of their gradients."""

    W: np.ndarray  # (D, H): the step
    U: np.ndarray  # (H, H)
    V: np.ndarray  # (F, H)
    b: np.ndarray  # (H,)
    W_c: np.ndarray  # (H, F): the feedback signal
    b_c: np.ndarray  # (F,)
    W_a: np.ndarray  # (H, H): attention
    V_a: np.ndarray  # (F, H)
    b_a: np.ndarray  # (H,)
    W_y: np.ndarray  # (H, C): the output
    V_y: np.ndarray  # (F, C)
    b_y: np.ndarray  # (C,)


class State(NamedTuple):
    """What is carried from one step to the next."""

    h: np.ndarray  # (B, H)
    c: np.ndarray  # (B, F)


class Cache(NamedTuple):
    """What the backward pass of a sequence needs."""

    p: Params
    x: np.ndarray  # (T, B, D)
    h: np.ndarray  # (T + 1, B, H): h[0] is the initial state
    c: np.ndarray  # (T + 1, B, F)
    tanh: np.ndarray  # (T, B, H): what the step adds to the state
    attention: np.ndarray  # (T, B, H)
    residual: bool


class LossCache(NamedTuple):
    """What the backward pass of the loss needs."""

    main: tuple
    auxiliary: tuple
    weight: float


def init(rng, D, H, F, C, dtype=np.float64):
    """Random weights of variance one over their number of inputs; zero biases.

    >>> init(np.random.default_rng(0), 5, 4, 3, 2).V.shape
    (3, 4)
    """
    require.generator("rng", rng)
    D, H, F, C = (require.count(n, v) for n, v in {"D": D, "H": H, "F": F, "C": C}.items())
    dtype = require.precision("dtype", dtype)

    def weights(m, n):
        return (rng.normal(size=(m, n)) / np.sqrt(m)).astype(dtype)

    zeros = (np.zeros(n, dtype) for n in (H, F, H, C))
    return Params(
        weights(D, H), weights(H, H), weights(F, H), next(zeros),
        weights(H, F), next(zeros),
        weights(H, H), weights(F, H), next(zeros),
        weights(H, C), weights(F, C), next(zeros),
    )  # fmt: skip


def step(p, x, s, residual=False):
    """One step: from ``x`` of shape ``(B, D)`` and State ``s`` to ``((y, s), cache)``.

    >>> p = init(np.random.default_rng(0), 5, 4, 3, 2)
    >>> (y, s), cache = step(p, np.ones((1, 5)), State(np.zeros((1, 4)), np.zeros((1, 3))))
    >>> y.shape, s.h.shape, s.c.shape
    ((1, 2), (1, 4), (1, 3))
    """
    _require(p, x, s, "B D")
    (y, _, s), cache = forward(p, x[None], s, residual)
    return (y[0], s), cache


def step_backward(dout, cache):
    """Gradients ``(dp, dx, ds)`` of one step, from ``dout = (dy, ds)``.

    >>> p = init(np.random.default_rng(0), 5, 4, 3, 2)
    >>> (y, s), cache = step(p, np.ones((1, 5)), State(np.zeros((1, 4)), np.zeros((1, 3))))
    >>> step_backward((y, s), cache)[2].c.shape
    (1, 3)
    """
    dy, ds = _parts(dout, "the pair (dy, ds)", 2, "ds")
    require.arrays({"dy": (dy, "B C"), "ds.h": (ds.h, "B H"), "ds.c": (ds.c, "B F")})
    dp, dx, ds = backward((dy[None], np.zeros_like(ds.c)[None], ds), cache)
    return dp, dx[0], ds


def forward(p, x, s, residual=False):
    """Read the whole sequence ``x`` from State ``s``; returns ``((y, c, s_T), cache)``.

    ``y`` is ``(T, B, C)`` and ``c`` ``(T, B, F)``, the output and the feedback signal of every
    step; ``s_T`` is the last State.

    >>> p = init(np.random.default_rng(0), 5, 4, 3, 2)
    >>> s = State(np.zeros((6, 4)), np.zeros((6, 3)))
    >>> (y, c, s_T), cache = forward(p, np.ones((7, 6, 5)), s)
    >>> y.shape, c.shape, s_T.h.shape
    ((7, 6, 2), (7, 6, 3), (6, 4))
    """
    T, B, D, H, F = _require(p, x, s, "T B D")
    require.kind("residual", residual, bool)
    dtype = np.result_type(*p, x, *s)
    h, c = np.empty((T + 1, B, H), dtype), np.empty((T + 1, B, F), dtype)
    h[0], c[0] = s
    # The inputs of all steps meet W in one product; the loop writes over it.
    a = np.dot(x.reshape(T * B, D), p.W).reshape(T, B, H).astype(dtype, copy=False)
    a += p.b
    for t in range(T):
        a[t] += np.dot(h[t], p.U)
        a[t] += np.dot(c[t], p.V)
        np.tanh(a[t], out=a[t])
        h[t + 1] = a[t] + h[t] if residual else a[t]
        c[t + 1] = sigmoid(np.dot(h[t + 1], p.W_c) + p.b_c)
    # Attention and output wait for no later step.
    attention = softmax(np.dot(h[1:], p.W_a) + np.dot(c[1:], p.V_a) + p.b_a)
    y = np.dot(attention * h[1:], p.W_y) + np.dot(c[1:], p.V_y) + p.b_y
    return (y, c[1:], State(h[-1], c[-1])), Cache(p, x, h, c, a, attention, residual)


def backward(dout, cache, truncate=None):
    r"""Gradients ``(dp, dx, ds_0)`` from ``dout = (dy, dc, ds_T)``.

    ``dy`` is ``(T, B, C)``; ``dc`` ``(T, B, F)`` is the gradient of every feedback signal from
    outside, such as that of an auxiliary loss; ``ds_T`` is what later steps would send back. The
    adjoints of both parts of the state run backward in time,

    .. math::

       \mu_t &= dc_t + dy_t V_y^\top + \epsilon_t V_a^\top + \delta_{t+1} V^\top, \\
       \lambda_t &= \alpha_t \odot dy_t W_y^\top + \epsilon_t W_a^\top
                    + (\mu_t \odot \sigma'_t) W_c^\top + \delta_{t+1} U^\top,
                    \qquad \delta_t = \lambda_t \odot \tanh'_t,

    with :math:`\epsilon_t` the gradient by the attention's logits, and :math:`\lambda_{t+1}` added
    to :math:`\lambda_t` with ``residual``. ``truncate = K`` cuts the sequence into pieces of K
    steps and holds the state that enters a piece constant ([williams1990]).

    >>> p = init(np.random.default_rng(0), 5, 4, 3, 2)
    >>> s = State(np.zeros((6, 4)), np.zeros((6, 3)))
    >>> out, cache = forward(p, np.ones((7, 6, 5)), s)
    >>> dp, dx, ds_0 = backward(out, cache)
    >>> dp.W_c.shape, dx.shape, ds_0.c.shape
    ((4, 3), (7, 6, 5), (6, 3))
    """
    p, x, h, c, tanh, attention, residual = require.kind("cache", cache, Cache)
    dy, dc, ds_T = _parts(dout, "the triple (dy, dc, ds_T)", 3, "ds_T")
    require.arrays({
        "h": (tanh, "T B H"), "p.b_c": (p.b_c, "F"), "p.b_y": (p.b_y, "C"), "dy": (dy, "T B C"),
        "dc": (dc, "T B F"), "ds_T.h": (ds_T.h, "B H"), "ds_T.c": (ds_T.c, "B F"),
    })  # fmt: skip
    T = len(x)
    K = T if truncate is None else require.count("truncate", truncate)
    gated = np.dot(dy, p.W_y.T)
    epsilon = softmax_backward(gated * h[1:], attention)
    # What reaches h and c outside the recurrence; the loop makes them adjoints.
    lam = attention * gated + np.dot(epsilon, p.W_a.T)
    of_c = dc + np.dot(dy, p.V_y.T) + np.dot(epsilon, p.V_a.T)
    delta, slope_c = 1 - tanh * tanh, c[1:] * (1 - c[1:])
    UT, VT, W_cT = (np.ascontiguousarray(w.T) for w in (p.U, p.V, p.W_c))
    back_h, back_c = ds_T
    for t in reversed(range(T)):
        of_c[t] += back_c
        of_c[t] *= slope_c[t]
        lam[t] += back_h
        lam[t] += np.dot(of_c[t], W_cT)
        delta[t] *= lam[t]
        back_h, back_c = np.dot(delta[t], UT), np.dot(delta[t], VT)
        if residual:
            back_h += lam[t]
        if t and t % K == 0:
            back_h, back_c = np.zeros_like(back_h), np.zeros_like(back_c)
    dp = Params(
        *_weights(delta, x, h[:-1], c[:-1]),
        *_weights(of_c, h[1:]),
        *_weights(epsilon, h[1:], c[1:]),
        *_weights(dy, attention * h[1:], c[1:]),
    )
    return dp, np.dot(delta, p.W.T), State(back_h, back_c)


def loss(y, c, target, signal, weight):
    r"""Squared error of outputs plus that of feedback signals; returns ``(loss, cache)``.

    :math:`L = L_\text{main}(y, \text{target}) + \lambda L_\text{aux}(c, \text{signal})` with
    :math:`\lambda` = ``weight`` at least zero; both are :func:`fnnlib.losses.squared_error`.

    >>> one = np.ones((1, 1, 2))
    >>> float(loss(one, 0 * one, 0 * one, one, weight=0.5)[0])
    1.5
    """
    weight = require.number("weight", weight, least=0)
    require.arrays({
        "y": (y, "... C"), "target": (target, "... C"), "c": (c, "... F"),
        "signal": (signal, "... F"),
    })  # fmt: skip
    main, main_cache = losses.squared_error(y, target)
    auxiliary, auxiliary_cache = losses.squared_error(c, signal)
    return main + weight * auxiliary, LossCache(main_cache, auxiliary_cache, weight)


def loss_backward(dloss, cache):
    """Gradients ``(dy, dc)`` from ``dloss``.

    >>> one = np.ones((1, 1, 2))
    >>> _, cache = loss(one, 0 * one, 0 * one, one, weight=0.5)
    >>> loss_backward(np.ones(()), cache)[1]
    array([[[-0.5, -0.5]]])
    """
    main, auxiliary, weight = require.kind("cache", cache, LossCache)
    dy = losses.squared_error_backward(dloss, main)
    return dy, losses.squared_error_backward(dloss * weight, auxiliary)


def _weights(delta, *inputs):
    """Gradients of the weights that bring ``inputs`` together, and of their bias, by one GEMM."""
    rows = delta.reshape(-1, delta.shape[-1])
    each = [np.dot(a.reshape(-1, a.shape[-1]).T, rows) for a in inputs]
    return *each, rows.sum(axis=0)


def _require(p, x, s, axes):
    require.kind("p", p, Params)
    require.kind("s", s, State)
    shapes = "D H", "H H", "F H", "H", "H F", "F", "H H", "F H", "H", "H C", "F C", "C"
    sizes = require.arrays({
        **{f"p.{n}": pair for n, *pair in zip(p._fields, p, shapes, strict=True)},
        "x": (x, axes), "s.h": (s.h, "B H"), "s.c": (s.c, "B F"),
    })  # fmt: skip
    return sizes.get("T"), *(sizes[axis] for axis in "BDHF")


def _parts(dout, expected, n, state):
    require.kind("dout", dout, tuple)
    if len(dout) != n:
        require.refuse("dout", expected, f"a tuple of {len(dout)}")
    require.kind(state, dout[-1], State)
    return dout
