"""Lower bounds on epsilon from one training run's guesses about its canaries.

Owns what turns "so many of so many guesses were right" into an epsilon the run cannot be below.
The number of guesses is fixed by `guess_counts` before training. A bound above the claim means a
bug; a bound below it validates nothing (perfect canaries show 4.2 of a true 8).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

#: Share of the canaries guessed on each side; the rest are abstained from.
GUESSED_SHARE = 0.25
#: Largest epsilon searched: beyond it no audit of a billion guesses can see.
MAX_EPSILON = 32.0
#: Least p-value told: rarer than this is told as this.
_LEAST_SIGNIFICANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Guesses:
    """How many canaries are called included and excluded; fixed before training."""

    included: int
    excluded: int

    @property
    def total(self) -> int:
        """Count all guesses."""
        return self.included + self.excluded


def guess_counts(canaries: int) -> Guesses:
    """Return the pre-registered numbers of guesses for so many canaries: a quarter each way."""
    each = int(canaries * GUESSED_SHARE)
    return Guesses(included=each, excluded=each)


def count_correct(scores: ArrayLike, included: ArrayLike, guesses: Guesses) -> int:
    """Count the right guesses: highest scores called included, lowest excluded.

    Args:
        scores: float [m], higher looks more like a member; ties go by position, which the coins
            did not influence.
        included: bool [m], the coins.
        guesses: how many to call each way; their sum is at most m.

    Raises:
        ValueError: more guesses than canaries.
    """
    values, coins = np.asarray(scores, dtype=np.float64), np.asarray(included, dtype=bool)
    if guesses.total > len(values) or len(values) != len(coins):
        raise ValueError(f"expected {guesses.total} guesses <= {len(values)} canaries")
    order = np.argsort(-values, kind="stable")
    called_in = order[: guesses.included]
    called_out = order[len(order) - guesses.excluded :]
    return int(coins[called_in].sum() + (~coins[called_out]).sum())


def one_run_p_value(
    *, canaries: int, guesses: int, correct: int, epsilon: float, delta: float
) -> float:
    """Return the largest chance of so many right guesses under (epsilon, delta)-DP.

    Args:
        canaries: m, each included by its own fair coin.
        guesses: r <= m, made without seeing the coins.
        correct: v <= r.
        epsilon: of the null hypothesis, >= 0.
        delta: of the null hypothesis, in [0, 1].

    Returns:
        In [0, 1].

    Guarantees:
        Holds for every (epsilon, delta)-DP mechanism under adding or removing one unit, whatever
        the dependence between canaries' scores.

    Reference:
        Steinke, Nasr and Jagielski 2023, arXiv:2305.08846, theorem 5.2 (abstentions included):
        beta + 2 m delta max_i P[v - i <= W < v] / i, W ~ Binomial(r, e^eps / (1 + e^eps)).
    """
    _check_counts(canaries, guesses, correct)
    return float(_p_values(canaries, guesses, correct, np.array([epsilon]), delta)[0])


def _check_counts(canaries: int, guesses: int, correct: int) -> None:
    if not 0 <= correct <= guesses <= canaries:
        raise ValueError(
            f"expected 0 <= correct={correct} <= guesses={guesses} <= canaries={canaries}"
        )


def _p_values(
    canaries: int, guesses: int, correct: int, epsilons: NDArray[np.float64], delta: float
) -> NDArray[np.float64]:
    """Return the p-value at each epsilon [k]."""
    rate = special.expit(epsilons)
    beta = np.asarray(stats.binom.sf(correct - 1, guesses, rate), dtype=np.float64)
    if delta > 0.0 and correct > 0:
        outcomes = np.arange(correct - 1, -1, -1)  # v - 1, v - 2, ..., 0
        mass = np.cumsum(stats.binom.pmf(outcomes[None, :], guesses, rate[:, None]), axis=1)
        alpha = (mass / np.arange(1, correct + 1)).max(axis=1)
        beta = beta + 2.0 * canaries * delta * alpha
    return np.minimum(beta, 1.0)


@lru_cache(maxsize=4096)
def one_run_epsilon(
    *, canaries: int, guesses: int, correct: int, delta: float, confidence: float
) -> float:
    """Return the epsilon that the run is at least, at this confidence.

    Args:
        canaries: m, each included by its own fair coin.
        guesses: r, fixed before training.
        correct: v.
        delta: of the claim the bound is held against.
        confidence: in (0, 1).

    Returns:
        The smallest epsilon that the guesses do not reject, >= 0, rounded down to 1e-6; 0 when
        nothing is rejected.

    Guarantees:
        For an (epsilon, delta)-DP run the result exceeds epsilon with probability at most
        1 - confidence (tested on simulated nulls).

    Reference:
        arXiv:2305.08846, section 5. The smallest rather than the largest such epsilon: the
        p-value need not be monotone once delta is positive.
    """
    _check_counts(canaries, guesses, correct)
    significance = 1.0 - confidence
    grid = np.arange(0.0, MAX_EPSILON + 0.05, 0.05)
    accepted = _p_values(canaries, guesses, correct, grid, delta) > significance
    if not accepted.any():
        return MAX_EPSILON
    first = int(accepted.argmax())
    if first == 0:
        return 0.0
    low, high = float(grid[first - 1]), float(grid[first])
    while high - low > 1e-6:
        middle = (low + high) / 2.0
        p_value = _p_values(canaries, guesses, correct, np.array([middle]), delta)[0]
        low, high = (low, middle) if p_value > significance else (middle, high)
    return low


def largest_detectable_epsilon(*, canaries: int, delta: float, confidence: float) -> float:
    """Return the bound this audit would give if every guess were right.

    Args:
        canaries: m; the guesses follow from `guess_counts`.
        delta: of the claim.
        confidence: in (0, 1).
    """
    guesses = guess_counts(canaries).total
    return one_run_epsilon(
        canaries=canaries, guesses=guesses, correct=guesses, delta=delta, confidence=confidence
    )


def fdp_rejects(
    *,
    canaries: int,
    guesses: int,
    correct: int,
    confidence: float,
    fpr_floor: Callable[[float], float],
) -> bool:
    """Say whether the guesses contradict a whole trade-off curve.

    Args:
        canaries: m.
        guesses: r <= m.
        correct: v <= r.
        confidence: in (0, 1).
        fpr_floor: the hypothesis: for a true-positive rate in [0, 1] the least false-positive
            rate any attack on one unit can have; convex, 0 at 0, symmetric under exchange of
            the two data sets.

    Returns:
        True where a run with that curve would guess so well with probability at most
        1 - confidence.

    Reference:
        Mahloujifar, Melis and Chaudhuri 2024, arXiv:2410.22235, algorithm 3 for two options and
        a capped number of guesses.
    """
    _check_counts(canaries, guesses, correct)
    significance = 1.0 - confidence
    right = significance * correct / canaries
    wrong = significance * (guesses - correct) / canaries
    for remaining in range(correct - 1, -1, -1):
        least = max(wrong, fpr_floor(min(right, 1.0)))
        if least == wrong:
            break  # Neither can change any more.
        right = min(right + remaining / (guesses - remaining) * (least - wrong), 1.0)
        wrong = least
    return right + wrong > guesses / canaries


def fdp_p_value(
    *, canaries: int, guesses: int, correct: int, fpr_floor: Callable[[float], float]
) -> float:
    """Return the largest chance of so many right guesses under a whole trade-off curve.

    Args:
        canaries: m.
        guesses: r <= m, fixed before training.
        correct: v <= r.
        fpr_floor: the hypothesis, as in `fdp_rejects`; here the accountant's own curve.

    Returns:
        In [1e-9, 1], to a relative 1e-3: the least significance at which `fdp_rejects`.

    Guarantees:
        For a run with that curve it is at most a with probability at most a, for every a
        (tested on runs of the sampled Gaussian mechanism).

    Reference:
        arXiv:2410.22235, algorithm 3, inverted in the significance.
    """

    def rejects(significance: float) -> bool:
        return fdp_rejects(
            canaries=canaries,
            guesses=guesses,
            correct=correct,
            confidence=1.0 - significance,
            fpr_floor=fpr_floor,
        )

    low, high = _LEAST_SIGNIFICANCE, 1.0
    if rejects(low):
        return low
    while high / low > 1.0 + 1e-3:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if rejects(middle) else (middle, high)
    return high


@lru_cache(maxsize=1024)
def fdp_epsilon(
    *, canaries: int, guesses: int, correct: int, delta: float, confidence: float
) -> float:
    """Return the lower bound on epsilon if the run's trade-off curve is a Gaussian one.

    Args:
        canaries: m.
        guesses: r.
        correct: v.
        delta: at which the curve is read, in (0, 1).
        confidence: in (0, 1).

    Returns:
        >= 0, to 1e-4. Tighter than `one_run_epsilon`, and only as good as its assumption: it is
        printed beside the bound and never judged by the gate.

    Reference:
        arXiv:2410.22235 with the family of mu-GDP curves, arXiv:1905.02383, corollary 2.13.
    """

    def rejects(mu: float) -> bool:
        def floor(tpr: float) -> float:
            return float(special.ndtr(special.ndtri(tpr) - mu))

        return fdp_rejects(
            canaries=canaries,
            guesses=guesses,
            correct=correct,
            confidence=confidence,
            fpr_floor=floor,
        )

    low, high = 0.0, 10.0
    if not rejects(low + 1e-9):
        return 0.0
    while high - low > 1e-5:
        middle = (low + high) / 2.0
        low, high = (middle, high) if rejects(middle) else (low, middle)
    return gaussian_epsilon(low, delta)


def gaussian_delta(mu: float, epsilon: float) -> float:
    """Return the delta at which a mu-GDP mechanism is (epsilon, delta)-DP.

    Reference:
        Dong, Roth and Su 2019, arXiv:1905.02383, corollary 2.13.
    """
    if mu <= 0.0:
        return 0.0
    first = special.ndtr(-epsilon / mu + mu / 2.0)
    second = np.exp(epsilon + special.log_ndtr(-epsilon / mu - mu / 2.0))
    return float(max(first - second, 0.0))


def gaussian_epsilon(mu: float, delta: float) -> float:
    """Return the least epsilon >= 0 at which a mu-GDP mechanism is (epsilon, delta)-DP."""
    if gaussian_delta(mu, 0.0) <= delta:
        return 0.0
    low, high = 0.0, 1.0
    while gaussian_delta(mu, high) > delta:
        low, high = high, 2.0 * high
    while high - low > 1e-9 * max(1.0, high):
        middle = (low + high) / 2.0
        low, high = (middle, high) if gaussian_delta(mu, middle) > delta else (low, middle)
    return high
