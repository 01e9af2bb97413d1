"""Extraction of planted secrets, from the same forward pass as every other score.

Teacher forcing decides greedy extraction exactly: decoding from the opening says the secret if and
only if every token of it is the model's first choice given the ones before. The product of their
probabilities is the chance that one sampled continuation says it, so that one over it is the
number of queries an attacker needs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from appliance.audit.canary_set import Canary, CanarySet, Family
from appliance.audit.membership import primary_scores
from appliance.audit.scores import Scores
from appliance.audit.statistics import exposures
from appliance.evidence import Canaries, CanaryFamily, Extraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacked:
    """Every canary with what both models say about it, in the set's order."""

    canaries: tuple[Canary, ...]
    adapter: tuple[Scores, ...]
    base: tuple[Scores, ...]

    def only(self, *families: Family, included: bool | None = None) -> Attacked:
        """Keep some families, and one side of the coins where `included` is given."""
        kept = [
            index
            for index, canary in enumerate(self.canaries)
            if canary.family in families and included in (None, canary.included)
        ]
        return Attacked(
            canaries=tuple(self.canaries[i] for i in kept),
            adapter=tuple(self.adapter[i] for i in kept),
            base=tuple(self.base[i] for i in kept),
        )

    def gains(self) -> list[float]:
        """Return the log-probability each secret gained over the base model, in nats."""
        return [
            float(ours.log_probabilities.sum() - base.log_probabilities.sum())
            for ours, base in zip(self.adapter, self.base, strict=True)
        ]


def measure_extraction(attacked: Attacked) -> Extraction | None:
    """Return what came out of the planted secrets; None where none was planted.

    The repeat ladder is diagnosis and not among them: its secrets are held by several units.
    """
    planted = attacked.only("secret", included=True)
    if not planted.canaries:
        return None
    return Extraction(
        attempted=len(planted.canaries),
        extracted_greedy=sum(one.extracted for one in planted.adapter),
        extracted_base=sum(one.extracted for one in planted.base),
        max_log2_probability=max(one.log2_probability for one in planted.adapter),
    )


def measure_families(canaries: CanarySet, attacked: Attacked) -> Canaries:
    """Return counts, exposures and extractions of each family that has a candidate."""
    families: dict[str, CanaryFamily] = {}
    names: tuple[Family, ...] = ("newtok", "secret", "repeat")
    for name in names:
        if canaries.family(name):
            families[name] = _family(name, attacked)
    reasons = {} if canaries.reason is None else {"families": canaries.reason}
    return Canaries(
        planted=sum(canary.included for canary in canaries.canaries),
        held_out=sum(not canary.included for canary in canaries.canaries),
        coins_digest=canaries.digest,
        families=families,
        reasons=reasons,
    )


def _family(name: Family, attacked: Attacked) -> CanaryFamily:
    planted = attacked.only(name, included=True)
    held_out = attacked.only(name, included=False)
    # A ladder is too short to be its own yardstick: held-out secrets stand beside its own.
    references = held_out
    if name == "repeat":
        references = attacked.only("repeat", "secret", included=False)
    found = _exposures(name, planted, references)
    reasons = {}
    if not found:
        why = "no planted or no held-out canary of this family"
        reasons = {"mean_exposure": why, "max_exposure": why}
    by_repeats: dict[int, list[float]] = defaultdict(list)
    for canary, exposure in zip(planted.canaries, found, strict=False):
        by_repeats[canary.repeats].append(exposure)
    return CanaryFamily(
        planted=len(planted.canaries),
        held_out=len(held_out.canaries),
        mean_exposure=float(np.mean(found)) if found else None,
        max_exposure=float(max(found)) if found else None,
        extracted=sum(one.extracted for one in planted.adapter),
        by_repeats={str(key): float(np.mean(by_repeats[key])) for key in sorted(by_repeats)},
        reasons=reasons,
    )


def _exposures(name: Family, planted: Attacked, references: Attacked) -> list[float]:
    """Rank by loss where all candidates are alike, by gain where formats differ."""
    if not planted.canaries or not references.canaries:
        return []
    if name == "newtok":
        ours: Sequence[float] = primary_scores(planted.adapter).tolist()
        others: Sequence[float] = primary_scores(references.adapter).tolist()
    else:
        ours, others = planted.gains(), references.gains()
    return [float(value) for value in exposures(ours, others)]
