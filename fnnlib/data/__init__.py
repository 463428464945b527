"""Data sets and their batches."""

from fnnlib.data.batches import minibatches, pad, split
from fnnlib.data.digits import digits, rows
from fnnlib.data.files import Unavailable, california_housing, mnist
from fnnlib.data.sentences import VOCABULARY, encode, sentences
from fnnlib.data.synthetic import adding, copying, house_prices, mackey_glass

__all__ = [
    "VOCABULARY", "Unavailable", "adding", "california_housing", "copying", "digits", "encode",
    "house_prices", "mackey_glass", "minibatches", "mnist", "pad", "rows", "sentences",
    "split",
]  # fmt: skip
