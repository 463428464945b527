"""The workloads for libraries that trace NumPy-like code: JAX and autograd share these losses."""

from benchmarks import workloads


def loss(workload, a, xp, nn):
    """``(function of the differentiable arguments, their names)``.

    The function returns the loss and the results that are no gradients. ``xp`` is the library's
    numpy; ``nn`` has its sigmoid, relu, softmax, log_softmax, scan and conv.
    """
    net, _ = workload.split("/")
    if net in workloads.GATES:
        return _recurrent(net, a, xp, nn)
    return _layers(a, xp, nn) if net in ("dense", "conv") else _elementwise(net, a, xp, nn)


def _recurrent(net, a, xp, nn):
    names = [name for name in ("W", "U", "b", "c", "x", "h_0", "c_0") if name in a]
    T, B, _ = a["x"].shape
    H, tanh = len(a["U"]), xp.tanh

    def rnn(p):
        return lambda h, z: (tanh(z + xp.dot(h, p["U"])),) * 2

    def lstm(p):
        def step(state, z):
            h, c = state
            z = z + xp.dot(h, p["U"])
            s, o = nn.sigmoid(z[:, : 2 * H]), nn.sigmoid(z[:, 3 * H :])
            c = s[:, H:] * c + s[:, :H] * tanh(z[:, 2 * H : 3 * H])
            h = o * tanh(c)
            return (h, c), h

        return step

    def gru(p):
        def step(h, z):
            back = xp.dot(h, p["U"])
            s = nn.sigmoid(z[:, : 2 * H] + back[:, : 2 * H])
            n = tanh(z[:, 2 * H :] + s[:, :H] * (back[:, 2 * H :] + p["c"]))
            h = n + s[:, H:] * (h - n)
            return h, h

        return step

    step = {"rnn": rnn, "lstm": lstm, "gru": gru}[net]

    def function(*args):
        p = dict(zip(names, args, strict=True))
        z = (xp.dot(p["x"].reshape(T * B, -1), p["W"]) + p["b"]).reshape(T, B, -1)
        state = (p["h_0"], p["c_0"]) if net == "lstm" else p["h_0"]
        h = nn.scan(step(p), state, z)
        return xp.sum(h * a["dh"]), {"h": h}

    return function, names


def _layers(a, xp, nn):
    last = workloads.depth(a) - 1
    names = ["x", *(f"{kind}{i}" for i in range(last + 1) for kind in "Wb")]

    def function(*args):
        p = dict(zip(names, args, strict=True))
        z = p["x"]
        for i in range(last + 1):
            W, b = p[f"W{i}"], p[f"b{i}"]
            if W.ndim == 4:
                z = nn.conv(z, W) + b[:, None, None]
            else:
                z = xp.dot(z.reshape(len(a["x"]), -1), W) + b
            z = nn.relu(z) if i < last else z
        logp = nn.log_softmax(z)
        loss = -xp.mean(logp[xp.arange(len(a["labels"])), a["labels"]])
        return loss, {"loss": loss}

    return function, names


def _elementwise(name, a, xp, nn):
    f = {"sigmoid": nn.sigmoid, "tanh": xp.tanh, "softmax": nn.softmax}[name]

    def function(z):
        p = f(z)
        return xp.sum(p * a["dp"]), {"p": p}

    return function, ["z"]


def adam(t, p, g, m, v, xp):
    """One step of Adam with the rate 0.001; returns ``(p, m, v)``."""
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return p - 1e-3 * (m / (1 - 0.9**t)) / (xp.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v
