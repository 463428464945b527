"""Verdicts of the prover and agreements, kept under all that they depend on.

A mutant of a derivation changes few of its module's statements. The others are judged once,
before the mutants are tried, and found here again. The key of a statement is its whole text: the
expressions, the definitions and recurrences of every array and quantity in them, what its named
functions mean, the lemmas. Only the numbers that tell bound names and definitions apart are left
out; first come, first counted. The key of a check holds the code of its functions, too, with all
that they name in the modules of derivations. What has no key is judged anew.

A mutant is :func:`refuted` first: probes are quick, and what they refuse needs no proof.
"""

import importlib
from contextlib import suppress
from functools import wraps
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType

import numpy as np

CHANGING = "fnnlib.symbolic.derivations"  # only modules in here are mutated
PLAIN = bool, int, float, str, bytes, type(None), type(...)


_judged, _agreed = {}, {}


class NoKey(Exception):
    """An object of which it is not known what it depends on."""


def install():
    """Keep verdicts and agreements from now on; derivations must be imported afterwards."""
    from fnnlib import symbolic
    from fnnlib.symbolic import agreement, derivation, induction, prover

    prover.judge = derivation.judge = induction.judge = kept(prover.judge, _judged)
    symbolic.check = agreement.check = kept(agreement.check, _agreed)


def refuted(module):
    """0 where derivations() of a module fails at a probe, 1 where checks() fails; and how.

    Whatever holds at the probes passes for proved here, and is not kept.
    """
    from fnnlib.symbolic import prover

    before, search = dict(_judged), prover.prove
    prover.prove = lambda *args: ("proved", "not asked for")
    n = 0
    try:
        changed = importlib.import_module(module)
        for n, name in enumerate(("derivations", "checks")):  # noqa: B007
            getattr(changed, name)()
    except Exception as error:
        return n, error
    finally:
        prover.prove = search
        _judged.clear()
        _judged.update(before)
    return None


def kept(f, memo):
    """The function with its results kept; so are refusals, which it raises again."""

    @wraps(f)
    def found(*args, **kwargs):
        key = None
        with suppress(Exception):  # a mutant's definition may raise anything: that is f's to meet
            key = Key().of((args, kwargs))
        if key not in memo:
            try:
                made = f(*args, **kwargs), None
            except Exception as error:
                made = None, error
            if key is None:
                return _given(made)
            memo[key] = made
        return _given(memo[key])

    return found


def _given(made):
    result, error = made
    if error is not None:
        raise error
    return result


class Key:
    """Writes objects out as one tuple of plain values; equal tuples mean equal objects."""

    def __init__(self):
        self.out, self.seen = [], {}

    def of(self, obj):
        """The tuple of an object."""
        self.write(obj)
        return tuple(self.out)

    def write(self, obj):
        """Put an object down by its kind."""
        from sympy import Basic

        if isinstance(obj, PLAIN):
            self.out.append((type(obj).__name__, repr(obj)))
        elif isinstance(obj, (tuple, list)):
            self._parts(obj, obj)
        elif isinstance(obj, dict):
            self._parts(obj, obj.items())
        elif isinstance(obj, Basic):
            self._expression(obj)
        elif isinstance(obj, ModuleType):
            self.out.append(("module", obj.__name__))
        elif isinstance(obj, (FunctionType, CodeType)):
            self._code(obj)
        elif isinstance(obj, (type, BuiltinFunctionType, np.ufunc)):
            self._named(obj)
        else:
            self._statement(obj)

    def _parts(self, obj, parts):
        self.out.append((type(obj).__name__, len(parts)))
        for part in parts:
            self.write(part)

    def _is_new(self, obj):
        """Put down which one it is; only a new one has to be described."""
        new = obj not in self.seen
        self.out.append(self.seen.setdefault(obj, len(self.seen)))
        return new

    def _expression(self, e):
        from sympy import Symbol, srepr

        from fnnlib.symbolic.vocabulary import Array, Quantity

        self.out.append(type(e).__name__)
        if isinstance(e, Array):
            if self._is_new(e):
                self._array(e)
        elif isinstance(e, Quantity):
            if self._is_new(e):
                self._parts(e, (e.name, e.value))
        elif isinstance(e, Symbol):
            if self._is_new(e):
                self._parts(e, (e.name, sorted(e._assumptions_orig.items())))
        elif not e.args:
            self.out.append(srepr(e))
        else:
            if hasattr(e, "orders"):
                self._function(type(e), len(e.args))
            self._parts(e, e.args)

    def _array(self, e):
        self._parts(e, (e.name, e.axes, e.recursive, e.start, e.value))
        self.write(e.template if e.rule else None)

    def _function(self, f, arity):
        """A named function: its meaning written out, and how often it is differentiated."""
        from sympy import Dummy

        self.write(f.orders)
        if self._is_new((f.base_name, f.tex, f.meaning)):
            arguments = [Dummy("u", real=True) for _ in range(arity)]
            self.write((f.base_name, f.tex, arguments))
            self.write(f.meaning(*arguments) if f.meaning else None)

    def _named(self, obj):
        """A class or a function of C: what it is does not change, unless it is a mutant's."""
        if hasattr(obj, "orders"):
            self._function(obj, 1)
        elif getattr(obj, "__module__", "").startswith(CHANGING):
            raise NoKey(obj)
        else:
            self.out.append((getattr(obj, "__module__", "numpy"), obj.__name__, str(obj)))

    def _code(self, f):
        """A function: its place or, where it may be changed, its code; what it holds and names."""
        if isinstance(f, CodeType):
            self._parts(f, (f.co_code, f.co_names, f.co_varnames, f.co_freevars, f.co_cellvars,
                            f.co_argcount, f.co_flags, f.co_exceptiontable))  # fmt: skip
            self._parts(f, f.co_consts)
        elif self._is_new(f):
            home = f.__globals__["__name__"]
            self.write((home, f.__module__, f.__name__, f.__qualname__, f.__code__.co_qualname))
            self.write((f.__defaults__, f.__kwdefaults__))
            self.write([cell.cell_contents for cell in f.__closure__ or ()])
            if home.startswith(CHANGING):
                self.write(f.__code__)
                for name in _names(f.__code__):
                    self.write((name, f.__globals__.get(name)))

    def _statement(self, obj):
        """A lemma, or a recurrence at a time."""
        from fnnlib.symbolic import Derivation, Induction
        from fnnlib.symbolic.vocabulary import Unrolled

        if isinstance(obj, Unrolled):
            self._parts(obj, (obj.array, obj.at))
        elif isinstance(obj, (Derivation, Induction)):
            lines = [row.expr for row in getattr(obj, "rows", ())]
            follow = sorted(obj.follow, key=lambda a: (a.name, a.serial))
            self._parts(obj, (obj.name, obj.status, obj.left, obj.right, lines, follow))
        else:
            raise NoKey(obj)


def _names(code):
    """The names of a code, and of the codes in it."""
    inner = [name for c in code.co_consts if isinstance(c, CodeType) for name in _names(c)]
    return sorted({*code.co_names, *inner})
