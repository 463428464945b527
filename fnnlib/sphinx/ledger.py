"""The ledger: every derivation and check of the book, collected from the executed notebooks."""

from collections import Counter

from fnnlib.symbolic.printing import label

MIME = "application/vnd.fnnlib.record+json"
FIELDS = ("kind", "name", "chapter", "status", "function", "sizes", "error_bound")


def records(notebook, chapter):
    """The records in the outputs of `notebook`, each with its `chapter` added, in reading order."""
    found = [
        output.data[MIME] | {"chapter": chapter}
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if MIME in output.get("data", {})
    ]
    return [{field: record.get(field) for field in FIELDS} for record in found]


def without_records(notebook):
    """The notebook with its records taken out, for pages; changes and returns `notebook`."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(MIME, None)
    return notebook


def collect(notebooks):
    """All records of `{chapter: notebook}`; a derivation takes its function from its check.

    >>> from nbformat.v4 import new_code_cell, new_notebook, new_output
    >>> def show(**record):
    ...     return new_code_cell(outputs=[new_output("display_data", {MIME: record})])
    >>> page = new_notebook(cells=[show(kind="derivation", name="a", status="proved"),
    ...                            show(kind="check", name="a", status="passed", function="m.f")])
    >>> [(r["kind"], r["chapter"], r["function"]) for r in collect({"01_a": page})]
    [('derivation', '01_a', 'm.f'), ('check', '01_a', 'm.f')]
    """
    rows = [row for chapter, page in notebooks.items() for row in records(page, chapter)]
    checked = {row["name"]: row["function"] for row in rows if row["kind"] == "check"}
    for row in rows:
        row["function"] = row["function"] or checked.get(row["name"])
    return rows


def totals(rows):
    """One sentence with the numbers of the ledger.

    >>> totals([{"kind": "derivation", "status": "proved"}, {"kind": "check", "status": "passed"}])
    '**1** derivation (1 proved) and **1** check of the library (1 passed).'
    """
    return f"{_count(rows, 'derivation', '')} and {_count(rows, 'check', ' of the library')}."


def _count(rows, kind, of):
    number = sum(row["kind"] == kind for row in rows)
    detail = statuses(rows, kind)
    return f"**{number}** {kind}{'s' * (number != 1)}{of}" + f" ({detail})" * bool(detail)


def statuses(rows, kind):
    """How many records of one kind have which status.

    >>> statuses([{"kind": "derivation", "status": "proved"}] * 2, "derivation")
    '2 proved'
    """
    counted = Counter(row["status"] for row in rows if row["kind"] == kind)
    return ", ".join(f"{number} {status}" for status, number in counted.items())


def page(rows):
    """The ledger in Markdown: a table of derivations and one of checks, both with links."""
    derived = {row["name"] for row in rows if row["kind"] == "derivation"}
    parts = {"Derivations": "derivation", "Checks of the library": "check"}
    return "\n".join(
        f"## {title}\n\n{_table([_row(r, derived) for r in rows if r['kind'] == kind])}\n"
        for title, kind in parts.items()
    )


def _table(rows):
    head = list(rows[0]) if rows else ["none"]
    lines = [head, ["---"] * len(head), *(row.values() for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _row(row, derived):
    code, bound = row["function"], row["error_bound"]
    cells = {
        "equation": f"{{eq}}`{label(row['name'])}`" if row["name"] in derived else "",
        "name": f"`{row['name']}`",
        "chapter": f"[](../notebooks/{row['chapter']}.ipynb)",
        "status": row["status"],
        "function": f"{{py:func}}`{code} <fnnlib.{code}>`" if code else "",
        "sizes": str(row["sizes"] or "").replace("|", r"\|"),
    }
    if row["kind"] == "check":
        cells["error bound"] = "" if bound is None else f"{bound:.1e}"
    return cells
