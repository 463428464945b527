"""The sequence classifier against PyTorch, from the input to every gradient."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from oracles import cases, close, quick, same_kind, sizes, torch_vjp

from fnnlib import classifier, dense, losses, rnn
from fnnlib.check import gradient_check


def params_for(case, D, H, C):
    return classifier.Params(
        rnn.Params(case.normal(D, H), case.normal(H, H), case.normal(H)),
        dense.Params(case.normal(H, C), case.normal(C)),
    )


@quick
@given(case=cases, T=sizes, B=sizes, D=sizes, H=sizes, C=sizes)
def test_loss_and_gradients_against_torch(case, T, B, D, H, C):
    p, x = params_for(case, D, H, C), case.normal(T, B, D)
    labels = case.rng.integers(0, C, B)

    def by_torch(p):
        h = torch.zeros(B, H, dtype=p.rnn.U.dtype)
        for x_t in torch.tensor(np.array(x)):
            h = torch.tanh(x_t @ p.rnn.W + h @ p.rnn.U + p.rnn.b)
        return F.cross_entropy(h @ p.readout.W + p.readout.b, torch.tensor(labels))

    loss, dp = classifier.loss_and_gradients(p, (x, labels))
    same_kind(dp, p)
    close(np.asarray(loss), by_torch(classifier.Params(*_tensors(p))).numpy())
    close((dp,), torch_vjp(by_torch, (p,), case.dtype.type(1)), slack=10)


def _tensors(p):
    return [type(layer)(*(torch.tensor(np.array(a)) for a in layer)) for layer in p]


def test_input_gradient_by_complex_step():
    rng = np.random.default_rng(0)
    args = classifier.init(rng, 3, 4, 5), rng.normal(size=(6, 2, 3))
    assert gradient_check(classifier.forward, classifier.backward, args, rng) < 2e-15


def test_accuracy_counts_the_largest_logit():
    p = classifier.init(np.random.default_rng(0), 2, 3, 4)
    x = np.random.default_rng(1).normal(size=(5, 8, 2))
    named = classifier.forward(p, x)[0].argmax(axis=-1)
    assert classifier.accuracy(p, x, named) == 1.0
    half = np.where(np.arange(8) < 4, named, (named + 1) % 4)
    assert classifier.accuracy(p, x, half) == 0.5


def test_truncation_reaches_the_recurrent_net_only():
    rng = np.random.default_rng(0)
    p = classifier.init(rng, 2, 3, 4)
    batch = rng.normal(size=(5, 6, 2)), rng.integers(0, 4, 6)
    loss, whole = classifier.loss_and_gradients(p, batch)
    again, last_step = classifier.loss_and_gradients(p, batch, truncate=1)
    assert again == loss
    assert np.array_equal(last_step.readout.W, whole.readout.W)
    states = rnn.forward(p.rnn, batch[0], rnn.State(np.zeros((6, 3))))[0][0]
    _, compared = losses.softmax_cross_entropy(classifier.forward(p, batch[0])[0], batch[1])
    dz = losses.softmax_cross_entropy_backward(1.0, compared)
    _, cache = rnn.step(p.rnn, batch[0][-1], rnn.State(states[-2]))
    by_hand, _, _ = rnn.step_backward(rnn.State(dz @ p.readout.W.T), cache)
    np.testing.assert_allclose(last_step.rnn.U, by_hand.U, rtol=1e-12)
    assert not np.allclose(last_step.rnn.U, whole.rnn.U)


def test_a_batch_is_a_pair():
    p = classifier.init(np.random.default_rng(0), 2, 3, 4)
    with pytest.raises(ValueError) as caught:
        classifier.loss_and_gradients(p, (np.ones((5, 6, 2)),))
    assert str(caught.value) == "batch: expected the pair (x, labels), got a tuple of 1"
