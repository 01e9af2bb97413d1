"""Which tuning method is offered on which base model; what is not names the nearest that is."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

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


def _refuse(method: Method, where: str, nearest: Method) -> None:
    raise PolicyError(
        "training.method",
        f"{method} is not offered on {where}; nearest: {nearest}",
        hint=f"set training.method: {nearest} (appliance policy explain training.method)",
    )
