"""Which linear layers a policy's `training.target_modules` names, known before anything is read."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from appliance.errors import PolicyError
from appliance.model.load import check_family, skeleton
from appliance.model.tasks import Shape, shape_of
from appliance.policy.training import Training

_WHERE: Final = "training.target_modules"


def require_offered(training: Training, path: Path) -> Shape:
    """Refuse what is not offered on a base model: task, method, layers. No data is needed.

    Args:
        training: of the policy.
        path: the base model's directory.

    Returns:
        How the task is computed on it.

    Raises:
        PolicyError: it is not offered; the message or the hint names the nearest that is.
        DataError: the model is not of an offered family.
        MachineError: what the method needs is not installed.
    """
    shape = shape_of(training, check_family(path))
    if training.method in ("lora", "dora") and training.target_modules != "all-linear":
        _require_targets(training.target_modules, _layers(skeleton(path, training), training))
    return shape


def _require_targets(names: tuple[str, ...], layers: dict[str, bool]) -> None:
    """Refuse names that no layer has: PEFT passes over them as long as another name fits."""
    offered = sorted({layer.rpartition(".")[2] for layer, inside in layers.items() if inside})
    hint = f"set names among {', '.join(offered)}, or all-linear: appliance policy explain {_WHERE}"
    if not names:
        raise PolicyError(_WHERE, "names nothing to train; nearest: all-linear", hint=hint)
    for index, name in enumerate(names):
        if not any(layer == name or layer.endswith(f".{name}") for layer in layers):
            near = get_close_matches(name.rpartition(".")[2], offered, n=1, cutoff=0.0)
            raise PolicyError(
                f"{_WHERE}.{index}",
                f"names no layer of the base model that can be trained; nearest: {near[0]}",
                hint=hint,
            )


def _layers(model: Any, training: Training) -> dict[str, bool]:  # noqa: ANN401
    """Name what factors can be put on, and whether it is a linear layer of a block.

    A classifier's head is not among it: it is trained whole.
    """
    last, total = training.last_layers, int(model.config.get_text_config().num_hidden_layers)
    first = 0 if last is None else max(0, total - last)
    head = type(model).__name__.endswith("ForSequenceClassification")
    found = {}
    for name, module in model.named_modules():
        block = next((int(part) for part in name.split(".") if part.isdigit()), None)
        kind = type(module).__name__
        if kind not in {"Linear", "Conv1D", "Embedding"}:
            continue
        if block is None:
            free = last is None and not (head and not name.startswith(model.base_model_prefix))
        else:
            free = block >= first
        if free:
            found[name] = block is not None and kind != "Embedding"
    return found
