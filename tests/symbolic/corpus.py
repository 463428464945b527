"""True statements with every kind of proof, shared by the tests of the prover."""

from typing import NamedTuple

from fnnlib.symbolic import (
    D,
    S,
    delta,
    exp,
    log,
    matrix,
    ones,
    scalar,
    sigmoid,
    softplus,
    tanh,
    total,
)

from .networks import layer, rnn, softmax, square_layer


class Claim(NamedTuple):
    name: str
    left: object
    right: object


def claims():
    return [*_scalars(), *_softmax(), *_layers(), *_rnn()]


def _scalars():
    z, y = scalar("z y")
    s = sigmoid(z)
    bce = -y * log(s) - (1 - y) * log(1 - s)
    return [
        Claim("sigmoid_raw", D(s, z), exp(-z) / (1 + exp(-z)) ** 2),
        Claim("sigmoid_prime", D(s, z), s * (1 - s)),
        Claim("sigmoid_mirror", sigmoid(-z), 1 - s),
        Claim("sigmoid_peak", S(1) / 4 - s * (1 - s), (s - S(1) / 2) ** 2),
        Claim("tanh_prime", D(tanh(z), z), 1 - tanh(z) ** 2),
        Claim("tanh_by_sigmoid", tanh(z), 2 * sigmoid(2 * z) - 1),
        Claim("softplus_prime", D(softplus(z), z), s),
        Claim("softplus_mirror", softplus(z), z + softplus(-z)),
        Claim("bce_stable", bce, softplus(z) - y * z),
        Claim("bce_gradient", D(bce, z), s - y),
    ]


def _softmax():
    n = softmax()
    p, y, z, i, j = n.p, n.y, n.z, n.i, n.j
    N = n.n
    return [
        Claim("softmax_sum", total(lambda k: p[k], N), S.One),
        Claim("softmax_jacobian", D(p[i], z[j]), p[i] * (delta(i, j) - p[j])),
        Claim("log_softmax", log(p[i]), z[i] - log(total(lambda k: exp(z[k]), N))),
        Claim("cross_entropy_chain", D(n.loss, z[j]),
              -total(lambda i: y[i] / p[i] * D(p[i], z[j]), N)),
        Claim("cross_entropy", D(n.loss, z[j]), p[j] - y[j]),
        Claim("cross_entropy_free", D(n.free_loss, z[j]),
              p[j] * total(lambda i: n.free[i], N) - n.free[j]),
    ]


def _layers():
    found = []
    for name, n in (("", layer()), ("square_", square_layer())):
        found += [
            Claim(f"{name}dW", D(n.loss, n.M), n.X.T * n.g),
            Claim(f"{name}db", D(n.loss, n.c), ones(1, n.B) * n.g),
            Claim(f"{name}dx", D(n.loss, n.X), n.g * n.M.T),
            Claim(f"{name}mean_dW", D(n.mean, n.M), n.X.T * n.g / n.B),
        ]
    return found


def _rnn():
    n = rnn()
    h, dl, e, x, M = n.h, n.dl, n.e, n.x, matrix
    steps = (1, n.T), n.B
    return [
        Claim("interior", D(n.lagrangian, M(h, n.s)),
              M(e, n.s) * M(n.V).T + M(dl, n.s + 1) * M(n.U).T - M(n.lam, n.s)),
        Claim("boundary", D(n.lagrangian, M(h, n.T)), M(e, n.T) * M(n.V).T - M(n.lam, n.T)),
        Claim("dh0", D(n.lagrangian, M(h, 0)), M(dl, 1) * M(n.U).T),
        Claim("dx", D(n.lagrangian, M(x, n.t)), M(dl, n.t) * M(n.W).T),
        Claim("dU", D(n.lagrangian, n.U[n.i, n.j]),
              total(lambda t, r: h[t - 1, r, n.i] * dl[t, r, n.j], *steps)),
        Claim("rnn_dW", D(n.lagrangian, n.W[n.k, n.j]),
              total(lambda t, r: x[t, r, n.k] * dl[t, r, n.j], *steps)),
        Claim("rnn_db", D(n.lagrangian, n.b[n.j]), total(lambda t, r: dl[t, r, n.j], *steps)),
        Claim("dV", D(n.lagrangian, n.V[n.j, n.q]),
              total(lambda t, r: h[t, r, n.j] * e[t, r, n.q], *steps)),
    ]
