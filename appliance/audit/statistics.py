"""What the attacks' scores say: areas, intervals, rates, exposures and tests of chance.

Owns the arithmetic over scores. A higher score always means "looks more like a member". Pure
numpy and scipy: no model, no policy, no I/O. Intervals over the canaries of one run are
descriptive; the bound that holds whatever the canaries' dependence is in `bounds`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]
Interval = tuple[float, float]

#: Permutations drawn for the coin-permutation null.
PERMUTATIONS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A measured value with its two-sided interval."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placements:
    """DeLong's structural components: each score's placement among the other class."""

    members: Floats
    non_members: Floats

    @property
    def auc(self) -> float:
        return float(self.members.mean())


def _scores(values: ArrayLike) -> Floats:
    """Return the scores as float64 [n]; refuse empty or NaN ones."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"expected scores of shape [n], n >= 1, got {array.shape}")
    if np.isnan(array).any():
        raise ValueError("expected scores without NaN")
    return array


def _placements(members: Floats, non_members: Floats) -> _Placements:
    """Place every score among the other class, ties counting half."""

    def below(values: Floats, others: Floats) -> Floats:
        ordered = np.sort(others)
        left = np.searchsorted(ordered, values, side="left")
        right = np.searchsorted(ordered, values, side="right")
        return (left + right) / (2.0 * len(ordered))

    return _Placements(
        members=below(members, non_members), non_members=1.0 - below(non_members, members)
    )


def auc(members: ArrayLike, non_members: ArrayLike) -> float:
    """Return the probability that a member outscores a non-member, ties counting half.

    Args:
        members: scores [n_members], at least one.
        non_members: scores [n_non_members], at least one.

    Returns:
        In [0, 1]; 0.5 is chance.

    Raises:
        ValueError: a side is empty or holds NaN.
    """
    return _placements(_scores(members), _scores(non_members)).auc


def auc_interval(members: ArrayLike, non_members: ArrayLike, *, confidence: float) -> Estimate:
    """Return the AUC with DeLong's interval.

    Args:
        members: scores [n_members].
        non_members: scores [n_non_members].
        confidence: of the two-sided interval, in (0, 1).

    Returns:
        The AUC and its interval, cut to [0, 1].

    Guarantees:
        Never a point: with all pairs in order (where DeLong's variance is zero) the interval is
        Clopper-Pearson's over the min(n_members, n_non_members) disjoint pairs; with fewer than
        two scores on a side it is (0, 1).

    Reference:
        DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44(3), equations 3-6. The treatment of
        perfect separation is ours.
    """
    placed = _placements(_scores(members), _scores(non_members))
    value = placed.auc
    pairs = min(len(placed.members), len(placed.non_members))
    if pairs < 2:
        return Estimate(value=value, interval=(0.0, 1.0))
    variance = _covariance(placed, placed)
    if variance <= 0.0:
        successes = round(value * pairs)
        return Estimate(value=value, interval=clopper_pearson(successes, pairs, confidence))
    half = float(stats.norm.ppf(0.5 + confidence / 2.0)) * variance**0.5
    return Estimate(value=value, interval=(max(0.0, value - half), min(1.0, value + half)))


def _covariance(left: _Placements, right: _Placements) -> float:
    """Return DeLong's covariance of two AUCs over the same cases."""
    members = float(np.cov(left.members, right.members)[0, 1]) / len(left.members)
    others = float(np.cov(left.non_members, right.non_members)[0, 1]) / len(left.non_members)
    return members + others


def auc_difference(
    *,
    members: ArrayLike,
    non_members: ArrayLike,
    base_members: ArrayLike,
    base_non_members: ArrayLike,
    confidence: float,
) -> Estimate:
    """Return an attack's AUC minus the same attack's AUC on the base model, paired by case.

    Args:
        members: adapter scores of the members [n_members].
        non_members: adapter scores of the non-members [n_non_members].
        base_members: base-model scores of the same members, in the same order.
        base_non_members: base-model scores of the same non-members, in the same order.
        confidence: of the two-sided interval.

    Returns:
        The difference with DeLong's paired interval, cut to [-1, 1]; (-1, 1) with fewer than two
        cases on a side.

    Raises:
        ValueError: the two models were not scored on the same number of cases.

    Reference:
        DeLong et al. 1988, section 3 (correlated curves).
    """
    ours = _placements(_scores(members), _scores(non_members))
    base = _placements(_scores(base_members), _scores(base_non_members))
    if len(ours.members) != len(base.members) or len(ours.non_members) != len(base.non_members):
        raise ValueError("expected both models scored on the same cases")
    difference = ours.auc - base.auc
    if min(len(ours.members), len(ours.non_members)) < 2:
        return Estimate(value=difference, interval=(-1.0, 1.0))
    variance = _covariance(ours, ours) + _covariance(base, base) - 2.0 * _covariance(ours, base)
    half = float(stats.norm.ppf(0.5 + confidence / 2.0)) * max(variance, 0.0) ** 0.5
    return Estimate(
        value=difference, interval=(max(-1.0, difference - half), min(1.0, difference + half))
    )


def clopper_pearson(successes: int, trials: int, confidence: float) -> Interval:
    """Return the exact two-sided interval of a proportion.

    Args:
        successes: in 0..trials.
        trials: zero gives (0, 1).
        confidence: in (0, 1).

    Raises:
        ValueError: `successes` is outside 0..trials.

    Reference:
        Clopper and Pearson 1934, by the beta quantiles.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"expected 0 <= successes={successes} <= trials={trials}")
    tail = (1.0 - confidence) / 2.0
    low = stats.beta.ppf(tail, successes, trials - successes + 1) if successes else 0.0
    high = stats.beta.ppf(1.0 - tail, successes + 1, trials - successes)
    return float(low), float(high) if successes < trials else 1.0


def tpr_at_fpr(
    members: ArrayLike, non_members: ArrayLike, *, fpr: float, confidence: float
) -> Estimate:
    """Return the share of members found while at most `fpr` of the non-members are accused.

    Args:
        members: scores [n_members].
        non_members: scores [n_non_members].
        fpr: allowed false-positive rate, in [0, 1].
        confidence: of the Clopper-Pearson interval over the members (the threshold is taken as
            given, so the interval is descriptive).

    Returns:
        The true-positive rate at the lowest threshold that accuses floor(fpr * n_non_members)
        non-members or fewer. A tie with the next non-member is not accused.
    """
    positives, negatives = _scores(members), np.sort(_scores(non_members))[::-1]
    allowed = int(np.floor(fpr * len(negatives) + 1e-9))
    if allowed >= len(negatives):
        found = len(positives)
    else:
        found = int((positives > negatives[allowed]).sum())
    return Estimate(
        value=found / len(positives),
        interval=clopper_pearson(found, len(positives), confidence),
    )


def roc_points(
    members: ArrayLike, non_members: ArrayLike, *, limit: int = 200
) -> list[tuple[float, float]]:
    """Return the ROC curve as (fpr, tpr), from (0, 0) to (1, 1), at most `limit` points.

    The points of low false-positive rate are kept first, since the plot is logarithmic.
    """
    positives, negatives = _scores(members), _scores(non_members)
    thresholds = np.unique(np.concatenate([positives, negatives]))[::-1]
    tpr = 1.0 - np.searchsorted(np.sort(positives), thresholds) / len(positives)
    fpr = 1.0 - np.searchsorted(np.sort(negatives), thresholds) / len(negatives)
    points = [(0.0, 0.0), *zip(fpr.tolist(), tpr.tolist(), strict=True)]
    if len(points) <= limit:
        return points
    head = limit // 2
    rest = np.unique(np.linspace(head, len(points) - 1, limit - head).round().astype(int))
    return points[:head] + [points[index] for index in rest]


def exposures(scores: ArrayLike, references: ArrayLike) -> Floats:
    """Return each secret's exposure against secrets that were never planted.

    Args:
        scores: scores of planted secrets [n].
        references: scores of held-out secrets of the same family [n_out], at least one.

    Returns:
        float64 [n], log2((n_out + 1) / rank): 1 bit is expected by chance for the median, and
        log2(n_out + 1) is the largest value n_out references can show.

    Reference:
        Carlini et al. 2019, arXiv:1802.08232, definition 5, with the held-out candidates as the
        sampled randomness space (their section 4.3); ties count half.
    """
    values, ordered = _scores(scores), np.sort(_scores(references))
    above = len(ordered) - np.searchsorted(ordered, values, side="right")
    ties = np.searchsorted(ordered, values, side="right") - np.searchsorted(
        ordered, values, side="left"
    )
    rank = 1.0 + above + ties / 2.0
    return np.asarray(np.log2((len(ordered) + 1.0) / rank), dtype=np.float64)


def permutation_p_value(
    members: ArrayLike,
    non_members: ArrayLike,
    *,
    generator: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> float:
    """Return the chance that exchanged coins give an AUC at least as large.

    Args:
        members: scores [n_members].
        non_members: scores [n_non_members].
        generator: draws the permutations.
        permutations: how many.

    Returns:
        In (0, 1]: (1 + permutations at least as extreme) / (1 + permutations).

    Guarantees:
        Under the null (scores exchangeable between the coins) it is at most a with probability at
        most a, for every a.

    Reference:
        Phipson and Smyth 2010, arXiv:1603.05766, on the added one.
    """
    positives, negatives = _scores(members), _scores(non_members)
    ranks = stats.rankdata(np.concatenate([positives, negatives]))
    observed = ranks[: len(positives)].sum()
    order = generator.random((permutations, len(ranks))).argsort(axis=1)[:, : len(positives)]
    extreme = int((ranks[order].sum(axis=1) >= observed - 1e-9).sum())
    return (1.0 + extreme) / (1.0 + permutations)


def rank_p_value(ranks: ArrayLike, candidates: ArrayLike) -> float:
    """Return the chance that true values rank this well among decoys that are as likely.

    Args:
        ranks: 1-based rank of the true value of each slot [n]; 1 is the model's favourite.
        candidates: candidates of each slot, the true one included [n].

    Returns:
        In (0, 1]: the smaller of two one-sided tests, doubled: too many first places (exact
        Poisson binomial), and places too good on the whole (Kolmogorov-Smirnov).

    Guarantees:
        Under uniform independent ranks it is at most a with probability at most a, for every a
        (both tests are conservative for discrete ranks).
    """
    places, sizes = _scores(ranks), _scores(candidates)
    firsts = int((places <= 1.0).sum())
    tally = np.ones(1)
    for size in sizes:
        tally = np.convolve(tally, [1.0 - 1.0 / size, 1.0 / size])
    too_many_firsts = float(tally[firsts:].sum())
    # A rank r of n is spread over ((r - 1) / n, r / n]: its upper end is conservative.
    too_good = float(stats.kstest(places / sizes, "uniform", alternative="greater").pvalue)
    return float(min(1.0, 2.0 * min(too_many_firsts, too_good)))


def audit_power(
    true_auc: float, *, n_members: int, n_non_members: int, max_auc: float, confidence: float
) -> float:
    """Return the probability that the AUC's upper limit exceeds the policy's limit.

    Args:
        true_auc: of the attack on this adapter, in [0.5, 1].
        n_members: planted canaries.
        n_non_members: held-out canaries.
        max_auc: the policy's limit on the interval's upper end.
        confidence: of the interval.

    Returns:
        In [0, 1]. At `true_auc` 0.5 this is the rate at which clean models are refused.

    Reference:
        Normal approximation with Hanley and McNeil 1982, Radiology 143(1), equation 1, for the
        variance (negative-exponential model).
    """
    if min(n_members, n_non_members) < 2:
        return 1.0
    q1, q2 = true_auc / (2.0 - true_auc), 2.0 * true_auc**2 / (1.0 + true_auc)
    spread = true_auc * (1.0 - true_auc)
    spread += (n_members - 1) * (q1 - true_auc**2) + (n_non_members - 1) * (q2 - true_auc**2)
    error = max(spread / (n_members * n_non_members), 1e-12) ** 0.5
    z = float(stats.norm.ppf(0.5 + confidence / 2.0))
    return float(stats.norm.sf((max_auc - true_auc) / error - z))
