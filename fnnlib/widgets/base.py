"""The base of all widgets: live in JupyterLab, and alive in a page that has no kernel."""

import inspect
import json
import math
import re
from pathlib import Path

import anywidget
import ipywidgets
import numpy as np
import traitlets

from fnnlib import activations
from fnnlib.symbolic import emit, index

HERE = Path(__file__).parent
NO_SCRIPT = "With scripts switched on, this picture has controls."
LEADING = re.compile(r"^\s*(?://.*\n)?", flags=re.MULTILINE)
SHARED = re.compile(r'<(script|style) data-fnnlib="shared">.*?</\1>\n', flags=re.DOTALL)


def read(name):
    """The text of a file beside this one, without indentation and comment lines."""
    return LEADING.sub("", (HERE / name).read_text(encoding="utf8"))


def toolkit():
    """JavaScript that every module builds on: ``kernel``, ``sum``, ``plot`` and ``ui``."""
    return "\n".join([emit.JS_KERNELS, read("plot.js"), read("ui.js")])


def share_once(page):
    """An HTML page in which the script and style that all widgets share occur only once."""
    first = {}
    return SHARED.sub(lambda m: m[0] if first.setdefault(m[0], m) is m else "", page)


def _in_script(text):
    return text.replace("</", "<\\/").replace("<!--", "<\\!--")


def formula(thing):
    """The pair (expression, [free indices]) of a derivation, an array with a rule, or such a pair.

    A derivation gives its last line, and the indices of what it differentiates by.
    """
    if isinstance(thing, tuple):
        return thing
    if hasattr(thing, "last"):
        return thing.last, list(getattr(thing.variable, "indices", ()))
    if hasattr(thing, "rule"):
        at = [index(f"i{k}", axis) for k, axis in enumerate(thing.axes)]
        return thing.rule(*at), at
    return thing, []


def words(formulas):
    """The names of arrays, sizes and scalars that formulas use."""
    exec(emit.numpy(formulas), known := {})
    return {name for f in formulas for name in _keywords(known[f])}


def _keywords(f):
    return {p.name for p in inspect.signature(f).parameters.values() if p.kind == p.KEYWORD_ONLY}


def _choosing(f):
    wanted = _keywords(f)
    return lambda *at, **given: f(*at, **{name: given[name] for name in wanted})


class BookWidget(anywidget.AnyWidget):
    """A widget made of traits, one ES module and formulas emitted from derivations.

    A subclass names its ``module`` (the ES module beside it, and its id on the page) and its
    ``title``, and declares its state as synced traits. A trait with a ``label`` can be set by the
    reader; further metadata (``step``, ``log``, ``options``) and its limits describe the control.
    Two widgets of one class on one page need different ``key``.
    """

    module: str
    title: str
    _esm = traitlets.Unicode().tag(sync=True)
    _css = read("style.css")

    def __init__(self, key=None, **state):
        self.key = key or self.module
        super().__init__(**state)
        self.add_class("fnnlib")  # what the style sheet looks for

    def open(self):
        """Send the widget to the page; its module must be there from the first message on."""
        self._body = self._script()
        self._esm = f"{toolkit()}\n{self._body}"
        super().open()

    def formulas(self):
        """What the module computes with: {function name: (expression, [free indices])}."""
        raise NotImplementedError

    def functions(self):
        """The same formulas as Python functions, by name; each takes what it needs by keyword."""
        known = {"np": np, **vars(activations)}
        exec(emit.numpy(self.formulas()), known)
        return {name: _choosing(known[name]) for name in self.formulas()}

    def data(self):
        """Constants for the module, as a dict that JSON can hold."""
        return {}

    def picture(self):
        """The SVG that stands in for the widget where no script runs."""
        raise NotImplementedError

    def options(self, name):
        """The values that the trait ``name`` may take, or None where limits say it."""
        return getattr(self.traits()[name], "values", None)

    def state(self):
        """The public traits and their values."""
        own = set(self.trait_names(sync=True)) - set(ipywidgets.DOMWidget.class_trait_names())
        return {name: getattr(self, name) for name in sorted(own) if not name.startswith("_")}

    def spec(self):
        """The traits that a reader may set, each with what its control needs to know."""
        names = [name for name in self.state() if self.trait_metadata(name, "label")]
        return {name: self._describe(name) for name in names}

    def _describe(self, name):
        trait = self.traits()[name]
        scalar = getattr(trait, "_trait", trait)  # a list says its limits by its items
        known = {key: getattr(scalar, key, None) for key in ("min", "max")}
        known |= {key: trait.metadata.get(key) for key in ("label", "step", "log")}
        known["options"] = self.options(name)
        return {k: v for k, v in known.items() if v not in (None, math.inf, -math.inf)}

    def _script(self):
        formulas = self.formulas()
        constants = {"SPEC": self.spec(), "DATA": self.data()}
        lines = [f"const {name} = {json.dumps(value)};" for name, value in constants.items()]
        lines += [emit.javascript(formulas), f"const maths = {{ {', '.join(formulas)} }};"]
        return "\n".join([*lines, read(f"{self.module}.js")])

    def _page_html(self):
        shared = f"{toolkit()}\n{read('host.js')}"
        body = self._body.replace("export default {", "return { SPEC,")
        start = json.dumps({"key": self.key, "state": self.state()})
        return (
            f'<div class="fnnlib" id="fnnlib-{self.key}">\n'
            f'<style data-fnnlib="shared">{self._css}</style>\n'
            f'<script data-fnnlib="shared">globalThis.fnnlib ??= (() => {{\n{_in_script(shared)}\n'
            "return { kernel, sum, ui, host, widgets: {} };\n})();</script>\n"
            f"<noscript>{self.picture()}<p>{NO_SCRIPT}</p></noscript>\n"
            "<script>(({ kernel, sum, ui, host }) => {\n"
            f"const widget = (() => {{\n{_in_script(body)}}})();\n"
            f"host(document.currentScript.parentElement, {_in_script(start)}, widget);\n"
            "})(fnnlib);</script>\n</div>"
        )

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/plain": self.title, "text/html": self._page_html()}, metadata
