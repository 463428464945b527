"""Random minibatches."""

import numpy as np

from fnnlib import require


def minibatches(x, y, size, rng, epochs=1, axis=0):
    """Yield ``(x, y)`` batches of ``size`` examples, all examples once per epoch in random order.

    Examples lie along ``axis`` of ``x`` (1 for sequences with time first) and axis 0 of ``y``. The
    last batch of an epoch holds what is left. ValueError when the two counts differ.

    >>> x, y = np.arange(5.0), np.arange(5)
    >>> [len(labels) for _, labels in minibatches(x, y, 2, np.random.default_rng(0))]
    [2, 2, 1]
    """
    require.generator("rng", rng)
    size, epochs = require.count("size", size), require.count("epochs", epochs)
    if axis not in (0, 1):
        require.refuse("axis", "0 or 1", repr(axis))
    n = require.array("x", x, axis + 1).shape[axis]
    if n == 0:
        require.refuse("x", "at least one example", f"shape {x.shape}")
    if len(require.array("y", y, 1)) != n:
        require.refuse("y", f"{n} examples like axis {axis} of x", len(y))
    return _batches(x, y, size, rng, epochs, axis)


def _batches(x, y, size, rng, epochs, axis):
    for _ in range(epochs):
        order = rng.permutation(len(y))
        for start in range(0, len(y), size):
            chosen = order[start : start + size]
            yield np.take(x, chosen, axis=axis), y[chosen]
