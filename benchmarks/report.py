"""The stored results as a table and as a plot."""

from collections import defaultdict

import matplotlib.pyplot as plt

from benchmarks import protocol
from fnnlib import figures

COLUMNS = {"torch": "PyTorch", "jax": "JAX", "autograd": "autograd", "floor": "floor"}


def table(results, threads):
    """A Markdown table of median ratios with their smallest and largest, one row a workload."""
    rows = defaultdict(dict)
    for record in results["records"]:
        if record["threads"] == threads:
            rows[record["workload"], record["dtype"]][record["peer"]] = record
    head = ["workload", "precision", *COLUMNS.values(), "A/A"]
    lines = [head, ["---", "---", *["--:"] * (len(head) - 2)]]
    for (workload, dtype), peers in rows.items():
        cells = [_cell(peers.get(peer)) for peer in (*COLUMNS, protocol.AGAIN)]
        lines.append([f"`{workload}`", dtype, *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(record):
    if record is None:
        return "–"
    median, least, most = (record[f"ratio_{name}"] for name in ("median", "min", "max"))
    return f"{median:.2f} ({least:.2f}–{most:.2f})"


def plot(results):
    """A figure of the one-thread median ratios on a logarithmic axis; right of 1 we are faster."""
    figures.style()
    records = [r for r in results["records"] if r["threads"] == 1]
    rows = list(dict.fromkeys((r["workload"], r["dtype"]) for r in records))
    height = 0.22 * len(rows) + 1
    figure, ax = plt.subplots(figsize=(5.8, height))
    for peer, marker in zip(COLUMNS, "osD|", strict=True):
        found = [r for r in records if r["peer"] == peer]
        places = [rows.index((r["workload"], r["dtype"])) for r in found]
        ratios = [r["ratio_median"] for r in found]
        spread = [
            [r["ratio_median"] - r["ratio_min"] for r in found],
            [r["ratio_max"] - r["ratio_median"] for r in found],
        ]
        ax.errorbar(
            ratios, places, xerr=spread, fmt=marker, markersize=5, linewidth=1, label=COLUMNS[peer]
        )
    ax.axvline(1, color="#444444", linewidth=1, linestyle="-")
    ax.set(xscale="log", xlabel="time of the peer / time of fnnlib", ylim=(len(rows) - 0.5, -0.5))
    ax.set_yticks(range(len(rows)), [f"{name}, {dtype}" for name, dtype in rows], fontsize=8)
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.6 / height), ncols=4)
    return figure


def write(results, folder):
    """Write results.md and results.svg beside the stored results."""
    threads = sorted({record["threads"] for record in results["records"]})
    machine = ", ".join(f"{name} {value}" for name, value in results["machine"].items())
    text = "# Time of each peer divided by that of fnnlib\n\nMedian (smallest–largest). "
    text += f"Machine: {machine}.\n"
    for n in threads:
        text += f"\n## {n} thread{'s' * (n > 1)}\n\n{table(results, n)}\n"
    (folder / "results.md").write_text(text, encoding="utf8")
    figure = plot(results)
    figure.savefig(folder / "results.svg", metadata={"Date": None})
    plt.close(figure)
