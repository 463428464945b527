"""Matrix calculus. Examples are rows here, so a formula may be the transpose of its source's.

The Matrix Cookbook is Petersen and Pedersen (2012).
"""

from fnnlib.symbolic import D, array, delta, index, matrix, size, total

n, m, p, q = size("n m p q")
x, y, a = (array(name, n) for name in "xya")
b = array("b", m)
A, X, Y = (array(name, n, n) for name in "AXY")
i, j, k, l = index("i j k l", n)  # noqa: E741


def dot(u, v, axis=n):
    return total(lambda k: u[k] * v[k], axis)


def trace(M):
    return total(lambda i: M[i, i], n)


def squared_norm(f, *axes):
    return total(lambda i, j: f(i, j) ** 2, *axes)


def linear_form():
    """The gradient of a x is a. Matrix Cookbook, section 2.4."""
    return D(total(lambda k: a[k] * x[k], n), matrix(x)), matrix(a)


def bilinear_form():
    """The gradient of a X b by X is the outer product of a and b. Matrix Cookbook, section 2.4."""
    Z = array("Z", n, m)
    return (
        D(total(lambda i, j: a[i] * Z[i, j] * b[j], n, m), matrix(Z)),
        matrix(a).T * matrix(b),
    )


def quadratic_form():
    """The gradient of x A x is x (A + A'). Matrix Cookbook, section 2.4."""
    form = total(lambda i, j: x[i] * A[i, j] * x[j], n, n)
    return D(form, matrix(x)), matrix(x) * (matrix(A) + matrix(A).T)


def quadratic_hessian():
    """The Hessian of x A x is A + A'. Matrix Cookbook, section 2.4."""
    form = total(lambda i, j: x[i] * A[i, j] * x[j], n, n)
    return D(D(form, x[i]), x[j]), A[i, j] + A[j, i]


def gram_form():
    """The gradient of b X' X c by X is X (b'c + c'b). Matrix Cookbook, section 2.4."""
    Z, c = array("Z", n, m), array("c", m)
    form = total(
        lambda i: total(lambda j: Z[i, j] * b[j], m) * total(lambda j: Z[i, j] * c[j], m), n
    )
    b_, c_ = matrix(b), matrix(c)
    return D(form, matrix(Z)), matrix(Z) * (b_.T * c_ + c_.T * b_)


def weighted_least_squares():
    """The gradient of (y - xA) W (y - xA)' by x. Matrix Cookbook, section 2.4."""
    M, W, s = array("M", m, n), array("W", n, n), array("s", m)

    def rest(j):
        return y[j] - total(lambda k: s[k] * M[k, j], m)

    loss = total(lambda i, j: rest(i) * W[i, j] * rest(j), n, n)
    row = matrix(y) - matrix(s) * matrix(M)
    return D(loss, matrix(s)), -row * (matrix(W) + matrix(W).T) * matrix(M).T


def trace_of_product():
    """The gradient of tr(XA) is A'. Matrix Cookbook, section 2.5."""
    return D(total(lambda i, k: X[i, k] * A[k, i], n, n), matrix(X)), matrix(A).T


def trace_of_sandwich():
    """The gradient of tr(AXB) is A'B'. Matrix Cookbook, section 2.5."""
    L, Z, R = array("L", p, n), array("Z", n, m), array("R", m, p)
    form = total(lambda i, j, k: L[k, i] * Z[i, j] * R[j, k], n, m, p)
    return D(form, matrix(Z)), matrix(L).T * matrix(R).T


def trace_of_square():
    """The gradient of tr(XX) is 2X'. Matrix Cookbook, section 2.5."""
    return D(total(lambda i, k: X[i, k] * X[k, i], n, n), matrix(X)), 2 * matrix(X).T


def trace_of_cube():
    """The gradient of tr(XXX) is 3(XX)'. Matrix Cookbook, section 2.5."""
    cube = total(lambda i, j, k: X[i, j] * X[j, k] * X[k, i], n, n, n)
    return D(cube, matrix(X)), 3 * (matrix(X) * matrix(X)).T


def trace_of_quadratic():
    """The gradient of tr(X'AX) is (A + A')X. Matrix Cookbook, section 2.5."""
    Z = array("Z", n, m)
    form = total(lambda i, j, k: Z[i, k] * A[i, j] * Z[j, k], n, n, m)
    return D(form, matrix(Z)), (matrix(A) + matrix(A).T) * matrix(Z)


def trace_is_cyclic():
    """tr(XYA) = tr(AXY)."""
    return (
        total(lambda i, j, k: X[i, j] * Y[j, k] * A[k, i], n, n, n),
        total(lambda i: total(lambda j, k: A[i, j] * X[j, k] * Y[k, i], n, n), n),
    )


def frobenius_least_squares():
    """The gradient of |XW - Y|^2 by W is 2X'(XW - Y)."""
    P, W, R = array("P", p, n), array("W", n, m), array("R", p, m)
    loss = squared_norm(lambda i, j: total(lambda k: P[i, k] * W[k, j], n) - R[i, j], p, m)
    return (
        D(loss, matrix(W)),
        2 * matrix(P).T * (matrix(P) * matrix(W) - matrix(R)),
    )


def matrix_factorisation():
    """The gradient of |Y - UV'|^2 / 2 by U is (UV' - Y)V."""
    U, V, R = array("U", p, n), array("V", m, n), array("R", p, m)
    loss = squared_norm(lambda i, j: R[i, j] - total(lambda k: U[i, k] * V[j, k], n), p, m) / 2
    return D(loss, matrix(U)), (matrix(U) * matrix(V).T - matrix(R)) * matrix(V)


def parallelogram():
    """|X + Y|^2 + |X - Y|^2 = 2|X|^2 + 2|Y|^2."""
    return (
        squared_norm(lambda i, j: X[i, j] + Y[i, j], n, n)
        + squared_norm(lambda i, j: X[i, j] - Y[i, j], n, n),
        2 * squared_norm(lambda i, j: X[i, j], n, n) + 2 * squared_norm(lambda i, j: Y[i, j], n, n),
    )


def kronecker_mixed_product():
    """(A x B)(C x D) = AC x BD for Kronecker products, entry by entry."""
    K, L = array("K", m, m), array("L", m, m)
    r, s = index("r s", m)
    return (
        total(lambda k, h: A[i, k] * K[r, h] * X[k, j] * L[h, s], n, m),
        total(lambda k: A[i, k] * X[k, j], n) * total(lambda h: K[r, h] * L[h, s], m),
    )


def delta_chain():
    """A product of two identities is one, and its trace is n."""
    return total(lambda i, k: delta(i, k) * delta(k, i), n, n), n


def commutator_has_no_trace():
    """tr(XY - YX) = 0: nothing is left of it in tr(XY) + tr(A)."""
    return (
        total(lambda i, k: X[i, k] * Y[k, i] - Y[i, k] * X[k, i], n, n) + trace(A), trace(A)
    )


def centring_is_idempotent():
    """I - 11'/n is its own square."""
    def centring(i, j):
        return delta(i, j) - 1 / n

    return total(lambda k: centring(i, k) * centring(k, j), n), centring(i, j)


def projection_is_idempotent():
    """The projection x'x / |x|^2 is its own square."""
    def projection(i, j):
        return x[i] * x[j] / dot(x, x)

    return total(lambda k: projection(i, k) * projection(k, j), n), projection(i, j)


def householder_reflection():
    """I - 2 x'x / |x|^2 is its own inverse."""
    def mirror(i, j):
        return delta(i, j) - 2 * x[i] * x[j] / dot(x, x)

    return total(lambda k: mirror(i, k) * mirror(k, j), n), delta(i, j)


def sherman_morrison():
    """(I + x'y)(I - x'y / (1 + yx')) = I. Matrix Cookbook, section 3.2."""
    return total(
        lambda k: (delta(i, k) + x[i] * y[k])
        * (delta(k, j) - x[k] * y[j] / (1 + dot(x, y))), n
    ), delta(i, j)


def woodbury():
    """(I + UV)^-1 = I - U (I + VU)^-1 V: times I + UV, with G(I + VU) left standing."""
    U, V, G = array("U", n, m), array("V", m, n), array("G", m, m)

    def small(r, s):
        return delta(r, s) + total(lambda k: V[r, k] * U[k, s], n)

    def uv(i, j):
        return total(lambda r: U[i, r] * V[r, j], m)

    inverse = lambda i, j: delta(i, j) - total(  # noqa: E731
        lambda r, s: U[i, r] * G[r, s] * V[s, j], m, m
    )
    left = total(lambda k: inverse(i, k) * (delta(k, j) + uv(k, j)), n)
    right = delta(i, j) + uv(i, j) - total(
        lambda r, s, u: U[i, r] * G[r, s] * small(s, u) * V[u, j], m, m, m
    )
    return left, right


def lagrange_identity():
    """|x|^2 |y|^2 - (xy)^2 is half the sum of all squared minors."""
    minors = total(lambda i, j: (x[i] * y[j] - x[j] * y[i]) ** 2, n, n) / 2
    return dot(x, x) * dot(y, y) - dot(x, y) ** 2, minors


def binet_cauchy():
    """(ac)(bd) - (ad)(bc) by the minors of the pairs a, b and c, d."""
    c, d = array("c", n), array("d", n)
    left = dot(a, c) * dot(x, d) - dot(a, d) * dot(x, c)
    return left, total(
        lambda i, j: (a[i] * x[j] - a[j] * x[i]) * (c[i] * d[j] - c[j] * d[i]), n, n
    ) / 2


def rayleigh_quotient():
    """The gradient of x A x / |x|^2 vanishes where x (A + A') is 2 x times the quotient."""
    form = total(lambda i, j: x[i] * A[i, j] * x[j], n, n)
    quotient = form / dot(x, x)
    return (
        D(quotient, x[j]),
        (total(lambda i: (A[i, j] + A[j, i]) * x[i], n) - 2 * x[j] * quotient) / dot(x, x),
    )


def laplacian():
    """Half the weighted squared differences over all edges are x (D - A) x, for symmetric A."""
    edge = lambda i, j: A[i, j] + A[j, i]  # noqa: E731
    return (
        total(lambda i, j: edge(i, j) * (x[i] - x[j]) ** 2, n, n) / 2,
        total(lambda i: total(lambda j: edge(i, j), n) * x[i] ** 2, n)
        - total(lambda i, j: edge(i, j) * x[i] * x[j], n, n),
    )


def antisymmetric_form():
    """x (A - A') x = 0, so that x A x sees the symmetric half of A alone."""
    return (
        total(lambda i, j: x[i] * A[i, j] * x[j], n, n),
        total(lambda i, j: x[i] * (A[i, j] + A[j, i]) / 2 * x[j], n, n),
    )
