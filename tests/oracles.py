"""What the numeric tests share: random cases of odd layout, and gradients from other libraries."""

import autograd
import numpy as np
import torch
from hypothesis import settings
from hypothesis import strategies as st

from fnnlib import tree

quick = settings(max_examples=60, deadline=None)
sizes = st.integers(1, 5)

# Rounding, relative to the largest entry compared.
TOLERANCE = {np.dtype("f8"): 1e-12, np.dtype("f4"): 2e-5}


def _strided(x):
    wide = np.full((*x.shape[:-1], 2 * x.shape[-1]), 7, x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def _read_only(x):
    x.flags.writeable = False
    return x


LAYOUTS = {
    "contiguous": np.ascontiguousarray,
    "columns first": np.asfortranarray,
    "strided": _strided,
    "reversed": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "read only": _read_only,
}


class Case:
    """A source of random arrays of one dtype and one memory layout."""

    def __init__(self, seed, dtype, layout):
        self.rng, self.dtype, self.layout = np.random.default_rng(seed), np.dtype(dtype), layout
        self.text = f"Case({seed}, {dtype!r}, {layout!r})"

    def __repr__(self):
        return self.text

    def normal(self, *shape):
        """Standard normal numbers."""
        return self._laid_out(self.rng.normal(size=shape))

    def like(self, t):
        """A tree of random arrays shaped like ``t``."""
        return tree.map(lambda x: self.normal(*x.shape), t)

    def distribution(self, *shape):
        """Rows over the last axis that sum to one."""
        e = np.exp(self.rng.normal(size=shape))
        return self._laid_out(e / e.sum(axis=-1, keepdims=True))

    def _laid_out(self, x):
        x = np.asarray(x, self.dtype)
        return LAYOUTS[self.layout](x) if x.ndim else x


cases = st.builds(
    Case, st.integers(0, 2**32), st.sampled_from(["f4", "f8"]), st.sampled_from([*LAYOUTS])
)


def close(actual, expected, slack=1.0):
    """Assert trees equal up to rounding, with the dtype and shape of ``actual``'s own leaves."""
    pairs = zip(tree.leaves(actual), tree.leaves(expected), strict=True)
    for (name, x), (_, y) in pairs:
        assert x.shape == np.shape(y), name
        bound = slack * TOLERANCE[x.dtype] * max(1.0, float(np.max(np.abs(y))))
        np.testing.assert_allclose(x, y, rtol=0, atol=bound, err_msg=name)


def same_kind(gradients, args):
    """Assert one gradient for each argument, of its shape and dtype."""
    for (name, g), (_, x) in zip(tree.leaves(gradients), tree.leaves(args), strict=True):
        assert (g.shape, g.dtype) == (x.shape, x.dtype), name


def autograd_vjp(f, args, dout):
    """Gradients of ``sum(f(*args) * dout)`` by HIPS autograd; ``f`` uses autograd.numpy."""
    leaves = [np.array(x) for _, x in tree.leaves(args)]

    def paired(leaves):
        it = iter(leaves)
        out = f(*tree.map(lambda x: next(it), args))
        return sum(
            (o * d).sum()
            for (_, o), (_, d) in zip(tree.leaves(out), tree.leaves(dout), strict=True)
        )

    it = iter(autograd.grad(paired)(leaves))
    return tree.map(lambda x: next(it), args)


def torch_vjp(f, args, dout):
    """The same by PyTorch; ``f`` takes and returns tensors."""
    at = tree.map(lambda x: torch.tensor(np.array(x), requires_grad=True), args)
    out = f(*at)
    paired = sum(
        (o * torch.tensor(np.array(d))).sum()
        for (_, o), (_, d) in zip(tree.leaves(out), tree.leaves(dout), strict=True)
    )
    paired.backward()
    return tree.map(lambda x: np.zeros(x.shape) if x.grad is None else x.grad.numpy(), at)
