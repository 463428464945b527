"""The names in derivations: which are given, and what the others stand for.

A derivation may end in a name, such as ``dL/de = de``. What the name stands for is shown here,
from the definition that the proof has used.
"""

import inspect
from functools import cache
from string import ascii_lowercase
from typing import NamedTuple

from sympy import Dummy, Idx, Indexed, Sum, Symbol, preorder_traversal
from sympy.core.function import FunctionClass

from .induction import Induction
from .vocabulary import Array, Quantity, function, is_size, scalar, unfold


class Definition(NamedTuple):
    """What one name stands for; ``right`` is None where it is given and may be anything."""

    left: object  # an array, a number, a function; or the left side of an equation
    right: object = None
    ranges: tuple = ()  # (index, first, last) wherever an index does not run over a plain size
    start: tuple = ()  # (entry, value or None) where a recurrence starts
    again: bool = False  # whether the name had another meaning before


class Definitions:
    """The definitions of the names that a derivation is the first to use.

    Above them stands the sentence that opens a part, where one begins.
    """

    def __init__(self, rows, part=""):
        self.rows, self.part = rows, part

    def __repr__(self):
        rows = (
            f"{row.left} is given" if row.right is None else f"{row.left} = {row.right}"
            for row in self.rows
        )
        return "\n".join([self.part, *rows] if self.part else rows)

    def _repr_markdown_(self):
        from .printing import markdown_definitions, prose

        opening = f"**{prose(self.part)}**" * bool(self.part)
        return "\n\n".join(filter(None, (opening, markdown_definitions(self.rows))))


def with_definitions(made):
    """The derivations, and before each of them the definitions that it is the first to use.

    A name that changes its meaning is defined again, and the page says so. A part of the page
    (:func:`fnnlib.symbolic.part.part`) opens with its sentence.

    >>> from fnnlib.symbolic import D, Derivation, array, define, index, size, total
    >>> n = size("n"); z = array("z", n); i = index("i", n)
    >>> L = define("L", total(lambda k: z[k]**2, n)); dz = define("dz", lambda i: 2 * z[i], n)
    >>> with_definitions([Derivation(D(L, z[i]), "names").step(dz[i], "power rule")])[0]
    z is given
    L = Sum(z[_i]**2, (_i, 0, n - 1))
    dz[i] = 2*z[i]
    """
    made = list(made)
    letters = _letters(made)

    @cache
    def definition(thing):
        row = _definition(thing, letters)
        return row, str(row), tuple(map(str, getattr(thing, "axes", ())))

    said, shown, part = {}, [], ""
    for one in made:
        rows = []
        for thing in _things(one):
            (row, *meaning), key = definition(thing), _key(thing)
            if said.get(key) != meaning:
                rows.append(row._replace(again=key in said))
                said[key] = meaning
        opening, part = one.part * (one.part != part), one.part
        shown += [Definitions(rows, opening)] * bool(rows or opening) + [one]
    return shown


def _expressions(one):
    """What a derivation or an induction shows."""
    if isinstance(one, Induction):
        return [side(one.s) for side in one.claim]
    return [row.expr for row in one.rows]


def _things(one):
    """Every array, number, quantity and function of a derivation, also behind definitions.

    What is given comes first; then what is defined, in the order in which it was written.
    """
    waiting = [thing for e in _expressions(one) for thing in _named(e)]
    found = set()
    while waiting:
        thing = waiting.pop()
        if thing not in found:
            found.add(thing)
            waiting += _behind(thing)
    return sorted(found, key=_place)


def _place(thing):
    """The order of the source; what is given has none, and is sorted by name, directions last."""
    text = getattr(thing, "base_name", None) or thing.name
    return getattr(thing, "serial", -1), text.endswith("dot"), text.lower(), text


def _named(e):
    """What has a name in an expression."""
    traversal = preorder_traversal(e)
    for t in traversal:
        if isinstance(t, (Array, Idx)):
            traversal.skip()  # its name and its sizes are no numbers of their own
        if isinstance(t, Array) or (isinstance(t, Symbol) and _is_number(t)):
            yield t
        of = t if isinstance(t, FunctionClass) else type(t)
        if hasattr(of, "base_name"):
            yield function(of.base_name, of.meaning, of.tex)  # for a derivative, what it is of


def _is_number(symbol):
    return not (symbol.is_integer or isinstance(symbol, Dummy))


@cache
def _behind(thing):
    """What has a name in a definition."""
    if isinstance(thing, Quantity):
        return list(_named(thing.value))
    if isinstance(thing, Array) and thing.rule is not None:
        return list(_named(thing.template[1]))
    return []


def _key(thing):
    """What tells a name from others on a page: ``pi`` with one index is not that with four."""
    if isinstance(thing, Array):
        return thing.name, len(thing.axes)
    return (thing.name, 0) if isinstance(thing, Symbol) else (thing.base_name, "function")


def _definition(thing, letters):
    if isinstance(thing, Quantity):
        return Definition(thing, _relettered(thing.value, letters, set()))
    if isinstance(thing, FunctionClass) and thing.meaning:
        left = thing(*map(scalar, inspect.signature(thing.meaning).parameters))
        return Definition(left, unfold(left))
    if isinstance(thing, Array) and thing.rule is not None:
        return _equation(thing, letters)
    return Definition(thing)


def _equation(array, letters):
    """An entry of an array, what it equals, and where."""
    names = []
    parameters = inspect.signature(array.rule).parameters.values()
    own = [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]
    own += [None] * (len(array.axes) - len(own))
    for name, axis in zip(own, array.axes, strict=True):
        names.append(_letter(name, axis, letters, names))
    indices = [Idx(Symbol(n, integer=True), axis)
               for n, axis in zip(names, array.axes, strict=True)]
    body = _relettered(array.body(*indices), letters, set(names))
    spans = list(array.axes)
    start = ()
    if array.start is not None:
        first, last = spans[0]
        spans[0] = (first + 1, last) if array.start == first else (first, last - 1)
        start = Array(array.name, array.axes[:1])[array.start], array.value
    ranges = tuple((i, *span) for i, span, axis in zip(indices, spans, array.axes, strict=True)
                   if not is_size(axis))
    return Definition(array[*indices], body, ranges, start)


def _over(axis):
    """What axes have in common whose indices may share letters: the sizes that they end with."""
    first, last = axis
    return frozenset((last - first).free_symbols) or (first, last)


def _letters(made):
    """The letters of the free indices in derivations, by the axes that they run over."""
    letters = {}
    for one in made:
        for e in _expressions(one):
            for i in sorted(e.atoms(Idx), key=str):
                known = letters.setdefault(_over((i.lower, i.upper)), [])
                if i.label.name not in known and i is not getattr(one, "s", None):
                    known.append(i.label.name)
    return letters


def _letter(own, axis, letters, taken):
    """A letter for an index: the one it has if derivations use it for this axis, else theirs."""
    usual = letters.get(_over(axis), [])
    options = [own] * (own in usual) + usual + [own] * bool(own) + list(ascii_lowercase)
    return next(letter for letter in options if letter not in taken)


def _relettered(e, letters, taken):
    """The same sums, over indices with the letters of the derivations, none of them taken."""
    if isinstance(e, (Indexed, Idx)) or not e.args:
        return e
    if isinstance(e, Sum):
        (k, first, last), rest = e.limits[-1], e.limits[:-1]
        name = _letter(k.name, (first, last), letters, taken)
        inner = (e.func(e.function, *rest) if rest else e.function).xreplace(
            {k: (own := Dummy(name, integer=True))})
        return e.func(_relettered(inner, letters, {*taken, name}), (own, first, last))
    made = [_relettered(a, letters, taken) for a in e.args]
    return e.func(*made) if made != list(e.args) else e
