"""The whole book as one PDF, printed by Chromium from the single-page build."""

import shutil

from playwright.sync_api import sync_playwright

from fnnlib.sphinx.browser import launch
from fnnlib.sphinx.build import jupyter_book
from fnnlib.sphinx.execute import Failed

PAPER = 657  # pixels of text on A4 between the margins
MARGIN = dict.fromkeys(("top", "bottom", "left", "right"), "18mm")
SHEET = """.toctree-wrapper > section { break-before: page }
* { animation: none !important }"""
# On paper a widget is the picture that stands in where scripts are off, hidden solutions are open,
# and a formula that would scroll on a screen is set smaller.
STILL = """() => {
  for (const picture of document.querySelectorAll(".fnnlib > noscript"))
    picture.parentElement.innerHTML = picture.textContent
  for (const hidden of document.querySelectorAll("details")) hidden.open = true
  for (const box of document.querySelectorAll("mjx-container[display]"))
    if (box.scrollWidth > box.clientWidth) {
      const size = parseFloat(getComputedStyle(box).fontSize)
      box.style.fontSize = `${0.99 * size * box.clientWidth / box.scrollWidth}px`
    }
}"""


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
        page = browser.new_page(color_scheme="light", viewport={"width": PAPER, "height": 960})
        page.emulate_media(media="print")
        page.goto(page_file.as_uri())
        page.evaluate("MathJax.startup.promise.then(() => 1)")
        page.add_style_tag(content=SHEET)
        page.evaluate(STILL)
        target = root / "_build" / "book.pdf"
        look = {"format": "A4", "print_background": True, "margin": MARGIN}
        page.pdf(path=target, outline=True, tagged=True, **look)
        browser.close()
    return target
