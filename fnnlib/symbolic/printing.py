"""Textbook formulas from derivations: bold matrices, primes, transposes, reasons on the right."""

import inspect
import re

from sympy import (
    Add,
    Dummy,
    Function,
    Idx,
    Indexed,
    KroneckerDelta,
    MatAdd,
    MatMul,
    Mul,
    Pow,
    S,
    Sum,
    Symbol,
    default_sort_key,
)
from sympy.core.function import Lambda
from sympy.matrices.expressions.matexpr import MatrixExpr
from sympy.printing.latex import LatexPrinter, greek_letters_set

from .prover import free_entry
from .vocabulary import Mat, is_size

MARKS = {
    "proved": r"\checkmark",
    "simplified": r"\checkmark^{*}",
    "probed": r"\overset{?}{\approx}",
}
_LONG = 48  # a line whose formula has more visible symbols puts its reason below
_WIDE = 66  # and so does one that is wider than the page, together with its reason
_BREAK = " \\\\\n&\\quad {}"  # a formula goes on in the next line
_NAME = re.compile(r"(.+?)_?((?<=_)\w+?|\d+)?(dot|hat)?('*)")  # h, hdot, h_a, h1, h1dot, h'
_CAPITALS = {"Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi",
             "Omega"}


def latex(e):
    """The LaTeX of an expression.

    >>> from fnnlib.symbolic import array, index, size
    >>> n = size("n"); W = array("W", n, n); i, j = index("i j", n)
    >>> latex(W[i, j])
    'W_{ij}'
    """
    return _printer().doprint(_unshadowed(e))


def lines(e):
    """The LaTeX of an expression; a sum with many terms goes on in further lines."""
    printer, e = _printer(), _unshadowed(e)
    terms = printer.terms(e) if isinstance(e, (Add, MatAdd)) else [printer.doprint(e)]
    found = [terms[0]]
    for term in terms[1:]:
        if _visible(found[-1] + term) > _LONG:
            found.append(term)
        else:
            found[-1] += term
    return _BREAK.join(found)


def _printer():
    return _Printer({"fold_short_frac": False})


def _unshadowed(e):
    """The same expression; a bound index that meets another of its name is printed with a prime."""
    if isinstance(e, MatrixExpr):
        return e
    return _primed(e, {i.label.name for i in e.atoms(Idx)})


def _primed(e, taken):
    if isinstance(e, (Indexed, Idx)) or not e.args:
        return e
    if isinstance(e, Sum):
        (k, first, last), rest = e.limits[-1], e.limits[:-1]
        inner = e.func(e.function, *rest) if rest else e.function
        name = k.name
        while name in taken:
            name += "'"
        own = k if name == k.name else Dummy(name, integer=True)
        return e.func(_primed(inner.xreplace({k: own}), {*taken, name}), (own, first, last))
    made = []
    for a in e.args:
        made.append(_primed(a, taken))
        if isinstance(e, Mul):  # side by side, sums read as if they stood inside each other
            taken = taken | {k.name for s in made[-1].atoms(Sum) for k, *_ in s.limits}
    return e.func(*made) if made != list(e.args) else e


def name(text, bold=False):
    """The LaTeX of a name: a letter or an upright word, with its dot or hat, label and primes."""
    head, label, accent, primes = _NAME.fullmatch(text).groups()
    if primes:
        return name(text.removesuffix(primes), bold) + primes
    if accent:
        return _labelled(rf"\{accent}{{{name(head, bold)}}}", label)
    if label:
        return _labelled(name(head, bold), label)
    if text in greek_letters_set | _CAPITALS or text == "ell":
        return rf"\boldsymbol{{\{text}}}" if bold else rf"\{text}"
    if len(text) == 1:
        return rf"\mathbf{{{text}}}" if bold else text
    return rf"\mathbf{{{text}}}" if bold else rf"\mathrm{{{text}}}"


def _labelled(printed, label):
    return f"{printed}_{{{label}}}" if label else printed


class _Printer(LatexPrinter):
    def _print_Idx(self, e):
        return name(e.label.name)

    def _print_Dummy(self, e):
        return name(e.name)

    def _print_Quantity(self, e):
        return rf"\mathcal{{{e.name}}}" if e.name.isupper() and len(e.name) == 1 else name(e.name)

    def _subscript(self, indices):
        printed = [self._print(i) for i in indices]
        plain = all(i.is_Atom for i in indices)
        return ("" if plain and all(len(p) == 1 for p in printed) else ",").join(printed)

    def _print_Indexed(self, e):
        return self._with_subscript(name(e.base.name), e.indices)

    def _with_subscript(self, head, indices):
        """A name with its indices; a label stands before them."""
        head, _, label = head.partition("_")
        label = label.strip("{}") + ";" if label else ""
        return f"{head}_{{{label}{self._subscript(indices)}}}"

    def _print_Mat(self, e):
        head = name(e.base.name, bold=True)
        return self._with_subscript(head, e.lead) if e.lead else head

    def _print_OneMatrix(self, e):
        return r"\mathbf{1}^{\top}" if e.rows == 1 else r"\mathbf{1}"

    def _print_Partial(self, e):
        return self._derivative(e.expr, e.variable)

    def _print_Gradient(self, e):
        return self._derivative(e.expr, e.variable)

    def _derivative(self, expr, variable):
        below = rf"\partial {self._print(variable)}"
        if expr.is_Atom or expr.is_Function or isinstance(expr, Indexed):
            return rf"\frac{{\partial {self._print(expr)}}}{{{below}}}"
        return rf"\frac{{\partial}}{{{below}}} \Bigl[ {self._print(expr)} \Bigr]"

    def _print_Sum(self, e):
        signs = " ".join(self._limit(*limit) for limit in reversed(e.limits))
        body = self._print(e.function)
        if isinstance(e.function, Add):
            body = rf"\left( {body} \right)"
        return f"{signs} {body}"

    def _limit(self, k, lo, hi):
        if lo == 0 and hi.as_coeff_Add()[0] == -1 and hi.free_symbols and not hi.has(Idx):
            return rf"\sum_{{{self._print(k)}}}"
        return rf"\sum_{{{self._print(k)}={self._print(lo)}}}^{{{self._print(hi)}}}"

    def _print_Add(self, e, order=None):
        return "".join(self.terms(e, order))

    def terms(self, e, order=None):
        """The terms of a sum in the order of the page, all but the first with their signs."""
        if isinstance(e, MatAdd):
            return self._matrix_terms(e)
        first, *rest = sorted(self._as_ordered_terms(e, order=order), key=_term_order)
        printed = [self._print(first)]
        for term in rest:
            negative = _is_negative(term)
            shown = self._print(-term if negative else term)
            printed.append(f" - {shown}" if negative else f" + {shown}")
        return printed

    def _print_MatAdd(self, e):
        return "".join(self._matrix_terms(e))

    def _matrix_terms(self, e):
        scaled = [t.as_coeff_mmul() for t in e.args]
        scaled.sort(key=lambda pair: bool(pair[0].is_negative))
        printed = [self._print(scaled[0][0] * scaled[0][1])]
        for number, m in scaled[1:]:
            negative = bool(number.is_negative)
            shown = self._print(-number * m if negative else number * m)
            printed.append(f" - {shown}" if negative else f" + {shown}")
        return printed

    def _print_Mul(self, e):
        number, rest = e.as_coeff_Mul()
        factors = Mul.make_args(rest)
        fraction = any(isinstance(f, Pow) and f.exp.is_negative for f in factors)
        if fraction or e.has(MatrixExpr) or not number.is_Integer:
            return super()._print_Mul(e)
        body = " ".join(
            rf"\left({self._print(f)}\right)" if isinstance(f, Add) else self._print(f)
            for f in _chained(sorted(factors, key=_reading_order))
        )
        return {S.One: "", S.NegativeOne: "-"}.get(number, f"{self._print(number)} ") + body

    def _print_KroneckerDelta(self, e, exp=None):
        printed = rf"\delta_{{{self._subscript(e.args)}}}"
        return printed if exp is None else f"{printed}^{{{exp}}}"

    def _print_Transpose(self, e):
        printed = self._print(e.arg)
        if isinstance(e.arg, (MatAdd, MatMul)):
            printed = rf"\left({printed}\right)"
        return rf"{printed}^{{\top}}"

    def _print_HadamardProduct(self, e):
        return r" \odot ".join(
            rf"\left({self._print(a)}\right)" if isinstance(a, MatAdd) else self._print(a)
            for a in sorted(e.args, key=lambda a: not isinstance(a, Mat))
        )

    def _print_ElementwiseApplyFunction(self, e):
        inside = self._print(e.expr)
        f = e.function
        if isinstance(f, Lambda) and getattr(f.expr, "func", None) is not None:
            u = f.variables[0]
            if f.expr.args == (u,):
                named = hasattr(f.expr, "tex")
                head = f.expr.tex + _order_marks(f.expr) if named else rf"\{type(f.expr).__name__}"
                return rf"{head}({inside})"
            shown = self._print(f.expr.xreplace({u: Symbol("@")}))
            return rf"\left({shown.replace('@', inside)}\right)"
        return rf"{f.tex}({inside})"

    def _print_Function(self, e, exp=None):
        if not hasattr(e, "tex"):
            return super()._print_Function(e, exp)
        head = e.tex + _order_marks(e)
        head = head if exp is None else f"{head}^{{{exp}}}"
        return f"{head}({', '.join(map(self._print, e.args))})"

    def _print_exp(self, e, exp=None):
        power = e.args[0] if exp is None else Mul(Symbol(exp), e.args[0])
        if any(entry.base.name == "e" for entry in power.atoms(Indexed)):
            return rf"\exp({self._print(power)})"  # two letters e would be one too many
        return f"e^{{{self._print(power)}}}"


def _term_order(term):
    """What is added before what is subtracted, the products before the biases."""
    return _is_negative(term), -sum(len(s.limits) for s in term.atoms(Sum))


def _chained(factors):
    """Entries as in a product of matrices: x_bk W_kj, where the inner index meets itself."""
    entries = [f for f in factors if isinstance(f, Indexed)]
    entries.sort(key=lambda f: -len(f.indices))
    chain = []
    while entries:
        ends = [g.indices[-1] for g in entries]
        free = [f for n, f in enumerate(entries)
                if f.indices[0] not in ends[:n] + ends[n + 1 :] or len(f.indices) == 1]
        chain.append((free or entries)[0])
        entries.remove(chain[-1])
    places = iter(chain)
    return [next(places) if isinstance(f, Indexed) else f for f in factors]


def _is_negative(term):
    return bool(term.as_coeff_Mul()[0].is_negative)


def _order_marks(f):
    """Primes for a function of one argument, else the numbers of the arguments."""
    if len(f.args) == 1:
        return "'" * len(f.orders)
    return f"_{{{','.join(map(str, f.orders))}}}" if f.orders else ""


def _reading_order(f):
    """Deltas and letters, then functions, then parentheses, then sums."""
    if f.has(Function) and not f.is_Function and not isinstance(f, Add):
        rank = 2
    elif isinstance(f, Add):
        rank = 3
    elif f.is_Function and not isinstance(f, KroneckerDelta):
        rank = 1
    else:
        rank = 0
    if isinstance(f, Sum):
        rank = 4
    return rank, default_sort_key(f)


def aligned(rows, first):
    """Aligned LaTeX rows ``(formula, reason, mark)`` after the left side ``first``.

    The reasons stand in a column on the right, or below their lines where one line is long. A long
    left side has lines of its own, and so has a shorter one beside which a line leaves the page.
    """
    beside = _width(first) + max(_width(formula) for formula, *_ in rows)
    apart = _width(first) > (_LONG // 2 if beside < _WIDE else _LONG // 6)
    lefts = ["" if apart else first] + [""] * (len(rows) - 1)
    widest = max(_width(left + row[0]) for left, row in zip(lefts, rows, strict=True))
    reasons = max(len(reason) for _, reason, _ in rows)
    long = apart or widest > _LONG or widest + reasons > _WIDE
    lines = [f"&{first}"] * apart
    for left, (formula, reason, mark) in zip(lefts, rows, strict=True):
        note = rf"\text{{{_text(reason)}}}\;{mark}"
        if long:
            lines += [f"{left} &= {formula}", rf"&\hphantom{{{{}}={{}}}}\quad {note}"]
        else:
            lines.append(rf"{left} &= {formula} && {note}")
    body = " \\\\\n".join(lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _width(formula):
    """The visible symbols of the longest line of a formula."""
    return max(map(_visible, formula.split(_BREAK)))


def _visible(formula):
    """About how many symbols a formula shows."""
    without_commands = re.sub(r"\\[a-zA-Z]+", "x", formula)
    return len(re.sub(r"[{}^_\s\\]", "", without_commands))


def _text(reason):
    """A reason with its ``$...$`` kept as mathematics."""
    parts = reason.split("$")
    for n in range(0, len(parts), 2):
        parts[n] = parts[n].replace("_", r"\_").replace("%", r"\%").replace("&", r"\&")
    return "$".join(parts)


def label(derivation_name):
    """The label of a derivation's equation: ``{eq}`eq-softmax-jacobian```."""
    return "eq-" + derivation_name.replace("_", "-")


def markdown(derivation):
    """A numbered equation for the page: every step, its reason and its mark."""
    rows = [(lines(r.expr), r.because, MARKS[r.verdict.status]) for r in derivation.rows[1:]]
    body = aligned(rows, lines(derivation.start)) if rows else latex(derivation.start)
    ranges = " and ".join(f"${_range(i, i.lower, i.upper)}$" for i in _free_indices(derivation))
    where = ", ".join(map(_condition, derivation.conditions))
    notes = ", ".join([f"for {ranges}"] * bool(ranges) + [f"where {where}"] * bool(where))
    note = f"\n\n{notes}." if notes else ""
    return f"$$\n{body}\n$$ ({label(derivation.name)}){note}"


def _free_indices(derivation):
    """The indices for each of whose values the equation holds, but for those over plain sizes."""
    entries = [free_entry(row.expr) for row in derivation.rows]
    axes = {place for e in entries for t in e.atoms(Indexed)
            for place in zip(t.indices, t.base.axes, strict=True)}
    found = {i for row in derivation.rows for i in row.expr.atoms(Idx)}
    return sorted((i for i in found if not _is_plain(i, axes)), key=str)


def _is_plain(i, axes):
    """Whether an index runs over a size, and over no part of a longer axis."""
    span = i.lower, i.upper
    return is_size(span) and all(axis == span for j, axis in axes if j == i)


def _condition(condition):
    e, relation, zero = condition
    return f"${latex(e)} {relation} {zero}$"


def markdown_induction(induction):
    """The claim of an induction, and how its base and its step were shown."""
    s = induction.s
    left, right = (lines(side(s)) for side in induction.claim)
    rows = [(right, f"for every $s$ from ${latex(induction.first)}$ to "
             f"${latex(induction.last_index)}$", MARKS[induction.status])]
    base = rf"The base $s = {latex(induction.first)}$ and the step from $s$ to $s + 1$ are proved."
    return f"$$\n{aligned(rows, left)}\n$$ ({label(induction.name)})\n\n{base}"



def prose(docstring):
    """A docstring in Markdown, its mathematics and links as MyST writes them.

    >>> prose("How :math:`x` moves; see :mod:`fnnlib.rnn`.")
    'How $x$ moves; see {py:mod}`fnnlib.rnn`.'
    """
    text = inspect.cleandoc(docstring)
    text = re.sub(r"^\.\. math:: (.*)$", r"$$\n\1\n$$", text, flags=re.MULTILINE)
    text = re.sub(r":math:`([^`]*)`", lambda m: f"${' '.join(m[1].split())}$", text)
    return text.replace(":mod:`", "{py:mod}`").replace("``", "`")


def markdown_definitions(rows):
    """Names for the page: what is given, then an equation for everything else."""
    given = [_given(row.left) for row in rows if row.right is None]
    changed = [_name(row.left) for row in rows if row.again]
    equations = [_equation(row) for row in rows if row.right is not None]
    parts = [f"Given: {_listed(given)}."] * bool(given)
    parts += [f"From here on with another meaning: {_listed(changed)}."] * bool(changed)
    if equations:
        body = " \\\\\n".join(equations)
        parts.append(f"$$\n\\begin{{aligned}}\n{body}\n\\end{{aligned}}\n$$")
    return "\n\n".join(parts)


def _listed(formulas):
    return ", ".join(f"${formula}$" for formula in formulas)


def _name(thing):
    """The name of an array, of an entry of one, or of a function; a number or a quantity as is."""
    base = getattr(thing, "base", thing)
    if hasattr(base, "axes"):
        return name(base.name)
    return base.tex if hasattr(base, "base_name") else latex(base)


def _given(thing):
    """A name, and the axes of an array."""
    if not hasattr(thing, "axes"):
        return _name(thing)
    axes = (
        latex(last + 1) if is_size((first, last))
        else rf"{latex(first)} \ldots {latex(last)}" for first, last in thing.axes
    )
    return rf"{_name(thing)}\,({', '.join(axes)})"


def _equation(row):
    """A definition in lines, with its ranges and its start behind it."""
    notes = [_range(*r) for r in row.ranges]
    if row.start:
        entry, value = row.start
        notes.append(latex(entry) + (r" \text{ given}" if value is None else f" = {latex(value)}"))
    note = r",\quad ".join(notes)
    equation = f"{latex(row.left)} &= {lines(row.right)}"
    if not note:
        return equation
    last = equation.split(_BREAK)[-1]
    gap = _BREAK if _visible(last + note) > _LONG + 12 else r"\quad "
    return f"{equation},{gap}{note}"


def _range(i, first, last):
    between = r"\ldots, " if last - first != 1 else ""
    return f"{latex(i)} = {latex(first)}, {between}{latex(last)}"
