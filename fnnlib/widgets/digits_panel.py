"""A panel for a running notebook: train the digits classifier, watch it, stop it."""

import asyncio
import time

import ipywidgets
import numpy as np

from fnnlib import classifier, data, optim, train
from fnnlib.widgets import svg
from fnnlib.widgets.base import read

BATCH, CLIP = 64, 1.0
PAUSE = 0.2  # seconds between two drawings
NOTE = "<p><em>This panel trains the real network. It needs a running notebook.</em></p>"

LOOK = {
    "style": {"description_width": "8em"},
    "layout": ipywidgets.Layout(width="min(100%, 32em)"),
}


class DigitsPanel(ipywidgets.VBox):
    """Train a recurrent net on the digits, row by row, with a progress bar and a stop button.

    ``start()`` trains in turns with the notebook, so that the controls stay alive; it needs a
    running event loop, as a notebook has. ``steps()`` is the same as a generator. What was learnt
    is in ``params``; ``history`` holds ``train.Step``, and ``accuracy`` pairs (step, share of the
    test images that are named correctly), one for each epoch.

    >>> panel = DigitsPanel(hidden=8, epochs=1)
    >>> for step in panel.steps():
    ...     pass
    >>> panel.status.value.startswith("Finished: 23 steps")
    True
    """

    def __init__(self, hidden=32, learning_rate=0.01, epochs=15, seed=0):
        digits = data.digits()
        self._train = data.rows(digits.x_train), digits.y_train
        self._test = data.rows(digits.x_test), digits.y_test
        self.hidden = _slider(hidden, 4, 128, "hidden units")
        self.learning_rate = ipywidgets.FloatLogSlider(
            learning_rate, min=-4, max=0, step=0.1, description="learning rate", **LOOK
        )
        self.epochs = _slider(epochs, 1, 60, "epochs")
        self.seed = _slider(seed, 0, 99, "seed")
        self.bar = ipywidgets.IntProgress(description="progress", **LOOK)
        self.status = ipywidgets.Label("Ready.")
        self.curves = ipywidgets.HTML()
        self.train_button = ipywidgets.Button(description="Train")
        self.stop_button = ipywidgets.Button(description="Stop", disabled=True)
        self.train_button.on_click(lambda _: self.start())
        self.stop_button.on_click(lambda _: self.stop())
        self.params, self.history, self.accuracy = None, [], []
        self._stopped = False
        buttons = ipywidgets.HBox([self.train_button, self.stop_button])
        style = ipywidgets.HTML(f"<style>{read('style.css')}</style>")
        knobs = [self.hidden, self.learning_rate, self.epochs, self.seed]
        super().__init__([*knobs, buttons, self.bar, self.status, self.curves, style])

    def start(self):
        """Train in the background; returns the task. RuntimeError if it trains, or has no loop."""
        if self.train_button.disabled:
            raise RuntimeError("the panel is training; press Stop first")
        self.train_button.disabled = True
        return asyncio.get_running_loop().create_task(self._in_turns())

    def stop(self):
        """End the training after the present step; what was learnt is kept."""
        self._stopped = True

    def steps(self):
        """Train from the start, one update for every item; the settings are read now."""
        rng = np.random.default_rng(self.seed.value)
        self.params = classifier.init(rng, 8, self.hidden.value, 10)
        self.history, self.accuracy, self._stopped = [], [], False
        per_epoch = -(-len(self._train[1]) // BATCH)
        self.bar.value, self.bar.max = 0, per_epoch * self.epochs.value
        self.train_button.disabled, self.stop_button.disabled = True, False
        batches = data.minibatches(*self._train, BATCH, rng, self.epochs.value, axis=1)
        fit = train.fit(
            classifier.loss_and_gradients, self.params, batches,
            optim.adam(self.learning_rate.value), clip=CLIP,
        )  # fmt: skip
        try:
            for step in fit:
                self.params = step.params
                self.history.append(step)
                if step.number % per_epoch == 0:
                    right = classifier.accuracy(self.params, *self._test)
                    self.accuracy.append((step.number, right))
                yield step
                if self._stopped:
                    break
            self._show("Stopped" if self._stopped else "Finished")
        except train.Diverged as cause:
            self._show(f"Diverged ({cause}). A smaller learning rate helps")
        finally:
            self.train_button.disabled, self.stop_button.disabled = False, True

    async def _in_turns(self):
        shown = 0.0
        for _ in self.steps():
            if time.monotonic() - shown > PAUSE:
                self._show("Training")
                shown = time.monotonic()
            await asyncio.sleep(0)  # the notebook's turn: a click on Stop is heard here

    def _show(self, what):
        n = len(self.history)
        self.bar.value = n
        right = f", {self.accuracy[-1][1]:.1%} of the test images right" if self.accuracy else ""
        self.status.value = f"{what}: {n} steps{right}."
        self.curves.value = f'<div class="fnnlib">{self._picture()}</div>' if n else ""

    def _picture(self):
        span = (0, self.bar.max)
        left = svg.Axes((44, 32, 310, 170), span, (-3, 1), "loss, logarithmic", "step", log=True)
        right = svg.Axes((374, 32, 640, 170), span, (0, 1), "test accuracy", "step")
        every = -(-len(self.history) // 200)
        left.line([(s.number, s.loss) for s in self.history[::every]], "s0")
        right.line([(0, 0.1), *self.accuracy], "s2 whole")
        return svg.picture("Loss and test accuracy", 650, 210, left, right)

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        return {**bundle, "text/plain": "Panel: train the digits classifier", "text/html": NOTE}


def _slider(value, low, high, text):
    return ipywidgets.IntSlider(value, min=low, max=high, description=text, **LOOK)
