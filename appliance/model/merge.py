"""The base model with an adapter merged into it: one folder that transformers loads alone.

Merged in 32 bits and stored in the base model's own type, so that it needs what the base needs.
What cannot be merged (soft prompts, prefixes) is refused by name.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from appliance.errors import PolicyError
from appliance.files import make_private_folder
from appliance.policy.model import Training

#: Kinds of adapter that become a change of the base model's weights.
MERGEABLE = frozenset({"LORA", "IA3"})
#: What a merged model takes over from the base model's folder, where it is there.
_BESIDE = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
)


def write_merged(
    base: Path, adapter: Mapping[str, bytes], folder: Path, *, training: Training | None = None
) -> None:
    """Write the merged model into a folder that does not exist.

    Args:
        base: a registered model's directory.
        adapter: "adapter_model.safetensors" and "adapter_config.json".
        folder: the folder to make.
        training: the policy's, for the kind of model.

    Raises:
        PolicyError: adapters of this kind cannot be merged.

    Guarantees:
        The folder holds safetensors and JSON only, nothing that executes. Its logits are those of
        base and adapter, up to the rounding of the base model's own type.
    """
    kind = str(json.loads(adapter["adapter_config.json"]).get("peft_type"))
    if kind not in MERGEABLE:
        raise PolicyError(
            "release.merged",
            f"an adapter of kind {kind} cannot be merged into its base model",
            hint="appliance policy explain release.merged",
        )
    make_private_folder(folder)
    model = _merge(base, adapter, folder, training)
    model.save_pretrained(str(folder), safe_serialization=True)
    for name in _BESIDE:
        if (base / name).is_file():
            shutil.copyfile(base / name, folder / name)
    for path in folder.iterdir():
        path.chmod(0o600)


def _merge(
    base: Path, adapter: Mapping[str, bytes], folder: Path, training: Training | None
) -> Any:  # noqa: ANN401  transformers is untyped
    import torch
    from peft import PeftModel
    from transformers.utils import logging as transformers_logging

    from appliance.model.load import load_base

    transformers_logging.disable_progress_bar()
    loaded = load_base(base, precision="fp32", device="cpu", training=training)
    stored = _stored_type(base)
    # peft reads an adapter from a folder only. The adapter has been approved, and the folder goes
    # before the release gets its name.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".tmp-adapter-") as place:
        for name in ("adapter_model.safetensors", "adapter_config.json"):
            (Path(place) / name).write_bytes(adapter[name])
        model = PeftModel.from_pretrained(loaded.model, place, is_trainable=False)
        merged = model.merge_and_unload(safe_merge=True)
    merged = merged.to(getattr(torch, stored))
    merged.config.use_cache = True
    merged.config.name_or_path = ""
    return merged


def _stored_type(base: Path) -> str:
    """Return the type the base model's weights are stored in."""
    config = json.loads((base / "config.json").read_bytes())
    named = str(config.get("dtype") or config.get("torch_dtype") or "float32")
    return named if named in {"float32", "float16", "bfloat16"} else "float32"
