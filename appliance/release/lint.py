"""Hold an adapter against what peft, transformers and vLLM load, before it is signed.

Owns the list of files a release may hold and the shape of an adapter of each method. Reads the
safetensors header itself, so that nothing of torch is needed.

Reference:
    safetensors format: 8 bytes little-endian header length, JSON header, tensor bytes.
    vLLM's PEFTHelper: no DoRA, no `modules_to_save`, bias "none", rank at most `max_lora_rank`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from appliance.errors import IntegrityError
from appliance.release.kinds import Kind, read_kind
from appliance.release.layout import CONFIG, TOKENIZER, WEIGHTS

#: Ranks vLLM accepts for `--max-lora-rank`.
VLLM_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)

_DTYPES: Mapping[str, tuple[Any, int]] = {
    "F32": (np.dtype("<f4"), 0),
    "F16": (np.dtype("<f2"), 0),
    "BF16": (np.dtype("<u2"), 0x7F80),
}
#: What each layer holds: LoRA's two factors, and what is one tensor of the layer's own.
_PER_LAYER: Mapping[str, set[str]] = {
    "lora": {"A", "B"},
    "dora": {"A", "B", "whole"},
    "ia3": {"whole"},
}
_MAX_HEADER = 100_000_000
_HINT = "appliance train again; this adapter cannot be released"


def lint_adapter(files: Mapping[str, bytes]) -> int:
    """Check the files of an adapter and return its LoRA rank.

    Args:
        files: file name -> bytes.

    Returns:
        The rank; 0 for a method without LoRA's factors.

    Raises:
        IntegrityError: a file is missing or not allowed, the configuration asks for what the
            loaders refuse, or the weights are not finite tensors of the stated method.
    """
    for name in (WEIGHTS, CONFIG):
        if name not in files:
            raise IntegrityError(name, "is missing from the adapter", hint=_HINT)
    for name in files:
        if name not in {WEIGHTS, CONFIG, *TOKENIZER}:
            raise IntegrityError(name, "may not be part of a release", hint=_HINT)
    config, kind = _lint_config(files[CONFIG])
    rank = _rank(config) if kind.method in ("lora", "dora") else 0
    _lint_weights(files[WEIGHTS], kind, rank)
    return rank


def serving_rank(rank: int) -> int:
    """Return the smallest `--max-lora-rank` of vLLM that serves `rank`."""
    return next((r for r in VLLM_RANKS if r >= rank), rank)


def _lint_config(raw: bytes) -> tuple[dict[str, Any], Kind]:
    try:
        config = json.loads(raw)
    except ValueError:
        raise IntegrityError(CONFIG, "is not JSON", hint=_HINT) from None
    kind = read_kind(config) if isinstance(config, dict) else None
    if kind is None:
        what = "peft_type: expected LORA or another method that is released"
        raise IntegrityError(CONFIG, what, hint=_HINT)
    if kind.heads and kind.pipeline != "text-classification":
        what = "modules_to_save: expected nothing but a classifier's head"
        raise IntegrityError(CONFIG, what, hint=_HINT)
    for key in ("trainable_token_indices", "auto_mapping"):
        if config.get(key):
            raise IntegrityError(CONFIG, f"{key}: expected nothing; vLLM refuses it", hint=_HINT)
    if config.get("bias", "none") != "none":
        raise IntegrityError(CONFIG, "bias: expected none", hint=_HINT)
    base = config.get("base_model_name_or_path")
    if isinstance(base, str) and base.startswith(("/", ".", "~")):
        what = "base_model_name_or_path: expected a public name, found a path"
        raise IntegrityError(CONFIG, what, hint=_HINT)
    return config, kind


def _rank(config: Mapping[str, Any]) -> int:
    rank = config.get("r")
    if not isinstance(rank, int) or isinstance(rank, bool) or rank < 1:
        raise IntegrityError(CONFIG, "r: expected a positive rank", hint=_HINT)
    return rank


def _lint_weights(raw: bytes, kind: Kind, rank: int) -> None:
    header, body = _split(raw)
    metadata = header.pop("__metadata__", {"format": "pt"})
    if metadata != {"format": "pt"}:
        raise IntegrityError(WEIGHTS, "carries metadata beyond its format", hint=_HINT)
    halves: dict[str, set[str]] = {}
    end = 0
    for name, entry in sorted(header.items(), key=lambda item: _start(item[1])):
        match = kind.match(name)
        if match is None:
            what = f"holds a tensor that is none of {kind.method}"
            raise IntegrityError(WEIGHTS, what, hint=_HINT)
        half = match.groupdict().get("half")
        if "layer" in match.groupdict():
            halves.setdefault(match["layer"], set()).add(half or "whole")
        axis = None if half is None else "AB".index(half)
        end = _lint_tensor(entry, body, start=end, rank=rank, axis=axis)
    if end != len(body):
        raise IntegrityError(WEIGHTS, "holds bytes outside its tensors", hint=_HINT)
    if not header or any(found != _PER_LAYER[kind.method] for found in halves.values()):
        raise IntegrityError(WEIGHTS, "a layer lacks one of its two factors", hint=_HINT)
    if kind.method in _PER_LAYER and not halves:
        raise IntegrityError(WEIGHTS, "holds no layer of its method", hint=_HINT)


def _split(raw: bytes) -> tuple[dict[str, Any], memoryview]:
    """Return the header and the tensor bytes."""
    size = int.from_bytes(raw[:8], "little")
    if len(raw) < 8 or not 0 < size <= min(len(raw) - 8, _MAX_HEADER):
        raise IntegrityError(WEIGHTS, "is not a safetensors file", hint=_HINT)
    try:
        header = json.loads(raw[8 : 8 + size])
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise IntegrityError(WEIGHTS, "is not a safetensors file", hint=_HINT)
    return header, memoryview(raw)[8 + size :]


def _start(entry: Any) -> int:  # noqa: ANN401 - parsed JSON
    try:
        return int(entry["data_offsets"][0])
    except (KeyError, TypeError, ValueError, IndexError):
        raise IntegrityError(WEIGHTS, "has a malformed header", hint=_HINT) from None


def _lint_tensor(
    entry: Any,  # noqa: ANN401 - parsed JSON
    body: memoryview,
    *,
    start: int,
    rank: int,
    axis: int | None,
) -> int:
    """Check one tensor's place, shape and values; return where it ends."""
    try:
        (first, last), shape, dtype = entry["data_offsets"], entry["shape"], entry["dtype"]
        kind, exponent = _DTYPES[dtype]
        size = int(np.prod(shape)) * kind.itemsize
        matrix = axis is None or (len(shape) == 2 and shape[axis] == rank)
    except (KeyError, TypeError, ValueError):
        raise IntegrityError(WEIGHTS, "has a malformed header", hint=_HINT) from None
    if first != start or last - first != size or last > len(body):
        raise IntegrityError(WEIGHTS, "has overlapping or missing tensor bytes", hint=_HINT)
    if not matrix:
        raise IntegrityError(WEIGHTS, f"a factor does not have the rank r={rank}", hint=_HINT)
    values = np.frombuffer(body[first:last], dtype=kind)
    finite = (values & exponent) != exponent if exponent else np.isfinite(values)
    if not bool(finite.all()):
        raise IntegrityError(WEIGHTS, "holds a weight that is not finite", hint=_HINT)
    return int(last)
