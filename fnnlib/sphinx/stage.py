"""Stage the site: executed notebooks, prose and generated pages side by side in `_build/src`."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import yaml

from fnnlib import __version__
from fnnlib.sphinx import api, ledger, networks, speed
from fnnlib.sphinx.execute import Failed, digest, executed, library_files, read

GENERATED = {f"notebooks/{name}" for name in networks.NAMES}
MEASURED = "benchmarks/results.json"  # what `make bench` has stored


def chapters(root):
    """Paths of the committed notebooks that `_toc.yml` lists, in reading order."""
    return [root / f"{file}.ipynb" for file in _listed(root) if file not in GENERATED]


def _listed(root):
    """The notebooks that `_toc.yml` lists, committed or generated, as it names them."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf8"))
    files = (file for part in toc["parts"] for file in _files(part["chapters"]))
    return [file for file in files if file.startswith("notebooks/")]


def _files(items):
    """The files of items of `_toc.yml`, each before those below it."""
    for item in items:
        yield item["file"]
        yield from _files(item.get("sections", ()))


def commit(root):
    """The commit the book is built from, marked where files differ from it; empty outside git."""
    try:
        command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
        out = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return out.stdout.strip()


def footer(root):
    """The line at the foot of every page."""
    return f"fnnlib {__version__}" + f", commit {commit(root)}" * bool(commit(root))


def inputs(root):
    """A hash of everything the site is built from."""
    pages = sorted(p for p in (root / "book").rglob("*") if p.is_file())
    files = [*chapters(root), *pages, root / "_config.yml", root / "_toc.yml", root / MEASURED]
    return digest([*files, *library_files(root)], sys.version, commit(root))


def stage(root):
    """Write `_build/src` and `_build/ledger.json`; return the folder to build."""
    for path in chapters(root):
        if not path.exists():
            missing = path.relative_to(root).as_posix()
            raise Failed(f"_toc.yml lists {missing}, which does not exist")
    pages = {}
    for file in _listed(root):
        name = Path(file).name
        made = networks.notebook(name) if file in GENERATED else read(root / f"{file}.ipynb")
        pages[name] = executed(made, name, root)
    rows = ledger.collect(pages)
    target = root / "_build" / "src"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(root / "book", target / "book")
    (target / "notebooks").mkdir()
    for stem, notebook in pages.items():
        page = ledger.without_records(notebook)
        nbformat.write(page, target / "notebooks" / f"{stem}.ipynb")
    measured = json.loads((root / MEASURED).read_text(encoding="utf8"))
    generated = {
        "ledger": ledger.page(rows),
        "totals": ledger.totals(rows),
        "api": api.page(),
        "networks": networks.overview(rows),
        "speed": speed.page(measured),
    }
    for name, text in generated.items():
        _write(target / "book" / "generated" / f"{name}.txt", text)
    speed.draw(measured, target / speed.PLACE)
    _write(root / "_build" / "ledger.json", json.dumps({"records": rows}, indent=1))
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(root / name, target)
    return target


def _write(path: Path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf8")
