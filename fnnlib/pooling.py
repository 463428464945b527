r"""Maximum and average over the windows of an image, with stride and padding.

.. math::

   y_{n,c,u,v} = \max_{i,j} x_{n,c,\,su+i-P,\,sv+j-P} \quad \text{or} \quad
   y_{n,c,u,v} = \frac{1}{K^2} \sum_{i,j} x_{n,c,\,su+i-P,\,sv+j-P}, \qquad 0 \le i, j < K.

Windows are squares of K rows and columns, at a distance of s, the stride; without a stride they
touch. Padding P adds rows and columns around the image: they count as zeros in an average and are
never the largest. It is at most K / 2, so that no window lies outside the image. Of equal
largest entries the first one, row by row, gets the whole gradient, as in PyTorch.

Conventions: ``x`` is ``(N, C, Y, X)``, that is N images of C channels with Y rows and X columns;
``y`` is ``(N, C, U, V)`` with :math:`U = \lfloor (Y + 2P - K) / s \rfloor + 1`, likewise V. Arrays
are float32, or all are float64. Malformed arguments raise ValueError or TypeError naming the
argument. Source: [lecun1998].
"""

from typing import NamedTuple

import numpy as np

from fnnlib import require


class AverageCache(NamedTuple):
    """What the backward pass of an average needs."""

    x: np.ndarray  # (N, C, Y, X)
    window: int
    stride: int
    padding: int


class MaxCache(NamedTuple):
    """What the backward pass of a maximum needs."""

    x: np.ndarray  # (N, C, Y, X)
    window: int
    stride: int
    padding: int
    first: np.ndarray  # (N, C, U, V): K i + j of the first largest entry of each window


def average_forward(x, window, stride=None, padding=0):
    """Averages of all windows; returns ``(y, cache)``.

    >>> average_forward(np.arange(16.0).reshape(1, 1, 4, 4), window=2)[0]
    array([[[[ 2.5,  4.5],
             [10.5, 12.5]]]])
    """
    K, s, P = _require(x, window, stride, padding)
    places = _places(_padded(x, P, 0), K, s)
    return sum(places) / K**2, AverageCache(x, K, s, P)


def average_backward(dy, cache):
    """Gradient ``dx`` from ``dy`` of shape ``(N, C, U, V)``: each entry of a window gets a share.

    >>> _, cache = average_forward(np.ones((1, 1, 3, 3)), window=2, stride=1)
    >>> average_backward(np.ones((1, 1, 2, 2)), cache)
    array([[[[0.25, 0.5 , 0.25],
             [0.5 , 1.  , 0.5 ],
             [0.25, 0.5 , 0.25]]]])
    """
    K = require.kind("cache", cache, AverageCache).window
    return _given_back(dy, cache, lambda place: dy / K**2)


def max_forward(x, window, stride=None, padding=0):
    """The largest entry of each window; returns ``(y, cache)``.

    >>> max_forward(np.arange(16.0).reshape(1, 1, 4, 4), window=2)[0]
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """
    K, s, P = _require(x, window, stride, padding)
    places = _places(_padded(x, P, -np.inf), K, s)
    y, first = places[0].copy(), np.zeros(places[0].shape, np.intp)
    for place, entry in enumerate(places):
        larger = entry.real > y.real  # an equal one comes too late
        np.copyto(y, entry, where=larger)
        first[larger] = place
    return y, MaxCache(x, K, s, P, first)


def max_backward(dy, cache):
    """Gradient ``dx`` from ``dy`` of shape ``(N, C, U, V)``: all of it to the first largest entry.

    >>> _, cache = max_forward(np.ones((1, 1, 3, 3)), window=2, stride=1)
    >>> max_backward(np.ones((1, 1, 2, 2)), cache)
    array([[[[1., 1., 0.],
             [1., 1., 0.],
             [0., 0., 0.]]]])
    """
    first = require.kind("cache", cache, MaxCache).first
    return _given_back(dy, cache, lambda place: dy * (first == place))


def _padded(x, P, value):
    return np.pad(x, ((0, 0), (0, 0), (P, P), (P, P)), constant_values=value)


def _places(padded, K, s):
    """For each place (i, j) of a window, row by row, a view of what all windows have there."""
    U, V = ((size - K) // s + 1 for size in padded.shape[2:])
    return [padded[..., i : i + s * U : s, j : j + s * V : s] for i, j in np.ndindex(K, K)]


def _given_back(dy, cache, share):
    """Add what each place of a window gets to the gradient of the entry that it had read."""
    x, K, s, P = cache[:4]
    N, C, Y, X, *_ = require.arrays({"x": (x, "N C Y X"), "dy": (dy, "N C U V")}).values()
    dpadded = np.zeros((N, C, Y + 2 * P, X + 2 * P), x.dtype)
    places = _places(dpadded, K, s)
    require.shape("dy", dy, places[0].shape)
    for place, entry in enumerate(places):
        entry += share(place)
    return dpadded[:, :, P : P + Y, P : P + X]


def _require(x, window, stride, padding):
    K = require.count("window", window)
    s = K if stride is None else require.count("stride", stride)
    P = require.count("padding", padding, least=0)
    sizes = require.arrays({"x": (x, "N C Y X")})
    if 2 * P > K:
        require.refuse("padding", f"at most half of the window of {K}", P)
    for axis in "YX":
        if K > sizes[axis] + 2 * P:
            require.refuse("window", f"at most {axis} + 2 padding = {sizes[axis] + 2 * P}", K)
    return K, s, P
