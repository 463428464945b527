"""Malformed calls of the networks that are made of recurrent modules."""

import numpy as np

from fnnlib import dense, lstm, recurrent, rnn
from misuse.spoilt import RNG, Maybe, f, free

X, MASK = f(5, 4, 3), RNG.random((5, 4)) < 0.6
NETWORKS = {
    "layer": recurrent.layer(lstm),
    "bidirectional": recurrent.bidirectional(rnn),
    "stack": recurrent.stack(lstm, 2),
    "truncated": recurrent.truncated(rnn, 2),
}


def _calls(name, net):
    p = net.init(RNG, 3, 2)
    s, reads_both = net.start(p, 4), net.width == 2
    _, cache = net.forward(p, X, s, MASK)

    def backward(dh, ds_T, cache):
        return net.backward((dh, ds_T), cache)

    init = {"rng": RNG, "D": 3, "H": 2, "dtype": np.float64}
    # The parts of a network name its arguments in their own words.
    whole = {"p": p, "s": s} if name == "layer" else {}
    read = {"x": X, "mask": Maybe(MASK)}
    return {
        f"recurrent.{name}.init": (net.init, init),
        f"recurrent.{name}.start": (
            (net.start, {"p": p, "B": 4}) if name == "layer"
            else (lambda B: net.start(p, B), {"B": 4})
        ),
        f"recurrent.{name}.forward": (
            lambda x, mask, p=p, s=s: net.forward(p, x, s, mask), {**read, **whole}
        ),
        f"recurrent.{name}.backward": (
            backward if name == "layer" else lambda dh, cache: backward(dh, s, cache),
            {"dh": f(5, 4, 4 if reads_both else 2)}
            | ({"ds_T": s} if name == "layer" else {})
            | {"cache": cache},
        ),
    }


CALLS = {key: call for name, net in NETWORKS.items() for key, call in _calls(name, net).items()}

# Changes of one array after which it still fits.
FREE = {
    "recurrent.layer.start": {
        "p.W": free(0, 1, rank=True, precision=True), "p.U": free(0, 1, precision=True),
        "p.b": free(0, rank=True, precision=True),
    },
}  # fmt: skip

NOT_ONE = "net: expected a recurrent module or a Network, got "
BOTH = NETWORKS["bidirectional"]

REFUSED = [
    *(
        (lambda make=make, net=net: make(net), TypeError, NOT_ONE + got)
        for make in (
            recurrent.layer, recurrent.bidirectional,
            lambda net: recurrent.stack(net, 2), lambda net: recurrent.truncated(net, 2),
        )
        for net, got in ((dense, "fnnlib.dense"), ("lstm", "str"), (None, "NoneType"),
                         (lstm.forward, "forward"), ((lstm, lstm), "tuple"))
    ),
    (lambda: recurrent.stack(lstm, 0), ValueError, "depth: expected a whole number >= 1, got 0"),
    (lambda: recurrent.stack(lstm, None), TypeError,
     "depth: expected a whole number >= 1, got NoneType None"),
    (lambda: recurrent.truncated(rnn, 0), ValueError, "K: expected a whole number >= 1, got 0"),
    (lambda: recurrent.truncated(rnn, 2.5), TypeError,
     "K: expected a whole number >= 1, got float 2.5"),
    (lambda: recurrent.truncated(BOTH, 2), ValueError,
     "net: expected a network that reads ahead only, got bidirectional(rnn)"),
]  # fmt: skip
