"""The page on speed: stored ratios of the benchmarks as sentences, tables and a plot."""

import matplotlib.pyplot as plt

from fnnlib import figures

# Whose time is divided by that of fnnlib. The last row is fnnlib in a second process: chance.
AGAIN = "fnnlib again"
PEERS = {"torch": "PyTorch", "jax": "JAX", "autograd": "autograd", "floor": "products alone"}
COLUMNS = {**PEERS, "plain": "fnnlib, plain", AGAIN: AGAIN}
PLACE = "book/generated/speed.svg"  # of the plot, from the root of the staged book
GROUPS = {
    "Recurrent nets": ("rnn", "lstm", "gru"),
    "Layers": ("dense", "conv"),
    "Elementwise functions and Adam": ("sigmoid", "tanh", "softmax", "adam"),
}


def page(results):
    """What is stored, in Markdown, for the page that includes it."""
    alone = of_threads(results, 1)
    ahead = "\n".join(f"- {standing(alone, peer)}" for peer in ("torch", "jax", "autograd"))
    place = PLACE.removeprefix("book/")
    picture = f"```{{image}} {place}\n:alt: {description(alone)}\n:class: turned\n```"
    return "\n\n".join([machine(results), ahead, picture, tables(results)])


def tables(results):
    """A table for each kind of workload with one thread, and one of all with two threads."""
    alone, both = of_threads(results, 1), of_threads(results, 2)
    groups = {
        title: {key: row for key, row in alone.items() if key[0].partition("/")[0] in nets}
        for title, nets in GROUPS.items()
    }
    groups["Two threads, by the clock"] = both
    return "\n\n".join(f"### {title}\n\n{table(rows)}" for title, rows in groups.items() if rows)


def of_threads(results, threads):
    """``{(workload, dtype): {peer: record}}`` of the records with this number of threads."""
    rows = {}
    for record in results["records"]:
        if record["threads"] == threads:
            row = rows.setdefault((record["workload"], record["dtype"]), {})
            row[record["peer"]] = record
    return rows


def machine(results):
    """One sentence on the machine and the versions.

    >>> machine({"machine": {"processor": "Z80", "cores": 1, "system": "CP/M", "numpy": "2.4"}})
    'Measured on Z80 (cores: 1, system: CP/M, numpy: 2.4).'
    """
    name, *rest = results["machine"].items()
    return f"Measured on {name[1]} ({', '.join(f'{key}: {value}' for key, value in rest)})."


def table(rows):
    """A Markdown table of median ratios, each with its smallest and largest."""
    head = ["workload", *COLUMNS.values()]
    lines = [head, ["---", *["--:"] * len(COLUMNS)]]
    for (workload, dtype), row in rows.items():
        lines.append([f"`{workload}` {dtype}", *(_cell(row.get(peer)) for peer in COLUMNS)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(record):
    if record is None:
        return "–"
    median, least, most = (record[f"ratio_{name}"] for name in ("median", "min", "max"))
    return f"**{_number(median)}** ({_number(least)}–{_number(most)})"


def _number(ratio):
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.1f}"


def standing(rows, peer):
    """In how many rows fnnlib is faster than a peer, and in which it is slower.

    A median counts only outside the range in which fnnlib differs from itself by chance.
    """
    faster, even, slower = [], 0, []
    for (workload, dtype), row in rows.items():
        if peer in row:
            again, ratio = row[AGAIN], row[peer]["ratio_median"]
            if ratio > max(1, again["ratio_max"]):
                faster.append(ratio)
            elif ratio < min(1, again["ratio_min"]):
                slower.append(f"`{workload}` {dtype} ({_number(ratio)})")
            else:
                even += 1
    text = f"**{PEERS[peer]}**: fnnlib is faster in {len(faster)} of "
    text += f"{len(faster) + even + len(slower)} rows"
    text += f", by {_number(min(faster))} to {_number(max(faster))} times" if faster else ""
    text += f"; even in {even}" * bool(even)
    return text + (f"; slower in {', '.join(slower)}." if slower else "; slower in none.")


def description(rows):
    """The plot in words, for those who cannot see it."""
    ends = []
    for peer, name in PEERS.items():
        ratios = [row[peer]["ratio_median"] for row in rows.values() if peer in row]
        if ratios:
            ends.append(f"{name} {_number(min(ratios))} to {_number(max(ratios))}")
    return f"Median ratios of all rows on a logarithmic axis: {', '.join(ends)}"


def plot(results):
    """A figure of the one-thread ratios on a logarithmic axis; right of 1 fnnlib is faster."""
    figures.style()
    rows = of_threads(results, 1)
    height = 0.24 * len(rows) + 0.9
    figure, ax = plt.subplots(figsize=(6.4, height))
    for peer, marker in zip(PEERS, "osD|", strict=True):
        found = [(n, row[peer]) for n, row in enumerate(rows.values()) if peer in row]
        places, records = zip(*found, strict=True) if found else ((), ())
        median, least, most = (
            [r[f"ratio_{name}"] for r in records] for name in ("median", "min", "max")
        )
        ax.plot(median, places, marker, markersize=5, label=PEERS[peer])
        ax.hlines(places, least, most, color=ax.lines[-1].get_color(), linewidth=1)
    ax.axvline(1, color="#444444", linewidth=1, linestyle="-")
    ax.set(xscale="log", xlabel="time of the peer / time of fnnlib", ylim=(len(rows) - 0.5, -0.5))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_yticks(range(len(rows)), [f"{name}, {dtype}" for name, dtype in rows], fontsize=8)
    figure.legend(loc="outside upper center", ncols=len(PEERS), handletextpad=0.2, fontsize=9)
    return figure


def draw(results, path):
    """Draw the plot into a file."""
    figure = plot(results)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
