"""Derivations that the tests of the widgets give them, as a chapter would."""

from functools import cache

from fnnlib.symbolic import (
    D,
    Derivation,
    array,
    define,
    exp,
    index,
    leaky_relu,
    log,
    recursive,
    relu,
    scalar,
    sigmoid,
    size,
    softplus,
    tanh,
    total,
)

z = scalar("z")


@cache
def activations():
    """Derivations of the slopes of five activations; leaky ReLU has the slope a."""
    a = scalar("a", positive=True)

    def start(f, name):
        return Derivation(D(f, z), name)

    return [
        start(sigmoid(z), "sigmoid_prime").step(sigmoid(z) * (1 - sigmoid(z)), "quotient rule"),
        start(tanh(z), "tanh_prime").step(1 - tanh(z) ** 2, "quotient rule"),
        start(relu(z), "relu_prime").cases({z > 0: 1, z < 0: 0}, "one line on each side"),
        start(leaky_relu(z, a), "leaky_prime").cases({z > 0: 1, z < 0: a}, "the same"),
        start(softplus(z), "softplus_prime").step(sigmoid(z), "chain rule"),
    ]


@cache
def slopes():
    """The derivations that the gradient-flow widget takes: tanh, identity, relu, sigmoid."""
    s, t, r, _, _ = activations()
    return [t, Derivation(D(z, z), "identity_prime").step(1, "a line"), r, s]


@cache
def losses():
    """Cross-entropy and squared error after softmax, for one example."""
    C = size("C")
    j, logits, u = index("j", C), array("z", C), array("u", C)
    p = define("p", lambda i: exp(logits[i]) / total(lambda k: exp(logits[k]), C), C)
    y = define("y", lambda i: u[i] / total(lambda k: u[k], C), C)
    cross = define("L", -total(lambda i: y[i] * log(p[i]), C))
    square = define("Q", total(lambda i: (p[i] - y[i]) ** 2, C) / 2)
    mean = total(lambda k: p[k] * (p[k] - y[k]), C)
    return {
        "cross_entropy": Derivation(D(cross, logits[j]), "cross_entropy").step(
            p[j] - y[j], "softmax Jacobian; the targets sum to one"
        ),
        "squared_error": Derivation(D(square, logits[j]), "squared_error").step(
            p[j] * (p[j] - y[j] - mean), "softmax Jacobian"
        ),
    }


@cache
def backpropagation_through_time():
    """The formulas of the training lab."""
    T, B, n_in, H, n_out = size("T B D H O")
    x, target = array("x", (1, T), B, n_in), array("target", (1, T), B, n_out)
    W, U, b = array("W", n_in, H), array("U", H, H), array("b", H)
    V, c = array("V", H, n_out), array("c", n_out)
    y, e = array("y e", (1, T), B, n_out)
    adjoint, delta = array("lambda delta", (1, T), B, H)
    t, n, o = index("t", (1, T)), index("n", B), index("o", n_out)
    i, j, k = *index("i j", H), index("k", n_in)

    def argument(t, n, j):
        of_input = total(lambda k: x[t, n, k] * W[k, j], n_in)
        return of_input + total(lambda i: h[t - 1, n, i] * U[i, j], H) + b[j]

    h = recursive("h", (0, T), B, H, start=0, rule=lambda *at: tanh(argument(*at)))
    squares = total(lambda t, n, o: (y[t, n, o] - target[t, n, o]) ** 2, (1, T), B, n_out)
    loss = define("L", squares / (2 * T * B))
    later = total(lambda i: U[j, i] * delta[t + 1, n, i], H)

    def over_time(f):
        return total(f, (1, T), B)

    return {
        "state": h,
        "output": (total(lambda j: h[t, n, j] * V[j, o], H) + c[o], [t, n, o]),
        "loss": loss,
        "error": Derivation(D(loss, y[t, n, o]), "error").step(
            (y[t, n, o] - target[t, n, o]) / (T * B), "power rule"
        ),
        "adjoint": (total(lambda o: V[j, o] * e[t, n, o], n_out) + later, [t, n, j]),
        "delta": (adjoint[t, n, j] * (1 - h[t, n, j] ** 2), [t, n, j]),
        "dW": (over_time(lambda t, n: x[t, n, k] * delta[t, n, j]), [k, j]),
        "dU": (over_time(lambda t, n: h[t - 1, n, i] * delta[t, n, j]), [i, j]),
        "db": (over_time(lambda t, n: delta[t, n, j]), [j]),
        "dV": (over_time(lambda t, n: h[t, n, j] * e[t, n, o]), [j, o]),
        "dc": (over_time(lambda t, n: e[t, n, o]), [o]),
    }
