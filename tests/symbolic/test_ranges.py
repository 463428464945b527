import pytest

from fnnlib.symbolic import (
    D,
    Derivation,
    Induction,
    array,
    define,
    index,
    matrix,
    recursive,
    size,
    total,
)

from .ranges import missing, room

T, n = size("T n")
x, w = array("x", (1, T), n), array("w", n)
h = recursive("h", (0, T), start=0, rule=lambda t: h[t - 1] + x[t, 0])
loss = define("L", total(lambda t, i: w[i] * x[t, i] ** 2, (1, T), n))


def by_x(over, units=n):
    t, i = index("t", over), index("i", units)
    return Derivation(D(loss, x[t, i]), "by_x").step(2 * w[i] * x[t, i], "power rule")


def further(made):
    return [(i.name, first, last) for i, (first, last) in room(made)]


def test_a_statement_about_whole_axes_has_no_room():
    assert further(by_x((1, T))) == []


@pytest.mark.parametrize("over, wider", [
    ((1, T - 1), (1, T)), ((2, T), (1, T)), ((1, T - 2), (1, T - 1)), ((3, T), (2, T)),
])
def test_an_index_that_stops_early_has_room(over, wider):
    assert further(by_x(over)) == [("t", *wider)]
    assert further(by_x((1, T), (1, n - 1))) == [("i", 0, n - 1)]


@pytest.mark.parametrize("last, wider", [(T - 1, []), (T - 2, [("t", 1, T - 1)])])
def test_the_next_step_has_to_be_there(last, wider):
    t = index("t", (1, last))
    path = total(lambda s: h[s] * h[s - 1], (1, T))
    d = Derivation(D(path, h[t]), "next").step(h[t - 1] + h[t + 1], "two terms")
    assert further(d) == wider


@pytest.mark.parametrize("first, wider", [(1, []), (2, [("t", 1, T - 1)])])
def test_where_the_equation_becomes_another_it_has_no_room(first, wider):
    t = index("t", (first, T - 1))
    d = Derivation(D(total(lambda s: h[s] ** 2, (1, T)), h[t]), "squares").step(2 * h[t], "power")
    assert further(d) == [*wider, ("t", first, T)]


@pytest.mark.parametrize("last, wider", [(T, []), (T - 1, [("t", 1, T)])])
def test_a_recurrence_is_used_where_it_holds(last, wider):
    t = index("t", (1, last))
    d = Derivation(h[t] - x[t, 0], "back").step(h[t - 1], "the recurrence", using=[h.unroll(t)])
    assert further(d) == wider


@pytest.mark.parametrize("over, wider", [
    ((0, T), []), ((1, T), [("s", 0, T)]), ((0, T - 1), [("s", 0, T)]),
])
def test_an_induction_runs_from_end_to_end(over, wider):
    lemma = Induction(
        "path", lambda s: total(lambda t: h[t] - h[t - 1], (1, s)), lambda s: h[s] - h[0],
        over=over, using=lambda s: [],
    )
    assert further(lemma) == wider


def test_the_entries_left_out_are_told():
    assert missing([by_x((1, T))]) == {}
    (left_out,) = missing([by_x((1, T - 1))]).values()
    assert left_out == [(3, 0), (3, 1), (3, 2)]
    last = Derivation(D(loss, matrix(x, T)), "last")
    assert missing([by_x((1, T - 1)), last]) == {}


@pytest.mark.parametrize("value, left_out", [(0, []), (None, [(0,)])])
def test_nothing_is_differentiated_by_a_start_that_is_a_number(value, left_out):
    g = recursive("g", (0, T), start=0, value=value, rule=lambda t: g[t - 1] + x[t, 0])
    t = index("t", (1, T))
    d = Derivation(D(total(lambda s: g[s], (1, T)), g[t]), "ones").step(1, "linear")
    assert missing([d]) == ({"D(Sum(g[_s], (_s, 1, T)), g)": left_out} if left_out else {})
