"""The built site in a real browser: quiet, self-contained, narrow enough, light enough."""

import gzip
import json
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

import pytest
import yaml
from conftest import ROOT
from docutils.nodes import make_id

from fnnlib.sphinx import stage
from fnnlib.symbolic.printing import label

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text("utf8"))


def files(items):
    """The files that the table of contents lists, and those that stand below them."""
    return [f for item in items for f in (item["file"], *files(item.get("sections", ())))]


CHAPTERS = [file for part in TOC["parts"] for file in files(part["chapters"])]
PAGES = [f"{name}.html" for name in (TOC["root"], *CHAPTERS)]
NOTEBOOKS = [f"notebooks/{path.stem}" for path in stage.chapters(ROOT)]
LIMIT = {False: 300_000, True: 800_000}  # bytes after gzip, without and with maths and widgets

WIDEST = """() => {
  const room = document.documentElement.clientWidth
  const boxed = e => e && (getComputedStyle(e).overflowX !== "visible" || boxed(e.parentElement))
  const wide = [...document.querySelectorAll(".bd-article *")].filter(
    e => e.getBoundingClientRect().right > room + 1 && !boxed(e.parentElement))
  return {
    over: document.documentElement.scrollWidth - room,
    wide: wide.slice(0, 3).map(e => e.outerHTML.slice(0, 120)),
  }
}"""


class Links(HTMLParser):
    """The anchors of a page, what it links to, and what it loads."""

    LOADS = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src"}

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.loads, self.no_alt = {""}, [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.anchors |= {a.get("id"), a.get("name")}
        if tag == "a" and a.get("href"):
            self.links.append(a["href"])
        if a.get(self.LOADS.get(tag)):
            self.loads.append(a[self.LOADS[tag]])
        if tag == "img" and not (a.get("alt") or "").strip():
            self.no_alt.append(a.get("src"))


def outside(text, page):
    """Everything `page` would load from another host, as messages that name the page."""
    loads = Links(text).loads
    return [f"{page} loads {x} from outside" for x in loads if urlsplit(x).netloc]


def broken(texts):
    """Links of `{page: html}` to a missing page or anchor; loads of a missing file are not here."""
    parsed = {page: Links(text) for page, text in texts.items()}
    for page, found in parsed.items():
        for link in found.links:
            if urlsplit(link).scheme:
                continue
            target = urlsplit(urljoin(page, link))
            path, anchor = unquote(target.path), unquote(target.fragment)
            if path in parsed and anchor not in parsed[path].anchors:
                yield f"{page} links to {link}: no such anchor"
            if path not in parsed and path.endswith(".html"):
                yield f"{page} links to {link}: no such page"


def weigh(browser, url):
    """Whether a page has maths, and what a first visit costs in bytes after gzip."""
    context, responses = browser.new_context(), []
    page = context.new_page()
    page.on("response", lambda response: responses.append(response))
    page.goto(url, wait_until="networkidle", timeout=120_000)
    bodies = [response.body() for response in responses]
    maths = page.evaluate("'MathJax' in window")
    context.close()
    return maths, sum(min(len(body), len(gzip.compress(body, 6))) for body in bodies)


@pytest.fixture(scope="session")
def texts(site):
    """`{path: html}` of every page, paths relative to the site."""
    files = sorted(site.rglob("*.html"))
    return {f.relative_to(site).as_posix(): f.read_text("utf8") for f in files}


def test_links_and_anchors_lead_somewhere(texts):
    assert not list(broken(texts))


def test_a_broken_link_is_named():
    texts = {"a/x.html": '<a href="../b.html#here">', "b.html": "<p id=there>"}
    assert list(broken(texts)) == ["a/x.html links to ../b.html#here: no such anchor"]
    assert list(broken({"x.html": '<a href="y.html">'})) == ["x.html links to y.html: no such page"]


def test_nothing_is_loaded_from_outside(texts):
    assert not [message for page, text in texts.items() for message in outside(text, page)]


def test_an_outside_image_is_named():
    text = '<p><img alt="a plot" src="https://example.org/a.png"></p>'
    assert outside(text, "a.html") == ["a.html loads https://example.org/a.png from outside"]


def test_the_ledger_links_to_every_equation_and_function(texts):
    records = json.loads((ROOT / "_build" / "ledger.json").read_text("utf8"))["records"]
    assert records
    linked = {urlsplit(link).fragment for link in Links(texts["book/ledger.html"]).links}
    names = {r["name"] for r in records if r["kind"] == "derivation"}
    assert not {make_id(f"equation-{label(name)}") for name in names} - linked
    assert not {f"fnnlib.{r['function']}" for r in records if r["function"]} - linked


def test_widgets_of_a_page_share_their_code(texts):
    shared = {page: text.count('data-fnnlib="shared"') for page, text in texts.items()}
    assert max(shared.values()) == 2, shared  # one script and one style sheet


def test_the_library_reference_cites_and_leaves_out_what_says_nothing(texts):
    page = texts["book/api.html"]
    assert "bibliography.html#" in page
    assert "Alias for field number" not in page


def test_every_image_says_what_it_shows(texts):
    assert not {page: Links(text).no_alt for page, text in texts.items() if Links(text).no_alt}


def test_every_page_says_its_version(texts):
    line = stage.footer(ROOT)
    assert not [page for page in PAGES if line not in texts[page]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("origin", ["http", "file"])
@pytest.mark.parametrize("name", PAGES)
def test_page(name, origin, theme, site, server, visit):
    base = server if origin == "http" else site.as_uri() + "/"
    seen = visit(base + name, theme=theme)
    assert seen.page.locator("html").get_attribute("data-theme") == theme
    assert seen.page.locator("article h1").count() == 1
    assert seen.page.locator("mjx-merror").count() == 0, f"{name}: a formula cannot be typeset"
    seen.page.set_viewport_size({"width": 360, "height": 740})
    narrow = seen.page.evaluate(WIDEST)
    assert narrow["over"] <= 0, f"{name} scrolls sideways at 360 pixels: {narrow['wide']}"
    assert not seen.outside, f"{name} asks other hosts for {seen.outside}"
    assert not seen.errors, f"{name} logs {seen.errors}"


@pytest.mark.parametrize("name", ["book/ledger.html", "book/networks.html", "book/speed.html"])
def test_tables_fit_a_desktop(name, server, visit):
    tables = visit(server + name, width=1280).page.locator(".bd-article table")
    over = tables.evaluate_all("all => all.map(t => t.scrollWidth - t.clientWidth)")
    assert over and max(over) <= 0, over


def test_a_workload_stays_in_view_beside_its_ratios(server, visit):
    page = visit(server + "book/speed.html", width=360).page
    table = page.locator("#results table").first
    assert table.evaluate("t => { t.scrollLeft = 9999; return t.scrollLeft }") > 0
    first, last = (table.locator(f"tbody td:{end}-child").first for end in ("first", "last"))
    assert first.bounding_box()["x"] >= table.bounding_box()["x"]
    assert last.bounding_box()["x"] >= first.bounding_box()["x"] + first.bounding_box()["width"]


def test_a_visit_notices_outside_requests_and_errors(visit, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<img src='https://example.org/a.png'><script>undefinedName()</script>")
    seen = visit(page.as_uri())
    assert seen.outside == ["https://example.org/a.png"]
    assert any("undefinedName" in error for error in seen.errors)


@pytest.mark.parametrize("origin", ["http", "file"])
def test_search_finds_a_page(origin, site, server, visit):
    base = server if origin == "http" else site.as_uri() + "/"
    seen = visit(base + "search.html?q=ledger")
    seen.page.locator("#search-results li a").first.wait_for()
    links = seen.page.locator("#search-results li a")
    found = [links.nth(i).get_attribute("href") for i in range(links.count())]
    assert any("book/ledger.html" in link for link in found)
    assert not seen.errors and not seen.outside


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_can_be_downloaded(name, server, visit):
    page = visit(f"{server}{name}.html").page
    link = page.locator("a.btn-download-source-button").first.get_attribute("href")
    served = page.request.get(urljoin(page.url, link)).json()
    own = json.loads((ROOT / f"{name}.ipynb").read_text("utf8"))
    source = [["".join(cell["source"]) for cell in book["cells"]] for book in (served, own)]
    assert source[0] == source[1]


@pytest.mark.parametrize("name", PAGES)
def test_print_shows_the_text_alone(name, server, visit):
    page = visit(server + name).page
    page.emulate_media(media="print")
    for around in (".bd-sidebar-primary", ".bd-header-article", ".prev-next-footer"):
        assert not page.locator(around).first.is_visible()
    assert page.locator("#jb-print-docs-body h1").is_visible()  # the theme's own title


def test_weight(server, browser):
    weights = {name: weigh(browser, server + name) for name in PAGES}
    rows = [f"| {name} | {weight / 1000:.0f} |" for name, (_, weight) in weights.items()]
    table = "\n".join(["| page | kB, gzip |", "|---|---:|", *rows])
    (ROOT / "_build" / "weight.md").write_text(table + "\n")
    assert all(weight < LIMIT[maths] for maths, weight in weights.values()), table
