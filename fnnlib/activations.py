r"""Activation functions, their derivatives, and softmax with its backward pass.

Conventions: ``z`` is an array of any shape, float32 or float64; the result has its shape and dtype.
Softmax works over the last axis. Everything is finite, and accurate, up to :math:`|z| = 10^4`:
no exponential of a positive number is ever taken. A ``ValueError`` (``TypeError`` for what is not
an array) refuses integers, float16, NaN, infinity and empty arrays. Source: [goodfellow2016].
"""

import numpy as np

from fnnlib import require


def sigmoid(z):
    r"""Logistic function :math:`\sigma(z) = 1 / (1 + e^{-z})`, elementwise.

    >>> sigmoid(np.array([-1e4, 0.0, 1e4]))
    array([0. , 0.5, 1. ])
    """
    z = require.floats("z", z)
    e = _exp_minus_abs(z)
    return np.maximum(e, z >= 0) / (1 + e)  # 1 or e: the numerator is min(1, exp z)


def sigmoid_prime(z):
    r"""Derivative :math:`\sigma'(z) = \sigma(z)\,\sigma(-z)`, which keeps its digits in both tails.

    >>> sigmoid_prime(np.array([0.0, 1e4]))
    array([0.25, 0.  ])
    """
    e = _exp_minus_abs(require.floats("z", z))
    return e / (1 + e) ** 2


def tanh(z):
    r"""Hyperbolic tangent, elementwise.

    >>> tanh(np.array([-1e4, 0.0, 1e4]))
    array([-1.,  0.,  1.])
    """
    return np.tanh(require.floats("z", z))


def tanh_prime(z):
    r"""Derivative :math:`1 - \tanh^2 z = 4\,\sigma'(2z)`; the right side has no cancellation.

    >>> tanh_prime(np.array([0.0, 1e4]))
    array([1., 0.])
    """
    return 4 * sigmoid_prime(2 * require.floats("z", z))


def relu(z):
    r"""Rectifier :math:`\max(z, 0)`, elementwise.

    >>> relu(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    return np.maximum(require.floats("z", z), 0)


def relu_prime(z):
    r"""Derivative of the rectifier: 1 where ``z > 0``, else 0. At the kink it is 0 by convention.

    >>> relu_prime(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 1.])
    """
    z = require.floats("z", z)
    return (z > 0).astype(z.dtype)


def leaky_relu(z, slope=0.01):
    r"""Leaky rectifier: ``z`` where ``z > 0``, else ``slope * z``, with :math:`0 \le slope < 1`.

    >>> leaky_relu(np.array([-2.0, 3.0]), slope=0.1)
    array([-0.2,  3. ])
    """
    slope = require.number("slope", slope, least=0, below=1)
    z = require.floats("z", z)
    return np.maximum(z, slope * z)


def leaky_relu_prime(z, slope=0.01):
    r"""Derivative of the leaky rectifier: 1 where ``z > 0``, else ``slope`` (at the kink too).

    >>> leaky_relu_prime(np.array([-2.0, 0.0, 3.0]), slope=0.1)
    array([0.1, 0.1, 1. ])
    """
    slope = require.number("slope", slope, least=0, below=1)
    z = require.floats("z", z)
    return np.where(z > 0, 1, slope).astype(z.dtype)


def softplus(z):
    r"""Smooth rectifier :math:`\log(1 + e^z) = \max(z, 0) + \log(1 + e^{-|z|})`, elementwise.

    >>> softplus(np.array([-1e4, 1e4]))
    array([    0., 10000.])
    """
    z = require.floats("z", z)
    return np.maximum(z, 0) + np.log1p(_exp_minus_abs(z))


def softplus_prime(z):
    r"""Derivative of softplus: the sigmoid.

    >>> softplus_prime(np.array([0.0]))
    array([0.5])
    """
    return sigmoid(z)


def softmax(z):
    r"""Probabilities :math:`p_k = e^{z_k} / \sum_j e^{z_j}` over the last axis.

    >>> softmax(np.array([[1e4, 1e4, -1e4]]))
    array([[0.5, 0.5, 0. ]])
    """
    e = np.exp(_below_maximum(z))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(dp, p):
    r"""Gradient of the logits from ``dp``, with ``p`` the output of :func:`softmax`.

    :math:`dz_k = p_k (dp_k - \sum_j dp_j\, p_j)`, shapes ``(..., C)``. ValueError if ``p`` is no
    distribution.

    >>> softmax_backward(np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    array([ 0.25, -0.25])
    """
    require.arrays({"p": (p, "... C"), "dp": (dp, "... C")})
    require.distribution("p", p)
    return p * (dp - (dp * p).sum(axis=-1, keepdims=True))


def log_softmax(z):
    r"""Log-probabilities :math:`z_k - \log \sum_j e^{z_j}` over the last axis, never infinite.

    >>> log_softmax(np.array([1e4, -1e4]))
    array([     0., -20000.])
    """
    z = _below_maximum(z)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def log_softmax_backward(dlogp, logp):
    r"""Gradient of the logits from ``dlogp``, with ``logp`` the output of :func:`log_softmax`.

    :math:`dz_k = dlogp_k - p_k \sum_j dlogp_j`, shapes ``(..., C)``. ValueError if ``exp(logp)``
    is no distribution.

    >>> log_softmax_backward(np.array([1.0, 0.0]), np.log(np.array([0.5, 0.5])))
    array([ 0.5, -0.5])
    """
    require.arrays({"logp": (logp, "... C"), "dlogp": (dlogp, "... C")})
    p = require.distribution("exp(logp)", np.exp(logp))
    return dlogp - p * dlogp.sum(axis=-1, keepdims=True)


# What a layer may name as its activation: the function and its derivative.
ELEMENTWISE = {
    "sigmoid": (sigmoid, sigmoid_prime),
    "tanh": (tanh, tanh_prime),
    "relu": (relu, relu_prime),
    "leaky_relu": (leaky_relu, leaky_relu_prime),
    "softplus": (softplus, softplus_prime),
}


def _exp_minus_abs(z):
    """exp(-abs(z)), at most 1. Complex numbers are ordered by real part: a complex step passes."""
    return np.exp(np.minimum(z, -z))


def _below_maximum(z):
    """The logits shifted so that the largest of each row is 0; their differences stay."""
    require.arrays({"z": (z, "... C")})
    return z - z.max(axis=-1, keepdims=True)
