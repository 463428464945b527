"""The words of a derivation: sizes, indices, arrays, functions, sums and derivatives.

Everything is written in index notation and in the layout of the library: row vectors,
``x @ W`` with ``W`` of shape (D, H), time first. SymPy supplies the expressions; the classes
here add what it lacks: axes with ranges, sums that cannot capture an index, derivatives that
wait until definitions have been expanded, and functions that keep their textbook name.
"""

import inspect
import itertools
from functools import cached_property, lru_cache

from sympy import (
    Dummy,
    Expr,
    Function,
    HadamardProduct,
    Idx,
    Indexed,
    IndexedBase,
    KroneckerDelta,
    MatrixExpr,
    OneMatrix,
    S,
    Sum,
    Symbol,
    Tuple,
    diff,
    preorder_traversal,
    sympify,
)
from sympy.core.cache import cacheit
from sympy.core.function import ArgumentIndexError

_serial = itertools.count()


class Misuse(ValueError):
    """The words of a derivation do not fit together; the message says which and why."""


def _named(names, make):
    """One object for one name, a tuple for several names separated by spaces."""
    if not isinstance(names, str) or not names.split():
        raise Misuse(f"names must be a string such as 'i j', got {names!r}")
    made = tuple(make(name) for name in names.split())
    return made if len(made) > 1 else made[0]


def size(names):
    """Symbolic sizes of axes: positive integers of unknown value.

    >>> n, m = size("n m")
    >>> n.is_positive
    True
    """
    return _named(names, lambda name: Symbol(name, integer=True, positive=True))


def scalar(names, **assumptions):
    """Real scalars; SymPy assumptions such as ``positive=True`` may be added.

    >>> scalar("z")
    z
    """
    return _named(names, lambda name: Symbol(name, real=True, **assumptions))


def axis(spec):
    """The range (first, last) of an axis: a size ``n`` means (0, n - 1)."""
    if isinstance(spec, tuple):
        if len(spec) != 2:
            raise Misuse(f"an axis is a size or a pair (first, last), got {spec!r}")
        return tuple(map(sympify, spec))
    spec = sympify(spec)
    if not spec.is_integer:
        raise Misuse(f"an axis is an integer size or a pair (first, last), got {spec!r}")
    return S.Zero, spec - 1


def is_size(span):
    """Whether a range (first, last) is that of a symbolic size n, from 0 to n - 1.

    >>> is_size(axis(size("n"))), is_size(axis((1, size("T")))), is_size(axis(3))
    (True, False, False)
    """
    first, last = span
    return first == 0 and not last.is_number and last.as_coeff_Add()[0] < 0


def index(names, over):
    """Free indices over an axis: a size ``n`` (0 to n - 1) or a pair (first, last).

    >>> n = size("n")
    >>> i, j = index("i j", n)
    >>> i.upper
    n - 1
    """
    first, last = axis(over)
    return _named(names, lambda name: Idx(Symbol(name, integer=True), (first, last)))


class Entry(Indexed):
    """One entry of an array. Proofs rebuild entries all the time: the same one is made once."""

    @cacheit
    def __new__(cls, base, *indices):
        """Make it from its parts."""
        return Indexed.__new__(cls, base, *indices)

    def _hashable_content(self):  # without the assumptions, which follow from the base
        return self.args


class Array(IndexedBase):
    """An array of reals with named axes; ``W[k, j]`` is one entry.

    ``rule`` gives every entry from its indices. It is a definition, which proofs expand; or,
    for a ``recursive`` array, a recurrence along the first axis, which holds everywhere but at
    index ``start`` and which proofs use only where ``unroll`` says so.
    """

    def __new__(cls, name, axes, rule=None, recursive=False, start=None, value=None):
        """Make it from its parts."""
        axes = tuple(map(axis, axes))
        self = IndexedBase.__new__(
            cls, Symbol(name, real=True), shape=tuple(b - a + 1 for a, b in axes)
        )
        self.axes, self.rule, self.recursive = axes, rule, recursive
        self.start = None if start is None else sympify(start)
        self.value = None if value is None else sympify(value)
        self.serial = next(_serial) if rule else -1
        return self

    def _hashable_content(self):  # two definitions are two arrays, even under one name
        return (*super()._hashable_content(), Tuple(*self.axes), self.serial)

    @property
    def func(self):  # an array is an atom: substitution never rebuilds it
        """The rebuilding of this object, as SymPy asks for it."""
        return lambda *args: self

    @property
    def defined(self):
        """Whether a definition gives the entries outright."""
        return self.rule is not None and not self.recursive

    def __getitem__(self, indices, **kwargs):
        indices = indices if isinstance(indices, tuple) else (indices,)
        if len(indices) != len(self.axes):
            raise Misuse(f"{self.name} has {len(self.axes)} axes, got {len(indices)} indices")
        return Entry(self, *map(sympify, indices))

    __iter__ = None  # else a loop over a symbolic array would never end

    @cached_property
    def template(self):
        """The rule written out once: its indices and the entry that they give.

        Kept from the first use on, so that a name which is used again in a notebook does not
        change a definition behind a proof.
        """
        indices = tuple(Dummy(f"i{n}", integer=True) for n in range(len(self.axes)))
        return indices, sympify(self.rule(*indices))

    def body(self, *indices):
        """The entry that the definition or the recurrence gives at these indices."""
        if indices[0] == self.start:
            return self.value
        names, entry = self.template
        return entry.xreplace(dict(zip(names, map(sympify, indices), strict=True)))

    def unroll(self, at):
        """The fact that the recurrence holds at time ``at``, to be named in ``using=``."""
        if not self.recursive:
            raise Misuse(f"{self.name} has no recurrence to unroll")
        return Unrolled(self, sympify(at))


class Unrolled:
    """One time step of a recurrence, used as a known equation."""

    def __init__(self, array, at):
        self.array, self.at = array, at


def reached(*expressions):
    """The quantities and the arrays with a rule on which expressions rest, directly or not."""
    found, waiting = set(), list(expressions)
    while waiting:
        for t in preorder_traversal(waiting.pop()):
            ruled = isinstance(t, Quantity) or isinstance(t, Array) and t.rule is not None
            if ruled and t not in found:
                found.add(t)
                waiting.append(t.value if isinstance(t, Quantity) else t.template[1])
    return found


def recursive_arrays(*expressions):
    """The recursive arrays that expressions use, also through definitions and recurrences."""
    return {t for t in reached(*expressions) if isinstance(t, Array) and t.recursive}


class Quantity(Symbol):
    """A named real quantity that stands for an expression, such as the loss."""

    __slots__ = ("value", "serial")

    def __new__(cls, name, value):
        """Make it from its parts."""
        self = Symbol.__xnew__(cls, name, real=True)
        self.value, self.serial = sympify(value), next(_serial)
        return self

    def _hashable_content(self):
        return (*super()._hashable_content(), self.serial)


def array(names, *axes):
    """Free arrays with the given axes, each a size or a pair (first, last).

    >>> D, H = size("D H")
    >>> W = array("W", D, H)
    >>> W[0, 1]
    W[0, 1]
    """
    if not axes:
        raise Misuse("an array needs at least one axis; use scalar() for a number")
    return _named(names, lambda name: Array(name, axes))


def define(name, meaning, *axes):
    """A name for an expression, or for an array whose entries a function gives.

    >>> n = size("n"); z = array("z", n)
    >>> p = define("p", lambda i: exp(z[i]) / total(lambda k: exp(z[k]), n), n)
    >>> L = define("L", total(lambda i: p[i]**2, n))
    """
    if axes:
        return Array(name, axes, rule=meaning)
    if callable(meaning) and not isinstance(meaning, Expr):
        raise Misuse(f"{name} is given by a function, so its axes must follow")
    return Quantity(name, meaning)


def recursive(name, *axes, rule, start=None, value=None):
    """An array given step by step along its first axis; independent entries until unrolled.

    At index ``start`` its entries are free (``value=None``) or equal to ``value``; elsewhere
    ``rule(t, ...)`` gives them. The rule may name the array itself.

    >>> T, n = size("T n"); w = scalar("w")
    >>> h = recursive("h", (0, T), n, start=0, rule=lambda t, i: w * h[t - 1, i])
    """
    return Array(name, axes, rule=rule, recursive=True, start=start, value=value)


class Total(Sum):
    """A sum over symbols that tells its free symbols without being rebuilt, as SymPy's is."""

    @property
    def free_symbols(self):
        """Those of the summand and of the ranges, without the bound ones."""
        free = self.function.free_symbols
        for k, first, last in self.limits:
            free = (free - {k}) | first.free_symbols | last.free_symbols
        return free


Total.__name__ = Sum.__name__  # by which SymPy's printers know what needs parentheses


def total(summand, *over):
    """The sum of ``summand(k, ...)``, one axis for every argument of the function.

    The bound indices are fresh, so no name outside can be captured.

    >>> n = size("n"); z = array("z", n)
    >>> total(lambda k: z[k], n)
    Sum(z[_k], (_k, 0, n - 1))
    """
    names = list(inspect.signature(summand).parameters)
    if len(names) != len(over):
        raise Misuse(f"the summand takes {len(names)} indices, but {len(over)} axes are given")
    bound = [Dummy(name.lstrip("_") or "k", integer=True) for name in names]
    body = sympify(summand(*bound))
    for k, spec in reversed(list(zip(bound, over, strict=True))):
        body = Total(body, (k, *axis(spec)))
    return body


def delta(i, j):
    """Kronecker's delta: one where the indices agree, else zero.

    >>> i, j = index("i j", size("n"))
    >>> delta(i, i)
    1
    """
    return KroneckerDelta(i, j)


class Partial(Expr):
    """A partial derivative that is taken only when definitions have been expanded."""

    is_commutative = True
    is_real = True

    def __new__(cls, expr, variable):
        """Make it from its parts."""
        return Expr.__new__(cls, sympify(expr), variable)

    expr = property(lambda self: self.args[0])
    variable = property(lambda self: self.args[1])


def D(expr, variable):
    """The partial derivative with respect to a scalar, an entry or a matrix.

    >>> z = scalar("z")
    >>> D(z**2, z)
    Partial(z**2, z)
    """
    expr = sympify(expr)
    if isinstance(expr, MatrixExpr):
        raise Misuse("differentiate one entry or a scalar; a matrix has no single derivative")
    if isinstance(variable, Mat):
        return Gradient(expr, variable)
    fixed = isinstance(variable, Quantity) or getattr(
        getattr(variable, "base", None), "defined", False
    )
    if fixed:
        raise Misuse(f"{variable} is defined by other quantities; differentiate with those")
    if not isinstance(variable, (Symbol, Indexed)):
        raise Misuse(f"cannot differentiate with respect to {variable!r}")
    return Partial(expr, variable)


@lru_cache(None)
def _function(name, tex, meaning, orders):
    def fdiff(self, argindex):
        if not 1 <= argindex <= len(self.args):
            raise ArgumentIndexError(self, argindex)
        return _function(name, tex, meaning, (*orders, argindex))(*self.args)

    mark = "'" * len(orders) if set(orders) <= {1} else "_" + "".join(map(str, orders))
    return type(
        name + mark,
        (Function,),
        {
            "fdiff": fdiff,
            "base_name": name,
            "tex": tex or rf"\operatorname{{{name}}}",
            "meaning": staticmethod(meaning) if meaning else None,
            "orders": orders,
            "_eval_is_real": lambda self: True,
        },
    )


def function(name, meaning=None, tex=None):
    """A differentiable function with a name; opaque when no meaning is given.

    ``f.prime`` is its derivative: a proof may use what ``f`` means or only that it has one.

    >>> sq = function("sq", lambda z: z**2)
    >>> sq(scalar("z")).diff()
    sq'(z)
    """
    return _function(name, tex, meaning, ())


def prime(f):
    """The derivative of a named function of one argument.

    >>> prime(function("phi"))(scalar("z"))
    phi'(z)
    """
    return f(Dummy()).fdiff(1).func


@lru_cache(None)
def _body(cls, arity):
    arguments = [Dummy(f"u{k}", real=True) for k in range(arity)]
    expr = cls.meaning(*arguments)
    for k in cls.orders:
        expr = diff(expr, arguments[k - 1])
    return arguments, expr


def unfold(application):
    """What a named function means, written out at its arguments."""
    arguments, expr = _body(type(application), len(application.args))
    return expr.xreplace(dict(zip(arguments, application.args, strict=True)))


class Mat(MatrixExpr):
    """The matrix of an array, or of one time step of it. One axis makes a row."""

    def __new__(cls, base, *lead):
        """Make it from its parts."""
        return MatrixExpr.__new__(cls, base, *map(sympify, lead))

    base = property(lambda self: self.args[0])
    lead = property(lambda self: self.args[1:])

    @property
    def shape(self):
        """Rows and columns."""
        free = self.base.shape[len(self.lead) :]
        return (S.One, free[0]) if len(free) == 1 else (free[0], free[1])

    def _entry(self, i, j, **kwargs):
        row = len(self.base.axes) - len(self.lead) == 1
        return self.base[(*self.lead, *((j,) if row else (i, j)))]


def matrix(base, *lead):
    """The matrix view of an array; leading indices pick a time step.

    >>> T, B, H = size("T B H")
    >>> h, b = array("h", (1, T), B, H), array("b", H)
    >>> matrix(h, T).shape, matrix(b).shape
    ((B, H), (1, H))
    """
    if not isinstance(base, Array) or not 1 <= len(base.axes) - len(lead) <= 2:
        raise Misuse("matrix() takes an array and the indices that leave one or two axes")
    return Mat(base, *lead)


class Gradient(MatrixExpr):
    """The matrix of partial derivatives of a scalar."""

    def __new__(cls, expr, variable):
        """Make it from its parts."""
        return MatrixExpr.__new__(cls, sympify(expr), variable)

    expr = property(lambda self: self.args[0])
    variable = property(lambda self: self.args[1])
    shape = property(lambda self: self.args[1].shape)

    def _entry(self, i, j, **kwargs):
        return Partial(self.expr, self.variable._entry(i, j))


def hadamard(*matrices):
    """The entrywise product of matrices of one shape.

    >>> W = array("W", *size("m n"))
    >>> hadamard(matrix(W), matrix(W)).shape
    (m, n)
    """
    return HadamardProduct(*matrices)


def elementwise(f, of):
    """A function applied to every entry of a matrix.

    >>> W = array("W", *size("m n"))
    >>> elementwise(lambda u: 1 - u**2, matrix(W)).shape
    (m, n)
    """
    return of.applyfunc(f)


def ones(rows, columns):
    """The matrix of ones: ``ones(1, B) * A`` sums the rows of ``A``.

    >>> B = size("B")
    >>> ones(1, B).shape
    (1, B)
    """
    return OneMatrix(rows, columns)
