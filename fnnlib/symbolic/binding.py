"""Binding: fresh bound indices, ranges of indices, and the expansion of definitions.

SymPy's ``subs`` and ``diff`` capture bound variables that share a name. Here every sum gets
its own, before anything else is done.
"""

from sympy import (
    Dummy,
    Idx,
    Indexed,
    IndexedBase,
    KroneckerDelta,
    Sum,
    diff,
    expand,
    preorder_traversal,
)

from .vocabulary import Misuse, Partial, Quantity, Total, unfold

_DELTA = IndexedBase("delta")


def fresh(e):
    """The same expression with bound indices that occur nowhere else."""
    if not e.args or isinstance(e, (Indexed, Idx)):
        return e
    if isinstance(e, Sum):
        (k, lo, hi), rest = e.limits[-1], e.limits[:-1]
        inner = fresh(e.func(e.function, *rest) if rest else e.function)
        own = Dummy(k.name, integer=True)
        return Total(inner.xreplace({k: own}), (own, lo, hi))
    return e.func(*map(fresh, e.args))


def bounds(i, ranges):
    """The smallest and largest value of an index expression, as expressions in the sizes.

    ``ranges`` holds the ranges of the bound indices in scope; free indices carry their own.
    """
    return _extreme(i, ranges, smallest=True), _extreme(i, ranges, smallest=False)


def _extreme(i, ranges, smallest):
    """Every index at the end of its range that makes a linear expression extreme."""
    i = expand(i)
    while inside := _indices(i, ranges):
        own = {v: ranges.get(v) or (v.lower, v.upper) for v in inside}
        # innermost first: an index whose name occurs in no other range
        v = min(inside, key=lambda v: (sum(v in _symbols(own[u]) for u in inside), str(v)))
        slope = i.coeff(v)
        signed = slope.is_positive or slope.is_negative  # such as a stride
        if not signed or (i - slope * v).expand().has(v):
            return i
        first, last = own[v]
        i = expand(i.xreplace({v: first if slope.is_positive == smallest else last}))
    return i


def _symbols(span):
    return span[0].free_symbols | span[1].free_symbols


def is_at_least(a, b, ranges):
    """Whether ``a >= b`` is certain for every value of the indices and sizes."""
    return bool(bounds(a - b, ranges)[0].is_nonnegative)


def expand_definitions(e, known=(), only=None, deep=False):
    """Definitions and known equations written out, then derivatives taken.

    ``known`` holds unrolled time steps. ``only`` limits the definitions to these arrays; it
    must be None where a derivative is taken, which has to see through every definition.
    ``deep`` also replaces named functions by their meaning.
    """
    unrolled = {(u.array, expand(u.at)) for u in known}

    def is_known(t):
        if not isinstance(t, Indexed):
            return False
        if t.base.defined:
            return only is None or t.base in only
        return (t.base, expand(t.indices[0])) in unrolled

    e = fresh(e)
    while any(isinstance(t, Quantity) or is_known(t) for t in preorder_traversal(e)):
        e = e.replace(lambda t: isinstance(t, Quantity), lambda t: fresh(t.value))
        e = e.replace(is_known, _entry_body)
    if e.has(Partial):
        assert only is None
        e = e.replace(lambda t: isinstance(t, Partial), _differentiate)
    while deep and any(map(_has_meaning, preorder_traversal(e))):
        e = e.replace(_has_meaning, unfold)
    return e


def _entry_body(t):
    body = t.base.body(*t.indices)
    if body is None:
        raise Misuse(f"{t} is where the recurrence starts; it has nothing to unroll")
    return fresh(body)


def _differentiate(partial):
    """The derivative; a delta depends on indices alone and is held as an entry meanwhile.

    SymPy would differentiate KroneckerDelta(l, 1) by W[l, k], as both contain l.
    """
    held = partial.expr.replace(KroneckerDelta, lambda *indices: _DELTA[indices])
    taken = diff(held, partial.variable)
    return fresh(taken.replace(_is_held, lambda t: KroneckerDelta(*t.indices)))


def _is_held(t):
    return isinstance(t, Indexed) and t.base == _DELTA


def _has_meaning(t):
    return getattr(t, "meaning", None) is not None


def _indices(e, ranges):
    return {v for v in e.free_symbols if v in ranges or isinstance(v, Idx)}
