"""L2 against PyTorch and autograd; freezing under optimisers that remember and decay."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import autograd_vjp, cases, close, quick, same_kind, sizes, torch_vjp

from fnnlib import dense, optim, regularise, rnn, train, tree
from fnnlib.check import gradient_check


@quick
@given(case=cases, D=sizes, H=sizes, strength=st.floats(0, 3), dloss=st.floats(-2, 2))
def test_l2_against_torch_and_autograd(case, D, H, strength, dloss):
    p = rnn.Params(case.normal(D, H), case.normal(H, H), case.normal(H))
    loss, cache = regularise.l2(p, strength)
    dp = regularise.l2_backward(dloss, cache)
    same_kind((loss, dp), (p.W[0, 0], p))

    def plain(p):
        return strength / 2 * sum((a**2).sum() for a in p)

    close(loss, np.asarray(plain(p)), slack=20)
    dout = np.asarray(dloss, case.dtype)
    close(dp, autograd_vjp(plain, (p,), dout)[0], slack=4)
    close(dp, torch_vjp(plain, (p,), dout)[0], slack=4)


def test_l2_by_complex_step():
    rng = np.random.default_rng(0)
    layers = dense.stack_init(rng, (3, 4, 2))
    forward = lambda p: regularise.l2(p, 0.3)  # noqa: E731
    assert gradient_check(forward, regularise.l2_backward, (layers,), rng) < 2e-15


def test_a_step_with_the_penalty_is_torch_weight_decay():
    rng = np.random.default_rng(0)
    W, g = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    penalty = regularise.l2_backward(1.0, regularise.l2(W, 0.1)[1])
    ours, _ = optim.sgd(0.5).step(W, g + penalty, np.zeros_like(W))
    theirs = torch.tensor(W, requires_grad=True)
    theirs.grad = torch.tensor(g)
    torch.optim.SGD([theirs], lr=0.5, weight_decay=0.1).step()
    close(ours, theirs.detach().numpy())
    close(ours, (1 - 0.5 * 0.1) * W - 0.5 * g)


@pytest.mark.parametrize("optimizer", [
    optim.sgd(0.1, momentum=0.9), optim.nesterov(0.1, 0.9), optim.rmsprop(0.1), optim.adam(0.1),
    optim.adamw(0.1, weight_decay=0.5), optim.scheduled(optim.adamw, optim.cosine(0.1, 9)),
])
def test_frozen_leaves_keep_their_bits_and_the_rest_trains_as_before(optimizer):
    rng = np.random.default_rng(0)
    p = dense.stack_init(rng, (3, 4, 2))
    x, y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    trained = (dense.Params(True, False), False)
    frozen = regularise.freeze(optimizer, trained)

    def loss_and_gradients(p, batch):
        z, cache = dense.stack_forward(p, x)
        return float(((z - y) ** 2).sum() / 2), dense.stack_backward(z - y, cache)[0]

    *_, last = train.fit(loss_and_gradients, p, range(5), frozen)
    moved = [name for (name, a), (_, b) in zip(tree.leaves(last.params), tree.leaves(p),
                                               strict=True) if not np.array_equal(a, b)]
    assert moved == ["0.W"]

    W, slots = p[0].W, optimizer.init(p[0].W)
    for _ in range(5):
        layers = (p[0]._replace(W=W), p[1])
        W, slots = optimizer.step(W, loss_and_gradients(layers, 0)[1][0].W, slots)
    np.testing.assert_array_equal(last.params[0].W, W)


P = dense.init(np.random.default_rng(0), 3, 2)
CACHE = regularise.l2(P, 1.0)[1]
HALF = regularise.freeze(optim.sgd(0.1), (True,))

REFUSED = [
    (lambda: regularise.l2(P, -1.0), ValueError, "strength: expected a number >= 0, got -1.0"),
    (lambda: regularise.l2(P, np.inf), ValueError,
     "strength: expected a finite number, got inf"),
    (lambda: regularise.l2(P, "1"), TypeError, "strength: expected a real number, got str"),
    (lambda: regularise.l2(P._replace(b=np.array([1, 2])), 1.0), ValueError,
     "p.b: expected float32 or float64, got int64"),
    (lambda: regularise.l2(P._replace(W=P.W * np.nan), 1.0), ValueError,
     "p.W: expected finite numbers, got nan at index (0, 0)"),
    (lambda: regularise.l2((P.W, None), 1.0), TypeError,
     "p.1: expected a NumPy array, got NoneType"),
    (lambda: regularise.l2([P.W], 1.0), TypeError,
     "p: expected arrays nested in tuples, got list"),
    (lambda: regularise.l2_backward(1.0, P), TypeError,
     "cache: expected regularise.Cache, got dense.Params"),
    (lambda: regularise.l2_backward(np.nan, CACHE), ValueError,
     "dloss: expected a finite number, got nan"),
    (lambda: regularise.l2_backward(None, CACHE), TypeError,
     "dloss: expected a real number, got NoneType"),
    (lambda: regularise.freeze(0.1, True), TypeError,
     "optimizer: expected optim.Optimizer, got float"),
    (lambda: HALF.step(P, P, HALF.init(P)), ValueError,
     "mask: expected a tuple of 1 in every tree, got a tuple of 2"),
    (lambda: regularise.freeze(optim.sgd(0.1), 1), TypeError,
     "trained: expected True, False or a tuple of these, got int"),
]  # fmt: skip


@pytest.mark.parametrize("call, error, message", REFUSED, ids=[row[2] for row in REFUSED])
def test_refusals_say_what_was_expected_and_what_came(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
