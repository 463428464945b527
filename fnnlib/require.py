"""Refusals: bad input gets an error that names the argument, what was expected and what came.

A wrong kind of thing raises TypeError, a wrong value ValueError. Nothing is converted in silence.
"""

import cmath
import functools
import math
import numbers
import os
from pathlib import Path

import numpy as np

# complex128 rides along with float64 so that the complex-step check can run the library's own code.
PRECISION = {np.dtype("f4"): "float32", np.dtype("f8"): "float64", np.dtype("c16"): "float64"}


class NotFinite(ValueError):
    """An argument holds NaN or infinity."""


def refuse(name, expected, got, error=ValueError):
    """Raise ``error`` in the one form all refusals have.

    >>> refuse("x", "float32 or float64", "int64")
    Traceback (most recent call last):
    ValueError: x: expected float32 or float64, got int64
    """
    raise error(f"{name}: expected {expected}, got {got}")


def kind(name, x, cls):
    """Require ``x`` to be an instance of ``cls``, such as the Params of a module.

    >>> kind("p", 3, tuple)
    Traceback (most recent call last):
    TypeError: p: expected tuple, got int
    """
    if not isinstance(x, cls):
        refuse(name, _title(cls), _title(type(x)), TypeError)
    return x


def array(name, x, least=0):
    """Require a NumPy array with at least ``least`` axes.

    >>> array("x", [1.0])
    Traceback (most recent call last):
    TypeError: x: expected a NumPy array, got list
    """
    if not isinstance(x, np.ndarray) or isinstance(x, (np.matrix, np.ma.MaskedArray)):
        refuse(name, "a NumPy array", _title(type(x)), TypeError)
    if x.ndim < least:
        refuse(name, f"{least} or more axes", f"shape {x.shape}")
    return x


def floats(name, x):
    """Require finite float32 or float64 numbers on non-empty axes; return them as an array.

    >>> floats("x", np.arange(3))
    Traceback (most recent call last):
    ValueError: x: expected float32 or float64, got int64
    """
    x = _array(name, x)
    _plain(name, x.shape, x.dtype)
    if not cmath.isfinite(np.vdot(x, x)):
        _not_finite(name, x)
    return x


def arrays(table, checked=()):
    """Require finite float arrays of one precision whose axes agree; return the sizes by axis name.

    ``table`` maps an argument's name to ``(array, axes)``. An axis name means the same size
    everywhere; a first ``...`` stands for any leading axes, the same ones everywhere. Of the
    arrays named in ``checked``, finite float arrays by an earlier check, only the axes are new.

    >>> arrays({"x": (np.ones((5, 3)), "... D"), "W": (np.ones((3, 2)), "D H")})
    {'...': (5,), 'D': 3, 'H': 2}
    >>> arrays({"x": (np.ones((5, 3)), "B D"), "W": (np.ones((4, 2)), "D H")})
    Traceback (most recent call last):
    ValueError: W: expected shape (D, H) with D = 3, got (4, 2)
    """
    rows = []
    for name, (x, axes) in table.items():
        if type(x) is not np.ndarray:
            x = _array(name, x)
        rows.append((name, x.shape, x.dtype, axes))
    sizes = _agreed(tuple(rows))
    for name, (x, _) in table.items():
        if name not in checked and not cmath.isfinite(np.vdot(x, x)):
            _not_finite(name, np.asarray(x))
    return dict(sizes)


def number(name, x, *, above=-np.inf, least=-np.inf, below=np.inf, most=np.inf):
    """Return the finite real number ``x`` as a float within the stated limits.

    >>> number("learning_rate", -1.0, above=0)
    Traceback (most recent call last):
    ValueError: learning_rate: expected a number > 0, got -1.0
    """
    if isinstance(x, np.ndarray):
        x = x[()]  # an array of no axes is a number
    if not isinstance(x, numbers.Real) or isinstance(x, (bool, np.bool_)):
        refuse(name, "a real number", _title(type(x)), TypeError)
    try:
        value = float(x)
    except OverflowError:  # a whole number or a fraction beyond all floats
        value = math.inf
    if not math.isfinite(value):
        refuse(name, "a finite number", x, NotFinite)
    if not (above < value < below and least <= value <= most):
        limits = {">": above, ">=": least, "<": below, "<=": most}
        stated = [f"{sign} {limit:g}" for sign, limit in limits.items() if np.isfinite(limit)]
        refuse(name, f"a number {' and '.join(stated)}", x)
    return value


def count(name, x, least=1):
    """Return the whole number ``x >= least`` as an int.

    >>> count("T", 0)
    Traceback (most recent call last):
    ValueError: T: expected a whole number >= 1, got 0
    """
    if not isinstance(x, numbers.Integral) or isinstance(x, (bool, np.bool_)):
        refuse(name, f"a whole number >= {least}", f"{_title(type(x))} {x!r}", TypeError)
    if x < least:
        refuse(name, f"a whole number >= {least}", x)
    return int(x)


def generator(name, x):
    """Require a ``numpy.random.Generator``; randomness is passed in, never global.

    >>> generator("rng", 0)
    Traceback (most recent call last):
    TypeError: rng: expected Generator, got int
    """
    return kind(name, x, np.random.Generator)


def function(name, x):
    """Require something that can be called.

    >>> function("f", 3)
    Traceback (most recent call last):
    TypeError: f: expected a function, got int
    """
    if not callable(x):
        refuse(name, "a function", _title(type(x)), TypeError)
    return x


def path(name, x):
    """Return the path of a file or folder as a ``pathlib.Path``.

    >>> path("folder", 3)
    Traceback (most recent call last):
    TypeError: folder: expected a path, got int
    """
    if not isinstance(x, (str, os.PathLike)):
        refuse(name, "a path", _title(type(x)), TypeError)
    return Path(x)


def precision(name, x):
    """Return the dtype ``x`` names, float32 or float64.

    >>> precision("dtype", "f2")
    Traceback (most recent call last):
    ValueError: dtype: expected np.float32 or np.float64, got 'f2'
    """
    if not isinstance(x, (type, np.dtype)) or x not in (np.float32, np.float64):
        refuse(name, "np.float32 or np.float64", repr(x))
    return np.dtype(x)


def distribution(name, p):
    """Require finite rows over the last axis, at least zero, that sum to one up to rounding.

    >>> distribution("p", np.array([0.5, 0.6]))
    Traceback (most recent call last):
    ValueError: p: expected rows >= 0 that sum to one, got a row from 0.5 to 0.6 with sum 1.1
    """
    rows = p.reshape(-1, p.shape[-1])
    total, most = rows.dot(np.ones(rows.shape[1], rows.dtype)), np.finfo(rows.dtype).eps ** 0.5
    if not (abs(total - 1).max() <= most and rows.min() >= 0):  # so that NaN does not pass
        _not_finite(name, p)
        i = ((abs(total - 1) > most) | (rows.min(axis=-1) < 0)).argmax()
        got = f"a row from {rows[i].min():g} to {rows[i].max():g} with sum {total[i]:g}"
        refuse(name, "rows >= 0 that sum to one", got)
    return p


def shape(name, x, expected):
    """Require an array to have exactly the shape ``expected``.

    >>> shape("target", np.zeros(3), (2,))
    Traceback (most recent call last):
    ValueError: target: expected shape (2,), got (3,)
    """
    if x.shape != expected:
        refuse(name, f"shape {expected}", x.shape)
    return x


def labels(name, x, C):
    """Require a non-empty array of class indices, integers from 0 to C - 1.

    >>> labels("target", np.array([0, 3]), 3)
    Traceback (most recent call last):
    ValueError: target: expected class indices from 0 to 2, got 3
    """
    array(name, x)
    if x.dtype.kind not in "iu" or not x.dtype.isnative:
        refuse(name, "integer class indices", x.dtype)
    if x.size == 0:
        refuse(name, "no empty axis", f"shape {x.shape}")
    # As an unsigned number a negative one is huge: no less than what its sign bit stands for.
    if x.view(f"u{x.itemsize}").max() >= min(C, 1 << 8 * x.itemsize - (x.dtype.kind == "i")):
        refuse(name, f"class indices from 0 to {C - 1}", x.min() if x.min() < 0 else x.max())
    return x


def mask(name, x, expected):
    """Require a boolean array of the shape ``expected`` that selects something.

    >>> mask("mask", np.zeros(2, bool), (2,))
    Traceback (most recent call last):
    ValueError: mask: expected at least one True, got none
    """
    array(name, x)
    if x.dtype != bool:
        refuse(name, "booleans", x.dtype)
    shape(name, x, expected)
    if not x.any():
        refuse(name, "at least one True", "none")
    return x


def _array(name, x):
    """An array as it is, a number as an array of no axes; or the refusal of anything else."""
    if type(x) is np.ndarray:
        return x
    return array(name, np.asarray(x) if isinstance(x, (np.generic, float, complex)) else x)


def _plain(name, shape, dtype):
    if dtype not in PRECISION:
        refuse(name, "float32 or float64", dtype)
    if 0 in shape:
        refuse(name, "no empty axis", f"shape {shape}")


def _not_finite(name, x):
    """Refuse the first number that is not finite, if there is one."""
    finite = np.isfinite(x)
    if not finite.all():
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        refuse(name, "finite numbers", f"{x[where]} at index {where}", NotFinite)


@functools.lru_cache(maxsize=1024)  # a training loop asks the same again and again
def _agreed(table):
    """The sizes by axis name from rows (name, shape, dtype, axes), or the refusal of a row."""
    for name, shape, dtype, _ in table:
        _plain(name, shape, dtype)
    sizes = {}
    leader, _, first, _ = table[0]
    for name, shape, dtype, axes in table:
        if PRECISION[dtype] != PRECISION[first]:
            refuse(name, f"{PRECISION[first]} like {leader}", dtype)
        _bind(name, shape, axes.split(), sizes)
    return sizes


def _bind(name, shape, axes, sizes):
    """Enter the axes' sizes into ``sizes``, or refuse a shape that contradicts what is known."""
    found = shape
    if axes[0] == "...":
        cut = len(shape) - len(axes) + 1
        found = (shape[:cut], *shape[cut:])
    known = dict(sizes)
    if len(found) != len(axes) or any(
        sizes.setdefault(axis, size) != size for axis, size in zip(axes, found, strict=True)
    ):
        given = ", ".join(
            f"{axis} = {known[axis]}" for axis in dict.fromkeys(axes) if axis in known
        )
        text = f"shape ({', '.join(axes)}{',' * (len(axes) == 1)})"
        refuse(name, f"{text} with {given}" if given else text, shape)


def _title(cls):
    package, _, module = cls.__module__.partition(".")
    return f"{module}.{cls.__name__}" if package == "fnnlib" else cls.__name__
