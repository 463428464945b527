r"""Random weights ``(D, H)`` for a layer with D inputs and H units.

With independent weights of mean zero and variance v, a unit gets a variance of :math:`D\,v` times
the mean square of its inputs, and sends back :math:`H\,v` times that of its gradients. The choices
below of v keep one of the two, or a compromise, from growing or fading with the depth. What is
proved of this is in ``fnnlib.symbolic.derivations.init``. Malformed arguments raise ValueError or
TypeError naming the argument.
"""

import numpy as np

from fnnlib import require


def zeros(D, H, dtype=np.float64):
    """All weights zero. Units that start equal get equal gradients, so use it for biases only.

    >>> zeros(1, 2)
    array([[0., 0.]])
    """
    return np.zeros(_shape(D, H), require.precision("dtype", dtype))


def uniform(rng, D, H, variance, dtype=np.float64):
    r"""Uniform weights of the given variance: between :math:`-\sqrt{3v}` and :math:`\sqrt{3v}`.

    >>> bool(abs(uniform(np.random.default_rng(0), 30, 20, variance=3.0)).max() < 3)
    True
    """
    shape, dtype, variance = _shape(D, H), *_of(dtype, variance)
    limit = np.sqrt(3 * variance)
    return require.generator("rng", rng).uniform(-limit, limit, shape).astype(dtype)


def normal(rng, D, H, variance, dtype=np.float64):
    """Normal weights of the given variance.

    >>> normal(np.random.default_rng(0), 3, 2, variance=0.1).shape
    (3, 2)
    """
    shape, dtype, variance = _shape(D, H), *_of(dtype, variance)
    return (require.generator("rng", rng).normal(size=shape) * np.sqrt(variance)).astype(dtype)


def xavier(rng, D, H, dtype=np.float64):
    r"""Uniform weights of variance :math:`2 / (D + H)` ([glorot2010]).

    The two factors, :math:`Dv` forward and :math:`Hv` backward, then have the mean 1.

    >>> xavier(np.random.default_rng(0), 3, 2).shape
    (3, 2)
    """
    D, H = _shape(D, H)
    return uniform(rng, D, H, 2 / (D + H), dtype)


def he(rng, D, H, dtype=np.float64):
    r"""Normal weights of variance :math:`2 / D`, for inputs that passed a relu ([he2015]).

    Relu takes half of the mean square of a symmetric input, and the 2 gives it back.

    >>> he(np.random.default_rng(0), 3, 2).shape
    (3, 2)
    """
    D, H = _shape(D, H)
    return normal(rng, D, H, 2 / D, dtype)


def orthogonal(rng, D, H, dtype=np.float64):
    r"""Orthonormal rows (if :math:`D \le H`) or columns, uniform among all such ([saxe2014]).

    With orthonormal rows every input keeps its length, and so does every gradient on its way back
    through orthonormal columns. For square weights both hold.

    >>> Q = orthogonal(np.random.default_rng(0), 2, 3)
    >>> np.allclose(Q @ Q.T, np.eye(2))
    True
    """
    D, H = _shape(D, H)
    dtype = require.precision("dtype", dtype)
    tall = require.generator("rng", rng).normal(size=(max(D, H), min(D, H)))
    Q, R = np.linalg.qr(tall)
    Q = Q * np.sign(np.diag(R))  # else the signs are those of the algorithm
    return np.ascontiguousarray(Q if D >= H else Q.T, dtype)


def _shape(D, H):
    return require.count("D", D), require.count("H", H)


def _of(dtype, variance):
    variance = require.number("variance", variance, above=0, most=1e300)
    return require.precision("dtype", dtype), variance
