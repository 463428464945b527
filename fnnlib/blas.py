"""Products that are added to what is there, as the time steps of recurrent modules need them.

BLAS does both in one call, NumPy in two. Where the matrices are small a call costs as much as its
arithmetic.
"""

from functools import partial

import numpy as np
from scipy.linalg import get_blas_funcs

SMALL = 2**14  # bytes of b; beyond, what a call costs is lost in its arithmetic


def accumulate(a, b, c, scratch):
    """A function without arguments that computes ``c += a @ b`` from what the arrays then hold.

    The arrays have two axes, one dtype, lie row by row, and share no memory. ``scratch`` has the
    shape of c, and may be written over.

    >>> a, b, c = np.array([[2.0, 1.0]]), np.array([[3.0], [4.0]]), np.array([[5.0]])
    >>> product = accumulate(a, b, c, np.empty_like(c))
    >>> _ = product()
    >>> c
    array([[15.]])
    """
    if b.nbytes > SMALL:
        return partial(_in_two_calls, a, b, c, scratch)
    # BLAS counts along columns, so what it reads without a copy are the transposed views. The last
    # three arguments say that nothing is to be transposed and that c is to be written over.
    gemm = get_blas_funcs("gemm", dtype=c.dtype)
    return partial(gemm, 1.0, b.T, a.T, 1.0, c.T, 0, 0, 1)


def _in_two_calls(a, b, c, scratch):
    np.add(c, a.dot(b, scratch), c)
