"""Agreement: the library's own code against a derivation, at random sizes and values."""

import itertools
import math
import random

import mpmath as mp
import numpy as np
from sympy import Idx, Piecewise, S, Symbol

from fnnlib.check import TOLERANCE, CheckFailed, complex_step, finite_difference

from .derivation import Derivation
from .evaluate import slot
from .ledger import MIME, record
from .probe import DIGITS, Probe
from .vocabulary import Array, Mat, Misuse, recursive_arrays

TRIALS = 2  # random choices of sizes and values
POINTS = 25  # arguments of a scalar function in one trial
QUOTIENTS = 6  # entries of a gradient that are compared with a difference quotient in a trial


class Agreement:
    """What a check compared and how far the two sides were apart at most."""

    def __init__(self, name, function, errors, sizes):
        self.name, self.function, self.errors, self.sizes = name, function, errors, sizes

    @property
    def record(self):
        """The entry of this check in the ledger; the bound is the one that was enforced."""
        bound = max(TOLERANCE[kind] for kind in self.errors)
        return record("check", self.name, "passed", self.function, self.sizes, bound)

    def __repr__(self):
        sizes = self.record["sizes"]
        lines = [f"{self.function} agrees with {self.name}" + (f" ({sizes})" if sizes else "")]
        for kind in self.errors:
            lines.append(f"    {kind.replace('_', ' ')}: relative error below {TOLERANCE[kind]:g}")
        return "\n".join(lines)

    def _repr_mimebundle_(self, **kwargs):
        return {"text/plain": repr(self), MIME: self.record}


def check(derivation, function, forward, args=None, dout=None, seed=0, at=None):
    """Compare a function of the library with a derivation; ``CheckFailed`` if they differ.

    For a scalar derivative, ``function`` and ``forward`` are applied to numbers:
    ``check(d, activations.sigmoid_prime, activations.sigmoid)``.

    For a gradient, ``function`` is a backward pass: ``args`` are the symbolic arguments of
    ``forward`` (arrays of the derivation, in the tuples that the library uses) and ``dout`` the
    symbolic gradient with respect to its output. The gradient that is compared is the one at
    the place where ``args`` holds the array that the derivation differentiates by. ``at`` picks
    one of the many cases for which the derivation holds: ``{n.T: 5, n.rho: 1, n.phi: tanh,
    n.m: lambda t, r: t <= 3}`` gives a size, a scalar, an opaque function and a free array.
    A free index of the derivation may be given, too: then that entry alone is compared.

    Every entry is compared with the derived formula and with a difference quotient of the
    first line in high precision, in which recurrences are followed; a complex step along a
    random direction (a finite difference where there is a kink) closes the circle.

    >>> from fnnlib import activations
    >>> from fnnlib.symbolic import D, scalar, tanh
    >>> z = scalar("z")
    >>> d = Derivation(D(tanh(z), z), "tanh_prime").step(1 - tanh(z)**2, "known")
    >>> check(d, activations.tanh_prime, activations.tanh)
    activations.tanh_prime agrees with tanh_prime
        formula: relative error below 1e-10
        difference quotient: relative error below 1e-10
        complex step: relative error below 1e-13
    """
    if not isinstance(derivation, Derivation) or derivation.variable is None:
        raise Misuse("check() takes a derivation that starts from a derivative D(...)")
    if derivation.status == "unproved":
        raise Misuse(f"{derivation.name} has no steps yet")
    if at and isinstance(derivation.variable, Symbol):
        raise Misuse("at= picks a case of a gradient; a scalar derivative is tried at many points")
    errors, sizes = {}, {}
    for trial in range(TRIALS):
        with mp.workdps(DIGITS):
            if isinstance(derivation.variable, Symbol):
                found, drawn = _scalar(derivation, function, forward, args, seed + trial)
            else:
                found, drawn = _gradient(
                    derivation, function, forward, args, dout, seed + trial, at or {}
                )
        for kind, (error, where) in found.items():
            if not error <= TOLERANCE[kind]:
                raise CheckFailed(f"{_title(function)} against {derivation.name}: {where}")
            errors[kind] = max(error, errors.get(kind, 0.0))
        for n, v in drawn.items():
            low, high = sizes.get(n, (v, v))
            sizes[n] = (min(low, v), max(high, v))
    return Agreement(derivation.name, _title(function), errors, sizes)


def within_tolerance(name, function, errors, sizes):
    """The Agreement of errors that were found in another way; ``CheckFailed`` if one is too large.

    ``name`` is that of the derivation, ``function`` the library's, without ``fnnlib.``; ``sizes``
    holds the smallest and the largest of each.

    >>> within_tolerance("halves", "tree.map", [0.0, 1e-12], {"n": (1, 2)})
    tree.map agrees with halves (n=1..2)
        formula: relative error below 1e-10
    """
    worst = float(np.max(errors))  # of Python's max, a nan may get lost
    if not worst <= TOLERANCE["formula"]:
        raise CheckFailed(f"{function} against {name}: relative error {worst:.1e}")
    return Agreement(name, function, {"formula": worst}, sizes)


def _title(function):
    return f"{function.__module__.removeprefix('fnnlib.')}.{function.__name__}"


def _probe(derivation, seed):
    """Values for a check: recurrences followed, and no axis so short that it hides a slip."""
    return Probe(seed, recursive_arrays(derivation.start, derivation.last), smallest=2)


def _worst(kind, pairs, place):
    """The largest relative error among (key, ours, theirs), and a sentence about it."""
    worst = (0.0, "")
    for key, ours, theirs in pairs:
        error = float(abs(theirs - mp.mpf(float(ours))) / (1 + abs(theirs)))
        error = error if math.isfinite(error) else math.inf
        if error >= worst[0]:
            worst = error, (
                f"the library gives {ours:.12g}, the {kind.replace('_', ' ')} "
                f"{mp.nstr(theirs, 12)} at {place(key)}"
            )
    return worst


def _scalar(derivation, function, forward, args, seed):
    args = args or (derivation.variable,)
    draw = random.Random(seed)
    points = np.array([draw.uniform(-4, 4) for _ in range(POINTS)])
    others = {a: draw.uniform(0.1, 1.0) for a in args if a != derivation.variable}
    values = [points if a == derivation.variable else others[a] for a in args]
    ours = function(*values)
    rows = {"formula": [], "difference_quotient": []}
    for z, y in zip(points, ours, strict=True):
        probe = _probe(derivation, seed)
        probe.values.update({a: mp.mpf(v) for a, v in others.items()})
        probe.values[derivation.variable] = mp.mpf(z)
        rows["formula"].append((z, y, probe(derivation.right)))
        rows["difference_quotient"].append((z, y, probe(derivation.left)))
    found = {
        kind: _worst(kind, pairs, lambda z: f"{derivation.variable} = {z:.6g}")
        for kind, pairs in rows.items()
    }
    place = list(args).index(derivation.variable)

    def along(z):
        return np.sum(forward(*values[:place], z, *values[place + 1 :]))

    return found | _direction(derivation, along, points, ours, draw), {}


def _gradient(derivation, backward, forward, args, dout, seed, at):
    if args is None:
        raise Misuse("a gradient is checked with args=, the symbolic arguments of forward")
    variable = derivation.left.variable
    probe = _probe(derivation, seed)
    sizes = _draw_sizes([leaf for _, leaf in _leaves((args, dout))], seed, at)
    probe.values.update(sizes)
    _pick(probe, at)
    numbers = _map(args, lambda leaf: _numbers(leaf, probe))
    cotangent = _map(dout, lambda leaf: _numbers(leaf, probe))
    _, cache = forward(*numbers)
    gradients = backward(cotangent, cache)
    if not (type(gradients) is tuple and len(gradients) == len(args)):
        gradients = (gradients,)
    path, leaf = _place(args, variable.xreplace({i: S(v) for i, v in at.items() if _is_index(i)}))
    ours = _at(gradients, path)
    expected = np.shape(_at(numbers, path))
    if np.shape(ours) != expected:
        raise CheckFailed(
            f"{_title(backward)} against {derivation.name}: the gradient has shape "
            f"{np.shape(ours)}, its argument {expected}"
        )
    free = [i for i in variable.indices if _is_index(i) and i not in at]
    found = _entrywise(derivation, free, leaf, ours, probe)
    draw = random.Random(seed)

    def along(value):
        alike = _map(numbers, lambda number: _as(np.asarray(value).dtype, number))
        out, _ = forward(*_replaced(alike, path, value))
        pairs = zip(_leaves(out), _leaves(cotangent), strict=True)
        return sum(np.sum(o * c) for (_, o), (_, c) in pairs)

    found |= _direction(derivation, along, _at(numbers, path), ours, draw)
    return found, {str(n): v for n, v in sizes.items()}


def _entrywise(derivation, free, leaf, ours, probe):
    """Formula against every entry; the dear difference quotient against a sample of them."""
    variable = derivation.left.variable
    lead = len(leaf.lead) if isinstance(leaf, Mat) else 0
    firsts = [int(probe(first)) for first, _ in variable.base.axes]
    spans = [range(int(probe(i.lower)), int(probe(i.upper)) + 1) for i in free]
    everywhere = list(itertools.product(*spans))
    sample = probe.random.sample(everywhere, min(QUOTIENTS, len(everywhere)))
    rows = {"formula": [], "difference_quotient": []}
    for at in everywhere:
        bound = dict(zip(free, at, strict=True))
        key = probe.location(variable, bound)[1:]
        mine = ours[tuple(k - first for k, first in zip(key, firsts, strict=True))[lead:]]
        rows["formula"].append((key, mine, probe(derivation.right, bound)))
        if at in sample:
            quotient = probe(derivation.left, bound)
            rows["difference_quotient"].append((key, mine, quotient))
            probe.settled = True
    name = variable.base.name
    where = ", ".join(f"{n}={v}" for n, v in probe.sizes().items())
    return {
        kind: _worst(kind, pairs, lambda k: f"{name}{list(k)}, sizes {where}")
        for kind, pairs in rows.items()
    }


def _direction(derivation, f, at, gradient, draw):
    """The error along one random direction, by an oracle that knows no derivation."""
    kinks = derivation.left.has(Piecewise) or derivation.right.has(Piecewise)
    method = finite_difference if kinks else complex_step
    step = np.reshape([draw.gauss(0, 1) for _ in range(np.size(at))], np.shape(at))
    theirs = method(f, (at,), (step,), **({"h": 1e-6} if kinks else {}))
    ours = float(np.sum(gradient * step))
    scale = float(np.sum(np.abs(gradient * step))) + abs(theirs) + np.finfo(float).tiny
    kind = method.__name__
    return {kind: (abs(ours - theirs) / scale, (
        f"along a random direction the library gives {ours:.15g}, the "
        f"{kind.replace('_', ' ')} {theirs:.15g}"
    ))}


def _pick(probe, at):
    """Put what was picked in the place of symbols, opaque functions and free arrays."""
    for symbol, value in at.items():
        if isinstance(symbol, Array) and symbol.rule is None:
            for k in itertools.product(*_spans(symbol.axes, probe)):
                probe.values[slot(symbol), *k] = mp.mpf(value(*k))
        elif isinstance(symbol, type) and not getattr(symbol, "meaning", True):
            probe.functions[symbol.base_name] = value
        elif isinstance(symbol, Symbol) or _is_index(symbol):
            probe.values[symbol] = value if symbol.is_integer else mp.mpf(value)
        else:
            raise Misuse(
                f"at= gives sizes, indices, scalars, opaque functions and free arrays; {symbol} "
                "is none of them"
            )


def _is_index(e):
    return isinstance(e, Idx)


def _spans(axes, probe):
    return [range(int(probe(first)), int(probe(last)) + 1) for first, last in axes]


def _draw_sizes(leaves, seed, given):
    """Unequal sizes for all axes; at least 3 for an axis with a first index of its own (time).

    Those that are ``given`` are what they are.
    """
    bases = [leaf.base if isinstance(leaf, Mat) else leaf for leaf in leaves]
    axes = [a for base in bases if isinstance(base, Array) for a in base.axes]
    used = {s for first, last in axes for s in (last - first).free_symbols}
    names = sorted(used - set(given), key=str)
    timed = {s for first, last in axes if last.is_Symbol for s in last.free_symbols}
    pool = list(range(2, 2 + max(len(names), 3)))
    random.Random(seed).shuffle(pool)
    sizes = {}
    for s in sorted(names, key=lambda s: s not in timed):
        sizes[s] = next(v for v in pool if v >= 3 or s not in timed)
        pool.remove(sizes[s])
    return {s: given.get(s, sizes.get(s)) for s in sorted(used, key=str)}


def _numbers(leaf, probe):
    """The values of a symbolic leaf as an array; anything else is passed on as it is."""
    if isinstance(leaf, Mat):
        base, lead = leaf.base, leaf.lead
    elif isinstance(leaf, Array):
        base, lead = leaf, ()
    else:
        return leaf
    spans = _spans(base.axes[len(lead):], probe)
    flat = [float(probe(base[*lead, *at])) for at in itertools.product(*spans)]
    return np.reshape(flat, [len(span) for span in spans])


def _as(dtype, number):
    """All arrays of one call are of one kind, also in a complex step."""
    return number.astype(dtype) if isinstance(number, np.ndarray) else number


def _place(args, variable):
    """Where ``args`` holds the array that is differentiated by."""
    for path, leaf in _leaves(args):
        if leaf == variable.base:
            return path, leaf
        fits = isinstance(leaf, Mat) and leaf.base == variable.base
        if fits and leaf.lead == variable.indices[: len(leaf.lead)]:
            return path, leaf
    raise Misuse(f"no argument of forward is {variable.base}, which the derivation varies")


def _leaves(tree, path=()):
    if isinstance(tree, tuple):
        for n, branch in enumerate(tree):
            yield from _leaves(branch, (*path, n))
    else:
        yield path, tree


def _map(tree, f):
    if not isinstance(tree, tuple):
        return f(tree)
    made = [_map(branch, f) for branch in tree]
    return type(tree)(*made) if hasattr(tree, "_fields") else tuple(made)


def _at(tree, path):
    for n in path:
        tree = tree[n]
    return tree


def _replaced(tree, path, value):
    if not path:
        return value
    parts = [_replaced(b, path[1:], value) if n == path[0] else b for n, b in enumerate(tree)]
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
