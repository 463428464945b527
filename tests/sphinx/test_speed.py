"""The page on speed says what is stored, and what counts as faster."""

import json
from pathlib import Path

import pytest
from matplotlib import pyplot as plt

from fnnlib.sphinx import speed, stage

ROOT = Path(__file__).parents[2]


def record(peer, median, least=None, most=None, **more):
    row = {"workload": "rnn/book", "dtype": "float32", "threads": 1, "peer": peer, **more}
    ratios = {"median": median, "min": least or median, "max": most or median}
    return row | {f"ratio_{name}": value for name, value in ratios.items()}


def results(*records):
    return {"machine": {"processor": "Z80", "cores": 1}, "records": list(records)}


CHANCE = record(speed.AGAIN, 1.01, 0.95, 1.1)


@pytest.mark.parametrize(
    "ratio, said",
    [
        (12.34, "faster in 1 of 1 rows, by 12.3 to 12.3 times; slower in none."),
        (1.09, "faster in 0 of 1 rows; even in 1; slower in none."),
        (0.96, "faster in 0 of 1 rows; even in 1; slower in none."),
        (0.94, "faster in 0 of 1 rows; slower in `rnn/book` float32 (0.94)."),
    ],
)
def test_a_ratio_counts_only_outside_of_chance(ratio, said):
    rows = speed.of_threads(results(record("torch", ratio), CHANCE), 1)
    assert speed.standing(rows, "torch") == f"**PyTorch**: fnnlib is {said}"
    assert speed.standing(rows, "jax").endswith("faster in 0 of 0 rows; slower in none.")


def test_tables_hold_every_ratio_in_its_column():
    other = {"workload": "adam/1M", "dtype": "float64"}
    stored = results(
        record("jax", 2.345, 1.2, 30.06), CHANCE, record("floor", 0.5, threads=2),
        record("torch", 3, **other), CHANCE | other,
    )  # fmt: skip
    text = speed.tables(stored)
    assert "| `rnn/book` float32 | – | **2.35** (1.20–30.1) | – | – |" in text
    assert "| `adam/1M` float64 | **3.00** (3.00–3.00) | – |" in text
    titles = [line for line in text.splitlines() if line.startswith("#")]
    assert titles == [
        "### Recurrent nets", "### Elementwise functions and Adam", "### Two threads, by the clock",
    ]  # fmt: skip
    assert "| `rnn/book` float32 | – | – | – | **0.50** (0.50–0.50) | – |" in text


def test_the_plot_has_a_mark_for_every_ratio_of_one_thread():
    stored = json.loads((ROOT / stage.MEASURED).read_text("utf8"))
    figure = speed.plot(stored)
    marks = sum(len(line.get_xdata()) for line in figure.axes[0].lines[:-1])
    shown = [r for r in stored["records"] if r["threads"] == 1 and r["peer"] in speed.PEERS]
    assert marks == len(shown) > 0
    plt.close(figure)


def test_every_workload_has_its_place_in_a_table():
    stored = json.loads((ROOT / stage.MEASURED).read_text("utf8"))
    text = speed.page(stored)
    for r in stored["records"]:
        assert f"| `{r['workload']}` {r['dtype']} |" in text
    assert stored["machine"]["processor"] in text
