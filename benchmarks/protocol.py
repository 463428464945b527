"""Timing side by side: blocks of runs in shuffled order, and the ratio within each round.

Speed differs from machine to machine and from minute to minute; the ratio of two libraries that
take turns within a second does so much less. fnnlib is timed twice, in two processes. The ratio of
the two, the A/A row, tells how far from one a ratio gets by chance.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

PEERS = ("torch", "jax", "autograd", "floor", "plain")
OURS, AGAIN = "fnnlib", "fnnlib again"
BLOCK = 0.03  # seconds
TOLERANCE = {"float32": 2e-4, "float64": 1e-9}


class Worker:
    """A process that runs the workloads of one library."""

    def __init__(self, library, threads):
        names = "OPENBLAS", "OMP", "MKL"
        limits = {f"{name}_NUM_THREADS": str(threads) for name in names}
        if threads == 1:
            limits["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", library, str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, **limits, "JAX_PLATFORMS": "cpu"},
        )  # fmt: skip
        self._library = library

    def ask(self, **request):
        """The answer to one request; RuntimeError where there is none."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        found = json.loads(answer or '{"error": "the process ended"}')
        if "error" in found:
            raise RuntimeError(f"{self._library}, at {request}: {found['error']}")
        return found

    def close(self):
        """End the process."""
        self._process.stdin.close()
        self._process.wait(10)


def workers(threads):
    """A process for each library and a second one for fnnlib."""
    libraries = {OURS: "fnnlib", AGAIN: "fnnlib", **{peer: peer for peer in PEERS}}
    return {name: Worker(library, threads) for name, library in libraries.items()}


def measure(processes, workload, dtype, threads, rounds):
    """Records of one workload, one for every peer that has it and one for A/A.

    AssertionError where a peer's results are not those of fnnlib.
    """
    there, runs = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder) / f"{name}.npz" for name in processes}
        for name, process in processes.items():
            answer = process.ask(
                do="prepare", workload=workload, dtype=dtype, file=str(files[name])
            )
            if answer["there"]:
                there[name] = process
                runs[name] = max(1, int(BLOCK / answer["seconds"]))
        for name in there.keys() & {AGAIN, *PEERS} - {"floor"}:
            same(files[OURS], files[name], TOLERANCE[dtype], f"{name}, {workload}, {dtype}")
    times = {name: [] for name in there}
    order = list(there)
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            times[name].append(there[name].ask(do="time", n=runs[name])["seconds"])
    ours = statistics.median(times[OURS])
    return [
        {
            "workload": workload, "dtype": dtype, "threads": threads, "peer": name,
            **_summary(times[name], times[OURS]), "microseconds": round(ours * 1e6, 1),
            "rounds": rounds,
        }
        for name in there if name != OURS
    ]  # fmt: skip


def _summary(theirs, ours):
    ratios = [a / b for a, b in zip(theirs, ours, strict=True)]
    low, median, high = statistics.quantiles(ratios, n=4)
    numbers = {"median": median, "q1": low, "q3": high, "min": min(ratios), "max": max(ratios)}
    return {f"ratio_{name}": round(value, 4) for name, value in numbers.items()}


def same(ours, theirs, tolerance, where):
    """Compare all results by name: the largest difference, relative to the largest number."""
    with np.load(ours) as a, np.load(theirs) as b:
        assert set(a) == set(b), f"{where}: results {sorted(a)} and {sorted(b)}"
        for name in a:
            error = abs(a[name] - b[name]).max() / abs(a[name]).max()
            assert error < tolerance, f"{where}: {name} differs by {error:.1e}"
