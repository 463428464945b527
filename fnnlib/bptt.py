"""Backpropagation through time piece by piece, as the backward passes of recurrent modules do it.

A piece is a few steps whose arrays fit into the processor's cache: what does not wait for the
recurrence is computed for the whole piece at once, and is still at hand when its steps are done.
"""

import functools

from fnnlib import require

CACHE = 2**20  # bytes; a common size of the second-level cache


def size(T, step):
    """Steps in a piece of T steps at most, where a step works on ``step`` bytes.

    >>> size(20, 4096), size(20, 2**30)
    (20, 1)
    """
    return max(1, min(T, CACHE // step))


def pieces(T, truncate, size):
    """The steps in pieces, the last first: pairs of a slice and whether the gradient is cut there.

    It is cut where a piece begins at a multiple of ``truncate``: nothing flows further back.

    >>> pieces(5, 2, 5)
    ((slice(4, 5, None), True), (slice(2, 4, None), True), (slice(0, 2, None), False))
    >>> pieces(5, None, 3)
    ((slice(2, 5, None), False), (slice(0, 2, None), False))
    """
    return _pieces(T, T if truncate is None else require.count("truncate", truncate), size)


def pair(dout, State):
    """The two parts of ``dout``: gradients of all outputs, and of the last State.

    >>> pair((1, 2, 3), tuple)
    Traceback (most recent call last):
    ValueError: dout: expected the pair (dh, ds_T), got a tuple of 3
    >>> pair([1, 2], tuple)
    Traceback (most recent call last):
    TypeError: dout: expected tuple, got list
    """
    require.kind("dout", dout, tuple)
    if len(dout) != 2:
        require.refuse("dout", "the pair (dh, ds_T)", f"a tuple of {len(dout)}")
    return dout[0], require.kind("ds_T", dout[1], State)


@functools.lru_cache  # a training loop asks the same again and again
def _pieces(T, K, size):
    return tuple(
        (slice(first := max(start, end - size), end), first == start > 0)
        for start in range(0, T, K)[::-1]
        for end in range(min(start + K, T), start, -size)
    )
