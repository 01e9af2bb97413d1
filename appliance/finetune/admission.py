"""Which records of a drawn unit may take part at a step: a curriculum, and the mix of tasks.

The sampler still draws every unit with the accounted rate. Admission can only take records away
from a unit that was drawn, by figures fixed before the data was seen (the policy's limits and
weights), the record's own measure, and coins of the run's keyed stream. So a unit takes part with
at most the accounted probability, and contributes at most the clipping bound: the accounted
mechanism dominates (docs/dp.md, "Admission"; tested).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from appliance.model.examples import Example
from appliance.policy.model import Training
from appliance.policy.tasks import Curriculum


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Public rules of who may take part when.

    Attributes:
        steps: of the whole run.
        curriculum: rising limits; None: every record at every step.
        weights: of the run's tasks, by their number; empty: one task.
        losses: for a curriculum by a public model's loss: each unit's records' losses; private.

    Guarantees:
        `shares` depends on the step, the policy and the unit's own records alone, never on
        another unit.
    """

    steps: int
    curriculum: Curriculum | None = None
    weights: tuple[float, ...] = ()
    losses: Sequence[Sequence[float]] = field(default=(), repr=False)

    @classmethod
    def of(
        cls, training: Training, *, steps: int, losses: Sequence[Sequence[float]] = ()
    ) -> Admission | None:
        """Take the policy's rules; None where every record may always take part.

        Args:
            training: curriculum and parts are read.
            steps: of the whole run.
            losses: of a public model, where the curriculum asks for them.
        """
        if training.curriculum is None and not training.parts:
            return None
        return cls(
            steps=steps,
            curriculum=training.curriculum,
            weights=tuple(part.weight for part in training.parts),
            losses=losses,
        )

    def limit(self, step: int) -> float:
        """Return the largest measure admitted at a step; infinite once all are."""
        if self.curriculum is None:
            return float("inf")
        staged = self.curriculum.share * self.steps
        if step >= staged:
            return float("inf")
        limits = self.curriculum.limits
        return limits[min(len(limits) - 1, int(step / staged * len(limits)))]

    def shares(self, step: int, unit: int, records: Sequence[Example]) -> list[float]:
        """Return each record's chance to be kept, given that its unit was drawn.

        Args:
            step: noisy update, from 0.
            unit: its position among the units.
            records: the unit's own.
        """
        limit = self.limit(step)
        most = max(self.weights, default=1.0)
        found = []
        for index, record in enumerate(records):
            weight = self.weights[record.part] / most if self.weights else 1.0
            inside = self._measure(unit, index, records) <= limit
            found.append(weight if inside else 0.0)
        return found

    def _measure(self, unit: int, index: int, records: Sequence[Example]) -> float:
        """Measure one record by what the curriculum names."""
        if self.curriculum is None:
            return 0.0
        match self.curriculum.by:
            case "length":
                return float(len(records[index]))
            case "unit-size":
                return float(len({record.record_id for record in records}))
            case "base-loss":
                return float(self.losses[unit][index])
