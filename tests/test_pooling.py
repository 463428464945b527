"""Pooling against PyTorch and JAX, at odd sizes, strides and paddings; ties."""

import jax
import numpy as np
import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from oracles import Case, cases, close, quick, same_kind, torch_vjp

from fnnlib import dense, pooling
from fnnlib.check import complex_step, finite_difference, gradient_check

small = st.integers(1, 3)
KINDS = {
    "average": (pooling.average_forward, pooling.average_backward, torch.nn.functional.avg_pool2d),
    "max": (pooling.max_forward, pooling.max_backward, torch.nn.functional.max_pool2d),
}


def compared(kind, x, dy_of, *geometry):
    """Outputs and gradients of the library are those of PyTorch."""
    forward, backward, by_torch = KINDS[kind]
    y, cache = forward(x, *geometry)
    dy = dy_of(y)
    dx = backward(dy, cache)
    same_kind((y, dx), (dy, x))
    theirs = lambda x: by_torch(x, *geometry)  # noqa: E731
    close(y, theirs(torch.tensor(np.array(x))).numpy())
    close(dx, torch_vjp(theirs, (x,), dy)[0], slack=4)


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(
    case=cases, N=small, C=small, image=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    window=st.integers(1, 4), stride=st.none() | st.integers(1, 5), padding=st.integers(0, 2),
)  # fmt: skip
@example(Case(0, "f8", "contiguous"), 1, 1, (1, 1), 1, None, 0)
@example(Case(0, "f4", "strided"), 2, 3, (7, 5), 3, 2, 1)
@example(Case(0, "f8", "columns first"), 2, 1, (6, 4), 2, 3, 1)
@example(Case(0, "f8", "read only"), 1, 2, (1, 2), 4, 1, 2)
def test_against_torch(kind, case, N, C, image, window, stride, padding):
    assume(2 * padding <= window <= min(image) + 2 * padding)
    x = case.normal(N, C, *image)
    compared(kind, x, lambda y: case.normal(*y.shape), window, stride, padding)


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(seed=st.integers(0, 2**32), window=st.integers(2, 4), stride=small)
def test_ties_go_to_the_first_entry_as_in_torch(kind, seed, window, stride):
    """Images of a few whole numbers are full of ties, which no random image has."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-1, 2, (2, 2, 7, 6)).astype(float)
    compared(kind, x, lambda y: rng.normal(size=y.shape), window, stride, window // 2)


def test_of_equal_entries_the_first_row_by_row_takes_all():
    x = np.array([[[[0.0, 3.0, 1.0], [3.0, 3.0, 1.0], [1.0, 1.0, 1.0]]]])
    y, cache = pooling.max_forward(x, 2, stride=1)
    dx = pooling.max_backward(np.array([[[[1.0, 10.0], [100.0, 1000.0]]]]), cache)
    np.testing.assert_array_equal(y[0, 0], [[3, 3], [3, 3]])
    np.testing.assert_array_equal(dx[0, 0], [[0, 11, 0], [100, 1000, 0], [0, 0, 0]])


def test_padding_is_never_the_largest_and_counts_in_an_average():
    x = np.full((1, 1, 2, 2), -8.0)
    np.testing.assert_array_equal(pooling.max_forward(x, 2, 1, 1)[0], np.full((1, 1, 3, 3), -8))
    np.testing.assert_array_equal(
        pooling.average_forward(x, 2, 1, 1)[0][0, 0], [[-2, -4, -2], [-4, -8, -4], [-2, -4, -2]]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_against_jax(kind):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3, 2, 8, 7)).astype("f4")
    start, combine, share = {
        "average": (0.0, jax.lax.add, 1 / 9), "max": (-np.inf, jax.lax.max, 1.0)
    }[kind]

    def by_jax(x):
        padding = [(0, 0), (0, 0), (1, 1), (1, 1)]
        sizes = (1, 1, 3, 3), (1, 1, 2, 2)
        return share * jax.lax.reduce_window(x, np.float32(start), combine, *sizes, padding)

    forward, backward, _ = KINDS[kind]
    expected, pull = jax.vjp(by_jax, x)
    y, cache = forward(x, 3, stride=2, padding=1)
    close(y, np.asarray(expected), slack=4)
    close(backward(y, cache), np.asarray(pull(y)[0]), slack=4)


@pytest.mark.parametrize("derivative", [complex_step, finite_difference])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("geometry", [(2,), (3, 1), (3, 2, 1), (2, 3), (4, 1, 2)])
def test_gradients_along_a_direction(kind, geometry, derivative):
    """Entries stand 0.1 apart, so that no step of a difference changes which is the largest."""
    rng, (forward, backward, _) = np.random.default_rng(0), KINDS[kind]
    x = rng.permutation(np.arange(180.0)).reshape(2, 3, 6, 5) / 10
    error = gradient_check(lambda x: forward(x, *geometry), backward, (x,), rng, derivative)
    assert error < (1e-14 if derivative is complex_step else 1e-9)


def test_one_window_over_the_image_is_a_mean_or_a_maximum():
    x = np.random.default_rng(0).normal(size=(4, 3, 5, 5))
    close(pooling.average_forward(x, 5)[0][..., 0, 0], x.mean(axis=(2, 3)))
    close(pooling.max_forward(x, 5)[0][..., 0, 0], x.max(axis=(2, 3)))


def test_windows_that_touch_share_the_gradient_out():
    """Every entry is in one window: gradients add up to what was given, and are not repeated."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 6, 9))
    for forward, backward, _ in KINDS.values():
        y, cache = forward(x, 3)
        dy = rng.normal(size=y.shape)
        dx = backward(dy, cache).reshape(2, 3, 2, 3, 3, 3)
        close(dx.sum(axis=(3, 5)), dy)


X = np.random.default_rng(0).normal(size=(4, 2, 6, 5))
Y, MAXIMA = pooling.max_forward(X, 3, stride=1)
_, AVERAGES = pooling.average_forward(X, 3, stride=1)


def of_both(arguments, error, message):
    return [(lambda f=f: f(*arguments), error, message)
            for f in (pooling.average_forward, pooling.max_forward)]


REFUSED = [
    *of_both((X[0], 2), ValueError, "x: expected shape (N, C, Y, X), got (2, 6, 5)"),
    *of_both((X.astype("f2"), 2), ValueError, "x: expected float32 or float64, got float16"),
    *of_both((X.astype(np.uint8), 2), ValueError, "x: expected float32 or float64, got uint8"),
    *of_both((X * np.nan, 2), ValueError,
             "x: expected finite numbers, got nan at index (0, 0, 0, 0)"),
    *of_both((X - np.inf, 2), ValueError,
             "x: expected finite numbers, got -inf at index (0, 0, 0, 0)"),
    *of_both((X[:0], 2), ValueError, "x: expected no empty axis, got shape (0, 2, 6, 5)"),
    *of_both((X.tolist(), 2), TypeError, "x: expected a NumPy array, got list"),
    *of_both((X, 0), ValueError, "window: expected a whole number >= 1, got 0"),
    *of_both((X, (2, 2)), TypeError, "window: expected a whole number >= 1, got tuple (2, 2)"),
    *of_both((X, 2.0), TypeError, "window: expected a whole number >= 1, got float 2.0"),
    *of_both((X, 6), ValueError, "window: expected at most X + 2 padding = 5, got 6"),
    *of_both((X[:, :, :2], 5, 1, 1), ValueError,
             "window: expected at most Y + 2 padding = 4, got 5"),
    *of_both((X, 2, 0), ValueError, "stride: expected a whole number >= 1, got 0"),
    *of_both((X, 2, "2"), TypeError, "stride: expected a whole number >= 1, got str '2'"),
    *of_both((X, 2, 1, -1), ValueError, "padding: expected a whole number >= 0, got -1"),
    *of_both((X, 2, 1, True), TypeError, "padding: expected a whole number >= 0, got bool True"),
    *of_both((X, 3, 1, 2), ValueError, "padding: expected at most half of the window of 3, got 2"),
    (lambda: pooling.max_backward(Y, AVERAGES), TypeError,
     "cache: expected pooling.MaxCache, got pooling.AverageCache"),
    (lambda: pooling.average_backward(Y, MAXIMA), TypeError,
     "cache: expected pooling.AverageCache, got pooling.MaxCache"),
    (lambda: pooling.average_backward(Y, dense.Params(Y, Y)), TypeError,
     "cache: expected pooling.AverageCache, got dense.Params"),
    (lambda: pooling.average_backward(Y[:, :, 1:], AVERAGES), ValueError,
     "dy: expected shape (4, 2, 4, 3), got (4, 2, 3, 3)"),
    (lambda: pooling.max_backward(Y[:2], MAXIMA), ValueError,
     "dy: expected shape (N, C, U, V) with N = 4, C = 2, got (2, 2, 4, 3)"),
    (lambda: pooling.max_backward(Y.astype("f4"), MAXIMA), ValueError,
     "dy: expected float64 like x, got float32"),
    (lambda: pooling.max_backward(Y * np.inf, MAXIMA), ValueError,
     f"dy: expected finite numbers, got {Y.flat[0] * np.inf} at index (0, 0, 0, 0)"),
]  # fmt: skip


@pytest.mark.parametrize("call, error, message", REFUSED)
def test_refusals_say_what_was_expected_and_what_came(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
