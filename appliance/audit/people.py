"""Membership of real people: members against the audit holdout, by what their records save.

Owns two attacks from the same forward passes: one record of each person, and several records of
each person together. Who is attacked, and with which records, was drawn before training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from appliance.audit.base import BaseScores, Units, score_units
from appliance.audit.ceilings import DpCurve
from appliance.audit.membership import Sides, membership, secondary
from appliance.evidence import Attack, Membership
from appliance.policy.model import Policy
from appliance.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The attacks on real people, and why one is absent.

    Attributes:
        record: one record of each person.
        user: several records of each person together; None where the privacy unit is a record.
        secondary: by name.
    """

    record: Membership | None
    user: Membership | None
    secondary: dict[str, Attack]
    reasons: dict[str, str]


def attack_people(
    model: Any,  # noqa: ANN401 - peft is untyped
    members: Units,
    non_members: Units,
    base: BaseScores,
    policy: Policy,
    curve: DpCurve | None,
    progress: Progress,
) -> People:
    """Attack real people: the loss their records save over the base model.

    Args:
        model: a peft model with its adapter on.
        members: the units on the train side, in the order `score_base` saw.
        non_members: the units of the audit holdout, in that order.
        base: who is attacked, and the base model's scores of them.
        policy: `audit.confidence` and `privacy.unit` are read.
        curve: the run's DP guarantee, for the ceilings.
        progress: told one unit per record.

    Reference:
        All records of one person together: user inference, Kandpal et al. 2023, arXiv:2310.09266,
        with the base model as the reference. Deviation: the mean is over tokens, not records.
    """
    after = [
        score_units(model, units, [(one.unit, one.records) for one in before], progress, what)
        for units, before, what in (
            (members, base.members, "members, adapter"),
            (non_members, base.non_members, "non-members, adapter"),
        )
    ]
    if not (after[0] and after[1]):
        why = "no unit on the train side or in the audit holdout"
        return People(
            record=None,
            user=None,
            secondary={},
            reasons={"record_membership": why, "user_membership": why},
        )
    confidence = policy.audit.confidence
    before = (base.members, base.non_members)

    def attack(records: int | None) -> Membership:
        gains = [
            np.array([a.rate(records) - b.rate(records) for a, b in zip(*side, strict=True)])
            for side in zip(after, before, strict=True)
        ]
        sides = Sides(members=gains[0], non_members=gains[1])
        return membership(sides, None, confidence=confidence, curve=curve)

    raw = Sides(
        members=np.array([one.rate() for one in after[0]]),
        non_members=np.array([one.rate() for one in after[1]]),
    )
    person = policy.privacy.unit == "person"
    return People(
        record=attack(1),
        user=attack(None) if person else None,
        secondary={"record_loss": secondary(raw, confidence=confidence)},
        reasons={} if person else {"user_membership": "the privacy unit is a record"},
    )
