"""Sphinx extension that makes the site self-contained: no request leaves the page's own host."""

import importlib.util
import os
import re
import shutil
from pathlib import Path

HERE = Path(__file__).parent
MATHJAX = "tex-chtml-full.js"  # the only MathJax file that never loads a further TeX extension
FONTS = "output/chtml/fonts/woff-v2"
ICON_SCRIPTS = ("fontawesome.js", "all.min.js")
FONT_PRELOAD = re.compile(r'<link rel="preload" as="font"[^>]*>\s*')
CITATION = re.compile(r"\[([a-z]+\d{4}[a-z]?)\](?!_)")


def mathjax_folder():
    """The folder of MathJax in the package sphinx-mathjax-offline, which is data only."""
    return Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent / "static/mathjax"


def configure(app, config):
    """Local MathJax, our style sheet, and the footer given by the build."""
    config.mathjax_path = f"mathjax/{MATHJAX}"
    config.html_static_path.append(str(HERE / "static"))
    config.html_theme_options["extra_footer"] = os.environ.get("BOOK_FOOTER", "")


def cite(app, what, name, thing, options, lines):
    """Docstrings write [key2000]; on the page that is a citation."""
    lines[:] = [CITATION.sub(r":cite:p:`\1`", line) for line in lines]


def skip(app, what, name, thing, skipping, options):
    """Leave out the fields of named tuples, whose docstring says only their number."""
    return True if (thing.__doc__ or "").startswith("Alias for field number") else None


def finish(app, exception):
    """Put MathJax beside the pages; drop icon scripts, source maps and font preloads."""
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
        page.write_text(FONT_PRELOAD.sub("", page.read_text("utf8")), "utf8")


def setup(app):
    """Connect the extension to Sphinx."""
    app.connect("config-inited", configure)
    app.connect("autodoc-process-docstring", cite)
    app.connect("autodoc-skip-member", skip)
    app.connect("build-finished", finish)
    app.add_css_file("book.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
