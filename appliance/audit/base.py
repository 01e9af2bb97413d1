"""What the base model says before training: the yardstick of every calibrated attack.

Owns the choice of the real people who are attacked (fixed by the canaries' salt, before training)
and the base model's scores of them, of all canaries and of the removed values' candidates. The
bytes are private: the caller seals them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from appliance.audit.canary_set import CanarySet
from appliance.audit.ranking import RemovedValues, score_slots
from appliance.audit.scores import Scores, score_examples
from appliance.crypto.canonical import canonical_json
from appliance.errors import IntegrityError
from appliance.model.examples import Example
from appliance.policy.model import Policy
from appliance.progress import Progress

Units = Sequence[Sequence[Example]]

#: Padded tokens of one scoring batch; memory only.
SCORING_TOKENS = 2048
#: Tokens of one person that are scored, drawn record by record.
UNIT_TOKENS = 128
#: Members attacked at least, where the holdout is smaller.
LEAST_MEMBERS = 30
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitScore:
    """One person's loss: what was scored, and the sum of its log-probabilities.

    Attributes:
        unit: position of the unit on its side.
        records: positions of its scored records.
        log_probability: sum over their target tokens, nats.
        targets: how many target tokens.
    """

    unit: int
    records: tuple[int, ...]
    log_probability: float = field(repr=False)
    targets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseScores:
    """The base model's scores, in the order of what they score.

    Attributes:
        canaries: one per canary.
        members, non_members: the chosen people with the base model's loss.
        slots: for each removed value, the log-probability of each candidate, the true one first.
    """

    canaries: tuple[Scores, ...] = field(repr=False)
    members: tuple[UnitScore, ...] = field(repr=False)
    non_members: tuple[UnitScore, ...] = field(repr=False)
    slots: tuple[tuple[float, ...], ...] = field(repr=False)

    def to_bytes(self) -> bytes:
        """Return canonical JSON. Private: the caller seals it."""
        return canonical_json(
            {
                "version": _VERSION,
                "canaries": [_scores_json(one) for one in self.canaries],
                "members": [_unit_json(one) for one in self.members],
                "non_members": [_unit_json(one) for one in self.non_members],
                "slots": [list(slot) for slot in self.slots],
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> BaseScores:
        """Read base scores back.

        Raises:
            IntegrityError: the bytes are not base scores of this version.
        """
        try:
            value = json.loads(data)
            if value["version"] != _VERSION:
                raise ValueError("version")
            return cls(
                canaries=tuple(_scores(item) for item in value["canaries"]),
                members=tuple(_unit(item) for item in value["members"]),
                non_members=tuple(_unit(item) for item in value["non_members"]),
                slots=tuple(tuple(map(float, slot)) for slot in value["slots"]),
            )
        except (ValueError, KeyError, TypeError):
            raise IntegrityError(
                "base scores",
                "expected sealed base scores of version 1",
                hint="start a new run: appliance train",
            ) from None


def _scores_json(one: Scores) -> list[list[float]]:
    return [
        [float(value) for value in one.log_probabilities],
        [float(value) for value in one.greedy],
        [float(value) for value in one.places],
    ]


def _scores(item: Any) -> Scores:  # noqa: ANN401 - parsed JSON
    own, greedy, places = item
    return Scores(
        log_probabilities=np.asarray(own, np.float32),
        greedy=np.asarray(greedy, np.float64) > 0,
        places=np.asarray(places, np.float32),
    )


def _unit_json(one: UnitScore) -> list[Any]:
    return [one.unit, list(one.records), one.log_probability, one.targets]


def _unit(item: Any) -> UnitScore:  # noqa: ANN401 - parsed JSON
    unit, records, log_probability, targets = item
    return UnitScore(
        unit=int(unit),
        records=tuple(int(record) for record in records),
        log_probability=float(log_probability),
        targets=int(targets),
    )


def adapter_off(model: Any) -> Any:  # noqa: ANN401 - peft is untyped
    """Return the context in which the model is the base model."""
    return model.disable_adapter() if hasattr(model, "disable_adapter") else nullcontext()


def score_base(
    *,
    model: Any,  # noqa: ANN401 - peft is untyped
    tokenizer: Any,  # noqa: ANN401 - transformers is untyped
    canaries: CanarySet,
    members: Units,
    non_members: Units,
    policy: Policy,
    removed: RemovedValues | None,
    progress: Progress,
) -> BaseScores:
    """Choose who is attacked and score everything on the base model, before training.

    Args:
        model: the base model, or a peft model whose adapter is switched off for the duration.
        tokenizer: the base model's.
        canaries: all candidates.
        members: the units on the train side.
        non_members: the units of the audit holdout.
        policy: `audit` and `privacy.max_records_per_unit` are read.
        removed: values that de-identification took out, for the candidate ranking.
        progress: told one unit per example.
    """
    chosen_out = choose_units(
        canaries, non_members, "non_members", policy, policy.audit.max_members
    )
    most = min(policy.audit.max_members, max(len(chosen_out), LEAST_MEMBERS))
    chosen_in = choose_units(canaries, members, "members", policy, most)
    with adapter_off(model):
        scores = score_examples(
            model,
            [canary.probe for canary in canaries.canaries],
            max_tokens=SCORING_TOKENS,
            progress=progress,
            what="canaries, base model",
        )
        return BaseScores(
            canaries=tuple(scores),
            members=score_units(model, members, chosen_in, progress, "members, base model"),
            non_members=score_units(
                model, non_members, chosen_out, progress, "non-members, base model"
            ),
            slots=score_slots(model, tokenizer, removed, policy.audit.ranked_values, progress),
        )


def choose_units(
    canaries: CanarySet, units: Units, side: str, policy: Policy, most: int
) -> list[tuple[int, tuple[int, ...]]]:
    """Draw units and their records, by the canaries' salt.

    Returns:
        (unit, records) pairs: at most `most` units, of each at most `max_records_per_unit` records
        and, after the first, at most `UNIT_TOKENS` tokens.
    """
    generator = canaries.generator(f"units/{side}")
    chosen = []
    for unit in sorted(generator.permutation(len(units))[:most].tolist()):
        examples = units[unit]
        records: list[int] = []
        tokens = 0
        for record in generator.permutation(len(examples)).tolist():
            length = len(examples[record])
            full = len(records) >= policy.privacy.max_records_per_unit
            if full or (records and tokens + length > UNIT_TOKENS):
                break
            if examples[record].targets:
                records.append(record)
                tokens += length
        if records:
            chosen.append((unit, tuple(records)))
    return chosen


def score_units(
    model: Any,  # noqa: ANN401 - peft is untyped
    units: Units,
    chosen: Sequence[tuple[int, tuple[int, ...]]],
    progress: Progress,
    what: str,
) -> tuple[UnitScore, ...]:
    """Score chosen people; one `UnitScore` each, in order."""
    examples = [units[unit][record] for unit, records in chosen for record in records]
    scores = iter(
        score_examples(
            model,
            examples,
            max_tokens=SCORING_TOKENS,
            progress=progress,
            what=what,
            places=False,
        )
    )
    found = []
    for unit, records in chosen:
        logs = np.concatenate([next(scores).log_probabilities for _ in records])
        found.append(
            UnitScore(
                unit=unit,
                records=records,
                log_probability=float(logs.sum(dtype=np.float64)),
                targets=len(logs),
            )
        )
    return tuple(found)
