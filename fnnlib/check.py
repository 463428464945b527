"""Checks: a backward pass against a derivative computed without it.

The numeric oracles follow one random direction and so need a few forward passes, whatever the
number of parameters: a wrong entry anywhere changes the derivative along a random direction.
"""

import numbers

import numpy as np

from fnnlib import require, tree

# The largest accepted error, relative to the sum of the absolute terms of the directional
# derivative (which a lucky cancellation cannot make small).
TOLERANCE = {
    "formula": 1e-10,  # the library in double precision against a derived formula
    "difference_quotient": 1e-10,  # the same against a quotient taken with 110 digits
    "complex_step": 1e-13,
    "finite_difference": 1e-9,
    "float32": 1e-5,  # a backward pass in float32 against any of these in double precision
}


class CheckFailed(AssertionError):
    """A gradient and its independent derivative differ."""


def complex_step(f, args, direction):
    r"""Derivative of ``f(*args)`` along ``direction``: :math:`\mathrm{Im} f(x + i h d) / h`.

    ``f`` returns a number and must accept complex arrays; ``args`` and ``direction`` are trees of
    one structure. No difference is taken, so h may be tiny and the result has full precision
    ([squire1998]).

    >>> complex_step(lambda x: np.sum(x**3), (np.array([2.0]),), (np.array([1.0]),))
    12.0
    """
    h = 1e-100
    _require(f, args, direction)
    return float(np.imag(_number(f(*_moved(args, direction, 1j * h)))) / h)


def finite_difference(f, args, direction, h=1e-3):
    r"""Derivative of ``f(*args)`` along ``direction`` by central differences of fourth order.

    :math:`(8 (f_{+h} - f_{-h}) - (f_{+2h} - f_{-2h})) / 12h`, for functions that refuse complex
    numbers. Within ``2h`` of a kink the result is meaningless.

    >>> round(finite_difference(lambda x: np.sum(x**3), (np.array([2.0]),), (np.array([1.0]),)), 9)
    12.0
    """
    h = require.number("h", h, above=0)
    _require(f, args, direction)

    def at(k):
        return _number(f(*_moved(args, direction, k * h)))

    near, far = (at(k) - at(-k) for k in (1, 2))
    return float((8 * near - far) / (12 * h))


def gradient_check(forward, backward, args, rng, derivative=complex_step):
    """Check ``backward`` against the derivative of ``forward``; return the relative error.

    ``forward(*args)`` returns ``(out, cache)`` and ``backward(dout, cache)`` one gradient per
    argument, or the gradient itself when there is one argument. A random cotangent ``dout`` tests
    all outputs at once. CheckFailed names the argument whose gradient is wrong and gives both
    numbers.

    >>> from fnnlib import dense
    >>> rng = np.random.default_rng(0)
    >>> args = dense.init(rng, 3, 2), rng.normal(size=(4, 3))
    >>> gradient_check(dense.forward, dense.backward, args, rng) < TOLERANCE["complex_step"]
    True
    """
    require.generator("rng", rng)
    require.function("forward", forward)
    require.function("backward", backward)
    if derivative not in (complex_step, finite_difference):
        got = getattr(derivative, "__name__", type(derivative).__name__)
        require.refuse("derivative", "complex_step or finite_difference", got, TypeError)
    _require_floats("args", args)
    args = tree.map(np.asarray, args)
    result = forward(*args)
    if not isinstance(result, tuple) or len(result) != 2:
        require.refuse("forward", "a function that returns (out, cache)", _kind(result), TypeError)
    out, cache = result
    dout = tree.map(lambda y: np.asarray(rng.normal(size=np.shape(y)), y.dtype), out)
    gradients = backward(dout, cache)
    if len(args) == 1:
        gradients = (gradients,)
    direction = tree.map(lambda x: np.asarray(rng.normal(size=np.shape(x))), args)
    tree.map(_same_kind, args, gradients)
    bound = max(TOLERANCE[derivative.__name__], *(_bound(x) for _, x in tree.leaves(args)))

    def compare(direction):
        def f(*at):
            return tree.dot(forward(*at)[0], dout)

        ours, theirs = tree.dot(gradients, direction), derivative(f, args, direction)
        terms = tree.dot(tree.map(np.abs, gradients), tree.map(np.abs, direction))
        return ours, theirs, abs(ours - theirs) / max(terms, abs(theirs), np.finfo(float).tiny)

    ours, theirs, error = compare(direction)
    if not error <= bound:
        wrong = [name for name, only in _one_leaf_each(direction) if not compare(only)[2] <= bound]
        raise CheckFailed(
            f"backward gives {ours:.17g}, {derivative.__name__} {theirs:.17g}: relative error"
            f" {error:.1e} > {bound:.0e}; wrong in argument {', '.join(wrong)}"
        )
    return float(error)


def _require(f, args, direction):
    require.function("f", f)
    _require_floats("args", args)
    _require_floats("direction", direction)
    tree.like("direction", direction, args)
    for (name, d), (_, x) in zip(
        tree.leaves(direction, "direction"), tree.leaves(args), strict=True
    ):
        require.shape(name, np.asarray(d), np.shape(x))


def _require_floats(name, args):
    for leaf, x in tree.leaves(require.kind(name, args, tuple), name):
        require.floats(leaf, x)


def _number(y):
    if not isinstance(y, (np.ndarray, numbers.Number)) or np.shape(y):
        got = f"shape {y.shape}" if isinstance(y, np.ndarray) else type(y).__name__
        require.refuse("f", "a function that returns a number", got, TypeError)
    return y


def _kind(x):
    return f"a tuple of {len(x)}" if isinstance(x, tuple) else type(x).__name__


def _moved(args, direction, step):
    return tree.map(lambda x, d: x + step * np.asarray(d, np.float64), args, direction)


def _bound(x):
    return TOLERANCE["float32"] if x.dtype == np.float32 else 0.0


def _same_kind(x, g):
    g = np.asarray(g)
    if (g.shape, g.dtype) != (x.shape, x.dtype):
        raise CheckFailed(f"a gradient is {g.shape} {g.dtype}, its argument {x.shape} {x.dtype}")


def _one_leaf_each(direction):
    """The direction with all leaves but one set to zero, for each leaf by name."""
    for name, leaf in tree.leaves(direction):
        yield name, tree.map(lambda d, leaf=leaf: d if d is leaf else np.zeros_like(d), direction)
