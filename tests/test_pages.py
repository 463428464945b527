"""The prose pages say what the library does: their code runs, their formulas are its formulas."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from fnnlib import activations, dense, losses, rnn
from fnnlib.sphinx import run
from fnnlib.symbolic import emit, index
from fnnlib.symbolic.binding import expand_definitions
from fnnlib.symbolic.printing import MARKS
from fnnlib.symbolic.vocabulary import unfold

BOOK = Path(__file__).parents[1] / "book"
BLOCK = re.compile(r"^```\{run\}\n(?::[^\n]*\n)*(.*?)^```$", re.MULTILINE | re.DOTALL)
RNG = np.random.default_rng(0)
SIZES = {"T": 4, "B": 3, "D": 2, "H": 5, "C": 6}


def text(page):
    return (BOOK / f"{page}.md").read_text("utf8")


def executed(page):
    """The names that the blocks of a page make, and what the blocks show."""
    scope, shown = {"__name__": "__main__"}, []
    for source in BLOCK.findall(text(page)):
        printed, value = run.run(source, scope)
        shown.append(printed or run.markdown(value) or repr(value))
    return scope, shown


def normal(*axes):
    return RNG.normal(size=[SIZES[axis] for axis in axes])


@pytest.fixture(scope="module")
def notation():
    return executed("notation")[0]


def value(expression, free=(), at=(), **given):
    """The value of a formula of the notation page at arrays of numbers."""
    scope = {"np": np, **vars(activations)}
    exec(emit.numpy({"f": (expand_definitions(expression), list(free))}), scope)
    wanted = inspect.getfullargspec(scope["f"]).kwonlyargs
    return scope["f"](*at, **{name: {**SIZES, **given}[name] for name in wanted})


def test_the_first_page_proves_refuses_and_checks():
    scope, shown = executed("intro")
    assert scope["slope"].status == "proved"
    assert "Refused: first_example" in shown[2]
    assert shown[3].startswith("activations.sigmoid_prime agrees with first_example")


def test_a_reader_can_check_a_gradient():
    scope, shown = executed("reading")
    z = np.array([0.5])
    assert shown[0] == f"{scope['f_prime'](z).round(12)}\n"
    assert shown[1] == "True"
    assert "CheckFailed: backward gives" in shown[2]
    assert scope["own"].status == "proved"
    assert "f_prime agrees with your_own" in shown[4]


def test_memory_in_steps_is_what_the_page_says():
    _, [shown] = executed("speed")
    assert [line.split()[-1] for line in shown.splitlines()] == ["1.00", "7.00", "5.00"]
    for words in ("one array", "seven", "five"):
        assert words in text("speed")


def test_marks_are_those_of_the_printer():
    rows = re.findall(r"^\| \$(.*?)\$ \| (\w+) \|", text("reading"), re.MULTILINE)
    assert {status: mark for mark, status in rows} == MARKS


def test_shapes_are_those_of_the_library():
    shapes = dict(re.findall(r"^\| `(\w)` \| `\(([^)]*)\)`", text("notation"), re.MULTILINE))
    rng, D, H = np.random.default_rng(0), SIZES["D"], SIZES["H"]
    arrays = rnn.init(rng, D, H)._asdict()
    state = rnn.State(normal("B", "H"))
    (h, _), _ = rnn.forward(rnn.Params(**arrays), normal("T", "B", "D"), state)
    for name, array in {**arrays, "h": h}.items():
        axes = shapes[name].replace(",", " ").split()
        assert array.shape == tuple(SIZES[axis] for axis in axes), name


def test_a_layer_is_the_librarys(notation):
    x, W, b = normal("B", "D"), normal("D", "H"), normal("H")
    r, j = index("r", SIZES["B"]), index("j", SIZES["H"])
    ours = value(notation["bold"][0].base[r, j], [r, j], (1, 2), x=x, W=W, b=b)
    assert np.isclose(ours, dense.forward(dense.Params(W, b), x)[0][1, 2])


def test_a_recurrent_step_is_the_librarys(notation):
    p = rnn.Params(normal("D", "H"), normal("H", "H"), normal("H"))
    x, h0 = normal("T", "B", "D"), normal("B", "H")
    (h, _), _ = rnn.forward(p, x, rnn.State(h0))
    t, r, j = (index(name, 9) for name in "trj")
    rule = notation["h"].body(t, r, j)
    ours = value(rule, [t, r, j], (2, 1, 3), x=x, h=[h0, *h], **p._asdict())
    assert np.isclose(ours, h[1, 1, 3])  # h[1] is the state after step 2


LOSSES = {
    "squared": losses.squared_error,
    "binary": losses.binary_cross_entropy,
    "softmax": losses.softmax_cross_entropy,
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_the_librarys(notation, name):
    z, y = normal("B", "C"), activations.softmax(normal("B", "C"))
    ours = value(notation["means"][name], z=z, yhat=z, y=y)
    assert np.isclose(ours, LOSSES[name](z, y)[0])


@pytest.mark.parametrize("name", activations.ELEMENTWISE)
def test_an_activation_is_the_librarys(notation, name):
    u, alpha = notation["u"], notation["alpha"]
    arguments = (u, alpha) if name == "leaky_relu" else (u,)
    form = notation["tanh_pair"][1] if name == "tanh" else unfold(notation[name](*arguments))
    f, _ = activations.ELEMENTWISE[name]
    for z in (-0.7, 0.7):
        assert np.isclose(value(form, z=z, alpha=0.01), f(np.array([z]))[0])


GLOSSARY = re.search(r"```\{glossary\}\n(.*?)\n```", text("glossary"), re.DOTALL)[1].split("\n\n")


@pytest.mark.parametrize("entry", GLOSSARY, ids=lambda entry: entry.split("\n")[0])
def test_a_term_has_two_names_and_one_line(entry):
    english, chinese, meaning = entry.split("\n")
    assert english.isascii()
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert meaning.startswith("  ") and meaning.endswith(".")


def test_terms_are_in_order_and_told_apart():
    english, chinese = zip(*(entry.split("\n")[:2] for entry in GLOSSARY), strict=True)
    assert list(english) == sorted(english, key=str.lower)
    assert len(set(english)) == len(set(chinese)) == len(GLOSSARY)
