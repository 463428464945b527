"""The workloads in PyTorch: fused recurrent modules, eager functions, Adam of one tensor."""

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks import workloads

MODULES = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


def make(workload, a):
    """A function of no arguments that computes all results of the workload, by name."""
    net, _ = workload.split("/")
    if net in MODULES:
        return _recurrent(net, a)
    if net in ("dense", "conv"):
        return _layers(net, a)
    return _adam(a) if net == "adam" else _elementwise(net, a)


def _recurrent(net, a):
    D, H = a["x"].shape[-1], len(a["U"])
    module = MODULES[net](D, H, dtype=torch.from_numpy(a["x"]).dtype)
    second = np.zeros_like(a["b"])  # PyTorch has a bias for the inputs and one for the states
    if net == "gru":
        second[2 * H :] = a["c"]
    with torch.no_grad():
        values = a["W"].T, a["U"].T, a["b"], second
        for weight, value in zip(module.parameters(), values, strict=True):
            weight.copy_(torch.from_numpy(np.ascontiguousarray(value)))
    x, *state = (_leaf(a[name]) for name in ("x", "h_0", "c_0") if name in a)
    dh, inputs = torch.from_numpy(a["dh"]), [x, *state, *module.parameters()]

    def run():
        start = tuple(part[None] for part in state)
        h, _ = module(x, start if len(start) > 1 else start[0])
        dx, *dstate, dW, dU, db, dc = torch.autograd.grad(h, inputs, dh)
        found = {"h": h.detach(), "dx": dx, "dW": dW.T, "dU": dU.T, "db": db}
        found |= dict(zip(("dh_0", "dc_0"), dstate, strict=False))
        return found | ({"dc": dc[2 * H :]} if net == "gru" else {})

    return run


def _layers(net, a):
    x, labels, last = _leaf(a["x"]), torch.from_numpy(a["labels"]), workloads.depth(a) - 1
    names = [f"{kind}{i}" for i in range(last + 1) for kind in "Wb"]
    # PyTorch's layout: the weights of a dense layer are transposed.
    given = {n: _leaf(a[n].T if n[0] == "W" and a[n].ndim == 2 else a[n]) for n in names}

    def run():
        z = x
        for i in range(last + 1):
            W, b = given[f"W{i}"], given[f"b{i}"]
            z = F.conv2d(z, W, b, padding=1) if W.ndim == 4 else F.linear(z.flatten(1), W, b)
            z = torch.relu(z) if i < last else z
        loss = F.cross_entropy(z, labels)
        dx, *gradients = torch.autograd.grad(loss, [x, *given.values()])
        found = {f"d{n}": g.T if g.ndim == 2 else g for n, g in zip(names, gradients, strict=True)}
        return {"loss": loss.detach(), "dx": dx, **found}

    return run


def _adam(a):
    p = _leaf(a["p"])
    p.grad = torch.from_numpy(a["g"].copy())
    optimizer = torch.optim.Adam([p], lr=1e-3, foreach=False)

    def run():
        optimizer.step()
        return {"p": p.detach()}

    return run


def _elementwise(name, a):
    z, dp = _leaf(a["z"]), torch.from_numpy(a["dp"])
    f = {"sigmoid": torch.sigmoid, "tanh": torch.tanh}.get(name, lambda z: torch.softmax(z, -1))

    def run():
        p = f(z)
        return {"p": p.detach(), "dz": torch.autograd.grad(p, z, dp)[0]}

    return run


def _leaf(array):
    return torch.tensor(np.ascontiguousarray(array), requires_grad=True)
