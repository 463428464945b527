"""The look of figures: readable colours, labelled axes, files that do not change."""

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from fnnlib import figures


@pytest.fixture(autouse=True)
def _look():
    with mpl.rc_context({"backend": "agg"}):
        figures.style()
        yield
        plt.close("all")


def _luminance(colour):
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
             for c in mpl.colors.to_rgb(colour)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("colour", figures.PALETTE)
def test_every_colour_can_be_read_on_white(colour):
    assert 1.05 / (_luminance(colour) + 0.05) >= 4.5


def test_lines_differ_in_colour_and_in_dashes():
    figure, ax = figures.axes("x", "y")
    lines = [ax.plot([0, 1], [k, k])[0] for k in range(len(figures.PALETTE))]
    assert len({line.get_color() for line in lines}) == len(lines)
    assert len({str(line._unscaled_dash_pattern) for line in lines}) == len(lines)


def test_axes_are_labelled_and_share_their_settings():
    _, (left, right) = figures.axes("layer", ("mean", "norm"), columns=2, yscale="log")
    assert (left.get_ylabel(), right.get_ylabel()) == ("mean", "norm")
    assert {ax.get_xlabel() for ax in (left, right)} == {"layer"}
    assert {ax.get_yscale() for ax in (left, right)} == {"log"}


def test_a_label_for_every_column():
    with pytest.raises(ValueError, match="zip"):
        figures.axes("x", ("one", "two"), columns=3)


def test_the_same_figure_is_the_same_file():
    def drawn():
        figure, ax = figures.axes("x", "y")
        ax.plot([0, 1])
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
        return file.getvalue()

    assert drawn() == drawn()
