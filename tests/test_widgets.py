"""The widgets: their formulas against the library, and their behaviour in a real browser."""

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import comm
import derived
import numpy as np
import pydata_sphinx_theme
import pytest
import traitlets

from fnnlib import activations, losses, rnn, tree
from fnnlib.symbolic import D, Derivation, array, define, index, size, total
from fnnlib.widgets import (
    ActivationExplorer,
    DigitsPanel,
    GradientFlow,
    LossExplorer,
    TrainingLab,
    share_once,
)
from fnnlib.widgets.base import SHARED

EXACT = {"rtol": 1e-12, "atol": 1e-12}
TRAINED = {"rtol": 0, "atol": 1e-9}
CONSTANTS = {"a": 0.01}
MAKE = {
    "activations": lambda **s: ActivationExplorer(derived.activations(), CONSTANTS, **s),
    "losses": lambda **s: LossExplorer(**derived.losses(), **s),
    "gradient_flow": lambda **s: GradientFlow(derived.slopes(), **s),
    "training_lab": lambda **s: TrainingLab(derived.backpropagation_through_time(), **s),
}
every_widget = pytest.mark.parametrize("name", MAKE)
THEME = Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme/static/styles"
PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>A page</title>
<link rel="stylesheet" href="{styles}/pydata-sphinx-theme.css"></head>
<body style="padding: 16px"><main class="bd-content" style="display: block">
<div class="cell_output"><div class="output text_html">{body}</div></div></main></body></html>"""


def html(widget):
    return widget._repr_mimebundle_()[0]["text/html"]


@pytest.fixture
def show(tmp_path, visit):
    """Write widgets into a page, open it from the file system, and check it is quiet at the end."""
    visits = []

    def shown(*widgets, query="", theme="light", **options):
        body = share_once("<p>Prose.</p>".join(map(html, widgets)))
        path = tmp_path / "page.html"
        path.write_text(PAGE.format(theme=theme, body=body, styles=THEME.as_uri()), encoding="utf8")
        visits.append(visit(path.as_uri() + query, theme=theme, **options))
        page = visits[-1].page
        if options.get("java_script_enabled", True):
            keys = [w.key for w in widgets]
            page.wait_for_function(
                "keys => keys.every(k => fnnlib.widgets[k]?.el.querySelector('svg[viewBox]'))",
                arg=keys,
            )
        return page

    yield shown
    for seen in visits:
        assert seen.errors == []
        assert seen.outside == []


def value(page, expression, argument=None):
    """A value computed in the page; JSON carries every finite double unchanged."""
    return page.evaluate(f"(given) => {{ const {{ widgets }} = fnnlib; {expression} }}", argument)


def picture(page, key):
    """What the pictures of a widget show now."""
    return page.eval_on_selector_all(
        f"#fnnlib-{key} svg[role=img]", "all => all.map((one) => one.innerHTML).join()"
    )


# The formulas against the library.


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "leaky_relu", "softplus"])
def test_activations_agree(show, name):
    page = show(MAKE["activations"]())
    z = np.concatenate([np.random.default_rng(0).normal(size=200) * 5, [0.0, -710, 710, 1e4, -1e4]])
    for suffix, f in (("value", name), ("slope", f"{name}_prime")):
        ours = value(
            page,
            "const f = widgets.activations.maths[given.name];"
            "return given.z.map((z) => f({ z, a: 0.01 }));",
            {"name": f"{name}_{suffix}", "z": z.tolist()},
        )
        np.testing.assert_allclose(ours, getattr(activations, f)(z), **EXACT, err_msg=f)


@pytest.mark.parametrize("C", [2, 3, 5])
def test_losses_agree(show, C):
    page = show(MAKE["losses"]())
    for z in np.random.default_rng(C).normal(size=(20, C)) * 4:
        target = int(abs(z[0]) * 100) % C
        ours = value(
            page,
            "const { maths, example, gradient } = widgets.losses;"
            "const given_ = example(given.z, given.target);"
            "return ['cross_entropy', 'squared_error'].map((n) => "
            "  [maths[n](given_), gradient(n, given_)]);",
            {"z": z.tolist(), "target": target},
        )
        p, y = activations.softmax(z), np.eye(C)[target]
        cross, cache = losses.softmax_cross_entropy(z, np.array(target))
        square, square_cache = losses.squared_error(p, y)
        dp = losses.squared_error_backward(1.0, square_cache)
        expected = [
            (cross, losses.softmax_cross_entropy_backward(1.0, cache)),
            (square, activations.softmax_backward(dp, p)),
        ]
        for (loss, gradient), (right_loss, right_gradient) in zip(ours, expected, strict=True):
            np.testing.assert_allclose(loss, right_loss, **EXACT)
            np.testing.assert_allclose(gradient, right_gradient, **EXACT)


def flow_with_the_library(U, T):
    """States and gradients of the gradient-flow net, by fnnlib.rnn."""
    H = len(U)
    x = np.zeros((T, 1, 1))
    x[0] = 1
    p = rnn.Params(np.eye(1, H), U, np.zeros(H))
    (h, _), cache = rnn.forward(p, x, rnn.State(np.zeros((1, H))))
    # dL/dh_t is what the steps after t send back, so the net is run backward from every t.
    gradients = [np.eye(1, H)[0]]
    ds = rnn.State(np.eye(1, H))
    for t in reversed(range(T)):
        before = h[t - 1] if t else np.zeros((1, H))
        _, step = rnn.step(p, x[t], rnn.State(before))
        _, _, ds = rnn.step_backward(ds, step)
        gradients.insert(0, ds.h[0])
    _, _, ds_0 = rnn.backward((np.zeros_like(h), rnn.State(np.eye(1, H))), cache)
    np.testing.assert_allclose(gradients[0], ds_0.h[0], **EXACT)
    return np.concatenate([np.zeros((1, H)), h[:, 0]]), np.array(gradients)


@pytest.mark.parametrize("state", [
    {"weight": 0.8, "steps": 12}, {"weight": -1.7, "steps": 25}, {"weight": 0.0, "steps": 2},
    {"units": 2, "radius": 1.2, "angle": 35, "steps": 20},
    {"units": 2, "radius": 0.5, "angle": 180},
])  # fmt: skip
def test_gradient_flow_agrees(show, state):
    widget = MAKE["gradient_flow"](activation="tanh", **state)
    page = show(widget)
    ours = value(
        page,
        "const { run, model, matrix } = widgets.gradient_flow;"
        "return run({ activation: 'tanh', U: matrix(model), T: model.get('steps') });",
    )
    h, g = flow_with_the_library(widget._matrix(), widget.steps)
    np.testing.assert_allclose(ours["h"], h, **EXACT)
    np.testing.assert_allclose(ours["g"], g, **EXACT)


@pytest.mark.parametrize("name", ["tanh", "identity", "relu", "sigmoid"])
def test_gradient_flow_agrees_for_every_activation(show, name):
    page = show(MAKE["gradient_flow"]())
    rng = np.random.default_rng(1)
    U, W, b = rng.normal(size=(3, 3)), rng.normal(size=(2, 3)), rng.normal(size=3)
    x, h, rate = rng.normal(size=2), rng.normal(size=3), rng.normal(size=3)
    given = {"U": U, "W": W, "b": b, "x": x, "h": h, "lambda_": rate}
    ours = value(
        page,
        "const { maths } = widgets.gradient_flow;"
        "return ['step', 'back'].map((way) => "
        "  [0, 1, 2].map((i) => maths[`${given.name}_${way}`](i, given)));",
        {"name": name, "H": 3, "D": 2} | {k: v.tolist() for k, v in given.items()},
    )
    a = x @ W + h @ U + b
    f = getattr(activations, name, lambda a: a)
    df = getattr(activations, f"{name}_prime", np.ones_like)
    np.testing.assert_allclose(ours, [f(a), (rate * df(a)) @ U.T], **EXACT)


@pytest.mark.parametrize("settings", [
    {}, {"hidden": 2, "delay": 6, "seed": 99}, {"hidden": 12, "delay": 1, "learning_rate": 0.5},
])  # fmt: skip
def test_lab_trains_like_the_library(show, settings):
    widget = MAKE["training_lab"](**settings)
    page = show(widget)
    ours = value(
        page,
        "const { run, model, SPEC } = widgets.training_lab;"
        "const state = Object.fromEntries(Object.keys(SPEC).map((n) => [n, model.get(n)]));"
        "const { p, losses, norms } = run(50, state); return { p, losses, norms };",
    )
    steps = widget.run(50)
    for name, leaf in tree.leaves(steps[-1].params):
        part, field = name.split(".")
        js = field if part == "0" else {"W": "V", "b": "c"}[field]
        np.testing.assert_allclose(ours["p"][js], leaf, **TRAINED, err_msg=name)
    np.testing.assert_allclose(ours["losses"], [s.loss for s in steps], **TRAINED)
    np.testing.assert_allclose(ours["norms"], [s.norm for s in steps], **TRAINED)


def test_lab_learns(show):
    steps = MAKE["training_lab"]().run(300)
    assert steps[0].loss > 0.3
    assert steps[-1].loss < 0.01


# Behaviour in the page.


@every_widget
def test_every_control_works_from_the_keyboard_and_moves_the_picture(show, name):
    state = {"units": 2} if name == "gradient_flow" else {}
    page = show(MAKE[name](**state))
    controls = page.locator(f"#fnnlib-{name} :is(input, select):visible")
    assert controls.count() >= 4
    seen = set()
    for k in range(controls.count()):
        control = controls.nth(k)
        assert control.evaluate("c => c.labels.length === 1 && c.labels[0].textContent.trim()")
        before = picture(page, name), told(page, name)
        # The way there is the Tab key, from the control before.
        if k == 0:
            control.focus()
        else:
            page.keyboard.press("Tab")
        assert control.evaluate("c => c === document.activeElement")
        what, kind = control.get_attribute("name"), control.get_attribute("type")
        keys = ("ArrowLeft", "ArrowRight") if what == "units" else ("ArrowRight", "ArrowLeft")
        page.keyboard.press("Space" if kind == "checkbox" else keys[0])
        # Comparing a function with itself changes nothing, nor does the rate before training.
        if (what, control.get_attribute("value")) not in UNMOVED:
            assert (picture(page, name), told(page, name)) != before
            seen.add(what)
        page.keyboard.press(keys[1])
    assert seen >= set(MAKE[name]().spec()) - {"weight", "learning_rate"}


UNMOVED = {("compare", "sigmoid"), ("compare", "tanh"), ("learning_rate", None)}


def told(page, name):
    """What the widget says about its state."""
    return page.inner_text(f"#fnnlib-{name} p.status")


def test_learning_rate_changes_the_next_step(show):
    page = show(MAKE["training_lab"]())
    weights = []
    for rate in (0.1, 0.5):
        value(page, "widgets.training_lab.model.set('learning_rate', given)", rate)
        page.click("text=Reset")
        page.click("text=Step >> nth=0")
        page.click("text=Step >> nth=0")
        weights.append(told(page, "training_lab"))
    assert weights[0] != weights[1]


@every_widget
def test_point_is_described_without_seeing_it(show, name):
    page = show(MAKE[name]())
    labels = page.eval_on_selector_all("svg[role=img]", "all => all.map(s => s.ariaLabel)")
    assert all(labels)
    assert page.locator("[role=status]").first.inner_text() != ""


def test_the_point_follows_the_pointer(show):
    page = show(MAKE["activations"]())
    box = page.locator("#fnnlib-activations svg[role=img]").first.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 40, box["y"] + 80)
    page.mouse.up()
    assert value(page, "return widgets.activations.model.get('z')") == -6


@every_widget
@pytest.mark.parametrize("width", [320, 360])
def test_phone(show, name, width):
    page = show(MAKE[name](), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ends = page.eval_on_selector_all(
        ".fnnlib :is(button, input, select, svg)",
        "all => all.map((e) => e.getBoundingClientRect().right)",
    )
    assert max(ends) <= width


@every_widget
def test_text_of_pictures_stays_inside_and_apart(show, name):
    """No two words of a picture overlap, and none is cut off, wide or narrow."""
    for width in (360, 760):
        page = show(MAKE[name](), width=width)
        clashes = page.evaluate(
            """() => [...document.querySelectorAll('svg[role=img]')].flatMap((svg) => {
              const frame = svg.getBoundingClientRect();
              const words = [...svg.querySelectorAll('text')].filter((t) => t.textContent);
              const boxes = words.map((t) => [t.textContent, t.getBoundingClientRect()]);
              const holds = (b) => b.left > frame.left - 1 && b.right < frame.right + 1
                && b.top > frame.top - 1 && b.bottom < frame.bottom + 1;
              const meet = (a, b) => a.left < b.right && b.left < a.right
                && a.top + 3 < b.bottom && b.top + 3 < a.bottom;
              const pairs = boxes.flatMap(([s, a], k) =>
                boxes.slice(k + 1).filter(([, b]) => meet(a, b)).map(([t]) => [s, t]));
              return [...boxes.filter(([, b]) => !holds(b)).map(([s]) => s), ...pairs];
            })"""
        )
        assert clashes == [], f"{width} px"


def luminance(rgb):
    parts = [float(v) / 255 for v in re.findall(r"[\d.]+", rgb)[:3]]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_stand_out_in_both_themes(show, theme):
    everything = ["tanh", "relu", "leaky_relu", "softplus"]
    page = show(MAKE["activations"](compare=everything), theme=theme)
    background = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert (background < 0.1) == (theme == "dark")
    # The theme puts outputs on a light box in dark mode; widgets stand on the page itself.
    box = page.eval_on_selector(".text_html", "e => getComputedStyle(e).backgroundColor")
    assert box == "rgba(0, 0, 0, 0)"

    def contrast(selector, style):
        colour = page.eval_on_selector(selector, f"e => getComputedStyle(e).{style}")
        low, high = sorted([background, luminance(colour)])
        return (high + 0.05) / (low + 0.05)

    for k in range(5):
        assert contrast(f".fnnlib .line.s{k}", "stroke") >= 3
    for selector, style in ((".status", "color"), (".axes text", "fill"), ("button", "color")):
        assert contrast(f".fnnlib {selector}", style) >= 4.5


@every_widget
def test_state_travels_in_the_address(show, name):
    start = {k: v for k, v in MAKE[name]().state().items() if k in MAKE[name]().spec()}
    page = show(MAKE[name]())
    for slider in page.locator("input[type=range]:visible").all():
        slider.press("ArrowRight")
    read = "const { model, SPEC } = widgets[given];" \
        "return Object.fromEntries(Object.keys(SPEC).map((n) => [n, model.get(n)]));"
    changed = value(page, read, name)
    assert changed != start
    page.click("text=Copy link")
    page.wait_for_function("document.querySelector('.footer [role=status]').textContent")
    link = page.locator(".footer input").input_value()
    other = show(MAKE[name](), query="?" + link.split("?", 1)[1])
    assert value(other, read, name) == changed
    assert picture(other, name) == picture(page, name)
    other.click("text=Start values")
    assert value(other, read, name) == start


@pytest.mark.parametrize(("query", "trait", "expected"), [
    ("z=1e99", "z", 6), ("z=-1e99", "z", -6), ("z=NaN", "z", 1), ("z=", "z", 1), ("z=%22", "z", 1),
    ("function=alert", "function", "sigmoid"), ("function=relu", "function", "relu"),
    ("compare=relu,nothing", "compare", ["tanh"]), ("compare=", "compare", []),
    ("__proto__=1", "z", 1), ("unknown=1", "z", 1),
])  # fmt: skip
def test_a_foreign_address_does_no_harm(show, query, trait, expected):
    page = show(MAKE["activations"](), query=f"?activations.{query}")
    assert value(page, "return widgets.activations.model.get(given)", trait) == expected


def test_two_widgets_of_one_class_keep_their_own_state(show):
    page = show(MAKE["losses"](key="first"), MAKE["losses"](key="second"), query="?second.target=2")
    targets = value(page, "return ['first', 'second'].map((k) => widgets[k].model.get('target'))")
    assert targets == [1, 2]


@every_widget
def test_a_picture_stands_in_without_scripts(show, name):
    page = show(MAKE[name](), java_script_enabled=False)
    drawn = page.locator("noscript svg")
    assert drawn.count() == 1
    box = drawn.bounding_box()
    assert box["width"] > 300
    assert box["height"] > 150
    assert drawn.get_attribute("aria-label")
    assert not re.search(r"nan|inf", drawn.inner_html(), flags=re.IGNORECASE)


@every_widget
def test_print_shows_the_picture_and_no_buttons(show, name):
    page = show(MAKE[name]())
    page.emulate_media(media="print")
    assert page.locator("svg[role=img]").first.is_visible()
    assert page.locator("button:visible, input[type=range]:visible").count() == 0


def test_paper_shows_a_trained_net_and_the_page_does_not_keep_it(show):
    page = show(MAKE["training_lab"]())
    page.evaluate("addEventListener('beforeprint', () => globalThis.printed ="
                  " document.querySelector('p.status').textContent)")  # fmt: skip
    page.pdf()
    assert page.evaluate("printed").startswith("Step 150:")
    assert told(page, "training_lab").startswith("Not trained yet")


@pytest.mark.parametrize("rate", [2, 3, 10])
def test_divergence_is_explained_and_can_be_left(show, rate):
    page = show(MAKE["training_lab"](learning_rate=rate))
    page.click("text=Play")
    page.wait_for_function("document.querySelector('p.status').textContent.startsWith('Diverged')")
    assert "Lower the learning rate" in told(page, "training_lab")
    shown = page.inner_html("#fnnlib-training_lab > div")
    assert not re.search(r"NaN|Infinity|undefined|null", shown)
    assert page.locator("text=Play").is_disabled()
    assert np.isfinite(value(page, "return widgets.training_lab.model.get('loss')"))
    page.locator("input[name=learning_rate]").focus()
    page.keyboard.press("Home")
    page.click("text=Reset")
    page.click("text=Step >> nth=0")
    assert told(page, "training_lab").startswith("Step 1:")


EXTREMES = [
    ("activations", {"z": 0.0, "function": "relu"}),
    ("losses", {"logits": [8.0, -8.0, 8.0]}),
    ("gradient_flow", {"activation": "relu", "units": 2, "radius": 0.0, "angle": 180}),
    ("gradient_flow", {"activation": "identity", "weight": -2.0, "steps": 60}),
    ("gradient_flow", {"activation": "tanh", "weight": 2.0, "steps": 60}),
    ("gradient_flow", {"activation": "sigmoid", "weight": 0.0, "steps": 60}),
]


@pytest.mark.parametrize(("name", "state"), EXTREMES)
def test_extreme_states_show_numbers_only(show, name, state):
    page = show(MAKE[name](**state))
    assert not re.search(r"NaN|Infinity|undefined", page.inner_html(f"#fnnlib-{name} > div"))


def test_play_pause_step_reset(show):
    page = show(MAKE["training_lab"]())
    page.click("text=Step >> nth=0")
    assert told(page, "training_lab").startswith("Step 1:")
    page.click("text=Play")
    page.wait_for_function("fnnlib.widgets.training_lab.model.get('step') > 10")
    page.click("text=Pause")
    stopped = told(page, "training_lab")
    page.wait_for_timeout(100)
    assert told(page, "training_lab") == stopped
    page.click("text=Reset")
    assert told(page, "training_lab").startswith("Not trained yet")


def test_reduced_motion_redraws_once_a_second(show):
    page = show(MAKE["training_lab"](), reduced_motion="reduce")
    page.click("text=Play")
    before = picture(page, "training_lab")
    page.wait_for_timeout(300)
    assert picture(page, "training_lab") == before
    page.click("text=Pause")
    assert told(page, "training_lab").startswith("Step 50:")


LIVE = """async ([source, state]) => {
  const { default: widget } = await import(
    URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const [heard, saved] = [{}, []];
  const model = globalThis.model = {
    get: (name) => state[name],
    set: (name, value) => {
      state[name] = value;
      heard[`change:${name}`]?.forEach((act) => act());
    },
    on: (event, act) => (heard[event] ??= []).push(act),
    off: () => {}, send: () => {}, save_changes: () => saved.push({ ...state }),
  };
  globalThis.saved = saved;
  const el = document.querySelector("#here");
  await widget.render({ model, el });
}"""


@every_widget
def test_the_same_module_lives_with_a_kernel(visit, tmp_path, name):
    path = tmp_path / "empty.html"
    widget = MAKE[name]()
    around = " ".join(widget._dom_classes)
    path.write_text(f'<style>{widget._css}</style><div class="{around}" id="here"></div>', "utf8")
    seen = visit(path.as_uri())
    seen.page.evaluate(LIVE, [widget._esm, widget.state()])
    seen.page.wait_for_selector("svg[viewBox]")
    slider = seen.page.locator("input[type=range]:visible").first
    trait = slider.get_attribute("name")
    slider.press("ArrowRight")
    saved = seen.page.evaluate("saved.at(-1)")
    assert saved[trait] != widget.state()[trait]  # the page tells Python
    seen.page.evaluate("([name, value]) => model.set(name, value)", [trait, widget.state()[trait]])
    shown = seen.page.locator("output").first.inner_text()  # and Python the page
    assert shown == seen.page.locator("input[type=range]").first.get_attribute("aria-valuetext")
    widths = seen.page.eval_on_selector_all("svg[role=img]", "all => all.map(s => s.clientWidth)")
    assert min(widths) > 500  # the style sheet holds
    # JupyterLab leaves the arrow keys to what carries this mark.
    assert seen.page.locator(":is(input, select):not([data-lm-suppress-shortcuts])").count() == 0
    assert seen.errors == []


# In Python.


@every_widget
def test_the_first_message_to_the_page_holds_the_module(monkeypatch, name):
    sent = []
    create = comm.create_comm
    monkeypatch.setattr("comm.create_comm", lambda **given: sent.append(given) or create(**given))
    widget = MAKE[name]()
    opened = [given["data"]["state"] for given in sent]
    assert [state["_esm"] for state in opened if "_esm" in state] == [widget._esm]
    assert "export default" in widget._esm


@every_widget
def test_what_is_written_does_not_change(name):
    assert html(MAKE[name]()) == html(MAKE[name]())


@every_widget
def test_a_widget_is_small_and_what_is_shared_comes_once(name):
    own = SHARED.sub("", html(MAKE[name]()))
    assert len(own) < 17_000
    page = share_once("".join(html(make(key=key)) for key, make in MAKE.items()))
    assert page.count('<script data-fnnlib="shared">') == page.count("<style data-fnnlib") == 1
    assert page.count("host(document.currentScript") == len(MAKE)


@pytest.mark.parametrize(("name", "trait", "value", "wrong"), [
    ("activations", "z", -2.5, 7.0), ("activations", "function", "relu", "swish"),
    ("activations", "compare", ["softplus"], ["swish"]), ("activations", "threshold", 0.2, 0.5),
    ("losses", "logits", [1.0, 2.0, 3.0], [9.0, 0.0, 0.0]),
    ("losses", "logits", [0.0, 0.0, 1.0], [1.0, 2.0]), ("losses", "target", 2, 3),
    ("gradient_flow", "activation", "relu", "softplus"), ("gradient_flow", "units", 2, 3),
    ("gradient_flow", "weight", -1.0, 2.1), ("gradient_flow", "radius", 1.5, -0.1),
    ("gradient_flow", "angle", 90, 181), ("gradient_flow", "steps", 10, 1),
    ("training_lab", "learning_rate", 0.5, 11.0), ("training_lab", "delay", 1, 0),
    ("training_lab", "hidden", 3, 13), ("training_lab", "seed", 7, 100),
])  # fmt: skip
def test_traits_are_set_read_and_guarded(name, trait, value, wrong):
    widget = MAKE[name]()
    heard = []
    widget.observe(heard.append, trait)
    setattr(widget, trait, value)
    assert getattr(widget, trait) == widget.state()[trait] == value
    assert heard[0]["new"] == value
    with pytest.raises(traitlets.TraitError):
        setattr(widget, trait, wrong)
    assert json.loads(json.dumps(widget.get_state(trait)))[trait] == value  # what goes to the page


def other_loss():
    """A loss of logits and labels called otherwise than the widget expects."""
    C = size("C")
    z, r, j = array("z", C), array("r", C), index("j", C)
    loss = define("L", total(lambda k: (z[k] - r[k]) ** 2, C) / 2)
    return Derivation(D(loss, z[j]), "other").step(z[j] - r[j], "power rule")


def test_misuse_is_refused():
    twice = derived.activations()[:1] * 2
    with pytest.raises(ValueError, match="got a function twice"):
        ActivationExplorer(twice)
    with pytest.raises(ValueError, match=r"constants: expected a value for \['a'\]"):
        ActivationExplorer(derived.activations())
    formulas = derived.backpropagation_through_time()
    with pytest.raises(ValueError, match="expected only z, p and y, got"):
        LossExplorer(derived.losses()["cross_entropy"], other_loss())
    with pytest.raises(ValueError, match="formulas: expected"):
        TrainingLab({k: v for k, v in formulas.items() if k != "dU"})
    n = size("n")
    g, i = array("g", n), index("i", n)
    with pytest.raises(ValueError, match=r"\['g', 'n'\] not known"):
        TrainingLab(formulas | {"db": (total(lambda k: g[k], n) + g[i], [i])})


def test_the_lab_takes_other_names(show):
    renamed = TrainingLab(derived.backpropagation_through_time(), {"input": "x"})
    assert html(renamed) == html(MAKE["training_lab"]())


def test_panel_trains_the_digits():
    panel = DigitsPanel(hidden=32, epochs=6)
    for _ in panel.steps():
        assert panel.stop_button.disabled is False
    assert panel.bar.max == len(panel.history) == 138
    assert panel.bar.value == panel.bar.max
    assert panel.accuracy[-1][1] > 0.9
    assert panel.status.value.startswith("Finished: 138 steps")
    assert "<svg" in panel.curves.value
    assert (panel.train_button.disabled, panel.stop_button.disabled) == (False, True)


def test_panel_stops_at_a_click():
    async def session():
        panel = DigitsPanel(epochs=60)
        panel.train_button.click()
        while len(panel.history) < 5:
            await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="press Stop first"):
            panel.start()
        panel.stop_button.click()
        while panel.train_button.disabled:
            await asyncio.sleep(0)
        return panel

    with ThreadPoolExecutor() as thread:  # the browser of this session has a loop in ours
        panel = thread.submit(asyncio.run, session()).result()
    assert 5 <= len(panel.history) < panel.bar.max
    assert panel.status.value.startswith(f"Stopped: {len(panel.history)} steps")
    assert panel.params is panel.history[-1].params


def test_panel_names_divergence(monkeypatch):
    panel = DigitsPanel(hidden=4, epochs=1)
    monkeypatch.setattr(
        "fnnlib.classifier.loss_and_gradients", lambda p, batch: (np.inf, tree.map(np.copy, p))
    )
    assert list(panel.steps()) == []
    assert panel.status.value.startswith("Diverged (step 1: loss: expected a finite number")
    assert not panel.train_button.disabled
