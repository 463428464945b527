"""Malformed calls: each is refused, and the error names argument, expectation and what came.

The tables are in the package ``misuse``, one for each module. Left out are ``fnnlib.symbolic``,
whose refusals are of its own kind and have their own tests, and the parts that make pages.
"""

import importlib
import inspect
import pkgutil
import re
import traceback
from fractions import Fraction

import numpy as np
import pytest
from misuse import CALLS, FREE, REFUSED
from misuse.spoilt import Maybe, changes, parts, ways

import fnnlib
from fnnlib import require

OWN = "fnnlib.symbolic", "fnnlib.widgets", "fnnlib.sphinx"

# Public functions that are in no table, and why.
EXCEPTIONS = {
    "show.source": "takes functions and shows their text",
    "show.definition": "takes expressions; its refusals are those of fnnlib.symbolic",
    "show.refusal": "takes any call, to show how it is refused",
    "figures.style": "takes nothing",
    "figures.unrolled": "takes labels for a drawing",
    "blas.accumulate": "takes arrays that a net made for itself",
    "bptt.size": "takes sizes of arrays that were checked",
    "winograd.fits": "takes the shape of an array that was checked",
    "winograd.convolve": "takes arrays that conv checked",
    "winograd.gradients": "takes arrays that conv checked",
    **{
        f"require.{name}": "is what refuses; its examples are refusals"
        for name, f in vars(require).items() if inspect.isfunction(f) and name[0] != "_"
    },
}  # fmt: skip


def public():
    """The public functions of the library, by name."""
    found = {}
    for module in pkgutil.walk_packages(fnnlib.__path__, "fnnlib."):
        if not module.name.startswith(OWN):
            for name, f in vars(importlib.import_module(module.name)).items():
                if inspect.isfunction(f) and f.__module__ == module.name and name[0] != "_":
                    found[f"{module.name.removeprefix('fnnlib.')}.{name}"] = f
    return found


PUBLIC = public()


def called(error):
    """The code of all functions that an error passed through."""
    return {frame.f_code for frame, _ in traceback.walk_tb(error.tb)}


def bare(x):
    return x.value if isinstance(x, Maybe) else x


def call(name, **changed):
    """Call as the table says, with some arguments changed."""
    function, arguments = CALLS[name]
    return function(*map(bare, {**arguments, **changed}.values()))


EACH = [
    pytest.param(name, path, argument, part, put, id=f"{name}-{path}")
    for name, (_, arguments) in CALLS.items()
    for argument in arguments
    for path, part, put in parts(argument, arguments[argument])
]


@pytest.mark.parametrize("name", CALLS)
def test_the_unspoilt_calls_are_accepted(name):
    call(name)


@pytest.mark.parametrize("name, path, argument, part, put", EACH)
def test_spoilt_arguments_are_refused_by_name(name, path, argument, part, put):
    for how, spoilt, error, message in ways(part):
        with pytest.raises((ValueError, TypeError)) as caught:
            print(how)  # shown where nothing is raised
            call(name, **{argument: put(spoilt)})
        assert isinstance(caught.value, error), how
        assert str(caught.value).startswith(f"{path}: expected {message}"), how
        if name in PUBLIC:
            assert PUBLIC[name].__code__ in called(caught), how


# Things that no table has thought of for this argument; some of them fit.
ANYTHING = [
    0, 2.5, "x", b"x", (), [], {}, {1.0}, ..., object(), int, len, range(2), Fraction(1, 2),
    np.float16(1), np.array(1.0), np.array(1), np.zeros((0, 3)), np.ones((2, 2, 2, 2, 2)),
    np.array(["a"]), np.ones(2, "M8[s]"), np.ones(3, "f4, i4"), (np.ones(2),), ((),),
]  # fmt: skip


@pytest.mark.parametrize(
    "name, path, argument, part, put",
    [each for each in EACH if not callable(bare(each.values[3]))],  # whose errors are their own
)
def test_anything_at_all_fits_or_is_refused_in_the_same_form(name, path, argument, part, put):
    for thing in ANYTHING:
        try:
            call(name, **{argument: put(thing)})
        except (ValueError, TypeError) as error:
            assert REFUSAL.fullmatch(str(error)), thing


REFUSAL = re.compile(r"[\w.\[\] ]+: expected .+, got .+", re.DOTALL)
ARRAYS = [each for each in EACH if isinstance(bare(each.values[3]), np.ndarray)]


@pytest.mark.parametrize("name, path, argument, part, put", ARRAYS)
def test_another_shape_or_precision_is_refused_where_it_does_not_fit(
    name, path, argument, part, put
):
    for how, changed in changes(bare(part)):
        if how in FREE.get(name, {}).get(path, ()):
            call(name, **{argument: put(changed)})
        else:
            with pytest.raises(ValueError) as caught:
                print(how)  # shown where nothing is raised
                call(name, **{argument: put(changed)})
            message = str(caught.value)
            assert REFUSAL.fullmatch(message), how
            if how == "single precision":  # of two that differ either may be the wrong one
                assert re.search(": expected float(32|64) like .+, got float(32|64)$", message)
                assert path in message or "like its parameter" in message


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("call, error, message", REFUSED, ids=[row[2] for row in REFUSED])
def test_refusals_say_what_was_expected_and_what_came(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_every_public_function_is_in_a_table():
    tried = set(CALLS) | set(EXCEPTIONS)
    reached = set()
    for row, error, _ in REFUSED:
        with pytest.raises(error) as caught:
            row()
        reached |= called(caught)
    missing = {n for n, f in PUBLIC.items() if n not in tried and f.__code__ not in reached}
    assert not missing
    assert set(EXCEPTIONS) <= set(PUBLIC)
