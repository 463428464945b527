"""What is timed: nets and functions at fixed sizes, with arguments drawn from a seed.

A workload is named ``net/size``. Its arguments are a dict of NumPy arrays in fnnlib's layout; every
library computes the same results from them, by name, and is compared with fnnlib before any timing.
"""

import numpy as np

RECURRENT = {"book": (20, 16, 8, 16), "middle": (100, 64, 64, 128), "large": (100, 64, 256, 512)}
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
DENSE = {
    "100-50-2-B64": (64, (100, 50, 2)),
    "100-50-2-B1024": (1024, (100, 50, 2)),
    "784-512-512-10-B256": (256, (784, 512, 512, 10)),
}
ELEMENTWISE = ("sigmoid", "tanh", "softmax")
NAMES = (
    *(f"{net}/{size}" for net in GATES for size in RECURRENT),
    *(f"dense/{size}" for size in DENSE),
    "conv/1-32-64-B64",
    "adam/1M",
    *(f"{name}/1M" for name in ELEMENTWISE),
)


def arguments(workload, dtype):
    """The arrays of a workload by name; integer labels stay integers."""
    rng = np.random.default_rng(0)

    def normal(*shape, scale=1.0):
        return (scale * rng.standard_normal(shape)).astype(dtype)

    net, size = workload.split("/")
    if net in GATES:
        T, B, D, H = RECURRENT[size]
        n = GATES[net] * H
        found = {
            "W": normal(D, n, scale=D**-0.5), "U": normal(H, n, scale=H**-0.5),
            "b": normal(n, scale=0.1), "x": normal(T, B, D), "h_0": normal(B, H, scale=0.5),
            "dh": normal(T, B, H),
        }  # fmt: skip
        if net == "gru":
            found["c"] = normal(H, scale=0.1)
        if net == "lstm":
            found["c_0"] = normal(B, H, scale=0.5)
        return found
    if net == "dense":
        B, widths = DENSE[size]
        found = {"x": normal(B, widths[0]), "labels": rng.integers(0, widths[-1], B)}
        for i, (m, n) in enumerate(zip(widths, widths[1:], strict=False)):
            found |= {f"W{i}": normal(m, n, scale=(2 / m) ** 0.5), f"b{i}": normal(n, scale=0.1)}
        return found
    if net == "conv":
        return {
            "x": normal(64, 1, 28, 28), "labels": rng.integers(0, 10, 64),
            "W0": normal(32, 1, 3, 3, scale=0.4), "b0": normal(32, scale=0.1),
            "W1": normal(64, 32, 3, 3, scale=0.08), "b1": normal(64, scale=0.1),
            "W2": normal(64 * 28 * 28, 10, scale=0.006), "b2": normal(10, scale=0.1),
        }  # fmt: skip
    if net == "adam":
        return {"p": normal(10**6), "g": normal(10**6)}
    return {"z": normal(1000, 1000, scale=2), "dp": normal(1000, 1000)}


def depth(arguments):
    """The number of layers with parameters W0, W1, ... of a dense or convolutional net."""
    return sum(name.startswith("W") for name in arguments)
