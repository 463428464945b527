import pytest

from fnnlib.symbolic import (
    Derivation,
    Induction,
    Misuse,
    Refused,
    array,
    recursive,
    size,
    total,
)

from .networks import adjoint_lemma, rnn

T = size("T")
x = array("x", (1, T))
h = recursive("h", (0, T), start=0, value=0, rule=lambda t: h[t - 1] + x[t])


def running_sum(right, using=lambda s: [h.unroll(s + 1)], name="running_sum"):
    return Induction(name, lambda s: h[s], right, over=(0, T), using=using)


def test_a_sum_by_induction():
    lemma = running_sum(lambda s: total(lambda t: x[t], (1, s)))
    assert lemma.status == "proved"
    assert "running_sum [proved] for s = 0..T" in repr(lemma)
    d = Derivation(2 * h[T], "twice").step(2 * total(lambda t: x[t], (1, T)), "lemma", [lemma])
    assert d.status == "proved"


def test_without_the_recurrence_there_is_no_step():
    with pytest.raises(Refused, match="running_sum, base s = 0|step from s"):
        running_sum(lambda s: total(lambda t: x[t], (1, s)), using=lambda s: [])


@pytest.mark.parametrize("right", [
    lambda s: total(lambda t: x[t], (1, s)) + 1,
    lambda s: 2 * total(lambda t: x[t], (1, s)),
    lambda s: s * x[1],
])
def test_a_wrong_claim_is_refused(right):
    with pytest.raises(Refused, match="running_sum"):
        running_sum(right)


def test_the_adjoint_lemma_and_the_theorem_it_gives():
    n = rnn()
    left, right, using = adjoint_lemma(n)
    lemma = Induction("adjoint_lemma", left, right, over=(0, n.T), using=using)
    direct = total(lambda t, r, j: n.dl[t, r, j] * n.w[t, r, j], (1, n.T), n.B, n.H)
    start = total(lambda r, k: n.carry[0, r, k] * n.hd[0, r, k], n.B, n.H)
    d = Derivation(lemma.left, "bptt")
    d.step(direct + start, "the lemma at T, where nothing is carried",
           using=[lemma, n.carry.unroll(n.T)])
    assert d.status == "proved"
    with pytest.raises(Refused):
        Derivation(lemma.left, "bptt").step(direct, "start forgotten", using=[lemma])


def test_a_name_is_needed():
    with pytest.raises(Misuse, match="needs a name"):
        running_sum(lambda s: total(lambda t: x[t], (1, s)), name="running sum")


def test_a_name_is_a_string():
    with pytest.raises(Misuse, match="needs a name"):
        running_sum(lambda s: total(lambda t: x[t], (1, s)), name=3)


def test_a_first_value_is_known_at_the_base_wherever_it_starts():
    late = recursive("h", (1, T), start=1, value=x[1], rule=lambda t: late[t - 1] + x[t])
    lemma = Induction(
        "from_one", lambda s: late[s], lambda s: total(lambda t: x[t], (1, s)),
        over=(1, T), using=lambda s: [late.unroll(s + 1)],
    )
    assert lemma.status == "proved"


def test_a_value_at_the_other_end_is_not_used_at_the_base():
    u = recursive("u", (1, T), start=T, value=1, rule=lambda t: 2 * u[t + 1])
    lemma = Induction(
        "halves", lambda s: total(lambda t: u[t], (1, s)), lambda s: 2 * u[1] - u[s],
        over=(1, T), using=lambda s: [u.unroll(s)],
    )
    assert lemma.status == "proved"
