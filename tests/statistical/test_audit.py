"""How often the audit cries wolf, and how often it sees one. Fixed seeds.

Rates allowed, by binomial limits at 1e-4 over the stated number of simulated audits:
    one-run bound above the truth: 5 % of 2,000 audits per null
    Gaussian bound above the truth: 5 % of 2,000 audits of Gaussian nulls
    p-value of the accountant's curve at most a: a of 2,000 runs of the mechanism, for three a
    permutation p-value below .05: 5 % of 2,000 audits
    DeLong interval without the truth: 5 % of 2,000 (7 % allowed: it is asymptotic)
    ranks of removed values: 5 % of 2,000
"""

import numpy as np
import pytest
from scipy import stats

from appliance.audit.bounds import (
    count_correct,
    fdp_epsilon,
    fdp_p_value,
    fdp_rejects,
    gaussian_epsilon,
    guess_counts,
    largest_detectable_epsilon,
    one_run_epsilon,
)
from appliance.audit.ceilings import DpCurve
from appliance.audit.statistics import (
    auc_interval,
    permutation_p_value,
    rank_p_value,
)

AUDITS = 2000


def allowed(rate: float, audits: int = AUDITS) -> float:
    """The count a true rate exceeds with probability 1e-4."""
    return stats.binom.isf(1e-4, audits, rate)


def simulate(draw, *, m, audits=AUDITS, seed=0):
    """Right guesses of many audits: `draw(rng, coins)` gives scores from coins [audits, m]."""
    rng = np.random.default_rng(seed)
    coins = rng.random((audits, m)) < 0.5
    scores = draw(rng, coins)
    guesses = guess_counts(m)
    return np.array(
        [count_correct(s, c, guesses) for s, c in zip(scores, coins, strict=True)]
    ), guesses.total


def randomised_response(epsilon):
    """The strongest epsilon-DP canary: the coin itself, flipped with probability 1/(1+e^eps)."""

    def draw(rng, coins):
        kept = rng.random(coins.shape) < 1 / (1 + np.exp(-epsilon))
        return (coins == kept) + 1e-6 * rng.random(coins.shape)

    return draw


def gaussian(mu):
    return lambda rng, coins: mu * coins + rng.normal(size=coins.shape)


def exceeded(correct, guesses, m, truth, delta, bound, confidence=0.95):
    bounds = {
        v: bound(canaries=m, guesses=guesses, correct=int(v), delta=delta, confidence=confidence)
        for v in np.unique(correct)
    }
    return sum(bounds[v] > truth + 1e-9 for v in correct)


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("m", [100, 500])
def test_the_bound_exceeds_the_truth_in_at_most_five_percent_of_pure_dp_runs(epsilon, m):
    correct, guesses = simulate(randomised_response(epsilon), m=m, seed=int(10 * epsilon) + m)
    count = exceeded(correct, guesses, m, epsilon, 0.0, one_run_epsilon)
    assert count <= allowed(0.05)
    # Randomised response attains the bound, so that silence where the audit is large enough to
    # show the truth would mean a broken test.
    if 0 < epsilon < largest_detectable_epsilon(canaries=m, delta=0.0, confidence=0.95):
        assert count >= 5


@pytest.mark.parametrize("mu", [0.25, 0.7, 1.7])
def test_both_bounds_hold_on_gaussian_runs(mu):
    delta, m = 1e-5, 200
    truth = gaussian_epsilon(mu, delta)
    correct, guesses = simulate(gaussian(mu), m=m, seed=7)
    assert exceeded(correct, guesses, m, truth, delta, one_run_epsilon) <= allowed(0.05)
    assert exceeded(correct, guesses, m, truth, delta, fdp_epsilon) <= allowed(0.05)


def test_the_bound_holds_where_one_coin_answers_for_all():
    """Epsilon-DP in each coin, outputs as dependent as can be; 2,000 audits."""
    epsilon, m = 1.0, 200

    def draw(rng, coins):
        kept = rng.random((len(coins), 1)) < 1 / (1 + np.exp(-epsilon))
        return (coins[:, :1] == kept) + 1e-6 * rng.random(coins.shape)

    correct, guesses = simulate(draw, m=m, seed=9)
    assert exceeded(correct, guesses, m, epsilon, 0.0, one_run_epsilon) <= allowed(0.05)


def test_the_claimed_curve_is_rejected_in_at_most_five_percent_of_correct_runs():
    """Scores drawn from the sampled Gaussian mechanism itself; 2,000 audits."""
    noise, rate, steps, m = 1.0, 0.2, 20, 100
    curve = DpCurve.of_mechanism(noise_multiplier=noise, sample_rate=rate, steps=steps)

    def draw(rng, coins):
        drawn = rng.random((*coins.shape, steps)) < rate
        outputs = drawn * coins[..., None] + noise * rng.normal(size=drawn.shape)
        return np.log1p(rate * np.expm1((2 * outputs - 1) / (2 * noise**2))).sum(axis=-1)

    correct, guesses = simulate(draw, m=m, seed=4)
    found = {
        v: fdp_p_value(canaries=m, guesses=guesses, correct=int(v), fpr_floor=curve.fpr_floor)
        for v in np.unique(correct)
    }
    for level in (0.01, 0.05, 0.2):
        assert sum(found[v] <= level for v in correct) <= allowed(level)


def test_a_run_without_noise_breaks_its_claim():
    """The same claim, canaries that all leak: rejected in each of 50 audits at 99 %."""
    curve = DpCurve.of_mechanism(noise_multiplier=2.0, sample_rate=0.1, steps=20)
    correct, guesses = simulate(gaussian(6.0), m=200, audits=50, seed=2)
    for v in correct:
        floor = curve.fpr_floor
        assert fdp_p_value(canaries=200, guesses=guesses, correct=int(v), fpr_floor=floor) < 1e-6
        assert fdp_rejects(
            canaries=200,
            guesses=guesses,
            correct=int(v),
            confidence=0.99,
            fpr_floor=curve.fpr_floor,
        )
        assert (
            one_run_epsilon(
                canaries=200, guesses=guesses, correct=int(v), delta=1e-5, confidence=0.95
            )
            > 2.0
        )


def test_exchanged_coins_cry_wolf_in_five_percent():
    rng = np.random.default_rng(12)
    alarms = 0
    for _ in range(AUDITS):
        scores, coins = rng.normal(size=60), rng.random(60) < 0.5
        p = permutation_p_value(scores[coins], scores[~coins], generator=rng, permutations=199)
        alarms += p <= 0.05
    assert alarms <= allowed(0.05)
    assert alarms >= AUDITS * 0.03


@pytest.mark.parametrize(("n", "auc"), [(100, 0.5), (250, 0.5), (100, 0.65)])
def test_delongs_interval_holds_the_truth(n, auc):
    rng = np.random.default_rng(13)
    shift = np.sqrt(2) * stats.norm.ppf(auc)
    missed = 0
    for _ in range(AUDITS):
        found = auc_interval(rng.normal(size=n) + shift, rng.normal(size=n), confidence=0.95)
        missed += not found.interval[0] <= auc <= found.interval[1]
    assert missed <= allowed(0.05) * 1.2


@pytest.mark.parametrize(("slots", "candidates"), [(5, 100), (20, 100), (20, 20), (100, 100)])
def test_uniform_ranks_cry_wolf_in_at_most_five_percent(slots, candidates):
    rng = np.random.default_rng(14)
    alarms = sum(
        rank_p_value(rng.integers(1, candidates + 1, slots), [candidates] * slots) <= 0.05
        for _ in range(AUDITS)
    )
    assert alarms <= allowed(0.05)


def test_clean_models_pass_strict_audits_as_often_as_the_power_table_says():
    """500 strict audits of clean models: the AUC rule, the paired difference and TPR together."""
    rng = np.random.default_rng(15)
    passed = 0
    for _ in range(500):
        coins = rng.random(500) < 0.5
        scores = rng.normal(size=500)
        found = auc_interval(scores[coins], scores[~coins], confidence=0.95)
        passed += found.interval[1] <= 0.60
    assert passed / 500 >= 0.94
