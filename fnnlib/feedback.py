r"""A net whose output is fed back into its first hidden layer, and the fixed point it tends to.

.. math::

   c &= \sigma(x W_1 + b_1), \\
   u_k &= c + y_{k-1} R, \quad y_{-1} = 0, \\
   v_k &= \sigma(u_k W_2 + b_2), \qquad y_k = \psi(v_k W_3 + b_3), \qquad k = 0 \dots K.

Pass 0 is the plain net. In each of the K passes after it, the first hidden layer is what the input
makes it *plus* the latest output through R, and the two layers above are computed again. With
:math:`R = I` (as many units in the first layer as outputs) the first pass is
:math:`h_1 \leftarrow h_1 + y`. Later passes add to c, not to the sum of the pass before. That sum
would grow with every pass, while this net has a fixed point :math:`y = F(y)`. The output
:math:`\psi` is ``"sigmoid"`` or ``"affine"`` (none).

Conventions: rows are examples. ``x`` is ``(B, D)``; ``y`` is ``(K + 1, B, C)``, the output of every
pass. All arrays are float32, or all are float64. Malformed arguments raise ValueError or TypeError
naming the argument. Sources: [jordan1986] for feeding outputs back, [pineda1987] for the gradient
at a fixed point.
"""

from typing import NamedTuple

import numpy as np

from fnnlib import require
from fnnlib.activations import sigmoid

OUTPUTS = {"sigmoid": 1 / 4, "affine": 1.0}  # by name, the steepest slope


class NotConverged(RuntimeError):
    """The passes did not come to rest."""


class Params(NamedTuple):
    """Weights, biases and the feedback matrix R; also the shape of their gradients."""

    W1: np.ndarray  # (D, H1)
    b1: np.ndarray  # (H1,)
    R: np.ndarray  # (C, H1)
    W2: np.ndarray  # (H1, H2)
    b2: np.ndarray  # (H2,)
    W3: np.ndarray  # (H2, C)
    b3: np.ndarray  # (C,)


class Cache(NamedTuple):
    """What the backward passes need."""

    p: Params
    x: np.ndarray  # (B, D)
    output: str
    c: np.ndarray  # (B, H1): the first layer without feedback
    v: np.ndarray  # (K + 1, B, H2), or (1, B, H2) at a fixed point
    y: np.ndarray  # one more: y[k] is fed back into the pass that gives y[k + 1]


def init(rng, D, H1, H2, C, dtype=np.float64):
    """Random weights of variance one over their number of inputs; zero biases.

    >>> init(np.random.default_rng(0), 5, 4, 3, 2).R.shape
    (2, 4)
    """
    require.generator("rng", rng)
    D, H1, H2, C = (
        require.count(name, n) for name, n in {"D": D, "H1": H1, "H2": H2, "C": C}.items()
    )
    dtype = require.precision("dtype", dtype)

    def weights(m, n):
        return (rng.normal(size=(m, n)) / np.sqrt(m)).astype(dtype)

    b1, b2, b3 = (np.zeros(n, dtype) for n in (H1, H2, C))
    return Params(weights(D, H1), b1, weights(C, H1), weights(H1, H2), b2, weights(H2, C), b3)


def forward(p, x, K, output="sigmoid"):
    """The plain net and K passes with feedback; returns ``(y, cache)``, y ``(K + 1, B, C)``.

    >>> p = init(np.random.default_rng(0), 5, 4, 3, 2)
    >>> y, cache = forward(p, np.ones((6, 5)), K=3)
    >>> y.shape
    (4, 6, 2)
    """
    sizes, K = _require(p, x, output), require.count("K", K)
    B, H2, C = (sizes[axis] for axis in ("B", "H2", "C"))
    c, start, RW2 = _prepared(p, x)
    dtype = np.result_type(*p, x)
    y, v = np.zeros((K + 2, B, C), dtype), np.empty((K + 1, B, H2), dtype)
    for k in range(K + 1):
        v[k], y[k + 1] = _pass(p, y[k], start, RW2, output)
    return y[1:], Cache(p, x, output, c, v, y)


def backward(dy, cache):
    r"""Gradients ``(dp, dx)`` from ``dy`` of shape ``(K + 1, B, C)``.

    The adjoint :math:`\lambda_k = \partial L / \partial y_k` runs backward over the passes,

    .. math:: \lambda_k = dy_k + ((\lambda_{k+1} \odot \psi'_{k+1}) W_3^\top \odot \sigma'_{k+1})
              (R W_2)^\top.

    >>> p = init(np.random.default_rng(0), 5, 4, 3, 2)
    >>> y, cache = forward(p, np.ones((6, 5)), K=3)
    >>> dp, dx = backward(np.ones_like(y), cache)
    >>> dp.R.shape, dx.shape
    ((2, 4), (6, 5))
    """
    p, _, output, _, v, y = require.kind("cache", cache, Cache)
    require.arrays({"v": (v, "K+1 B H2"), "p.b3": (p.b3, "C"), "dy": (dy, "K+1 B C")})
    by_W3, by_RW2 = np.ascontiguousarray(p.W3.T), np.ascontiguousarray(np.dot(p.R, p.W2).T)
    d3, d2, carry = _slope(output, y[1:]), v * (1 - v), 0
    for k in reversed(range(len(v))):
        d3[k] *= dy[k] + carry
        d2[k] *= np.dot(d3[k], by_W3)
        carry = np.dot(d2[k], by_RW2)
    return _gradients(d3, d2, cache)


def contraction(p, output="sigmoid"):
    r"""A number q such that one pass brings any two outputs together by the factor q or less.

    :math:`q = \|R W_2\| \, \|W_3\| \, \max\sigma' \max\psi'` in spectral norms, where
    :math:`\max\sigma' = 1/4`. For :math:`q < 1` there is exactly one fixed point, and the outputs
    tend to it from any start, :math:`\|y_k - y\| \le q^k \|y_0 - y\|` for each example. A larger q
    decides nothing.

    >>> p = init(np.random.default_rng(0), 5, 4, 3, 2)
    >>> contraction(p) == contraction(p, "affine") / 4 < 1
    True
    """
    _require_params(p, output)
    norms = np.linalg.norm(np.dot(p.R, p.W2), 2) * np.linalg.norm(p.W3, 2)
    return float(norms / 4 * OUTPUTS[output])


def fixed_point(p, x, output="sigmoid", tolerance=None, most=1000):
    """Repeat the pass until the output rests; returns ``(y, cache)`` with y ``(B, C)``.

    It rests when no entry changes by more than ``tolerance`` times the largest entry, or times one
    if all are smaller; by default, 16 roundings. NotConverged is raised after ``most`` passes.

    >>> p = init(np.random.default_rng(0), 5, 4, 3, 2)
    >>> y, _ = fixed_point(p, np.ones((6, 5)))
    >>> passes, _ = forward(p, np.ones((6, 5)), K=50)
    >>> bool(abs(passes[-1] - y).max() < 1e-14)
    True
    """
    sizes, most = _require(p, x, output), require.count("most", most)
    c, start, RW2 = _prepared(p, x)
    if tolerance is None:
        tolerance = 16 * np.finfo(x.dtype).eps
    tolerance = require.number("tolerance", tolerance, above=0)
    y = np.zeros((sizes["B"], sizes["C"]), x.dtype)
    for _ in range(most):
        before = y
        v, y = _pass(p, y, start, RW2, output)
        change = abs(y - before).max() / max(1, abs(y).max())
        if change <= tolerance:
            return y, Cache(p, x, output, c, v[None], np.stack([y, y]))
    raise NotConverged(
        f"after {most} passes the output still changes by {change:.1e}, above {tolerance:.1e}; "
        f"the contraction factor is at most {contraction(p, output):.3g}"
    )


def fixed_point_backward(dy, cache):
    r"""Gradients ``(dp, dx)`` of a fixed point from ``dy`` ``(B, C)``, by the implicit function.

    With J the Jacobian of one pass for one example, :math:`J_{ij} = \partial F_j / \partial y_i`,
    the adjoint solves :math:`(I - J) \lambda = dy`. No pass is remembered but the last. ValueError
    where the fixed point has no gradient because I - J is singular; a contraction never is.

    >>> p = init(np.random.default_rng(0), 5, 4, 3, 2)
    >>> y, cache = fixed_point(p, np.ones((6, 5)))
    >>> dp, dx = fixed_point_backward(np.ones_like(y), cache)
    >>> passes, unrolled = forward(p, np.ones((6, 5)), K=50)
    >>> last = np.concatenate([np.zeros_like(passes[1:]), np.ones_like(passes[:1])])
    >>> bool(abs(backward(last, unrolled)[0].R - dp.R).max() < 1e-14)
    True
    """
    p, _, output, _, v, y = require.kind("cache", cache, Cache)
    if len(v) != 1:
        require.refuse("cache", "the cache of fixed_point", f"that of {len(v)} passes")
    require.arrays({"v": (v[0], "B H2"), "p.b3": (p.b3, "C"), "dy": (dy, "B C")})
    d3, d2 = _slope(output, y[1:]), v * (1 - v)
    J = np.dot(np.dot(p.R, p.W2) * d2[0][:, None], p.W3) * d3[0][:, None]  # (B, C, C)
    try:
        lam = np.linalg.solve(np.eye(len(p.b3), dtype=J.dtype) - J, dy[..., None])[..., 0]
    except np.linalg.LinAlgError:
        require.refuse("cache", "a fixed point where I - J can be inverted", "a singular one")
    d3 *= lam
    d2 *= np.dot(d3, p.W3.T)
    return _gradients(d3, d2, cache)


def _prepared(p, x):
    """What the passes share: the first layer, its share of the second, and R W2 in one matrix."""
    c = sigmoid(np.dot(x, p.W1) + p.b1)
    return c, np.dot(c, p.W2) + p.b2, np.dot(p.R, p.W2)


def _pass(p, y, start, RW2, output):
    v = sigmoid(start + np.dot(y, RW2))
    z = np.dot(v, p.W3) + p.b3
    return v, sigmoid(z) if output == "sigmoid" else z


def _slope(output, y):
    return y * (1 - y) if output == "sigmoid" else np.ones_like(y)


def _gradients(d3, d2, cache):
    """Gradients from the adjoints of what enters the two upper layers, in all passes."""
    p, x, _, c, v, y = cache
    (H2, C), fed_back = p.W3.shape, y[:-1].reshape(-1, y.shape[-1])
    rows3, rows2, sum2 = d3.reshape(-1, C), d2.reshape(-1, H2), d2.sum(axis=0)
    dW3 = np.dot(v.reshape(-1, H2).T, rows3)
    by_fed_back = np.dot(fed_back.T, rows2)
    dW2 = np.dot(c.T, sum2) + np.dot(p.R.T, by_fed_back)
    d1 = np.dot(sum2, p.W2.T) * c * (1 - c)
    dp = Params(
        np.dot(x.T, d1), d1.sum(axis=0), np.dot(by_fed_back, p.W2.T), dW2, sum2.sum(axis=0),
        dW3, rows3.sum(axis=0),
    )  # fmt: skip
    return dp, np.dot(d1, p.W1.T)


def _axes(p):
    axes = "D H1", "H1", "C H1", "H1 H2", "H2", "H2 C", "C"
    return {f"p.{name}": pair for name, *pair in zip(p._fields, p, axes, strict=True)}


def _require_params(p, output):
    require.kind("p", p, Params)
    if not isinstance(output, str) or output not in OUTPUTS:
        require.refuse("output", f"one of {', '.join(OUTPUTS)}", repr(output))
    return require.arrays(_axes(p))


def _require(p, x, output):
    _require_params(p, output)
    return require.arrays({**_axes(p), "x": (x, "B D")})
