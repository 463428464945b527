r"""Problems made from a generator: house prices, the Mackey-Glass series, adding and copying.

Everything here is invented by a formula that its docstring states, so what a net can reach at best
is known.
"""

from typing import NamedTuple

import numpy as np

from fnnlib import require


class Houses(NamedTuple):
    """Houses as rows, and their prices in thousands."""

    x: np.ndarray  # (n, 4): area in square metres, rooms, age in years, kilometres to the centre
    y: np.ndarray  # (n, 1)


def house_prices(rng, n, noise=10.0, dtype=np.float64):
    r"""Invented houses whose price is not linear in what is known of them.

    With area a, rooms r, age g and distance d,
    :math:`y = 3 a\, e^{-d / 10} + 8 r - g + \text{noise} \cdot \varepsilon`, where
    :math:`\varepsilon` is standard normal. Areas are uniform from 30 to 200, ages from 0 to 80 and
    distances from 0 to 20; there are :math:`a / 30` rooms and up to two more, rounded up. In the
    long run no model gets below a root mean square error of ``noise``.

    >>> house_prices(np.random.default_rng(0), 5).x.shape
    (5, 4)
    """
    require.generator("rng", rng)
    n, noise = require.count("n", n), require.number("noise", noise, least=0)
    dtype = require.precision("dtype", dtype)
    area = rng.uniform(30, 200, n)
    rooms = np.ceil(area / 30 + rng.uniform(0, 2, n))
    age, distance = rng.uniform(0, 80, n), rng.uniform(0, 20, n)
    y = 3 * area * np.exp(-distance / 10) + 8 * rooms - age + noise * rng.normal(size=n)
    x = np.column_stack([area, rooms, age, distance])
    return Houses(x.astype(dtype), y[:, None].astype(dtype))


def mackey_glass(steps, tau=17, start=1.2, substeps=10, dtype=np.float64):
    r"""The Mackey-Glass series of ``steps`` values at unit distance ([mackey1977]).

    :math:`\dot x(t) = 0.2\, x(t - \tau) / (1 + x(t - \tau)^{10}) - 0.1\, x(t)`, with
    :math:`x(t) = \text{start}` for :math:`t \le 0`. It is integrated by the Runge-Kutta method of
    fourth order, ``substeps`` to a unit of time; the past halfway between two of them is the cubic
    through their four neighbours. The error falls with the third power of the step, as the series
    has a kink at 0 and lesser ones at multiples of ``tau``. It is chaotic for ``tau = 17``.

    >>> mackey_glass(3).round(4)
    array([1.2   , 1.1176, 1.043 ])
    """
    steps, tau = require.count("steps", steps), require.count("tau", tau)
    start = require.number("start", start, above=0)
    substeps, dtype = require.count("substeps", substeps), require.precision("dtype", dtype)
    h, back = 1 / substeps, tau * substeps
    if back < 3:
        require.refuse("substeps", f"at least {-(-3 // tau)}, to read the past", substeps)
    x = np.full(back + 1 + (steps - 1) * substeps, start)
    for k in range(back, len(x) - 1):
        now, past = x[k], _past(x, k - back, back)
        k1 = _slope(now, past[0])
        k2 = _slope(now + h / 2 * k1, past[1])
        k3 = _slope(now + h / 2 * k2, past[1])
        k4 = _slope(now + h * k3, past[2])
        x[k + 1] = now + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return x[back::substeps].astype(dtype)


def _slope(now, past):
    return 0.2 * past / (1 + past**10) - 0.1 * now


def _past(x, k, first):
    """Values at k, k + 1/2 and k + 1; the middle by the cubic through its neighbours.

    The series has a kink at ``first``, where the constant past ends: no cubic goes across it.
    """
    left = min(max(k - 1, 0), first - 3) if k < first else max(k - 1, first)
    at, points = k + 0.5, range(left, left + 4)
    weights = [np.prod([(at - q) / (p - q) for q in points if q != p]) for p in points]
    return x[k], float(np.dot(weights, x[left : left + 4])), x[k + 1]


class Adding(NamedTuple):
    """Sequences of pairs (number, mark), and the sum of the two marked numbers."""

    x: np.ndarray  # (T, B, 2)
    y: np.ndarray  # (B, 1)


def adding(rng, T, B, dtype=np.float64):
    """The adding problem ([hochreiter1997]): two of T numbers are marked, one in each half.

    The numbers are uniform between 0 and 1. To answer 1 always has a mean squared error of 1/6.

    >>> x, y = adding(np.random.default_rng(0), 6, 3)
    >>> x[:, :, 1].sum(axis=0)
    array([2., 2., 2.])
    """
    require.generator("rng", rng)
    T, B, dtype = require.count("T", T), require.count("B", B), require.precision("dtype", dtype)
    if T < 2:
        require.refuse("T", "at least two steps", T)
    x = np.zeros((T, B, 2))
    x[:, :, 0] = rng.uniform(size=(T, B))
    first, second = rng.integers(0, T // 2, B), rng.integers(T // 2, T, B)
    x[first, np.arange(B), 1] = x[second, np.arange(B), 1] = 1
    y = np.sum(x[:, :, 0] * x[:, :, 1], axis=0)[:, None]
    return Adding(x.astype(dtype), y.astype(dtype))


class Copying(NamedTuple):
    """Sequences of symbols, and the symbols that are wanted at the same steps."""

    x: np.ndarray  # (T, B) integers from 0 to symbols + 1
    y: np.ndarray  # (T, B) integers from 0 to symbols


def copying(rng, length, delay, B, symbols=8):
    """The copying problem ([arjovsky2016]): repeat ``length`` symbols after ``delay`` blanks.

    The input is the symbols (1 to ``symbols``), blanks (0), a signal (``symbols + 1``), and blanks
    while the answer is due; T is ``2 * length + delay``. Blanks are wanted before. A net without
    memory has a cross-entropy of ``length * log(symbols) / T``.

    >>> x, y = copying(np.random.default_rng(0), length=2, delay=3, B=1)
    >>> x[:, 0].tolist(), y[:, 0].tolist()
    ([7, 6, 0, 0, 9, 0, 0], [0, 0, 0, 0, 0, 7, 6])
    """
    require.generator("rng", rng)
    length, delay = require.count("length", length), require.count("delay", delay)
    B, symbols = require.count("B", B), require.count("symbols", symbols)
    told = rng.integers(1, symbols + 1, (length, B))
    x, y = np.zeros((2, 2 * length + delay, B), int)
    x[:length] = y[-length:] = told
    x[length + delay - 1] = symbols + 1
    return Copying(x, y)
