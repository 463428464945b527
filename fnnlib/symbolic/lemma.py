"""Lemmas: a proved equation used inside a later step.

The free indices of a lemma stand for any index in their range; matching binds them.
"""

from sympy import Idx, Indexed, Sum, preorder_traversal

from .binding import fresh, is_at_least


def rewrite(e, lemma):
    """``e`` with every instance of the lemma's left side replaced by its right side."""
    e = fresh(e)
    ranges = {k: (lo, hi) for t in preorder_traversal(e) if isinstance(t, Sum)
              for k, lo, hi in t.limits}

    def binding(t):
        return match(lemma.left, t, {}, ranges)

    return e.replace(
        lambda t: binding(t) is not None,
        lambda t: fresh(lemma.right.xreplace(binding(t))),
    )


def match(pattern, e, bound, ranges):
    """The indices that turn ``pattern`` into ``e``, or None."""
    if isinstance(pattern, Idx):
        if pattern in bound:
            return bound if bound[pattern] == e else None
        inside = (
            getattr(e, "is_integer", False)
            and is_at_least(e, pattern.lower, ranges)
            and is_at_least(pattern.upper, e, ranges)
        )
        return {**bound, pattern: e} if inside else None
    if pattern in bound:  # a bound index of the pattern, paired with one of e
        return bound if bound[pattern] == e else None
    if pattern == e and not pattern.atoms(Idx):
        return bound
    if type(pattern) is not type(e) or len(pattern.args) != len(e.args) or not pattern.args:
        return None
    if isinstance(pattern, Sum):
        names = zip([k for k, *_ in pattern.limits], [k for k, *_ in e.limits], strict=False)
        bound = {**bound, **dict(names)}
    if isinstance(pattern, Indexed) and pattern.base != e.base:
        return None
    for p, a in zip(pattern.args, e.args, strict=True):
        bound = match(p, a, bound, ranges)
        if bound is None:
            return None
    return bound
