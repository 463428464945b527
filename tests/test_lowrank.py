"""Low-rank adapters against PyTorch and autograd; merged and not merged; the base is frozen."""

import autograd.numpy as anp
import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from oracles import Case, autograd_vjp, cases, close, quick, same_kind, sizes, torch_vjp

from fnnlib import dense, lowrank
from fnnlib.check import gradient_check

scales = st.sampled_from([1.0, 0.0, -0.5, 2])


def arguments(case, lead, D, H, R):
    p = lowrank.Params(case.normal(D, R), case.normal(R, H))
    return p, dense.Params(case.normal(D, H), case.normal(H)), case.normal(*lead, D)


@quick
@given(
    case=cases, lead=st.lists(sizes, max_size=3), D=sizes, H=sizes, R=sizes, scale=scales,
)  # fmt: skip
@example(Case(0, "f4", "strided"), [], 1, 1, 1, 2)
def test_against_torch_and_autograd(case, lead, D, H, R, scale):
    (p, base, x), dz = arguments(case, lead, D, H, R), case.normal(*lead, H)
    z, cache = lowrank.forward(p, base, x, scale)
    gradients = lowrank.backward(dz, cache)
    same_kind((z, gradients), (dz, (p, x)))

    def plain(p, x):
        return anp.dot(x, base.W + scale * anp.dot(p.A, p.B)) + base.b

    def by_torch(p, x):
        W, b = (torch.tensor(np.array(a)) for a in base)
        return torch.nn.functional.linear(x, (W + scale * p.A @ p.B).T, b)

    close(z, plain(p, x), slack=10)
    close(gradients, autograd_vjp(plain, (p, x), dz), slack=20)
    close(gradients, torch_vjp(by_torch, (p, x), dz), slack=20)


@quick
@given(case=cases, D=sizes, H=sizes, R=sizes, scale=scales)
def test_the_merged_layer_is_a_dense_layer_with_the_same_outputs(case, D, H, R, scale):
    p, base, x = arguments(case, (4,), D, H, R)
    for same in (scale,), ():
        merged = lowrank.merge(p, base, *same)
        same_kind(merged, base)
        close(dense.forward(merged, x)[0], lowrank.forward(p, base, x, *same)[0], slack=10)


def test_gradient_by_complex_step():
    rng = np.random.default_rng(0)
    p, base, x = arguments(Case(0, "f8", "contiguous"), (5,), 4, 3, 2)
    error = gradient_check(
        lambda p, x: lowrank.forward(p, base, x, 0.5), lowrank.backward, (p, x), rng
    )
    assert error < 2e-15


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_starts_from_the_frozen_layer(dtype):
    rng = np.random.default_rng(0)
    base, p = dense.init(rng, 300, 200, dtype), lowrank.init(rng, 300, 200, 50, dtype)
    x = rng.normal(size=(4, 300)).astype(dtype)
    assert p.A.dtype == p.B.dtype == dtype and p.A.shape == (300, 50)
    assert p.A.var() == pytest.approx(1 / 300, rel=0.03)
    z, cache = lowrank.forward(p, base, x)
    np.testing.assert_array_equal(z, dense.forward(base, x)[0])
    assert lowrank.backward(z, cache)[0].B.any()


RNG = np.random.default_rng(0)
P, BASE, X = arguments(Case(0, "f8", "contiguous"), (5,), 4, 3, 2)
CACHE = lowrank.forward(P, BASE, X)[1]

REFUSED = [
    (lambda: lowrank.init(None, 4, 3, 2), TypeError, "rng: expected Generator, got NoneType"),
    (lambda: lowrank.init(RNG, 4, 3, 0), ValueError, "R: expected a whole number >= 1, got 0"),
    (lambda: lowrank.init(RNG, 4, 3, 1.5), TypeError,
     "R: expected a whole number >= 1, got float 1.5"),
    (lambda: lowrank.init(RNG, 4, 3, 1, "f4"), ValueError,
     "dtype: expected np.float32 or np.float64, got 'f4'"),
    (lambda: lowrank.forward(BASE, BASE, X), TypeError,
     "p: expected lowrank.Params, got dense.Params"),
    (lambda: lowrank.forward(P, P, X), TypeError,
     "base: expected dense.Params, got lowrank.Params"),
    (lambda: lowrank.forward(P, BASE, X[:, :3]), ValueError,
     "x: expected shape (..., D) with D = 4, got (5, 3)"),
    (lambda: lowrank.forward(P, BASE, X.astype("f4")), ValueError,
     "x: expected float64 like base.W, got float32"),
    (lambda: lowrank.forward(P, BASE, X * np.inf), ValueError,
     "x: expected finite numbers, got inf at index (0, 0)"),
    (lambda: lowrank.forward(P._replace(A=P.A.T), BASE, X), ValueError,
     "p.A: expected shape (D, R) with D = 4, got (2, 4)"),
    (lambda: lowrank.forward(P._replace(B=P.B[:1]), BASE, X), ValueError,
     "p.B: expected shape (R, H) with R = 2, H = 3, got (1, 3)"),
    (lambda: lowrank.forward(P, BASE, X, scale=np.nan), ValueError,
     "scale: expected a finite number, got nan"),
    (lambda: lowrank.forward(P, BASE, X, scale=X), TypeError,
     "scale: expected a real number, got ndarray"),
    (lambda: lowrank.backward(X[:, :3], P), TypeError,
     "cache: expected lowrank.Cache, got lowrank.Params"),
    (lambda: lowrank.backward(X, CACHE), ValueError,
     "dz: expected shape (..., H) with ... = (5,), H = 3, got (5, 4)"),
    (lambda: lowrank.backward(X[:2, :3], CACHE), ValueError,
     "dz: expected shape (..., H) with ... = (5,), H = 3, got (2, 3)"),
    (lambda: lowrank.merge(P, BASE._replace(b=BASE.b[:2])), ValueError,
     "base.b: expected shape (H,) with H = 3, got (2,)"),
    (lambda: lowrank.merge(P, BASE, scale="1"), TypeError,
     "scale: expected a real number, got str"),
]  # fmt: skip


@pytest.mark.parametrize("call, error, message", REFUSED, ids=[row[2] for row in REFUSED])
def test_refusals_say_what_was_expected_and_what_came(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
