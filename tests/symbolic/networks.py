"""The networks that the engine's tests derive: a layer, softmax and a recurrent net."""

from types import SimpleNamespace

from fnnlib.symbolic import (
    array,
    define,
    exp,
    index,
    log,
    matrix,
    recursive,
    size,
    tanh,
    total,
)


def softmax():
    n = size("n")
    z, u = array("z", n), array("u", n)
    p = define("p", lambda i: exp(z[i]) / total(lambda k: exp(z[k]), n), n)
    y = define("y", lambda i: u[i] / total(lambda k: u[k], n), n)
    free = array("y", n)
    i, j = index("i j", n)
    loss = define("L", -total(lambda i: y[i] * log(p[i]), n))
    free_loss = define("L", -total(lambda i: free[i] * log(p[i]), n))
    return SimpleNamespace(**locals())


def layer(sizes="B D H"):
    B, D, H = size(sizes)
    x, W, b, G = array("x", B, D), array("W", D, H), array("b", H), array("G", B, H)
    z = define("z", lambda r, j: total(lambda k: x[r, k] * W[k, j], D) + b[j], B, H)
    loss = define("L", total(lambda r, j: G[r, j] * z[r, j], B, H))
    mean = define("L", total(lambda r, j: G[r, j] * z[r, j] / B, B, H))
    X, M, c, g = (matrix(a) for a in (x, W, b, G))
    return SimpleNamespace(**locals())


def square_layer():
    """A layer whose sizes all agree, so that no transpose is betrayed by its shape."""
    return layer("n n n")


def rnn():
    B, D, H, T, K = size("B D H T K")
    W, U, b = array("W", D, H), array("U", H, H), array("b", H)
    V, c = array("V", H, K), array("c", K)
    x, y = array("x", (1, T), B, D), array("y", (1, T), B, K)
    a = define(
        "a",
        lambda t, r, j: (
            total(lambda k: x[t, r, k] * W[k, j], D)
            + total(lambda k: h[t - 1, r, k] * U[k, j], H)
            + b[j]
        ),
        (1, T), B, H,
    )
    h = recursive("h", (0, T), B, H, start=0, rule=lambda t, r, j: tanh(a[t, r, j]))
    o = define(
        "o", lambda t, r, k: total(lambda j: h[t, r, j] * V[j, k], H) + c[k], (1, T), B, K
    )
    e = define("e", lambda t, r, k: o[t, r, k] - y[t, r, k], (1, T), B, K)
    g = define("g", lambda t, r, j: total(lambda k: e[t, r, k] * V[j, k], K), (1, T), B, H)
    lam = recursive("lambda", (1, T), B, H, rule=lambda t, r, j: g[t, r, j] + carry[t, r, j])
    dl = define(
        "delta", lambda t, r, j: lam[t, r, j] * (1 - tanh(a[t, r, j]) ** 2), (1, T), B, H
    )
    carry = recursive(
        "r", (0, T), B, H, start=T, value=0,
        rule=lambda t, r, j: total(lambda k: dl[t + 1, r, k] * U[j, k], H),
    )
    loss = define("L", total(lambda t, r, k: e[t, r, k] ** 2 / 2, (1, T), B, K))
    lagrangian = define(
        "Lambda",
        loss + total(lambda t, r, j: lam[t, r, j] * (tanh(a[t, r, j]) - h[t, r, j]), (1, T), B, H),
    )
    Wd, Ud, bd = array("Wdot", D, H), array("Udot", H, H), array("bdot", H)
    w = define(
        "w",
        lambda t, r, j: (
            total(lambda k: x[t, r, k] * Wd[k, j], D)
            + total(lambda k: h[t - 1, r, k] * Ud[k, j], H)
            + bd[j]
        ),
        (1, T), B, H,
    )
    hd = recursive(
        "hdot", (0, T), B, H, start=0,
        rule=lambda t, r, j: (1 - tanh(a[t, r, j]) ** 2)
        * (w[t, r, j] + total(lambda k: hd[t - 1, r, k] * U[k, j], H)),
    )
    i, j = index("i j", H)
    k, q, m = index("k", D), index("q", K), index("m", B)
    s, t = index("s", (1, T - 1)), index("t", (1, T))
    return SimpleNamespace(**locals())


def adjoint_lemma(n):
    """The two sides of the induction lemma of a recurrent net, and what its step may use."""
    def left(s):
        return total(lambda t, r, j: n.g[t, r, j] * n.hd[t, r, j], (1, s), n.B, n.H)

    def right(s):
        direct = total(lambda t, r, j: n.dl[t, r, j] * n.w[t, r, j], (1, s), n.B, n.H)
        ends = total(
            lambda r, k: n.carry[0, r, k] * n.hd[0, r, k] - n.carry[s, r, k] * n.hd[s, r, k],
            n.B, n.H,
        )
        return direct + ends

    def using(s):
        return [n.hd.unroll(s + 1), n.lam.unroll(s + 1), n.carry.unroll(s), n.dl]

    return left, right, using


