"""Activation functions and their derivatives, point by point."""

import traitlets

from fnnlib.symbolic import Piecewise, scalar
from fnnlib.widgets import svg
from fnnlib.widgets.base import BookWidget


def function_name(derivation):
    """The name of the function that a derivation from ``D(f(z), z)`` is about.

    >>> from fnnlib.symbolic import D, Derivation, tanh
    >>> z = scalar("z")
    >>> function_name(Derivation(D(tanh(z), z), "tanh_prime"))
    'tanh'
    """
    f = derivation.start.expr
    return "identity" if f == derivation.variable else type(f).__name__


def slope(derivation):
    """The derivative, with a value also at a kink: that of the last case, as in the library.

    >>> from fnnlib.symbolic import D, Derivation, relu
    >>> z = scalar("z")
    >>> slope(Derivation(D(relu(z), z), "relu_prime").cases({z > 0: 1, z < 0: 0}, "slopes"))
    Piecewise((1, z > 0), (0, True))
    """
    return derivation.last.replace(
        Piecewise, lambda *cases: Piecewise(*cases[:-1], (cases[-1][0], True))
    )


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
        self.derived = {function_name(d): self._pair(d) for d in derivations}
        if len(self.derived) < len(derivations):
            raise ValueError("derivations: expected one for each function, got a function twice")
        names = list(self.derived)
        super().__init__(**{"function": names[0], "compare": names[1:2]} | state)

    def _pair(self, derivation):
        z = {derivation.variable: scalar("z")}
        pair = [e.xreplace(z) for e in (derivation.start.expr, slope(derivation))]
        unknown = {str(s) for e in pair for s in e.free_symbols} - {"z", *self.constants}
        if unknown:
            raise ValueError(f"constants: expected a value for {sorted(unknown)}, got none")
        return pair

    def formulas(self):
        """Every function and its derivative, of the argument z."""
        pairs = self.derived.items()
        values = {f"{f}_value": (value, []) for f, (value, _) in pairs}
        return values | {f"{f}_slope": (slope, []) for f, (_, slope) in pairs}

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
        functions = self.functions()
        shown = [name for name in self.derived if name in (self.function, *self.compare)]
        above.legend([(f"s{list(self.derived).index(name)}", name) for name in shown])
        for name in shown:
            k = list(self.derived).index(name)
            for axes, f in ((above, f"{name}_value"), (below, f"{name}_slope")):
                points = [(z, float(functions[f](z=z, **self.constants))) for z in grid]
                axes.line(points, f"s{k}")
                if name == self.function:
                    axes.dot(self.z, float(functions[f](z=self.z, **self.constants)), f"f{k}")
        names = ", ".join(shown)
        return svg.picture(f"The functions {names} and their derivatives", 640, 400, above, below)
