"""Malformed calls of the penalty and of freezing."""

from fnnlib import dense, optim, regularise
from misuse.spoilt import f, free

P = dense.Params(f(3, 2), f(2))
_, CACHE = regularise.l2(P, 0.5)
SGD = optim.sgd(0.1)

CALLS = {
    "regularise.l2": (lambda p, strength: regularise.l2((p,), strength),
                      {"p.0": f(3), "strength": 0.5}),
    "regularise.l2_backward": (regularise.l2_backward, {"dloss": 1.0, "cache": CACHE}),
    "regularise.freeze": (
        lambda optimizer: regularise.freeze(optimizer, (True, False)), {"optimizer": SGD}
    ),
}  # fmt: skip

# Changes of one array after which it still fits.
FREE = {
    "regularise.l2": {"p.0": free(0, rank=True, precision=True)},
}
