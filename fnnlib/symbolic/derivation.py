"""A derivation: a chain of expressions, each equal to the one before, each with its reason."""

from typing import NamedTuple

from sympy import (
    Dummy,
    Piecewise,
    Pow,
    Symbol,
    log,
    preorder_traversal,
    sympify,
)
from sympy.core.relational import Relational, StrictGreaterThan, StrictLessThan

from .binding import expand_definitions
from .ledger import MIME, record
from .normal import is_positive
from .prover import SECONDS, STATUSES, Refused, Verdict, free_entry, judge
from .vocabulary import Gradient, Misuse, Partial


class Row(NamedTuple):
    """One line: the expression, why it equals the one above, and what was established."""

    expr: object
    because: str
    verdict: Verdict | None
    using: tuple = ()


def weakest(statuses):
    """The status of a whole is that of its weakest part."""
    return max(statuses, key=STATUSES.index)


class Derivation:
    """Start from an expression and take steps; a wrong step raises ``Refused``.

    >>> from fnnlib.symbolic import D, exp, scalar
    >>> z = scalar("z")
    >>> d = Derivation(D(exp(2 * z), z), "double").step(2 * exp(2 * z), "chain rule")
    >>> d.status
    'proved'
    >>> d.step(exp(2 * z), "drop the factor")
    Traceback (most recent call last):
        ...
    fnnlib.symbolic.prover.Refused: double, step 2, "drop the factor": the left side is ...
    """

    part = ""  # the sentence that opens the part of a page in which it stands

    def __init__(self, start, name):
        if not isinstance(name, str) or not name.isidentifier():
            raise Misuse(f"a derivation needs a name such as 'softmax_jacobian', got {name!r}")
        self.name = name
        self.rows = [Row(sympify(start), "", None)]

    start = property(lambda self: self.rows[0].expr)
    last = property(lambda self: self.rows[-1].expr)
    left = property(lambda self: free_entry(self.start))
    right = property(lambda self: free_entry(self.last))

    def step(self, expr, because, using=(), accept="proved", seconds=SECONDS):
        """Add ``= expr``. ``using`` names lemmas and unrolled time steps.

        ``accept="simplified"`` or ``"probed"`` lets a step stand that is not proved; the page
        then says so.
        """
        if accept not in STATUSES:
            raise Misuse(f"accept is one of {', '.join(STATUSES)}; got {accept!r}")
        if not isinstance(because, str) or not because:
            raise Misuse("a step needs a reason")
        expr = sympify(expr)
        verdict = self._judged(expr, because, using, seconds)
        if STATUSES.index(verdict.status) > STATUSES.index(accept):
            self._refuse(
                because,
                f"it holds at every probe, but was only {verdict.status}; take a smaller step, "
                f"or write accept={verdict.status!r}",
            )
        self.rows.append(Row(expr, because, verdict, tuple(using)))
        return self

    def cases(self, values, because, seconds=SECONDS):
        """Add a value for both signs of a scalar: ``{z > 0: 1, z < 0: 0}``; z = 0 is left out."""
        scalars = [_known_sign(condition) for condition in values]
        if len(scalars) != 2 or len({s for s, in scalars}) != 1:
            raise Misuse("cases() takes both signs of one scalar, {z > 0: ..., z < 0: ...}")
        sizes = []
        for condition, value in values.items():
            where = _known_sign(condition)
            try:
                verdict = judge(self.last, value, where=where, seconds=seconds)
            except Refused as error:
                self._refuse(because, f"in the case {condition}: {error}")
            if verdict.status != "proved":
                self._refuse(because, f"the case {condition} was only {verdict.status}")
            sizes.append(verdict.sizes)
        merged = verdict._replace(method="by cases", sizes=_merge(sizes))
        expr = Piecewise(*[(sympify(v), c) for c, v in values.items()])
        self.rows.append(Row(expr, because, merged))
        return self

    def _judged(self, expr, because, using, seconds):
        try:
            return judge(self.last, expr, using, seconds=seconds)
        except Refused as error:
            self._refuse(because, str(error))

    def _refuse(self, because, message):
        raise Refused(f'{self.name}, step {len(self.rows)}, "{because}": {message}') from None

    @property
    def status(self):
        """proved, simplified or probed: the weakest of the steps."""
        if len(self.rows) == 1:
            return "unproved"
        return weakest(row.verdict.status for row in self.rows[1:])

    @property
    def sizes(self):
        """Name of a size -> (smallest, largest) value that was probed."""
        return _merge(row.verdict.sizes for row in self.rows[1:])

    @property
    def follow(self):
        """Recursive arrays a user of this lemma must follow: none, it holds for any values."""
        return set()

    @property
    def variable(self):
        """What the first line differentiates with respect to, or None."""
        return self.start.variable if isinstance(self.start, (Partial, Gradient)) else None

    @property
    def conditions(self):
        """Where the derivation holds: nonzero denominators, positive logarithms, no kink."""
        found = {}
        for row in self.rows:
            lemmas = [u for u in row.using if isinstance(u, Derivation)]
            for condition in [c for lemma in lemmas for c in lemma.conditions]:
                found.setdefault(condition)
            for condition in _conditions(free_entry(row.expr)):
                found.setdefault(condition)
        return list(found)

    @property
    def record(self):
        """The entry of this derivation in the ledger."""
        return record("derivation", self.name, self.status, sizes=self.sizes)

    def __repr__(self):
        lines = [f"{self.name} [{self.status}]", f"    {self.start}"]
        for row in self.rows[1:]:
            lines.append(f"  = {row.expr}   ({row.because}; {row.verdict.method})")
        if self.conditions:
            conditions = [f"{e} {relation} {zero}" for e, relation, zero in self.conditions]
            lines.append("  where " + ", ".join(conditions).replace(r"\neq", "!="))
        return "\n".join(lines)

    def _repr_mimebundle_(self, **kwargs):
        from .printing import markdown

        return {"text/markdown": markdown(self), "text/plain": repr(self), MIME: self.record}


def _known_sign(condition):
    """The scalar of a case, and a symbol of that sign to stand for it."""
    if isinstance(condition, (StrictGreaterThan, StrictLessThan)):
        symbol, bound = condition.args
        if isinstance(symbol, Symbol) and bound == 0:
            positive = isinstance(condition, StrictGreaterThan)
            return {symbol: Dummy(symbol.name, positive=positive, negative=not positive)}
    raise Misuse(f"a case is written z > 0 or z < 0 for a scalar z; got {condition}")


def _merge(many):
    merged = {}
    for sizes in many:
        for name, (low, high) in sizes.items():
            a, b = merged.get(name, (low, high))
            merged[name] = (min(a, low), max(b, high))
    return dict(sorted(merged.items()))


def _conditions(e):
    for t in preorder_traversal(e):
        if isinstance(t, Pow) and t.exp.is_nonpositive and not _certainly_positive(t.base):
            yield t.base, r"\neq", 0
        if isinstance(t, log) and not _certainly_positive(t.args[0]):
            yield t.args[0], ">", 0
        if isinstance(t, Relational):
            yield t.lhs - t.rhs, r"\neq", 0


def _certainly_positive(e):
    return is_positive(expand_definitions(e, deep=True))
