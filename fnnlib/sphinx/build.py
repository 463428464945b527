"""Build the site strictly with Jupyter Book."""

import os
import shutil
import subprocess
import sys

from fnnlib.sphinx.execute import Failed
from fnnlib.sphinx.stage import footer, inputs, stage

STAMP = "build.txt"


def html(root):
    """Build `_build/html`, unless it stands already for the same inputs; return its first page."""
    site = root / "_build" / "html"
    now = inputs(root)
    stamp = site / STAMP
    if not (stamp.exists() and stamp.read_text() == now):
        shutil.rmtree(site, ignore_errors=True)
        jupyter_book(root, "html")
        # The last act: a failed build has no stamp, so it can never pass for an unchanged one.
        stamp.write_text(now)
    return site / "index.html"


def jupyter_book(root, builder):
    """Stage the book and run one builder from scratch; every warning is an error."""
    source = stage(root)
    # A kept environment remembers pages as read, and with them forgets their warnings.
    shutil.rmtree(root / "_build" / ".doctrees", ignore_errors=True)
    program = "from jupyter_book.cli.main import main; main()"
    options = ["build", source, "--path-output", root, "--builder", builder]
    command = [sys.executable, "-c", program, *map(str, options), "-W", "--keep-going", "-q"]
    # Fixed seed: pages do not change from build to build.
    environ = os.environ | {"BOOK_FOOTER": footer(root), "PYTHONHASHSEED": "0"}
    if subprocess.run(command, env=environ).returncode:
        raise Failed(f"the {builder} build has warnings or errors (above)")
