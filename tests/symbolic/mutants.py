"""Wrong variants of a right side: every small change that a hand might make."""

import mpmath as mp
from sympy import (
    Add,
    Idx,
    Indexed,
    Integer,
    MatAdd,
    MatMul,
    MatrixExpr,
    Mul,
    Pow,
    S,
    Sum,
    Transpose,
)

from fnnlib.symbolic.probe import Probe, Unusable
from fnnlib.symbolic.prover import _entries
from fnnlib.symbolic.vocabulary import Array, Mat, Unrolled

_DIGITS = 150  # nested difference quotients lose a hundred of them


def differ(a, b, using=()):
    """Whether some probe tells the two apart, with other seeds and digits than the prover's."""
    follow = {u.array for u in using if isinstance(u, Unrolled)}
    follow = follow.union(*[getattr(u, "follow", ()) for u in using])
    a, b = _entries(a, b)
    with mp.workdps(_DIGITS):
        for seed in range(5000, 5050):
            probe = Probe(seed, follow)
            try:
                x, y = probe(a), probe(b)
            except (Unusable, ZeroDivisionError, ValueError):
                continue
            if abs(x - y) > mp.mpf(10) ** -20 * (1 + abs(x)):
                return True
    return False


def mutants(e):
    """All expressions that differ from ``e`` in one place."""
    yield from _here(e)
    if isinstance(e, (Idx, Array, Mat)) and not isinstance(e, Mat):
        return
    for n, a in enumerate(e.args):
        for changed in _inside(e, n, a):
            if changed != a:
                try:
                    yield e.func(*e.args[:n], changed, *e.args[n + 1 :])
                except (TypeError, ValueError, AttributeError):
                    continue  # no such expression can be written


def _inside(e, n, a):
    if isinstance(e, Indexed):
        return iter(()) if n == 0 else _indices(a)
    if isinstance(e, Mat):
        return iter(()) if n == 0 else _indices(a)
    if isinstance(e, Sum) and n > 0:
        return iter(())  # bounds are mutated by _here
    return mutants(a)


def _indices(i):
    yield i + 1
    yield i - 1


def _here(e):
    if isinstance(e, (Add, MatAdd)):
        for n, term in enumerate(e.args):
            rest = [a for m, a in enumerate(e.args) if m != n]
            yield e.func(*rest, -term)
            yield e.func(*rest) if len(rest) > 1 else rest[0]
    elif isinstance(e, Mul):
        for n in range(len(e.args)):
            yield Mul(*[a for m, a in enumerate(e.args) if m != n])
        yield -e
        yield 2 * e
    elif isinstance(e, MatMul):
        factors = [a for a in e.args if isinstance(a, MatrixExpr)]
        yield -e
        if len(factors) == 2:
            yield factors[1] * factors[0]
        for n, a in enumerate(factors):
            if not isinstance(a, Transpose):
                yield MatMul(*factors[:n], a.T, *factors[n + 1 :])
    elif isinstance(e, Transpose):
        yield e.arg
    elif isinstance(e, Pow):
        yield Pow(e.base, e.exp + 1)
        yield Pow(e.base, -e.exp)
    elif isinstance(e, Integer):
        yield e + 1
    elif isinstance(e, Indexed) and len(e.indices) > 1:
        swapped = [*e.indices[:-2], e.indices[-1], e.indices[-2]]
        yield e.func(e.base, *swapped)
    elif isinstance(e, Sum):
        k, lo, hi = e.limits[-1]
        yield e.func(e.function, *e.limits[:-1], (k, lo + 1, hi))
        yield e.func(e.function, *e.limits[:-1], (k, lo, hi - 1))
        yield e.function.xreplace({k: lo}) if len(e.limits) == 1 else S.Zero
    elif e.is_Function and len(e.args) == 1:
        yield e.args[0]
