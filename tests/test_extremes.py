"""Extremes: long sequences, saturated gates, huge numbers, odd memory layouts, nothing to read.

What a single function does at its limits is in its own tests; here are the rules for all of them.
"""

import numpy as np
import pytest
from misuse import CALLS
from misuse.spoilt import Maybe
from oracles import LAYOUTS, TOLERANCE

from fnnlib import gated_feedback, gru, lstm, optim, recurrent, require, rnn, train, tree


def arrays(x, name=""):
    """Yield ``(name, array or number)`` for all that is in a result or an argument."""
    if isinstance(x, tuple):
        for key, part in zip(getattr(x, "_fields", range(len(x))), x, strict=True):
            yield from arrays(part, f"{name}.{key}")
    elif isinstance(x, (np.ndarray, np.number, float)):
        yield name, x


def mapped(f, x):
    """The argument ``x`` with ``f`` of all its arrays."""
    if isinstance(x, tuple):
        made = [mapped(f, part) for part in x]
        return type(x)(*made) if hasattr(x, "_fields") else tuple(made)
    return f(x) if isinstance(x, np.ndarray) else x


def arguments(name):
    """The arguments of a table's call; reusable buffers and what may be left out are None."""
    _, given = CALLS[name]
    return tuple(None if isinstance(x, Maybe) else x for x in given.values())


def deterministic(name):
    given = arguments(name)
    return any(True for _ in arrays(given)) and not any(
        isinstance(x, np.random.Generator) for x in given
    )


OF_ARRAYS = [name for name in CALLS if deterministic(name)]


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_the_layout_of_memory_changes_nothing_and_arguments_stay_as_they_are(name):
    function, given = CALLS[name][0], arguments(name)
    expected = dict(arrays(function(*given)))
    for layout, lay_out in LAYOUTS.items():
        def laid_out(x, lay_out=lay_out):
            x = lay_out(x.copy()) if x.ndim else x.copy()
            x.flags.writeable = False  # whoever writes to an argument fails
            return x

        odd = mapped(laid_out, given)
        for _ in range(2):  # the second time, with the caches that the first one has used
            found = dict(arrays(function(*odd)))
            assert found.keys() == expected.keys(), layout
            for key, x in found.items():
                y = np.asarray(expected[key])
                assert np.shape(x) == y.shape and np.asarray(x).dtype == y.dtype, (layout, key)
                bound = TOLERANCE[np.dtype("f8")] * max(1.0, float(np.max(np.abs(y))))
                np.testing.assert_allclose(x, y, rtol=0, atol=bound, err_msg=f"{layout} {key}")


# Sequences of no steps, of no sequences


def zero_state(net, p, B):
    sizes = (len(p.U), len(p.b_c)) if net is gated_feedback else (len(p.U),) * 2
    return net.State(*(np.zeros((B, n)) for n, _ in zip(sizes, net.State._fields, strict=False)))


def start(net, D, H):
    rng = np.random.default_rng(0)
    return net.init(rng, D, H, 3, 2) if net is gated_feedback else net.init(rng, D, H)


NETS = {net.__name__.removeprefix("fnnlib."): net for net in (rnn, lstm, gru, gated_feedback)}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("T, B", [(0, 4), (5, 0), (0, 0)])
def test_nothing_to_read_is_refused(name, T, B):
    net = NETS[name]
    p = start(net, 3, 4)
    with pytest.raises(ValueError, match=rf"^x: expected no empty axis, got shape \({T}, {B}, 3\)"):
        net.forward(p, np.ones((T, B, 3)), zero_state(net, p, max(B, 1)))


@pytest.mark.parametrize("make", [
    recurrent.layer, recurrent.bidirectional, lambda net: recurrent.stack(net, 2),
    lambda net: recurrent.truncated(net, 2),
])
@pytest.mark.parametrize("masked", [False, True])
def test_networks_refuse_it_too(make, masked):
    net = make(lstm)
    p = net.init(np.random.default_rng(0), 3, 2)
    with pytest.raises(ValueError, match="^x: expected no empty axis, got shape"):
        mask = np.ones((0, 4), bool) if masked else None
        net.forward(p, np.ones((0, 4, 3)), net.start(p, 4), mask)


# Two thousand steps. Around the state of zeros a net without inputs is linear in its state: with
# U = radius times an orthogonal matrix, and gates that are open, each step back multiplies the
# gradient by a factor that is known.

T, H = 2000, 4


def linear(net, factor):
    """Parameters with which a small state grows by ``factor`` at every step."""
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(H, H)))[0]
    p = tree.map(np.zeros_like, start(net, 2, H))
    zero, open_, shut = np.zeros((H, H)), np.full(H, 1e4), np.full(H, -1e4)
    if net is lstm:  # i and o are open, f is shut
        b = np.hstack([open_, shut, 0 * open_, open_])
        return lstm.Params(p.W, np.hstack([zero, zero, factor * Q, zero]), b)
    if net is gru:  # r is open, z is shut
        return gru.Params(
            p.W, np.hstack([zero, zero, factor * Q]), np.hstack([open_, shut, 0 * open_]), p.c
        )
    p = p._replace(U=factor * Q)
    return p._replace(W_y=np.ones_like(p.W_y)) if net is gated_feedback else p


def last_step(net):
    """The sum of the last state as a loss, for ``train.fit``."""
    def loss_and_gradients(p, x):
        s = zero_state(net, p, x.shape[1])
        (*out, s_T), cache = net.forward(p, x, s)
        ds = tree.map(np.zeros_like, s_T)._replace(h=np.ones_like(s_T.h))
        dp, dx, ds_0 = net.backward((*map(np.zeros_like, out), ds), cache)
        return float(s_T.h.sum()), (dp, dx, ds_0)

    return loss_and_gradients


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("factor", [0.9, 1.0])
def test_gradients_of_two_thousand_steps_fade_as_they_must(name, factor):
    net = NETS[name]
    p, x = linear(net, factor), np.zeros((T, 2, 2))
    _, (dp, dx, ds_0) = last_step(net)(p, x)
    assert all(np.isfinite(g).all() for _, g in tree.leaves((dp, dx, ds_0)))
    # Orthogonal steps keep the length of the gradient, but for their factor.
    np.testing.assert_allclose(
        np.linalg.norm(ds_0.h, axis=1), np.sqrt(H) * factor**T, rtol=1e-9
    )


@pytest.mark.parametrize("name", NETS)
def test_a_gradient_that_explodes_ends_the_training_with_its_name(name):
    net = NETS[name]

    def loss_and_gradients(p, batch):
        loss, (dp, _, _) = last_step(net)(p, batch)
        return loss, dp

    fit = train.fit(loss_and_gradients, linear(net, 2.0), [np.zeros((T, 2, 2))], optim.sgd(0.1))
    message = r"^step 1: g\.\w+: expected finite numbers, got (inf|nan|-inf) at index"
    with pytest.raises(train.Diverged, match=message):
        list(fit)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("scale", [1e2, 1e4])
def test_saturated_gates_give_finite_gradients(name, scale):
    net, rng = NETS[name], np.random.default_rng(1)
    p = tree.map(lambda a: scale * (a + rng.normal(size=a.shape)), start(net, 3, H))
    x = rng.normal(size=(50, 2, 3))
    loss, gradients = last_step(net)(p, x)
    assert np.isfinite(loss) and all(np.isfinite(g).all() for _, g in tree.leaves(gradients))


# Huge numbers


@pytest.mark.parametrize("dtype, huge", [
    (np.float32, 1e30), (np.float32, np.finfo(np.float32).max),
    (np.float64, 1e200), (np.float64, np.finfo(np.float64).max), (np.complex128, 1e200),
])
def test_the_check_of_arguments_takes_huge_numbers_in_silence(dtype, huge):
    x = np.full((3, 2), huge, dtype)
    with np.errstate(all="raise"):
        assert require.floats("x", x) is x
        x[2, 1] = np.nan
        with pytest.raises(require.NotFinite, match=r"got .*nan.* at index \(2, 1\)"):
            require.floats("x", x)


def test_a_checked_cache_meets_huge_gradients_in_silence():
    """Gradients of 1e200 go back through a net of small numbers: nothing overflows or warns."""
    p, x = rnn.init(np.random.default_rng(0), 3, 2), np.ones((5, 4, 3))
    s = zero_state(rnn, p, 4)
    _, cache = rnn.forward(p, x, s)
    with np.errstate(all="raise"):
        gradients = rnn.backward((np.full((5, 4, 2), 1e200), s), cache)
    assert all(np.isfinite(g).all() for _, g in tree.leaves(gradients))
