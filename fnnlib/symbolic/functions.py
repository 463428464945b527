"""The activation functions as the derivations know them. Sources: [glorot2011], [dugas2001]."""

from sympy import Piecewise, exp, log

from .vocabulary import function

sigmoid = function("sigmoid", lambda z: 1 / (1 + exp(-z)), r"\sigma")
softplus = function("softplus", lambda z: log(1 + exp(z)))
relu = function("relu", lambda z: Piecewise((z, z > 0), (0, True)))
leaky_relu = function("leaky_relu", lambda z, a: Piecewise((z, z > 0), (a * z, True)),
                      r"\operatorname{leaky}")
