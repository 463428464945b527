"""The directive ``run``: prose pages whose code and formulas come from running them.

The blocks of a page share their names, as the cells of a notebook do. A block that fails is a
warning that names the page and the line, so it stops the build. ``:hide-input:`` shows the result
alone.
"""

import ast
import io
from contextlib import redirect_stdout

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective


def run(source, scope):
    """Run Python; return what it printed, then the value of its last expression or None.

    >>> run("x = 2\\nprint(x)\\nx + 1", {})
    ('2\\n', 3)
    """
    body = ast.parse(source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    with redirect_stdout(io.StringIO()) as printed:
        exec(compile(ast.Module(body, []), "<page>", "exec"), scope)
        value = last and eval(compile(ast.Expression(last.value), "<page>", "eval"), scope)
    return printed.getvalue(), value


def markdown(value):
    """The Markdown of a value that has one, as a notebook would find it, else None."""
    if hasattr(value, "_repr_mimebundle_"):
        return value._repr_mimebundle_().get("text/markdown")
    return value._repr_markdown_() if hasattr(value, "_repr_markdown_") else None


class Run(SphinxDirective):
    """Code, what it printed, and its value, dressed as a cell of a notebook."""

    has_content = True
    option_spec = {"hide-input": directives.flag}

    def run(self):
        """The nodes of one block."""
        source = "\n".join(self.content)
        scope = self.env.temp_data.setdefault("fnnlib_run", {"__name__": "__main__"})
        try:
            printed, value = run(source, scope)
            text = markdown(value)
        except Exception as error:
            raise self.error(f"{type(error).__name__}: {error}") from error
        shown = nodes.container(classes=["cell_output"])
        if printed:
            shown += _literal(printed.rstrip(), "text")
        if text:
            shown += self.parse_text_to_nodes(text)
        elif value is not None:
            shown += _literal(repr(value), "text")
        code = nodes.container("", _literal(source, "python"), classes=["cell_input"])
        parts = [code] * ("hide-input" not in self.options) + [shown] * bool(shown.children)
        return [nodes.container("", *parts, classes=["cell"])]


def _literal(text, language):
    return nodes.literal_block(text, text, language=language)
