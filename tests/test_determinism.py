"""The same seed gives the same bits in every process; training gives stored numbers elsewhere.

Draws do not depend on the number of threads. A training run does where a matrix product is shared
out between threads, for its sums then run in another order: its bits are those of one machine with
one number of threads, and on any other the losses agree within `ELSEWHERE`.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from misuse import CALLS
from misuse.spoilt import Maybe

from fnnlib import classifier, data, optim, train, tree

HERE = Path(__file__).parent
RANDOM = [
    name for name, (_, arguments) in CALLS.items()
    if any(isinstance(x, np.random.Generator) for x in arguments.values())
]  # fmt: skip


def digest(*made):
    """A number for everything in trees, lists and generators of arrays, words and numbers."""
    found = hashlib.sha256()

    def add(x):
        if isinstance(x, (np.ndarray, np.generic, float, int, str)):
            x = np.asarray(x)
            found.update(f"{x.dtype.str} {x.shape}".encode() + x.tobytes())
        else:
            for part in x:
                add(part)

    add(made)
    return found.hexdigest()


def drawn(name, seed):
    """The digest of what a random function of the library makes of a seed."""
    function, arguments = CALLS[name]
    given = [x.value if isinstance(x, Maybe) else x for x in arguments.values()]
    rng = np.random.default_rng(seed)
    return digest(function(*(rng if isinstance(x, np.random.Generator) else x for x in given)))


def training():
    """A short run on the digits, row by row: the losses of its steps, and what it ends with."""
    digits, rng = data.digits(), np.random.default_rng(0)
    p = classifier.init(rng, D=8, H=16, C=10)
    batches = data.minibatches(data.rows(digits.x_train), digits.y_train, 64, rng, epochs=2, axis=1)
    fit = train.fit(classifier.loss_and_gradients, p, batches, optim.adam(5e-3), clip=1.0)
    steps = list(fit)
    return np.array([step.loss for step in steps]), steps[-1].params


def everything():
    """By name, digests of all that is random and of the training run."""
    return {name: drawn(name, 0) for name in RANDOM} | {"training": digest(training())}


def in_a_fresh_process(threads, hash_seed):
    script = "import json, test_determinism as t; print(json.dumps(t.everything()))"
    settings = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), str(threads))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=HERE, check=True, capture_output=True, text=True,
        env=os.environ | settings | {"PYTHONHASHSEED": str(hash_seed)},
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_decides_what_is_drawn(name):
    assert drawn(name, 0) == drawn(name, 0)
    if name != "check.gradient_check":  # which returns an error, often the same one
        assert drawn(name, 0) != drawn(name, 1)


def test_every_process_gives_the_same_bits():
    here, one, two = everything(), in_a_fresh_process(1, 1), in_a_fresh_process(2, 2)
    again = in_a_fresh_process(1, 3)
    assert one == again
    for name in RANDOM:
        assert here[name] == one[name] == two[name], name


ELSEWHERE = 1e-9  # relative difference between machines, of losses in double precision
LOSSES = {  # by step
    1: 2.45196921713727, 10: 2.1613634353088345, 20: 1.8807610549500469, 46: 1.3265834636023293
}  # fmt: skip
NORM = 7.203722864334999  # of the last parameters


def test_the_losses_are_the_stored_ones():
    losses, p = training()
    for step, expected in LOSSES.items():
        assert losses[step - 1] == pytest.approx(expected, rel=ELSEWHERE)
    assert tree.norm(p) == pytest.approx(NORM, rel=ELSEWHERE)
