"""Stacks, directions, masks and truncation of every recurrent module, against PyTorch's."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import recurrent_oracles as oracle
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import Case, cases, close, quick, same_kind, sizes

from fnnlib import dense, gru, lstm, rnn, tree
from fnnlib.check import gradient_check
from fnnlib.recurrent import Both, bidirectional, layer, stack, truncated

modules = st.sampled_from(list(oracle.MODULES))
CONTIGUOUS = "contiguous"


def parameters(net, case, D, H, depth, directions):
    """Random parameters of a stack, none of them zero, and states like them."""

    def one(D):
        return oracle.parameters(net, case, D, H)

    widths = [D, *[directions * H] * (depth - 1)]
    return tuple(Both(one(D), one(D)) if directions == 2 else one(D) for D in widths)


def states(net, case, B, H, depth, directions):
    def one():
        return oracle.state(net, case, B, H)

    return tuple(Both(one(), one()) if directions == 2 else one() for _ in range(depth))


def flat(t, directions):
    """PyTorch's order: layer by layer, ahead before back."""
    return [one for entry in t for one in (entry if directions == 2 else (entry,))]


def nested(entries, directions):
    pairs = zip(entries[::2], entries[1::2], strict=True) if directions == 2 else ()
    return tuple(Both(*pair) for pair in pairs) if directions == 2 else tuple(entries)


def network(net, depth, directions):
    return stack(bidirectional(net) if directions == 2 else net, depth)


def places(depth, directions):
    return [(n, back) for n in range(depth) for back in (False, True)[:directions]]


def torch_twin(net, p, D, H, dtype):
    directions = 2 if isinstance(p[0], Both) else 1
    held = dict(zip(places(len(p), directions), flat(p, directions), strict=True))
    return oracle.torch_module(
        net, D, H, dtype, held, num_layers=len(p), bidirectional=directions == 2
    )


def twin_gradients(twin, net, depth, directions):
    found = [oracle.torch_gradients(twin, net, *place) for place in places(depth, directions)]
    return nested(found, directions)


@quick
@given(
    case=cases,
    net=modules,
    depth=st.integers(1, 3),
    directions=st.integers(1, 2),
    T=sizes,
    B=sizes,
    D=sizes,
    H=sizes,
)
def test_stacks_in_one_or_both_directions_against_torch(case, net, depth, directions, T, B, D, H):
    p, x = parameters(net, case, D, H, depth, directions), case.normal(T, B, D)
    s, ds = (states(net, case, B, H, depth, directions) for _ in "12")
    dh, ours = case.normal(T, B, directions * H), network(net, depth, directions)
    out, cache = ours.forward(p, x, s)
    gradients = ours.backward((dh, ds), cache)
    same_kind((out, gradients), ((dh, ds), (p, x, s)))
    twin = torch_twin(net, p, D, H, case.dtype)
    h, last, dx, first = oracle.torch_run(
        twin, net, x, flat(s, directions), dh, flat(ds, directions)
    )
    close(out, (h, nested(last, directions)), slack=10)
    dp = twin_gradients(twin, net, depth, directions)
    close(gradients, (dp, dx, nested(first, directions)), slack=100)


NETWORKS = {
    "layer": layer(lstm), "both": bidirectional(lstm), "stack": stack(bidirectional(lstm), 2),
    "truncated": truncated(lstm, 2), "truncated stack": truncated(stack(lstm, 2), 2),
}  # fmt: skip


@pytest.mark.parametrize("net", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("mask", [None, np.arange(5)[:, None] < np.array([5, 3])])
def test_a_cache_holds_what_was_read_and_put_out(net, mask):
    rng = np.random.default_rng(0)
    p, x = net.init(rng, 4, 3), rng.normal(size=(5, 2, 4))
    (h, _), cache = net.forward(p, x, net.start(p, 2), mask)
    assert cache.p is p and cache.x is x and cache.h is h
    assert cache.name == net.name


@quick
@given(
    case=cases,
    net=modules,
    depth=st.integers(1, 2),
    directions=st.integers(1, 2),
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    D=sizes,
    H=sizes,
)
def test_unequal_lengths_are_torch_with_packed_sequences(
    case, net, depth, directions, lengths, D, H
):
    T, B = max(lengths), len(lengths)
    mask = np.arange(T)[:, None] < np.array(lengths)
    p, x = parameters(net, case, D, H, depth, directions), case.normal(T, B, D)
    s, ds = (states(net, case, B, H, depth, directions) for _ in "12")
    dh = case.normal(T, B, directions * H) * mask[:, :, None]
    ours = network(net, depth, directions)
    (h, s_T), cache = ours.forward(p, x, s, mask)
    gradients = ours.backward((np.ascontiguousarray(dh), ds), cache)
    twin = torch_twin(net, p, D, H, case.dtype)

    def packed(x, first):
        entered = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        h, last = twin(entered, first)
        return torch.nn.utils.rnn.pad_packed_sequence(h)[0], last

    theirs, last, dx, first = oracle.torch_run(
        packed, net, x, flat(s, directions), dh, flat(ds, directions)
    )
    close(h * mask[:, :, None], theirs, slack=10)
    close(s_T, nested(last, directions), slack=10)
    dp = twin_gradients(twin, net, depth, directions)
    close(gradients, (dp, dx, nested(first, directions)), slack=100)


def only(t, b):
    """Sequence b of the states in a tree."""
    return tree.map(lambda a: a[b : b + 1], t)


@quick
@given(case=cases, net=modules, T=sizes, B=sizes, D=sizes, H=sizes, seed=st.integers(0, 99))
def test_a_masked_step_is_left_out(case, net, T, B, D, H, seed):
    mask = np.random.default_rng(seed).random((T, B)) < 0.6
    p, x, s = oracle.arguments(net, case, T, B, D, H)
    dh, ds = oracle.cotangent(net, case, T, B, H)
    (h, s_T), cache = layer(net).forward(p, x, s, mask)
    dp, dx, ds_0 = layer(net).backward((dh, ds), cache)
    assert not dx[~mask].any()
    kept = np.concatenate([s.h[None], h])
    assert (kept[1:][~mask] == kept[:-1][~mask]).all()
    sum_dp = tree.map(np.zeros_like, p)
    for b in range(B):
        here, one = mask[:, b], slice(b, b + 1)
        # A state that is put out again collects what reaches its copies; the first state is -1.
        collected = np.zeros((here.sum() + 1, 1, H), case.dtype)
        np.add.at(collected, np.cumsum(here) - 1, dh[:, one])
        last, first = only(s, b), only(ds, b)
        if here.any():
            (h_b, last), cache_b = net.forward(p, x[here, one], last)
            added, dx_b, first = net.backward((collected[:-1], first), cache_b)
            close(h[here, one], h_b, slack=4)
            close(dx[here, one], dx_b, slack=20)
            sum_dp = tree.map(np.add, sum_dp, added)
        close(only(s_T, b), last, slack=4)
        close(only(ds_0, b), first._replace(h=first.h + collected[-1]), slack=20)
    close(dp, sum_dp, slack=20)


@pytest.mark.parametrize("net", oracle.MODULES, ids=lambda m: m.__name__)
@pytest.mark.parametrize("directions", [1, 2])
def test_masked_gradients_by_complex_step_to_full_precision(net, directions):
    case = Case(2, "f8", CONTIGUOUS)
    mask = case.rng.random((6, 4)) < 0.6
    mask[:, 0], mask[2] = False, False  # a sequence and a step with nothing in them
    ours = network(net, 2, directions)
    p = parameters(net, case, 3, 2, 2, directions)
    args = p, case.normal(6, 4, 3), states(net, case, 4, 2, 2, directions)
    forward = partial(ours.forward, mask=mask)
    assert gradient_check(forward, ours.backward, args, case.rng) < 2e-15


@pytest.mark.parametrize("net", oracle.MODULES, ids=lambda m: m.__name__)
def test_a_hundred_steps_are_those_of_torch_to_ten_digits(net):
    case, (T, B, D, H) = Case(3, "f8", CONTIGUOUS), (100, 8, 16, 32)
    p, x, s = oracle.arguments(net, case, T, B, D, H)
    p = tree.map(lambda a: a / np.sqrt(H), p)
    dh, ds = oracle.cotangent(net, case, T, B, H)
    out, cache = net.forward(p, x, s)
    twin = oracle.torch_module(net, D, H, case.dtype, {(0, False): p})
    h, last, dx, first = oracle.torch_run(twin, net, x, [s], dh, [ds])
    theirs = (h, last[0]), (oracle.torch_gradients(twin, net), dx, first[0])
    tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-10),
        (out, net.backward((dh, ds), cache)), theirs,
    )


@quick
@given(case=cases, net=modules, T=sizes, B=sizes, D=sizes, H=sizes, directions=st.integers(1, 2))
def test_a_mask_that_selects_all_or_nothing(case, net, T, B, D, H, directions):
    ours = network(net, 1, directions)
    p, x = parameters(net, case, D, H, 1, directions), case.normal(T, B, D)
    s, ds = (states(net, case, B, H, 1, directions) for _ in "12")
    dh = case.normal(T, B, directions * H)
    out, cache = ours.forward(p, x, s)
    all_out, all_cache = ours.forward(p, x, s, np.ones((T, B), bool))
    close(all_out, out)
    close(ours.backward((dh, ds), all_cache), ours.backward((dh, ds), cache))
    (h, s_T), cache = ours.forward(p, x, s, np.zeros((T, B), bool))
    dp, dx, ds_0 = ours.backward((dh, ds), cache)
    close(s_T, s)
    close(h, np.repeat(np.concatenate([q.h for q in flat(s, directions)], -1)[None], T, 0))
    assert not any(g.any() for _, g in tree.leaves((dp, dx)))
    reached = np.concatenate([q.h for q in flat(ds, directions)], -1) + dh.sum(axis=0)
    close(np.concatenate([q.h for q in flat(ds_0, directions)], -1), reached, slack=4)


@quick
@given(case=cases, net=modules, T=st.integers(1, 7), K=st.integers(1, 9), B=sizes, D=sizes, H=sizes)
def test_chunks_are_the_module_truncated(case, net, T, K, B, D, H):
    args, dout = oracle.arguments(net, case, T, B, D, H), oracle.cotangent(net, case, T, B, H)
    out, cache = truncated(net, K).forward(*args)
    module_out, module_cache = net.forward(*args)
    close(out, module_out, slack=4)
    theirs = net.backward(dout, module_cache, truncate=K)
    close(truncated(net, K).backward(dout, cache), theirs, slack=20)


@quick
@given(
    case=cases, net=modules, T=st.integers(1, 7), K=st.integers(1, 4), B=sizes, masked=st.booleans()
)
def test_a_truncated_stack_is_a_stack_of_truncated_layers(case, net, T, K, B, masked):
    p, x = parameters(net, case, 3, 2, 2, 1), case.normal(T, B, 3)
    s, ds = (states(net, case, B, 2, 2, 1) for _ in "12")
    mask = case.rng.random((T, B)) < 0.7 if masked else None
    dout = case.normal(T, B, 2), ds
    a, b = truncated(stack(net, 2), K), stack(truncated(net, K), 2)
    (out, cache), (other, other_cache) = (each.forward(p, x, s, mask) for each in (a, b))
    close(out, other)
    close(a.backward(dout, cache), b.backward(dout, other_cache), slack=10)


def test_first_parameters_and_states():
    net = stack(bidirectional(lstm), 2)
    p = net.init(np.random.default_rng(0), 3, 5, np.float32)
    assert [[q.W.shape for q in both] for both in p] == [[(3, 20)] * 2, [(10, 20)] * 2]
    assert all(a.dtype == np.float32 for _, a in tree.leaves(p))
    weights = [q.U for both in p for q in both]
    assert len({w.tobytes() for w in weights}) == 4
    s = net.start(p, 7)
    assert [a.shape for _, a in tree.leaves(s)] == [(7, 5)] * 8
    assert not any(a.any() or a.dtype != np.float32 for _, a in tree.leaves(s))
    assert net.name == "stack(bidirectional(lstm), 2)"
    four = stack(bidirectional(bidirectional(rnn)), 2)
    assert four.init(np.random.default_rng(0), 3, 5)[1].ahead.back.W.shape == (20, 5)
    assert truncated(stack(gru, 2), 3).name == "truncated(stack(gru, 2), 3)"


def test_arguments_are_left_alone():
    case = Case(0, "f8", "read only")
    mask = np.array([[True, False], [False, True], [False, False]])
    p, x, s = oracle.arguments(lstm, case, 3, 2, 3, 2)
    dout = oracle.cotangent(lstm, case, 3, 2, 2)
    net = layer(lstm)
    out, cache = net.forward(p, x, s, mask)
    first = net.backward(dout, cache)
    close(net.backward(dout, cache), first)


CASE = Case(0, "f8", CONTIGUOUS)
P, X, S = oracle.arguments(lstm, CASE, 5, 4, 3, 2)
DH, MASK = CASE.normal(5, 4, 2), CASE.rng.random((5, 4)) < 0.6
ONE, TWO, CHUNKS = layer(lstm), stack(lstm, 2), truncated(lstm, 2)
BOTH = bidirectional(lstm)
P2, S2 = parameters(lstm, CASE, 3, 2, 2, 1), (S, S)
_, MASKED = ONE.forward(P, X, S, MASK)
_, READ = TWO.forward(P2, X, S2)
_, PAIR = BOTH.forward(Both(P, P), X, Both(S, S))
_, CUT = CHUNKS.forward(P, X, S)
WRONG_X = X.copy()
WRONG_X[np.nonzero(~MASK)] = np.nan
NAN_AT = tuple(int(i[0]) for i in np.nonzero(~MASK)) + (0,)

REFUSED = [
    (lambda: layer(dense), TypeError,
     "net: expected a recurrent module or a Network, got fnnlib.dense"),
    (lambda: layer(SimpleNamespace(**vars(lstm))), TypeError,
     "net: expected a recurrent module or a Network, got fnnlib.lstm"),
    (lambda: layer("lstm"), TypeError, "net: expected a recurrent module or a Network, got str"),
    (lambda: stack(lstm, 0), ValueError, "depth: expected a whole number >= 1, got 0"),
    (lambda: stack(lstm, 2.0), TypeError, "depth: expected a whole number >= 1, got float 2.0"),
    (lambda: stack(None, 2), TypeError,
     "net: expected a recurrent module or a Network, got NoneType"),
    (lambda: bidirectional(np.tanh), TypeError,
     "net: expected a recurrent module or a Network, got tanh"),
    (lambda: truncated(lstm, 0), ValueError, "K: expected a whole number >= 1, got 0"),
    (lambda: truncated(stack(bidirectional(gru), 2), 3), ValueError,
     "net: expected a network that reads ahead only, got stack(bidirectional(gru), 2)"),
    (lambda: ONE.start(P, 0), ValueError, "B: expected a whole number >= 1, got 0"),
    (lambda: ONE.start(P2, 3), TypeError, "p: expected lstm.Params, got tuple"),
    (lambda: BOTH.start(P, 3), TypeError, "p: expected recurrent.Both, got lstm.Params"),
    (lambda: TWO.start(P2[:1], 3), ValueError, "p: expected 2 layers, got a tuple of 1"),
    (lambda: ONE.forward(P, X, S, MASK.astype(int)), ValueError,
     "mask: expected booleans, got int64"),
    (lambda: ONE.forward(P, X, S, MASK.tolist()), TypeError,
     "mask: expected a NumPy array, got list"),
    (lambda: ONE.forward(P, X, S, MASK[:, 0]), ValueError,
     "mask: expected shape (5, 4), got (5,)"),
    (lambda: ONE.forward(P, X, S, MASK.T), ValueError,
     "mask: expected shape (5, 4), got (4, 5)"),
    (lambda: BOTH.forward(Both(P, P), X, Both(S, S), MASK[1:]), ValueError,
     "mask: expected shape (5, 4), got (4, 4)"),
    (lambda: CHUNKS.forward(P, X, S, MASK[1:]), ValueError,
     "mask: expected shape (5, 4), got (4, 4)"),
    (lambda: ONE.forward(P, WRONG_X, S, MASK), ValueError,
     f"x: expected finite numbers, got nan at index {NAN_AT}"),
    (lambda: ONE.forward(P, X[:, :, :2], S, MASK), ValueError,
     "x: expected shape (T, B, D) with D = 3, got (1, 4, 2)"),
    (lambda: ONE.forward(P, X, S._replace(c=S.c[:3]), MASK), ValueError,
     "s.c: expected shape (B, H) with B = 4, H = 2, got (3, 2)"),
    (lambda: ONE.forward(P, X, gru.State(S.h), MASK), TypeError,
     "s: expected lstm.State, got gru.State"),
    (lambda: BOTH.forward((P, P), X, Both(S, S)), TypeError,
     "p: expected recurrent.Both, got tuple"),
    (lambda: BOTH.forward(Both(P, P), X, S), TypeError,
     "s: expected recurrent.Both, got lstm.State"),
    (lambda: TWO.forward(P2, X, (S,)), ValueError, "s: expected 2 layers, got a tuple of 1"),
    (lambda: TWO.forward(P2, X, [S, S]), TypeError, "s: expected tuple, got list"),
    (lambda: TWO.forward((P, P), X, S2), ValueError,
     "x: expected shape (T, B, D) with D = 3, got (5, 4, 2)"),
    (lambda: ONE.backward((DH, S), READ), ValueError,
     "cache: expected the cache of lstm, got that of stack(lstm, 2)"),
    (lambda: TWO.backward((DH, S2), lstm.forward(P, X, S)[1]), TypeError,
     "cache: expected recurrent.Cache, got lstm.Cache"),
    (lambda: ONE.backward(DH, MASKED), TypeError, "dout: expected tuple, got ndarray"),
    (lambda: ONE.backward((DH,), MASKED), ValueError,
     "dout: expected the pair (dh, ds_T), got a tuple of 1"),
    (lambda: ONE.backward((DH, rnn.State(S.h)), MASKED), TypeError,
     "ds_T: expected lstm.State, got rnn.State"),
    (lambda: ONE.backward((DH[1:], S), MASKED), ValueError,
     "dh: expected shape (T, B, H) with T = 5, B = 4, H = 2, got (4, 4, 2)"),
    (lambda: ONE.backward((DH, S._replace(c=S.c[1:])), MASKED), ValueError,
     "ds_T.c: expected shape (B, H) with B = 4, H = 2, got (3, 2)"),
    (lambda: BOTH.backward((DH, Both(S, S)), PAIR), ValueError,
     "dh: expected shape (T, B, 2H) with T = 5, B = 4, 2H = 4, got (5, 4, 2)"),
    (lambda: BOTH.backward((DH, S), PAIR), TypeError,
     "ds_T: expected recurrent.Both, got lstm.State"),
    (lambda: TWO.backward((DH, S2[:1]), READ), ValueError,
     "ds_T: expected 2 layers, got a tuple of 1"),
    (lambda: CHUNKS.backward((DH[1:], S), CUT), ValueError,
     "dh: expected shape (T, B, H) with T = 5, B = 4, H = 2, got (4, 4, 2)"),
]  # fmt: skip


@pytest.mark.parametrize("call, error, message", REFUSED, ids=[row[2] for row in REFUSED])
def test_refusals_say_what_was_expected_and_what_came(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message
