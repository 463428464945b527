"""The page of networks that have no chapter yet: their derivations and checks, as a notebook."""

import ast
import inspect
import re
from pathlib import Path

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import fnnlib
from fnnlib.sphinx.store import METADATA

NAME = "networks"
OPENING = r"""
# Networks without a chapter

What are the gradients of the networks that have no chapter yet, and who says that the library
computes them? They are derived, proved and compared with the library all the same. This page
shows every derivation as the build proved it. The steps are written in the modules of
`fnnlib.symbolic.derivations`; a section opens with the words of its module.

**Names.** Letters mean what they mean in [the notation](../book/notation.md): $x$ is the input,
$W$, $U$ and $b$ are weights and biases, $h$ is a state; $B$ examples, $T$ steps, $D$ inputs, $H$
units, $C$ outputs. A section says which other letters it uses. Above an equation stand the names
that it is the first to use. What is *given* may be any numbers, or any function. Behind a given
name stand its axes: $B$ is an axis whose indices go from $0$ to $B - 1$, and $1 \ldots T$ one
whose indices go from $1$ to $T$. Every other name has an equation of its own; the build prints it
from the definition that the proof used. A label stands before the indices, as in $W_{q;dc}$. A
bold letter is the matrix of a name, and $\delta$ with two indices is Kronecker's.

**Loss.** $\mathcal{L}$ stands for the loss. What is derived depends on it only by the gradients
that reach the outputs, in most sections $G$. As these are any numbers, what is proved holds for
every loss.

**Adjoints.** The Lagrangian $\Lambda$ is the loss plus every equation of the net, each times a
multiplier. In $\Lambda$ the quantities of the net vary one by one. So the two sides of an
equation have two names, such as $h$ and what it is equal to, and the derivative by $h$ leaves the
other side alone. That derivative is zero where the multiplier has the value which the page gives
it, the adjoint. An equation then ends in this value minus the multiplier. With all multipliers so
chosen, the derivative of $\Lambda$ by a parameter is the gradient of the loss.

**Tangents.** A dot marks how a quantity moves along a direction: $\dot W$, $\dot b$ and $\dot x$
are any directions in the parameters and the input, $\dot h$ is how the state moves with them. The
last equation of a recurrent section says that the loss moves by the sum of all gradients times
their directions. That is the proof which does not lean on Lagrange's method: an induction over
the steps, and no more.

The marks behind a line are explained in [how to read, run and check](../book/reading.md)."""


def notebook():
    """The page as a notebook that has not been executed: two cells for every module."""
    modules = sorted(p.stem for p in _folder().glob("*.py") if p.stem != "__init__")
    start = (
        "from fnnlib.symbolic.definitions import with_definitions\n"
        f"from fnnlib.symbolic.derivations import {', '.join(modules)}"
    )
    cells = [new_markdown_cell(OPENING.strip()), new_code_cell(start, metadata=_HIDDEN)]
    for name in modules:
        cells += [
            new_markdown_cell(f"## {name}\n\n{_words(name)}"),
            new_code_cell(f"display(*with_definitions({name}.derivations()))"),
            new_code_cell(f"display(*{name}.checks())"),
        ]
    for number, cell in enumerate(cells):
        cell.id = f"{NAME}-{number}"  # a page does not change from build to build
    return new_notebook(cells=cells, metadata=METADATA)


_HIDDEN = {"tags": ["hide-input"]}


def _folder():
    return Path(fnnlib.__file__).parent / "symbolic" / "derivations"


def _words(name):
    """The docstring of a module, with its mathematics and its links as MyST writes them."""
    source = (_folder() / f"{name}.py").read_text(encoding="utf8")
    text = inspect.cleandoc(ast.get_docstring(ast.parse(source)) or "")
    text = re.sub(r"^\.\. math:: (.*)$", r"$$\n\1\n$$", text, flags=re.MULTILINE)
    text = re.sub(r":math:`([^`]*)`", lambda m: f"${' '.join(m[1].split())}$", text)
    return text.replace(":mod:`", "{py:mod}`").replace("``", "`")
