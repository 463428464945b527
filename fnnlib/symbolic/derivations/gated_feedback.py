r"""Gated feedback: adjoints of state, signal and attention, all gradients, and why they are right.

A signal is made from the state and fed back into the next step, and an attention weights the units.
What reaches each of these parts, and in which order?

The net has a state :math:`h` of :math:`H` units, a signal :math:`c` of :math:`F` numbers, which is
fed back into the next step, an attention :math:`\alpha` over the units, and an output :math:`y` of
:math:`C` numbers. :math:`W, U, V` bring input, state and signal into the state; :math:`W_c` brings
the state into the signal, :math:`W_a, V_a` state and signal into the attention, :math:`W_y, V_y`
the gated state and the signal into the output; :math:`b, b_c, b_a, b_y` are the biases. The
residual loop adds :math:`\rho` times the state before; the library has :math:`\rho = 0` and
:math:`\rho = 1`.

What reaches the outputs and the signals from outside are :math:`G` and :math:`E`, one for each
step. What is carried back over the border after a step is :math:`q` for the state and :math:`v` for
the signal; :math:`q_T` and :math:`v_T` are what later steps send back. All four are any numbers, so
what is proved holds for every loss, with an auxiliary loss on the signals or without.

Adjoints: :math:`G` itself of the output, :math:`\lambda` of the state, :math:`\mu` of the signal,
:math:`\beta` of the attention, :math:`\epsilon` of its logits :math:`e`; :math:`\delta` and
:math:`\gamma` of what enters tanh and :math:`\sigma`. In the last three parts :math:`\omega_t` is
what a step is worth to the loss, :math:`\pi_t` what the parameters pay in it, and :math:`\kappa_t`
what is carried over the border after it. What reaches the signal comes from outputs and from
attention, :math:`m_y` and :math:`m_e`; what reaches the state comes from outputs, attention and
signal, :math:`u_y, u_e, u_c`.
"""

from functools import cache, wraps
from types import SimpleNamespace

from fnnlib import gated_feedback
from fnnlib.symbolic import (
    D,
    Derivation,
    Induction,
    array,
    check,
    define,
    elementwise,
    exp,
    hadamard,
    index,
    matrix,
    part,
    prime,
    recursive,
    scalar,
    sigmoid,
    size,
    tanh,
    total,
)

QUICK = 6  # a seed that draws sizes which are soon checked


@cache
def definitions():
    """The net, its adjoints, its Lagrangian and its tangents."""
    rho = scalar("rho")
    B, Dn, H, F, C, T = size("B D H F C T")
    steps, signals, outer = ((1, T), B, H), ((1, T), B, F), ((1, T), B, C)
    states, all_signals = ((0, T), B, H), ((0, T), B, F)
    x, G, E = array("x", (1, T), B, Dn), array("G", *outer), array("E", *signals)
    W, U, V, b = array("W", Dn, H), array("U", H, H), array("V", F, H), array("b", H)
    W_c, b_c = array("W_c", H, F), array("b_c", F)
    W_a, V_a, b_a = array("W_a", H, H), array("V_a", F, H), array("b_a", H)
    W_y, V_y, b_y = array("W_y", H, C), array("V_y", F, C), array("b_y", C)

    a = define("a", lambda t, r, j: (
        total(lambda k: x[t, r, k] * W[k, j], Dn) + total(lambda k: h[t - 1, r, k] * U[k, j], H)
        + total(lambda k: c[t - 1, r, k] * V[k, j], F) + b[j]
    ), *steps)
    s = define("s", lambda t, r, j: tanh(a[t, r, j]) + rho * h[t - 1, r, j], *steps)
    h = recursive("h", *states, start=0, rule=lambda *at: s[at])
    z = define("z", lambda t, r, j: (
        total(lambda k: h[t, r, k] * W_c[k, j], H) + b_c[j]
    ), *signals)
    c = recursive("c", *all_signals, start=0, rule=lambda *at: sigmoid(z[at]))
    logit = define("l", lambda t, r, j: (
        total(lambda k: h[t, r, k] * W_a[k, j], H) + total(lambda k: c[t, r, k] * V_a[k, j], F)
        + b_a[j]
    ), *steps)
    e = recursive("e", *steps, rule=lambda *at: logit[at])
    p = define("p", lambda t, r, j: (
        exp(e[t, r, j]) / total(lambda k: exp(e[t, r, k]), H)
    ), *steps)
    alpha = recursive("alpha", *steps, rule=lambda *at: p[at])
    out = define("out", lambda t, r, o: (
        total(lambda j: alpha[t, r, j] * h[t, r, j] * W_y[j, o], H)
        + total(lambda k: c[t, r, k] * V_y[k, o], F) + b_y[o]
    ), *outer)
    y = recursive("y", *outer, rule=lambda *at: out[at])

    to_gated = define("g", lambda t, r, j: (
        total(lambda o: G[t, r, o] * W_y[j, o], C)
    ), *steps)
    beta = recursive("beta", *steps, rule=lambda *at: to_gated[at] * h[at])
    eps = recursive("epsilon", *steps, rule=lambda t, r, j: alpha[t, r, j] * (
        beta[t, r, j] - total(lambda k: beta[t, r, k] * alpha[t, r, k], H)
    ))
    mu = recursive("mu", *signals, rule=lambda t, r, k: (
        E[t, r, k] + total(lambda o: G[t, r, o] * V_y[k, o], C)
        + total(lambda j: eps[t, r, j] * V_a[k, j], H) + back_c[t, r, k]
    ))
    gamma = define("gamma", lambda *at: mu[at] * prime(sigmoid)(z[at]), *signals)
    lam = recursive("lambda", *steps, rule=lambda t, r, k: (
        to_gated[t, r, k] * alpha[t, r, k] + total(lambda j: eps[t, r, j] * W_a[k, j], H)
        + total(lambda j: gamma[t, r, j] * W_c[k, j], F) + back_h[t, r, k]
    ))
    dl = define("delta", lambda *at: lam[at] * (1 - tanh(a[at]) ** 2), *steps)
    back_h = recursive("q", *states, start=T, rule=lambda t, r, k: (
        total(lambda j: dl[t + 1, r, j] * U[k, j], H) + rho * lam[t + 1, r, k]
    ))
    back_c = recursive("v", *all_signals, start=T, rule=lambda t, r, k: (
        total(lambda j: dl[t + 1, r, j] * V[k, j], H)
    ))
    loss = define(
        "L",
        total(lambda t, r, o: G[t, r, o] * y[t, r, o], *outer)
        + total(lambda t, r, k: E[t, r, k] * c[t, r, k], *signals)
        + total(lambda r, j: back_h[T, r, j] * h[T, r, j], B, H)
        + total(lambda r, k: back_c[T, r, k] * c[T, r, k], B, F),
    )
    lagrangian = define(
        "Lambda",
        loss
        + total(lambda t, r, o: G[t, r, o] * (out[t, r, o] - y[t, r, o]), *outer)
        + total(lambda t, r, j: lam[t, r, j] * (s[t, r, j] - h[t, r, j]), *steps)
        + total(lambda t, r, k: mu[t, r, k] * (sigmoid(z[t, r, k]) - c[t, r, k]), *signals)
        + total(lambda t, r, j: beta[t, r, j] * (p[t, r, j] - alpha[t, r, j]), *steps)
        + total(lambda t, r, j: eps[t, r, j] * (logit[t, r, j] - e[t, r, j]), *steps),
    )

    xd = array("xdot", (1, T), B, Dn)
    Wd, Ud, Vd, bd = array("Wdot", Dn, H), array("Udot", H, H), array("Vdot", F, H), array(
        "bdot", H
    )
    W_cd, b_cd = array("W_cdot", H, F), array("b_cdot", F)
    W_ad, V_ad, b_ad = array("W_adot", H, H), array("V_adot", F, H), array("b_adot", H)
    W_yd, V_yd, b_yd = array("W_ydot", H, C), array("V_ydot", F, C), array("b_ydot", C)
    w = define("w", lambda t, r, j: (
        total(lambda k: xd[t, r, k] * W[k, j] + x[t, r, k] * Wd[k, j], Dn)
        + total(lambda k: h[t - 1, r, k] * Ud[k, j], H)
        + total(lambda k: c[t - 1, r, k] * Vd[k, j], F) + bd[j]
    ), *steps)
    w_c = define("w_c", lambda t, r, j: (
        total(lambda k: h[t, r, k] * W_cd[k, j], H) + b_cd[j]
    ), *signals)
    w_a = define("w_a", lambda t, r, j: (
        total(lambda k: h[t, r, k] * W_ad[k, j], H)
        + total(lambda k: c[t, r, k] * V_ad[k, j], F) + b_ad[j]
    ), *steps)
    w_y = define("w_y", lambda t, r, o: (
        total(lambda j: alpha[t, r, j] * h[t, r, j] * W_yd[j, o], H)
        + total(lambda k: c[t, r, k] * V_yd[k, o], F) + b_yd[o]
    ), *outer)
    hd = recursive("hdot", *states, start=0, rule=lambda t, r, j: (
        (1 - tanh(a[t, r, j]) ** 2) * (
            w[t, r, j] + total(lambda k: hd[t - 1, r, k] * U[k, j], H)
            + total(lambda k: cd[t - 1, r, k] * V[k, j], F)
        ) + rho * hd[t - 1, r, j]
    ))
    cd = recursive("cdot", *all_signals, start=0, rule=lambda t, r, j: prime(sigmoid)(
        z[t, r, j]
    ) * (w_c[t, r, j] + total(lambda k: hd[t, r, k] * W_c[k, j], H)))
    ed = define("edot", lambda t, r, j: (
        w_a[t, r, j] + total(lambda k: hd[t, r, k] * W_a[k, j], H)
        + total(lambda k: cd[t, r, k] * V_a[k, j], F)
    ), *steps)
    ad = define("alphadot", lambda t, r, j: alpha[t, r, j] * (
        ed[t, r, j] - total(lambda k: alpha[t, r, k] * ed[t, r, k], H)
    ), *steps)
    yd = recursive("ydot", *outer, rule=lambda t, r, o: (
        w_y[t, r, o] + total(lambda k: cd[t, r, k] * V_y[k, o], F) + total(
            lambda j: (ad[t, r, j] * h[t, r, j] + alpha[t, r, j] * hd[t, r, j]) * W_y[j, o], H
        )
    ))
    worth = define("omega", lambda t: (
        total(lambda r, o: G[t, r, o] * yd[t, r, o], B, C)
        + total(lambda r, k: E[t, r, k] * cd[t, r, k], B, F)
    ), (1, T))
    paid = define("pi", lambda t: (
        total(lambda r, j: dl[t, r, j] * w[t, r, j], B, H)
        + total(lambda r, k: gamma[t, r, k] * w_c[t, r, k], B, F)
        + total(lambda r, j: eps[t, r, j] * w_a[t, r, j], B, H)
        + total(lambda r, o: G[t, r, o] * w_y[t, r, o], B, C)
    ), (1, T))
    carried = define("kappa", lambda t: (
        total(lambda r, k: back_h[t, r, k] * hd[t, r, k], B, H)
        + total(lambda r, k: back_c[t, r, k] * cd[t, r, k], B, F)
    ), (0, T))
    t, inner, r = index("t", (1, T)), index("t", (1, T - 1)), index("r", B)
    (j, i), d, f, o = index("j i", H), index("d", Dn), index("f", F), index("o", C)
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    n = definitions()
    steps = one_step(n)
    lemma = adjoint_lemma(n, steps[-1])
    return [
        *tangents(n), *adjoints(n), *gradients(), *steps, lemma, theorem(n, lemma),
    ]


@part
def tangents(n):
    """How state, signal, attention and output move along a direction: the chain rule."""
    t, r, j, f, o = n.t, n.r, n.j, n.f, n.o
    B, Dn, H, F, C = n.B, n.Dn, n.H, n.F, n.C
    s, c, e, y = n.s[t, r, j], sigmoid(n.z[t, r, f]), n.logit[t, r, j], n.out[t, r, o]

    def along(what, array, moved, *axes, lead=()):
        """The sum of partial derivatives times how the entries move."""
        if len(axes) == 1:
            return total(lambda q: D(what, array[(*lead, q)]) * moved[(*lead, q)], *axes)
        return total(lambda q, k: D(what, array[(*lead, q, k)]) * moved[(*lead, q, k)], *axes)

    now, before = (t,), (t - 1,)
    return [
        Derivation(
            along(s, n.x, n.xd, B, Dn, lead=now) + along(s, n.W, n.Wd, Dn, H)
            + along(s, n.h, n.hd, B, H, lead=before) + along(s, n.U, n.Ud, H, H)
            + along(s, n.c, n.cd, B, F, lead=before) + along(s, n.V, n.Vd, F, H)
            + along(s, n.b, n.bd, H),
            "gated_feedback_tangent_h",
        ).step(n.hd.body(t, r, j), "the state reads input, state and signal"),
        Derivation(
            along(c, n.h, n.hd, B, H, lead=now) + along(c, n.W_c, n.W_cd, H, F)
            + along(c, n.b_c, n.b_cd, F),
            "gated_feedback_tangent_c",
        ).step(n.cd.body(t, r, f), "the signal reads the state"),
        Derivation(
            along(e, n.h, n.hd, B, H, lead=now) + along(e, n.W_a, n.W_ad, H, H)
            + along(e, n.c, n.cd, B, F, lead=now) + along(e, n.V_a, n.V_ad, F, H)
            + along(e, n.b_a, n.b_ad, H),
            "gated_feedback_tangent_e",
        ).step(n.ed[t, r, j], "attention reads state and signal"),
        Derivation(
            along(n.p[t, r, j], n.e, n.ed, B, H, lead=now), "gated_feedback_tangent_alpha"
        )
        .step(
            n.p[t, r, j] * (n.ed[t, r, j] - total(lambda k: n.p[t, r, k] * n.ed[t, r, k], H)),
            "softmax Jacobian",
        )
        .step(n.ad[t, r, j], "attention is this softmax", using=[n.alpha.unroll(t)]),
        Derivation(
            along(y, n.h, n.hd, B, H, lead=now) + along(y, n.alpha, n.ad, B, H, lead=now)
            + along(y, n.W_y, n.W_yd, H, C) + along(y, n.c, n.cd, B, F, lead=now)
            + along(y, n.V_y, n.V_yd, F, C) + along(y, n.b_y, n.b_yd, C),
            "gated_feedback_tangent_y",
        ).step(n.yd.body(t, r, o), "the output reads the gated state and the signal"),
    ]


@part
def adjoints(n):
    """Where the Lagrangian is stationary in state, signal, attention and logits."""
    M, t, inner, T, r, j, H = matrix, n.t, n.inner, n.T, n.r, n.j, n.H
    p = n.p

    def start(variable, name):
        return Derivation(D(n.lagrangian, variable), f"gated_feedback_{name}")

    def of_h(t):
        """What reaches h without a detour through the next step."""
        gamma = hadamard(M(n.mu, t), elementwise(prime(sigmoid), M(n.z, t)))
        return (
            hadamard(M(n.G, t) * M(n.W_y).T, M(n.alpha, t)) + M(n.eps, t) * M(n.W_a).T
            + gamma * M(n.W_c).T - M(n.lam, t)
        )

    def of_c(t):
        return M(n.E, t) + M(n.G, t) * M(n.V_y).T + M(n.eps, t) * M(n.V_a).T - M(n.mu, t)

    return [
        start(M(n.alpha, t), "beta").step(
            hadamard(M(n.G, t) * M(n.W_y).T, M(n.h, t)) - M(n.beta, t), "attention gates the state"
        ),
        start(n.e[t, r, j], "epsilon")
        .step(
            p[t, r, j] * (n.beta[t, r, j] - total(lambda k: n.beta[t, r, k] * p[t, r, k], H))
            - n.eps[t, r, j],
            "softmax Jacobian",
        )
        .step(
            n.eps.body(t, r, j) - n.eps[t, r, j], "attention is this softmax",
            using=[n.alpha.unroll(t)],
        ),
        start(M(n.c, inner), "mu").step(
            of_c(inner) + M(n.dl, inner + 1) * M(n.V).T, "the signal is fed back into the next step"
        ),
        start(M(n.c, T), "mu_last").step(
            of_c(T) + M(n.back_c, T), "what later steps send back stands for them"
        ),
        start(M(n.h, inner), "lambda").step(
            of_h(inner) + M(n.dl, inner + 1) * M(n.U).T + n.rho * M(n.lam, inner + 1),
            "the state feeds signal, attention, output and the next step",
        ),
        start(M(n.h, T), "lambda_last").step(
            of_h(T) + M(n.back_h, T), "what later steps send back stands for them"
        ),
    ]


@cache
@part
def gradients():
    """Derivatives by all parameters, by the inputs and by the first state."""
    n = definitions()
    t, r, i, j, d, f, o = n.t, n.r, n.i, n.j, n.d, n.f, n.o
    M, sums = matrix, _sums(n)

    def start(variable, name):
        return Derivation(D(n.lagrangian, variable), f"gated_feedback_{name}")

    every = "the same parameters serve every step"
    places = {
        "W": (d, j), "U": (i, j), "V": (f, j), "b": (j,), "W_c": (j, f), "b_c": (f,),
        "W_a": (i, j), "V_a": (f, j), "b_a": (j,), "W_y": (j, o), "V_y": (f, o), "b_y": (o,),
    }  # fmt: skip
    return [
        *(
            start(vars(n)[name][at], f"d{name}").step(sums[name](*at), every)
            for name, at in places.items()
        ),
        start(n.x[t, r, d], "dx").step(_dx(n, t, r, d), "an input feeds its own step"),
        start(M(n.h, 0), "dh_0").step(
            M(n.dl, 1) * M(n.U).T + n.rho * M(n.lam, 1), "the first state feeds step 1"
        ),
        start(M(n.c, 0), "dc_0").step(
            M(n.dl, 1) * M(n.V).T, "the first signal is fed back into step 1"
        ),
    ]


@part
def one_step(n):
    """What outputs and signal of a step are worth: paid in the step, or carried over a border."""
    t, T = n.t, n.T
    transposed = Derivation(_pair(n, n.beta, n.ad, t, n.H), "gated_feedback_softmax").step(
        _pair(n, n.eps, n.ed, t, n.H), "the softmax Jacobian is symmetric",
        using=[n.ad, n.eps.unroll(t)],
    )
    G, E, H, F, C = n.G, n.E, n.H, n.F, n.C
    to_c = define("m_y", lambda t, r, k: E[t, r, k] + total(
        lambda o: G[t, r, o] * n.V_y[k, o], C
    ), (1, T), n.B, F)
    from_e = {
        "h": define("u_e", lambda t, r, k: total(
            lambda j: n.eps[t, r, j] * n.W_a[k, j], H
        ), (1, T), n.B, H),
        "c": define("m_e", lambda t, r, k: total(
            lambda j: n.eps[t, r, j] * n.V_a[k, j], H
        ), (1, T), n.B, F),
    }
    from_c = define("u_c", lambda t, r, k: total(
        lambda j: n.gamma[t, r, j] * n.W_c[k, j], F
    ), (1, T), n.B, H)
    gated = define("u_y", lambda *at: n.to_gated[at] * n.alpha[at], (1, T), n.B, H)

    def p(adjoint, moved, units, at=t):
        return _pair(n, adjoint, moved, at, units)

    paid_y, paid_a, paid_c = p(G, n.w_y, C), p(n.eps, n.w_a, H), p(n.gamma, n.w_c, F)
    left_c, left_h = p(n.back_c, n.cd, F), p(n.back_h, n.hd, H)
    split = Derivation(n.worth[t], "gated_feedback_one_step")
    split.step(
        paid_y + p(to_c, n.cd, F) + p(gated, n.hd, H) + p(n.beta, n.ad, H),
        "the output reads gated state and signal",
        using=[n.worth, n.yd.unroll(t), to_c, gated, n.to_gated, n.beta.unroll(t)],
    )
    split.step(
        paid_y + p(to_c, n.cd, F) + p(gated, n.hd, H) + p(n.eps, n.ed, H),
        "through the softmax", using=[transposed, n.eps.unroll(t)],
    )
    split.step(
        paid_y + paid_a + p(to_c, n.cd, F) + p(from_e["c"], n.cd, F) + p(gated, n.hd, H)
        + p(from_e["h"], n.hd, H),
        "attention reads state and signal", using=[n.ed, *from_e.values()],
    )
    split.step(
        paid_y + paid_a + p(n.mu, n.cd, F) - left_c + p(gated, n.hd, H) + p(from_e["h"], n.hd, H),
        "what the signal is worth is its adjoint", using=[n.mu.unroll(t), to_c, from_e["c"]],
    )
    split.step(
        paid_y + paid_a + paid_c - left_c + p(gated, n.hd, H) + p(from_e["h"], n.hd, H)
        + p(from_c, n.hd, H),
        "the signal reads the state", using=[n.cd.unroll(t), n.gamma, from_c],
    )
    split.step(
        paid_y + paid_a + paid_c - left_c - left_h + p(n.lam, n.hd, H),
        "what the state is worth is its adjoint",
        using=[n.lam.unroll(t), gated, from_e["h"], from_c],
    )
    split.step(
        n.paid[t] + n.carried[t - 1] - n.carried[t],
        "the state reads what came over the border",
        using=[n.hd.unroll(t), n.back_h.unroll(t - 1), n.back_c.unroll(t - 1), n.dl,
               n.paid, n.carried],
    )
    return [transposed, split]


@part
def adjoint_lemma(n, split):
    """Induction over time: what outputs and signals up to :math:`s` are worth is paid by the steps.
    """
    return Induction(
        "gated_feedback_adjoint_lemma",
        lambda s: total(lambda t: n.worth[t], (1, s)),
        lambda s: total(lambda t: n.paid[t], (1, s)) + n.carried[0] - n.carried[s],
        over=(0, n.T),
        using=lambda s: [split, *_followed(n, s)],
    )


def _followed(n, s):
    """The recurrences on which the step rests."""
    arrays = n.hd, n.cd, n.yd, n.lam, n.mu, n.beta, n.eps
    return [*(a.unroll(s + 1) for a in arrays), n.back_h.unroll(s), n.back_c.unroll(s)]


@part
def theorem(n, lemma):
    """The derivative of the loss along any direction is the sum over all gradients."""
    B, Dn, H, F, C, T = n.B, n.Dn, n.H, n.F, n.C, n.T
    sums = _sums(n)

    def by(name, moved, *axes):
        if len(axes) == 1:
            return total(lambda k: moved[k] * sums[name](k), *axes)
        return total(lambda k, j: moved[k, j] * sums[name](k, j), *axes)

    collected = (
        by("W", n.Wd, Dn, H) + by("U", n.Ud, H, H) + by("V", n.Vd, F, H) + by("b", n.bd, H)
        + by("W_c", n.W_cd, H, F) + by("b_c", n.b_cd, F)
        + by("W_a", n.W_ad, H, H) + by("V_a", n.V_ad, F, H) + by("b_a", n.b_ad, H)
        + by("W_y", n.W_yd, H, C) + by("V_y", n.V_yd, F, C) + by("b_y", n.b_yd, C)
        + total(lambda t, r, k: n.xd[t, r, k] * _dx(n, t, r, k), (1, T), B, Dn)
    )
    return (
        Derivation(_along(n), "gated_feedback_bptt")
        .step(
            lemma.left + n.carried[T], "outputs, signals and the last state",
            using=[n.worth, n.carried], seconds=60,
        )
        .step(
            total(lambda t: n.paid[t], (1, T)) + n.carried[0], "the lemma at T", using=[lemma]
        )
        .step(
            collected + n.carried[0], "collect what multiplies each direction",
            using=[n.paid, n.w, n.w_c, n.w_a, n.w_y], seconds=60,
        )
    )


def _along(n):
    """How the loss moves: its partial derivatives times how everything it reads moves."""
    H, F, C = n.H, n.F, n.C

    def over(array, moved, units):
        return total(
            lambda t, r, k: D(n.loss, array[t, r, k]) * moved[t, r, k], (1, n.T), n.B, units
        )

    return over(n.y, n.yd, C) + over(n.h, n.hd, H) + over(n.c, n.cd, F)


def _sums(n):
    """The gradient of every parameter: a sum over steps and examples."""
    def over(f):
        return total(f, (1, n.T), n.B)

    h, c, G, dl, eps = n.h, n.c, n.G, n.dl, n.eps
    return {
        "W": lambda k, j: over(lambda t, r: n.x[t, r, k] * dl[t, r, j]),
        "U": lambda k, j: over(lambda t, r: h[t - 1, r, k] * dl[t, r, j]),
        "V": lambda k, j: over(lambda t, r: c[t - 1, r, k] * dl[t, r, j]),
        "b": lambda j: over(lambda t, r: dl[t, r, j]),
        "W_c": lambda k, j: over(lambda t, r: h[t, r, k] * n.gamma[t, r, j]),
        "b_c": lambda j: over(lambda t, r: n.gamma[t, r, j]),
        "W_a": lambda k, j: over(lambda t, r: h[t, r, k] * eps[t, r, j]),
        "V_a": lambda k, j: over(lambda t, r: c[t, r, k] * eps[t, r, j]),
        "b_a": lambda j: over(lambda t, r: eps[t, r, j]),
        "W_y": lambda k, o: over(lambda t, r: n.alpha[t, r, k] * h[t, r, k] * G[t, r, o]),
        "V_y": lambda k, o: over(lambda t, r: c[t, r, k] * G[t, r, o]),
        "b_y": lambda o: over(lambda t, r: G[t, r, o]),
    }


def _dx(n, t, r, k):
    return total(lambda j: n.dl[t, r, j] * n.W[k, j], n.H)


def _pair(n, adjoint, moved, t, units):
    """An adjoint times how its quantity moves, summed over examples and units of a step."""
    return total(lambda r, j: adjoint[t, r, j] * moved[t, r, j], n.B, units)


def checks():
    """The library's gradients against the formulas, with the residual loop."""
    n = definitions()
    p = gated_feedback.Params(*(vars(n)[name] for name in gated_feedback.Params._fields))
    args = p, n.x, gated_feedback.State(matrix(n.h, 0), matrix(n.c, 0))
    last = gated_feedback.State(matrix(n.back_h, n.T), matrix(n.back_c, n.T))
    dout = n.G, n.E, last
    at = {n.Dn: 5, n.H: 2, n.F: 3, n.C: 4, n.rho: 1}  # small, and all different
    return [
        check(d, gated_feedback.backward, forward, args=args, dout=dout, seed=QUICK, at=at)
        for d in gradients()
    ]


@wraps(gated_feedback.forward)
def forward(p, x, s):
    """The library's net with the residual loop."""
    return gated_feedback.forward(p, x, s, residual=True)
