"""IA3 through PEFT."""

from __future__ import annotations

from typing import Any

import torch
from peft import IA3Config, get_peft_model

from appliance.finetune.adapter import lies_transposed
from appliance.finetune.methods.families import linear_names, parts_of
from appliance.finetune.methods.settings import MethodSettings
from appliance.model.tasks import Shape, peft_type


def attach_ia3(
    model: Any,  # noqa: ANN401  transformers is untyped
    settings: MethodSettings,
    *,
    shape: Shape,
    fresh: tuple[str, ...],
) -> torch.nn.Module:
    """Put IA3's scales on keys, values and the feed-forward layers' inputs.

    Returns:
        A PEFT model; the scales are one, so it computes what the base computes.

    Reference:
        Liu et al. 2022, arXiv:2205.05638, section 3.3.
    """
    parts, layers = parts_of(model), settings.layers(model)
    forward = linear_names(model, parts.feed_forward, layers, without=parts.attention)
    names = linear_names(model, parts.scaled, layers) + forward
    config = IA3Config(
        target_modules=names,
        feedforward_modules=forward,
        fan_in_fan_out=lies_transposed(model),
        task_type=peft_type(shape),
        modules_to_save=list(fresh) or None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return get_peft_model(model, config, autocast_adapter_dtype=True)
