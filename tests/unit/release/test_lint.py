"""The adapter is what peft and vLLM load, or it is not signed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save

from appliance.errors import IntegrityError
from appliance.release.lint import lint_adapter, serving_rank
from tests.unit.release.sample_adapter import LAYERS, RANK, adapter_files, config, weights

NAME = f"base_model.model.{LAYERS[0]}"


def factors(**changes: np.ndarray) -> dict[str, np.ndarray]:
    halves = {"A": np.ones((RANK, 24), np.float32), "B": np.ones((32, RANK), np.float32)}
    return {f"{NAME}.lora_{half}.weight": a for half, a in (halves | changes).items()}


def test_a_plain_adapter_passes_and_tells_its_rank() -> None:
    assert lint_adapter(adapter_files()) == RANK


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_half_and_single_precision_pass(dtype: type) -> None:
    data = save({n: a.astype(dtype) for n, a in factors().items()})
    lint_adapter({"adapter_model.safetensors": data, "adapter_config.json": config()})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"peft_type": "ADALORA"}, "expected LORA"),
        ({"appliance_method": "full"}, "expected LORA"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"bias": "all"}, "bias"),
        ({"r": 0}, "expected a positive rank"),
        ({"r": True}, "expected a positive rank"),
        ({"base_model_name_or_path": "/srv/models/secret"}, "found a path"),
        ({"auto_mapping": {"base_model_class": "X"}}, "auto_mapping"),
    ],
)
def test_a_configuration_the_loaders_refuse_is_not_signed(
    change: dict[str, object], said: str
) -> None:
    files = adapter_files() | {"adapter_config.json": config(**change)}
    with pytest.raises(IntegrityError, match=said):
        lint_adapter(files)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is not a safetensors file"),
        (b"\xff" * 64, "is not a safetensors file"),
        (weights()[:-4], "overlapping or missing"),
        (weights() + b"\0\0\0\0", "bytes outside its tensors"),
        (weights(rank=4), "does not have the rank"),
        (weights(poison=np.nan), "not finite"),
        (weights(poison=np.inf), "not finite"),
        (save({"lm_head.weight": np.ones((4, 4), np.float32)}), "none of lora"),
        (save({k: v for k, v in factors().items() if "lora_A" in k}), "lacks one of its two"),
        (save(factors(), metadata={"note": "private"}), "metadata beyond its format"),
        (save(factors(A=np.ones((RANK, 24), np.int64))), "malformed header"),
    ],
)
def test_weights_that_are_no_lora_factors_are_not_signed(data: bytes, said: str) -> None:
    with pytest.raises(IntegrityError, match=said):
        lint_adapter(adapter_files() | {"adapter_model.safetensors": data})


def test_a_dora_adapter_needs_a_magnitude_for_each_layer() -> None:
    with_dora = {"adapter_config.json": config(use_dora=True)}
    with pytest.raises(IntegrityError, match="lacks one"):
        lint_adapter(adapter_files() | with_dora)
    whole = factors() | {f"{NAME}.lora_magnitude_vector": np.ones(32, np.float32)}
    assert lint_adapter({"adapter_model.safetensors": save(whole), **with_dora}) == RANK


METHODS = {
    "ia3": ({"peft_type": "IA3"}, {f"{NAME}.ia3_l": (4, 1)}),
    "prompt": ({"peft_type": "PROMPT_TUNING"}, {"prompt_embeddings": (3, 8)}),
    "prefix": ({"peft_type": "PREFIX_TUNING"}, {"prompt_embeddings": (3, 64)}),
    "full": ({"appliance_method": "full"}, {"model.norm.weight": (8,)}),
    "bitfit": ({"appliance_method": "bitfit"}, {"transformer.h.0.ln_1.bias": (8,)}),
    "bottleneck": (
        {"appliance_method": "bottleneck"},
        {"bottleneck.model.layers.0.mlp.down_proj.down.weight": (2, 8)},
    ),
    "head": (
        {"peft_type": "IA3", "modules_to_save": ["classifier"], "task_type": "SEQ_CLS"},
        {f"{NAME}.ia3_l": (4, 1), "base_model.model.classifier.weight": (2, 8)},
    ),
}


@pytest.mark.parametrize("method", METHODS)
def test_the_tensors_of_every_method_pass_and_no_others(method: str) -> None:
    fields, shapes = METHODS[method]
    tensors = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
    files = {
        "adapter_model.safetensors": save(tensors),
        "adapter_config.json": json.dumps(fields).encode(),
    }
    assert lint_adapter(files) == 0
    odd = "a/b" if method == "full" else "model.lm_head.weight"
    more = save({**tensors, odd: np.ones(2, np.float32)})
    with pytest.raises(IntegrityError, match="none of"):
        lint_adapter({**files, "adapter_model.safetensors": more})


def test_bfloat16_infinities_are_found() -> None:
    header = {
        f"{NAME}.lora_A.weight": {"dtype": "BF16", "shape": [1, 2], "data_offsets": [0, 4]},
        f"{NAME}.lora_B.weight": {"dtype": "BF16", "shape": [2, 1], "data_offsets": [4, 8]},
    }
    raw = json.dumps(header).encode()
    start = len(raw).to_bytes(8, "little") + raw
    fine = start + np.array([0x3F80] * 4, "<u2").tobytes()
    files = {"adapter_model.safetensors": fine, "adapter_config.json": config(r=1)}
    assert lint_adapter(files) == 1
    files["adapter_model.safetensors"] = start + np.array([0x3F80, 0x7F80, 0, 0], "<u2").tobytes()
    with pytest.raises(IntegrityError, match="not finite"):
        lint_adapter(files)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(IntegrityError, match=r"adapter_config\.json: is missing"):
        lint_adapter({"adapter_model.safetensors": weights()})


@pytest.mark.parametrize(("rank", "flag"), [(1, 1), (4, 8), (8, 8), (9, 16), (600, 600)])
def test_the_serving_flag_covers_the_rank(rank: int, flag: int) -> None:
    assert serving_rank(rank) == flag
