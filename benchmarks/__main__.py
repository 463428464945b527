"""``make bench``: time fnnlib beside its peers; write results.json, a table and a plot."""

import argparse
import fnmatch
import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import scipy.linalg  # noqa: F401 (it brings a BLAS of its own, which is described)
from threadpoolctl import threadpool_info
from tqdm import tqdm

from benchmarks import protocol, workloads
from fnnlib.sphinx import speed

RESULTS = Path(__file__).parent / "results.json"
NUMBERS = "cpu family", "model", "stepping"


def main():
    """Time what is asked for; every finished workload is stored at once."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="*", help="workloads, such as 'rnn/*'")
    parser.add_argument("--dtype", nargs="+", default=["float32", "float64"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    names = fnmatch.filter(workloads.NAMES, asked.only)
    if not names:
        parser.error(f"--only: no such workload; there are {', '.join(workloads.NAMES)}")
    try:
        for threads in asked.threads:
            run(names, asked.dtype, threads, asked.rounds)
    except KeyboardInterrupt:
        sys.exit("interrupted; what was finished is stored")


def run(names, dtypes, threads, rounds):
    """Time the workloads in both precisions with one number of threads."""
    processes = protocol.workers(threads)
    try:
        cases = [(name, dtype) for name in names for dtype in dtypes]
        for name, dtype in (progress := tqdm(cases, unit="workload")):
            progress.set_description(f"{name} {dtype}, {threads} thread{'s' * (threads > 1)}")
            store(protocol.measure(processes, name, dtype, threads, rounds))
    finally:
        for process in processes.values():
            process.close()


def store(records):
    """Put records in the place of older ones of the same machine, and write the reports."""
    machine = describe_machine()
    old = json.loads(RESULTS.read_text("utf8")) if RESULTS.exists() else {}
    kept = old["records"] if old.get("machine") == machine else []
    found = {key(r): r for r in (*kept, *records)}
    results = {"machine": machine, "records": sorted(found.values(), key=key)}
    lines = ",\n".join(f"  {json.dumps(record)}" for record in results["records"])
    head = json.dumps(machine, indent=1).replace("\n", "\n ")
    RESULTS.write_text(f'{{\n "machine": {head},\n "records": [\n{lines}\n ]\n}}\n', "utf8")
    title = "# Time of each peer divided by that of fnnlib: median (smallest–largest)"
    text = "\n\n".join([title, speed.machine(results), speed.tables(results)])
    RESULTS.with_suffix(".md").write_text(text + "\n", "utf8")
    speed.draw(results, RESULTS.with_suffix(".svg"))


def key(record):
    """What a record is about; records are sorted by it."""
    place = workloads.NAMES.index(record["workload"])
    return record["threads"], place, record["dtype"], record["peer"]


def describe_machine():
    """The processor, and the versions of what was timed."""
    packages = "numpy", "scipy", "torch", "jax", "autograd"
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
        "BLAS": _blas(),
    }


def _blas():
    """What the matrix products of NumPy and SciPy come from, and the kernels it chose here."""
    pools = [p for p in threadpool_info() if p["user_api"] == "blas"]
    found = {f"{p['internal_api']} {p['version']} {p['architecture']}" for p in pools}
    return ", ".join(sorted(found))


def _processor():
    """Its name and, as a name may stand for several generations, their numbers."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    rows = (line.partition(":") for line in info.read_text("utf8").splitlines())
    found = {name.strip(): value.strip() for name, _, value in rows}
    name = found.get("model name") or platform.machine()
    numbers = (f"{part} {found[part]}" for part in NUMBERS if part in found)
    return ", ".join([name, *numbers])


if __name__ == "__main__":
    main()
