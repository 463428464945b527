"""Dropout: the law of its masks, and its gradient against autograd and the complex step."""

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from oracles import Case, autograd_vjp, cases, close, quick, same_kind, sizes, torch_vjp

from fnnlib import dropout
from fnnlib.check import gradient_check


@quick
@given(case=cases, shape=st.lists(sizes, max_size=3).map(tuple), rate=st.floats(0, 0.9))
@example(Case(0, "f8", "strided"), (), 0.5)
def test_gradient_against_autograd_and_torch(case, shape, rate):
    x, dy = case.normal(*shape), case.normal(*shape)
    m = dropout.mask(case.rng, shape, rate, case.dtype)
    y, cache = dropout.forward(x, m)
    dx = dropout.backward(dy, cache)
    same_kind((y, dx), (x, x))
    close(y, np.where(m > 0, x / (1 - rate), 0).astype(x.dtype))
    close(dx, autograd_vjp(lambda x: x * m, (x,), dy)[0])
    close(dx, torch_vjp(lambda x: x * torch.tensor(np.array(m)), (x,), dy)[0])


def test_gradient_by_complex_step():
    rng = np.random.default_rng(0)
    m = dropout.mask(rng, (4, 3), 0.3)
    error = gradient_check(
        lambda x: dropout.forward(x, m), dropout.backward, (rng.normal(size=(4, 3)),), rng
    )
    assert error < 2e-15


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.8])
def test_masks_have_the_derived_mean_and_variance(rate, dtype):
    m = dropout.mask(np.random.default_rng(0), (1000, 1000), rate, dtype)
    assert m.dtype == dtype and m.shape == (1000, 1000)
    assert set(np.unique(m)) <= {0, dtype(1 / (1 - rate))}
    assert (m == 0).mean() == pytest.approx(rate, abs=2e-3)
    assert m.mean(dtype=float) == pytest.approx(1, abs=1e-2)
    assert m.var(dtype=float) == pytest.approx(rate / (1 - rate), abs=2e-2)


def test_a_unit_of_dropped_inputs_has_the_derived_mean_and_variance():
    rng = np.random.default_rng(0)
    u, w, rate = rng.normal(size=20), rng.normal(size=20), 0.3
    z = dropout.forward(np.tile(u, (200_000, 1)), dropout.mask(rng, (200_000, 20), rate))[0] @ w
    assert z.mean() == pytest.approx(w @ u, abs=0.02)
    assert z.var() == pytest.approx(rate / (1 - rate) * ((w * u) ** 2).sum(), rel=0.02)


def test_the_same_generator_gives_the_same_mask():
    one, two = (dropout.mask(np.random.default_rng(5), (50,), 0.5) for _ in range(2))
    np.testing.assert_array_equal(one, two)


class Zeros(np.random.Generator):
    """Draws the smallest number each time."""

    def random(self, size):
        return np.zeros(size)


def test_without_dropping_even_a_draw_of_zero_is_kept():
    rng = Zeros(np.random.PCG64(0))
    assert dropout.mask(rng, (2, 3), 0.0).all() and not dropout.mask(rng, (2, 3), 0.1).any()


RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3))
M = dropout.mask(RNG, (4, 3), 0.5)
CACHE = dropout.forward(X, M)[1]

REFUSED = [
    (lambda: dropout.mask(0, (4, 3), 0.5), TypeError, "rng: expected Generator, got int"),
    (lambda: dropout.mask(RNG, 4, 0.5), TypeError, "shape: expected tuple, got int"),
    (lambda: dropout.mask(RNG, (4, 0), 0.5), ValueError,
     "shape: expected a whole number >= 1, got 0"),
    (lambda: dropout.mask(RNG, (4, 3), 1.0), ValueError,
     "rate: expected a number >= 0 and < 1, got 1.0"),
    (lambda: dropout.mask(RNG, (4, 3), -0.1), ValueError,
     "rate: expected a number >= 0 and < 1, got -0.1"),
    (lambda: dropout.mask(RNG, (4, 3), np.nan), ValueError,
     "rate: expected a finite number, got nan"),
    (lambda: dropout.mask(RNG, (4, 3), "half"), TypeError,
     "rate: expected a real number, got str"),
    (lambda: dropout.mask(RNG, (4, 3), 0.5, bool), ValueError,
     "dtype: expected np.float32 or np.float64, got <class 'bool'>"),
    (lambda: dropout.forward(X, 0.5), ValueError,
     "x: expected shape (...,) with ... = (), got (4, 3)"),
    (lambda: dropout.forward(X, M > 0), ValueError,
     "m: expected float32 or float64, got bool"),
    (lambda: dropout.forward(X, M[0]), ValueError,
     "x: expected shape (...,) with ... = (3,), got (4, 3)"),
    (lambda: dropout.forward(X.astype("f4"), M), ValueError,
     "x: expected float64 like m, got float32"),
    (lambda: dropout.forward(X.astype(int), M), ValueError,
     "x: expected float32 or float64, got int64"),
    (lambda: dropout.forward(X * np.nan, M), ValueError,
     "x: expected finite numbers, got nan at index (0, 0)"),
    (lambda: dropout.forward(X[:0], M), ValueError,
     "x: expected no empty axis, got shape (0, 3)"),
    (lambda: dropout.backward(X[:2], CACHE), ValueError,
     "dy: expected shape (...,) with ... = (4, 3), got (2, 3)"),
    (lambda: dropout.backward(X.astype("f4"), CACHE), ValueError,
     "dy: expected float64 like m, got float32"),
    (lambda: dropout.backward(X, M), TypeError, "cache: expected dropout.Cache, got ndarray"),
]  # fmt: skip


@pytest.mark.parametrize("call, error, message", REFUSED, ids=[row[2] for row in REFUSED])
def test_refusals_say_what_was_expected_and_what_came(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
