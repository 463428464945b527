r"""A low-rank adapter: gradients of its two factors and of the input, with the layer frozen.

A trained layer stays as it is; only a small correction of its weights is trained. What are the
gradients of the correction?

A layer with weights :math:`W` and biases :math:`b` reads :math:`N` rows :math:`x`. The factors
:math:`A` and :math:`B`, of rank :math:`R`, correct its weights by their product; :math:`s` is the
scale of the correction. :math:`G` is the gradient of the loss with respect to the outputs
:math:`z`.
"""

from functools import cache, wraps
from types import SimpleNamespace

from fnnlib import dense, lowrank
from fnnlib.symbolic import (
    D,
    Derivation,
    array,
    check,
    define,
    index,
    matrix,
    ones,
    part,
    scalar,
    size,
    total,
)


@cache
def definitions():
    """The layer, its correction, and a loss whose gradient with respect to z is G."""
    s = scalar("s")
    N, Dn, H, R = size("N D H R")
    x, G = array("x", N, Dn), array("G", N, H)
    W, b, A, B = array("W", Dn, H), array("b", H), array("A", Dn, R), array("B", R, H)
    u = define("u", lambda n, r: total(lambda k: x[n, k] * A[k, r], Dn), N, R)
    z = define(
        "z",
        lambda n, j: total(lambda k: x[n, k] * W[k, j], Dn) + b[j]
        + s * total(lambda r: u[n, r] * B[r, j], R),
        N, H,
    )
    loss = define("L", total(lambda n, j: G[n, j] * z[n, j], N, H))
    n, j = index("n", N), index("j", H)
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    return [merged(definitions()), *gradients()]


@part
def merged(n):
    """The correction is one of the weights: two thin products, or one layer."""
    M = matrix
    apart = M(n.x) * M(n.W) + ones(n.N, 1) * M(n.b) + n.s * (M(n.x) * M(n.A)) * M(n.B)
    return (
        Derivation(M(n.z), "lowrank_merged")
        .step(apart, "the layer, and its correction")
        .step(
            M(n.x) * (M(n.W) + n.s * M(n.A) * M(n.B)) + ones(n.N, 1) * M(n.b),
            "products are associative and distribute over sums",
        )
    )


@cache
@part
def gradients():
    """Gradients of the factors and of the input."""
    n = definitions()
    M, s = matrix, n.s
    return [
        Derivation(D(n.loss, M(n.A)), "lowrank_dA").step(
            s * M(n.x).T * (M(n.G) * M(n.B).T), "A sends x to B"
        ),
        Derivation(D(n.loss, M(n.B)), "lowrank_dB").step(
            s * (M(n.x) * M(n.A)).T * M(n.G), "B reads x A"
        ),
        Derivation(D(n.loss, M(n.x)), "lowrank_dx").step(
            M(n.G) * M(n.W).T + s * (M(n.G) * M(n.B).T) * M(n.A).T,
            "through the frozen weights and through both factors",
        ),
    ]


def checks():
    """The library's gradients against the formulas, at the scale 3/2."""
    n = definitions()
    args = lowrank.Params(n.A, n.B), dense.Params(n.W, n.b), n.x
    return [check(d, backward, forward, args=args, dout=n.G, at={n.s: 1.5}) for d in gradients()]


@wraps(lowrank.forward)
def forward(p, base, x):
    """The library's adapter at the scale 3/2."""
    return lowrank.forward(p, base, x, scale=1.5)


@wraps(lowrank.backward)
def backward(dz, cache):
    """The library's gradients; the frozen layer has none."""
    dp, dx = lowrank.backward(dz, cache)
    return dp, None, dx
