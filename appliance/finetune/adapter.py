"""LoRA adapters: put on a base model, taken off as two files that plain PEFT loads.

The base is frozen, the factors are float32 whatever the base's type. Exported names and settings
are PEFT's own; nothing of this appliance is needed to load them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, Literal

import torch
from peft import (
    LoraConfig,
    get_peft_model,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from appliance.errors import IntegrityError, UsageError
from appliance.model.tasks import Shape, peft_type, shape_of_model

WEIGHTS_NAME: Final = "adapter_model.safetensors"
CONFIG_NAME: Final = "adapter_config.json"

_CHECK: Final = "exported"


def attach_lora(
    model: torch.nn.Module,
    *,
    rank: int,
    alpha: float,
    dropout: float = 0.0,
    target_modules: Literal["all-linear"] | Sequence[str] = "all-linear",
    layers: Sequence[int] | None = None,
    rslora: bool = False,
    freeze_a: bool = False,
    dora: bool = False,
    shape: Shape = "causal",
    fresh: Sequence[str] = (),
    seed: int | None = None,
) -> torch.nn.Module:
    """Freeze a base model and put fresh LoRA factors on its linear layers.

    Args:
        model: a base model, already on its device: moving it afterwards is a known way to train
            nothing at all.
        rank: of the factors.
        alpha: scaling numerator.
        dropout: on the factors' input, [0, 1).
        target_modules: names of linear layers, or all but the output layer.
        layers: indices of the blocks that get factors; all by default. Blocks below the first
            need no backward pass.
        rslora: scale by alpha / sqrt(rank) instead of alpha / rank.
        freeze_a: train the B factors alone, behind random A factors. Under noise this is better
            on small data: while B is near zero, A receives noise and no gradient.
        dora: train the magnitude of each output beside the factors.
        shape: what the model computes.
        fresh: modules without weights of their own yet, e.g. a classifier: trained whole.
        seed: of the factors' start; it depends on no data, so it need not be secret.

    Returns:
        A PEFT model; the B factors are zero, so it computes what the base computes.

    Raises:
        UsageError: no layer of the model has one of the names.

    Reference:
        Hu et al. 2021, arXiv:2106.09685. Frozen A: Sun et al. 2024, arXiv:2403.12313 (FFA-LoRA).
        DoRA: Liu et al. 2024, arXiv:2402.09353.
    """
    if seed is not None:
        torch.manual_seed(seed)
    names: str | list[str] = "all-linear"
    if target_modules != "all-linear":
        names = list(target_modules)
    elif layers is not None or fresh:
        # PEFT takes a choice of layers with a list of names only.
        names = _linear_names(model, fresh)
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=names,
        layers_to_transform=None if layers is None else list(layers),
        use_rslora=rslora,
        use_dora=dora,
        fan_in_fan_out=lies_transposed(model),
        bias="none",
        task_type=peft_type(shape),
        modules_to_save=list(fresh) or None,
    )
    try:
        adapted = get_peft_model(model, config, autocast_adapter_dtype=True)
    except ValueError:
        # PEFT's message quotes the model's modules: long, and of no use to an operator.
        raise UsageError(
            "training.target_modules",
            "expected names of linear layers of the base model, found none of them in it",
            hint="appliance policy explain training.target_modules",
        ) from None
    if freeze_a:
        for name, p in adapted.named_parameters():
            if ".lora_A." in name:
                p.requires_grad_(False)
    return adapted


def lies_transposed(model: torch.nn.Module) -> bool:
    """Tell whether a base's linear layers hold [in, out], as GPT-2's do; PEFT wants to know."""
    return any(type(module).__name__ == "Conv1D" for module in model.modules())


def export_adapter(model: torch.nn.Module, *, base_model_name: str) -> dict[str, bytes]:
    """Write the adapter as the two files PEFT reads, in memory.

    Args:
        model: a PEFT model with one adapter.
        base_model_name: public name of the base, for `base_model_name_or_path`.

    Returns:
        File name -> bytes.

    Raises:
        IntegrityError: the files, read back, do not give the same logits.

    Guarantees:
        Loading the files over the same base gives the logits of `model`, bit for bit on the
        probe of `verify_export`.
    """
    name = model.active_adapter
    tensors = {
        key: value.detach().to("cpu", torch.float32).contiguous()
        for key, value in get_peft_model_state_dict(model, adapter_name=name).items()
    }
    config = model.peft_config[name].to_dict()
    config |= {
        "base_model_name_or_path": base_model_name,
        "inference_mode": True,
        "auto_mapping": None,
        "revision": None,
    }
    text = json.dumps(config, indent=2, sort_keys=True, default=_plain)
    files = {
        WEIGHTS_NAME: save_tensors(tensors, metadata={"format": "pt"}),
        CONFIG_NAME: f"{text}\n".encode(),
    }
    verify_export(model, files)
    return files


def restore_adapter(model: torch.nn.Module, files: dict[str, bytes]) -> None:
    """Put exported weights back into the adapter they came from.

    Args:
        model: a PEFT model with an adapter of the same shape.
        files: what `export_adapter` made.

    Raises:
        IntegrityError: the weights are not of this adapter.
    """
    expected = get_peft_model_state_dict(model, adapter_name=model.active_adapter)
    tensors = load_tensors(files[WEIGHTS_NAME])
    if {k: v.shape for k, v in tensors.items()} != {k: v.shape for k, v in expected.items()}:
        raise IntegrityError(
            WEIGHTS_NAME, "holds other weights than this adapter's", hint="appliance runs list"
        )
    set_peft_model_state_dict(model, tensors, adapter_name=model.active_adapter)


def verify_export(model: torch.nn.Module, files: dict[str, bytes]) -> None:
    """Check that exported files, read back as PEFT would, give the model's own logits.

    Args:
        model: the PEFT model the files came from.
        files: what `export_adapter` made.

    Raises:
        IntegrityError: the logits differ.
    """
    own = model.active_adapter
    fields = json.loads(files[CONFIG_NAME])
    fields.pop("peft_type", None)
    was_training = model.training
    wanted = {name: p.requires_grad for name, p in model.named_parameters()}
    inputs = probe(model)
    model.eval()
    try:
        with torch.no_grad():
            expected = model(**inputs).logits
            model.add_adapter(_CHECK, type(model.peft_config[own])(**fields))
            set_peft_model_state_dict(model, load_tensors(files[WEIGHTS_NAME]), adapter_name=_CHECK)
            model.set_adapter(_CHECK)
            model.eval()  # The added adapter's dropout starts awake.
            found = model(**inputs).logits
    finally:
        model.set_adapter(own)
        if _CHECK in model.peft_config:
            model.delete_adapter(_CHECK)
        model.train(was_training)
        for name, p in model.named_parameters():  # Choosing an adapter wakes its frozen factors.
            p.requires_grad_(wanted[name])
    if not torch.equal(expected, found):
        raise IntegrityError(
            WEIGHTS_NAME,
            "the exported adapter, read back, gives other logits than the trained one",
            hint="appliance doctor",
        )


def probe(model: Any) -> dict[str, torch.Tensor]:  # noqa: ANN401  peft is untyped
    """Return two short inputs for a model of any shape; they hold no record."""
    device = next(model.parameters()).device
    vocabulary = int(model.config.get_text_config().vocab_size)
    ids = (torch.arange(24, device=device) * 7919 % vocabulary).view(2, 12)
    if shape_of_model(model) == "seq2seq":
        return {"input_ids": ids, "decoder_input_ids": ids[:, :5]}
    return {"input_ids": ids}


def _linear_names(model: torch.nn.Module, fresh: Sequence[str]) -> list[str]:
    """Name the linear layers of the blocks: every one but the output layer and fresh ones."""
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    return sorted(
        {
            name.rpartition(".")[2]
            for name, module in model.named_modules()
            if type(module).__name__ in {"Linear", "Conv1D"}
            and module is not head
            and not any(part in fresh for part in name.split("."))
        }
    )


def _plain(value: object) -> str | list[str]:
    """Turn what JSON lacks into what it has."""
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(getattr(value, "value", value))
