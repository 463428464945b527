r"""Both directions: gradients of a net that reads ahead and, with other parameters, from the end.

A second net reads the sequence from its end. At which step does each net meet a gradient, and what
reaches the input that both have read?

The names of the net that reads ahead carry the label :math:`a`, those of the net that reads back
the label :math:`b`. The second net has steps of its own: its step :math:`t` reads the input of time
:math:`T + 1 - t`, and its state is put out at that time. So :math:`G_a` and :math:`G_b`, the
gradients that reach the two halves of the outputs, are met at :math:`t` and at :math:`T + 1 - t`;
an input gets back what both nets send. :math:`\lambda` and :math:`\delta` are the adjoints of the
states and of what enters the activation; :math:`v` is what is sent back to the step before, and
:math:`v_T` what reaches the last state from outside. The gradients are derived for the net of
:mod:`fnnlib.rnn` with any differentiable activation :math:`\varphi` in both directions.

Any module makes the same turn. The last two parts are about two modules with states of :math:`n_a`
and :math:`n_b` numbers. They hold for all arrays :math:`J_a, J_b`, the Jacobians of a step by the
state before, and :math:`w_a, w_b`, which move the steps apart from the states, as in
:mod:`fnnlib.symbolic.derivations.recurrent`.
"""

from functools import cache, wraps
from types import SimpleNamespace

import numpy as np

from fnnlib import recurrent, rnn
from fnnlib.symbolic import (
    D,
    Derivation,
    Induction,
    array,
    check,
    define,
    function,
    index,
    matrix,
    part,
    prime,
    recursive,
    size,
    tanh,
    total,
)


@cache
def definitions():
    """The two nets, their adjoints and their Lagrangian; the activation is opaque."""
    phi = function("phi", tex=r"\varphi")
    slope = prime(phi)
    B, Dn, H, T = size("B D H T")
    steps = (1, T), B, H
    x = array("x", (1, T), B, Dn)
    ahead = _net("a", phi, slope, lambda t, r, k: x[t, r, k], lambda t: t, (B, Dn, H, T))
    back = _net(
        "b", phi, slope, lambda t, r, k: x[T + 1 - t, r, k], lambda t: T + 1 - t, (B, Dn, H, T)
    )
    loss = total(
        lambda t, r, j: ahead.G[t, r, j] * ahead.h[t, r, j]
        + back.G[t, r, j] * back.h[T + 1 - t, r, j], *steps,
    )
    lagrangian = define("Lambda", loss + ahead.carried + back.carried + ahead.gap + back.gap)
    t, inner, r = index("t", (1, T)), index("t", (1, T - 1)), index("r", B)
    (j, k), d = index("j k", H), index("d", Dn)
    return SimpleNamespace(**locals())


def _net(name, phi, slope, read, time, sizes):
    """One direction: what its steps read, and the times at which they stand."""
    B, Dn, H, T = sizes
    steps, states = ((1, T), B, H), ((0, T), B, H)
    W, U, b = array(f"W_{name}", Dn, H), array(f"U_{name}", H, H), array(f"b_{name}", H)
    G = array(f"G_{name}", *steps)
    z = define(
        f"z_{name}",
        lambda t, r, j: total(lambda k: read(t, r, k) * W[k, j], Dn)
        + total(lambda k: h[t - 1, r, k] * U[k, j], H) + b[j],
        *steps,
    )
    h = recursive(f"h_{name}", *states, start=0, rule=lambda *at: phi(z[at]))
    lam = recursive(
        f"lambda_{name}", *steps, rule=lambda t, r, j: G[time(t), r, j] + sent[t, r, j]
    )
    dl = recursive(f"delta_{name}", *steps, rule=lambda *at: lam[at] * slope(z[at]))
    sent = recursive(f"v_{name}", *states, start=T, rule=lambda t, r, j: total(
        lambda k: dl[t + 1, r, k] * U[j, k], H
    ))
    carried = total(lambda r, j: sent[T, r, j] * h[T, r, j], B, H)
    gap = total(lambda t, r, j: lam[t, r, j] * (phi(z[t, r, j]) - h[t, r, j]), *steps)
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    n, module = definitions(), any_module()
    lemmas = adjoint_lemma(module, module.ahead), adjoint_lemma(module, module.back)
    return [*adjoints(n), *gradients(), *lemmas, theorem(module, lemmas)]


@part
def adjoints(n):
    """Where the Lagrangian is stationary in the states, both recursions run from the last step."""
    t, T, r, j = n.inner, n.T, n.r, n.j
    found = []
    for name, net in (("ahead", n.ahead), ("back", n.back)):
        sent = total(lambda k: net.dl[t + 1, r, k] * net.U[j, k], n.H)  # noqa: B023
        found += [
            Derivation(D(n.lagrangian, net.h[t, r, j]), f"bidirectional_lambda_{name}").step(
                net.G[net.time(t), r, j] + sent - net.lam[t, r, j],
                "a state is put out, and feeds the next step of its net",
                using=[net.dl.unroll(t + 1)],
            ),
            Derivation(D(n.lagrangian, net.h[T, r, j]), f"bidirectional_lambda_{name}_last").step(
                net.G[net.time(T), r, j] + net.sent[T, r, j] - net.lam[T, r, j],
                "what later steps send back stands for them",
            ),
        ]
    return found


@cache
@part
def gradients():
    """Derivatives by the parameters and first states of both nets, and by the input."""
    n = definitions()
    t, r, j, k, d, T = n.t, n.r, n.j, n.k, n.d, n.T

    def start(variable, name):
        return Derivation(D(n.lagrangian, variable), f"bidirectional_{name}")

    found = []
    for name, net in (("ahead", n.ahead), ("back", n.back)):
        def sums(f, net=net):
            return total(lambda t, r: f(t, r) * net.dl.body(t, r, j), (1, T), n.B)

        found += [
            start(net.W[d, j], f"dW_{name}").step(
                sums(lambda t, r, net=net: net.read(t, r, d)), "each step meets what it reads"
            ),
            start(net.U[k, j], f"dU_{name}").step(
                sums(lambda t, r, net=net: net.h[t - 1, r, k]), "U meets the state before"
            ),
            start(net.b[j], f"db_{name}").step(sums(lambda t, r: 1), "the bias enters every step"),
            start(matrix(net.h, 0), f"dh_0_{name}").step(
                matrix(net.dl, 1) * matrix(net.U).T, "the first state feeds the first step",
                using=[net.dl.unroll(1)],
            ),
        ]
    a, b = n.ahead, n.back
    return [
        *found,
        start(n.x[t, r, d], "dx").step(
            total(lambda j: a.dl.body(t, r, j) * a.W[d, j], n.H)
            + total(lambda j: b.dl.body(T + 1 - t, r, j) * b.W[d, j], n.H),
            "read by step t of one net, and T + 1 - t of the other",
        ),
    ]


def any_module():
    """Tangents and adjoints of two modules, the second with the time of its steps reversed."""
    B, T = size("B T")

    def one(name, n, time):
        steps, states = ((1, T), B, n), ((0, T), B, n)
        J, w, G = array(f"J_{name}", (1, T), B, n, n), array(f"w_{name}", *steps), array(
            f"G_{name}", *steps)
        hd = recursive(f"hdot_{name}", *states, start=0, rule=lambda t, r, j: w[t, r, j] + total(
            lambda k: hd[t - 1, r, k] * J[t, r, k, j], n
        ))
        lam = recursive(
            f"lambda_{name}", *steps, rule=lambda t, r, j: G[time(t), r, j] + sent[t, r, j]
        )
        sent = recursive(f"v_{name}", *states, start=T, rule=lambda t, r, k: total(
            lambda j: lam[t + 1, r, j] * J[t + 1, r, k, j], n
        ))
        return SimpleNamespace(**locals())

    n_a, n_b = size("n_a n_b")
    ahead, back = one("a", n_a, lambda t: t), one("b", n_b, lambda t: T + 1 - t)
    return SimpleNamespace(**locals())


@part
def adjoint_lemma(n, net):
    """Induction over the steps of one net: what its outputs are worth is paid by its steps."""
    return Induction(
        f"bidirectional_lemma_{net.name}",
        lambda s: total(
            lambda t, r, j: net.G[net.time(t), r, j] * net.hd[t, r, j], (1, s), n.B, net.n
        ),
        lambda s: _paid(n, net, s) + _carried(n, net, 0) - _carried(n, net, s),
        over=(0, n.T),
        using=lambda s: [net.hd.unroll(s + 1), net.lam.unroll(s + 1), net.sent.unroll(s)],
    )


@part
def theorem(n, lemmas):
    """Both halves of the outputs, read by time: the sum of what the two nets pay."""
    T, B, a, b = n.T, n.B, n.ahead, n.back
    start = total(lambda t, r, j: a.G[t, r, j] * a.hd[t, r, j], (1, T), B, a.n)
    start += total(lambda t, r, j: b.G[t, r, j] * b.hd[T + 1 - t, r, j], (1, T), B, b.n)
    paid = [_paid(n, net, T) + _carried(n, net, 0) - _carried(n, net, T) for net in (a, b)]
    return (
        Derivation(start, "bidirectional_bptt")
        .step(sum(lemma.left for lemma in lemmas), "the states of the second net, by its own steps")
        .step(sum(paid), "the two lemmas", using=lemmas)
    )


def _paid(n, net, s):
    return total(lambda t, r, j: net.lam[t, r, j] * net.w[t, r, j], (1, s), n.B, net.n)


def _carried(n, net, s):
    return total(lambda r, j: net.sent[s, r, j] * net.hd[s, r, j], n.B, net.n)


def checks():
    """The library's gradients against the formulas, at small sizes."""
    n = definitions()
    nets = n.ahead, n.back
    args = (
        recurrent.Both(*(rnn.Params(net.W, net.U, net.b) for net in nets)), n.x,
        recurrent.Both(*(rnn.State(matrix(net.h, 0)) for net in nets)),
    )
    last = recurrent.Both(*(rnn.State(matrix(net.sent, n.T)) for net in nets))
    dout = (n.ahead.G, n.back.G), last
    at = {n.B: 3, n.Dn: 4, n.H: 2, n.T: 5, n.phi: tanh}
    return [check(d, backward, forward, args=args, dout=dout, at=at) for d in gradients()]


NET = recurrent.bidirectional(rnn)


@wraps(recurrent.bidirectional)
def forward(p, x, s):
    """The library's net, with its outputs cut into the halves of the two directions."""
    (h, s), cache = NET.forward(p, x, s)
    return (tuple(np.split(h, 2, axis=-1)), s), cache


@wraps(recurrent.bidirectional)
def backward(dout, cache):
    """The library's gradients."""
    halves, ds = dout
    return NET.backward((np.concatenate(halves, axis=-1), ds), cache)
