"""The LSTM against PyTorch's module and its own single step, and what it refuses."""

import autograd.numpy as anp
import numpy as np
import pytest
import recurrent_oracles as recurrent
from autograd.scipy.special import expit
from hypothesis import example, given
from hypothesis import strategies as st
from oracles import Case, autograd_vjp, cases, close, quick, sizes

from fnnlib import lstm, rnn


def by_autograd(p, x, s):
    h, c = s
    states = []
    for t in range(len(x)):
        i, f, g, o = anp.split(x[t] @ p.W + h @ p.U + p.b, 4, axis=-1)
        c = expit(f) * c + expit(i) * anp.tanh(g)
        h = expit(o) * anp.tanh(c)
        states.append(h)
    return anp.stack(states), lstm.State(h, c)


@quick
@given(case=cases, T=sizes, B=sizes, D=sizes, H=sizes)
@example(Case(0, "f8", "contiguous"), 1, 1, 1, 1)
@example(Case(0, "f4", "strided"), 1, 5, 2, 3)
def test_sequence_against_torch(case, T, B, D, H):
    recurrent.check_against_torch(lstm, case, T, B, D, H)


@quick
@given(case=cases, T=sizes, B=sizes, D=sizes, H=sizes)
def test_sequence_is_its_steps(case, T, B, D, H):
    recurrent.check_sequence_is_its_steps(lstm, case, T, B, D, H)


@quick
@given(case=cases, T=st.integers(1, 7), K=st.integers(1, 9), B=sizes, D=sizes, H=sizes)
@example(Case(0, "f8", "contiguous"), 6, 3, 2, 3, 4)
def test_truncation_is_torch_with_a_detached_state_every_K_steps(case, T, K, B, D, H):
    recurrent.check_truncation(lstm, case, T, K, B, D, H)


def test_gradients_against_autograd():
    case = Case(3, "f8", "contiguous")
    args = recurrent.arguments(lstm, case, 4, 3, 2, 5)
    dout = recurrent.cotangent(lstm, case, 4, 3, 5)
    out, cache = lstm.forward(*args)
    close(out, by_autograd(*args))
    close(lstm.backward(dout, cache), autograd_vjp(by_autograd, args, dout), slack=10)


def test_gradients_by_complex_step_to_full_precision():
    assert recurrent.check_complex_step(lstm) < 2e-15


def test_an_imaginary_part_is_never_lost():
    recurrent.check_imaginary_parts(lstm)


def test_two_thousand_steps_and_saturated_gates_have_finite_gradients():
    recurrent.check_two_thousand_steps(lstm)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_first_weights(dtype):
    recurrent.check_first_weights(lstm, dtype)


def test_an_open_forget_gate_keeps_the_cell_and_its_gradient():
    p = lstm.Params(np.zeros((1, 4)), np.zeros((1, 4)), np.array([-1e4, 1e4, 0.0, 1e4]))
    s = lstm.State(np.zeros((1, 1)), np.array([[0.7]]))
    (h, s_T), cache = lstm.forward(p, np.ones((500, 1, 1)), s)
    assert s_T.c == 0.7 and (h == np.tanh(0.7)).all()
    ds_0 = lstm.backward((np.zeros_like(h), lstm.State(s.h, np.array([[3.0]]))), cache)[2]
    assert ds_0.c == 3.0 and ds_0.h == 0.0


CASE = Case(0, "f8", "contiguous")
P, X, S = recurrent.arguments(lstm, CASE, 5, 4, 3, 2)
DH = CASE.normal(5, 4, 2)
_, SEQUENCE = lstm.forward(P, X, S)
_, STEP = lstm.step(P, X[0], S)
NAN = np.full((4, 2), np.nan)

REFUSED = [
    (lambda: lstm.init(0, 3, 2), TypeError, "rng: expected Generator, got int"),
    (lambda: lstm.init(CASE.rng, 0, 2), ValueError, "D: expected a whole number >= 1, got 0"),
    (lambda: lstm.init(CASE.rng, 3, 2.0), TypeError,
     "H: expected a whole number >= 1, got float 2.0"),
    (lambda: lstm.init(CASE.rng, 3, 2, np.float16), ValueError,
     "dtype: expected np.float32 or np.float64, got <class 'numpy.float16'>"),
    (lambda: lstm.forward(rnn.Params(*P), X, S), TypeError,
     "p: expected lstm.Params, got rnn.Params"),
    (lambda: lstm.forward(P, X, rnn.State(S.h)), TypeError,
     "s: expected lstm.State, got rnn.State"),
    (lambda: lstm.forward(P, X[0], S), ValueError,
     "x: expected shape (T, B, D) with D = 3, got (4, 3)"),
    (lambda: lstm.forward(P, X[:0], S), ValueError,
     "x: expected no empty axis, got shape (0, 4, 3)"),
    (lambda: lstm.forward(P, X.astype("f4"), S), ValueError,
     "x: expected float64 like p.W, got float32"),
    (lambda: lstm.forward(P, X, S._replace(c=S.c[:1])), ValueError,
     "s.c: expected shape (B, H) with B = 4, H = 2, got (1, 2)"),
    (lambda: lstm.forward(P, X, S._replace(c=NAN)), ValueError,
     "s.c: expected finite numbers, got nan at index (0, 0)"),
    (lambda: lstm.forward(P._replace(U=P.U[:, :2]), X, S), ValueError,
     "p.U: expected shape (H, 4H) with 4H = 8, got (2, 2)"),
    (lambda: lstm.forward(lstm.Params(*(a[..., :6] for a in P)), X, S), ValueError,
     "p.U: expected 4 columns for each row, got shape (2, 6)"),
    (lambda: lstm.step(P, X, S), ValueError,
     "x: expected shape (B, D) with D = 3, got (5, 4, 3)"),
    (lambda: lstm.step(P, X[0], None), TypeError, "s: expected lstm.State, got NoneType"),
    (lambda: lstm.step_backward(S.h, STEP), TypeError, "ds: expected lstm.State, got ndarray"),
    (lambda: lstm.step_backward(S._replace(c=S.c[:, :1]), STEP), ValueError,
     "ds.c: expected shape (B, H) with B = 4, H = 2, got (4, 1)"),
    (lambda: lstm.step_backward(S, SEQUENCE), TypeError,
     "cache: expected lstm.StepCache, got lstm.Cache"),
    (lambda: lstm.backward(DH, SEQUENCE), TypeError, "dout: expected tuple, got ndarray"),
    (lambda: lstm.backward((DH,), SEQUENCE), ValueError,
     "dout: expected the pair (dh, ds_T), got a tuple of 1"),
    (lambda: lstm.backward((DH, S.h), SEQUENCE), TypeError,
     "ds_T: expected lstm.State, got ndarray"),
    (lambda: lstm.backward((DH[:4], S), SEQUENCE), ValueError,
     "dh: expected shape (T, B, H) with T = 5, B = 4, H = 2, got (4, 4, 2)"),
    (lambda: lstm.backward((DH, S._replace(c=NAN)), SEQUENCE), ValueError,
     "ds_T.c: expected finite numbers, got nan at index (0, 0)"),
    (lambda: lstm.backward((DH, S._replace(h=S.h[0])), SEQUENCE), ValueError,
     "ds_T.h: expected shape (B, H) with B = 4, H = 2, got (2,)"),
    (lambda: lstm.backward((DH, S), SEQUENCE, truncate=0), ValueError,
     "truncate: expected a whole number >= 1, got 0"),
    (lambda: lstm.backward((DH, S), STEP), TypeError,
     "cache: expected lstm.Cache, got lstm.StepCache"),
]  # fmt: skip


@pytest.mark.parametrize("call, error, message", REFUSED, ids=[row[2] for row in REFUSED])
def test_refusals_say_what_was_expected_and_what_came(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
