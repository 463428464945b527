"""Gated feedback against JAX, PyTorch and HIPS autograd, and against its own single step."""

import autograd.numpy as anp
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from autograd.scipy.special import expit
from hypothesis import example, given
from hypothesis import strategies as st
from oracles import Case, autograd_vjp, cases, close, quick, same_kind, sizes, torch_vjp

from fnnlib import activations, gated_feedback, tree
from fnnlib.check import gradient_check
from fnnlib.gated_feedback import Params, State

DOUBLE = "f8", "contiguous"


def parameters(case, D, H, F, C):
    shapes = (
        (D, H), (H, H), (F, H), (H,), (H, F), (F,), (H, H), (F, H), (H,), (H, C), (F, C), (C,)
    )  # fmt: skip
    return Params(*(case.normal(*shape) for shape in shapes))


def arguments(case, T, B, D, H, F, C):
    s = State(case.normal(B, H), case.normal(B, F))
    return parameters(case, D, H, F, C), case.normal(T, B, D), s


def cotangent(case, T, B, H, F, C):
    s = State(case.normal(B, H), case.normal(B, F))
    return case.normal(T, B, C), case.normal(T, B, F), s


def anp_softmax(z):
    e = anp.exp(z - anp.max(z, axis=-1, keepdims=True))
    return e / anp.sum(e, axis=-1, keepdims=True)


def sequence(xp, sigmoid, softmax, residual=False, detach=None):
    """The net as its formulas say it, step after step, in another library."""
    def run(p, x, s):
        h, c = s
        ys, cs = [], []
        for t in range(len(x)):
            if detach and t and t % detach == 0:
                h, c = h.detach(), c.detach()
            new = xp.tanh(x[t] @ p.W + h @ p.U + c @ p.V + p.b)
            h = new + h if residual else new
            c = sigmoid(h @ p.W_c + p.b_c)
            alpha = softmax(h @ p.W_a + c @ p.V_a + p.b_a)
            ys.append((alpha * h) @ p.W_y + c @ p.V_y + p.b_y)
            cs.append(c)
        return xp.stack(ys), xp.stack(cs), State(h, c)

    return run


def by_autograd(residual):
    return sequence(anp, expit, anp_softmax, residual)


def by_torch(residual, detach=None):
    softmax = lambda z: torch.softmax(z, dim=-1)  # noqa: E731
    return sequence(torch, torch.sigmoid, softmax, residual, detach)


@quick
@given(
    case=cases, T=sizes, B=sizes, D=sizes, H=sizes, F=sizes, C=sizes, residual=st.booleans()
)
@example(Case(0, *DOUBLE), 1, 1, 1, 1, 1, 1, False)
@example(Case(0, "f4", "strided"), 1, 5, 2, 3, 4, 1, True)
def test_sequence_against_torch_and_autograd(case, T, B, D, H, F, C, residual):
    args, dout = arguments(case, T, B, D, H, F, C), cotangent(case, T, B, H, F, C)
    out, cache = gated_feedback.forward(*args, residual)
    gradients = gated_feedback.backward(dout, cache)
    same_kind((out, gradients), (dout, args))
    close(out, by_autograd(residual)(*args), slack=10)
    close(gradients, autograd_vjp(by_autograd(residual), args, dout), slack=40)
    close(gradients, torch_vjp(by_torch(residual), args, dout), slack=40)


@pytest.mark.parametrize("residual", [False, True])
def test_sequence_against_jax(residual):
    case = Case(2, *DOUBLE)
    args, dout = arguments(case, 6, 3, 2, 5, 4, 7), cotangent(case, 6, 3, 5, 4, 7)
    run = sequence(jnp, jax.nn.sigmoid, jax.nn.softmax, residual)
    with jax.enable_x64(True):
        _, pull = jax.vjp(run, *tree.map(jnp.asarray, args))
        theirs = tree.map(np.asarray, pull(tree.map(jnp.asarray, dout)))
    _, cache = gated_feedback.forward(*args, residual)
    close(gated_feedback.backward(dout, cache), theirs, slack=10)


@quick
@given(case=cases, T=st.integers(1, 7), K=st.integers(1, 9), B=sizes, H=sizes, F=sizes,
       residual=st.booleans())
@example(Case(0, *DOUBLE), 6, 3, 2, 3, 4, True)
def test_truncation_is_torch_with_a_detached_state_every_K_steps(case, T, K, B, H, F, residual):
    args, dout = arguments(case, T, B, 2, H, F, 3), cotangent(case, T, B, H, F, 3)
    _, cache = gated_feedback.forward(*args, residual)
    theirs = torch_vjp(by_torch(residual, detach=K), args, dout)
    close(gated_feedback.backward(dout, cache, truncate=K), theirs, slack=40)


@quick
@given(case=cases, T=sizes, B=sizes, D=sizes, H=sizes, F=sizes, C=sizes, residual=st.booleans())
def test_sequence_is_its_steps(case, T, B, D, H, F, C, residual):
    args, dout = arguments(case, T, B, D, H, F, C), cotangent(case, T, B, H, F, C)
    out, cache = gated_feedback.forward(*args, residual)
    gradients = gated_feedback.backward(dout, cache)
    (p, x, s), (dy, dc, ds) = args, dout
    ys, cs, caches = [], [], []
    for x_t in x:
        (y, s), step_cache = gated_feedback.step(p, x_t, s, residual)
        ys.append(y)
        cs.append(s.c)
        caches.append(step_cache)
    close(out, (np.stack(ys), np.stack(cs), s), slack=10)
    dp, dx = tree.map(np.zeros_like, p), []
    for dy_t, dc_t, step_cache in zip(dy[::-1], dc[::-1], caches[::-1], strict=True):
        ds = ds._replace(c=ds.c + dc_t)
        step_dp, dx_t, ds = gated_feedback.step_backward((dy_t, ds), step_cache)
        dp, dx = tree.map(np.add, dp, step_dp), [dx_t, *dx]
    close(gradients, (dp, np.stack(dx), ds), slack=40)


@pytest.mark.parametrize("residual", [False, True])
def test_gradients_by_complex_step_to_full_precision(residual):
    rng = np.random.default_rng(0)
    p, x, s = arguments(Case(1, *DOUBLE), 6, 3, 2, 5, 4, 7)
    passes = {
        gated_feedback.forward: gated_feedback.backward,
        gated_feedback.step: gated_feedback.step_backward,
    }
    for forward, backward in passes.items():
        args = p, x if forward is gated_feedback.forward else x[0], s
        error = gradient_check(
            lambda *args, forward=forward: forward(*args, residual), backward, args, rng
        )
        assert error < 2e-15


def test_the_signal_is_fed_back():
    p, x, s = arguments(Case(3, *DOUBLE), 5, 3, 2, 5, 4, 7)
    p = p._replace(V_y=0 * p.V_y, V_a=0 * p.V_a)  # from c to y only through the next state
    dy = np.zeros((5, 3, 7))
    dy[4] = 1
    zero = State(0 * s.h, 0 * s.c)
    for V, reached in ((p.V, True), (0 * p.V, False)):
        _, cache = gated_feedback.forward(p._replace(V=V), x, s)
        dp, _, ds = gated_feedback.backward((dy, np.zeros((5, 3, 4)), zero), cache)
        assert dp.W_c.any() == dp.b_c.any() == ds.c.any() == reached


def test_there_is_no_residual_loop_unless_asked_for():
    p, x, s = arguments(Case(6, *DOUBLE), 3, 4, 2, 5, 3, 2)
    tree.map(
        np.testing.assert_array_equal,
        (gated_feedback.forward(p, x, s)[0], gated_feedback.step(p, x[0], s)[0]),
        (gated_feedback.forward(p, x, s, False)[0], gated_feedback.step(p, x[0], s, False)[0]),
    )


def test_attention_sums_to_one_and_gates_the_state():
    args = arguments(Case(4, *DOUBLE), 5, 3, 2, 5, 4, 7)
    p = args[0]._replace(V_y=0 * args[0].V_y, b_y=0 * args[0].b_y)
    (y, c, _), cache = gated_feedback.forward(p, *args[1:])
    alpha = activations.softmax(cache.h[1:] @ p.W_a + c @ p.V_a + p.b_a)
    close(alpha.sum(axis=-1), np.ones((5, 3)))
    close(y, (alpha * cache.h[1:]) @ p.W_y)


def test_the_loss_and_its_auxiliary_part_against_torch():
    case = Case(5, *DOUBLE)
    y, target, c, signal = (case.normal(5, 3, n) for n in (7, 7, 4, 4))
    for weight in (0.0, 0.3):
        value, cache = gated_feedback.loss(y, c, target, signal, weight)

        def by_torch(y, c, weight=weight):
            main = ((y - torch.tensor(target)) ** 2).sum(-1).mean() / 2
            return main + weight * ((c - torch.tensor(signal)) ** 2).sum(-1).mean() / 2

        dloss = np.asarray(1.7)
        close(np.asarray(value), by_torch(torch.tensor(y), torch.tensor(c)).numpy())
        ours = gated_feedback.loss_backward(dloss, cache)
        close(ours, torch_vjp(by_torch, (y, c), dloss))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_auxiliary_loss_reaches_the_parameters_of_the_signal(dtype):
    case = Case(6, np.dtype(dtype).str[1:], "contiguous")
    p, x, s = arguments(case, 5, 3, 2, 5, 4, 7)
    target, signal = case.normal(5, 3, 7), case.normal(5, 3, 4)

    def value(p):
        (y, c, _), cache = gated_feedback.forward(p, x, s)
        loss, loss_cache = gated_feedback.loss(y, c, target, signal, 2.0)
        return loss, (cache, loss_cache)

    loss, (cache, loss_cache) = value(p)
    dout = (*gated_feedback.loss_backward(1.0, loss_cache), State(0 * s.h, 0 * s.c))
    dp, _, _ = gated_feedback.backward(dout, cache)
    assert loss.dtype == dtype and {g.dtype for g in dp} == {np.dtype(dtype)}
    # One short step against the gradient brings the loss down as the gradient says.
    step = 1e-3 / tree.norm(dp)
    lower, _ = value(tree.map(lambda a, g: a - a.dtype.type(step) * g, p, dp))
    assert lower - loss == pytest.approx(-step * tree.norm(dp) ** 2, rel=0.03)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("scale", [1, 1e4])
def test_two_thousand_steps_and_saturation_have_finite_gradients(residual, scale):
    p, x, s = arguments(Case(0, *DOUBLE), 2000, 2, 3, 4, 3, 2)
    p = p._replace(U=0.1 * p.U, V=0.1 * p.V) if residual else p  # else the gradient explodes
    p = tree.map(lambda a: a * scale, p) if not residual else p
    out, cache = gated_feedback.forward(p, x, s, residual)
    gradients = gated_feedback.backward((*map(np.ones_like, out[:2]), s), cache, truncate=50)
    assert all(np.isfinite(g).all() for _, g in tree.leaves((out, gradients)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_first_weights(dtype):
    p = gated_feedback.init(np.random.default_rng(0), 300, 400, 200, 100, dtype)
    expected = parameters(Case(0, *DOUBLE), 300, 400, 200, 100)
    assert {a.dtype for a in p} == {np.dtype(dtype)}
    assert [a.shape for a in p] == [a.shape for a in expected]
    for a in p:
        if a.ndim == 1:
            assert not a.any()
        else:
            assert a.var() * len(a) == pytest.approx(1, rel=0.03)
    assert not np.array_equal(p.U, p.W_a)


RNG = np.random.default_rng(0)
P, X = gated_feedback.init(RNG, 5, 4, 3, 2), RNG.normal(size=(7, 6, 5))
START = State(np.zeros((6, 4)), np.zeros((6, 3)))
(Y, SIGNAL, LAST), CACHE = gated_feedback.forward(P, X, START)
(Y_1, LAST_1), STEP = gated_feedback.step(P, X[0], START)
LOSS = gated_feedback.loss(Y, SIGNAL, Y, SIGNAL, 1.0)[1]
forward, backward = gated_feedback.forward, gated_feedback.backward


@pytest.mark.parametrize(("call", "message"), {
    "plain tuple": (lambda: forward(tuple(P), X, START), "p: expected gated_feedback.Params"),
    "other state": (lambda: forward(P, X, tuple(START)), "s: expected gated_feedback.State"),
    "two axes": (lambda: forward(P, X[0], START), "x: expected shape"),
    "three axes": (lambda: gated_feedback.step(P, X, START), "x: expected shape"),
    "wide V": (lambda: forward(P._replace(V=P.V[:2]), X, START), r"expected shape .* F = 2"),
    "wide W_c": (lambda: forward(P._replace(W_c=P.W_c.T), X, START), r"p\.W_c: expected shape"),
    "wide V_a": (lambda: forward(P._replace(V_a=P.V_a.T), X, START), r"p\.V_a: expected shape"),
    "wide W_y": (lambda: forward(P._replace(W_y=P.W_y.T), X, START), r"p\.W_y: expected shape"),
    "batch": (lambda: forward(P, X, State(START.h[:5], START.c)), r"s\.h: expected shape"),
    "signal": (lambda: forward(P, X, State(START.h, START.c[:, :2])), r"s\.c: expected shape"),
    "integers": (lambda: forward(P, X.astype(int), START), "x: expected float32 or float64"),
    "mixed": (lambda: forward(P, X.astype("f4"), START), "x: expected float64"),
    "no steps": (lambda: forward(P, X[:0], START), "x: expected no empty axis"),
    "nan": (lambda: forward(P, X * np.nan, START), "x: expected finite numbers"),
    "residual": (lambda: forward(P, X, START, 1), "residual: expected .*bool"),
    "pair": (lambda: backward((Y, LAST), CACHE), "dout: expected the triple"),
    "array": (lambda: backward(Y, CACHE), "dout: expected tuple, got ndarray"),
    "bare state": (lambda: backward((Y, SIGNAL, Y), CACHE), "ds_T: expected gated_feedback.State"),
    "dy": (lambda: backward((Y[1:], SIGNAL, LAST), CACHE), "dy: expected shape"),
    "dc": (lambda: backward((Y, SIGNAL[..., :1], LAST), CACHE), "dc: expected shape"),
    "ds": (lambda: backward((Y, SIGNAL, State(LAST.c, LAST.h)), CACHE), r"ds_T\.h: expected"),
    "cache": (lambda: backward((Y, SIGNAL, LAST), None), "cache: expected gated_feedback.Cache"),
    "truncate": (lambda: backward((Y, SIGNAL, LAST), CACHE, 0), "truncate: expected a whole"),
    "step triple": (
        lambda: gated_feedback.step_backward((Y_1, SIGNAL, LAST_1), STEP), "dout: expected the pair"
    ),
    "step dy": (lambda: gated_feedback.step_backward((Y, LAST_1), STEP), r"dy: .* \(B, C\)"),
    "sequence cache": (lambda: gated_feedback.step_backward((Y_1, LAST_1), CACHE), "dy: expected"),
    "weight": (lambda: gated_feedback.loss(Y, SIGNAL, Y, SIGNAL, -1.0), "weight: .* >= 0"),
    "target": (lambda: gated_feedback.loss(Y, SIGNAL, Y[1:], SIGNAL, 1.0), "target: expected"),
    "loss cache": (lambda: gated_feedback.loss_backward(1.0, CACHE), "cache: expected gated"),
    "dloss": (lambda: gated_feedback.loss_backward(Y, LOSS), "dloss: expected"),
    "seed": (lambda: gated_feedback.init(0, 5, 4, 3, 2), "rng: expected Generator"),
    "width": (lambda: gated_feedback.init(RNG, 5, 4, 0, 2), "F: expected a whole number"),
    "dtype": (lambda: gated_feedback.init(RNG, 5, 4, 3, 2, "f2"), "dtype: expected"),
}.values())
def test_misuse_is_explained(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
