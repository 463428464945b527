r"""Output feedback: the gradient through :math:`K` passes, and the one at the fixed point.

The output of a net is fed back into its first layer, a number of times or until nothing moves any
more. What is the gradient?

The net has two hidden layers :math:`u` and :math:`v`, of :math:`H_1` and :math:`H_2` units, and an
output :math:`y` of :math:`C` numbers. The passes are :math:`k = 0 \dots K` for any :math:`K \ge 1`.
In each pass the output of the pass before is fed back into the first hidden layer by the weights
:math:`R`; before the first pass there is no output, :math:`y_{-1} = 0`. :math:`W_1, W_2, W_3` and
:math:`b_1, b_2, b_3` are the other weights and the biases. Activations are any differentiable
functions :math:`\sigma` (first two layers) and :math:`\psi` (output). The first part is the case in
which :math:`R` is the identity: the output is added to what the first layer has computed, here
called :math:`a`.

:math:`G` is the gradient that reaches the output of each pass from outside. The adjoints of the
layers :math:`v`, :math:`u` and of the output are :math:`\mu, \nu, \lambda`; :math:`q` is what is
sent back to the output of the pass before, and :math:`d_1, d_2, d_3` are the gradients of what
enters the activations.

At a fixed point :math:`y = F(y)` the Jacobian :math:`J` of a pass is the same in every pass. Here
the net is written for one example, and :math:`c` is the first layer without feedback. The tangent
of the fixed point solves :math:`\dot y = \dot y J + w`, where :math:`w` is how :math:`F` moves when
:math:`y` stays; the adjoint solves :math:`\lambda = G + J \lambda`. So :math:`w` and :math:`G` are
written by what they are equal to, for any numbers :math:`\dot y, \lambda, J`. What is proved is
algebra: the adjoint of the implicit function pairs with every direction as the gradient must; and
:math:`K` passes that start at the fixed point give an adjoint that differs from the implicit one by
exactly :math:`J^K \lambda`. For that, :math:`\lambda_k` stands for :math:`J^k \lambda`, and
:math:`G_k` for what pass :math:`k` adds.

Two things are not proved here but quoted: that a differentiable fixed point exists where the
contraction factor is below one (fixed point theorem, implicit function theorem), and that
:math:`J^K` then tends to zero (its norm is at most the factor to the power :math:`K`). The factor
contains the steepest slope of the activations, which is derived for the sigmoid of a number
:math:`z`. That the gradient from the start :math:`y_{-1} = 0` tends to the same limit is measured
in the tests.
"""

from functools import cache, wraps
from types import SimpleNamespace

import numpy as np

from fnnlib import feedback, tree
from fnnlib.symbolic import (
    D,
    Derivation,
    Induction,
    Rational,
    array,
    check,
    define,
    delta,
    elementwise,
    function,
    hadamard,
    index,
    matrix,
    part,
    prime,
    recursive,
    scalar,
    sigmoid,
    size,
    total,
)
from fnnlib.symbolic.agreement import within_tolerance

QUICK = 6  # a seed that draws sizes which are soon checked


@cache
def definitions():
    """The net, its adjoints, its Lagrangian and its tangents; the activations are opaque."""
    sigma = function("sigma", tex=r"\sigma")
    psi = function("psi", tex=r"\psi")
    of_sigma, of_psi = prime(sigma), prime(psi)
    B, Dn, H1, H2, C, K = size("B D H1 H2 C K")
    x, R = array("x", B, Dn), array("R", C, H1)
    W1, W2, W3 = array("W1", Dn, H1), array("W2", H1, H2), array("W3", H2, C)
    b1, b2, b3 = array("b1", H1), array("b2", H2), array("b3", C)
    first, second, outer = ((0, K), B, H1), ((0, K), B, H2), ((0, K), B, C)
    fed = (-1, K), B, C
    G = array("G", *outer)

    z1 = define("z1", lambda r, j: total(lambda i: x[r, i] * W1[i, j], Dn) + b1[j], B, H1)
    c = define("c", lambda r, j: sigma(z1[r, j]), B, H1)
    s = define(
        "s", lambda k, r, j: c[r, j] + total(lambda o: y[k - 1, r, o] * R[o, j], C), *first
    )
    u = recursive("u", *first, rule=lambda *at: s[at])
    z2 = define(
        "z2", lambda k, r, j: total(lambda i: u[k, r, i] * W2[i, j], H1) + b2[j], *second
    )
    v = recursive("v", *second, rule=lambda *at: sigma(z2[at]))
    z3 = define(
        "z3", lambda k, r, j: total(lambda i: v[k, r, i] * W3[i, j], H2) + b3[j], *outer
    )
    y = recursive("y", *fed, start=-1, value=0, rule=lambda *at: psi(z3[at]))

    lam = recursive("lambda", *outer, rule=lambda *at: G[at] + back[at])
    d3 = define("d3", lambda *at: lam[at] * of_psi(z3[at]), *outer)
    mu = recursive(
        "mu", *second, rule=lambda k, r, i: total(lambda j: d3[k, r, j] * W3[i, j], C)
    )
    d2 = define("d2", lambda *at: mu[at] * of_sigma(z2[at]), *second)
    nu = recursive(
        "nu", *first, rule=lambda k, r, i: total(lambda j: d2[k, r, j] * W2[i, j], H2)
    )
    back = recursive(
        "q", *fed, start=K, value=0,
        rule=lambda k, r, o: total(lambda j: nu[k + 1, r, j] * R[o, j], H1),
    )
    d1 = define("d1", lambda k, r, j: nu[k, r, j] * of_sigma(z1[r, j]), *first)
    loss = define("L", total(lambda k, r, j: G[k, r, j] * y[k, r, j], *outer))
    lagrangian = define(
        "Lambda",
        loss
        + total(lambda k, r, j: lam[k, r, j] * (psi(z3[k, r, j]) - y[k, r, j]), *outer)
        + total(lambda k, r, j: mu[k, r, j] * (sigma(z2[k, r, j]) - v[k, r, j]), *second)
        + total(lambda k, r, j: nu[k, r, j] * (s[k, r, j] - u[k, r, j]), *first),
    )

    xd, Rd = array("xdot", B, Dn), array("Rdot", C, H1)
    W1d, W2d, W3d = array("W1dot", Dn, H1), array("W2dot", H1, H2), array("W3dot", H2, C)
    b1d, b2d, b3d = array("b1dot", H1), array("b2dot", H2), array("b3dot", C)
    z1d = define("z1dot", lambda r, j: b1d[j] + total(
        lambda i: xd[r, i] * W1[i, j] + x[r, i] * W1d[i, j], Dn
    ), B, H1)
    w1 = define("w1", lambda k, r, j: of_sigma(z1[r, j]) * z1d[r, j] + total(
        lambda o: y[k - 1, r, o] * Rd[o, j], C
    ), *first)
    w2 = define(
        "w2", lambda k, r, j: total(lambda i: u[k, r, i] * W2d[i, j], H1) + b2d[j], *second
    )
    w3 = define(
        "w3", lambda k, r, j: total(lambda i: v[k, r, i] * W3d[i, j], H2) + b3d[j], *outer
    )
    ud = define("udot", lambda k, r, j: w1[k, r, j] + total(
        lambda o: yd[k - 1, r, o] * R[o, j], C
    ), *first)
    vd = define("vdot", lambda k, r, j: of_sigma(z2[k, r, j]) * (
        w2[k, r, j] + total(lambda i: ud[k, r, i] * W2[i, j], H1)
    ), *second)
    yd = recursive("ydot", *fed, start=-1, value=0, rule=lambda k, r, j: of_psi(
        z3[k, r, j]
    ) * (w3[k, r, j] + total(lambda i: vd[k, r, i] * W3[i, j], H2)))
    k, inner, r = index("k", (0, K)), index("k", (0, K - 1)), index("r", B)
    d, i, m, j = index("d", Dn), index("i", H1), index("m", H2), index("j", C)
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    n = definitions()
    lemma, rest = adjoint_lemma(n), at_rest(n)
    return [
        identity(n), *tangents(n), *adjoints(n), *gradients(), lemma, theorem(n, lemma),
        slope(), written_out(n), *fixed_point(rest), geometric_series(rest),
    ]


@part
def identity(n):
    """With :math:`R` the identity, feedback adds the output to the first hidden layer."""
    k, r, j = n.k, n.r, n.j
    a = array("a", (0, n.K), n.B, n.C)
    return Derivation(
        a[k, r, j] + total(lambda o: n.y[k - 1, r, o] * delta(o, j), n.C), "feedback_identity"
    ).step(a[k, r, j] + n.y[k - 1, r, j], "one term is left")


@part
def tangents(n):
    """How the layers of a pass move along a direction: the chain rule, term by term."""
    k, r, i, m, j = n.k, n.r, n.i, n.m, n.j
    B, Dn, H1, H2, C = n.B, n.Dn, n.H1, n.H2, n.C
    u, v, y = n.s[k, r, i], n.sigma(n.z2[k, r, m]), n.psi(n.z3[k, r, j])
    of_u = (
        total(lambda q, p: D(u, n.x[q, p]) * n.xd[q, p], B, Dn)
        + total(lambda p, q: D(u, n.W1[p, q]) * n.W1d[p, q], Dn, H1)
        + total(lambda q: D(u, n.b1[q]) * n.b1d[q], H1)
        + total(lambda q, o: D(u, n.y[k - 1, q, o]) * n.yd[k - 1, q, o], B, C)
        + total(lambda o, q: D(u, n.R[o, q]) * n.Rd[o, q], C, H1)
    )
    of_v = (
        total(lambda q, p: D(v, n.u[k, q, p]) * n.ud[k, q, p], B, H1)
        + total(lambda p, q: D(v, n.W2[p, q]) * n.W2d[p, q], H1, H2)
        + total(lambda q: D(v, n.b2[q]) * n.b2d[q], H2)
    )
    of_y = (
        total(lambda q, p: D(y, n.v[k, q, p]) * n.vd[k, q, p], B, H2)
        + total(lambda p, q: D(y, n.W3[p, q]) * n.W3d[p, q], H2, C)
        + total(lambda q: D(y, n.b3[q]) * n.b3d[q], C)
    )
    return [
        Derivation(of_u, "feedback_tangent_u").step(
            n.ud[k, r, i], "the first layer, and what is fed back"
        ),
        Derivation(of_v, "feedback_tangent_v").step(n.vd[k, r, m], "the second layer"),
        Derivation(of_y, "feedback_tangent_y").step(n.yd.body(k, r, j), "the output"),
    ]


@part
def adjoints(n):
    """Where the Lagrangian is stationary in the layers of a pass stand their adjoints."""
    M, k, inner, K = matrix, n.k, n.inner, n.K

    def start(variable, name):
        return Derivation(D(n.lagrangian, variable), name)

    return [
        start(M(n.y, inner), "feedback_lambda").step(
            M(n.G, inner) + M(n.nu, inner + 1) * M(n.R).T - M(n.lam, inner),
            "an output is fed back into the next pass",
        ),
        start(M(n.y, K), "feedback_lambda_last").step(
            M(n.G, K) - M(n.lam, K), "no pass follows the last"
        ),
        start(M(n.v, k), "feedback_mu").step(
            hadamard(M(n.lam, k), elementwise(n.of_psi, M(n.z3, k))) * M(n.W3).T - M(n.mu, k),
            "the second layer feeds the output",
        ),
        start(M(n.u, k), "feedback_nu").step(
            hadamard(M(n.mu, k), elementwise(n.of_sigma, M(n.z2, k))) * M(n.W2).T
            - M(n.nu, k),
            "the first layer feeds the second",
        ),
    ]


@cache
@part
def gradients():
    """Derivatives by the parameters and by the input: sums over the passes."""
    n = definitions()
    r, d, i, m, j = n.r, n.d, n.i, n.m, n.j

    def start(variable, name):
        return Derivation(D(n.lagrangian, variable), f"feedback_{name}")

    every = "the same parameters serve every pass"
    return [
        start(n.W1[d, i], "dW1").step(_dW1(n, d, i), every, [n.d1]),
        start(n.b1[i], "db1").step(_db1(n, i), every, [n.d1]),
        start(n.R[j, i], "dR").step(_dR(n, j, i), "R meets the output of the pass before"),
        start(n.W2[i, m], "dW2").step(_dW2(n, i, m), every, [n.d2]),
        start(n.b2[m], "db2").step(_db2(n, m), every, [n.d2]),
        start(n.W3[m, j], "dW3").step(_dW3(n, m, j), every, [n.d3]),
        start(n.b3[j], "db3").step(_db3(n, j), every, [n.d3]),
        start(n.x[r, d], "dx").step(_dx(n, r, d), "every pass adds to the first layer", [n.d1]),
    ]


@part
def adjoint_lemma(n):
    """Induction over the passes: what the outputs up to :math:`s` are worth is paid by the passes.
    """
    return Induction(
        "feedback_adjoint_lemma",
        lambda s: total(lambda k, r, j: n.G[k, r, j] * n.yd[k, r, j], (0, s), n.B, n.C),
        lambda s: _paid(n, s) - _carried(n, s),
        over=(-1, n.K),
        using=lambda s: [
            *(array.unroll(s + 1) for array in (n.yd, n.lam, n.mu, n.nu)), n.back.unroll(s),
            n.d3, n.d2, n.ud, n.vd,
        ],
    )


@part
def theorem(n, lemma):
    """The derivative of the loss along any direction is the sum over all gradients."""
    B, Dn, H1, H2, C, K = n.B, n.Dn, n.H1, n.H2, n.C, n.K
    along = total(lambda k, r, j: D(n.loss, n.y[k, r, j]) * n.yd[k, r, j], (0, K), B, C)
    collected = (
        total(lambda d, i: n.W1d[d, i] * _dW1(n, d, i), Dn, H1)
        + total(lambda i: n.b1d[i] * _db1(n, i), H1)
        + total(lambda o, i: n.Rd[o, i] * _dR(n, o, i), C, H1)
        + total(lambda i, m: n.W2d[i, m] * _dW2(n, i, m), H1, H2)
        + total(lambda m: n.b2d[m] * _db2(n, m), H2)
        + total(lambda m, j: n.W3d[m, j] * _dW3(n, m, j), H2, C)
        + total(lambda j: n.b3d[j] * _db3(n, j), C)
        + total(lambda r, d: n.xd[r, d] * _dx(n, r, d), B, Dn)
    )
    return (
        Derivation(along, "feedback_backpropagation")
        .step(lemma.left, "the loss depends on the outputs alone")
        .step(_paid(n, K), "the lemma at K, where nothing is sent back",
              using=[lemma, n.back.unroll(K)])
        .step(collected, "collect what multiplies each direction",
              using=[n.w1, n.w2, n.w3, n.z1d, n.d1])
    )


@part
def slope():
    """The steepest slope of the sigmoid is 1/4, as a square is never negative."""
    s = sigmoid(scalar("z"))
    return Derivation(Rational(1, 4) - s * (1 - s), "feedback_slope").step(
        (s - Rational(1, 2)) ** 2, "complete the square"
    )


def at_rest(n):
    """One example at a fixed point: the pass F, its Jacobian J, and adjoints of pass after pass."""
    psi, C, K = n.psi, n.C, n.K
    c, y = array("c", n.H1), array("y", C)
    z2 = define("z2", _second(n, lambda i: c[i], lambda o: y[o]), n.H2)
    z3 = define("z3", _third(n, lambda m: z2[m]), C)
    J = define("J", lambda i, j: n.of_psi(z3[j]) * total(
        lambda m, q: n.R[i, q] * n.W2[q, m] * n.of_sigma(z2[m]) * n.W3[m, j], n.H2, n.H1
    ), C, C)
    lam, yd, any_J = array("lambda", C), array("ydot", C), array("J", C, C)
    G = define("G", lambda i: lam[i] - total(lambda j: any_J[i, j] * lam[j], C), C)
    w = define("w", lambda j: yd[j] - total(lambda i: yd[i] * any_J[i, j], C), C)
    powers = recursive("lambda", (0, K), C, start=0, rule=lambda k, i: total(
        lambda j: any_J[i, j] * powers[k - 1, j], C
    ))
    sent = define(
        "G", lambda k, i: powers[k, i] - total(lambda j: any_J[i, j] * powers[k, j], C), (0, K), C
    )
    (i, j), k = index("i j", C), index("k", (0, K - 1))
    return SimpleNamespace(**locals())


@part
def written_out(n):
    """A pass as a function of the outputs before it."""
    k, r, j = n.k, n.r, n.j
    z2 = _second(n, lambda i: n.c[r, i], lambda o: n.y[k - 1, r, o])
    return Derivation(n.psi(n.z3[k, r, j]), "feedback_pass").step(
        n.psi(_third(n, z2)(j)), "layer by layer", using=[n.v.unroll(k), n.u.unroll(k)]
    )


@part
def fixed_point(n):
    r"""The Jacobian of a pass; the implicit gradient; how its equation passes from pass to pass.

    The tangent of the fixed point solves :math:`\dot y = \dot y J + w`, where w is how F moves
    when y stays; the adjoint solves :math:`\lambda = G + J \lambda`. So w and G are written by
    what they are equal to, and the two sides pair alike.
    """
    i, j, k = n.i, n.j, n.k
    return [
        Derivation(D(n.psi(n.z3[j]), n.y[i]), "feedback_jacobian").step(
            n.J[i, j], "chain rule through both layers"
        ),
        Derivation(total(lambda i: n.G[i] * n.yd[i], n.C), "feedback_implicit").step(
            total(lambda j: n.lam[j] * n.w[j], n.C),
            "transpose the Jacobian: no tangent is needed",
        ),
        Derivation(n.sent[k + 1, i], "feedback_power").step(
            total(lambda j: n.any_J[i, j] * n.sent[k, j], n.C),
            "J commutes with I - J", using=[n.powers.unroll(k + 1)],
        ),
    ]


@part
def geometric_series(n):
    r"""The adjoint of passes from a fixed point: the implicit one less :math:`\lambda_s`.

    With :math:`\lambda_k = J^k \lambda` and :math:`G_k = (I - J) \lambda_k = J^k G`, what K passes
    add up is :math:`\sum_{k<K} J^k (I - J) \lambda = \lambda - J^K \lambda` for every
    :math:`\lambda`.
    """
    return Induction(
        "feedback_geometric_series",
        lambda s: total(lambda k: n.sent[k, n.i], (0, s - 1)),
        lambda s: n.powers[0, n.i] - n.powers[s, n.i],
        over=(0, n.K),
        using=lambda s: [n.powers.unroll(s + 1)],
    )


def _second(n, c, y):
    """What enters the second layer of one example, by its unit.

    ``c(i)`` is the first layer without feedback, ``y(o)`` is what is fed back into it.
    """
    return lambda m: n.b2[m] + total(
        lambda i: (c(i) + total(lambda o: y(o) * n.R[o, i], n.C)) * n.W2[i, m], n.H1
    )


def _third(n, z2):
    """What enters the output of one example, from what enters its second layer."""
    return lambda j: total(lambda m: n.sigma(z2(m)) * n.W3[m, j], n.H2) + n.b3[j]


def _dW1(n, d, i):
    return total(lambda k, r: n.x[r, d] * n.d1[k, r, i], (0, n.K), n.B)


def _db1(n, i):
    return total(lambda k, r: n.d1[k, r, i], (0, n.K), n.B)


def _dR(n, o, i):
    return total(lambda k, r: n.y[k - 1, r, o] * n.nu[k, r, i], (0, n.K), n.B)


def _dW2(n, i, m):
    return total(lambda k, r: n.u[k, r, i] * n.d2[k, r, m], (0, n.K), n.B)


def _db2(n, m):
    return total(lambda k, r: n.d2[k, r, m], (0, n.K), n.B)


def _dW3(n, m, j):
    return total(lambda k, r: n.v[k, r, m] * n.d3[k, r, j], (0, n.K), n.B)


def _db3(n, j):
    return total(lambda k, r: n.d3[k, r, j], (0, n.K), n.B)


def _dx(n, r, d):
    return total(lambda k, i: n.d1[k, r, i] * n.W1[d, i], (0, n.K), n.H1)


def _paid(n, s):
    """What the directions add in the passes up to s."""
    return (
        total(lambda k, r, j: n.nu[k, r, j] * n.w1[k, r, j], (0, s), n.B, n.H1)
        + total(lambda k, r, j: n.d2[k, r, j] * n.w2[k, r, j], (0, s), n.B, n.H2)
        + total(lambda k, r, j: n.d3[k, r, j] * n.w3[k, r, j], (0, s), n.B, n.C)
    )


def _carried(n, s):
    """What is fed back out of pass s."""
    return total(lambda r, o: n.back[s, r, o] * n.yd[s, r, o], n.B, n.C)


def checks():
    """The library's gradients against the formulas, for sigmoid outputs."""
    n = definitions()
    p = feedback.Params(n.W1, n.b1, n.R, n.W2, n.b2, n.W3, n.b3)
    args = p, n.x, n.G
    at = {n.Dn: 5, n.H1: 2, n.H2: 3, n.C: 4, n.sigma: sigmoid, n.psi: sigmoid}  # all different
    return [
        *(
            check(d, backward, forward, args=args, dout=n.G, seed=QUICK, at=at)
            for d in gradients()
        ),
        _implicit_check(),
    ]


def _implicit_check():
    """The library's implicit gradient against the tangent of the fixed point, both ways paired."""
    rng, errors = np.random.default_rng(0), []
    for C in range(1, 6):
        p, x = feedback.init(rng, 3, C + 2, 4, C), rng.normal(size=(2, 3))
        moved, xd = tree.map(lambda a: rng.normal(size=a.shape), p), rng.normal(size=x.shape)
        y, cache = feedback.fixed_point(p, x)
        dy = rng.normal(size=y.shape)
        dp, dx = feedback.fixed_point_backward(dy, cache)
        w = _moves((y, *p, x), (0 * y, *moved, xd))
        still = tree.map(np.zeros_like, (*p, x))
        # Row i: how a pass moves with output i of every example.
        J = np.stack([_moves((y, *p, x), (e + 0 * y, *still)) for e in np.eye(C)], axis=1)
        yd = np.linalg.solve(np.eye(C) - J.swapaxes(1, 2), w[..., None])[..., 0]
        errors.append(abs(np.sum(dy * yd) - tree.dot(dp, moved) - np.sum(dx * xd)))
    return within_tolerance(
        "feedback_implicit", "feedback.fixed_point_backward", errors, {"C": (1, 5)}
    )


def _moves(at, direction):
    """How the outputs of a pass move, by a complex step."""
    h = 1e-100
    return np.imag(_one_pass(*(a + 1j * h * d for a, d in zip(at, direction, strict=True)))) / h


def _one_pass(y, W1, b1, R, W2, b2, W3, b3, x):
    """The pass F as the derivations have it."""
    def squash(z):
        return 1 / (1 + np.exp(-z))

    return squash(squash((squash(x @ W1 + b1) + y @ R) @ W2 + b2) @ W3 + b3)


@wraps(feedback.forward)
def forward(p, x, dy):
    """The library's passes, as many as outputs get a gradient."""
    return feedback.forward(p, x, len(dy) - 1)


@wraps(feedback.backward)
def backward(dy, cache):
    """The library's gradients, and none for ``dy``, which only counts the passes."""
    return *feedback.backward(dy, cache), None
