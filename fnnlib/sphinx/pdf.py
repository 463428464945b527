"""The whole book as one PDF, printed by Chromium from the single-page build."""

import shutil

from playwright.sync_api import sync_playwright

from fnnlib.sphinx.browser import launch
from fnnlib.sphinx.build import jupyter_book
from fnnlib.sphinx.execute import Failed

MARGIN = dict.fromkeys(("top", "bottom", "left", "right"), "18mm")


def pdf(root):
    """Build `_build/book.pdf` and return its path."""
    with sync_playwright() as playwright:
        try:
            browser = launch(playwright)
        except RuntimeError as error:
            raise Failed(str(error)) from None
        jupyter_book(root, "singlehtml")
        site = root / "_build" / "singlehtml"
        # The builder writes the page below book/, but links its assets from the top.
        page_file = shutil.copy(site / "book" / "intro.html", site / "print.html")
        page = browser.new_page(color_scheme="light")
        page.goto(page_file.as_uri())
        page.evaluate("MathJax.startup.promise.then(() => 1)")
        target = root / "_build" / "book.pdf"
        page.pdf(
            path=target, format="A4", print_background=True, outline=True, tagged=True,
            margin=MARGIN,
        )
        browser.close()
    return target
