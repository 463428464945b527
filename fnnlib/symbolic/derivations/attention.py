r"""Attention: gradients of scores, queries, keys, values, projections and input.

:math:`m_{ts}` is the mask: one where output t may look at input s, else zero. It multiplies the
exponentials, and what is proved holds for any numbers in its place for which the sums in the
denominators are not zero. G is the gradient of the loss with respect to h; as it is any array,
what is proved holds for every loss. Outputs are counted to T and inputs to S; in self-attention
S is T. The checks use the mask that hides all later steps.

The projections of self-attention are derived for any gradients :math:`dq, dk, dv` of
what they make: with the loss replaced by its linear part, as the chain rule says. These last
derivations have no check of their own here; the tests compare them with PyTorch and with a
complex step.
"""

from functools import wraps
from types import SimpleNamespace

from fnnlib import attention
from fnnlib.symbolic import (
    D,
    Derivation,
    S,
    array,
    check,
    define,
    delta,
    exp,
    index,
    recursive,
    size,
    sqrt,
    total,
)


def definitions():
    """Weighted means of values; the weights are the masked softmax of the scores."""
    B, K, H, T, S = size("B K H T S")
    q, k, v = array("q", (1, T), B, K), array("k", (1, S), B, K), array("v", (1, S), B, H)
    G = array("G", (1, T), B, H)
    # Proofs take the entries of m as they come; only checks follow the rule.
    m = recursive(
        "m", (1, T), (1, S), rule=lambda t, s: total(lambda u: delta(u, s), (1, t))
    )
    score = define(
        "e",
        lambda t, s, r: total(lambda c: q[t, r, c] * k[s, r, c], K) / sqrt(K),
        (1, T), (1, S), B,
    )
    e = array("e", (1, T), (1, S), B)  # the same numbers, free to vary on their own

    def weights(e):
        return define("p", lambda t, s, r: m[t, s] * exp(e[t, s, r]) / total(
            lambda u: m[t, u] * exp(e[t, u, r]), (1, S)
        ), (1, T), (1, S), B)

    def loss(p):
        return define("L", total(
            lambda t, r, j: G[t, r, j] * total(lambda s: p[t, s, r] * v[s, r, j], (1, S)),
            (1, T), B, H,
        ))

    def of_scores(p):
        """The gradient of the scores, written with the weights."""
        dp = define(
            "dp", lambda t, s, r: total(lambda j: G[t, r, j] * v[s, r, j], H), (1, T), (1, S), B
        )
        return define("de", lambda t, s, r: p[t, s, r] * (
            dp[t, s, r] - total(lambda u: p[t, u, r] * dp[t, u, r], (1, S))
        ), (1, T), (1, S), B)

    t, s, r = index("t", (1, T)), index("s", (1, S)), index("r", B)
    c, j = index("c", K), index("j", H)
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    n = definitions()
    return [of_scores(n), *gradients(n), *projections()]


def of_scores(n):
    """The gradient of the scores: that of a softmax, row by row."""
    p = n.weights(n.e)
    return Derivation(D(n.loss(p), n.e[n.t, n.s, n.r]), "attention_de").step(
        n.of_scores(p)[n.t, n.s, n.r], "a weight depends on all scores of its row"
    )


def gradients(n):
    """Gradients of queries, keys and values."""
    p = n.weights(n.score)
    loss, de = n.loss(p), n.of_scores(p)
    t, s, r, c, j = n.t, n.s, n.r, n.c, n.j
    return [
        Derivation(D(loss, n.q[t, r, c]), "attention_dq").step(
            total(lambda s: de[t, s, r] * n.k[s, r, c], (1, n.S)) / sqrt(n.K),
            "a query meets every key",
        ),
        Derivation(D(loss, n.k[s, r, c]), "attention_dk").step(
            total(lambda t: de[t, s, r] * n.q[t, r, c], (1, n.T)) / sqrt(n.K),
            "a key meets every query",
        ),
        Derivation(D(loss, n.v[s, r, j]), "attention_dv").step(
            total(lambda t: p[t, s, r] * n.G[t, r, j], (1, n.T)),
            "a value is read with its weights",
        ),
    ]


def projections():
    """Gradients of the three projections and of the input that they share."""
    T, B, Dn = size("T B D")
    x = array("x", (1, T), B, Dn)
    t, r, d = index("t", (1, T)), index("r", B), index("d", Dn)
    loss, dx, found = S.Zero, S.Zero, []
    for name, width in zip("QKV", size("K K H"), strict=True):
        W, G = array(f"W_{name}", Dn, width), array(f"d{name.lower()}", (1, T), B, width)
        j = index("j", width)
        loss += total(
            lambda t, r, j, d: G[t, r, j] * x[t, r, d] * W[d, j],  # noqa: B023
            (1, T), B, width, Dn,
        )
        dx += total(lambda j: G[t, r, j] * W[d, j], width)  # noqa: B023
        found.append((name, W[d, j], total(lambda t, r: x[t, r, d] * G[t, r, j], (1, T), B)))  # noqa: B023
    loss = define("L", loss)
    return [
        *[
            Derivation(D(loss, entry), f"attention_dW_{name.lower()}").step(
                gradient, "one layer serves all steps and sequences"
            )
            for name, entry, gradient in found
        ],
        Derivation(D(loss, x[t, r, d]), "attention_dx").step(
            dx, "the input is projected three times"
        ),
    ]


def checks():
    """The library's gradients against the formulas, under the mask that hides later steps."""
    n = definitions()
    args = n.q, n.k, n.v, n.m
    return [check(d, attend_backward, attend, args=args, dout=n.G) for d in gradients(n)]


@wraps(attention.attend)
def attend(q, k, v, m):
    """The library's attention, with a mask of booleans."""
    return attention.attend(q, k, v, m > 0)


@wraps(attention.attend_backward)
def attend_backward(dh, cache):
    """The library's gradients; the mask is data."""
    return *attention.attend_backward(dh, cache), None
