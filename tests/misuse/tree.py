"""Malformed calls of trees."""

import numpy as np

from fnnlib import dense, rnn, tree
from misuse.spoilt import f

P = dense.Params(f(3, 2), f(2))
R = rnn.Params(f(3, 2), f(2, 2), f(2))

CALLS = {}

# fmt: off
REFUSED = [
    (lambda: tree.map(np.add, (f(1), f(1)), (f(1),)), ValueError,
     "tree: expected a tuple of 2 in every tree, got a tuple of 1"),
    (lambda: tree.map(np.add, f(1), (f(1),)), ValueError,
     "tree: expected a leaf in every tree, got a tuple of 1"),
    (lambda: tree.map(np.add, (f(1),), f(1)), ValueError,
     "tree: expected a tuple of 1 in every tree, got ndarray"),
    (lambda: tree.map(np.add, (f(1), (f(1), f(1))), (f(1), (f(1),))), ValueError,
     "tree.1: expected a tuple of 2 in every tree, got a tuple of 1"),
    (lambda: tree.map(np.negative, {"W": f(1)}), TypeError,
     "tree: expected arrays nested in tuples, got dict"),
    (lambda: tree.map(np.negative, (f(1), [f(1)])), TypeError,
     "tree.1: expected arrays nested in tuples, got list"),
    (lambda: tree.dot(P, P.W), ValueError,
     "tree: expected a tuple of 2 in every tree, got ndarray"),
    (lambda: tree.like("g", (), P), ValueError, "g: expected the leaves g.W, g.b, got none"),
    (lambda: list(tree.leaves([f(1)])), TypeError,
     "tree: expected arrays nested in tuples, got list"),
    (lambda: tree.norm(()), ValueError, "tree: expected at least one leaf, got none"),
    (lambda: tree.map(None, P), TypeError, "f: expected a function, got NoneType"),
    (lambda: tree.dot(f(3), f(1)), ValueError, "b: expected shape (3,), got (1,)"),
    (lambda: tree.dot((f(2), f(3, 2)), (f(2), f(2))), ValueError,
     "b.1: expected shape (3, 2), got (2,)"),
    (lambda: tree.dot((f(2),), (np.array(["a", "b"]),)), TypeError,
     "b.0: expected numbers, got <U1"),
    (lambda: tree.dot((None,), (None,)), TypeError, "a.0: expected numbers, got object"),
    (lambda: tree.dot([f(2)], [f(2)]), TypeError,
     "tree: expected arrays nested in tuples, got list"),
    (lambda: tree.norm((f(2), np.array(["a"]))), TypeError, "tree.1: expected numbers, got <U1"),
    (lambda: tree.norm((f(0),)), ValueError, "tree.0: expected no empty axis, got shape (0,)"),
    (lambda: tree.norm({"W": f(2)}), TypeError,
     "tree: expected arrays nested in tuples, got dict"),
    (lambda: tree.where(1, P, P), TypeError,
     "mask: expected True, False or a tuple of these, got int"),
    (lambda: tree.where((True, None), P, P), TypeError,
     "mask.1: expected True, False or a tuple of these, got NoneType"),
    (lambda: tree.where((True,), P, P), ValueError,
     "mask: expected a tuple of 1 in every tree, got a tuple of 2"),
    (lambda: tree.like("g", P, R), ValueError,
     "g: expected the leaves g.W, g.U, g.b, got g.W, g.b"),
]
# fmt: on
