"""Malformed calls of the numeric checks."""

import numpy as np

from fnnlib import check, dense
from fnnlib.activations import softplus, softplus_prime
from misuse.spoilt import RNG, f, free

P = dense.Params(f(3, 2), f(2))


def cubes(x):
    return np.sum(x**3)


CALLS = {
    "check.complex_step": (
        lambda f, x, d: check.complex_step(f, (x,), (d,)),
        {"f": cubes, "args.0": f(3), "direction.0": f(3)},
    ),
    "check.finite_difference": (
        lambda f, x, d, h: check.finite_difference(f, (x,), (d,), h),
        {"f": cubes, "args.0": f(3), "direction.0": f(3), "h": 1e-3},
    ),
    "check.gradient_check": (
        lambda forward, backward, x, rng: check.gradient_check(forward, backward, (x,), rng),
        {
            "forward": lambda z: (softplus(z), z),
            "backward": lambda dy, z: dy * softplus_prime(z),
            "args.0": f(4, 3), "rng": RNG,
        },
    ),
}  # fmt: skip

# Changes of one array after which it still fits.
FREE = {
    "check.complex_step": {key: free(precision=True) for key in ("args.0", "direction.0")},
    "check.finite_difference": {key: free(precision=True) for key in ("args.0", "direction.0")},
    "check.gradient_check": {"args.0": free(0, 1, rank=True, precision=True)},
}


def checked(*derivative, forward=dense.forward):
    return lambda: check.gradient_check(forward, dense.backward, (P, f(4, 3)), RNG, *derivative)


REFUSED = [
    (checked(None), TypeError,
     "derivative: expected complex_step or finite_difference, got NoneType"),
    (checked(len), TypeError, "derivative: expected complex_step or finite_difference, got len"),
    (checked("complex_step"), TypeError,
     "derivative: expected complex_step or finite_difference, got str"),
    (checked(forward=lambda p, x: x), TypeError,
     "forward: expected a function that returns (out, cache), got ndarray"),
    (checked(forward=lambda p, x: [x, x]), TypeError,
     "forward: expected a function that returns (out, cache), got list"),
    (checked(forward=lambda p, x: (x,)), TypeError,
     "forward: expected a function that returns (out, cache), got a tuple of 1"),
    (lambda: check.finite_difference(np.sum, (f(2),), (f(2),), h=0.0), ValueError,
     "h: expected a number > 0, got 0.0"),
    (lambda: check.finite_difference(np.sum, (f(2),), (f(2), f(2))), ValueError,
     "direction: expected the leaves direction.0, got direction.0, direction.1"),
    (lambda: check.complex_step(np.sum, (f(2),), f(2)), TypeError,
     "direction: expected tuple, got ndarray"),
    (lambda: check.complex_step(np.sum, f(2), (f(2),)), TypeError,
     "args: expected tuple, got ndarray"),
    (lambda: check.complex_step(np.sum, (f(2),), (f(1),)), ValueError,
     "direction.0: expected shape (2,), got (1,)"),
    (lambda: check.complex_step(np.square, (f(2),), (f(2),)), TypeError,
     "f: expected a function that returns a number, got shape (2,)"),
    (lambda: check.finite_difference(lambda x: None, (f(2),), (f(2),)), TypeError,
     "f: expected a function that returns a number, got NoneType"),
    (lambda: check.gradient_check(dense.forward, dense.backward, (P, f(4, 3)), 0), TypeError,
     "rng: expected Generator, got int"),
    (lambda: check.gradient_check(dense.forward, dense.backward, [P, f(4, 3)], RNG), TypeError,
     "args: expected tuple, got list"),
]  # fmt: skip
