"""Shapes: matrices fit together, and every index stays on the axis it indexes.

SymPy lets ``(m, n) * (k, 1)`` pass when the sizes are symbols.
"""

from functools import lru_cache

from sympy import (
    Dummy,
    HadamardProduct,
    Indexed,
    Integer,
    MatAdd,
    MatMul,
    MatPow,
    MatrixExpr,
    Mul,
    S,
    Sum,
    Transpose,
    expand,
    preorder_traversal,
)
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

from .binding import bounds, is_at_least
from .vocabulary import Array, Misuse, Quantity, Total, reached

_CACHED = 10_000  # definitions that were found right


def check_shapes(e):
    """Refuse matrix sums and products whose shapes differ."""
    for t in preorder_traversal(e):
        if isinstance(t, MatMul):
            factors = [a for a in t.args if isinstance(a, MatrixExpr)]
            pairs = [(a, b, a.cols, b.rows) for a, b in zip(factors, factors[1:], strict=False)]
        elif isinstance(t, MatPow):
            pairs = [(t.base, t.base, t.base.cols, t.base.rows)]
        elif isinstance(t, (MatAdd, HadamardProduct)):
            pairs = [(t.args[0], a, t.args[0].shape, a.shape) for a in t.args[1:]]
        else:
            pairs = []
        for a, b, left, right in pairs:
            if left != right:
                raise Misuse(f"shapes do not fit in {t}: {a} is {a.shape}, {b} is {b.shape}")


def check_indices(e, ranges=None):
    """Refuse an index that may leave its axis, and a bound index that has a user's name."""
    ranges = ranges or {}
    if isinstance(e, Sum):
        for k, lo, hi in e.limits:
            if not isinstance(k, Dummy):
                raise Misuse(f"the sum over {k} may capture a name; write it with total()")
            ranges = {**ranges, k: (lo, hi)}
    if isinstance(e, Indexed) and isinstance(e.base, Array):
        for i, (first, last) in zip(e.indices, e.base.axes, strict=True):
            if isinstance(i, Integer) and i >= 0 and first == 0:
                continue  # a literal entry such as W[0, 1]: the probes see to small sizes
            if not (is_at_least(i, first, ranges) and is_at_least(last, i, ranges)):
                low, high = bounds(i, ranges)
                raise Misuse(
                    f"index {i} of {e} runs over {low}..{high}, the axis over {first}..{last}"
                )
    for a in e.args:
        check_indices(a, ranges)


def check_definitions(*expressions):
    """Refuse a definition or a recurrence, at any depth, with an index that may leave its axis."""
    for t in reached(*expressions):
        try:
            _check_definition(t)
        except Misuse as error:
            raise Misuse(f"in the definition of {t}: {error}") from None


@lru_cache(_CACHED)
def _check_definition(t):
    if isinstance(t, Quantity):
        check_indices(t.value)
        return
    (at, *others), body = t.template
    first, last = t.axes[0]
    if t.start is not None:  # there the recurrence does not hold
        first, last = (first + 1 if expand(t.start - first) == 0 else first,
                       last - 1 if expand(t.start - last) == 0 else last)
    check_indices(body, {at: (first, last), **dict(zip(others, t.axes[1:], strict=True))})


def check_unrolled(u):
    """Refuse to unroll a recurrence where it may not hold: off its axis, or at its start."""
    (first, last), start = u.array.axes[0], u.array.start
    if not (is_at_least(u.at, first, {}) and is_at_least(last, u.at, {})):
        raise Misuse(f"{u.array.name} cannot be unrolled at {u.at}: its axis is {first}..{last}")
    if start is None or expand(u.at - start) == 0 and u.array.value is not None:
        return
    if not (is_at_least(u.at, start + 1, {}) or is_at_least(start - 1, u.at, {})):
        raise Misuse(f"{u.array.name} cannot be unrolled at {u.at}: it may be its start, {start}")


def entry(e, i, j=S.Zero):
    """Entry (i, j) of a matrix expression, as a sum over fresh indices."""
    if isinstance(e, Transpose):
        return entry(e.arg, j, i)
    if isinstance(e, ElementwiseApplyFunction):
        return e.function(entry(e.expr, i, j))
    if isinstance(e, MatAdd):
        return sum((entry(a, i, j) for a in e.args), S.Zero)
    if isinstance(e, HadamardProduct):
        return Mul(*[entry(a, i, j) for a in e.args])
    if isinstance(e, MatMul):
        return _product_entry(e.args, i, j)
    if isinstance(e, MatPow) and e.exp.is_Integer and e.exp > 0:
        return _product_entry([e.base] * int(e.exp), i, j)
    return e._entry(i, j)


def _product_entry(args, i, j):
    factors = [a for a in args if isinstance(a, MatrixExpr)]
    scale = Mul(*[a for a in args if not isinstance(a, MatrixExpr)])
    inner = [S.Zero if a.cols == 1 else Dummy("k", integer=True) for a in factors[:-1]]
    body = Mul(*[entry(a, r, c) for a, r, c in
                 zip(factors, [i, *inner], [*inner, j], strict=True)])
    for k, a in zip(inner, factors, strict=False):
        if k != 0:
            body = Total(body, (k, 0, a.cols - 1))
    return scale * body
