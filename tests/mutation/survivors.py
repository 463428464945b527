"""The mutants that no test kills, each with the reason, by module."""

import tomllib
from pathlib import Path

LIST = Path(__file__).with_name("survivors.toml")


def listed():
    """``{module: {name of a mutant: reason}}``."""
    table = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return {
        module: {(e["in"], e["line"], e["change"]): e["because"] for e in entries}
        for module, entries in _modules(table)
    }


def stale(table, mutants):
    """Entries of one module that name no mutant of it any more."""
    return sorted(set(table) - {m.name for m in mutants})


def _modules(table, path=()):
    for key, value in table.items():
        if isinstance(value, list):
            yield ".".join((*path, key)), value
        else:
            yield from _modules(value, (*path, key))
