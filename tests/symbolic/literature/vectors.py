"""Norms, angles, kernels, homogeneous functions and the rules of differentiation."""

from fnnlib.symbolic import D, array, delta, exp, function, index, scalar, size, sqrt, total

n, m = size("n m")
x, y, a, b = (array(name, n) for name in "xyab")
i, j = index("i j", n)
u, v = scalar("u v")
f, g = function("f"), function("g")


def dot(x, y):
    return total(lambda k: x[k] * y[k], n)


def norm(x):
    return sqrt(dot(x, x))


def gradient_of_a_norm():
    """The gradient of |x| is x / |x|. Matrix Cookbook, section 2.6."""
    return D(norm(x), x[i]), x[i] / norm(x)


def jacobian_of_a_direction():
    """The Jacobian of x / |x| is (I - uu') / |x| with u = x / |x|. Matrix Cookbook, 2.6."""
    return (
        D(x[i] / norm(x), x[j]),
        (delta(i, j) - x[i] * x[j] / dot(x, x)) / norm(x),
    )


def cosine_similarity():
    """The gradient of the cosine between x and y by x."""
    cosine = dot(x, y) / (norm(x) * norm(y))
    return D(cosine, x[i]), y[i] / (norm(x) * norm(y)) - cosine * x[i] / dot(x, x)


def cosine_gradient_is_a_rotation():
    """A cosine does not depend on the length of x: its gradient is orthogonal to x."""
    cosine = dot(x, y) / (norm(x) * norm(y))
    return total(lambda k: x[k] * D(cosine, x[k]), n) + dot(x, y), dot(x, y)


def euler_cubic():
    """Euler's theorem: a cubic form is a third of x times its gradient."""
    A = array("A", n, n, n)
    form = total(lambda i, j, k: A[i, j, k] * x[i] * x[j] * x[k], n, n, n)
    return total(lambda k: x[k] * D(form, x[k]), n), 3 * form


def euler_quotient():
    """Euler's theorem for a quotient of degree one."""
    ratio = dot(a, x) ** 2 / dot(b, x)
    return total(lambda k: x[k] * D(ratio, x[k]), n), ratio


def product_rule():
    """(f g)' = f' g + f g', for functions of which nothing is known."""
    return D(f(u) * g(u), u), f(u).diff(u) * g(u) + f(u) * g(u).diff(u)


def quotient_rule():
    """(f / g)' = (f' g - f g') / g^2."""
    return D(f(u) / g(u), u), (f(u).diff(u) * g(u) - f(u) * g(u).diff(u)) / g(u) ** 2


def chain_rule():
    """The gradient of f(a x + b y), by the entries of x."""
    inner = dot(a, x) + dot(b, y)
    return D(f(inner), x[i]), type(f(u).diff(u))(inner) * a[i]


def logarithmic_derivative():
    """The gradient of log f is that of f over f."""
    from fnnlib.symbolic import log

    c = exp(dot(a, x)) + exp(dot(b, x))
    return D(log(c), x[i]), (a[i] * exp(dot(a, x)) + b[i] * exp(dot(b, x))) / c


def gaussian_kernel():
    """The gradient of exp(-v |x - y|^2) by x."""
    kernel = exp(-v * total(lambda k: (x[k] - y[k]) ** 2, n))
    return D(kernel, x[i]), -2 * v * (x[i] - y[i]) * kernel


def polynomial_kernel():
    """The gradient of (x y + v)^3 by x."""
    return D((dot(x, y) + v) ** 3, x[i]), 3 * y[i] * (dot(x, y) + v) ** 2


def distance_by_products():
    """|x - y|^2 = |x|^2 - 2xy + |y|^2."""
    return (
        total(lambda k: (x[k] - y[k]) ** 2, n),
        dot(x, x) - 2 * dot(x, y) + dot(y, y),
    )


def polarisation():
    """Four products of x and y are |x + y|^2 - |x - y|^2."""
    return (
        total(lambda k: (x[k] + y[k]) ** 2, n) - total(lambda k: (x[k] - y[k]) ** 2, n),
        4 * dot(x, y),
    )


def mean_is_the_best_constant():
    """The gradient of sum_i |x_i - c|^2 by c is 2n (c - mean)."""
    return (
        D(total(lambda k: (x[k] - u) ** 2, n), u),
        2 * n * (u - total(lambda k: x[k], n) / n),
    )
