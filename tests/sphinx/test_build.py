"""The build is strict, stays strict, and writes the ledger."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from fnnlib.sphinx import build, stage
from fnnlib.sphinx.execute import Failed
from fnnlib.sphinx.store import METADATA

ROOT = Path(__file__).parents[2]
TOC = """\
format: jb-book
root: book/intro
parts:
  - caption: One
    chapters:
      - file: notebooks/01_a
"""
BELOW = "{file: book/more, sections: [{file: notebooks/02_b}]}"
SHOW = """
class Shown:
    def _repr_mimebundle_(self, **_):
        record = dict(kind="derivation", name="bptt", status="proved", function="rnn.backward")
        return {
            "text/plain": "a = b",
            "text/markdown": "$$a = b$$ (eq-bptt)",
            "application/vnd.fnnlib.record+json": record,
        }
Shown()
"""


@pytest.fixture
def root(tmp_path):
    for name in ("book", "notebooks", "fnnlib", "benchmarks"):
        (tmp_path / name).mkdir()
    for name in ("_config.yml", "requirements.txt", "book/references.bib", stage.MEASURED):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "book" / "intro.md").write_text("# Book\n\nSee {eq}`eq-bptt`.\n")
    cells = [new_markdown_cell("# One"), new_code_cell(SHOW)]
    page = new_notebook(cells=cells, metadata=METADATA)
    nbformat.write(page, tmp_path / "notebooks" / "01_a.ipynb")
    return tmp_path


def test_a_page_a_ledger_and_an_unchanged_rebuild(root, monkeypatch):
    page = build.html(root)
    assert page.exists()
    [record] = json.loads((root / "_build" / "ledger.json").read_text())["records"]
    assert record == {
        "kind": "derivation",
        "name": "bptt",
        "chapter": "01_a",
        "status": "proved",
        "function": "rnn.backward",
        "sizes": None,
        "error_bound": None,
    }
    chapter = (root / "_build" / "html" / "notebooks" / "01_a.html").read_text("utf8")
    assert 'id="equation-eq-bptt"' in chapter
    monkeypatch.setattr(build, "jupyter_book", lambda *_: pytest.fail("built again"))
    assert build.html(root) == page
    (root / "fnnlib" / "rnn.py").write_text("sign = -1")
    with pytest.raises(pytest.fail.Exception, match="built again"):
        build.html(root)


@pytest.mark.parametrize("text", ["[](#nowhere)", "{eq}`eq-nothing`", "{cite}`nobody1900`"])
def test_a_broken_reference_fails_every_time(root, text):
    (root / "book" / "intro.md").write_text(f"# Book\n\n{text}\n")
    for _ in range(2):
        with pytest.raises(Failed, match="the html build has warnings or errors"):
            build.html(root)


def test_a_failing_cell_fails_an_incremental_build(root):
    build.html(root)
    path = root / "notebooks" / "01_a.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1 / 0")]), path)
    for _ in range(2):
        with pytest.raises(Failed, match="01_a, code cell 1: ZeroDivisionError"):
            build.html(root)
    assert not (root / "_build" / "html" / build.STAMP).exists()


def test_a_missing_chapter_is_named(root):
    (root / "notebooks" / "01_a.ipynb").unlink()
    with pytest.raises(Failed, match="_toc.yml lists notebooks/01_a.ipynb"):
        stage.stage(root)


def test_a_missing_page_below_a_chapter_is_named(root):
    (root / "_toc.yml").write_text(f"{TOC}      - {BELOW}\n")
    with pytest.raises(Failed, match="_toc.yml lists notebooks/02_b.ipynb"):
        stage.stage(root)
