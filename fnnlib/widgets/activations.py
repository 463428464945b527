"""Activation functions and their derivatives, point by point."""

import traitlets

from fnnlib.symbolic import emit, scalar
from fnnlib.widgets import svg
from fnnlib.widgets.base import BookWidget


class ActivationExplorer(BookWidget):
    """A function, its derivative, the tangent at a movable point, and where it saturates.

    ``derivations`` start from ``D(f(z), z)`` for a named function f and end at f'. ``constants``
    gives the value of every further symbol, such as the slope of leaky ReLU. ValueError where a
    value is missing or two derivations are of one function.
    """

    module = "activations"
    title = "Explorer: activation functions and their derivatives"
    function = traitlets.Unicode().tag(sync=True, label="function")
    compare = traitlets.List(traitlets.Unicode()).tag(sync=True, label="compare with")
    z = traitlets.Float(1.0, min=-6, max=6).tag(sync=True, label="z", step=0.05)
    threshold = traitlets.Float(0.1, min=0.01, max=0.25).tag(
        sync=True, label="saturated below", step=0.01
    )

    def __init__(self, derivations, constants=None, **state):
        self.constants = dict(constants or {})
        self.derived = {type(d.start.expr).__name__: self._pair(d) for d in derivations}
        if len(self.derived) < len(derivations):
            raise ValueError("derivations: expected one for each function, got a function twice")
        names = list(self.derived)
        super().__init__(**{"function": names[0], "compare": names[1:2]} | state)

    def _pair(self, derivation):
        z = {derivation.variable: scalar("z")}
        pair = [e.xreplace(z) for e in (derivation.start.expr, derivation.last)]
        unknown = {str(s) for e in pair for s in e.free_symbols} - {"z", *self.constants}
        if unknown:
            raise ValueError(f"constants: expected a value for {sorted(unknown)}, got none")
        return pair

    def formulas(self):
        """Every function and its derivative, of the argument z."""
        pairs = self.derived.items()
        return {f: (e, []) for f, (e, _) in pairs} | {f"{f}_prime": (e, []) for f, (_, e) in pairs}

    def data(self):
        """The names in order, and the constants."""
        return {"names": list(self.derived), "constants": self.constants}

    def options(self, name):
        """The names of the functions for the traits that hold some."""
        return list(self.derived) if name in ("function", "compare") else super().options(name)

    @traitlets.validate("function", "compare")
    def _known(self, proposal):
        value = proposal["value"]
        for name in [value] if isinstance(value, str) else value:
            if name not in self.derived:
                raise traitlets.TraitError(f"expected one of {list(self.derived)}, got {name!r}")
        return value

    def picture(self):
        """Functions above, derivatives below, with the point at z."""
        grid = [k / 5 for k in range(-30, 31)]
        above = svg.Axes((40, 30, 620, 190), (-6, 6), (-1.5, 2.5), "f(z)")
        below = svg.Axes((40, 240, 620, 360), (-6, 6), (0, 1.1), "f′(z)", "z")
        numpy = emit.numpy(self.formulas())
        shown = [name for name in self.derived if name in (self.function, *self.compare)]
        above.legend([(f"s{list(self.derived).index(name)}", name) for name in shown])
        for name in shown:
            k = list(self.derived).index(name)
            for axes, f in ((above, name), (below, f"{name}_prime")):
                points = [(z, float(numpy[f](z=z, **self.constants))) for z in grid]
                axes.line(points, f"s{k}")
                if name == self.function:
                    axes.dot(self.z, float(numpy[f](z=self.z, **self.constants)), f"f{k}")
        names = ", ".join(shown)
        return svg.picture(f"The functions {names} and their derivatives", 640, 400, above, below)
