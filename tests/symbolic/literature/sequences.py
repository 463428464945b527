"""Sums over time, recurrences that are solved or differentiated, and recurrent networks."""

from typing import NamedTuple

from sympy import cos, sin

from fnnlib.symbolic import (
    D,
    Rational,
    array,
    delta,
    function,
    index,
    recursive,
    scalar,
    sigmoid,
    size,
    tanh,
    total,
)

T, n, m = size("T n m")
q, a, b = (array(name, (0, T)) for name in "qab")
x, g = array("x", (1, T)), array("g", (1, T))
c, r, alpha = scalar("c r alpha")
W, s, bias = array("W", n, n), array("s", n), array("b", n)
i, j, k = index("i j k", n)


class Always(NamedTuple):
    """What an Induction is made of: left(s) = right(s) for every s of a range."""

    left: object
    right: object
    over: tuple
    using: object = lambda s: []


def telescope():
    """Differences of neighbours add up to the difference of the ends."""
    return total(lambda t: q[t] - q[t - 1], (1, T)), q[T] - q[0]


def summation_by_parts():
    """Abel's summation by parts."""
    return (
        total(lambda t: a[t] * (b[t] - b[t - 1]), (1, T)),
        a[T] * b[T] - a[0] * b[0] - total(lambda t: (a[t] - a[t - 1]) * b[t - 1], (1, T)),
    )


def geometric_sum():
    """(1 - r) (1 + r + ... + r^(T-1)) = 1 - r^T, with the powers made step by step."""
    power = recursive("p", (0, T), start=0, value=1, rule=lambda t: r * power[t - 1])
    return Always(
        lambda s: (1 - r) * total(lambda t: power[t - 1], (1, s)),
        lambda s: 1 - power[s],
        over=(0, T), using=lambda s: [power.unroll(s + 1)],
    )


def geometric_sum_of_powers():
    """The same with r^t as a power."""
    return Always(
        lambda s: (1 - r) * total(lambda t: r**t, (0, s - 1)),
        lambda s: 1 - r**s,
        over=(0, T),
    )


def triangular_numbers():
    """1 + 2 + ... + T = T (T + 1) / 2."""
    return Always(
        lambda s: total(lambda t: t, (1, s)), lambda s: s * (s + 1) / 2,
        over=(0, T),
    )


def square_pyramid():
    """The sum of squares."""
    return Always(
        lambda s: total(lambda t: t**2, (1, s)),
        lambda s: s * (s + 1) * (2 * s + 1) / 6, over=(0, T),
    )


def nicomachus():
    """The sum of cubes is the square of the sum."""
    return Always(
        lambda s: total(lambda t: t**3, (1, s)),
        lambda s: (s * (s + 1) / 2) ** 2, over=(0, T),
    )


def sum_over_a_triangle():
    """A sum over u <= t, by rows and by columns (Fubini)."""
    f = array("f", (1, T), (1, T))
    return Always(
        lambda s: total(lambda t: total(lambda u: f[u, t], (1, t)), (1, s)),
        lambda s: total(lambda u: total(lambda t: f[u, t], (u, s)), (1, s)),
        over=(0, T),
    )


def discounted_return():
    """R_0 = x_1 + r x_2 + ... + r^s R_s, where R_(t-1) = x_t + r R_t."""
    back = recursive("R", (0, T), start=T, rule=lambda t: x[t + 1] + r * back[t + 1])
    power = recursive("p", (0, T), start=0, value=1, rule=lambda t: r * power[t - 1])
    return Always(
        lambda s: back[0],
        lambda s: total(lambda t: power[t - 1] * x[t], (1, s)) + power[s] * back[s],
        over=(0, T), using=lambda s: [power.unroll(s + 1), back.unroll(s)],
    )


def moving_average_of_a_constant():
    """An exponential average of a constant c that starts at q_0 is c + (q_0 - c) r^t."""
    mean = recursive("m", (0, T), start=0, rule=lambda t: r * mean[t - 1] + (1 - r) * c)
    weight = recursive("p", (0, T), start=T, value=1, rule=lambda t: r * weight[t + 1])
    return Always(
        lambda s: weight[s] * (mean[s] - c), lambda s: weight[0] * (mean[0] - c),
        over=(0, T), using=lambda s: [mean.unroll(s + 1), weight.unroll(s)],
    )


def adjoint_of_a_linear_recurrence():
    """g h = lambda x for h_t = r h_(t-1) + x_t and lambda_t = r lambda_(t+1) + g_t, h_0 = 0."""
    h = recursive("h", (0, T), start=0, value=0, rule=lambda t: r * h[t - 1] + x[t])
    lam = recursive("lambda", (1, T), rule=lambda t: g[t] + carry[t])
    carry = recursive("v", (0, T), start=T, rule=lambda t: r * lam[t + 1])
    return Always(
        lambda s: total(lambda t: g[t] * h[t], (1, s)),
        lambda s: total(lambda t: lam[t] * x[t], (1, s)) - carry[s] * h[s],
        over=(0, T), using=lambda s: [h.unroll(s + 1), lam.unroll(s + 1), carry.unroll(s)],
    )


def linear_attention_is_recurrent():
    """q S_T = sum_t (q k_t) v_t for S_t = S_(t-1) + k_t' v_t. Katharopoulos et al. (2020)."""
    keys, values = array("k", (1, T), n), array("v", (1, T), m)
    memory = recursive(
        "S", (0, T), n, m, start=0, value=0,
        rule=lambda t, i, h: memory[t - 1, i, h] + keys[t, i] * values[t, h],
    )
    query, h = array("q", n), index("h", m)
    return Always(
        lambda s: total(lambda i: query[i] * memory[s, i, h], n),
        lambda s: total(
            lambda t: total(lambda i: query[i] * keys[t, i], n) * values[t, h], (1, s)
        ),
        over=(0, T), using=lambda s: [memory.unroll(s + 1)],
    )


def momentum_is_a_sum_of_gradients():
    """w_T = w_0 - c sum_t v_t and v_t = r v_(t-1) + g_t: what all steps move together."""
    v = recursive("v", (0, T), start=0, value=0, rule=lambda t: r * v[t - 1] + g[t])
    w = recursive("w", (0, T), start=0, rule=lambda t: w[t - 1] - c * v[t])
    return Always(
        lambda s: (1 - r) * (w[s] - w[0]),
        lambda s: c * r * v[s] - c * total(lambda t: g[t], (1, s)),
        over=(0, T), using=lambda s: [v.unroll(s + 1), w.unroll(s + 1)],
    )


def kinetic_energy_of_a_rotation():
    """x_t^2 + y_t^2 stays the same under x <- a x - b y, y <- b x + a y with a^2 + b^2 = 1."""
    h = recursive("h", (0, T), start=0, rule=lambda t: c * h[t - 1] - alpha * p[t - 1])
    p = recursive("p", (0, T), start=0, rule=lambda t: alpha * h[t - 1] + c * p[t - 1])
    scale = recursive("v", (0, T), start=T, value=1,
                      rule=lambda t: (c**2 + alpha**2) * scale[t + 1])
    return Always(
        lambda s: scale[s] * (h[s] ** 2 + p[s] ** 2),
        lambda s: scale[0] * (h[0] ** 2 + p[0] ** 2),
        over=(0, T), using=lambda s: [h.unroll(s + 1), p.unroll(s + 1), scale.unroll(s)],
    )


def leaky_integrator():
    """The Jacobian of a leaky step by the state before. Jaeger et al. (2007)."""
    h = array("h", n)
    inner = lambda j: total(lambda k: h[k] * W[k, j], n) + bias[j]  # noqa: E731
    step = (1 - alpha) * h[j] + alpha * tanh(inner(j))
    return D(step, h[i]), (1 - alpha) * delta(i, j) + alpha * W[i, j] * (1 - tanh(inner(j)) ** 2)


def influence_recursion():
    """Real-time recurrent learning: how h_k moves with W_ij. Williams and Zipser (1989)."""
    h, P = array("h", n), array("P", n, n, n)
    inner = total(lambda m: h[m] * W[m, k], n)
    step = tanh(inner)
    moved = total(lambda m: D(step, h[m]) * P[m, i, j], n) + D(step, W[i, j])
    return moved, (1 - step**2) * (
        total(lambda m: W[m, k] * P[m, i, j], n) + delta(j, k) * h[i]
    )


def peephole():
    """The gradient by the forget gate's peepholes in one step. Gers and Schmidhuber (2000)."""
    old, new, p, f, dc = (array(name, n) for name in ("c", "d", "p", "f", "G"))
    gate = lambda k: sigmoid(f[k] + p[k] * old[k])  # noqa: E731
    loss = total(lambda k: dc[k] * (gate(k) * old[k] + new[k]), n)
    return D(loss, p[i]), dc[i] * old[i] ** 2 * gate(i) * (1 - gate(i))


def minimal_gated_unit():
    """The gradient by the bias of the only gate, which acts twice. Zhou et al. (2016)."""
    h, f, x, dh, U = (*(array(name, n) for name in ("h", "f", "x", "G")), array("U", n, n))
    gate = lambda k: sigmoid(f[k])  # noqa: E731
    inner = lambda j: x[j] + total(lambda k: gate(k) * h[k] * U[k, j], n)  # noqa: E731
    out = lambda j: (1 - gate(j)) * h[j] + gate(j) * tanh(inner(j))  # noqa: E731
    through = total(lambda j: dh[j] * gate(j) * (1 - tanh(inner(j)) ** 2) * U[i, j], n)
    return D(total(lambda j: dh[j] * out(j), n), f[i]), gate(i) * (1 - gate(i)) * (
        dh[i] * (tanh(inner(i)) - h[i]) + h[i] * through
    )


def hopfield_gradient():
    """The gradient of the energy -s W s / 2 - b s, for any W. Hopfield (1982)."""
    energy = -total(lambda i, j: s[i] * W[i, j] * s[j], n, n) / 2 - total(
        lambda k: bias[k] * s[k], n
    )
    return D(energy, s[i]), -total(lambda j: (W[i, j] + W[j, i]) * s[j], n) / 2 - bias[i]


def hopfield_energy_of_a_change():
    """What changing one unit by c does to the energy, with symmetric W. Hopfield (1982)."""
    weight = lambda i, j: W[i, j] + W[j, i]  # noqa: E731

    def energy(s):
        return -total(lambda i, j: s(i) * weight(i, j) * s(j), n, n) / 2

    return (
        energy(lambda j: s[j] + c * delta(i, j)) - energy(lambda j: s[j]),
        -c * total(lambda j: weight(i, j) * s[j], n) - c**2 * W[i, i],
    )


def hopfield_descent():
    """Along u' = W f(u) + b the energy falls by f'(u) u'^2 in each unit. Hopfield (1984)."""
    f, u = function("f"), array("u", n)
    weight = lambda i, j: W[i, j] + W[j, i]  # noqa: E731
    moved = lambda i: total(lambda j: weight(i, j) * f(u[j]), n) + bias[i]  # noqa: E731
    energy = -total(lambda i, j: f(u[i]) * weight(i, j) * f(u[j]), n, n) / 2 - total(
        lambda k: bias[k] * f(u[k]), n
    )
    slope = type(f(c).diff(c))
    return (
        total(lambda k: D(energy, u[k]) * moved(k), n),
        -total(lambda k: slope(u[k]) * moved(k) ** 2, n),
    )


def implicit_euler_of_decay():
    """One implicit step of h' = -h / tau is a step of the leaky integrator."""
    tau, step, h = scalar("tau step h", positive=True)
    return h / (1 + step / tau), (1 - step / (tau + step)) * h


def trapezoid_of_a_line():
    """The trapezoid rule is exact for c t + r."""
    line = lambda t: c * t + r  # noqa: E731
    return Always(
        lambda s: total(lambda t: (line(t) + line(t - 1)) / 2, (1, s)),
        lambda s: c * s**2 * Rational(1, 2) + r * s,
        over=(0, T),
    )


def backwards():
    """A sum may be taken from its end."""
    return (
        total(lambda t: x[T + 1 - t] * g[t], (1, T)),
        total(lambda t: x[t] * g[T + 1 - t], (1, T)),
    )


def sum_over_a_triangle_at_once():
    """The sum over u <= t once more, without induction."""
    f = array("f", n, n)
    return (
        total(lambda t: total(lambda u: f[u, t], (0, t)), n),
        total(lambda u: total(lambda t: f[u, t], (u, n - 1)), n),
    )


def rotation_keeps_the_norm():
    """A pair that is turned by an angle keeps its length, as in rotary embeddings."""
    u, v = scalar("u v")
    turned = (u * cos(c) - v * sin(c)) ** 2 + (u * sin(c) + v * cos(c)) ** 2
    return turned, u**2 + v**2
