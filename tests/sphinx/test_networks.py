"""The pages of networks without a chapter: every module, in words a reader can follow."""

import json
import re

import pytest
from conftest import ROOT

from fnnlib.sphinx import ledger, networks
from fnnlib.sphinx.execute import code_cells
from fnnlib.symbolic import derivations

NAMES = [module.__name__.rpartition(".")[2] for module in derivations.modules()]
BUILT = ROOT / "_build" / "src" / "notebooks"
OVERVIEW = (ROOT / "book" / "networks.md").read_text("utf8")
ROW = dict.fromkeys(ledger.FIELDS)


@pytest.mark.parametrize("name", NAMES)
def test_every_module_has_its_words_its_derivations_and_its_checks(name):
    page = networks.notebook(name)
    sources = [cell.source for cell in page.cells]
    proofs, checks = (cell.source for cell in code_cells(page))
    assert f"import {name}\n" in proofs
    assert proofs.endswith(f"display(*with_definitions({name}.derivations()))")
    assert checks == f"display(*{name}.checks())"
    title, derives, words = networks.opening(name)
    assert sources[0].startswith(f"# {title}\n\n*{derives}* How to read this page: ")
    assert sources[0].endswith(words) and len(words) > 60 and derives.endswith(".")
    assert "?" in words.split("\n\n")[0], "what is the question?"


def test_titles_tell_the_pages_apart():
    assert len({networks.opening(name).title for name in NAMES}) == len(NAMES)


def test_a_page_is_the_same_at_every_build():
    assert networks.notebook("lstm") == networks.notebook("lstm")


def test_words_have_no_markup_of_docstrings_left():
    text = "".join(cell.source for name in NAMES for cell in networks.notebook(name).cells)
    assert ":math:" not in text and ".. math::" not in text and "``" not in text
    assert not re.findall(r"^(?:\d+[.)]|[-+*>]) .*", text, re.MULTILINE), "Markdown sees a list"
    assert "$$\nS_{ijk} = " in text and "{py:mod}`fnnlib.rnn`" in text


def test_the_overview_counts_what_is_proved_and_checked_on_each_page():
    rows = [
        ROW | {"chapter": "lstm", "kind": "derivation", "status": "proved"},
        ROW | {"chapter": "07_rnn", "kind": "derivation", "status": "proved"},
        ROW | {"chapter": "conv", "kind": "derivation", "status": "proved"},
        ROW | {"chapter": "lstm", "kind": "derivation", "status": "probed"},
        ROW | {"chapter": "lstm", "kind": "check", "status": "passed"},
    ]
    *_, lstm, conv, _, together = networks.overview(rows).splitlines()
    assert lstm.startswith("| [The LSTM](../notebooks/lstm.ipynb) | Adjoints of its states")
    assert lstm.endswith(". | 1 proved, 1 probed | 1 passed |")
    assert conv.startswith("| [Convolution](../notebooks/conv.ipynb) |")
    assert conv.endswith(" | 1 proved |  |")
    assert together == "Together **3** derivations (2 proved, 1 probed) and " + (
        "**1** check of the library (1 passed)."
    )


@pytest.fixture(scope="module")
def pages(site):
    """`{name: (words, pieces)}` of the built pages: pieces are definitions and derivations."""
    found = {}
    for name in NAMES:
        first, *cells = json.loads((BUILT / f"{name}.ipynb").read_text("utf8"))["cells"]
        shown = [o["data"].get("text/markdown") for c in cells for o in c.get("outputs", [])]
        found[name] = "".join(first["source"]), ["".join(piece) for piece in shown if piece]
    return found


def test_the_overview_links_to_every_page(pages):
    table = (ROOT / "_build" / "src" / "book" / "generated" / "networks.txt").read_text("utf8")
    for name in NAMES:
        assert f"](../notebooks/{name}.ipynb) | {networks.opening(name).derives} |" in table


@pytest.mark.parametrize("name", NAMES)
def test_every_symbol_of_a_page_is_defined_above_it(pages, name):
    words, pieces = pages[name]
    assert any("Given: " in piece for piece in pieces)
    sizes = re.findall(r"\$([A-Z])\$ (?:examples|steps|inputs|units|outputs)", words)
    assert not list(undefined(pieces, sizes))


@pytest.mark.parametrize("gone", [r"\mathrm{de}", r"\mathrm{dp}"])
def test_a_definition_that_is_missing_is_noticed(pages, gone):
    def without(piece):
        lines = piece.split("\n")
        return "\n".join(line for line in lines if not line.startswith(f"{gone}_"))

    pieces = [without(piece) for piece in pages["attention"][1]]
    assert any(symbol == gone[8:-1] for _, symbol in undefined(pieces))


def test_a_given_name_that_is_missing_is_noticed(pages):
    pieces = [re.sub(r"\$v\\,\(.*?\)\$", "", piece) for piece in pages["attention"][1]]
    assert "v" in [symbol for _, symbol in undefined(pieces)]


@pytest.mark.parametrize("name", NAMES)
def test_every_given_name_has_a_meaning_in_words(pages, name):
    words, pieces = pages[name]
    given = {symbol for piece in pieces for symbol in _given(piece)}
    unexplained = {s for s in given if not s.startswith("dot ")} - told(words)
    assert not unexplained


@pytest.mark.parametrize("name", NAMES)
def test_the_sentence_of_a_part_speaks_of_what_the_page_names(pages, name):
    words, pieces = pages[name]
    sentences = [piece.split("\n\n")[0] for piece in pieces if piece.startswith("**")]
    assert sentences and all(sentence.endswith(".**") for sentence in sentences)
    defined = {symbol for piece in pieces for symbol in _defined(piece)}
    for sentence in sentences:
        assert not told(sentence, names=False) - told(words) - defined - {"s"}, sentence


def told(words, names=True):
    """The symbols that a text speaks of, with those of the overview, and its words."""
    formulas = re.findall(r"\$+([^$]*)\$+", OVERVIEW * names + words)
    found = {symbol for formula in formulas for symbol in symbols(formula)}
    return found | set(re.findall(r"\w+", words) if names else ())


RANGE = r"\\quad (?:\{\} ?)?\w = [^,]*, (?:\\ldots, )?[^,\n]*"  # such as t = 1, ..., T


def undefined(pieces, sizes=()):
    """Symbols that stand in an equation before they are given or defined, with the equation."""
    known = set(sizes)
    for piece in pieces:
        known |= _given(piece)
        label = re.search(r"\$\$ \((eq-[\w-]+)\)", piece)
        equations = "".join(re.findall(r"\$\$(.*?)\$\$", piece, re.DOTALL))
        if not label:
            known |= _defined(equations)
        equations = re.sub(RANGE, "", equations)
        indices = {"s"} if "for every $s$" in piece else set()
        for symbol in sorted(symbols(equations) - known - indices):
            yield label and label[1], symbol


def _given(piece):
    listed = re.search(r"^Given: (.*)\.$", piece, re.MULTILINE)
    return symbols(listed[1].replace("$", " ")) if listed else set()


def _defined(equations):
    """The left sides of definitions, the arguments of functions among them."""
    rows = re.findall(r"^(.*?) &= ", equations, re.MULTILINE)
    return {symbol for row in rows for symbol in symbols(row)}


WORDS = set(
    "frac left right sum partial quad Bigl Bigr odot top dots ldots checkmark neq hphantom "
    "begin end tanh cos sqrt exp pi".split()
)


def symbols(formula):
    """Letters, Greek letters and words of a formula, without indices and commands."""
    text = re.sub(r"\\delta_\{(\w{2}|[^{},]*,[^{},]*)\}", " ", formula)  # Kronecker's
    text = _without(r"\text{", text.replace(r"\mathbf{1}", " "))
    text = re.sub(r"\\(begin|end)\{\w+\}", " ", text)
    text = re.sub(r"\\mathcal\{(\w)\}", r" @calligraphic\1 ", text)
    text = re.sub(r"\\(?:operatorname|mathrm|mathbf|boldsymbol)\{(\\?\w+)\}", r" @\1 ", text)
    text = re.sub(r"\\dot\{? ?@?(\\?\w+) ?\}?", r" @dot!\1 ", text)
    text = re.sub(r"_(\\\w+|\w)", " ", _without("_{", text))
    text = re.sub(r"e\^\{", " {", text)
    found = re.findall(r"@([\w!\\]+)|\\([A-Za-z]+)|([A-Za-z])", text)
    names = {upright.replace("!", " ").replace("\\", "") or command or letter
             for upright, command, letter in found}
    return names - WORDS


def _without(opening, text):
    """The text without every group that starts so, braces and all."""
    while opening in text:
        start = text.index(opening)
        depth, end = 1, start + len(opening)
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        text = text[:start] + " " + text[end:]
    return text


def test_symbols_are_read_from_formulas():
    left = r"\frac{\partial \mathcal{L}}{\partial {W_{q}}_{dc}}"
    found = symbols(left + r" &= \sum_{t=1}^{T} \dot{h}_{t} e^{x}")
    assert found == {"calligraphicL", "W", "T", "dot h", "x"}
    right = r"\mathrm{dp}_{ts} \boldsymbol{\lambda}_{t}^{\top} \text{a $b$} \varphi'(z)"
    assert symbols(right) == {"dp", "lambda", "varphi", "z"}
    assert symbols(r"\delta_{tk} \delta_{su + i,y} a_{t}") == {"a"}
    assert symbols(r"\delta_{trj} \delta_{t + 1,r,j}") == {"delta"}
