import pytest

from fnnlib.symbolic import (
    D,
    Derivation,
    S,
    array,
    define,
    delta,
    elementwise,
    exp,
    function,
    hadamard,
    index,
    matrix,
    ones,
    prime,
    scalar,
    sigmoid,
    size,
    tanh,
    total,
)
from fnnlib.symbolic.printing import aligned, label, latex, lines, markdown, name

n, T = size("n T")
z, y = scalar("z y")
x, W, G = array("x", n), array("W", n, n), array("G", n, n)
h = array("h", (0, T), n, n)
i, j = index("i j", n)
t = index("t", (1, T))
phi = function("phi", tex=r"\phi")

PRINTED = [
    (W[i, j], r"W_{ij}"),
    (h[t - 1, i, j], r"h_{t - 1,i,j}"),
    (matrix(W).T * matrix(G), r"\mathbf{W}^{\top} \mathbf{G}"),
    (matrix(h, t - 1), r"\mathbf{h}_{t - 1}"),
    (matrix(W) - matrix(G), r"\mathbf{W} - \mathbf{G}"),
    (-matrix(W) * matrix(G) + matrix(G), r"\mathbf{G} - \mathbf{W} \mathbf{G}"),
    (z * matrix(W) + matrix(G), r"z \mathbf{W} + \mathbf{G}"),
    (2 * matrix(W) - 3 * matrix(G), r"2 \mathbf{W} - 3 \mathbf{G}"),
    (ones(1, n) * matrix(G), r"\mathbf{1}^{\top} \mathbf{G}"),
    (hadamard(matrix(W), matrix(G)), r"\mathbf{W} \odot \mathbf{G}"),
    (elementwise(phi, matrix(W)), r"\phi(\mathbf{W})"),
    (elementwise(prime(phi), matrix(W)), r"\phi'(\mathbf{W})"),
    (elementwise(lambda u: 1 - u**2, matrix(W)), r"\left(1 - \mathbf{W}^{2}\right)"),
    (sigmoid(z) * (1 - sigmoid(z)), r"\sigma(z) \left(1 - \sigma(z)\right)"),
    (sigmoid(z) - y, r"\sigma(z) - y"),
    (prime(sigmoid)(z), r"\sigma'(z)"),
    (delta(i, j), r"\delta_{ij}"),
    (total(lambda k: x[k], n), r"\sum_{k} x_{k}"),
    (total(lambda k: x[k], n) ** 2, r"\left(\sum_{k} x_{k}\right)^{2}"),
    (total(lambda t: h[t, i, j], (1, T)), r"\sum_{t=1}^{T} h_{tij}"),
    (total(lambda k: x[k], (0, i - 1)), r"\sum_{k=0}^{i - 1} x_{k}"),
    (total(lambda k: x[k] + 1, n), r"\sum_{k} \left( x_{k} + 1 \right)"),
    (total(lambda k: x[k] * W[k, j], n) + G[0, j], r"\sum_{k} x_{k} W_{kj} + G_{0j}"),
    (total(lambda k: W[i, k] * G[k, j], n), r"\sum_{k} W_{ik} G_{kj}"),
    (total(lambda k: G[i, k] * W[k, j], n), r"\sum_{k} G_{ik} W_{kj}"),
    (array("W_q", n, n)[i, j], r"W_{q;ij}"),
    (array("h_a", (0, T), n)[t - 1, i], r"h_{a;t - 1,i}"),
    (matrix(array("h_a", (0, T), n, n), t), r"\mathbf{h}_{a;t}"),
    (D(define("L", z**2), z), r"\frac{\partial \mathcal{L}}{\partial z}"),
    (D(z**2, z), r"\frac{\partial}{\partial z} \Bigl[ z^{2} \Bigr]"),
    (exp(-z), r"e^{- z}"),
    (exp(array("e", n)[i]), r"\exp(e_{i})"),
    (total(lambda i: x[i], n) * x[i], r"x_{i} \sum_{i'} x_{i'}"),
    (total(lambda k: total(lambda k: x[k], n), n), r"\sum_{k} \sum_{k'} x_{k'}"),
    (total(lambda k: x[k], n) * total(lambda k: W[k, j], n), r"\sum_{k'} W_{k',j} \sum_{k} x_{k}"),
    (tanh(z), r"\tanh{\left(z \right)}"),
    (-x[i] / 2, r"- \frac{x_{i}}{2}"),
    (S(2) * x[i], r"2 x_{i}"),
]


@pytest.mark.parametrize("e, expected", PRINTED, ids=[p[1] for p in PRINTED])
def test_printed(e, expected):
    squeezed = latex(e).replace(" ", "")
    assert squeezed == expected.replace(" ", "")


def test_names():
    assert name("lambda") == r"\lambda" and name("W", bold=True) == r"\mathbf{W}"
    assert name("hdot") == r"\dot{h}" and name("Wdot", bold=True) == r"\dot{\mathbf{W}}"
    assert name("h1") == "h_{1}" and name("lambda", bold=True) == r"\boldsymbol{\lambda}"
    assert name("Lambda") == r"\Lambda" and name("yhat") == r"\hat{y}"
    assert name("carry") == r"\mathrm{carry}"
    assert name("W_q") == "W_{q}" and name("W_q", bold=True) == r"\mathbf{W}_{q}"
    assert name("lambda_a") == r"\lambda_{a}" and name("hdot_a") == r"\dot{h}_{a}"
    assert name("W1dot") == r"\dot{W}_{1}" and name("b_cdot", bold=True) == r"\dot{\mathbf{b}}_{c}"
    assert name("k'") == "k'" and name("dot") == r"\mathrm{dot}"


def test_a_derivation_is_one_labelled_equation():
    d = Derivation(D(sigmoid(z), z), "sigmoid_prime")
    d.step(sigmoid(z) * (1 - sigmoid(z)), "where $p_i$ & 100 %")
    text = markdown(d)
    assert text.startswith("$$\n\\begin{aligned}") and "$$ (eq-sigmoid-prime)" in text
    assert r"\checkmark" in text and r"where $p_i$ \& 100 \%" in text
    assert label("a_b") == "eq-a-b"


@pytest.mark.parametrize("over, told", [
    (T, ""), ((1, T - 1), r"for $t = 1, \ldots, T - 1$."),
    ((0, T - 2), r"for $t = 0, \ldots, T - 2$."),
])
def test_an_equation_tells_where_it_holds(over, told):
    t, x = index("t", over), array("x", T, n)
    d = Derivation(D(x[t, i] ** 2, x[t, i]), "square").step(2 * x[t, i], "power rule")
    assert markdown(d).split("$$ (eq-square)")[1].strip() == told
    row = Derivation(matrix(x, t), "row").step(matrix(x, t), "the same")
    assert markdown(row).split("$$ (eq-row)")[1].strip() == told


def test_ranges_come_before_conditions():
    s, x = index("s", (1, 3)), array("x", (0, T), 4)
    d = Derivation(x[t, s] / x[t - 1, s], "ratio").step(x[t, s] * x[t - 1, s] ** -1, "the same")
    assert markdown(d).endswith(
        r"for $s = 1, \ldots, 3$ and $t = 1, \ldots, T$, where $x_{t - 1,s} \neq 0$."
    )


def test_marks_differ_by_status():
    from sympy import cos, sin

    d = Derivation(sin(2 * z), "double")
    d.step(2 * sin(z) * cos(z), "known", accept="simplified")
    assert r"\checkmark^{*}" in markdown(d)


def test_long_lines_put_their_reason_below():
    short = aligned([("x", "why", "m")], "y")
    long = aligned([("x + " * 60 + "x", "why", "m")], "y")
    talk = aligned([("x", "why " * 20, "m")], "y")
    assert short.count(r"\\") == 0 and long.count(r"\\") == 1 and talk.count(r"\\") == 1


def test_many_terms_go_on_in_further_lines():
    arrays = [array(f"a{k}", n) for k in range(9)]
    e = sum(a[i] * total(lambda k: a[k], n) for a in arrays)  # noqa: B023
    broken = lines(e)
    assert broken.count("\n") == 2 and broken.replace(" \\\\\n&\\quad {}", "") == latex(e)
    assert lines(x[i] + y) == latex(x[i] + y)
    M = sum((matrix(array(f"M{k}", n, n)) * matrix(W) * matrix(G) for k in range(12)), matrix(G))
    assert lines(M).count("\n") == 2


def test_a_long_left_side_has_lines_of_its_own():
    first = "x + " * 20 + "x"
    assert aligned([("a", "why", "m"), ("b", "so", "m")], first).split(" \\\\\n") == [
        "\\begin{aligned}\n&" + first,
        " &= a", r"&\hphantom{{}={}}\quad \text{why}\;m",
        " &= b", r"&\hphantom{{}={}}\quad \text{so}\;m" + "\n\\end{aligned}",
    ]


@pytest.mark.parametrize("left, right, own", [(20, 46, True), (20, 45, False), (8, 60, False)])
def test_a_left_side_makes_room_for_a_line_that_would_leave_the_page(left, right, own):
    shown = aligned([("b", "why", "m"), ("a" * right, "so", "m")], "y" * left)
    assert ("&" + "y" * left + r" \\" in shown) == own
