"""Winograd's convolution against the plain one, at odd sizes and paddings; how far it rounds."""

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from oracles import Case, cases, close, quick, same_kind, sizes

from fnnlib import conv, tree, winograd
from fnnlib.buffers import Buffers
from fnnlib.check import gradient_check

small = st.integers(1, 3)


def arguments(case, N, C, O, image, kernel):  # noqa: E741 - the names of the axes
    return conv.Params(case.normal(O, C, *kernel), case.normal(O)), case.normal(N, C, *image)


@quick
@given(
    case=cases, N=small, C=st.integers(16, 18), O=small, image=st.tuples(st.integers(1, 9), sizes),
    padding=st.integers(0, 3),
)  # fmt: skip
@example(Case(0, "f8", "contiguous"), 1, 16, 1, (1, 1), 1)
@example(Case(0, "f4", "strided"), 2, 17, 3, (9, 5), 0)
def test_kernels_of_three_by_the_quick_way_against_the_plain_one(case, N, C, O, image, padding):  # noqa: E741
    assume(all(n + 2 * padding >= 3 for n in image))
    as_the_plain_one(case, *arguments(case, N, C, O, image, (3, 3)), padding)


def as_the_plain_one(case, p, x, padding):
    z, cache = conv.forward(p, x, padding=padding)
    assert cache.tiles is not None
    dz = case.normal(*z.shape)
    gradients = conv.backward(dz, cache)
    same_kind((z, gradients), (dz, (p, x)))
    plain = conv._by_columns(p, x, 1, padding, Buffers())
    close(z, plain, slack=10)
    close(gradients, conv._columns_backward(dz, p, x, 1, padding, Buffers()), slack=10)


@pytest.mark.parametrize("image, padding", [((10, 14), 0), ((8, 4), 1), ((4, 8), 2)])
def test_images_that_tiles_cover_to_the_last_row_and_column(image, padding):
    case = Case(0, "f8", "contiguous")
    as_the_plain_one(case, *arguments(case, 2, 16, 3, image, (3, 3)), padding)


@pytest.mark.parametrize("dtype, bound", [("f4", 2e-5), ("f8", 4e-14)])
def test_the_quick_way_rounds_as_stated(dtype, bound):
    p, x = arguments(Case(0, dtype, "contiguous"), 2, 32, 8, (28, 28), (3, 3))
    z, cache = conv.forward(p, x, padding=1)
    exact = conv._by_columns(*tree.map(np.float64, (p, x)), 1, 1, Buffers())
    assert np.abs(z - exact).max() < bound * np.abs(exact).max()


def test_the_quick_way_by_complex_step():
    rng = np.random.default_rng(0)
    args = arguments(Case(0, "f8", "contiguous"), 2, 16, 2, (6, 5), (3, 3))
    forward = lambda p, x: conv.forward(p, x, padding=1)  # noqa: E731
    assert gradient_check(forward, conv.backward, args, rng) < 4e-14


@pytest.mark.parametrize("C, kernel, stride", [(15, (3, 3), 1), (16, (3, 2), 1), (16, (3, 3), 2)])
def test_what_the_quick_way_is_not_for(C, kernel, stride):
    p, x = arguments(Case(0, "f8", "contiguous"), 1, C, 1, (6, 5), kernel)
    assert conv.forward(p, x, stride)[1].tiles is None


@pytest.mark.parametrize("i", range(4))
def test_the_matrices_make_one_product_of_every_tap(i):
    # Output i is the sum of tile[i + k] kernel[k]: a table of zeros and ones.
    taps = np.einsum("s,sj,sk->jk", winograd.OUTPUT[i], winograd.TILE, winograd.KERNEL)
    np.testing.assert_allclose(taps, np.eye(6)[i : i + 3].T, atol=1e-15)
