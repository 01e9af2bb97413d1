"""Measures of use, with intervals over people rather than records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
#: Seed of the bootstrap; public, so that an auditor gets the same interval.
BOOTSTRAP_SEED = 20240901


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """A ratio of sums before and after, with 95 % intervals."""

    base: float
    adapter: float
    adapter_interval: tuple[float, float]
    difference_interval: tuple[float, float]


def paired_ratio(
    base: NDArray[np.float64],
    adapter: NDArray[np.float64],
    weights: NDArray[np.float64],
    units: NDArray[np.int64],
) -> Paired:
    """Compare two weighted means over the same records, resampling whole units.

    Args:
        base: [records], sums before, e.g. negative log-likelihoods in nats.
        adapter: [records], sums after.
        weights: [records], what each sum is over, e.g. target tokens; positive in total.
        units: [records], index of each record's privacy unit.

    Returns:
        sum(base)/sum(weights), sum(adapter)/sum(weights), and percentile intervals of the second
        and of the difference. A sum that is not finite makes the figures it enters NaN.

    Raises:
        ValueError: there is no record, or the weights sum to nothing.

    Reference:
        Efron and Tibshirani 1993, chapter 13 (percentile interval); cluster bootstrap by unit.
    """
    if not len(units) or not weights.sum() > 0.0:
        msg = "expected records whose weights sum to more than 0"
        raise ValueError(msg)
    count = int(units.max()) + 1
    per_unit = np.stack(
        [np.bincount(units, weights=v, minlength=count) for v in (base, adapter, weights)]
    )
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    share = np.full(count, 1.0 / count)
    # Row by row: all draws at once would take 16 bytes a person and resample.
    with np.errstate(invalid="ignore"):
        sums = np.stack([per_unit @ generator.multinomial(count, share) for _ in range(RESAMPLES)])
    sums = sums[sums[:, 2] > 0]
    after = sums[:, 1] / sums[:, 2]
    difference = (sums[:, 1] - sums[:, 0]) / sums[:, 2]
    total = per_unit.sum(axis=1)
    return Paired(
        base=float(total[0] / total[2]),
        adapter=float(total[1] / total[2]),
        adapter_interval=interval(after),
        difference_interval=interval(difference),
    )


def rouge_l(reference: str, candidate: str) -> float:
    """Return the F1 of the longest common subsequence of words, in [0, 1].

    Reference:
        Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", section 3.1, beta = 1;
        words are runs of letters and digits, lower case, not stemmed.
    """
    a, b = _words(reference), _words(candidate)
    if not a or not b:
        return 0.0
    row = [0] * (len(b) + 1)
    for word in a:
        diagonal = 0
        for j, other in enumerate(b, start=1):
            diagonal, row[j] = (
                row[j],
                diagonal + 1 if word == other else max(row[j], row[j - 1]),
            )
    common = row[-1]
    return 2.0 * common / (len(a) + len(b))


def exact_match(reference: str, candidate: str) -> float:
    """Return 1.0 when the texts agree after white space is folded, else 0.0."""
    return float(reference.split() == candidate.split())


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the middle 95 % of resampled values; NaN where one is not finite."""
    if not np.isfinite(values).all():
        return float("nan"), float("nan")
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _words(text: str) -> Sequence[str]:
    folded = "".join(c if c.isalnum() else " " for c in text.casefold())
    return folded.split()
