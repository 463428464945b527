"""Tables of malformed calls, one for each module of the library."""

import importlib
import pkgutil

NAMES = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "spoilt")
TABLES = {name: importlib.import_module(f"misuse.{name}") for name in NAMES}
# By name, a function and arguments that it takes, by the names that errors use.
CALLS = {name: call for table in TABLES.values() for name, call in table.CALLS.items()}
# Calls with the error and the whole of its message.
REFUSED = [row for table in TABLES.values() for row in getattr(table, "REFUSED", [])]
# Changes of arrays after which a call is still well formed, by function and argument.
FREE = {
    name: free for table in TABLES.values() for name, free in getattr(table, "FREE", {}).items()
}
