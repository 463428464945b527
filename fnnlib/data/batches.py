"""Random minibatches, padding of unequal sequences, and the split into training and validation."""

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
    if type(axis) is not int or axis not in (0, 1):
        require.refuse("axis", "0 or 1", repr(axis))
    n = require.array("x", x, axis + 1).shape[axis]
    if n == 0:
        require.refuse("x", "at least one example", f"shape {x.shape}")
    if len(require.array("y", y, 1)) != n:
        require.refuse("y", f"{n} examples like axis {axis} of x", len(y))
    return _batches(x, y, size, rng, epochs, axis)


def pad(sequences, value=0):
    """Sequences of unequal lengths side by side, time first; returns ``(x, mask)``.

    ``sequences`` is a list of arrays ``(T_b, ...)`` of one dtype. ``x`` is ``(T, B, ...)`` with T
    the greatest length and ``value`` after the end of a sequence; ``mask`` is ``(T, B)``, True
    where there is a sequence. A sequence may be empty, but not all of them.

    >>> x, mask = pad([np.array([1, 2, 3]), np.array([4])])
    >>> x.tolist(), mask[:, 1].tolist()
    ([[1, 4], [2, 0], [3, 0]], [True, False, False])
    """
    if not require.kind("sequences", sequences, list):
        require.refuse("sequences", "at least one sequence", "none")
    first = sequences[0]
    for b, sequence in enumerate(sequences):
        name = f"sequences[{b}]"
        require.array(name, sequence, 1)
        if sequence.dtype.kind not in "biuf":
            require.refuse(name, "numbers or booleans", sequence.dtype)
        if sequence.dtype != first.dtype:
            require.refuse(name, f"{first.dtype} like sequences[0]", sequence.dtype)
        if sequence.shape[1:] != first.shape[1:]:
            require.refuse(f"{name}[t]", f"shape {first.shape[1:]}", sequence.shape[1:])
    T = max(map(len, sequences))
    if T == 0:
        require.refuse("sequences", "a sequence that is not empty", f"{len(sequences)} empty ones")
    if np.array(require.number("value", value)).astype(first.dtype) != value:
        require.refuse("value", f"a number that {first.dtype} can hold", value)
    x = np.full((T, len(sequences), *first.shape[1:]), value, first.dtype)
    mask = np.zeros(x.shape[:2], bool)
    for b, sequence in enumerate(sequences):
        x[: len(sequence), b] = sequence
        mask[: len(sequence), b] = True
    return x, mask


def split(n, share, rng):
    """Random indices ``(training, validation)`` of ``n`` examples, ``share`` of them to validate.

    The number to validate is rounded, and neither part is empty.

    >>> training, validation = split(10, 0.2, np.random.default_rng(0))
    >>> sorted([*training, *validation]) == list(range(10)), len(validation)
    (True, 2)
    """
    n = require.count("n", n)
    share = require.number("share", share, above=0, below=1)
    order = require.generator("rng", rng).permutation(n)
    held = round(share * n)
    if not 0 < held < n:
        require.refuse("share", f"both parts of {n} examples to be filled", f"{share:g}")
    return np.sort(order[held:]), np.sort(order[:held])


def _batches(x, y, size, rng, epochs, axis):
    for _ in range(epochs):
        order = rng.permutation(len(y))
        for start in range(0, len(y), size):
            chosen = order[start : start + size]
            yield np.take(x, chosen, axis=axis), y[chosen]
