"""Ledger records: what the build collects about every derivation and every check."""

MIME = "application/vnd.fnnlib.record+json"


def record(kind, name, status, function=None, sizes=None, error_bound=None):
    """One entry of the ledger, as JSON can hold it. The chapter is added when it is collected.

    >>> record("check", "sigmoid", "passed", "activations.sigmoid_prime", {"n": (1, 3)}, 1e-9)
    {'kind': 'check', 'name': 'sigmoid', 'status': 'passed', \
'function': 'activations.sigmoid_prime', 'sizes': 'n=1..3', 'error_bound': 1e-09}
    """
    return {
        "kind": kind,
        "name": name,
        "status": status,
        "function": function,
        "sizes": ", ".join(_size(n, *span) for n, span in (sizes or {}).items()),
        "error_bound": error_bound,
    }


def _size(name, low, high):
    return f"{name}={low}" if low == high else f"{name}={low}..{high}"
