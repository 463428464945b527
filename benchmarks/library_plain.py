"""The workloads in fnnlib without its faster routes, so that it shows what these buy.

Recurrent nets go step by step, kernels of convolutions by the definition, and every pass makes new
arrays.
"""

from unittest import mock

import numpy as np

from benchmarks import library_fnnlib
from fnnlib import tree, winograd


def make(workload, a):
    """A function of no arguments that computes all results of the workload, by name."""
    net, _ = workload.split("/")
    if net in library_fnnlib.NETS:
        return _recurrent(library_fnnlib.NETS[net], a)
    run = library_fnnlib.make(workload, a, lambda: None)
    if net == "conv":
        return mock.patch.object(winograd, "fits", lambda kernels, stride: False)(run)
    return run


def _recurrent(net, a):
    p = net.Params(*(a[name] for name in net.Params._fields))
    s_0 = net.State(*(a[f"{name}_0"] for name in net.State._fields))
    names = library_fnnlib.recurrent_names(net)

    def run():
        s, caches, h, dx = s_0, [], [], []
        for x_t in a["x"]:
            s, cache = net.step(p, x_t, s)
            caches.append(cache)
            h.append(s.h)
        dp, ds = tree.map(np.zeros_like, p), tree.map(np.zeros_like, s)
        for dh_t, cache in zip(a["dh"][::-1], reversed(caches), strict=True):
            dp_t, dx_t, ds = net.step_backward(ds._replace(h=ds.h + dh_t), cache)
            dp = tree.map(np.add, dp, dp_t)
            dx.append(dx_t)
        return dict(zip(names, (np.array(h), np.array(dx[::-1]), *dp, *ds), strict=True))

    return run
