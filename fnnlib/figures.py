"""The look of figures: one palette that colour-blind readers can tell apart, and quiet axes.

Figures have white paper, so that they read well in print and in any notebook; the site turns them
over in dark mode.
"""

import matplotlib as mpl
import matplotlib.pyplot as plt

# The first colours of the widgets, after Okabe and Ito, darkened to be read as text on white.
PALETTE = ("#0072b2", "#c04f00", "#00805c", "#a8487f", "#7a6a00", "#48566b")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
STYLE = {
    "axes.grid": True,
    "axes.prop_cycle": mpl.cycler(color=PALETTE, linestyle=DASHES),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "figure.figsize": (6.4, 3.2),
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
    figure, grid = plt.subplots(1, columns, squeeze=False)
    labels = (ylabel,) * columns if isinstance(ylabel, str) else ylabel
    for ax, text in zip(grid[0], labels, strict=True):
        ax.set(xlabel=xlabel, ylabel=text, **settings)
    return figure, grid[0] if columns > 1 else grid[0, 0]
