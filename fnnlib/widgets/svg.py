"""The picture of a widget for readers without scripts: axes, lines, bars and dots as SVG text.

The classes are those of the style sheet, so that a picture follows the theme like the widget.
"""

import math
import re
from html import escape

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Axes:
    """Axes in a box (left, top, right, bottom); with ``log``, ``y`` is given in powers of ten.

    >>> a = Axes((40, 30, 240, 130), x=(0, 2), y=(0, 1), title="f")
    >>> a.line([(0, 0), (2, 1)], "s0")
    >>> '<path class="line s0" d="M40.0 130.0L240.0 30.0"/>' in a.parts
    True
    """

    def __init__(self, box, x, y, title, xlabel="", log=False, xticks=None):
        self.box, self.x, self.y, self.log = box, x, y, log
        self.parts = []
        self._frame(title, xlabel, xticks)

    def place(self, x, y):
        """The pixel of the point (x, y), kept inside the box."""
        left, top, right, bottom = self.box
        y = math.log10(max(abs(y), 1e-300)) if self.log else y
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        up = min(1, max(0, up))
        return left + across * (right - left), bottom - up * (bottom - top)

    def line(self, points, style):
        """A line through the points; None breaks it, and so does leaving the box."""
        path, pen = "", "M"
        for p in points:
            if p is None or not self._holds(p[1]):
                pen = "M"
                continue
            path += "{}{:.1f} {:.1f}".format(pen, *self.place(*p))
            pen = "L"
        self.parts.append(f'<path class="line {style}" d="{path}"/>')

    def dot(self, x, y, style, r=4.5):
        """A round mark."""
        px, py = self.place(x, y)
        self.parts.append(f'<circle class="dot {style}" cx="{px:.1f}" cy="{py:.1f}" r="{r}"/>')

    def bar(self, x, width, value, style):
        """A bar from zero, ``width`` pixels wide."""
        (px, a), (_, b) = self.place(x, value), self.place(x, 0)
        size = f'width="{width}" height="{abs(b - a):.1f}"'
        place = f'x="{px - width / 2:.1f}" y="{min(a, b):.1f}"'
        self.parts.append(f'<rect class="bar {style}" {place} {size}/>')

    def legend(self, entries):
        """Lines and their names, (style, name), above the box on the right."""
        x, y = self.box[2], self.box[1] - 16
        for style, name in reversed(entries):
            x -= 34 + 7 * len(name)
            self.parts.append(f'<path class="line {style}" d="M{x} {y}h24"/>')
            self.parts.append(text(x + 29, y + 4, name))

    def _holds(self, y):
        y = math.log10(max(abs(y), 1e-300)) if self.log else y
        return math.isfinite(y) and self.y[0] - 1e-9 <= y <= self.y[1] + 1e-9

    def _frame(self, title, xlabel, xticks):
        left, top, right, bottom = self.box
        span = self.y[1] - self.y[0]
        for v in ticks(*self.y, min(5, span) if self.log else 5):
            y = self.place(self.x[0], 10.0**v if self.log else v)[1]
            self.parts.append(f'<path class="grid" d="M{left} {y:.1f}H{right}"/>')
            label = "10" + str(round(v)).translate(SUPERSCRIPT) if self.log else number(v)
            self.parts.append(text(left - 6, y + 4, label, "note", "end"))
        for v, label in xticks or [(v, number(v)) for v in ticks(*self.x, 6)]:
            x = self.place(v, self.y[0])[0]
            self.parts.append(f'<path class="tick" d="M{x:.1f} {bottom}v4"/>')
            self.parts.append(text(x, bottom + 17, label, "note", "middle"))
        self.parts.append(f'<path class="rim" d="M{left} {bottom}H{right}"/>')
        self.parts.append(text(left - 36, top - 12, title, "title"))
        self.parts.append(text((left + right) / 2, bottom + 33, xlabel, "note", "middle"))


def text(x, y, content, style="", anchor="start"):
    """Words in SVG; ``h_t`` is written with a subscript."""
    lower = r'<tspan dy="0.3em" font-size="75%">\1</tspan><tspan dy="-0.225em">'
    body, count = re.subn(r"_\{?([^}]+?)(?:\}|(?<=\w)(?!\{))", lower, escape(content))
    body += "</tspan>" * count
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{body}</text>'


def number(v):
    """At most six digits, with a true minus sign.

    >>> number(-0.5)
    '−0.5'
    """
    return f"{v:.6g}".replace("-", "−")


def ticks(low, high, count):
    """About ``count`` round numbers from ``low`` to ``high``.

    >>> ticks(0, 1, 5)
    [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]
    """
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(m for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def picture(label, width, height, *axes):
    """An SVG of several axes, with a description for those who cannot see it."""
    body = "".join(part for a in axes for part in a.parts)
    head = f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {head}>{body}</svg>'
