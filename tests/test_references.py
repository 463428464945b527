"""Every citation has its source, in docstrings, chapters and pages; every source is complete."""

import re
from pathlib import Path

import pytest

from fnnlib.sphinx.execute import read
from fnnlib.sphinx.extension import CITATION

ROOT = Path(__file__).parents[1]
ENTRY = re.compile(r"@(\w+)\{(\w+),\n(.*?)\n\}", re.DOTALL)
FIELD = re.compile(r"^ +(\w+) += \{(.*)\},?$", re.MULTILINE)
CITE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
VENUE = {"journal", "booktitle", "publisher", "institution", "howpublished"}
SOURCES = {
    key: dict(FIELD.findall(body))
    for _, key, body in ENTRY.findall((ROOT / "book" / "references.bib").read_text("utf8"))
}


def in_docstrings():
    """`(place, key)` for each [key2000] of the library; how the site is made cites nothing."""
    for path in sorted((ROOT / "fnnlib").rglob("*.py")):
        if "sphinx" not in path.parts:
            for key in CITATION.findall(path.read_text("utf8")):
                yield path.name, key


def in_prose():
    """`(place, key)` for each {cite} of the pages and of the chapters."""
    pages = {path.name: path.read_text("utf8") for path in (ROOT / "book").glob("*.md")}
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = read(path).cells
        pages[path.name] = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    for name, text in pages.items():
        for keys in CITE.findall(text):
            for key in keys.split(","):
                yield name, key.strip()


@pytest.mark.parametrize("found", [in_docstrings, in_prose])
def test_what_is_cited_is_listed(found):
    citations = list(found())
    assert citations
    assert not [f"{place} cites {key}" for place, key in citations if key not in SOURCES]


def test_every_entry_is_read_and_stands_in_order():
    text = (ROOT / "book" / "references.bib").read_text("utf8")
    assert text.count("@") == len(SOURCES)
    assert list(SOURCES) == sorted(SOURCES)


@pytest.mark.parametrize("key", SOURCES)
def test_a_source_is_complete(key):
    fields = SOURCES[key]
    assert {"author", "title", "year"} <= set(fields)
    assert VENUE & set(fields), "where was it published?"
    surname = re.sub(r"[^a-z]", "", fields["author"].split(",")[0].lower())
    assert key == surname + fields["year"]
