"""Arrays nested in tuples: parameters, their gradients and the optimiser's slots share one shape.

A tree is an array, or a tuple or NamedTuple of trees. Combine trees with :func:`map`; the operator
``+`` would concatenate the tuples instead of adding the arrays.
"""

import math

import numpy as np

from fnnlib import require


def map(f, tree, *rest):
    """Apply ``f`` to matching leaves; the result has the type of ``tree``.

    Every tree in ``rest`` must have the structure of ``tree``. ValueError where one has not,
    TypeError for a list or a dict.

    >>> map(np.add, (np.ones(2), np.zeros(1)), (np.ones(2), np.ones(1)))
    (array([2., 2.]), array([1.]))
    """
    return _map(f, "tree", tree, *rest)


def _map(f, name, tree, *rest):
    if not _is_node(name, tree):
        for other in rest:
            if isinstance(other, tuple):
                require.refuse(name, "a leaf in every tree", f"a tuple of {len(other)}")
        return f(tree, *rest)
    for other in rest:
        if not isinstance(other, tuple) or len(other) != len(tree):
            got = f"a tuple of {len(other)}" if isinstance(other, tuple) else _kind(other)
            require.refuse(name, f"a tuple of {len(tree)} in every tree", got)
    paths = [f"{name}.{key}" for key in _keys(tree)]
    children = [_map(f, *group) for group in zip(paths, tree, *rest, strict=True)]
    return type(tree)(*children) if hasattr(tree, "_fields") else tuple(children)


def leaves(tree, name=""):
    """Yield ``(dotted name, leaf)`` from left to right.

    >>> [name for name, leaf in leaves((np.ones(2), (np.ones(1), np.ones(3))))]
    ['0', '1.0', '1.1']
    """
    if not _is_node(name, tree):
        yield name, tree
        return
    for key, child in zip(_keys(tree), tree, strict=True):
        yield from leaves(child, f"{name}.{key}" if name else str(key))


def like(name, tree, model):
    """Require ``tree``, an argument called ``name``, to have the leaves of ``model``.

    >>> like("g", (np.ones(1),), (np.ones(1), np.ones(1)))
    Traceback (most recent call last):
    ValueError: g: expected the leaves g.0, g.1, got g.0
    """
    found, expected = ([path for path, _ in leaves(t, name)] for t in (tree, model))
    if found != expected:
        require.refuse(name, f"the leaves {', '.join(expected)}", ", ".join(found) or "none")


def dot(a, b):
    """Pair a gradient with a step: the sum of ``a * b`` over all entries, with no conjugation.

    >>> float(dot((np.ones(2), np.full(3, 2.0)), (np.ones(2), np.ones(3))))
    8.0
    """
    return sum(x for _, x in leaves(map(lambda x, y: np.sum(x * y), a, b)))


def norm(tree):
    """Euclidean length of all leaves together, as a float, without overflow on the way.

    >>> norm((np.array([4e200]), np.array([0.0, 0.0])))
    4e+200
    """
    if not any(leaves(tree)):
        require.refuse("tree", "at least one leaf", "none")
    largest = max(float(np.max(np.abs(x))) for _, x in leaves(tree))
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * math.sqrt(sum(float(np.sum((x / largest) ** 2)) for _, x in leaves(tree)))


def _keys(node):
    return getattr(node, "_fields", range(len(node)))


def _is_node(name, tree):
    if isinstance(tree, (list, dict)):
        require.refuse(name or "tree", "arrays nested in tuples", _kind(tree), TypeError)
    return isinstance(tree, tuple)


def _kind(x):
    return type(x).__name__
