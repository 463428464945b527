"""Variances, covariances, likelihoods, entropies, divergences, and gradients of expectations."""

from fnnlib.symbolic import (
    D,
    S,
    array,
    define,
    delta,
    exp,
    index,
    log,
    scalar,
    sigmoid,
    size,
    total,
)

n, m, B, G = size("n m B G")
x, y, z, w, r, v = (array(name, n) for name in "xyzwrv")
i, j, k = index("i j k", n)
u, c, tau, mu, s = (scalar(name) for name in ("u", "c", "tau", "mu", "s"))


def mean(f, axis=n):
    return total(f, axis) / axis


def softmax(name, z, scale=S.One):
    return define(
        name, lambda i: exp(z[i] / scale) / total(lambda k: exp(z[k] / scale), n), n
    )


p, q = softmax("p", z), softmax("q", w)
entropy = -total(lambda k: p[k] * log(p[k]), n)
divergence = total(lambda k: p[k] * log(p[k] / q[k]), n)
average = total(lambda k: p[k] * r[k], n)


def deviations_sum_to_zero():
    """Deviations from the mean add up to nothing."""
    m_ = mean(lambda k: x[k])
    return total(lambda k: x[k] - m_ + y[k], n), total(lambda k: y[k], n)


def variance_by_moments():
    """The squared deviations from the mean are the squares less n times the squared mean."""
    m_ = mean(lambda k: x[k])
    return total(lambda k: (x[k] - m_) ** 2, n), total(lambda k: x[k] ** 2, n) - n * m_**2


def variance_by_pairs():
    """All squared differences of pairs are 2n times the squared deviations from the mean."""
    m_ = mean(lambda k: x[k])
    return (
        total(lambda i, j: (x[i] - x[j]) ** 2, n, n),
        2 * n * total(lambda k: (x[k] - m_) ** 2, n),
    )


def steiner():
    """Squared distances to any c are those to the mean plus n times its own. Steiner's theorem."""
    m_ = mean(lambda k: x[k])
    return (
        total(lambda k: (x[k] - c) ** 2, n),
        total(lambda k: (x[k] - m_) ** 2, n) + n * (m_ - c) ** 2,
    )


def within_and_between_groups():
    """Squared deviations split into those within groups and those of the groups' means."""
    X = array("X", G, B)
    of = lambda g: mean(lambda b: X[g, b], B)  # noqa: E731
    grand = total(lambda g, b: X[g, b], G, B) / (G * B)
    return (
        total(lambda g, b: (X[g, b] - grand) ** 2, G, B),
        total(lambda g, b: (X[g, b] - of(g)) ** 2, G, B)
        + B * total(lambda g: (of(g) - grand) ** 2, G),
    )


def covariance_shift():
    """A covariance does not change when constants are added."""
    def covariance(x, y):
        return mean(lambda k: (x(k) - mean(x)) * (y(k) - mean(y)))

    return (
        covariance(lambda k: x[k] + u, lambda k: y[k] + c),
        mean(lambda k: x[k] * y[k]) - mean(lambda k: x[k]) * mean(lambda k: y[k]),
    )


def covariance_of_projections():
    """The covariance of X a is a C a, with C the covariance of the columns of X."""
    X, a = array("X", B, n), array("a", n)
    along = lambda b: total(lambda k: X[b, k] * a[k], n)  # noqa: E731

    def C(i, j):
        return mean(lambda b: X[b, i] * X[b, j], B) - mean(lambda b: X[b, i], B) * mean(
            lambda b: X[b, j], B
        )

    return (
        mean(lambda b: along(b) ** 2, B) - mean(along, B) ** 2,
        total(lambda i, j: a[i] * C(i, j) * a[j], n, n),
    )


def log_sum_exp_with_temperature():
    """The gradient of tau log sum exp(z / tau) is the softmax of z / tau."""
    warm = softmax("p", z, tau)
    return D(tau * log(total(lambda k: exp(z[k] / tau), n)), z[i]), warm[i]


def free_energy():
    """The derivative of tau log sum exp(z / tau) by tau is the entropy."""
    warm = softmax("p", z, tau)
    return (
        D(tau * log(total(lambda k: exp(z[k] / tau), n)), tau),
        -total(lambda k: warm[k] * log(warm[k]), n),
    )


def log_sum_exp_shift():
    """log sum exp(z + c) = c + log sum exp(z)."""
    return log(total(lambda k: exp(z[k] + c), n)), c + log(total(lambda k: exp(z[k]), n))


def log_sum_exp_curvature():
    """A variance is half the mean squared difference of independent pairs."""
    return (
        total(lambda i, j: v[i] * D(p[i], z[j]) * v[j], n, n),
        total(lambda i, j: p[i] * p[j] * (v[i] - v[j]) ** 2, n, n) / 2,
    )


def entropy_gradient():
    """The gradient of the entropy by the logits is -p (log p + H)."""
    return D(entropy, z[i]), -p[i] * (log(p[i]) + entropy)


def divergence_gradient():
    """The gradient of KL(p, q) by the logits of p is p (log(p / q) - KL)."""
    return D(divergence, z[i]), p[i] * (log(p[i] / q[i]) - divergence)


def divergence_gradient_of_the_model():
    """The gradient of KL(p, q) by the logits of q is q - p."""
    return D(divergence, w[i]), q[i] - p[i]


def divergence_and_cross_entropy():
    """KL(p, q) is the cross-entropy less the entropy, written with logits."""
    lse = lambda z: log(total(lambda k: exp(z[k]), n))  # noqa: E731
    return divergence, lse(w) - lse(z) + total(lambda k: p[k] * (z[k] - w[k]), n)


def score_has_mean_zero():
    """The expected gradient of the log-probability is zero: 1 stays 1."""
    return total(lambda i: p[i] * (D(log(p[i]), z[j]) + 1), n), S.One


def fisher_information():
    """The expected outer product of scores of a softmax is diag(p) - p'p."""
    score = lambda i, j: D(log(p[i]), z[j])  # noqa: E731
    return total(lambda i: p[i] * score(i, j) * score(i, k), n), p[j] * (delta(j, k) - p[k])


def policy_gradient():
    """The gradient of an expected reward is the expected reward times score. [williams1992]"""
    return D(average, z[j]), total(lambda i: p[i] * r[i] * D(log(p[i]), z[j]), n)


def policy_gradient_with_baseline():
    """A baseline c changes nothing: p_j (r_j - expected reward). [williams1992]"""
    return (
        total(lambda i: p[i] * (r[i] - c) * D(log(p[i]), z[j]), n),
        p[j] * (r[j] - average),
    )


def logistic_hessian():
    """The Hessian of the logistic loss is X' diag(s (1 - s)) X. [bishop2006]"""
    X, t = array("X", B, n), array("t", B)
    s = lambda b: sigmoid(total(lambda k: X[b, k] * w[k], n))  # noqa: E731
    gradient = total(lambda b: (s(b) - t[b]) * X[b, i], B)
    return D(gradient, w[j]), total(lambda b: X[b, i] * s(b) * (1 - s(b)) * X[b, j], B)


def poisson_regression():
    """The gradient of sum exp(xw) - t xw is X'(exp(Xw) - t)."""
    X, t = array("X", B, n), array("t", B)
    a = lambda b: total(lambda k: X[b, k] * w[k], n)  # noqa: E731
    return (
        D(total(lambda b: exp(a(b)) - t[b] * a(b), B), w[j]),
        total(lambda b: X[b, j] * (exp(a(b)) - t[b]), B),
    )


def ridge_regression():
    """The gradient of |Xw - t|^2 / 2 + c |w|^2 / 2 is (X'X + c) w - X't. [bishop2006]"""
    X, t = array("X", B, n), array("t", B)
    loss = total(lambda b: (total(lambda k: X[b, k] * w[k], n) - t[b]) ** 2, B) / 2
    penalty = c * total(lambda k: w[k] ** 2, n) / 2
    return (
        D(loss + penalty, w[j]),
        total(
            lambda k: (total(lambda b: X[b, j] * X[b, k], B) + c * delta(j, k)) * w[k], n
        ) - total(lambda b: X[b, j] * t[b], B),
    )


def gaussian_mean():
    """The gradient of a Gaussian log-likelihood by its mean, the log-scale being s."""
    loss = total(lambda k: (x[k] - mu) ** 2 * exp(-2 * s) / 2 + s, n)
    return D(loss, mu), exp(-2 * s) * (n * mu - total(lambda k: x[k], n))


def gaussian_scale():
    """And by its log-scale: n less the squared deviations over the variance."""
    loss = total(lambda k: (x[k] - mu) ** 2 * exp(-2 * s) / 2 + s, n)
    return D(loss, s), n - exp(-2 * s) * total(lambda k: (x[k] - mu) ** 2, n)


def gaussian_divergence():
    """KL of N(mu, e^2s) and N(0, 1): its gradient by the log-scales is e^2s - 1."""
    mus, logs = array("mu", n), array("s", n)
    kl = total(lambda k: (mus[k] ** 2 + exp(2 * logs[k]) - 1) / 2 - logs[k], n)
    return D(kl, logs[i]), exp(2 * logs[i]) - 1


def responsibilities():
    """The gradient of a mixture's log-likelihood by a mean, through responsibilities.

    [bishop2006], section 9.2.
    """
    mus = array("mu", n)
    weight = define("a", lambda k: exp(z[k] - (u - mus[k]) ** 2 / 2), n)
    whole = total(lambda k: weight[k], n)
    return D(log(whole), mus[i]), weight[i] / whole * (u - mus[i])


def mixture_of_experts():
    """The gradient of the squared error of a gated mixture by the logits of the gate.

    Jacobs, Jordan, Nowlan and Hinton (1991).
    """
    return D((average - c) ** 2 / 2, z[j]), (average - c) * p[j] * (r[j] - average)


def contrastive_loss():
    """InfoNCE by the query: expected key less the key that fits, over the temperature."""
    query, keys, first = array("q", m), array("k", n, m), array("f", m)
    score = lambda i: total(lambda d: query[d] * keys[i, d], m) / tau  # noqa: E731
    whole = total(lambda k: exp(score(k)), n)
    d = index("d", m)
    fits = total(lambda d: query[d] * first[d], m) / tau
    return (
        D(log(whole) - fits, query[d]),
        (total(lambda k: exp(score(k)) / whole * keys[k, d], n) - first[d]) / tau,
    )


def stochastic_matrices():
    """A product of matrices whose rows are softmaxes has rows that sum to one."""
    Z, W = array("Z", n, n), array("W", n, n)
    row = lambda Z, i, j: exp(Z[i, j]) / total(lambda k: exp(Z[i, k]), n)  # noqa: E731
    return total(lambda k, j: row(Z, i, k) * row(W, k, j), n, n), S.One
