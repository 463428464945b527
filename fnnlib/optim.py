r"""Gradient descent with momentum, Adam, and clipping by the global norm.

An :class:`Optimizer` is a pair of functions: ``init(p)`` returns its slots (what it remembers),
and ``step(p, g, slots)`` returns ``(p, slots)`` after one update. Parameters ``p`` and gradients
``g`` are trees of one structure; nothing is changed in place, and every array keeps its dtype.
Gradients of another structure, shape or dtype, or that are not finite, raise ValueError.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fnnlib import require, tree


class Optimizer(NamedTuple):
    """An update rule as two pure functions."""

    init: Callable  # p -> slots
    step: Callable  # (p, g, slots) -> (p, slots)


class AdamSlots(NamedTuple):
    """What Adam remembers: decaying sums of the gradients and of their squares, and the step."""

    m: tuple
    v: tuple
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
        return tree.map(np.zeros_like, p)

    def step(p, g, slots):
        _require(p, g)
        tree.like("slots", slots, p)
        slots = tree.map(lambda v, g: momentum * v + g, slots, g)
        return tree.map(lambda p, v: p - learning_rate * v, p, slots), slots

    return Optimizer(init, step)


def adam(learning_rate, beta1=0.9, beta2=0.999, epsilon=1e-8):
    r"""Adam ([kingma2015]): steps scaled by running moments of the gradient.

    With :math:`m` and :math:`v` the running means of :math:`g` and :math:`g^2`, each divided by
    :math:`1 - \beta^t` because they start at zero,
    :math:`p \leftarrow p - \alpha\, \hat m / (\sqrt{\hat v} + \epsilon)`.

    >>> optimizer = adam(0.1)
    >>> p = np.array([1.0, 1.0])
    >>> optimizer.step(p, np.array([5.0, -0.01]), optimizer.init(p))[0].round(6)
    array([0.9, 1.1])
    """
    learning_rate = require.number("learning_rate", learning_rate, above=0)
    beta1 = require.number("beta1", beta1, least=0, below=1)
    beta2 = require.number("beta2", beta2, least=0, below=1)
    epsilon = require.number("epsilon", epsilon, above=0)

    def init(p):
        return AdamSlots(tree.map(np.zeros_like, p), tree.map(np.zeros_like, p), 0)

    def step(p, g, slots):
        _require(p, g)
        tree.like("slots.m", require.kind("slots", slots, AdamSlots).m, p)
        t = slots.t + 1
        m = tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, slots.m, g)
        v = tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, slots.v, g)
        rate, correction = learning_rate / (1 - beta1**t), math.sqrt(1 - beta2**t)

        def update(p, m, v):
            return p - rate * m / (np.sqrt(v) / correction + epsilon)

        return tree.map(update, p, m, v), AdamSlots(m, v, t)

    return Optimizer(init, step)


def clip_by_global_norm(g, max_norm):
    r"""Shrink ``g`` to the length ``max_norm`` if it is longer; return ``(g, norm before)``.

    All leaves are scaled by one factor, so the direction stays ([pascanu2013]).

    >>> clip_by_global_norm((np.array([3.0]), np.array([4.0])), 1.0)
    ((array([0.6]), array([0.8])), 5.0)
    """
    max_norm = require.number("max_norm", max_norm, above=0)
    _require(g, g)
    norm = tree.norm(g)
    if norm <= max_norm:
        return g, norm
    return tree.map(lambda x: x * (max_norm / norm), g), norm


def _require(p, g):
    """Finite gradients, one for each parameter, of its shape and precision."""
    tree.like("g", g, p)
    for (name, d), (_, x) in zip(tree.leaves(g, "g"), tree.leaves(p), strict=True):
        require.floats(name, d)
        require.shape(name, d, x.shape)
        if d.dtype != x.dtype:
            require.refuse(name, f"{x.dtype} like its parameter", d.dtype)
