"""Malformed calls of the functions for files."""

import tempfile
from pathlib import Path

import numpy as np

from fnnlib import dense, io
from misuse.spoilt import f, free

P = dense.Params(f(3, 2), f(2))
FOLDER = tempfile.TemporaryDirectory()  # removed with the process
FILE = Path(FOLDER.name) / "net.safetensors"
io.save(FILE, P)
OTHER = Path(FOLDER.name) / "other.safetensors"

CALLS = {
    "io.save": (lambda W, b: io.save(OTHER, dense.Params(W, b)), {"p.W": f(3, 2), "p.b": f(2)}),
}


def refused_by_load(like):
    return lambda: io.load(FILE, like)


# Changes of one array after which it still fits.
FREE = {
    "io.save": {"p.W": free(0)},
}

REFUSED = [
    (lambda: io.save(3, P), TypeError, "path: expected a path, got int"),
    (lambda: io.save(None, P), TypeError, "path: expected a path, got NoneType"),
    (lambda: io.save(OTHER, tuple(P)), TypeError,
     "p.0: expected Params nested in tuples, got ndarray"),
    (lambda: io.save(OTHER, {"W": P}), TypeError,
     "p: expected Params nested in tuples, got dict"),
    (lambda: io.save(OTHER, P._replace(W=P.W + 1j)), ValueError,
     "p.W.dtype: expected np.float32 or np.float64, got dtype('complex128')"),
    (lambda: io.save(OTHER, (P, (P, P._replace(b=f(3))))), ValueError,
     "p.1.1.b: expected shape (H,) with H = 2, got (3,)"),
    (lambda: io.load(3, P), TypeError, "path: expected a path, got int"),
    (refused_by_load(None), TypeError, "like: expected Params nested in tuples, got NoneType"),
    (refused_by_load(()), TypeError,
     "like: expected Params nested in tuples, got an empty tuple"),
    (refused_by_load((P, [P])), TypeError,
     "like.1: expected Params nested in tuples, got list"),
    (refused_by_load(P._replace(W=None)), TypeError,
     "like.W: expected a NumPy array, got NoneType"),
    (refused_by_load(P._replace(W=P.W.astype("f2"))), ValueError,
     "like.W: expected float32 or float64, got float16"),
    (refused_by_load(P._replace(b=np.ones(2, int))), ValueError,
     "like.b: expected float32 or float64, got int64"),
    (refused_by_load(P._replace(W=P.W.T)), ValueError,
     "weight: expected shape (3, 2), got (2, 3)"),
    (refused_by_load(P._replace(b=P.b.astype("f4"))), ValueError,
     "bias: expected float32, got float64"),
    (lambda: io.write_arrays(None, {}), TypeError, "path: expected a path, got NoneType"),
    (lambda: io.write_arrays(OTHER, [f(3)]), TypeError, "arrays: expected dict, got list"),
    (lambda: io.write_arrays(OTHER, {0: f(3)}), TypeError, "a name: expected str, got int"),
    (lambda: io.write_arrays(OTHER, {"x": [1.0]}), TypeError,
     "x: expected a NumPy array, got list"),
    (lambda: io.write_arrays(OTHER, {"x": np.array(["a"])}), ValueError,
     "x: expected numbers or booleans of this machine, got <U1"),
    (lambda: io.write_arrays(OTHER, {"x": np.array([None])}), ValueError,
     "x: expected numbers or booleans of this machine, got object"),
    (lambda: io.write_arrays(OTHER, {"x": f(3).astype(">f8")}), ValueError,
     "x: expected numbers or booleans of this machine, got >f8"),
    (lambda: io.write_arrays(OTHER, {"x": f(3) + 1j}), ValueError,
     "x: expected numbers or booleans of this machine, got complex128"),
    (lambda: io.read_arrays(b"net"), TypeError, "path: expected a path, got bytes"),
    (lambda: io.same_names("net", ["W"], ["W", "b"]), ValueError,
     "net: expected the names W, b, got W"),
    (lambda: io.same_names("net", ["W", "c"], ["W"]), ValueError,
     "net: expected the names W, got W, c"),
    (lambda: io.same_names("net", [], ["W"]), ValueError, "net: expected the names W, got none"),
]  # fmt: skip
