"""The workloads in HIPS autograd, which traces NumPy."""

from types import SimpleNamespace

import autograd.numpy as np
from autograd import make_vjp
from autograd.scipy.special import expit, logsumexp

from benchmarks import traced


def _scan(step, state, z):
    found = []
    for z_t in z:
        state, out = step(state, z_t)
        found.append(out)
    return np.stack(found)


def _log_softmax(z):
    return z - logsumexp(z, axis=-1, keepdims=True)


NN = SimpleNamespace(
    sigmoid=expit,
    relu=lambda z: z * (z > 0),
    softmax=lambda z: np.exp(_log_softmax(z)),
    log_softmax=_log_softmax,
    scan=_scan,
)


def make(workload, a):
    """A function of no arguments that computes all results of the workload, by name.

    None for what autograd has no quick function for: convolutions, and Adam, which is no gradient.
    """
    if workload.startswith(("conv/", "adam/")):
        return None
    loss, names = traced.loss(workload, a, np, NN)
    args = tuple(a[name] for name in names)

    def run():
        found = {}

        def value(args):
            total, boxes = loss(*args)
            found.update(boxes)
            return total

        back, total = make_vjp(value)(args)
        d = back(np.ones_like(total))
        results = {name: getattr(box, "_value", box) for name, box in found.items()}
        return results | {f"d{name}": part for name, part in zip(names, d, strict=True)}

    return run
