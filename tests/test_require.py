"""Requirements: where their limits lie, what they let through, and what a refusal says."""

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from fnnlib import require, rnn

EPS = np.finfo(float).eps
HUGE = 10**400  # beyond all floats


def refused(error, message, call):
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error and str(caught.value) == message


# Numbers


@pytest.mark.parametrize("limits, inside, outside, stated", [
    ({"above": 0}, (5e-324, 1e300), (0, -0.0, -1), "> 0"),
    ({"least": 0}, (0, 1e300), (-5e-324, -1), ">= 0"),
    ({"below": 1}, (1 - EPS / 2, -1e300), (1, 2), "< 1"),
    ({"most": 1}, (1, -1e300), (1 + EPS, 2), "<= 1"),
    ({"above": 0, "most": 1}, (0.5, 1), (0, 1.5), "> 0 and <= 1"),
    ({"least": -1, "below": 1}, (-1, 0.5), (-1.5, 1), ">= -1 and < 1"),
])  # fmt: skip
def test_numbers_up_to_their_limits(limits, inside, outside, stated):
    for x in inside:
        assert require.number("x", x, **limits) == x
    for x in outside:
        message = f"x: expected a number {stated}, got {x}"
        refused(ValueError, message, lambda x=x: require.number("x", x, **limits))


@pytest.mark.parametrize("x", [2, 2.0, np.float32(2), np.int8(2), Fraction(2), np.array(2.0)])
def test_every_kind_of_real_number_comes_back_as_a_float(x):
    found = require.number("x", x)
    assert type(found) is float and found == 2


@pytest.mark.parametrize("x, kind", [
    (True, "bool"), (np.True_, None), (np.array(True), None), ("2", "str"), (None, "NoneType"),
    (2j, "complex"), (np.ones(1), "ndarray"), ([2.0], "list"),
])  # fmt: skip
def test_what_is_no_real_number(x, kind):
    kind = kind or type(np.True_).__name__
    refused(TypeError, f"x: expected a real number, got {kind}", lambda: require.number("x", x))


@pytest.mark.parametrize("x", [np.inf, -np.inf, np.nan, HUGE, -HUGE, Fraction(HUGE)])
def test_numbers_that_are_not_finite(x):
    message = f"x: expected a finite number, got {x}"
    refused(require.NotFinite, message, lambda: require.number("x", x))


@pytest.mark.parametrize("x", [3, np.int8(3), np.uint64(3)])
def test_whole_numbers(x):
    assert type(require.count("n", x)) is int and require.count("n", x) == 3
    assert require.count("n", x, least=3) == 3
    message = "n: expected a whole number >= 4, got 3"
    refused(ValueError, message, lambda: require.count("n", x, least=4))


@pytest.mark.parametrize("x", [3.0, True, np.True_, "3", None, np.array(3)])
def test_what_is_no_whole_number(x):
    message = f"n: expected a whole number >= 1, got {type(x).__name__} {x!r}"
    refused(TypeError, message, lambda: require.count("n", x))


# Arrays


def test_numbers_are_arrays_without_axes():
    for x in (2.0, np.float32(2), 2j):
        found = require.floats("x", x)
        assert found.shape == () and found == x
    assert require.arrays({"x": (2.0, "...")}) == {"...": ()}


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
def test_arrays_come_back_as_they_are(dtype):
    x = np.ones((2, 3), dtype)
    assert require.floats("x", x) is x and require.array("x", x, 2) is x
    assert require.shape("x", x, (2, 3)) is x


@pytest.mark.parametrize("x, kind", [
    ([1.0], "list"), (1, "int"), (None, "NoneType"),
    (np.asmatrix(np.ones((1, 1))), "matrix"), (np.ma.masked_array([1.0]), "MaskedArray"),
])  # fmt: skip
def test_what_is_no_array(x, kind):
    for call in (lambda: require.floats("x", x), lambda: require.arrays({"x": (x, "B")})):
        refused(TypeError, f"x: expected a NumPy array, got {kind}", call)


@pytest.mark.parametrize("dtype", ["f2", "i8", "?", "c8", "U1", ">f8"])
def test_other_precisions_are_refused(dtype):
    x = np.ones(2, dtype)
    for call in (lambda: require.floats("x", x), lambda: require.arrays({"x": (x, "B")})):
        refused(ValueError, f"x: expected float32 or float64, got {x.dtype}", call)


def test_a_number_of_axes_is_enough_or_too_small():
    refused(ValueError, "x: expected 2 or more axes, got shape (3,)",
            lambda: require.array("x", np.ones(3), 2))  # fmt: skip
    assert require.array("x", np.ones((3, 3, 3)), 2).ndim == 3


def test_an_empty_axis_is_refused_wherever_it_is():
    for shape in ((0,), (0, 2), (2, 0)):
        x, axes = np.ones(shape), "B D"[: 2 * len(shape) - 1]
        for call in (lambda x=x: require.floats("x", x),
                     lambda x=x, axes=axes: require.arrays({"x": (x, axes)})):  # fmt: skip
            refused(ValueError, f"x: expected no empty axis, got shape {shape}", call)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_first_number_that_is_not_finite_is_named(bad):
    x = np.ones((2, 3))
    x[1, 0] = x[1, 2] = bad
    message = f"x: expected finite numbers, got {bad} at index (1, 0)"
    refused(require.NotFinite, message, lambda: require.floats("x", x))
    table = {"y": (np.ones(3), "D"), "x": (x, "B D")}
    refused(require.NotFinite, message, lambda: require.arrays(table))
    assert require.arrays(table, checked=("x",)) == {"D": 3, "B": 2}


def test_numbers_whose_squares_overflow_are_finite():
    x = np.array([1e200, -1e308])
    assert require.floats("x", x) is x and require.arrays({"x": (x, "B")}) == {"B": 2}


def test_sizes_by_the_names_of_axes():
    x, y, z = np.ones((5, 4, 3)), np.ones((3, 2)), np.ones((5, 4, 2))
    assert require.arrays({"x": (x, "... D"), "y": (y, "D H"), "z": (z, "... H")}) == {
        "...": (5, 4), "D": 3, "H": 2,
    }  # fmt: skip
    assert require.arrays({"x": (np.ones(3), "... D")}) == {"...": (), "D": 3}
    assert require.arrays({"x": (np.ones((3, 3)), "D D")}) == {"D": 3}


@pytest.mark.parametrize("table, message", [
    ({"x": ((5, 3), "B D"), "y": ((4, 2), "D H")},
     "y: expected shape (D, H) with D = 3, got (4, 2)"),
    ({"x": ((5, 3), "B D"), "y": ((3, 5, 2), "D B")},
     "y: expected shape (D, B) with D = 3, B = 5, got (3, 5, 2)"),
    ({"x": ((5, 3), "B")}, "x: expected shape (B,), got (5, 3)"),
    ({"x": ((3, 2), "D D")}, "x: expected shape (D, D), got (3, 2)"),
    ({"x": ((5, 4, 3), "... D"), "y": ((5, 3), "... D")},
     "y: expected shape (..., D) with ... = (5, 4), D = 3, got (5, 3)"),
    ({"x": ((3,), "... T D")}, "x: expected shape (..., T, D), got (3,)"),
])  # fmt: skip
def test_axes_that_do_not_agree(table, message):
    arrays = {name: (np.ones(shape), axes) for name, (shape, axes) in table.items()}
    refused(ValueError, message, lambda: require.arrays(arrays))


def test_all_arrays_have_one_precision():
    single, double, complex_ = ((np.ones(2, dtype), "B") for dtype in ("f4", "f8", "c16"))
    refused(ValueError, "y: expected float64 like x, got float32",
            lambda: require.arrays({"x": double, "y": single}))  # fmt: skip
    refused(ValueError, "z: expected float32 like x, got float64",
            lambda: require.arrays({"x": single, "y": single, "z": double}))  # fmt: skip
    assert require.arrays({"x": double, "y": complex_}) == {"B": 2}


def test_whoever_changes_the_sizes_changes_their_own():
    table = {"x": (np.ones((2, 3)), "B D")}
    require.arrays(table)["B"] = 7
    assert require.arrays(table) == {"B": 2, "D": 3}


# Labels, distributions, masks


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "i8", "u8"])
@pytest.mark.parametrize("C", [1, 3, 128, 300])
def test_labels_from_zero_to_the_last_class(dtype, C):
    most = min(C - 1, np.iinfo(dtype).max)
    x = np.array([0, most], dtype)
    assert require.labels("y", x, C) is x
    expected = f"y: expected class indices from 0 to {C - 1}, got"
    if C <= np.iinfo(dtype).max:
        over = np.array([C, 0], dtype)
        refused(ValueError, f"{expected} {C}", lambda: require.labels("y", over, C))
    if dtype[0] == "i":
        under = np.array([most, -1, 0], dtype)
        refused(ValueError, f"{expected} -1", lambda: require.labels("y", under, C))


@pytest.mark.parametrize("x, message", [
    (np.ones(2), "y: expected integer class indices, got float64"),
    (np.ones(2, bool), "y: expected integer class indices, got bool"),
    (np.ones(2, ">i4" if sys.byteorder == "little" else "<i4"),
     "y: expected integer class indices, got "),
    (np.ones((2, 0), int), "y: expected no empty axis, got shape (2, 0)"),
])  # fmt: skip
def test_what_are_no_labels(x, message):
    with pytest.raises(ValueError) as caught:
        require.labels("y", x, 3)
    assert str(caught.value).startswith(message)


def test_labels_are_an_array():
    refused(TypeError, "y: expected a NumPy array, got list",
            lambda: require.labels("y", [0, 1], 3))  # fmt: skip


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 2, 3)])
def test_rows_that_sum_to_one_up_to_rounding(dtype, shape):
    p, slack = np.full(shape, 1 / 3, dtype), np.finfo(dtype).eps ** 0.5
    assert require.distribution("p", p) is p
    p.flat[-1] += p.dtype.type(0.9 * slack)
    assert require.distribution("p", p) is p
    p.flat[-1] += p.dtype.type(0.3 * slack)
    with pytest.raises(ValueError, match="^p: expected rows >= 0 that sum to one, got a row from"):
        require.distribution("p", p)


@pytest.mark.parametrize("row, got", [
    ([-0.25, 1.25], "-0.25 to 1.25 with sum 1"), ([0.5, 0.25], "0.25 to 0.5 with sum 0.75"),
    ([1.0, 1.0], "1 to 1 with sum 2"),
])  # fmt: skip
def test_the_row_that_is_no_distribution_is_named(row, got):
    message = f"p: expected rows >= 0 that sum to one, got a row from {got}"
    for p in ([row, [0.5, 0.5]], [[1.0, 0.0], row], [[0.25, 0.75], row, [2.0, 2.0]]):
        refused(ValueError, message, lambda p=p: require.distribution("p", np.array(p)))


def test_rows_at_the_limits_are_distributions():
    p = np.array([[1.0, 0.0], [0.5, 0.5 + 2.0**-26]])  # the root of the spacing at one is 2**-26
    assert require.distribution("p", p) is p
    message = "p: expected rows >= 0 that sum to one, got a row from 1 to 1 with sum 2"
    refused(ValueError, message, lambda: require.distribution("p", np.vstack([p, [1.0, 1.0]])))


def test_a_row_that_is_not_finite_is_no_distribution():
    p = np.array([[0.5, 0.5], [np.nan, 1.0]])
    refused(require.NotFinite, "p: expected finite numbers, got nan at index (1, 0)",
            lambda: require.distribution("p", p))  # fmt: skip


def test_masks():
    x = np.array([[False, True], [False, False]])
    assert require.mask("mask", x, (2, 2)) is x
    refused(ValueError, "mask: expected shape (4,), got (2, 2)",
            lambda: require.mask("mask", x, (4,)))  # fmt: skip
    refused(ValueError, "mask: expected booleans, got int64",
            lambda: require.mask("mask", x.astype(np.int64), (2, 2)))  # fmt: skip
    refused(ValueError, "mask: expected at least one True, got none",
            lambda: require.mask("mask", x[1], (2,)))  # fmt: skip
    refused(TypeError, "mask: expected a NumPy array, got list",
            lambda: require.mask("mask", [True], (1,)))  # fmt: skip


# All else


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precisions(dtype):
    for x in (dtype, np.dtype(dtype)):
        assert require.precision("dtype", x) == np.dtype(dtype)
        assert isinstance(require.precision("dtype", x), np.dtype)


@pytest.mark.parametrize("x", ["f4", float, int, np.float16, np.dtype("c16"), None, 4])
def test_what_is_no_precision(x):
    message = f"dtype: expected np.float32 or np.float64, got {x!r}"
    refused(ValueError, message, lambda: require.precision("dtype", x))


def test_kinds_are_named_as_a_reader_imports_them():
    p = rnn.init(np.random.default_rng(0), 3, 2)
    assert require.kind("p", p, rnn.Params) is p
    refused(TypeError, "p: expected rnn.Params, got tuple",
            lambda: require.kind("p", tuple(p), rnn.Params))  # fmt: skip
    refused(TypeError, "p: expected dict, got rnn.Params", lambda: require.kind("p", p, dict))


def test_functions_generators_and_paths():
    rng = np.random.default_rng(0)
    assert require.function("f", len) is len and require.generator("rng", rng) is rng
    for x in ("a/b", Path("a/b")):
        assert require.path("path", x) == Path("a/b") and isinstance(require.path("p", x), Path)
    refused(TypeError, "path: expected a path, got bytes", lambda: require.path("path", b"a"))
