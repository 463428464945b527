r"""Convolution: gradients of weights, biases and input, for any stride and padding.

One kernel is used at every place of an image. Which entries send their gradients back to it, and
what reaches the image?

An input :math:`x` holds :math:`N` images of :math:`C` channels with :math:`Y` rows and :math:`X`
columns. :math:`W` holds :math:`O` kernels of :math:`I` rows and :math:`J` columns, :math:`b` a bias
for each, and the outputs :math:`z` have :math:`U` rows and :math:`V` columns. Which entries are
read where is written as two tables of zeros and ones: :math:`R_{uiy}` is one where output row
:math:`u` and kernel row :math:`i` meet image row :math:`y = su + i - P`, and :math:`Q_{vjx}`
likewise for columns. Rows outside the image do not exist, so padding adds zeros by itself. The
proofs hold for any numbers in the tables, hence for every size, stride :math:`s` and padding
:math:`P`; the checks follow the rule with :math:`s = 2` and :math:`P = 1`. :math:`G` is the
gradient of the loss with respect to :math:`z`.

Without padding, and where the kernel just reaches the image's last row and column, the tables are
summed out: then :math:`x_{su+i}` is read, for every stride :math:`s`. With padding :math:`su + i -
P` may lie outside the image; there the tables stay.
"""

from functools import wraps
from types import SimpleNamespace

from fnnlib import conv
from fnnlib.symbolic import (
    D,
    Derivation,
    array,
    check,
    define,
    delta,
    index,
    part,
    recursive,
    size,
    total,
)

SIZES = size("N C O U V I J")


def definitions(stride=None, padding=0, exact=False, sizes=SIZES):
    """The convolution of any image, or of one that fits the stride; tables free unless exact."""
    N, C, O, U, V, I, J = sizes  # noqa: E741 - the names of the axes
    Y, X = size("Y X")
    if stride:
        Y, X = (stride * (n - 1) + k - 2 * padding for n, k in ((U, I), (V, J)))
    x, G = array("x", N, C, Y, X), array("G", N, O, U, V)
    W, b = array("W", O, C, I, J), array("b", O)

    def rule(u, i, y):
        return delta(y, stride * u + i - padding)

    def of_column(v, j, x):
        return rule(v, j, x)

    def table(name, rule, *axes):
        if exact:
            return define(name, rule, *axes)
        # Proofs take the entries as they come; only checks follow the rule.
        return recursive(name, *axes, rule=rule) if stride else array(name, *axes)

    R, Q = table("R", rule, U, I, Y), table("Q", of_column, V, J, X)
    z = define(
        "z",
        lambda n, o, u, v: b[o] + total(
            lambda c, i, j, k, m: x[n, c, k, m] * R[u, i, k] * Q[v, j, m] * W[o, c, i, j],
            C, I, J, Y, X,
        ),
        N, O, U, V,
    )
    loss = define("L", total(lambda n, o, u, v: G[n, o, u, v] * z[n, o, u, v], N, O, U, V))
    n, o, c, u, v = index("n", N), index("o", O), index("c", C), index("u", U), index("v", V)
    i, j, k, m = index("i", I), index("j", J), index("y", Y), index("x", X)
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    return [*gradients(definitions()), *without_padding()]


@part
def gradients(n):
    """Gradients of weights, biases and input."""
    o, c, i, j, k, m = n.o, n.c, n.i, n.j, n.k, n.m
    G, x, W, R, Q = n.G, n.x, n.W, n.R, n.Q
    return [
        Derivation(D(n.loss, W[o, c, i, j]), "conv_dW").step(
            total(
                lambda r, u, v, k, m: G[r, o, u, v] * R[u, i, k] * Q[v, j, m] * x[r, c, k, m],
                n.N, n.U, n.V, n.Y, n.X,
            ),
            "a weight serves all places of all images",
        ),
        Derivation(D(n.loss, n.b[o]), "conv_db").step(
            total(lambda r, u, v: G[r, o, u, v], n.N, n.U, n.V), "and so does a bias"
        ),
        Derivation(D(n.loss, x[n.n, c, k, m]), "conv_dx").step(
            total(
                lambda o, u, v, i, j: G[n.n, o, u, v] * R[u, i, k] * Q[v, j, m] * W[o, c, i, j],
                n.O, n.U, n.V, n.I, n.J,
            ),
            "what was read is given back at the same place",
        ),
    ]


@part
def without_padding():
    """The output and the gradient of the weights, with the tables summed out."""
    n = definitions(size("s"), exact=True)
    o, c, i, j, s = n.o, n.c, n.i, n.j, n.stride
    return [
        Derivation(n.z[n.n, o, n.u, n.v], "conv_valid").step(
            n.b[o] + total(
                lambda c, i, j: n.x[n.n, c, s * n.u + i, s * n.v + j] * n.W[o, c, i, j],
                n.C, n.I, n.J,
            ),
            "one entry is left in each row of a table",
        ),
        Derivation(D(n.loss, n.W[o, c, i, j]), "conv_valid_dW").step(
            total(
                lambda r, u, v: n.G[r, o, u, v] * n.x[r, c, s * u + i, s * v + j],
                n.N, n.U, n.V,
            ),
            "the places that the weight meets",
        ),
    ]


def checks():
    """The library's gradients against the formulas, with stride 2 and padding 1, at small sizes."""
    n = definitions(2, 1, sizes=(1, 2, 2, 2, 2, 2, 3))
    args = conv.Params(n.W, n.b), n.x
    return [check(d, conv.backward, forward, args=args, dout=n.G) for d in gradients(n)]


@wraps(conv.forward)
def forward(p, x):
    """The library's convolution with stride 2 and padding 1."""
    return conv.forward(p, x, stride=2, padding=1)
