"""Output feedback against JAX, PyTorch and HIPS autograd; its fixed point against many passes."""

import autograd.numpy as anp
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from autograd.scipy.special import expit
from hypothesis import assume, example, given
from hypothesis import strategies as st
from oracles import Case, autograd_vjp, cases, close, quick, same_kind, sizes, torch_vjp

from fnnlib import dense, feedback, tree
from fnnlib.activations import sigmoid
from fnnlib.check import gradient_check

outputs = st.sampled_from([*feedback.OUTPUTS])
DOUBLE = "f8", "contiguous"


def parameters(case, D, H1, H2, C, scale=1.0):
    shapes = (D, H1), (H1,), (C, H1), (H1, H2), (H2,), (H2, C), (C,)
    return tree.map(
        lambda a: a * a.dtype.type(scale),
        feedback.Params(*(case.normal(*shape) for shape in shapes)),
    )


def arguments(case, B, D, H1, H2, C, scale=1.0):
    return parameters(case, D, H1, H2, C, scale), case.normal(B, D)


def passes(xp, squash, K, output):
    """The net as the formulas say it, pass after pass, in another library."""
    def run(p, x):
        c, ys = squash(x @ p.W1 + p.b1), []
        for k in range(K + 1):
            u = c + ys[-1] @ p.R if k else c
            z = squash(u @ p.W2 + p.b2) @ p.W3 + p.b3
            ys.append(squash(z) if output == "sigmoid" else z)
        return xp.stack(ys)

    return run


def jax_vjp(f, args, dout):
    with jax.enable_x64(True):
        _, pull = jax.vjp(f, *tree.map(lambda a: jnp.asarray(np.array(a)), args))
        return tree.map(np.asarray, pull(jnp.asarray(np.array(dout))))


@quick
@given(case=cases, K=sizes, B=sizes, D=sizes, H1=sizes, H2=sizes, C=sizes, output=outputs)
@example(Case(0, *DOUBLE), 1, 1, 1, 1, 1, 1, "sigmoid")
@example(Case(0, "f4", "strided"), 3, 5, 2, 3, 4, 1, "affine")
def test_passes_against_torch_and_autograd(case, K, B, D, H1, H2, C, output):
    args, dy = arguments(case, B, D, H1, H2, C), case.normal(K + 1, B, C)
    y, cache = feedback.forward(*args, K, output)
    gradients = feedback.backward(dy, cache)
    same_kind((y, gradients), (dy, args))
    by_autograd, by_torch = passes(anp, expit, K, output), passes(torch, torch.sigmoid, K, output)
    close(y, by_autograd(*args), slack=20)
    close(gradients, autograd_vjp(by_autograd, args, dy), slack=50)
    close(gradients, torch_vjp(by_torch, args, dy), slack=50)


@pytest.mark.parametrize("output", feedback.OUTPUTS)
def test_passes_against_jax(output):
    case = Case(2, *DOUBLE)
    args, dy = arguments(case, 5, 4, 3, 2, 6), case.normal(5, 5, 6)
    theirs = jax_vjp(passes(jnp, jax.nn.sigmoid, 4, output), args, dy)
    close(feedback.backward(dy, feedback.forward(*args, 4, output)[1]), theirs, slack=10)


@pytest.mark.parametrize("output", feedback.OUTPUTS)
def test_gradients_by_complex_step_to_full_precision(output):
    args = arguments(Case(1, *DOUBLE), 5, 4, 3, 2, 6)
    error = gradient_check(
        lambda p, x: feedback.forward(p, x, 3, output), feedback.backward, args,
        np.random.default_rng(0),
    )
    assert error < 2e-15


def test_the_identity_adds_the_output_to_the_first_layer():
    p, x = arguments(Case(4, *DOUBLE), 5, 4, 3, 2, 3)
    p = p._replace(R=np.eye(3))
    y, _ = feedback.forward(p, x, 1)
    h1 = sigmoid(x @ p.W1 + p.b1)
    for y_k in y:
        h2 = sigmoid(h1 @ p.W2 + p.b2)
        close(y_k, sigmoid(h2 @ p.W3 + p.b3))
        h1 = h1 + y_k


def test_without_feedback_every_pass_is_a_stack_of_layers():
    p, x = arguments(Case(5, *DOUBLE), 5, 4, 3, 2, 6)
    y, _ = feedback.forward(p._replace(R=np.zeros_like(p.R)), x, 2, "affine")
    layers = dense.Params(p.W1, p.b1), dense.Params(p.W2, p.b2), dense.Params(p.W3, p.b3)
    close(y, np.stack([dense.stack_forward(layers, x, "sigmoid")[0]] * 3))


# The fixed point


@quick
@given(case=cases, B=sizes, D=sizes, H1=sizes, H2=sizes, C=sizes, output=outputs)
@example(Case(0, *DOUBLE), 1, 1, 1, 1, 1, "affine")
def test_fixed_point_and_its_gradient_are_those_of_many_passes(case, B, D, H1, H2, C, output):
    args, dy = arguments(case, B, D, H1, H2, C, scale=0.4), case.normal(B, C)
    q = feedback.contraction(args[0], output)
    assume(q < 0.9)
    y, cache = feedback.fixed_point(*args, output)
    gradients = feedback.fixed_point_backward(dy, cache)
    same_kind((y, gradients), (dy, args))
    K = 20 + int(np.log(1e-16) / np.log(max(q, 1e-3)))
    run = passes(torch, torch.sigmoid, K, output)
    close(y, run(*tree.map(lambda a: torch.tensor(np.array(a)), args))[-1].numpy(), slack=50)
    close(gradients, torch_vjp(lambda p, x: run(p, x)[-1], args, dy), slack=200)


@pytest.mark.parametrize("output", feedback.OUTPUTS)
def test_implicit_gradient_against_jax_differentiating_the_equation(output):
    """By the implicit function in JAX's own words: its Jacobians of y - F(y), and a solve."""
    case = Case(6, *DOUBLE)
    (p, x), dy = arguments(case, 1, 4, 3, 2, 5, scale=0.5), case.normal(1, 5)
    y, cache = feedback.fixed_point(p, x, output)

    def F(y, p, x):
        u = jax.nn.sigmoid(x @ p.W1 + p.b1) + y @ p.R
        z = jax.nn.sigmoid(u @ p.W2 + p.b2) @ p.W3 + p.b3
        return jax.nn.sigmoid(z) if output == "sigmoid" else z

    with jax.enable_x64(True):
        J = jax.jacobian(F)(jnp.asarray(y), p, x)[0, :, 0]  # J[j, i]: output j by input i
        lam = jnp.linalg.solve(jnp.eye(5) - J.T, jnp.asarray(dy[0]))
        _, pull = jax.vjp(lambda p, x: F(jnp.asarray(y), p, x), p, x)
        theirs = tree.map(np.asarray, pull(lam[None]))
    close(feedback.fixed_point_backward(dy, cache), theirs, slack=10)


@pytest.mark.parametrize("output", feedback.OUTPUTS)
def test_the_unrolled_gradient_tends_to_the_implicit_one_at_the_rate_of_the_contraction(output):
    case = Case(7, *DOUBLE)
    args, dy = arguments(case, 4, 5, 6, 5, 3, scale=0.45), case.normal(4, 3)
    q = feedback.contraction(args[0], output)
    assert 0.05 < q < 1  # slow enough to be seen
    limit = feedback.fixed_point_backward(dy, feedback.fixed_point(*args, output)[1])

    def distance(K):
        y, cache = feedback.forward(*args, K, output)
        last = np.concatenate([np.zeros_like(y[1:]), dy[None]])
        return tree.norm(tree.map(np.subtract, feedback.backward(last, cache), limit))

    # Passes differ from the fixed point by q^k, and so do their Jacobians: K q^K in all.
    error = np.array([distance(K) for K in range(1, 80)])
    K = np.arange(1, 80)
    seen = error > 1e-12 * tree.norm(limit)
    assert seen[0] and not seen[-1]
    assert (error[seen] <= 3 * tree.norm(limit) * K[seen] * q ** K[seen]).all()


def test_from_the_fixed_point_on_the_difference_is_a_power_of_the_jacobian():
    """The identity that is proved: K adjoints add up to the implicit one less J^K of it."""
    rng = np.random.default_rng(0)
    J, dy = 0.3 * rng.normal(size=(4, 4)), rng.normal(size=4)
    lam = np.linalg.solve(np.eye(4) - J, dy)
    for K in (1, 2, 7):
        powers = [np.linalg.matrix_power(J, k) @ dy for k in range(K)]
        np.testing.assert_allclose(
            sum(powers), lam - np.linalg.matrix_power(J, K) @ lam, rtol=0, atol=1e-14
        )


@quick
@given(case=cases, B=sizes, D=sizes, H1=sizes, H2=sizes, C=sizes, output=outputs)
def test_a_pass_brings_outputs_together_by_the_stated_factor(case, B, D, H1, H2, C, output):
    p, x = arguments(case, B, D, H1, H2, C)
    q = feedback.contraction(p, output)
    y, _ = feedback.forward(p, x, 6, output)
    moves = np.linalg.norm(np.diff(y.astype(float), axis=0), axis=-1)
    rounding = 1e-12 if y.dtype == np.float64 else 1e-4
    assert (moves[1:] <= q * moves[:-1] + rounding * (1 + abs(y).max())).all()


@pytest.mark.parametrize("output, slope", [("sigmoid", 1 / 4), ("affine", 1)])
def test_the_factor_is_made_of_largest_singular_values(output, slope):
    p = parameters(Case(3, *DOUBLE), 5, 4, 3, 6)

    def largest(M):
        return np.sqrt(np.linalg.eigvalsh(M.T @ M).max())

    expected = largest(p.R @ p.W2) * largest(p.W3) / 4 * slope
    assert feedback.contraction(p, output) == pytest.approx(expected, rel=1e-13)


def test_the_factor_is_reached_where_the_slope_is_steepest():
    """F(y) = sigma(3 y / 2) - 1/2 rests at 0, where its slope is the factor: dy/db3 = 1/(1 - q)."""
    one, zero = np.ones((1, 1)), np.zeros(1)
    p = feedback.Params(one, zero, one / 2, 3 * one, -1.5 * one[0], one, -0.5 * one[0])
    q = feedback.contraction(p, "affine")
    y, cache = feedback.fixed_point(p, 0 * one, "affine")
    dp, _ = feedback.fixed_point_backward(one, cache)
    assert q == pytest.approx(3 / 8, rel=1e-15) and y == 0
    assert dp.b3[0] == pytest.approx(1 / (1 - q), rel=1e-14)


def test_a_fixed_point_without_a_gradient_is_refused():
    """F(y) = sigma(4 y) - 1/2 rests at 0 with the slope 1: the adjoint has no solution."""
    one, zero = np.ones((1, 1)), np.zeros(1)
    p = feedback.Params(one, zero, 4 * one, one, -0.5 * one[0], one, -0.5 * one[0])
    y, cache = feedback.fixed_point(p, 0 * one, "affine")
    assert y == 0
    with pytest.raises(ValueError, match="^cache: expected a fixed point where I - J can be inv"):
        feedback.fixed_point_backward(one, cache)


@pytest.mark.parametrize("dtype, tolerance", [("f8", "3.6e-15"), ("f4", "1.9e-06")])
def test_outputs_that_do_not_rest_are_reported(dtype, tolerance):
    one, zero = np.ones((1, 1), dtype), np.zeros(1, dtype)
    p = feedback.Params(one, zero, -40 * one, one, 20 * one[0], one, zero)  # jumps between two
    message = f"after 50 passes .* above {tolerance}; .* at most 2.5"
    with pytest.raises(feedback.NotConverged, match=message):
        feedback.fixed_point(p, one, most=50)
    with pytest.raises(feedback.NotConverged, match="after 1000 passes"):
        feedback.fixed_point(p, one)


def test_a_large_factor_decides_nothing():
    one, zero = np.ones((1, 1)), np.zeros(1)
    p = feedback.Params(one, zero, 40 * one, one, zero, one, zero)
    assert feedback.contraction(p) > 1
    y, _ = feedback.fixed_point(p, one)
    close(feedback.forward(p, one, 60)[0][-1], y)


@pytest.mark.parametrize("size", [0.01, 1.0, 100.0])
def test_it_rests_at_the_first_pass_that_changes_no_entry_by_more_than_the_tolerance(size):
    """Times the largest entry, or times one if all are smaller."""
    p, x = arguments(Case(9, *DOUBLE), 4, 5, 6, 5, 3, scale=0.6)
    p = p._replace(W3=size * p.W3, b3=size * p.b3, R=p.R / size)
    y, _ = feedback.forward(p, x, 60, "affine")
    changes = [abs(b - a).max() / max(1, abs(b).max()) for a, b in zip(y, y[1:], strict=False)]
    for tolerance in (*np.geomspace(1e-2, 1e-12, 40), changes[5]):
        found, _ = feedback.fixed_point(p, x, "affine", tolerance)
        rests = [change <= tolerance for change in changes].index(True)
        np.testing.assert_array_equal(found, y[rests + 1])


def test_the_tolerance_is_kept():
    args = arguments(Case(8, *DOUBLE), 4, 5, 6, 5, 3, scale=0.4)
    exact, _ = feedback.fixed_point(*args)
    rough, _ = feedback.fixed_point(*args, tolerance=1e-3)
    error = abs(rough - exact).max()
    assert 1e-9 < error < 1e-3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_first_weights(dtype):
    p = feedback.init(np.random.default_rng(0), 300, 400, 200, 100, dtype)
    assert {a.dtype for a in p} == {np.dtype(dtype)}
    assert [a.shape for a in p] == [
        (300, 400), (400,), (100, 400), (400, 200), (200,), (200, 100), (100,)
    ]
    assert not any(b.any() for b in (p.b1, p.b2, p.b3))
    for W in (p.W1, p.R, p.W2, p.W3):
        assert W.var() * len(W) == pytest.approx(1, rel=0.03)


RNG = np.random.default_rng(0)
P, X = feedback.init(RNG, 5, 4, 3, 2), RNG.normal(size=(6, 5))
Y, CACHE = feedback.forward(P, X, 3)
REST = feedback.fixed_point(P, X)[1]


@pytest.mark.parametrize(("call", "message"), {
    "no passes": (lambda: feedback.forward(P, X, 0), "K: expected a whole number >= 1, got 0"),
    "half a pass": (lambda: feedback.forward(P, X, 1.5), "K: .* float 1.5"),
    "other params": (lambda: feedback.forward(tuple(P), X, 1), "p: expected feedback.Params"),
    "transposed R": (lambda: feedback.forward(P._replace(R=P.R.T), X, 1), r"p\.W2|p\.R"),
    "wide W3": (lambda: feedback.forward(P._replace(W3=P.W3[:, :1]), X, 1), r"p\.W3: expected"),
    "one example": (lambda: feedback.forward(P, X[0], 1), "x: expected shape"),
    "integers": (lambda: feedback.forward(P, X.astype(int), 1), "x: expected float32 or float64"),
    "mixed": (lambda: feedback.forward(P, X.astype("f4"), 1), "x: expected float64"),
    "nan": (lambda: feedback.forward(P, X * np.nan, 1), "x: expected finite numbers"),
    "output": (lambda: feedback.forward(P, X, 1, "tanh"), "output: expected one of sigmoid, aff"),
    "bare output": (lambda: feedback.contraction(P, None), "output: expected one of"),
    "cache": (lambda: feedback.backward(Y, REST), "dy: expected shape"),
    "other cache": (lambda: feedback.backward(Y, None), "cache: expected feedback.Cache"),
    "dy": (lambda: feedback.backward(Y[0], CACHE), "dy: expected shape"),
    "dy of a point": (lambda: feedback.fixed_point_backward(Y, REST), "dy: expected shape"),
    "unrolled cache": (lambda: feedback.fixed_point_backward(Y[0], CACHE), "cache: expected the"),
    "tolerance": (lambda: feedback.fixed_point(P, X, tolerance=0.0), "tolerance: .* > 0"),
    "most": (lambda: feedback.fixed_point(P, X, most=0), "most: expected a whole number"),
    "seed": (lambda: feedback.init(0, 5, 4, 3, 2), "rng: expected Generator"),
    "width": (lambda: feedback.init(RNG, 5, 0, 3, 2), "H1: expected a whole number"),
    "dtype": (lambda: feedback.init(RNG, 5, 4, 3, 2, "f2"), "dtype: expected"),
}.values())
def test_misuse_is_explained(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
