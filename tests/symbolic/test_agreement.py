"""check() accepts the library and refuses every slip in it."""

import re

import numpy as np
import pytest
from sympy import sign

from fnnlib import activations, dense, lowrank, rnn
from fnnlib.check import TOLERANCE, CheckFailed
from fnnlib.symbolic import (
    D,
    Derivation,
    Misuse,
    Piecewise,
    array,
    check,
    define,
    exp,
    index,
    matrix,
    relu,
    scalar,
    sigmoid,
    size,
    tanh,
    total,
)
from fnnlib.symbolic.agreement import _draw_sizes, within_tolerance
from fnnlib.symbolic.derivations import dense as stack_of_layers
from fnnlib.symbolic.derivations import lowrank as adapter

from .networks import layer
from .networks import rnn as network

z = scalar("z")
sigmoid_prime = Derivation(D(sigmoid(z), z), "sigmoid_prime").step(
    sigmoid(z) * (1 - sigmoid(z)), "known"
)
net = network()
zero = define("zero", lambda r, j: 0, net.B, net.H)
ARGS = (rnn.Params(net.W, net.U, net.b), net.x, rnn.State(matrix(net.h, 0)))
DOUT = (net.g, rnn.State(zero))


def bptt(variable, formula, name):
    return Derivation(D(net.lagrangian, variable), name).step(formula, "adjoint")


dU = bptt(
    net.U[net.i, net.j],
    total(lambda t, r: net.h[t - 1, r, net.i] * net.dl[t, r, net.j], (1, net.T), net.B),
    "rnn_dU",
)
dh0 = bptt(matrix(net.h, 0), matrix(net.dl, 1) * matrix(net.U).T, "rnn_dh0")


def test_scalars():
    found = check(sigmoid_prime, activations.sigmoid_prime, activations.sigmoid)
    assert found.record["function"] == "activations.sigmoid_prime"
    assert found.record["status"] == "passed" and found.record["error_bound"] == 1e-10
    d = Derivation(D(relu(z), z), "relu_prime").cases({z > 0: 1, z < 0: 0}, "each branch")
    assert "finite difference" in repr(check(d, activations.relu_prime, activations.relu))


@pytest.mark.parametrize("wrong", [
    lambda v: -activations.sigmoid_prime(v),
    lambda v: activations.sigmoid(v),
    lambda v: activations.sigmoid_prime(v) * (1 + 1e-8),
    lambda v: np.where(v > 3, 0, activations.sigmoid_prime(v)),
    lambda v: np.where(v < -3, 0, activations.sigmoid_prime(v)),
    lambda v: np.full_like(v, np.nan),
])
def test_a_wrong_scalar_derivative_fails(wrong):
    with pytest.raises(CheckFailed, match="sigmoid_prime: the library gives"):
        check(sigmoid_prime, wrong, activations.sigmoid)


@pytest.mark.parametrize("factor", [2, 1000])
def test_a_wrong_forward_fails(factor):
    with pytest.raises(CheckFailed, match="along a random direction"):
        check(sigmoid_prime, activations.sigmoid_prime, lambda v: factor * activations.sigmoid(v))


def test_a_scalar_function_of_several_arguments():
    a, c = scalar("a c", positive=True)
    d = Derivation(D(a * z**3 + c, z), "cubic_prime").step(3 * a * z**2, "known")
    forward = lambda a, v, c: a * v**3 + c  # noqa: E731

    def compare(prime, f=forward):
        return check(d, prime, f, args=(a, z, c)).record["status"]

    assert compare(lambda a, v, c: 3 * a * v**2) == "passed"
    for wrong in (lambda a, v, c: 3 * c * v**2, lambda a, v, c: 3 * v**2):
        with pytest.raises(CheckFailed, match="the library gives .* at z = "):
            compare(wrong)
    with pytest.raises(CheckFailed, match="along a random direction"):
        compare(lambda a, v, c: 3 * a * v**2, lambda a, v, c: c * v**3 + a)


def test_errors_are_relative_and_the_largest_is_kept():
    d = Derivation(D(exp(5 * z), z), "steep").step(5 * exp(5 * z), "known")
    found = check(d, lambda v: 5 * np.exp(5 * v), lambda v: np.exp(5 * v))  # up to 2e9
    assert found.errors.keys() == {"formula", "difference_quotient", "complex_step"}
    assert all(0 < error < TOLERANCE[kind] for kind, error in found.errors.items())


def test_a_gradient_of_few_entries_is_compared_in_every_way():
    n = layer()
    j = index("j", n.H)
    d = Derivation(D(n.loss, n.b[j]), "layer_db").step(
        total(lambda r: n.G[r, j], n.B), "every row counts"
    )
    args = dense.Params(n.W, n.b), n.x
    found = check(d, dense.backward, dense.forward, args=args, dout=n.G, seed=2)  # all round
    assert found.errors.keys() == {"formula", "difference_quotient", "complex_step"}
    assert all(0 < error < TOLERANCE[kind] for kind, error in found.errors.items())


def test_a_kink_on_either_side_asks_for_a_finite_difference():
    bent = Piecewise((z, z > 0), (-z, True))
    d = Derivation(D(bent, z), "bent_prime").step(sign(z), "each branch", accept="probed")
    assert "finite difference" in repr(check(d, np.sign, np.abs))


def test_a_derivative_may_be_zero():
    a = scalar("a")
    d = Derivation(D(a**2, z), "nothing").step(0 * z, "no z in it")
    found = check(d, lambda a, v: 0 * v, lambda a, v: a**2 + 0 * v, args=(a, z))
    assert set(found.errors.values()) == {0.0}


def test_every_trial_and_every_seed_draws_anew():
    def drawn(seed):
        points, arrays = [], []
        check(sigmoid_prime, lambda v: points.append(v) or activations.sigmoid_prime(v),
              activations.sigmoid, seed=seed)
        check(dh0, lambda dout, cache: arrays.append(cache.p.b) or rnn.backward(dout, cache),
              rnn.forward, args=ARGS, dout=DOUT, seed=seed)
        return [x.tobytes() for x in (*points, *arrays)]

    assert len({*drawn(0), *drawn(7)}) == 8 and drawn(7) == drawn(7)


def test_sizes_are_unequal_and_time_is_long():
    n, m, B, H, T = size("n m B H T")
    leaves = [array("W", n, H), matrix(array("h", (0, T), B, H), 0), array("x", (1, T), B, n), "no"]
    drawn = [_draw_sizes(leaves, seed, {}) for seed in range(60)]
    assert all(set(d) == {n, B, H, T} for d in drawn)
    assert all(sorted(d.values()) == [2, 3, 4, 5] for d in drawn)
    assert {d[T] for d in drawn} == {3, 4, 5} and {d[n] for d in drawn} == {2, 3, 4, 5}
    given = [_draw_sizes(leaves, seed, {T: 1, B: 7, m: 9}) for seed in range(60)]
    assert all((d[T], d[B]) == (1, 7) and d[n] != d[H] and m not in d for d in given)
    assert {d[n] for d in given} == {2, 3, 4}
    assert _draw_sizes([array("late", (m, m + n))], 0, {}).keys() == {n}


def test_a_layer():
    n = layer()
    d = Derivation(D(n.loss, n.M), "layer_dW").step(n.X.T * n.g, "outer product")
    found = check(d, dense.backward, dense.forward, args=(dense.Params(n.W, n.b), n.x), dout=n.G)
    assert found.record["function"] == "dense.backward"
    sizes = dict(part.split("=") for part in found.record["sizes"].split(", "))
    assert set(sizes) == {"B", "D", "H"}


def test_a_backward_pass_may_return_the_first_gradient_alone():
    n = layer()
    d = Derivation(D(n.loss, n.M), "layer_dW").step(n.X.T * n.g, "outer product")
    args = dense.Params(n.W, n.b), n.x  # as many as the parameters
    found = check(d, lambda dz, cache: dense.backward(dz, cache)[0], dense.forward,
                  args=args, dout=n.G)
    assert found.record["status"] == "passed"


def test_the_first_gradient_alone_may_be_a_tuple_of_any_length():
    n = layer()
    d = Derivation(D(n.loss, n.M), "layer_dW").step(n.X.T * n.g, "outer product")
    found = check(
        d, lambda dz, cache: tuple(dense.backward(dz, cache)[0]),
        lambda p, x, _: dense.forward(dense.Params(*p), x), args=((n.W, n.b), n.x, "no array"),
        dout=n.G,
    )  # fmt: skip
    assert found.record["status"] == "passed"


@pytest.mark.parametrize("derivation", [dU, dh0], ids=lambda d: d.name)
def test_bptt(derivation):
    found = check(derivation, rnn.backward, rnn.forward, args=ARGS, dout=DOUT)
    assert found.record["name"] == derivation.name
    assert re.search(r"T=\d\.\.\d", found.record["sizes"])  # two choices of sizes


def altered(change):
    """rnn.backward with one slip in what it returns or keeps."""
    def backward(dout, cache):
        return change(*rnn.backward(dout, cache))

    return backward


@pytest.mark.parametrize("change", [
    lambda dp, dx, ds: (dp._replace(U=-dp.U), dx, ds),
    lambda dp, dx, ds: (dp._replace(U=dp.U.T), dx, ds),
    lambda dp, dx, ds: (dp._replace(U=2 * dp.U), dx, ds),
    lambda dp, dx, ds: (dp._replace(U=dp.U[::-1]), dx, ds),
    lambda dp, dx, ds: (dp._replace(U=dp.U[:1]), dx, ds),
    lambda dp, dx, ds: (dp._replace(U=dp.U + 1e-8), dx, ds),
])
def test_a_slip_in_the_gradient_fails(change):
    with pytest.raises(CheckFailed, match="rnn_dU"):
        check(dU, altered(change), rnn.forward, args=ARGS, dout=DOUT)


def test_every_entry_is_compared_with_the_formula():
    def slip(dp, dx, ds):
        dp.U[-1, -1] += 1
        return dp, dx, ds

    with pytest.raises(CheckFailed, match=r"the formula .* at U\["):
        check(dU, altered(slip), rnn.forward, args=ARGS, dout=DOUT)


def test_a_missing_time_term_fails():
    def forgetful(dout, cache):
        return rnn.backward(dout, cache, truncate=1)

    with pytest.raises(CheckFailed, match=r"rnn_dU: the library gives .* at U\[\d, \d\], sizes B="):
        check(dU, forgetful, rnn.forward, args=ARGS, dout=DOUT)


dense_net = stack_of_layers.definitions()
STACK = {
    "args": ((dense_net.W, dense_net.b), matrix(dense_net.a, 0)),
    "dout": matrix(dense_net.dl, dense_net.L + 1),
}
GROWING = {dense_net.phi: tanh, dense_net.m: lambda s, i: i < s}  # layers of 1, 2, 3, ... units


def stack_check(at):
    dW = stack_of_layers.gradients()[0]
    backward, forward = stack_of_layers.stack_backward, stack_of_layers.stack_forward
    return check(dW, backward, forward, **STACK, at=at)


def test_a_case_of_what_is_proved_for_all():
    picked = {dense_net.n: 4, dense_net.L: 2, dense_net.B: 3}
    assert stack_check({**picked, **GROWING}).record["sizes"] == "B=3, L=2, n=4"


@pytest.mark.parametrize("wrong", [
    {dense_net.phi: sigmoid},  # another activation than the library's
    {dense_net.phi: lambda u: -tanh(u)},
    {dense_net.m: lambda s, i: i <= s},  # wider layers than the library's
    {dense_net.m: lambda s, i: 2 * (i < s)},
])
def test_another_case_than_the_library_computes_fails(wrong):
    with pytest.raises(CheckFailed, match="stack_dW: the library gives"):
        stack_check({**GROWING, **wrong})


def test_a_scalar_can_be_picked():
    n, (dA, *_) = adapter.definitions(), adapter.gradients()
    args = lowrank.Params(n.A, n.B), dense.Params(n.W, n.b), n.x

    def compare(at):
        return check(dA, adapter.backward, adapter.forward, args=args, dout=n.G, at=at)

    assert compare({n.s: 1.5}).record["status"] == "passed"
    with pytest.raises(CheckFailed, match="lowrank_dA: the library gives"):
        compare({n.s: 1.25})


def test_an_index_can_be_picked():
    at = {**GROWING, dense_net.n: 3, dense_net.L: 2, dense_net.B: 2}

    def slip(dz, cache):
        (dW, db), dx = stack_of_layers.stack_backward(dz, cache)
        dW[1, 0, 0] += 1  # of the second layer
        return (dW, db), dx

    def compare(s):
        dW = stack_of_layers.gradients()[0]
        return check(dW, slip, stack_of_layers.stack_forward, **STACK,
                     at={**at, dense_net.hidden: s})

    for s, message in ((2, "at W"), (1, "along a random direction")):
        with pytest.raises(CheckFailed, match=message):
            compare(s)


def test_an_index_that_is_picked_says_which_argument_is_meant():
    n, L = size("n L")
    V, W, g = array("V W g", (1, L), n, n)
    s, (i, j) = index("s", (1, L)), index("i j", n)
    loss = total(lambda s, i, j: g[s, i, j] * W[s, i, j] ** 2, (1, L), n, n)
    d = Derivation(D(loss, W[s, i, j]), "squares").step(2 * g[s, i, j] * W[s, i, j], "known")

    def forward(A, B, C):
        return (B**2, C**2), (A, B, C)

    def backward(dout, cache):
        A, B, C = cache
        return 0 * A, 2 * dout[0] * B, 2 * dout[1] * C

    both = {"args": (matrix(V, 1), matrix(W, 1), matrix(W, 2)),
            "dout": (matrix(g, 1), matrix(g, 2))}
    for place in (1, 2):
        found = check(d, backward, forward, **both, at={s: place, L: 2})
        assert found.record["status"] == "passed"
    with pytest.raises(Misuse, match="no argument of forward is W"):
        check(d, backward, forward, **both, at={L: 2})


def test_what_can_be_picked_is_explained():
    for wrong in (dense_net.z, sigmoid, exp, dense_net.phi(z), dense_net.loss + 1):
        with pytest.raises(Misuse, match="free arrays; .* is none of them"):
            stack_check({wrong: 1})
    with pytest.raises(Misuse, match="at= picks a case of a gradient"):
        check(sigmoid_prime, activations.sigmoid_prime, activations.sigmoid, at={z: 1})


def test_misuse_is_explained():
    n = size("n")
    for wrong in (Derivation(z, "d").step(z, "same"), D(z, z), "tanh"):
        with pytest.raises(Misuse, match="starts from a derivative"):
            check(wrong, activations.tanh_prime, activations.tanh)
    with pytest.raises(Misuse, match="has no steps yet"):
        check(Derivation(D(z, z), "d"), activations.tanh_prime, activations.tanh)
    with pytest.raises(Misuse, match="with args="):
        check(dU, rnn.backward, rnn.forward)
    with pytest.raises(Misuse, match="no argument of forward is U"):
        check(dU, dense.backward, dense.forward,
              args=(dense.Params(net.V, net.c), array("q", n, net.H)), dout=array("r", n, net.K))


@pytest.mark.parametrize("errors", [[0.0, 1e-9], [1e-9, 0.0], [0.0, float("nan")], [float("nan")]])
def test_one_error_that_is_too_large_suffices(errors):
    with pytest.raises(CheckFailed, match="tree.map against halves: relative error"):
        within_tolerance("halves", "tree.map", errors, {"n": (1, 2)})
