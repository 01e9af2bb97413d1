"""Measures of a classifier: accuracy, macro-F1, area under the curve, confusion.

Base model and adapter are compared on the same records. Intervals resample people, not records.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.evaluate.metrics import BOOTSTRAP_SEED, Paired, interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Resamples for measures that cannot be summed over people.
RESAMPLES = 500


def macro_f1(truth: NDArray[np.bool_], said: NDArray[np.bool_], weights: Floats) -> float:
    """Return the mean over classes of F1, classes without a record or a call left out.

    Args:
        truth: bool [records, classes].
        said: bool [records, classes], what the model calls.
        weights: float64 [records], how often each record counts.

    Reference:
        F1 = 2 TP / (2 TP + FP + FN); mean over classes (Opitz and Burst 2019, arXiv:1911.03347,
        "averaged F1").
    """
    hits = weights @ (truth & said)
    total = weights @ truth + weights @ said
    present = total > 0
    return float((2.0 * hits[present] / total[present]).mean()) if present.any() else float("nan")


def macro_auc(truth: NDArray[np.bool_], scores: Floats, weights: Floats) -> float:
    """Return the mean over classes of the area under the curve, one class against the rest.

    Args:
        truth: bool [records, classes].
        scores: float64 [records, classes], higher means rather this class.
        weights: float64 [records].

    Returns:
        The mean over classes with records on both sides; NaN where there is none.

    Reference:
        Hand and Till 2001, section 2: the chance that a record of the class scores above one
        of the rest, ties counted half.
    """
    areas = [
        _auc(truth[:, k], scores[:, k], weights)
        for k in range(truth.shape[1])
        if 0.0 < weights @ truth[:, k] < weights.sum()
    ]
    return float(np.mean(areas)) if areas else float("nan")


def _auc(truth: NDArray[np.bool_], scores: Floats, weights: Floats) -> float:
    order = np.argsort(scores, kind="stable")
    places = np.unique(scores[order], return_inverse=True)[1]
    positive, negative = (
        np.bincount(places, weights=(weights * side)[order]) for side in (truth, ~truth)
    )
    below = np.cumsum(negative) - negative
    total = positive @ (below + negative / 2.0)
    return float(total / (positive.sum() * negative.sum()))


def confusion(truth: NDArray[np.bool_], said: NDArray[np.bool_]) -> list[list[int]]:
    """Count records by true class (rows) and called class (columns), one class a record."""
    classes = truth.shape[1]
    flat = truth.argmax(axis=1) * classes + said.argmax(axis=1)
    counts = np.bincount(flat, minlength=classes * classes).reshape(classes, classes)
    return [[int(value) for value in row] for row in counts]


def calls(probabilities: Floats, *, multi_label: bool) -> NDArray[np.bool_]:
    """Return what is called: the likeliest class, or every class above one half."""
    if multi_label:
        return probabilities > 0.5
    called = np.zeros(probabilities.shape, np.bool_)
    called[np.arange(len(probabilities)), probabilities.argmax(axis=1)] = True
    return called


def paired_measure(
    measure: Callable[[NDArray[Any], Floats], float],
    base: NDArray[Any],
    adapter: NDArray[Any],
    units: Ints,
) -> Paired:
    """Compare a measure before and after, resampling whole units.

    Args:
        measure: of (what a model said, weights of records).
        base: what the base model said, passed to `measure`.
        adapter: what the adapter said.
        units: int64 [records], index of each record's privacy unit.

    Returns:
        The measure before and after, and percentile intervals of the second and the difference.
        Resamples in which it has no value are left out.
    """
    ones = np.ones(len(units))
    count = int(units.max()) + 1
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    share = np.full(count, 1.0 / count)
    drawn = [generator.multinomial(count, share)[units].astype(float) for _ in range(RESAMPLES)]
    before = np.array([measure(base, weights) for weights in drawn])
    after = np.array([measure(adapter, weights) for weights in drawn])
    kept = np.isfinite(before) & np.isfinite(after)
    nothing = np.array([np.nan])
    return Paired(
        base=measure(base, ones),
        adapter=measure(adapter, ones),
        adapter_interval=interval(after[kept] if kept.any() else nothing),
        difference_interval=interval((after - before)[kept] if kept.any() else nothing),
    )
