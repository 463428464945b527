"""Command line: `python -m fnnlib.sphinx html | pdf | store [notebook ...]`."""

import argparse
import sys
from pathlib import Path

from fnnlib.sphinx import build, pdf, store
from fnnlib.sphinx.execute import Failed
from fnnlib.sphinx.stage import chapters


def main():
    """Run one task from the root of the book; a failure is one clear line and exit status 1."""
    parser = argparse.ArgumentParser(prog="python -m fnnlib.sphinx", description=__doc__)
    parser.add_argument("task", choices=["html", "pdf", "store"])
    parser.add_argument("notebooks", nargs="*", type=Path, help="for store; default: all")
    options = parser.parse_args()
    root = Path.cwd()
    if not (root / "_toc.yml").exists():
        parser.error("run it in the root of the book, where _toc.yml is")
    try:
        if options.task == "store":
            store.store([p.resolve() for p in options.notebooks] or chapters(root))
        else:
            page = {"html": build.html, "pdf": pdf.pdf}[options.task](root)
            print(f"Open {page.as_uri()}")
    except Failed as failure:
        sys.exit(f"FAILED: {failure}")


if __name__ == "__main__":
    main()
