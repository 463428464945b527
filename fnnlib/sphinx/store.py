"""Store the text results of notebooks; figures and widgets are stripped, their cells are tagged."""

import nbformat

from fnnlib.sphinx.execute import code_cells, read, run

DRAWN = {"figure", "widget"}
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def tags(cell):
    """The tags of a cell, as a set."""
    return set(cell.metadata.get("tags", []))


def strip(notebook):
    """Keep what is the same on every machine; changes and returns `notebook`."""
    for cell in code_cells(notebook):
        cell.metadata.pop("execution", None)
        if tags(cell) & DRAWN:
            cell.outputs, cell.execution_count = [], None
    notebook.metadata = METADATA
    return notebook


def store(paths):
    """Re-execute each notebook and write its text results into it."""
    for path in paths:
        nbformat.write(strip(run(read(path), path.stem, path.parent)), path)
