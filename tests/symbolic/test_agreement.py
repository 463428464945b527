"""check() accepts the library and refuses every slip in it."""

import numpy as np
import pytest

from fnnlib import activations, dense, rnn
from fnnlib.check import CheckFailed
from fnnlib.symbolic import (
    D,
    Derivation,
    Misuse,
    array,
    check,
    define,
    matrix,
    relu,
    scalar,
    sigmoid,
    size,
    total,
)

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
    assert found.record["status"] == "passed" and found.record["error_bound"] <= 1e-9
    d = Derivation(D(relu(z), z), "relu_prime").cases({z > 0: 1, z < 0: 0}, "each branch")
    assert "finite difference" in repr(check(d, activations.relu_prime, activations.relu))


@pytest.mark.parametrize("wrong", [
    lambda v: -activations.sigmoid_prime(v),
    lambda v: activations.sigmoid(v),
    lambda v: activations.sigmoid_prime(v) * (1 + 1e-8),
    lambda v: np.where(v > 3, 0, activations.sigmoid_prime(v)),
    lambda v: np.full_like(v, np.nan),
])
def test_a_wrong_scalar_derivative_fails(wrong):
    with pytest.raises(CheckFailed, match="sigmoid_prime: the library gives"):
        check(sigmoid_prime, wrong, activations.sigmoid)


def test_a_wrong_forward_fails():
    with pytest.raises(CheckFailed, match="along a random direction"):
        check(sigmoid_prime, activations.sigmoid_prime, lambda v: 2 * activations.sigmoid(v))


def test_a_layer():
    n = layer()
    d = Derivation(D(n.loss, n.M), "layer_dW").step(n.X.T * n.g, "outer product")
    found = check(d, dense.backward, dense.forward, args=(dense.Params(n.W, n.b), n.x), dout=n.G)
    assert found.record["function"] == "dense.backward"
    sizes = dict(part.split("=") for part in found.record["sizes"].split(", "))
    assert set(sizes) == {"B", "D", "H"}


@pytest.mark.parametrize("derivation", [dU, dh0], ids=lambda d: d.name)
def test_bptt(derivation):
    found = check(derivation, rnn.backward, rnn.forward, args=ARGS, dout=DOUT)
    assert found.record["name"] == derivation.name
    assert "T=" in found.record["sizes"]


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


def test_a_missing_time_term_fails():
    def forgetful(dout, cache):
        return rnn.backward(dout, cache, truncate=1)

    with pytest.raises(CheckFailed, match=r"rnn_dU: the library gives .* at U\[\d, \d\], sizes B="):
        check(dU, forgetful, rnn.forward, args=ARGS, dout=DOUT)


def test_misuse_is_explained():
    n = size("n")
    with pytest.raises(Misuse, match="starts from a derivative"):
        check(Derivation(z, "d").step(z, "same"), activations.tanh_prime, activations.tanh)
    with pytest.raises(Misuse, match="has no steps yet"):
        check(Derivation(D(z, z), "d"), activations.tanh_prime, activations.tanh)
    with pytest.raises(Misuse, match="with args="):
        check(dU, rnn.backward, rnn.forward)
    with pytest.raises(Misuse, match="no argument of forward is U"):
        check(dU, dense.backward, dense.forward,
              args=(dense.Params(net.V, net.c), array("q", n, net.H)), dout=array("r", n, net.K))
