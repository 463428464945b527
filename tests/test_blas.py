"""Products that are added to what is there: by one call and by two, and as NumPy has them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import quick

from fnnlib import blas, gru, rnn

SIZES = st.integers(1, 9)


def drawn(seed, dtype, *shapes):
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(size=s) + (1j * rng.normal(size=s) if dtype == "c16" else 0)).astype(dtype)
        for s in shapes
    ]


@pytest.mark.parametrize("small", [0, 2**20])
@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
@quick
@given(SIZES, SIZES, SIZES, st.integers(0, 99))
def test_the_product_is_added(dtype, small, n, k, m, seed):
    a, b, c, scratch = drawn(seed, dtype, (n, k), (k, m), (n, m), (n, m))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blas, "SMALL", small)
        product = blas.accumulate(a, b, c, scratch)
    near = 2e-5 if dtype == "f4" else 1e-13
    for change in (0, 1):  # a later call reads what the arrays then hold
        a += change
        expected, was = c + a @ b, (a.copy(), b.copy())
        product()
        np.testing.assert_allclose(c, expected, near, near)
        np.testing.assert_array_equal(a, was[0])
        np.testing.assert_array_equal(b, was[1])


def test_small_factors_go_to_blas_and_large_ones_to_numpy():
    def called(n):
        a, b, c, scratch = drawn(0, "f8", (2, n), (n, n), (2, n), (2, n))
        scratch[:] = np.nan
        blas.accumulate(a, b, c, scratch)()
        return "BLAS" if np.isnan(scratch).all() else "NumPy"

    side = int((blas.SMALL / 8) ** 0.5)
    assert (called(side), called(side + 1)) == ("BLAS", "NumPy")


@pytest.mark.parametrize("net", [rnn, gru])
def test_a_net_computes_the_same_either_way(net, monkeypatch):
    rng = np.random.default_rng(0)
    p, s = net.init(rng, 3, 5), net.State(rng.normal(size=(4, 5)))
    x, dh, ds_T = rng.normal(size=(7, 4, 3)), rng.normal(size=(7, 4, 5)), net.State(s.h[::-1])

    def results():
        (h, s_T), cache = net.forward(p, x, s)
        dp, dx, ds = net.backward((dh, ds_T), cache, truncate=3)
        return h, *s_T, *dp, dx, *ds

    monkeypatch.setattr(blas, "SMALL", 0)
    plain = results()
    monkeypatch.setattr(blas, "SMALL", 2**20)
    for found, expected in zip(results(), plain, strict=True):
        np.testing.assert_allclose(found, expected, 1e-12, 1e-12)
