"""Malformed calls of the recurrent net."""

import numpy as np

from fnnlib import buffers, dense, rnn
from misuse.spoilt import RNG, Maybe, f, free

R = rnn.Params(f(3, 2), f(2, 2), f(2))
S = rnn.State(f(4, 2))
_, STEP = rnn.step(R, f(4, 3), S)
_, SEQUENCE = rnn.forward(R, f(5, 4, 3), S)

CALLS = {
    "rnn.init": (rnn.init, {"rng": RNG, "D": 3, "H": 2, "dtype": np.float64}),
    "rnn.step": (rnn.step, {"p": R, "x": f(4, 3), "s": S}),
    "rnn.step_backward": (rnn.step_backward, {"ds": S, "cache": STEP}),
    "rnn.forward": (
        rnn.forward, {"p": R, "x": f(5, 4, 3), "s": S, "reuse": Maybe(buffers.Buffers())}
    ),
    "rnn.backward": (
        lambda dh, ds_T, cache, truncate: rnn.backward((dh, ds_T), cache, truncate),
        {"dh": f(5, 4, 2), "ds_T": S, "cache": SEQUENCE, "truncate": Maybe(2)},
    ),
}  # fmt: skip

# Changes of one array after which it still fits.
FREE = {
    "rnn.forward": {"x": free(0)},
}

# fmt: off
REFUSED = [
    (lambda: rnn.init(7, 3, 2), TypeError, "rng: expected Generator, got int"),
    (lambda: rnn.init(RNG, 0, 3), ValueError, "D: expected a whole number >= 1, got 0"),
    (lambda: rnn.init(RNG, 3, 0), ValueError, "H: expected a whole number >= 1, got 0"),
    (lambda: rnn.init(RNG, 3, 2, np.int64), ValueError,
     "dtype: expected np.float32 or np.float64, got <class 'numpy.int64'>"),
    (lambda: rnn.forward(dense.Params(f(3, 2), f(2)), f(5, 4, 3), S), TypeError,
     "p: expected rnn.Params, got dense.Params"),
    (lambda: rnn.forward(R, f(5, 4, 3), f(4, 2)), TypeError, "s: expected rnn.State, got ndarray"),
    (lambda: rnn.forward(R, f(5, 4, 3), None), TypeError, "s: expected rnn.State, got NoneType"),
    (lambda: rnn.forward(R, f(4, 3), S), ValueError,
     "x: expected shape (T, B, D) with D = 3, got (4, 3)"),
    (lambda: rnn.forward(R, f(4, 5, 3), S), ValueError,
     "s.h: expected shape (B, H) with B = 5, H = 2, got (4, 2)"),
    (lambda: rnn.forward(R, f(5, 4, 2), S), ValueError,
     "x: expected shape (T, B, D) with D = 3, got (5, 4, 2)"),
    (lambda: rnn.forward(R, f(0, 4, 3), S), ValueError,
     "x: expected no empty axis, got shape (0, 4, 3)"),
    (lambda: rnn.forward(R, f(5, 4, 3), rnn.State(f(1, 2))), ValueError,
     "s.h: expected shape (B, H) with B = 4, H = 2, got (1, 2)"),
    (lambda: rnn.forward(R, f(5, 4, 3), rnn.State(f(2))), ValueError,
     "s.h: expected shape (B, H) with B = 4, H = 2, got (2,)"),
    (lambda: rnn.forward(R, f(5, 4, 3), rnn.State(f(4, 3))), ValueError,
     "s.h: expected shape (B, H) with B = 4, H = 2, got (4, 3)"),
    (lambda: rnn.forward(R._replace(U=f(3, 2)), f(5, 4, 3), S), ValueError,
     "p.U: expected shape (H, H) with H = 2, got (3, 2)"),
    (lambda: rnn.forward(R._replace(W=f(2, 3)), f(5, 4, 3), S), ValueError,
     "p.U: expected shape (H, H) with H = 3, got (2, 2)"),
    (lambda: rnn.forward(R._replace(b=f(1, 2)), f(5, 4, 3), S), ValueError,
     "p.b: expected shape (H,) with H = 2, got (1, 2)"),
    (lambda: rnn.step(R, f(5, 4, 3), S), ValueError,
     "x: expected shape (B, D) with D = 3, got (5, 4, 3)"),
    (lambda: rnn.step(R, f(3, 3), S), ValueError,
     "s.h: expected shape (B, H) with B = 3, H = 2, got (4, 2)"),
    (lambda: rnn.step_backward(f(4, 2), STEP), TypeError, "ds: expected rnn.State, got ndarray"),
    (lambda: rnn.step_backward(rnn.State(f(1, 2)), STEP), ValueError,
     "ds.h: expected shape (B, H) with B = 4, H = 2, got (1, 2)"),
    (lambda: rnn.step_backward(S, SEQUENCE), TypeError,
     "cache: expected rnn.StepCache, got rnn.Cache"),
    (lambda: rnn.backward(f(5, 4, 2), SEQUENCE), TypeError, "dout: expected tuple, got ndarray"),
    (lambda: rnn.backward((f(5, 4, 2),), SEQUENCE), ValueError,
     "dout: expected the pair (dh, ds_T), got a tuple of 1"),
    (lambda: rnn.backward((f(5, 4, 2), f(4, 2)), SEQUENCE), TypeError,
     "ds_T: expected rnn.State, got ndarray"),
    (lambda: rnn.backward((f(4, 4, 2), S), SEQUENCE), ValueError,
     "dh: expected shape (T, B, H) with T = 5, B = 4, H = 2, got (4, 4, 2)"),
    (lambda: rnn.backward((f(1, 1, 2), S), SEQUENCE), ValueError,
     "dh: expected shape (T, B, H) with T = 5, B = 4, H = 2, got (1, 1, 2)"),
    (lambda: rnn.backward((f(5, 4, 2), rnn.State(f(3, 2))), SEQUENCE), ValueError,
     "ds_T.h: expected shape (B, H) with B = 4, H = 2, got (3, 2)"),
    (lambda: rnn.backward((f(5, 4, 2), S), STEP), TypeError,
     "cache: expected rnn.Cache, got rnn.StepCache"),
    (lambda: rnn.backward((f(5, 4, 2), S), SEQUENCE, truncate=0), ValueError,
     "truncate: expected a whole number >= 1, got 0"),
    (lambda: rnn.backward((f(5, 4, 2), S), SEQUENCE, truncate=2.5), TypeError,
     "truncate: expected a whole number >= 1, got float 2.5"),
    (lambda: rnn.backward((f(5, 4, 2), S), SEQUENCE, truncate=True), TypeError,
     "truncate: expected a whole number >= 1, got bool True"),
]
# fmt: on
