r"""The L2 penalty: its gradient, and why a step of gradient descent shrinks the weights.

:math:`\lambda` is the strength of the penalty, :math:`\alpha` the learning rate, and E any loss:
:math:`\partial E / \partial W` stands as it is.
"""

from functools import wraps
from types import SimpleNamespace

from fnnlib import regularise
from fnnlib.symbolic import (
    D,
    Derivation,
    Rational,
    array,
    check,
    define,
    function,
    index,
    scalar,
    size,
    total,
)


def definitions(strength):
    """A penalty on one array, on its own and added to another loss."""
    m, n = size("m n")
    W, x = array("W", m, n), array("x", m, n)
    penalty = define("R", strength / 2 * total(lambda k, j: W[k, j] ** 2, m, n))
    f = function("f")
    other = define("E", f(total(lambda k, j: W[k, j] * x[k, j], m, n)))
    k, j = index("k", m), index("j", n)
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    n = definitions(scalar("lambda"))
    return [gradient(n), decay(n)]


def gradient(n):
    """The penalty pulls every weight towards zero in proportion to the weight."""
    return Derivation(D(n.penalty, n.W[n.k, n.j]), "l2_dW").step(
        n.strength * n.W[n.k, n.j], "a square, and all others are constant"
    )


def decay(n):
    """Gradient descent on loss and penalty is weight decay, then a step on the loss alone."""
    w, alpha = n.W[n.k, n.j], scalar("alpha")
    return Derivation(w - alpha * D(n.other + n.penalty, w), "l2_decay").step(
        (1 - alpha * n.strength) * w - alpha * D(n.other, w), "the gradient of the penalty"
    )


def checks():
    """The library's gradient against the formula, at the strength 3/4."""
    n = definitions(Rational(3, 4))
    return [check(gradient(n), backward, forward, args=(n.W,), dout=1.0)]


@wraps(regularise.l2)
def forward(p):
    """The library's penalty at the strength 3/4."""
    return regularise.l2(p, 0.75)


@wraps(regularise.l2_backward)
def backward(dloss, cache):
    """The library's gradient."""
    return regularise.l2_backward(dloss, cache)
