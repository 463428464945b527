"""Functions of sums as entries of fresh arrays: what holds for any entries holds for these.

The proofs of a gradient carry functions such as exp(sum_c q_tc k_sc) along unopened. An entry in
their place is found equal, moved and expanded much sooner.
"""

from sympy import (
    Add,
    Dummy,
    Idx,
    Indexed,
    IndexedBase,
    Sum,
    Symbol,
    default_sort_key,
    exp,
)
from sympy.functions.elementary.hyperbolic import HyperbolicFunction

from .normal import normal_form, reading


def hidden(e):
    """The expression with every outermost function of a sum as an entry; equal ones are equal.

    The indices of the entry are the indices on which the function depends. Whether two functions
    are the same is decided by their arguments in normal form, with these indices renamed.
    """
    known = {}

    def entry(t):
        indices = _indices(t)
        places = {k: Symbol(f"_p{n}", integer=True) for n, k in enumerate(indices)}
        key = t.func, tuple(normal_form(a.xreplace(places)) for a in t.args), len(indices)
        base = known.setdefault(key, IndexedBase(Dummy(f"f{len(known)}")))
        return base[indices or 0]

    def outermost(t):
        if not t.args or isinstance(t, (Indexed, Idx)):
            return t
        if _is_hidden(t):
            return entry(t)
        return t.func(*map(outermost, t.args))

    return outermost(e)


def _is_hidden(t):
    """Exponentials of terms stay open, as they fall apart into factors that may cancel."""
    opens = isinstance(t, exp) and isinstance(t.args[0], Add)
    smooth = isinstance(t, (exp, HyperbolicFunction)) or hasattr(t, "base_name")
    return smooth and t.has(Sum) and not opens


def _indices(t):
    """The indices on which a function depends, in the order of the places where they stand."""
    found = [v for v in t.free_symbols if isinstance(v, (Dummy, Idx)) and v.is_integer]

    def place(k):
        return reading(t, {j: "this" if j == k else "other" for j in found})

    return tuple(sorted(sorted(found, key=default_sort_key), key=place))
