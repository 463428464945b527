"""Optimisers against torch.optim, step by step; clipping against torch.nn.utils."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import cases, close, quick, sizes

from fnnlib import dense, optim, tree
from fnnlib.buffers import Buffers

momenta = st.sampled_from([0.0, 0.5, 0.9])
rates = st.sampled_from([1e-3, 0.05, 0.7])


def run(optimizer, p, gradients):
    slots = optimizer.init(p)
    for g in gradients:
        p, slots = optimizer.step(p, g, slots)
    return p


def run_torch(make, p, gradients):
    at = [torch.tensor(np.array(x), requires_grad=True) for _, x in tree.leaves(p)]
    optimizer = make(at)
    for g in gradients:
        for tensor, (_, d) in zip(at, tree.leaves(g), strict=True):
            tensor.grad = torch.tensor(np.array(d))
        optimizer.step()
    it = iter(at)
    return tree.map(lambda x: next(it).detach().numpy(), p)


def start(case, D, H, steps):
    p = (dense.Params(case.normal(D, H), case.normal(H)), case.normal(D))
    return p, [case.like(p) for _ in range(steps)]


@quick
@given(case=cases, D=sizes, H=sizes, steps=st.integers(1, 8), rate=rates, momentum=momenta)
def test_sgd_is_torch_sgd(case, D, H, steps, rate, momentum):
    p, gradients = start(case, D, H, steps)
    ours = run(optim.sgd(rate, momentum), p, gradients)
    close(ours, run_torch(lambda at: torch.optim.SGD(at, rate, momentum), p, gradients))


@quick
@given(
    case=cases, D=sizes, H=sizes, steps=st.integers(1, 8), rate=rates,
    beta1=st.sampled_from([0.0, 0.9]), beta2=st.sampled_from([0.5, 0.999]),
    epsilon=st.sampled_from([1e-8, 0.1]),
)  # fmt: skip
def test_adam_is_torch_adam(case, D, H, steps, rate, beta1, beta2, epsilon):
    p, gradients = start(case, D, H, steps)
    ours = run(optim.adam(rate, beta1, beta2, epsilon), p, gradients)
    theirs = run_torch(lambda at: torch.optim.Adam(at, rate, (beta1, beta2), epsilon), p, gradients)
    close(ours, theirs)


def test_adam_defaults_are_those_of_the_paper():
    p, g = np.array([1.0, -2.0]), [np.array([0.3, 1e-3]), np.array([-2.0, 0.0])]
    stated = optim.adam(0.01, beta1=0.9, beta2=0.999, epsilon=1e-8)
    np.testing.assert_array_equal(run(optim.adam(0.01), p, g), run(stated, p, g))


@quick
@given(case=cases, D=sizes, H=sizes, max_norm=st.sampled_from([0.1, 1.0, 3.0, 100.0]))
def test_clipping_is_torch_clipping(case, D, H, max_norm):
    _, (g,) = start(case, D, H, 1)
    clipped, norm = optim.clip_by_global_norm(g, max_norm)
    at = [torch.zeros(x.shape, dtype=torch.float64) for _, x in tree.leaves(g)]
    for tensor, (_, x) in zip(at, tree.leaves(g), strict=True):
        tensor.grad = torch.tensor(np.array(x, np.float64))
    theirs = torch.nn.utils.clip_grad_norm_(at, max_norm)
    assert norm == pytest.approx(float(theirs), rel=1e-6)
    assert tree.norm(clipped) <= max_norm * (1 + 1e-6)
    for (_, x), tensor in zip(tree.leaves(clipped), at, strict=True):
        np.testing.assert_allclose(x, tensor.grad, rtol=2e-5)  # torch adds 1e-6 to the norm


def test_a_short_gradient_is_returned_as_it_is():
    g = (np.array([0.3, 0.4]),)
    clipped, norm = optim.clip_by_global_norm(g, 0.5)
    assert clipped is g and norm == 0.5


def test_clipping_survives_huge_gradients():
    g, norm = optim.clip_by_global_norm((np.array([3e200, 4e200]),), 1.0)
    assert norm == pytest.approx(5e200)
    np.testing.assert_allclose(g[0], [0.6, 0.8])


@pytest.mark.parametrize("optimizer", [optim.sgd(0.1, 0.9), optim.adam(0.1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_is_changed_in_place_and_the_dtype_stays(optimizer, dtype):
    p, g = (np.ones(3, dtype),), (np.full(3, 0.5, dtype),)
    first = optimizer.init(p)
    kept = tree.map(np.copy, (p, g, *first[:2]))
    q, second = optimizer.step(p, g, first)
    optimizer.step(q, g, second)
    tree.map(np.testing.assert_array_equal, kept, (p, g, *first[:2]))
    assert {x.dtype for _, x in tree.leaves((q, *second[:1]))} == {np.dtype(dtype)}


@pytest.mark.parametrize("make", [optim.adam, optim.adamw])
@quick
@given(case=cases, D=sizes, H=sizes, steps=st.integers(1, 4))
def test_buffers_change_no_number_and_are_written_over(make, case, D, H, steps):
    p, gradients = start(case, D, H, steps)
    before = tree.map(np.copy, p)
    optimizer, slots, addresses, q = make(0.1, reuse=Buffers()), make(0.1).init(p), [], p
    for g in gradients:
        q, slots = optimizer.step(q, g, slots)
        arrays = tree.leaves((q, slots.m, slots.v))
        addresses.append([a.ctypes.data for _, a in arrays])
    plain = make(0.1)
    tree.map(np.testing.assert_array_equal, q, run(plain, p, gradients))
    tree.map(np.testing.assert_array_equal, p, before)
    assert all(found == addresses[0] for found in addresses)
    assert len(set(addresses[0])) == len(addresses[0])


@pytest.mark.parametrize("make", [optim.adam, optim.adamw])
def test_the_gradient_may_lie_in_the_buffers(make):
    """On a bowl of curvature one it is the parameters themselves, or those before a change."""
    plain, kept = make(0.1), make(0.1, reuse=Buffers())
    p = q = np.array([1.0, -3.0])
    slots = plain.init(p)
    (p, left), (q, found) = plain.step(p, p, slots), kept.step(q, q, slots)
    for change in (0.0, 0.5):
        before = p, q
        p, q = (p + change, q + change) if change else (p, q)
        (p, left), (q, found) = plain.step(p, before[0], left), kept.step(q, before[1], found)
        np.testing.assert_array_equal(p, q)


def test_blocks_change_no_number():
    rng = np.random.default_rng(0)
    p, g, v = (rng.normal(size=(301, 1001)) for _ in range(3))  # three blocks, the last one short
    slots = optim.AdamSlots(g[::-1].copy(), v * v, 3)
    (ours, kept), parts = optim.adam(0.1).step(p, g, slots), []
    for rows in (slice(0, 100), slice(100, 301)):
        part = optim.AdamSlots(slots.m[rows], slots.v[rows], 3)
        parts.append(optim.adam(0.1).step(p[rows], g[rows], part))
    np.testing.assert_array_equal(ours, np.concatenate([q for q, _ in parts]))
    np.testing.assert_array_equal(kept.m, np.concatenate([s.m for _, s in parts]))
    np.testing.assert_array_equal(kept.v, np.concatenate([s.v for _, s in parts]))


def test_adam_remembers_sums():
    optimizer, p, g = optim.adam(0.1, beta1=0.5, beta2=0.25), np.array([1.0]), np.array([2.0])
    slots = optimizer.init(p)
    for _ in range(2):
        _, slots = optimizer.step(p, g, slots)
    assert slots.m == [3.0] and slots.v == [5.0] and slots.t == 2


@pytest.mark.parametrize("optimizer", [optim.sgd(0.1), optim.sgd(0.05, 0.9), optim.adam(0.05)])
def test_a_quadratic_is_minimised(optimizer):
    p = run_to_minimum(optimizer, np.array([3.0, -2.0]))
    assert np.abs(p).max() < 1e-3


def run_to_minimum(optimizer, p):
    slots = optimizer.init(p)
    for _ in range(600):
        p, slots = optimizer.step(p, p * np.array([1.0, 4.0]), slots)
    return p
