import pytest
from sympy import Abs, Max

from fnnlib.symbolic import Piecewise, array, exp, index, relu, scalar, size, total
from fnnlib.symbolic.cases import zero_by_cases
from fnnlib.symbolic.normal import normal_form
from fnnlib.symbolic.prover import judge, prove
from fnnlib.symbolic.vocabulary import unfold

z, w, a, b, c = scalar("z w a b c")
up, down, below = (scalar("u", nonnegative=True), scalar("v", nonpositive=True),
                   scalar("o", negative=True))
E = exp(a)
n = size("n")
x = array("x", n)
i = index("i", n)


def positive_part(u):
    return unfold(relu(u))


def step(condition):
    return Piecewise((1, condition), (0, True))


def where_zero(u, value):
    """The value where u is zero, and zero elsewhere."""
    return Piecewise((0, u > 0), (0, u < 0), (value, True))


def is_zero(e):
    return zero_by_cases(e, lambda e: normal_form(e) == 0)


@pytest.mark.parametrize(
    "e",
    [
        positive_part(z) - positive_part(-z) - z,
        positive_part(z) * positive_part(-z),
        positive_part(positive_part(z)) - positive_part(z),
        positive_part(3 * z) - 3 * positive_part(z),
        Abs(z) - positive_part(z) - positive_part(-z),
        Max(z, w) + Max(-z, -w) - Abs(z - w),
        x[i] * (positive_part(x[i]) + positive_part(-x[i])) - x[i] * Abs(x[i]),
        positive_part(z - 1) * positive_part(-1 - z),
        positive_part(z - 1) * positive_part(1 - z),
        positive_part(-z - 1) * (positive_part(1 - z) - 1 + z),
        positive_part(z - w + 1) * positive_part(w - z - 2),
        positive_part(2 * z - 1) * (positive_part(z + 3) - z - 3),
        Piecewise((0, z < -1), (0, z < 1), (positive_part(1 - z), True)),
        positive_part(w - z + 1) * (positive_part(w - z + 2) - w + z - 2),
        positive_part(w - z + 1) * (positive_part(2 * w - 2 * z + 6) - 2 * w + 2 * z - 6),
        positive_part(E - b - 1) * (positive_part(E - b) - E + b),  # b - E, and E - b - 1
        positive_part(a * c - 1) * (positive_part(a * c + 1) - a * c - 1),
        positive_part(z) * (positive_part(z - below) - z + below),
        where_zero(a * c - 1, step(a * c < 2) - 1),
        where_zero(a * c - 1, step(a * c - z > 1) - step(z < 0)),
        where_zero(a**2 + b * c - 1, step(a**2 + b * c < 2) - 1),
        step(a < 0) - step(below * a > 0),
        where_zero(2 * a - w, 2 * a - w),
        where_zero(a**2 - w, a**2 - w),
        where_zero(a + a**2 - w, a + a**2 - w),
    ],
)
def test_zero_for_every_sign(e):
    assert is_zero(e)


@pytest.mark.parametrize(
    "e",
    [
        positive_part(z) + positive_part(-z) - z,
        positive_part(z) * positive_part(w),
        positive_part(-3 * z) - 3 * positive_part(z),
        Piecewise((0, z > 0), (0, z < 0), (1, True)),  # all but the kink
        Piecewise((0, z >= 0), (1, True)),
        Piecewise((z - w, z > w), (0, True)) - Max(z, w),
        positive_part(z + 1) * positive_part(1 - z),
        positive_part(z - w + 1) * positive_part(w - z + 2),
        positive_part(2 * z + 1) * (positive_part(z - 3) - z + 3),
        positive_part(z + 1) * (positive_part(w + 1) - w - 1),
        Piecewise((0, z < -1), (z, z < 1), (0, True)),
        positive_part(w - z + 2) * (positive_part(w - z + 1) - w + z - 1),
        step(E < b + 1) * (positive_part(E - b) - E + b),
        positive_part(z - 1) * (positive_part(c * z - c + 2) - c * z + c - 2),  # of unknown sign
        step(z > 0) - step(z + w > 0),
        step(a < 0) - step(up * a > 0),
        step(a < 0) - step(down * a > 0),  # the factor may be zero
        step(a > 0) - step(below * a > 0),
        where_zero(2 * a - w, 2 * a + w),
        where_zero(a * c, a),  # c may be the one that is zero
    ],
)
def test_one_case_is_enough_to_fail(e):
    assert not is_zero(e)


def test_cases_under_a_sum():
    parts = total(lambda k: relu(x[k]) - relu(-x[k]), n)
    assert judge(parts, total(lambda k: x[k], n)).method.startswith("by cases")
    assert prove(parts, total(lambda k: -x[k], n))[0] == "probed"


def test_too_many_signs_are_left_alone():
    letters = scalar("a b c d")
    e = sum(positive_part(u) - positive_part(-u) - u for u in letters)
    assert not is_zero(e) and is_zero(e.xreplace({letters[3]: z * 0}))
