"""Convolution against PyTorch and JAX, at odd sizes, strides and paddings."""

import jax
import numpy as np
import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from oracles import Case, cases, close, quick, same_kind, sizes, torch_vjp

from fnnlib import conv, dense, tree
from fnnlib.buffers import Buffers
from fnnlib.check import gradient_check

small = st.integers(1, 3)


def arguments(case, N, C, O, image, kernel):  # noqa: E741 - the names of the axes
    return conv.Params(case.normal(O, C, *kernel), case.normal(O)), case.normal(N, C, *image)


@quick
@given(
    case=cases, N=small, C=small, O=small, image=st.tuples(st.integers(1, 7), sizes),
    kernel=st.tuples(small, sizes), stride=small, padding=st.integers(0, 2),
)  # fmt: skip
@example(Case(0, "f8", "contiguous"), 1, 1, 1, (1, 1), (1, 1), 1, 0)
@example(Case(0, "f4", "strided"), 2, 3, 2, (7, 5), (3, 2), 2, 1)
@example(Case(0, "f8", "columns first"), 2, 1, 3, (6, 4), (2, 4), 3, 0)
def test_against_torch(case, N, C, O, image, kernel, stride, padding):  # noqa: E741
    assume(all(k <= n + 2 * padding for k, n in zip(kernel, image, strict=True)))
    p, x = arguments(case, N, C, O, image, kernel)
    z, cache = conv.forward(p, x, stride, padding)
    dz = case.normal(*z.shape)
    gradients = conv.backward(dz, cache)
    same_kind((z, gradients), (dz, (p, x)))

    def by_torch(p, x):
        return torch.nn.functional.conv2d(x, p.W, p.b, stride, padding)

    with torch.no_grad():
        at = (torch.tensor(np.array(a)) for a in p)
        close(z, by_torch(conv.Params(*at), torch.tensor(np.array(x))).numpy(), slack=10)
    close(gradients, torch_vjp(by_torch, (p, x), dz), slack=20)


def test_against_jax():
    p, x = arguments(Case(1, "f4", "contiguous"), 3, 2, 4, (8, 7), (3, 3))

    def by_jax(W, b, x):
        z = jax.lax.conv_general_dilated(x, W, (2, 2), [(1, 1), (1, 1)])
        return z + b[:, None, None]

    expected, pull = jax.vjp(by_jax, *p, x)
    z, cache = conv.forward(p, x, stride=2, padding=1)
    close(z, np.asarray(expected), slack=4)
    dp, dx = conv.backward(z, cache)
    close((*dp, dx), tuple(np.asarray(g) for g in pull(z)), slack=10)


@pytest.mark.parametrize("stride, padding", [(1, 0), (1, 2), (2, 1), (3, 0)])
def test_gradients_by_complex_step(stride, padding):
    rng = np.random.default_rng(0)
    args = arguments(Case(0, "f8", "contiguous"), 2, 3, 2, (6, 5), (3, 2))
    forward = lambda p, x: conv.forward(p, x, stride, padding)  # noqa: E731
    assert gradient_check(forward, conv.backward, args, rng) < 4e-15


def test_a_kernel_as_large_as_the_image_is_a_dense_layer():
    p, x = arguments(Case(0, "f8", "contiguous"), 4, 2, 3, (5, 6), (5, 6))
    z, _ = conv.forward(p, x)
    layer = dense.Params(p.W.reshape(3, -1).T, p.b)
    close(z.reshape(4, 3), dense.forward(layer, x.reshape(4, -1))[0])


@pytest.mark.parametrize("C, kernel", [(2, (3, 2)), (16, (3, 3))])
def test_buffers_change_no_number_and_are_written_over(C, kernel):
    reuse, addresses = Buffers(), []
    for seed in range(3):
        p, x = arguments(Case(seed, "f8", "contiguous"), 4, C, 3, (6, 5), kernel)
        z, cache = conv.forward(p, x, padding=1, reuse=reuse)
        dz = np.random.default_rng(seed).normal(size=z.shape)
        dp, dx = conv.backward(dz, cache)
        expected, expected_cache = conv.forward(p, x, padding=1)
        found = z, dp, dx
        tree.map(
            np.testing.assert_array_equal, found, (expected, *conv.backward(dz, expected_cache))
        )
        addresses.append([a.ctypes.data for a in (z, dp.W, dx)])
    assert addresses[0] == addresses[1] == addresses[2]
    with pytest.raises(ValueError, match="^cache: expected that of pass 4, the last with these"):
        conv.forward(p, x, padding=1, reuse=reuse)
        conv.backward(dz, cache)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_first_weights(dtype):
    p = conv.init(np.random.default_rng(0), 50, 20, 5, 6, dtype)
    assert p.W.shape == (50, 20, 5, 6) and p.b.shape == (50,) and not p.b.any()
    assert p.W.dtype == p.b.dtype == dtype
    assert p.W.var() == pytest.approx(1 / 600, rel=0.03)


RNG = np.random.default_rng(0)
P, X = arguments(Case(0, "f8", "contiguous"), 4, 2, 3, (6, 5), (3, 2))
Z, CACHE = conv.forward(P, X)
SQUARE = conv.Params(np.ones((1, 1, 4, 4)), np.zeros(1))

REFUSED = [
    (lambda: conv.init(1, 3, 2, 3, 3), TypeError, "rng: expected Generator, got int"),
    (lambda: conv.init(RNG, 3, 2, 0, 3), ValueError, "I: expected a whole number >= 1, got 0"),
    (lambda: conv.init(RNG, 3, 2, 3, 3.0), TypeError,
     "J: expected a whole number >= 1, got float 3.0"),
    (lambda: conv.init(RNG, 3, 2, 3, 3, "f8"), ValueError,
     "dtype: expected np.float32 or np.float64, got 'f8'"),
    (lambda: conv.forward(dense.Params(*P), X), TypeError,
     "p: expected conv.Params, got dense.Params"),
    (lambda: conv.forward(P, X[0]), ValueError,
     "x: expected shape (N, C, Y, X), got (2, 6, 5)"),
    (lambda: conv.forward(P, X[:, :1]), ValueError,
     "p.W: expected shape (O, C, I, J) with C = 1, got (3, 2, 3, 2)"),
    (lambda: conv.forward(P._replace(b=P.b[:2]), X), ValueError,
     "p.b: expected shape (O,) with O = 3, got (2,)"),
    (lambda: conv.forward(P, X.astype("f4")), ValueError,
     "p.W: expected float32 like x, got float64"),
    (lambda: conv.forward(P, X.astype(np.uint8)), ValueError,
     "x: expected float32 or float64, got uint8"),
    (lambda: conv.forward(P, X * np.nan), ValueError,
     "x: expected finite numbers, got nan at index (0, 0, 0, 0)"),
    (lambda: conv.forward(P, X[:0]), ValueError,
     "x: expected no empty axis, got shape (0, 2, 6, 5)"),
    (lambda: conv.forward(P, X, stride=0), ValueError,
     "stride: expected a whole number >= 1, got 0"),
    (lambda: conv.forward(P, X, stride=(1, 1)), TypeError,
     "stride: expected a whole number >= 1, got tuple (1, 1)"),
    (lambda: conv.forward(P, X, padding=-1), ValueError,
     "padding: expected a whole number >= 0, got -1"),
    (lambda: conv.forward(P, X, padding="same"), TypeError,
     "padding: expected a whole number >= 0, got str 'same'"),
    (lambda: conv.forward(P, X[:, :, :2]), ValueError,
     "p.W: expected at most 2 rows and 5 columns, got 3 and 2"),
    (lambda: conv.forward(P, X[..., :1]), ValueError,
     "p.W: expected at most 6 rows and 1 columns, got 3 and 2"),
    (lambda: conv.forward(SQUARE, np.ones((1, 1, 1, 9)), padding=1), ValueError,
     "p.W: expected at most 3 rows and 11 columns, got 4 and 4"),
    (lambda: conv.forward(SQUARE, np.ones((1, 1, 9, 1)), padding=1), ValueError,
     "p.W: expected at most 11 rows and 3 columns, got 4 and 4"),
    (lambda: conv.backward(Z, P), TypeError, "cache: expected conv.Cache, got conv.Params"),
    (lambda: conv.backward(Z[:, :, 1:], CACHE), ValueError,
     "dz: expected shape (4, 3, 4, 4), got (4, 3, 3, 4)"),
    (lambda: conv.backward(Z[:2], CACHE), ValueError,
     "dz: expected shape (N, O, U, V) with N = 4, got (2, 3, 4, 4)"),
    (lambda: conv.backward(Z.astype("f4"), CACHE), ValueError,
     "dz: expected float64 like x, got float32"),
]  # fmt: skip


@pytest.mark.parametrize("call, error, message", REFUSED, ids=[row[2] for row in REFUSED])
def test_refusals_say_what_was_expected_and_what_came(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
