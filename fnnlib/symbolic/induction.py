"""Induction over time: a claim for every s is proved from one base and one step."""

from sympy import Idx, Symbol, expand, sympify

from .derivation import _merge, weakest
from .ledger import MIME, record
from .prover import SECONDS, Refused, judge
from .vocabulary import Misuse, Unrolled


class Induction:
    """``left(s) = right(s)`` for every s from ``first`` to ``last``.

    ``using(s)`` lists the unrolled time steps that the step from s to s + 1 may use. What is
    proved is that both sides agree at ``first`` and grow by the same amount. As a lemma the
    induction says ``left(last) = right(last)``.

    >>> from fnnlib.symbolic import array, recursive, size, total
    >>> T = size("T"); x = array("x", (1, T))
    >>> h = recursive("h", (0, T), start=0, value=0, rule=lambda t: h[t - 1] + x[t])
    >>> Induction("running_sum", lambda s: h[s], lambda s: total(lambda t: x[t], (1, s)),
    ...           over=(0, T), using=lambda s: [h.unroll(s + 1)]).status
    'proved'
    """

    part = ""  # the sentence that opens the part of a page in which it stands

    def __init__(self, name, left, right, over, using, seconds=SECONDS):
        if not isinstance(name, str) or not name.isidentifier():
            raise Misuse(f"an induction needs a name such as 'adjoint_lemma', got {name!r}")
        self.name, (self.first, self.last_index) = name, map(sympify, over)
        self.claim, self.using = (left, right), using
        s = self.s = Idx(Symbol("s", integer=True), (self.first, self.last_index - 1))
        known = list(using(s))
        arrays = {u.array for u in known if isinstance(u, Unrolled)}
        start = [a.unroll(self.first) for a in arrays
                 if a.value is not None and expand(a.start - self.first) == 0]
        try:
            self.base = judge(left(self.first), right(self.first), start, seconds=seconds)
        except Refused as error:
            raise Refused(f"{name}, base s = {self.first}: {error}") from None
        try:
            self.induction_step = judge(
                left(s + 1) - left(s), right(s + 1) - right(s), known, seconds=seconds
            )
        except Refused as error:
            raise Refused(f"{name}, step from s to s + 1: {error}") from None
        self.status = weakest((self.base.status, self.induction_step.status))
        if self.status != "proved":
            raise Refused(f"{name} holds at every probe, but was only {self.status}")
        self.left, self.right = left(self.last_index), right(self.last_index)
        self.follow = arrays

    @property
    def sizes(self):
        """Name of a size -> (smallest, largest) value that was probed."""
        return _merge((self.base.sizes, self.induction_step.sizes))

    @property
    def record(self):
        """The entry of this induction in the ledger."""
        return record("derivation", self.name, self.status, sizes=self.sizes)

    def __repr__(self):
        left, right = (side(self.s) for side in self.claim)
        return (
            f"{self.name} [{self.status}] for s = {self.first}..{self.last_index}\n"
            f"    {left}\n  = {right}\n"
            f"  base s = {self.first} ({self.base.method}); "
            f"step s -> s + 1 ({self.induction_step.method})"
        )

    def _repr_mimebundle_(self, **kwargs):
        from .printing import markdown_induction

        return {
            "text/markdown": markdown_induction(self), "text/plain": repr(self), MIME: self.record
        }
