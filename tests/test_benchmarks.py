"""The benchmarks: every library computes the same, and what is stored is complete and in order."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import __main__ as bench
from benchmarks import (
    library_autograd,
    library_fnnlib,
    library_jax,
    library_plain,
    library_torch,
    protocol,
    workloads,
)
from fnnlib.sphinx import speed

SMALL = ("rnn/book", "lstm/book", "gru/book", "dense/100-50-2-B64", *workloads.NAMES[-4:])
PEERS = {
    "autograd": library_autograd, "jax": library_jax, "plain": library_plain,
    "torch": library_torch,
}  # fmt: skip
STORED = json.loads(bench.RESULTS.read_text("utf8"))
# What has no gradient in autograd, or no matrix product.
MISSING = {"autograd": ("conv", "adam"), "floor": ("adam", "sigmoid", "tanh", "softmax")}


def results(module, workload, dtype):
    run = module.make(workload, workloads.arguments(workload, np.dtype(dtype)))
    if run is None:
        return None
    run()  # what a second run returns is what is timed
    return {name: np.array(np.asarray(value)) for name, value in run().items()}


@pytest.mark.parametrize("dtype", protocol.TOLERANCE)
@pytest.mark.parametrize("workload", SMALL)
def test_all_libraries_compute_the_same(workload, dtype, tmp_path):
    ours = results(library_fnnlib, workload, dtype)
    assert all(value.dtype == dtype for name, value in ours.items() if name != "loss")
    np.savez(tmp_path / "ours.npz", **ours)
    for peer, module in PEERS.items():
        theirs = results(module, workload, dtype)
        assert (theirs is None) == (workload.split("/")[0] in MISSING.get(peer, ()))
        if theirs is not None:
            np.savez(tmp_path / "theirs.npz", **theirs)
            files = tmp_path / "ours.npz", tmp_path / "theirs.npz"
            protocol.same(*files, protocol.TOLERANCE[dtype], workload)


def test_a_wrong_gradient_stops_the_benchmark(tmp_path):
    ours, theirs = tmp_path / "ours.npz", tmp_path / "theirs.npz"
    np.savez(ours, dW=np.ones(3))
    np.savez(theirs, dW=np.array([1, 1, 1.01]))
    with pytest.raises(AssertionError, match="here: dW differs by 1.0e-02"):
        protocol.same(ours, theirs, 1e-9, "here")


def test_processes_take_turns_and_their_ratios_are_stored(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(protocol, "PEERS", ("floor",))
    bench.run(["rnn/book"], ["float32"], threads=1, rounds=3)
    bench.run(["rnn/book"], ["float32", "float64"], threads=1, rounds=3)
    stored = json.loads((tmp_path / "results.json").read_text("utf8"))
    peers = "floor", protocol.AGAIN
    assert [(r["dtype"], r["peer"]) for r in stored["records"]] == [
        (dtype, peer) for dtype in ("float32", "float64") for peer in peers
    ]
    assert all(0 < r["ratio_min"] <= r["ratio_median"] <= r["ratio_max"] for r in stored["records"])
    assert (tmp_path / "results.svg").exists()
    table = speed.tables(stored)
    assert table in (tmp_path / "results.md").read_text("utf8")


def test_the_stored_results_are_complete():
    wanted = {
        (threads, workload, dtype, peer)
        for threads in (1, 2) for workload in workloads.NAMES for dtype in protocol.TOLERANCE
        for peer in (*protocol.PEERS, protocol.AGAIN)
        if workload.split("/")[0] not in MISSING.get(peer, ())
    }  # fmt: skip
    found = {(r["threads"], r["workload"], r["dtype"], r["peer"]) for r in STORED["records"]}
    assert found == wanted and len(STORED["records"]) == len(wanted)
    assert all(r["rounds"] >= 15 for r in STORED["records"])
    assert STORED["records"] == sorted(STORED["records"], key=bench.key)


def test_the_stored_table_is_that_of_the_stored_results():
    text = Path(bench.RESULTS).with_suffix(".md").read_text("utf8")
    assert speed.tables(STORED) in text and speed.machine(STORED) in text


def test_the_page_names_every_peer():
    assert set(speed.COLUMNS) == {*protocol.PEERS, protocol.AGAIN}


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="PyTorch without oneDNN")
@pytest.mark.parametrize("net, dtype, fused", [
    ("LSTM", torch.float32, True), ("LSTM", torch.float64, False),
    ("GRU", torch.float32, False), ("RNN", torch.float32, False),
])  # fmt: skip
def test_the_page_says_which_layers_pytorch_compiles(net, dtype, fused):
    module = getattr(torch.nn, net)(3, 4, dtype=dtype)
    x = torch.ones(5, 2, 3, dtype=dtype, requires_grad=True)
    with torch.profiler.profile() as profiler:
        torch.autograd.grad(module(x)[0].sum(), [x, *module.parameters()])
    calls = {event.key: event.count for event in profiler.key_averages()}
    kernels = {name: n for name, n in calls.items() if "mkldnn_rnn_layer" in name and "::" in name}
    both = {"aten::mkldnn_rnn_layer": 1, "aten::mkldnn_rnn_layer_backward": 1}
    assert kernels == (both if fused else {})
    assert fused or calls["aten::mm"] >= 5
