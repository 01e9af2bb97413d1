"""The two sums a privacy officer can check by hand, against slow twins."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.report.odds import posterior, tpr_ceiling

EPSILONS = st.floats(0.0, 12.0)
RATES = st.floats(1e-6, 1 - 1e-6)


def randomised_response(epsilon: float, prior: float) -> float:
    """Posterior after the answer "yes" of the mechanism that meets epsilon exactly."""
    truth = math.exp(epsilon) / (1 + math.exp(epsilon))
    return truth * prior / (truth * prior + (1 - truth) * (1 - prior))


@given(EPSILONS, RATES)
def test_posterior_is_what_randomised_response_reaches(epsilon: float, prior: float) -> None:
    expected = randomised_response(epsilon, prior)
    assert posterior(epsilon, prior=prior) == pytest.approx(expected, rel=1e-9)


@given(st.floats(0.0, 6.0), st.floats(0.0, 0.2), RATES)
def test_ceiling_is_the_tradeoff_curve_of_epsilon_and_delta(
    epsilon: float, delta: float, fpr: float
) -> None:
    # The region of Kairouz et al.: fpr + e^eps fnr >= 1 - delta and e^eps fpr + fnr >= 1 - delta.
    steep = 1 - delta - math.exp(epsilon) * fpr
    flat = math.exp(-epsilon) * (1 - delta - fpr)
    smallest_fnr = max(0.0, steep, flat)
    expected = max(fpr, 1 - smallest_fnr)
    assert tpr_ceiling(epsilon, delta, fpr=fpr) == pytest.approx(expected, abs=1e-12)


@given(EPSILONS, EPSILONS, RATES)
def test_both_rise_with_epsilon(one: float, other: float, rate: float) -> None:
    low, high = sorted((one, other))
    assert posterior(low, prior=rate) <= posterior(high, prior=rate)
    assert tpr_ceiling(low, 1e-6, fpr=rate) <= tpr_ceiling(high, 1e-6, fpr=rate) + 1e-15


def test_without_privacy_loss_nothing_is_learned() -> None:
    assert posterior(0.0) == pytest.approx(0.5)
    assert tpr_ceiling(0.0, 0.0, fpr=0.01) == pytest.approx(0.01)


def test_a_huge_epsilon_overflows_nothing() -> None:
    assert posterior(1e6) == 1.0
    assert tpr_ceiling(1e6, 0.0, fpr=0.01) == 1.0
