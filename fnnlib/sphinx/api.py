"""The API page, written from the package itself, so that a new module appears without an edit."""

from pathlib import Path

import fnnlib

PRIVATE = "fnnlib.sphinx"


def modules():
    """Names of all public modules of the library; found as files, so that none hides by failing."""
    package = Path(fnnlib.__file__).parent
    parts = (p.relative_to(package.parent).with_suffix("").parts for p in package.rglob("*.py"))
    names = (".".join(p).removesuffix(".__init__") for p in parts if p[-1] != "__main__")
    return sorted(n for n in names if not n.startswith(PRIVATE) and "._" not in n)


def page():
    """One automodule section for each module, as MyST Markdown."""
    return "\n".join(_section(name) for name in modules())


def _section(name):
    # Names that a package only passes on are described once, in their own module.
    options = "   :members:\n   :ignore-module-all:\n"
    return f"## {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n{options}```\n"
