"""Which method an adapter's configuration names, what tensors it may hold, how it is loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

#: PEFT's types that are released; DoRA says LORA and `use_dora`.
_PEFT: Final = {"LORA": "lora", "IA3": "ia3", "PROMPT_TUNING": "prompt", "PREFIX_TUNING": "prefix"}
_OWN: Final = frozenset({"full", "bitfit", "bottleneck"})
_LAYER: Final = r"base_model\.model\.(?P<layer>[\w.]+)"
_NAMES: Final = {
    "lora": rf"{_LAYER}\.lora_(?P<half>[AB])\.weight",
    "dora": rf"{_LAYER}\.lora_(?:(?P<half>[AB])\.weight|magnitude_vector(?:\.weight)?)",
    "ia3": rf"{_LAYER}\.ia3_l",
    "prompt": r"prompt_embeddings",
    "prefix": r"prompt_embeddings",
    "full": r"[\w.]+",
    "bitfit": r"[\w.]+\.bias",
    "bottleneck": r"bottleneck\.[\w.]+\.(?:down|up)\.(?:weight|bias)",
}
_TASKS: Final = {
    "CAUSAL_LM": ("AutoModelForCausalLM", "text-generation"),
    "SEQ_2_SEQ_LM": ("AutoModelForSeq2SeqLM", "text2text-generation"),
    "SEQ_CLS": ("AutoModelForSequenceClassification", "text-classification"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """An adapter, by its configuration.

    Attributes:
        method: as `training.method` says it.
        heads: modules of the base that are saved whole, e.g. a classifier.
        model_class: of transformers, for the base.
        pipeline: the Hub's word for the task.
    """

    method: str
    heads: tuple[str, ...]
    model_class: str
    pipeline: str

    @property
    def own(self) -> bool:
        """Whether it loads through `Tuned` instead of PEFT."""
        return self.method in _OWN

    @property
    def served(self) -> bool:
        """Whether vLLM serves it."""
        return self.method == "lora" and not self.heads

    def match(self, name: str) -> re.Match[str] | None:
        """Match a tensor's name against those the method may hold; heads come on top."""
        found = re.fullmatch(_NAMES[self.method], name)
        if found is None and any(part in self.heads for part in name.split(".")):
            return re.fullmatch(r"[\w.]+", name)
        return found


def read_kind(config: dict[str, Any]) -> Kind | None:
    """Say which kind of adapter a configuration describes; None for none that is released.

    Args:
        config: of `adapter_config.json`.
    """
    method = config.get("appliance_method") or _PEFT.get(str(config.get("peft_type")))
    if method == "lora" and config.get("use_dora"):
        method = "dora"
    heads = config.get("fresh") or config.get("modules_to_save") or []
    if method not in _NAMES or not isinstance(heads, list):
        return None
    if "appliance_method" in config and ("peft_type" in config or method not in _OWN):
        return None
    model_class, pipeline = _TASKS.get(str(config.get("task_type")), _TASKS["CAUSAL_LM"])
    return Kind(
        method=method,
        heads=tuple(str(head) for head in heads),
        model_class=model_class,
        pipeline=pipeline,
    )
