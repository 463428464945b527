"""A small recurrent net that learns to recall its input, trained in the page."""

import itertools
import math

import numpy as np
import traitlets

from fnnlib import dense, losses, optim, rnn, train
from fnnlib.widgets import svg
from fnnlib.widgets.base import BookWidget, formula, words

T, B = 16, 8  # steps of a sequence, sequences in a batch
LIMIT = 1e6  # a loss above it is called diverged
WANTED = (
    "state", "output", "loss", "error", "adjoint", "delta", "dW", "dU", "db", "dV", "dc",
)  # fmt: skip
NAMES = {
    "input": "x", "state": "h", "output": "y", "target": "target", "error": "e", "delta": "delta",
    "adjoint": "lambda_", "W": "W", "U": "U", "b": "b", "V": "V", "c": "c",
    "T": "T", "B": "B", "D": "D", "H": "H", "O": "O",
}  # fmt: skip


class TrainingLab(BookWidget):
    """Delayed recall: bits of +1 and -1 go in, and come out ``delay`` steps later.

    ``formulas`` gives what the page computes with. Each is a derivation (its last line counts), an
    array with a rule, or a pair (expression, [indices]):

    ====================  ==========================================================
    state, output         h[t, batch, unit] and the read-out y = h V + c
    loss, error           squared error, and its gradient e by the output
    adjoint, delta        dL/dh_t, from e and the next delta; dL/d(argument of tanh)
    dW, dU, db, dV, dc    gradients, from x, h, e and delta
    ====================  ==========================================================

    ``names`` says what these are called in the formulas, where it differs from ``NAMES``. Time runs
    from 1, and h also has the initial state at 0. Past the
    last step delta and the adjoint are zero. ValueError where a formula is missing or uses a name
    that the lab does not know.
    """

    module = "training_lab"
    title = "Lab: a recurrent net learns to recall its input"
    learning_rate = traitlets.Float(0.1, min=0.01, max=10).tag(
        sync=True, label="learning rate", step=0.05, log=True
    )
    delay = traitlets.Int(3, min=1, max=6).tag(sync=True, label="delay, steps", step=1)
    hidden = traitlets.Int(8, min=2, max=12).tag(sync=True, label="hidden units", step=1)
    seed = traitlets.Int(1, min=0, max=99).tag(sync=True, label="seed", step=1)
    running = traitlets.Bool(False).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    loss = traitlets.Float(None, allow_none=True).tag(sync=True)

    def __init__(self, formulas, names=None, **state):
        if set(formulas) != set(WANTED):
            raise ValueError(f"formulas: expected {WANTED}, got {sorted(formulas)}")
        self.names = NAMES | (names or {})
        self.derived = {name: formula(formulas[name]) for name in WANTED}
        unknown = words(self.derived) - set(self.names.values())
        if unknown:
            raise ValueError(f"formulas: {sorted(unknown)} not known; known are {self.names}")
        super().__init__(**state)

    def formulas(self):
        """The formulas as they were given."""
        return self.derived

    def data(self):
        """Sizes of the task, and the names of things in the formulas."""
        return {"T": T, "B": B, "limit": LIMIT, "names": self.names}

    def run(self, steps):
        """The same training run with the library: ``train.Step`` up to ``steps`` or divergence."""
        draw = generator(self.seed)
        p = initial(draw, self.hidden)
        batches = (batch(draw, self.delay, T, B) for _ in range(steps))
        fit = train.fit(loss_and_gradients, p, batches, optim.sgd(self.learning_rate))
        return list(itertools.takewhile(lambda s: s.loss < LIMIT and s.norm < LIMIT, fit))

    def picture(self):
        """Loss and size of the gradient over the first steps."""
        steps = self.run(150)
        span = (0, max(50, len(steps)))
        high = math.ceil(math.log10(max(10, *(s.loss for s in steps), *(s.norm for s in steps))))
        left = svg.Axes((44, 32, 310, 170), span, (-4, high), "loss", "step", log=True)
        right = svg.Axes((374, 32, 640, 170), span, (-4, high), "gradient norm", "step", log=True)
        left.line([(s.number, s.loss) for s in steps], "s0")
        right.line([(s.number, s.norm) for s in steps], "s1 whole")
        return svg.picture("Loss and gradient norm in training", 650, 210, left, right)


def loss_and_gradients(p, pair):
    """Squared error of the net ``p = (rnn.Params, dense.Params)``, and its gradients."""
    net, readout = p
    x, target = pair
    zero = rnn.State(np.zeros((x.shape[1], len(net.b))))
    (h, _), cache = rnn.forward(net, x, zero)
    y, read = dense.forward(readout, h)
    loss, compared = losses.squared_error(y, target)
    d_readout, dh = dense.backward(losses.squared_error_backward(1.0, compared), read)
    d_net, _, _ = rnn.backward((dh, zero), cache)
    return loss, (d_net, d_readout)


def generator(seed):
    """Uniform numbers in [0, 1), the same in Python and in the page: a congruential generator.

    >>> draw = generator(1)
    >>> draw() == draw()
    False
    """
    state = seed * 2654435761 % 2**32

    def draw():
        nonlocal state
        state = (1664525 * state + 1013904223) % 2**32
        return state / 2**32

    for _ in range(4):
        draw()
    return draw


def initial(draw, H):
    """Random weights of a net with one input, H units and one output; zero biases.

    >>> net, readout = initial(generator(0), 3)
    >>> net.U.shape, readout.W.shape
    ((3, 3), (3, 1))
    """

    def uniform(rows, columns, scale):
        return np.array([[scale * (2 * draw() - 1) for _ in range(columns)] for _ in range(rows)])

    scale = 1 / math.sqrt(H)
    net = rnn.Params(uniform(1, H, 1.0), uniform(H, H, scale), np.zeros(H))
    return net, dense.Params(uniform(H, 1, scale), np.zeros(1))


def batch(draw, delay, T, B):
    """Bits of +1 and -1 of shape (T, B, 1), and the same bits ``delay`` steps later.

    >>> x, target = batch(generator(0), 2, 5, 3)
    >>> bool(np.all(target[2:] == x[:-2]) and np.all(target[:2] == 0))
    True
    """
    x = np.array([[[1.0 if draw() < 0.5 else -1.0] for _ in range(B)] for _ in range(T)])
    target = np.zeros_like(x)
    target[delay:] = x[:-delay]
    return x, target
