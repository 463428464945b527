"""Command line: `python -m fnnlib.sphinx html | pdf | picture | store | rules [notebook ...]`."""

import argparse
import sys
from pathlib import Path

from fnnlib.sphinx import build, pdf, picture, rules, store
from fnnlib.sphinx.execute import Failed
from fnnlib.sphinx.stage import chapters

PAGES = {"html": build.html, "pdf": pdf.pdf, "picture": picture.picture}
NOTEBOOKS = {"store": store.store, "rules": rules.keep}


def main():
    """Run one task from the root of the book; a failure is one clear line and exit status 1."""
    parser = argparse.ArgumentParser(prog="python -m fnnlib.sphinx", description=__doc__)
    parser.add_argument("task", choices=[*PAGES, *NOTEBOOKS])
    parser.add_argument("notebooks", nargs="*", type=Path, help="for store and rules; default: all")
    options = parser.parse_args()
    root = Path.cwd()
    if not (root / "_toc.yml").exists():
        parser.error("run it in the root of the book, where _toc.yml is")
    try:
        if options.task in PAGES:
            print(f"Open {PAGES[options.task](root).as_uri()}")
        else:
            NOTEBOOKS[options.task]([p.resolve() for p in options.notebooks] or chapters(root))
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")


if __name__ == "__main__":
    main()
