"""What DP leaves an attacker: against closed forms, other accountants' figures and simulated attacks."""

import dp_accounting
import numpy as np
import pytest
from dp_accounting.pld import PLDAccountant
from scipy import optimize, stats

from appliance.audit.bounds import gaussian_epsilon
from appliance.audit.ceilings import DpCurve
from appliance.audit.statistics import auc


def mu_at(epsilon: float) -> float:
    return optimize.brentq(lambda mu: gaussian_epsilon(mu, 1e-5) - epsilon, 0.01, 10.0)


@pytest.mark.parametrize(
    ("epsilon", "area", "rate"), [(1, 0.575, 0.0024), (3, 0.694, 0.0089), (8, 0.881, 0.077)]
)
def test_gaussian_ceilings_are_the_published_ones(epsilon, area, rate):
    curve = DpCurve.of_gaussian(mu=mu_at(epsilon))
    assert curve.auc_ceiling() == pytest.approx(area, abs=1e-3)
    assert curve.tpr_ceiling(0.001) == pytest.approx(rate, abs=5e-4)


@pytest.mark.parametrize("mu", [0.3, 1.0, 2.0])
def test_the_gaussian_ceiling_is_the_optimal_test(mu):
    curve = DpCurve.of_gaussian(mu=mu)
    for fpr in (0.001, 0.01, 0.2, 0.7):
        exact = stats.norm.cdf(stats.norm.ppf(fpr) + mu)
        assert exact - 1e-9 <= curve.tpr_ceiling(fpr) <= exact + 2e-4
        assert curve.fpr_floor(exact) == pytest.approx(fpr, abs=2e-4)


def test_a_bare_guarantee_is_randomised_response():
    curve = DpCurve.of_guarantee(epsilon=1.0, delta=0.0)
    assert curve.tpr_ceiling(0.1) == pytest.approx(0.1 * np.e)
    assert curve.tpr_ceiling(0.5) == pytest.approx(1 - 0.5 / np.e)
    assert curve.tpr_ceiling(0.0) == 0.0
    assert curve.tpr_ceiling(1.0) == 1.0


def test_the_mechanisms_profile_is_the_accountants():
    noise, rate, steps = 1.1, 0.05, 200
    curve = DpCurve.of_mechanism(noise_multiplier=noise, sample_rate=rate, steps=steps)
    accountant = PLDAccountant()
    accountant.compose(
        dp_accounting.SelfComposedDpEvent(
            dp_accounting.PoissonSampledDpEvent(rate, dp_accounting.GaussianDpEvent(noise)), steps
        )
    )
    for delta in (1e-3, 1e-5):
        epsilon = accountant.get_epsilon(delta)
        ours = float(np.interp(epsilon, curve.epsilons, curve.deltas))
        assert delta * 0.9 <= ours <= delta * 1.25


def test_the_best_attack_on_a_sampled_gaussian_stays_below_its_ceiling_and_near_it():
    """The likelihood-ratio attack on q-sampled Gaussian steps; 3,000 runs on each side."""
    noise, rate, steps, runs = 1.0, 0.2, 20, 3000
    rng = np.random.default_rng(3)

    def ratio(outputs):
        return np.log1p(rate * np.expm1((2 * outputs - 1) / (2 * noise**2))).sum(axis=1)

    present = (rng.random((runs, steps)) < rate) + noise * rng.normal(size=(runs, steps))
    absent = noise * rng.normal(size=(runs, steps))
    curve = DpCurve.of_mechanism(noise_multiplier=noise, sample_rate=rate, steps=steps)
    measured = auc(ratio(present), ratio(absent))
    assert measured <= curve.auc_ceiling() + 0.015
    assert measured >= curve.auc_ceiling() - 0.05


def test_less_noise_leaves_more_room():
    loud = DpCurve.of_mechanism(noise_multiplier=2.0, sample_rate=0.1, steps=50)
    quiet = DpCurve.of_mechanism(noise_multiplier=0.7, sample_rate=0.1, steps=50)
    assert 0.5 < loud.auc_ceiling() < quiet.auc_ceiling() < 1.0
    for fpr in (0.001, 0.01, 0.3):
        assert fpr <= loud.tpr_ceiling(fpr) <= quiet.tpr_ceiling(fpr)
