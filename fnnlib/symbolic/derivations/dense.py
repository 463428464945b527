r"""A stack of layers: the backward recursion for a symbolic layer, depth and widths.

How does the gradient get through a stack of layers, whatever their number and their widths?

There are :math:`L` hidden layers, for any :math:`L` from 1, and an affine layer :math:`L + 1` on
top. :math:`a_0` is the input, and :math:`\varphi` any differentiable activation. Layers of any
widths stand in arrays of one common size :math:`n`: a row :math:`m_l` of ones and zeros marks the
units that layer :math:`l` has, :math:`a_l = m_l \odot \varphi(z_l)`. An absent unit sends zero
forward and gets zero back. The proofs hold for every row of numbers :math:`m_l`, hence for all
widths up to any :math:`n`; the input and the output gradient of narrower ends are filled up with
zeros. The checks compare with layers of unequal widths that are really cut to size.

The gradient of the loss with respect to the outputs is :math:`\delta_{L+1}`, as given. The adjoints
of :math:`a_l` and :math:`z_l` are :math:`\lambda_l` and :math:`\delta_l`; :math:`w` is how the
parameters of a layer move it.
"""

from functools import cache, wraps
from types import SimpleNamespace

import numpy as np

from fnnlib import dense
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
    """The stack, its adjoints and its tangents; the activation is opaque, and masks are free."""
    phi = function("phi", tex=r"\varphi")
    slope = prime(phi)
    B, n, L = size("B n L")
    W, b = array("W", (1, L + 1), n, n), array("b", (1, L + 1), n)
    m = array("m", (1, L), n)
    a = recursive("a", (0, L), B, n, start=0, rule=lambda s, r, j: m[s, j] * phi(z[s, r, j]))
    z = define(
        "z",
        lambda s, r, j: total(lambda k: a[s - 1, r, k] * W[s, k, j], n) + b[s, j],
        (1, L + 1), B, n,
    )
    dl = recursive(
        "delta", (1, L + 1), B, n, start=L + 1,
        rule=lambda s, r, j: lam[s, r, j] * m[s, j] * slope(z[s, r, j]),
    )
    lam = recursive(
        "lambda", (0, L), B, n,
        rule=lambda s, r, j: total(lambda k: dl[s + 1, r, k] * W[s + 1, j, k], n),
    )
    loss = define("L", total(lambda r, j: dl[L + 1, r, j] * z[L + 1, r, j], B, n))
    lagrangian = define("Lambda", loss + total(
        lambda s, r, j: lam[s, r, j] * (m[s, j] * phi(z[s, r, j]) - a[s, r, j]), (1, L), B, n
    ))
    Wd, bd = array("Wdot", (1, L + 1), n, n), array("bdot", (1, L + 1), n)
    w = define(
        "w",
        lambda s, r, j: total(lambda k: a[s - 1, r, k] * Wd[s, k, j], n) + bd[s, j],
        (1, L + 1), B, n,
    )
    ad = recursive(
        "adot", (0, L), B, n, start=0,
        rule=lambda s, r, j: m[s, j] * slope(z[s, r, j]) * zd[s, r, j],
    )
    zd = define(
        "zdot",
        lambda s, r, j: total(lambda k: ad[s - 1, r, k] * W[s, k, j], n) + w[s, r, j],
        (1, L + 1), B, n,
    )
    i, j, r = *index("i j", n), index("r", B)
    inner, hidden = index("l", (1, L - 1)), index("l", (1, L))
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    n = definitions()
    lemma = adjoint_lemma(n)
    return [tangent(n), *adjoints(n), *gradients(), lemma, theorem(n, lemma)]


@part
def tangent(n):
    """How a layer moves when its input and its parameters move: the chain rule, term by term."""
    s, r, j = n.hidden, n.r, n.j
    out = n.m[s, j] * n.phi(n.z[s, r, j])
    inputs = total(lambda q, k: D(out, n.a[s - 1, q, k]) * n.ad[s - 1, q, k], n.B, n.n)
    weights = total(lambda k, q: D(out, n.W[s, k, q]) * n.Wd[s, k, q], n.n, n.n)
    biases = total(lambda q: D(out, n.b[s, q]) * n.bd[s, q], n.n)
    return Derivation(inputs + weights + biases, "stack_tangent").step(
        n.m[s, j] * n.slope(n.z[s, r, j]) * n.zd[s, r, j],
        "a unit reads its row of inputs, its weights and its bias",
    )


@part
def adjoints(n):
    """Where the Lagrangian is stationary in a hidden layer, its multiplier obeys the recursion."""
    M, s, L = matrix, n.inner, n.L
    return [
        Derivation(D(n.lagrangian, M(n.a, s)), "stack_adjoint").step(
            M(n.dl, s + 1) * M(n.W, s + 1).T - M(n.lam, s),
            "layer l feeds layer l + 1 alone", using=[n.dl.unroll(s + 1)],
        ),
        Derivation(D(n.lagrangian, M(n.a, L)), "stack_adjoint_last").step(
            M(n.dl, L + 1) * M(n.W, L + 1).T - M(n.lam, L),
            "the last hidden layer feeds the outputs",
        ),
    ]


@cache
@part
def gradients():
    """Derivatives by the weights and biases of every layer, and by the input."""
    n = definitions()
    M, s, i, j, L = matrix, n.hidden, n.i, n.j, n.L
    known = [n.dl.unroll(s)]
    return [
        Derivation(D(n.lagrangian, n.W[s, i, j]), "stack_dW").step(
            total(lambda r: n.a[s - 1, r, i] * n.dl[s, r, j], n.B), "outer product", known
        ),
        Derivation(D(n.lagrangian, n.b[s, j]), "stack_db").step(
            total(lambda r: n.dl[s, r, j], n.B), "the bias enters once per example", known
        ),
        Derivation(D(n.lagrangian, n.W[L + 1, i, j]), "stack_dW_last").step(
            total(lambda r: n.a[L, r, i] * n.dl[L + 1, r, j], n.B), "no activation on top"
        ),
        Derivation(D(n.lagrangian, n.b[L + 1, j]), "stack_db_last").step(
            total(lambda r: n.dl[L + 1, r, j], n.B), "no activation on top"
        ),
        Derivation(D(n.lagrangian, M(n.a, 0)), "stack_dx").step(
            M(n.dl, 1) * M(n.W, 1).T, "the input feeds the first layer", [n.dl.unroll(1)]
        ),
    ]


@part
def adjoint_lemma(n):
    """Induction over the layers: what reaches layer :math:`s` is paid by the layers up to
    :math:`s`.
    """
    return Induction(
        "stack_adjoint_lemma",
        lambda s: total(lambda r, j: n.lam[s, r, j] * n.ad[s, r, j], n.B, n.n),
        lambda s: _paid(n, s) + _input(n),
        over=(0, n.L),
        using=lambda s: [n.ad.unroll(s + 1), n.dl.unroll(s + 1), n.lam.unroll(s)],
    )


@part
def theorem(n, lemma):
    """The derivative of the loss along any direction is the sum over the layers' gradients."""
    L, top = n.L, n.L + 1
    last = total(lambda r, j: n.dl[top, r, j] * n.w[top, r, j], n.B, n.n)
    passed = total(lambda r, j: n.lam[L, r, j] * n.ad[L, r, j], n.B, n.n)
    weights = total(
        lambda s, k, j: n.Wd[s, k, j] * total(lambda r: n.a[s - 1, r, k] * n.dl[s, r, j], n.B),
        (1, top), n.n, n.n,
    )
    biases = total(
        lambda s, j: n.bd[s, j] * total(lambda r: n.dl[s, r, j], n.B), (1, top), n.n
    )
    start = total(lambda r, j: n.dl[top, r, j] * n.zd[top, r, j], n.B, n.n)
    return (
        Derivation(start, "stack_backpropagation")
        .step(passed + last, "the outputs are affine", using=[n.lam.unroll(L)])
        .step(_paid(n, top) + _input(n), "the lemma at the last hidden layer", using=[lemma])
        .step(weights + biases + _input(n), "collect what multiplies each direction")
    )


def _paid(n, s):
    return total(lambda q, r, j: n.dl[q, r, j] * n.w[q, r, j], (1, s), n.B, n.n)


def _input(n):
    return total(lambda r, k: n.lam[0, r, k] * n.ad[0, r, k], n.B, n.n)


def checks():
    """The library's stack against the formulas, with layers of 1, 2, 3, ... units, at most n."""
    n = definitions()
    args, top = ((n.W, n.b), matrix(n.a, 0)), matrix(n.dl, n.L + 1)
    at = {n.phi: tanh, n.m: lambda s, i: i < s}
    return [
        check(d, stack_backward, stack_forward, args=args, dout=top, at=at) for d in gradients()
    ]


@wraps(dense.stack_forward)
def stack_forward(layers, x):
    """The library's stack on the parts of the common arrays that exist."""
    W, b = layers
    widths = [None, *range(1, len(W)), None]  # a slice ends where its array does
    cut = tuple(
        dense.Params(W[s, :D, :H], b[s, :H])
        for s, (D, H) in enumerate(zip(widths, widths[1:], strict=False))
    )
    z, cache = dense.stack_forward(cut, x, "tanh")
    return z, (cache, W, b)


@wraps(dense.stack_backward)
def stack_backward(dz, cache):
    """The library's gradients, with zeros for the weights that no layer has."""
    cache, W, b = cache
    layers, dx = dense.stack_backward(dz, cache)
    dW, db = np.zeros_like(W), np.zeros_like(b)
    for s, p in enumerate(layers):
        D, H = p.W.shape
        dW[s, :D, :H], db[s, :H] = p.W, p.b
    return (dW, db), dx
