r"""Activation functions, their derivatives and backward passes, and softmax with its own.

Conventions: ``z`` is an array of any shape, float32 or float64; the result has its shape and dtype.
Softmax works over the last axis. Everything is finite, and accurate, up to :math:`|z| = 10^4`:
no exponential overflows. A ``ValueError`` (``TypeError`` for what is not an array) refuses
integers, float16, NaN, infinity and empty arrays. Source: [goodfellow2016].

A derivative ``f_prime(z)`` keeps its digits in the tails. ``f_backward(dy, y)`` turns ``dy``, the
gradient of the output ``y``, into that of ``z`` from the output alone, so that a net need not keep
``z``; its rounding is relative to ``dy``. ``out`` is an array for the result, of its shape and
dtype, as in NumPy; it may be one of the arguments.
"""

import functools

import numpy as np

from fnnlib import require


def sigmoid(z, out=None):
    r"""Logistic function :math:`\sigma(z) = e^z / (1 + e^z) = 1 / (1 + e^{-z})`, elementwise.

    >>> sigmoid(np.array([-1e4, 0.0, 1e4]))
    array([0. , 0.5, 1. ])
    """
    z = require.floats("z", z)
    return _sigmoid(z, _room(out, z))


def sigmoid_prime(z):
    r"""Derivative :math:`\sigma'(z) = \sigma(z)\,\sigma(-z)`, which keeps its digits in both tails.

    >>> sigmoid_prime(np.array([0.0, 1e4]))
    array([0.25, 0.  ])
    """
    e = _exp_minus_abs(require.floats("z", z))
    return e / (1 + e) ** 2


def sigmoid_backward(dy, y, out=None):
    r"""Gradient of ``z`` from that of :math:`y = \sigma(z)`: :math:`dz = dy\, y (1 - y)`.

    >>> sigmoid_backward(np.array([1.0, 1.0]), np.array([0.5, 1.0]))
    array([0.25, 0.  ])
    """
    return _backward(_sigmoid_slope, dy, y, out)


def tanh(z, out=None):
    r"""Hyperbolic tangent, elementwise.

    >>> tanh(np.array([-1e4, 0.0, 1e4]))
    array([-1.,  0.,  1.])
    """
    z = require.floats("z", z)
    return np.tanh(z, out=_room(out, z))


def tanh_prime(z):
    r"""Derivative :math:`1 - \tanh^2 z = 4\,\sigma'(2z)`; the right side has no cancellation.

    >>> tanh_prime(np.array([0.0, 1e4]))
    array([1., 0.])
    """
    return 4 * sigmoid_prime(2 * require.floats("z", z))


def tanh_backward(dy, y, out=None):
    r"""Gradient of ``z`` from that of :math:`y = \tanh z`: :math:`dz = dy\, (1 - y^2)`.

    >>> tanh_backward(np.array([1.0, 1.0]), np.array([0.0, 0.5]))
    array([1.  , 0.75])
    """
    return _backward(_tanh_slope, dy, y, out)


def relu(z, out=None):
    r"""Rectifier :math:`\max(z, 0)`, elementwise.

    >>> relu(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    z = require.floats("z", z)
    return _relu(z, _room(out, z))


def relu_prime(z):
    r"""Derivative of the rectifier: 1 where ``z > 0``, else 0. At the kink it is 0 by convention.

    >>> relu_prime(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 1.])
    """
    z = require.floats("z", z)
    return (z > 0).astype(z.dtype)


def relu_backward(dy, y, out=None):
    r"""Gradient of ``z`` from that of :math:`y = \max(z, 0)`: ``dy`` where ``y > 0``, else 0.

    >>> relu_backward(np.array([1.0, 1.0]), np.array([0.0, 3.0]))
    array([0., 1.])
    """
    return _backward(_relu_slope, dy, y, out)


def leaky_relu(z, slope=0.01, out=None):
    r"""Leaky rectifier: ``z`` where ``z > 0``, else ``slope * z``, with :math:`0 \le slope < 1`.

    >>> leaky_relu(np.array([-2.0, 3.0]), slope=0.1)
    array([-0.2,  3. ])
    """
    slope = require.number("slope", slope, least=0, below=1)
    z = require.floats("z", z)
    return _leaky_relu(z, _room(out, z), slope)


def leaky_relu_prime(z, slope=0.01):
    r"""Derivative of the leaky rectifier: 1 where ``z > 0``, else ``slope`` (at the kink too).

    >>> leaky_relu_prime(np.array([-2.0, 0.0, 3.0]), slope=0.1)
    array([0.1, 0.1, 1. ])
    """
    slope = require.number("slope", slope, least=0, below=1)
    z = require.floats("z", z)
    return np.where(z > 0, 1, slope).astype(z.dtype)


def leaky_relu_backward(dy, y, slope=0.01, out=None):
    r"""Gradient of ``z`` from that of the leaky rectifier's ``y``, which has the sign of ``z``.

    >>> leaky_relu_backward(np.array([1.0, 1.0]), np.array([-0.2, 3.0]), slope=0.1)
    array([0.1, 1. ])
    """
    slope = require.number("slope", slope, least=0, below=1)
    return _backward(functools.partial(_leaky_relu_slope, slope=slope), dy, y, out)


def softplus(z, out=None):
    r"""Smooth rectifier :math:`\log(1 + e^z) = \max(z, 0) + \log(1 + e^{-|z|})`, elementwise.

    >>> softplus(np.array([-1e4, 1e4]))
    array([    0., 10000.])
    """
    z = require.floats("z", z)
    return _softplus(z, _room(out, z))


def softplus_prime(z):
    r"""Derivative of softplus: the sigmoid.

    >>> softplus_prime(np.array([0.0]))
    array([0.5])
    """
    return sigmoid(z)


def softplus_backward(dy, y, out=None):
    r"""Gradient of ``z`` from that of softplus: :math:`dz = dy\, (1 - e^{-y})`.

    >>> softplus_backward(np.array([1.0]), np.log(np.array([2.0])))
    array([0.5])
    """
    return _backward(_softplus_slope, dy, y, out)


def softmax(z, out=None):
    r"""Probabilities :math:`p_k = e^{z_k} / \sum_j e^{z_j}` over the last axis.

    >>> softmax(np.array([[1e4, 1e4, -1e4]]))
    array([[0.5, 0.5, 0. ]])
    """
    z = _logits(z)
    p = _below_maximum(z, _room(out, z))
    np.exp(p, out=p)
    return np.multiply(p, 1 / _total(p), out=p)


def softmax_backward(dp, p, out=None):
    r"""Gradient of the logits from ``dp``, with ``p`` the output of :func:`softmax`.

    :math:`dz_k = p_k (dp_k - \sum_j dp_j\, p_j)`, shapes ``(..., C)``. ValueError if ``p`` is no
    distribution.

    >>> softmax_backward(np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    array([ 0.25, -0.25])
    """
    require.arrays({"p": (p, "... C"), "dp": (dp, "... C")}, checked=("p", "dp"))
    require.distribution("p", p)
    with np.errstate(invalid="ignore", over="ignore"):
        paired = np.matmul(dp[..., None, :], p[..., None])[..., 0]  # quicker than einsum
    if not np.isfinite(paired).all():  # so it is wherever dp is not finite
        require.floats("dp", dp)
    room = _room(out, dp, p)
    slope = np.subtract(dp, paired, out=None if np.may_share_memory(room, p) else room)
    return np.multiply(p, slope, out=room)


def log_softmax(z):
    r"""Log-probabilities :math:`z_k - \log \sum_j e^{z_j}` over the last axis, never infinite.

    >>> log_softmax(np.array([1e4, -1e4]))
    array([     0., -20000.])
    """
    z = _below_maximum(_logits(z))
    z -= np.log(_total(np.exp(z)))
    return z


def log_softmax_backward(dlogp, logp):
    r"""Gradient of the logits from ``dlogp``, with ``logp`` the output of :func:`log_softmax`.

    :math:`dz_k = dlogp_k - p_k \sum_j dlogp_j`, shapes ``(..., C)``. ValueError if ``exp(logp)``
    is no distribution.

    >>> log_softmax_backward(np.array([1.0, 0.0]), np.log(np.array([0.5, 0.5])))
    array([ 0.5, -0.5])
    """
    require.arrays({"logp": (logp, "... C"), "dlogp": (dlogp, "... C")})
    p = require.distribution("exp(logp)", np.exp(logp))
    return dlogp - p * _total(dlogp)


# What a layer may name as its activation: the function and its derivative.
ELEMENTWISE = {
    "sigmoid": (sigmoid, sigmoid_prime),
    "tanh": (tanh, tanh_prime),
    "relu": (relu, relu_prime),
    "leaky_relu": (leaky_relu, leaky_relu_prime),
    "softplus": (softplus, softplus_prime),
}


def _sigmoid(z, out):
    # From 40 on the quotient is rounded to 1; where nothing is that large, nothing is clipped.
    e = np.exp(z if z.max() <= 40 else np.minimum(z, 40), out=out)
    return np.divide(e, 1 + e, out=e)


def _sigmoid_slope(y, out=None):
    slope = np.subtract(1, y, out=out)
    return np.multiply(slope, y, out=slope)


def _tanh_slope(y, out=None):
    slope = np.multiply(y, y, out=out)
    return np.subtract(1, slope, out=slope)


def _relu(z, out):
    return np.maximum(z, 0, out=out)


def _relu_slope(y, out=None):
    return np.greater(y, 0)  # as booleans, in an eighth or a quarter of the room


def _leaky_relu(z, out, slope=0.01):
    return np.maximum(z, slope * z, out=out)


def _leaky_relu_slope(y, out=None, slope=0.01):
    return np.positive(np.where(y > 0, 1, slope).astype(y.dtype), out=out)


def _softplus(z, out):
    return np.add(np.maximum(z, 0), np.log1p(_exp_minus_abs(z)), out=out)


def _softplus_slope(y, out=None):
    return np.negative(np.expm1(-y), out=out)


# The same without checks, for nets that made z themselves: the function of ``(z, out)``, and its
# derivative as a function of the output y and of where it is written.
KERNELS = {
    "sigmoid": (_sigmoid, _sigmoid_slope),
    "tanh": (np.tanh, _tanh_slope),
    "relu": (_relu, _relu_slope),
    "leaky_relu": (_leaky_relu, _leaky_relu_slope),
    "softplus": (_softplus, _softplus_slope),
}


def _backward(slope, dy, y, out):
    require.arrays({"y": (y, "..."), "dy": (dy, "...")})
    room = _room(out, dy, y)
    shared = np.may_share_memory(room, dy) or np.may_share_memory(room, y)
    return np.multiply(dy, slope(y, None if shared else room), out=room)


def _exp_minus_abs(z):
    """exp(-abs(z)), at most 1. Complex numbers are ordered by real part: a complex step passes."""
    return np.exp(np.minimum(z, -z))


def _logits(z):
    require.arrays({"z": (z, "... C")})
    return z


def _below_maximum(z, out=None):
    """The logits shifted so that the largest of each row is 0; their differences stay."""
    rows = z.reshape(-1, z.shape[-1])
    largest = rows[np.arange(len(rows)), rows.argmax(axis=1)]  # quicker than max for short rows
    return np.subtract(z, largest.reshape(*z.shape[:-1], 1), out=out)


def _total(x):
    """Sums over the last axis, which stays: a product with ones is quicker than sum."""
    return np.dot(x, _ones(x.shape[-1], x.dtype))[..., None]


@functools.lru_cache(maxsize=64)
def _ones(C, dtype):
    return np.ones(C, dtype)


def _room(out, *arrays):
    """An array for a result of the shape and dtype of ``arrays``: ``out``, or a fresh one."""
    dtype = np.result_type(*arrays)
    if out is None:
        return np.empty_like(arrays[0], dtype)
    require.shape("out", require.array("out", out), arrays[0].shape)
    if out.dtype != dtype:
        require.refuse("out", dtype, out.dtype)
    if not out.flags.writeable:
        require.refuse("out", "an array that can be written to", "a read-only one")
    return out
