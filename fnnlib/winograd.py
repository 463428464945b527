r"""Winograd's convolution of 3 x 3 kernels: a quarter of the multiplications.

A tile d of 6 x 6 entries and a kernel w give a block of 4 x 4 outputs,

.. math:: Y = A^\top \bigl[ (G\, w\, G^\top) \odot (B^\top d\, B) \bigr] A,

36 products where the definition takes 144. The sum over channels may be taken inside the brackets,
which makes of the products 36 matrix products: for each, all tiles with all channels times all
channels with all outputs. The bias is added to one product, which every output takes once. The
identities are proved in ``fnnlib.symbolic.derivations.winograd``. Rounding is some ten times that
of the definition, 5e-6 of the largest entry in float32, since the rows of A, B and G hold numbers
of unlike size. Source: [lavin2016].

:mod:`fnnlib.conv` calls this where it pays, with arguments it has checked: kernels of 3 x 3, stride
1. Shapes are those of that module; an image is held with its channels last, as the inner loops run
over them.
"""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

# B, G and A, transposed as in the formula, for the points 0, 1, -1, 2, -2 and infinity.
TILE = np.array([
    [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1],
])  # fmt: skip
KERNEL = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
OUTPUT = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0],
                   [0, 1, -1, 8, -8, 1]])  # fmt: skip
ONE = 1  # the product at the point 1 goes to all outputs alike, as the bias does
BOTH = 6 * ONE + ONE  # the same for both axes at once


def fits(W, stride):
    """Whether a kernel of the shape ``W`` is convolved faster this way.

    Below 16 channels the detour costs more than the products it saves.

    >>> fits((64, 32, 3, 3), 1), fits((64, 32, 3, 3), 2), fits((32, 1, 3, 3), 1)
    (True, False, False)
    """
    return W[2:] == (3, 3) and W[1] >= 16 and stride == 1


class Room(NamedTuple):
    """The matrices for both axes at once, and room for one image; n * k tiles cover it."""

    of_tile: np.ndarray  # (36, 36)
    of_kernel: np.ndarray  # (36, 9)
    to_output: np.ndarray  # (16, 36)
    padded: np.ndarray  # (4 n + 2, 4 k + 2, C)
    inside: np.ndarray  # (Y, X, C), the image in it
    tiles: np.ndarray  # (6, 6, n, k, C), a view of it in which tiles overlap
    flat: np.ndarray  # (36, n k C), a copy of the tiles
    products: np.ndarray  # (36, n k, O)
    flat_out: np.ndarray  # (16, n k O), blocks of outputs
    blocks: np.ndarray  # (4, 4, n, k, O), the same in their places
    outputs: np.ndarray  # (U, V, O), a view of these places


def convolve(W, b, x, P, kept):
    """Outputs ``(N, O, U, V)`` for padding P, in buffers; and the tiles as B sends them, for later.

    >>> from fnnlib.buffers import Buffers
    >>> z, _ = convolve(np.ones((1, 1, 3, 3)), np.zeros(1), np.ones((1, 1, 3, 5)), 0, Buffers())
    >>> z.round(9)
    array([[[[9., 9., 9.]]]])
    """
    dtype = np.result_type(W, b, x)
    room = kept.room(_room, x.shape, W.shape, P, dtype)
    sent, z = kept.room(_forward_room, x.shape, W.shape, P, dtype)
    kernels = _kernels(room, W)
    room.padded[:] = 0  # a backward pass leaves gradients in the border
    for x_n, sent_n, z_n in zip(x, sent, z, strict=True):
        room.inside[:] = x_n.transpose(1, 2, 0)
        room.flat.reshape(room.tiles.shape)[:] = room.tiles
        room.of_tile.dot(room.flat, sent_n.reshape(room.flat.shape))
        np.matmul(sent_n, kernels, out=room.products)
        room.products[BOTH] += b
        room.to_output.dot(room.products.reshape(36, -1), room.flat_out)
        room.blocks[:] = room.flat_out.reshape(room.blocks.shape)
        z_n[:] = room.outputs.transpose(2, 0, 1)
    return z, sent


def gradients(dz, W, x, P, sent, kept):
    """Gradients ``(dW, db, dx)``: every matrix of the forward pass, transposed, in turn.

    >>> from fnnlib.buffers import Buffers
    >>> W, x = np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 5))
    >>> z, sent = convolve(W, np.zeros(1), x, 0, Buffers())
    >>> gradients(np.ones_like(z), W, x, 0, sent, Buffers())[2].round(9)
    array([[[[1., 2., 3., 2., 1.],
             [1., 2., 3., 2., 1.],
             [1., 2., 3., 2., 1.]]]])
    """
    dtype = np.result_type(dz, W, x)
    room = kept.room(_room, x.shape, W.shape, P, dtype)
    dW, db, dx, dsent, dkernels, dkernels_n = kept.room(_backward_room, x.shape, W.shape, P, dtype)
    kernels = np.ascontiguousarray(_kernels(room, W).transpose(0, 2, 1))
    dkernels[:] = db[:] = 0
    room.blocks[:] = 0  # where a block sticks out there is no gradient
    for dz_n, sent_n, dx_n in zip(dz, sent, dx, strict=True):
        room.outputs[:] = dz_n.transpose(1, 2, 0)
        room.flat_out.reshape(room.blocks.shape)[:] = room.blocks
        room.to_output.T.dot(room.flat_out, room.products.reshape(36, -1))
        db += room.products[BOTH].sum(axis=0)
        np.matmul(sent_n.transpose(0, 2, 1), room.products, out=dkernels_n)
        dkernels += dkernels_n
        np.matmul(room.products, kernels, out=dsent)
        room.of_tile.T.dot(dsent.reshape(36, -1), room.flat)
        dtiles = room.flat.reshape(room.tiles.shape)
        # Tiles overlap in two columns and two rows: what a later one and an earlier one send to an
        # entry is added up where the later one has it, which is written last.
        dtiles[:, :2, :, 1:] += dtiles[:, 4:, :, :-1]
        dtiles[:2, :, 1:] += dtiles[4:, :, :-1]
        for part in np.s_[4:, 4:], np.s_[4:, :4], np.s_[:4, 4:], np.s_[:4, :4]:
            room.tiles[part] = dtiles[part]
        dx_n[:] = room.inside.transpose(2, 0, 1)
    back = room.of_kernel.T.dot(dkernels.reshape(36, -1)).reshape(3, 3, *dkernels.shape[1:])
    dW[:] = back.transpose(3, 2, 0, 1)
    return dW, db, dx


def _kernels(room, W):
    """The kernels as G sends them, ``(36, C, O)``."""
    O, C = W.shape[:2]  # noqa: E741
    return room.of_kernel.dot(W.transpose(2, 3, 1, 0).reshape(9, -1)).reshape(36, C, O)


def _room(x, W, P, dtype):
    (_, C, Y, X), O = x, W[0]  # noqa: E741
    U, V = Y + 2 * P - 2, X + 2 * P - 2
    n, k = -(-U // 4), -(-V // 4)
    padded, places = np.empty((4 * n + 2, 4 * k + 2, C), dtype), np.empty((4 * n, 4 * k, O), dtype)
    tiles = sliding_window_view(padded, (6, 6), axis=(0, 1), writeable=True)[::4, ::4]
    return Room(
        *(np.kron(M, M).astype(dtype) for M in (TILE, KERNEL, OUTPUT)),
        padded, padded[P : P + Y, P : P + X], tiles.transpose(3, 4, 0, 1, 2),
        np.empty((36, n * k * C), dtype), np.empty((36, n * k, O), dtype),
        np.empty((16, n * k * O), dtype),
        places.reshape(n, 4, k, 4, O).transpose(1, 3, 0, 2, 4), places[:U, :V],
    )  # fmt: skip


def _forward_room(x, W, P, dtype):
    """Room for the tiles of all images as B sends them, and for all outputs."""
    (N, C, Y, X), O = x, W[0]  # noqa: E741
    U, V = Y + 2 * P - 2, X + 2 * P - 2
    return np.empty((N, 36, -(-U // 4) * -(-V // 4), C), dtype), np.empty((N, O, U, V), dtype)


def _backward_room(x, W, P, dtype):
    """Room for all gradients, and for those of one image's tiles and kernels as sent."""
    (O, C), sent = W[:2], _forward_room((1, *x[1:]), W, P, dtype)[0]  # noqa: E741
    dkernels = (np.empty((36, C, O), dtype) for _ in range(2))
    return np.empty(W, dtype), np.empty(O, dtype), np.empty(x, dtype), sent[0], *dkernels
