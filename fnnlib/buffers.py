"""Arrays that a network keeps from one pass to the next, so that a training loop allocates none.

Without buffers a network returns fresh arrays. With them, what a pass returns lies in the buffers,
and the next pass with the same buffers writes over it: copy what must stay. Each network of a
training loop has its own buffers.
"""

from typing import NamedTuple

from fnnlib import require


class Buffers:
    """Room for the passes of one network; made anew when the sizes change.

    >>> import numpy as np
    >>> from fnnlib import rnn
    >>> p, s = rnn.init(np.random.default_rng(0), 3, 2), rnn.State(np.zeros((4, 2)))
    >>> buffers = Buffers()
    >>> (h, _), _ = rnn.forward(p, np.ones((5, 4, 3)), s, buffers)
    >>> (again, _), _ = rnn.forward(p, np.zeros((5, 4, 3)), s, buffers)
    >>> again.base is h.base
    True
    """

    def __init__(self):
        self._rooms = {}
        self.passes = 0

    def room(self, make, *sizes):
        """What ``make(*sizes)`` returned when these sizes were first asked for in a row."""
        known, room = self._rooms.get(make, (None, None))
        if known != sizes:
            room = make(*sizes)
            self._rooms[make] = sizes, room
        return room


class Turn(NamedTuple):
    """A forward pass with buffers, in the cache of a network."""

    buffers: Buffers
    number: int  # how many passes began with these buffers


def begin(reuse):
    """Buffers for a forward pass, the given ones or new ones for None, and what its cache keeps.

    >>> begin(3)
    Traceback (most recent call last):
    TypeError: reuse: expected buffers.Buffers, got int
    """
    if reuse is None:
        return Buffers(), None
    require.kind("reuse", reuse, Buffers).passes += 1
    return reuse, Turn(reuse, reuse.passes)


def resume(turn):
    """Buffers for the backward pass; refuses a cache that a later forward pass wrote over.

    >>> buffers = Buffers()
    >>> (_, first), (_, second) = begin(buffers), begin(buffers)
    >>> resume(second) is buffers
    True
    >>> resume(first)
    Traceback (most recent call last):
    ValueError: cache: expected that of pass 2, the last with these buffers, got that of pass 1
    """
    if turn is None:
        return Buffers()
    buffers, number = require.kind("turn", turn, Turn)
    if number != buffers.passes:
        expected = f"that of pass {buffers.passes}, the last with these buffers"
        require.refuse("cache", expected, f"that of pass {number}")
    return buffers
