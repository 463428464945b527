"""Malformed calls of data sets and batches."""

import numpy as np

from fnnlib import data, require
from fnnlib.data import files
from misuse.spoilt import RNG, f, free

IMAGES, LABELS = f(4, 3), np.arange(4)

CALLS = {
    "data.batches.minibatches": (
        lambda rng, size, epochs: data.minibatches(IMAGES, LABELS, size, rng, epochs),
        {"rng": RNG, "size": 2, "epochs": 2},
    ),
    "data.batches.split": (data.split, {"n": 10, "share": 0.2, "rng": RNG}),
    "data.digits.digits": (data.digits, {"dtype": np.float64}),
    "data.digits.rows": (data.rows, {"x": f(4, 64)}),
    "data.sentences.sentences": (data.sentences, {"rng": RNG, "n": 3}),
    "data.synthetic.house_prices": (
        data.house_prices, {"rng": RNG, "n": 3, "noise": 1.0, "dtype": np.float64}
    ),
    "data.synthetic.mackey_glass": (
        data.mackey_glass,
        {"steps": 5, "tau": 17, "start": 1.2, "substeps": 10, "dtype": np.float64},
    ),
    "data.synthetic.adding": (data.adding, {"rng": RNG, "T": 5, "B": 3, "dtype": np.float64}),
    "data.synthetic.copying": (
        data.copying, {"rng": RNG, "length": 2, "delay": 3, "B": 2, "symbols": 8}
    ),
}  # fmt: skip

# Changes of one array after which it still fits.
FREE = {
    "data.digits.rows": {"x": free(0, precision=True)},
}

# fmt: off
REFUSED = [
    (lambda: data.minibatches(f(4, 3), np.zeros(3, int), 2, RNG), ValueError,
     "y: expected 4 examples like axis 0 of x, got 3"),
    (lambda: data.minibatches(f(5, 4, 3), np.zeros(4, int), 2, RNG), ValueError,
     "y: expected 5 examples like axis 0 of x, got 4"),
    (lambda: data.minibatches(f(0, 3), np.zeros(0, int), 2, RNG), ValueError,
     "x: expected at least one example, got shape (0, 3)"),
    (lambda: data.minibatches(f(4, 3), np.zeros(4, int), 0, RNG), ValueError,
     "size: expected a whole number >= 1, got 0"),
    (lambda: data.minibatches(f(4, 3), np.zeros(4, int), 2.0, RNG), TypeError,
     "size: expected a whole number >= 1, got float 2.0"),
    (lambda: data.minibatches(f(4, 3), np.zeros(4, int), 2, 0), TypeError,
     "rng: expected Generator, got int"),
    (lambda: data.minibatches(f(4, 3), np.zeros(4, int), 2, RNG, epochs=0), ValueError,
     "epochs: expected a whole number >= 1, got 0"),
    (lambda: data.minibatches(f(4), np.zeros(4, int), 2, RNG, axis=1), ValueError,
     "x: expected 2 or more axes, got shape (4,)"),
    (lambda: data.minibatches(f(4, 3), np.zeros(4, int), 2, RNG, axis=-1), ValueError,
     "axis: expected 0 or 1, got -1"),
    (lambda: data.minibatches(f(4, 3), np.zeros(4, int), 2, RNG, axis=None), ValueError,
     "axis: expected 0 or 1, got None"),
    (lambda: data.minibatches(f(4, 3), [0] * 4, 2, RNG), TypeError,
     "y: expected a NumPy array, got list"),
    (lambda: data.digits(dtype=np.float16), ValueError,
     "dtype: expected np.float32 or np.float64, got <class 'numpy.float16'>"),
    (lambda: data.minibatches(f(4, 3), np.array(0), 2, RNG), ValueError,
     "y: expected 1 or more axes, got shape ()"),
    (lambda: data.minibatches(f(4, 3), np.zeros(4, int), 2, RNG, axis=True), ValueError,
     "axis: expected 0 or 1, got True"),
    (lambda: data.minibatches([[1.0]], np.zeros(1, int), 2, RNG), TypeError,
     "x: expected a NumPy array, got list"),
    (lambda: data.pad([]), ValueError, "sequences: expected at least one sequence, got none"),
    (lambda: data.pad(None), TypeError, "sequences: expected list, got NoneType"),
    (lambda: data.pad(f(3, 2)), TypeError, "sequences: expected list, got ndarray"),
    (lambda: data.pad([f(2), [1.0]]), TypeError,
     "sequences[1]: expected a NumPy array, got list"),
    (lambda: data.pad([np.array(1.0)]), ValueError,
     "sequences[0]: expected 1 or more axes, got shape ()"),
    (lambda: data.pad([np.array(["a"])]), ValueError,
     "sequences[0]: expected numbers or booleans, got <U1"),
    (lambda: data.pad([np.array([None])]), ValueError,
     "sequences[0]: expected numbers or booleans, got object"),
    (lambda: data.pad([f(2), f(2).astype("f4")]), ValueError,
     "sequences[1]: expected float64 like sequences[0], got float32"),
    (lambda: data.pad([f(2, 3), f(2, 4)]), ValueError,
     "sequences[1][t]: expected shape (3,), got (4,)"),
    (lambda: data.pad([f(0)]), ValueError,
     "sequences: expected a sequence that is not empty, got 1 empty ones"),
    (lambda: data.pad([f(2)], value="0"), TypeError, "value: expected a real number, got str"),
    (lambda: data.pad([f(2)], value=np.nan), require.NotFinite,
     "value: expected a finite number, got nan"),
    (lambda: data.pad([f(2)], value=None), TypeError,
     "value: expected a real number, got NoneType"),
    (lambda: data.pad([np.arange(2)], value=0.5), ValueError,
     "value: expected a number that int64 can hold, got 0.5"),
    (lambda: data.pad([np.arange(2, dtype=np.uint8)], value=300), ValueError,
     "value: expected a number that uint8 can hold, got 300"),
    (lambda: data.split(10, 0.0, RNG), ValueError,
     "share: expected a number > 0 and < 1, got 0.0"),
    (lambda: data.split(10, 0.01, RNG), ValueError,
     "share: expected both parts of 10 examples to be filled, got 0.01"),
    (lambda: data.split(1, 0.5, RNG), ValueError,
     "share: expected both parts of 1 examples to be filled, got 0.5"),
    (lambda: data.encode("the"), TypeError, "words: expected tuple, got str"),
    (lambda: data.encode(()), ValueError, "words: expected at least one word, got none"),
    (lambda: data.encode(("the", "cat")), ValueError,
     "words: expected words of the vocabulary, got 'cat'"),
    (lambda: data.encode((3,)), ValueError, "words: expected words of the vocabulary, got 3"),
    (lambda: data.encode((np.arange(2),)), ValueError,
     "words: expected words of the vocabulary, got array([0, 1])"),
    (lambda: data.mnist("nowhere", np.float16), ValueError,
     "dtype: expected np.float32 or np.float64, got <class 'numpy.float16'>"),
    (lambda: data.mnist(3), TypeError, "folder: expected a path, got int"),
    (lambda: data.california_housing("nowhere", "f8"), ValueError,
     "dtype: expected np.float32 or np.float64, got 'f8'"),
    (lambda: data.california_housing(None), TypeError, "folder: expected a path, got NoneType"),
    (lambda: files.fetch("MNIST", "nowhere"), TypeError,
     "source: expected data.files.Source, got str"),
    (lambda: data.house_prices(RNG, 3, noise=-1.0), ValueError,
     "noise: expected a number >= 0, got -1.0"),
    (lambda: data.mackey_glass(5, start=0.0), ValueError, "start: expected a number > 0, got 0.0"),
    (lambda: data.mackey_glass(5, tau=1, substeps=2), ValueError,
     "substeps: expected at least 3, to read the past, got 2"),
    (lambda: data.adding(RNG, 1, 3), ValueError, "T: expected at least two steps, got 1"),
    (lambda: data.copying(RNG, 2, 0, 2), ValueError,
     "delay: expected a whole number >= 1, got 0"),
    (lambda: data.rows(np.array(1.0)), ValueError, "x: expected 1 or more axes, got shape ()"),
    (lambda: data.rows(f(4, 63)), ValueError, "x: expected shape (4, 64), got (4, 63)"),
    (lambda: data.rows(f(64)), ValueError, "x: expected shape (64, 64), got (64,)"),
    (lambda: data.rows(f(4, 8, 8)), ValueError, "x: expected shape (4, 64), got (4, 8, 8)"),
]
# fmt: on
