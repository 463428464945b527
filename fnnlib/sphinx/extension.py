"""Sphinx extension that makes the site self-contained: no request leaves the page's own host."""

import importlib.util
import os
import re
import shutil
from pathlib import Path

from fnnlib.sphinx import icons
from fnnlib.sphinx.run import Run
from fnnlib.widgets.base import share_once

HERE = Path(__file__).parent
MATHJAX = "tex-chtml-full.js"  # the only MathJax file that never loads a further TeX extension
FONTS = "output/chtml/fonts/woff-v2"
ICON_SCRIPTS = ("fontawesome.js", "all.min.js")
FONT_PRELOAD = re.compile(r'<link rel="preload" as="font"[^>]*>\s*')
# file:// forbids the search page to fetch the pages that it would quote.
SEARCH = 'if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false'
CITATION = re.compile(r"\[([a-z]+\d{4}[a-z]?)\](?!_)")


def mathjax_folder():
    """The folder of MathJax in the package sphinx-mathjax-offline, which is data only."""
    return Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent / "static/mathjax"


def configure(app, config):
    """Local MathJax, our style sheet and icon, and the footer given by the build."""
    config.mathjax_path = f"mathjax/{MATHJAX}"
    config.html_static_path.append(str(HERE / "static"))
    config.html_favicon = str(HERE / "static" / "favicon.svg")  # else browsers ask for one in vain
    config.html_theme_options["extra_footer"] = os.environ.get("BOOK_FOOTER", "")


def cite(app, what, name, thing, options, lines):
    """Docstrings write [key2000]; on the page that is a citation."""
    lines[:] = [CITATION.sub(r":cite:p:`\1`", line) for line in lines]


def skip(app, what, name, thing, skipping, options):
    """Leave out the fields of named tuples, whose docstring says only their number."""
    return True if (thing.__doc__ or "").startswith("Alias for field number") else None


def only_where_needed(app, page, template, context, doctree):
    """Sphinx gives the first page MathJax for the maths of its children; take it away again."""
    maths = app.env.domaindata["math"]["has_equations"].get(page)
    if app.builder.name == "html" and not maths:
        scripts = context["script_files"]
        context["script_files"] = [s for s in scripts if "mathjax" not in str(s).lower()]


def finish(app, exception):
    """Put MathJax beside the pages; drop what pages load in vain."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    source, target = mathjax_folder(), static / "mathjax"
    shutil.copytree(source / FONTS, target / FONTS, dirs_exist_ok=True)
    shutil.copy(source / MATHJAX, target)
    for script in static.rglob("*.js"):
        if script.name in ICON_SCRIPTS and "fontawesome" in script.as_posix():
            script.write_text("/* icons come from the web font */\n")
    for source_map in static.rglob("*.js.map"):
        source_map.unlink()
    # Preloads carry crossorigin, which file:// refuses, and most icons are never drawn.
    for page in Path(app.outdir).rglob("*.html"):
        page.write_text(share_once(FONT_PRELOAD.sub("", page.read_text("utf8"))), "utf8")
    icons.shrink(Path(app.outdir))


def setup(app):
    """Connect the extension to Sphinx."""
    app.connect("config-inited", configure)
    app.connect("autodoc-process-docstring", cite)
    app.connect("autodoc-skip-member", skip)
    app.connect("html-page-context", only_where_needed, priority=900)
    app.connect("build-finished", finish)
    app.add_directive("run", Run)
    app.add_css_file("book.css")
    app.add_js_file(None, body=SEARCH)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
