"""How far back a gradient reaches: an unrolled net whose recurrent weights can be moved."""

import functools
import math

import numpy as np
import traitlets

from fnnlib.symbolic import D, Derivation, array, function, index, prime, size, total
from fnnlib.widgets import svg
from fnnlib.widgets.activations import function_name, slope
from fnnlib.widgets.base import BookWidget, formula


@functools.cache
def step_back():
    """One step back through ``h' = phi(x W + h U + b)``, for any differentiable phi.

    A scalar that changes with h' at the rates ``lambda`` changes with h at the rates on the last
    line. Returns the derivation and the new state it differentiates, as an expression in an index.

    >>> step_back()[0].status
    'proved'
    """
    n, m = size("H D")
    W, U, b, x, h = array("W", m, n), array("U", n, n), array("b", n), array("x", m), array("h", n)
    rate, phi, i = array("lambda", n), function("phi"), index("i", n)

    def argument(j):
        return total(lambda k: x[k] * W[k, j], m) + total(lambda k: h[k] * U[k, j], n) + b[j]

    d = Derivation(D(total(lambda j: rate[j] * phi(argument(j)), n), h[i]), "step_back").step(
        total(lambda j: rate[j] * prime(phi)(argument(j)) * U[i, j], n), "chain rule"
    )
    return d, phi(argument(i))


class GradientFlow(BookWidget):
    """States h_t of an unrolled net and the size of dL/dh_t, on a logarithmic scale.

    The net has one or two units and reads a single pulse, x_1 = 1. The loss is the last state's
    first unit. With two units the recurrent matrix is a rotation by ``angle`` degrees times the
    spectral radius. ``activations`` are derivations from ``D(f(z), z)`` to f'.
    """

    module = "gradient_flow"
    title = "Explorer: the gradient on its way back through time"
    activation = traitlets.Unicode().tag(sync=True, label="activation")
    units = traitlets.Enum([1, 2], 1).tag(sync=True, label="units")
    weight = traitlets.Float(0.8, min=-2, max=2).tag(
        sync=True, label="recurrent weight", step=0.05
    )
    radius = traitlets.Float(0.9, min=0, max=2).tag(sync=True, label="spectral radius", step=0.05)
    angle = traitlets.Int(30, min=0, max=180).tag(sync=True, label="rotation, degrees", step=5)
    steps = traitlets.Int(30, min=2, max=60).tag(sync=True, label="steps T", step=1)

    def __init__(self, activations, **state):
        self.derived = {function_name(d): d for d in activations}
        super().__init__(**{"activation": next(iter(self.derived))} | state)

    def formulas(self):
        """For every activation f: the next state ``f_step(i)`` and one step back ``f_back(i)``."""
        d, state = step_back()
        back, indices = formula(d)
        found = {}
        for name, own in self.derived.items():
            found[f"{name}_step"] = _with(own, state), indices
            found[f"{name}_back"] = _with(own, back), indices
        return found

    def options(self, name):
        """The names of the activations."""
        return list(self.derived) if name == "activation" else super().options(name)

    @traitlets.validate("activation")
    def _known(self, proposal):
        if proposal["value"] not in self.derived:
            raise traitlets.TraitError(f"expected one of {list(self.derived)}")
        return proposal["value"]

    def run(self):
        """The states and gradients the page shows: two arrays of shape (T + 1, units)."""
        functions = self.functions()
        step, back = (functions[f"{self.activation}_{way}"] for way in ("step", "back"))
        U, T = self._matrix(), self.steps
        H = len(U)
        net = {"U": U, "W": np.eye(1, H), "b": np.zeros(H), "D": 1, "H": H}
        h, g = np.zeros((T + 1, H)), np.zeros((T + 1, H))
        g[T, 0] = 1
        for t in range(1, T + 1):
            given = net | {"h": h[t - 1], "x": np.array([float(t == 1)])}
            h[t] = [step(i, **given) for i in range(H)]
        for t in range(T, 0, -1):
            given = net | {"h": h[t - 1], "x": np.array([float(t == 1)]), "lambda_": g[t]}
            g[t - 1] = [back(i, **given) for i in range(H)]
        return h, g

    def _matrix(self):
        if self.units == 1:
            return np.array([[self.weight]])
        c, s = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        return self.radius * np.array([[c, s], [-s, c]])

    def picture(self):
        """States above, sizes of gradients below."""
        h, g = self.run()
        sizes = np.linalg.norm(g, axis=1)
        low = math.floor(math.log10(max(1e-16, sizes.min())))
        high = math.ceil(math.log10(sizes.max()))
        top = max(1.0, abs(h).max())
        above = svg.Axes((52, 32, 620, 140), (0, self.steps), (-top, top), "state h_t")
        below = svg.Axes(
            (52, 190, 620, 330), (0, self.steps), (min(low, -1), max(high, 1)),
            "size of the gradient |∂L/∂h_t|, logarithmic", "time t", log=True,
        )  # fmt: skip
        for i in range(self.units):
            above.line(list(enumerate(h[:, i])), f"s{2 * i}")
        below.line(list(enumerate(sizes)), "s1 whole")
        label = f"States of a {self.activation} net over {self.steps} steps, and their gradients"
        return svg.picture(label, 640, 370, above, below)


def _with(activation, e):
    """The expression ``e`` with phi and phi' replaced by an activation and its slope."""
    z, f, df = activation.variable, activation.start.expr, slope(activation)
    e = e.replace(prime(function("phi")), lambda a: df.xreplace({z: a}))
    return e.replace(function("phi"), lambda a: f.xreplace({z: a}))
