r"""Losses: squared error, and cross-entropy computed from logits.

Conventions: the last axis holds the outputs (or classes) of one position; all axes before it are
positions (examples, time steps). A loss is the mean over the positions, or over those a boolean
``mask`` of shape ``(...)`` selects, so that padded steps count for nothing. Every loss returns
``(loss, cache)``; its backward turns ``dloss``, a number, into the gradient of the first argument.
Targets and masks are data and have no gradient.

Arrays are float32, or all are float64. ValueError or TypeError refuses malformed shapes, NaN,
labels out of range, distributions that do not sum to one, and a mask that selects nothing.

With cross-entropy taken from logits all three have the same gradient,
:math:`(p - y) / n` with p the prediction, y the target and n the number of positions, which
is why one cache serves them all. Source: [goodfellow2016].
"""

import math
from typing import NamedTuple

import numpy as np

from fnnlib import activations, require


class Cache(NamedTuple):
    """What the backward pass of a loss needs."""

    prediction: np.ndarray  # (..., C)
    target: np.ndarray  # (..., C)
    weight: np.ndarray  # each position's share in the mean: one number, or (..., 1) with a mask


def squared_error(y_hat, target, mask=None):
    r"""Half the squared distance :math:`\frac12 \sum_k (\hat y_k - y_k)^2`, mean over positions.

    ``y_hat``, the prediction, and ``target``, :math:`y`, are ``(..., C)``.

    >>> float(squared_error(np.array([[3.0, 4.0]]), np.zeros((1, 2)))[0])
    12.5
    """
    require.arrays({"y_hat": (y_hat, "... C"), "target": (target, "... C")})
    weight = _weight(y_hat, mask)
    loss = _mean(((y_hat - target) ** 2).sum(axis=-1) / 2, mask)
    return loss, Cache(y_hat, target, weight)


def squared_error_backward(dloss, cache):
    r"""Gradient of ``y_hat``: :math:`(\hat y - y) / n` times ``dloss``.

    >>> squared_error_backward(1.0, squared_error(np.array([[3.0, 4.0]]), np.zeros((1, 2)))[1])
    array([[3., 4.]])
    """
    return _prediction_minus_target(dloss, cache)


def binary_cross_entropy(z, target, mask=None):
    r"""Cross-entropy of independent yes/no outputs from their logits ``z``, shape ``(..., C)``.

    :math:`-\sum_k y_k \log \sigma(z_k) + (1 - y_k) \log(1 - \sigma(z_k))`, mean over positions,
    computed as :math:`\max(z, 0) - z y + \log(1 + e^{-|z|})`: the logarithm of a rounded zero is
    never taken. ``target`` has the shape and dtype of ``z`` and lies in [0, 1].

    >>> float(binary_cross_entropy(np.array([[1e4]]), np.array([[0.0]]))[0])
    10000.0
    """
    require.arrays({"z": (z, "... C"), "target": (target, "... C")})
    if target.min() < 0 or target.max() > 1:
        require.refuse("target", "numbers in [0, 1]", f"{target.min():g} to {target.max():g}")
    weight = _weight(z, mask)
    small = activations.softplus(np.minimum(z, -z))
    loss = _mean((np.maximum(z, 0) - z * target + small).sum(axis=-1), mask)
    return loss, Cache(activations.sigmoid(z), target, weight)


def binary_cross_entropy_backward(dloss, cache):
    r"""Gradient of the logits: :math:`(\sigma(z) - y) / n` times ``dloss``.

    >>> cache = binary_cross_entropy(np.array([[0.0]]), np.array([[1.0]]))[1]
    >>> binary_cross_entropy_backward(1.0, cache)
    array([[-0.5]])
    """
    return _prediction_minus_target(dloss, cache)


def softmax_cross_entropy(z, target, mask=None):
    r"""Cross-entropy of one choice among C classes from the logits ``z``, shape ``(..., C)``.

    :math:`-\sum_k y_k \log p_k` with :math:`p = \mathrm{softmax}(z)`, mean over positions.
    ``target`` is either class indices, integers of shape ``(...)``, or distributions with the
    shape and dtype of ``z``.

    >>> float(softmax_cross_entropy(np.array([[1e4, 0.0]]), np.array([1]))[0])
    10000.0
    """
    logp = activations.log_softmax(z)  # refuses what are no logits
    if isinstance(target, np.ndarray) and target.dtype.kind in "iu":
        C = z.shape[-1]
        require.shape("target", target, z.shape[:-1])
        target = _one_hot(require.labels("target", target, C), C, z.real.dtype)
    else:
        require.arrays({"z": (z, "... C"), "target": (target, "... C")})
        require.distribution("target", target)
    weight = _weight(z, mask)
    return -np.vdot(target, weight * logp), Cache(np.exp(logp), target, weight)


def softmax_cross_entropy_backward(dloss, cache):
    r"""Gradient of the logits: :math:`(p - y) / n` times ``dloss``.

    >>> cache = softmax_cross_entropy(np.array([[0.0, 0.0]]), np.array([1]))[1]
    >>> softmax_cross_entropy_backward(1.0, cache)
    array([[ 0.5, -0.5]])
    """
    return _prediction_minus_target(dloss, cache)


def one_hot(labels, C, dtype=np.float64):
    """Distributions ``(..., C)`` that put all weight on ``labels``, integers of shape ``(...)``.

    >>> one_hot(np.array([1, 0]), 3)
    array([[0., 1., 0.],
           [1., 0., 0.]])
    """
    require.labels("target", labels, require.count("C", C))
    return _one_hot(labels, C, require.precision("dtype", dtype))


def _one_hot(labels, C, dtype):
    y = np.zeros((labels.size, C), dtype)
    y[np.arange(labels.size), labels.ravel()] = 1
    return y.reshape(*labels.shape, C)


def _prediction_minus_target(dloss, cache):
    prediction, target, weight = require.kind("cache", cache, Cache)
    return require.number("dloss", dloss) * weight * (prediction - target)


def _weight(z, mask):
    """Each position's share in the mean: one number, or with a mask shape ``(..., 1)``."""
    positions = z.shape[:-1]
    if mask is None:
        return z.real.dtype.type(1 / math.prod(positions))
    require.mask("mask", mask, positions)
    return (mask / mask.sum()).astype(z.dtype)[..., None]


def _mean(values, mask):
    values = values if mask is None else values[mask]
    return values.sum() / values.size
