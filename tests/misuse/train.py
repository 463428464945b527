"""Malformed calls of the training loops."""

from fnnlib import dense, optim, train
from misuse.spoilt import Maybe, f, free

P = dense.Params(f(3, 2), f(2))
SGD = optim.sgd(0.1)


def half_square(p, batch):
    return 1.0, p


CALLS = {
    "train.fit": (
        lambda loss_and_gradients, x, optimizer, clip, progress: train.fit(
            loss_and_gradients, (x,), [0], optimizer, clip, progress
        ),
        {
            "loss_and_gradients": half_square, "p.0": f(3), "optimizer": SGD,
            "clip": Maybe(1.0), "progress": Maybe(iter),
        },
    ),
    "train.epochs": (
        lambda loss_and_gradients, x, batches, optimizer, count, validate, patience, clip: (
            train.epochs(
                loss_and_gradients, (x,), batches, optimizer, count, validate, patience, clip
            )
        ),
        {
            "loss_and_gradients": half_square, "p.0": f(3), "batches": lambda epoch: [0],
            "optimizer": SGD, "count": 2, "validate": Maybe(lambda p: 1.0), "patience": Maybe(1),
            "clip": Maybe(1.0),
        },
    ),
}  # fmt: skip

# Changes of one array after which it still fits.
FREE = {
    f"train.{loop}": {"p.0": free(0, rank=True, precision=True)} for loop in ("fit", "epochs")
}

# fmt: off
REFUSED = [
    (lambda: train.fit(half_square, P, 3, SGD), TypeError,
     "batches: expected batches to go through, got int"),
    (lambda: train.fit(half_square, P, None, SGD), TypeError,
     "batches: expected batches to go through, got NoneType"),
    (lambda: list(train.fit(lambda p, b: 1.0, P, [0], SGD)), TypeError,
     "loss_and_gradients: expected a function that returns this pair, got float"),
    (lambda: list(train.fit(lambda p, b: (1.0, p, p), P, [0], SGD)), TypeError,
     "loss_and_gradients: expected a function that returns this pair, got a tuple of 3"),
    (lambda: list(train.epochs(half_square, P, lambda epoch: 3, SGD, 1)), TypeError,
     "batches: expected batches to go through, got int"),
    (lambda: list(train.epochs(half_square, P, lambda epoch: [], SGD, 1)), ValueError,
     "batches: expected at least one batch, got none"),
    (lambda: train.epochs(half_square, P, lambda epoch: [0], SGD, 1, patience=1), ValueError,
     "patience: expected a function validate, got none"),
    (lambda: train.epochs(half_square, P, lambda epoch: [0], SGD, 1, checkpoint=3), TypeError,
     "checkpoint: expected a path, got int"),
    (lambda: list(train.epochs(half_square, P, lambda epoch: [0], SGD, 1, lambda p: "good")),
     TypeError, "validation: expected a real number, got str"),
    (lambda: train.epochs(half_square, P, lambda epoch: [0], SGD, 0), ValueError,
     "count: expected a whole number >= 1, got 0"),
    (lambda: train.fit(half_square, P, [0], 0.1), TypeError,
     "optimizer: expected optim.Optimizer, got float"),
    (lambda: train.fit(half_square, P, [0], SGD, clip=-1.0), ValueError,
     "clip: expected a number > 0, got -1.0"),
    (lambda: train.fit(half_square, [f(2)], [0], SGD), TypeError,
     "p: expected arrays nested in tuples, got list"),
    (lambda: list(train.fit(half_square, P, [], SGD)), ValueError,
     "batches: expected at least one batch, got none"),
    (lambda: list(train.fit(lambda p, b: ("0.1", p), P, [0], SGD)), TypeError,
     "loss: expected a real number, got str"),
    (lambda: list(train.fit(lambda p, b: (1.0, p.W), P, [0], SGD)), ValueError,
     "g: expected the leaves g.W, g.b, got g"),
    (lambda: list(train.fit(lambda p, b: (f(2), p), P, [0], SGD)), TypeError,
     "loss: expected a real number, got ndarray"),
]
# fmt: on
