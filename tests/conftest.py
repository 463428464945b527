"""Fixtures that tests share: the built site, a local server for it, and a real browser."""

from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Page, sync_playwright

from fnnlib.sphinx import build, stage
from fnnlib.sphinx.browser import launch

ROOT = Path(__file__).parents[1]


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a line of log for each."""

    def log_message(self, *_):
        pass


@dataclass
class Visit:
    """An open page, with what it asked of other hosts and the errors of its console."""

    page: Page
    outside: list = field(default_factory=list)
    errors: list = field(default_factory=list)


@pytest.fixture(scope="session")
def site():
    """The folder of the built site; it must stand for the present sources."""
    stamp = ROOT / "_build" / "html" / build.STAMP
    built = stamp.read_text() if stamp.exists() else None
    assert built == stage.inputs(ROOT), "the site is not built from these sources: run `make book`"
    return stamp.parent


@pytest.fixture(scope="session")
def server(site):
    """The address of a local web server for the site."""
    handler = partial(Quiet, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}/"
        http.shutdown()


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium; a missing browser is an error, never a skip."""
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser):
    """Open an address with everything outside this machine blocked; contexts close by themselves.

    `visit(url, width=1280, theme="light", **context)` returns a `Visit` once maths is typeset.
    """
    contexts = []

    def opened(url, width=1280, theme="light", **options):
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, color_scheme=theme, **options)
        contexts.append(context)
        seen = Visit(context.new_page())

        def guard(route):
            address = route.request.url
            if address.startswith(("file:", "data:", "blob:", "http://127.0.0.1:")):
                return route.continue_()
            seen.outside.append(address)
            return route.abort()

        context.route("**/*", guard)
        seen.page.on("console", lambda m: m.type == "error" and seen.errors.append(m.text))
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.page.goto(url)
        seen.page.wait_for_function("!window.MathJax || MathJax.startup?.promise")
        seen.page.evaluate("window.MathJax && MathJax.startup.promise.then(() => 1)")
        return seen

    yield opened
    for context in contexts:
        context.close()
