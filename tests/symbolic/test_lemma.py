from sympy import S, Tuple

from fnnlib.symbolic import D, Derivation, array, define, delta, index, scalar, size, total
from fnnlib.symbolic.lemma import match, rewrite

n, m = size("n m")
x, W = array("x", n), array("W", n, n)
i, j = index("i j", n)
p = define("p", lambda i: x[i] ** 2, n)
square = Derivation(D(p[i], x[j]), "square").step(2 * x[i] * delta(i, j), "power rule")


def test_free_indices_bind_to_any_index_in_range():
    a, b = index("a b", n)
    assert rewrite(D(p[a], x[b]), square) == 2 * x[a] * delta(a, b)
    assert rewrite(D(p[0], x[j]), square) == 2 * x[0] * delta(0, j)
    inside = rewrite(total(lambda k: D(p[k], x[j]), n), square)
    assert not inside.has(type(square.start))


def test_an_index_out_of_range_is_not_matched():
    far = index("far", m)
    assert rewrite(D(p[far], x[j]), square) == D(p[far], x[j])
    assert rewrite(D(p[1], x[j]), square) == D(p[1], x[j])  # n may be 1


def test_one_index_binds_once():
    assert match(W[i, i], W[j, j], {}, {}) == {i: j}
    assert match(W[i, i], W[i, j], {}, {}) is None
    assert match(x[i], W[i, j], {}, {}) is None


def test_bound_indices_are_matched_by_place():
    left, same = total(lambda k: W[i, k] * x[k], n), total(lambda q: W[j, q] * x[q], n)
    assert match(left, same, {}, {})[i] == j
    assert match(left, total(lambda q: W[q, j] * x[q], n), {}, {}) is None


def test_a_lemma_is_used_under_a_sum_only_where_it_holds():
    T = size("T")
    y, t = array("y", (0, T + 1)), index("t", (1, T))
    lemma = Derivation(y[t] * y[t] - y[t], "factored").step(y[t] * (y[t] - 1), "factor")
    for span, used in (((1, T), True), ((2, T), True), ((0, T), False), ((1, T + 1), False)):
        claim = total(lambda t: y[t] * y[t] - y[t], span)
        factored = total(lambda t: y[t] * (y[t] - 1), span)
        assert rewrite(claim, lemma).function.has(y) and (
            rewrite(claim, lemma).dummy_eq(factored) == used
        ), span


def test_a_free_index_stands_for_whole_numbers_alone():
    q = index("q", (0, n + 1))
    half, y = scalar("y") / 2, scalar("y")
    assert match(q * y, 2 * y, {}, {}) is None  # 2 may exceed n + 1
    assert match(q * y, half, {}, {}) is None
    assert match(q * y, i * y, {}, {}) == {q: i}
    assert match(q, S.Half, {}, {}) is None and match(q, Tuple(S.One), {}, {}) is None
    assert match(q, S.One, {}, {}) == {q: 1}


def test_a_pattern_that_looks_the_same_still_binds():
    assert match(x[i] * x[j], x[i] * x[j], {}, {}) == {i: i, j: j}
    assert match(W[i, j] * x[i], W[i, i] * x[j], {}, {}) is None
    assert match(x[i] + W[i, i], x[i] + W[j, j], {}, {}) is None


def test_other_scalars_and_more_terms_do_not_match():
    a, b = scalar("a b")
    assert match(a * x[i], b * x[i], {}, {}) is None
    assert match(a, b, {}, {}) is None
    assert match(x[i] + a, x[i] + a + b, {}, {}) is None
    assert match(a + b, a + b + scalar("c"), {}, {}) is None
    assert match(x[i] * a, x[i] + a, {}, {}) is None
