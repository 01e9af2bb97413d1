"""From a logical batch of units to physical batches of padded rows.

A physical batch is a matter of memory only. Units are split into groups whose per-unit gradients
fit in memory together; the rows of a group are sorted by length and cut into physical batches by a
token budget. A unit is always whole within its group, so it is clipped once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from appliance.finetune.sampling import UnitDraw
from appliance.model.examples import Example


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysicalBatch:
    """Rows that go through the model together.

    Attributes:
        input_ids: int64 [rows, seq], padded on the right.
        attention_mask: int64 [rows, seq]; None when no row is padded.
        targets: bool [rows, seq]; True where a token is predicted.
        unit: int64 [rows]; which unit of the group a row belongs to.
        weight: float32 [rows]; share of a row's loss in its unit's, 1 / rows of the unit.
        tokens: tokens that are not padding.
    """

    input_ids: torch.Tensor = field(repr=False)
    attention_mask: torch.Tensor | None = field(repr=False)
    targets: torch.Tensor = field(repr=False)
    unit: torch.Tensor = field(repr=False)
    weight: torch.Tensor = field(repr=False)
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitGroup:
    """Units whose per-unit gradients are held together.

    Attributes:
        units: how many.
        batches: their rows; every row of every unit, once.
    """

    units: int
    batches: tuple[PhysicalBatch, ...] = field(repr=False)


def group_units(
    draws: Sequence[UnitDraw],
    units: Sequence[Sequence[Example]],
    *,
    physical_batch_tokens: int,
    units_in_memory: int,
    one_pass: bool = False,
    device: torch.device | str = "cpu",
) -> Iterator[UnitGroup]:
    """Cut a logical batch into groups of whole units, and each group into physical batches.

    Args:
        draws: the units and records of the step.
        units: the records of each unit.
        physical_batch_tokens: most tokens of one physical batch, padding included; a longer
            record goes alone.
        units_in_memory: most units of a group.
        one_pass: whether a group is to be no more than one physical batch, unless one unit is.
        device: where the tensors go.

    Returns:
        Groups, in an order that depends on nothing but the arguments; none for no draws.
    """
    most_tokens = physical_batch_tokens if one_pass else None
    for part in _parts(draws, units, units_in_memory, most_tokens):
        rows = [
            _Row(example=units[draw.unit][record], unit=number, weight=1.0 / len(draw.records))
            for number, draw in enumerate(part)
            for record in draw.records
        ]
        rows = [row for row in rows if row.example.targets > 0]
        # The rows of one unit stay neighbours where lengths are equal: sort is stable.
        rows.sort(key=lambda row: len(row.example))
        batches = tuple(_collate(cut, device) for cut in _cut(rows, physical_batch_tokens))
        yield UnitGroup(units=len(part), batches=batches)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One record on its way into a physical batch."""

    example: Example = field(repr=False)
    unit: int
    weight: float


def _parts(
    draws: Sequence[UnitDraw],
    units: Sequence[Sequence[Example]],
    most_units: int,
    most_tokens: int | None,
) -> Iterator[Sequence[UnitDraw]]:
    """Cut draws into groups of at most so many units, and so many tokens with padding."""
    part: list[UnitDraw] = []
    rows, width = 0, 0
    for draw in draws:
        wide = max((len(units[draw.unit][record]) for record in draw.records), default=0)
        tokens = (rows + len(draw.records)) * max(width, wide)
        if part and (len(part) == most_units or (most_tokens is not None and tokens > most_tokens)):
            yield part
            part, rows, width = [], 0, 0
        part.append(draw)
        rows, width = rows + len(draw.records), max(width, wide)
    if part:
        yield part


def _cut(rows: Sequence[_Row], physical_batch_tokens: int) -> Iterator[Sequence[_Row]]:
    """Cut sorted rows into even runs that fit the token budget, padding included."""
    start = 0
    while start < len(rows):
        end = start + 1
        while (
            end < len(rows) and (end + 1 - start) * len(rows[end].example) <= physical_batch_tokens
        ):
            end += 1
        yield rows[start:end]
        start = end


def _collate(rows: Sequence[_Row], device: torch.device | str) -> PhysicalBatch:
    """Pad rows on the right and stack them."""
    lengths = np.array([len(row.example) for row in rows])
    width = int(lengths.max())
    input_ids = np.zeros((len(rows), width), dtype=np.int64)
    targets = np.zeros((len(rows), width), dtype=np.bool_)
    for number, row in enumerate(rows):
        input_ids[number, : lengths[number]] = row.example.input_ids
        targets[number, : lengths[number]] = row.example.loss_mask
    attention = (np.arange(width)[None, :] < lengths[:, None]).astype(np.int64)
    padded = bool((lengths < width).any())
    return PhysicalBatch(
        input_ids=torch.from_numpy(input_ids).to(device),
        attention_mask=torch.from_numpy(attention).to(device) if padded else None,
        targets=torch.from_numpy(targets).to(device),
        unit=torch.tensor([row.unit for row in rows], device=device),
        weight=torch.tensor([row.weight for row in rows], dtype=torch.float32, device=device),
        tokens=int(lengths.sum()),
    )
