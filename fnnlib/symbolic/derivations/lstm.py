r"""The LSTM: adjoints of its states and gates, all gradients, and why they are the derivative.

An LSTM carries a state and a cell from step to step; gates say what is kept, what is written and
what is put out. What reaches the weights of every gate, over any number of steps?

The columns of :math:`W`, :math:`U` and :math:`b` that belong to one gate are a block :math:`q` of
their own: :math:`q = 0, 1, 2, 3` stands for :math:`i`, :math:`f`, :math:`g`, :math:`o`, the order
in which the library holds the blocks side by side; :math:`a_q` is what enters a gate. The cell is
:math:`c`, the state :math:`h`. As :math:`g` is the candidate, the gradient that reaches :math:`h_t`
from outside is called :math:`G`. What is carried back over a border is :math:`r` for the state and
:math:`\rho` for the cell; :math:`r_T` and :math:`\rho_T` are what later steps send back to
:math:`h_T` and :math:`c_T`. These and :math:`G` are any numbers, so what is proved holds for every
loss. The adjoints are :math:`\lambda` of the state, :math:`\mu` of the cell and :math:`\delta` of
what enters a gate.
"""

from functools import cache, wraps
from types import SimpleNamespace

import numpy as np

from fnnlib import lstm
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
    part,
    prime,
    recursive,
    sigmoid,
    size,
    tanh,
    total,
)

QUICK = 196  # a seed that draws sizes which are soon checked


@cache
def definitions():
    """The network, its adjoints, its Lagrangian and its tangents."""
    B, Dn, H, T = size("B D H T")
    steps, states, gates = ((1, T), B, H), ((0, T), B, H), ((1, T), 4, B, H)
    W, U, b = array("W", 4, Dn, H), array("U", 4, H, H), array("b", 4, H)
    x, G = array("x", (1, T), B, Dn), array("G", *steps)

    s = define(
        "s",
        lambda t, q, r, j: total(lambda k: x[t, r, k] * W[q, k, j], Dn)
        + total(lambda k: h[t - 1, r, k] * U[q, k, j], H) + b[q, j],
        *gates,
    )
    a = recursive("a", *gates, rule=lambda *at: s[at])
    i = define("i", lambda t, r, j: sigmoid(a[t, 0, r, j]), *steps)
    f = define("f", lambda t, r, j: sigmoid(a[t, 1, r, j]), *steps)
    g = define("g", lambda t, r, j: tanh(a[t, 2, r, j]), *steps)
    o = define("o", lambda t, r, j: sigmoid(a[t, 3, r, j]), *steps)
    k = define(
        "k", lambda t, r, j: f[t, r, j] * c[t - 1, r, j] + i[t, r, j] * g[t, r, j], *steps
    )
    c = recursive("c", *states, start=0, rule=lambda *at: k[at])
    h = recursive("h", *states, start=0, rule=lambda *at: o[at] * tanh(c[at]))

    lam = recursive("lambda", *steps, rule=lambda *at: G[at] + back[at])
    mu = recursive(
        "mu", *steps, rule=lambda *at: lam[at] * o[at] * (1 - tanh(c[at]) ** 2) + cell_back[at]
    )
    dl = recursive("delta", *gates, rule=lambda t, q, r, j: (
        delta(q, 0) * mu[t, r, j] * g[t, r, j] * i[t, r, j] * (1 - i[t, r, j])
        + delta(q, 1) * mu[t, r, j] * c[t - 1, r, j] * f[t, r, j] * (1 - f[t, r, j])
        + delta(q, 2) * mu[t, r, j] * i[t, r, j] * (1 - g[t, r, j] ** 2)
        + delta(q, 3) * lam[t, r, j] * tanh(c[t, r, j]) * o[t, r, j] * (1 - o[t, r, j])
    ))
    back = recursive("r", *states, start=T, rule=lambda t, r, j: total(
        lambda q, k: dl[t + 1, q, r, k] * U[q, j, k], 4, H
    ))
    cell_back = recursive(
        "rho", *states, start=T, rule=lambda t, r, j: mu[t + 1, r, j] * f[t + 1, r, j]
    )
    loss = define("L", total(lambda t, b, j: G[t, b, j] * h[t, b, j], *steps) + total(
        lambda b, j: back[T, b, j] * h[T, b, j] + cell_back[T, b, j] * c[T, b, j], B, H
    ))
    of_states = total(
        lambda t, b, j: lam[t, b, j] * (o[t, b, j] * tanh(c[t, b, j]) - h[t, b, j])
        + mu[t, b, j] * (k[t, b, j] - c[t, b, j]), *steps,
    )
    of_gates = total(lambda t, q, b, j: dl[t, q, b, j] * (s[t, q, b, j] - a[t, q, b, j]), *gates)
    lagrangian = define("Lambda", loss + of_states + of_gates)

    Wd, Ud, bd = array("Wdot", 4, Dn, H), array("Udot", 4, H, H), array("bdot", 4, H)
    xd = array("xdot", (1, T), B, Dn)
    w = define(
        "w",
        lambda t, q, r, j: total(
            lambda k: xd[t, r, k] * W[q, k, j] + x[t, r, k] * Wd[q, k, j], Dn
        ) + total(lambda k: h[t - 1, r, k] * Ud[q, k, j], H) + bd[q, j],
        *gates,
    )
    ad = define(
        "adot",
        lambda t, q, r, j: w[t, q, r, j] + total(lambda k: hd[t - 1, r, k] * U[q, k, j], H),
        *gates,
    )
    cd = recursive("cdot", *states, start=0, rule=lambda t, r, j: (
        f[t, r, j] * cd[t - 1, r, j]
        + g[t, r, j] * i[t, r, j] * (1 - i[t, r, j]) * ad[t, 0, r, j]
        + c[t - 1, r, j] * f[t, r, j] * (1 - f[t, r, j]) * ad[t, 1, r, j]
        + i[t, r, j] * (1 - g[t, r, j] ** 2) * ad[t, 2, r, j]
    ))
    hd = recursive("hdot", *states, start=0, rule=lambda t, r, j: (
        o[t, r, j] * (1 - tanh(c[t, r, j]) ** 2) * cd[t, r, j]
        + tanh(c[t, r, j]) * o[t, r, j] * (1 - o[t, r, j]) * ad[t, 3, r, j]
    ))
    t, inner, b_, q = index("t", (1, T)), index("t", (1, T - 1)), index("b", B), index("q", 4)
    (j, m), d = index("j m", H), index("d", Dn)
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    n = definitions()
    lemma = adjoint_lemma(n)
    return [*tangents(n), *gates(n), *adjoints(n), *gradients(), lemma, theorem(n, lemma)]


@part
def tangents(n):
    """How gates, cell and state move along a direction: the chain rule, term by term."""
    t, q, b, j, B, H = n.t, n.q, n.b_, n.j, n.B, n.H
    at, s = (t, b, j), n.s[t, q, b, j]
    gate = sigmoid(n.a[t, q, b, j])
    slope = Derivation(prime(sigmoid)(n.a[t, q, b, j]), "lstm_slope").step(
        gate * (1 - gate), "quotient rule"
    )
    enters = (
        total(lambda p, k: D(s, n.x[t, p, k]) * n.xd[t, p, k], B, n.Dn)
        + total(lambda p, k: D(s, n.h[t - 1, p, k]) * n.hd[t - 1, p, k], B, H)
        + total(lambda p, k, m: D(s, n.W[p, k, m]) * n.Wd[p, k, m], 4, n.Dn, H)
        + total(lambda p, k, m: D(s, n.U[p, k, m]) * n.Ud[p, k, m], 4, H, H)
        + total(lambda p, k: D(s, n.b[p, k]) * n.bd[p, k], 4, H)
    )
    by_gates = total(lambda p, i, k: D(n.k[at], n.a[t, p, i, k]) * n.ad[t, p, i, k], 4, B, H)
    by_cell = total(lambda p, k: D(n.k[at], n.c[t - 1, p, k]) * n.cd[t - 1, p, k], B, H)
    out = n.o[at] * tanh(n.c[at])
    by_output = total(lambda p, k: D(out, n.a[t, 3, p, k]) * n.ad[t, 3, p, k], B, H)
    by_new_cell = total(lambda p, k: D(out, n.c[t, p, k]) * n.cd[t, p, k], B, H)
    steep = prime(sigmoid)
    cell = (
        n.f[at] * n.cd[t - 1, b, j]
        + n.g[at] * steep(n.a[t, 0, b, j]) * n.ad[t, 0, b, j]
        + n.c[t - 1, b, j] * steep(n.a[t, 1, b, j]) * n.ad[t, 1, b, j]
        + n.i[at] * (1 - n.g[at] ** 2) * n.ad[t, 2, b, j]
    )
    state = (
        n.o[at] * (1 - tanh(n.c[at]) ** 2) * n.cd[at]
        + tanh(n.c[at]) * steep(n.a[t, 3, b, j]) * n.ad[t, 3, b, j]
    )
    return [
        slope,
        Derivation(enters, "lstm_tangent_a").step(
            n.ad[t, q, b, j], "what enters a gate is linear in each of its five parts"
        ),
        Derivation(by_cell + by_gates, "lstm_tangent_c")
        .step(cell, "product rule")
        .step(n.cd.body(*at), "the slope of a gate", [slope, n.i, n.f]),
        Derivation(by_output + by_new_cell, "lstm_tangent_h")
        .step(state, "product rule")
        .step(n.hd.body(*at), "the slope of a gate", [slope, n.o]),
    ]


@part
def gates(n):
    r"""Where the Lagrangian is stationary in what enters a gate, :math:`\delta` is its adjoint."""
    M, t = matrix, n.t
    slope = {q: elementwise(prime(sigmoid), M(n.a, t, q)) for q in (0, 1, 3)}
    paths = {
        "i": hadamard(M(n.mu, t), M(n.g, t), slope[0]),
        "f": hadamard(M(n.mu, t), M(n.c, t - 1), slope[1]),
        "g": hadamard(M(n.mu, t), M(n.i, t), elementwise(lambda u: 1 - u**2, M(n.g, t))),
        "o": hadamard(M(n.lam, t), elementwise(tanh, M(n.c, t)), slope[3]),
    }
    return [
        Derivation(D(n.lagrangian, M(n.a, t, q)), f"lstm_delta_{gate}").step(
            path - M(n.dl, t, q), f"{gate} acts on the {'state' if q == 3 else 'cell'} of its step"
        )
        for q, (gate, path) in enumerate(paths.items())
    ]


@part
def adjoints(n):
    """The same for the state and the cell, inside the sequence and at its end."""
    M, t, T, b, j = matrix, n.inner, n.T, n.b_, n.j

    def start(variable, name):
        return Derivation(D(n.lagrangian, variable), name)

    def through_tanh(t):
        return hadamard(M(n.lam, t), M(n.o, t), elementwise(lambda u: 1 - tanh(u) ** 2, M(n.c, t)))

    return [
        start(n.h[t, b, j], "lstm_lambda").step(
            n.G[t, b, j] + _sent(n, n.U, t + 1, b, j) - n.lam[t, b, j],
            "h feeds the gates of the next step",
        ),
        start(M(n.h, T), "lstm_lambda_last").step(
            M(n.G, T) + M(n.back, T) - M(n.lam, T), "what later steps send back stands for them"
        ),
        start(M(n.c, t), "lstm_mu").step(
            through_tanh(t) + hadamard(M(n.mu, t + 1), M(n.f, t + 1)) - M(n.mu, t),
            "c feeds its own state and the next cell",
        ),
        start(M(n.c, T), "lstm_mu_last").step(
            through_tanh(T) + M(n.cell_back, T) - M(n.mu, T), "there is no next cell"
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
        start(n.W[q, d, j], "lstm_dW").step(_dW(n, q, d, j), "inputs meet W in every step"),
        start(n.U[q, m, j], "lstm_dU").step(_dU(n, q, m, j), "U meets the state before"),
        start(n.b[q, j], "lstm_db").step(_db(n, q, j), "the bias enters every step"),
        start(n.x[t, b, d], "lstm_dx").step(
            _sent(n, n.W, t, b, d), "an input feeds the gates of its step"
        ),
        start(n.h[0, b, j], "lstm_dh_0").step(
            _sent(n, n.U, 1, b, j), "the first state feeds the gates of step 1"
        ),
        start(matrix(n.c, 0), "lstm_dc_0").step(
            hadamard(matrix(n.mu, 1), matrix(n.f, 1)), "the first cell feeds the next one"
        ),
    ]


@part
def adjoint_lemma(n):
    """Induction over time: the steps up to :math:`s` pay for what the states up to :math:`s` are
    worth.
    """
    return Induction(
        "lstm_adjoint_lemma",
        lambda s: total(lambda t, b, j: n.G[t, b, j] * n.hd[t, b, j], (1, s), n.B, n.H),
        lambda s: _paid(n, s) + _carried(n, 0) - _carried(n, s),
        over=(0, n.T),
        using=lambda s: [
            *(array.unroll(s + 1) for array in (n.hd, n.cd, n.lam, n.mu, n.dl)),
            n.back.unroll(s), n.cell_back.unroll(s), n.ad,
        ],
    )


@part
def theorem(n, lemma):
    """The derivative of the loss along any direction is the sum over all gradients."""
    T, B, Dn, H = n.T, n.B, n.Dn, n.H
    along = total(lambda t, b, j: D(n.loss, n.h[t, b, j]) * n.hd[t, b, j], (1, T), B, H)
    along += total(lambda b, j: D(n.loss, n.c[T, b, j]) * n.cd[T, b, j], B, H)
    collected = (
        total(lambda q, k, j: n.Wd[q, k, j] * _dW(n, q, k, j), 4, Dn, H)
        + total(lambda q, k, j: n.Ud[q, k, j] * _dU(n, q, k, j), 4, H, H)
        + total(lambda q, j: n.bd[q, j] * _db(n, q, j), 4, H)
        + total(lambda t, b, k: n.xd[t, b, k] * _sent(n, n.W, t, b, k), (1, T), B, Dn)
    )
    return (
        Derivation(along, "lstm_bptt")
        .step(lemma.left + _carried(n, T), "the loss depends on the states alone")
        .step(_paid(n, T) + _carried(n, 0), "the lemma at T", using=[lemma])
        .step(collected + _carried(n, 0), "collect what multiplies each direction", using=[n.w])
    )


def _dW(n, q, k, j):
    return total(lambda t, b: n.x[t, b, k] * n.dl[t, q, b, j], (1, n.T), n.B)


def _dU(n, q, k, j):
    return total(lambda t, b: n.h[t - 1, b, k] * n.dl[t, q, b, j], (1, n.T), n.B)


def _db(n, q, j):
    return total(lambda t, b: n.dl[t, q, b, j], (1, n.T), n.B)


def _sent(n, V, t, b, k):
    """What the gates of step t send back through the weights V."""
    return total(lambda q, m: n.dl[t, q, b, m] * V[q, k, m], 4, n.H)


def _paid(n, s):
    """What the directions add in the steps up to s."""
    return total(
        lambda t, q, b, j: n.dl[t, q, b, j] * n.w[t, q, b, j], (1, s), 4, n.B, n.H
    )


def _carried(n, s):
    """What flows over the border after step s."""
    return total(
        lambda b, j: n.back[s, b, j] * n.hd[s, b, j] + n.cell_back[s, b, j] * n.cd[s, b, j],
        n.B, n.H,
    )


def checks():
    """The library's LSTM against the formulas of its gradients."""
    n = definitions()
    args = n.W, n.U, n.b, n.x, lstm.State(matrix(n.h, 0), matrix(n.c, 0))
    dout = n.G, lstm.State(matrix(n.back, n.T), matrix(n.cell_back, n.T))
    return [check(d, backward, forward, args=args, dout=dout, seed=QUICK) for d in gradients()]


@wraps(lstm.forward)
def forward(W, U, b, x, s):
    """The library's net on the blocks of its parameters."""
    return lstm.forward(lstm.Params(*(np.concatenate(p, axis=-1) for p in (W, U, b))), x, s)


@wraps(lstm.backward)
def backward(dout, cache):
    """The library's gradients, cut into blocks."""
    dp, dx, ds_0 = lstm.backward(dout, cache)
    return *(np.stack(np.split(g, 4, axis=-1)) for g in dp), dx, ds_0
