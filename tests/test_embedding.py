"""Embedding against PyTorch and JAX, at repeated and missing tokens."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from oracles import Case, autograd_vjp, cases, close, quick, same_kind, sizes, torch_vjp

from fnnlib import dense, embedding
from fnnlib.check import gradient_check


@quick
@given(case=cases, lead=st.lists(sizes, max_size=3), V=sizes, D=sizes)
@example(Case(0, "f8", "strided"), [], 1, 1)
@example(Case(0, "f4", "columns first"), [5, 5], 2, 3)
def test_against_torch_and_autograd(case, lead, V, D):
    p, dx = embedding.Params(case.normal(V, D)), case.normal(*lead, D)
    tokens = np.asarray(case.rng.integers(V, size=lead))
    x, cache = embedding.forward(p, tokens)
    dp = embedding.backward(dx, cache)
    same_kind((x, dp), (dx, p))
    at = torch.tensor(tokens)
    look_up = torch.nn.functional.embedding
    np.testing.assert_array_equal(x, look_up(at, torch.tensor(np.array(p.E))).numpy())
    close(dp, torch_vjp(lambda p: look_up(at, p.E), (p,), dx)[0], slack=4)
    close(dp, autograd_vjp(lambda p: p.E[tokens], (p,), dx)[0], slack=4)


def test_against_jax():
    rng = np.random.default_rng(0)
    tokens = rng.integers(7, size=(6, 5))
    p, dx = embedding.init(rng, 7, 3, np.float32), rng.normal(size=(6, 5, 3)).astype("f4")
    _, pull = jax.vjp(lambda E: jnp.take(E, tokens, axis=0), p.E)
    close(embedding.backward(dx, embedding.forward(p, tokens)[1]).E, np.asarray(pull(dx)[0]))


def test_gradient_by_complex_step():
    rng = np.random.default_rng(0)
    tokens = rng.integers(6, size=(4, 3))
    error = gradient_check(
        lambda p: embedding.forward(p, tokens), embedding.backward, (embedding.init(rng, 6, 2),),
        rng,
    )
    assert error < 2e-15


@pytest.mark.parametrize("kind", [np.int8, np.uint64, np.int32])
def test_a_token_that_does_not_occur_has_no_gradient(kind):
    p = embedding.init(np.random.default_rng(0), 3, 2)
    _, cache = embedding.forward(p, np.array([2, 0, 2], kind))
    np.testing.assert_array_equal(
        embedding.backward(np.ones((3, 2)), cache).E, [[1, 1], [0, 0], [2, 2]]
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_first_table(dtype):
    p = embedding.init(np.random.default_rng(0), 300, 400, dtype)
    assert p.E.shape == (300, 400) and p.E.dtype == dtype
    assert p.E.var() == pytest.approx(1, rel=0.02)


P = embedding.init(np.random.default_rng(0), 3, 2)
TOKENS = np.array([0, 2, 1, 1])
CACHE = embedding.forward(P, TOKENS)[1]
DX = np.ones((4, 2))

REFUSED = [
    (lambda: embedding.init(0, 3, 2), TypeError, "rng: expected Generator, got int"),
    (lambda: embedding.init(np.random.default_rng(0), 0, 2), ValueError,
     "V: expected a whole number >= 1, got 0"),
    (lambda: embedding.init(np.random.default_rng(0), 3, 2.0), TypeError,
     "D: expected a whole number >= 1, got float 2.0"),
    (lambda: embedding.init(np.random.default_rng(0), 3, 2, int), ValueError,
     "dtype: expected np.float32 or np.float64, got <class 'int'>"),
    (lambda: embedding.forward(P.E, TOKENS), TypeError,
     "p: expected embedding.Params, got ndarray"),
    (lambda: embedding.forward(dense.Params(DX, DX), TOKENS), TypeError,
     "p: expected embedding.Params, got dense.Params"),
    (lambda: embedding.forward(embedding.Params(P.E[0]), TOKENS), ValueError,
     "p.E: expected shape (V, D), got (2,)"),
    (lambda: embedding.forward(embedding.Params(P.E * np.nan), TOKENS), ValueError,
     "p.E: expected finite numbers, got nan at index (0, 0)"),
    (lambda: embedding.forward(embedding.Params(P.E.astype("f2")), TOKENS), ValueError,
     "p.E: expected float32 or float64, got float16"),
    (lambda: embedding.forward(P, TOKENS + 1), ValueError,
     "tokens: expected class indices from 0 to 2, got 3"),
    (lambda: embedding.forward(P, TOKENS - 1), ValueError,
     "tokens: expected class indices from 0 to 2, got -1"),
    (lambda: embedding.forward(P, TOKENS * 1.0), ValueError,
     "tokens: expected integer class indices, got float64"),
    (lambda: embedding.forward(P, TOKENS > 0), ValueError,
     "tokens: expected integer class indices, got bool"),
    (lambda: embedding.forward(P, TOKENS[:0]), ValueError,
     "tokens: expected no empty axis, got shape (0,)"),
    (lambda: embedding.forward(P, [0, 1]), TypeError,
     "tokens: expected a NumPy array, got list"),
    (lambda: embedding.backward(DX, None), TypeError,
     "cache: expected embedding.Cache, got NoneType"),
    (lambda: embedding.backward(DX[:3], CACHE), ValueError,
     "dx: expected shape (4, 2), got (3, 2)"),
    (lambda: embedding.backward(DX[0], CACHE), ValueError,
     "dx: expected shape (4, 2), got (2,)"),
    (lambda: embedding.backward(DX[:, :1], CACHE), ValueError,
     "dx: expected shape (..., D) with D = 2, got (4, 1)"),
    (lambda: embedding.backward(DX.astype("f4"), CACHE), ValueError,
     "dx: expected float64 like p.E, got float32"),
]  # fmt: skip


@pytest.mark.parametrize("call, error, message", REFUSED, ids=[row[2] for row in REFUSED])
def test_refusals_say_what_was_expected_and_what_came(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
