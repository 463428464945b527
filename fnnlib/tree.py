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
    return _map(require.function("f", f), "tree", tree, *rest)


def _map(f, name, tree, *rest):
    if not _is_node(name, tree):
        for other in rest:
            if isinstance(other, tuple):
                require.refuse(name, "a leaf in every tree", f"a tuple of {len(other)}")
        return f(tree, *rest)
    return _like(tree, [_map(f, *branch) for branch in _branches(name, tree, *rest)])


def where(mask, a, b):
    """Take the branches of ``a`` where ``mask`` is True, and of ``b`` where it is False.

    ``mask`` is a bool, which decides for all that is below it, or a tuple or NamedTuple of masks.
    TypeError for anything else, ValueError where ``mask``, ``a`` and ``b`` differ in structure.

    >>> where((True, False), (np.ones(2), np.ones(1)), (np.zeros(2), np.zeros(1)))
    (array([1., 1.]), array([0.]))
    """
    return _where("mask", mask, a, b)


def _where(name, mask, a, b):
    if isinstance(mask, (bool, np.bool_)):
        return map(lambda x, y: x if mask else y, a, b)
    if not isinstance(mask, tuple):
        require.refuse(name, "True, False or a tuple of these", _kind(mask), TypeError)
    return _like(a, [_where(*branch) for branch in _branches(name, mask, a, b)])


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
    map(lambda x, y: None, a, b)  # refuses trees of different structure
    total = 0
    for (of_a, x), (of_b, y) in zip(leaves(a, "a"), leaves(b, "b"), strict=True):
        x = _numbers(of_a, x)
        total += np.sum(x * require.shape(of_b, _numbers(of_b, y), x.shape))
    return total


def norm(tree):
    """Euclidean length of all leaves together, as a float, without overflow on the way.

    >>> norm((np.array([4e200]), np.array([0.0, 0.0])))
    4e+200
    """
    if not any(leaves(tree)):
        require.refuse("tree", "at least one leaf", "none")
    largest = max(float(np.max(np.abs(_numbers(*leaf)))) for leaf in leaves(tree, "tree"))
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * math.sqrt(sum(float(np.sum((x / largest) ** 2)) for _, x in leaves(tree)))


def _branches(name, tree, *rest):
    """``(dotted name, branch of every tree)`` one level below."""
    for other in rest:
        if not isinstance(other, tuple) or len(other) != len(tree):
            got = f"a tuple of {len(other)}" if isinstance(other, tuple) else _kind(other)
            require.refuse(name, f"a tuple of {len(tree)} in every tree", got)
    paths = [f"{name}.{key}" for key in _keys(tree)]
    return zip(paths, tree, *rest, strict=True)


def _like(node, children):
    return type(node)(*children) if hasattr(node, "_fields") else tuple(children)


def _keys(node):
    return getattr(node, "_fields", range(len(node)))


def _numbers(name, x):
    """Require an array of numbers, or one number; NaN is for the caller to judge."""
    x = np.asarray(x)
    if x.dtype.kind not in "biufc":
        require.refuse(name, "numbers", x.dtype, TypeError)
    if x.size == 0:
        require.refuse(name, "no empty axis", f"shape {x.shape}")
    return x


def _is_node(name, tree):
    if isinstance(tree, (list, dict)):
        require.refuse(name or "tree", "arrays nested in tuples", _kind(tree), TypeError)
    return isinstance(tree, tuple)


def _kind(x):
    return type(x).__name__
