"""Automatic differentiation: its rules against PyTorch, and every backward pass against it."""

import importlib
import pkgutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from oracles import Case, cases, close, quick, sizes, torch_vjp

import fnnlib
from fnnlib import (
    activations,
    attention,
    classifier,
    conv,
    dense,
    dropout,
    embedding,
    feedback,
    gated_feedback,
    gru,
    losses,
    lowrank,
    lstm,
    pooling,
    recurrent,
    regularise,
    rnn,
    tree,
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


def sequence(step, mask=None, cut=None):
    """All steps; a masked one is left out, and every ``cut`` steps the state is held constant."""
    def run(p, x, s):
        h = []
        for t in range(x.shape[0]):
            if cut and t and t % cut == 0:
                s = tree.map(lambda v: v.data, s)
            new = step(p, x[t], s)
            if mask is not None:
                there = mask[t][:, None].astype(x.data.dtype)
                new = tree.map(lambda a, b, m=there: m * a + (1 - m) * b, new, s)
            s = new
            h.append(s.h)
        return ad.stack(h), s

    return run


def both(step, mask=None):
    """Read ahead and from the end."""
    from_end = None if mask is None else mask[::-1]

    def run(p, x, s):
        ahead, s_T = sequence(step, mask)(p.ahead, x, s.ahead)
        back, s_0 = sequence(step, from_end)(p.back, x[::-1], s.back)
        h = beside(ahead, back[::-1])
        return h, recurrent.Both(s_T, s_0)

    return run


def beside(a, b):
    """Two values of one shape along their last axis."""
    pair = ad.stack([a, b]).swapaxes(0, 1).swapaxes(1, 2)
    return pair.reshape(*a.shape[:-1], 2 * a.shape[-1])


def attend(q, k, v, mask=None):
    e = (q.swapaxes(0, 1) @ k.swapaxes(0, 1).swapaxes(1, 2)) * q.shape[-1] ** -0.5
    weights = ad.exp(e)
    if mask is not None:
        weights = weights * mask.astype(e.data.dtype)
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return (weights @ v.swapaxes(0, 1)).swapaxes(0, 1)


def self_attention(p, x, mask=None):
    return attend(*(x @ W for W in p), mask)


def patches(x, I, J, s, P, outside=0.0):  # noqa: E741 - the names of the axes
    """What the windows read, (N, C, U, V, I J), by indices; ``outside`` where they leave x."""
    Y, X = x.shape[2:]
    U, V = (Y + 2 * P - I) // s + 1, (X + 2 * P - J) // s + 1
    u, v, i, j = np.ogrid[:U, :V, :I, :J]
    rows, columns = np.broadcast_arrays(s * u + i - P, s * v + j - P)
    inside = (0 <= rows) & (rows < Y) & (0 <= columns) & (columns < X)
    e = x[:, :, rows.clip(0, Y - 1), columns.clip(0, X - 1)] * inside.astype(x.data.dtype)
    e = e + np.where(inside, 0, outside).astype(x.data.dtype)
    return e.reshape(*x.shape[:2], U, V, I * J)


def convolve(p, x, s, P):
    (O, C, I, J), N = p.W.shape, x.shape[0]  # noqa: E741
    e = patches(x, I, J, s, P)
    U, V = e.shape[2:4]
    columns = e.reshape(N, C, U * V, I * J).swapaxes(1, 2).reshape(N, U * V, C * I * J)
    z = columns @ p.W.reshape(O, C * I * J).swapaxes(0, 1) + p.b
    return z.swapaxes(1, 2).reshape(N, O, U, V)


def average(x, K, s, P):
    return patches(x, K, K, s, P).sum(axis=-1) * (1.0 / K**2)


def maximum(x, K, s, P):
    e = patches(x, K, K, s, P, outside=-100.0)  # smaller than any entry of a test
    y = e[..., 0]
    for place in range(1, K * K):
        y = y + ad.relu(e[..., place] - y)
    return y


def feedback_pass(p, x, y, output):
    v = sigmoid((sigmoid(x @ p.W1 + p.b1) + y @ p.R) @ p.W2 + p.b2)
    z = v @ p.W3 + p.b3
    return sigmoid(z) if output == "sigmoid" else z


def feedback_passes(K, output):
    def run(p, x):
        y, all_y = np.zeros((x.shape[0], p.b3.shape[0]), x.data.dtype), []
        for _ in range(K + 1):
            y = feedback_pass(p, x, y, output)
            all_y.append(y)
        return ad.stack(all_y)

    return run


def gated_step(p, x, s, residual):
    new = ad.tanh(x @ p.W + s.h @ p.U + s.c @ p.V + p.b)
    h = new + s.h if residual else new
    c = sigmoid(h @ p.W_c + p.b_c)
    alpha = softmax(h @ p.W_a + c @ p.V_a + p.b_a)
    return (alpha * h) @ p.W_y + c @ p.V_y + p.b_y, gated_feedback.State(h, c)


def gated(residual, cut=None):
    def run(p, x, s):
        ys, cs = [], []
        for t in range(x.shape[0]):
            if cut and t and t % cut == 0:
                s = tree.map(lambda v: v.data, s)
            y, s = gated_step(p, x[t], s, residual)
            ys.append(y)
            cs.append(s.c)
        return ad.stack(ys), ad.stack(cs), s

    return run


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


masks = st.integers(0, 99).map(lambda seed: np.random.default_rng(seed).random((5, 5)) < 0.6)


@pytest.mark.parametrize("name", NETS)
@quick
@given(case=cases, T=sizes, B=sizes, D=sizes, H=sizes, mask=masks)
@example(Case(0, "f8", "contiguous"), 3, 2, 2, 3, np.zeros((5, 5), bool))
def test_a_recurrent_net_with_a_mask(name, case, T, B, D, H, mask):
    module, step = NETS[name]
    mask = mask[:T, :B]
    x = case.normal(T, B, D)
    net = recurrent.layer(module)
    p = case.like(net.init(np.random.default_rng(0), D, H))
    s = case.like(net.start(p, B))
    agree(sequence(step, mask), (p, x, s), lambda *args: net.forward(*args, mask),
          net.backward, case)
    net = recurrent.bidirectional(module)
    p = case.like(net.init(np.random.default_rng(0), D, H))
    s = case.like(net.start(p, B))
    agree(both(step, mask), (p, x, s), lambda *args: net.forward(*args, mask), net.backward, case)


@pytest.mark.parametrize("name", NETS)
@quick
@given(case=cases, T=sizes, B=sizes, D=sizes, H=sizes)
def test_a_stack_that_reads_in_both_directions(name, case, T, B, D, H):
    module, step = NETS[name]
    net = recurrent.stack(recurrent.bidirectional(module), 2)
    p = case.like(net.init(np.random.default_rng(0), D, H))

    def run(p, x, s):
        h, first = both(step)(p[0], x, s[0])
        h, second = both(step)(p[1], h, s[1])
        return h, (first, second)

    agree(run, (p, case.normal(T, B, D), case.like(net.start(p, B))), net.forward, net.backward,
          case)


@pytest.mark.parametrize("name", NETS)
@quick
@given(case=cases, T=sizes, B=sizes, D=sizes, H=sizes, K=sizes)
@example(Case(0, "f8", "contiguous"), 5, 2, 3, 4, 2)
def test_a_truncated_pass(name, case, T, B, D, H, K):
    module, step = NETS[name]
    net = recurrent.truncated(module, K)
    p = case.like(net.init(np.random.default_rng(0), D, H))
    args = p, case.normal(T, B, D), case.like(net.start(p, B))
    agree(sequence(step, cut=K), args, net.forward, net.backward, case)
    agree(sequence(step, cut=K), args, module.forward,
          lambda dout, cache: module.backward(dout, cache, truncate=K), case)


@quick
@given(case=cases, T=sizes, B=sizes, D=sizes, K=sizes, H=sizes)
def test_attention(case, T, B, D, K, H):
    p = attention.Params(case.normal(D, K), case.normal(D, K), case.normal(D, H))
    agree(self_attention, (p, case.normal(T, B, D)), attention.forward, attention.backward, case)


@quick
@given(case=cases, T=sizes, S=sizes, B=sizes, K=sizes, H=sizes, mask=masks)
def test_masked_attention(case, T, S, B, K, H, mask):
    mask = np.array(mask[:T, :S])
    mask[:, 0] = True  # every output looks at something
    args = case.normal(T, B, K), case.normal(S, B, K), case.normal(S, B, H)
    agree(lambda q, k, v: attend(q, k, v, mask), args,
          lambda *args: attention.attend(*args, mask), attention.attend_backward, case)
    p = attention.Params(case.normal(K, S), case.normal(K, S), case.normal(K, H))
    agree(lambda p, x: self_attention(p, x, attention.causal(T)), (p, case.normal(T, B, K)),
          lambda p, x: attention.forward(p, x, attention.causal(T)), attention.backward, case)


@quick
@given(case=cases, N=sizes, C=sizes, O=sizes, Y=sizes, X=sizes, I=st.integers(1, 3),
       J=st.integers(1, 3), s=st.integers(1, 3), P=st.integers(0, 2))
@example(Case(0, "f8", "contiguous"), 2, 3, 2, 5, 4, 3, 2, 2, 1)
def test_convolution(case, N, C, O, Y, X, I, J, s, P):  # noqa: E741 - the names of the axes
    assume(Y + 2 * P >= I and X + 2 * P >= J)
    p = conv.Params(case.normal(O, C, I, J), case.normal(O))
    agree(lambda p, x: convolve(p, x, s, P), (p, case.normal(N, C, Y, X)),
          lambda p, x: conv.forward(p, x, s, P), conv.backward, case)


@quick
@given(case=cases, N=sizes, C=sizes, Y=sizes, X=sizes, K=st.integers(1, 4), s=st.integers(1, 3),
       P=st.integers(0, 2))
@example(Case(0, "f8", "contiguous"), 2, 3, 5, 4, 3, 2, 1)
def test_pooling(case, N, C, Y, X, K, s, P):
    assume(2 * P <= K <= min(Y, X) + 2 * P)
    x = case.normal(N, C, Y, X)
    agree(lambda x: average(x, K, s, P), (x,),
          lambda x: pooling.average_forward(x, K, s, P), pooling.average_backward, case)
    agree(lambda x: maximum(x, K, s, P), (x,),
          lambda x: pooling.max_forward(x, K, s, P), pooling.max_backward, case)


@quick
@given(case=cases, B=sizes, D=sizes, H1=sizes, H2=sizes, C=sizes, K=st.integers(1, 4),
       output=st.sampled_from(["sigmoid", "affine"]))
def test_feedback(case, B, D, H1, H2, C, K, output):
    p = case.like(feedback.init(np.random.default_rng(0), D, H1, H2, C))
    agree(feedback_passes(K, output), (p, case.normal(B, D)),
          lambda p, x: feedback.forward(p, x, K, output), feedback.backward, case)


@quick
@given(seed=st.integers(0, 99), B=sizes, D=sizes, H1=sizes, H2=sizes, C=sizes,
       output=st.sampled_from(["sigmoid", "affine"]))
def test_a_fixed_point_is_many_passes(seed, B, D, H1, H2, C, output):
    """With a contraction of at most a half, 60 passes are as good as all of them."""
    case = Case(seed, "f8", "contiguous")
    p = case.like(feedback.init(np.random.default_rng(0), D, H1, H2, C))
    p = p._replace(R=p.R / max(1, 2 * feedback.contraction(p, output)))

    def rest(p, x):
        return feedback_passes(60, output)(p, x)[-1]

    agree(rest, (p, case.normal(B, D)), lambda p, x: feedback.fixed_point(p, x, output),
          feedback.fixed_point_backward, case)


@quick
@given(case=cases, T=sizes, B=sizes, D=sizes, H=sizes, F=sizes, C=sizes, residual=st.booleans(),
       K=sizes)
def test_gated_feedback(case, T, B, D, H, F, C, residual, K):
    p = case.like(gated_feedback.init(np.random.default_rng(0), D, H, F, C))
    s = gated_feedback.State(case.normal(B, H), case.normal(B, F))
    args = p, case.normal(T, B, D), s
    forward = lambda *args: gated_feedback.forward(*args, residual)  # noqa: E731
    agree(gated(residual), args, forward, gated_feedback.backward, case)
    agree(gated(residual, K), args, forward,
          lambda dout, cache: gated_feedback.backward(dout, cache, truncate=K), case)
    agree(lambda *args: gated_step(*args, residual), (p, case.normal(B, D), s),
          lambda *args: gated_feedback.step(*args, residual), gated_feedback.step_backward, case)


@quick
@given(case=cases, T=sizes, B=sizes, F=sizes, C=sizes, weight=st.floats(0, 3))
def test_the_loss_of_gated_feedback(case, T, B, F, C, weight):
    y, c, target, signal = (case.normal(T, B, n) for n in (C, F, C, F))

    def value(y, c):
        return (((y - target) ** 2).sum() + ((c - signal) ** 2).sum() * weight) * (0.5 / (T * B))

    loss, cache = gated_feedback.loss(y, c, target, signal, weight)
    theirs, back = ad.vjp(value, (y, c))
    assert float(loss) == pytest.approx(float(theirs), rel=1e-4)
    close(gated_feedback.loss_backward(1.0, cache), back(np.array(1.0, y.dtype)), slack=10)


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
    for name, f, backward in (
        ("sigmoid", sigmoid, activations.sigmoid_backward),
        ("tanh", ad.tanh, activations.tanh_backward),
        ("relu", ad.relu, activations.relu_backward),
        ("leaky_relu", lambda v: ad.relu(v) - ad.relu(-v) * 0.01, activations.leaky_relu_backward),
        ("softplus", lambda v: ad.log(ad.exp(v) + 1.0), activations.softplus_backward),
    ):
        out, back = ad.vjp(f, (z,))
        y = getattr(activations, name)(z)
        close(y, out)
        close(getattr(activations, f"{name}_prime")(z) * d, back(d)[0])
        close(backward(d, y), back(d)[0])
    p, back = ad.vjp(softmax, (z,))
    close(activations.softmax_backward(d, activations.softmax(z)), back(d)[0], slack=10)
    _, back = ad.vjp(lambda z: ad.log(softmax(z)), (z,))
    close(activations.log_softmax_backward(d, activations.log_softmax(z)), back(d)[0], slack=10)


LOSSES = {
    "squared error": (
        losses.squared_error, losses.squared_error_backward,
        lambda z, y: ((z - y) ** 2).sum(axis=-1) * 0.5,
    ),
    "binary": (
        losses.binary_cross_entropy, losses.binary_cross_entropy_backward,
        lambda z, y: -(y * ad.log(sigmoid(z)) + (1 - y) * ad.log(1 - sigmoid(z))).sum(axis=-1),
    ),
    "softmax": (
        losses.softmax_cross_entropy, losses.softmax_cross_entropy_backward,
        lambda z, y: -(y * ad.log(softmax(z))).sum(axis=-1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
@quick
@given(case=cases, T=sizes, B=sizes, C=sizes, mask=st.none() | masks)
def test_losses_with_and_without_a_mask(name, case, T, B, C, mask):
    forward, backward, by_position = LOSSES[name]
    if mask is not None:
        mask = np.array(mask[:T, :B])
        mask[0, 0] = True  # a loss needs a position
    z, y = case.normal(T, B, C), case.distribution(T, B, C)
    counted = np.ones((T, B)) if mask is None else mask.astype(float)
    share = (counted / counted.sum()).astype(z.dtype)
    loss, cache = forward(z, y, mask)
    value, back = ad.vjp(lambda z: (by_position(z, y) * share).sum(), (z,))
    assert float(loss) == pytest.approx(float(value), rel=1e-4, abs=1e-5)
    close(backward(1.0, cache), back(np.array(1.0, z.dtype))[0], slack=20)


def test_every_backward_pass_of_the_library_is_compared():
    text = Path(__file__).read_text("utf8")
    for found in pkgutil.iter_modules(fnnlib.__path__):
        if not found.ispkg:
            module = importlib.import_module(f"fnnlib.{found.name}")
            names = [n for n in vars(module) if n.endswith("backward") and not n.startswith("_")]
            own = [n for n in names if getattr(module, n).__module__ == module.__name__]
            calls = ["module.", "net."] if found.name in NETS else [f"{found.name}."]
            missing = [n for n in own if not any(f"{call}{n}" in text for call in calls)]
            assert not missing, f"{found.name}: {missing}"


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


def test_the_rectifier_has_no_slope_at_zero():
    _, back = ad.vjp(ad.relu, (np.array([-2.0, -0.0, 0.0, 3.0]),))
    assert back(np.full(4, 5.0))[0].tolist() == [0, 0, 0, 5]


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
