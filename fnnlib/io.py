r"""Parameters as safetensors files, with the names and layouts of PyTorch.

A tree of Params becomes the ``state_dict`` of a module with attributes of the same names (numbers
for a plain tuple, as in ``torch.nn.Sequential``), so that files go both ways:

.. code-block:: python

   io.save("net.safetensors", p)
   module.load_state_dict(safetensors.torch.load_file("net.safetensors"))

PyTorch gives each gate two biases. Where only their sum matters the second is written as zero, and
reading adds them up. :data:`LAYOUTS` is the whole mapping: one entry for each kind of Params.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fnnlib import dense, embedding, gru, lstm, require, rnn, tree


class Layout(NamedTuple):
    """How one kind of Params is written and read."""

    write: Callable  # Params -> {PyTorch's name: array in PyTorch's layout}
    read: Callable  # the way back


def save(path, p):
    """Write the tree of Params ``p`` to ``path``. A file that is there is replaced in one piece.

    >>> import tempfile
    >>> p = dense.Params(np.ones((3, 2)), np.zeros(2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Path(folder) / "net.safetensors", (p, p))
    ...     sorted(read_arrays(Path(folder) / "net.safetensors"))
    ['0.bias', '0.weight', '1.bias', '1.weight']
    """
    arrays = {}
    for name, params in _parts(p, ""):
        for leaf, x in tree.leaves(params, name or "p"):
            require.precision(f"{leaf}.dtype", require.floats(leaf, x).dtype)
        arrays |= _written(name, params)
    write_arrays(path, arrays)


def load(path, like):
    """Read what :func:`save` or PyTorch has written; return a tree like the tree ``like``.

    ValueError when the file is damaged, when a name is missing or left over, and when an array has
    another shape or precision than in ``like`` or is not finite. ``like`` is not changed.

    >>> import tempfile
    >>> p = dense.init(np.random.default_rng(0), 3, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Path(folder) / "net.safetensors", p)
    ...     np.array_equal(load(Path(folder) / "net.safetensors", p).W, p.W)
    True
    """
    parts = list(_parts(like, ""))
    expected = {}
    for name, params in parts:
        expected |= _written(name, params)
    found = read_arrays(path)
    same_names(path, found, expected)
    for name, x in found.items():
        require.shape(name, x, expected[name].shape)
        if x.dtype != expected[name].dtype:
            require.refuse(name, expected[name].dtype, x.dtype)
        require.floats(name, x)
    made = iter([_read(name, params, found) for name, params in parts])
    return _filled(like, made)


def write_arrays(path, arrays):
    """Write arrays by name, first beside ``path``: a kill leaves the old file or the new one.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_arrays(Path(folder) / "a.safetensors", {"x": np.arange(3)})
    ...     read_arrays(Path(folder) / "a.safetensors")
    {'x': array([0, 1, 2])}
    """
    path = Path(path)
    # A view would be written in the order of its memory, so everything is laid out first.
    data = _numpy().save({name: np.array(x, order="C") for name, x in arrays.items()})
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(data)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def read_arrays(path):
    """All arrays of a safetensors file by name; ValueError when it is damaged or no such file.

    >>> read_arrays(__file__)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: ...io.py: expected an undamaged safetensors file, got ...
    """
    package, data = _numpy(), Path(path).read_bytes()
    try:
        return package.load(data)
    except Exception as cause:  # the package has its own error, and others for odd headers
        text = f"{len(data)} bytes with {type(cause).__name__}: {cause}"
        raise ValueError(f"{path}: expected an undamaged safetensors file, got {text}") from cause


def same_names(path, found, expected):
    """Require the names of a file to be the expected ones.

    >>> same_names("net.safetensors", ["weight"], ["weight", "bias"])
    Traceback (most recent call last):
    ValueError: net.safetensors: expected the names bias, weight, got weight
    """
    if set(found) != set(expected):
        names = (", ".join(sorted(names)) or "none" for names in (expected, found))
        require.refuse(path, f"the names {next(names)}", next(names))


def _dense(p):
    return {"weight": p.W.T, "bias": p.b}


def _dense_back(found):
    return dense.Params(found["weight"].T, found["bias"])


def _recurrent(p):
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    return dict(zip(names, (p.W.T, p.U.T, p.b, np.zeros_like(p.b)), strict=True))


def _recurrent_back(params):
    def read(found):
        bias = found["bias_ih_l0"] + found["bias_hh_l0"]
        return params(found["weight_ih_l0"].T, found["weight_hh_l0"].T, bias)

    return read


def _gru(p):
    """The reset gate multiplies the second bias of the candidate: it keeps its place."""
    H = len(p.c)
    return _recurrent(p) | {"bias_hh_l0": np.concatenate([np.zeros(2 * H, p.c.dtype), p.c])}


def _gru_back(found):
    second = found["bias_hh_l0"]
    gates, c = np.split(second, [2 * len(second) // 3])
    bias = found["bias_ih_l0"] + np.concatenate([gates, np.zeros_like(c)])
    return gru.Params(found["weight_ih_l0"].T, found["weight_hh_l0"].T, bias, c)


LAYOUTS = {
    dense.Params: Layout(_dense, _dense_back),
    rnn.Params: Layout(_recurrent, _recurrent_back(rnn.Params)),
    lstm.Params: Layout(_recurrent, _recurrent_back(lstm.Params)),
    gru.Params: Layout(_gru, _gru_back),
    embedding.Params: Layout(
        lambda p: {"weight": p.E}, lambda found: embedding.Params(found["weight"])
    ),
}


def _parts(p, name):
    """Yield ``(dotted name, Params)`` for all parts of a tree that have a layout."""
    if type(p) in LAYOUTS:
        yield name, p
    elif isinstance(p, tuple) and p:
        for key, child in zip(getattr(p, "_fields", range(len(p))), p, strict=True):
            yield from _parts(child, f"{name}.{key}" if name else str(key))
    else:
        got = "an empty tuple" if isinstance(p, tuple) else type(p).__name__
        require.refuse(name or "p", "Params nested in tuples", got, TypeError)


def _written(name, params):
    dot = f"{name}." if name else ""
    return {dot + key: x for key, x in LAYOUTS[type(params)].write(params).items()}


def _read(name, params, found):
    dot = f"{name}." if name else ""
    layout = LAYOUTS[type(params)]
    part = layout.read({key: found[dot + key] for key in layout.write(params)})
    return tree.map(np.ascontiguousarray, part)


def _filled(like, made):
    """The tree ``like`` with its Params replaced, from left to right."""
    if type(like) in LAYOUTS:
        return next(made)
    parts = [_filled(child, made) for child in like]
    return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)


def _numpy():
    try:
        import safetensors.numpy
    except ImportError as missing:
        raise ImportError(
            "files need safetensors: pip install safetensors, or fnnlib[book]"
        ) from missing
    return safetensors.numpy
