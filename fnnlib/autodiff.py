"""Reverse-mode automatic differentiation: gradients of a program, with no formula written by hand.

A :class:`Value` is an array that remembers what it was computed from. Every operation stores, for
each operand, how to turn the gradient of its result into that of the operand. :func:`vjp` runs the
operations backward, the last one first. It is slow and meant to be read; the tests compare every
backward pass of the library with it. Sources: [griewank2008], [baydin2018].
"""

import itertools
import numbers

import numpy as np

from fnnlib import require, tree

_serial = itertools.count()


class Value:
    """An array in a computation; arithmetic, ``@``, indexing and the methods make new ones."""

    __array_ufunc__ = None  # so that array + Value is left to Value

    def __init__(self, data, sources=()):
        """Hold ``data``; ``sources`` pairs each operand with the way its gradient is made."""
        self.data, self.serial = np.asarray(data), next(_serial)
        if self.data.dtype not in require.PRECISION:
            require.refuse("data", "float32 or float64", self.data.dtype)
        self.sources = [(v, back) for v, back in sources if isinstance(v, Value)]

    shape = property(lambda self: self.data.shape)

    def __add__(self, other):
        return Value(self.data + _data(other), [(self, lambda d: d), (other, lambda d: d)])

    def __mul__(self, other):
        a, b = self.data, _data(other)
        return Value(a * b, [(self, lambda d: d * b), (other, lambda d: d * a)])

    def __matmul__(self, other):
        return matmul(self, other)

    def __rmatmul__(self, other):
        return matmul(other, self)

    def __pow__(self, n):
        a = self.data
        return Value(a**n, [(self, lambda d: d * n * a ** (n - 1))])

    def __getitem__(self, at):
        def back(d):
            spread = np.zeros_like(self.data)
            np.add.at(spread, at, d)  # an entry that was read twice gets both gradients
            return spread

        return Value(self.data[at], [(self, back)])

    def sum(self, axis=None, keepdims=False):
        """Sum over an axis or over everything."""
        def back(d):
            d = d if keepdims or axis is None else np.expand_dims(d, axis)
            return np.broadcast_to(d, self.shape)

        return Value(self.data.sum(axis=axis, keepdims=keepdims), [(self, back)])

    def swapaxes(self, a, b):
        """Exchange two axes."""
        return Value(self.data.swapaxes(a, b), [(self, lambda d: d.swapaxes(a, b))])

    def reshape(self, *shape):
        """The same entries in another shape."""
        return Value(self.data.reshape(*shape), [(self, lambda d: d.reshape(self.shape))])

    __radd__, __rmul__ = __add__, __mul__
    __neg__ = lambda self: self * -1.0  # noqa: E731
    __sub__ = lambda self, other: self + -other  # noqa: E731
    __rsub__ = lambda self, other: -self + other  # noqa: E731
    __truediv__ = lambda self, other: self * other**-1.0  # noqa: E731
    __rtruediv__ = lambda self, other: self**-1.0 * other  # noqa: E731


def matmul(a, b):
    """Matrix product over the last two axes; leading axes are broadcast."""
    x, y = _data(a), _data(b)
    if min(np.ndim(x), np.ndim(y)) < 2 or x.shape[-1] != y.shape[-2]:
        require.refuse("a and b", "shapes (..., N, K) and (..., K, M)", f"{x.shape} and {y.shape}")
    return Value(x @ y, [
        (a, lambda d: d @ y.swapaxes(-1, -2)), (b, lambda d: x.swapaxes(-1, -2) @ d)
    ])  # fmt: skip


def exp(v):
    """Exponential."""
    y = np.exp(_value(v))
    return Value(y, [(v, lambda d: d * y)])


def log(v):
    """Natural logarithm."""
    return Value(np.log(_value(v)), [(v, lambda d: d / v.data)])


def tanh(v):
    """Hyperbolic tangent."""
    y = np.tanh(_value(v))
    return Value(y, [(v, lambda d: d * (1 - y * y))])


def relu(v):
    """Rectifier; its derivative at 0 is 0."""
    return Value(np.maximum(_value(v), 0), [(v, lambda d: d * (v.data > 0))])


def stack(values):
    """Values of one shape along a new first axis, such as the states of all steps."""
    def back_to(n):
        return lambda d: d[n]

    shapes = {np.shape(_data(v)) for v in require.kind("values", values, list)}
    if len(shapes) != 1:
        got = f"the shapes {sorted(shapes)}" if shapes else "none"
        require.refuse("values", "values of one shape", got)
    return Value(np.stack([_data(v) for v in values]),
                 [(v, back_to(n)) for n, v in enumerate(values)])


def vjp(f, args):
    """Run ``f(*args)`` on Values; return ``(out, back)``, where ``back(dout)`` gives the gradients.

    ``args`` is a tuple of trees of arrays, ``out`` and ``dout`` are trees of one structure, and the
    gradients have the structure of ``args``.

    >>> out, back = vjp(lambda x, y: (x * y).sum(), (np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    >>> float(out), back(np.array(1.0))
    (11.0, (array([3., 4.]), array([1., 2.])))
    """
    require.function("f", f)
    for name, x in tree.leaves(require.kind("args", args, tuple), "args"):
        require.floats(name, x)
    inputs = tree.map(Value, args)
    out = f(*inputs)
    for name, v in tree.leaves(out, "out"):
        require.kind(name, v, Value)

    def back(dout):
        gradients = {}
        tree.like("dout", dout, out)
        for (name, d), (_, v) in zip(tree.leaves(dout, "dout"), tree.leaves(out), strict=True):
            require.shape(name, require.floats(name, d), v.shape)
        tree.map(lambda v, d: _add(gradients, v, np.asarray(d)), out, dout)
        for v in sorted(_reachable(out), key=lambda v: -v.serial):  # every use of v before v
            for source, local in v.sources if v in gradients else ():
                _add(gradients, source, local(gradients[v]))
        return tree.map(lambda v: gradients.get(v, np.zeros_like(v.data)), inputs)

    return tree.map(lambda v: v.data, out), back


def _add(gradients, v, d):
    """Add a gradient, summed over the axes along which ``v`` was repeated."""
    d = d.sum(axis=tuple(range(d.ndim - v.data.ndim)))
    repeated = [n for n, size in enumerate(v.shape) if size == 1]
    d = d.sum(axis=tuple(repeated), keepdims=True).astype(v.data.dtype)
    gradients[v] = gradients[v] + d if v in gradients else d


def _reachable(out):
    found, waiting = set(), [v for _, v in tree.leaves(out)]
    while waiting:
        v = waiting.pop()
        if v not in found:
            found.add(v)
            waiting += [source for source, _ in v.sources]
    return found


def _value(v):
    return require.kind("v", v, Value).data


def _data(x):
    if isinstance(x, Value):
        return x.data
    if not isinstance(x, (np.ndarray, np.generic, numbers.Real)):
        require.refuse("operand", "a Value, an array or a number", type(x).__name__, TypeError)
    return x
