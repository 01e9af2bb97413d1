"""Where the parts of a transformer block are, by family of models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import torch

from appliance.errors import PolicyError


@dataclass(frozen=True, slots=True)
class Parts:
    """Names of a block's linear layers, as the ends of their dotted names.

    Attributes:
        scaled: whose outputs IA3 scales: keys and values (fused with queries in GPT-2 and Phi-3).
        feed_forward: whose inputs IA3 scales, and behind which a bottleneck stands.
        attention: the output projections of attention; Houlsby's second bottleneck stands behind.
    """

    scaled: tuple[str, ...]
    feed_forward: tuple[str, ...]
    attention: tuple[str, ...]


_GATED: Final = Parts(("k_proj", "v_proj"), ("down_proj",), ("o_proj",))
_BERT: Final = Parts(("key", "value"), ("output.dense",), ("attention.output.dense",))
PARTS: Final[dict[str, Parts]] = {
    "llama": _GATED,
    "mistral": _GATED,
    "qwen2": _GATED,
    "qwen3": _GATED,
    "gemma": _GATED,
    "gemma2": _GATED,
    "gemma3_text": _GATED,
    "smollm3": _GATED,
    "phi": Parts(("k_proj", "v_proj"), ("fc2",), ("self_attn.dense",)),
    "phi3": Parts(("qkv_proj",), ("down_proj",), ("o_proj",)),
    "gpt2": Parts(("c_attn",), ("mlp.c_proj",), ("attn.c_proj",)),
    "bert": _BERT,
    "roberta": _BERT,
    "distilbert": Parts(("k_lin", "v_lin"), ("lin2",), ("out_lin",)),
    "t5": Parts(("Attention.k", "Attention.v"), ("wo",), ("Attention.o",)),
}


def parts_of(model: Any) -> Parts:  # noqa: ANN401  transformers is untyped
    """Return the parts of a base model's family.

    Raises:
        PolicyError: the family is not known here.
    """
    family = model.config.get_text_config().model_type
    if family not in PARTS:
        raise PolicyError(
            "training.method",
            f"it is not offered on a base model of the family {family}; nearest: lora",
            hint="set training.method: lora (appliance policy explain training.method)",
        )
    return PARTS[family]


def block_of(name: str) -> int | None:
    """Return the index of the block a dotted name lies in: its first number; None outside."""
    return next((int(part) for part in name.split(".") if part.isdigit()), None)


def linear_names(
    model: torch.nn.Module,
    ends: tuple[str, ...],
    layers: range | None,
    *,
    without: tuple[str, ...] = (),
) -> list[str]:
    """Name the linear layers of the blocks whose names end as given.

    Args:
        model: a base model.
        ends: whole ends of dotted names.
        layers: blocks; None for all.
        without: ends that are left out, e.g. "attention.output.dense" among "output.dense".
    """

    def matches(name: str, wanted: tuple[str, ...]) -> bool:
        # "Attention.k" is to match "SelfAttention.k": the first word of an end may be cut.
        return any(name == end or name.endswith((f".{end}", end)) for end in wanted)

    return [
        name
        for name, module in model.named_modules()
        if type(module).__name__ in {"Linear", "Conv1D", "Linear4bit", "Linear8bitLt"}
        and block_of(name) is not None
        and matches(name, ends)
        and not (without and matches(name, without))
        and (layers is None or block_of(name) in layers)
    ]
