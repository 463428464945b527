"""Every single entry of every gradient, by a complex step along it, at tiny sizes.

A random direction tests all entries at once; this says which one is wrong, and that none hides.
"""

import numpy as np
import pytest
import recurrent_oracles
from oracles import Case

from fnnlib import (
    attention,
    classifier,
    conv,
    dense,
    dropout,
    embedding,
    feedback,
    gated_feedback,
    gru,
    losses,
    lowrank,
    lstm,
    pooling,
    recurrent,
    regularise,
    rnn,
    tree,
)
from fnnlib.check import TOLERANCE, complex_step, gradient_check

CONTIGUOUS = "f8", "contiguous"


def nets(case):
    """By name, a forward pass, its backward pass and arguments with no two sizes alike."""
    rng = np.random.default_rng(0)
    p_dense = dense.Params(case.normal(2, 3), case.normal(3))
    base = dense.Params(case.normal(3, 4), case.normal(4))
    tokens, target = np.array([[2, 0, 2], [1, 1, 2]]), np.array([0, 2])
    mask, m = np.array([[True, False], [True, True], [False, True]]), dropout.mask(rng, (2, 3), 0.5)
    fed = case.like(feedback.init(rng, 3, 4, 2, 3))
    still = fed._replace(R=fed.R / max(1, 2 * feedback.contraction(fed)))
    gated = case.like(gated_feedback.init(rng, 2, 3, 4, 1))
    s_gated = gated_feedback.State(case.normal(2, 3), case.normal(2, 4))
    table = {
        "dense": (dense.forward, dense.backward, (p_dense, case.normal(4, 2))),
        "dense.stack": (
            dense.stack_forward, dense.stack_backward, ((p_dense, base), case.normal(2, 2))
        ),
        "lowrank": (
            lambda p, x: lowrank.forward(p, base, x, 0.7), lowrank.backward,
            (lowrank.Params(case.normal(3, 2), case.normal(2, 4)), case.normal(2, 3)),
        ),
        "conv": (
            lambda p, x: conv.forward(p, x, 2, 1), conv.backward,
            (conv.Params(case.normal(2, 1, 3, 2), case.normal(2)), case.normal(2, 1, 4, 3)),
        ),
        "conv, Winograd's way": (
            lambda p, x: conv.forward(p, x, 1, 1), conv.backward,
            (conv.Params(case.normal(1, 16, 3, 3), case.normal(1)), case.normal(1, 16, 2, 5)),
        ),
        "pooling.average": (
            lambda x: pooling.average_forward(x, 2, 1, 1), pooling.average_backward,
            (case.normal(2, 1, 3, 4),),
        ),
        "pooling.max": (
            lambda x: pooling.max_forward(x, 2, 1), pooling.max_backward, (case.normal(2, 1, 3, 4),)
        ),
        "embedding": (
            lambda p: embedding.forward(p, tokens), embedding.backward,
            (embedding.Params(case.normal(4, 2)),),
        ),
        "dropout": (lambda x: dropout.forward(x, m), dropout.backward, (case.normal(2, 3),)),
        "attention": (
            lambda p, x: attention.forward(p, x, attention.causal(3)), attention.backward,
            (attention.Params(case.normal(4, 2), case.normal(4, 2), case.normal(4, 3)),
             case.normal(3, 2, 4)),
        ),
        "classifier": (
            classifier.forward, classifier.backward,
            (case.like(classifier.init(rng, 2, 3, 4)), case.normal(3, 2, 2)),
        ),
        "feedback": (
            lambda p, x: feedback.forward(p, x, 2), feedback.backward, (fed, case.normal(2, 3))
        ),
        "feedback.fixed_point": (
            lambda p, x: feedback.fixed_point(p, x), feedback.fixed_point_backward,
            (still, case.normal(2, 3)),
        ),
        **{
            f"gated_feedback, residual = {residual}": (
                lambda p, x, s, r=residual: gated_feedback.forward(p, x, s, r),
                gated_feedback.backward, (gated, case.normal(3, 2, 2), s_gated),
            )
            for residual in (False, True)
        },
        "l2": (lambda p: regularise.l2(p, 0.3), regularise.l2_backward, (p_dense,)),
        "squared_error": (
            lambda y: losses.squared_error(y, np.ones((2, 3))), losses.squared_error_backward,
            (case.normal(2, 3),),
        ),
        "binary_cross_entropy": (
            lambda z: losses.binary_cross_entropy(z, np.full((2, 3), 0.3)),
            losses.binary_cross_entropy_backward, (case.normal(2, 3),),
        ),
        "softmax_cross_entropy": (
            lambda z: losses.softmax_cross_entropy(z, target),
            losses.softmax_cross_entropy_backward, (case.normal(2, 3),),
        ),
    }  # fmt: skip
    for net in (rnn, lstm, gru):
        name = net.__name__.removeprefix("fnnlib.")
        p, x, s = recurrent_oracles.arguments(net, case, 3, 2, 4, 2)
        table[name] = net.forward, net.backward, (p, x, s)
        table[f"{name}.step"] = net.step, net.step_backward, (p, x[0], s)
        both = recurrent.bidirectional(net)
        args = case.like(both.init(rng, 4, 2)), x, recurrent.Both(s, case.like(s))
        masked = lambda p, x, s, both=both: both.forward(p, x, s, mask)  # noqa: E731
        table[f"{name}, both directions, masked"] = masked, both.backward, args
    return table


NAMES = list(nets(Case(0, *CONTIGUOUS)))
# It stops when the output rests, up to a few roundings, and its derivative follows no closer.
ITERATED = {"feedback.fixed_point"}


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_of_the_gradients(name):
    forward, backward, args = nets(Case(0, *CONTIGUOUS))[name]
    rng = np.random.default_rng(1)
    out, cache = forward(*args)
    dout = tree.map(lambda y: np.asarray(rng.normal(size=np.shape(y))), out)
    gradients = backward(dout, cache)
    gradients = (gradients,) if len(args) == 1 else gradients

    def paired(*at):
        return tree.dot(forward(*at)[0], dout)

    largest = max(float(abs(g).max()) for _, g in tree.leaves(gradients))
    for (path, x), (_, g) in zip(tree.leaves(args), tree.leaves(gradients), strict=True):
        for place in np.ndindex(x.shape):
            def along(a, x=x, place=place):
                d = np.zeros_like(a)
                if a is x:
                    d[place] = 1
                return d

            expected, found = complex_step(paired, args, tree.map(along, args)), g[place]
            assert abs(found - expected) <= TOLERANCE["complex_step"] * largest, (path, place)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ITERATED])
def test_a_complex_step_is_exact_to_the_last_digits(name):
    errors = []
    for seed in range(10):
        forward, backward, args = nets(Case(seed, *CONTIGUOUS))[name]
        errors.append(gradient_check(forward, backward, args, np.random.default_rng(seed)))
    assert np.median(errors) < 1e-15
