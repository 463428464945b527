"""The training loop: its history, its stops, and the digits learnt for real."""

import itertools
import time

import numpy as np
import pytest

from fnnlib import classifier, data, optim, train, tree

CURVATURE = np.array([1.0, 10.0])


def quadratic(p, batch):
    """A bowl; the batch is ignored."""
    return 0.5 * float(np.sum(CURVATURE * p**2)), CURVATURE * p


def test_every_batch_is_one_step_with_its_loss_norm_and_parameters():
    p = np.array([1.0, 1.0])
    first, second = train.fit(quadratic, p, range(2), optim.sgd(0.05))
    assert (first.number, second.number) == (1, 2)
    assert first.loss == pytest.approx(5.5) and first.norm == pytest.approx(np.sqrt(101))
    np.testing.assert_allclose(first.params, [0.95, 0.5])
    assert second.loss == pytest.approx(0.5 * 0.95**2 + 5 * 0.5**2)
    np.testing.assert_array_equal(p, [1.0, 1.0])


def test_the_batch_reaches_the_loss():
    seen = []

    def watch(p, batch):
        seen.append(batch)
        return 1.0, np.zeros(1)

    list(train.fit(watch, np.ones(1), "ab", optim.sgd(0.1)))
    assert seen == ["a", "b"]


def test_the_caller_may_stop_at_any_step():
    steps = train.fit(quadratic, np.ones(2), itertools.count(), optim.sgd(0.05))
    assert [next(steps).number for _ in range(3)] == [1, 2, 3]


def test_optimizer_slots_carry_over():
    steps = list(train.fit(quadratic, np.ones(2), range(3), optim.sgd(0.01, 0.9)))
    p, v = np.ones(2), 0
    for _ in range(3):
        v = 0.9 * v + CURVATURE * p
        p = p - 0.01 * v
    np.testing.assert_allclose(steps[-1].params, p)


def test_clipping_bounds_the_step_and_reports_the_norm_before():
    (step,) = train.fit(quadratic, np.ones(2), range(1), optim.sgd(1.0), clip=0.1)
    assert step.norm == pytest.approx(np.sqrt(101))
    assert np.linalg.norm(step.params - 1) == pytest.approx(0.1)


def test_progress_is_put_around_the_batches():
    drawn = []

    def progress(batches):
        for batch in batches:
            drawn.append(batch)
            yield batch

    list(train.fit(quadratic, np.ones(2), range(3), optim.sgd(0.01), progress=progress))
    assert drawn == [0, 1, 2]


def test_too_large_a_step_diverges_with_its_number_and_place():
    steps = train.fit(quadratic, np.ones(2), itertools.count(), optim.sgd(1e100))
    with pytest.raises(train.Diverged, match=r"step 3: loss: expected a finite number, got inf"):
        list(steps)


@pytest.mark.parametrize(
    "loss, gradient, message",
    [
        (np.nan, [1.0], "step 1: loss: expected a finite number, got nan"),
        (1.0, [0.0, np.nan], r"step 1: g.0: expected finite numbers, got nan at index \(1,\)"),
        (1.0, [-np.inf, 0.0], r"step 1: g.0: expected finite numbers, got -inf at index \(0,\)"),
        (1.0, [1e308, 0.0], r"step 1: updated p.0: expected finite numbers, got -inf"),
    ],
)
@pytest.mark.parametrize("clip", [None, 1e308])
def test_divergence_says_what_was_not_finite(loss, gradient, message, clip):
    def broken(p, batch):
        return loss, (np.array(gradient),)

    p = (np.zeros(len(gradient)),)
    with pytest.raises(train.Diverged, match=message):
        list(train.fit(broken, p, range(1), optim.sgd(100.0), clip=clip))


def test_numbers_that_overflow_inside_the_net_are_a_divergence():
    p = classifier.init(np.random.default_rng(0), 3, 4, 2)
    p = p._replace(readout=tree.map(lambda x: x + 1e308, p.readout))
    batch = np.ones((2, 5, 3)), np.zeros(5, int)
    with pytest.raises(train.Diverged, match="step 1: z: expected finite numbers, got"):
        list(train.fit(classifier.loss_and_gradients, p, [batch], optim.sgd(0.1)))


def test_the_same_seed_gives_the_same_bits():
    def run():
        rng = np.random.default_rng(7)
        p = classifier.init(rng, 2, 5, 3)
        x, y = rng.normal(size=(4, 12, 2)), rng.integers(0, 3, 12)
        batches = data.minibatches(x, y, 5, rng, epochs=3, axis=1)
        *_, last = train.fit(classifier.loss_and_gradients, p, batches, optim.adam(0.01), clip=1.0)
        return last.params

    tree.map(np.testing.assert_array_equal, run(), run())


def test_the_digits_are_learnt_row_by_row():
    began = time.perf_counter()
    digits, rng = data.digits(), np.random.default_rng(0)
    x_train, x_test = data.rows(digits.x_train), data.rows(digits.x_test)
    p = classifier.init(rng, D=8, H=64, C=10)
    batches = data.minibatches(x_train, digits.y_train, 64, rng, epochs=20, axis=1)
    fit = train.fit(classifier.loss_and_gradients, p, batches, optim.adam(5e-3), clip=1.0)
    *_, last = fit
    assert classifier.accuracy(last.params, x_test, digits.y_test) >= 0.95
    assert time.perf_counter() - began < 60
