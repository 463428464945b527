"""Attention against PyTorch and autograd, with and without masks; what masks hide stays hidden."""

import autograd.numpy as anp
import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from oracles import Case, autograd_vjp, cases, close, quick, same_kind, sizes, torch_vjp

from fnnlib import attention, dense
from fnnlib.check import gradient_check

masks = st.sampled_from(["none", "matrix", "by sequence"])


def random_mask(case, kind, T, S, B):
    """Some outputs look at some inputs, each at one at least."""
    if kind == "none":
        return None
    mask = case.rng.random((T, S, B) if kind == "by sequence" else (T, S)) < 0.5
    mask[:, case.rng.integers(S)] = True
    return mask


def by_autograd(q, k, v, mask):
    e = anp.einsum("tbk,sbk->tsb", q, k) / anp.sqrt(q.shape[-1])
    if mask is not None:
        e = anp.where(mask if mask.ndim == 3 else mask[..., None], e, -1e30)
    p = anp.exp(e - anp.max(e, axis=1, keepdims=True))
    return anp.einsum("tsb,sbh->tbh", p / anp.sum(p, axis=1, keepdims=True), v)


def by_torch(q, k, v, mask):
    if mask is not None:
        mask = torch.tensor(mask if mask.ndim == 3 else mask[..., None]).permute(2, 0, 1)
    q, k, v = (a.transpose(0, 1) for a in (q, k, v))
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, mask).transpose(0, 1)


@quick
@given(case=cases, kind=masks, T=sizes, S=sizes, B=sizes, K=sizes, H=sizes)
@example(Case(0, "f4", "strided"), "none", 1, 1, 1, 1, 1)
@example(Case(0, "f8", "columns first"), "by sequence", 5, 4, 3, 2, 1)
def test_attend_against_torch_and_autograd(case, kind, T, S, B, K, H):
    args = case.normal(T, B, K), case.normal(S, B, K), case.normal(S, B, H)
    dh, mask = case.normal(T, B, H), random_mask(case, kind, T, S, B)
    h, cache = attention.attend(*args, mask)
    gradients = attention.attend_backward(dh, cache)
    same_kind((h, gradients), (dh, args))
    close(h, by_autograd(*args, mask), slack=4)
    close(gradients, autograd_vjp(lambda *at: by_autograd(*at, mask), args, dh), slack=10)
    close(gradients, torch_vjp(lambda *at: by_torch(*at, mask), args, dh), slack=10)


@quick
@given(case=cases, kind=masks, T=sizes, B=sizes, D=sizes, K=sizes, H=sizes)
def test_self_attention_against_torch(case, kind, T, B, D, K, H):
    p = attention.Params(case.normal(D, K), case.normal(D, K), case.normal(D, H))
    x, dh, mask = case.normal(T, B, D), case.normal(T, B, H), random_mask(case, kind, T, T, B)
    h, cache = attention.forward(p, x, mask)
    gradients = attention.backward(dh, cache)
    same_kind((h, gradients), (dh, (p, x)))
    theirs = torch_vjp(lambda p, x: by_torch(x @ p.Q, x @ p.K, x @ p.V, mask), (p, x), dh)
    close(gradients, theirs, slack=100)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_against_torch_multihead_attention_with_one_head(dtype):
    torch.manual_seed(0)
    net = torch.nn.MultiheadAttention(4, 1, bias=False, dtype=dtype)
    x = torch.randn(6, 3, 4, dtype=dtype)
    with torch.no_grad():
        net.out_proj.weight.copy_(torch.eye(4))
        expected, weights = net(x, x, x, attn_mask=torch.tensor(~attention.causal(6)))
    p = attention.Params(*(W.detach().numpy().T for W in net.in_proj_weight.chunk(3)))
    h, cache = attention.forward(p, x.numpy(), attention.causal(6))
    close((h, cache.attended.p), (expected.numpy(), weights.numpy()), slack=4)


@pytest.mark.parametrize("mask", [None, attention.causal(5)])
def test_gradients_by_complex_step(mask):
    rng = np.random.default_rng(0)
    args = attention.init(rng, 4, 3, 2), rng.normal(size=(5, 3, 4))
    forward = lambda p, x: attention.forward(p, x, mask)  # noqa: E731
    assert gradient_check(forward, attention.backward, args, rng) < 4e-15


def test_later_steps_change_nothing_under_the_causal_mask():
    rng = np.random.default_rng(0)
    p, x = attention.init(rng, 4, 3, 2), rng.normal(size=(6, 2, 4))
    changed = x.copy()
    changed[4:] = rng.normal(size=(2, 2, 4))
    h, cache = attention.forward(p, x, attention.causal(6))
    np.testing.assert_array_equal(h[:4], attention.forward(p, changed, attention.causal(6))[0][:4])
    assert not cache.attended.p[:, 0, 1:].any()
    dh = np.zeros_like(h)
    dh[3] = 1
    assert not attention.backward(dh, cache)[1][4:].any()


def test_padded_sequences_get_what_they_get_alone():
    rng = np.random.default_rng(0)
    p, x = attention.init(rng, 4, 3, 2), rng.normal(size=(6, 2, 4))
    present = np.arange(6)[:, None] < np.array([6, 4])
    h, _ = attention.forward(p, x, np.broadcast_to(present, (6, 6, 2)))
    close(h[:4, 1:], attention.forward(p, x[:4, 1:])[0])
    close(h[:, :1], attention.forward(p, x[:, :1])[0])


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_huge_scores_choose_one_input_and_nothing_overflows(dtype):
    q, k = np.full((1, 1, 1), 100, dtype), np.array([[[100]], [[-100]], [[300]]], dtype)
    v = np.array([[[1]], [[2]], [[3]]], dtype)
    for mask, expected in ((None, 3), (np.array([[True, True, False]]), 1)):
        h, cache = attention.attend(q, k, v, mask)
        assert h.item() == expected
        assert all(np.isfinite(d).all() for d in attention.attend_backward(v[:1], cache))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_first_weights(dtype):
    p = attention.init(np.random.default_rng(0), 300, 200, 100, dtype)
    assert [W.shape for W in p] == [(300, 200), (300, 200), (300, 100)]
    assert all(W.dtype == dtype and W.var() == pytest.approx(1 / 300, rel=0.03) for W in p)
    assert not np.array_equal(p.Q, p.K)


RNG = np.random.default_rng(0)
P, X = attention.init(RNG, 4, 3, 2), RNG.normal(size=(5, 6, 4))
Q, K, V = RNG.normal(size=(5, 6, 3)), RNG.normal(size=(7, 6, 3)), RNG.normal(size=(7, 6, 2))
ALL = np.ones((5, 7), bool)
DH, CACHE, SELF = Q[..., :2], attention.attend(Q, K, V)[1], attention.forward(P, X)[1]

REFUSED = [
    (lambda: attention.init(0, 4, 3, 2), TypeError, "rng: expected Generator, got int"),
    (lambda: attention.init(RNG, 4, 0, 2), ValueError,
     "K: expected a whole number >= 1, got 0"),
    (lambda: attention.init(RNG, 4, 3, 2, int), ValueError,
     "dtype: expected np.float32 or np.float64, got <class 'int'>"),
    (lambda: attention.causal(0), ValueError, "T: expected a whole number >= 1, got 0"),
    (lambda: attention.causal(2.0), TypeError,
     "T: expected a whole number >= 1, got float 2.0"),
    (lambda: attention.attend(Q, K[..., :2], V), ValueError,
     "k: expected shape (S, B, K) with B = 6, K = 3, got (7, 6, 2)"),
    (lambda: attention.attend(Q, K, V[:6]), ValueError,
     "v: expected shape (S, B, H) with S = 7, B = 6, got (6, 6, 2)"),
    (lambda: attention.attend(Q, K[:, :1], V), ValueError,
     "k: expected shape (S, B, K) with B = 6, K = 3, got (7, 1, 3)"),
    (lambda: attention.attend(Q[0], K, V), ValueError,
     "q: expected shape (T, B, K), got (6, 3)"),
    (lambda: attention.attend(Q, K.astype("f4"), V), ValueError,
     "k: expected float64 like q, got float32"),
    (lambda: attention.attend(Q, K, V * np.nan), ValueError,
     "v: expected finite numbers, got nan at index (0, 0, 0)"),
    (lambda: attention.attend(Q, K[:0], V), ValueError,
     "k: expected no empty axis, got shape (0, 6, 3)"),
    (lambda: attention.attend(Q, K, V, ALL.T), ValueError,
     "mask: expected shape (5, 7), got (7, 5)"),
    (lambda: attention.attend(Q, K, V, ALL[0]), ValueError,
     "mask: expected shape (5, 7), got (7,)"),
    (lambda: attention.attend(Q, K, V, ALL[..., None]), ValueError,
     "mask: expected shape (5, 7, 6), got (5, 7, 1)"),
    (lambda: attention.attend(Q, K, V, 1.0 * ALL), ValueError,
     "mask: expected booleans, got float64"),
    (lambda: attention.attend(Q, K, V, ALL.tolist()), TypeError,
     "mask: expected a NumPy array, got list"),
    (lambda: attention.attend(Q, K, V, np.tri(5, 7, -1, bool)), ValueError,
     "mask: expected at least one True for every output, got none for output 0"),
    (lambda: attention.attend(Q, K, V, np.eye(5, 7, 3, bool)), ValueError,
     "mask: expected at least one True for every output, got none for output 4"),
    (lambda: attention.attend(Q, K, V, np.zeros((5, 7), bool)), ValueError,
     "mask: expected at least one True, got none"),
    (lambda: attention.attend_backward(DH, SELF), TypeError,
     "cache: expected attention.AttendCache, got attention.Cache"),
    (lambda: attention.attend_backward(Q, CACHE), ValueError,
     "dh: expected shape (T, B, H) with T = 5, B = 6, H = 2, got (5, 6, 3)"),
    (lambda: attention.attend_backward(DH.astype("f4"), CACHE), ValueError,
     "dh: expected float64 like p, got float32"),
    (lambda: attention.forward(dense.Params(*P[:2]), X), TypeError,
     "p: expected attention.Params, got dense.Params"),
    (lambda: attention.forward(P._replace(K=P.V), X), ValueError,
     "p.K: expected shape (D, K) with D = 4, K = 3, got (4, 2)"),
    (lambda: attention.forward(P, X[..., :3]), ValueError,
     "x: expected shape (T, B, D) with D = 4, got (5, 6, 3)"),
    (lambda: attention.forward(P, X, ALL), ValueError,
     "mask: expected shape (5, 5), got (5, 7)"),
    (lambda: attention.backward(DH, CACHE), TypeError,
     "cache: expected attention.Cache, got attention.AttendCache"),
    (lambda: attention.backward(DH[:4], SELF), ValueError,
     "dh: expected shape (T, B, H) with T = 5, B = 6, H = 2, got (4, 6, 2)"),
]  # fmt: skip


@pytest.mark.parametrize("call, error, message", REFUSED, ids=[row[2] for row in REFUSED])
def test_refusals_say_what_was_expected_and_what_came(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
