"""Zero by cases: the sign of u decides every branch that asks for u > 0, u < 0 or u = 0."""

from sympy import Abs, Indexed, Max, Min, Piecewise, S, Sum, Symbol, cancel, expand, sign
from sympy.core.relational import Relational

_SPLITS = 3  # signs that are decided one after the other: at most 27 cases
_KINKS = Max, Min, Abs, sign


def zero_by_cases(e, is_zero, splits=_SPLITS):
    """Whether ``is_zero`` holds in every case: u > 0, u < 0 and u = 0, for each u asked for."""
    if e.has(*_KINKS):
        e = e.rewrite(Piecewise)
    u = _boundary(e)
    if u is None:
        return is_zero(e)
    return splits > 0 and all(
        zero_by_cases(_in_case(e, u, of_u), is_zero, splits - 1) for of_u in (1, -1, 0)
    )


def _boundary(e):
    """The first u that a condition compares with zero; none that is bound or branches itself."""
    bound = {k for t in e.atoms(Sum) for k, *_ in t.limits}
    found = [r.lhs - r.rhs for p in e.atoms(Piecewise) for r in p.atoms(Relational)]
    return min((u for u in found if not u.has(Piecewise, *bound)), key=str, default=None)


def _in_case(e, u, of_u):
    """The expression where u has this sign, with every condition that this decides."""
    known = {}
    for r in e.atoms(Relational):
        side = None if r.has(Piecewise) else _side(r.lhs - r.rhs, u, of_u)
        if side is not None:
            known[r] = r.func(side, 0)
    return e.xreplace({**known, **_root(u)} if of_u == 0 else known)


def _side(w, u, of_u):
    """What has the sign of w where u has the sign ``of_u``, if w = f u + c tells; else None.

    A multiple of u has its own sign, for any f of one sign. With a number f the signs of f u and
    of c must agree: where z - 1 > 0, z + 1 = (z - 1) + 2 > 0. Where u = 0, w is c.
    """
    factor = cancel(w / u)
    if factor.is_positive or factor.is_negative:
        return of_u if factor.is_positive else -of_u
    u, w = expand(u), expand(w)
    for v in sorted(u.atoms(Symbol, Indexed), key=str):
        slope = u.coeff(v)
        factor = w.coeff(v) / slope if slope != 0 else S.Zero
        if factor.is_number and factor != 0:
            push, rest = of_u if factor > 0 else -of_u, expand(w - factor * u)
            if push in (0, sign(rest)):
                return rest
    return None


def _root(u):
    """The value of a scalar or an entry for which u is zero, if u is linear in one."""
    u = expand(u)
    for v in sorted(u.atoms(Symbol, Indexed), key=str):
        slope = u.coeff(v)
        if slope.is_number and not (rest := u - slope * v).has(v):
            return {v: -rest / slope}
    return {}
