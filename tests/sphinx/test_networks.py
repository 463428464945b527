"""The page of networks without a chapter holds every derivation module, in words and in code."""

from fnnlib.sphinx import networks
from fnnlib.sphinx.execute import code_cells
from fnnlib.symbolic import derivations


def test_every_module_has_its_words_its_derivations_and_its_checks():
    page = networks.notebook()
    sources = [cell.source for cell in page.cells]
    for module in derivations.modules():
        name = module.__name__.rpartition(".")[2]
        assert f"display(*{name}.derivations())" in sources
        assert f"display(*{name}.checks())" in sources
        assert any(text.startswith(f"## {name}\n\n") and len(text) > 60 for text in sources)
        assert name in code_cells(page)[0].source


def test_the_page_is_the_same_at_every_build():
    assert networks.notebook() == networks.notebook()
    assert ":math:`" not in "".join(cell.source for cell in networks.notebook().cells)
