"""Membership attacks: on canaries by their coins, on real people against the audit holdout.

Owns the four scores of a canary (the primary one and three secondary ones) and the one score of a
person, all fixed before training. Higher always means "looks more like a member".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appliance.audit.ceilings import DpCurve
from appliance.audit.scores import Scores
from appliance.audit.statistics import (
    auc,
    auc_difference,
    auc_interval,
    roc_points,
    tpr_at_fpr,
)
from appliance.evidence import Attack, Membership, TprAtFpr

Floats = NDArray[np.float64]

#: False-positive rates reported, as the interface writes them.
FPRS = {"0.01": 0.01, "0.001": 0.001}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Scores of one attack, apart by the coin (or by the split).

    Attributes:
        members: float64 [n_members].
        non_members: float64 [n_non_members].
    """

    members: Floats
    non_members: Floats

    @classmethod
    def split(cls, scores: Sequence[float] | Floats, included: Sequence[bool]) -> Sides:
        """Part scores by their coins."""
        values, coins = np.asarray(scores, np.float64), np.asarray(included, bool)
        return cls(members=values[coins], non_members=values[~coins])

    @property
    def usable(self) -> bool:
        """Say whether both sides hold a score."""
        return bool(len(self.members) and len(self.non_members))


def primary_scores(scores: Sequence[Scores]) -> Floats:
    """Return the primary score, fixed before training: minus the loss on the secret span."""
    return np.array([-one.loss for one in scores])


def secondary_scores(adapter: Sequence[Scores], base: Sequence[Scores]) -> dict[str, Floats]:
    """Return the secondary scores of the same canaries.

    Args:
        adapter: scores with the adapter on.
        base: scores of the same canaries with the adapter off.

    Returns:
        `base_calibrated`: the loss saved over the base model; `min_k_plus_plus`; and
        `residual`: minus the loss left after a straight line through all canaries' base losses,
        fitted without their coins (label-free).
    """
    losses, base_losses = -primary_scores(adapter), -primary_scores(base)
    line = np.polynomial.Polynomial.fit(base_losses, losses, 1) if len(losses) > 2 else None
    expected = base_losses if line is None else line(base_losses)
    return {
        "base_calibrated": base_losses - losses,
        "min_k_plus_plus": np.array([one.min_k_plus_plus for one in adapter]),
        "residual": expected - losses,
    }


def membership(
    ours: Sides, base: Sides | None, *, confidence: float, curve: DpCurve | None
) -> Membership:
    """Measure one attack.

    Args:
        ours: scores on the adapter; both sides hold at least one.
        base: the same attack on the base model, in the same order; absent where it has no meaning.
        confidence: of all intervals.
        curve: the run's DP guarantee, for the ceilings.
    """
    area = auc_interval(ours.members, ours.non_members, confidence=confidence)
    rates = {}
    for name, fpr in FPRS.items():
        rate = tpr_at_fpr(ours.members, ours.non_members, fpr=fpr, confidence=confidence)
        rates[name] = TprAtFpr(
            value=rate.value,
            interval=rate.interval,
            dp_ceiling=None if curve is None else curve.tpr_ceiling(fpr),
        )
    difference = None
    if base is not None:
        difference = auc_difference(
            members=ours.members,
            non_members=ours.non_members,
            base_members=base.members,
            base_non_members=base.non_members,
            confidence=confidence,
        )
    return Membership(
        auc=area.value,
        auc_interval=area.interval,
        tpr_at_fpr=rates,
        n_members=len(ours.members),
        n_non_members=len(ours.non_members),
        base_auc=None if base is None else auc(base.members, base.non_members),
        difference_interval=None if difference is None else difference.interval,
        roc=roc_points(ours.members, ours.non_members),
        reasons={}
        if base is not None
        else {
            "base_auc": "the score is the loss saved over the base model, which is 0 on it",
            "difference_interval": "the score already compares with the base model",
        },
    )


def secondary(sides: Sides, *, confidence: float) -> Attack:
    """Measure a secondary attack: area and interval only."""
    area = auc_interval(sides.members, sides.non_members, confidence=confidence)
    return Attack(auc=area.value, auc_interval=area.interval)
