"""The digits and the minibatches."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import quick
from sklearn.datasets import load_digits

from fnnlib import data


def test_digits_are_all_images_once_with_their_labels():
    d = data.digits()
    images, labels = load_digits(return_X_y=True)
    ours = np.column_stack([np.concatenate([d.x_train, d.x_test]) * 16, [*d.y_train, *d.y_test]])
    theirs = np.column_stack([images, labels])
    assert sorted(map(tuple, ours)) == sorted(map(tuple, theirs))
    assert (len(d.x_train), len(d.x_test)) == (1437, 360)


def test_digits_are_scaled_and_every_class_is_on_both_sides():
    d = data.digits()
    assert (d.x_train.min(), d.x_train.max()) == (0.0, 1.0)
    for y in (d.y_train, d.y_test):
        assert np.bincount(y, minlength=10).min() >= 0.07 * len(y)


def test_the_split_is_the_same_every_time():
    for x, y in zip(data.digits(), data.digits(), strict=True):
        np.testing.assert_array_equal(x, y)
    assert data.digits().y_test[:10].tolist() == [0, 8, 8, 9, 8, 3, 7, 5, 0, 6]


def test_digits_in_single_precision():
    d = data.digits(dtype=np.float32)
    assert d.x_train.dtype == d.x_test.dtype == np.float32


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match="pip install scikit-learn"):
        data.digits()


def test_rows_are_read_from_the_top():
    x = data.digits().x_test[:5]
    seq = data.rows(x)
    assert seq.shape == (8, 5, 8) and seq.flags.c_contiguous
    for t in range(8):
        np.testing.assert_array_equal(seq[t], x[:, 8 * t : 8 * t + 8])


@quick
@given(
    n=st.integers(1, 20), size=st.integers(1, 25), epochs=st.integers(1, 3), axis=st.integers(0, 1)
)
def test_minibatches_cover_every_epoch_once_and_keep_pairs(n, size, epochs, axis):
    y = np.arange(n)
    x = np.stack([10 * y, 10 * y + 1], axis=1 - axis)
    batches = list(data.minibatches(x, y, size, np.random.default_rng(0), epochs, axis))
    assert len(batches) == epochs * -(-n // size)
    for xb, yb in batches:
        assert 1 <= len(yb) <= size
        np.testing.assert_array_equal(xb, np.stack([10 * yb, 10 * yb + 1], axis=1 - axis))
    seen = np.concatenate([yb for _, yb in batches]).reshape(epochs, n)
    np.testing.assert_array_equal(np.sort(seen), np.tile(y, (epochs, 1)))


def test_minibatches_of_one_epoch_unless_told():
    rng = np.random.default_rng(0)
    assert len(list(data.minibatches(np.arange(6), np.arange(6), 2, rng))) == 3


def test_minibatches_are_shuffled_anew_and_by_the_generator_alone():
    def order(seed):
        batches = data.minibatches(np.arange(50), np.arange(50), 50, np.random.default_rng(seed), 2)
        return [tuple(y) for _, y in batches]

    first, second = order(0)
    assert first != second and first != tuple(range(50))
    assert order(0) == [first, second] and order(1) != [first, second]
