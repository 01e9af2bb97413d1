"""Load a registered base model and its tokenizer, offline, frozen, with its own bytes checked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.errors import DataError, MachineError
from appliance.model.offers import fewer_bits
from appliance.model.tasks import FAMILIES, Shape, shape_of
from appliance.policy.model import Training

if TYPE_CHECKING:
    import torch

#: A base model's own dropout, by family: off. Noise and few passes leave nothing to regularise, and
#: a frozen layer that drops at random would only add noise.
_DROPOUTS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "classifier_dropout",
    "dropout_rate",
    "dropout",
    "attention_dropout",
    "hidden_dropout",
    "seq_classif_dropout",
    "embd_pdrop",
    "resid_pdrop",
    "attn_pdrop",
)
#: Seed of a new head's start; it depends on no data.
_HEAD_SEED = 20240901


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A base model in memory, frozen, in evaluation mode, with its tokenizer.

    Attributes:
        model: a language model, or an encoder with a fresh head for the task's classes.
        tokenizer: its tokenizer.
        device: where it lies.
        dtype: its type.
        shape: what it computes.
        fresh: modules the base has no weights for, e.g. a classifier: to be trained whole and
            saved with the adapter.
    """

    model: Any
    tokenizer: Any
    device: str
    dtype: str
    shape: Shape = "causal"
    fresh: tuple[str, ...] = ()


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
        DataError: it is not of an offered family.
    """
    try:
        config = json.loads((path / "config.json").read_bytes())
    except (ValueError, RecursionError):
        config = None
    family = config.get("model_type") if isinstance(config, dict) else None
    if not isinstance(family, str) or family not in FAMILIES:
        raise DataError(
            str(path / "config.json"),
            f"its model_type is not one of {', '.join(sorted(FAMILIES))}",
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


def load_base(
    path: Path,
    *,
    precision: str = "auto",
    device: str | None = None,
    training: Training | None = None,
) -> Loaded:
    """Load model and tokenizer.

    Args:
        path: a registered model's directory.
        precision: "auto", "fp32" or "bf16" (see `pick_dtype`).
        device: "cpu" or "cuda"; absent: the best there is. The model is moved before any adapter
            is attached: moving afterwards was reported to corrupt per-sample gradients silently.
        training: names the task and its classes; absent: causal language modelling.

    Raises:
        MachineError: not enough memory.
        PolicyError: the task is not offered on this family.

    Guarantees:
        A head the base model has no weights for starts the same in every process.
    """
    import torch
    from transformers import AutoConfig
    from transformers.utils import logging as transformers_logging

    training = training or Training()
    shape = shape_of(training, check_family(path))
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    transformers_logging.disable_progress_bar()  # one progress voice: ours
    place = device or pick_device()
    # A new head learns in float32; encoders are small enough to be float32 whole.
    dtype = torch.float32 if shape == "classifier" else pick_dtype(precision, place)
    config = AutoConfig.from_pretrained(str(path), local_files_only=True, trust_remote_code=False)
    _configure(config, shape, training)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_HEAD_SEED)
            model, info = _auto_class(shape).from_pretrained(
                str(path),
                config=config,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=dtype,
                attn_implementation="eager" if shape == "seq2seq" else "sdpa",
                output_loading_info=True,
                **fewer_bits(training, place),
            )
        model = model.to(place)
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
        shape=shape,
        fresh=_fresh_modules(model, info["missing_keys"]) if shape == "classifier" else (),
    )


def skeleton(path: Path, training: Training) -> Any:  # noqa: ANN401  transformers is untyped
    """Build the model without weights or memory: its modules' names and types.

    Args:
        path: a registered model's directory.
        training: names the task and its classes.

    Raises:
        PolicyError: the task is not offered on this family.
    """
    import torch
    from transformers import AutoConfig

    shape = shape_of(training, check_family(path))
    config = AutoConfig.from_pretrained(str(path), local_files_only=True, trust_remote_code=False)
    _configure(config, shape, training)
    with torch.device("meta"):
        return _auto_class(shape).from_config(config)


def _auto_class(shape: Shape) -> Any:  # noqa: ANN401  transformers is untyped
    """Return the class of transformers that loads a shape, here and where the adapter is used."""
    import transformers

    return {
        "causal": transformers.AutoModelForCausalLM,
        "seq2seq": transformers.AutoModelForSeq2SeqLM,
        "classifier": transformers.AutoModelForSequenceClassification,
    }[shape]


def _configure(config: Any, shape: Shape, training: Training) -> None:  # noqa: ANN401
    """Turn the base's dropout off; name the classes."""
    for name in _DROPOUTS:
        if isinstance(getattr(config, name, None), float):
            setattr(config, name, 0.0)
    if shape == "classifier":
        classes = training.classes
        config.num_labels = len(classes.labels)
        config.id2label = dict(enumerate(classes.labels))
        config.label2id = {label: index for index, label in enumerate(classes.labels)}
        config.problem_type = (
            "multi_label_classification" if classes.multi_label else "single_label_classification"
        )


def _fresh_modules(model: Any, missing: Iterable[str]) -> tuple[str, ...]:  # noqa: ANN401
    """Name the modules whose weights the base model lacks, e.g. "classifier" or "pooler"."""
    prefix = f"{model.base_model_prefix}."
    return tuple(sorted({key.removeprefix(prefix).split(".")[0] for key in missing}))
