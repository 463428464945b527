"""One process for one library: told over its standard input, in JSON lines, what to run.

``python -m benchmarks.worker LIBRARY THREADS`` answers each line with one line. ``prepare`` makes a
workload, stores its results in a file and says how long a run takes; ``time`` runs it ``n`` times
and gives the seconds of one run: of the processor for one thread, of the clock for more. What goes
wrong is an answer too.
"""

import importlib
import json
import os
import sys
import time

import numpy as np

from benchmarks import workloads


def main(library, threads):
    """Answer requests until the input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    if threads == 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if library == "torch":
        importlib.import_module("torch").set_num_threads(threads)
    module = importlib.import_module(f"benchmarks.library_{library}")
    clock, run = time.process_time if threads == 1 else time.perf_counter, None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "prepare":
                a = workloads.arguments(request["workload"], np.dtype(request["dtype"]))
                run = module.make(request["workload"], a)
                answer = {"there": run is not None}
                if run is not None:
                    found = {name: np.asarray(value) for name, value in run().items()}
                    np.savez(request["file"], **found)
                    run()
                    # One run may be held up, and shorter blocks would then tell mostly how long a
                    # process takes to fill the processor's caches again.
                    answer["seconds"] = min(_seconds(run, 1, time.perf_counter) for _ in range(5))
            else:
                answer = {"seconds": _seconds(run, request["n"], clock)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")


def _seconds(run, n, clock):
    start = clock()
    for _ in range(n):
        run()
    return (clock() - start) / n


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
