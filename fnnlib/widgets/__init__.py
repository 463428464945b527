"""Widgets: the formulas of the book, to move by hand. In a page they need no kernel."""

try:
    import anywidget as _  # noqa: F401
except ImportError as error:
    raise ImportError("fnnlib.widgets needs more packages: pip install 'fnnlib[widgets]'") from error

from fnnlib.widgets.activations import ActivationExplorer
from fnnlib.widgets.base import BookWidget, share_once

__all__ = ["ActivationExplorer", "BookWidget", "share_once"]
