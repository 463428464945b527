"""Initial weights: the moments that the derivations assume, and PyTorch's choices of variance."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import quick

from fnnlib import activations, init

D, H = 300, 200
N = D * H
DRAWS = {
    "uniform": (lambda rng, dtype: init.uniform(rng, D, H, 0.7, dtype), 0.7),
    "normal": (lambda rng, dtype: init.normal(rng, D, H, 0.7, dtype), 0.7),
    "xavier": (lambda rng, dtype: init.xavier(rng, D, H, dtype), 2 / (D + H)),
    "he": (lambda rng, dtype: init.he(rng, D, H, dtype), 2 / D),
    "orthogonal": (lambda rng, dtype: init.orthogonal(rng, D, H, dtype), 1 / D),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", DRAWS)
def test_mean_variance_and_correlation_are_those_assumed(name, dtype):
    """Within five standard errors of the estimate; the seed is fixed."""
    draw, variance = DRAWS[name]
    W = draw(np.random.default_rng(3), dtype)
    assert (W.shape, W.dtype) == ((D, H), dtype)
    W = W.astype(np.float64) / math.sqrt(variance)
    assert abs(W.mean()) < 5 / math.sqrt(N)
    assert abs((W**2).mean() - 1) < 5 * math.sqrt(2 / N)
    assert abs((W[1:] * W[:-1]).mean()) < 5 / math.sqrt(N)
    assert abs((W[:, 1:] * W[:, :-1]).mean()) < 5 / math.sqrt(N)


@pytest.mark.parametrize("name, fourth", [("uniform", 9 / 5), ("xavier", 9 / 5), ("normal", 3),
                                          ("he", 3)])
def test_the_shape_of_the_distribution(name, fourth):
    draw, variance = DRAWS[name]
    W = draw(np.random.default_rng(4), np.float64) / math.sqrt(variance)
    assert (W**4).mean() == pytest.approx(fourth, rel=0.05)


def test_the_limits_are_those_of_torch():
    """The largest of many uniform weights comes close to the limit and never passes it."""
    limit = float(torch.nn.init.xavier_uniform_(torch.empty(200, 300)).abs().max())
    ours = np.abs(init.xavier(np.random.default_rng(0), D, H)).max()
    assert ours == pytest.approx(limit, rel=1e-3) and ours <= math.sqrt(6 / (D + H))
    he = torch.nn.init.kaiming_normal_(torch.empty(200, 300), nonlinearity="relu").std()
    assert init.he(np.random.default_rng(0), D, H).std() == pytest.approx(float(he), rel=0.02)


def test_zeros_are_zero_in_either_precision():
    for dtype in (np.float32, np.float64):
        W = init.zeros(2, 3, dtype)
        assert (W.shape, W.dtype, W.any()) == ((2, 3), dtype, False)


def mean_squares(draw, activation, layers=20, width=256, batch=200):
    """Mean square of the units before the activation, in the first and in the last layer."""
    rng = np.random.default_rng(5)
    z = rng.normal(size=(batch, width))
    seen = []
    for _ in range(layers):
        z = activation(z) @ draw(rng, width)
        seen.append(np.mean(z**2))
    return seen[-1] / seen[0]


def test_he_keeps_a_deep_relu_net_alive_and_xavier_does_not():
    kept = mean_squares(lambda rng, n: init.he(rng, n, n), activations.relu)
    faded = mean_squares(lambda rng, n: init.xavier(rng, n, n), activations.relu)
    assert 0.3 < kept < 3
    assert faded == pytest.approx(0.5**19, rel=0.9)


@pytest.mark.parametrize("draw", [init.xavier, init.orthogonal])
def test_a_deep_linear_net_keeps_its_scale(draw):
    assert 0.5 < mean_squares(lambda rng, n: draw(rng, n, n), lambda z: z) < 2


def test_equal_units_stay_equal_from_zero_weights():
    """Why zeros are for biases: the gradients of the units are the same."""
    x, W, V = np.random.default_rng(0).normal(size=(5, 3)), init.zeros(3, 4), np.ones((4, 2))
    dh = np.ones((5, 2)) @ V.T
    dW = x.T @ (dh * (1 - np.tanh(x @ W) ** 2))
    np.testing.assert_array_equal(dW, np.repeat(dW[:, :1], 4, axis=1))


@quick
@given(D=st.integers(1, 9), H=st.integers(1, 9), seed=st.integers(0, 2**32))
def test_rows_or_columns_are_orthonormal(D, H, seed):
    Q = init.orthogonal(np.random.default_rng(seed), D, H)
    inner = Q @ Q.T if D <= H else Q.T @ Q
    np.testing.assert_allclose(inner, np.eye(min(D, H)), atol=1e-13)
    assert Q.flags.c_contiguous
    single = init.orthogonal(np.random.default_rng(seed), D, H, np.float32)
    np.testing.assert_array_equal(single, Q.astype(np.float32))


@pytest.mark.parametrize("D, H", [(5, 3), (4, 4), (3, 5)])
def test_the_first_orthogonal_vector_points_where_the_first_one_drawn_does(D, H):
    Q = init.orthogonal(np.random.default_rng(3), D, H)
    drawn = np.random.default_rng(3).normal(size=(max(D, H), min(D, H)))[:, 0]
    first = Q[:, 0] if D >= H else Q[0]
    np.testing.assert_allclose(first, drawn / np.linalg.norm(drawn), rtol=1e-13)


def test_orthogonal_weights_are_uniform_among_all():
    """Rotations and reflections: every entry has both signs equally often, also on the diagonal."""
    rng = np.random.default_rng(0)
    many = np.array([init.orthogonal(rng, 2, 2) for _ in range(4000)])
    assert np.abs(np.sign(many).mean(axis=0)).max() < 5 / math.sqrt(4000)
    assert abs(np.sign(np.linalg.det(many)).mean()) < 5 / math.sqrt(4000)
    angle = np.arctan2(many[:, 0, 1], many[:, 0, 0])
    quarter = np.histogram(angle, 8, (-math.pi, math.pi))[0]
    assert np.abs(quarter - 500).max() < 5 * math.sqrt(500)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    for draw, _ in DRAWS.values():
        first, again, other = (draw(np.random.default_rng(s), np.float64) for s in (0, 0, 1))
        np.testing.assert_array_equal(first, again)
        assert (first != other).all()


RNG = np.random.default_rng(0)
MISUSE = [
    (lambda: init.zeros(0, 2), ValueError, "D: expected a whole number >= 1, got 0"),
    (lambda: init.zeros(2, 3, "f4"), ValueError, "dtype: expected np.float32 or np.float64"),
    (lambda: init.uniform(0, 2, 3, 1.0), TypeError, "rng: expected Generator, got int"),
    (lambda: init.uniform(RNG, 2, 3, 0.0), ValueError, "variance: expected a number > 0"),
    (lambda: init.normal(RNG, 2, 3, np.nan), ValueError, "variance: expected a finite number"),
    (lambda: init.normal(None, 2, 3, 1.0), TypeError, "rng: expected Generator"),
    (lambda: init.xavier(RNG, 2.0, 3), TypeError, "D: expected a whole number"),
    (lambda: init.xavier(RNG, 2, -3), ValueError, "H: expected a whole number >= 1, got -3"),
    (lambda: init.he(RNG, True, 3), TypeError, "D: expected a whole number"),
    (lambda: init.he(RNG, 2, 3, np.float16), ValueError, "dtype: expected"),
    (lambda: init.orthogonal(np.random, 2, 3), TypeError, "rng: expected Generator"),
    (lambda: init.orthogonal(RNG, 2, 3, int), ValueError, "dtype: expected"),
]


@pytest.mark.parametrize("call, error, message", MISUSE)
def test_malformed_calls_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
