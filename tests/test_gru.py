"""The GRU against PyTorch's module and its own single step, and what it refuses."""

import autograd.numpy as anp
import numpy as np
import pytest
import recurrent_oracles as recurrent
from autograd.scipy.special import expit
from hypothesis import example, given
from hypothesis import strategies as st
from oracles import Case, autograd_vjp, cases, close, quick, sizes

from fnnlib import gru, rnn


def gates(p, x, h):
    """The gates r and z, and the two parts of the candidate."""
    r, z, n = anp.split(x @ p.W + p.b, 3, axis=-1)
    r_back, z_back, n_back = anp.split(h @ p.U, 3, axis=-1)
    return expit(r + r_back), expit(z + z_back), n, n_back + p.c


def by_autograd(p, x, s):
    h, states = s.h, []
    for t in range(len(x)):
        r, z, n, n_back = gates(p, x[t], h)
        h = (1 - z) * anp.tanh(n + r * n_back) + z * h
        states.append(h)
    return anp.stack(states), gru.State(h)


def by_autograd_other_convention(p, x, s):
    h, states = s.h, []
    for t in range(len(x)):
        r, z, n, n_back = gates(p, x[t], h)
        h = z * anp.tanh(n + r * n_back) + (1 - z) * h
        states.append(h)
    return anp.stack(states), gru.State(h)


@quick
@given(case=cases, T=sizes, B=sizes, D=sizes, H=sizes)
@example(Case(0, "f8", "contiguous"), 1, 1, 1, 1)
@example(Case(0, "f4", "strided"), 1, 5, 2, 3)
def test_sequence_against_torch(case, T, B, D, H):
    recurrent.check_against_torch(gru, case, T, B, D, H)


@quick
@given(case=cases, T=sizes, B=sizes, D=sizes, H=sizes)
def test_sequence_is_its_steps(case, T, B, D, H):
    recurrent.check_sequence_is_its_steps(gru, case, T, B, D, H)


@quick
@given(case=cases, T=st.integers(1, 7), K=st.integers(1, 9), B=sizes, D=sizes, H=sizes)
@example(Case(0, "f8", "contiguous"), 6, 3, 2, 3, 4)
def test_truncation_is_torch_with_a_detached_state_every_K_steps(case, T, K, B, D, H):
    recurrent.check_truncation(gru, case, T, K, B, D, H)


def test_gradients_against_autograd():
    case = Case(3, "f8", "contiguous")
    args = recurrent.arguments(gru, case, 4, 3, 2, 5)
    dout = recurrent.cotangent(gru, case, 4, 3, 5)
    out, cache = gru.forward(*args)
    close(out, by_autograd(*args))
    close(gru.backward(dout, cache), autograd_vjp(by_autograd, args, dout), slack=10)


def test_gradients_by_complex_step_to_full_precision():
    assert recurrent.check_complex_step(gru) < 2e-15


def test_an_imaginary_part_is_never_lost():
    recurrent.check_imaginary_parts(gru)


def test_two_thousand_steps_and_saturated_gates_have_finite_gradients():
    recurrent.check_two_thousand_steps(gru)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_first_weights(dtype):
    recurrent.check_first_weights(gru, dtype)


@quick
@given(case=cases, T=sizes, B=sizes, D=sizes, H=sizes)
def test_the_other_convention_is_the_same_net_with_other_parameters(case, T, B, D, H):
    p, x, s = recurrent.arguments(gru, case, T, B, D, H)
    dout = recurrent.cotangent(gru, case, T, B, H)
    other = gru.other_convention(p)
    close(gru.other_convention(other), p)
    out, cache = gru.forward(other, x, s)
    close(out, by_autograd_other_convention(p, x, s), slack=4)
    dp, dx, ds_0 = gru.backward(dout, cache)
    theirs = autograd_vjp(by_autograd_other_convention, (p, x, s), dout)
    close((gru.other_convention(dp), dx, ds_0), theirs, slack=20)


def test_a_closed_update_gate_keeps_the_state_and_its_gradient():
    p = gru.Params(np.ones((1, 3)), np.ones((1, 3)), np.array([0.0, 1e4, 0.0]), np.ones(1))
    s = gru.State(np.array([[0.7]]))
    (h, s_T), cache = gru.forward(p, np.ones((500, 1, 1)), s)
    assert s_T.h == 0.7 and (h == 0.7).all()
    ds_0 = gru.backward((np.zeros_like(h), gru.State(np.array([[3.0]]))), cache)[2]
    assert ds_0.h == 3.0


CASE = Case(0, "f8", "contiguous")
P, X, S = recurrent.arguments(gru, CASE, 5, 4, 3, 2)
DH = CASE.normal(5, 4, 2)
_, SEQUENCE = gru.forward(P, X, S)
_, STEP = gru.step(P, X[0], S)
NAN = np.full((4, 2), np.nan)

REFUSED = [
    (lambda: gru.init(0, 3, 2), TypeError, "rng: expected Generator, got int"),
    (lambda: gru.init(CASE.rng, 0, 2), ValueError, "D: expected a whole number >= 1, got 0"),
    (lambda: gru.init(CASE.rng, 3, 2.0), TypeError,
     "H: expected a whole number >= 1, got float 2.0"),
    (lambda: gru.init(CASE.rng, 3, 2, np.float16), ValueError,
     "dtype: expected np.float32 or np.float64, got <class 'numpy.float16'>"),
    (lambda: gru.forward(rnn.Params(*P[:3]), X, S), TypeError,
     "p: expected gru.Params, got rnn.Params"),
    (lambda: gru.forward(P, X, rnn.State(S.h)), TypeError,
     "s: expected gru.State, got rnn.State"),
    (lambda: gru.forward(P, X[0], S), ValueError,
     "x: expected shape (T, B, D) with D = 3, got (4, 3)"),
    (lambda: gru.forward(P, X[:0], S), ValueError,
     "x: expected no empty axis, got shape (0, 4, 3)"),
    (lambda: gru.forward(P, X.astype("f4"), S), ValueError,
     "x: expected float64 like p.W, got float32"),
    (lambda: gru.forward(P, X, S._replace(h=S.h[:1])), ValueError,
     "s.h: expected shape (B, H) with B = 4, H = 2, got (1, 2)"),
    (lambda: gru.forward(P, X, S._replace(h=NAN)), ValueError,
     "s.h: expected finite numbers, got nan at index (0, 0)"),
    (lambda: gru.forward(P._replace(U=P.U[:, :2]), X, S), ValueError,
     "p.U: expected shape (H, 3H) with 3H = 6, got (2, 2)"),
    (lambda: gru.forward(gru.Params(*(a[..., :5] for a in P)), X, S), ValueError,
     "p.U: expected 3 columns for each row, got shape (2, 5)"),
    (lambda: gru.forward(P._replace(c=P.c[:1]), X, S), ValueError,
     "p.c: expected shape (H,) with H = 2, got (1,)"),
    (lambda: gru.other_convention(rnn.Params(*P[:3])), TypeError,
     "p: expected gru.Params, got rnn.Params"),
    (lambda: gru.other_convention(gru.Params(*(a[..., :5] for a in P))), ValueError,
     "p.U: expected 3 columns for each row, got shape (2, 5)"),
    (lambda: gru.step(P, X, S), ValueError,
     "x: expected shape (B, D) with D = 3, got (5, 4, 3)"),
    (lambda: gru.step(P, X[0], None), TypeError, "s: expected gru.State, got NoneType"),
    (lambda: gru.step_backward(S.h, STEP), TypeError, "ds: expected gru.State, got ndarray"),
    (lambda: gru.step_backward(S._replace(h=S.h[:, :1]), STEP), ValueError,
     "ds.h: expected shape (B, H) with B = 4, H = 2, got (4, 1)"),
    (lambda: gru.step_backward(S, SEQUENCE), TypeError,
     "cache: expected gru.StepCache, got gru.Cache"),
    (lambda: gru.backward(DH, SEQUENCE), TypeError, "dout: expected tuple, got ndarray"),
    (lambda: gru.backward((DH,), SEQUENCE), ValueError,
     "dout: expected the pair (dh, ds_T), got a tuple of 1"),
    (lambda: gru.backward((DH, S.h), SEQUENCE), TypeError,
     "ds_T: expected gru.State, got ndarray"),
    (lambda: gru.backward((DH[:4], S), SEQUENCE), ValueError,
     "dh: expected shape (T, B, H) with T = 5, B = 4, H = 2, got (4, 4, 2)"),
    (lambda: gru.backward((DH, S._replace(h=NAN)), SEQUENCE), ValueError,
     "ds_T.h: expected finite numbers, got nan at index (0, 0)"),
    (lambda: gru.backward((DH, S._replace(h=S.h[0])), SEQUENCE), ValueError,
     "ds_T.h: expected shape (B, H) with B = 4, H = 2, got (2,)"),
    (lambda: gru.backward((DH, S), SEQUENCE, truncate=0), ValueError,
     "truncate: expected a whole number >= 1, got 0"),
    (lambda: gru.backward((DH, S), STEP), TypeError,
     "cache: expected gru.Cache, got gru.StepCache"),
]  # fmt: skip


@pytest.mark.parametrize("call, error, message", REFUSED, ids=[row[2] for row in REFUSED])
def test_refusals_say_what_was_expected_and_what_came(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
