"""What the tests of recurrent modules share: random arguments, PyTorch's modules, properties."""

import itertools

import numpy as np
import torch
from oracles import Case, close, same_kind

from fnnlib import gru, lstm, rnn, tree
from fnnlib.check import gradient_check

MODULES = {rnn: torch.nn.RNN, lstm: torch.nn.LSTM, gru: torch.nn.GRU}
BLOCKS = {rnn: 1, lstm: 4, gru: 3}  # gates side by side


def parameters(net, case, D, H):
    """Random parameters, no bias zero."""
    H_all = BLOCKS[net] * H
    shapes = {"W": (D, H_all), "U": (H, H_all), "b": (H_all,), "c": (H,)}
    return net.Params(*(case.normal(*shapes[name]) for name in net.Params._fields))


def state(net, case, B, H):
    return net.State(*(case.normal(B, H) for _ in net.State._fields))


def arguments(net, case, T, B, D, H):
    return parameters(net, case, D, H), case.normal(T, B, D), state(net, case, B, H)


def cotangent(net, case, T, B, H):
    return case.normal(T, B, H), state(net, case, B, H)


def torch_names(layer=0, reverse=False):
    ending = f"l{layer}" + "_reverse" * reverse
    return [f"{name}_{ending}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]


def torch_values(p):
    """Parameters in PyTorch's layout: transposed, and two biases."""
    second = np.zeros_like(p.b)
    if len(p) == 4:
        second[-len(p.c) :] = p.c
    return p.W.T, p.U.T, p.b, second


def torch_module(net, D, H, dtype, layers=(), **options):
    """A module of PyTorch; ``layers`` maps (layer, reverse) to parameters that it shall hold."""
    kind = torch.float32 if np.dtype(dtype) == np.float32 else torch.float64
    module = MODULES[net](D, H, dtype=kind, **options)
    with torch.no_grad():
        for place, p in layers.items():
            for name, value in zip(torch_names(*place), torch_values(p), strict=True):
                getattr(module, name).copy_(torch.tensor(np.array(value)))
    return module


def torch_gradients(module, net, layer=0, reverse=False):
    """Gradients that a module has collected, as Params."""
    W, U, b, second = (getattr(module, n).grad.numpy() for n in torch_names(layer, reverse))
    extra = [second[-U.shape[1] :]] if "c" in net.Params._fields else []
    return net.Params(W.T, U.T, b, *extra)


def tensors(t):
    return tree.map(lambda a: torch.tensor(np.array(a), requires_grad=True), t)


def torch_run(module, net, x, states, dh, dstates):
    """Run a module forward and back; ``states`` and ``dstates`` list a State for each layer.

    Returns the outputs, the last states, and the gradients by x and by the first states.
    """
    x = tensors(x)
    first = [tensors(np.stack(parts)) for parts in zip(*states, strict=True)]
    h, last = module(x, tuple(first) if len(first) > 1 else first[0])
    last = last if isinstance(last, tuple) else (last,)
    paired = (h * torch.tensor(np.array(dh))).sum()
    for part, parts in zip(last, zip(*dstates, strict=True), strict=True):
        paired = paired + (part * torch.tensor(np.stack(parts))).sum()
    paired.backward()

    def unstack(parts):
        return [net.State(*rows) for rows in zip(*parts, strict=True)]

    return (
        h.detach().numpy(),
        unstack([part.detach().numpy() for part in last]),
        x.grad.numpy(),
        unstack([part.grad.numpy() for part in first]),
    )


def check_against_torch(net, case, T, B, D, H):
    """Outputs and all gradients of a sequence are those of PyTorch's module."""
    args, dout = arguments(net, case, T, B, D, H), cotangent(net, case, T, B, H)
    out, cache = net.forward(*args)
    gradients = net.backward(dout, cache)
    same_kind((out, gradients), (dout, args))
    module = torch_module(net, D, H, case.dtype, {(0, False): args[0]})
    h, last, dx, first = torch_run(module, net, args[1], [args[2]], dout[0], [dout[1]])
    close(out, (h, last[0]), slack=4)
    close(gradients, (torch_gradients(module, net), dx, first[0]), slack=20)


def check_truncation(net, case, T, K, B, D, H):
    """Truncation is PyTorch's module run over pieces of K steps with a detached state."""
    (p, x, s), (dh, ds) = arguments(net, case, T, B, D, H), cotangent(net, case, T, B, H)
    module, dx, ds_0 = torch_module(net, D, H, case.dtype, {(0, False): p}), [], None
    state, zero = s, tree.map(np.zeros_like, s)
    for t in range(0, T, K):
        piece = slice(t, t + K)
        ds_T = ds if t + K >= T else zero
        run = torch_run(module, net, x[piece], [state], dh[piece], [ds_T])
        _, (state,), dx_piece, (first,) = run
        dx.append(dx_piece)
        ds_0 = first if ds_0 is None else ds_0
    theirs = torch_gradients(module, net), np.concatenate(dx), ds_0
    close(net.backward((dh, ds), net.forward(p, x, s)[1], truncate=K), theirs, slack=20)


def check_sequence_is_its_steps(net, case, T, B, D, H):
    """States and gradients of the sequence are those of one step after the other."""
    (p, x, s), (dh, ds) = arguments(net, case, T, B, D, H), cotangent(net, case, T, B, H)
    out, cache = net.forward(p, x, s)
    gradients = net.backward((dh, ds), cache)
    h, caches = [], []
    for x_t in x:
        s, step_cache = net.step(p, x_t, s)
        h.append(s.h)
        caches.append(step_cache)
    close(out, (np.stack(h), s), slack=4)
    dp, dx = tree.map(np.zeros_like, p), []
    for dh_t, step_cache in zip(dh[::-1], caches[::-1], strict=True):
        step_dp, dx_t, ds = net.step_backward(ds._replace(h=ds.h + dh_t), step_cache)
        dp, dx = tree.map(np.add, dp, step_dp), [dx_t, *dx]
    close(gradients, (dp, np.stack(dx), ds), slack=20)


def check_complex_step(net):
    """The error of every gradient by complex steps, in sequence and step."""
    rng = np.random.default_rng(0)
    p, x, s = arguments(net, Case(1, "f8", "contiguous"), 6, 3, 4, 5)
    return max(
        gradient_check(net.forward, net.backward, (p, x, s), rng),
        gradient_check(net.step, net.step_backward, (p, x[0], s), rng),
    )


def check_imaginary_parts(net):
    """A complex step in one argument alone reaches the states or is refused; it is never lost."""
    args = arguments(net, Case(0, "f8", "contiguous"), 3, 2, 4, 5)
    for chosen in range(len(list(tree.leaves(args)))):
        count = itertools.count()
        stepped = tree.map(lambda a, n=count, at=chosen: a + 1e-30j if next(n) == at else a, args)
        try:
            (h, _), _ = net.forward(*stepped)
        except (TypeError, ValueError):
            continue
        assert h.imag.any(), chosen


def check_two_thousand_steps(net):
    """Long sequences and saturated gates give finite gradients."""
    p, x, s = arguments(net, Case(0, "f4", "contiguous"), 2000, 2, 3, 4)
    for scale in (1, 1e4):
        (h, _), cache = net.forward(tree.map(lambda a, k=scale: a * np.float32(k), p), x, s)
        gradients = net.backward((np.ones_like(h), s), cache)
        assert all(np.isfinite(g).all() for _, g in tree.leaves((h, gradients)))


def check_first_weights(net, dtype):
    p = net.init(np.random.default_rng(0), 300, 200, dtype)
    width = BLOCKS[net] * 200
    assert {a.dtype for a in p} == {np.dtype(dtype)} and not any(b.any() for b in p[2:])
    assert p.W.shape == (300, width) and p.U.shape == (200, width) and p.b.shape == (width,)
    for a in p[:2]:  # every gate has its own random numbers
        blocks = np.split(a, BLOCKS[net], axis=-1)
        assert all(abs(block.var() * len(a) - 1) < 0.03 for block in blocks)
        correlation = np.corrcoef([block.ravel() for block in blocks])
        assert abs(correlation - np.eye(len(blocks))).max() < 0.03
