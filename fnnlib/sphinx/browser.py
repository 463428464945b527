"""Find and start a headless Chromium, for the PDF and for the tests of the site."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MISSING = (
    "no Chromium found: install one (`apt-get install chromium`), "
    "or run `.venv/bin/playwright install chromium`, or set CHROMIUM to its path"
)


def launch(playwright):
    """A headless browser from CHROMIUM, the search path or Playwright; `RuntimeError` if none."""
    own = playwright.chromium.executable_path
    found = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES), os.path.exists(own) and own]
    path = next(filter(None, found), None)
    if path is None:
        raise RuntimeError(MISSING)
    return playwright.chromium.launch(executable_path=path, args=list(QUIET))
