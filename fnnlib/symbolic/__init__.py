"""Derivations that are executed: write a chain of equations, and each step is proved.

This package is the only importer of SymPy in the library.
"""

from sympy import Piecewise, Rational, S, exp, log, sqrt, tanh

from .agreement import check
from .derivation import Derivation
from .functions import leaky_relu, relu, sigmoid, softplus
from .induction import Induction
from .part import part
from .prover import Refused
from .vocabulary import (
    D,
    Misuse,
    array,
    define,
    delta,
    elementwise,
    function,
    hadamard,
    index,
    matrix,
    ones,
    prime,
    recursive,
    scalar,
    size,
    total,
)

__all__ = [
    "D", "Derivation", "Induction", "Misuse", "Piecewise", "Rational", "Refused", "S", "array",
    "check", "define", "delta", "elementwise", "exp", "function", "hadamard", "index",
    "leaky_relu", "log", "matrix", "ones", "part", "prime", "recursive", "relu", "scalar",
    "sigmoid", "size", "softplus", "sqrt", "tanh", "total",
]
