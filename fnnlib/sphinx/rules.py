"""What a chapter's notebook keeps to; `problems` says where it does not."""

import ast
import re
from statistics import median

from fnnlib.sphinx.execute import Failed, code_cells, read
from fnnlib.sphinx.ledger import MIME
from fnnlib.sphinx.store import DRAWN, tags

STORED = {"text/plain", "text/markdown", MIME}
LOOSE = {"nbval-ignore-output", "nbval-skip", "raises-exception"}
LONGEST, MEDIAN = 15, 6
WORDS = range(1500, 3501)
PROSE = 10  # words a line of code, at least
MACHINE = re.compile(r"0x[0-9a-f]{6,}|/(?:home|Users|tmp|root|work)/|ipykernel_\d+")


def keep(paths):
    """Raise `Failed` with every problem of the notebooks at `paths`."""
    found = [f"{path.name}: {problem}" for path in paths for problem in problems(read(path))]
    if found:
        raise Failed("\n  ".join(["notebooks break the rules:", *found]))


def problems(notebook):
    """Every rule that `notebook` breaks, each with the number of its code cell.

    >>> from nbformat.v4 import new_code_cell, new_notebook
    >>> cleared = new_notebook(cells=[new_code_cell("check(bptt, rnn.backward)")])
    >>> problems(cleared)[0]
    'code cell 1: has no stored result; run `make store`'
    """
    cells = code_cells(notebook)
    found = [
        f"code cell {number}: {what}"
        for number, cell in enumerate(cells, 1)
        for what in _cell(cell, first=number == 1)
    ]
    return found + list(_whole(notebook, cells))


def _cell(cell, first):
    lines, own = _lines(cell.source), tags(cell)
    if len(lines) > LONGEST:
        yield f"has {len(lines)} lines, more than {LONGEST}"
    if not first and _imports(cell.source):
        yield "imports; one cell at the top does that"
    yield from _drawn(cell) if own & DRAWN else _text(cell, own)


def _drawn(cell):
    """A figure or a widget: nothing is stored, and it says in words what it shows."""
    if cell.outputs:
        yield "stores a figure or widget; run `make store`"
    if "nbval-ignore-output" not in tags(cell):
        yield "draws, so it also needs the tag nbval-ignore-output"
    image = cell.metadata.get("mystnb", {}).get("image", {})
    if "figure" in tags(cell) and len(image.get("alt", "").split()) < 3:
        yield "needs alt text in its metadata: mystnb, image, alt"


def _text(cell, own):
    """A text result: stored in full, compared in full, the same on every machine."""
    if own & LOOSE:
        yield f"is tagged {', '.join(sorted(own & LOOSE))} but draws nothing"
    if "nbval_" in cell.source.lower():
        yield "turns off the comparison by a comment"
    if cell.execution_count is None or (_shows(cell.source) and not cell.outputs):
        yield "has no stored result; run `make store`"
    for output in cell.outputs:
        if output.output_type == "error":
            yield f"stores the error {output.ename}"
        if output.get("name") == "stderr":
            yield "stores a warning (stderr)"
        if odd := set(output.get("data", {})) - STORED:
            yield f"stores {', '.join(sorted(odd))}"
        text = "".join(map(str, output.get("data", {}).values())) + output.get("text", "")
        if machine := MACHINE.search(text):
            yield f"stores {machine.group()}, true on one machine only"


def _whole(notebook, cells):
    words = sum(len(c.source.split()) for c in notebook.cells if c.cell_type == "markdown")
    sizes = [len(_lines(c.source)) for c in cells]
    if words not in WORDS:
        yield f"has {words} words of prose, outside {WORDS[0]} to {WORDS[-1]}"
    if sizes and median(sizes) > MEDIAN:
        yield f"its code cells have {median(sizes):g} lines in the median, more than {MEDIAN}"
    if words < PROSE * sum(sizes):
        yield f"has {words / sum(sizes):.1f} words of prose a line of code, fewer than {PROSE}"
    if "widgets" in notebook.metadata:
        yield "stores widget state"


def _lines(source):
    return [line for line in source.splitlines() if line.strip()]


def _tree(source):
    """The cell as a syntax tree, its IPython magics left out."""
    plain = (line for line in source.splitlines() if not line.lstrip().startswith(("%", "!", "?")))
    return ast.parse("\n".join(plain)).body


def _imports(source):
    return any(isinstance(node, ast.Import | ast.ImportFrom) for node in _tree(source))


def _shows(source):
    """Whether the cell ends in an expression, so that something must have been shown."""
    body = _tree(source)
    silent = source.rstrip().endswith(";")
    return bool(body) and isinstance(body[-1], ast.Expr) and not silent
