r"""Pooling: gradients of averages and maxima, for any windows, stride and padding.

A window of numbers becomes one: their mean or their maximum. Which of them get the gradient?

An input :math:`x` holds :math:`N` images of :math:`C` channels with :math:`Y` rows and :math:`X`
columns; the windows stand in :math:`U` rows and :math:`V` columns and have :math:`P` places each.
What a window reads is written as two tables of zeros and ones: :math:`R_{upy}` is one where place
:math:`p` of window row :math:`u` lies in image row :math:`y`, and :math:`Q_{vpx}` likewise for
columns. Rows outside the image do not exist, so padding adds zeros to an average by itself. The
proofs hold for any numbers in the tables, hence for every size, window, stride and padding. The
checks take windows of two by two places: with stride 1 and padding 1 for averages, with stride 2
for maxima. :math:`G` is the gradient of the loss with respect to the averages, :math:`\lambda_P`
that with respect to the maxima.

The maximum over places 1 to :math:`P` is a running one, :math:`m_p = m_{p-1} +
\operatorname{relu}(e_p - m_{p-1})` for entries :math:`e_p`, from any :math:`m_0` below them all. It
has a derivative where no entry equals the maximum so far, and there the gradient is derived; at a
tie there is none, and the library chooses the first entry. Where :math:`\rho_p =
\operatorname{relu}'(e_p - m_{p-1})` is one, the entry takes over, and nothing is sent back to the
places before it. Without indices :math:`m` is the maximum so far, :math:`e` the new entry, and
:math:`g` what the entry has more.
"""

from functools import wraps
from types import SimpleNamespace

from fnnlib import pooling
from fnnlib.symbolic import (
    D,
    Derivation,
    Induction,
    array,
    check,
    define,
    delta,
    index,
    part,
    prime,
    recursive,
    relu,
    scalar,
    size,
    total,
)

SIZES = size("N C U V P")
LOWEST = -100  # below every entry that a check draws


def definitions(stride=None, padding=None, sizes=SIZES, lowest=None):
    """Images, windows, averages and running maxima; the tables are free without a stride."""
    N, C, U, V, last = sizes
    Y, X = size("Y X")
    if stride:
        Y, X = (stride * (windows - 1) + 2 - 2 * padding for windows in (U, V))
    places, windows = (1, last), (N, C, U, V)
    x, G, xd = array("x", N, C, Y, X), array("G", *windows), array("xdot", N, C, Y, X)

    def table(name, far, *axes):
        # Proofs take the entries as they come; only checks follow the rule.
        def rule(w, p, at):
            is_far = total(lambda i: delta(p, far[0] + far[1] * i), 2)
            return delta(at, stride * w - padding) * (1 - is_far) + delta(
                at, stride * w + 1 - padding) * is_far

        return recursive(name, *axes, rule=rule) if stride else array(name, *axes)

    R, Q = table("R", (3, 1), U, places, Y), table("Q", (2, 2), V, places, X)

    def read(image):
        def entry(p, r, c, u, v):
            return total(lambda k, m: image[r, c, k, m] * R[u, p, k] * Q[v, p, m], Y, X)

        return entry

    e, ed = (define(name, read(a), places, *windows) for name, a in (("e", x), ("edot", xd)))
    rho = define("rho", lambda p, *w: prime(relu)(e[p, *w] - y[p - 1, *w]), places, *windows)
    y = recursive(
        "m", (0, last), *windows, start=0, value=lowest,
        rule=lambda p, *w: larger(y[p - 1, *w], e[p, *w]),
    )
    yd = recursive(
        "mdot", (0, last), *windows, start=0, value=0,
        rule=lambda p, *w: (1 - rho[p, *w]) * yd[p - 1, *w] + rho[p, *w] * ed[p, *w],
    )
    lam = recursive(
        "lambda", (0, last), *windows, start=last,
        rule=lambda p, *w: lam[p + 1, *w] * (1 - rho[p + 1, *w]),
    )
    n, c, u, v = index("n", N), index("c", C), index("u", U), index("v", V)
    k, m, p, inner = index("y", Y), index("x", X), index("p", places), index("p", (1, last - 1))
    return SimpleNamespace(**locals())


def larger(a, b):
    """The larger of two numbers: the second counts where it exceeds the first."""
    return a + relu(b - a)


def derivations():
    """All derivations of this module."""
    n = definitions()
    lemma = adjoint_lemma(n)
    return [
        average(n), takes_over(), tangent(n), *adjoints(n), maximum(n), lemma, theorem(n, lemma),
    ]  # fmt: skip


@part
def average(n):
    """An entry gets an equal share from every window that it is in."""
    loss = define("L", total(
        lambda r, c, u, v: n.G[r, c, u, v] * total(lambda p: n.e[p, r, c, u, v], n.places) / n.last,
        *n.windows,
    ))
    return Derivation(D(loss, n.x[n.n, n.c, n.k, n.m]), "pooling_average_dx").step(
        total(
            lambda u, v, p: n.G[n.n, n.c, u, v] * n.R[u, p, n.k] * n.Q[v, p, n.m],
            n.U, n.V, n.places,
        ) / n.last,
        "one share from every place that reads the entry",
    )


@part
def takes_over():
    """An entry that exceeds the maximum so far by :math:`g > 0` takes over; a smaller one does not.
    """
    before, g = scalar("m g")
    return Derivation(D(larger(before, before + g), g), "pooling_max_entry").cases(
        {g > 0: 1, g < 0: 0}, "a kink where an entry equals the maximum so far"
    )


@part
def tangent(n):
    """How the running maximum moves with the maximum so far and with the new entry."""
    at = n.n, n.c, n.u, n.v
    before, e = scalar("m e")
    out = larger(before, e)
    moved = D(out, before) * n.yd[n.p - 1, *at] + D(out, e) * n.ed[n.p, *at]
    rho = prime(relu)(e - before)
    return Derivation(moved, "pooling_max_tangent").step(
        (1 - rho) * n.yd[n.p - 1, *at] + rho * n.ed[n.p, *at], "chain rule"
    )


def lagrangian(n):
    """The loss plus multipliers times the equations of the running maximum."""
    def gap(p, *w):
        return larger(n.y[p - 1, *w], n.e[p, *w]) - n.y[p, *w]

    return define("Lambda", total(
        lambda r, c, u, v: n.lam[n.last, r, c, u, v] * n.y[n.last, r, c, u, v], *n.windows
    ) + total(
        lambda p, r, c, u, v: n.lam[p, r, c, u, v] * gap(p, r, c, u, v), n.places, *n.windows
    ))


@part
def adjoints(n):
    """Where the Lagrangian is stationary, what a later entry takes over is not sent back."""
    p, at = n.inner, (n.n, n.c, n.u, n.v)
    return [
        Derivation(D(lagrangian(n), n.y[p, *at]), "pooling_max_adjoint").step(
            n.lam[p + 1, *at] * (1 - n.rho[p + 1, *at]) - n.lam[p, *at],
            "the next maximum is made from this one",
        ),
        Derivation(D(lagrangian(n), n.y[n.last, *at]), "pooling_max_adjoint_last").step(
            0, "the last multiplier is the gradient that arrives"
        ),
    ]


@part
def maximum(n):
    """The gradient goes to the entries that take over and are not overtaken."""
    return Derivation(D(lagrangian(n), n.x[n.n, n.c, n.k, n.m]), "pooling_max_dx").step(
        _dx(n, n.k, n.m), "an entry is read at some places"
    )


@part
def adjoint_lemma(n):
    """Induction over the places of one window: how far its maximum moves is paid by its entries."""
    at = n.n, n.c, n.u, n.v
    return Induction(
        "pooling_max_lemma",
        lambda s: n.lam[s, *at] * n.yd[s, *at],
        lambda s: _paid(n, s, *at),
        over=(0, n.last),
        using=lambda s: [n.yd.unroll(s + 1), n.lam.unroll(s)],
    )


@part
def theorem(n, lemma):
    """The derivative of the loss along any direction is the sum over the gradient."""
    start = total(
        lambda u, v: n.lam[n.last, n.n, n.c, u, v] * n.yd[n.last, n.n, n.c, u, v], n.U, n.V
    )
    return (
        Derivation(start, "pooling_max_backpropagation")
        .step(total(lambda u, v: _paid(n, n.last, n.n, n.c, u, v), n.U, n.V), "the lemma",
              using=[lemma])
        .step(total(lambda k, m: n.xd[n.n, n.c, k, m] * _dx(n, k, m), n.Y, n.X),
              "collect what multiplies each entry", using=[n.ed])
    )


def _paid(n, s, *at):
    return total(lambda p: n.lam[p, *at] * n.rho[p, *at] * n.ed[p, *at], (1, s))


def _dx(n, k, m):
    return total(
        lambda p, u, v: n.lam[p, n.n, n.c, u, v] * n.rho[p, n.n, n.c, u, v]
        * n.R[u, p, k] * n.Q[v, p, m],
        n.places, n.U, n.V,
    )


def checks():
    """The library's gradients against the formulas, at small sizes."""
    overlapping = definitions(1, 1, sizes=(2, 1, 3, 2, 4))
    apart = definitions(2, 0, sizes=(1, 2, 2, 3, 4), lowest=LOWEST)
    top = define("G", lambda *w: apart.lam[4, *w], *apart.windows)
    return [
        check(average(overlapping), pooling.average_backward, average_forward,
              args=(overlapping.x,), dout=overlapping.G),
        check(maximum(apart), pooling.max_backward, max_forward, args=(apart.x,), dout=top),
    ]


@wraps(pooling.average_forward)
def average_forward(x):
    """The library's averages of two by two entries with stride 1 and padding 1."""
    return pooling.average_forward(x, 2, stride=1, padding=1)


@wraps(pooling.max_forward)
def max_forward(x):
    """The library's maxima of two by two entries, side by side."""
    return pooling.max_forward(x, 2)
