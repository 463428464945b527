"""Epochs: validation, early stopping, the best parameters, and runs that are killed and resumed."""

import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from fnnlib import classifier, data, figures, optim, train, tree

OPTIMIZERS = {
    "sgd": optim.sgd(0.05),
    "nesterov": optim.nesterov(0.05, 0.9),
    "rmsprop": optim.rmsprop(0.01),
    "adam": optim.adam(0.01),
    "scheduled": optim.scheduled(optim.adamw, optim.warm_up(optim.cosine(0.02, 100), 5)),
}


def problem():
    """Sequences whose class is the sign of the sum of what they say."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 60, 2))
    return x, (x.sum(axis=(0, 2)) > 0).astype(int)


X, Y = problem()
GRADIENTS = classifier.loss_and_gradients
TRAINING, VALIDATION = data.split(60, 0.25, np.random.default_rng(1))


def start():
    return classifier.init(np.random.default_rng(2), 2, 3, 2)


def batches(epoch):
    rng = np.random.default_rng([3, epoch])
    return data.minibatches(X[:, TRAINING], Y[TRAINING], 10, rng, axis=1)


def validate(p):
    return classifier.loss_and_gradients(p, (X[:, VALIDATION], Y[VALIDATION]))[0]


def run(optimizer=OPTIMIZERS["adam"], count=4, gradients=classifier.loss_and_gradients, **more):
    return train.epochs(gradients, start(), batches, optimizer, count, **more)


def last(epochs):
    *_, epoch = epochs
    return epoch


def same(a, b):
    tree.map(np.testing.assert_array_equal, a, b)


# Epochs


def test_epochs_are_the_steps_of_fit():
    def everything():
        for epoch in range(1, 4):
            yield from batches(epoch)

    steps = list(train.fit(classifier.loss_and_gradients, start(), everything(), optim.adam(0.01),
                           clip=0.5))
    epoch = last(run(optim.adam(0.01), 3, clip=0.5))
    same(epoch.params, steps[-1].params)
    same(epoch.slots, steps[-1].slots)
    np.testing.assert_array_equal(epoch.history.loss, [step.loss for step in steps])
    np.testing.assert_array_equal(epoch.history.norm, [step.norm for step in steps])
    np.testing.assert_array_equal(epoch.history.ends, [5, 10, 15])
    assert epoch.history.validation.size == 0
    same(epoch.best, epoch.params)


def test_every_epoch_is_validated_and_the_best_is_kept():
    scores = iter([3.0, 1.0, 2.0, 1.0, 5.0])
    seen = list(run(count=5, validate=lambda p: next(scores)))
    assert [epoch.number for epoch in seen] == [1, 2, 3, 4, 5]
    assert seen[-1].history.validation.tolist() == [3, 1, 2, 1, 5]
    for epoch, best in zip(seen, (0, 1, 1, 1, 1), strict=True):
        same(epoch.best, seen[best].params)


def test_validation_sees_the_parameters_after_the_epoch():
    seen = []
    epochs = list(run(count=2, validate=lambda p: seen.append(p) or 1.0))
    same(tuple(seen), tuple(epoch.params for epoch in epochs))


@pytest.mark.parametrize("scores, patience, stops", [
    ([3, 2, 1, 2, 2, 0, 0], 2, 5),
    ([3, 2, 1, 2, 2, 0, 0], 3, 7),
    ([1, 1, 1], 1, 2),
    ([3, 2, 1], 1, 3),
])
def test_the_run_stops_after_so_many_epochs_without_a_new_lowest(scores, patience, stops):
    given = iter(map(float, scores))
    seen = list(run(count=len(scores), validate=lambda p: next(given), patience=patience))
    assert len(seen) == stops


def test_it_learns_and_the_best_is_no_worse_than_the_last():
    epoch = last(run(optim.adam(0.03), 30, validate=validate))
    assert validate(epoch.best) == epoch.history.validation.min() <= validate(epoch.params)
    assert epoch.history.validation.min() < 0.6 * epoch.history.validation[0]


def test_divergence_names_the_epoch_and_the_step():
    calls = iter(range(100))

    def broken(p, batch):
        loss, g = classifier.loss_and_gradients(p, batch)
        return (np.nan if next(calls) == 7 else loss), g

    with pytest.raises(train.Diverged, match="epoch 2, step 3: loss: expected a finite number"):
        list(run(gradients=broken))
    with pytest.raises(train.Diverged, match="epoch 1, validation: expected a finite number"):
        list(run(validate=lambda p: np.inf))


def test_an_epoch_without_batches_is_refused():
    with pytest.raises(ValueError, match="batches: expected at least one batch, got none"):
        list(train.epochs(GRADIENTS, start(), lambda epoch: [], optim.sgd(0.1), 2))


def test_parameters_are_checked_whatever_the_optimiser_is():
    standing = optim.Optimizer(lambda p: (), lambda p, g, slots: (p, slots))
    p = (np.ones(2), np.ones(1, int))
    for call in (
        lambda: train.fit(GRADIENTS, p, [0], standing),
        lambda: train.epochs(GRADIENTS, p, batches, standing, 1),
    ):
        with pytest.raises(ValueError, match="^p.1: expected float32 or float64, got int64"):
            call()


# Checkpoints


class Killed(BaseException):
    """Stands for the end of the process: nothing in the library catches it."""


def killed_at(step):
    """The gradients, which end the run when they are asked for the step-th time."""
    calls = iter(range(1, 10**6))

    def gradients(p, batch):
        if next(calls) == step:
            raise Killed
        return classifier.loss_and_gradients(p, batch)

    return gradients


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("step", [1, 5, 6, 13, 20])
def test_killed_at_any_step_and_resumed_it_ends_with_the_same_bits(tmp_path, name, step):
    more = {"clip": 1.0, "validate": validate, "optimizer": OPTIMIZERS[name]}
    whole = last(run(**more))
    path = tmp_path / "run"
    with pytest.raises(Killed):
        list(run(gradients=killed_at(step), checkpoint=path, **more))
    resumed = list(run(checkpoint=path, **more))
    assert [epoch.number for epoch in resumed] == list(range((step - 1) // 5 + 1, 5))
    assert type(resumed[-1]) is train.Epoch and type(resumed[-1].number) is int
    same(resumed[-1], whole)


def test_killed_between_two_epochs_while_the_file_is_written(tmp_path, monkeypatch):
    whole, path, written = last(run(validate=validate)), tmp_path / "run", []
    replace = train.io.os.replace

    def dies(source, target):
        written.append(target)
        if len(written) == 2:
            raise Killed
        replace(source, target)

    monkeypatch.setattr(train.io.os, "replace", dies)
    with pytest.raises(Killed):
        list(run(validate=validate, checkpoint=path))
    monkeypatch.undo()
    resumed = list(run(validate=validate, checkpoint=path))
    assert [epoch.number for epoch in resumed] == [2, 3, 4]
    same(resumed[-1], whole)


SCRIPT = """
import os, signal, sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import test_training as t

place, number, reached = sys.argv[3], int(sys.argv[4]), 0


def at(name):
    global reached
    reached += name == place
    if name == place and reached == number:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))  # Windows: at once, too


def gradients(p, batch):
    at("a step")
    return t.classifier.loss_and_gradients(p, batch)


def write(path, data, whole=Path.write_bytes):
    whole(path, data[: len(data) // 2])
    at("half of the file written")
    whole(path, data)
    at("all of it written")


def replace(source, target, whole=os.replace):
    whole(source, target)
    at("the file replaced")


Path.write_bytes, os.replace = write, replace
list(t.run(gradients=gradients, validate=t.validate, checkpoint=sys.argv[2]))
"""


def killed_for_real(path, place, number):
    """Run in a process that dies when it reaches the place for that time; whether it did."""
    arguments = str(Path(__file__).parent), str(path), place, str(number)
    ended = subprocess.run([sys.executable, "-c", SCRIPT, *arguments], capture_output=True)
    assert b"Error" not in ended.stderr, ended.stderr.decode()
    return ended.returncode != 0


@pytest.mark.parametrize("place, number, kept", [
    ("a step", 12, 2),
    ("half of the file written", 1, 0),
    ("half of the file written", 3, 2),
    ("all of it written", 2, 1),
    ("the file replaced", 2, 2),
])
def test_a_process_that_is_killed_for_real_goes_on_after_the_last_whole_epoch(
    tmp_path, place, number, kept
):
    path = tmp_path / "run"
    assert killed_for_real(path, place, number)
    resumed = list(run(validate=validate, checkpoint=path))
    assert [epoch.number for epoch in resumed] == list(range(kept + 1, 5))
    same(resumed[-1], last(run(validate=validate)))


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bits(tmp_path):
    path, steps = tmp_path / "run", np.random.default_rng(5).integers(1, 10, 5)
    killed = [killed_for_real(path, "a step", step) for step in steps]
    assert sum(killed) >= 3
    same(last(run(validate=validate, checkpoint=path)), last(run(validate=validate)))


def test_a_run_that_ended_yields_its_last_epoch_and_can_be_made_longer(tmp_path):
    path = tmp_path / "run"
    ended = last(run(count=2, checkpoint=path))
    (again,) = run(count=2, checkpoint=path)
    same(again, ended)
    longer = list(run(count=3, checkpoint=path))
    assert [epoch.number for epoch in longer] == [3]
    same(longer[-1], last(run(count=3)))


def test_a_run_that_stopped_early_stays_stopped(tmp_path):
    path, more = tmp_path / "run", {"patience": 1, "validate": lambda p: 1.0}
    stopped = last(run(count=9, checkpoint=path, **more))
    (again,) = run(count=9, checkpoint=path, **more)
    assert stopped.number == again.number == 2


@pytest.mark.parametrize("change, message", [
    (lambda raw: raw[:-1], "expected an undamaged safetensors file"),
    (lambda raw: b"", "expected an undamaged safetensors file"),
])
def test_a_damaged_checkpoint_is_refused(tmp_path, change, message):
    path = tmp_path / "run"
    list(run(count=1, checkpoint=path))
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=message):
        run(checkpoint=path)


def test_the_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "run"
    list(run(count=1, checkpoint=path))
    with pytest.raises(ValueError, match="expected the names best.readout.W"):
        run(OPTIMIZERS["sgd"], checkpoint=path)
    other = classifier.init(np.random.default_rng(2), 2, 4, 2)
    with pytest.raises(ValueError, match=r"params.rnn.W: expected shape \(2, 4\), got \(2, 3\)"):
        train.epochs(GRADIENTS, other, batches, OPTIMIZERS["adam"], 1, checkpoint=path)
    single = classifier.init(np.random.default_rng(2), 2, 3, 2, np.float32)
    with pytest.raises(ValueError, match="params.rnn.W: expected float32, got float64"):
        train.epochs(GRADIENTS, single, batches, OPTIMIZERS["adam"], 1, checkpoint=path)


# The picture


def test_the_picture_shows_what_was_measured():
    with mpl.rc_context({"backend": "agg"}):
        history = last(run(count=3, validate=validate)).history
        figure, ax = figures.history(history)
        training, validation, lowest = ax.get_lines()
        np.testing.assert_array_equal(training.get_ydata(), history.loss)
        np.testing.assert_array_equal(training.get_xdata(), np.arange(1, 16))
        np.testing.assert_array_equal(validation.get_xdata(), [5, 10, 15])
        np.testing.assert_array_equal(validation.get_ydata(), history.validation)
        assert lowest.get_ydata() == [history.validation.min()]
        assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("step", "loss", "log")
        figure, ax = figures.history(last(run(count=1)).history, yscale="linear")
        assert len(ax.get_lines()) == 1 and ax.get_yscale() == "linear"
        plt.close("all")


SGD = OPTIMIZERS["sgd"]
MISUSE = [
    (lambda: train.epochs(GRADIENTS, start(), [1], SGD, 1), TypeError,
     "batches: expected a function"),
    (lambda: train.epochs(GRADIENTS, start(), batches, 0.1, 1), TypeError, "optimizer: expected"),
    (lambda: train.epochs(GRADIENTS, start(), batches, SGD, 0), ValueError,
     "count: expected a whole"),
    (lambda: run(validate=1.0), TypeError, "validate: expected a function, got float"),
    (lambda: run(validate=0), TypeError, "validate: expected a function, got int"),
    (lambda: run(patience=2), ValueError, "patience: expected a function validate, got none"),
    (lambda: run(patience=0, validate=validate), ValueError, "patience: expected a whole number"),
    (lambda: run(clip=0), ValueError, "clip: expected a number > 0"),
    (lambda: train.epochs(GRADIENTS, (np.ones(1, int),), batches, SGD, 1), ValueError,
     "p.0: expected float32 or float64"),
    (lambda: list(run(validate=lambda p: "good")), TypeError, "validation: expected a real number"),
]


@pytest.mark.parametrize("call, error, message", MISUSE)
def test_malformed_calls_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
