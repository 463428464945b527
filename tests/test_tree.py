"""Trees: structure is kept, mismatches are refused, lengths do not overflow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnnlib import rnn, tree

shapes = st.lists(st.integers(1, 3), max_size=2).map(tuple)
arrays = shapes.map(lambda s: np.arange(1.0, 1 + np.prod(s, dtype=int)).reshape(s))
trees = st.recursive(arrays, lambda t: st.lists(t, min_size=1, max_size=3).map(tuple), max_leaves=6)


@given(trees)
def test_map_keeps_structure_and_applies_to_every_leaf(t):
    doubled = tree.map(lambda x: 2 * x, t)
    before, after = list(tree.leaves(t)), list(tree.leaves(doubled))
    assert [name for name, _ in before] == [name for name, _ in after]
    for (_, x), (_, y) in zip(before, after, strict=True):
        np.testing.assert_array_equal(y, 2 * x)


def test_map_keeps_the_named_tuple_and_names_its_leaves():
    p = rnn.init(np.random.default_rng(0), 2, 3)
    assert type(tree.map(np.negative, p)) is rnn.Params
    assert [name for name, _ in tree.leaves((p, np.ones(1)))] == ["0.W", "0.U", "0.b", "1"]


@given(trees)
def test_dot_and_norm_agree_with_the_concatenated_vector(t):
    v = np.concatenate([np.ravel(x) for _, x in tree.leaves(t)])
    assert tree.dot(t, tree.map(lambda x: 3 * x, t)) == pytest.approx(3 * v @ v)
    assert tree.norm(t) == pytest.approx(np.linalg.norm(v))


@pytest.mark.parametrize("size", [1e-200, 1e-30, 1.0, 1e30, 1e200])
def test_norm_neither_overflows_nor_underflows(size):
    t = (size * np.array([3.0, 0.0]), size * np.array([0.0, -4.0]))
    assert tree.norm(t) == pytest.approx(5 * size)


def test_norm_of_infinity_is_infinity():
    assert tree.norm((np.array([1.0, -np.inf]),)) == np.inf


def test_norm_of_zeros_is_zero():
    assert tree.norm((np.zeros(2),)) == 0.0


def test_norm_of_float32_does_not_overflow():
    assert tree.norm((np.array([3e30, 4e30], np.float32),)) == pytest.approx(5e30, rel=1e-6)


@given(trees)
def test_where_takes_whole_trees(t):
    other = tree.map(np.negative, t)
    for mask, expected in ((True, t), (False, other)):
        chosen = tree.where(mask, t, other)
        assert [n for n, _ in tree.leaves(chosen)] == [n for n, _ in tree.leaves(t)]
        pairs = zip(tree.leaves(chosen), tree.leaves(expected), strict=True)
        assert all(x is y for (_, x), (_, y) in pairs)


def test_where_decides_by_layer_and_by_leaf():
    rng = np.random.default_rng(0)
    a, b = ((rnn.init(rng, 2, 3), rnn.init(rng, 3, 3)) for _ in range(2))
    first, second = tree.where((np.True_, rnn.Params(False, True, False)), a, b)
    assert first.W is a[0].W and first.b is a[0].b and type(second) is rnn.Params
    assert second.W is b[1].W and second.U is a[1].U and second.b is b[1].b


WHERE = [
    ((True, False), (1, 2, 3), (1, 2, 3), ValueError,
     "mask: expected a tuple of 2 in every tree, got a tuple of 3"),
    ((True, False), (1, 2), (1,), ValueError,
     "mask: expected a tuple of 2 in every tree, got a tuple of 1"),
    ((True, (True, True)), (1, 2), (1, 2), ValueError,
     "mask.1: expected a tuple of 2 in every tree, got int"),
    ((True, True), (1, (2, 3)), (1, 2), ValueError,
     "tree: expected a tuple of 2 in every tree, got int"),
    ((True, 1), (1, 2), (1, 2), TypeError,
     "mask.1: expected True, False or a tuple of these, got int"),
    (np.ones(1, bool), np.ones(1), np.ones(1), TypeError,
     "mask: expected True, False or a tuple of these, got ndarray"),
    ([True, False], (1, 2), (1, 2), TypeError,
     "mask: expected True, False or a tuple of these, got list"),
]  # fmt: skip


@pytest.mark.parametrize("mask, a, b, error, message", WHERE, ids=[row[-1] for row in WHERE])
def test_masks_that_do_not_fit_are_refused(mask, a, b, error, message):
    with pytest.raises(error) as caught:
        tree.where(mask, a, b)
    assert str(caught.value) == message
