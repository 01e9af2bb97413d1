"""Load a registered base model and its tokenizer, offline, frozen, with its own bytes checked."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.errors import DataError, MachineError

if TYPE_CHECKING:
    import torch

#: Model families whose causal language models are offered, by `config.json: model_type`.
CAUSAL_FAMILIES = frozenset(
    {"llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "phi", "gpt2"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A base model in memory, frozen, in evaluation mode, with its tokenizer."""

    model: Any
    tokenizer: Any
    device: str
    dtype: str


def pick_device() -> str:
    """Return "cuda" where there is one, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def pick_dtype(precision: str, device: str) -> torch.dtype:
    """Resolve the policy's precision: bf16 helps on GPUs and costs 2.7x on this kind of CPU."""
    import torch

    if precision == "bf16" or (precision == "auto" and device == "cuda"):
        return torch.bfloat16
    return torch.float32


def check_family(path: Path) -> str:
    """Return the model's family.

    Raises:
        DataError: it is not a causal language model of an offered family.
    """
    try:
        config = json.loads((path / "config.json").read_bytes())
    except (ValueError, RecursionError):
        config = None
    family = config.get("model_type") if isinstance(config, dict) else None
    if not isinstance(family, str) or family not in CAUSAL_FAMILIES:
        raise DataError(
            str(path / "config.json"),
            f"its model_type is not one of {', '.join(sorted(CAUSAL_FAMILIES))}",
            hint="appliance models add demo",
        )
    return family


def load_tokenizer(path: Path) -> Any:  # noqa: ANN401  transformers is untyped
    """Load the tokenizer alone."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        str(path), local_files_only=True, trust_remote_code=False
    )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_base(path: Path, *, precision: str = "auto", device: str | None = None) -> Loaded:
    """Load model and tokenizer.

    Args:
        path: a registered model's directory.
        precision: "auto", "fp32" or "bf16" (see `pick_dtype`).
        device: "cpu" or "cuda"; absent: the best there is. The model is moved before any adapter
            is attached: moving afterwards was reported to corrupt per-sample gradients silently.

    Raises:
        MachineError: not enough memory.
    """
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging as transformers_logging

    check_family(path)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    transformers_logging.disable_progress_bar()  # one progress voice: ours
    place = device or pick_device()
    dtype = pick_dtype(precision, place)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            str(path),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=dtype,
            attn_implementation="sdpa",
        ).to(place)
    except (MemoryError, torch.OutOfMemoryError):
        raise MachineError(
            str(path), "does not fit into memory", hint="appliance plan --policy P --data D"
        ) from None
    model.requires_grad_(False)
    model.eval()
    model.config.use_cache = False
    return Loaded(
        model=model,
        tokenizer=load_tokenizer(path),
        device=place,
        dtype=str(dtype).removeprefix("torch."),
    )
