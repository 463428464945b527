"""Where a statement holds: the ranges of its free indices, and the entries that it is about."""

from itertools import product

from sympy import Idx, Indexed, Integer

from fnnlib.symbolic import Derivation, Induction, Refused
from fnnlib.symbolic.prover import free_entry, judge
from fnnlib.symbolic.vocabulary import Partial, Unrolled

_SIZE = 3  # of every axis when entries are counted: an inner one, and one at either end


def room(made):
    """The free indices of a statement that could run one further, with the range they would have.

    At the end of an axis they cannot: an entry would be read that is not there. Nor where the
    equation becomes another one.
    """
    if isinstance(made, Induction):
        first, last = made.first, made.last_index
        return [(made.s, over) for over in _wider(first, last) if _holds_over(made, over)]
    free = sorted({i for row in made.rows for i in row.expr.atoms(Idx)}, key=str)
    return [(i, over) for i in free for over in _wider(i.lower, i.upper)
            if _holds_with(made, {i: Idx(i.label, over)})]


def _wider(first, last):
    return (first - 1, last), (first, last + 1)


def _holds_over(made, over):
    try:
        Induction(made.name, *made.claim, over=over, using=made.using)
    except Refused:
        return False
    return True


def _holds_with(made, wider):
    """Whether every step is proved with other indices."""
    try:
        return all(
            judge(a.expr.xreplace(wider), b.expr.xreplace(wider),
                  [_at(u, wider) for u in b.using]).status == "proved"
            for a, b in zip(made.rows, made.rows[1:], strict=False)
        )
    except Refused:
        return False


def _at(u, wider):
    return u.array.unroll(u.at.xreplace(wider)) if isinstance(u, Unrolled) else u


def missing(statements):
    """The entries of arrays by which nothing is differentiated, though others of theirs are.

    A start that is a number is none of them.
    """
    said, there = {}, {}
    for made in statements:
        start = free_entry(made.start) if isinstance(made, Derivation) else None
        if isinstance(start, Partial) and isinstance(start.variable, Indexed):
            array = start.variable.base
            key = str(start.expr), array
            said.setdefault(key, set()).update(_entries(start.variable.indices))
            there[key] = set(product(*(_values(*axis) for axis in array.axes)))
            if array.value is not None:
                there[key] -= {at for at in there[key] if at[0] == _at_sizes(array.start)}
    return {f"D({of}, {array})": sorted(there[of, array] - found)
            for (of, array), found in said.items() if there[of, array] - found}


def _values(first, last):
    return range(_at_sizes(first), _at_sizes(last) + 1)


def _entries(indices):
    """Where these indices lead, for every value of the free ones."""
    free = sorted({i for e in indices for i in e.atoms(Idx)}, key=str)
    for values in product(*(_values(i.lower, i.upper) for i in free)):
        at = dict(zip(free, map(Integer, values), strict=True))
        yield tuple(_at_sizes(e.xreplace(at)) for e in indices)


def _at_sizes(e):
    return int(e.xreplace({n: Integer(_SIZE) for n in e.free_symbols}))
