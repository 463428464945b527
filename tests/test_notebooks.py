"""Every chapter keeps the rules of `fnnlib.sphinx.rules`; each rule is seen to refuse."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from fnnlib.sphinx.execute import Failed, read
from fnnlib.sphinx.rules import keep, problems
from fnnlib.sphinx.stage import chapters

ROOT = Path(__file__).parents[1]
FIGURE = {
    "tags": ["figure", "nbval-ignore-output"],
    "mystnb": {"image": {"alt": "A rising straight line"}},
}


def shown(source="1 + 1", data=None, count=1, **metadata):
    data = {"text/plain": "2"} if data is None else data
    output = [new_output("execute_result", data, execution_count=1)] if data else []
    return new_code_cell(source, outputs=output, execution_count=count, metadata=metadata)


def chapter(*cells, words=1600):
    return new_notebook(cells=[new_markdown_cell("word " * words), *cells])


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda p: p.stem)
def test_a_chapter_keeps_the_rules(path):
    assert not problems(read(path))


def test_every_notebook_is_a_chapter_of_the_book():
    assert sorted(ROOT.glob("notebooks/*.ipynb")) == sorted(chapters(ROOT))


def test_a_good_notebook_has_no_problems():
    figure = new_code_cell("plot(x)", metadata=FIGURE)
    assert not problems(chapter(shown("import numpy as np", data={}), shown(), figure))


REFUSED = {
    "has no stored result": shown("check(bptt, rnn.backward)", data={}),
    "has no stored result; run `make store`": shown("x = 1", data={}, count=None),
    "stores image/png": shown(data={"image/png": "iVBOR"}),
    "stores a figure or widget": shown("plot(x)", **FIGURE),
    "also needs the tag nbval-ignore-output": new_code_cell(metadata={"tags": ["widget"]}),
    "needs alt text": new_code_cell("plot(x)", metadata={"tags": FIGURE["tags"]}),
    "has 16 lines": shown("\n".join(["x = 1"] * 16), data={}),
    "imports; one cell at the top": shown("import os", data={}),
    "is tagged nbval-ignore-output but": shown(tags=["nbval-ignore-output"]),
    "turns off the comparison": shown("# NBVAL_IGNORE_OUTPUT\n1"),
    "true on one machine only": shown(data={"text/plain": "<object at 0x7f00aa11>"}),
}


@pytest.mark.parametrize("problem", REFUSED)
def test_a_bad_cell_is_refused_by_its_number(problem):
    first = shown("import numpy as np", data={})
    assert any(
        p.startswith("code cell 2: ") and problem in p
        for p in problems(chapter(first, REFUSED[problem]))
    )


def test_all_problems_are_listed_with_their_notebook(tmp_path):
    nbformat.write(chapter(shown(data={})), tmp_path / "03_a.ipynb")
    nbformat.write(chapter(shown()), tmp_path / "04_b.ipynb")
    with pytest.raises(Failed, match="03_a.ipynb: code cell 1: has no stored result") as refusal:
        keep(sorted(tmp_path.iterdir()))
    assert "04_b" not in str(refusal.value)


def test_errors_and_warnings_are_not_stored():
    error = new_output("error", ename="ValueError", evalue="", traceback=[])
    warning = new_output("stream", name="stderr", text="RuntimeWarning")
    cell = new_code_cell("f(x)", outputs=[error, warning], execution_count=1)
    said = problems(chapter(cell))
    assert "code cell 1: stores the error ValueError" in said
    assert "code cell 1: stores a warning (stderr)" in said


def test_prose_and_code_are_in_proportion():
    short = shown("x = 1", data={})
    assert "has 100 words of prose" in problems(chapter(short, words=100))[0]
    seven = shown("\n".join(["x = 1"] * 7), data={})
    assert "7 lines in the median" in problems(chapter(seven))[0]
    assert "fewer than 10" in problems(chapter(*(shown("x = 1", data={}) for _ in range(200))))[0]


def test_widget_state_is_not_stored():
    page = chapter(shown())
    page.metadata["widgets"] = {}
    assert problems(page) == ["stores widget state"]
