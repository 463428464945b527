"""What a chapter shows beside its derivations: source code, definitions and refusals.

Every function returns a :class:`Shown`, which a notebook displays and a terminal prints.
"""

import ast
import inspect
import textwrap
from typing import NamedTuple

import numpy as np

from fnnlib.symbolic import Misuse
from fnnlib.symbolic.printing import label, latex
from fnnlib.symbolic.vocabulary import Quantity, unfold


class Shown(NamedTuple):
    """A piece of a page: as plain text and as Markdown."""

    plain: str
    markdown: str

    def __repr__(self):
        return self.plain

    def _repr_markdown_(self):
        return self.markdown


def source(*functions):
    """The code of functions or classes as the library has it, without its docstrings.

    >>> from fnnlib import activations
    >>> source(activations.softplus_prime)
    def softplus_prime(z):
        return sigmoid(z)
    """
    return _fenced("\n\n\n".join(map(_code, functions)), "python")


def definition(*things, name=None):
    r"""Equations that say what things mean; ``name`` makes them one equation to refer to.

    A thing is a named function at its arguments, an entry of a defined or recursive array, a
    defined quantity, or a pair (left side, right side). Misuse is raised for what has no meaning.

    >>> from fnnlib.symbolic import define, scalar, sigmoid
    >>> z = scalar("z")
    >>> definition(sigmoid(z), define("L", z**2))
    sigmoid(z) = 1/(1 + exp(-z))
    L = z**2
    """
    pairs = [thing if isinstance(thing, tuple) else (thing, _meaning(thing)) for thing in things]
    plain = "\n".join(f"{left} = {right}" for left, right in pairs)
    rows = " \\\\\n".join(f"{latex(left)} &= {latex(right)}" for left, right in pairs)
    numbered = f" ({label(name)})" if name else ""
    return Shown(plain, f"$$\n\\begin{{aligned}}\n{rows}\n\\end{{aligned}}\n$${numbered}")


def refusal(attempt, *arguments):
    """The message of the error that ``attempt(*arguments)`` ends in; AssertionError if in none.

    Overflow and invalid operations of NumPy count as errors here.

    >>> refusal(np.exp, np.array([1000.0]))
    FloatingPointError: overflow encountered in exp
    """
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            attempt(*arguments)
    except Exception as error:
        said = textwrap.fill(f"{type(error).__name__}: {error}", 76, break_long_words=False)
        return _fenced(said, "text")
    raise AssertionError("nothing was refused")


def _fenced(text, language):
    return Shown(text, f"```{language}\n{text}\n```")


def _code(thing):
    lines = textwrap.dedent(inspect.getsource(thing)).rstrip().splitlines()
    defined = ast.parse("\n".join(lines)).body[0]
    if ast.get_docstring(defined):
        doc = defined.body[0]
        rest = "\n".join(lines[doc.end_lineno :]).lstrip("\n")
        lines = [*lines[: doc.lineno - 1], rest]
    return "\n".join(lines)


def _meaning(thing):
    if isinstance(thing, Quantity):
        return thing.value
    if getattr(type(thing), "meaning", None):
        return unfold(thing)
    if getattr(getattr(thing, "base", None), "rule", None):
        return thing.base.body(*thing.indices)
    raise Misuse(f"{thing} has no definition; give a pair (left side, right side)")
