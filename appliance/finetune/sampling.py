"""Poisson sampling of privacy units, and the bounded choice of each unit's records.

Refuses shortcuts: no shuffling, no fixed batch size, no replacement for an empty batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.finetune.admission import Admission
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.noise import NoiseSource, Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitDraw:
    """A unit in a batch, and which of its records take part.

    Attributes:
        unit: position among the units.
        records: positions within the unit, increasing; empty for a unit without records.
    """

    unit: int
    records: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoissonSampler:
    """Draws the batch of any step, again and again the same one.

    Guarantees:
        Each unit is in each step's batch independently with probability at most `sample_rate`,
        and less by under 2^-64. Of a unit with more than `max_records_per_unit` records, a
        uniformly random subset of that size takes part. Admission only takes records away from
        units that were drawn. A step's batch depends on the key and the step alone: redoing the
        step draws the same batch.

    Reference:
        Abadi et al. 2016, arXiv:1607.00133, Algorithm 1, line 1; Poisson sampling as accounted by
        dp-accounting's PoissonSampledDpEvent.
    """

    mechanism: Mechanism
    noise: NoiseSource
    admission: Admission | None = None

    def draw_units(self, step: int, n_units: int) -> list[int]:
        """Choose the units of a step.

        Args:
            step: noisy update, from 0.
            n_units: units there are.

        Returns:
            Positions, increasing; possibly none.
        """
        if self.mechanism.sample_rate >= 1.0:
            return list(range(n_units))
        words = self.noise.words(Purpose.UNIT_MASK, step=step, index=0, n=n_units)
        threshold = np.uint64(int(self.mechanism.sample_rate * 2.0**64))
        return [int(unit) for unit in np.flatnonzero(words < threshold)]

    def draw(self, step: int, units: Sequence[Sequence[Any]]) -> list[UnitDraw]:
        """Choose the units of a step and their records.

        Args:
            step: noisy update, from 0.
            units: the records of each unit.

        Returns:
            One entry per unit in the batch, by increasing unit; without a record where none of
            its records is admitted.
        """
        limit = self.mechanism.max_records_per_unit
        chosen = self.draw_units(step, len(units))
        sizes = [len(units[unit]) for unit in chosen]
        words = self.noise.words(Purpose.RECORD_CHOICE, step=step, index=0, n=sum(sizes))
        admitted = self._admitted(step, chosen, units)
        draws, start = [], 0
        for unit, size in zip(chosen, sizes, strict=True):
            # Ranking independent words is a uniform permutation; ties have probability 2^-64.
            order = np.argsort(words[start : start + size], kind="stable")
            kept = admitted[start : start + size]
            order = order[kept[order]][:limit]
            draws.append(UnitDraw(unit=unit, records=tuple(sorted(int(i) for i in order))))
            start += size
        return draws

    def _admitted(
        self, step: int, chosen: Sequence[int], units: Sequence[Sequence[Any]]
    ) -> NDArray[np.bool_]:
        """Toss each record's coin, bool [records of all chosen units]."""
        sizes = sum(len(units[unit]) for unit in chosen)
        if self.admission is None:
            return np.ones(sizes, np.bool_)
        shares = [s for unit in chosen for s in self.admission.shares(step, unit, units[unit])]
        coins = self.noise.words(Purpose.RECORD_ADMISSION, step=step, index=0, n=sizes)
        return np.array(
            [
                share >= 1.0 or int(coin) < int(share * 2.0**64)
                for share, coin in zip(shares, coins, strict=True)
            ],
            np.bool_,
        )
