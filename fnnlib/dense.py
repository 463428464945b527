r"""Dense (fully connected) layers, one or a stack.

Conventions: rows are examples. ``x`` is ``(..., D)`` with any leading axes, the outputs are
``(..., H)``; ``W`` is ``(D, H)``, ``b`` is ``(H,)``. All arrays are float32, or all are float64.
Malformed arguments raise ValueError or TypeError naming the argument. Source: [rumelhart1986].
A forward pass may be given :class:`fnnlib.buffers.Buffers` as ``reuse``, which the next pass writes
over.
"""

import functools
from typing import NamedTuple

import numpy as np

from fnnlib import activations, buffers, require


class Params(NamedTuple):
    """Weights and biases of one layer; also the shape of their gradients."""

    W: np.ndarray  # (D, H)
    b: np.ndarray  # (H,)


class Cache(NamedTuple):
    """What the backward pass of one layer needs."""

    p: Params
    x: np.ndarray  # (..., D)
    turn: buffers.Turn  # None without buffers


class StackCache(NamedTuple):
    """What the backward pass of a stack needs."""

    layers: tuple  # the Params of each layer
    inputs: tuple  # (..., D) for each layer: x, then the outputs of the activations
    activation: str
    turn: buffers.Turn  # None without buffers


def init(rng, D, H, dtype=np.float64):
    r"""Random weights of variance :math:`1/D`, so that unit inputs give unit outputs; zero biases.

    >>> init(np.random.default_rng(0), 3, 2).W.shape
    (3, 2)
    """
    W = require.generator("rng", rng).normal(size=(require.count("D", D), require.count("H", H)))
    dtype = require.precision("dtype", dtype)
    return Params((W / np.sqrt(D)).astype(dtype), np.zeros(H, dtype))


def forward(p, x, reuse=None):
    """Affine map ``z = x W + b``; returns ``(z, cache)``.

    >>> forward(Params(np.eye(2), np.array([1.0, -1.0])), np.array([[3.0, 4.0]]))[0]
    array([[4., 3.]])
    """
    require.kind("p", p, Params)
    require.arrays({"p.W": (p.W, "D H"), "p.b": (p.b, "H"), "x": (x, "... D")})
    kept, turn = buffers.begin(reuse)
    return _affine(p, x, kept), Cache(p, x, turn)


def backward(dz, cache):
    r"""Gradients ``(dp, dx)`` from ``dz`` of shape ``(..., H)``.

    :math:`dW = x^\top dz`, :math:`db = \sum dz`, :math:`dx = dz\, W^\top`; the sums run over all
    leading axes.

    >>> z, cache = forward(Params(np.eye(2), np.zeros(2)), np.array([[3.0, 4.0]]))
    >>> backward(np.array([[1.0, 0.0]]), cache)[0].W
    array([[3., 0.],
           [4., 0.]])
    """
    p, x, turn = require.kind("cache", cache, Cache)
    _require_dz(dz, p, x)
    return _gradients(dz, p, x, buffers.resume(turn))


def stack_init(rng, widths, dtype=np.float64):
    """Layers of the given widths, from the input's to the output's.

    >>> [p.W.shape for p in stack_init(np.random.default_rng(0), (3, 4, 1))]
    [(3, 4), (4, 1)]
    """
    if len(require.kind("widths", widths, tuple)) < 2:
        require.refuse("widths", "at least two widths", widths)
    return tuple(init(rng, D, H, dtype) for D, H in zip(widths, widths[1:], strict=False))


def stack_forward(layers, x, activation="tanh", reuse=None):
    """Feed ``x`` through all layers, an activation after each but the last; returns ``(z, cache)``.

    ``activation`` is a name of :data:`fnnlib.activations.ELEMENTWISE`.

    >>> layers = stack_init(np.random.default_rng(0), (3, 4, 1))
    >>> stack_forward(layers, np.ones((5, 3)))[0].shape
    (5, 1)
    """
    for i, p in enumerate(require.kind("layers", layers, tuple)):
        if not isinstance(p, Params):
            require.kind(f"layers.{i}", p, Params)
    if not layers:
        require.refuse("layers", "at least one layer", "none")
    f, _ = _activation(activation)
    table = {}
    for p, (W, in_out, b, out) in zip(layers, _axes(len(layers)), strict=True):
        table[W], table[b] = (p.W, in_out), (p.b, out)
    require.arrays({**table, "x": (x, "... D0")})
    kept, turn = buffers.begin(reuse)
    inputs = []
    for p, layer in zip(layers, kept.room(_stack_room, len(layers)), strict=True):
        x = f(require.floats("z", x), x) if inputs else x
        inputs.append(x)
        x = _affine(p, x, layer)
    return x, StackCache(layers, tuple(inputs), activation, turn)


def stack_backward(dz, cache):
    r"""Gradients ``(dlayers, dx)`` from ``dz`` of the last layer, by the backward recursion.

    :math:`dz^{l} = (dz^{l+1} W^{l+1\top}) \odot f'(z^{l})`, with f' taken from the output of f.

    >>> layers = stack_init(np.random.default_rng(0), (3, 4, 1))
    >>> z, cache = stack_forward(layers, np.ones((5, 3)))
    >>> dlayers, dx = stack_backward(np.ones((5, 1)), cache)
    >>> dx.shape
    (5, 3)
    """
    layers, inputs, activation, turn = require.kind("cache", cache, StackCache)
    _, slope = _activation(activation)
    _require_dz(dz, layers[-1], inputs[-1])
    kept = buffers.resume(turn).room(_stack_room, len(layers))
    dp, dx = _gradients(dz, layers[-1], inputs[-1], kept[-1])
    dlayers = [dp]
    for i in reversed(range(len(layers) - 1)):
        dx *= slope(inputs[i + 1])
        dp, dx = _gradients(require.floats("dz", dx), layers[i], inputs[i], kept[i])
        dlayers.append(dp)
    return tuple(reversed(dlayers)), dx


def _affine(p, x, kept):
    """The outputs of one layer, in its buffers."""
    z, rows = kept.room(_forward_room, x.shape, p.W.shape, np.result_type(x, *p))
    x.reshape(-1, len(p.W)).dot(p.W, rows)
    rows += p.b
    return z


def _gradients(dz, p, x, kept):
    """The gradients ``(dp, dx)`` of one layer, in its buffers."""
    room = kept.room(_backward_room, x.shape, p.W.shape, np.result_type(dz, x, p.W))
    dp, dx, dx_rows, ones = room
    D, H = p.W.shape
    rows = dz.reshape(-1, H)
    x.reshape(-1, D).T.dot(rows, dp.W)
    ones.dot(rows, dp.b)  # quicker than a sum
    rows.dot(p.W.T, dx_rows)
    return dp, dx


def _forward_room(x, W, dtype):
    """Room for the outputs of one layer, from the shapes of its arguments, and its rows."""
    z = np.empty((*x[:-1], W[1]), dtype)
    return z, z.reshape(-1, W[1])


def _backward_room(x, W, dtype):
    """Room for the gradients of one layer, the rows of dx, and ones to sum over them."""
    dp, dx = Params(np.empty(W, dtype), np.empty(W[1], dtype)), np.empty(x, dtype)
    rows = dx.reshape(-1, W[0])
    return dp, dx, rows, np.ones(len(rows), dtype)


def _stack_room(L):
    """Buffers for each of L layers."""
    return tuple(buffers.Buffers() for _ in range(L))


@functools.cache
def _axes(L):
    """Names and axes of the weights and biases of each of L layers."""
    return tuple(
        (f"layers.{i}.W", f"D{i} D{i + 1}", f"layers.{i}.b", f"D{i + 1}") for i in range(L)
    )


def _require_dz(dz, p, x):
    """A gradient for each output; the forward pass checked p and x."""
    table = {"x": (x, "... D"), "p.W": (p.W, "D H"), "dz": (dz, "... H")}
    require.arrays(table, checked=("x", "p.W"))


def _activation(name):
    if not isinstance(name, str) or name not in activations.ELEMENTWISE:
        require.refuse("activation", f"one of {', '.join(activations.ELEMENTWISE)}", repr(name))
    return activations.KERNELS[name]
