"""Expressions as plain Python functions of a probe, made once and called for many values.

``evaluator(e)`` gives ``f(probe, at)``: the value of ``e``, where ``at`` holds the indices of the
sums around it. Sums, functions, powers and derivatives are kept by the probe, under their bound
indices. Inside, symbols and arrays go by numbers, their slots, which are looked up much sooner.
"""

import operator
import random
import zlib
from functools import lru_cache

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
    diff,
    sign,
)
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFunction

from .vocabulary import Array, Misuse, Partial, Quantity

DIGITS = 110  # working precision of a probe
_CACHED = 10_000  # expressions whose functions are held
_RELATIONS = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne,
}
_BUILTIN = {
    Max: max, Min: min, Abs: abs, sign: mp.sign,
    Heaviside: lambda x, at_zero: int(x > 0) if x else at_zero,
}


_SLOTS = {}


def slot(e):
    """The number by which a symbol or an array goes here."""
    return _SLOTS.setdefault(e, len(_SLOTS))


class Unusable(Exception):
    """This probe cannot evaluate the expression (an empty range, a pole); take another."""


@lru_cache(_CACHED)
def evaluator(e):
    """The function of a probe and the bound indices that gives the value of ``e``."""
    if e.is_Integer:
        number = int(e)
        return lambda probe, at: number
    if e.is_Rational:
        return lambda probe, at: mp.mpf(e.p) / e.q
    if isinstance(e, Quantity):
        return evaluator(e.value)
    if isinstance(e, Idx) or e.is_Symbol:
        own = slot(e)
        return lambda probe, at: at[own] if own in at else probe.draw(e)
    if not e.args:  # a number such as pi
        return _kept(e, lambda probe, at: mp.mpf(str(e.evalf(DIGITS))))
    if isinstance(e, Indexed):
        return _entry(e)
    if isinstance(e, Mul):
        return _product(e)
    if isinstance(e, Add):
        terms = [evaluator(a) for a in e.args]
        return lambda probe, at: _added([term(probe, at) for term in terms])
    if isinstance(e, KroneckerDelta):
        i, j = map(evaluator, e.args)
        return lambda probe, at: int(i(probe, at) == j(probe, at))
    if isinstance(e, Piecewise):
        return _branches(e)
    if isinstance(e, Sum):
        return _kept(e, _sum(e))
    if isinstance(e, Partial):
        return _kept(e, _quotient(e))
    return _kept(e, _application(e))


def _kept(e, compute):
    """Values are kept by the probe; those that move with a quotient, until it moves on."""
    own, reached = object(), reach(e)  # a key that no other expression has
    bound = {k for t in e.atoms(Sum) for k, *_ in t.limits}
    # Real dummies are arguments of a function, which has a memo of its own for each call.
    names = tuple(slot(k) for k in e.atoms(Dummy, Idx) - bound if k.is_integer)

    def value(probe, at):
        memo = probe.memo if probe.moved.isdisjoint(reached) else probe.moving
        key = (own, *[at.get(k) for k in names]) if names else own
        found = memo.get(key)
        if found is None:
            found = memo[key] = compute(probe, at)
        return found

    return value


@lru_cache(_CACHED)
def reach(e):
    """The slots of all on which ``e`` may depend, also through definitions and rules."""
    found, waiting = set(), [e]
    while waiting:
        for t in waiting.pop().atoms(Array, Symbol) - found:
            found.add(t)
            if isinstance(t, Quantity):
                waiting.append(t.value)
            if isinstance(t, Array) and t.rule is not None:
                waiting.append(t.template[1])
    return frozenset(map(slot, found))


def location(e):
    """The function that gives the key under which a probe holds a scalar or an entry."""
    if not isinstance(e, Indexed):
        return lambda probe, at: e
    base, indices = slot(e.base), [_whole(i) for i in e.indices]
    return lambda probe, at: (base, *[i(probe, at) for i in indices])


def _whole(e):
    """The function that gives an index or a bound of a sum; most are k or k + 1."""
    offset, k = e.as_coeff_Add()
    if not (k.is_Symbol or isinstance(k, Idx)):
        value = evaluator(e)
        return lambda probe, at: int(value(probe, at))
    own, offset = slot(k), int(offset)
    return lambda probe, at: (at[own] if own in at else probe.draw(k)) + offset


def _entry(e):
    if not isinstance(e.base, Array):
        raise TypeError(f"{e} is not an entry of an array made by array()")
    base, place = e.base, location(e)

    def value(probe, at):
        key = place(probe, at)
        known = probe.values.get(key)
        return probe.entry(base, key) if known is None else known

    return value


@lru_cache(_CACHED)
def rule_of(base):
    """The rule of an array as a function of a probe and an entry's indices; what it reaches."""
    indices, body = base.template
    own, value = tuple(map(slot, indices)), evaluator(body)
    return lambda probe, at: value(probe, dict(zip(own, at, strict=True))), reach(base)


def _sum(e):
    def loop(body, k, lo, hi):
        first, last, own = _whole(lo), _whole(hi), slot(k)

        def value(probe, at):
            inner, terms = dict(at), []
            for inner[own] in range(first(probe, at), last(probe, at) + 1):
                terms.append(body(probe, inner))
            return _added(terms)

        return value

    body = evaluator(e.function)
    for limit in e.limits:
        body = loop(body, *limit)
    return body


def _added(terms):
    """Their sum; most are zero, and numbers add up faster where none of them is an integer."""
    terms = [term for term in terms if term]
    return sum(terms[1:], terms[0]) if terms else 0


def _product(e):
    deltas = [evaluator(a) for a in e.args if isinstance(a, KroneckerDelta)]
    factors = [a for a in e.args if not isinstance(a, KroneckerDelta)]
    in_order = list(map(evaluator, factors))
    entries_last = [evaluator(a) for a in sorted(factors, key=lambda a: isinstance(a, Indexed))]

    def value(probe, at):
        for cut in deltas:  # a delta makes a product zero, whatever stands behind it
            if not cut(probe, at):
                return 0
        product, settled = None, probe.settled
        for factor in entries_last if settled else in_order:
            number = factor(probe, at)
            product = number if product is None else product * number
            if settled and not product:
                return 0
        return 1 if product is None else product

    return value


def _branches(e):
    branches = [(evaluator(value), _condition(condition)) for value, condition in e.args]

    def value(probe, at):
        for branch, holds in branches:
            if holds(probe, at):
                return branch(probe, at)
        raise Unusable

    return value


def _condition(condition):
    if isinstance(condition, BooleanFunction):  # such as "or"
        parts = [_condition(c) for c in condition.args]
        return lambda probe, at: bool(condition.func(*[holds(probe, at) for holds in parts]))
    if not isinstance(condition, Relational):
        return lambda probe, at: bool(condition)
    compare, (a, b) = _RELATIONS[condition.rel_op], map(evaluator, condition.args)
    return lambda probe, at: compare(a(probe, at), b(probe, at))


def _quotient(e):
    variable, place, body = evaluator(e.variable), location(e.variable), evaluator(e.expr)

    def value(probe, at):
        variable(probe, at)  # draws it
        key = place(probe, at)
        if key not in probe.values:
            raise Misuse(f"{e.variable} follows from other entries; differentiate by those")
        return probe.quotient(key, lambda: body(probe, at))

    return value


def _application(e):
    arguments = [evaluator(a) for a in e.args]
    if isinstance(e, Pow):
        apply = mp.power
    elif hasattr(e, "orders"):
        if not e.meaning:
            return _opaque_application(e, arguments)
        apply = _named(e)
    else:
        apply = _BUILTIN.get(type(e)) or getattr(mp, type(e).__name__)
    return lambda probe, at: apply(*[a(probe, at) for a in arguments])


def _named(e):
    return _derived(_of_numbers(e.meaning, len(e.args)), e)


def _opaque_application(e, arguments):
    """What the probe says that an opaque function means, else a function of its own."""
    arity, own = len(arguments), _derived(_opaque(e.base_name, len(arguments)), e)

    def value(probe, at):
        meaning = probe.functions.get(e.base_name)
        apply = _of_numbers(meaning, arity, e.orders) if meaning else own
        return apply(*[a(probe, at) for a in arguments])

    return value


@lru_cache(_CACHED)
def _of_numbers(meaning, arity, orders=()):
    """A function that gives an expression, or a derivative of it, as a function of numbers."""
    names = [Dummy(f"u{k}", real=True) for k in range(arity)]
    expr = meaning(*names)
    for k in orders:
        expr = diff(expr, names[k - 1])
    body, own = evaluator(expr), tuple(map(slot, names))
    return lambda *x: body(Scratch(), dict(zip(own, x, strict=True)))


def _derived(base, e):
    if not e.orders:
        return base
    orders = tuple(e.orders.count(k + 1) for k in range(len(e.args)))
    return lambda *x: mp.diff(base, x, orders)


class Scratch:
    """What a function of numbers alone needs of a probe: a place for values at one precision."""

    def __init__(self):
        self.memo, self.moving, self.moved = {}, {}, set()
        self.functions = {}  # what opaque functions mean, by name
        self.settled = False  # nothing is drawn any more: a zero spares entries after it


def _opaque(name, arity):
    """A smooth function that depends on the name alone, with no special structure."""
    draw = random.Random(zlib.crc32(name.encode()))
    w = [mp.mpf(draw.uniform(0.4, 1.3)) for _ in range(arity)]
    return lambda *x: mp.sin(mp.fdot(w, x) + w[0]) + mp.fdot(w, x) ** 2 / 3
