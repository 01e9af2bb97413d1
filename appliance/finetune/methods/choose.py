"""Which engine forms a model's per-unit gradients."""

from __future__ import annotations

import torch

from appliance.finetune import lora_engine, per_sample
from appliance.finetune.methods import row_engine
from appliance.finetune.per_sample import GradientEngine, LossFn


def engine_for(model: torch.nn.Module, loss_fn: LossFn) -> GradientEngine:
    """Take the fastest engine that covers every trainable parameter; the exact slow one else.

    Args:
        model: what will be trained.
        loss_fn: the loss of a physical batch.
    """
    if lora_engine.covers(model):
        return lora_engine.LoraEngine(model, loss_fn)
    if row_engine.covers(model):
        return row_engine.RowEngine(model, loss_fn)
    return per_sample.MicroBatchEngine(model, loss_fn)
