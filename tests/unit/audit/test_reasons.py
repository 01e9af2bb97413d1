"""The figures in the thresholds' descriptions are those of the audit's own formulas."""

import pytest
from scipy import optimize

from appliance.audit.bounds import gaussian_epsilon, largest_detectable_epsilon
from appliance.audit.ceilings import DpCurve
from appliance.audit.statistics import audit_power, clopper_pearson
from appliance.policy import explain
from appliance.policy.audit import Rules


def said(rule):
    return explain(f"release.rules.{rule}")[0].description


def refused(auc, canaries, limit):
    half = canaries // 2
    return audit_power(auc, n_members=half, n_non_members=half, max_auc=limit, confidence=0.95)


def ceiling(epsilon):
    mu = optimize.brentq(lambda m: gaussian_epsilon(m, 1e-5) - epsilon, 0.01, 10.0)
    return DpCurve.of_gaussian(mu=mu)


def test_every_threshold_gives_a_reason():
    for name in Rules.model_fields:
        assert len(said(name).split()) >= 12, name


def test_the_canaries_asked_for_have_the_power_stated():
    assert "200 refuses 31 %" in said("min_canaries")
    assert refused(0.5, 200, 0.60) == pytest.approx(0.31, abs=0.005)
    assert "500 refuses 3 %" in said("min_canaries")
    assert refused(0.5, 500, 0.60) == pytest.approx(0.03, abs=0.005)
    assert "200 refuse 4 %" in said("min_canaries")
    assert refused(0.5, 200, 0.65) == pytest.approx(0.04, abs=0.005)
    counts = explain("audit.canaries.newtok")[0].description
    assert "passes 97 %" in counts
    assert refused(0.65, 500, 0.60) > 0.999


def test_a_true_auc_of_065_is_refused_as_often_as_stated():
    assert "97 % of audits" in said("max_auc")
    assert min(refused(0.65, 500, 0.60), refused(0.65, 200, 0.65)) >= 0.97


@pytest.mark.parametrize(
    ("epsilon", "area", "rate"), [(1, ".575", None), (3, ".694", ".054"), (8, ".881", ".255")]
)
def test_the_ceilings_stated_are_the_gaussian_curves(epsilon, area, rate):
    curve = ceiling(epsilon)
    assert area in said("max_auc")
    assert curve.auc_ceiling() == pytest.approx(float(area), abs=0.0006)
    if rate:
        assert rate in said("max_tpr_at_1_percent_fpr")
        assert curve.tpr_ceiling(0.01) == pytest.approx(float(rate), abs=0.0006)


def test_the_largest_bound_stated_is_what_perfect_guesses_show():
    assert "it is 4.4 at delta 1e-5" in said("max_empirical_epsilon")
    most = largest_detectable_epsilon(canaries=500, delta=1e-5, confidence=0.95)
    assert most == pytest.approx(4.4, abs=0.05)


def test_the_share_that_none_of_a_hundred_excludes():
    assert "below 3.6 %" in said("min_secrets_planted")
    assert clopper_pearson(0, 100, 0.95)[1] == pytest.approx(0.036, abs=0.0005)
