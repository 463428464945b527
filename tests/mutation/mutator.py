"""All small wrong changes of a source, one at a time.

Messages, docstrings, annotations, decorators and representations are left alone.
"""

import ast
import re
from collections import Counter
from typing import NamedTuple

from .operators import OPERATORS, called, marked

UNTOUCHED = ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom
SILENT = {"__repr__", "__str__", "_repr_mimebundle_"}
# zip asks for equal lengths: it is wrong only where something else is; a proof may take any time.
GIVEN = {"strict", "seconds"}
# The cases in which derivations are compared with the library; others would be as good.
DRAWN = {"CHUNK", "LAYERS", "QUICK", "at", "sizes"}
# Private functions that are tests themselves; see tests/symbolic/test_derivations.py.
CHECK = re.compile(r"_\w+_checks?")


class Mutant(NamedTuple):
    """One change. Function, text and change name it where line numbers move."""

    function: str  # dotted name of the innermost function or class, empty at the top
    text: str  # the line of the source where the change begins
    change: str  # what stood there -> what stands there now
    line: int
    source: str  # the whole changed source

    @property
    def name(self):
        return self.function, self.text, self.change


def mutants(source):
    """All mutants of a source, from top to bottom.

    >>> [m.change for m in mutants("def f(x):\\n    return x + 1")]
    ['x + 1 -> x - 1', 'x + 1 -> x', 'x + 1 -> 1', '1 -> 0', '1 -> 2']
    """
    lines, found, seen = source.splitlines(), [], Counter()
    for node, function in _nodes(marked(ast.parse(source)), ()):
        for after in _changes(node):
            text, change = lines[node.lineno - 1].strip(), f"{ast.unparse(node)} -> {after}"
            seen[function, text, change] += 1
            if seen[function, text, change] > 1:
                change += f" ({seen[function, text, change]})"
            changed = _spliced(source, node, after)
            found.append(Mutant(function, text, change, node.lineno, changed))
    return found


def _changes(node):
    texts = dict.fromkeys(text for operator in OPERATORS for text in operator(node))
    return [text for text in texts if text != ast.unparse(node)]


def _nodes(node, path):
    """Every node that may be changed, with the dotted name of its function."""
    name = getattr(node, "name", None) or ""
    if isinstance(node, UNTOUCHED) or _is_refusal(node) or name in SILENT or CHECK.fullmatch(name):
        return
    if isinstance(node, ast.keyword) and node.arg in GIVEN or _is_drawn(node):
        return
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        path = *path, node.name
    elif isinstance(node, (ast.expr, ast.stmt)):
        yield node, ".".join(path)
    for child in _inside(node):
        yield from _nodes(child, path)


def _inside(node):
    if isinstance(node, ast.FunctionDef):
        return [*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body]
    if isinstance(node, ast.ClassDef):
        return node.body
    if isinstance(node, ast.AnnAssign):
        return [node.value] if node.value else []
    return ast.iter_child_nodes(node)


def _is_drawn(node):
    if not isinstance(node, (ast.Assign, ast.keyword)):
        return False
    name = node.arg if isinstance(node, ast.keyword) else ast.unparse(node.targets[0])
    return name in DRAWN and isinstance(node.value, (ast.Constant, ast.Dict, ast.Tuple))


def _is_refusal(node):
    return isinstance(node, ast.Call) and called(node) == "refuse"


def _spliced(source, node, after):
    """The source with ``after`` in the place of ``node``; columns are counted in bytes."""
    if isinstance(node, ast.expr) and not isinstance(node, ast.Slice):
        after = f"({after})"
    lines = source.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    whole = b"".join(lines)
    return (whole[:start] + after.encode() + whole[end:]).decode()
