"""Command line: `python -m fnnlib.sphinx html | pdf | store | rules [notebook ...]`."""

import argparse
import sys
from pathlib import Path

from fnnlib.sphinx import build, pdf, rules, store
from fnnlib.sphinx.execute import Failed
from fnnlib.sphinx.stage import chapters


def main():
    """Run one task from the root of the book; a failure is one clear line and exit status 1."""
    parser = argparse.ArgumentParser(prog="python -m fnnlib.sphinx", description=__doc__)
    parser.add_argument("task", choices=["html", "pdf", "store", "rules"])
    parser.add_argument("notebooks", nargs="*", type=Path, help="for store and rules; default: all")
    options = parser.parse_args()
    root = Path.cwd()
    if not (root / "_toc.yml").exists():
        parser.error("run it in the root of the book, where _toc.yml is")
    try:
        if options.task in ("html", "pdf"):
            page = {"html": build.html, "pdf": pdf.pdf}[options.task](root)
            print(f"Open {page.as_uri()}")
        else:
            paths = [path.resolve() for path in options.notebooks] or chapters(root)
            {"store": store.store, "rules": rules.keep}[options.task](paths)
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")


if __name__ == "__main__":
    main()
