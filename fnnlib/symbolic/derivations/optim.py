r"""Gradient descent: its largest learning rate; momentum, Adam, weight decay, schedules, clipping.

How large may a learning rate be? And what do momentum, Adam and the schedules add up to over many
steps?

The quadratic is :math:`\mathcal{L} = \sum_j \lambda_j (p_j - q_j)^2 / 2`, with a curvature
:math:`\lambda_j` for each of :math:`n` coordinates of the point :math:`p`; every quadratic with a
minimum :math:`q` has this form in the axes of its Hessian. Gradient descent with the learning rate
:math:`\alpha` goes through the points :math:`w_0, w_1, \dots, w_K`. Powers with a symbolic exponent
are written as the recurrence that defines them: :math:`\rho_s` is :math:`(1 - \alpha\lambda)^{K -
s}`, and :math:`u_s` is :math:`\beta^{T - s}`.

What is proved are identities: the error after :math:`K` steps, for any :math:`K`, and :math:`(1 -
\alpha\lambda)^2 - 1 = \alpha\lambda(\alpha\lambda - 2)`. For :math:`\lambda > 0` the right side is
negative just when :math:`0 < \alpha < 2 / \lambda`, so the error shrinks just then. This last step
is about signs: it is argued here and measured in the tests, not proved by the engine.

Momentum and Adam see the gradients :math:`g_1, \dots, g_T` and forget them by the factor
:math:`\beta`: :math:`m` is Adam's mean, :math:`v` the velocity of momentum, :math:`r` the mean of
squares. All gradients equal to :math:`c` show why Adam divides by one less a power of
:math:`\beta`.

Nesterov's step in its usual form is :math:`d' = \mu d - \alpha g(\theta + \mu d)`, :math:`\theta' =
\theta + d'`. With :math:`p = \theta + \mu d` and :math:`d = -\alpha v`, the next point looked ahead
to, :math:`\theta' + \mu d'`, is what the library computes. In AdamW :math:`d` is Adam's direction
and :math:`w` the decay. A warm-up of :math:`n` steps :math:`t` leads to the rate :math:`\alpha`; a
cosine of :math:`T` steps goes from :math:`\alpha` down to :math:`\alpha_0`. Clipping scales a
gradient :math:`d` that is too long to the length :math:`c`.
"""

from types import SimpleNamespace

import numpy as np
from sympy import cos, pi

from fnnlib import optim
from fnnlib.symbolic import (
    D,
    Derivation,
    Induction,
    array,
    define,
    index,
    part,
    recursive,
    scalar,
    size,
    sqrt,
    total,
)
from fnnlib.symbolic.agreement import within_tolerance


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
    v = recursive("v", (0, T), start=0, value=0, rule=lambda t: beta * v[t - 1] + g[t])
    square = recursive(
        "r", (0, T), start=0, value=0,
        rule=lambda t: beta * square[t - 1] + (1 - beta) * g[t] ** 2,
    )
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    n = definitions()
    error, mean, weights = error_lemma(n), mean_lemma(n), weights_lemma(n)
    return [
        slope(n), error, error_after_all_steps(n, error), bound(n), descent(n),
        mean, weights, mean_of_a_constant(n, weights), momentum(n), squares(n), look_ahead(n),
        decoupled_decay(), warm_up(), cosine(), clipped(n),
    ]  # fmt: skip


@part
def slope(n):
    """The gradient of the quadratic, which gradient descent follows."""
    return Derivation(D(n.loss, n.p[n.j]), "optim_slope").step(
        n.lam[n.j] * (n.p[n.j] - n.q[n.j]), "each coordinate has its own parabola"
    )


@part
def error_lemma(n):
    r"""A step multiplies the error by :math:`1 - \alpha\lambda`: times the powers to come it is
    fixed.
    """
    return Induction(
        "optim_error_lemma",
        lambda s: n.rho[s, n.j] * (n.w[s, n.j] - n.q[n.j]),
        lambda s: n.rho[0, n.j] * (n.w[0, n.j] - n.q[n.j]),
        over=(0, n.K),
        using=lambda s: [n.w.unroll(s + 1), n.rho.unroll(s)],
    )


@part
def error_after_all_steps(n, lemma):
    r"""The error after :math:`K` steps: the power :math:`(1 - \alpha\lambda)^K` times the first
    error.
    """
    return (
        Derivation(n.w[n.K, n.j] - n.q[n.j], "optim_error")
        .step(n.rho[n.K, n.j] * (n.w[n.K, n.j] - n.q[n.j]), "power zero is 1", [n.rho.unroll(n.K)])
        .step(n.rho[0, n.j] * (n.w[0, n.j] - n.q[n.j]), "the lemma at K", [lemma])
    )


@part
def bound(n):
    """Where the factor of the error is less than one in size, its square less one is negative."""
    a, c = n.alpha, n.lam[n.j]
    return Derivation((1 - a * c) ** 2 - 1, "optim_bound").step(
        a * c * (a * c - 2), "a difference of squares"
    )


@part
def descent(n):
    r"""What a step changes in the loss: a coordinate goes down while :math:`\alpha\lambda` is below
    2.
    """
    a, lam, p, q = n.alpha, n.lam, n.p, n.q
    after = n.bowl(lambda j: p[j] - a * lam[j] * (p[j] - q[j]))
    return Derivation(after - n.loss, "optim_descent").step(
        total(lambda j: lam[j] * a * lam[j] * (a * lam[j] - 2) * (p[j] - q[j]) ** 2, n.n) / 2,
        "the bound, coordinate by coordinate",
    )


@part
def mean_lemma(n):
    """Adam's running mean is a weighted sum of all gradients, the last with the most weight."""
    return Induction(
        "optim_mean",
        lambda s: n.u[s] * n.m[s],
        lambda s: (1 - n.beta) * total(lambda t: n.u[t] * n.g[t], (1, s)),
        over=(0, n.T),
        using=lambda s: [n.m.unroll(s + 1), n.u.unroll(s)],
    )


@part
def weights_lemma(n):
    r"""Its weights sum to one less a power of :math:`\beta`: too little, as the mean starts at
    zero.
    """
    return Induction(
        "optim_weights",
        lambda s: total(lambda t: (1 - n.beta) * n.u[t], (1, s)),
        lambda s: n.u[s] - n.u[0],
        over=(0, n.T),
        using=lambda s: [n.u.unroll(s)],
    )


@part
def mean_of_a_constant(n, weights):
    r"""For equal gradients :math:`c` the mean is :math:`(1 - \beta^T) c`: Adam divides by the
    factor.
    """
    c = scalar("c")
    start = total(lambda t: (1 - n.beta) * n.u[t], (1, n.T)) * c
    return Derivation(start, "optim_bias").step(
        (1 - n.u[0]) * c, "the weights' sum, and power zero is 1", [weights, n.u.unroll(n.T)]
    )


@part
def momentum(n):
    r"""The velocity of momentum is a weighted sum of all gradients, no mean: no :math:`1 - \beta`.
    """
    return Induction(
        "optim_momentum",
        lambda s: n.u[s] * n.v[s],
        lambda s: total(lambda t: n.u[t] * n.g[t], (1, s)),
        over=(0, n.T),
        using=lambda s: [n.v.unroll(s + 1), n.u.unroll(s)],
    )


@part
def squares(n):
    """RMSprop and Adam divide by the root of such a mean, that of the squared gradients."""
    return Induction(
        "optim_squares",
        lambda s: n.u[s] * n.square[s],
        lambda s: (1 - n.beta) * total(lambda t: n.u[t] * n.g[t] ** 2, (1, s)),
        over=(0, n.T),
        using=lambda s: [n.square.unroll(s + 1), n.u.unroll(s)],
    )


@part
def decoupled_decay():
    """AdamW adds the decay to Adam's step, not to the gradient that the step is made from."""
    p, d, alpha, w = scalar("p d alpha w")
    return Derivation((1 - alpha * w) * p - alpha * d, "optim_adamw").step(
        p - alpha * (d + w * p), "the decay is a step of its own"
    )


@part
def warm_up():
    """The rate rises by equal steps, and one more of them reaches the rate that follows."""
    alpha, t, n = scalar("alpha"), scalar("t"), size("n")

    def rate(t):
        return alpha * (t + 1) / (n + 1)

    return (
        Derivation(rate(t + 1) - rate(t), "optim_warm_up")
        .step(alpha / (n + 1), "equal steps")
        .step(alpha - rate(n - 1), "the last of them")
    )


@part
def cosine():
    """A cosine falls as far above its middle as below: two mirrored steps have the mean rate."""
    (alpha, least), t, T = scalar("alpha alpha_0"), scalar("t"), size("T")
    mirrored = _on_cosine(alpha, least, t, T) + _on_cosine(alpha, least, T - t, T)
    return Derivation(mirrored, "optim_cosine").step(
        alpha + least, "the cosines of supplementary angles cancel"
    )


def _on_cosine(alpha, least, t, T):
    return least + (alpha - least) * (1 + cos(pi * t / T)) / 2


@part
def clipped(n):
    """Scaled by :math:`c` over its length, a gradient has the length :math:`c`."""
    c, d = scalar("c"), array("d", n.n)
    length = sqrt(total(lambda k: d[k] ** 2, n.n))
    return Derivation(total(lambda k: (d[k] * c / length) ** 2, n.n), "optim_clip").step(
        c**2, "the length cancels"
    )


@part
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
    return [
        _descent_check(), _bias_check(), *_sum_checks(), _nesterov_check(), _adamw_check(),
        *_schedule_checks(), _clip_check(),
    ]  # fmt: skip


def _descent_check():
    """Gradient descent on a quadratic for K steps, below and above the bound."""
    rng, errors, span = np.random.default_rng(0), [], (1, 12)
    for K in range(span[0], span[1] + 1):
        lam, q, w = rng.uniform(0.1, 3, K), rng.normal(size=K), rng.normal(size=K)
        rate = rng.uniform(0.1, 1.2)
        expected = q + (1 - rate * lam) ** K * (w - q)
        errors.append(_error(_run(optim.sgd(rate), w, lambda p, lam=lam, q=q: lam * (p - q), K)[0],
                             expected))
    return within_tolerance("optim_error", "optim.sgd", errors, {"K": span, "n": span})


def _bias_check():
    """Adam's mean of a constant gradient for T steps."""
    rng, errors, span = np.random.default_rng(0), [], (1, 12)
    for T in range(span[0], span[1] + 1):
        c, beta = rng.normal(size=3), rng.uniform(0.1, 0.99)
        _, slots = _run(optim.adam(0.1, beta1=beta), c, lambda p, c=c: c, T)
        errors.append(_error((1 - beta) * slots.m, (1 - beta**T) * c))
    return within_tolerance("optim_bias", "optim.adam", errors, {"T": span})


def _sum_checks():
    """What the optimisers remember after T different gradients."""
    rng, errors, span = np.random.default_rng(0), ([], [], [], []), (1, 12)
    for T in range(span[0], span[1] + 1):
        g, beta = rng.normal(size=(T, 3)), rng.uniform(0.1, 0.99)
        weights = beta ** np.arange(T)[::-1]
        _, v = _follow(optim.sgd(0.1, momentum=beta), g)
        _, of_rmsprop = _follow(optim.rmsprop(0.1, beta), g)
        _, of_adam = _follow(optim.adam(0.1, beta, beta), g)
        square = (1 - beta) * weights @ g**2
        pairs = (  # Adam keeps sums; its factor 1 - beta is part of the step
            (v, weights @ g), (of_rmsprop.v, square), ((1 - beta) * of_adam.v, square),
            ((1 - beta) * of_adam.m, (1 - beta) * weights @ g),
        )
        for found, (ours, theirs) in zip(errors, pairs, strict=True):
            found.append(_error(ours, theirs))
    rows = (
        ("optim_momentum", "optim.sgd"), ("optim_squares", "optim.rmsprop"),
        ("optim_squares", "optim.adam"), ("optim_mean", "optim.adam"),
    )
    return [within_tolerance(*row, e, {"T": span}) for row, e in zip(rows, errors, strict=True)]


def _follow(optimizer, gradients):
    ahead = iter(gradients)
    return _run(optimizer, np.zeros_like(gradients[0]), lambda p: next(ahead), len(gradients))


def _adamw_check():
    """A step of AdamW against one of Adam from the same point, less the decay."""
    rng, errors, span = np.random.default_rng(0), [], (1, 12)
    for n in range(span[0], span[1] + 1):
        p, g, (rate, w) = rng.normal(size=n), rng.normal(size=n), rng.uniform(0.1, 0.9, 2)
        plain, _ = _run(optim.adam(rate), p, lambda p, g=g: g, 1)
        decayed, _ = _run(optim.adamw(rate, weight_decay=w), p, lambda p, g=g: g, 1)
        errors.append(_error(decayed, plain - rate * w * p))
    return within_tolerance("optim_adamw", "optim.adamw", errors, {"n": span})


def _schedule_checks():
    """The rises of a warm-up, and the rates on a cosine."""
    rng, rises, falls, span = np.random.default_rng(0), [], [], (1, 12)
    for n in range(span[0], span[1] + 1):
        alpha, least = rng.uniform(1, 2), rng.uniform(0, 1)
        rates = np.array([optim.warm_up(lambda t, a=alpha: a, n)(t) for t in range(n + 1)])
        rises.append(_error(np.diff(rates), np.full(n, alpha / (n + 1))))
        rates = np.array([optim.cosine(alpha, n, least)(t) for t in range(n + 1)])
        expected = np.array([float(_on_cosine(alpha, least, t, n)) for t in range(n + 1)])
        falls.append(_error(rates, expected))
    return [
        within_tolerance("optim_warm_up", "optim.warm_up", rises, {"n": span}),
        within_tolerance("optim_cosine", "optim.cosine", falls, {"T": span}),
    ]


def _clip_check():
    """The length of gradients that were too long, and their direction."""
    rng, errors, span = np.random.default_rng(0), [], (1, 12)
    for n in range(span[0], span[1] + 1):
        g, c = 1 + rng.uniform(size=n), rng.uniform(0.1, 1)
        (short,), _ = optim.clip_by_global_norm((g,), c)
        errors += [_error(np.sum(short**2), c**2), _error(short / short[0], g / g[0])]
    return within_tolerance("optim_clip", "optim.clip_by_global_norm", errors, {"n": span})


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
    return within_tolerance("optim_nesterov", "optim.nesterov", errors, {"K": span})


def _run(optimizer, p, gradient, steps):
    slots = optimizer.init(p)
    for _ in range(steps):
        p, slots = optimizer.step(p, gradient(p), slots)
    return p, slots


def _error(ours, expected):
    return float(np.max(np.abs(ours - expected) / (1 + np.abs(expected))))
