"""True statements of matrix calculus and the literature that no chapter and no derivation needs.

Every function says one of them, with its source where that is known, and gives the two sides, or
the induction that proves it.
"""

import inspect

from . import layers, matrices, sequences, statistics, vectors

MODULES = layers, matrices, sequences, statistics, vectors
STATEMENTS = {
    name: statement
    for module in MODULES
    for name, statement in inspect.getmembers(module, inspect.isfunction)
    if statement.__module__ == module.__name__ and statement.__doc__ and name[0] != "_"
}

# What is true, but not proved: its status and why.
BEYOND = {
    "sum_over_a_triangle_at_once": ("probed", "ranges that depend on an index are not exchanged"),
}
