"""Files of parameters: round trips through PyTorch's modules, and files that are refused."""

import sys
from typing import NamedTuple

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracles import Case, quick
from safetensors.numpy import load_file, save_file

from fnnlib import classifier, conv, dense, embedding, gru, io, lstm, recurrent, rnn, tree

DTYPES = {np.float32: (torch.float32, 1e-6), np.float64: (torch.float64, 1e-12)}
NETS = {
    "dense": (dense, torch.nn.Linear),
    "rnn": (rnn, torch.nn.RNN),
    "lstm": (lstm, torch.nn.LSTM),
    "gru": (gru, torch.nn.GRU),
}


def run(net, p, x):
    """Outputs for a sequence, from a zero state where there is one."""
    if net is dense:
        return dense.forward(p, x)[0]
    zeros = np.zeros((x.shape[1], p.U.shape[0]), x.dtype)
    (h, _), _ = net.forward(p, x, net.State(*(zeros for _ in net.State._fields)))
    return h


def run_torch(module, x):
    with torch.no_grad():
        out = module(torch.tensor(x))
    return (out[0] if isinstance(out, tuple) else out).numpy()


def smaller(p, case):
    """Random numbers in every place, biases too; small, so that rounding does not grow."""
    return tree.map(lambda x: (x + case.normal(*x.shape)) / 4, p)


def random_like(p, seed):
    """Such numbers for the Params of one layer."""
    return smaller(p, Case(seed, p.W.dtype, "contiguous"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETS)
@quick
@given(D=st.integers(1, 5), H=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_the_same_outputs_before_and_after_the_way_through_torch(
    tmp_path_factory, name, dtype, D, H, seed
):
    net, make = NETS[name]
    kind, bound = DTYPES[dtype]
    path = tmp_path_factory.getbasetemp() / "net.safetensors"
    rng = np.random.default_rng(seed)
    p = random_like(net.init(rng, D, H, dtype), seed)
    x = rng.normal(size=(4, 3, D)).astype(dtype)

    io.save(path, p)
    module = make(D, H, dtype=kind)
    module.load_state_dict(safetensors.torch.load_file(path))
    np.testing.assert_allclose(run(net, p, x), run_torch(module, x), rtol=0, atol=bound)
    tree.map(np.testing.assert_array_equal, p, io.load(path, p))

    torch.manual_seed(seed % 2**31)
    module = make(D, H, dtype=kind)  # random weights, and two random biases
    safetensors.torch.save_file(module.state_dict(), path)
    theirs = io.load(path, p)
    np.testing.assert_allclose(run(net, theirs, x), run_torch(module, x), rtol=0, atol=bound)
    assert all(leaf.flags.c_contiguous and leaf.dtype == dtype for _, leaf in tree.leaves(theirs))


DIRECTIONS = {False: lambda net: net, True: recurrent.bidirectional}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("both", DIRECTIONS)
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
@settings(max_examples=15, deadline=None)
@given(D=st.integers(1, 4), H=st.integers(1, 4), depth=st.integers(1, 3), seed=st.integers(0, 99))
@example(D=3, H=2, depth=2, seed=0)
def test_layers_and_directions_are_those_of_one_module(
    tmp_path_factory, name, both, dtype, D, H, depth, seed
):
    net, make = NETS[name]
    kind, bound = DTYPES[dtype]
    path, rng = tmp_path_factory.getbasetemp() / "net.safetensors", np.random.default_rng(seed)
    net = recurrent.stack(DIRECTIONS[both](net), depth)
    p = smaller(net.init(rng, D, H, dtype), Case(seed, dtype, "contiguous"))
    x = rng.normal(size=(4, 3, D)).astype(dtype)

    def ours(p):
        return net.forward(p, x, net.start(p, 3))[0][0]

    io.save(path, p)
    torch.manual_seed(seed)
    module = make(D, H, depth, bidirectional=both, dtype=kind)
    module.load_state_dict(safetensors.torch.load_file(path))
    np.testing.assert_allclose(ours(p), run_torch(module, x), rtol=0, atol=bound)
    tree.map(np.testing.assert_array_equal, p, io.load(path, p))

    module = make(D, H, depth, bidirectional=both, dtype=kind)  # random weights and biases
    safetensors.torch.save_file(module.state_dict(), path)
    np.testing.assert_allclose(ours(io.load(path, p)), run_torch(module, x), rtol=0, atol=bound)


P = dense.Params(np.arange(6.0).reshape(3, 2), np.ones(2))
BOTH, ABOVE = (recurrent.bidirectional(gru).init(np.random.default_rng(0), D, 2) for D in (3, 4))
ONE, ANOTHER = gru.init(np.random.default_rng(0), 3, 2), lstm.init(np.random.default_rng(0), 2, 2)


@pytest.mark.parametrize("p, layers", [
    ((BOTH, ABOVE), ["{}_l0", "{}_l0_reverse", "{}_l1", "{}_l1_reverse"]),
    (BOTH, ["{}_l0", "{}_l0_reverse"]),
    ((ONE,), ["{}_l0"]),
    ((ONE, ONE), ["{}_l0", "{}_l1"]),
    (((ONE, ONE), P), ["0.{}_l0", "0.{}_l1"]),
    # Of two kinds, or with one and with both directions: two modules of PyTorch.
    ((ONE, ANOTHER), ["0.{}_l0", "1.{}_l0"]),
    ((BOTH, ONE), ["0.{}_l0", "0.{}_l0_reverse", "1.{}_l0"]),
    (recurrent.Both(ONE, ANOTHER), ["ahead.{}_l0", "back.{}_l0"]),
])  # fmt: skip
def test_names_of_layers_and_directions(path, p, layers):
    io.save(path, p)
    arrays = "weight_ih", "weight_hh", "bias_ih", "bias_hh"
    found = {name for name in load_file(path) if "_l" in name}
    assert found == {layer.format(name) for name in arrays for layer in layers}
    tree.map(np.testing.assert_array_equal, p, io.load(path, p))


@pytest.mark.parametrize("dtype", DTYPES)
@quick
@given(O=st.integers(1, 4), C=st.integers(1, 4), I=st.integers(1, 3), J=st.integers(1, 4),
       seed=st.integers(0, 99))
def test_a_convolution(tmp_path_factory, dtype, O, C, I, J, seed):  # noqa: E741
    kind, bound = DTYPES[dtype]
    path, rng = tmp_path_factory.getbasetemp() / "net.safetensors", np.random.default_rng(seed)
    p = smaller(conv.init(rng, O, C, I, J, dtype), Case(seed, dtype, "contiguous"))
    x = (rng.normal(size=(2, C, 5, 6)) / 4).astype(dtype)  # small, as the weights

    def ours(p):
        return conv.forward(p, x, stride=2, padding=1)[0]

    io.save(path, p)
    module = torch.nn.Conv2d(C, O, (I, J), stride=2, padding=1, dtype=kind)
    module.load_state_dict(safetensors.torch.load_file(path))
    np.testing.assert_allclose(ours(p), run_torch(module, x), rtol=0, atol=bound)
    tree.map(np.testing.assert_array_equal, p, io.load(path, p))

    torch.manual_seed(seed)
    module = torch.nn.Conv2d(C, O, (I, J), stride=2, padding=1, dtype=kind)
    safetensors.torch.save_file(module.state_dict(), path)
    np.testing.assert_allclose(ours(io.load(path, p)), run_torch(module, x), rtol=0, atol=bound)


class Net(torch.nn.Module):
    """The module with the names of classifier.Params."""

    def __init__(self, D, H, C):
        super().__init__()
        self.rnn = torch.nn.RNN(D, H, dtype=torch.float64)
        self.readout = torch.nn.Linear(H, C, dtype=torch.float64)

    def forward(self, x):
        return self.readout(self.rnn(x)[1][0])


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_embedding(tmp_path, dtype):
    path, tokens = tmp_path / "net.safetensors", np.array([[1, 1], [4, 0]])
    p = embedding.init(np.random.default_rng(0), 5, 3, dtype)
    io.save(path, p)
    module = torch.nn.Embedding(5, 3, dtype=DTYPES[dtype][0])
    module.load_state_dict(safetensors.torch.load_file(path))
    np.testing.assert_array_equal(embedding.forward(p, tokens)[0], run_torch(module, tokens))
    np.testing.assert_array_equal(io.load(path, p).E, p.E)


def test_a_net_of_parts_is_a_module_with_attributes(tmp_path):
    path, rng = tmp_path / "net.safetensors", np.random.default_rng(0)
    p = random_like_all(classifier.init(rng, 3, 4, 2))
    io.save(path, p)
    module = Net(3, 4, 2)
    module.load_state_dict(safetensors.torch.load_file(path))
    x = rng.normal(size=(5, 6, 3))
    np.testing.assert_allclose(classifier.forward(p, x)[0], run_torch(module, x), atol=1e-12)


def random_like_all(p):
    return type(p)(*(random_like(part, seed) for seed, part in enumerate(p)))


def test_a_tuple_of_layers_is_a_sequential(tmp_path):
    path, rng = tmp_path / "net.safetensors", np.random.default_rng(0)
    layers = dense.stack_init(rng, (3, 4, 2))
    io.save(path, layers)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2)).double()
    module.load_state_dict(safetensors.torch.load_file(path))
    x = rng.normal(size=(5, 3))
    ours = dense.forward(layers[1], dense.forward(layers[0], x)[0])[0]
    np.testing.assert_allclose(ours, run_torch(module, x), atol=1e-12)
    loaded = io.load(path, layers)
    assert type(loaded) is tuple
    tree.map(np.testing.assert_array_equal, layers, loaded)


@pytest.mark.parametrize("layout", ["strided", "columns first", "reversed", "read only"])
def test_views_are_written_by_their_entries(tmp_path, layout):
    case, path = Case(0, "f8", layout), tmp_path / "net.safetensors"
    p = dense.Params(case.normal(4, 3), case.normal(3))
    io.save(path, p)
    tree.map(np.testing.assert_array_equal, p, io.load(path, p))


@pytest.fixture
def path(tmp_path):
    io.save(tmp_path / "net.safetensors", P)
    return tmp_path / "net.safetensors"


def damaged(change):
    def act(path):
        path.write_bytes(change(path.read_bytes()))

    return act


def edited(**changes):
    def act(path):
        arrays = load_file(path) | changes
        save_file({name: x for name, x in arrays.items() if x is not None}, path)

    return act


BAD = {
    "empty": (damaged(lambda data: b""), "expected an undamaged safetensors file, got 0 bytes"),
    "truncated": (damaged(lambda data: data[:-1]), "expected an undamaged safetensors file"),
    "head only": (damaged(lambda data: data[:20]), "expected an undamaged safetensors file"),
    "too long": (damaged(lambda data: data + b"\0"), "expected an undamaged safetensors file"),
    "no header": (damaged(lambda data: b"\xff" * 8 + data), "expected an undamaged"),
    "header": (damaged(lambda data: data.replace(b"F64", b"F63")), "expected an undamaged"),
    "zip": (damaged(lambda data: b"PK\x03\x04" + data), "expected an undamaged"),
    "missing": (edited(bias=None), "expected the names bias, weight, got weight"),
    "left over": (edited(more=np.ones(2)), "expected the names bias, weight, got bias, more, wei"),
    "renamed": (edited(bias=None, b=np.ones(2)), "expected the names bias, weight, got b, weight"),
    "shape": (edited(weight=np.ones((3, 2))), r"weight: expected shape \(2, 3\), got \(3, 2\)"),
    "axes": (edited(bias=np.ones((2, 1))), r"bias: expected shape \(2,\), got \(2, 1\)"),
    "precision": (edited(bias=np.ones(2, "f4")), "bias: expected float64, got float32"),
    "integers": (edited(bias=np.ones(2, "i8")), "bias: expected float64, got int64"),
    "nan": (edited(bias=np.array([1, np.nan])), r"bias: expected finite numbers, got nan at"),
    "infinite": (edited(weight=np.full((2, 3), np.inf)), "weight: expected finite numbers, got"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_and_nothing_is_loaded(path, case):
    act, message = BAD[case]
    act(path)
    like = tree.map(np.copy, P)
    with pytest.raises(ValueError, match=message):
        io.load(path, like)
    tree.map(np.testing.assert_array_equal, like, P)


STACK = recurrent.stack(recurrent.bidirectional(lstm), 2)
IMAGES = conv.init(np.random.default_rng(0), 4, 3, 2, 5)
OTHERS = [
    ("stack", {"weight_ih_l1_reverse": None}, "expected the names bias_hh_l0, bias_hh_l0_reverse,"),
    ("stack", {"weight_ih_l2": np.ones((8, 4))}, "expected the names bias_hh_l0, bias_hh_l0_rever"),
    ("stack", {"weight_ih_l1": np.ones((8, 2))},
     r"weight_ih_l1: expected shape \(8, 4\), got \(8, 2\)"),
    ("stack", {"weight_hh_l0_reverse": np.ones((6, 2))},
     r"weight_hh_l0_reverse: expected shape \(8, 2\), got \(6, 2\)"),
    ("stack", {"bias_hh_l1": np.full(8, np.nan)}, "bias_hh_l1: expected finite numbers, got nan"),
    ("stack", {"bias_ih_l0": np.ones(8, "f4")}, "bias_ih_l0: expected float64, got float32"),
    ("conv", {"bias": None}, "expected the names bias, weight, got weight"),
    ("conv", {"weight": np.ones((3, 4, 2, 5))},
     r"weight: expected shape \(4, 3, 2, 5\), got \(3, 4, 2, 5\)"),
    ("conv", {"weight": np.ones((4, 3, 5, 2))},
     r"weight: expected shape \(4, 3, 2, 5\), got \(4, 3, 5, 2\)"),
    ("conv", {"weight": np.ones((4, 30))},
     r"weight: expected shape \(4, 3, 2, 5\), got \(4, 30\)"),
]


@pytest.mark.parametrize("name, changes, message", OTHERS)
def test_a_bad_file_of_another_net_is_refused(path, name, changes, message):
    p = {"stack": STACK.init(np.random.default_rng(0), 3, 2), "conv": IMAGES}[name]
    io.save(path, p)
    edited(**changes)(path)
    with pytest.raises(ValueError, match=message):
        io.load(path, p)


@pytest.mark.parametrize("like", [
    STACK.init(np.random.default_rng(0), 3, 2)[:1], STACK.init(np.random.default_rng(0), 3, 2)[0],
    lstm.init(np.random.default_rng(0), 3, 2), IMAGES,
])  # fmt: skip
def test_a_file_of_another_depth_or_direction_is_refused(path, like):
    io.save(path, STACK.init(np.random.default_rng(0), 3, 2))
    with pytest.raises(ValueError, match="expected the names .*, got bias_hh_l0, bias_hh_l0_reve"):
        io.load(path, like)


@pytest.mark.parametrize("cut", [1, 7, 100, 900])
def test_a_truncated_file_of_a_stack_is_refused(path, cut):
    p = STACK.init(np.random.default_rng(0), 3, 2)
    io.save(path, p)
    damaged(lambda data: data[:-cut])(path)
    with pytest.raises(ValueError, match="expected an undamaged safetensors file"):
        io.load(path, p)


@quick
@given(data=st.data())
def test_any_flipped_byte_of_the_header_is_refused_or_harmless(tmp_path_factory, data):
    """Only the entries themselves can change unseen; names, shapes and kinds cannot."""
    path = tmp_path_factory.getbasetemp() / "flipped.safetensors"
    io.save(path, P)
    raw = bytearray(path.read_bytes())
    size = 8 + int.from_bytes(raw[:8], "little")
    at = data.draw(st.integers(0, size - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    try:
        loaded = io.load(path, P)
    except ValueError:
        return
    assert [x.shape for x in loaded] == [x.shape for x in P]
    assert sorted(np.concatenate([x.ravel() for x in loaded])) == sorted(
        np.concatenate([x.ravel() for x in P])
    )


def test_another_net_is_refused_by_its_names(path):
    with pytest.raises(ValueError, match="expected the names bias_hh_l0, bias_ih_l0, weight_hh_l0"):
        io.load(path, rnn.init(np.random.default_rng(0), 3, 2))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        io.load(tmp_path / "nowhere.safetensors", P)


def test_a_failed_save_leaves_the_old_file_and_no_other(path):
    before = path.read_bytes()
    with pytest.raises(ValueError, match="p.b: expected finite numbers"):
        io.save(path, P._replace(b=np.array([1.0, np.inf])))
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


def test_a_kill_while_writing_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(io.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        io.save(path, tree.map(np.zeros_like, P))
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


def test_without_safetensors_the_error_says_what_to_install(monkeypatch, path):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match="pip install safetensors"):
        io.load(path, P)


class Scale(NamedTuple):
    s: np.ndarray


def test_an_entry_of_the_table_is_all_that_a_new_layer_needs(tmp_path, monkeypatch):
    layout = io.Layout(lambda p: {"scale": p.s}, lambda found: Scale(found["scale"]), ("N",))
    monkeypatch.setitem(io.LAYOUTS, Scale, layout)
    p = (Scale(np.arange(3.0)), P)
    io.save(tmp_path / "net", p)
    assert set(load_file(tmp_path / "net")) == {"0.scale", "1.weight", "1.bias"}
    tree.map(np.testing.assert_array_equal, p, io.load(tmp_path / "net", p))


MISUSE = [
    (lambda f: io.save(f, [P]), TypeError, "p: expected Params nested in tuples, got list"),
    (lambda f: io.save(f, ()), TypeError, "p: expected Params nested in tuples, got an empty"),
    (lambda f: io.save(f, np.ones(3)), TypeError, "p: expected Params nested in tuples, got nda"),
    (lambda f: io.save(f, (P, {})), TypeError, "1: expected Params nested in tuples, got dict"),
    (lambda f: io.save(f, P._replace(W=P.W.astype("f2"))), ValueError, "p.W: expected float32 or"),
    (lambda f: io.save(f, P._replace(W=P.W + 1j)), ValueError, "p.W.dtype: expected np.float32"),
    (lambda f: io.save(f, P._replace(b=[1.0])), TypeError, "p.b: expected arrays nested in tuples"),
    (lambda f: io.load(f, None), TypeError, "like: expected Params nested in tuples, got NoneType"),
]


@pytest.mark.parametrize("call, error, message", MISUSE)
def test_malformed_calls_are_refused(path, call, error, message):
    with pytest.raises(error, match=message):
        call(path)
