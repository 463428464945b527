"""Numeric probes: an expression evaluated at random sizes and values in high precision.

Probes share nothing with the proofs. A derivative is a difference quotient of the expression
as it stands, so that a probe also catches a mistake in SymPy's calculus.
"""

import random

import mpmath as mp
from sympy import Idx, Symbol

from .evaluate import DIGITS, Scratch, Unusable, evaluator, location, rule_of, slot

STEP = mp.mpf(10) ** -30  # of a difference quotient: its error is about STEP**2
TOLERANCE = mp.mpf(10) ** -50  # relative; well above STEP**2, well below any real mistake
LARGEST_SIZE = 3  # sizes are drawn from the smallest to this

__all__ = ["DIGITS", "LARGEST_SIZE", "STEP", "TOLERANCE", "Probe", "Unusable"]


class Probe(Scratch):
    """One assignment of values to every symbol, drawn on demand.

    ``follow`` names the recursive arrays whose recurrence is obeyed; all other entries are
    independent numbers. No size is below ``smallest``. ``values`` may be filled beforehand:
    sizes and scalars by symbol; entries stand there by their :meth:`location`.
    """

    def __init__(self, seed, follow=(), at_zero=False, smallest=1):
        super().__init__()
        self.random, self.follow, self.at_zero = random.Random(seed), set(follow), at_zero
        self.smallest, self.values = smallest, {}

    def sizes(self):
        """The sizes drawn so far, by name."""
        return self._integers(Symbol)

    def places(self):
        """The sizes and free indices drawn so far, by name: where a probe has looked."""
        return self._integers((Symbol, Idx))

    def _integers(self, kinds):
        return {str(s): int(v) for s, v in self.values.items()
                if isinstance(s, kinds) and s.is_integer}

    def __call__(self, e, bound=None):
        """The value of an expression; ``bound`` holds the indices of the sums around it."""
        return mp.mpmathify(evaluator(e)(self, _by_slot(bound or {})))

    def location(self, e, bound):
        """The key under which the value of a scalar or an entry is kept."""
        return location(e)(self, _by_slot(bound))

    def real(self, e):
        """A random real for a symbol, of the sign that it is assumed to have."""
        x = mp.mpf(0) if self.at_zero else mp.mpf(self.random.uniform(-1.5, 1.5))
        if e.is_nonnegative:
            return abs(x) + mp.mpf("0.1")
        return -abs(x) - mp.mpf("0.1") if e.is_nonpositive else x

    def draw(self, e):
        """The value of a symbol or a free index, drawn when it is first asked for."""
        if e not in self.values:
            if isinstance(e, Idx):
                self.values[e] = self._index(e)
            else:
                sizes = self.smallest, LARGEST_SIZE
                self.values[e] = self.random.randint(*sizes) if e.is_integer else self.real(e)
        return self.values[e]

    def _index(self, e):
        first, last = int(self(e.lower)), int(self(e.upper))
        if last < first:
            raise Unusable
        return self.random.randint(first, last)

    def entry(self, base, key):
        """The entry of an array under its key, (slot, indices...): given by a rule, or drawn."""
        if key in self.values:
            return self.values[key]
        if base.rule is None:
            return self._draw_entry(base, key)
        rule, reached = rule_of(base)
        memo = self.memo if self.moved.isdisjoint(reached) else self.moving
        if key not in memo:  # a recurrence meets the same entry many times
            memo[key] = self._given(base, rule, key[1:])
        return self._draw_entry(base, key) if memo[key] is None else memo[key]

    def _given(self, base, rule, at):
        """The value that a definition or a followed recurrence gives, else None."""
        if base.recursive and base not in self.follow:
            return None
        if base.start is not None and at[0] == int(self(base.start)):
            return None if base.value is None else self(base.value)
        return rule(self, at)

    def _draw_entry(self, base, key):
        for i, (first, last) in zip(key[1:], base.axes, strict=True):
            if not int(self(first)) <= i <= int(self(last)):
                raise Unusable
        self.values[key] = self.real(base)
        return self.values[key]

    def quotient(self, key, f):
        """The central difference quotient of ``f()`` by the scalar or entry under ``key``."""
        centre, outside = self.values[key], (self.moved, self.moving)
        self.moved, ends = self.moved | {key[0] if isinstance(key, tuple) else slot(key)}, []
        for side in (1, -1):
            self.values[key], self.moving = centre + side * STEP, {}
            ends.append(f())
        self.values[key], (self.moved, self.moving) = centre, outside
        return (ends[0] - ends[1]) / (2 * STEP)


def _by_slot(bound):
    return {slot(k): v for k, v in bound.items()}
