r"""Parameters as safetensors files, with the names and layouts of PyTorch.

A tree of Params becomes the ``state_dict`` of a module with attributes of the same names (numbers
for a plain tuple, as in ``torch.nn.Sequential``), so that files go both ways:

.. code-block:: python

   io.save("net.safetensors", p)
   module.load_state_dict(safetensors.torch.load_file("net.safetensors"))

The layers of :func:`fnnlib.recurrent.stack` and the directions of
:func:`fnnlib.recurrent.bidirectional` are one recurrent module in PyTorch, so they have no numbers
of their own but its endings: ``weight_ih_l0``, ``weight_ih_l0_reverse``, ``weight_ih_l1``.

PyTorch gives each gate two biases. Where only their sum matters the second is written as zero, and
reading adds them up. :data:`LAYOUTS` is the whole mapping: one entry for each kind of Params.
"""

import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fnnlib import conv, dense, embedding, gru, lstm, recurrent, require, rnn, tree


class Layout(NamedTuple):
    """How one kind of Params is written and read."""

    write: Callable  # Params -> {PyTorch's name, less its ending: array in PyTorch's layout}
    read: Callable  # the way back
    axes: tuple  # of each array of the Params, as in require.arrays


def save(path, p):
    """Write the tree of Params ``p`` to ``path``. A file that is there is replaced in one piece.

    >>> import tempfile
    >>> p = dense.Params(np.ones((3, 2)), np.zeros(2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/net.safetensors", (p, p))
    ...     sorted(read_arrays(f"{folder}/net.safetensors"))
    ['0.bias', '0.weight', '1.bias', '1.weight']
    """
    parts = list(_parts(p, "", "p"))
    for leaf, x in tree.leaves(p, "p"):
        require.precision(f"{leaf}.dtype", require.floats(leaf, x).dtype)
    _require_layers("p", p)
    write_arrays(path, _written(parts))


def load(path, like):
    """Read what :func:`save` or PyTorch has written; return a tree like the tree ``like``.

    ValueError when the file is damaged, when a name is missing or left over, and when an array has
    another shape or precision than in ``like`` or is not finite. ``like`` is not changed.

    >>> import tempfile
    >>> p = dense.init(np.random.default_rng(0), 3, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/net.safetensors", p)
    ...     np.array_equal(load(f"{folder}/net.safetensors", p).W, p.W)
    True
    """
    parts = list(_parts(like, "", "like"))
    for leaf, x in tree.leaves(like, "like"):
        if require.array(leaf, x).dtype not in (np.float32, np.float64):
            require.refuse(leaf, "float32 or float64", x.dtype)
    expected, found = _written(parts), read_arrays(path)
    same_names(path, found, expected)
    for name, x in found.items():
        require.shape(name, x, expected[name].shape)
        if x.dtype != expected[name].dtype:
            require.refuse(name, expected[name].dtype, x.dtype)
        require.floats(name, x)
    made = iter([_read(part, found) for part in parts])
    return _filled(like, made)


def write_arrays(path, arrays):
    """Write arrays by name, first beside ``path``: a kill leaves the old file or the new one.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_arrays(f"{folder}/a.safetensors", {"x": np.arange(3)})
    ...     read_arrays(f"{folder}/a.safetensors")
    {'x': array([0, 1, 2])}
    """
    path = require.path("path", path)
    for name, x in require.kind("arrays", arrays, dict).items():
        require.kind("a name", name, str)
        if require.array(name, x).dtype.kind not in "biuf" or not x.dtype.isnative:
            require.refuse(name, "numbers or booleans of this machine", x.dtype)
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
    package, data = _numpy(), require.path("path", path).read_bytes()
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
    names = "weight_ih", "weight_hh", "bias_ih", "bias_hh"
    return dict(zip(names, (p.W.T, p.U.T, p.b, np.zeros_like(p.b)), strict=True))


def _recurrent_back(params):
    def read(found):
        bias = found["bias_ih"] + found["bias_hh"]
        return params(found["weight_ih"].T, found["weight_hh"].T, bias)

    return read


def _gru(p):
    """The reset gate multiplies the second bias of the candidate: it keeps its place."""
    H = len(p.c)
    return _recurrent(p) | {"bias_hh": np.concatenate([np.zeros(2 * H, p.c.dtype), p.c])}


def _gru_back(found):
    second = found["bias_hh"]
    gates, c = np.split(second, [2 * len(second) // 3])
    bias = found["bias_ih"] + np.concatenate([gates, np.zeros_like(c)])
    return gru.Params(found["weight_ih"].T, found["weight_hh"].T, bias, c)


LAYOUTS = {
    dense.Params: Layout(_dense, _dense_back, ("D H", "H")),
    conv.Params: Layout(
        lambda p: {"weight": p.W, "bias": p.b},
        lambda found: conv.Params(found["weight"], found["bias"]),
        ("O C I J", "O"),
    ),
    rnn.Params: Layout(_recurrent, _recurrent_back(rnn.Params), ("D H", "H H", "H")),
    lstm.Params: Layout(_recurrent, _recurrent_back(lstm.Params), ("D 4H", "H 4H", "4H")),
    gru.Params: Layout(_gru, _gru_back, ("D 3H", "H 3H", "3H", "H")),
    embedding.Params: Layout(
        lambda p: {"weight": p.E}, lambda found: embedding.Params(found["weight"]), ("V D",)
    ),
}

# What PyTorch stacks and reads in both directions itself.
RECURRENT = rnn.Params, lstm.Params, gru.Params


class Part(NamedTuple):
    """Params within a tree, and how the names of their arrays begin and end in PyTorch."""

    start: str
    params: tuple
    end: str

    def name(self, key):
        """The whole name of an array of these Params."""
        return f"{self.start}.{key}{self.end}" if self.start else key + self.end


def _parts(p, name, argument):
    """Yield all parts of a tree that have a layout, from left to right."""
    if directions := _recurrent_layers(p):
        for number, layer in enumerate(directions):
            for params, end in zip(layer, ("", "_reverse"), strict=False):
                yield Part(name, params, f"_l{number}{end}")
    elif type(p) in LAYOUTS:
        yield Part(name, p, "")
    elif isinstance(p, tuple) and p:
        for key, child in zip(getattr(p, "_fields", range(len(p))), p, strict=True):
            yield from _parts(child, f"{name}.{key}" if name else str(key), f"{argument}.{key}")
    else:
        got = "an empty tuple" if isinstance(p, tuple) else type(p).__name__
        require.refuse(argument, "Params nested in tuples", got, TypeError)


def _require_layers(name, p):
    """Refuse arrays that are not, together, the parameters of a layer."""
    entries = [
        (f"{name}.{key}", x)
        for key, x in zip(getattr(p, "_fields", range(len(p))), p, strict=True)
    ]
    if type(p) in LAYOUTS:
        axes = LAYOUTS[type(p)].axes
        require.arrays({leaf: (x, of) for (leaf, x), of in zip(entries, axes, strict=True)})
    else:
        for path, child in entries:
            _require_layers(path, child)


def _recurrent_layers(p):
    """The directions of each layer of what is one recurrent module in PyTorch, else nothing."""
    layers = p if type(p) is tuple else (p,)
    layers = [q if isinstance(q, recurrent.Both) else (q,) for q in layers]
    kinds = {tuple(map(type, directions)) for directions in layers}
    alike = len(kinds) == 1 and len(set(*kinds)) == 1
    return layers if alike and type(layers[0][0]) in RECURRENT else []


def _written(parts):
    return {
        part.name(key): x
        for part in parts for key, x in LAYOUTS[type(part.params)].write(part.params).items()
    }


def _read(part, found):
    layout = LAYOUTS[type(part.params)]
    made = layout.read({key: found[part.name(key)] for key in layout.write(part.params)})
    return tree.map(np.ascontiguousarray, made)


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
