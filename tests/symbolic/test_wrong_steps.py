"""Wrong steps of every common kind: each must be refused, with a message that says why."""

import pytest

from fnnlib.symbolic import (
    D,
    Derivation,
    Induction,
    Misuse,
    Piecewise,
    Rational,
    Refused,
    delta,
    exp,
    log,
    matrix,
    ones,
    relu,
    scalar,
    sigmoid,
    softplus,
    sqrt,
    tanh,
    total,
)

from .networks import adjoint_lemma, layer, rnn, softmax, square_layer

z, y = scalar("z y")
s = sigmoid(z)
sm, fc, sq, net = softmax(), layer(), square_layer(), rnn()
M = matrix
bce = -y * log(s) - (1 - y) * log(1 - s)
n, p, i, j = sm.n, sm.p, sm.i, sm.j
E, LAM, DL = (lambda t: M(net.e, t)), (lambda t: M(net.lam, t)), (lambda t: M(net.dl, t))
VT, UT, h = M(net.V).T, M(net.U).T, net.h
S_, T_ = net.s, net.T
OVER = (1, net.T), net.B
INTERIOR = D(net.lagrangian, M(h, S_))
GOOD = E(S_) * VT + DL(S_ + 1) * UT - LAM(S_)
dU = D(net.lagrangian, net.U[net.i, net.j])
dW = D(net.lagrangian, net.W[net.k, net.j])
db = D(net.lagrangian, net.b[net.j])
dV = D(net.lagrangian, net.V[net.j, net.q])


def over(f, *axes):
    return total(f, *(axes or OVER))


# name, left side, wrong right side
WRONG = [
    ("sign of sigmoid'", D(s, z), -s * (1 - s)),
    ("sigmoid' with a plus", D(s, z), s * (1 + s)),
    ("sigmoid' without its second factor", D(s, z), s),
    ("sigmoid' from the wrong side", D(s, z), 1 - s),
    ("sigmoid' squared", D(s, z), s**2 * (1 - s)),
    ("sigmoid' twice", D(s, z), 2 * s * (1 - s)),
    ("sigmoid' off by 1e-40", D(s, z), s * (1 - s) * (1 + Rational(1, 10**40))),
    ("sigmoid' off by 1e-60", D(s, z), s * (1 - s) * (1 + Rational(1, 10**60))),
    ("raw sigmoid' with one power", D(s, z), exp(-z) / (1 + exp(-z))),
    ("raw sigmoid' with exp(z)", D(s, z), exp(z) / (1 + exp(-z)) ** 2),
    ("sigmoid mirrored without 1", sigmoid(-z), -s),
    ("tanh' without the square", D(tanh(z), z), 1 - tanh(z)),
    ("tanh' with a plus", D(tanh(z), z), 1 + tanh(z) ** 2),
    ("tanh from sigmoid(z)", tanh(z), 2 * sigmoid(z) - 1),
    ("tanh from sigmoid without -1", tanh(z), 2 * sigmoid(2 * z)),
    ("softplus' as tanh", D(softplus(z), z), tanh(z)),
    ("softplus' mirrored", D(softplus(z), z), sigmoid(-z)),
    ("softplus as relu", softplus(z), relu(z)),
    ("relu' at the kink", D(relu(z), z), Piecewise((1, z >= 0), (0, True))),
    ("relu' always one", D(relu(z), z), 1 + 0 * z),
    ("square root of a square", sqrt(z**2), z),
    ("log of a square", log(z**2), 2 * log(z)),
    ("exp of a sum as a sum", exp(z + y), exp(z) + exp(y)),
    ("cross-entropy, sign", D(bce, z), y - s),
    ("cross-entropy with sigma'", D(bce, z), (s - y) * s * (1 - s)),
    ("cross-entropy, half of it", D(bce, z), s),
    ("stable form, sign of y z", bce, softplus(z) + y * z),
    ("stable form, softplus mirrored", bce, softplus(-z) - y * z),
    ("Jacobian without delta", D(p[i], sm.z[j]), -p[i] * p[j]),
    ("Jacobian, wrong index", D(p[i], sm.z[j]), p[i] * (delta(i, j) - p[i])),
    ("Jacobian, sign", D(p[i], sm.z[j]), p[i] * (p[j] - delta(i, j))),
    ("Jacobian, diagonal only", D(p[i], sm.z[j]), delta(i, j) * p[i] * (1 - p[i])),
    ("Jacobian, delta everywhere one", D(p[i], sm.z[j]), p[i] * (1 - p[j])),
    ("softmax sums to two", total(lambda k: p[k], n), 2 + 0 * n),
    ("softmax CE, sign", D(sm.loss, sm.z[j]), sm.y[j] - p[j]),
    ("softmax CE without target", D(sm.loss, sm.z[j]), p[j]),
    ("softmax CE, target of another index", D(sm.loss, sm.z[j]), p[j] - sm.y[0]),
    ("softmax CE, free targets", D(sm.free_loss, sm.z[j]), p[j] - sm.free[j]),
    ("softmax CE, sum missing", D(sm.loss, sm.z[j]), p[j] * sm.y[j] - sm.y[j]),
    ("log-softmax without log", log(p[i]), sm.z[i] - total(lambda k: exp(sm.z[k]), n)),
    ("capture: the free index is summed", D(sm.free_loss, sm.z[j]),
     total(lambda j: p[j] * sm.free[j], n) - sm.free[j]),
    ("dW transposed (square)", D(sq.loss, sq.M), sq.g.T * sq.X),
    ("dW without transpose (square)", D(sq.loss, sq.M), sq.X * sq.g),
    ("dx without transpose (square)", D(sq.loss, sq.X), sq.g * sq.M),
    ("dx, order (square)", D(sq.loss, sq.X), sq.M.T * sq.g),
    ("db as a row mean", D(fc.loss, fc.c), ones(1, fc.B) * fc.g / fc.B),
    ("dW, factor", D(fc.loss, fc.M), 2 * fc.X.T * fc.g),
    ("dW of the mean as of the sum", D(fc.mean, fc.M), fc.X.T * fc.g),
    ("dW of the sum as of the mean", D(fc.loss, fc.M), fc.X.T * fc.g / fc.B),
    ("mean over the wrong size", D(fc.mean, fc.M), fc.X.T * fc.g / fc.H),
    ("dW transposed (shape)", D(fc.loss, fc.M), fc.g.T * fc.X),
    ("dx, shapes do not fit", D(fc.loss, fc.X), lambda: fc.g * fc.M),
    ("db as a column", D(fc.loss, fc.c), fc.g.T * ones(fc.B, 1)),
    ("BPTT without its time term", INTERIOR, E(S_) * VT - LAM(S_)),
    ("BPTT, time term with a minus", INTERIOR, E(S_) * VT - DL(S_ + 1) * UT - LAM(S_)),
    ("BPTT, delta at s", INTERIOR, E(S_) * VT + DL(S_) * UT - LAM(S_)),
    ("BPTT, U for its transpose", INTERIOR, E(S_) * VT + DL(S_ + 1) * M(net.U) - LAM(S_)),
    ("BPTT, sigma' missing", INTERIOR, E(S_) * VT + LAM(S_ + 1) * UT - LAM(S_)),
    ("BPTT, error at s + 1", INTERIOR, E(S_ + 1) * VT + DL(S_ + 1) * UT - LAM(S_)),
    ("BPTT, lambda at s + 1", INTERIOR, E(S_) * VT + DL(S_ + 1) * UT - LAM(S_ + 1)),
    ("BPTT, lambda with a plus", INTERIOR, E(S_) * VT + DL(S_ + 1) * UT + LAM(S_)),
    ("BPTT, error term dropped", INTERIOR, DL(S_ + 1) * UT - LAM(S_)),
    ("BPTT, factor two", INTERIOR, 2 * GOOD),
    ("interior formula at T - 1 for T", D(net.lagrangian, M(h, T_)),
     E(T_) * VT + DL(T_) * UT - LAM(T_)),
    ("boundary without lambda", D(net.lagrangian, M(h, T_)), E(T_) * VT),
    ("dh0 with its own lambda", D(net.lagrangian, M(h, 0)), DL(1) * UT - LAM(1)),
    ("dh0 without transpose", D(net.lagrangian, M(h, 0)), DL(1) * M(net.U)),
    ("dU with h_t", dU, over(lambda t, r: h[t, r, net.i] * net.dl[t, r, net.j])),
    ("dU, indices swapped", dU, over(lambda t, r: h[t - 1, r, net.j] * net.dl[t, r, net.i])),
    ("dU starts at t = 2", dU,
     over(lambda t, r: h[t - 1, r, net.i] * net.dl[t, r, net.j], (2, T_), net.B)),
    ("dU ends at T - 1", dU,
     over(lambda t, r: h[t - 1, r, net.i] * net.dl[t, r, net.j], (1, T_ - 1), net.B)),
    ("dU at the last step only", dU,
     over(lambda r: h[T_ - 1, r, net.i] * net.dl[T_, r, net.j], net.B)),
    ("dU with lambda for delta", dU, over(lambda t, r: h[t - 1, r, net.i] * net.lam[t, r, net.j])),
    ("dU of one example", dU, over(lambda t: h[t - 1, 0, net.i] * net.dl[t, 0, net.j], (1, T_))),
    ("dW, sign", dW, -over(lambda t, r: net.x[t, r, net.k] * net.dl[t, r, net.j])),
    ("dW averaged over time", dW,
     over(lambda t, r: net.x[t, r, net.k] * net.dl[t, r, net.j] / T_)),
    ("db counted over D", db, over(lambda t, r: net.dl[t, r, net.j]) * net.D),
    ("db without the batch", db, over(lambda t: net.dl[t, 0, net.j], (1, T_))),
    ("dV with h_{t-1}", dV, over(lambda t, r: h[t - 1, r, net.j] * net.e[t, r, net.q])),
    ("dV with the output", dV, over(lambda t, r: h[t, r, net.j] * net.o[t, r, net.q])),
]


def test_there_are_enough_of_them():
    assert len(WRONG) >= 60 and len({name for name, *_ in WRONG}) == len(WRONG)


@pytest.mark.parametrize("name, left, right", WRONG, ids=[w[0] for w in WRONG])
def test_a_wrong_step_is_refused(name, left, right):
    with pytest.raises((Refused, Misuse, ValueError)) as refusal:
        right = right() if callable(right) and not hasattr(right, "args") else right
        Derivation(left, "wrong").step(right, "because I say so")
    message = str(refusal.value)
    if isinstance(refusal.value, Refused):
        assert 'wrong, step 1, "because I say so"' in message
    assert "proved" not in message or "only" in message


def test_a_refusal_says_what_differed():
    with pytest.raises(Refused) as refusal:
        Derivation(dU, "rnn_dU").step(
            over(lambda t, r: h[t, r, net.i] * net.dl[t, r, net.j]), "every step contributes"
        )
    message = str(refusal.value)
    assert 'rnn_dU, step 1, "every step contributes"' in message
    for part in ("the left side is", "the right side", "B=", "H=", "T=", "i=", "j="):
        assert part in message


def wrong_lemmas():
    left, right, using = adjoint_lemma(net)

    def forgetful(s):
        return right(s) + total(
            lambda r, k: net.carry[s, r, k] * net.hd[s, r, k], net.B, net.H)

    yield "dropped boundary term", left, forgetful, using
    yield "sum ends early", left, lambda s: right(s) - total(
        lambda r, k: net.dl[1, r, k] * net.w[1, r, k], net.B, net.H), using
    yield "carry unrolled where it starts", left, right, lambda s: [
        *using(s)[:2], net.carry.unroll(s + 1), net.dl]


@pytest.mark.parametrize(
    "name, left, right, using", list(wrong_lemmas()), ids=lambda v: str(v)[:30]
)
def test_a_wrong_induction_is_refused(name, left, right, using):
    with pytest.raises(Refused, match=r"adjoint_lemma, (base|step)|unrolled"):
        Induction("adjoint_lemma", left, right, over=(0, net.T), using=using)
