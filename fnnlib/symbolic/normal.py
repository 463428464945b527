"""The normal form of index notation. Every rewrite here is an identity.

Sums are made linear; a delta contracts a sum only where its root provably lies in the range;
products of sums become sums over several indices (Fubini) with canonical names; a bound that
is shifted by an integer is peeled off, so that sums over 1..T and 2..T can meet.

A sum with its range, lo..hi, is *formal* where hi >= lo - 1 is certain. Then it may be counted,
peeled and written out by sum_(lo..hi) = sum_(lo..m) + sum_(m+1..hi) for any m, where a sum that
ends before it starts means minus what lies between. Peeling may make such sums, but they are
formal by their origin. Other sums are *opaque*: empty where hi < lo, and hardly touched. The name
of the bound index tells which: _b or _e.
"""

import itertools
import math

from sympy import (
    Add,
    Dummy,
    Indexed,
    KroneckerDelta,
    Mul,
    Piecewise,
    Pow,
    S,
    Sum,
    Symbol,
    Tuple,
    cancel,
    cos,
    default_sort_key,
    exp,
    expand,
    log,
    sin,
    together,
)
from sympy.functions.elementary.hyperbolic import HyperbolicFunction

from .binding import bounds, is_at_least
from .vocabulary import Total

_FORMAL, _OPAQUE = "_b", "_e"  # how the names of bound indices start
_FEW = 8  # a sum over more numbers than this is not written out
_ENTIRE = Add, Mul, Pow, exp, cos, sin, HyperbolicFunction  # real where their arguments are
_ORDERS = 120  # indices of a sum that can stand in more orders than this are not reordered


def normal_form(e, ranges=None):
    """A sum of products, equal to ``e`` and the same for many ways to write it."""
    ranges = ranges or {}
    if e.is_Atom or isinstance(e, (Indexed, Piecewise)):
        return e
    if isinstance(e, KroneckerDelta):
        return _delta(e, ranges)
    if isinstance(e, Sum):
        return _sum(e, ranges)
    e = e.func(*[normal_form(a, ranges) for a in e.args])
    e = _expand(_split_power(e, ranges) if isinstance(e, Pow) else e)
    return Add(*[_apply_deltas(t) for t in Add.make_args(e)])


def shifted(e):
    """Every sum counted from zero: sum_(1..T) f(t) = sum_(0..T-1) f(t + 1)."""
    def shift(t):
        body, limits = t.function, []
        for k, lo, hi in t.limits:
            body = body.xreplace({k: k + lo})
            limits.append((k, S.Zero, hi - lo))
        return t.func(body, *limits)

    return normal_form(e.replace(_is_plain, shift))


def common_start(e):
    """Sums that end alike start alike: q(0) + sum_(1..T) q(t) = sum_(0..T) q(t)."""
    first = {}
    for t in filter(_is_plain, e.atoms(Sum)):
        for _, lo, hi in t.limits:
            if lo.is_Integer:
                first[hi] = min(lo, first.get(hi, lo))

    def late(k, lo, hi):
        return lo.is_Integer and lo > first[hi] and _kind(k, lo, hi, {}) == _FORMAL

    def extend(t):
        for k, lo, hi in t.limits if _is_plain(t) else ():
            if late(k, lo, hi):
                each = _without(t, k)
                early = [each.xreplace({k: S(r)}) for r in range(first[hi], lo)]
                return extend(t.func(each, (k, first[hi], hi))) - Add(*map(extend, early))
        return t

    return normal_form(e.xreplace({t: extend(t) for t in filter(_is_plain, e.atoms(Sum))}))


def aligned(e):
    """Sums counted by the first of their entries: sum_(1..T) f(t - 1) = sum_(0..T-1) f(t).

    Where that entry runs backwards, so does the sum: sum_(0..T) f(T - t) = sum_(0..T) f(t).
    """
    def align(t):
        body, limits = t.function, []
        for k, lo, hi in t.limits:
            places = _places(body, k)
            if places and places[0].coeff(k) == -1:
                body = body.xreplace({k: lo + hi - k})
                places = _places(body, k)
            offsets = [expand(i - k) for i in places]
            by = min((o for o in offsets if o.is_Integer), default=0)
            body = body.xreplace({k: k - by})
            limits.append((k, lo + by, hi + by))
        return t.func(body, *limits)

    return common_start(normal_form(e.replace(_is_plain, align)))


def _places(body, k):
    """Where an index stands: in entries by the name of the array, then in exponents."""
    entries = sorted((t for t in body.atoms(Indexed) if t.has(k)), key=lambda t: str(t.base))
    powers = sorted((t.exp for t in body.atoms(Pow) if t.exp.has(k)), key=str)
    return [expand(i) for i in (*[i for t in entries for i in t.indices if i.has(k)], *powers)]


def written_out(e):
    """Sums over a few literal numbers as what they add up."""
    def write(t):
        for k, lo, hi in t.limits if isinstance(t, Sum) else ():
            length = expand(hi - lo + 1)
            if length.is_Integer and 0 < length <= _FEW:
                each = _without(t, k)
                return Add(*[write(each.xreplace({k: lo + n})) for n in range(int(length))])
        return t

    return normal_form(e.replace(lambda t: isinstance(t, Sum), write))


def _without(t, k):
    """The sum without its index k, which is then free."""
    rest = [limit for limit in t.limits if limit[0] != k]
    return t.func(t.function, *rest) if rest else t.function


def by_sines(e):
    """Even powers of cosines by sines: cos(x)**2 = 1 - sin(x)**2."""
    def even(t):
        return isinstance(t, Pow) and isinstance(t.base, cos) and t.exp.is_Integer

    def write(t):
        (x,), half = t.base.args, t.exp // 2
        return (1 - sin(x) ** 2) ** half * t.base ** (t.exp - 2 * half)

    return normal_form(e.replace(even, write))


def _is_plain(t):
    """Whether a sum runs over ranges that do not depend on each other."""
    names = [k for k, *_ in t.limits] if isinstance(t, Sum) else []
    return isinstance(t, Sum) and not any(Tuple(*limit[1:]).has(*names) for limit in t.limits)


def is_positive(e):
    """Whether a real expression is certainly positive: exponentials, and sums of them."""
    if e.is_positive:
        return True
    if isinstance(e, exp):
        return _is_real(e.args[0])
    if isinstance(e, (Add, Mul)) and all(map(is_positive, e.args)):
        return True
    if isinstance(e, Add):  # 1 - 1/(1 + exp(-z)) is positive, though its terms are not
        product = _over_one_denominator(e)
        return not isinstance(product, Add) and is_positive(product)
    if isinstance(e, Pow):
        return is_positive(e.base) and _is_real(e.exp)
    if isinstance(e, Sum):  # not empty, and every term positive
        return is_positive(e.function) and all(is_at_least(hi, lo, {}) for _, lo, hi in e.limits)
    return False


def _is_real(e):
    """Whether an expression is certainly real: sums of real terms, powers of positive bases."""
    if e.is_real:
        return True
    if isinstance(e, Sum):
        return _is_real(e.function)
    if isinstance(e, log):
        return is_positive(e.args[0])
    if isinstance(e, Pow) and not e.exp.is_integer:
        return is_positive(e.base) and _is_real(e.exp)
    return isinstance(e, _ENTIRE) and all(map(_is_real, e.args))


def _expand(e):
    """``expand``, except that exp(Sum) stays and logarithms split where that is allowed."""
    if e.has(exp):
        e = e.replace(
            lambda t: isinstance(t, exp) and t.args[0].is_Add,
            lambda t: Mul(*map(exp, t.args[0].args)),
        )
    if e.has(log):
        e = e.replace(lambda t: isinstance(t, log), _split_log)
    return expand(e, power_exp=False)


def _split_log(t):
    """log of a product of positive factors; 1 + exp(-z) counts as (exp(z) + 1) exp(-z)."""
    if not isinstance(t, log):  # SymPy has evaluated it
        return t
    argument = _over_one_denominator(t.args[0])
    factors = [(f, S.One) if isinstance(f, exp) else f.as_base_exp()
               for f in Mul.make_args(argument)]
    if not all(is_positive(base) and _is_real(power) for base, power in factors):
        return t
    if len(factors) == 1 and factors[0][1] == 1 and not isinstance(argument, exp):
        return log(argument)
    return Add(*[power * (base.args[0] if isinstance(base, exp) else _split_log(log(base)))
                 for base, power in factors])


def _over_one_denominator(e):
    return together(cancel(e)) if e.is_Add and not e.has(Sum) else e


def _split_power(e, ranges):
    """b**(s + 1) = b b**s where s >= 0 is certain; so it holds for b = 0, too."""
    whole, rest = bounds(e.exp, ranges)[0].as_coeff_Add()
    if not (whole > 0 and rest.is_nonnegative):
        return e
    return e.base**whole * e.base ** expand(e.exp - whole)


def _delta(e, ranges):
    (a, b), (c, d) = (bounds(i, ranges) for i in e.args)
    apart = (a - d).is_positive or (c - b).is_positive
    return S.Zero if apart else e


def _apply_deltas(t):
    """delta_ij f(j) = delta_ij f(i) and delta_ij**2 = delta_ij."""
    for d in sorted(t.atoms(KroneckerDelta), key=default_sort_key):
        factors = Mul.make_args(t)
        if not any(_is_power_of(f, d) for f in factors):
            continue
        i, j = sorted(d.args, key=default_sort_key)  # numbers, then symbols, then what has terms
        old, new = (j, i) if j.is_Atom else (i, j)
        if old.is_Atom and not old.is_number:
            rest = Mul(*[f for f in factors if not _is_power_of(f, d)])
            t = d * rest.xreplace({old: new})
    return t


def _is_power_of(f, d):
    base, power = f.as_base_exp()
    return base == d and bool(power.is_positive)


def _sum(e, ranges):
    k, lo, hi = e.limits[-1]
    own = Dummy(_kind(k, lo, hi, ranges), integer=True)
    body = e.func(e.function, *e.limits[:-1]) if len(e.limits) > 1 else e.function
    # what is formal, but may end too early, runs over indices that are not between its bounds
    inside = own.name == _OPAQUE or is_at_least(hi - lo, -1, ranges)
    within = {**ranges, own: (lo, hi)} if inside else ranges
    body = _expand(normal_form(body.xreplace({k: own}), within))
    return _expand(Add(*[_sum_term(t, own, lo, hi, ranges) for t in Add.make_args(body)]))


def _kind(k, lo, hi, ranges):
    if k.name[:2] in (_FORMAL, _OPAQUE):
        return k.name[:2]
    return _FORMAL if is_at_least(hi - lo, -1, ranges) else _OPAQUE


def _sum_term(t, k, lo, hi, ranges):
    contracted = _contract(t, k, lo, hi, ranges)
    if contracted is not None:
        return contracted
    factors = Mul.make_args(t)
    outside = Mul(*[f for f in factors if not f.has(k)])
    inside = [f for f in factors if f.has(k)]
    peeled = S.Zero
    if k.name == _FORMAL:
        if not inside:
            return _expand(outside * (hi - lo + 1))
        lo, hi, peeled = _peel(Mul(*inside), k, lo, hi)
        if expand(hi - lo) == -1:
            return normal_form(outside * peeled, ranges)
    elif (hi - lo).is_negative:
        return S.Zero
    flat, limits = _flatten(inside, (k, lo, hi))
    result = _expand(outside * _canonical(Mul(*flat), limits))
    return result + normal_form(outside * peeled, ranges)


def _contract(t, k, lo, hi, ranges):
    """sum_k delta(k, r) f(k) = f(r), where lo <= r <= hi is certain; 0 where it is impossible."""
    factors = Mul.make_args(t)
    for f in factors:
        if not isinstance(f, KroneckerDelta):
            continue
        difference = expand(f.args[0] - f.args[1])
        slope = difference.coeff(k)
        if slope not in (1, -1):
            continue
        root = expand(k - difference / slope)
        if is_at_least(root, lo, ranges) and is_at_least(hi, root, ranges):
            rest = Mul(*[g for g in factors if g is not f])
            return normal_form(rest.xreplace({k: root}), ranges)
        outside = is_at_least(lo, root + 1, ranges) or is_at_least(root, hi + 1, ranges)
        if outside and (k.name == _OPAQUE or is_at_least(hi - lo, -1, ranges)):
            return S.Zero
    return None


def _peel(body, k, lo, hi):
    """Bounds without their integer shift, and the terms that this adds or removes."""
    shift_lo, shift_hi = _integer_part(lo), _integer_part(hi + 1)
    length = expand(hi - lo + 1)
    if length.is_Integer and abs(length) <= 1:  # one number, or none
        shift_lo, shift_hi = 0, int(length)
    lo, hi = lo - shift_lo, hi - shift_hi
    return lo, hi, _run(body, k, hi + 1, shift_hi) - _run(body, k, lo, shift_lo)


def _run(body, k, first, length):
    """A sum from ``first`` on over so many numbers; what comes before it, with a minus, if < 0."""
    def at(n):
        return body.xreplace({k: first + n})

    return Add(*map(at, range(length))) - Add(*map(at, range(length, 0)))


def _integer_part(e):
    return int(e.as_coeff_Add()[0]) if e.free_symbols else 0


def _flatten(factors, limit):
    """A product of sums under a further sum, as one sum over all the indices."""
    flat, limits = [], []
    for f in factors:
        base, power = f.as_base_exp()
        if not (isinstance(base, Sum) and power.is_Integer and power > 0):
            flat.append(f)
            continue
        for _ in range(int(power)):
            own = {k: Dummy(k.name, integer=True) for k, *_ in base.limits}
            limits += [(own[k], lo.xreplace(own), hi.xreplace(own)) for k, lo, hi in base.limits]
            flat.append(base.function.xreplace(own))
    return flat, [*limits, limit]  # the innermost comes first


def _canonical(body, limits):
    """The sum with its indices in a fixed order under fixed names."""
    depth = _depth(body)

    def named(order):
        return {k: Symbol(f"{k.name[:2]}{depth}_{n}", integer=True)
                for n, (k, *_) in enumerate(order)}

    def read(order):
        names = {k: own.name for k, own in named(order).items()}
        return reading(Tuple(body, *(Tuple(*limit) for limit in order)), names)

    order = min(_orders(body, limits), key=read) if len(limits) > 1 else limits
    own = named(order)
    return Total(
        body.xreplace(own),
        *[(own[k], lo.xreplace(own), hi.xreplace(own)) for k, lo, hi in order],
    )


def _orders(body, limits):
    """The orders to choose from: sorted by the places where an index stands, ties in any order."""
    names = [k for k, *_ in limits]
    if any(Tuple(*limit[1:]).has(*names) for limit in limits):
        return [limits]
    groups = {}
    for k, lo, hi in limits:
        own = {j: "this" if j == k else "other" for j in names}
        reads = tuple(reading(part, own) for part in (lo, hi, body))
        groups.setdefault(reads, []).append((k, lo, hi))
    ties = [groups[key] for key in sorted(groups)]
    if math.prod(math.factorial(len(tie)) for tie in ties) > _ORDERS:
        return [limits]
    choices = itertools.product(*[itertools.permutations(tie) for tie in ties])
    return [list(itertools.chain(*choice)) for choice in choices]


def reading(e, names):
    """How an expression reads with these names; the order of terms and factors does not matter."""
    if e in names:
        return names[e]
    if isinstance(e, Indexed):
        return f"{e.base.name}[{' '.join([reading(i, names) for i in e.indices])}]"
    if e.is_Atom:
        return str(e)
    parts = [reading(a, names) for a in e.args]
    if isinstance(e, (Add, Mul, KroneckerDelta)):
        parts.sort()
    return f"{type(e).__name__}({' '.join(parts)})"


def _depth(body):
    names = [s.name for s in body.atoms(Symbol) - body.atoms(Dummy)]
    used = [name for name in names if name.startswith((_FORMAL, _OPAQUE))]
    return 1 + max((int(name[2:].split("_")[0]) for name in used), default=-1)
