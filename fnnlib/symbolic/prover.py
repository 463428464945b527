"""The verdict on a claim ``a = b``: proved, simplified, probed or refused.

*proved*: the difference vanishes by identity-preserving rewriting. *simplified*: by SymPy's
``simplify``, which is not trusted as much. *probed*: equal at every probe, nothing more.
"""

from typing import NamedTuple

import mpmath as mp
from sympy import (
    Abs,
    Add,
    Dummy,
    Function,
    Heaviside,
    Idx,
    Indexed,
    KroneckerDelta,
    MatrixExpr,
    Max,
    Min,
    Mul,
    Piecewise,
    S,
    Sum,
    cancel,
    cos,
    exp,
    piecewise_fold,
    sign,
    simplify,
    sympify,
    together,
)
from sympy.functions.elementary.hyperbolic import HyperbolicFunction

from .binding import expand_definitions
from .cases import zero_by_cases
from .deadline import deadline
from .hiding import hidden
from .lemma import rewrite
from .normal import aligned, by_sines, common_start, normal_form, shifted, written_out
from .probe import DIGITS, TOLERANCE, Probe, Unusable
from .shapes import check_definitions, check_indices, check_shapes, check_unrolled, entry
from .vocabulary import Array, Misuse, Partial, Quantity, Unrolled

PROBES = 8  # every step must pass this many
SEEDS = 200  # that are tried for them
SECONDS = 20  # time limit of a step
STATUSES = ("proved", "simplified", "probed")  # from strong to weak


class Refused(AssertionError):
    """A step is wrong, or no proof of it was found; the message says what differed."""


class Verdict(NamedTuple):
    """What was established about one step."""

    status: str
    method: str
    probes: int
    sizes: dict  # name of a size -> (smallest, largest) tried


def judge(a, b, using=(), where=None, seconds=SECONDS):
    """The verdict on ``a = b``, or ``Refused``.

    ``using`` holds unrolled time steps and lemmas that may be used, and defined arrays whose
    definitions suffice (a hint: all others are tried as well). ``where`` replaces scalars by
    others with a known sign (a case of a case split).
    """
    known = [u for u in using if isinstance(u, Unrolled)]
    named = {u for u in using if isinstance(u, Array)}
    lemmas = [u for u in using if not isinstance(u, (Unrolled, Array))]
    follow = {u.array for u in known}.union(*[lemma.follow for lemma in lemmas])
    try:
        with deadline(seconds):
            for u in known:
                check_unrolled(u)
            a, b = _entries(sympify(a), sympify(b))
            sizes = probe_all(a, b, follow, where)
            for lemma in lemmas:
                a = rewrite(a, lemma)
            status, method = prove(a, b, known, named, where)
    except Misuse as error:
        raise Refused(str(error)) from None
    except TimeoutError:
        raise Refused(
            f"no verdict within {seconds} s; take a smaller step, or give it more time "
            f"with seconds="
        ) from None
    return Verdict(status, method, PROBES, sizes)


def _entries(a, b):
    """Both sides as scalars at one free entry, after their shapes have been checked."""
    for e in (a, b):
        check_shapes(e)
    shapes = [e.shape if isinstance(e, MatrixExpr) else "a scalar" for e in (a, b)]
    if shapes[0] != shapes[1]:
        raise Misuse(f"the left side has shape {shapes[0]}, the right side {shapes[1]}")
    a, b = free_entry(a), free_entry(b)
    for e in (a, b):
        check_indices(e)
    check_definitions(a, b)
    return a, b


def free_entry(e):
    """A matrix as its entry (i, j), whatever i and j are; a scalar as it is."""
    if not isinstance(e, MatrixExpr):
        return e
    i, j = (S.Zero if n == 1 else Idx(name, n) for name, n in zip("ij", e.shape, strict=True))
    return entry(e, i, j)


def probe_all(a, b, follow=(), where=None):
    """Compare both sides at random sizes and values; return the sizes that were tried."""
    kinks = any(e.has(Piecewise, Max, Min, Abs, Heaviside, sign) for e in (a, b))
    tried, done = {}, 0
    with mp.workdps(DIGITS):
        for seed in range(SEEDS):
            probe = Probe(seed, follow, at_zero=kinks and not seed)
            try:
                for old, new in (where or {}).items():
                    probe.values[old] = probe.real(new)
                x, y = probe(a), probe(b)
            except (Unusable, ZeroDivisionError, ValueError):
                continue
            if not (mp.isfinite(x) and mp.isfinite(y)):
                continue
            done += 1
            for name, n in probe.sizes().items():
                low, high = tried.get(name, (n, n))
                tried[name] = (min(low, n), max(high, n))
            if abs(x - y) > TOLERANCE * (1 + abs(x)):
                raise Refused(_differs(x, y, probe))
            if done == PROBES:
                return tried
    raise Refused(f"only {done} of {PROBES} probes could be evaluated")


def _differs(x, y, probe):
    places = ", ".join(f"{name}={n}" for name, n in sorted(probe.places().items()))
    values = ", ".join(
        f"{k}={mp.nstr(v, 6)}" for k, v in probe.values.items()
        if not isinstance(k, tuple) and not k.is_integer
    )
    at = "; ".join(filter(None, (places, values)))
    return f"the left side is {mp.nstr(x, 12)}, the right side {mp.nstr(y, 12)}" + (
        f" at {at}" if at else ""
    )


def prove(a, b, known=(), named=(), where=None):
    """The strongest (status, method) that holds for ``a = b``; the probes must have passed."""
    if a == b:
        return "proved", "identical"
    # From few definitions to all of them, then what the named functions mean.
    hidden = (Partial, Quantity)  # a derivative must see every definition
    shallow = [] if a.has(*hidden) or b.has(*hidden) else [(set(named), False)]
    for only, deep in [*shallow, (None, False), (None, True)]:
        difference = expand_definitions(a, known, only, deep)
        difference -= expand_definitions(b, known, only, deep)
        if known:  # a time step may come to light only when a sum has been peeled
            difference = expand_definitions(normal_form(difference), known, only, deep)
        if where:
            difference = difference.xreplace(where)
        method = vanishes(difference)
        if method:
            status = "simplified" if method == "simplify" else "proved"
            return status, method + (", functions unfolded" if deep else "")
    return "probed", f"{PROBES} probes"


def vanishes(e):
    """How ``e = 0`` is shown, or None."""
    short = hidden(e)
    found = _vanishes_smoothly(normal_form(short)) if short != e else None
    if found:
        return found
    e = normal_form(e)
    found = _vanishes_smoothly(e)
    if found:
        return found
    if e.has(HyperbolicFunction):
        e = normal_form(e.rewrite(exp))
    if zero_by_cases(e, _zero_without_branches) or _zero_under_sums(e, _rational_zero_by_cases):
        return "by cases"
    if not e.has(Sum) and simplify(piecewise_fold(e)) == 0:
        return "simplify"
    return None


def _vanishes_smoothly(e):
    """How a normal form is shown to be zero without a look at branches, or None."""
    if any(f(e) == 0 for f in (shifted, common_start, aligned, written_out)):
        return "normal form"
    if e.has(cos):
        e = by_sines(e)
    if e.has(HyperbolicFunction):
        e = normal_form(e.rewrite(exp))
    if _rational_zero(e):
        return "rational normal form"
    return "rational normal form of the summands" if _zero_under_sums(e) else None


def _zero_without_branches(e):
    e = normal_form(e)
    return _rational_zero(e) or _zero_under_sums(e)


def _rational_zero(e):
    """Zero as a rational function of its sums, entries and function values."""
    opaque = (Sum, Indexed, Function)
    kernels = {k for k in e.atoms(*opaque) if not isinstance(k, (exp, KroneckerDelta, Piecewise))}
    return cancel(together(e.xreplace({k: Dummy() for k in kernels}))) == 0


def _rational_zero_by_cases(e):
    return zero_by_cases(e, _rational_zero)


def _zero_under_sums(e, is_zero=_rational_zero):
    """Zero after summands over the same indices have been put under one sum again."""
    groups = {}
    for term in Add.make_args(e):
        sums = next((f for f in Mul.make_args(term) if isinstance(f, Sum)), None)
        key = sums.limits if sums is not None else None
        groups.setdefault(key, []).append(term if sums is None else term / sums * sums.function)
    return all(is_zero(Add(*group)) for group in groups.values())
