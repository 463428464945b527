"""Automatic differentiation: its rules against PyTorch, and every backward pass against it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import cases, close, quick, sizes, torch_vjp

from fnnlib import (
    activations,
    attention,
    classifier,
    dense,
    dropout,
    embedding,
    gru,
    losses,
    lowrank,
    lstm,
    regularise,
    rnn,
)
from fnnlib import autodiff as ad

# The library's nets once more, forward only, in the words of the module.


def sigmoid(v):
    return ad.tanh(v * 0.5) * 0.5 + 0.5


def softmax(z):
    e = ad.exp(z)
    return e / e.sum(axis=-1, keepdims=True)


def layer(p, x):
    return x @ p.W + p.b


def stack(layers, x):
    for p in layers[:-1]:
        x = ad.tanh(layer(p, x))
    return layer(layers[-1], x)


def rnn_step(p, x, s):
    h = ad.tanh(x @ p.W + s.h @ p.U + p.b)
    return rnn.State(h)


def lstm_step(p, x, s):
    H = s.h.shape[-1]
    a = x @ p.W + s.h @ p.U + p.b
    i, f, g, o = (a[:, k * H : (k + 1) * H] for k in range(4))
    c = sigmoid(f) * s.c + sigmoid(i) * ad.tanh(g)
    return lstm.State(sigmoid(o) * ad.tanh(c), c)


def gru_step(p, x, s):
    H = s.h.shape[-1]
    a, back = x @ p.W + p.b, s.h @ p.U
    r = sigmoid(a[:, :H] + back[:, :H])
    z = sigmoid(a[:, H : 2 * H] + back[:, H : 2 * H])
    n = ad.tanh(a[:, 2 * H :] + r * (back[:, 2 * H :] + p.c))
    return gru.State((1 - z) * n + z * s.h)


def sequence(step):
    def run(p, x, s):
        h = []
        for t in range(x.shape[0]):
            s = step(p, x[t], s)
            h.append(s.h)
        return ad.stack(h), s

    return run


def attend(p, x):
    x = x.swapaxes(0, 1)
    q, k, v = (x @ W for W in p)
    e = (q @ k.swapaxes(1, 2)) * q.shape[-1] ** -0.5
    return (softmax(e) @ v).swapaxes(0, 1)


def classify(p, x):
    _, s = sequence(rnn_step)(p.rnn, x, rnn.State(np.zeros((x.shape[1], p.rnn.b.shape[0]))))
    return layer(p.readout, s.h)


NETS = {"rnn": (rnn, rnn_step), "lstm": (lstm, lstm_step), "gru": (gru, gru_step)}


def agree(f, args, forward, backward, case):
    """The value and all gradients of ``f`` are those of the library's own pair."""
    out, cache = forward(*args)
    theirs, back = ad.vjp(f, args)
    close(out, theirs, slack=20)
    dout = case.like(out)
    gradients = backward(dout, cache)
    close(gradients if len(args) > 1 else (gradients,), back(dout), slack=50)


@quick
@given(case=cases, B=sizes, D=sizes, H=sizes)
def test_dense(case, B, D, H):
    args = dense.Params(case.normal(D, H), case.normal(H)), case.normal(2, B, D)
    agree(layer, args, dense.forward, dense.backward, case)


@quick
@given(case=cases, B=sizes, widths=st.lists(sizes, min_size=2, max_size=5))
def test_a_stack(case, B, widths):
    layers = case.like(dense.stack_init(np.random.default_rng(0), tuple(widths)))
    args = layers, case.normal(B, widths[0])
    agree(stack, args, dense.stack_forward, dense.stack_backward, case)


@pytest.mark.parametrize("name", NETS)
@quick
@given(case=cases, T=sizes, B=sizes, D=sizes, H=sizes)
def test_a_recurrent_net_and_its_step(name, case, T, B, D, H):
    net, step = NETS[name]
    p = case.like(net.init(np.random.default_rng(0), D, H))
    s = net.State(*(case.normal(B, H) for _ in net.State._fields))
    agree(sequence(step), (p, case.normal(T, B, D), s), net.forward, net.backward, case)
    agree(step, (p, case.normal(B, D), s), net.step, net.step_backward, case)


@quick
@given(case=cases, T=sizes, B=sizes, D=sizes, C=sizes)
def test_the_classifier(case, T, B, D, C):
    p = case.like(classifier.init(np.random.default_rng(0), D, 3, C))
    agree(classify, (p, case.normal(T, B, D)), classifier.forward, classifier.backward, case)


@quick
@given(case=cases, T=sizes, B=sizes, D=sizes, K=sizes, H=sizes)
def test_attention(case, T, B, D, K, H):
    p = attention.Params(case.normal(D, K), case.normal(D, K), case.normal(D, H))
    agree(attend, (p, case.normal(T, B, D)), attention.forward, attention.backward, case)


@quick
@given(case=cases, V=sizes, D=sizes, seed=st.integers(0, 99))
def test_embedding(case, V, D, seed):
    tokens = np.random.default_rng(seed).integers(0, V, (3, 4))
    agree(lambda p: p.E[tokens], (embedding.Params(case.normal(V, D)),),
          lambda p: embedding.forward(p, tokens), embedding.backward, case)


@quick
@given(case=cases, B=sizes, D=sizes, seed=st.integers(0, 99))
def test_dropout(case, B, D, seed):
    m = dropout.mask(np.random.default_rng(seed), (B, D), 0.5, case.dtype.type)
    agree(lambda x: x * m, (case.normal(B, D),), lambda x: dropout.forward(x, m),
          dropout.backward, case)


@quick
@given(case=cases, B=sizes, D=sizes, H=sizes, R=sizes)
def test_a_low_rank_adapter(case, B, D, H, R):
    base = dense.Params(case.normal(D, H), case.normal(H))
    p = lowrank.Params(case.normal(D, R), case.normal(R, H))
    agree(lambda p, x: x @ base.W + base.b + (x @ p.A @ p.B) * 0.5, (p, case.normal(B, D)),
          lambda p, x: lowrank.forward(p, base, x, 0.5), lowrank.backward, case)


@quick
@given(case=cases, D=sizes, H=sizes)
def test_l2(case, D, H):
    p = dense.Params(case.normal(D, H), case.normal(H))
    loss, cache = regularise.l2(p, 0.3)
    value, back = ad.vjp(lambda p: ((p.W**2).sum() + (p.b**2).sum()) * 0.15, (p,))
    assert float(loss) == pytest.approx(float(value), rel=1e-5)
    close(regularise.l2_backward(2.0, cache), back(np.array(2.0))[0])


@quick
@given(case=cases, B=sizes, C=sizes)
def test_activations(case, B, C):
    z, d = case.normal(B, C), case.normal(B, C)
    for name, f in {"sigmoid": sigmoid, "tanh": ad.tanh, "relu": ad.relu,
                    "leaky_relu": lambda v: ad.relu(v) - ad.relu(-v) * 0.01,
                    "softplus": lambda v: ad.log(ad.exp(v) + 1.0)}.items():
        out, back = ad.vjp(f, (z,))
        close(getattr(activations, name)(z), out)
        close(getattr(activations, f"{name}_prime")(z) * d, back(d)[0])
    p, back = ad.vjp(softmax, (z,))
    close(activations.softmax_backward(d, activations.softmax(z)), back(d)[0], slack=10)
    _, back = ad.vjp(lambda z: ad.log(softmax(z)), (z,))
    close(activations.log_softmax_backward(d, activations.log_softmax(z)), back(d)[0], slack=10)


@quick
@given(case=cases, B=sizes, C=sizes)
def test_losses(case, B, C):
    z, y, share = case.normal(B, C), case.normal(B, C), case.distribution(B, C)
    on = activations.sigmoid(y)
    n = 1.0 / B
    for name, target, f in [
        ("squared_error", y, lambda z: ((z - y) ** 2).sum() * (n / 2)),
        ("binary_cross_entropy", on,
         lambda z: -(on * ad.log(sigmoid(z)) + (1 - on) * ad.log(1 - sigmoid(z))).sum() * n),
        ("softmax_cross_entropy", share, lambda z: -(share * ad.log(softmax(z))).sum() * n),
    ]:
        loss, cache = getattr(losses, name)(z, target)
        value, back = ad.vjp(f, (z,))
        assert float(loss) == pytest.approx(float(value), rel=1e-4, abs=1e-5)
        ours = getattr(losses, f"{name}_backward")(1.0, cache)
        close(ours, back(np.array(1.0, z.dtype))[0], slack=20)


# The rules themselves


RULES = {
    "broadcast": lambda x, y: x * y[0] + y.sum(0, True) / (x**2 + 1.0) - 2.0 / (y**2 + 3.0),
    "used twice": lambda x, y: x * x * x - x + y * x,
    "indices": lambda x, y: x[[0, 0, 1]] * 2.0 + y[1:2],
    "shapes": lambda x, y: (x.reshape(3, 2) @ y).swapaxes(0, 1),
    "unused": lambda x, y: x * 3.0,
    "array first": lambda x, y: np.ones(3) - x + np.array([[1.0, 2.0], [3.0, 4.0]]) @ y,
}


@pytest.mark.parametrize("name", RULES)
def test_the_rules_are_those_of_torch(name):
    rng = np.random.default_rng(0)
    args = rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
    f = RULES[name]
    out, back = ad.vjp(f, args)
    dout = rng.normal(size=out.shape)

    def with_torch(x, y):
        import torch

        if name == "array first":
            four = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
            return torch.ones(3, dtype=torch.float64) - x + four @ y
        return f(x, y)

    close(back(dout), torch_vjp(with_torch, args, dout))


def test_many_results_and_a_second_use_of_back():
    x = np.array([1.0, 2.0])
    out, back = ad.vjp(lambda x: (x * 2.0, (x**3).sum()), (x,))
    assert float(out[1]) == 9.0
    for _ in range(2):
        np.testing.assert_allclose(back((np.ones(2), np.array(1.0)))[0], 2 + 3 * x**2)


def test_a_long_chain_needs_no_recursion():
    def chain(x):
        for _ in range(5000):
            x = x * 1.0 + 0.001
        return x

    out, back = ad.vjp(chain, (np.array([1.0]),))
    assert out[0] == pytest.approx(6.0) and back(np.array([2.0]))[0][0] == 2.0


@pytest.mark.parametrize("args, error, message", [
    (np.ones(2), TypeError, "args: expected tuple, got ndarray"),
    ((np.arange(2),), ValueError, "args.0: expected float32 or float64, got int64"),
    ((np.array([np.nan]),), ValueError, "args.0: expected finite numbers"),
    (([1.0],), TypeError, "args.0: expected arrays nested in tuples, got list"),
])
def test_malformed_calls_are_refused(args, error, message):
    with pytest.raises(error, match=message):
        ad.vjp(lambda x: x, args)
