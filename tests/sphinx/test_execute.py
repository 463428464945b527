"""Execution: a failure names its cell, a cached result is used only while nothing changed."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from fnnlib.sphinx import execute
from fnnlib.sphinx.execute import Failed, executed, run


def notebook(*sources):
    return new_notebook(cells=[new_markdown_cell("# Title"), *map(new_code_cell, sources)])


@pytest.fixture
def root(tmp_path):
    (tmp_path / "fnnlib").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "fnnlib" / "rnn.py").write_text("sign = 1")
    (tmp_path / "requirements.txt").write_text("numpy==2")
    return tmp_path


def write(root, *sources):
    path = root / "notebooks" / "01_a.ipynb"
    nbformat.write(notebook(*sources), path)
    return path


def count_runs(monkeypatch):
    runs = []

    def fake(notebook, name, folder):
        runs.append(name)
        for cell in execute.code_cells(notebook):
            cell.execution_count = len(runs)
        return notebook

    monkeypatch.setattr(execute, "run", fake)
    return runs


def test_results_come_from_the_cells(tmp_path):
    done = run(notebook("x = 20", "x + 1"), "01_a", tmp_path)
    assert done.cells[2].outputs[0].data["text/plain"] == "21"


def test_what_is_printed_slowly_is_one_output(tmp_path):
    slow = "import time\nfor n in range(3):\n    print(n, flush=True)\n    time.sleep(0.2)"
    _, cell = run(notebook(slow), "01_a", tmp_path).cells
    assert [output.text for output in cell.outputs] == ["0\n1\n2\n"]


def test_a_failure_names_notebook_cell_and_error(tmp_path):
    with pytest.raises(Failed, match=r"01_a, code cell 2: ValueError: wrong sign"):
        run(notebook("x = 1", "raise ValueError('wrong sign')"), "01_a", tmp_path)


def test_a_dead_kernel_and_a_slow_cell_are_named(tmp_path, monkeypatch):
    with pytest.raises(Failed, match="code cell 1: the kernel died"):
        run(notebook("import os; os._exit(1)"), "01_a", tmp_path)
    monkeypatch.setattr(execute, "CELL_SECONDS", 1)
    with pytest.raises(Failed, match="code cell 1: no result in 1 s"):
        run(notebook("import time; time.sleep(60)"), "01_a", tmp_path)


def test_an_interrupt_is_named(tmp_path, monkeypatch):
    def interrupt(self, *_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(execute.NotebookClient, "execute", interrupt)
    with pytest.raises(Failed, match="interrupted"):
        run(notebook("1"), "01_a", tmp_path)


def kept(path, root):
    return executed(execute.read(path), path.stem, root)


def change_library(root):
    (root / "fnnlib" / "rnn.py").write_text("sign = -1")


def change_lock(root):
    (root / "requirements.txt").write_text("numpy==3")


def change_cell(root):
    write(root, "2")


@pytest.mark.parametrize("change", [change_library, change_lock, change_cell])
def test_a_result_is_kept_until_something_changes(root, monkeypatch, change):
    runs = count_runs(monkeypatch)
    path = write(root, "1")
    assert kept(path, root) == kept(path, root)
    assert len(runs) == 1
    change(root)
    assert kept(path, root).cells[1].execution_count == 2


def test_new_prose_needs_no_new_run(root, monkeypatch):
    runs = count_runs(monkeypatch)
    path = write(root, "1")
    kept(path, root)
    book = execute.read(path)
    book.cells[0].source = "# Another title"
    nbformat.write(book, path)
    again = kept(path, root)
    assert len(runs) == 1
    assert again.cells[0].source == "# Another title" and again.cells[1].execution_count == 1


def test_a_failed_run_is_not_kept(root):
    path = write(root, "1 / 0")
    for _ in range(2):
        with pytest.raises(Failed, match="ZeroDivisionError"):
            kept(path, root)
    assert not list(Path(root, "_build").rglob("*.ipynb"))
