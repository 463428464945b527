"""Malformed calls of reusable buffers."""

from fnnlib import buffers, rnn
from misuse.spoilt import Maybe, f

R, S = rnn.Params(f(3, 2), f(2, 2), f(2)), rnn.State(f(4, 2))
KEPT = buffers.Buffers()
_, FIRST = rnn.forward(R, f(5, 4, 3), S, KEPT)
_, SECOND = rnn.forward(R, f(5, 4, 3), S, KEPT)

CALLS = {"buffers.begin": (buffers.begin, {"reuse": Maybe(buffers.Buffers())})}

REFUSED = [
    (lambda: buffers.begin(3), TypeError, "reuse: expected buffers.Buffers, got int"),
    (lambda: buffers.begin(buffers.Buffers), TypeError,
     "reuse: expected buffers.Buffers, got type"),
    (lambda: buffers.begin({}), TypeError, "reuse: expected buffers.Buffers, got dict"),
    (lambda: buffers.resume(3), TypeError, "turn: expected buffers.Turn, got int"),
    (lambda: buffers.resume((KEPT, 2)), TypeError, "turn: expected buffers.Turn, got tuple"),
    (lambda: buffers.resume(KEPT), TypeError, "turn: expected buffers.Turn, got buffers.Buffers"),
    (lambda: buffers.resume(FIRST.turn), ValueError,
     "cache: expected that of pass 2, the last with these buffers, got that of pass 1"),
    (lambda: rnn.backward((f(5, 4, 2), S), FIRST), ValueError,
     "cache: expected that of pass 2, the last with these buffers, got that of pass 1"),
]  # fmt: skip
