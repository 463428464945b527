r"""A stack of recurrent layers: gradients for any number of layers and any number of steps.

A layer of a recurrent stack hears from the layer above and from its own next step. What reaches its
parameters, for any number of layers and steps?

The layers are :math:`l = 1 \dots L`; layer 1 reads the inputs :math:`x`, every other the outputs of
the layer below, and the outputs of the stack are those of layer :math:`L`. All layers have one
width :math:`n`, and so has the input. What a layer reads is written with deltas, :math:`u_{tl} =
\delta_{l1} x_t + \sum_q \delta_{q,l-1} h_{tq}`, so that the first layer needs no case of its own.
:math:`G` is the gradient that reaches the outputs from outside; :math:`q` is what is sent down to
the layer below, :math:`v` what is sent back to the step before, and :math:`v_T` what reaches the
last states. :math:`\lambda` and :math:`\delta` are the adjoints of the states and of :math:`z`,
which enters the activation. That is any differentiable function :math:`\varphi`, as in
:mod:`fnnlib.rnn`; for other modules see :mod:`fnnlib.symbolic.derivations.recurrent`. In the last
three parts :math:`\omega_t` is what a step is worth to the loss, :math:`\pi_t` what inputs and
parameters pay in it, and :math:`\kappa_t` what is carried over the border after it.
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
    delta,
    function,
    index,
    matrix,
    part,
    prime,
    recursive,
    scalar,
    size,
    tanh,
    total,
)

LAYERS = 3  # of the stack in the checks


@cache
def definitions():
    """The stack, its adjoints, its Lagrangian and its tangents; the activation is opaque."""
    phi = function("phi", tex=r"\varphi")
    slope = prime(phi)
    B, n, L, T = size("B n L T")
    layers, steps, states = (1, L), ((1, T), (1, L), B, n), ((0, T), (1, L), B, n)
    W, U, b = array("W", layers, n, n), array("U", layers, n, n), array("b", layers, n)
    x, G = array("x", (1, T), B, n), array("G", (1, T), B, n)

    read = define("u", lambda t, s, r, j: delta(s, 1) * x[t, r, j] + total(
        lambda q: delta(q, s - 1) * h[t, q, r, j], layers
    ), *steps)
    z = define(
        "z",
        lambda t, s, r, j: total(lambda k: read[t, s, r, k] * W[s, k, j], n)
        + total(lambda k: h[t - 1, s, r, k] * U[s, k, j], n) + b[s, j],
        *steps,
    )
    h = recursive("h", *states, start=0, rule=lambda *at: phi(z[at]))
    lam = recursive(
        "lambda", *steps,
        rule=lambda t, s, r, j: delta(s, L) * G[t, r, j] + down[t, s, r, j] + back[t, s, r, j],
    )
    dl = define("delta", lambda *at: lam[at] * slope(z[at]), *steps)
    down = recursive("q", *steps, rule=lambda t, s, r, j: total(
        lambda p, k: delta(s, p - 1) * dl[t, p, r, k] * W[p, j, k], layers, n
    ))
    back = recursive("v", *states, start=T, rule=lambda t, s, r, j: total(
        lambda k: dl[t + 1, s, r, k] * U[s, j, k], n
    ))
    loss = define(
        "L", total(lambda t, r, j: G[t, r, j] * h[t, L, r, j], (1, T), B, n)
        + total(lambda s, r, j: back[T, s, r, j] * h[T, s, r, j], layers, B, n),
    )
    lagrangian = define("Lambda", loss + total(
        lambda t, s, r, j: lam[t, s, r, j] * (phi(z[t, s, r, j]) - h[t, s, r, j]), *steps
    ))

    Wd, Ud, bd = array("Wdot", layers, n, n), array("Udot", layers, n, n), array("bdot", layers, n)
    xd = array("xdot", (1, T), B, n)
    w = define(
        "w",
        lambda t, s, r, j: total(
            lambda k: read[t, s, r, k] * Wd[s, k, j] + h[t - 1, s, r, k] * Ud[s, k, j]
            + delta(s, 1) * xd[t, r, k] * W[s, k, j], n
        ) + bd[s, j],
        *steps,
    )
    zd = recursive("zdot", *steps, rule=lambda t, s, r, j: w[t, s, r, j] + total(
        lambda q, k: delta(q, s - 1) * hd[t, q, r, k] * W[s, k, j], layers, n
    ) + total(lambda k: hd[t - 1, s, r, k] * U[s, k, j], n))
    hd = recursive("hdot", *states, start=0, rule=lambda *at: slope(z[at]) * zd[at])
    worth = define("omega", lambda t: total(
        lambda r, j: G[t, r, j] * hd[t, L, r, j], B, n
    ), (1, T))
    paid = define("pi", lambda t: total(
        lambda s, r, j: dl[t, s, r, j] * w[t, s, r, j], layers, B, n
    ), (1, T))
    carried = define("kappa", lambda t: total(
        lambda s, r, j: back[t, s, r, j] * hd[t, s, r, j], layers, B, n
    ), (0, T))
    t, inner, r, d = index("t", (1, T)), index("t", (1, T - 1)), index("r", B), index("d", n)
    s, lower = index("l", layers), index("l", (1, L - 1))
    j, k = index("j k", n)
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    n = definitions()
    one = one_step(n)
    lemma = adjoint_lemma(n, one)
    return [*tangents(n), *adjoints(n), *gradients(), one, lemma, theorem(n, lemma)]


@part
def tangents(n):
    """How a layer of a step moves: the chain rule, term by term."""
    t, s, r, j = n.t, n.s, n.r, n.j
    z, enters = n.z[t, s, r, j], scalar("z")
    parts = (
        total(lambda p, k: D(z, n.x[t, p, k]) * n.xd[t, p, k], n.B, n.n)
        + total(lambda q, p, k: D(z, n.h[t, q, p, k]) * n.hd[t, q, p, k], n.layers, n.B, n.n)
        + total(lambda p, k: D(z, n.h[t - 1, s, p, k]) * n.hd[t - 1, s, p, k], n.B, n.n)
        + total(lambda p, k: D(z, n.W[s, p, k]) * n.Wd[s, p, k], n.n, n.n)
        + total(lambda p, k: D(z, n.U[s, p, k]) * n.Ud[s, p, k], n.n, n.n)
        + total(lambda k: D(z, n.b[s, k]) * n.bd[s, k], n.n)
    )
    return [
        Derivation(parts, "stacked_tangent_z").step(
            n.zd.body(t, s, r, j), "a layer reads the layer below and its own state before"
        ),
        Derivation(D(n.phi(enters), enters) * n.zd[t, s, r, j], "stacked_tangent_h").step(
            n.slope(enters) * n.zd[t, s, r, j], "chain rule"
        ),
    ]


@part
def adjoints(n):
    """Where the Lagrangian is stationary in a state: sent down, sent back, and put out on top."""
    r, j, T, L = n.r, n.j, n.T, n.L

    def start(t, s, name):
        return Derivation(D(n.lagrangian, n.h[t, s, r, j]), f"stacked_lambda{name}")

    def down(t, s):
        return total(lambda k: n.dl[t, s + 1, r, k] * n.W[s + 1, j, k], n.n)

    def back(t, s):
        return total(lambda k: n.dl[t + 1, s, r, k] * n.U[s, j, k], n.n)

    t, s = n.inner, n.lower
    return [
        start(t, s, "").step(
            down(t, s) + back(t, s) - n.lam[t, s, r, j],
            "a state feeds the layer above and its own next step",
        ),
        start(t, L, "_top").step(
            n.G[t, r, j] + back(t, L) - n.lam[t, L, r, j], "no layer is above"
        ),
        start(T, s, "_last").step(
            down(T, s) + n.back[T, s, r, j] - n.lam[T, s, r, j],
            "what later steps send back stands for them",
        ),
        start(T, L, "_top_last").step(
            n.G[T, r, j] + n.back[T, L, r, j] - n.lam[T, L, r, j], "both ends"
        ),
    ]


@cache
@part
def gradients():
    """Derivatives by the parameters of every layer, by the input and by the first states."""
    n = definitions()
    t, s, r, j, k = n.t, n.s, n.r, n.j, n.k

    def start(variable, name):
        return Derivation(D(n.lagrangian, variable), f"stacked_{name}")

    return [
        start(n.W[s, k, j], "dW").step(_dW(n, s, k, j), "a layer meets what it reads"),
        start(n.U[s, k, j], "dU").step(_dU(n, s, k, j), "U meets the state before"),
        start(n.b[s, j], "db").step(_db(n, s, j), "the bias enters every step"),
        start(n.x[t, r, k], "dx").step(_dx(n, t, r, k), "the first layer reads the inputs"),
        start(n.h[0, s, r, j], "dh_0").step(
            total(lambda k: n.dl[1, s, r, k] * n.U[s, j, k], n.n),
            "a first state feeds step 1 of its layer",
        ),
    ]


@part
def one_step(n):
    """What a step puts out is worth: paid in the step, or carried over a border."""
    t = n.t

    def pair(adjoint, moved):
        return total(
            lambda s, r, j: adjoint[t, s, r, j] * moved[t, s, r, j], n.layers, n.B, n.n
        )

    sent = pair(n.down, n.hd) + n.carried[t]
    return (
        Derivation(n.worth[t], "stacked_one_step")
        .step(
            pair(n.lam, n.hd) - sent, "what a state is worth is its adjoint",
            using=[n.worth, n.carried, n.lam.unroll(t)],
        )
        .step(
            pair(n.dl, n.zd) - sent, "through the activation",
            using=[n.hd.unroll(t), n.dl, n.carried],
        )
        .step(
            n.paid[t] + n.carried[t - 1] - n.carried[t],
            "what is sent down is what the layer above has read",
            using=[n.zd.unroll(t), n.down.unroll(t), n.back.unroll(t - 1), n.paid, n.carried],
        )
    )


@part
def adjoint_lemma(n, one):
    """Induction over time, all layers at once: the steps up to :math:`s` pay for what is put out.
    """
    return Induction(
        "stacked_adjoint_lemma",
        lambda s: total(lambda t: n.worth[t], (1, s)),
        lambda s: total(lambda t: n.paid[t], (1, s)) + n.carried[0] - n.carried[s],
        over=(0, n.T),
        using=lambda s: [
            one, *(array.unroll(s + 1) for array in (n.hd, n.zd, n.lam, n.down)),
            n.back.unroll(s),
        ],
    )


@part
def theorem(n, lemma):
    """The derivative of the loss along any direction is the sum over all gradients."""
    T, L, B, N = n.T, n.L, n.B, n.n
    along = total(lambda t, r, j: D(n.loss, n.h[t, L, r, j]) * n.hd[t, L, r, j], (1, T - 1), B, N)
    along += total(lambda s, r, j: D(n.loss, n.h[T, s, r, j]) * n.hd[T, s, r, j], n.layers, B, N)
    collected = (
        total(lambda s, k, j: n.Wd[s, k, j] * _dW(n, s, k, j), n.layers, N, N)
        + total(lambda s, k, j: n.Ud[s, k, j] * _dU(n, s, k, j), n.layers, N, N)
        + total(lambda s, j: n.bd[s, j] * _db(n, s, j), n.layers, N)
        + total(lambda t, r, k: n.xd[t, r, k] * _dx(n, t, r, k), (1, T), B, N)
    )
    return (
        Derivation(along, "stacked_bptt")
        .step(
            lemma.left + n.carried[T], "the loss reads the outputs and the last states",
            using=[n.worth, n.carried],
        )
        .step(
            total(lambda t: n.paid[t], (1, T)) + n.carried[0], "the lemma at T", using=[lemma]
        )
        .step(
            collected + n.carried[0], "collect what multiplies each direction",
            using=[n.paid, n.w],
        )
    )


def _dW(n, s, k, j):
    return total(lambda t, r: n.read[t, s, r, k] * n.dl[t, s, r, j], (1, n.T), n.B)


def _dU(n, s, k, j):
    return total(lambda t, r: n.h[t - 1, s, r, k] * n.dl[t, s, r, j], (1, n.T), n.B)


def _db(n, s, j):
    return total(lambda t, r: n.dl[t, s, r, j], (1, n.T), n.B)


def _dx(n, t, r, k):
    return total(lambda j: n.dl[t, 1, r, j] * n.W[1, k, j], n.n)


def checks():
    """The library's stack against the formulas, at small sizes; the first state is layer 2's."""
    n = definitions()
    first, last = (
        tuple(rnn.State(matrix(a, t, s)) for s in range(1, LAYERS + 1))
        for a, t in ((n.h, 0), (n.back, n.T))
    )
    args, dout = ((n.W, n.U, n.b), n.x, first), (n.G, last)
    at = {n.B: 4, n.n: 2, n.L: LAYERS, n.T: 5, n.phi: tanh}
    *parameters, first_state = gradients()
    return [
        *(check(d, backward, forward, args=args, dout=dout, at=at) for d in parameters),
        check(first_state, backward, forward, args=args, dout=dout, at={**at, n.s: 2}),
    ]


NET = recurrent.stack(rnn, LAYERS)


@wraps(recurrent.stack)
def forward(p, x, s):
    """The library's stack, with the parameters of its layers cut out of common arrays."""
    return NET.forward(tuple(rnn.Params(*layer) for layer in zip(*p, strict=True)), x, s)


@wraps(recurrent.stack)
def backward(dout, cache):
    """The library's gradients, in common arrays."""
    dp, dx, ds_0 = NET.backward(dout, cache)
    return tuple(np.stack(layers) for layers in zip(*dp, strict=True)), dx, ds_0
