r"""Attention: gradients of scores, queries, keys, values, projections and input.

An output is a mean of all inputs, with weights that depend on both. What reaches the numbers that
the weights are made of?

There are :math:`T` outputs and :math:`S` inputs, counted from zero as nothing is carried from one
to the next. An output has a query :math:`q_t` and an input a key :math:`k_s`, both of :math:`K`
numbers; an input also has a value :math:`v_s` of :math:`H` numbers. Queries meet keys in the scores
:math:`e`. The weights :math:`p` are the softmax of the scores, and an output is the mean of the
values with these weights. :math:`m` is the mask: one where output :math:`t` may look at input
:math:`s`, else zero. It multiplies the exponentials, and what is proved holds for any numbers in
its place for which the sums in the denominators are not zero. The checks use the mask that hides
all later steps. :math:`G` is the gradient of the loss with respect to the outputs.

The gradient of the scores is derived first, for scores that are any numbers. Then the scores are
made of queries and keys. In self-attention, at the end, :math:`S` is :math:`T`, and queries, keys
and values are projections of one input :math:`x` with the weights :math:`W_q, W_k, W_v`. Its
gradients are derived from end to end: through the projections, the scores, the weights and the
weighted means. As in the code, dp, de, dq, dk and dv are the gradients of :math:`p`, :math:`e`,
:math:`q`, :math:`k` and :math:`v`.
"""

from functools import cache, wraps
from types import SimpleNamespace

from fnnlib import attention
from fnnlib.symbolic import (
    D,
    Derivation,
    array,
    check,
    define,
    exp,
    index,
    part,
    size,
    sqrt,
    total,
)


@cache
def definitions(of_input=False):
    """Weighted means of values; the weights are the masked softmax of the scores.

    Queries, keys and values are free, or projections of one input.
    """
    B, K, H, T, S, Dn = size("B K H T S D")
    S = T if of_input else S
    x = array("x", T, B, Dn)
    Q, W_k, V = array("W_q", Dn, K), array("W_k", Dn, K), array("W_v", Dn, H)

    def source(name, W, length, width):
        axes = length, B, width
        if not of_input:
            return array(name, *axes)
        return define(name, lambda t, r, j: total(lambda d: x[t, r, d] * W[d, j], Dn), *axes)

    q, k, v = source("q", Q, T, K), source("k", W_k, S, K), source("v", V, S, H)
    G = array("G", T, B, H)
    m = array("m", T, S)
    score = define(
        "e",
        lambda t, s, r: total(lambda c: q[t, r, c] * k[s, r, c], K) / sqrt(K),
        T, S, B,
    )
    e = array("e", T, S, B)  # the same numbers, free to vary on their own

    def weights(e):
        return define("p", lambda t, s, r: m[t, s] * exp(e[t, s, r]) / total(
            lambda u: m[t, u] * exp(e[t, u, r]), S
        ), T, S, B)

    def loss(p):
        return define("L", total(
            lambda t, r, j: G[t, r, j] * total(lambda s: p[t, s, r] * v[s, r, j], S),
            T, B, H,
        ))

    def of_scores(p):
        """The gradient of the scores, written with the weights."""
        dp = define(
            "dp", lambda t, s, r: total(lambda j: G[t, r, j] * v[s, r, j], H), T, S, B
        )
        return define("de", lambda t, s, r: p[t, s, r] * (
            dp[t, s, r] - total(lambda u: p[t, u, r] * dp[t, u, r], S)
        ), T, S, B)

    p = weights(score)
    de = of_scores(p)
    dq = define("dq", lambda t, r, c: total(
        lambda s: de[t, s, r] * k[s, r, c], S
    ) / sqrt(K), T, B, K)
    dk = define("dk", lambda s, r, c: total(
        lambda t: de[t, s, r] * q[t, r, c], T
    ) / sqrt(K), S, B, K)
    dv = define("dv", lambda s, r, j: total(
        lambda t: p[t, s, r] * G[t, r, j], T
    ), S, B, H)
    t, s, r = index("t", T), index("s", S), index("r", B)
    c, j, d = index("c", K), index("j", H), index("d", Dn)
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    return [of_scores(definitions()), *gradients(), *end_to_end()]


@part
def of_scores(n):
    """The gradient of the scores: that of a softmax, row by row."""
    p = n.weights(n.e)
    return Derivation(D(n.loss(p), n.e[n.t, n.s, n.r]), "attention_de").step(
        n.of_scores(p)[n.t, n.s, n.r], "a weight depends on all scores of its row"
    )


@cache
@part
def gradients():
    """Gradients of queries, keys and values."""
    n = definitions()
    loss, t, s, r, c, j = n.loss(n.p), n.t, n.s, n.r, n.c, n.j
    return [
        Derivation(D(loss, n.q[t, r, c]), "attention_dq").step(
            n.dq[t, r, c], "a query meets every key"
        ),
        Derivation(D(loss, n.k[s, r, c]), "attention_dk").step(
            n.dk[s, r, c], "a key meets every query"
        ),
        Derivation(D(loss, n.v[s, r, j]), "attention_dv").step(
            n.dv[s, r, j], "a value is read with its weights"
        ),
    ]


@cache
@part
def end_to_end():
    """Gradients of the projections and of the input of self-attention."""
    n = definitions(of_input=True)
    loss, t, r, c, j, d = n.loss(n.p), n.t, n.r, n.c, n.j, n.d

    def sums(f):
        return total(f, n.T, n.B)

    shared = "one projection for all steps"
    return [
        Derivation(D(loss, n.Q[d, c]), "attention_dW_q").step(
            sums(lambda t, r: n.x[t, r, d] * n.dq[t, r, c]), shared, seconds=60
        ),
        Derivation(D(loss, n.W_k[d, c]), "attention_dW_k").step(
            sums(lambda t, r: n.x[t, r, d] * n.dk[t, r, c]), shared, seconds=60
        ),
        Derivation(D(loss, n.V[d, j]), "attention_dW_v").step(
            sums(lambda t, r: n.x[t, r, d] * n.dv[t, r, j]), shared
        ),
        Derivation(D(loss, n.x[t, r, d]), "attention_dx").step(
            total(lambda c: n.dq[t, r, c] * n.Q[d, c] + n.dk[t, r, c] * n.W_k[d, c], n.K)
            + total(lambda j: n.dv[t, r, j] * n.V[d, j], n.H),
            "the input is projected three times", seconds=60,
        ),
    ]


def checks():
    """The library's gradients against the formulas, under the mask that hides later steps."""
    n, whole = definitions(), definitions(of_input=True)
    free, projected = (n.q, n.k, n.v, n.m), (
        attention.Params(whole.Q, whole.W_k, whole.V), whole.x, whole.m
    )
    at = {n.B: 2, n.K: 4, n.H: 5, n.T: 3, n.S: 6, n.Dn: 6}  # small; S and D never meet
    at_free, at_whole = ({**at, m: lambda t, s: s <= t} for m in (n.m, whole.m))
    return [
        *(
            check(d, attend_backward, attend, args=free, dout=n.G, at=at_free)
            for d in gradients()
        ),
        *(
            check(d, backward, forward, args=projected, dout=whole.G, at=at_whole)
            for d in end_to_end()
        ),
    ]


@wraps(attention.attend)
def attend(q, k, v, m):
    """The library's attention, with a mask of booleans."""
    return attention.attend(q, k, v, m > 0)


@wraps(attention.attend_backward)
def attend_backward(dh, cache):
    """The library's gradients; the mask is data."""
    return *attention.attend_backward(dh, cache), None


@wraps(attention.forward)
def forward(p, x, m):
    """The library's self-attention, with a mask of booleans."""
    return attention.forward(p, x, m > 0)


@wraps(attention.backward)
def backward(dh, cache):
    """The library's gradients; the mask is data."""
    return *attention.backward(dh, cache), None
