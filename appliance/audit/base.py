"""What the base model says before training: the yardstick of every calibrated attack.

Owns the choice of the real people who are attacked (fixed by the canaries' salt, before training)
and the base model's scores of them, of all canaries and of the removed values' candidates. The
bytes are private: the caller seals them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
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
#: Targets of one record that are scored, from its beginning.
RECORD_TARGETS = 64
#: Tokens of one person that are scored, drawn record by record.
UNIT_TOKENS = 128
#: Records of one person that are scored at most; training draws anew from all of them.
UNIT_RECORDS = 4
#: Members attacked at least, where the holdout is smaller.
LEAST_MEMBERS = 30
_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitScore:
    """One person's loss: what was scored, and the sums of its log-probabilities.

    Attributes:
        unit: position of the unit on its side.
        records: positions of its scored records, in the order drawn.
        log_probabilities: for each record the sum over its scored targets, nats.
        targets: for each record how many targets were scored.
    """

    unit: int
    records: tuple[int, ...]
    log_probabilities: tuple[float, ...] = field(repr=False)
    targets: tuple[int, ...]

    def rate(self, records: int | None = None) -> float:
        """Return the mean log-probability per target of the first records drawn; of all: None."""
        return sum(self.log_probabilities[:records]) / sum(self.targets[:records])


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
                "expected sealed base scores of version 2",
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
    return [one.unit, list(one.records), list(one.log_probabilities), list(one.targets)]


def _unit(item: Any) -> UnitScore:  # noqa: ANN401 - parsed JSON
    unit, records, log_probabilities, targets = item
    return UnitScore(
        unit=int(unit),
        records=tuple(int(record) for record in records),
        log_probabilities=tuple(float(value) for value in log_probabilities),
        targets=tuple(int(count) for count in targets),
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
        policy: `audit` and `privacy.unit` are read.
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
        (unit, records) pairs: at most `most` units, of each at most `UNIT_RECORDS` records (one,
        where the privacy unit is a record) and, after the first, at most `UNIT_TOKENS` tokens.
    """
    generator = canaries.generator(f"units/{side}")
    records_each = UNIT_RECORDS if policy.privacy.unit == "person" else 1
    chosen = []
    for unit in sorted(generator.permutation(len(units))[:most].tolist()):
        examples = units[unit]
        records: list[int] = []
        tokens = 0
        for record in generator.permutation(len(examples)).tolist():
            opening = cut(examples[record])
            full = len(records) >= records_each
            if full or (records and tokens + len(opening) > UNIT_TOKENS):
                break
            if opening.targets:
                records.append(record)
                tokens += len(opening)
        if records:
            chosen.append((unit, tuple(records)))
    return chosen


def cut(example: Example) -> Example:
    """Cut an example after its first `RECORD_TARGETS` targets."""
    places = np.flatnonzero(example.loss_mask)
    if len(places) <= RECORD_TARGETS:
        return example
    end = int(places[RECORD_TARGETS - 1]) + 1
    return replace(example, input_ids=example.input_ids[:end], loss_mask=example.loss_mask[:end])


def score_units(
    model: Any,  # noqa: ANN401 - peft is untyped
    units: Units,
    chosen: Sequence[tuple[int, tuple[int, ...]]],
    progress: Progress,
    what: str,
) -> tuple[UnitScore, ...]:
    """Score chosen people; one `UnitScore` each, in order."""
    scores = iter(
        score_examples(
            model,
            [cut(units[unit][record]) for unit, records in chosen for record in records],
            max_tokens=SCORING_TOKENS,
            progress=progress,
            what=what,
            places=False,
        )
    )
    found = []
    for unit, records in chosen:
        logs = [next(scores).log_probabilities for _ in records]
        found.append(
            UnitScore(
                unit=unit,
                records=records,
                log_probabilities=tuple(float(one.sum(dtype=np.float64)) for one in logs),
                targets=tuple(len(one) for one in logs),
            )
        )
    return tuple(found)
