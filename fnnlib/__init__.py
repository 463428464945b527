"""Feedback neural networks, derived, checked and run: the library of the book."""

__version__ = "0.1.0"
