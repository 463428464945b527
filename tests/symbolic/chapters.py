"""The derivations of a chapter, without the rest of it: only the cells that they need are run."""

import ast
import json
from pathlib import Path

from fnnlib.symbolic import Derivation

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def derivations(path):
    """All derivations that the notebook makes, with their steps, in order."""
    made, original = [], Derivation.__init__

    def noted(self, *args, **kwargs):
        original(self, *args, **kwargs)
        made.append(self)

    scope = {"display": lambda *shown: None, "__name__": path.stem}
    Derivation.__init__ = noted
    try:
        for source in needed_cells(path):
            exec(compile(source, path.name, "exec"), scope)
    finally:
        Derivation.__init__ = original
    return [d for d in made if len(d.rows) > 1]


def needed_cells(path):
    """The cells that derive, and those that define what they use."""
    cells = [c for c in json.loads(path.read_text(encoding="utf8"))["cells"]
             if c["cell_type"] == "code"]
    chosen, wanted = [], set()
    for cell in reversed(cells):
        source = "".join(cell["source"])
        tree = ast.parse(source)
        names = [n for n in ast.walk(tree) if isinstance(n, ast.Name)]
        stored = {n.id for n in names if isinstance(n.ctx, ast.Store)}
        stored |= {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        imports = any(isinstance(n, ast.Import | ast.ImportFrom) for n in tree.body)
        derives = any(n.id in {"Derivation", "Induction"} for n in names)
        if derives or imports or stored & wanted:
            chosen.append(source)
            wanted = wanted - stored | {n.id for n in names if isinstance(n.ctx, ast.Load)}
    return chosen[::-1]
