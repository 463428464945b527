"""Execute notebooks, once for every state of their code and of the library."""

import hashlib
import sys
from copy import deepcopy
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from tqdm import tqdm

CELL_SECONDS = 300
KERNEL = ["--log-level=ERROR", "--InlineBackend.figure_formats={'svg'}"]


class Failed(RuntimeError):
    """A step of the build failed; the message names the place."""


def read(path):
    """The notebook at `path`."""
    return nbformat.read(path, as_version=4)


def is_code(cell):
    """Whether `cell` is a code cell."""
    return cell.cell_type == "code"


def code_cells(notebook):
    """The code cells of a notebook, in order."""
    return [cell for cell in notebook.cells if is_code(cell)]


def library_files(root):
    """Every file of the package and the lock: what a result depends on besides its cell."""
    package = (p for p in sorted((root / "fnnlib").rglob("*")) if p.is_file())
    return [p for p in package if "__pycache__" not in p.parts] + [root / "requirements.txt"]


def digest(files, *words):
    """A hash of names and contents of `files` and of `words`."""
    state = hashlib.sha256("\0".join(words).encode())
    for path in files:
        state.update(f"\0{path.as_posix()}\0".encode() + path.read_bytes())
    return state.hexdigest()


def key(notebook, root):
    """What the outputs of `notebook` depend on, as a hash; prose does not count."""
    sources = [c.source + repr(c.metadata.get("tags")) for c in code_cells(notebook)]
    return digest(library_files(root), sys.version, *sources)


def run(notebook, name, folder):
    """Execute a copy of `notebook` in `folder` and return it; raise `Failed` naming the cell."""
    notebook = deepcopy(notebook)
    code = (i for i, cell in enumerate(notebook.cells) if is_code(cell))
    number = {i: n for n, i in enumerate(code, 1)}
    at = None
    with tqdm(total=len(number), desc=name, unit="cell", dynamic_ncols=True) as bar:

        def started(cell, cell_index):
            nonlocal at
            at = number.get(cell_index, at)

        def done(cell, cell_index, **_):
            bar.update(cell_index in number)

        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=CELL_SECONDS,
            coalesce_streams=True,  # else what is printed slowly comes in pieces
            store_widget_state=False,  # a page has no kernel: widgets carry their own state
            extra_arguments=KERNEL,
            resources={"metadata": {"path": str(folder)}},
            on_cell_start=started,
            on_cell_executed=done,
        )
        try:
            client.execute()
        except CellExecutionError as error:
            raise Failed(f"{name}, code cell {at}: {error.ename}: {error.evalue}") from error
        except CellTimeoutError as error:
            raise Failed(f"{name}, code cell {at}: no result in {CELL_SECONDS} s") from error
        except DeadKernelError as error:
            raise Failed(f"{name}, code cell {at}: the kernel died") from error
        except KeyboardInterrupt:
            raise Failed(f"{name}, code cell {at}: interrupted") from None
    return notebook


def executed(notebook, name, root):
    """The notebook with fresh outputs, from `_build/executed` where nothing changed."""
    cache = Path(root, "_build", "executed")
    stored = cache / f"{name}-{key(notebook, root)[:16]}.ipynb"
    if not stored.exists():
        fresh = run(notebook, name, Path(root, "notebooks"))
        cache.mkdir(parents=True, exist_ok=True)
        for old in cache.glob(f"{name}-*.ipynb"):
            old.unlink()
        part = stored.with_suffix(".part")
        nbformat.write(fresh, part)
        part.rename(stored)
    for cell, done in zip(code_cells(notebook), code_cells(read(stored)), strict=True):
        cell.outputs, cell.execution_count = done.outputs, done.execution_count
    return notebook
