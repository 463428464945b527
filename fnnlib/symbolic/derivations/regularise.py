r"""The L2 penalty: its gradient, and why a step of gradient descent shrinks the weights; freezing.

What does a penalty on large weights do in a step of gradient descent? And what does a step do if
some weights are frozen?

:math:`R` is the penalty on the weights :math:`W`, :math:`\lambda` its strength and :math:`\alpha`
the learning rate. :math:`E` stands for the other loss, any differentiable function :math:`f` of
what :math:`W` makes of numbers :math:`x`: :math:`\partial E / \partial W` stands as it is. A mask
:math:`m` is one where a weight is trained, else zero; what is proved holds for any numbers in its
place. The trained weights are :math:`t`, and the net reads :math:`m t + (1 - m) W`, which gives
:math:`f` the number :math:`u`; so the gradient by :math:`t` is the masked one.
"""

from functools import wraps
from types import SimpleNamespace

import numpy as np

from fnnlib import optim, regularise
from fnnlib.symbolic import (
    D,
    Derivation,
    Rational,
    array,
    check,
    define,
    function,
    index,
    part,
    prime,
    scalar,
    size,
    total,
)
from fnnlib.symbolic.agreement import within_tolerance


def definitions(strength):
    """A penalty on one array, on its own and added to another loss."""
    Dn, H = size("D H")
    W, x = array("W", Dn, H), array("x", Dn, H)
    penalty = define("R", strength / 2 * total(lambda k, j: W[k, j] ** 2, Dn, H))
    f = function("f")
    other = define("E", f(total(lambda k, j: W[k, j] * x[k, j], Dn, H)))
    k, j = index("k", Dn), index("j", H)
    return SimpleNamespace(**locals())


def derivations():
    """All derivations of this module."""
    n = definitions(scalar("lambda"))
    return [gradient(n), decay(n), *frozen(n)]


@part
def gradient(n):
    """The penalty pulls every weight towards zero in proportion to the weight."""
    return Derivation(D(n.penalty, n.W[n.k, n.j]), "l2_dW").step(
        n.strength * n.W[n.k, n.j], "a square, and all others are constant"
    )


@part
def decay(n):
    """Gradient descent on loss and penalty is weight decay, then a step on the loss alone."""
    w, alpha = n.W[n.k, n.j], scalar("alpha")
    return Derivation(w - alpha * D(n.other + n.penalty, w), "l2_decay").step(
        (1 - alpha * n.strength) * w - alpha * D(n.other, w), "the gradient of the penalty"
    )


@part
def frozen(n):
    """A masked step is the step of a masked gradient: descent on the trained weights alone.

    The trained weights are t, of which the net reads m t + (1 - m) W; so the gradient by t is
    the masked one. Before the step, where t is W, the net reads W.
    """
    w, m, t = n.W[n.k, n.j], array("m", n.Dn, n.H), array("t", n.Dn, n.H)

    def read(t, k, j):
        return m[k, j] * t[k, j] + (1 - m[k, j]) * n.W[k, j]

    mixed = define("u", total(lambda k, j: read(t, k, j) * n.x[k, j], n.Dn, n.H))
    slope = prime(n.f)(mixed) * n.x[n.k, n.j]
    return [
        Derivation(read(n.W, n.k, n.j), "freeze_read").step(w, "the two parts make a whole"),
        Derivation(w - D(n.f(mixed), t[n.k, n.j]), "freeze_step").step(
            m[n.k, n.j] * (w - slope) + (1 - m[n.k, n.j]) * w, "frozen weights do not move"
        ),
    ]


def checks():
    """The library's gradient against the formula, at the strength 3/4; masked steps."""
    n = definitions(Rational(3, 4))
    return [check(gradient(n), backward, forward, args=(n.W,), dout=1.0), _frozen_check()]


def _frozen_check():
    """A step of gradient descent under a mask, against a step with a masked gradient."""
    rng, errors, span = np.random.default_rng(0), [], (2, 8)
    for n in range(span[0], span[1] + 1):
        p, g = (tuple(rng.normal(size=(2, n))) for _ in range(2))
        optimizer = optim.sgd(0.5)
        step = regularise.freeze(optimizer, (True, False)).step
        ours, _ = step(p, g, optimizer.init(p))
        theirs = p[0] - 0.5 * g[0], p[1]
        errors.append(float(np.max(np.abs(np.subtract(ours, theirs)))))
    return within_tolerance("freeze_step", "regularise.freeze", errors, {"n": span})


@wraps(regularise.l2)
def forward(p):
    """The library's penalty at the strength 3/4."""
    return regularise.l2(p, 0.75)


@wraps(regularise.l2_backward)
def backward(dloss, cache):
    """The library's gradient."""
    return regularise.l2_backward(dloss, cache)
