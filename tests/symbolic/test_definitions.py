"""The names in derivations are defined before they are used, as the proofs know them."""

import pytest
from sympy import Dummy, Function, Indexed, Sum, Symbol

from fnnlib.symbolic import (
    D,
    Derivation,
    Induction,
    array,
    define,
    derivation,
    derivations,
    elementwise,
    function,
    index,
    induction,
    matrix,
    part,
    prime,
    recursive,
    scalar,
    sigmoid,
    size,
    total,
)
from fnnlib.symbolic.definitions import Definitions, with_definitions
from fnnlib.symbolic.printing import markdown_definitions
from fnnlib.symbolic.prover import Verdict, judge

MODULES = {module.__name__.rpartition(".")[2]: module for module in derivations.modules()}
n, T = size("n T")
i, j = index("i j", n)
z, a = array("z", n), scalar("a")


@pytest.fixture
def unproved(monkeypatch):
    """Derivations are written, not proved: what they say is the same. None of them is kept."""
    forget()
    for module in (derivation, induction):
        monkeypatch.setattr(module, "judge", lambda *args, **kw: Verdict("proved", "", 0, {}))
    yield
    forget()


def forget():
    """What modules keep of their derivations."""
    for module in MODULES.values():
        for name, made in vars(module).items():
            if hasattr(made, "cache_clear") and name != "definitions":
                made.cache_clear()


def test_derivations_that_are_not_proved_are_not_kept(unproved):
    written = MODULES["attention"].gradients()
    assert written[0].rows[1].verdict.probes == 0 and MODULES["attention"].gradients() is written
    forget()
    assert MODULES["attention"].gradients() is not written


def defined(*made):
    """The rows of definitions before each derivation."""
    rows = []
    shown = with_definitions(made)
    for before, one in zip([None, *shown], shown, strict=False):
        if not isinstance(one, Definitions):
            rows.append(before.rows if isinstance(before, Definitions) else [])
    assert [one for one in shown if not isinstance(one, Definitions)] == list(made)
    return rows


def names(rows):
    return [str(getattr(row.left, "base", row.left)) for row in rows]


def square(start=z, name="squares"):
    L = define("L", total(lambda k: start[k] ** 2, n))
    dz = define("dz", lambda i: 2 * start[i], n)
    return Derivation(D(L, start[i]), name).step(dz[i], "power rule")


def test_given_names_come_first_and_others_in_the_order_of_the_source():
    [rows] = defined(square())
    assert names(rows) == ["z", "L", "dz"]
    assert [row.right is None for row in rows] == [True, False, False]


def test_given_names_stand_in_order_directions_last():
    u, (b, c, xd) = scalar("u"), array("b c xdot", n)
    g, f = function("g"), function("f")
    [rows] = defined(Derivation(f(u) * g(u) * xd[i] + c[i] + b[i], "order"))
    assert [_name(row.left) for row in rows] == ["b", "c", "f", "g", "u", "xdot"]


def test_what_stands_behind_a_name_is_defined_too():
    u = define("u", lambda i: a * z[i], n)
    v = define("v", lambda i: u[i] + 1, n)
    [rows] = defined(Derivation(v[i], "behind"))
    assert names(rows) == ["a", "z", "u", "v"]


def test_a_definition_is_shown_once():
    first, second = defined(square(), square(name="again"))
    assert names(first) == ["z", "L", "dz"] and second == []


def test_a_name_with_another_meaning_is_defined_again_and_says_so():
    free = square()
    made = define("z", lambda k: a * k, n)
    u = define("u", total(lambda k: made[k] ** 2, n))
    first, second = defined(free, Derivation(u, "other"))
    assert not any(row.again for row in first)
    assert [(name, row.again) for name, row in zip(names(second), second, strict=True)] == [
        ("a", False), ("z", True), ("u", False)
    ]
    assert "From here on with another meaning: $z$." in markdown_definitions(second)
    assert "another meaning" not in markdown_definitions(first)


def test_a_given_name_may_replace_a_defined_one():
    made = define("q", lambda k: 2 * z[k], n)
    _, rows = defined(Derivation(made[i], "made"), Derivation(array("q", n)[i], "free"))
    assert names(rows) == ["q"] and rows[0].again and rows[0].right is None


def test_names_are_told_apart_by_their_axes():
    one, two = array("m", n), array("m", n, n)
    first, second = defined(Derivation(one[i], "one"), Derivation(two[i, j], "two"))
    assert not second[0].again and first[0].left == one and second[0].left == two


def test_a_recurrence_says_where_it_holds_and_how_it_starts():
    w = array("w", n, n)
    h = recursive("h", (0, T), n, start=0, rule=lambda t, i: total(
        lambda k: h[t - 1, k] * w[k, i], n
    ))
    v = recursive("v", (0, T), n, start=T, value=0, rule=lambda *at: v[at[0] + 1, at[1]])
    t = index("t", (1, T))
    [rows] = defined(Derivation(h[t, i] + v[t, i], "steps"))
    text = markdown_definitions(rows)
    steps = r"t = 1, \ldots, T,\quad h_{0} \text{ given}"
    assert rf"h_{{ti}} &= \sum_{{k}} h_{{t - 1,k}} w_{{ki}},\quad {steps}" in text
    assert r"v_{ti} &= v_{t + 1,i},\quad t = 0, \ldots, T - 1,\quad v_{T} = 0" in text
    assert r"Given: $w\,(n, n)$." in text


def test_axes_are_printed_as_sizes_or_ranges():
    x = array("x", (1, T), n, 4)
    [rows] = defined(Derivation(x[1, i, 0], "axes"))
    assert markdown_definitions(rows) == r"Given: $x\,(1 \ldots T, n, 0 \ldots 3)$."


def test_bound_indices_never_meet_the_index_of_an_entry():
    w = array("w", n, n)
    s = define("s", lambda j: total(lambda i, k: w[i, k] * w[k, j], n, n), n)
    [rows] = defined(Derivation(s[i], "sums"))
    assert r"s_{i} &= \sum_{a} \sum_{k} w_{ak} w_{ki}" in markdown_definitions(rows)
    assert judge(rows[-1].left, rows[-1].right).status == "proved"


def test_functions_are_given_or_defined_and_a_slope_belongs_to_its_function():
    phi, u = function("phi", tex=r"\varphi"), scalar("u")
    [rows] = defined(Derivation(prime(phi)(u) * prime(sigmoid)(u), "slopes"))
    text = markdown_definitions(rows)
    assert r"Given: $\varphi$, $u$." in text and r"\sigma(z) &= \frac{1}{1 + e^{-z}}" in text


def test_functions_of_matrices_are_functions_too():
    phi, M = function("phi", tex=r"\varphi"), array("M", n, n)
    for f in (phi, prime(phi), lambda u: 2 * phi(u)):
        [rows] = defined(Derivation(elementwise(f, matrix(M)), "matrices"))
        assert [row.left for row in rows] == [M, phi]


def test_the_claim_of_an_induction_has_its_names_defined():
    x = array("x", (1, T))
    h = recursive("h", (0, T), start=0, value=0, rule=lambda t: h[t - 1] + x[t])
    claim = Induction("running_sum", lambda s: h[s], lambda s: total(lambda t: x[t], (1, s)),
                      over=(0, T), using=lambda s: [h.unroll(s + 1)])
    [rows] = defined(claim)
    assert names(rows) == ["x", "h"]


def test_long_definitions_go_on_in_further_lines():
    arrays = [array(f"a{k}", n) for k in range(12)]
    s = define("s", lambda i: sum(b[i] * total(lambda k: b[k], n) for b in arrays), n)  # noqa: B023
    [rows] = defined(Derivation(s[i], "long"))
    text = markdown_definitions(rows)
    assert text.count(r" \\" + "\n" + r"&\quad {}") == 2 and max(map(len, text.split("\n"))) < 300


def test_a_part_opens_with_its_sentence_once():
    @part
    def parabola(f):
        """How steep

        and no more.
        """
        return [Derivation(f(k), "slope") for k in (1, 2)]

    shown = with_definitions([*parabola(lambda k: k * a), *parabola(lambda k: k * a**2)])
    assert [str(one) for one in shown if isinstance(one, Definitions)] == ["How steep\na is given"]
    other = Derivation(3 * a, "other")
    other.part = "And :math:`a`."
    *_, opening, last = with_definitions([*parabola(lambda k: k * a), other])
    assert last is other and opening._repr_markdown_() == "**And $a$.**"


@pytest.mark.parametrize("name", MODULES)
def test_every_derivation_of_a_network_stands_in_a_part(name, unproved):
    assert all(one.part.endswith(".") for one in MODULES[name].derivations())


@pytest.mark.parametrize("name", MODULES)
def test_every_name_of_a_network_is_defined_before_it_is_used(name, unproved):
    missing = list(undefined(with_definitions(MODULES[name].derivations())))
    assert not missing


def test_a_missing_definition_is_named(unproved):
    shown = with_definitions(MODULES["attention"].derivations())
    for one in shown:
        if isinstance(one, Definitions):
            one.rows = [row for row in one.rows if _name(row.left) != "de"]
    assert "attention_de: de" in list(undefined(shown))


def undefined(shown):
    """Names that are used before they are defined, each with its derivation."""
    known = set()
    for one in shown:
        if isinstance(one, Definitions):
            known |= {_name(row.left) for row in one.rows}
            used = [row.right for row in one.rows if row.right is not None and not _argument(row)]
        else:
            used = [row.expr for row in one.rows] if hasattr(one, "rows") else [one.left, one.right]
        title = getattr(one, "name", "a definition")
        yield from (f"{title}: {name}" for e in used for name in sorted(_names(e) - known))


@pytest.mark.parametrize("name", MODULES)
def test_definitions_are_those_of_the_proofs(name, unproved):
    checked = 0
    for one in with_definitions(MODULES[name].derivations()):
        for row in one.rows if isinstance(one, Definitions) else ():
            base = getattr(row.left, "base", None)
            meant = base.body(*row.left.indices) if base else getattr(row.left, "value", row.right)
            assert row.right is None or _numbered(row.right) == _numbered(meant), row
            checked += row.right is not None
    assert checked


def _argument(row):
    """The names that a function's definition uses for its own arguments."""
    return row.left.is_Function and row.right.free_symbols <= set(row.left.args)


def _numbered(e, depth=0):
    """The expression with its bound indices numbered, whatever they were called."""
    if isinstance(e, Indexed) or not e.args:
        return e
    if isinstance(e, Sum):
        (k, first, last), rest = e.limits[-1], e.limits[:-1]
        own = Symbol(f"bound{depth}", integer=True)
        inner = (Sum(e.function, *rest) if rest else e.function).xreplace({k: own})
        return Sum(_numbered(inner, depth + 1), (own, first, last))
    return e.func(*(_numbered(a, depth) for a in e.args))


def _name(left):
    base = getattr(left, "base", left)
    return getattr(base, "base_name", None) or str(base)


def _names(e):
    """The names in an expression: arrays, numbers and quantities, and functions with a name."""
    symbols = {s.name for s in e.atoms(Symbol) if not (s.is_integer or isinstance(s, Dummy))}
    return symbols | {f.base_name for f in e.atoms(Function) if hasattr(f, "base_name")}
