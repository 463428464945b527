r"""Initial weights: why their variances are what they are.

How large should weights be at the start, so that numbers neither grow nor shrink from layer to
layer? And why not zero?

An expectation is written as the mean over equally likely outcomes: :math:`S` of the inputs
:math:`x`, :math:`Q` of the weights :math:`w` of a unit, each outcome of the one with each of the
other, which is what independence means. The identities hold for any :math:`S` and :math:`Q`, and
only such expectations are proved; every other distribution is a limit of them, which the engine
does not say. Moments are arrays: :math:`X_{km}` is the mean of :math:`x_k x_m`, and :math:`V_{km}`
that of :math:`w_k w_m`.

That weights are uncorrelated with mean zero and variance :math:`v` enters as their second moments,
:math:`v\,\delta_{km}`. A layer has :math:`D` inputs and :math:`H` units, and :math:`u` is the mean
square of an input. Relu cuts off one sign of a number :math:`z`. Uniform weights lie between
:math:`-a` and :math:`a`; :math:`F` is the antiderivative of the square. For orthogonal weights
:math:`q` is one input. Last come units that start equal: all have the weights :math:`c` below and
:math:`d` on top, :math:`x` is a batch of :math:`B` inputs, :math:`G` the gradient of the :math:`C`
outputs, and :math:`\varphi` any activation. That the library's random weights have these moments is
measured, in ``tests/test_init.py``.
"""

import itertools
from types import SimpleNamespace

import numpy as np

from fnnlib import dense, init
from fnnlib.symbolic import (
    D,
    Derivation,
    array,
    define,
    delta,
    function,
    index,
    part,
    prime,
    relu,
    scalar,
    size,
    total,
)
from fnnlib.symbolic.agreement import within_tolerance


def definitions():
    """Inputs and weights of a unit by outcome, their second moments, and the sizes."""
    S, Q, Dn, H = size("S Q D H")
    x, w, q, v = array("x", S, Dn), array("w", Q, Dn), array("q", Dn), scalar("v")
    X = define("X", lambda k, m: total(lambda s: x[s, k] * x[s, m], S) / S, Dn, Dn)
    W = define("V", lambda k, m: total(lambda r: w[r, k] * w[r, m], Q) / Q, Dn, Dn)
    z, u, a = scalar("z u a")
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    n = definitions()
    return [
        second_moment(n), variance(n), *factors(n), *compromise(n), half(n), he_kept(n),
        *uniform_variance(n), gram(n), length(n), *symmetry(n),
    ]  # fmt: skip


@part
def second_moment(n):
    """The mean square of a unit, over all outcomes, is the sum of products of second moments."""
    outcomes = total(
        lambda s, r: total(lambda k: n.x[s, k] * n.w[r, k], n.Dn) ** 2, n.S, n.Q
    ) / (n.S * n.Q)
    return Derivation(outcomes, "init_second_moment").step(
        total(lambda k, m: n.X[k, m] * n.W[k, m], n.Dn, n.Dn), "square the sum, then average"
    )


@part
def variance(n):
    """Uncorrelated weights of variance :math:`v` leave :math:`v` times the inputs' mean squares."""
    start = total(lambda k, m: n.X[k, m] * (n.v * delta(k, m)), n.Dn, n.Dn)
    return Derivation(start, "init_variance").step(
        n.v * total(lambda k: n.X[k, k], n.Dn), "only equal indices are left"
    )


@part
def factors(n):
    """A layer multiplies a mean square :math:`u` by :math:`Dv`, and that of a gradient by
    :math:`Hv`.
    """
    return [
        Derivation(total(lambda k: n.v * n.u, n.Dn), "init_forward").step(
            n.Dn * n.v * n.u, "a unit adds D equal terms; so v = 1/D keeps u"
        ),
        Derivation(total(lambda j: n.v * n.u, n.H), "init_backward").step(
            n.H * n.v * n.u, "an input gets back H equal terms; so v = 1/H keeps u"
        ),
    ]


@part
def compromise(n):
    """Xavier's variance :math:`2/(D + H)`: both factors add up to 2, and are 1 if :math:`D = H`."""
    v = 2 / (n.Dn + n.H)
    start = total(lambda k: v, n.Dn) + total(lambda j: v, n.H)
    square = total(lambda k: v.subs(n.H, n.Dn), n.Dn)
    return [
        Derivation(start, "init_xavier").step(2, "D and H equal terms"),
        Derivation(square, "init_xavier_square").step(1, "as wide as before"),
    ]


@part
def half(n):
    """Relu keeps the square of one sign alone: of :math:`z` and :math:`-z`, equally likely, half.
    """
    return Derivation(relu(n.z) ** 2, "init_relu").cases(
        {n.z > 0: n.z**2, n.z < 0: 0}, "the negative half is cut off"
    )


@part
def he_kept(n):
    """He's variance: relu leaves half of the second moments; with :math:`2/D` a unit has their
    mean.
    """
    start = total(lambda k, m: (n.X[k, m] / 2) * (2 / n.Dn * delta(k, m)), n.Dn, n.Dn)
    return Derivation(start, "init_he").step(
        total(lambda k: n.X[k, k], n.Dn) / n.Dn, "twice the half of the equal indices"
    )


@part
def uniform_variance(n):
    r"""The mean of :math:`z^2` from :math:`-a` to :math:`a`; it is :math:`v` for
    :math:`a = \sqrt{3v}`.
    """
    F = function("F", lambda z: z**3 / 3)
    mean = (F(n.a) - F(-n.a)) / (2 * n.a)
    return [
        Derivation(D(F(n.z), n.z), "init_antiderivative").step(n.z**2, "power rule"),
        Derivation(mean, "init_uniform").step(n.a**2 / 3, "the cubes add up"),
    ]


@part
def gram(n):
    """The squared length of :math:`qW` is a sum over the inner products of the rows of :math:`W`.
    """
    x, M = n.q, array("W", n.Dn, n.H)
    start = total(lambda j: total(lambda k: x[k] * M[k, j], n.Dn) ** 2, n.H)
    inner = total(
        lambda k, m: x[k] * x[m] * total(lambda j: M[k, j] * M[m, j], n.H), n.Dn, n.Dn
    )
    return Derivation(start, "init_gram").step(inner, "square the sum, then add up the units")


@part
def length(n):
    """Orthonormal rows keep the length of the input."""
    start = total(lambda k, m: n.q[k] * n.q[m] * delta(k, m), n.Dn, n.Dn)
    return Derivation(start, "init_orthogonal").step(
        total(lambda k: n.q[k] ** 2, n.Dn), "only equal indices are left"
    )


@part
def symmetry(n):
    """Units that start equal stay equal: with the same weights they get the same gradients."""
    phi = function("phi", tex=r"\varphi")
    B, C = size("B C")
    W, G, x = array("W", n.Dn, n.H), array("G", B, C), array("x", B, n.Dn)
    c, d = array("c", n.Dn), array("d", C)  # the weights of every unit, below and on top
    k, (i, j) = index("k", n.Dn), index("i j", n.H)

    def gradient(j, W):
        """The derivative by W[k, j] of a net with equal weights d on top."""
        z = define("z", lambda r, j: total(lambda k: x[r, k] * W[k, j], n.Dn), B, n.H)
        return total(lambda r, o: G[r, o] * d[o] * prime(phi)(z[r, j]) * x[r, k], B, C)

    out = total(lambda r, j, o: G[r, o] * d[o] * phi(
        total(lambda k: x[r, k] * W[k, j], n.Dn)
    ), B, n.H, C)
    equal = define("W", lambda k, j: c[k], n.Dn, n.H)
    return [
        Derivation(D(out, W[k, j]), "init_unit_gradient").step(
            gradient(j, W), "a unit reads its own weights"
        ),
        Derivation(gradient(i, equal), "init_equal_units").step(
            gradient(j, equal), "the weights of both units are c"
        ),
    ]


def checks():
    """Lengths through orthogonal weights; the mean square of a unit over all signs of weights."""
    return [_orthogonal_check(), _all_signs_check(), _limit_check(), _zeros_check()]


def _limit_check():
    """Uniform weights lie within a, where the mean of x^2 is a^2 / 3 = v, and reach it nearly."""
    rng, errors, span = np.random.default_rng(0), [], (1, 8)
    for Dn in range(span[0], span[1] + 1):
        v, H = rng.uniform(0.1, 2), Dn + 1
        a = np.sqrt(3 * v)
        expected = np.random.default_rng(Dn).uniform(-a, a, (Dn, H))
        ours = init.uniform(np.random.default_rng(Dn), Dn, H, v)
        errors.append(float(np.max(np.abs(ours - expected))) / a)
        glorot = init.xavier(np.random.default_rng(Dn), Dn, H)
        same = init.uniform(np.random.default_rng(Dn), Dn, H, 2 / (Dn + H))
        errors.append(float(np.max(np.abs(glorot - same))))
    return within_tolerance("init_uniform", "init.uniform", errors, {"D": span})


def _zeros_check():
    """From equal weights, zero or not, all hidden units get the same gradient."""
    rng, errors, span = np.random.default_rng(0), [], (2, 8)
    for H in range(span[0], span[1] + 1):
        x, dz = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
        for shift in (0.0, 0.3):
            layers = tuple(
                dense.Params(init.zeros(D, n) + shift, np.zeros(n)) for D, n in ((3, H), (H, 2))
            )
            _, cache = dense.stack_forward(layers, x, "tanh")
            (first, _), _ = dense.stack_backward(dz, cache)
            errors.append(float(np.max(np.abs(first.W - first.W[:, :1]))))
    return within_tolerance("init_equal_units", "init.zeros", errors, {"H": span})


def _orthogonal_check():
    rng, errors = np.random.default_rng(0), []
    for Dn in range(1, 9):
        H = Dn + int(rng.integers(0, 3))
        x = rng.normal(size=Dn)
        z = x @ init.orthogonal(rng, Dn, H)
        errors.append(abs(z @ z - x @ x) / (x @ x))
    spans = {"D": (1, 8), "H": (1, 10)}
    return within_tolerance("init_orthogonal", "init.orthogonal", errors, spans)


def _all_signs_check():
    """Weights of variance v that are plus or minus its root: all outcomes can be gone through."""
    rng, errors = np.random.default_rng(0), []
    for Dn in range(1, 9):
        x, v = rng.normal(size=(5, Dn)), rng.uniform(0.1, 2)
        signs = np.array(list(itertools.product([-1.0, 1.0], repeat=Dn))).T
        z, _ = dense.forward(dense.Params(np.sqrt(v) * signs, np.zeros(2**Dn)), x)
        expected = v * np.sum(np.mean(x**2, axis=0))
        errors.append(abs(np.mean(z**2) - expected) / expected)
    return within_tolerance("init_variance", "dense.forward", errors, {"D": (1, 8), "S": (5, 5)})
