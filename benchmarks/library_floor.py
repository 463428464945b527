"""The matrix products no implementation can leave out, alone, in NumPy's BLAS; no results."""

import numpy as np

from benchmarks import workloads


def make(workload, a):
    """A function of no arguments that does the products; None where there are none."""
    net, _ = workload.split("/")
    if net in workloads.GATES:
        return _recurrent(a)
    if net == "dense":
        return _dense(a)
    return _conv(a) if net == "conv" else None


def _recurrent(a):
    x, W, U = a["x"].reshape(-1, a["x"].shape[-1]), a["W"], a["U"]
    T, B, _ = a["x"].shape
    z, back = np.empty((B, U.shape[1]), U.dtype), np.empty((B, len(U)), U.dtype)
    rows, h = np.ones((T, B, U.shape[1]), U.dtype), np.ones((T, B, len(U)), U.dtype)
    all_rows, all_h, UT = rows.reshape(T * B, -1), h.reshape(T * B, -1), np.ascontiguousarray(U.T)
    dx, dW, dU, inputs = (np.empty_like(q) for q in (x, W, U, all_rows))
    steps = list(zip(h, rows, strict=True))

    def run():
        x.dot(W, inputs)
        for h_t, _ in steps:
            h_t.dot(U, z)
        for _, row in steps:
            row.dot(UT, back)
        all_rows.dot(W.T, dx)
        x.T.dot(all_rows, dW)
        all_h.T.dot(all_rows, dU)
        return {}

    return run


def _dense(a):
    weights = [a[f"W{i}"] for i in range(workloads.depth(a))]
    values = [a["x"], *(np.ones((len(a["x"]), W.shape[1]), W.dtype) for W in weights)]
    out, dW = [np.empty_like(v) for v in values], [np.empty_like(W) for W in weights]

    def run():
        for i, W in enumerate(weights):
            values[i].dot(W, out[i + 1])
        for i, W in reversed(list(enumerate(weights))):
            values[i].T.dot(values[i + 1], dW[i])
            values[i + 1].dot(W.T, out[i])
        return {}

    return run


def _conv(a):
    products = []
    for W in (a["W0"], a["W1"]):
        W = W.reshape(len(W), -1)
        columns, z = (np.ones((n, 28 * 28), W.dtype) for n in (W.shape[1], len(W)))
        products.append((W, columns, z, np.empty_like(z), np.empty_like(W), np.empty_like(columns)))
    readout = _dense({"x": np.ones((64, 64 * 28 * 28), W.dtype), "W0": a["W2"]})

    def run():
        for W, columns, z, out, dW, dcolumns in products:
            for _ in a["x"]:
                W.dot(columns, out)
                z.dot(columns.T, dW)
                W.T.dot(z, dcolumns)
        return readout()

    return run
