r"""Holding parameters back: a penalty on their squares (L2), and freezing parts of a network.

Parameters are trees, see :mod:`fnnlib.tree`; a mask is True or False, or a tuple of masks, and
decides for all that is below it. Malformed arguments raise ValueError or TypeError naming the
argument. Source: [krogh1991].
"""

from typing import NamedTuple

import numpy as np

from fnnlib import optim, require, tree


class Cache(NamedTuple):
    """What the backward pass of the penalty needs."""

    p: np.ndarray | tuple  # a tree
    strength: float


def l2(p, strength):
    r"""The penalty :math:`\frac{\lambda}{2} \sum_i p_i^2` over all numbers of all leaves.

    Returns ``(loss, cache)``. ``strength`` is :math:`\lambda \ge 0`. To spare the biases, pass the
    weights alone.

    >>> float(l2((np.array([3.0]), np.array([4.0])), 2.0)[0])
    25.0
    """
    strength = require.number("strength", strength, least=0)
    for name, x in tree.leaves(p, "p"):
        require.floats(name, x)
    return strength / 2 * tree.dot(p, p), Cache(p, strength)


def l2_backward(dloss, cache):
    r"""Gradient ``dp``: :math:`\lambda p` times ``dloss``, a number.

    >>> l2_backward(1.0, l2((np.array([3.0]), np.array([4.0])), 2.0)[1])
    (array([6.]), array([8.]))
    """
    p, strength = require.kind("cache", cache, Cache)
    scale = require.number("dloss", dloss) * strength
    return tree.map(lambda x: scale * x, p)


def freeze(optimizer, trained):
    """An optimiser that changes only what the mask ``trained`` marks as True.

    The rest keeps its bits, whatever the optimiser remembers or decays. Its gradients are
    computed nonetheless; for a norm without them, ``tree.where(trained, g, zeros)``.

    >>> step = freeze(optim.sgd(1.0), (False, True)).step
    >>> step((np.ones(1), np.ones(1)), (np.ones(1), np.ones(1)), (np.zeros(1), np.zeros(1)))[0]
    (array([1.]), array([0.]))
    """
    require.kind("optimizer", optimizer, optim.Optimizer)
    for name, x in tree.leaves(trained, "trained"):
        if not isinstance(x, (bool, np.bool_)):
            require.refuse(name, "True, False or a tuple of these", type(x).__name__, TypeError)

    def step(p, g, slots):
        stepped, slots = optimizer.step(p, g, slots)
        return tree.where(trained, stepped, p), slots

    return optim.Optimizer(optimizer.init, step)
