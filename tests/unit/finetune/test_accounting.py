"""Accounting: known answers, two other accountants, monotony, composition, calibration."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from appliance.errors import UsageError
from appliance.finetune.accounting import (
    EventSpec,
    calibrate_noise,
    compose_epsilon,
    cross_check,
)
from appliance.finetune.mechanism import AdaptiveClipping, Mechanism


def spec(noise=1.0, rate=0.1, steps=10):
    return EventSpec(noise_multiplier=noise, sample_rate=rate, steps=steps)


def gaussian_epsilon(noise: float, delta: float) -> float:
    """Slow twin: the exact curve of one Gaussian mechanism, Balle and Wang 2018, Theorem 8."""

    def gap(eps):
        a, b = 0.5 / noise - eps * noise, -0.5 / noise - eps * noise
        return stats.norm.cdf(a) - math.exp(eps) * stats.norm.cdf(b) - delta

    return optimize.brentq(gap, 0.0, 200.0)


@pytest.mark.parametrize("noise", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("steps", [1, 9])
def test_without_sampling_epsilon_is_the_exact_gaussian_curve(noise, steps):
    """`steps` full-batch Gaussians are one of noise / sqrt(steps)."""
    exact = gaussian_epsilon(noise / math.sqrt(steps), 1e-5)
    found = compose_epsilon([spec(noise, 1.0, steps)], 1e-5)
    assert exact <= found <= exact * 1.005 + 1e-3


@pytest.mark.parametrize(("noise", "rate"), [(0.6, 0.1), (1.0, 0.5), (2.0, 0.01)])
def test_one_sampled_step_is_the_exact_hockey_stick(noise, rate):
    """Slow twin: both directions of the divergence, by integrating the two densities."""
    delta = 1e-4
    x = np.linspace(-12 * noise, 1 + 12 * noise, 400_001)
    without = stats.norm.pdf(x, 0.0, noise)
    with_unit = (1 - rate) * without + rate * stats.norm.pdf(x, 1.0, noise)

    def gap(eps):
        pairs = ((with_unit, without), (without, with_unit))
        return (
            max(np.trapezoid(np.maximum(0.0, p - math.exp(eps) * q), x) for p, q in pairs) - delta
        )

    exact = optimize.brentq(gap, 0.0, 30.0) if gap(0.0) > 0.0 else 0.0
    found = compose_epsilon([spec(noise, rate, 1)], delta)
    assert exact - 1e-6 <= found <= exact + 1e-3


@pytest.mark.parametrize(("eps", "n", "batch", "steps"), [(8, 250, 64, 20), (1, 10_000, 256, 100)])
def test_three_accountants_agree_and_the_target_is_met(eps, n, batch, steps):
    mechanism = Mechanism.calibrate(
        target_epsilon=eps,
        target_delta=n**-1.1,
        n_units=n,
        expected_batch_size=batch,
        steps=steps,
        max_grad_norm=1.0,
    )
    assert 0.99 * eps <= mechanism.spent_epsilon(steps) <= eps
    assert cross_check(mechanism).agree


def test_disagreement_is_seen(monkeypatch):
    mechanism = Mechanism(
        sample_rate=0.1,
        noise_multiplier=1.0,
        steps=10,
        expected_batch_size=5.0,
        max_grad_norm=1.0,
        target_delta=1e-5,
    )
    assert cross_check(mechanism).agree
    halved = spec(2.0, 0.1, 10)
    monkeypatch.setattr(Mechanism, "spent_epsilon", lambda *_: compose_epsilon([halved], 1e-5))
    assert not cross_check(mechanism).agree


@given(st.floats(1.5, 4.0), st.floats(0.01, 0.9), st.integers(1, 50), st.floats(1.1, 2.0))
@example(0.6, 0.05, 3, 1.5)
@settings(max_examples=4, deadline=None)
def test_epsilon_rises_with_steps_and_rate_and_falls_with_noise(noise, rate, steps, more):
    base = compose_epsilon([spec(noise, rate, steps)], 1e-5)
    assert compose_epsilon([spec(noise, rate, steps + 10)], 1e-5) >= base
    assert compose_epsilon([spec(noise * more, rate, steps)], 1e-5) <= base + 1e-6
    assert compose_epsilon([spec(noise, min(1.0, rate * more), steps)], 1e-5) >= base - 1e-6


def test_composition_is_order_free_joins_equal_stretches_and_beats_addition():
    a, b = spec(1.0, 0.1, 40), spec(0.8, 0.3, 10)
    together = compose_epsilon([a, b], 1e-5)
    assert together == compose_epsilon([b, a], 1e-5)
    assert together == compose_epsilon([spec(1.0, 0.1, 15), b, spec(1.0, 0.1, 25)], 1e-5)
    alone = [compose_epsilon([event], 1e-5) for event in (a, b)]
    assert max(alone) < together < sum(alone)


def test_no_steps_cost_nothing_and_no_noise_costs_everything():
    assert compose_epsilon([], 1e-5) == 0.0
    assert compose_epsilon([spec(steps=0), spec(0.0, 0.1, 0)], 1e-5) == 0.0
    assert math.isinf(compose_epsilon([spec(), spec(0.0, 0.1, 1)], 1e-5))


def test_events_survive_json():
    event = spec(1.2345, 0.2, 7)
    assert EventSpec.from_dict(json.loads(json.dumps(event.as_dict()))) == event


@pytest.mark.parametrize("fields", [{"noise_multiplier": 1.0}, {**spec().as_dict(), "sigma": 1.0}])
def test_events_of_another_shape_are_refused(fields):
    with pytest.raises(ValueError, match="expected the fields"):
        EventSpec.from_dict(fields)


@pytest.mark.parametrize(
    "bad", [(-1.0, 0.1, 1), (math.nan, 0.1, 1), (1.0, 0.0, 1), (1.0, 1.1, 1), (1.0, 0.1, -1)]
)
def test_impossible_events_are_refused(bad):
    with pytest.raises(ValueError, match="expected"):
        spec(*bad)


@pytest.mark.parametrize("delta", [0.0, 1.0, -1.0, math.nan])
def test_an_impossible_delta_is_refused(delta):
    with pytest.raises(ValueError, match="delta"):
        compose_epsilon([spec()], delta)


def test_calibration_gives_the_least_noise():
    args = {"target_delta": 1e-5, "sample_rate": 0.2, "steps": 30}
    noise = calibrate_noise(target_epsilon=4.0, **args)
    spent = [compose_epsilon([spec(s, 0.2, 30)], 1e-5) for s in (noise, noise * 0.998)]
    assert spent[0] <= 4.0 < spent[1]


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(UsageError, match="between 1 and the 5 units"):
        Mechanism.calibrate(
            target_epsilon=1.0,
            target_delta=1e-3,
            n_units=5,
            expected_batch_size=6.0,
            steps=2,
            max_grad_norm=1.0,
        )


def test_a_mechanism_survives_its_dictionary_and_is_named_by_its_content():
    mechanism = Mechanism(
        sample_rate=0.1,
        noise_multiplier=1.0,
        steps=10,
        expected_batch_size=5.0,
        max_grad_norm=1.0,
        target_delta=1e-5,
        adaptive=AdaptiveClipping(),
    )
    again = Mechanism.from_dict(json.loads(json.dumps(mechanism.as_dict())))
    assert again == mechanism
    assert again.digest == mechanism.digest
    assert mechanism.digest.startswith("sha256:")


def test_adaptive_clipping_pays_for_its_count():
    """1/z^2 = 1/z_gradient^2 + 1/z_count^2: gradient and count together are the accounted noise."""
    mechanism = Mechanism(
        sample_rate=0.1,
        noise_multiplier=1.0,
        steps=10,
        expected_batch_size=5.0,
        max_grad_norm=1.0,
        target_delta=1e-5,
        adaptive=AdaptiveClipping(count_noise_multiplier=4.0),
    )
    z = mechanism.gradient_noise_multiplier
    assert z > 1.0
    assert z**-2 + 4.0**-2 == pytest.approx(1.0)
    assert mechanism.noise_std(2.0) == pytest.approx(2.0 * z * (1 + mechanism.sensitivity_slack))


def test_a_mechanism_without_privacy_says_so():
    mechanism = Mechanism.without_privacy(
        n_units=10, expected_batch_size=4.0, steps=5, target_delta=1e-3
    )
    assert math.isinf(mechanism.spent_epsilon(1))
    assert mechanism.kind == "none"
