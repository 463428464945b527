r"""Dropout: its gradient, and what it does in the mean over the masks.

Units are dropped at random while a net is trained. What does that change in the gradient, and what
in the mean?

A batch :math:`x` of :math:`B` rows with :math:`n` inputs is multiplied by a mask :math:`m`, entry
by entry; dy is the gradient of the loss with respect to the product. That is all there is to the
gradient.

The rest is about the mean over masks, for :math:`n` inputs :math:`u`. An entry of the mask takes
the value :math:`v_0 = 0` with probability :math:`\pi_0 = p`, and :math:`v_1 = 1 / (1 - p)` with
probability :math:`\pi_1 = 1 - p`. A mean is the sum over both values. Entries :math:`k` and
:math:`q` are drawn independently: the probability :math:`\pi_{kqcd}` of values :math:`c` and
:math:`d` is :math:`\pi_c \pi_d`, and for one and the same entry :math:`\pi_c` if :math:`c = d`,
else 0. Then follow the mean and the variance of a unit that adds up dropped inputs with the weights
:math:`w`.
"""

from functools import wraps
from types import SimpleNamespace

from fnnlib import dropout
from fnnlib.symbolic import (
    D,
    Derivation,
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


def definitions():
    """The mask on a batch, and one unit that adds up dropped inputs."""
    B, n = size("B n")
    x, m, dy = array("x", B, n), array("m", B, n), array("dy", B, n)

    def dropped(u, m):
        """What becomes of a unit under an entry of the mask."""
        return u * m

    loss = define("L", total(lambda r, k: dy[r, k] * dropped(x[r, k], m[r, k]), B, n))
    p = scalar("p")
    v = define("v", lambda c: delta(c, 1) / (1 - p), 2)
    pi = define("pi", lambda c: delta(c, 0) * p + delta(c, 1) * (1 - p), 2)
    both = define(
        "pi",
        lambda k, q, c, d: delta(k, q) * delta(c, d) * pi[c] + (1 - delta(k, q)) * pi[c] * pi[d],
        n, n, 2, 2,
    )
    u, w = array("u", n), array("w", n)
    r, k = index("r", B), index("k", n)
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    n = definitions()
    return [gradient(n), mean(n), variance(n), unit_mean(n), unit_variance(n)]


@part
def gradient(n):
    """A dropped unit gets nothing back, the others are scaled as they were."""
    return Derivation(D(n.loss, n.x[n.r, n.k]), "dropout_dx").step(
        n.dy[n.r, n.k] * n.m[n.r, n.k], "an output depends on its own input"
    )


@part
def mean(n):
    """The mean over the masks is the input."""
    u = n.u[n.k]
    return Derivation(
        total(lambda c: n.pi[c] * n.dropped(u, n.v[c]), 2), "dropout_mean"
    ).step(u, "what stays makes up for what is dropped")


@part
def variance(n):
    """The variance of a dropped input grows with its square and with the odds of a drop."""
    u, p = n.u[n.k], n.p
    return Derivation(
        total(lambda c: n.pi[c] * (n.dropped(u, n.v[c]) - u) ** 2, 2), "dropout_variance"
    ).step(u**2 * p / (1 - p), "the two cases")


@part
def unit_mean(n):
    """The mean is linear, so a unit that adds up dropped inputs keeps its mean."""
    return Derivation(
        total(lambda k, c: n.pi[c] * (n.w[k] * n.dropped(n.u[k], n.v[c])), n.n, 2),
        "dropout_unit_mean",
    ).step(total(lambda k: n.w[k] * n.u[k], n.n), "every entry of the mask has mean one")


@part
def unit_variance(n):
    """Independent drops add their variances."""
    p, w, u = n.p, n.w, n.u
    square = total(
        lambda k, q, c, d: n.both[k, q, c, d]
        * (w[k] * n.dropped(u[k], n.v[c])) * (w[q] * n.dropped(u[q], n.v[d])),
        n.n, n.n, 2, 2,
    )
    plain = total(lambda k: w[k] * u[k], n.n)
    return Derivation(square - plain**2, "dropout_unit_variance").step(
        p / (1 - p) * total(lambda k: (w[k] * u[k]) ** 2, n.n),
        "different entries of the mask are independent",
    )


def checks():
    """The library's gradient against the formula, for any mask."""
    n = definitions()
    return [check(gradient(n), backward, dropout.forward, args=(n.x, n.m), dout=n.dy)]


@wraps(dropout.backward)
def backward(dy, cache):
    """The library's gradient; the mask is data."""
    return dropout.backward(dy, cache), None
