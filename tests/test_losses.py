"""Losses against mpmath, HIPS autograd and PyTorch; masks, targets and extreme logits."""

import autograd.numpy as anp
import mpmath
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given
from hypothesis import strategies as st
from oracles import autograd_vjp, cases, close, quick, same_kind, sizes, torch_vjp

from fnnlib import activations, losses

BACKWARD = {
    losses.squared_error: losses.squared_error_backward,
    losses.binary_cross_entropy: losses.binary_cross_entropy_backward,
    losses.softmax_cross_entropy: losses.softmax_cross_entropy_backward,
}


def _anp_log_sigmoid(z):
    return -anp.log(1 + anp.exp(-z))


def _anp_log_softmax(z):
    return z - anp.log(anp.sum(anp.exp(z), axis=-1, keepdims=True))


# For each loss: what one position contributes, by autograd's NumPy and by PyTorch's own losses.
POSITION = {
    losses.squared_error: (
        lambda y, t: anp.sum((y - t) ** 2, axis=-1) / 2,
        lambda y, t: F.mse_loss(y, t, reduction="none").sum(-1) / 2,
    ),
    losses.binary_cross_entropy: (
        lambda z, t: -anp.sum(t * _anp_log_sigmoid(z) + (1 - t) * _anp_log_sigmoid(-z), axis=-1),
        lambda z, t: F.binary_cross_entropy_with_logits(z, t, reduction="none").sum(-1),
    ),
    losses.softmax_cross_entropy: (
        lambda z, t: -anp.sum(t * _anp_log_softmax(z), axis=-1),
        lambda z, t: F.cross_entropy(
            z.reshape(-1, z.shape[-1]), t.reshape(-1, z.shape[-1]), reduction="none"
        ).reshape(z.shape[:-1]),
    ),
}


def target_for(loss, case, *shape):
    if loss is losses.squared_error:
        return case.normal(*shape)
    if loss is losses.binary_cross_entropy:
        return activations.sigmoid(case.normal(*shape))
    return case.distribution(*shape)


@pytest.mark.parametrize("loss", POSITION, ids=lambda f: f.__name__)
@quick
@given(
    case=cases, lead=st.lists(sizes, max_size=2), C=sizes, masked=st.booleans(), d=st.floats(-3, 3)
)
def test_loss_and_gradient_against_autograd_and_torch(loss, case, lead, C, masked, d):
    by_autograd, by_torch = POSITION[loss]
    z, target = case.normal(*lead, C), target_for(loss, case, *lead, C)
    mask = np.asarray(case.rng.random(lead) < 0.5) if masked else np.ones(lead, bool)
    mask.flat[0] = True
    value, cache = loss(z, target, mask if masked else None)
    dz = BACKWARD[loss](d, cache)
    same_kind((dz, np.asarray(value)), (z, np.asarray(value, case.dtype)))

    def mean_autograd(z):
        return anp.sum(by_autograd(z, np.array(target)) * mask) / mask.sum()

    def mean_torch(z):
        return by_torch(z, torch.tensor(np.array(target)))[torch.tensor(mask)].mean()

    close(np.asarray(value), mean_torch(torch.tensor(np.array(z))).numpy())
    close((dz,), autograd_vjp(mean_autograd, (z,), np.float64(d)))
    close((dz,), torch_vjp(mean_torch, (z,), case.dtype.type(d)))
    assert not dz[~mask].any()


@quick
@given(case=cases, lead=st.lists(sizes, max_size=2), C=sizes, dtype=st.sampled_from("bBhHiIqQ"))
def test_class_indices_mean_their_one_hot_distributions(case, lead, C, dtype):
    z, labels = case.normal(*lead, C), case.rng.integers(0, C, size=lead).astype(dtype)
    labels = np.asarray(labels)
    y = losses.one_hot(labels, C, case.dtype)
    assert y.argmax(axis=-1).tolist() == labels.tolist() and (y.sum(axis=-1) == 1).all()
    by_label, by_row = (losses.softmax_cross_entropy(z, target) for target in (labels, y))
    assert by_label[0] == by_row[0]
    rows, flat = np.array(z).reshape(-1, C), labels.reshape(-1).astype(int)
    close(np.asarray(by_label[0]), F.cross_entropy(*map(torch.tensor, (rows, flat))).numpy())
    same = (losses.softmax_cross_entropy_backward(1.0, cache) for _, cache in (by_label, by_row))
    np.testing.assert_array_equal(*same)


@pytest.mark.parametrize("dtype, width", [(np.float64, 64), (np.float32, 32)])
@quick
@given(data=st.data())
def test_binary_cross_entropy_keeps_its_digits(dtype, width, data):
    z = dtype(data.draw(st.floats(-1e4, 1e4, width=width) | st.floats(-30, 30, width=width)))
    y = dtype(data.draw(st.sampled_from([0.0, 1.0])))
    exact_z = mpmath.mpf(float(z))
    exact = mpmath.log1p(mpmath.exp(exact_z if y == 0 else -exact_z))
    loss, cache = losses.binary_cross_entropy(np.array([[z]]), np.array([[y]]))
    tiny = np.finfo(dtype).tiny
    assert abs(mpmath.mpf(float(loss)) - exact) <= 6 * np.finfo(dtype).eps * exact + tiny
    dz = losses.binary_cross_entropy_backward(1.0, cache)
    p = 1 / (1 + mpmath.exp(-exact_z))
    assert abs(float(dz[0, 0]) - float(p - y)) <= 4 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(st.lists(st.sampled_from([-1e4, -1.0, 0.0, 1e4]), min_size=2, max_size=5), st.integers(0, 1))
@example([1e4, -1e4], 1)
@quick
def test_softmax_cross_entropy_of_extreme_logits(dtype, row, label):
    z = np.array([row], dtype)
    loss, cache = losses.softmax_cross_entropy(z, np.array([label]))
    exact = mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(x) - row[label]) for x in row))
    assert float(loss) == pytest.approx(float(exact), rel=float(8 * np.finfo(dtype).eps), abs=1e-6)
    dz = losses.softmax_cross_entropy_backward(1.0, cache)
    assert np.isfinite(dz).all() and abs(dz.sum()) < 1e-6


def test_the_mean_is_over_all_leading_axes_alike():
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 4, 2))
    whole = losses.squared_error(z, y)[0]
    each = [losses.squared_error(z[t, b], y[t, b])[0] for t in range(3) for b in range(4)]
    assert whole == pytest.approx(np.mean(each))


def test_masked_positions_may_hold_anything_finite():
    rng = np.random.default_rng(0)
    z, labels, mask = rng.normal(size=(4, 3)), np.array([0, 1, 2, 0]), np.array([1, 1, 0, 1], bool)
    wild = z.copy()
    wild[2] = [1e300, -1e300, 0.0]
    assert (
        losses.softmax_cross_entropy(wild, labels, mask)[0]
        == (losses.softmax_cross_entropy(z[mask], labels[mask])[0])
    )


@pytest.mark.parametrize("dtype, slack", [(np.float64, 1e-9), (np.float32, 1e-4)])
def test_distributions_may_be_off_by_rounding(dtype, slack):
    z, target = np.zeros((1, 2), dtype), np.array([[0.5, 0.5 - slack]], dtype)
    assert float(losses.softmax_cross_entropy(z, target)[0]) == pytest.approx(
        np.log(2), rel=2 * slack
    )


def test_prediction_minus_target_by_hand():
    z = np.log(np.array([[0.2, 0.8], [0.5, 0.5]]))
    _, cache = losses.softmax_cross_entropy(z, np.array([0, 1]))
    np.testing.assert_allclose(
        losses.softmax_cross_entropy_backward(2.0, cache), [[-0.8, 0.8], [0.5, -0.5]]
    )
