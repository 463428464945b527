"""Training loops as generators: their caller may stop, plot or save between two steps.

:func:`fit` goes step by step. :func:`epochs` goes epoch by epoch, validates, keeps the best
parameters, stops early, and resumes from a checkpoint after it was killed.
"""

from typing import Any, NamedTuple

import numpy as np

from fnnlib import io, optim, require, tree


class Step(NamedTuple):
    """One update: the loss and the gradient's norm before it, the parameters after it."""

    number: int  # from 1
    loss: float
    norm: float  # before clipping
    params: Any
    slots: Any  # of the optimiser, after it


class History(NamedTuple):
    """What was measured, in order."""

    loss: np.ndarray  # (steps,) of every batch, before its step
    norm: np.ndarray  # (steps,) of its gradient, before clipping
    validation: np.ndarray  # (epochs,) after every epoch; empty if nothing is validated
    ends: np.ndarray  # (epochs,) steps taken at the end of every epoch


class Epoch(NamedTuple):
    """The run after an epoch: all that is needed to go on from there."""

    number: int  # of epochs behind it
    params: Any
    slots: Any  # of the optimiser
    best: Any  # the parameters with the lowest validation so far; the last ones without
    history: History


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
    require.function("loss_and_gradients", loss_and_gradients)
    require.kind("optimizer", optimizer, optim.Optimizer)
    if clip is not None:
        clip = require.number("clip", clip, above=0)
    for name, x in tree.leaves(p, "p"):
        require.floats(name, x)
    _require_batches(batches)
    if progress is not None:
        batches = require.function("progress", progress)(batches)
    return _steps(loss_and_gradients, p, optimizer.init(p), batches, optimizer, clip)


def epochs(
    loss_and_gradients, p, batches, optimizer, count,
    validate=None, patience=None, clip=None, checkpoint=None,
):  # fmt: skip
    """Train for ``count`` epochs and yield an :class:`Epoch` after each.

    ``batches(epoch)`` returns the batches of an epoch, numbered from 1. Where they are random, the
    generator should be made from this number, so that every epoch can be repeated by itself.

    ``validate(p)`` returns a number, the lower the better; ``best`` keeps the parameters where it
    was lowest, the earlier ones in a tie. After ``patience`` epochs without a new lowest one the
    run stops.

    ``checkpoint`` is a path. The run is written there after every epoch, and a run that finds it
    goes on from it: killed at any time and started again, it ends with the same bits, if the
    functions passed in draw from no generator of their own. A run that had ended yields its last
    epoch again. ValueError when the file is damaged or of another net or optimiser.

    Diverged and ValueError are raised as by :func:`fit`.

    >>> def half_square(p, batch):
    ...     return 0.5 * np.sum(p**2), p
    >>> run = epochs(half_square, np.array([2.0]), lambda epoch: range(3), optim.sgd(0.5), count=2)
    >>> [(epoch.number, epoch.params.tolist(), epoch.history.loss.size) for epoch in run]
    [(1, [0.25], 3), (2, [0.03125], 6)]
    """
    require.function("loss_and_gradients", loss_and_gradients)
    require.function("batches", batches)
    require.kind("optimizer", optimizer, optim.Optimizer)
    if validate is not None:
        require.function("validate", validate)
    count = require.count("count", count)
    if patience is not None:
        patience = require.count("patience", patience)
        if validate is None:
            require.refuse("patience", "a function validate", "none")
    if clip is not None:
        clip = require.number("clip", clip, above=0)
    for name, x in tree.leaves(p, "p"):
        require.floats(name, x)
    start = Epoch(0, p, optimizer.init(p), p, History(*np.zeros((3, 0)), np.zeros(0, int)))
    if checkpoint is not None and require.path("checkpoint", checkpoint).exists():
        start = _read(checkpoint, start)
    return _epochs(
        loss_and_gradients, start, batches, optimizer, count, validate, patience, clip, checkpoint
    )


def _epochs(
    loss_and_gradients, at, batches, optimizer, count, validate, patience, clip, checkpoint
):
    if _ended(at, count, patience):
        yield at
    while not _ended(at, count, patience):
        at = _epoch(loss_and_gradients, at, batches, optimizer, validate, clip)
        if checkpoint is not None:
            _write(checkpoint, at)
        yield at


def _ended(at, count, patience):
    seen = at.history.validation
    tired = patience is not None and seen.size and seen.size - 1 - seen.argmin() >= patience
    return at.number >= count or tired


def _epoch(loss_and_gradients, at, batches, optimizer, validate, clip):
    """The run one epoch later."""
    number, (loss, norm, validation, ends), best = at.number + 1, at.history, at.best
    seen = []
    try:
        for step in _steps(
            loss_and_gradients, at.params, at.slots, _require_batches(batches(number)), optimizer,
            clip,
        ):  # fmt: skip
            seen.append((step.loss, step.norm))
        if validate:
            measured = require.number("validation", validate(step.params))
            if measured < min(validation, default=np.inf):
                best = step.params
            validation = np.append(validation, measured)
        else:
            best = step.params
    except (Diverged, require.NotFinite) as cause:
        raise Diverged(f"epoch {number}, {cause}") from cause
    new_loss, new_norm = np.transpose(seen)
    history = History(
        np.append(loss, new_loss), np.append(norm, new_norm), validation,
        np.append(ends, loss.size + len(seen)),
    )  # fmt: skip
    return Epoch(number, step.params, step.slots, best, history)


def _write(path, at):
    io.write_arrays(path, {name: np.asarray(x) for name, x in tree.leaves(at)})


def _read(path, start):
    """The run in a checkpoint, of the same kind as ``start`` but with a longer history."""
    found = io.read_arrays(path)
    expected = dict(tree.leaves(start))
    io.same_names(path, found, expected)
    for name, x in expected.items():
        model = np.asarray(x)
        if found[name].dtype != model.dtype:
            require.refuse(f"{path}: {name}", model.dtype, found[name].dtype)
        if not name.startswith("history."):
            require.shape(f"{path}: {name}", found[name], model.shape)
    made = iter([found[name] for name in expected])
    return tree.map(lambda x: int(next(made)) if isinstance(x, int) else next(made), start)


def _steps(loss_and_gradients, p, slots, batches, optimizer, clip):
    number = 0
    for number, batch in enumerate(batches, 1):
        try:
            # Overflow needs no warning: what it leads to is found and reported.
            with np.errstate(over="ignore", invalid="ignore"):
                loss, g = _pair(loss_and_gradients(p, batch))
                loss = require.number("loss", loss)
                g, norm = _clipped(g, clip)
                p, slots = optimizer.step(p, g, slots)
            for name, x in tree.leaves(p, "updated p"):
                require.floats(name, x)
        except require.NotFinite as cause:
            raise Diverged(f"step {number}: {cause}") from cause
        yield Step(number, loss, norm, p, slots)
    if number == 0:
        require.refuse("batches", "at least one batch", "none")


def _pair(found):
    if not isinstance(found, tuple) or len(found) != 2:
        got = f"a tuple of {len(found)}" if isinstance(found, tuple) else type(found).__name__
        require.refuse("loss_and_gradients", "a function that returns this pair", got, TypeError)
    return found


def _require_batches(batches):
    if not hasattr(batches, "__iter__"):
        require.refuse("batches", "batches to go through", type(batches).__name__, TypeError)
    return batches


def _clipped(g, clip):
    return (g, tree.norm(g)) if clip is None else optim.clip_by_global_norm(g, clip)
