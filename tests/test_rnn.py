"""The recurrent net against PyTorch and HIPS autograd, and against its own single step."""

import autograd.numpy as anp
import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from oracles import Case, autograd_vjp, cases, close, quick, same_kind, sizes, torch_vjp
from recurrent_oracles import check_imaginary_parts

from fnnlib import rnn, tree
from fnnlib.check import gradient_check


def arguments(case, T, B, D, H):
    p = rnn.Params(case.normal(D, H), case.normal(H, H), case.normal(H))
    return p, case.normal(T, B, D), rnn.State(case.normal(B, H))


def cotangent(case, T, B, H):
    return case.normal(T, B, H), rnn.State(case.normal(B, H))


def by_autograd(p, x, s):
    h, states = s.h, []
    for t in range(len(x)):
        h = anp.tanh(x[t] @ p.W + h @ p.U + p.b)
        states.append(h)
    return anp.stack(states), rnn.State(h)


def torch_net(p):
    """A torch.nn.RNN that holds these parameters; PyTorch has two biases and transposed weights."""
    D, H = p.W.shape
    net = torch.nn.RNN(D, H, dtype=torch.float32 if p.W.dtype == np.float32 else torch.float64)
    values = p.W.T, p.U.T, p.b, np.zeros_like(p.b)
    with torch.no_grad():
        for parameter, value in zip(net.parameters(), values, strict=True):
            parameter.copy_(torch.tensor(np.array(value)))
    return net


def torch_module_gradients(p, x, s, dout):
    """Outputs and gradients ``(dp, dx, ds_0)`` of torch.nn.RNN."""
    dh, ds_T = (torch.tensor(np.array(d)) for d in (dout[0], dout[1].h))
    net, x, h0 = (
        torch_net(p),
        *(torch.tensor(np.array(a), requires_grad=True) for a in (x, s.h[None])),
    )
    h, last = net(x, h0)
    ((h * dh).sum() + (last[0] * ds_T).sum()).backward()
    W, U, b, _ = (q.grad.numpy() for q in net.parameters())
    gradients = rnn.Params(W.T, U.T, b), x.grad.numpy(), rnn.State(h0.grad.numpy()[0])
    return (h.detach().numpy(), rnn.State(last.detach().numpy()[0])), gradients


@quick
@given(case=cases, T=sizes, B=sizes, D=sizes, H=sizes)
@example(Case(0, "f8", "contiguous"), 1, 1, 1, 1)
@example(Case(0, "f4", "strided"), 1, 5, 2, 3)
@example(Case(0, "f8", "columns first"), 5, 1, 3, 2)
def test_sequence_against_torch_rnn_and_autograd(case, T, B, D, H):
    args, dout = arguments(case, T, B, D, H), cotangent(case, T, B, H)
    out, cache = rnn.forward(*args)
    gradients = rnn.backward(dout, cache)
    same_kind((out, gradients), (dout, args))
    theirs, their_gradients = torch_module_gradients(*args, dout)
    close(out, theirs)
    close(gradients, their_gradients, slack=10)
    close(gradients, autograd_vjp(by_autograd, args, dout), slack=10)


@quick
@given(case=cases, B=sizes, D=sizes, H=sizes)
def test_step_against_torch_and_autograd(case, B, D, H):
    p, x, s = arguments(case, 1, B, D, H)
    args, ds = (p, x[0], s), rnn.State(case.normal(B, H))
    out, cache = rnn.step(*args)
    gradients = rnn.step_backward(ds, cache)
    same_kind((out, gradients), (ds, args))
    cell = lambda xp: lambda p, x, s: rnn.State(xp.tanh(x @ p.W + s.h @ p.U + p.b))  # noqa: E731
    close(out, cell(np)(*args))
    close(gradients, autograd_vjp(cell(anp), args, ds), slack=4)
    close(gradients, torch_vjp(cell(torch), args, ds), slack=4)


@quick
@given(case=cases, T=st.integers(1, 7), K=st.integers(1, 9), B=sizes, D=sizes, H=sizes)
@example(Case(0, "f8", "contiguous"), 6, 3, 2, 3, 4)
def test_truncation_is_torch_with_a_detached_state_every_K_steps(case, T, K, B, D, H):
    args, dout = arguments(case, T, B, D, H), cotangent(case, T, B, H)

    def by_torch(p, x, s):
        h, states = s.h, []
        for t in range(len(x)):
            if t and t % K == 0:
                h = h.detach()
            h = torch.tanh(x[t] @ p.W + h @ p.U + p.b)
            states.append(h)
        return torch.stack(states), rnn.State(h)

    gradients = rnn.backward(dout, rnn.forward(*args)[1], truncate=K)
    close(gradients, torch_vjp(by_torch, args, dout), slack=10)


@quick
@given(case=cases, T=st.integers(2, 6), B=sizes, D=sizes, H=sizes, data=st.data())
def test_two_halves_make_the_whole(case, T, B, D, H, data):
    (p, x, s), (dh, ds_T) = arguments(case, T, B, D, H), cotangent(case, T, B, H)
    cut = data.draw(st.integers(1, T - 1))
    whole, cache = rnn.forward(p, x, s)
    first, first_cache = rnn.forward(p, x[:cut], s)
    second, second_cache = rnn.forward(p, x[cut:], first[1])
    close((np.concatenate([first[0], second[0]]), second[1]), whole)
    dp2, dx2, ds = rnn.backward((dh[cut:], ds_T), second_cache)
    dp1, dx1, ds_0 = rnn.backward((dh[:cut], ds), first_cache)
    halves = tree.map(np.add, dp1, dp2), np.concatenate([dx1, dx2]), ds_0
    close(halves, rnn.backward((dh, ds_T), cache), slack=10)


@quick
@given(case=cases, T=sizes, B=sizes, D=sizes, H=sizes)
def test_sequence_is_its_steps(case, T, B, D, H):
    p, x, s = arguments(case, T, B, D, H)
    (h, s_T), _ = rnn.forward(p, x, s)
    for x_t, h_t in zip(x, h, strict=True):
        s, _ = rnn.step(p, x_t, s)
        close(h_t, s.h)
    close(s_T, s)


@pytest.mark.parametrize("f", ["forward", "step"])
def test_gradients_by_complex_step_to_full_precision(f):
    rng = np.random.default_rng(0)
    p, x, s = arguments(Case(1, "f8", "contiguous"), 6, 3, 4, 5)
    passes = {"forward": (rnn.forward, rnn.backward), "step": (rnn.step, rnn.step_backward)}
    assert gradient_check(*passes[f], (p, x[0] if f == "step" else x, s), rng) < 2e-15


def test_an_imaginary_part_is_never_lost():
    check_imaginary_parts(rnn)


def test_two_thousand_steps_have_finite_gradients():
    p, x, s = arguments(Case(0, "f4", "contiguous"), 2000, 2, 3, 4)
    _, cache = rnn.forward(p, x, s)
    dp, dx, ds_0 = rnn.backward((np.ones((2000, 2, 4), "f4"), s), cache)
    assert all(np.isfinite(g).all() for _, g in tree.leaves((dp, dx, ds_0)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_first_weights(dtype):
    p = rnn.init(np.random.default_rng(0), 300, 400, dtype)
    assert {a.dtype for a in p} == {np.dtype(dtype)} and not p.b.any()
    assert p.W.shape == (300, 400) and p.U.shape == (400, 400) and p.b.shape == (400,)
    assert p.W.var() == pytest.approx(1 / 300, rel=0.02)
    assert p.U.var() == pytest.approx(1 / 400, rel=0.02)
