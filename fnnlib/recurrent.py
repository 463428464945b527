r"""Recurrent nets made of recurrent modules: stacks, both directions, masks, truncation.

A :class:`Network` has the functions of a recurrent module, and reads sequences with a mask.
:func:`layer` makes one of any module such as :mod:`fnnlib.rnn`, :mod:`fnnlib.lstm` or
:mod:`fnnlib.gru`. :func:`bidirectional`, :func:`stack` and :func:`truncated` make networks of
modules or networks, so ``stack(bidirectional(lstm), 2)`` is one too.

Conventions: time first. ``x`` is ``(T, B, D)``; the outputs h are ``(T, B, H)``, or ``(T, B, 2H)``
for both directions. A mask is a boolean ``(T, B)``. Where it is False the step is left out: the
state stays as it is and is put out again. Parameters and states are trees of those of the module.
Malformed arguments raise ValueError or TypeError naming the argument. Sources: [schuster1997] for
both directions, [williams1990] for truncation.
"""

from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

import numpy as np

from fnnlib import require, tree


class Network(NamedTuple):
    """The functions of a recurrent net, and its outputs for each hidden unit."""

    name: str
    init: Callable  # (rng, D, H, dtype=np.float64) -> p
    start: Callable  # (p, B) -> s, all zeros
    forward: Callable  # (p, x, s, mask=None) -> ((h, s_T), cache)
    backward: Callable  # ((dh, ds_T), cache) -> (dp, dx, ds_0)
    width: int  # 1, or 2 where both directions are read


class Both(NamedTuple):
    """Parameters, states or gradients of the two directions."""

    ahead: tuple
    back: tuple


class Cache(NamedTuple):
    """What the backward pass of a network needs."""

    name: str  # of the network
    p: tuple
    x: np.ndarray  # (T, B, D)
    h: np.ndarray  # (T, B, H): the outputs
    parts: tuple  # what the parts of the network need


class Run(NamedTuple):
    """Successive steps with the same mask, and the cache of the module that read them."""

    steps: slice
    there: np.ndarray  # the sequences that the mask selects
    cache: object  # None where it selects none


def layer(net):
    r"""The network of a single recurrent module; a network stays as it is.

    Steps with the same mask are read by one call of the module, on the sequences that are there:
    where sequences only differ in length, that is at most one call for each length.

    >>> from fnnlib import lstm
    >>> net = layer(lstm)
    >>> p = net.init(np.random.default_rng(0), 3, 2)
    >>> mask = np.array([[True, True], [True, False]])
    >>> (h, s_T), cache = net.forward(p, np.ones((2, 2, 3)), net.start(p, 2), mask)
    >>> bool((h[1, 1] == h[0, 1]).all())
    True
    """
    if isinstance(net, Network):
        return net
    functions = "Params", "State", "init", "forward", "backward"
    if not (isinstance(net, ModuleType) and all(hasattr(net, f) for f in functions)):
        got = getattr(net, "__name__", type(net).__name__)
        require.refuse("net", "a recurrent module or a Network", got, TypeError)
    name = net.__name__.removeprefix("fnnlib.")

    def start(p, B):
        for leaf, x in tree.leaves(require.kind("p", p, net.Params), "p"):
            require.floats(leaf, x)
        H = require.arrays({"p.U": (p.U, "H GH")})["H"]  # GH: all gates side by side
        shape = require.count("B", B), H
        return net.State(*(np.zeros(shape, p.U.dtype) for _ in net.State._fields))

    def forward(p, x, s, mask=None):
        if mask is None:
            (h, s), cache = net.forward(p, x, s)
            return (h, s), Cache(name, p, x, h, (cache,))
        require.arrays({"x": (x, "T B D")})
        _require_mask(mask, x.shape[:2])
        (first, _), _ = net.forward(p, x[:1], s)  # refuses what does not fit, masked or not
        h = np.empty((*x.shape[:2], first.shape[-1]), first.dtype)
        s, runs = tree.map(lambda a: a.astype(h.dtype), s), []
        for steps, there in _runs(mask):
            h[steps], cache = s.h, None
            if there.size:
                (h[steps, there], now), cache = net.forward(p, x[steps, there], _take(s, there))
                _put(s, there, now)
            runs.append(Run(steps, there, cache))
        return (h, s), Cache(name, p, x, h, tuple(runs))

    def backward(dout, cache):
        _, p, x, h, runs = _own(name, cache)
        if not isinstance(runs[0], Run):
            return net.backward(dout, runs[0])
        dh, ds_T = _pair(dout, net.State)
        ends = {f"ds_T.{f}": (a, "B H") for f, a in zip(ds_T._fields, ds_T, strict=True)}
        require.arrays({"h": (h, "T B H"), "dh": (dh, "T B H"), **ends})
        dp, dx, ds = tree.map(np.zeros_like, p), np.zeros_like(x), tree.map(np.copy, ds_T)
        for steps, there, part in reversed(runs):
            away = np.setdiff1d(np.arange(x.shape[1]), there)
            ds.h[away] += dh[steps, away].sum(axis=0)  # this state was put out at every step
            if part is not None:
                added, dx[steps, there], now = net.backward(
                    (dh[steps, there], _take(ds, there)), part
                )
                _put(ds, there, now)
                dp = tree.map(np.add, dp, added)
        return dp, dx, ds

    return Network(name, net.init, start, forward, backward, 1)


def bidirectional(net):
    """A network that reads ahead and, with parameters of its own, from the end.

    The outputs of both stand side by side. Parameters and states are pairs :class:`Both`.

    >>> from fnnlib import gru
    >>> net = bidirectional(gru)
    >>> p = net.init(np.random.default_rng(0), 3, 2)
    >>> (h, s_T), cache = net.forward(p, np.ones((5, 4, 3)), net.start(p, 4))
    >>> h.shape, s_T.back.h.shape
    ((5, 4, 4), (4, 2))
    """
    net = layer(net)
    name = f"bidirectional({net.name})"

    def init(rng, D, H, dtype=np.float64):
        return Both(net.init(rng, D, H, dtype), net.init(rng, D, H, dtype))

    def start(p, B):
        return Both(*(net.start(q, B) for q in require.kind("p", p, Both)))

    def forward(p, x, s, mask=None):
        require.kind("p", p, Both)
        require.kind("s", s, Both)
        require.arrays({"x": (x, "T B D")})
        (ahead, s_T), ahead_cache = net.forward(p.ahead, x, s.ahead, mask)
        from_end = None if mask is None else mask[::-1]
        (back, s_0), back_cache = net.forward(p.back, x[::-1], s.back, from_end)
        h = np.concatenate([ahead, back[::-1]], axis=-1)
        return (h, Both(s_T, s_0)), Cache(name, p, x, h, (ahead_cache, back_cache))

    def backward(dout, cache):
        _, _, _, h, (ahead_cache, back_cache) = _own(name, cache)
        dh, ds = _pair(dout, Both)
        require.arrays({"h": (h, "T B 2H"), "dh": (dh, "T B 2H")})
        ahead, back = np.split(dh, 2, axis=-1)
        dp_ahead, dx, ds_ahead = net.backward((ahead, ds.ahead), ahead_cache)
        dp_back, dx_back, ds_back = net.backward((back[::-1], ds.back), back_cache)
        return Both(dp_ahead, dp_back), dx + dx_back[::-1], Both(ds_ahead, ds_back)

    return Network(name, init, start, forward, backward, 2 * net.width)


def stack(net, depth):
    """Layers of one kind, each reading the outputs of the one below.

    Parameters and states are tuples with an entry for each layer, the lowest first. The outputs
    are those of the highest.

    >>> from fnnlib import rnn
    >>> net = stack(bidirectional(rnn), 2)
    >>> p = net.init(np.random.default_rng(0), 3, 2)
    >>> (h, s_T), cache = net.forward(p, np.ones((5, 4, 3)), net.start(p, 4))
    >>> dp, dx, ds_0 = net.backward((np.ones_like(h), net.start(p, 4)), cache)
    >>> dp[1].ahead.W.shape
    (4, 2)
    """
    net, depth = layer(net), require.count("depth", depth)
    name = f"stack({net.name}, {depth})"

    def init(rng, D, H, dtype=np.float64):
        above = (net.init(rng, net.width * H, H, dtype) for _ in range(depth - 1))
        return net.init(rng, D, H, dtype), *above

    def start(p, B):
        return tuple(net.start(q, B) for q in _layers("p", p, depth))

    def forward(p, x, s, mask=None):
        h, last, caches = x, [], []
        for q, before in zip(_layers("p", p, depth), _layers("s", s, depth), strict=True):
            (h, after), cache = net.forward(q, h, before, mask)
            last.append(after)
            caches.append(cache)
        return (h, tuple(last)), Cache(name, p, x, h, tuple(caches))

    def backward(dout, cache):
        caches = _own(name, cache).parts
        dh, ds_T = _pair(dout, tuple)
        dp, ds_0 = [], []
        for part, ds in zip(caches[::-1], _layers("ds_T", ds_T, depth)[::-1], strict=True):
            dq, dh, ds = net.backward((dh, ds), part)
            dp.append(dq)
            ds_0.append(ds)
        return tuple(dp[::-1]), dh, tuple(ds_0[::-1])

    return Network(name, init, start, forward, backward, net.width)


def truncated(net, K):
    """The same network read in chunks of K steps, with no gradient from one chunk to another.

    The state goes on from chunk to chunk; the backward pass holds it constant there, so that its
    work for a chunk needs nothing from the others. Only a network that reads ahead can be cut so.

    >>> from fnnlib import rnn
    >>> net = truncated(rnn, 2)
    >>> p = net.init(np.random.default_rng(0), 3, 2)
    >>> (h, s_T), cache = net.forward(p, np.ones((5, 4, 3)), net.start(p, 4))
    >>> dh = np.concatenate([np.zeros((4, 4, 2)), np.ones((1, 4, 2))])
    >>> dp, dx, ds_0 = net.backward((dh, net.start(p, 4)), cache)
    >>> dx.any(axis=(1, 2))
    array([False, False, False, False,  True])
    """
    net, K = layer(net), require.count("K", K)
    if net.width != 1:
        require.refuse("net", "a network that reads ahead only", net.name)
    name = f"truncated({net.name}, {K})"

    def forward(p, x, s, mask=None):
        require.arrays({"x": (x, "T B D")})
        if mask is not None:
            _require_mask(mask, x.shape[:2])
        outputs, caches = [], []
        for t in range(0, len(x), K):
            now = None if mask is None else mask[t : t + K]
            (h, s), cache = net.forward(p, x[t : t + K], s, now)
            outputs.append(h)
            caches.append(cache)
        h = np.concatenate(outputs)
        return (h, s), Cache(name, p, x, h, tuple(caches))

    def backward(dout, cache):
        _, p, x, h, caches = _own(name, cache)
        dh, ds = _pair(dout, tuple)
        require.arrays({"h": (h, "T B H"), "dh": (dh, "T B H")})
        dp, dx = tree.map(np.zeros_like, p), []
        for t, part in reversed(list(zip(range(0, len(x), K), caches, strict=True))):
            added, dx_t, ds = net.backward((dh[t : t + K], ds), part)
            dp, dx = tree.map(np.add, dp, added), [dx_t, *dx]
            if t > 0:
                ds = tree.map(np.zeros_like, ds)
        return dp, np.concatenate(dx), ds

    return net._replace(name=name, forward=forward, backward=backward)


def _runs(mask):
    """Slices of steps with the same mask, and the sequences that it selects."""
    changes = np.flatnonzero((mask[1:] != mask[:-1]).any(axis=1)) + 1
    edges = [0, *changes.tolist(), len(mask)]
    for first, end in zip(edges, edges[1:], strict=False):
        yield slice(first, end), np.flatnonzero(mask[first])


def _take(s, rows):
    return tree.map(lambda a: a[rows], s)


def _put(s, rows, values):
    for a, new in zip(s, values, strict=True):
        a[rows] = new


def _own(name, cache):
    require.kind("cache", cache, Cache)
    if cache.name != name:
        require.refuse("cache", f"the cache of {name}", f"that of {cache.name}")
    return cache


def _layers(name, parts, depth):
    if len(require.kind(name, parts, tuple)) != depth:
        require.refuse(name, f"{depth} layers", f"a tuple of {len(parts)}")
    return parts


def _pair(dout, kind):
    require.kind("dout", dout, tuple)
    if len(dout) != 2:
        require.refuse("dout", "the pair (dh, ds_T)", f"a tuple of {len(dout)}")
    return dout[0], require.kind("ds_T", dout[1], kind)


def _require_mask(mask, shape):
    """Unlike a loss, a net may read a batch in which the mask selects nothing."""
    if require.array("mask", mask).dtype != bool:
        require.refuse("mask", "booleans", mask.dtype)
    require.shape("mask", mask, shape)
