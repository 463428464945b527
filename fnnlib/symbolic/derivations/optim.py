r"""Gradient descent on a quadratic, its largest learning rate, and the means that Adam keeps.

The quadratic is :math:`\mathcal{L} = \sum_j \lambda_j (p_j - q_j)^2 / 2`, with a curvature for each
coordinate; every quadratic with a minimum has this form in the axes of its Hessian. Powers with a
symbolic exponent are written as the recurrence that defines them: ``rho[s]`` is
:math:`(1 - \alpha\lambda)^{K - s}`, and ``u[s]`` is :math:`\beta^{T - s}`.

What is proved are identities: the error after K steps, for any K, and
:math:`(1 - \alpha\lambda)^2 - 1 = \alpha\lambda(\alpha\lambda - 2)`. For :math:`\lambda > 0` the
right side is negative just when :math:`0 < \alpha < 2 / \lambda`, so the error shrinks just then.
This last step is about signs: it is argued here and measured in the tests, not proved by the
engine.
"""

from types import SimpleNamespace

import numpy as np

from fnnlib import optim
from fnnlib.check import TOLERANCE, CheckFailed
from fnnlib.symbolic import (
    D,
    Derivation,
    Induction,
    array,
    define,
    index,
    recursive,
    scalar,
    size,
    total,
)
from fnnlib.symbolic.agreement import Agreement


def definitions():
    """The quadratic and the path of gradient descent; the mean of Adam and its weights."""
    K, T, n = size("K T n")
    j = index("j", n)
    alpha, mu, beta = scalar("alpha mu beta")
    lam, q, p = array("lambda", n), array("q", n), array("p", n)

    def bowl(p):
        return total(lambda j: lam[j] * (p(j) - q[j]) ** 2 / 2, n)

    loss = define("L", bowl(lambda j: p[j]))
    w = recursive(
        "w", (0, K), n, start=0,
        rule=lambda s, j: w[s - 1, j] - alpha * lam[j] * (w[s - 1, j] - q[j]),
    )
    rho = recursive(
        "rho", (0, K), n, start=K, value=1, rule=lambda s, j: (1 - alpha * lam[j]) * rho[s + 1, j]
    )
    g = array("g", (1, T))
    m = recursive("m", (0, T), start=0, value=0, rule=lambda t: beta * m[t - 1] + (1 - beta) * g[t])
    u = recursive("u", (0, T), start=T, value=1, rule=lambda t: beta * u[t + 1])
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    n = definitions()
    error, mean, weights = error_lemma(n), mean_lemma(n), weights_lemma(n)
    return [
        slope(n), error, error_after_all_steps(n, error), bound(n), descent(n),
        mean, weights, mean_of_a_constant(n, weights), look_ahead(n),
    ]  # fmt: skip


def slope(n):
    """The gradient of the quadratic, which gradient descent follows."""
    return Derivation(D(n.loss, n.p[n.j]), "optim_slope").step(
        n.lam[n.j] * (n.p[n.j] - n.q[n.j]), "each coordinate has its own parabola"
    )


def error_lemma(n):
    """Each step multiplies the error by 1 - alpha lambda: times the powers to come it is fixed."""
    return Induction(
        "optim_error_lemma",
        lambda s: n.rho[s, n.j] * (n.w[s, n.j] - n.q[n.j]),
        lambda s: n.rho[0, n.j] * (n.w[0, n.j] - n.q[n.j]),
        over=(0, n.K),
        using=lambda s: [n.w.unroll(s + 1), n.rho.unroll(s)],
    )


def error_after_all_steps(n, lemma):
    """The error after K steps: the K-th power of 1 - alpha lambda times the error at the start."""
    return (
        Derivation(n.w[n.K, n.j] - n.q[n.j], "optim_error")
        .step(n.rho[n.K, n.j] * (n.w[n.K, n.j] - n.q[n.j]), "power zero is 1", [n.rho.unroll(n.K)])
        .step(n.rho[0, n.j] * (n.w[0, n.j] - n.q[n.j]), "the lemma at K", [lemma])
    )


def bound(n):
    """Where the factor of the error is less than one in size, its square less one is negative."""
    a, c = n.alpha, n.lam[n.j]
    return Derivation((1 - a * c) ** 2 - 1, "optim_bound").step(
        a * c * (a * c - 2), "a difference of squares"
    )


def descent(n):
    """What a step changes in the loss: each coordinate goes down while alpha lambda is below 2."""
    a, lam, p, q = n.alpha, n.lam, n.p, n.q
    after = n.bowl(lambda j: p[j] - a * lam[j] * (p[j] - q[j]))
    return Derivation(after - n.loss, "optim_descent").step(
        total(lambda j: lam[j] * a * lam[j] * (a * lam[j] - 2) * (p[j] - q[j]) ** 2, n.n) / 2,
        "the bound, coordinate by coordinate",
    )


def mean_lemma(n):
    """Adam's running mean is a weighted sum of all gradients, the last with the most weight."""
    return Induction(
        "optim_mean",
        lambda s: n.u[s] * n.m[s],
        lambda s: (1 - n.beta) * total(lambda t: n.u[t] * n.g[t], (1, s)),
        over=(0, n.T),
        using=lambda s: [n.m.unroll(s + 1), n.u.unroll(s)],
    )


def weights_lemma(n):
    """Its weights sum to one less the power of beta: too little, as the mean starts at zero."""
    return Induction(
        "optim_weights",
        lambda s: total(lambda t: (1 - n.beta) * n.u[t], (1, s)),
        lambda s: n.u[s] - n.u[0],
        over=(0, n.T),
        using=lambda s: [n.u.unroll(s)],
    )


def mean_of_a_constant(n, weights):
    """For equal gradients c the mean is (1 - beta^T) c, so Adam divides by 1 - beta^T."""
    c = scalar("c")
    start = total(lambda t: (1 - n.beta) * n.u[t], (1, n.T)) * c
    return Derivation(start, "optim_bias").step(
        (1 - n.u[0]) * c, "the weights' sum, and power zero is 1", [weights, n.u.unroll(n.T)]
    )


def look_ahead(n):
    r"""Nesterov's step, written for the point that is looked ahead to.

    In the usual form :math:`d' = \mu d - \alpha g(\theta + \mu d)`,
    :math:`\theta' = \theta + d'`. With :math:`p = \theta + \mu d` and :math:`d = -\alpha v`, the
    next point looked ahead to, :math:`\theta' + \mu d'`, is what the library computes.
    """
    p, v, g = scalar("p v g")
    d = -n.alpha * v
    theta, moved = p - n.mu * d, n.mu * d - n.alpha * g
    return Derivation((theta + moved) + n.mu * moved, "optim_nesterov").step(
        p - n.alpha * (g + n.mu * (n.mu * v + g)), "the old look ahead is taken back"
    )


def checks():
    """The library's optimisers against the formulas, at random sizes, curvatures and rates."""
    return [_descent_check(), _bias_check(), _nesterov_check()]


def _descent_check():
    """Gradient descent on a quadratic for K steps, below and above the bound."""
    rng, errors, span = np.random.default_rng(0), [], (1, 12)
    for K in range(span[0], span[1] + 1):
        lam, q, w = rng.uniform(0.1, 3, K), rng.normal(size=K), rng.normal(size=K)
        rate = rng.uniform(0.1, 1.2)
        expected = q + (1 - rate * lam) ** K * (w - q)
        errors.append(_error(_run(optim.sgd(rate), w, lambda p, lam=lam, q=q: lam * (p - q), K)[0],
                             expected))
    return _agreement("optim_error", "optim.sgd", errors, {"K": span, "n": span})


def _bias_check():
    """Adam's mean of a constant gradient for T steps."""
    rng, errors, span = np.random.default_rng(0), [], (1, 12)
    for T in range(span[0], span[1] + 1):
        c, beta = rng.normal(size=3), rng.uniform(0.1, 0.99)
        _, slots = _run(optim.adam(0.1, beta1=beta), c, lambda p, c=c: c, T)
        errors.append(_error((1 - beta) * slots.m, (1 - beta**T) * c))
    return _agreement("optim_bias", "optim.adam", errors, {"T": span})


def _nesterov_check():
    """Nesterov's method in its usual form, where the gradient is taken ahead."""
    rng, errors, span = np.random.default_rng(0), [], (1, 12)
    for K in range(span[0], span[1] + 1):
        lam, theta = rng.uniform(0.1, 3, 3), rng.normal(size=3)
        rate, mu = rng.uniform(0.01, 0.3), rng.uniform(0.1, 0.9)
        p, _ = _run(optim.nesterov(rate, mu), theta, lambda p, lam=lam: lam * p, K)
        d = np.zeros(3)
        for _ in range(K):
            d = mu * d - rate * lam * (theta + mu * d)
            theta = theta + d
        errors.append(_error(p, theta + mu * d))
    return _agreement("optim_nesterov", "optim.nesterov", errors, {"K": span})


def _run(optimizer, p, gradient, steps):
    slots = optimizer.init(p)
    for _ in range(steps):
        p, slots = optimizer.step(p, gradient(p), slots)
    return p, slots


def _error(ours, expected):
    return float(np.max(np.abs(ours - expected) / (1 + np.abs(expected))))


def _agreement(name, function, errors, sizes):
    if not max(errors) <= TOLERANCE["formula"]:
        raise CheckFailed(f"{function} against {name}: relative error {max(errors):.1e}")
    return Agreement(name, function, {"formula": max(errors)}, sizes)
