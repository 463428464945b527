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

from .binding import bounds, is_at_least

_FORMAL, _OPAQUE = "_b", "_e"  # how the names of bound indices start
_FEW = 8  # a sum over more numbers than this is not written out
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
        return Sum(body, *limits)

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
        for place, (k, lo, hi) in enumerate(t.limits if _is_plain(t) else ()):
            if late(k, lo, hi):
                before, after = t.limits[:place], t.limits[place + 1 :]
                whole = Sum(t.function, *before, *after) if before or after else t.function
                early = [whole.xreplace({k: S(r)}) for r in range(first[hi], lo)]
                t = Sum(t.function, *before, (k, first[hi], hi), *after)
                return extend(t) - Add(*map(extend, early))
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
        return Sum(body, *limits)

    return common_start(normal_form(e.replace(_is_plain, align)))


def _places(body, k):
    """Where an index stands: in entries by the name of the array, then in exponents."""
    entries = sorted((t for t in body.atoms(Indexed) if t.has(k)), key=lambda t: str(t.base))
    powers = sorted((t.exp for t in body.atoms(Pow) if t.exp.has(k)), key=str)
    return [expand(i) for i in (*[i for t in entries for i in t.indices if i.has(k)], *powers)]


def written_out(e):
    """Sums over a few literal numbers as what they add up."""
    def few(t):
        return isinstance(t, Sum) and any(0 <= n <= _FEW for n in map(_length, t.limits))

    def write(t):
        place, (k, lo, _) = next(
            (n, limit) for n, limit in enumerate(t.limits) if 0 <= _length(limit) <= _FEW
        )
        rest = [limit for n, limit in enumerate(t.limits) if n != place]
        whole = Sum(t.function, *rest) if rest else t.function
        return Add(*[whole.xreplace({k: lo + n}) for n in range(_length(t.limits[place]))])

    while any(map(few, e.atoms(Sum))):
        e = e.replace(few, write)
    return normal_form(e)


def by_sines(e):
    """Even powers of cosines by sines: cos(x)**2 = 1 - sin(x)**2."""
    def even(t):
        return isinstance(t, Pow) and isinstance(t.base, cos) and t.exp.is_Integer and t.exp > 1

    def write(t):
        (x,), half = t.base.args, t.exp // 2
        return (1 - sin(x) ** 2) ** half * t.base ** (t.exp - 2 * half)

    return normal_form(e.replace(even, write))


def _length(limit):
    _, lo, hi = limit
    length = expand(hi - lo + 1)
    return int(length) if length.is_Integer else -1


def _is_plain(t):
    """Whether a sum runs over ranges that do not depend on each other."""
    names = [k for k, *_ in t.limits] if isinstance(t, Sum) else []
    return isinstance(t, Sum) and not any(Tuple(*limit[1:]).has(*names) for limit in t.limits)


def is_positive(e):
    """Whether a real expression is certainly positive: exponentials, and sums of them."""
    if e.is_positive:
        return True
    if isinstance(e, exp):
        return bool(e.args[0].is_real) or _is_real(e.args[0])
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
    if isinstance(e, Sum):
        return _is_real(e.function)
    return bool(e.is_real) or (bool(e.args) and all(map(_is_real, e.args)))


def _expand(e):
    """``expand``, except that exp(Sum) stays and logarithms split where that is allowed."""
    if e.has(exp):
        e = e.replace(
            lambda t: isinstance(t, exp) and t.args[0].is_Add,
            lambda t: Mul(*map(exp, t.args[0].args)),
        )
    if e.has(log):
        e = e.replace(lambda t: isinstance(t, log), _split_log)
    return expand(e, power_exp=False, log=False)


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
    if not e.exp.is_integer or e.exp.is_number:
        return e
    low = bounds(e.exp, ranges)[0]
    whole, rest = low.as_coeff_Add()
    if not (whole.is_Integer and whole > 0 and rest.is_nonnegative):
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
        i, j = sorted(d.args, key=default_sort_key)
        if j.is_Atom:
            rest = Mul(*[f for f in factors if not _is_power_of(f, d)])
            t = d * rest.xreplace({j: i})
    return t


def _is_power_of(f, d):
    base, power = f.as_base_exp()
    return base == d and bool(power.is_positive)


def _sum(e, ranges):
    k, lo, hi = e.limits[-1]
    own = Dummy(_kind(k, lo, hi, ranges), integer=True)
    body = Sum(e.function, *e.limits[:-1]) if len(e.limits) > 1 else e.function
    body = _expand(normal_form(body.xreplace({k: own}), {**ranges, own: (lo, hi)}))
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
    flat, limits = _flatten(inside, [(k, lo, hi)])
    result = _expand(outside * _canonical(Mul(*flat), limits))
    return result + normal_form(outside * peeled, ranges) if peeled != 0 else result


def _contract(t, k, lo, hi, ranges):
    """sum_k delta(k, r) f(k) = f(r), where lo <= r <= hi is certain; 0 where it is impossible."""
    factors = Mul.make_args(t)
    for f in factors:
        if not (isinstance(f, KroneckerDelta) and f.has(k)):
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
    extra = S.Zero
    for r in range(1, abs(shift_lo) + 1):
        at = lo - r if shift_lo > 0 else lo + r - 1
        extra += (-1 if shift_lo > 0 else 1) * body.xreplace({k: at})
    for r in range(1, abs(shift_hi) + 1):
        at = hi + 1 - r if shift_hi > 0 else hi + r
        extra += (1 if shift_hi > 0 else -1) * body.xreplace({k: at})
    return lo - shift_lo, hi - shift_hi, extra


def _integer_part(e):
    number = e.as_coeff_Add()[0]
    return int(number) if e.free_symbols and number.is_Integer else 0


def _flatten(factors, limits):
    """A product of sums as one sum over all their indices."""
    flat = []
    for f in factors:
        base, power = f.as_base_exp()
        if not (isinstance(base, Sum) and power.is_Integer and power > 0):
            flat.append(f)
            continue
        for _ in range(int(power)):
            own = {k: Dummy(k.name, integer=True) for k, *_ in base.limits}
            limits += [(own[k], lo.xreplace(own), hi.xreplace(own)) for k, lo, hi in base.limits]
            flat.append(base.function.xreplace(own))
    return flat, limits


def _canonical(body, limits):
    """The sum with its indices in a fixed order under fixed names."""
    depth = _depth(body)

    def named(order):
        return {k: Symbol(f"{k.name[:2]}{depth}_{n}", integer=True)
                for n, (k, *_) in enumerate(order)}

    def read(order):
        names = {k: own.name for k, own in named(order).items()}
        return reading(Tuple(body, *(Tuple(*limit) for limit in order)), names)

    orders = _orders(body, limits)
    order = min(orders, key=read) if len(orders) > 1 else orders[0]
    own = named(order)
    return Sum(
        body.xreplace(own),
        *[(own[k], lo.xreplace(own), hi.xreplace(own)) for k, lo, hi in order],
    )


def _orders(body, limits):
    """The orders to choose from: sorted by the places where an index stands, ties in any order."""
    names = [k for k, *_ in limits]
    if len(limits) == 1 or any(Tuple(*limit[1:]).has(*names) for limit in limits):
        return [limits]
    groups = {}
    for k, lo, hi in limits:
        own = {j: "this" if j == k else "other" for j in names}
        groups.setdefault(reading(Tuple(lo, hi, body), own), []).append((k, lo, hi))
    ties = [groups[key] for key in sorted(groups)]
    if math.prod(math.factorial(len(tie)) for tie in ties) > _ORDERS:
        return [limits]
    choices = itertools.product(*[itertools.permutations(tie) for tie in ties])
    return [list(itertools.chain(*choice)) for choice in choices]


def reading(e, names):
    """How an expression reads with these names; indices that are bound outside have none.

    The order of terms and factors does not matter.
    """
    if e in names:
        return names[e]
    if isinstance(e, Indexed):
        return f"{e.base.name}[{' '.join([reading(i, names) for i in e.indices])}]"
    if e.is_Atom:
        return "_" if isinstance(e, Dummy) else str(e)
    parts = [reading(a, names) for a in e.args]
    if isinstance(e, (Add, Mul, KroneckerDelta)):
        parts.sort()
    return f"{type(e).__name__}({' '.join(parts)})"


def _depth(body):
    names = [s.name for s in body.atoms(Symbol) - body.atoms(Dummy)]
    used = [name for name in names if name.startswith((_FORMAL, _OPAQUE))]
    return 1 + max((int(name[2:].split("_")[0]) for name in used), default=-1)
