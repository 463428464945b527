r"""Embedding: a lookup is a product with one-hot rows, and its gradient is a scatter-add.

A table of vectors is read, not multiplied. How does it get a gradient?

There are :math:`N` tokens. :math:`E` is the table, with a row of :math:`D` numbers for each of
:math:`V` tokens. Row :math:`r` of :math:`o` has a one at the column of its token and zeros
elsewhere, so that :math:`o_r E` is the token's row of :math:`E`. The proof holds for every row of
numbers :math:`o_r`, hence for all tokens. dx is the gradient of the loss with respect to the rows
:math:`x` that were looked up. In the checks the tokens are 0, 0, 1, 1, 2, 2, ..., and the last
token of the table does not occur.
"""

from functools import wraps
from types import SimpleNamespace

from fnnlib import embedding
from fnnlib.symbolic import D, Derivation, array, check, define, index, part, size, total


def definitions():
    """The lookup as a product, and a loss whose gradient with respect to its output is dx."""
    N, V, Dn = size("N V D")
    E, dx, o = array("E", V, Dn), array("dx", N, Dn), array("o", N, V)
    x = define("x", lambda r, k: total(lambda v: o[r, v] * E[v, k], V), N, Dn)
    loss = define("L", total(lambda r, k: dx[r, k] * x[r, k], N, Dn))
    v, k = index("v", V), index("k", Dn)
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    return [table(definitions())]


@part
def table(n):
    """The gradient of the table: each row sums over the places where its token stands."""
    return Derivation(D(n.loss, n.E[n.v, n.k]), "embedding_dE").step(
        total(lambda r: n.o[r, n.v] * n.dx[r, n.k], n.N), "row v is read where its token stands"
    )


def checks():
    """The library's scatter-add against the formula."""
    n = definitions()
    at = {n.N: 6, n.V: 4, n.o: lambda r, v: v == r // 2}
    args = embedding.Params(n.E), n.o
    return [check(table(n), backward, forward, args=args, dout=n.dx, at=at)]


@wraps(embedding.forward)
def forward(p, o):
    """The library's lookup, with tokens instead of one-hot rows."""
    return embedding.forward(p, o.argmax(axis=1))


@wraps(embedding.backward)
def backward(dx, cache):
    """The library's gradient; the one-hot rows are data."""
    return embedding.backward(dx, cache), None
