"""Stored notebooks hold text results; figures and widgets are stripped."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from fnnlib.sphinx.execute import read
from fnnlib.sphinx.store import store


def test_text_is_stored_and_drawings_are_stripped(tmp_path):
    cells = [
        new_code_cell("6 * 7"),
        new_code_cell("'a drawing'", metadata={"tags": ["figure", "nbval-ignore-output"]}),
        new_markdown_cell("Prose stays."),
    ]
    path = tmp_path / "01_a.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    store([path])
    text, figure, prose = read(path).cells
    assert text.outputs[0].data == {"text/plain": "42"} and text.execution_count == 1
    assert not figure.outputs and figure.execution_count is None
    assert prose.source == "Prose stays."
    once = path.read_bytes()
    store([path])
    assert path.read_bytes() == once
