"""Reused buffers change no bit; they save page faults, memory and calls, which are counted here."""

import json
import os
import subprocess
import sys
import tracemalloc
from dis import opname

import numpy as np
import pytest
import recurrent_oracles as oracle
from hypothesis import given
from hypothesis import strategies as st
from oracles import Case, cases, quick, sizes

from fnnlib import bptt, gru, lstm, rnn, tree
from fnnlib.buffers import Buffers

NETS = [pytest.param(net, id=net.__name__.removeprefix("fnnlib.")) for net in oracle.MODULES]
modules = st.sampled_from(list(oracle.MODULES))


def both_passes(net, args, dout, reuse=None, truncate=None):
    out, cache = net.forward(*args, reuse)
    return out, net.backward(dout, cache, truncate)


def drawn(net, case, T, B, D, H):
    return oracle.arguments(net, case, T, B, D, H), oracle.cotangent(net, case, T, B, H)


def same_bits(actual, expected):
    pairs = zip(tree.leaves(actual), tree.leaves(expected), strict=True)
    for (name, x), (_, y) in pairs:
        np.testing.assert_array_equal(x, y, err_msg=name)


@quick
@given(net=modules, case=cases, T=st.integers(1, 7), K=st.integers(1, 9), B=sizes, D=sizes, H=sizes)
def test_results_with_and_without_buffers_are_the_same_bits(net, case, T, K, B, D, H):
    reuse = Buffers()
    for steps in (T, T, T + 1):
        args, dout = drawn(net, case, steps, B, D, H)
        for truncate in (None, K):
            same_bits(
                both_passes(net, args, dout, reuse, truncate),
                both_passes(net, args, dout, None, truncate),
            )


@quick
@given(net=modules, case=cases, T=st.integers(1, 9), K=st.integers(1, 9), B=sizes, D=sizes, H=sizes)
def test_pieces_of_any_size_give_the_same_bits(net, case, T, K, B, D, H):
    args, dout = drawn(net, case, T, B, D, H)
    whole, step = bptt.CACHE, 8 * case.dtype.itemsize * B * H
    for truncate in (None, K):
        expected = both_passes(net, args, dout, None, truncate)
        for n in (1, 2, 3):
            try:
                bptt.CACHE = n * step
                same_bits(both_passes(net, args, dout, None, truncate), expected)
            finally:
                bptt.CACHE = whole


@pytest.mark.parametrize("net", NETS)
def test_results_without_buffers_stay(net):
    args, dout = drawn(net, Case(0, "f8", "contiguous"), 4, 3, 2, 5)
    first = both_passes(net, args, dout)
    kept = tree.map(np.copy, first)
    p, x, s = args
    both_passes(net, (tree.map(np.negative, p), x, s), dout)
    same_bits(first, kept)


@pytest.mark.parametrize("net", NETS)
def test_a_cache_that_was_written_over_is_refused(net):
    args, dout = drawn(net, Case(0, "f8", "contiguous"), 4, 3, 2, 5)
    reuse = Buffers()
    _, first = net.forward(*args, reuse)
    net.forward(*args, reuse)
    with pytest.raises(ValueError) as caught:
        net.backward(dout, first)
    assert str(caught.value) == (
        "cache: expected that of pass 2, the last with these buffers, got that of pass 1"
    )


@pytest.mark.parametrize("net", NETS)
def test_states_that_end_in_nan_are_refused_on_the_way_back(net):
    args, dout = drawn(net, Case(0, "f8", "contiguous"), 4, 3, 2, 5)
    _, cache = net.forward(*args)
    cache.h[-1, 0, 0] = np.nan
    with pytest.raises(ValueError, match=r"^h.*: expected finite numbers, got nan"):
        net.backward(dout, cache)


@pytest.mark.parametrize("net", NETS)
def test_what_is_no_buffers_is_refused(net):
    args, _ = drawn(net, Case(0, "f8", "contiguous"), 4, 3, 2, 5)
    with pytest.raises(TypeError) as caught:
        net.forward(*args, {})
    assert str(caught.value) == "reuse: expected buffers.Buffers, got dict"


# What a step computes with: calls, operators and indexing. The names differ with the version.
WORK = "CALL", "BINARY_", "STORE_SUBSCR", "STORE_SLICE", "INPLACE_"
CALLS = {rnn: (2, 2), lstm: (10, 10), gru: (12, 7)}


def work(f, *args):
    """How many calls, operators and indexings the library itself executes in ``f(*args)``."""
    done = []

    def trace(frame, event, _):
        if not frame.f_globals["__name__"].startswith("fnnlib."):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            name = opname[frame.f_code.co_code[frame.f_lasti]]
            done.append(name.startswith(WORK))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        f(*args)
    finally:
        sys.settrace(before)
    return sum(done)


@pytest.mark.parametrize("net", NETS)
def test_calls_of_numpy_for_a_step(net):
    found = {}
    for T in (10, 20):
        args, dout = drawn(net, Case(0, "f4", "contiguous"), T, 4, 2, 3)
        reuse = Buffers()
        both_passes(net, args, dout, reuse)
        both_passes(net, args, dout, reuse)
        ahead = work(net.forward, *args, reuse)
        _, cache = net.forward(*args, reuse)
        found[T] = np.array([ahead, work(net.backward, dout, cache)])
    assert tuple((found[20] - found[10]) / 10) == CALLS[net]


@pytest.mark.parametrize("net", NETS)
def test_a_pass_with_warm_buffers_allocates_next_to_nothing(net):
    T, B, H = 200, 16, 32
    args, dout = drawn(net, Case(0, "f8", "contiguous"), T, B, 8, H)
    reuse = Buffers()

    def peak(reuse):
        both_passes(net, args, dout, reuse)
        tracemalloc.start()
        both_passes(net, args, dout, reuse)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    step, broadcasting = 4 * B * H * 8, np.getbufsize() * 8  # the latter is NumPy's own scratch
    assert peak(reuse) < broadcasting + step
    assert peak(None) > T * step / 2


# Arrays of (T, B, H) that a cache holds beside parameters and inputs, and those of (B, H); then
# the arrays of (T, B, H) at the peak of both passes.
MEMORY = {rnn: (1, 1, 2), lstm: (7, 2, 11), gru: (5, 1, 9)}


@pytest.mark.parametrize("truncate", [None, 5])
@pytest.mark.parametrize("net", NETS)
def test_memory_is_linear_in_the_number_of_steps(net, truncate):
    B, D, H = 32, 1, 64
    each, once, at_peak = MEMORY[net]
    peaks = {}
    for T in (50, 100):
        args, dout = drawn(net, Case(0, "f8", "contiguous"), T, B, D, H)
        tracemalloc.start()
        _, cache = net.forward(*args)
        net.backward(dout, cache, truncate)
        peaks[T] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        held = sum(a.nbytes for a in cache[2:] if isinstance(a, np.ndarray))
        assert held == (each * T + once) * B * H * 8
    slope = (peaks[100] - peaks[50]) / (50 * B * H * 8)
    assert slope == pytest.approx(at_peak, abs=0.3)


FAULTS = """
import json, resource, sys
import numpy as np
import recurrent_oracles as oracle
from oracles import Case
from fnnlib.buffers import Buffers

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

found = {}
for net in oracle.MODULES:
    case = Case(0, "f8", "contiguous")
    args = oracle.arguments(net, case, 50, 16, 8, 32)
    dout = oracle.cotangent(net, case, 50, 16, 32)
    for name, reuse in ("reused", Buffers()), ("fresh", None):
        blocks = []
        for _ in range(8):  # a system short of memory takes pages away: the quietest block counts
            before = faults()
            for _ in range(5):
                _, cache = net.forward(*args, reuse)
                net.backward(dout, cache)
            blocks.append((faults() - before) / 5)
        found[f"{net.__name__} {name}"] = min(blocks)
print(json.dumps(found))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="page faults are counted as Linux makes them")
def test_page_faults_of_a_pass():
    # Arrays from 128 kB on are mapped anew each time they are made, whatever was freed before.
    # Smaller ones, such as the 64 kB that NumPy takes to broadcast, lie on a heap that only grows.
    # With more threads than one OpenBLAS takes memory for the work it hands out.
    here = os.path.dirname(__file__)
    path = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    limits = {"MALLOC_MMAP_THRESHOLD_": str(2**17), "MALLOC_TRIM_THRESHOLD_": str(2**30)}
    env = {**os.environ, **limits, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": path}
    run = subprocess.run(
        [sys.executable, "-c", FAULTS], env=env, capture_output=True, text=True, check=True
    )
    for name, each in json.loads(run.stdout).items():
        if name.endswith("reused"):
            assert each < 1, (name, each)
        else:
            assert each > 50, (name, each)
