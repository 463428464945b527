"""What chapters show is the library's own text, the definition itself, the error itself."""

import inspect

import numpy as np
import pytest

from fnnlib import activations, dense, require, show
from fnnlib.symbolic import (
    Derivation,
    Misuse,
    array,
    define,
    index,
    recursive,
    scalar,
    sigmoid,
    size,
    softplus,
    tanh,
    total,
)

z = scalar("z")


def test_source_leaves_out_the_docstring_and_keeps_every_other_line():
    shown = show.source(activations.sigmoid).plain
    lines = inspect.getsource(activations.sigmoid).splitlines()
    ends = [n for n, line in enumerate(lines) if '"""' in line]
    kept = lines[: ends[0]] + lines[ends[-1] + 1 :]
    assert shown.splitlines() == kept and len(kept) > 2
    assert show.source(activations.sigmoid).markdown == f"```python\n{shown}\n```"


def test_source_shows_classes_and_several_things():
    shown = show.source(dense.Params, dense.backward).plain
    assert shown.startswith("class Params(NamedTuple):\n    W: np.ndarray  # (D, H)")
    assert "\n\n\ndef backward(dz, cache):\n    p, x, turn = " in shown


def test_shown_source_is_the_code_that_runs():
    scope = dict(vars(dense))
    exec(show.source(dense.forward).plain, scope)
    p, x = dense.Params(np.eye(2), np.ones(2)), np.array([[1.0, 2.0]])
    assert np.array_equal(scope["forward"](p, x)[0], dense.forward(p, x)[0])


def test_definitions_come_from_the_engine():
    n, T = size("n T")
    (i, j), t = index("i j", n), index("t", (1, T))
    w, a = array("w", n), scalar("a")
    p = define("p", lambda i: w[i] / total(lambda k: w[k], n), n)
    h = recursive("h", (0, T), n, start=0, rule=lambda t, i: tanh(a * h[t - 1, i]))
    shown = show.definition(p[j], h[t, i], softplus(z), (tanh(z), 2 * sigmoid(2 * z) - 1))
    assert shown.plain.splitlines() == [
        "p[j] = w[j]/Sum(w[_k], (_k, 0, n - 1))",
        "h[t, i] = tanh(a*h[t - 1, i])",
        "softplus(z) = log(exp(z) + 1)",
        "tanh(z) = 2*sigmoid(2*z) - 1",
    ]
    assert r"p_{j} &= \frac{w_{j}}{\sum_{k} w_{k}} \\" in shown.markdown


def test_a_definition_can_be_referred_to():
    named = show.definition(sigmoid(z), name="sigmoid_definition")
    assert named.markdown.endswith("$$ (eq-sigmoid-definition)")
    assert show.definition(sigmoid(z)).markdown.endswith("$$")


def test_what_has_no_meaning_has_no_definition():
    with pytest.raises(Misuse, match="W.* has no definition; give a pair"):
        show.definition(array("W", size("n"))[0])


def test_a_refusal_is_shown_with_its_kind():
    d = Derivation(sigmoid(-z), "reflected")
    said = show.refusal(d.step, sigmoid(z), "even").plain
    assert said.startswith('Refused: reflected, step 1, "even": the left side is ')
    assert max(map(len, said.splitlines())) <= 76
    assert "ValueError: x: expected" in show.refusal(require.floats, "x", np.arange(3)).markdown


def test_numpy_warnings_are_refusals_too():
    said = show.refusal(lambda: np.float64(np.inf) - np.float64(np.inf)).plain
    assert said.startswith("FloatingPointError: invalid value")


def test_an_attempt_that_succeeds_is_no_refusal():
    with pytest.raises(AssertionError, match="nothing was refused"):
        show.refusal(activations.sigmoid, np.zeros(1))
