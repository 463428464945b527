"""How a well-formed argument may be spoilt, and what the refusal must say after its name."""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from fnnlib.buffers import Buffers

RNG = np.random.default_rng(0)


def f(*shape):
    """Random numbers, or a single one."""
    return np.asarray(RNG.normal(size=shape))


class Maybe(NamedTuple):
    """An argument that may also be None."""

    value: object


class Way(NamedTuple):
    """One way to spoil an argument: what comes of it, and the refusal."""

    how: str
    spoilt: object
    error: type
    message: str  # how it begins, after "name: expected "


class Stranger(NamedTuple):
    """A tuple of no kind that the library knows."""

    W: object


def with_one(x, value):
    x = x.copy()
    x.flat[-1] = value
    return x


def floats(x):
    precision, kind = "float32 or float64, got ", "a NumPy array, got "
    last = tuple(n - 1 for n in x.shape)
    finite = "finite numbers, got {} at index " + str(last)
    return [
        Way("integers", np.ones(x.shape, int), ValueError, precision + "int64"),
        Way("booleans", x > 0, ValueError, precision + "bool"),
        Way("half", x.astype(np.float16), ValueError, precision + "float16"),
        Way("other endian", x.astype(">f8"), ValueError, precision + ">f8"),
        Way("text", x.astype(str), ValueError, precision + "<U"),
        Way("objects", x.astype(object), ValueError, precision + "object"),
        Way("NaN", with_one(x, np.nan), ValueError, finite.format("nan")),
        Way("infinity", with_one(x, -np.inf), ValueError, finite.format("-inf")),
        Way("empty", x[:0], ValueError, "no empty axis, got shape (0"),
        Way("a string", str(x), TypeError, kind + "str"),
        Way("nothing", None, TypeError, kind + "NoneType"),
        Way("masked", np.ma.masked_array(x), TypeError, kind + "MaskedArray"),
    ]


def labels(x):
    indices = "integer class indices, got "
    return [
        Way("floats", x.astype(float), ValueError, indices + "float64"),
        Way("booleans", x > 0, ValueError, indices + "bool"),
        Way("objects", x.astype(object), ValueError, indices + "object"),
        Way("other endian", x.astype(">i8"), ValueError, indices + ">i8"),
        Way("too large", x + 1000, ValueError, "class indices from 0 to "),
        Way("negative", with_one(x, -1), ValueError, "class indices from 0 to "),
        Way("empty", x[:0], ValueError, "no empty axis, got shape (0"),
        Way("list", x.tolist(), TypeError, "a NumPy array, got list"),
        Way("nothing", None, TypeError, "a NumPy array, got NoneType"),
    ]


def mask(x):
    return [
        Way("integers", x.astype(int), ValueError, "booleans, got int64"),
        Way("floats", x.astype(float), ValueError, "booleans, got float64"),
        Way("another axis", x[None], ValueError, "shape ("),
        Way("shorter", x[:-1], ValueError, "shape ("),
        Way("list", x.tolist(), TypeError, "a NumPy array, got list"),
        Way("a flag", True, TypeError, "a NumPy array, got bool"),
        Way("nothing", None, TypeError, "a NumPy array, got NoneType"),
    ]


def count(_):
    whole = "a whole number >= "
    return [
        Way("negative", -1, ValueError, whole),
        Way("float", 2.0, TypeError, whole),
        Way("NaN", np.nan, TypeError, whole),
        Way("text", "2", TypeError, whole),
        Way("flag", True, TypeError, whole),
        Way("complex", 2j, TypeError, whole),
        Way("array", np.array([2]), TypeError, whole),
        Way("list", [2], TypeError, whole),
        Way("nothing", None, TypeError, whole),
    ]


def number(_):
    real = "a real number, got "
    return [
        Way("NaN", np.nan, ValueError, "a finite number, got nan"),
        Way("infinity", -np.inf, ValueError, "a finite number, got -inf"),
        Way("text", "0.1", TypeError, real + "str"),
        Way("flag", True, TypeError, real + "bool"),
        Way("complex", 1j, TypeError, real + "complex"),
        Way("array", np.array([0.1, 0.2]), TypeError, real + "ndarray"),
        Way("list", [0.1], TypeError, real + "list"),
        Way("nothing", None, TypeError, real + "NoneType"),
    ]


def generator(_):
    kind = "Generator, got "
    return [
        Way("seed", 0, TypeError, kind + "int"),
        Way("module", np.random, TypeError, kind + "module"),
        Way("old generator", np.random.RandomState(0), TypeError, kind + "RandomState"),
        Way("nothing", None, TypeError, kind + "NoneType"),
    ]


def precision(_):
    wrong = {"half": np.float16, "whole": int, "name": "f8", "nothing": None, "complex": complex}
    expected = "np.float32 or np.float64, got "
    return [Way(how, x, ValueError, expected + repr(x)) for how, x in wrong.items()]


def flag(_):
    wrong = {"number": 1, "text": "yes", "array": np.array(True), "nothing": None}
    return [Way(how, x, TypeError, f"bool, got {_title(x)}") for how, x in wrong.items()]


def function(_):
    wrong = {"number": 1.0, "text": "tanh", "array": f(2), "nothing": None}
    return [Way(how, x, TypeError, f"a function, got {_title(x)}") for how, x in wrong.items()]


def reusable(_):
    wrong = {"number": 3, "dict": {}, "the class": Buffers, "array": f(2), "text": "reuse"}
    return [Way(how, x, TypeError, f"buffers.Buffers, got {_title(x)}") for how, x in wrong.items()]


def choice(_):
    wrong = {"other": "other", "upper case": "TANH", "number": 1, "nothing": None, "list": ["tanh"]}
    return [Way(how, x, ValueError, "one of ") for how, x in wrong.items()]


def kind(x):
    """Anything but the NamedTuple of the module, however much it looks like it."""
    wrong = {
        "plain tuple": tuple(x), "list": list(x), "dict": x._asdict(), "other": Stranger(x[0]),
        "alike": SimpleNamespace(**x._asdict()), "array": f(3), "nothing": None,
    }  # fmt: skip
    expected = f"{_module(x)}.{type(x).__name__}, got "
    return [Way(how, y, TypeError, expected + _title(y)) for how, y in wrong.items()]


def ways(x):
    """All ways to spoil ``x`` itself; a plain tuple has none but those of its entries."""
    if isinstance(x, Maybe):
        return [way for way in ways(x.value) if way.spoilt is not None]
    if isinstance(x, np.ndarray):
        return {"f": floats, "i": labels, "b": mask}[x.dtype.kind](x)
    if isinstance(x, tuple):
        return kind(x) if hasattr(x, "_fields") else []
    for cls, table in (
        (bool, flag), (int, count), (float, number), (str, choice), (type, precision),
        (np.random.Generator, generator), (Buffers, reusable),
    ):  # fmt: skip
        if isinstance(x, cls):
            return table(x)
    return function(x) if callable(x) else []


def parts(name, x):
    """``(dotted name, part, how to put another in its place)``: ``x``, and what it is made of.

    A cache and an optimiser are one piece: they come from the library and are handed back.
    """
    yield name, x, lambda new: new
    if not isinstance(x, tuple) or type(x).__name__.endswith(("Cache", "Maybe", "Optimizer")):
        return
    for i, key in enumerate(getattr(x, "_fields", range(len(x)))):
        for path, part, put in parts(f"{name}.{key}", x[i]):
            def instead(new, i=i, put=put):
                entries = *x[:i], put(new), *x[i + 1 :]
                return type(x)(*entries) if hasattr(x, "_fields") else entries

            yield path, part, instead


def changes(x):
    """Arrays with the numbers of ``x`` in another shape or precision, by what was done."""
    yield "more axes", x[None]
    yield "fewer axes", np.asarray(x[0])
    for axis in range(x.ndim):
        yield f"longer {axis}", np.concatenate([x, x], axis)
        if x.shape[axis] > 1:
            yield f"shorter {axis}", np.take(x, [0], axis)
    if x.dtype == np.float64:
        yield "single precision", x.astype(np.float32)


def free(*axes, rank=False, precision=False):
    """The changes after which an array still fits: nothing else has those axes."""
    return {
        *(f"{how} {axis}" for axis in axes for how in ("longer", "shorter")),
        *(("more axes", "fewer axes") if rank else ()),
        *(("single precision",) if precision else ()),
    }


def _module(x):
    return type(x).__module__.removeprefix("fnnlib.")


def _title(x):
    name = type(x).__name__
    return f"{_module(x)}.{name}" if "fnnlib" in type(x).__module__ else name
