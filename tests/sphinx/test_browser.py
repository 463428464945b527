"""A missing browser is an error that says what to install."""

from types import SimpleNamespace

import pytest

from fnnlib.sphinx import browser


def test_a_missing_browser_says_how_to_get_one(monkeypatch):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(browser.shutil, "which", lambda _: None)
    nothing = SimpleNamespace(chromium=SimpleNamespace(executable_path="/no/such/file"))
    with pytest.raises(RuntimeError, match="apt-get install chromium"):
        browser.launch(nothing)
