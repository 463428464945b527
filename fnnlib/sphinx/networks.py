"""The pages of networks that have no chapter yet: derivations and checks, as notebooks."""

import ast
from pathlib import Path
from typing import NamedTuple

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import fnnlib
from fnnlib.sphinx import ledger
from fnnlib.sphinx.store import METADATA
from fnnlib.symbolic.printing import prose

FOLDER = Path(fnnlib.__file__).parent / "symbolic" / "derivations"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
READING = "How to read this page: [names, adjoints, tangents](../book/networks.md)."
CHECKS = "## Checks\n\nThe library's functions, compared with the formulas above."


class Opening(NamedTuple):
    """How a page opens: the docstring of its module, as MyST writes mathematics and links."""

    title: str
    derives: str  # one sentence on what is derived
    words: str  # what the letters mean


def opening(name):
    """The docstring of the module ``name``: a first line ``Title: what it derives.``, then words.

    >>> opening("conv")[:2]
    ('Convolution', 'Gradients of weights, biases and input, for any stride and padding.')
    """
    source = (FOLDER / f"{name}.py").read_text(encoding="utf8")
    first, words = prose(ast.get_docstring(ast.parse(source))).split("\n\n", 1)
    title, derives = first.split(": ")
    return Opening(title, derives[0].upper() + derives[1:], words)


def notebook(name):
    """The page of one module as a notebook that has not been executed."""
    title, derives, words = opening(name)
    proofs = (
        "from fnnlib.symbolic.definitions import with_definitions\n"
        f"from fnnlib.symbolic.derivations import {name}\n\n"
        f"display(*with_definitions({name}.derivations()))"
    )
    hidden = {"tags": ["hide-input"]}
    cells = [
        new_markdown_cell(f"# {title}\n\n*{derives}* {READING}\n\n{words}"),
        new_code_cell(proofs, metadata=hidden),
        new_markdown_cell(CHECKS),
        new_code_cell(f"display(*{name}.checks())", metadata=hidden),
    ]
    for number, cell in enumerate(cells):
        cell.id = f"{name}-{number}"  # a page does not change from build to build
    return new_notebook(cells=cells, metadata=METADATA)


def overview(rows):
    """The pages of the ledger's rows: what each derives, how much is proved and checked."""
    rows = [row for row in rows if row["chapter"] in NAMES]
    lines = ["| page | what it derives | equations | checks |", "| --- | --- | --- | --- |"]
    for name in dict.fromkeys(row["chapter"] for row in rows):
        title, derives, _ = opening(name)
        own = [row for row in rows if row["chapter"] == name]
        equations, checks = (ledger.statuses(own, kind) for kind in ("derivation", "check"))
        page = f"[{title}](../notebooks/{name}.ipynb)"
        lines.append(f"| {page} | {derives} | {equations} | {checks} |")
    return "\n".join([*lines, "", f"Together {ledger.totals(rows)}"])
