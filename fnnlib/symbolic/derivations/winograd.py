r"""Winograd's convolution: the identity of a tile, for any matrices that fit; and its gradients.

Can a convolution be computed with fewer multiplications, and what is its gradient then?

A tile :math:`d` has :math:`C` channels, and :math:`r` rows and columns, where :math:`r = m + K -
1`; there are :math:`O` kernels :math:`w` of :math:`K` rows and columns, and a block of outputs
:math:`y` has :math:`m`. One axis takes :math:`n` products. Each product :math:`s` reads the tile by
row :math:`s` of :math:`B`, the kernel by row :math:`s` of :math:`G`, and is sent to the outputs by
row :math:`s` of :math:`A`. For one axis these products make the numbers

.. math:: S_{ijk} = \sum_s A_{si} B_{sj} G_{sk}

and the tile's outputs follow for any matrices and sizes, any number of channels and outputs. They
are those of a convolution where :math:`S_{ijk}` is one for :math:`j = i + k` and else zero: as
:math:`r = m + K - 1`, :math:`i + k` never leaves the tile. That the library's numbers (:math:`m =
4, K = 3`) are such is proved row by row, with :math:`d_j` and :math:`w_k` free: the outputs of one
axis. They take :math:`n = 6` products, where the definition takes :math:`mK = 12`. The bias
:math:`b` is added to one of the products, which every output takes once. :math:`V` and :math:`U`
are the tile and the kernels after their matrices have been applied along both axes.

The gradient of the loss with respect to the outputs is :math:`g`.
"""

from functools import wraps
from types import SimpleNamespace

from fnnlib import conv, winograd
from fnnlib.symbolic import (
    D,
    Derivation,
    Rational,
    array,
    check,
    define,
    delta,
    index,
    part,
    scalar,
    size,
    total,
)
from fnnlib.symbolic.derivations import conv as plain


def definitions():
    """A tile with C channels, O kernels, free matrices, and the outputs by way of the products."""
    m, K, n, C, O = size("m K n C O")  # noqa: E741 - the names of the axes
    r = m + K - 1
    d, w, g = array("d", C, r, r), array("w", O, C, K, K), array("g", O, m, m)
    A, B, G = array("A", n, m), array("B", n, r), array("G", n, K)
    tile = define(
        "V",
        lambda s, t, c: total(lambda j, q: B[s, j] * B[t, q] * d[c, j, q], r, r), n, n, C,
    )  # fmt: skip
    kernel = define(
        "U",
        lambda s, t, o, c: total(lambda k, h: G[s, k] * G[t, h] * w[o, c, k, h], K, K), n, n, O, C,
    )  # fmt: skip
    y = define(
        "y",
        lambda o, i, u: total(
            lambda s, t: A[s, i] * A[t, u] * total(lambda c: tile[s, t, c] * kernel[s, t, o, c], C),
            n, n,
        ),
        O, m, m,
    )  # fmt: skip
    loss = define("L", total(lambda o, i, u: g[o, i, u] * y[o, i, u], O, m, m))
    i, u, o, c = index("i", m), index("u", m), index("o", O), index("c", C)
    k, h, j, q = index("k", K), index("h", K), index("j", r), index("q", r)
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    n = definitions()
    return [*map(row, range(len(winograd.OUTPUT))), tile(n), valid(n), weights(n), entries(n)]


@part
def row(i):
    """Output :math:`i` of one axis, with our numbers: what the kernel reads there, and the bias."""
    d, w, b = array("d", 6), array("w", 3), scalar("b")
    products = [
        sum(int(winograd.TILE[s, j]) * d[j] for j in range(6))
        * sum(Rational(round(24 * winograd.KERNEL[s, k]), 24) * w[k] for k in range(3))
        for s in range(6)
    ]
    products[winograd.ONE] += b
    sent = sum(int(winograd.OUTPUT[i, s]) * products[s] for s in range(6))
    return Derivation(sent, f"winograd_row_{i}").step(
        sum(d[i + k] * w[k] for k in range(3)) + b, "all other products cancel"
    )


@part
def tile(n):
    """Outputs of both axes: each is one axis after the other, whatever the matrices are."""
    def S(i, j, k):
        return total(lambda s: n.A[s, i] * n.B[s, j] * n.G[s, k], n.n)

    return Derivation(n.y[n.o, n.i, n.u], "winograd_tile").step(
        total(
            lambda c, j, q, k, h: S(n.i, j, k) * S(n.u, q, h) * n.d[c, j, q] * n.w[n.o, c, k, h],
            n.C, n.r, n.r, n.K, n.K,
        ),
        "sums change places",
    )  # fmt: skip


@part
def valid(n):
    """With :math:`S_{ijk}` one where :math:`j = i + k`, and else zero, that is a convolution."""
    return Derivation(
        total(
            lambda c, k, h, j, q: delta(j, n.i + k) * delta(q, n.u + h) * n.d[c, j, q]
            * n.w[n.o, c, k, h],
            n.C, n.K, n.K, n.r, n.r,
        ),
        "winograd_valid",
    ).step(
        total(
            lambda c, k, h: n.d[c, n.i + k, n.u + h] * n.w[n.o, c, k, h], n.C, n.K, n.K
        ),
        "one entry of the tile is left",
    )  # fmt: skip


def sent_back(n, o, s, t):
    """The gradient of a product, from those of the outputs."""
    return total(lambda i, u: n.A[s, i] * n.A[t, u] * n.g[o, i, u], n.m, n.m)


@part
def weights(n):
    """The gradient of the kernels goes back by way of the products."""
    return Derivation(D(n.loss, n.w[n.o, n.c, n.k, n.h]), "winograd_dW").step(
        total(
            lambda s, t: n.G[s, n.k] * n.G[t, n.h] * n.tile[s, t, n.c] * sent_back(n, n.o, s, t),
            n.n, n.n,
        ),
        "transposed matrices",
    )  # fmt: skip


@part
def entries(n):
    """And so does that of the tile."""
    return Derivation(D(n.loss, n.d[n.c, n.j, n.q]), "winograd_dd").step(
        total(
            lambda s, t: n.B[s, n.j] * n.B[t, n.q] * total(
                lambda o: n.kernel[s, t, o, n.c] * sent_back(n, o, s, t), n.O
            ),
            n.n, n.n,
        ),
        "transposed matrices",
    )  # fmt: skip


def checks():
    """The library's gradients by this way against the formulas of the plain convolution."""
    n = plain.definitions(1, 1, sizes=(1, 16, 1, 2, 1, 3, 3))
    args = conv.Params(n.W, n.b), n.x
    return [check(d, conv.backward, forward, args=args, dout=n.G) for d in plain.gradients(n)]


@wraps(conv.forward)
def forward(p, x):
    """The library's convolution with padding 1."""
    return conv.forward(p, x, padding=1)
