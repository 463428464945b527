"""Malformed calls of the optimisers, schedules and clipping."""

from fractions import Fraction

import numpy as np

from fnnlib import dense, optim, require, rnn
from misuse.spoilt import f, free

P = dense.Params(f(3, 2), f(2))
TREE = f(3, 2), (f(2), f(4))
R = rnn.Params(f(3, 2), f(2, 2), f(2))
SGD, ADAM = optim.sgd(0.1), optim.adam(0.1)
RMSPROP, SCHEDULED = optim.rmsprop(0.1), optim.scheduled(optim.sgd, optim.cosine(0.1, 9))
OPTIMIZERS = {
    "sgd": SGD, "nesterov": optim.nesterov(0.1, 0.9), "rmsprop": RMSPROP, "adam": ADAM,
    "adamw": optim.adamw(0.1), "scheduled": SCHEDULED,
}  # fmt: skip

CALLS = {
    "optim.sgd": (optim.sgd, {"learning_rate": 0.1, "momentum": 0.9}),
    "optim.nesterov": (optim.nesterov, {"learning_rate": 0.1, "momentum": 0.9}),
    "optim.rmsprop": (optim.rmsprop, {"learning_rate": 0.1, "beta": 0.9, "epsilon": 1e-8}),
    "optim.adam": (
        optim.adam, {"learning_rate": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8}
    ),
    "optim.adamw": (
        optim.adamw,
        {
            "learning_rate": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8,
            "weight_decay": 0.1,
        },
    ),
    "optim.scheduled": (
        optim.scheduled, {"make": lambda rate: SGD, "schedule": optim.cosine(0.1, 9)}
    ),
    "optim.step_decay": (optim.step_decay, {"learning_rate": 0.1, "every": 2, "factor": 0.5}),
    "optim.cosine": (optim.cosine, {"learning_rate": 0.1, "steps": 9, "least": 0.01}),
    "optim.warm_up": (optim.warm_up, {"schedule": optim.cosine(0.1, 9), "steps": 3}),
    "optim.clip_by_global_norm": (
        lambda g, max_norm: optim.clip_by_global_norm((g,), max_norm),
        {"g.0": f(3), "max_norm": 1.0},
    ),
    **{
        f"optim.{name}.step": (
            lambda p, g, o=optimizer: o.step(p, g, o.init(TREE)), {"p": TREE, "g": TREE}
        )
        for name, optimizer in OPTIMIZERS.items()
    },
    **{f"optim.{name}.init": (o.init, {"p": TREE}) for name, o in OPTIMIZERS.items()},
}  # fmt: skip

SCHEDULES = {
    "step_decay": optim.step_decay(0.1, 2, 0.5), "cosine": optim.cosine(0.1, 9),
    "warm_up": optim.warm_up(optim.cosine(0.1, 9), 3),
}  # fmt: skip
CALLS |= {f"optim.{name}.rate": (schedule, {"t": 3}) for name, schedule in SCHEDULES.items()}


def with_slots(optimizer, change):
    """A step with slots that are not those of the parameters."""
    return lambda: optimizer.step(P, P, change(optimizer.init(P)))


# Changes of one array after which it still fits.
FREE = {
    "optim.clip_by_global_norm": {"g.0": free(0, rank=True, precision=True)},
    **{
        f"optim.{name}.init": {
            "p.0": free(0, 1, rank=True, precision=True),
            "p.1.0": free(0, rank=True, precision=True),
            "p.1.1": free(0, rank=True, precision=True),
        }
        for name in OPTIMIZERS
    },
}

# fmt: off
REFUSED = [
    (with_slots(SGD, lambda v: v._replace(W=v.W[:1])), ValueError,
     "slots.W: expected shape (3, 2), got (1, 2)"),
    (with_slots(SGD, lambda v: v._replace(b=v.b.astype("f4"))), ValueError,
     "slots.b: expected float64 like its parameter, got float32"),
    (with_slots(SGD, lambda v: v._replace(b=None)), TypeError,
     "slots.b: expected a NumPy array, got NoneType"),
    (with_slots(SGD, lambda v: None), ValueError,
     "slots: expected the leaves slots.W, slots.b, got slots"),
    (with_slots(OPTIMIZERS["nesterov"], lambda v: v.W), ValueError,
     "slots: expected the leaves slots.W, slots.b, got slots"),
    (with_slots(OPTIMIZERS["nesterov"], lambda v: v._replace(W=v.W.T)), ValueError,
     "slots.W: expected shape (3, 2), got (2, 3)"),
    (with_slots(RMSPROP, lambda s: s.v), TypeError,
     "slots: expected optim.RMSpropSlots, got dense.Params"),
    (with_slots(RMSPROP, lambda s: s._replace(v=s.v.W)), ValueError,
     "slots.v: expected the leaves slots.v.W, slots.v.b, got slots.v"),
    (with_slots(RMSPROP, lambda s: s._replace(v=dense.Params(f(1), f(2)))), ValueError,
     "slots.v.W: expected shape (3, 2), got (1,)"),
    (with_slots(ADAM, lambda s: tuple(s)), TypeError,
     "slots: expected optim.AdamSlots, got tuple"),
    (with_slots(ADAM, lambda s: s._replace(v=s.v.b)), ValueError,
     "slots.v: expected the leaves slots.v.W, slots.v.b, got slots.v"),
    (with_slots(ADAM, lambda s: s._replace(v=s.v._replace(b=f(1)))), ValueError,
     "slots.v.b: expected shape (2,), got (1,)"),
    (with_slots(ADAM, lambda s: s._replace(m=s.m._replace(b=f(1)))), ValueError,
     "slots.m.b: expected shape (2,), got (1,)"),
    (with_slots(ADAM, lambda s: s._replace(t=None)), TypeError,
     "slots.t: expected a whole number >= 0, got NoneType None"),
    (with_slots(ADAM, lambda s: s._replace(t=-1)), ValueError,
     "slots.t: expected a whole number >= 0, got -1"),
    (with_slots(ADAM, lambda s: s._replace(t=1.5)), TypeError,
     "slots.t: expected a whole number >= 0, got float 1.5"),
    (with_slots(OPTIMIZERS["adamw"], lambda s: s.m), TypeError,
     "slots: expected optim.AdamSlots, got dense.Params"),
    (with_slots(SCHEDULED, lambda s: s.slots), TypeError,
     "slots: expected optim.ScheduledSlots, got dense.Params"),
    (with_slots(SCHEDULED, lambda s: s._replace(t=0.5)), TypeError,
     "slots.t: expected a whole number >= 0, got float 0.5"),
    (lambda: optim.scheduled(lambda rate: rate, optim.cosine(0.1, 9)).init(P), TypeError,
     "make(rate): expected optim.Optimizer, got float"),
    (lambda: optim.scheduled(optim.sgd, lambda t: 0.0).init(P), ValueError,
     "learning_rate: expected a number > 0, got 0.0"),
    (lambda: optim.nesterov(0.1, 0.0), ValueError,
     "momentum: expected a number > 0 and < 1, got 0.0"),
    (lambda: optim.rmsprop(0.1, beta=1.0), ValueError,
     "beta: expected a number >= 0 and < 1, got 1.0"),
    (lambda: optim.rmsprop(0.1, epsilon=0.0), ValueError,
     "epsilon: expected a number > 0, got 0.0"),
    (lambda: optim.adamw(0.1, weight_decay=-0.1), ValueError,
     "weight_decay: expected a number >= 0, got -0.1"),
    (lambda: optim.adamw(0.1, weight_decay=11.0), ValueError,
     "weight_decay: expected at most 1 / learning_rate = 10, got 11"),
    (lambda: optim.step_decay(0.1, 0, 0.5), ValueError,
     "every: expected a whole number >= 1, got 0"),
    (lambda: optim.step_decay(0.1, 2, 0.0), ValueError, "factor: expected a number > 0, got 0.0"),
    (lambda: optim.cosine(0.1, 9, least=0.2), ValueError,
     "least: expected a number >= 0 and <= 0.1, got 0.2"),
    (lambda: optim.warm_up(0.1, 3), TypeError, "schedule: expected a function, got float"),
    (lambda: optim.clip_by_global_norm((f(2), None), 1.0), TypeError,
     "g.1: expected a NumPy array, got NoneType"),
    (lambda: optim.clip_by_global_norm([f(2)], 1.0), TypeError,
     "g: expected arrays nested in tuples, got list"),
    (lambda: optim.sgd(0), ValueError, "learning_rate: expected a number > 0, got 0"),
    (lambda: optim.sgd(-0.1), ValueError, "learning_rate: expected a number > 0, got -0.1"),
    (lambda: optim.sgd(np.inf), require.NotFinite,
     "learning_rate: expected a finite number, got inf"),
    (lambda: optim.sgd("0.1"), TypeError, "learning_rate: expected a real number, got str"),
    (lambda: optim.sgd(0.1, momentum=1.0), ValueError,
     "momentum: expected a number >= 0 and < 1, got 1.0"),
    (lambda: optim.sgd(0.1, momentum=-0.1), ValueError,
     "momentum: expected a number >= 0 and < 1, got -0.1"),
    (lambda: optim.sgd(10**400), require.NotFinite,
     f"learning_rate: expected a finite number, got {10**400}"),
    (lambda: optim.sgd(Fraction(1, 2), momentum=Fraction(3, 2)), ValueError,
     "momentum: expected a number >= 0 and < 1, got 3/2"),
    (lambda: SGD.step((2.5,), (f(2),), (f(2),)), ValueError, "g.0: expected shape (), got (2,)"),
    (lambda: optim.adam(0.0), ValueError, "learning_rate: expected a number > 0, got 0.0"),
    (lambda: optim.adam(0.1, beta1=1.0), ValueError,
     "beta1: expected a number >= 0 and < 1, got 1.0"),
    (lambda: optim.adam(0.1, beta2=-0.5), ValueError,
     "beta2: expected a number >= 0 and < 1, got -0.5"),
    (lambda: optim.adam(0.1, epsilon=0.0), ValueError, "epsilon: expected a number > 0, got 0.0"),
    (lambda: SGD.step(P, P.W, SGD.init(P)), ValueError, "g: expected the leaves g.W, g.b, got g"),
    (lambda: SGD.step(P, (*P, P.b), SGD.init(P)), ValueError,
     "g: expected the leaves g.W, g.b, got g.0, g.1, g.2"),
    (lambda: SGD.step(P, dense.Params(P.W.T, P.b), SGD.init(P)), ValueError,
     "g.W: expected shape (3, 2), got (2, 3)"),
    (lambda: ADAM.step(P, dense.Params(P.W, P.b[None]), ADAM.init(P)), ValueError,
     "g.b: expected shape (2,), got (1, 2)"),
    (lambda: ADAM.step(P, P, SGD.init(P)), TypeError,
     "slots: expected optim.AdamSlots, got dense.Params"),
    (lambda: SGD.step(f(1), f(1), (f(1), f(1))), ValueError,
     "slots: expected the leaves slots, got slots.0, slots.1"),
    (lambda: SGD.step(P, P, SGD.init(R)), ValueError,
     "slots: expected the leaves slots.W, slots.b, got slots.W, slots.U, slots.b"),
    (lambda: optim.clip_by_global_norm(P, 0.0), ValueError,
     "max_norm: expected a number > 0, got 0.0"),
    (lambda: optim.clip_by_global_norm(P, np.inf), require.NotFinite,
     "max_norm: expected a finite number, got inf"),
    (lambda: optim.clip_by_global_norm((), 1.0), ValueError,
     "tree: expected at least one leaf, got none"),
]
# fmt: on
