"""Data sets and their batches."""

from fnnlib.data.batches import minibatches
from fnnlib.data.digits import digits, rows

__all__ = ["digits", "minibatches", "rows"]
