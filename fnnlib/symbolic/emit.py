"""Derived formulas as source code: plain functions for JavaScript and for NumPy.

A formula becomes a function of its free indices, then of everything it uses: arrays indexed
from the start of their axes, sizes and scalars. Named functions call a stable kernel, since
the raw formula of sigmoid' is 0/0 at -1000 in floating point.
"""

import itertools
import keyword

from sympy import (
    Add,
    Idx,
    Indexed,
    KroneckerDelta,
    Mul,
    Piecewise,
    Pow,
    S,
    Sum,
    preorder_traversal,
    sympify,
)

from .binding import expand_definitions, fresh
from .prover import free_entry
from .vocabulary import Misuse, Partial, Quantity

JS_KERNELS = """\
const kernel = {
  exp: Math.exp, log: Math.log, tanh: Math.tanh,
  sigmoid: (z) => z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)),
  softplus: (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))),
  relu: (z) => z > 0 ? z : 0,
  leaky_relu: (z, a) => z > 0 ? z : a * z,
  step: (z) => z > 0 ? 1 : 0,
  log_sum_exp: (z) => {
    const m = Math.max(...z);
    return m + Math.log(z.reduce((s, v) => s + Math.exp(v - m), 0));
  },
  softmax: (z) => { const c = kernel.log_sum_exp(z); return z.map((v) => Math.exp(v - c)); },
};
const sum = (lo, hi, f) => { let s = 0; for (let k = lo; k <= hi; k++) s += f(k); return s; };
"""


RESERVED = {"kernel", "sum", "np", "range"}


class _JavaScript:
    kernel = "kernel.{0}({1})".format
    power = "Math.pow({0}, {1})".format
    delta = "({0} === {1} ? 1 : 0)".format
    branch = "({1} ? {0} : {2})".format
    total = "sum({2}, {3}, ({1}) => {0})".format
    missing = "NaN"


class _NumPy:
    power = "({0})**({1})".format
    delta = "({0} == {1})".format
    branch = "({0} if {1} else {2})".format
    total = "sum({0} for {1} in range({2}, {3} + 1))".format
    missing = "np.nan"

    @staticmethod
    def kernel(name, arguments):
        known = {"exp", "log", "tanh"}
        return f"np.{name}({arguments})" if name in known else f"{name}({arguments})"


def javascript(formulas):
    """ES functions ``name(i, j, {arrays, sizes})`` for ``{name: (expression, [indices])}``.

    Put ``JS_KERNELS`` in front of them.

    >>> from fnnlib.symbolic import array, index, size, total
    >>> n = size("n"); i = index("i", n); W, x = array("W", n, n), array("x", n)
    >>> print(javascript({"y": (total(lambda k: x[k] * W[k, i], n), [i])}))
    function y(i, {W, n, x}) { return sum(0, n - 1, (k) => x[k]*W[k][i]); }
    """
    lines = []
    for name, (expr, indices) in formulas.items():
        source = _Source(expr, indices, _JavaScript)
        arguments = ", ".join([*source.positional, "{" + ", ".join(source.names) + "}"])
        lines.append(f"function {name}({arguments}) {{ return {source.text}; }}")
    return "\n".join(lines)


def numpy(formulas):
    """Python functions ``name(i, j, *, arrays, sizes)``; the same formulas as ``javascript``.

    >>> from fnnlib.symbolic import array, index, size, total
    >>> n = size("n"); i = index("i", n); W, x = array("W", n, n), array("x", n)
    >>> print(numpy({"y": (total(lambda k: x[k] * W[k, i], n), [i])}))
    def y(i, *, W, n, x): return sum(x[k]*W[k][i] for k in range(0, n - 1 + 1))
    """
    lines = []
    for name, (expr, indices) in formulas.items():
        source = _Source(expr, indices, _NumPy)
        arguments = ", ".join([*source.positional, *(["*", *source.names] if source.names else [])])
        lines.append(f"def {name}({arguments}): return {source.text}")
    return "\n".join(lines)


def _identifier(name):
    return name + "_" if keyword.iskeyword(name) else name


class _Source:
    """The text of one formula in one language, and the names it uses."""

    def __init__(self, expr, indices, language):
        self.language = language
        self.positional = [_identifier(str(i)) for i in indices]
        expr = _taken(fresh(free_entry(sympify(expr))))
        self.bound = self._distinct_bound_names(expr)
        self.used = set()
        self.text = self._bare(expr)
        self.names = sorted(self.used - set(self.positional))

    def _distinct_bound_names(self, expr):
        """Names of bound indices that meet no other name: nested sums may share one."""
        taken, names = {s.name for s in expr.free_symbols}, {}
        for t in preorder_traversal(expr):
            for k, *_ in t.limits if isinstance(t, Sum) else ():
                options = itertools.chain([k.name], (f"{k.name}{n}" for n in itertools.count(1)))
                names[k] = next(name for name in options if name not in taken)
                taken.add(names[k])
        return names

    def _use(self, name):
        if name in RESERVED:
            raise Misuse(f"{name} is a word of the emitted code; rename it in the formula")
        self.used.add(_identifier(name))
        return _identifier(name)

    def _print(self, e):
        if e in self.bound:
            return self.bound[e]
        if isinstance(e, Idx):
            return self._index(e)
        if e.is_Symbol:
            return self._use(e.name)
        if e.is_Rational:
            return str(e)  # a number stands in front of its product, or in parentheses
        if isinstance(e, Indexed):
            return self._entry(e)
        if isinstance(e, Sum):
            body = self._print(e.function)
            for k, lo, hi in e.limits:
                body = self.language.total(body, self.bound[k], self._bare(lo), self._bare(hi))
            return body
        if isinstance(e, KroneckerDelta):
            return self.language.delta(*map(self._bare, e.args))
        if isinstance(e, Piecewise):
            return self._branches(e)
        if isinstance(e, Add):
            return f"({self._bare(e)})"
        if isinstance(e, Mul):
            number, rest = e.as_coeff_Mul()
            sign = "-" if number == -1 else "" if number == 1 else self._print(number) + "*"
            return sign + "*".join(map(self._print, Mul.make_args(rest)))
        if not isinstance(e, Pow):
            return self._call(e)
        if e.exp == S.NegativeOne:
            return f"(1/{self._print(e.base)})"
        return self.language.power(self._bare(e.base), self._bare(e.exp))

    def _bare(self, e):
        """A sum of terms without its parentheses."""
        if not isinstance(e, Add):
            return self._print(e)
        terms = sorted(e.as_ordered_terms(), key=lambda t: bool(t.as_coeff_Mul()[0].is_negative))
        text = self._print(terms[0])
        for t in terms[1:]:
            negative = t.as_coeff_Mul()[0].is_negative
            text += f" - {self._print(-t)}" if negative else f" + {self._print(t)}"
        return text

    def _index(self, e):
        name = _identifier(e.label.name)
        if name not in self.positional:
            raise Misuse(f"the formula has the free index {name}; list it among the indices")
        return name

    def _entry(self, e):
        if e.base.name in self.positional:
            raise Misuse(f"{e.base.name} is both an array and an index; rename the index")
        places = [i - first for i, (first, _) in zip(e.indices, e.base.axes, strict=True)]
        return self._use(e.base.name) + "".join(f"[{self._bare(i)}]" for i in places)

    def _branches(self, e):
        text = self.language.missing
        for value, condition in reversed(e.args):
            if not condition.args:
                text = self._print(value)
                continue
            a, b = map(self._print, condition.args)
            test = f"{a} {condition.rel_op} {b}"
            text = self.language.branch(self._print(value), test, text)
        return text

    def _call(self, e):
        if getattr(e, "orders", ()):
            raise Misuse(f"{e} has no kernel; derive its formula first and emit that")
        name = getattr(e, "base_name", type(e).__name__)
        return self.language.kernel(name, ", ".join(map(self._bare, e.args)))


def _taken(e):
    """Quantities written out; if derivatives are left, everything is, and they are taken."""
    while e.has(Quantity):
        e = e.replace(lambda t: isinstance(t, Quantity), lambda t: fresh(t.value))
    return expand_definitions(e) if e.has(Partial) else e
