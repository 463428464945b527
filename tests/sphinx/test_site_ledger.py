"""The ledger page: a row for every record, with links."""

from fnnlib.sphinx import ledger

ROW = dict.fromkeys(ledger.FIELDS)
DERIVED = ROW | {"kind": "derivation", "name": "bptt", "chapter": "07_rnn", "status": "proved"}
CHECKED = ROW | {
    "kind": "check",
    "name": "bptt",
    "chapter": "07_rnn",
    "status": "passed",
    "function": "rnn.backward",
    "sizes": "T=3, |B|=2",
    "error_bound": 2e-13,
}


def cells(row):
    return [cell.strip() for cell in row.replace(r"\|", "/").strip("| ").split("|")]


def test_a_check_links_to_equation_chapter_and_function():
    *_, head, _, checked = map(cells, ledger.page([DERIVED, CHECKED]).splitlines())
    assert dict(zip(head, checked, strict=True)) == {
        "equation": "{eq}`eq-bptt`",
        "name": "`bptt`",
        "chapter": "[](../notebooks/07_rnn.ipynb)",
        "status": "passed",
        "function": "{py:func}`rnn.backward <fnnlib.rnn.backward>`",
        "sizes": "T=3, /B/=2",
        "error bound": "2.0e-13",
    }


def test_an_equation_is_found_under_the_label_that_pages_give_it():
    assert "{eq}`eq-softmax-jacobian`" in ledger.page([DERIVED | {"name": "softmax_jacobian"}])


def test_derivations_and_checks_stand_in_their_own_tables():
    derivations, checks = ledger.page([CHECKED, DERIVED]).split("## Checks of the library")
    assert "proved" in derivations and "passed" not in derivations
    assert "passed" in checks and "proved" not in checks


def test_a_check_of_no_derivation_links_to_no_equation():
    assert "eq-bptt" not in ledger.page([CHECKED])


def test_every_status_is_counted():
    rows = [DERIVED, DERIVED | {"status": "probed"}, CHECKED]
    assert ledger.totals(rows) == (
        "**2** derivations (1 proved, 1 probed) and **1** check of the library (1 passed)."
    )
    assert ledger.totals([]) == "**0** derivations and **0** checks of the library."
