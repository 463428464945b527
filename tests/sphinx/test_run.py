"""Blocks of a page run in order, show what a notebook would show, and fail with their place."""

import pytest
from sphinx.application import Sphinx

from fnnlib.sphinx.run import Run, markdown

OTHER = "---\norphan: true\n---\n# Other\n\n```{run}\n'x' in globals()\n```\n"


@pytest.fixture
def build(tmp_path):
    """Build pages from texts; returns `(page -> its pseudo-XML, warnings)`."""

    def built(**pages):
        for name, page in pages.items():
            (tmp_path / f"{name}.md").write_text(page)
        log = tmp_path / "warnings.txt"
        with log.open("w") as warning:
            app = Sphinx(
                tmp_path, None, tmp_path / "out", tmp_path / "trees", "pseudoxml", status=None,
                warning=warning, confoverrides={
                    "extensions": ["myst_parser"], "root_doc": "index", "html_theme": "basic",
                    "myst_enable_extensions": ["dollarmath"], "suppress_warnings": ["app"],
                },
            )  # fmt: skip
            app.add_directive("run", Run)
            app.build()
        out = {name: (tmp_path / "out" / f"{name}.pseudoxml").read_text("utf8") for name in pages}
        return out, log.read_text("utf8")

    return built


def block(source, *options):
    return "\n".join(["```{run}", *options, source, "```", ""])


def test_blocks_of_a_page_share_their_names_and_pages_do_not(build):
    first = "# First\n\n" + block("x = 6\nprint('made')") + "\n" + block("x * 7")
    pages, warnings = build(index=first, other=OTHER)
    assert not warnings
    assert "made" in pages["index"] and "\n                    42" in pages["index"]
    assert "False" in pages["other"]


def test_a_derivation_is_shown_as_an_equation(build):
    source = (
        "from fnnlib.symbolic import D, Derivation, scalar\nz = scalar('z')\n"
        "Derivation(D(z**2, z), 'square').step(2 * z, 'power rule')"
    )
    pages, warnings = build(index="# Page\n\n" + block(source, ":hide-input:"))
    assert not warnings
    assert "<math_block" in pages["index"] and "power rule" in pages["index"]
    assert "import" not in pages["index"]


@pytest.mark.parametrize("source", ["1 / 0", "def f(:", "Derivation"])
def test_a_failing_block_is_named_by_page_and_line(build, source):
    _, warnings = build(index="# Page\n\n" + block(source))
    assert "index.md:3: ERROR: " in warnings
    assert "Error: " in warnings.split("ERROR: ")[1]


def test_a_refused_step_fails_the_page(build):
    source = (
        "from fnnlib.symbolic import D, Derivation, scalar\nz = scalar('z')\n"
        "Derivation(D(z**2, z), 'square').step(z, 'wrong')"
    )
    _, warnings = build(index="# Page\n\n" + block(source))
    assert 'ERROR: Refused: square, step 1, "wrong"' in warnings


def test_values_without_markdown_are_printed():
    assert markdown(3.5) is None
