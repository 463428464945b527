r"""The GRU: adjoints of its state and gates, all gradients, and why they are the derivative.

A GRU mixes its old state with a candidate, as its update gate says; its reset gate says how much of
the old state the candidate sees. What reaches the weights of every gate, over any number of steps?

The columns of :math:`W`, :math:`U` and :math:`b` that belong to one gate are a block :math:`q` of
their own: :math:`q = 0, 1, 2` stands for :math:`r`, :math:`z`, :math:`n`, the order in which the
library holds the blocks side by side. What enters a gate has two parts: :math:`u_q` is fed back by
the state; :math:`a_q` is all that enters :math:`r` and :math:`z`, but only the inputs' part of
:math:`n`, as the reset gate multiplies the other. That other part has a bias :math:`c` of its own.
The adjoints of :math:`a_q` and :math:`u_q` are :math:`\delta` and :math:`\epsilon`, that of the
state is :math:`\lambda`; :math:`p` is the part of it that reaches the candidate. As :math:`r` is
the reset gate, what is carried back over a border is called :math:`v`; :math:`v_T` is what later
steps send back to :math:`h_T`, and :math:`G` is the gradient that reaches the states from outside.
Both are any numbers, so what is proved holds for every loss.

The first part is about the other convention, in which the update gate says how much is new: it is
the same net with the parameters of that gate negated.
"""

from functools import cache, wraps
from types import SimpleNamespace

import numpy as np

from fnnlib import activations, gru
from fnnlib.symbolic import (
    D,
    Derivation,
    Induction,
    array,
    check,
    define,
    delta,
    elementwise,
    hadamard,
    index,
    matrix,
    ones,
    part,
    prime,
    recursive,
    sigmoid,
    size,
    tanh,
    total,
)
from fnnlib.symbolic.agreement import within_tolerance

QUICK = 196  # a seed that draws sizes which are soon checked


@cache
def definitions():
    """The network, its adjoints, its Lagrangian and its tangents."""
    B, Dn, H, T = size("B D H T")
    steps, states, gates = ((1, T), B, H), ((0, T), B, H), ((1, T), 3, B, H)
    W, U, b, c = array("W", 3, Dn, H), array("U", 3, H, H), array("b", 3, H), array("c", H)
    x, G = array("x", (1, T), B, Dn), array("G", *steps)

    fed = define(
        "f",
        lambda t, q, r, j: total(lambda k: h[t - 1, r, k] * U[q, k, j], H) + delta(q, 2) * c[j],
        *gates,
    )
    u = recursive("u", *gates, rule=lambda *at: fed[at])
    s = define(
        "s",
        lambda t, q, r, j: total(lambda k: x[t, r, k] * W[q, k, j], Dn) + b[q, j]
        + (delta(q, 0) + delta(q, 1)) * u[t, q, r, j],
        *gates,
    )
    a = recursive("a", *gates, rule=lambda *at: s[at])
    reset = define("r", lambda t, r, j: sigmoid(a[t, 0, r, j]), *steps)
    z = define("z", lambda t, r, j: sigmoid(a[t, 1, r, j]), *steps)
    new = define(
        "n", lambda t, r, j: tanh(a[t, 2, r, j] + reset[t, r, j] * u[t, 2, r, j]), *steps
    )
    k = define(
        "k", lambda t, r, j: (1 - z[t, r, j]) * new[t, r, j] + z[t, r, j] * h[t - 1, r, j], *steps
    )
    h = recursive("h", *states, start=0, rule=lambda *at: k[at])

    lam = recursive("lambda", *steps, rule=lambda *at: G[at] + back[at])
    of_new = define("p", lambda *at: lam[at] * (1 - z[at]) * (1 - new[at] ** 2), *steps)
    dl = recursive("delta", *gates, rule=lambda t, q, r, j: (
        delta(q, 0) * of_new[t, r, j] * u[t, 2, r, j] * reset[t, r, j] * (1 - reset[t, r, j])
        + delta(q, 1) * lam[t, r, j] * (h[t - 1, r, j] - new[t, r, j])
        * z[t, r, j] * (1 - z[t, r, j])
        + delta(q, 2) * of_new[t, r, j]
    ))
    eps = recursive("epsilon", *gates, rule=lambda t, q, r, j: (
        (delta(q, 0) + delta(q, 1) + delta(q, 2) * reset[t, r, j]) * dl[t, q, r, j]
    ))
    back = recursive("v", *states, start=T, rule=lambda t, r, j: (
        lam[t + 1, r, j] * z[t + 1, r, j]
        + total(lambda q, k: eps[t + 1, q, r, k] * U[q, j, k], 3, H)
    ))
    loss = define("L", total(lambda t, b, j: G[t, b, j] * h[t, b, j], *steps) + total(
        lambda b, j: back[T, b, j] * h[T, b, j], B, H
    ))
    of_states = total(lambda t, b, j: lam[t, b, j] * (k[t, b, j] - h[t, b, j]), *steps)
    of_gates = total(
        lambda t, q, b, j: dl[t, q, b, j] * (s[t, q, b, j] - a[t, q, b, j])
        + eps[t, q, b, j] * (fed[t, q, b, j] - u[t, q, b, j]),
        *gates,
    )
    lagrangian = define("Lambda", loss + of_states + of_gates)

    Wd, Ud, bd = array("Wdot", 3, Dn, H), array("Udot", 3, H, H), array("bdot", 3, H)
    xd, biasd = array("xdot", (1, T), B, Dn), array("cdot", H)
    w = define(
        "w",
        lambda t, q, r, j: bd[q, j] + total(
            lambda k: xd[t, r, k] * W[q, k, j] + x[t, r, k] * Wd[q, k, j], Dn
        ),
        *gates,
    )
    y = define(
        "y",
        lambda t, q, r, j: total(lambda k: h[t - 1, r, k] * Ud[q, k, j], H)
        + delta(q, 2) * biasd[j],
        *gates,
    )
    ud = define(
        "udot",
        lambda t, q, r, j: y[t, q, r, j] + total(lambda k: hd[t - 1, r, k] * U[q, k, j], H),
        *gates,
    )
    ad = define(
        "adot",
        lambda t, q, r, j: w[t, q, r, j] + (delta(q, 0) + delta(q, 1)) * ud[t, q, r, j],
        *gates,
    )
    hd = recursive("hdot", *states, start=0, rule=lambda t, r, j: (
        z[t, r, j] * hd[t - 1, r, j]
        + (h[t - 1, r, j] - new[t, r, j]) * z[t, r, j] * (1 - z[t, r, j]) * ad[t, 1, r, j]
        + (1 - z[t, r, j]) * (1 - new[t, r, j] ** 2) * (
            ad[t, 2, r, j] + reset[t, r, j] * ud[t, 2, r, j]
            + reset[t, r, j] * (1 - reset[t, r, j]) * ad[t, 0, r, j] * u[t, 2, r, j]
        )
    ))
    t, inner, b_, q = index("t", (1, T)), index("t", (1, T - 1)), index("b", B), index("q", 3)
    (j, m), d = index("j m", H), index("d", Dn)
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    n = definitions()
    lemma = adjoint_lemma(n)
    return [
        other_convention(n), *tangents(n), *gates(n), *adjoints(n), *gradients(), lemma,
        theorem(n, lemma),
    ]


@part
def other_convention(n):
    """A step of the net whose update gate says how much is new, its parameters negated."""
    t, b, j = n.t, n.b_, n.j
    old, enters = n.h[t - 1, b, j], n.s[t, 1, b, j] - n.u[t, 1, b, j] + n.fed[t, 1, b, j]
    negated = (
        total(lambda k: n.x[t, b, k] * -n.W[1, k, j], n.Dn)
        + total(lambda k: n.h[t - 1, b, k] * -n.U[1, k, j], n.H) - n.b[1, j]
    )

    def mixed(fresh):
        return fresh * n.new[t, b, j] + (1 - fresh) * old

    return (
        Derivation(mixed(sigmoid(negated)), "gru_other_convention")
        .step(mixed(sigmoid(-enters)), "what enters the gate is linear in its parameters")
        .step(mixed(1 - sigmoid(enters)), r"$\sigma(-a) = 1 - \sigma(a)$")
        .step(
            n.h[t, b, j], "the state of this net",
            using=[n.h.unroll(t), n.a.unroll(t), n.u.unroll(t)],
        )
    )


@part
def tangents(n):
    """How gates and state move along a direction: the chain rule, term by term."""
    t, q, b, j, B, H = n.t, n.q, n.b_, n.j, n.B, n.H
    at, s, fed, k = (t, b, j), n.s[t, q, b, j], n.fed[t, q, b, j], n.k[t, b, j]
    steep, gate = prime(sigmoid), sigmoid(n.a[t, q, b, j])
    slope = Derivation(steep(n.a[t, q, b, j]), "gru_slope").step(
        gate * (1 - gate), "quotient rule"
    )
    feeds = (
        total(lambda p, k: D(fed, n.h[t - 1, p, k]) * n.hd[t - 1, p, k], B, H)
        + total(lambda p, k, m: D(fed, n.U[p, k, m]) * n.Ud[p, k, m], 3, H, H)
        + total(lambda k: D(fed, n.c[k]) * n.biasd[k], H)
    )
    enters = (
        total(lambda p, k: D(s, n.x[t, p, k]) * n.xd[t, p, k], B, n.Dn)
        + total(lambda p, k, m: D(s, n.W[p, k, m]) * n.Wd[p, k, m], 3, n.Dn, H)
        + total(lambda p, k: D(s, n.b[p, k]) * n.bd[p, k], 3, H)
        + total(lambda p, i, m: D(s, n.u[t, p, i, m]) * n.ud[t, p, i, m], 3, B, H)
    )
    state = (
        total(lambda p, m: D(k, n.h[t - 1, p, m]) * n.hd[t - 1, p, m], B, H)
        + total(lambda p, i, m: D(k, n.a[t, p, i, m]) * n.ad[t, p, i, m], 3, B, H)
        + total(lambda p, m: D(k, n.u[t, 2, p, m]) * n.ud[t, 2, p, m], B, H)
    )
    candidate = (
        n.ad[t, 2, b, j] + n.reset[at] * n.ud[t, 2, b, j]
        + steep(n.a[t, 0, b, j]) * n.ad[t, 0, b, j] * n.u[t, 2, b, j]
    )
    moved = (
        n.z[at] * n.hd[t - 1, b, j]
        + (n.h[t - 1, b, j] - n.new[at]) * steep(n.a[t, 1, b, j]) * n.ad[t, 1, b, j]
        + (1 - n.z[at]) * (1 - n.new[at] ** 2) * candidate
    )
    return [
        slope,
        Derivation(feeds, "gru_tangent_u").step(n.ud[t, q, b, j], "linear in its three parts"),
        Derivation(enters, "gru_tangent_a").step(n.ad[t, q, b, j], "linear in its four parts"),
        Derivation(state, "gru_tangent_h")
        .step(moved, "product rule")
        .step(n.hd.body(*at), "the slope of a gate", [slope, n.z, n.reset]),
    ]


@part
def gates(n):
    """Where the Lagrangian is stationary in what enters a gate stand the adjoints of the gates."""
    M, t = matrix, n.t
    slope = {q: elementwise(prime(sigmoid), M(n.a, t, q)) for q in (0, 1)}
    of_tanh = elementwise(lambda u: 1 - u**2, M(n.new, t))
    let_in = hadamard(M(n.lam, t), ones(n.B, n.H) - M(n.z, t), of_tanh)

    def start(variable, name):
        return Derivation(D(n.lagrangian, variable), name)

    return [
        start(M(n.a, t, 0), "gru_delta_r").step(
            hadamard(let_in, M(n.u, t, 2), slope[0]) - M(n.dl, t, 0), "r acts inside the candidate"
        ),
        start(M(n.a, t, 1), "gru_delta_z").step(
            hadamard(M(n.lam, t), M(n.h, t - 1) - M(n.new, t), slope[1]) - M(n.dl, t, 1),
            "z takes the old state for the candidate",
        ),
        start(M(n.a, t, 2), "gru_delta_n").step(let_in - M(n.dl, t, 2), "n is let in by 1 - z"),
        *(start(M(n.u, t, q), f"gru_epsilon_{gate}").step(
            M(n.dl, t, q) - M(n.eps, t, q), f"what is fed back enters {gate} as it is"
        ) for q, gate in enumerate("rz")),
        start(M(n.u, t, 2), "gru_epsilon_n").step(
            hadamard(let_in, M(n.reset, t)) - M(n.eps, t, 2), "and the candidate through r"
        ),
    ]


@part
def adjoints(n):
    """The same for the state, inside the sequence and at its end."""
    M, t, T, b, j = matrix, n.inner, n.T, n.b_, n.j
    return [
        Derivation(D(n.lagrangian, n.h[t, b, j]), "gru_lambda").step(
            n.G[t, b, j] + _kept(n, t + 1, b, j) - n.lam[t, b, j],
            "h is kept by the next step, and feeds its gates",
        ),
        Derivation(D(n.lagrangian, M(n.h, T)), "gru_lambda_last").step(
            M(n.G, T) + M(n.back, T) - M(n.lam, T), "what later steps send back stands for them"
        ),
    ]


@cache
@part
def gradients():
    """Derivatives by the parameters, by the inputs and by the first state."""
    n = definitions()
    t, q, b, j, m, d = n.t, n.q, n.b_, n.j, n.m, n.d

    def start(variable, name):
        return Derivation(D(n.lagrangian, variable), name)

    return [
        start(n.W[q, d, j], "gru_dW").step(_dW(n, q, d, j), "inputs meet W in every step"),
        start(n.U[q, m, j], "gru_dU").step(_dU(n, q, m, j), "U meets the state before"),
        start(n.b[q, j], "gru_db").step(_db(n, q, j), "the bias enters every step"),
        start(n.c[j], "gru_dc").step(_dc(n, j), "this bias stands behind the reset gate"),
        start(n.x[t, b, d], "gru_dx").step(
            _dx(n, t, b, d), "an input feeds the gates of its step"
        ),
        start(n.h[0, b, j], "gru_dh_0").step(
            _kept(n, 1, b, j), "the first state is kept by step 1, and feeds its gates"
        ),
    ]


@part
def adjoint_lemma(n):
    """Induction over time: the steps up to :math:`s` pay for what the states up to :math:`s` are
    worth.
    """
    return Induction(
        "gru_adjoint_lemma",
        lambda s: total(lambda t, b, j: n.G[t, b, j] * n.hd[t, b, j], (1, s), n.B, n.H),
        lambda s: _paid(n, s) + _carried(n, 0) - _carried(n, s),
        over=(0, n.T),
        using=lambda s: [
            *(array.unroll(s + 1) for array in (n.hd, n.lam, n.dl, n.eps)),
            n.back.unroll(s), n.ad, n.ud, n.of_new,
        ],
    )


@part
def theorem(n, lemma):
    """The derivative of the loss along any direction is the sum over all gradients."""
    T, B, Dn, H = n.T, n.B, n.Dn, n.H
    along = total(lambda t, b, j: D(n.loss, n.h[t, b, j]) * n.hd[t, b, j], (1, T), B, H)
    collected = (
        total(lambda q, k, j: n.Wd[q, k, j] * _dW(n, q, k, j), 3, Dn, H)
        + total(lambda q, k, j: n.Ud[q, k, j] * _dU(n, q, k, j), 3, H, H)
        + total(lambda q, j: n.bd[q, j] * _db(n, q, j), 3, H)
        + total(lambda j: n.biasd[j] * _dc(n, j), H)
        + total(lambda t, b, k: n.xd[t, b, k] * _dx(n, t, b, k), (1, T), B, Dn)
    )
    return (
        Derivation(along, "gru_bptt")
        .step(lemma.left + _carried(n, T), "the loss depends on the states alone")
        .step(_paid(n, T) + _carried(n, 0), "the lemma at T", using=[lemma])
        .step(
            collected + _carried(n, 0), "collect what multiplies each direction", [n.w, n.y]
        )
    )


def _dW(n, q, k, j):
    return total(lambda t, b: n.x[t, b, k] * n.dl[t, q, b, j], (1, n.T), n.B)


def _dU(n, q, k, j):
    return total(lambda t, b: n.h[t - 1, b, k] * n.eps[t, q, b, j], (1, n.T), n.B)


def _db(n, q, j):
    return total(lambda t, b: n.dl[t, q, b, j], (1, n.T), n.B)


def _dc(n, j):
    return total(lambda t, b: n.eps[t, 2, b, j], (1, n.T), n.B)


def _dx(n, t, b, k):
    return total(lambda q, m: n.dl[t, q, b, m] * n.W[q, k, m], 3, n.H)


def _kept(n, t, b, k):
    """What step t sends back: through the update gate, and through what its gates are fed."""
    return n.lam[t, b, k] * n.z[t, b, k] + total(
        lambda q, m: n.eps[t, q, b, m] * n.U[q, k, m], 3, n.H
    )


def _paid(n, s):
    """What the directions add in the steps up to s."""
    return total(
        lambda t, q, b, j: n.dl[t, q, b, j] * n.w[t, q, b, j]
        + n.eps[t, q, b, j] * n.y[t, q, b, j],
        (1, s), 3, n.B, n.H,
    )


def _carried(n, s):
    """What flows over the border after step s."""
    return total(lambda b, j: n.back[s, b, j] * n.hd[s, b, j], n.B, n.H)


def checks():
    """The library's GRU against the formulas of its gradients."""
    n = definitions()
    args = n.W, n.U, n.b, n.c, n.x, gru.State(matrix(n.h, 0))
    dout = n.G, gru.State(matrix(n.back, n.T))
    return [
        _convention_check(),
        *(check(d, backward, forward, args=args, dout=dout, seed=QUICK) for d in gradients()),
    ]


def _convention_check():
    """The library's step, and one whose update gate says how much is new, at parameters of it."""
    rng, errors, span = np.random.default_rng(0), [], (1, 8)
    for H in range(span[0], span[1] + 1):
        x, h = rng.normal(size=(3, H + 1)), rng.normal(size=(3, H))
        p = gru.init(rng, H + 1, H)
        p = p._replace(b=rng.normal(size=3 * H), c=rng.normal(size=H))
        ours, _ = gru.step(p, x, gru.State(h))
        W, U, b, c = gru.other_convention(p)
        (a_r, a_z, a_n), (u_r, u_z, u_n) = (
            np.split(a, 3, axis=-1) for a in (x @ W + b, h @ U)
        )
        reset, fresh = activations.sigmoid(a_r + u_r), activations.sigmoid(a_z + u_z)
        theirs = fresh * np.tanh(a_n + reset * (u_n + c)) + (1 - fresh) * h
        errors.append(float(np.max(np.abs(ours.h - theirs))))
    return within_tolerance("gru_other_convention", "gru.other_convention", errors, {"H": span})


@wraps(gru.forward)
def forward(W, U, b, c, x, s):
    """The library's net on the blocks of its parameters."""
    side_by_side = (np.concatenate(p, axis=-1) for p in (W, U, b))
    return gru.forward(gru.Params(*side_by_side, c), x, s)


@wraps(gru.backward)
def backward(dout, cache):
    """The library's gradients, cut into blocks."""
    (*blocks, dc), dx, ds_0 = gru.backward(dout, cache)
    return *(np.stack(np.split(g, 3, axis=-1)) for g in blocks), dc, dx, ds_0
