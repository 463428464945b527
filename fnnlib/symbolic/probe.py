"""Numeric probes: an expression evaluated at random sizes and values in high precision.

Probes share nothing with the proofs. A derivative is a difference quotient of the expression
as it stands, so that a probe also catches a mistake in SymPy's calculus.
"""

import random
import zlib

import mpmath as mp
from sympy import (
    Abs,
    Add,
    Dummy,
    Heaviside,
    Idx,
    Indexed,
    KroneckerDelta,
    Max,
    Min,
    Mul,
    Piecewise,
    Pow,
    Sum,
    Symbol,
    sign,
)
from sympy.core.relational import Relational

from .vocabulary import Array, Misuse, Partial, Quantity

DIGITS = 110  # working precision of a probe
STEP = mp.mpf(10) ** -30  # of a difference quotient: its error is about STEP**2
TOLERANCE = mp.mpf(10) ** -50  # relative; well above STEP**2, well below any real mistake
LARGEST_SIZE = 3  # sizes are drawn from the smallest to this


class Unusable(Exception):
    """This probe cannot evaluate the expression (an empty range, a pole); take another."""


def _compare(name, a, b):
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b}[name]


class Probe:
    """One assignment of values to every symbol, drawn on demand.

    ``follow`` names the recursive arrays whose recurrence is obeyed; all other entries are
    independent numbers. No size is below ``smallest``. ``values`` may be filled beforehand:
    sizes by symbol, entries by ``(array, indices...)``.
    """

    def __init__(self, seed, follow=(), at_zero=False, smallest=1):
        self.random, self.follow, self.at_zero = random.Random(seed), set(follow), at_zero
        self.smallest = smallest
        self.values, self.memo, self.bound_in = {}, {}, {}

    def sizes(self):
        """The sizes drawn so far, by name."""
        return self._integers(Symbol)

    def places(self):
        """The sizes and free indices drawn so far, by name: where a probe has looked."""
        return self._integers((Symbol, Idx))

    def _integers(self, kinds):
        return {str(s): int(v) for s, v in self.values.items()
                if isinstance(s, kinds) and s.is_integer}

    def real(self, e):
        """A random real for a symbol, of the sign that it is assumed to have."""
        x = mp.mpf(0) if self.at_zero else mp.mpf(self.random.uniform(-1.5, 1.5))
        if e.is_positive:
            return abs(x) + mp.mpf("0.1")
        return -abs(x) - mp.mpf("0.1") if e.is_negative else x

    def __call__(self, e, bound=None):
        """The value of an expression; ``bound`` holds the indices of the sums around it."""
        bound = bound or {}
        if e in bound:
            return bound[e]
        if e.is_Rational:
            return mp.mpf(e.p) / e.q
        if not e.args or isinstance(e, Idx):
            return self._atom(e)
        key = (e, tuple(bound[k] for k in self._bound(e) if k in bound))
        if key not in self.memo:
            self.memo[key] = self._evaluate(e, bound)
        return self.memo[key]

    def _bound(self, e):
        if e not in self.bound_in:
            self.bound_in[e] = sorted(e.atoms(Dummy, Idx), key=str)
        return self.bound_in[e]

    def _atom(self, e):
        if isinstance(e, Quantity):
            return self(e.value)
        if isinstance(e, Idx):
            lo, hi = int(self(e.lower)), int(self(e.upper))
            if hi < lo:
                raise Unusable
            return self.values.setdefault(e, self.random.randint(lo, hi))
        if e.is_Symbol:
            if e not in self.values:
                sizes = self.smallest, LARGEST_SIZE
                self.values[e] = self.random.randint(*sizes) if e.is_integer else self.real(e)
            return self.values[e]
        return mp.mpf(str(e.evalf(DIGITS)))

    def location(self, e, bound):
        """The key under which the value of a scalar or an entry is kept."""
        if not isinstance(e, Indexed):
            return e
        return (e.base, *[int(self(i, bound)) for i in e.indices])

    def _evaluate(self, e, bound):
        if isinstance(e, Indexed):
            return self._entry(e, bound)
        if isinstance(e, Sum):
            (k, lo, hi), rest = e.limits[-1], e.limits[:-1]
            body = Sum(e.function, *rest) if rest else e.function
            span = range(int(self(lo, bound)), int(self(hi, bound)) + 1)
            return mp.fsum(self(body, {**bound, k: j}) for j in span)
        if isinstance(e, Partial):
            return self._quotient(e, bound)
        if isinstance(e, Piecewise):
            return self._branch(e, bound)
        if isinstance(e, KroneckerDelta):
            return mp.mpf(self(e.args[0], bound) == self(e.args[1], bound))
        if isinstance(e, Mul) and self._is_cut(e, bound):
            return mp.mpf(0)
        arguments = [self(a, bound) for a in e.args]
        if isinstance(e, Add):
            return mp.fsum(arguments)
        if isinstance(e, Mul):
            return mp.fprod(arguments)
        if isinstance(e, Pow):
            return mp.power(*arguments)
        if hasattr(e, "orders"):
            return self._function(e, arguments)
        return _builtin(e, arguments)

    def _is_cut(self, e, bound):
        """Whether a delta makes a product zero, whatever stands behind it."""
        return any(isinstance(a, KroneckerDelta) and self(a, bound) == 0 for a in e.args)

    def _entry(self, e, bound):
        key = self.location(e, bound)
        base, at = key[0], list(key[1:])
        if not isinstance(base, Array):
            raise TypeError(f"{e} is not an entry of an array made by array()")
        if key not in self.memo:  # by location: a recurrence meets the same entry many times
            self.memo[key] = self._given(base, at)
        value = self.memo[key]
        return self._draw(e, base, at) if value is None else value

    def _given(self, base, at):
        """The value that a definition or a followed recurrence gives, else None."""
        if base.recursive and base not in self.follow:
            return None
        if base.start is not None and at[0] == int(self(base.start)):
            return None if base.value is None else self(base.value)
        if base.rule is None:
            return None
        indices, body = base.template
        return self(body, dict(zip(indices, at, strict=True)))

    def _draw(self, e, base, at):
        key = (base, *at)
        if key not in self.values:
            for i, (first, last) in zip(at, base.axes, strict=True):
                if not int(self(first)) <= i <= int(self(last)):
                    raise Unusable
            self.values[key] = self.real(e)
        return self.values[key]

    def _quotient(self, e, bound):
        self(e.variable, bound)
        key = self.location(e.variable, bound)
        if key not in self.values:
            raise Misuse(f"{e.variable} follows from other entries; differentiate by those")
        centre, ends = self.values[key], []
        outside = self.memo
        for side in (1, -1):
            self.values[key], self.memo = centre + side * STEP, {}
            ends.append(self(e.expr, bound))
        self.values[key], self.memo = centre, outside
        return (ends[0] - ends[1]) / (2 * STEP)

    def _branch(self, e, bound):
        for value, condition in e.args:
            if self._holds(condition, bound):
                return self(value, bound)
        raise Unusable

    def _holds(self, condition, bound):
        if isinstance(condition, Relational):
            return _compare(condition.rel_op, *[self(a, bound) for a in condition.args])
        return bool(condition)

    def _function(self, e, arguments):
        base = self._meant(e) if e.meaning else _opaque(e.base_name, len(arguments))
        if not e.orders:
            return base(*arguments)
        orders = tuple(e.orders.count(k + 1) for k in range(len(arguments)))
        return mp.diff(base, tuple(arguments), orders)

    def _meant(self, e):
        names = [Symbol(f"u{k}", real=True) for k in range(len(e.args))]
        body = e.meaning(*names)

        def value(*x):
            inner = Probe(0)
            inner.values.update(zip(names, x, strict=True))
            return inner(body)

        return value


def _opaque(name, arity):
    """A smooth function that depends on the name alone, with no special structure."""
    draw = random.Random(zlib.crc32(name.encode()))
    w = [mp.mpf(draw.uniform(0.4, 1.3)) for _ in range(arity)]
    return lambda *x: mp.sin(mp.fdot(w, x) + w[0]) + mp.fdot(w, x) ** 2 / 3


def _builtin(e, arguments):
    special = {Max: max, Min: min, Abs: abs, sign: mp.sign}
    if type(e) in special:
        return special[type(e)](*arguments)
    if isinstance(e, Heaviside):
        return (1 + mp.sign(arguments[0])) / 2
    return getattr(mp, type(e).__name__)(*arguments)
