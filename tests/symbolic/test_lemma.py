from fnnlib.symbolic import D, Derivation, array, define, delta, index, size, total
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
