"""The page of networks without a chapter: every module, in words a reader can follow."""

import json
import re

import pytest
from conftest import ROOT

from fnnlib.sphinx import networks
from fnnlib.sphinx.execute import code_cells
from fnnlib.symbolic import derivations

NAMES = [module.__name__.rpartition(".")[2] for module in derivations.modules()]
BUILT = ROOT / "_build" / "src" / "notebooks" / "networks.ipynb"


def test_every_module_has_its_words_its_derivations_and_its_checks():
    page = networks.notebook()
    sources = [cell.source for cell in page.cells]
    for name in NAMES:
        assert f"display(*with_definitions({name}.derivations()))" in sources
        assert f"display(*{name}.checks())" in sources
        assert any(text.startswith(f"## {name}\n\n") and len(text) > 60 for text in sources)
        assert name in code_cells(page)[0].source


def test_the_page_is_the_same_at_every_build():
    assert networks.notebook() == networks.notebook()


def test_words_have_no_markup_of_docstrings_left():
    text = "".join(cell.source for cell in networks.notebook().cells)
    assert ":math:" not in text and ".. math::" not in text and "``" not in text
    assert "$$\nS_{ijk} = " in text and "{py:mod}`fnnlib.rnn`" in text


@pytest.fixture(scope="module")
def sections(site):
    """`{name: (words, pieces)}` of the built page: pieces are definitions and derivations."""
    cells = json.loads(BUILT.read_text("utf8"))["cells"]
    found = {}
    for cell in cells:
        source = "".join(cell["source"])
        if source.startswith("## "):
            name, words = source[3:].split("\n", 1)
            found[name] = words, []
        for output in cell.get("outputs", []) if found else ():
            shown = output["data"].get("text/markdown")
            if shown:
                found[name][1].append("".join(shown))
    assert list(found) == NAMES
    return found


def test_every_symbol_of_the_page_is_defined_above_it(sections):
    for name, (words, pieces) in sections.items():
        assert any("Given: " in piece for piece in pieces)
        sizes = re.findall(r"\$([A-Z])\$ (?:examples|steps|inputs|units|outputs)", words)
        assert not list(undefined(pieces, sizes)), name


@pytest.mark.parametrize("gone", [r"\mathrm{de}", r"\mathrm{dp}"])
def test_a_definition_that_is_missing_is_noticed(sections, gone):
    def without(piece):
        lines = piece.split("\n")
        return "\n".join(line for line in lines if not line.startswith(f"{gone}_"))

    pieces = [without(piece) for piece in sections["attention"][1]]
    assert any(symbol == gone[8:-1] for _, symbol in undefined(pieces))


def test_a_given_name_that_is_missing_is_noticed(sections):
    pieces = [re.sub(r"\$v\\,\(.*?\)\$", "", piece) for piece in sections["attention"][1]]
    assert "v" in [symbol for _, symbol in undefined(pieces)]


def test_every_given_name_has_a_meaning_in_words(sections):
    for name, (words, pieces) in sections.items():
        told = re.findall(r"\$+([^$]*)\$+", networks.OPENING + words)
        known = {symbol for formula in told for symbol in symbols(formula)}
        known |= set(re.findall(r"\w+", words))
        given = {symbol for piece in pieces for symbol in _given(piece)}
        unexplained = {s for s in given if not s.startswith("dot ")} - known
        assert not unexplained, f"{name}: {unexplained}"


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
