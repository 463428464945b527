"""The look of figures: one palette that colour-blind readers can tell apart, and quiet axes.

Figures have white paper, so that they read well in print and in any notebook; the site turns them
over in dark mode.
"""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from fnnlib import require, train

# The first colours of the widgets, after Okabe and Ito, darkened to be read as text on white.
PALETTE = ("#0072b2", "#c04f00", "#00805c", "#a8487f", "#7a6a00", "#48566b")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
STYLE = {
    "axes.grid": True,
    "axes.prop_cycle": mpl.cycler(color=PALETTE, linestyle=DASHES),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "figure.figsize": (5.8, 3.2),  # small, so that its text is legible on a phone
    "font.size": 11,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "savefig.facecolor": "white",
    "svg.hashsalt": "fnnlib",  # the same picture is the same file
}


def style():
    """Use the look of the book for all figures that follow.

    >>> style()
    >>> plt.rcParams["axes.grid"]
    True
    """
    mpl.rcParams.update(STYLE)


def axes(xlabel, ylabel, columns=1, **settings):
    """A figure and its axes, labelled; one pair of axes, or a row of them.

    ``ylabel`` is one label, or a tuple with one for each column. ``settings`` are further
    properties of all axes, such as ``yscale="log"``.

    >>> figure, ax = axes("z", "f(z)", xlim=(-4, 4))
    >>> ax.get_xlabel(), ax.get_xlim()
    ('z', (np.float64(-4.0), np.float64(4.0)))
    >>> plt.close(figure)
    """
    figure, grid = plt.subplots(1, require.count("columns", columns), squeeze=False)
    labels = (ylabel,) * columns if isinstance(ylabel, str) else ylabel
    for ax, text in zip(grid[0], labels, strict=True):
        ax.set(xlabel=xlabel, ylabel=text, **settings)
    return figure, grid[0] if columns > 1 else grid[0, 0]


def history(run, yscale="log"):
    """The losses of a run step by step, and what was validated after each epoch.

    ``run`` is a :class:`fnnlib.train.History`. A ring marks the lowest validation.

    >>> from fnnlib.train import History
    >>> run = History(*(np.array(x) for x in ([3.0, 2.0, 1.0], [1.0, 1.0, 1.0], [2.5], [3])))
    >>> figure, ax = history(run)
    >>> [line.get_label() for line in ax.get_lines()]
    ['training', 'validation', 'lowest']
    >>> plt.close(figure)
    """
    require.kind("run", run, train.History)
    figure, ax = axes("step", "loss", yscale=yscale)
    ax.plot(np.arange(1, run.loss.size + 1), run.loss, label="training", linewidth=1)
    if run.validation.size:
        ax.plot(run.ends, run.validation, label="validation", marker=".")
        best = run.validation.argmin()
        ring = {"marker": "o", "markersize": 11, "markerfacecolor": "none", "linestyle": "none"}
        ax.plot(run.ends[best], run.validation[best], label="lowest", **ring)
    ax.legend()
    return figure, ax


def unrolled(times, path):
    """A recurrent net drawn once for every time step, and one path through it in colour.

    ``times`` are the labels of the steps from 0; None stands for steps that are left out. ``path``
    is a pair of labels: in colour from the weights U that make the first, to the loss of the last.

    >>> figure, ax = unrolled((0, 1, 2, None, 9), path=(2, 9))
    >>> [text.get_text() for text in ax.texts][:2]
    ['$h_{0}$', '$h_{1}$']
    >>> plt.close(figure)
    """
    figure, ax = plt.subplots(figsize=(6.4, 2.6))
    ax.set(xlim=(-0.5, len(times) - 0.5), ylim=(-1.5, 1.5))
    ax.axis("off")
    first, last = (times.index(t) for t in path)
    for n, t in enumerate(times):
        _node(ax, n, 0, "…" if t is None else f"$h_{{{t}}}$", first <= n <= last)
        if n:
            _arrow(ax, (n - 1, 0), (n, 0), first <= n <= last, "$U$")
        if n and t is not None:
            _node(ax, n, -1.2, f"$x_{{{t}}}$", False)
            _arrow(ax, (n, -1.2), (n, 0), False, "$W$")
            _node(ax, n, 1.2, f"$\\ell_{{{t}}}$", n == last)
            _arrow(ax, (n, 0), (n, 1.2), n == last, "$V$")
    return figure, ax


def _node(ax, x, y, text, coloured):
    look = {"boxstyle": "round,pad=0.35", "edgecolor": PALETTE[1 if coloured else 5]}
    look |= {"facecolor": "#ffe9d9" if coloured else "white", "linewidth": 2 if coloured else 1}
    ax.text(x, y, text, ha="center", va="center", bbox=look, zorder=3)


def _arrow(ax, start, end, coloured, text):
    colour = PALETTE[1 if coloured else 5]
    look = {"arrowstyle": "-|>", "color": colour, "lw": 2.4 if coloured else 1}
    ax.annotate("", end, start, arrowprops=look | {"shrinkA": 14, "shrinkB": 14})
    across = start[1] == end[1]
    at = (start[0] + end[0]) / 2 + 0.1 * (not across), (start[1] + end[1]) / 2 + 0.12 * across
    where = ("center", "bottom") if across else ("left", "center")
    ax.text(*at, text, color=colour, ha=where[0], va=where[1], fontsize=9)
