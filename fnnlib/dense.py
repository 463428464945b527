r"""Dense (fully connected) layers, one or a stack.

Conventions: rows are examples. ``x`` is ``(..., D)`` with any leading axes, the outputs are
``(..., H)``; ``W`` is ``(D, H)``, ``b`` is ``(H,)``. All arrays are float32, or all are float64.
Malformed arguments raise ValueError or TypeError naming the argument. Source: [rumelhart1986].
"""

from typing import NamedTuple

import numpy as np

from fnnlib import activations, require


class Params(NamedTuple):
    """Weights and biases of one layer; also the shape of their gradients."""

    W: np.ndarray  # (D, H)
    b: np.ndarray  # (H,)


class Cache(NamedTuple):
    """What the backward pass of one layer needs."""

    p: Params
    x: np.ndarray  # (..., D)


class StackCache(NamedTuple):
    """What the backward pass of a stack needs."""

    layers: tuple  # a Cache for each layer
    z: tuple  # (..., H) for each hidden layer, before its activation
    activation: str


def init(rng, D, H, dtype=np.float64):
    r"""Random weights of variance :math:`1/D`, so that unit inputs give unit outputs; zero biases.

    >>> init(np.random.default_rng(0), 3, 2).W.shape
    (3, 2)
    """
    W = require.generator("rng", rng).normal(size=(require.count("D", D), require.count("H", H)))
    dtype = require.precision("dtype", dtype)
    return Params((W / np.sqrt(D)).astype(dtype), np.zeros(H, dtype))


def forward(p, x):
    """Affine map ``z = x W + b``; returns ``(z, cache)``.

    >>> forward(Params(np.eye(2), np.array([1.0, -1.0])), np.array([[3.0, 4.0]]))[0]
    array([[4., 3.]])
    """
    require.kind("p", p, Params)
    require.arrays({"p.W": (p.W, "D H"), "p.b": (p.b, "H"), "x": (x, "... D")})
    return np.dot(x, p.W) + p.b, Cache(p, x)


def backward(dz, cache):
    r"""Gradients ``(dp, dx)`` from ``dz`` of shape ``(..., H)``.

    :math:`dW = x^\top dz`, :math:`db = \sum dz`, :math:`dx = dz\, W^\top`; the sums run over all
    leading axes.

    >>> z, cache = forward(Params(np.eye(2), np.zeros(2)), np.array([[3.0, 4.0]]))
    >>> backward(np.array([[1.0, 0.0]]), cache)[0].W
    array([[3., 0.],
           [4., 0.]])
    """
    p, x = require.kind("cache", cache, Cache)
    require.arrays({"x": (x, "... D"), "p.W": (p.W, "D H"), "dz": (dz, "... H")})
    D, H = p.W.shape
    rows = dz.reshape(-1, H)
    dp = Params(np.dot(x.reshape(-1, D).T, rows), rows.sum(axis=0))
    return dp, np.dot(dz, p.W.T)


def stack_init(rng, widths, dtype=np.float64):
    """Layers of the given widths, from the input's to the output's.

    >>> [p.W.shape for p in stack_init(np.random.default_rng(0), (3, 4, 1))]
    [(3, 4), (4, 1)]
    """
    if len(require.kind("widths", widths, tuple)) < 2:
        require.refuse("widths", "at least two widths", widths)
    return tuple(init(rng, D, H, dtype) for D, H in zip(widths, widths[1:], strict=False))


def stack_forward(layers, x, activation="tanh"):
    """Feed ``x`` through all layers, an activation after each but the last; returns ``(z, cache)``.

    ``activation`` is a name of :data:`fnnlib.activations.ELEMENTWISE`.

    >>> layers = stack_init(np.random.default_rng(0), (3, 4, 1))
    >>> stack_forward(layers, np.ones((5, 3)))[0].shape
    (5, 1)
    """
    for i, p in enumerate(require.kind("layers", layers, tuple)):
        require.kind(f"layers.{i}", p, Params)
    if not layers:
        require.refuse("layers", "at least one layer", "none")
    f, _ = _activation(activation)
    caches, zs = [], []
    for p in layers:
        z, cache = forward(p, f(zs[-1]) if zs else x)
        caches.append(cache)
        zs.append(z)
    return zs[-1], StackCache(tuple(caches), tuple(zs[:-1]), activation)


def stack_backward(dz, cache):
    r"""Gradients ``(dlayers, dx)`` from ``dz`` of the last layer, by the backward recursion.

    :math:`dz^{l} = (dz^{l+1} W^{l+1\top}) \odot f'(z^{l})`.

    >>> layers = stack_init(np.random.default_rng(0), (3, 4, 1))
    >>> z, cache = stack_forward(layers, np.ones((5, 3)))
    >>> dlayers, dx = stack_backward(np.ones((5, 1)), cache)
    >>> dx.shape
    (5, 3)
    """
    caches, zs, activation = require.kind("cache", cache, StackCache)
    _, prime = _activation(activation)
    dp, dx = backward(dz, caches[-1])
    dlayers = [dp]
    for layer, z in zip(reversed(caches[:-1]), reversed(zs), strict=True):
        dp, dx = backward(dx * prime(z), layer)
        dlayers.append(dp)
    return tuple(reversed(dlayers)), dx


def _activation(name):
    if not isinstance(name, str) or name not in activations.ELEMENTWISE:
        require.refuse("activation", f"one of {', '.join(activations.ELEMENTWISE)}", repr(name))
    return activations.ELEMENTWISE[name]
