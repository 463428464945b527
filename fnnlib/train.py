"""A training loop as a generator: its caller may stop, plot or save between two steps."""

from typing import Any, NamedTuple

import numpy as np

from fnnlib import optim, require, tree


class Step(NamedTuple):
    """One update: the loss and the gradient's norm before it, the parameters after it."""

    number: int  # from 1
    loss: float
    norm: float  # before clipping
    params: Any


class Diverged(RuntimeError):
    """The run left the finite numbers; the message says at which step, and what did.

    The usual causes are too large a learning rate and an exploding gradient (see ``clip``).
    """


def fit(loss_and_gradients, p, batches, optimizer, clip=None, progress=None):
    """Update ``p`` once for every batch and yield a :class:`Step` each time.

    ``loss_and_gradients(p, batch)`` returns a number and a tree like ``p``. ``clip`` bounds the
    global norm of the gradient. ``progress`` is put around the batches, such as ``tqdm.tqdm``.

    Diverged is raised when the loss, the gradient, the updated parameters or anything computed from
    them is not finite; ValueError when there is no batch.

    >>> def half_square(p, batch):
    ...     return 0.5 * np.sum(p**2), p
    >>> steps = fit(half_square, np.array([2.0]), range(3), optim.sgd(0.5))
    >>> [round(step.loss, 3) for step in steps]
    [2.0, 0.5, 0.125]
    """
    require.kind("optimizer", optimizer, optim.Optimizer)
    if clip is not None:
        clip = require.number("clip", clip, above=0)
    for name, x in tree.leaves(p, "p"):
        require.floats(name, x)
    return _steps(
        loss_and_gradients, p, progress(batches) if progress else batches, optimizer, clip
    )


def _steps(loss_and_gradients, p, batches, optimizer, clip):
    slots = optimizer.init(p)
    number = 0
    for number, batch in enumerate(batches, 1):
        try:
            # Overflow needs no warning: what it leads to is found and reported.
            with np.errstate(over="ignore", invalid="ignore"):
                loss, g = loss_and_gradients(p, batch)
                loss = require.number("loss", loss)
                g, norm = _clipped(g, clip)
                p, slots = optimizer.step(p, g, slots)
            for name, x in tree.leaves(p, "updated p"):
                require.floats(name, x)
        except require.NotFinite as cause:
            raise Diverged(f"step {number}: {cause}") from cause
        yield Step(number, loss, norm, p)
    if number == 0:
        require.refuse("batches", "at least one batch", "none")


def _clipped(g, clip):
    return (g, tree.norm(g)) if clip is None else optim.clip_by_global_norm(g, clip)
