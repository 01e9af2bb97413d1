"""The lower bounds against exact sums, published figures and other people's formulas."""

import itertools
import json
from fractions import Fraction
from math import comb
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, special, stats

from appliance.audit import bounds as b

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "bounds" / "one_run.json").read_text()
)


def exact_p_value(m: int, r: int, v: int, odds: Fraction, delta: Fraction) -> Fraction:
    """Theorem 5.2 in exact arithmetic; `odds` is e^epsilon."""
    q = odds / (1 + odds)
    pmf = [comb(r, k) * q**k * (1 - q) ** (r - k) for k in range(r + 1)]
    beta = sum(pmf[v:], Fraction(0))
    alpha = max(
        (sum(pmf[max(v - i, 0) : v], Fraction(0)) / i for i in range(1, v + 1)),
        default=Fraction(0),
    )
    return min(beta + 2 * m * delta * alpha, Fraction(1))


@pytest.mark.parametrize("delta", [Fraction(0), Fraction(1, 10**5), Fraction(1, 400)])
@pytest.mark.parametrize(("m", "r", "v"), [(20, 10, 9), (20, 20, 0), (50, 24, 24), (30, 16, 12)])
def test_the_p_value_is_the_theorems(m, r, v, delta):
    for odds in (Fraction(1), Fraction(3), Fraction(20)):
        found = b.one_run_p_value(
            canaries=m, guesses=r, correct=v, epsilon=float(np.log(float(odds))), delta=float(delta)
        )
        assert found == pytest.approx(float(exact_p_value(m, r, v, odds, delta)), rel=1e-9)


@pytest.mark.parametrize("case", VECTORS["cases"])
def test_the_bound_is_the_vectors(case):
    found = b.one_run_epsilon(
        canaries=case["canaries"],
        guesses=case["guesses"],
        correct=case["correct"],
        delta=case["delta"],
        confidence=case["confidence"],
    )
    assert found == pytest.approx(case["epsilon"], abs=2e-6)


@pytest.mark.parametrize(("guesses", "published"), [(100, 3.5), (500, 5.1), (1000, 5.8)])
def test_perfect_guesses_show_the_published_bound(guesses, published):
    found = b.one_run_epsilon(
        canaries=guesses, guesses=guesses, correct=guesses, delta=0.0, confidence=0.95
    )
    assert found == pytest.approx(published, abs=0.05)


def test_the_bound_rises_with_right_guesses_and_falls_with_confidence_and_delta():
    def bound(**changes):
        values = {"canaries": 200, "guesses": 100, "correct": 80, "delta": 1e-5}
        return b.one_run_epsilon(**{**values, "confidence": 0.95, **changes})

    by_correct = [bound(correct=v) for v in range(0, 101, 5)]
    assert by_correct == sorted(by_correct)
    assert by_correct[0] == 0.0
    assert bound(confidence=0.99) < bound() < bound(delta=0.0)
    assert bound(delta=1e-3) < bound()


def test_the_bound_is_the_least_epsilon_that_is_not_rejected():
    counts = {"canaries": 120, "guesses": 60, "correct": 52, "delta": 1e-3}
    bound = b.one_run_epsilon(**counts, confidence=0.95)
    assert bound > 0.5
    for epsilon in np.arange(0.0, bound, 0.02):
        assert b.one_run_p_value(**counts, epsilon=float(epsilon)) <= 0.05
    assert b.one_run_p_value(**counts, epsilon=bound + 1e-5) > 0.05


def test_no_audit_detects_more_than_perfect_guesses():
    most = b.largest_detectable_epsilon(canaries=200, delta=1e-5, confidence=0.95)
    guesses = b.guess_counts(200).total
    for correct in range(guesses + 1):
        bound = b.one_run_epsilon(
            canaries=200, guesses=guesses, correct=correct, delta=1e-5, confidence=0.95
        )
        assert bound <= most


def test_impossible_counts_are_refused():
    for counts in ((10, 12, 5), (10, 5, 6), (10, 5, -1)):
        with pytest.raises(ValueError, match="expected 0 <="):
            b.one_run_p_value(
                canaries=counts[0], guesses=counts[1], correct=counts[2], epsilon=1.0, delta=0.0
            )


def test_a_quarter_is_guessed_each_way():
    assert b.guess_counts(500) == b.Guesses(included=125, excluded=125)
    assert b.guess_counts(3).total == 0


def test_guesses_go_to_the_extremes_alone():
    included = np.array([True, False, True, False, True, False, False, True])
    scores = np.array([9.0, 8.0, 7.0, 0.0, 0.0, 0.0, -8.0, -9.0])
    counts = b.Guesses(included=3, excluded=2)
    assert b.count_correct(scores, included, counts) == 2 + 1


def test_ties_go_by_position_not_by_coin():
    included = np.array([False] * 10 + [True] * 10)
    assert b.count_correct(np.zeros(20), included, b.Guesses(included=5, excluded=5)) == 0


def slow_fdp_rejects(m, c_prime, c, significance, floor):
    """arXiv:2410.22235, algorithm 3, without early stop."""
    r, h = significance * c / m, significance * (c_prime - c) / m
    for i in range(c - 1, -1, -1):
        h_next = max(h, floor(min(r, 1.0)))
        r = min(r + i / (c_prime - i) * (h_next - h), 1.0)
        h = h_next
    return r + h > c_prime / m


@pytest.mark.parametrize("correct", [40, 60, 75, 90, 100])
@pytest.mark.parametrize("mu", [0.3, 1.0, 2.0])
def test_the_curve_test_is_the_papers(correct, mu):
    def floor(tpr):
        return float(stats.norm.cdf(stats.norm.ppf(tpr) - mu))

    assert b.fdp_rejects(
        canaries=200, guesses=100, correct=correct, confidence=0.95, fpr_floor=floor
    ) == slow_fdp_rejects(200, 100, correct, 1 - 0.95, floor)


@pytest.mark.parametrize("mu", [0.1, 0.5, 1.0, 2.0])
def test_the_curve_test_is_the_papers_on_counts_so_small_that_each_step_decides(mu):
    def floor(tpr):
        return float(special.ndtr(special.ndtri(tpr) - mu))

    turned = 0
    for canaries, significance in itertools.product((3, 5, 8, 12), (0.05, 0.2, 0.5, 0.9)):
        for guesses in range(1, canaries + 1):
            for correct in range(guesses + 1):
                found = b.fdp_rejects(
                    canaries=canaries,
                    guesses=guesses,
                    correct=correct,
                    confidence=1 - significance,
                    fpr_floor=floor,
                )
                wanted = slow_fdp_rejects(canaries, guesses, correct, significance, floor)
                assert found == wanted, (canaries, guesses, correct, significance)
                turned += found
    assert turned > 20


@pytest.mark.parametrize("correct", [55, 75, 90, 100])
def test_the_curves_p_value_is_where_the_papers_test_turns(correct):
    def floor(tpr):
        return float(stats.norm.cdf(stats.norm.ppf(tpr) - 1.0))

    found = b.fdp_p_value(canaries=200, guesses=100, correct=correct, fpr_floor=floor)
    assert slow_fdp_rejects(200, 100, correct, min(found * 1.002, 1.0), floor) or found == 1.0
    if found > 1e-9:
        assert not slow_fdp_rejects(200, 100, correct, found * 0.998, floor)


def test_the_curves_p_value_falls_with_right_guesses():
    def floor(tpr):
        return float(stats.norm.cdf(stats.norm.ppf(tpr) - 0.5))

    found = [
        b.fdp_p_value(canaries=200, guesses=100, correct=v, fpr_floor=floor)
        for v in (0, 50, 70, 90, 100)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] == found[1] == 1.0
    assert found[-1] < 1e-6


def test_the_gaussian_bound_is_tighter_and_rises():
    found = [
        b.fdp_epsilon(canaries=200, guesses=100, correct=v, delta=1e-5, confidence=0.95)
        for v in (50, 70, 80, 90, 100)
    ]
    assert found == sorted(found)
    assert found[0] == 0.0
    plain = b.one_run_epsilon(canaries=200, guesses=100, correct=90, delta=1e-5, confidence=0.95)
    assert found[3] > plain


@pytest.mark.parametrize("mu", [0.1, 0.5, 1.0, 2.5])
def test_gaussian_epsilon_inverts_its_delta(mu):
    epsilon = b.gaussian_epsilon(mu, 1e-5)
    assert b.gaussian_delta(mu, epsilon) == pytest.approx(1e-5, rel=1e-5)
    twin = optimize.brentq(
        lambda e: (
            stats.norm.cdf(-e / mu + mu / 2) - np.exp(e) * stats.norm.cdf(-e / mu - mu / 2) - 1e-5
        ),
        0.0,
        60.0,
    )
    assert epsilon == pytest.approx(twin, abs=1e-5)
