"""The picture of a real page that the README shows."""

from playwright.sync_api import sync_playwright

from fnnlib.sphinx import build
from fnnlib.sphinx.browser import launch

SIZE = {"width": 1280, "height": 1180}
PLACE = ".fnnlib"  # the first widget, and above it the derivation that it computes with
LOWEST = "place => place.scrollIntoView({block: 'end', behavior: 'instant'})"


def picture(root):
    """Write `.github/page.png` from the built chapter on recurrent nets; return its path."""
    page_file = build.html(root).parent / "notebooks" / "07_rnn.html"
    target = root / ".github" / "page.png"
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(page_file.as_uri())
        page.wait_for_function("MathJax.startup?.promise")
        page.evaluate("MathJax.startup.promise.then(() => 1)")
        page.locator(PLACE).first.evaluate(LOWEST)
        page.screenshot(path=target)
        browser.close()
    return target
