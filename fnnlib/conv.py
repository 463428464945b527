r"""Two-dimensional convolution (as cross-correlation) with stride and zero padding.

.. math::

   z_{n,o,u,v} = b_o + \sum_{c,i,j} x_{n,c,\,su+i-P,\,sv+j-P}\, W_{o,c,i,j}

Entries of x outside the image count as zero. Conventions: ``x`` is ``(N, C, Y, X)``, that is N
images of C channels with Y rows and X columns; ``W`` is ``(O, C, I, J)``, ``b`` is ``(O,)``; the
output is ``(N, O, U, V)`` with :math:`U = \lfloor (Y + 2P - I) / s \rfloor + 1`, likewise V. Arrays
are float32, or all are float64. Malformed arguments raise ValueError or TypeError naming the
argument. Source: [lecun1998].

One image at a time, its patches are laid out as columns, and one matrix product does the rest: the
columns stay in the processor's cache, and memory does not grow with N.
"""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from fnnlib import require


class Params(NamedTuple):
    """Weights and biases; also the shape of their gradients."""

    W: np.ndarray  # (O, C, I, J)
    b: np.ndarray  # (O,)


class Cache(NamedTuple):
    """What the backward pass needs."""

    p: Params
    x: np.ndarray  # (N, C, Y, X)
    stride: int
    padding: int


def init(rng, O, C, I, J, dtype=np.float64):  # noqa: E741 - the names of the axes
    r"""Random weights of variance :math:`1 / (C I J)`, so that unit inputs give unit outputs.

    >>> init(np.random.default_rng(0), 8, 3, 5, 5).W.shape
    (8, 3, 5, 5)
    """
    require.generator("rng", rng)
    sizes = {"O": O, "C": C, "I": I, "J": J}
    shape = tuple(require.count(name, size) for name, size in sizes.items())
    dtype = require.precision("dtype", dtype)
    W = rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
    return Params(W.astype(dtype), np.zeros(O, dtype))


def forward(p, x, stride=1, padding=0):
    """Convolve; returns ``(z, cache)``.

    >>> p = Params(np.ones((1, 1, 2, 2)), np.zeros(1))
    >>> forward(p, np.ones((1, 1, 3, 3)), stride=2, padding=1)[0]
    array([[[[1., 2.],
             [2., 4.]]]])
    """
    require.kind("p", p, Params)
    s = require.count("stride", stride)
    P = require.count("padding", padding, least=0)
    sizes = require.arrays({"x": (x, "N C Y X"), "p.W": (p.W, "O C I J"), "p.b": (p.b, "O")})
    N, C, Y, X, O, I, J = sizes.values()  # noqa: E741
    if I > Y + 2 * P or J > X + 2 * P:
        require.refuse("p.W", f"at most {Y + 2 * P} rows and {X + 2 * P} columns", f"{I} and {J}")
    _, image, patches = _workspace(x, I, J, s, P)
    U, V = patches.shape[-2:]
    dtype = np.result_type(x, *p)
    W, columns = p.W.reshape(O, -1), np.empty((C * I * J, U * V), dtype)
    z = np.empty((N, O, U * V), dtype)
    for x_n, z_n in zip(x, z, strict=True):
        image[:] = x_n
        columns.reshape(patches.shape)[:] = patches
        np.dot(W, columns, out=z_n)
    z += p.b[:, None]
    return z.reshape(N, O, U, V), Cache(p, x, s, P)


def backward(dz, cache):
    r"""Gradients ``(dp, dx)`` from ``dz`` of shape ``(N, O, U, V)``.

    :math:`dW_{o,c,i,j} = \sum_{n,u,v} dz_{n,o,u,v}\, x_{n,c,su+i-P,sv+j-P}` and
    :math:`db_o = \sum_{n,u,v} dz_{n,o,u,v}`. Every :math:`dz_{n,o,u,v} W_{o,c,i,j}` is added to
    ``dx`` where the forward pass had read: at row su + i - P and column sv + j - P.

    >>> z, cache = forward(Params(np.ones((1, 1, 2, 2)), np.zeros(1)), np.ones((1, 1, 3, 3)))
    >>> backward(np.ones_like(z), cache)[1]
    array([[[[1., 2., 1.],
             [2., 4., 2.],
             [1., 2., 1.]]]])
    """
    p, x, s, P = require.kind("cache", cache, Cache)
    (O, C, I, J), N = p.W.shape, len(x)  # noqa: E741
    _, image, patches = _workspace(x, I, J, s, P)
    U, V = patches.shape[-2:]
    require.arrays({"x": (x, "N C Y X"), "dz": (dz, "N O U V")})
    require.shape("dz", dz, (N, O, U, V))
    dz, dx = dz.reshape(N, O, U * V), np.empty_like(x)
    W, dW = p.W.reshape(O, -1), np.zeros((O, C * I * J), dz.dtype)
    columns = np.empty((C * I * J, U * V), dz.dtype)
    dpadded, dimage, _ = _workspace(x, I, J, s, P)
    for x_n, dz_n, dx_n in zip(x, dz, dx, strict=True):
        image[:] = x_n
        columns.reshape(patches.shape)[:] = patches
        dW += np.dot(dz_n, columns.T)
        dpatches = np.dot(W.T, dz_n, out=columns).reshape(patches.shape)
        dpadded[:] = 0
        for i, j in np.ndindex(I, J):
            dpadded[:, i : i + s * U : s, j : j + s * V : s] += dpatches[:, i, j]
        dx_n[:] = dimage
    return Params(dW.reshape(p.W.shape), dz.sum(axis=(0, 2))), dx


def _workspace(x, I, J, s, P):  # noqa: E741
    """Room for one padded image: all of it, the part inside, and its patches as C, I, J, U, V."""
    _, C, Y, X = x.shape
    padded = np.zeros((C, Y + 2 * P, X + 2 * P), x.dtype)
    patches = sliding_window_view(padded, (I, J), axis=(1, 2))[:, ::s, ::s]
    return padded, padded[:, P : P + Y, P : P + X], patches.transpose(0, 3, 4, 1, 2)
