r"""Masks and truncation: gradients of a recurrent net that leaves steps out or holds states.

Sequences end at different steps, and a long history may be cut into chunks. What becomes of the
gradient there?

:math:`m_t` is the mask, one where a sequence takes part in step :math:`t`: there the state moves
on, elsewhere it stays as it is. :math:`\kappa_t` is zero where step :math:`t` starts a chunk of
truncated backpropagation: it reads the number :math:`s_t` in place of the state before, so that
nothing is sent back over the border; elsewhere it is one. What is proved holds for any numbers in
the place of both, hence for every mask and every length of the chunks. :math:`G` is the gradient
that reaches the states from outside, :math:`v` what is sent back to the step before, and
:math:`v_T` what reaches the last state; :math:`\lambda` and :math:`\delta` are the adjoints of the
state and of what enters tanh.

The gradients are derived for the net of :mod:`fnnlib.rnn`. That they are the derivative is proved
for every recurrent module: all :math:`n` parts of its state stand side by side in :math:`h`,
:math:`J` is the Jacobian of its step by the state before, :math:`y` what the module makes of the
state that it reads, and :math:`w` is how the step moves with inputs and parameters; :math:`J` and
:math:`w` are any arrays. A stack read step by step is such a module, too.

The checks leave out the last steps, one more in each sequence, and cut after every second step.
There :math:`s_t` is given as data, as holding it constant means.
"""

from functools import cache, wraps
from types import SimpleNamespace

from fnnlib import recurrent, rnn
from fnnlib.symbolic import (
    D,
    Derivation,
    Induction,
    array,
    check,
    define,
    index,
    matrix,
    part,
    recursive,
    size,
    tanh,
    total,
)

CHUNK = 2  # steps between two cuts of the checks


@cache
def definitions():
    """The net, its adjoints and its Lagrangian."""
    B, Dn, H, T = size("B D H T")
    steps, states = ((1, T), B, H), ((0, T), B, H)
    W, U, b = array("W", Dn, H), array("U", H, H), array("b", H)
    x, G, held = array("x", (1, T), B, Dn), array("G", *steps), array("s", *steps)
    m, kept = array("m", (1, T), B), array("kappa", (1, T))

    old = read(lambda *at: h[at], held, kept, steps)
    z = define(
        "z",
        lambda t, r, j: total(lambda k: x[t, r, k] * W[k, j], Dn)
        + total(lambda k: old[t, r, k] * U[k, j], H) + b[j],
        *steps,
    )
    new = define(
        "n", lambda t, r, j: m[t, r] * tanh(z[t, r, j]) + (1 - m[t, r]) * old[t, r, j], *steps
    )
    h = recursive("h", *states, start=0, rule=lambda *at: new[at])
    lam = recursive("lambda", *steps, rule=lambda *at: G[at] + back[at])
    dl = recursive(
        "delta", *steps,
        rule=lambda t, r, j: lam[t, r, j] * m[t, r] * (1 - tanh(z[t, r, j]) ** 2),
    )
    back = recursive("v", *states, start=T, rule=lambda t, r, j: kept[t + 1] * (
        total(lambda k: dl[t + 1, r, k] * U[j, k], H) + (1 - m[t + 1, r]) * lam[t + 1, r, j]
    ))
    lagrangian = define(
        "Lambda",
        total(lambda t, r, j: G[t, r, j] * h[t, r, j], *steps)
        + total(lambda r, j: back[T, r, j] * h[T, r, j], B, H)
        + total(lambda t, r, j: lam[t, r, j] * (new[t, r, j] - h[t, r, j]), *steps),
    )
    t, inner, r = index("t", (1, T)), index("t", (1, T - 1)), index("r", B)
    (j, k), d = index("j k", H), index("d", Dn)
    return SimpleNamespace(**locals())


def read(state, held, kept, steps):
    """What a step reads: the state before it, or the number that is held at the border."""
    return define(
        "o", lambda t, r, j: kept[t] * state(t - 1, r, j) + (1 - kept[t]) * held[t, r, j], *steps
    )


def derivations():
    """All derivations of this module."""
    n, module = definitions(), any_module()
    lemma = adjoint_lemma(module)
    return [*adjoints(n), *gradients(), step(module), lemma, theorem(module, lemma)]


@part
def adjoints(n):
    """Where the Lagrangian is stationary in a state, its multiplier obeys the recursion."""
    t, r, j = n.inner, n.r, n.j
    return [
        Derivation(D(n.lagrangian, n.h[t, r, j]), "masked_lambda").step(
            n.G[t, r, j] + n.back.body(t, r, j) - n.lam[t, r, j],
            "a state feeds the next step, or is handed on by it", using=[n.dl.unroll(t + 1)],
        ),
        Derivation(D(n.lagrangian, matrix(n.h, n.T)), "masked_lambda_last").step(
            matrix(n.G, n.T) + matrix(n.back, n.T) - matrix(n.lam, n.T),
            "what later steps send back stands for them",
        ),
    ]


@cache
@part
def gradients():
    """Derivatives by the parameters, by the inputs and by the first state."""
    n = definitions()
    t, r, j, k, d = n.t, n.r, n.j, n.k, n.d

    def start(variable, name):
        return Derivation(D(n.lagrangian, variable), f"masked_{name}")

    def sums(f):
        return total(lambda t, r: f(t, r) * n.dl.body(t, r, j), (1, n.T), n.B)

    return [
        start(n.W[d, j], "dW").step(
            sums(lambda t, r: n.x[t, r, d]), "only steps that are there count"
        ),
        start(n.U[k, j], "dU").step(
            sums(lambda t, r: n.old[t, r, k]), "U meets what the step reads"
        ),
        start(n.b[j], "db").step(sums(lambda t, r: 1), "the bias enters where the mask is one"),
        start(n.x[t, r, d], "dx").step(
            total(lambda j: n.dl.body(t, r, j) * n.W[d, j], n.H), "an input feeds its own step"
        ),
        start(n.h[0, r, j], "dh_0").step(
            n.back.body(0, r, j), "the first state feeds step 1, or is handed on by it",
            using=[n.dl.unroll(1)],
        ),
    ]


def any_module():
    """The tangents and adjoints of the state of any module, with masks and cuts."""
    B, n, T = size("B n T")
    steps, states = ((1, T), B, n), ((0, T), B, n)
    J, w, G = array("J", (1, T), B, n, n), array("w", *steps), array("G", *steps)
    m, kept = array("m", (1, T), B), array("kappa", (1, T))
    hd = recursive("hdot", *states, start=0, rule=lambda t, r, j: m[t, r] * (
        w[t, r, j] + total(lambda k: kept[t] * hd[t - 1, r, k] * J[t, r, k, j], n)
    ) + (1 - m[t, r]) * kept[t] * hd[t - 1, r, j])
    lam = recursive("lambda", *steps, rule=lambda *at: G[at] + back[at])
    back = recursive("v", *states, start=T, rule=lambda t, r, k: kept[t + 1] * (
        total(lambda j: m[t + 1, r] * lam[t + 1, r, j] * J[t + 1, r, k, j], n)
        + (1 - m[t + 1, r]) * lam[t + 1, r, k]
    ))
    h = array("h", *states)
    loss = define("L", total(lambda t, r, j: G[t, r, j] * h[t, r, j], *steps) + total(
        lambda r, j: back[T, r, j] * h[T, r, j], B, n
    ))
    t, r, j = index("t", (1, T)), index("r", B), index("j", n)
    return SimpleNamespace(**locals())


@part
def step(n):
    """How a masked step moves: as the module does where the mask is one, else as its state."""
    t, r, j = n.t, n.r, n.j
    y = array("y", n.B, n.n)  # what the module makes of the state that it reads
    yd = n.w[t, r, j] + total(lambda k: n.kept[t] * n.hd[t - 1, r, k] * n.J[t, r, k, j], n.n)
    old = read(lambda *at: n.h[at], array("s", *n.steps), n.kept, n.steps)
    out = n.m[t, r] * y[r, j] + (1 - n.m[t, r]) * old[t, r, j]
    return Derivation(
        D(out, y[r, j]) * yd + D(out, n.h[t - 1, r, j]) * n.hd[t - 1, r, j], "masked_tangent"
    ).step(n.hd.body(t, r, j), "the module's tangent, or the state's")


@part
def adjoint_lemma(n):
    """Induction over time: the steps up to :math:`s` pay for what the states up to :math:`s` are
    worth.
    """
    return Induction(
        "masked_adjoint_lemma",
        lambda s: total(lambda t, r, j: n.G[t, r, j] * n.hd[t, r, j], (1, s), n.B, n.n),
        lambda s: _paid(n, s) + _carried(n, 0) - _carried(n, s),
        over=(0, n.T),
        using=lambda s: [n.hd.unroll(s + 1), n.lam.unroll(s + 1), n.back.unroll(s)],
    )


@part
def theorem(n, lemma):
    """The derivative of the loss along any direction: the adjoints times how the steps move."""
    T, B, N = n.T, n.B, n.n
    along = total(lambda t, r, j: D(n.loss, n.h[t, r, j]) * n.hd[t, r, j], (1, T), B, N)
    return (
        Derivation(along, "masked_bptt")
        .step(lemma.left + _carried(n, T), "the loss depends on the states alone")
        .step(_paid(n, T) + _carried(n, 0), "the lemma at T", using=[lemma])
    )


def _paid(n, s):
    """What inputs and parameters add in the steps up to s that are there."""
    return total(
        lambda t, r, j: n.m[t, r] * n.lam[t, r, j] * n.w[t, r, j], (1, s), n.B, n.n
    )


def _carried(n, s):
    """What flows over the border after step s."""
    return total(lambda r, j: n.back[s, r, j] * n.hd[s, r, j], n.B, n.n)


def checks():
    """The library's masks and chunks against the formulas of the gradients."""
    n = definitions()
    args = rnn.Params(n.W, n.U, n.b), n.x, rnn.State(matrix(n.h, 0)), n.m, n.held
    dout = n.G, rnn.State(matrix(n.back, n.T))
    at = {n.B: 3, n.Dn: 4, n.H: 2, n.T: 5, n.m: lambda t, r: t <= 5 - r}
    whole = {**at, n.kept: lambda t: 1}
    chunks = {**at, n.kept: lambda t: t == 1 or t % CHUNK != 1}
    nets = (masked_backward, masked, whole), (cut_backward, cut, chunks)
    return [
        check(d, backward, forward, args=args, dout=dout, at=at)
        for backward, forward, at in nets for d in gradients()
    ]


NET = recurrent.layer(rnn)


@wraps(recurrent.layer)
def masked(p, x, s, m, held):
    """The library's net under a mask; it holds no state."""
    return NET.forward(p, x, s, m > 0)


@wraps(recurrent.layer)
def masked_backward(dout, cache):
    """The library's gradients; the mask and the held states are data."""
    return *NET.backward(dout, cache), None, None


@wraps(recurrent.truncated)
def cut(p, x, s, m, held):
    """The library's chunks, each started from the state that is held."""
    starts = iter([s, *(rnn.State(a) for a in held[CHUNK::CHUNK])])

    def forward(p, x, s, mask=None):
        return NET.forward(p, x, next(starts), mask)

    chunks = recurrent.truncated(NET._replace(forward=forward), CHUNK)
    out, cache = chunks.forward(p, x, s, m > 0)
    return out, (chunks, cache)


@wraps(recurrent.truncated)
def cut_backward(dout, cache):
    """The library's gradients, chunk by chunk; the mask and the held states are data."""
    chunks, cache = cache
    return *chunks.backward(dout, cache), None, None
