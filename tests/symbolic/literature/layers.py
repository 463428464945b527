"""Activations, gates, normalisations and losses of the literature on networks."""

from sympy import Abs, Max

from fnnlib.symbolic import (
    D,
    Piecewise,
    Rational,
    array,
    exp,
    index,
    leaky_relu,
    log,
    prime,
    relu,
    scalar,
    sigmoid,
    size,
    softplus,
    sqrt,
    tanh,
    total,
)

n, m, B = size("n m B")
x, G, v = (array(name, n) for name in "xGv")
i, j = index("i j", n)
z, beta, c, g = scalar("z beta c g")
epsilon = scalar("epsilon", positive=True)


def mean(f, axis=n):
    return total(f, axis) / axis


def swish():
    """f = z sigma(beta z) has f' = beta f + sigma(beta z) (1 - beta f).

    Ramachandran, Zoph and Le (2017).
    """
    f = z * sigmoid(beta * z)
    return D(f, z), beta * f + sigmoid(beta * z) * (1 - beta * f)


def mish():
    """The derivative of z tanh(softplus(z))."""
    t = tanh(softplus(z))
    return D(z * t, z), t + z * (1 - t**2) * sigmoid(z)


def gelu_by_tanh():
    """The derivative of the tanh form of GELU. Hendrycks and Gimpel (2016)."""
    inner = c * (z + Rational(44715, 1000000) * z**3)
    t = tanh(inner)
    slope = c * (1 + 3 * Rational(44715, 1000000) * z**2)
    return D(z * (1 + t) / 2, z), (1 + t) / 2 + z * (1 - t**2) * slope / 2


def sigmoid_second_derivative():
    """sigma'' = sigma (1 - sigma) (1 - 2 sigma)."""
    s = sigmoid(z)
    return D(s * (1 - s), z), s * (1 - s) * (1 - 2 * s)


def log_cosh():
    """The derivative of log cosh is tanh."""
    return D(log((exp(z) + exp(-z)) / 2), z), tanh(z)


def tanh_addition():
    """tanh(a + b) = (tanh a + tanh b) / (1 + tanh a tanh b)."""
    return tanh(z + c), (tanh(z) + tanh(c)) / (1 + tanh(z) * tanh(c))


def logit_of_sigmoid():
    """The logarithm of the odds is what entered the sigmoid."""
    return log(sigmoid(z) / (1 - sigmoid(z))), z


def focal_loss():
    """The derivative of -(1 - s)^2 log s. Lin, Goyal, Girshick, He and Dollar (2017)."""
    s = sigmoid(z)
    return D(-((1 - s) ** 2) * log(s), z), (1 - s) ** 2 * (2 * s * log(s) + s - 1)


def gated_linear_unit():
    """The gradient by the gate's weights. Dauphin, Fan, Auli and Grangier (2017)."""
    X, W, V, dy = (
        array(name, *axes)
        for name, *axes in (("X", B, n), ("W", n, m), ("V", n, m), ("G", B, m))
    )
    k, h = index("k", n), index("h", m)
    value = lambda b, h: total(lambda k: X[b, k] * W[k, h], n)  # noqa: E731
    gate = lambda b, h: sigmoid(total(lambda k: X[b, k] * V[k, h], n))  # noqa: E731
    loss = total(lambda b, h: dy[b, h] * value(b, h) * gate(b, h), B, m)
    return D(loss, V[k, h]), total(
        lambda b: X[b, k] * dy[b, h] * value(b, h) * gate(b, h) * (1 - gate(b, h)), B
    )


def highway():
    """The gradient by the transform gate's bias. Srivastava, Greff and Schmidhuber (2015)."""
    b = array("b", n)
    out = lambda k: sigmoid(b[k]) * tanh(v[k]) + (1 - sigmoid(b[k])) * x[k]  # noqa: E731
    s = sigmoid(b[i])
    return (
        D(total(lambda k: G[k] * out(k), n), b[i]),
        G[i] * (tanh(v[i]) - x[i]) * s * (1 - s),
    )


def triplet_loss():
    """By the anchor, the loss pulls the positive and pushes the negative.

    Schroff, Kalenichenko and Philbin (2015).
    """
    near, far = array("p", n), array("q", n)
    distance = lambda y: total(lambda k: (x[k] - y[k]) ** 2, n)  # noqa: E731
    margin = distance(near) - distance(far) + c
    return D(relu(margin), x[i]), prime(relu)(margin) * 2 * (far[i] - near[i])


def _normalised(x, axis=n):
    centre = lambda k: x(k) - mean(x, axis)  # noqa: E731
    scale = sqrt(mean(lambda k: centre(k) ** 2, axis) + epsilon)
    return (lambda k: centre(k) / scale), scale


def layer_norm():
    """The backward pass of layer normalisation. Ba, Kiros and Hinton (2016)."""
    y, scale = _normalised(lambda k: x[k])
    loss = total(lambda k: G[k] * y(k), n)
    return D(loss, x[i]), (
        G[i] - mean(lambda k: G[k]) - y(i) * mean(lambda k: G[k] * y(k))
    ) / scale


def layer_norm_shift():
    """Layer normalisation does not see a constant that is added."""
    y, _ = _normalised(lambda k: x[k])
    moved, _ = _normalised(lambda k: x[k] + c)
    return moved(i), y(i)


def layer_norm_mean():
    """What layer normalisation makes has mean zero."""
    y, _ = _normalised(lambda k: x[k])
    return mean(lambda k: y(k) + v[k]), mean(lambda k: v[k])


def layer_norm_variance():
    """And the mean of its squares is one less epsilon over the variance plus epsilon."""
    y, scale = _normalised(lambda k: x[k])
    return mean(lambda k: y(k) ** 2), 1 - epsilon / scale**2


def batch_norm():
    """The backward pass of batch normalisation, column by column. Ioffe and Szegedy (2015)."""
    X, dy, gain = array("X", B, n), array("G", B, n), array("g", n)
    b = index("b", B)
    y = lambda r, k: _normalised(lambda r: X[r, k], B)[0](r)  # noqa: E731
    scale = _normalised(lambda r: X[r, i], B)[1]
    loss = total(lambda r, k: dy[r, k] * gain[k] * y(r, k), B, n)
    return D(loss, X[b, i]), gain[i] / scale * (
        dy[b, i] - mean(lambda r: dy[r, i], B)
        - y(b, i) * mean(lambda r: dy[r, i] * y(r, i), B)
    )


def rms_norm():
    """The backward pass of RMSNorm. Zhang and Sennrich (2019)."""
    scale = sqrt(mean(lambda k: x[k] ** 2) + epsilon)
    y = lambda k: x[k] / scale  # noqa: E731
    return (
        D(total(lambda k: G[k] * y(k), n), x[i]),
        (G[i] - y(i) * mean(lambda k: G[k] * y(k))) / scale,
    )


def weight_norm():
    """The gradient by v of a loss linear in w = g v / |v|. Salimans and Kingma (2016)."""
    square = total(lambda k: v[k] ** 2, n)
    loss = total(lambda k: G[k] * g * v[k], n) / sqrt(square)
    return (
        D(loss, v[i]),
        g / sqrt(square) * (G[i] - v[i] * total(lambda k: G[k] * v[k], n) / square),
    )


def squeeze_and_excitation():
    """A channel's gate multiplies all places, so its gradient is a sum over places."""
    X, dy, a = array("X", n, m), array("G", n, m), array("a", n)
    return (
        D(total(lambda k, p: dy[k, p] * X[k, p] * sigmoid(a[k]), n, m), a[i]),
        sigmoid(a[i]) * (1 - sigmoid(a[i])) * total(lambda p: dy[i, p] * X[i, p], m),
    )


def hopfield_update():
    """The gradient of the energy of the dense associative memory. Ramsauer et al. (2020)."""
    X = array("X", m, n)
    score = lambda r: beta * total(lambda k: X[r, k] * x[k], n)  # noqa: E731
    whole = total(lambda r: exp(score(r)), m)
    energy = -log(whole) / beta + total(lambda k: x[k] ** 2, n) / 2
    return D(energy, x[i]), x[i] - total(lambda r: exp(score(r)) / whole * X[r, i], m)


def relu_parts():
    """A number is its positive part less its negative part."""
    return relu(z) - relu(-z), z


def relu_parts_exclude_each_other():
    """Positive and negative part are never both there: the square is the sum of squares."""
    return relu(z) ** 2 + relu(-z) ** 2, z**2


def relu_is_homogeneous():
    """relu(a z) = a relu(z) for a > 0; in a layer, scale moves from one weight to the next."""
    a = scalar("a", positive=True)
    return relu(a * z) * c / a, relu(z) * c


def relu_is_idempotent():
    """relu(relu(z)) = relu(z)."""
    return relu(relu(z)), relu(z)


def leaky_relu_by_relu():
    """leaky(z) = c z + (1 - c) relu(z)."""
    return leaky_relu(z, c), c * z + (1 - c) * relu(z)


def maximum():
    """The greater of two numbers by the distance between them."""
    return Max(z, c), (z + c) / 2 + Abs(z - c) / 2


def concatenated_relu():
    """Positive and negative parts, side by side, keep all squares. Shang et al. (2016)."""
    return (
        total(lambda k: relu(x[k]) ** 2 + relu(-x[k]) ** 2, n), total(lambda k: x[k] ** 2, n)
    )


def hard_tanh():
    """Two relus make a ramp."""
    return relu(z + 1) - relu(z - 1) - 1, Piecewise((-1, z < -1), (z, z < 1), (1, True))


def batch_norm_scale():
    """Without epsilon, batch normalisation does not see a positive factor."""
    a = scalar("a", positive=True)

    def normalised(x):
        centre = lambda k: x(k) - mean(x)  # noqa: E731
        return centre(i) / sqrt(mean(lambda k: centre(k) ** 2))

    return normalised(lambda k: a * x[k]), normalised(lambda k: x[k])
