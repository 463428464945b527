"""Keep only the icons that pages draw: the full icon font outweighs all other files of a page."""

import re

from fontTools import subset
from fontTools.ttLib import TTFont

RULE = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')
NAME = re.compile(r"\bfa-[\w-]+")
CODE = re.compile(r"[\"']\\(f[0-9a-f]{3})[\"']")
FONT = "fa-solid-900"


def used(pages, scripts, styles, icons):
    """Code points of the icons named in `pages` and `scripts` or drawn by `styles`, in hex.

    >>> css = '.fa-a:before,.fa-b:before{content:"\\\\f001"}.fa-c:before{content:"\\\\f002"}'
    >>> sorted(used(["<i class='fa-solid fa-b'>"], [], ['x{content:"\\\\f009"}'], css))
    ['f001', 'f009']
    """
    names = {name for text in (*pages, *scripts) for name in NAME.findall(text)}
    named = {code for rule, code in RULE.findall(icons) if names & set(NAME.findall(rule))}
    return named | {code for text in styles for code in CODE.findall(text)}


def shrink(site):
    """Cut the solid icon font of the built `site`, and its style sheet, down to what is used."""
    sheet = next(site.rglob("fontawesome/*/css/all.min.css"))
    icons = sheet.read_text("utf8")

    def texts(pattern):
        return [p.read_text("utf8") for p in site.rglob(pattern) if "fontawesome" not in p.parts]

    codes = used(texts("*.html"), texts("*.js"), texts("*.css"), icons)
    kept = RULE.sub(lambda rule: rule.group() if rule.group(2) in codes else "", icons)
    kept = kept.replace(f'{FONT}.woff2) format("woff2")', f'{FONT}.woff) format("woff")')
    sheet.write_text(kept, "utf8")
    fonts = sheet.parents[1] / "webfonts"
    font = TTFont(fonts / f"{FONT}.ttf")
    cutter = subset.Subsetter(subset.Options(layout_features=[]))
    cutter.populate(unicodes=[int(code, 16) for code in codes])
    cutter.subset(font)
    font.flavor = "woff"
    font.save(fonts / f"{FONT}.woff")
    for whole in (f"{FONT}.ttf", f"{FONT}.woff2"):
        (fonts / whole).unlink()
