"""The book on paper: every chapter, with its maths typeset."""

import re
import subprocess
import sys
from pathlib import Path

from fnnlib.sphinx.stage import chapters

ROOT = Path(__file__).parents[2]


def test_the_whole_book_is_printed():
    # In a process of its own: Playwright runs once in each.
    subprocess.run([sys.executable, "-m", "fnnlib.sphinx", "pdf"], cwd=ROOT, check=True)
    content = (ROOT / "_build" / "book.pdf").read_bytes()
    pages = len(re.findall(rb"/Type\s*/Page\b", content))
    assert content.startswith(b"%PDF") and pages > 5 * len(chapters(ROOT))
    assert re.search(rb"/FontName\s*/[A-Z]+\+MathJax", content), "the maths is not typeset"
