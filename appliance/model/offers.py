"""Which tuning method is offered on which base model; what is not names the nearest that is."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Final

from appliance.errors import MachineError, PolicyError
from appliance.policy.training import Method, Training

#: Families that are made without any bias; qwen2 has them in attention.
_WITHOUT_BIASES: Final = frozenset(
    {
        "llama",
        "mistral",
        "gemma",
        "gemma2",
        "gemma3_text",
        "qwen3",
        "smollm3",
        "phi3",
        "t5",
    }
)


def require_method(training: Training, family: str, shape: str) -> None:
    """Refuse a method that is not offered on a family of models or for a shape of task.

    Args:
        training: of the policy.
        family: `model_type` of the base model.
        shape: what the task computes on it.

    Raises:
        PolicyError: it is not; the hint names the nearest that is.
        MachineError: fewer bits are asked for, and nothing here can compute with them.
    """
    method = training.method
    if method == "prefix" and shape != "causal":
        _refuse(method, f"a base model of the family {family}", "prompt")
    if method == "bitfit" and family in _WITHOUT_BIASES:
        _refuse(method, f"the family {family}, whose layers have no biases", "ia3")
    if training.quantize != "none":
        require_bits()


def require_bits() -> None:
    """Refuse a quantised base where bitsandbytes is not installed.

    Raises:
        MachineError: it is not.
    """
    if find_spec("bitsandbytes") is None:
        raise MachineError(
            "training.quantize",
            "needs the package bitsandbytes, which is not installed on this machine",
            hint="set training.quantize: none (appliance policy explain training.quantize)",
        )


def fewer_bits(training: Training, device: str) -> dict[str, Any]:
    """Return what makes transformers hold the frozen base in fewer bits; nothing for none.

    Args:
        training: of the policy.
        device: where the model goes.

    Reference:
        Dettmers et al. 2023, arXiv:2305.14314 (NF4, double quantisation); 2022, arXiv:2208.07339
        (8 bits). The factors, their gradients and the noise stay float32.
    """
    if training.quantize == "none":
        return {}
    require_bits()
    import torch
    from transformers import BitsAndBytesConfig

    config = (
        BitsAndBytesConfig(load_in_8bit=True)
        if training.quantize == "8bit"
        else BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16 if device == "cuda" else torch.float32,
        )
    )
    return {"quantization_config": config, "device_map": {"": device}}


def _refuse(method: Method, where: str, nearest: Method) -> None:
    raise PolicyError(
        "training.method",
        f"{method} is not offered on {where}; nearest: {nearest}",
        hint=f"set training.method: {nearest} (appliance policy explain training.method)",
    )
