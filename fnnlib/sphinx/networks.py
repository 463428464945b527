"""The page of networks that have no chapter yet: their derivations and checks, as a notebook."""

import ast
import inspect
from pathlib import Path

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import fnnlib
from fnnlib.sphinx.store import METADATA

NAME = "networks"
OPENING = """\
# Networks without a chapter

The library has more networks than the book has chapters. Their gradients are derived, proved and
compared with the library all the same. This page shows every derivation as the build proved it;
the words are those of the modules in `fnnlib.symbolic.derivations`, where the steps are written."""


def notebook():
    """The page as a notebook that has not been executed: two cells for every module."""
    modules = sorted(p.stem for p in _folder().glob("*.py") if p.stem != "__init__")
    start = "from fnnlib.symbolic.derivations import " + ", ".join(modules)
    cells = [new_markdown_cell(OPENING), new_code_cell(start, metadata=_HIDDEN)]
    for name in modules:
        cells += [
            new_markdown_cell(f"## {name}\n\n{_words(name)}"),
            new_code_cell(f"display(*{name}.derivations())"),
            new_code_cell(f"display(*{name}.checks())"),
        ]
    for number, cell in enumerate(cells):
        cell.id = f"{NAME}-{number}"  # a page does not change from build to build
    return new_notebook(cells=cells, metadata=METADATA)


_HIDDEN = {"tags": ["hide-input"]}


def _folder():
    return Path(fnnlib.__file__).parent / "symbolic" / "derivations"


def _words(name):
    """The docstring of a module, with its mathematics as MyST writes it."""
    source = (_folder() / f"{name}.py").read_text(encoding="utf8")
    text = inspect.cleandoc(ast.get_docstring(ast.parse(source)) or "")
    return text.replace(":math:`", "{math}`").replace("``", "`")
