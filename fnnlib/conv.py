r"""Two-dimensional convolution (as cross-correlation) with stride and zero padding.

.. math::

   z_{n,o,u,v} = b_o + \sum_{c,i,j} x_{n,c,\,su+i-P,\,sv+j-P}\, W_{o,c,i,j}

Entries of x outside the image count as zero. Conventions: ``x`` is ``(N, C, Y, X)``, that is N
images of C channels with Y rows and X columns; ``W`` is ``(O, C, I, J)``, ``b`` is ``(O,)``; the
output is ``(N, O, U, V)`` with :math:`U = \lfloor (Y + 2P - I) / s \rfloor + 1`, likewise V. Arrays
are float32, or all are float64. Malformed arguments raise ValueError or TypeError naming the
argument. ``reuse`` may be :class:`fnnlib.buffers.Buffers`, which the next pass writes over. Source:
[lecun1998].

One image at a time, its patches are laid out as columns, and one matrix product does the rest: the
columns stay in the processor's cache, and memory does not grow with N. Kernels of 3 x 3 go by way
of :mod:`fnnlib.winograd` where that is quicker: twice as quick with 32 channels and 64 outputs.
"""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from fnnlib import buffers, require, winograd


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
    tiles: np.ndarray  # what Winograd's way has made of x; None where it was not taken
    turn: buffers.Turn  # None without buffers


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


def forward(p, x, stride=1, padding=0, reuse=None):
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
    Y, X, I, J = (sizes[axis] for axis in "YXIJ")  # noqa: E741
    if I > Y + 2 * P or J > X + 2 * P:
        require.refuse("p.W", f"at most {Y + 2 * P} rows and {X + 2 * P} columns", f"{I} and {J}")
    kept, turn = buffers.begin(reuse)
    if winograd.fits(p.W.shape, s):
        z, tiles = winograd.convolve(*p, x, P, kept)
    else:
        z, tiles = _by_columns(p, x, s, P, kept), None
    return z, Cache(p, x, s, P, tiles, turn)


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
    p, x, s, P, tiles, turn = require.kind("cache", cache, Cache)
    require.arrays({"x": (x, "N C Y X"), "dz": (dz, "N O U V")}, checked=("x",))
    U, V = ((n + 2 * P - k) // s + 1 for n, k in zip(x.shape[2:], p.W.shape[2:], strict=True))
    require.shape("dz", dz, (len(x), len(p.W), U, V))
    kept = buffers.resume(turn)
    if tiles is None:
        return _columns_backward(dz, p, x, s, P, kept)
    dW, db, dx = winograd.gradients(dz, p.W, x, P, tiles, kept)
    return Params(dW, db), dx


def _by_columns(p, x, s, P, kept):
    """The outputs, one image after the other."""
    room = kept.room(_forward_room, x.shape, p.W.shape, s, P, np.result_type(x, *p))
    (image, patches, columns, copy), z = room
    W, b, rows = p.W.reshape(len(p.W), -1), p.b[:, None], z.reshape(*z.shape[:2], -1)
    for x_n, z_n in zip(x, rows, strict=True):
        image[:] = x_n
        copy[:] = patches
        W.dot(columns, z_n)
        z_n += b
    return z


def _columns_backward(dz, p, x, s, P, kept):
    """The gradients, summed over the images where they are of weights."""
    room = kept.room(_backward_room, x.shape, p.W.shape, s, P, np.result_type(dz, x, p.W))
    (image, patches, columns, copy), given, (dp, dWT, dWT_n, ones), dx = room
    dpadded, dimage, pairs = given
    WT, rows = p.W.reshape(len(p.W), -1).T, dz.reshape(*dz.shape[:2], -1)
    dWT[:] = 0
    dp.b[:] = 0
    for x_n, dz_n, dx_n in zip(x, rows, dx, strict=True):
        image[:] = x_n
        copy[:] = patches
        columns.dot(dz_n.T, dWT_n)  # quicker than its transpose
        dWT += dWT_n
        dp.b[:] += dz_n.dot(ones)
        WT.dot(dz_n, columns)
        dpadded[:] = 0
        for place, dpatch in pairs:
            place += dpatch
        dx_n[:] = dimage
    dp.W.reshape(len(p.W), -1)[:] = dWT.T
    return dp, dx


def _patches(x, W, s, P, dtype):
    """Room for one padded image: the part inside, its patches, and their copy as columns.

    From the shapes of x and W; patches and copy are ``(C, I, J, U, V)``.
    """
    C, Y, X = x[1:]
    padded = np.zeros((C, Y + 2 * P, X + 2 * P), dtype)
    patches = sliding_window_view(padded, W[2:], axis=(1, 2))[:, ::s, ::s]
    patches = patches.transpose(0, 3, 4, 1, 2)
    columns = np.empty((W[1] * W[2] * W[3], patches[0, 0, 0].size), dtype)
    return padded[:, P : P + Y, P : P + X], patches, columns, columns.reshape(patches.shape)


def _forward_room(x, W, s, P, dtype):
    """Room for the patches of one image, and for all outputs."""
    room = _patches(x, W, s, P, dtype)
    return room, np.empty((x[0], W[0], *room[1].shape[-2:]), dtype)


def _backward_room(x, W, s, P, dtype):
    """Room for the patches of one image, what is given back to it, and all gradients.

    The gradients of the patches will stand in the columns: each goes with its place in the image.
    """
    room, (dimage, _, _, _) = (_patches(x, W, s, P, dtype) for _ in range(2))
    columns, copy = room[2:]
    (U, V), dpadded = copy.shape[-2:], dimage.base
    pairs = [
        (dpadded[:, i : i + s * U : s, j : j + s * V : s], copy[:, i, j])
        for i, j in np.ndindex(W[2:])
    ]
    dp = Params(np.empty(W, dtype), np.empty(W[0], dtype))
    dWT, dWT_n = (np.empty((len(columns), W[0]), dtype) for _ in range(2))
    weights = dp, dWT, dWT_n, np.ones(U * V, dtype)
    return room, (dpadded, dimage, pairs), weights, np.empty(x, dtype)
