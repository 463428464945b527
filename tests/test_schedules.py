"""The further optimisers and schedules against torch.optim in double precision, over 20 steps."""

import numpy as np
import pytest
import torch
from oracles import Case

from fnnlib import optim, tree

STEPS = 20
GRADIENTS = [Case(1, "f8", layout) for layout in ("contiguous", "columns first", "strided")]


def trajectory(optimizer, p, gradients):
    slots, path = optimizer.init(p), []
    for g in gradients:
        p, slots = optimizer.step(p, g, slots)
        path.append(p)
    return path


def torch_trajectory(make, p, gradients, schedule=None):
    at = [torch.tensor(np.array(x), requires_grad=True) for _, x in tree.leaves(p)]
    optimizer = make(at)
    schedule = schedule and schedule(optimizer)
    path = []
    for g in gradients:
        for tensor, (_, d) in zip(at, tree.leaves(g), strict=True):
            tensor.grad = torch.tensor(np.array(d))
        optimizer.step()
        if schedule:
            schedule.step()
        path.append(tuple(tensor.detach().numpy().copy() for tensor in at))
    return path


def same(ours, theirs):
    for mine, other in zip(ours, theirs, strict=True):
        for (_, x), y in zip(tree.leaves(mine), other, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12)


def start(case):
    p = case.normal(3, 2), (case.normal(2), case.normal(4, 1, 2))
    return p, [case.like(p) for _ in range(STEPS)]


PAIRS = {
    "sgd": (optim.sgd(0.1, 0.9), lambda at: torch.optim.SGD(at, 0.1, 0.9)),
    "nesterov": (
        optim.nesterov(0.1, 0.9), lambda at: torch.optim.SGD(at, 0.1, 0.9, nesterov=True)
    ),
    "rmsprop": (optim.rmsprop(0.01), lambda at: torch.optim.RMSprop(at, 0.01)),
    "rmsprop, all stated": (
        optim.rmsprop(0.01, 0.9, 0.1), lambda at: torch.optim.RMSprop(at, 0.01, 0.9, 0.1)
    ),
    "adam": (optim.adam(0.01), lambda at: torch.optim.Adam(at, 0.01)),
    "adamw": (optim.adamw(0.01), lambda at: torch.optim.AdamW(at, 0.01)),
    "adamw, all stated": (
        optim.adamw(0.05, 0.8, 0.99, 0.1, 0.5),
        lambda at: torch.optim.AdamW(at, 0.05, (0.8, 0.99), 0.1, 0.5),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("case", GRADIENTS, ids=lambda case: case.layout)
def test_every_step_is_that_of_torch(name, case):
    ours, theirs = PAIRS[name]
    p, gradients = start(case)
    same(trajectory(ours, p, gradients), torch_trajectory(theirs, p, gradients))


Rate = torch.optim.lr_scheduler
SCHEDULES = {
    "step": (optim.step_decay(0.1, 3, 0.5), lambda o: Rate.StepLR(o, 3, 0.5)),
    "cosine": (optim.cosine(0.1, STEPS, 0.01), lambda o: Rate.CosineAnnealingLR(o, STEPS, 0.01)),
    "warm-up": (
        optim.warm_up(optim.step_decay(0.1, 3, 0.5), 4),
        lambda o: Rate.SequentialLR(
            o, [Rate.LinearLR(o, 1 / 5, total_iters=4), Rate.StepLR(o, 3, 0.5)], [4]
        ),
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step")
def test_every_scheduled_step_is_that_of_torch(name):
    schedule, torch_schedule = SCHEDULES[name]
    p, gradients = start(GRADIENTS[0])
    optimizer = optim.scheduled(lambda rate: optim.sgd(rate, 0.9), schedule)
    same(
        trajectory(optimizer, p, gradients),
        torch_trajectory(lambda at: torch.optim.SGD(at, 0.1, 0.9), p, gradients, torch_schedule),
    )


def test_a_cosine_stays_where_it_ends():
    assert [optim.cosine(1.0, 5, 0.25)(t) for t in (5, 6, 1000)] == [0.25] * 3


def test_a_cosine_to_zero_ends_the_training():
    optimizer, p = optim.scheduled(optim.sgd, optim.cosine(0.5, 1)), np.ones(1)
    q, slots = optimizer.step(p, p, optimizer.init(p))
    assert q == [0.5]
    with pytest.raises(ValueError, match="^learning_rate: expected a number > 0, got 0.0"):
        optimizer.step(q, p, slots)


def test_scheduled_adam_keeps_its_own_count():
    """The bias correction counts all steps, also where the rate changes."""
    p, gradients = start(GRADIENTS[0])
    same(
        trajectory(optim.scheduled(optim.adam, lambda t: 0.01), p, gradients),
        [tuple(x for _, x in tree.leaves(q)) for q in
         trajectory(optim.adam(0.01), p, gradients)],
    )


def test_the_largest_decay_forgets_the_parameters():
    p, g = np.array([3.0, -5.0]), np.array([0.5, 2.0])
    forgotten, zero = optim.adamw(0.5, weight_decay=2.0), optim.adam(0.5)
    expected = zero.step(0 * p, g, zero.init(p))[0]
    np.testing.assert_array_equal(forgotten.step(p, g, forgotten.init(p))[0], expected)


@pytest.mark.parametrize("curvature", [0.01, 0.7, 1.0, 30.0])
@pytest.mark.parametrize("share", [0.01, 0.4, 0.99, 1.01, 2.0])
def test_gradient_descent_shrinks_the_error_just_below_two_over_the_curvature(curvature, share):
    path = trajectory_on_a_bowl(optim.sgd(share * 2 / curvature), curvature)
    shrinks = all(abs(b) < abs(a) for a, b in zip([1.0, *path], path, strict=False))
    grows = all(abs(b) > abs(a) for a, b in zip([1.0, *path], path, strict=False))
    assert (shrinks, grows) == ((True, False) if share < 1 else (False, True))


def test_momentum_allows_rates_beyond_that_bound():
    """Heavy-ball momentum is stable up to 2 (1 + mu) / curvature, here 3.8."""
    assert abs(trajectory_on_a_bowl(optim.sgd(3.0, momentum=0.9), 1.0, 300)[-1]) < 1e-3
    assert abs(trajectory_on_a_bowl(optim.sgd(4.0, momentum=0.9), 1.0, 300)[-1]) > 1e3


def trajectory_on_a_bowl(optimizer, curvature, steps=STEPS):
    p, path = np.ones(1), []
    slots = optimizer.init(p)
    for _ in range(steps):
        p, slots = optimizer.step(p, curvature * p, slots)
        path.append(float(p[0]))
    return path


OPTIMIZERS = {
    **{name: ours for name, (ours, _) in PAIRS.items()},
    "scheduled": optim.scheduled(optim.adam, optim.cosine(0.1, 9)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_nothing_is_changed_in_place_and_the_dtype_stays(name, dtype):
    optimizer = OPTIMIZERS[name]
    p, g = (np.ones(3, dtype),), (np.full(3, 0.5, dtype),)
    first = optimizer.init(p)
    kept = tree.map(np.copy, (p, g, first))
    q, second = optimizer.step(p, g, first)
    optimizer.step(q, g, second)
    tree.map(np.testing.assert_array_equal, kept, (p, g, first))
    found = [x for _, x in tree.leaves((q, second)) if isinstance(x, np.ndarray)]
    assert {x.dtype for x in found} == {np.dtype(dtype)}


P, G = (np.ones(2),), (np.ones(2),)
MISUSE = [
    (lambda: optim.nesterov(0.1, 0.0), ValueError, "momentum: expected a number > 0 and < 1"),
    (lambda: optim.nesterov(0, 0.5), ValueError, "learning_rate: expected a number > 0"),
    (lambda: optim.nesterov(0.1, 0.5).step(P, G, ()), ValueError, "slots: expected the leaves"),
    (lambda: optim.nesterov(0.1, 0.5).step(P, (np.ones(3),), P), ValueError, "g.0: expected shape"),
    (lambda: optim.rmsprop(0.1, beta=1), ValueError, "beta: expected a number >= 0 and < 1"),
    (lambda: optim.rmsprop("0.1"), TypeError, "learning_rate: expected a real number, got str"),
    (lambda: optim.rmsprop(0.1, epsilon=0), ValueError, "epsilon: expected a number > 0, got 0"),
    (lambda: optim.rmsprop(0.1).step(P, G, P), TypeError, "slots: expected fnnlib|slots: expected"),
    (lambda: optim.adamw(0.1, weight_decay=-1), ValueError, "weight_decay: expected a number >= 0"),
    (lambda: optim.adamw(0.1, weight_decay=11.0), ValueError,
     "weight_decay: expected at most 1 / learning_rate = 10, got 11"),
    (lambda: optim.adamw(0.1).step(P, (np.array([1, 2]),), None), ValueError,
     "g.0: expected float32 or float64, got int64"),
    (lambda: optim.scheduled(0.1, optim.cosine(0.1, 3)), TypeError, "make: expected a function"),
    (lambda: optim.scheduled(optim.sgd, 0.1), TypeError, "schedule: expected a function"),
    (lambda: optim.scheduled(lambda rate: rate, optim.cosine(0.1, 3)).init(P), TypeError,
     r"make\(rate\): expected"),
    (lambda: optim.scheduled(optim.sgd, lambda t: -1.0).init(P), ValueError,
     "learning_rate: expected a number > 0, got -1.0"),
    (lambda: optim.scheduled(optim.sgd, lambda t: 1.0).step(P, G, P), TypeError, "slots: expected"),
    (lambda: optim.step_decay(0.1, 0, 0.5), ValueError, "every: expected a whole number >= 1"),
    (lambda: optim.step_decay(0.1, 2, 0), ValueError, "factor: expected a number > 0"),
    (lambda: optim.cosine(0.1, 2.5), TypeError, "steps: expected a whole number"),
    (lambda: optim.cosine(0.1, 2, 0.2), ValueError, "least: expected a number >= 0 and <= 0.1"),
    (lambda: optim.warm_up(0.1, 2), TypeError, "schedule: expected a function, got float"),
    (lambda: optim.warm_up(optim.cosine(0.1, 2), -1), ValueError, "steps: expected a whole number"),
]


@pytest.mark.parametrize("call, error, message", MISUSE)
def test_malformed_calls_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
