"""Dense layers, one and stacked, against HIPS autograd and PyTorch; and their first weights."""

from functools import partial

import autograd.numpy as anp
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from oracles import Case, autograd_vjp, cases, close, quick, same_kind, sizes, torch_vjp

from fnnlib import activations, dense, tree
from fnnlib.buffers import Buffers

BY_AUTOGRAD = {
    "sigmoid": lambda z: 1 / (1 + anp.exp(-z)),
    "tanh": anp.tanh,
    "relu": lambda z: z * (z > 0),
    "leaky_relu": lambda z: anp.where(z > 0, z, 0.01 * z),
    "softplus": lambda z: anp.log(1 + anp.exp(z)),
}
BY_TORCH = {name: getattr(F, name) for name in BY_AUTOGRAD}
BY_TORCH["softplus"] = partial(F.softplus, threshold=40)  # its default is exact to 2e-9 only


def test_every_activation_has_an_oracle():
    assert BY_AUTOGRAD.keys() == activations.ELEMENTWISE.keys()


def params_for(case, D, H):
    return dense.Params(case.normal(D, H), case.normal(H))


@quick
@given(case=cases, lead=st.lists(sizes, max_size=3), D=sizes, H=sizes)
def test_one_layer_against_autograd_and_torch(case, lead, D, H):
    p, x, dz = params_for(case, D, H), case.normal(*lead, D), case.normal(*lead, H)
    z, cache = dense.forward(p, x)
    close(z, F.linear(*(torch.tensor(np.array(a)) for a in (x, p.W.T, p.b))).numpy())
    gradients = dense.backward(dz, cache)
    same_kind(gradients, (p, x))
    close(gradients, autograd_vjp(lambda p, x: anp.dot(x, p.W) + p.b, (p, x), dz), slack=4)
    close(gradients, torch_vjp(lambda p, x: F.linear(x, p.W.T, p.b), (p, x), dz), slack=4)


@pytest.mark.parametrize("name", BY_AUTOGRAD)
@quick
@given(case=cases, widths=st.lists(sizes, min_size=2, max_size=5), lead=st.lists(sizes, max_size=2))
def test_a_stack_against_autograd_and_torch(name, case, widths, lead):
    layers = tuple(params_for(case, D, H) for D, H in zip(widths, widths[1:], strict=False))
    x, dz = case.normal(*lead, widths[0]), case.normal(*lead, widths[-1])

    def run(layers, x, f):
        for p in layers[:-1]:
            x = f(x @ p.W + p.b)
        return x @ layers[-1].W + layers[-1].b

    def by_autograd(layers, x):
        return run(layers, x, BY_AUTOGRAD[name])

    def by_torch(layers, x):
        return run(layers, x, BY_TORCH[name])

    z, cache = dense.stack_forward(layers, x, name)
    gradients = dense.stack_backward(dz, cache)
    same_kind((z, *gradients), (dz, layers, x))
    close(z, by_autograd(layers, x), slack=4)
    close(gradients, autograd_vjp(by_autograd, (layers, x), dz), slack=20)
    close(gradients, torch_vjp(by_torch, (layers, x), dz), slack=20)


LAYER = params_for(Case(0, "f8", "contiguous"), 3, 2)
STACK = LAYER, params_for(Case(1, "f8", "contiguous"), 2, 2)
PASSES = {
    "a layer": (lambda x, reuse=None: dense.forward(LAYER, x, reuse), dense.backward),
    "a stack": (
        lambda x, reuse=None: dense.stack_forward(STACK, x, "relu", reuse), dense.stack_backward,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PASSES)
def test_buffers_change_no_number_and_are_written_over(name):
    forward, backward = PASSES[name]
    reuse, addresses = Buffers(), []
    for seed in range(3):
        x, dz = (np.random.default_rng(seed).normal(size=(5, n)) for n in (3, 2))
        z, cache = forward(x, reuse)
        gradients = z, backward(dz, cache)
        expected, expected_cache = forward(x)
        tree.map(
            np.testing.assert_array_equal, gradients, (expected, backward(dz, expected_cache))
        )
        addresses.append([a.ctypes.data for _, a in tree.leaves(gradients)])
    assert addresses[0] == addresses[1] == addresses[2]
    assert len(set(addresses[0])) == len(addresses[0])


@pytest.mark.parametrize("name", PASSES)
def test_a_cache_that_was_written_over_is_refused(name):
    forward, backward = PASSES[name]
    reuse, x = Buffers(), np.ones((5, 3))
    _, first = forward(x, reuse)
    forward(x, reuse)
    with pytest.raises(ValueError, match="^cache: expected that of pass 2, the last with these"):
        backward(np.ones((5, 2)), first)


@pytest.mark.parametrize("name", PASSES)
def test_passes_leave_their_arguments_alone(name):
    forward, backward = PASSES[name]
    x, dz = np.ones((5, 3)), np.ones((5, 2))
    backward(dz, forward(x)[1])
    assert (x == 1).all() and (dz == 1).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_first_weights_keep_the_scale_of_their_input(dtype):
    p = dense.init(np.random.default_rng(0), 400, 300, dtype)
    assert p.W.dtype == p.b.dtype == dtype and not p.b.any()
    assert p.W.var() == pytest.approx(1 / 400, rel=0.02)
    assert abs(p.W.mean()) < 1e-3


def test_two_widths_make_one_layer():
    (layer,) = dense.stack_init(np.random.default_rng(0), (3, 2))
    assert layer.W.shape == (3, 2) and layer.b.shape == (2,)


def test_a_stack_starts_from_different_weights_and_the_same_seed():
    one, two = (dense.stack_init(np.random.default_rng(3), (4, 4, 4)) for _ in range(2))
    tree.map(np.testing.assert_array_equal, one, two)
    assert not np.array_equal(one[0].W, one[1].W)


def test_precision_changes_the_rounding_and_not_the_numbers():
    single, double = (
        dense.init(np.random.default_rng(0), 3, 2, t) for t in (np.float32, np.float64)
    )
    np.testing.assert_array_equal(single.W, double.W.astype(np.float32))
