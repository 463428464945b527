import time

import pytest

from fnnlib.symbolic import Derivation, Refused, scalar, sigmoid, sqrt
from fnnlib.symbolic import prover as prover_module
from fnnlib.symbolic.prover import judge

from .corpus import claims

CLAIMS = claims()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.name)
def test_true_statements_are_proved(claim):
    started = time.process_time()
    assert judge(claim.left, claim.right).status == "proved"
    assert time.process_time() - started < 10  # a guard against a hang, not a measurement


def test_a_claim_that_only_simplify_can_show_is_not_called_proved():
    from sympy import cos, sin

    z = scalar("z")
    verdict = judge(sin(2 * z), 2 * sin(z) * cos(z))
    assert verdict.status == "simplified"
    d = Derivation(sin(2 * z), "double")
    with pytest.raises(Refused, match="only simplified"):
        d.step(2 * sin(z) * cos(z), "twice the angle")
    step = d.step(2 * sin(z) * cos(z), "twice the angle", accept="simplified")
    assert step.status == "simplified"


def test_a_claim_that_no_rule_shows_stays_probed(monkeypatch):
    monkeypatch.setattr(prover_module, "vanishes", lambda e: None)
    z = scalar("z")
    d = Derivation((z + 1) ** 2, "square")
    with pytest.raises(Refused, match="only probed"):
        d.step(z**2 + 2 * z + 1, "expand")
    assert d.step(z**2 + 2 * z + 1, "expand", accept="probed").status == "probed"


def test_too_few_probes_is_a_refusal():
    z = scalar("z")
    with pytest.raises(Refused, match="only 0 of 8 probes"):
        judge(1 / (z - z * sigmoid(0) * 2), 1)


def test_a_domain_matters():
    z = scalar("z")
    with pytest.raises(Refused, match="left side"):
        judge(sqrt(z**2), z)


def test_the_time_limit_is_named():
    big = CLAIMS[-1]
    with pytest.raises(Refused, match=r"no verdict within 0\.01 s"):
        judge(big.left, big.right, seconds=0.01)
