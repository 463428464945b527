"""The API page, written from the package itself, so that a new module appears without an edit."""

import pkgutil

import fnnlib

PRIVATE = ("fnnlib.sphinx",)


def modules():
    """Names of all public modules of the library, packages first, in alphabetical order."""
    found = pkgutil.walk_packages(fnnlib.__path__, "fnnlib.", onerror=_stop)
    names = (m.name for m in found if not m.name.rpartition(".")[2].startswith("_"))
    return sorted(n for n in names if not n.startswith(PRIVATE))


def _stop(name):
    raise ImportError(f"the package {name} cannot be imported")


def page():
    """One automodule section for each module, as MyST Markdown."""
    return "\n".join(_section(name) for name in modules())


def _section(name):
    return f"## {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```\n"
