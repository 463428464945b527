"""Widgets: the formulas of the book, to move by hand. In a page they need no kernel."""

try:
    import anywidget as _  # noqa: F401
except ImportError as error:
    raise ImportError("fnnlib.widgets needs more: pip install 'fnnlib[widgets]'") from error

from fnnlib.widgets.activations import ActivationExplorer
from fnnlib.widgets.base import BookWidget, share_once
from fnnlib.widgets.digits_panel import DigitsPanel
from fnnlib.widgets.gradient_flow import GradientFlow
from fnnlib.widgets.losses import LossExplorer
from fnnlib.widgets.training_lab import TrainingLab

__all__ = [
    "ActivationExplorer", "BookWidget", "DigitsPanel", "GradientFlow", "LossExplorer",
    "TrainingLab", "share_once",
]  # fmt: skip
