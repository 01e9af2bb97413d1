"""A tiny LoRA adapter's files, as peft writes them."""

from __future__ import annotations

import json

import numpy as np
from safetensors.numpy import save

RANK = 8
LAYERS = ("model.layers.0.self_attn.q_proj", "model.layers.0.mlp.down_proj")


def config(**changes: object) -> bytes:
    values: dict[str, object] = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "HuggingFaceTB/SmolLM2-135M-Instruct",
        "r": RANK,
        "lora_alpha": 16,
        "lora_dropout": 0.0,
        "bias": "none",
        "modules_to_save": None,
        "use_dora": False,
        "target_modules": ["q_proj", "down_proj"],
        "inference_mode": True,
    }
    return json.dumps(values | changes).encode()


def weights(*, rank: int = RANK, poison: float | None = None) -> bytes:
    rng = np.random.default_rng(3)
    tensors = {}
    for layer in LAYERS:
        name = f"base_model.model.{layer}"
        tensors[f"{name}.lora_A.weight"] = rng.normal(size=(rank, 24)).astype(np.float32)
        tensors[f"{name}.lora_B.weight"] = rng.normal(size=(32, rank)).astype(np.float32)
    if poison is not None:
        tensors[f"base_model.model.{LAYERS[0]}.lora_A.weight"][0, 0] = poison
    return save(tensors, metadata={"format": "pt"})


def adapter_files() -> dict[str, bytes]:
    return {"adapter_model.safetensors": weights(), "adapter_config.json": config()}
