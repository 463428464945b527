r"""Gradient descent with momentum, Nesterov's, RMSprop, Adam, AdamW; schedules; clipping.

An :class:`Optimizer` is a pair of functions: ``init(p)`` returns its slots (what it remembers),
and ``step(p, g, slots)`` returns ``(p, slots)`` after one update. Parameters ``p`` and gradients
``g`` are trees of one structure; nothing is changed in place unless :func:`adam` is given buffers,
and every array keeps its dtype.
Gradients of another structure, shape or dtype, or that are not finite, raise ValueError.

A schedule is a function of the number of steps already taken that returns the learning rate of the
next one; :func:`scheduled` gives any of the optimisers such a rate.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fnnlib import buffers, require, tree


class Optimizer(NamedTuple):
    """An update rule as two pure functions."""

    init: Callable  # p -> slots
    step: Callable  # (p, g, slots) -> (p, slots)


class AdamSlots(NamedTuple):
    """What Adam remembers: decaying sums of the gradients and of their squares, and the step."""

    m: tuple
    v: tuple
    t: int


class RMSpropSlots(NamedTuple):
    """What RMSprop remembers: the decaying mean of the squared gradients."""

    v: tuple


class ScheduledSlots(NamedTuple):
    """The slots of the optimiser that is scheduled, and the number of steps it has taken."""

    slots: tuple
    t: int


def sgd(learning_rate, momentum=0.0):
    r"""Gradient descent with heavy-ball momentum ([polyak1964]).

    :math:`v \leftarrow \mu v + g`, then :math:`p \leftarrow p - \alpha v`, with
    :math:`\alpha > 0` and :math:`0 \le \mu < 1`.

    >>> optimizer = sgd(0.1, momentum=0.9)
    >>> p, g = np.array([1.0]), np.array([2.0])
    >>> p, slots = optimizer.step(p, g, optimizer.init(p))
    >>> optimizer.step(p, g, slots)[0]
    array([0.42])
    """
    learning_rate = require.number("learning_rate", learning_rate, above=0)
    momentum = require.number("momentum", momentum, least=0, below=1)

    def init(p):
        return _zeros(p)

    def step(p, g, slots):
        _require(p, g)
        _require_slots("slots", slots, p)
        slots = tree.map(lambda v, g: momentum * v + g, slots, g)
        return tree.map(lambda p, v: p - learning_rate * v, p, slots), slots

    return Optimizer(init, step)


def nesterov(learning_rate, momentum):
    r"""Gradient descent with the momentum of [nesterov1983]: the step looks ahead.

    :math:`v \leftarrow \mu v + g`, then :math:`p \leftarrow p - \alpha (g + \mu v)`, with
    :math:`\alpha > 0` and :math:`0 < \mu < 1`. The parameters ``p`` are the point that is looked
    ahead to, so ``g`` is the gradient there and nothing has to be moved before it is computed.

    >>> optimizer = nesterov(0.1, momentum=0.9)
    >>> p, g = np.array([1.0]), np.array([2.0])
    >>> optimizer.step(p, g, optimizer.init(p))[0]
    array([0.62])
    """
    learning_rate = require.number("learning_rate", learning_rate, above=0)
    momentum = require.number("momentum", momentum, above=0, below=1)

    def init(p):
        return _zeros(p)

    def step(p, g, slots):
        _require(p, g)
        _require_slots("slots", slots, p)
        slots = tree.map(lambda v, g: momentum * v + g, slots, g)

        def update(p, g, v):
            return p - learning_rate * (g + momentum * v)

        return tree.map(update, p, g, slots), slots

    return Optimizer(init, step)


def rmsprop(learning_rate, beta=0.99, epsilon=1e-8):
    r"""Steps divided by the root of a decaying mean of squared gradients ([tieleman2012]).

    :math:`v \leftarrow \beta v + (1 - \beta) g^2`, then
    :math:`p \leftarrow p - \alpha\, g / (\sqrt{v} + \epsilon)`. As ``v`` starts at zero, the first
    steps are longer than later ones by up to :math:`1 / \sqrt{1 - \beta}`.

    >>> optimizer = rmsprop(0.1)
    >>> p = np.array([1.0, 1.0])
    >>> optimizer.step(p, np.array([5.0, -0.01]), optimizer.init(p))[0].round(6)
    array([0.     , 1.99999])
    """
    learning_rate = require.number("learning_rate", learning_rate, above=0)
    beta = require.number("beta", beta, least=0, below=1)
    epsilon = require.number("epsilon", epsilon, above=0)

    def init(p):
        return RMSpropSlots(_zeros(p))

    def step(p, g, slots):
        _require(p, g)
        _require_slots("slots.v", require.kind("slots", slots, RMSpropSlots).v, p)
        v = tree.map(lambda v, g: beta * v + (1 - beta) * g * g, slots.v, g)

        def update(p, g, v):
            return p - learning_rate * g / (np.sqrt(v) + epsilon)

        return tree.map(update, p, g, v), RMSpropSlots(v)

    return Optimizer(init, step)


def adam(learning_rate, beta1=0.9, beta2=0.999, epsilon=1e-8, reuse=None):
    r"""Adam ([kingma2015]): steps scaled by running moments of the gradient.

    With :math:`\hat m` and :math:`\hat v` the running means of :math:`g` and :math:`g^2`,
    :math:`p \leftarrow p - \alpha\, \hat m / (\sqrt{\hat v} + \epsilon)`. The slots are decaying
    sums, :math:`m \leftarrow \beta_1 m + g` and :math:`v \leftarrow \beta_2 v + g^2`; a mean is its
    sum times :math:`(1 - \beta) / (1 - \beta^t)`, as both start at zero.

    With :class:`fnnlib.buffers.Buffers` as ``reuse`` a step writes over the parameters and slots
    that the step before returned: copy what must stay.

    >>> optimizer = adam(0.1)
    >>> p = np.array([1.0, 1.0])
    >>> optimizer.step(p, np.array([5.0, -0.01]), optimizer.init(p))[0].round(6)
    array([0.9, 1.1])
    """
    return adamw(learning_rate, beta1, beta2, epsilon, 0.0, reuse)


def adamw(
    learning_rate, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01, reuse=None
):
    r"""Adam with decoupled weight decay ([loshchilov2019]).

    :math:`p \leftarrow (1 - \alpha w)\, p`, then the step of :func:`adam`. The decay ``w`` is not
    part of the gradient, so the running moments do not see it. ``reuse`` is that of :func:`adam`.

    >>> optimizer = adamw(0.1, weight_decay=0.5)
    >>> p = np.array([1.0, 1.0])
    >>> optimizer.step(p, np.array([5.0, -0.01]), optimizer.init(p))[0].round(6)
    array([0.85, 1.05])
    """
    learning_rate = require.number("learning_rate", learning_rate, above=0)
    beta1 = require.number("beta1", beta1, least=0, below=1)
    beta2 = require.number("beta2", beta2, least=0, below=1)
    epsilon = require.number("epsilon", epsilon, above=0)
    left = 1 - learning_rate * require.number("weight_decay", weight_decay, least=0)
    if left < 0:
        most = f"at most 1 / learning_rate = {1 / learning_rate:g}"
        require.refuse("weight_decay", most, f"{weight_decay:g}")

    def init(p):
        return AdamSlots(_zeros(p), _zeros(p), 0)

    def step(p, g, slots):
        _require(p, g)
        _require_slots("slots.m", require.kind("slots", slots, AdamSlots).m, p)
        _require_slots("slots.v", slots.v, p)
        t = require.count("slots.t", slots.t, least=0) + 1
        # The factor that makes a mean of v is taken out of the root, where it costs no array.
        root = math.sqrt((1 - beta2) / (1 - beta2**t))
        rate, small = learning_rate * (1 - beta1) / (1 - beta1**t) / root, epsilon / root

        def update(new_p, new_m, new_v, p, m, v, g, spare):
            np.multiply(m, beta1, out=new_m)
            new_m += g
            np.multiply(v, beta2, out=new_v)
            np.square(g, out=spare)
            new_v += spare
            np.sqrt(new_v, out=spare)
            spare += small
            np.divide(new_m, spare, out=spare)
            spare *= rate
            if weight_decay:
                p = np.multiply(p, left, out=new_p)
            np.subtract(p, spare, out=new_p)

        trees = [[x for _, x in tree.leaves(branch)] for branch in (p, slots.m, slots.v, g)]
        kept, _ = buffers.begin(reuse)
        *new, spare = kept.room(_room, tuple([(x.shape, x.dtype) for x in trees[0]]))
        for block, *leaves in zip(spare, *new, *trees, strict=True):
            _blockwise(update, block, *leaves)
        p, m, v = (_like(p, leaves) for leaves in new)
        return p, AdamSlots(m, v, t)

    return Optimizer(init, step)


def scheduled(make, schedule):
    """The optimiser ``make(rate)`` with the rate that ``schedule`` gives before every step.

    >>> optimizer = scheduled(sgd, step_decay(0.5, every=1, factor=0.1))
    >>> p, slots = np.array([1.0]), optimizer.init(np.array([1.0]))
    >>> for _ in range(2):
    ...     p, slots = optimizer.step(p, np.array([1.0]), slots)
    >>> p
    array([0.45])
    """
    require.function("make", make)
    require.function("schedule", schedule)

    def at(t):
        return require.kind("make(rate)", make(schedule(t)), Optimizer)

    def init(p):
        return ScheduledSlots(at(0).init(p), 0)

    def step(p, g, slots):
        slots, t = require.kind("slots", slots, ScheduledSlots)
        require.count("slots.t", t, least=0)
        p, slots = at(t).step(p, g, slots)
        return p, ScheduledSlots(slots, t + 1)

    return Optimizer(init, step)


def step_decay(learning_rate, every, factor):
    """The schedule that multiplies the rate by ``factor`` after every ``every`` steps.

    >>> [step_decay(1.0, every=2, factor=0.5)(t) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    learning_rate = require.number("learning_rate", learning_rate, above=0)
    every, factor = require.count("every", every), require.number("factor", factor, above=0)
    return lambda t: learning_rate * factor ** (_steps(t) // every)


def cosine(learning_rate, steps, least=0.0):
    r"""The schedule that falls along half a cosine to ``least`` in ``steps`` steps, and stays.

    :math:`\alpha_t = \alpha_- + (\alpha - \alpha_-)(1 + \cos(\pi t / T)) / 2`. An optimiser takes
    no step of rate zero, so with ``least=0`` training ends after ``steps`` steps.

    >>> [round(cosine(1.0, 4)(t), 3) for t in range(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """
    learning_rate = require.number("learning_rate", learning_rate, above=0)
    steps = require.count("steps", steps)
    least = require.number("least", least, least=0, most=learning_rate)

    def schedule(t):
        done = min(_steps(t), steps) / steps
        return least + (learning_rate - least) * (1 + math.cos(math.pi * done)) / 2

    return schedule


def warm_up(schedule, steps):
    """The schedule whose rate rises in ``steps`` equal steps to where ``schedule`` then starts.

    >>> [warm_up(cosine(1.0, 2), 3)(t) for t in range(6)]
    [0.25, 0.5, 0.75, 1.0, 0.5, 0.0]
    """
    require.function("schedule", schedule)
    steps = require.count("steps", steps)
    return lambda t: (
        schedule(0) * (t + 1) / (steps + 1) if _steps(t) < steps else schedule(t - steps)
    )


def clip_by_global_norm(g, max_norm):
    r"""Shrink ``g`` to the length ``max_norm`` if it is longer; return ``(g, norm before)``.

    All leaves are scaled by one factor, so the direction stays ([pascanu2013]).

    >>> clip_by_global_norm((np.array([3.0]), np.array([4.0])), 1.0)
    ((array([0.6]), array([0.8])), 5.0)
    """
    max_norm = require.number("max_norm", max_norm, above=0)
    for name, x in tree.leaves(g, "g"):
        require.floats(name, x)
    norm = tree.norm(g)
    if norm <= max_norm:
        return g, norm
    return tree.map(lambda x: x * (max_norm / norm), g), norm


def _zeros(p):
    for name, x in tree.leaves(p, "p"):
        require.floats(name, x)
    return tree.map(np.zeros_like, p)


def _steps(t):
    return require.count("t", t, least=0)


def _blockwise(update, spare, *arrays):
    """Run ``update`` on matching blocks of the arrays, which stay in cache from line to line.

    A block has the size of ``spare``, which goes to ``update`` last.
    """
    flat = [x.reshape(-1) for x in arrays]
    for start in range(0, len(flat[0]), len(spare)):
        *block, last = (x[start : start + len(spare)] for x in flat)
        update(*block, last, spare[: len(last)])


def _room(leaves, size=131072):
    """Room for Adam, each a list of arrays: parameters, their slots m and v, a block to spare."""
    trees = [[np.empty(*leaf) for leaf in leaves] for _ in range(3)]
    return *trees, [np.empty(min(x.size, size), x.dtype) for x in trees[0]]


def _like(p, leaves):
    """A tree of the structure of ``p``."""
    following = iter(leaves)
    return tree.map(lambda _: next(following), p)


def _require(p, g):
    """Finite parameters, and finite gradients, one for each of its shape and precision."""
    tree.like("g", g, p)
    for (name, d), (of, x) in zip(tree.leaves(g, "g"), tree.leaves(p, "p"), strict=True):
        _require_fit(name, require.floats(name, d), require.floats(of, x))


def _require_slots(name, slots, p):
    """What an optimiser remembers, an array for each parameter, of its shape and precision."""
    tree.like(name, slots, p)
    for (leaf, v), (_, x) in zip(tree.leaves(slots, name), tree.leaves(p), strict=True):
        _require_fit(leaf, require.array(leaf, v), x)


def _require_fit(name, a, x):
    require.shape(name, a, x.shape)
    if a.dtype != x.dtype:
        require.refuse(name, f"{x.dtype} like its parameter", a.dtype)
