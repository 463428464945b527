"""What a classifier is told when it is wrong: cross-entropy beside squared error."""

import numpy as np
import traitlets

from fnnlib import activations
from fnnlib.widgets import svg
from fnnlib.widgets.base import BookWidget, formula, words


class LossExplorer(BookWidget):
    """Logits by sliders, their softmax, and two losses with their gradients.

    Both derivations are of one example and start from ``D(L, z[j])``, for the logits ``z`` and the
    loss written with the probabilities ``p`` and the targets ``y``; they end at an expression in
    ``p`` and ``y``. ``squared_error`` is that of the probabilities. ValueError where they use
    anything else.
    """

    module = "losses"
    title = "Explorer: cross-entropy and squared error after softmax"
    logits = traitlets.List(traitlets.Float(min=-8, max=8), [4.0, 0.0, -1.0], 2, 5).tag(
        sync=True, label="logit", step=0.1
    )
    target = traitlets.Int(1, min=0).tag(sync=True, label="target class")

    def __init__(self, cross_entropy, squared_error, **state):
        self.derived = {"cross_entropy": cross_entropy, "squared_error": squared_error}
        unknown = words(self.formulas()) - {"z", "p", "y", self.data()["size"]}
        if unknown:
            raise ValueError(f"the derivations: expected only z, p and y, got {sorted(unknown)}")
        super().__init__(**state)

    def formulas(self):
        """Each loss and its gradient; the loss has no index, the gradient that of the logit."""
        losses = {name: (d.start.expr, []) for name, d in self.derived.items()}
        gradients = {f"{name}_gradient": formula(d) for name, d in self.derived.items()}
        return losses | gradients

    def data(self):
        """The name of the number of classes in the derivations."""
        return {"size": str(self.derived["cross_entropy"].variable.base.shape[0])}

    def options(self, name):
        """The classes, for the target."""
        return list(range(len(self.logits))) if name == "target" else super().options(name)

    @traitlets.validate("logits")
    def _as_many(self, proposal):
        if self._esm and len(proposal["value"]) != len(self.logits):
            raise traitlets.TraitError(f"expected {len(self.logits)} logits, as at the start")
        return proposal["value"]

    @traitlets.validate("target")
    def _a_class(self, proposal):
        if proposal["value"] >= len(self.logits):
            raise traitlets.TraitError(f"expected a class below {len(self.logits)}")
        return proposal["value"]

    def picture(self):
        """Probabilities on the left, the two gradients on the right."""
        z = np.array(self.logits)
        p, y = activations.softmax(z), np.eye(len(z))[self.target]
        given = {"z": z, "p": p, "y": y, self.data()["size"]: len(z)}
        classes = [(c, f"class {c}") for c in range(len(z))]
        span = (-0.5, len(z) - 0.5)
        left = svg.Axes((40, 32, 310, 178), span, (0, 1), "probability p", xticks=classes)
        right = svg.Axes((370, 32, 640, 178), span, (-1, 1), "gradient ∂L/∂z", xticks=classes)
        right.legend([("s0", "cross-entropy"), ("s1", "squared error")])
        functions = self.functions()
        for c in range(len(z)):
            left.bar(c, 50, p[c], "f2")
            for k, name in enumerate(self.derived):
                right.bar(c + (k - 0.5) / 3, 25, functions[f"{name}_gradient"](c, **given), f"f{k}")
        label = f"Probabilities of {len(z)} classes and the gradients of two losses"
        return svg.picture(label, 650, 215, left, right)
