"""Which engine forms a model's per-unit gradients, and how many units it takes together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch

from appliance.finetune import lora_engine, per_sample
from appliance.finetune.methods import row_engine
from appliance.finetune.per_sample import GradientEngine, LossFn, trainable

#: With fewer units' gradients in memory than this, those of large weights stay factors.
_ENOUGH: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """How per-unit gradients are held in memory.

    Attributes:
        units: most units whose gradients are held together.
        large: `id` of each weight whose per-unit gradients are kept as factors. Their size goes
            with the tokens, so a group of units is then no more than one physical batch.
    """

    units: int
    large: frozenset[int] = frozenset()


def holding(model: torch.nn.Module, *, unit_gradient_bytes: int) -> Holding:
    """Decide how a model's per-unit gradients are held.

    Args:
        model: what will be trained.
        unit_gradient_bytes: most memory for gradients that are not factors.
    """
    params = trainable(model)
    units = _fitting(sum(p.numel() for p in params), unit_gradient_bytes)
    if units >= _ENOUGH or lora_engine.covers(model) or not row_engine.covers(model):
        return Holding(units=units)
    large = row_engine.large_weights(model)
    rest = sum(p.numel() for p in params if id(p) not in large)
    return Holding(units=_fitting(rest, unit_gradient_bytes), large=large)


def engine_for(
    model: torch.nn.Module, loss_fn: LossFn, *, large: frozenset[int] = frozenset()
) -> GradientEngine:
    """Take the fastest engine that covers every trainable parameter; the exact slow one else.

    Args:
        model: what will be trained.
        loss_fn: the loss of a physical batch.
        large: of `holding`.
    """
    if lora_engine.covers(model):
        return lora_engine.LoraEngine(model, loss_fn)
    if row_engine.covers(model):
        return row_engine.RowEngine(model, loss_fn, large=large)
    return per_sample.MicroBatchEngine(model, loss_fn)


def _fitting(entries: int, limit_bytes: int) -> int:
    return max(1, limit_bytes // max(1, 4 * entries))
