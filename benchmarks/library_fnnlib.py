"""The workloads in fnnlib, with buffers kept from one pass to the next."""

from itertools import chain

import numpy as np

from benchmarks import workloads
from fnnlib import activations, conv, dense, gru, losses, lstm, optim, rnn
from fnnlib.buffers import Buffers

NETS = {"rnn": rnn, "lstm": lstm, "gru": gru}


def make(workload, a, room=Buffers):
    """A function of no arguments that computes all results of the workload, by name.

    ``room`` makes what a net is given as ``reuse``: buffers, or None.
    """
    net, _ = workload.split("/")
    if net in NETS:
        return _recurrent(NETS[net], a, room)
    if net == "dense":
        return _dense(a, room)
    if net == "conv":
        return _conv(a, room)
    return _adam(a, room) if net == "adam" else _elementwise(net, a, room)


def _recurrent(net, a, room):
    p = net.Params(*(a[name] for name in net.Params._fields))
    s = net.State(*(a[f"{name}_0"] for name in net.State._fields))
    ds_T, reuse = net.State(*(np.zeros_like(part) for part in s)), room()
    names = recurrent_names(net)

    def run():
        (h, _), cache = net.forward(p, a["x"], s, reuse)
        dp, dx, ds = net.backward((a["dh"], ds_T), cache)
        return dict(zip(names, (h, dx, *dp, *ds), strict=True))

    return run


def recurrent_names(net):
    """The names of all results of a recurrent net, in the order (h, dx, *dp, *ds_0)."""
    parts = *net.Params._fields, *(f"{name}_0" for name in net.State._fields)
    return "h", "dx", *(f"d{name}" for name in parts)


def _dense(a, room):
    layers = tuple(dense.Params(a[f"W{i}"], a[f"b{i}"]) for i in range(workloads.depth(a)))
    names, reuse = _names(layers), room()

    def run():
        z, cache = dense.stack_forward(layers, a["x"], "relu", reuse)
        loss, loss_cache = losses.softmax_cross_entropy(z, a["labels"])
        dz = losses.softmax_cross_entropy_backward(1.0, loss_cache)
        dlayers, dx = dense.stack_backward(dz, cache)
        return dict(zip(names, (loss, dx, *chain(*dlayers)), strict=True))

    return run


def _conv(a, room):
    *filters, readout = (
        kind(a[f"W{i}"], a[f"b{i}"])
        for i, kind in enumerate((conv.Params, conv.Params, dense.Params))
    )

    names, reuse = _names((*filters, readout)), [room() for _ in range(3)]

    def run():
        outputs, caches, images = [], [], a["x"]
        for p, kept in zip(filters, reuse, strict=False):
            z, cache = conv.forward(p, images, padding=1, reuse=kept)
            images = activations.relu(z, out=z)
            outputs.append(images)
            caches.append(cache)
        z, cache = dense.forward(readout, images.reshape(len(images), -1), reuse[-1])
        loss, loss_cache = losses.softmax_cross_entropy(z, a["labels"])
        dz = losses.softmax_cross_entropy_backward(1.0, loss_cache)
        dp, dimages = dense.backward(dz, cache)
        gradients = [dp]
        for y, cache in zip(reversed(outputs), reversed(caches), strict=True):
            dy = dimages.reshape(y.shape)
            dp, dimages = conv.backward(activations.relu_backward(dy, y, out=dy), cache)
            gradients.insert(0, dp)
        return dict(zip(names, (loss, dimages, *chain(*gradients)), strict=True))

    return run


def _adam(a, room):
    optimizer = optim.adam(1e-3, reuse=room())
    p, slots = a["p"], optimizer.init(a["p"])

    def run():
        nonlocal p, slots
        p, slots = optimizer.step(p, a["g"], slots)
        return {"p": p}

    return run


def _elementwise(name, a, room):
    f, backward = getattr(activations, name), getattr(activations, f"{name}_backward")
    z, dp = a["z"], a["dp"]
    out_p, out_dz = (room() and np.empty_like(z) for _ in range(2))

    def run():
        p = f(z, out=out_p)
        return {"p": p, "dz": backward(dp, p, out=out_dz)}

    return run


def _names(layers):
    """The names of the loss and all gradients, in the order in which they are put together."""
    return "loss", "dx", *(f"d{name}{i}" for i, p in enumerate(layers) for name in p._fields)
