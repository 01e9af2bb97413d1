"""Which task runs on which family, and in which shape a model computes it.

One vocabulary for training, evaluation and attack. Whatever the task, an example is one sequence:
first what is given, then what is learned (`Example.loss_mask`).

    causal      a decoder: each learned token after all tokens before it
    seq2seq     encoder and decoder: the given tokens are read, the learned ones written
    classifier  an encoder with a head: the learned "tokens" are no tokens but class numbers; with
                several labels one 0 or 1 for each class

What is not offered refuses before anything is read: exit 3, with the nearest that is.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from appliance.errors import PolicyError
from appliance.model.offers import require_method
from appliance.policy.model import Training
from appliance.policy.tasks import TaskName

Shape = Literal["causal", "seq2seq", "classifier"]

#: Families by `config.json: model_type`. SmolLM and MiniLM are the families llama and bert.
CAUSAL_FAMILIES: Final = frozenset(
    {
        "llama",
        "mistral",
        "qwen2",
        "qwen3",
        "gemma",
        "gemma2",
        "gemma3_text",
        "phi",
        "phi3",
        "smollm3",
        "gpt2",
    }
)
ENCODER_FAMILIES: Final = frozenset({"bert", "distilbert", "roberta"})
SEQ2SEQ_FAMILIES: Final = frozenset({"t5"})
FAMILIES: Final = CAUSAL_FAMILIES | ENCODER_FAMILIES | SEQ2SEQ_FAMILIES

_SHAPES: Final[dict[TaskName, tuple[tuple[frozenset[str], Shape], ...]]] = {
    "causal-lm": ((CAUSAL_FAMILIES, "causal"),),
    "self-supervised": ((CAUSAL_FAMILIES, "causal"),),
    "classification": ((ENCODER_FAMILIES, "classifier"),),
    "seq2seq": ((SEQ2SEQ_FAMILIES, "seq2seq"),),
    "multi-task": ((CAUSAL_FAMILIES, "causal"), (SEQ2SEQ_FAMILIES, "seq2seq")),
}
#: What each part of a multi-task run may be, by the shape of its model.
PARTS: Final[dict[Shape, frozenset[str]]] = {
    "causal": frozenset({"causal-lm", "self-supervised", "classification"}),
    "seq2seq": frozenset({"seq2seq", "classification"}),
    "classifier": frozenset(),
}
_NEAREST: Final[dict[Shape, TaskName]] = {
    "causal": "causal-lm",
    "seq2seq": "seq2seq",
    "classifier": "classification",
}
_PEFT_TYPES: Final[dict[Shape, str]] = {
    "causal": "CAUSAL_LM",
    "seq2seq": "SEQ_2_SEQ_LM",
    "classifier": "SEQ_CLS",
}


def natural_shape(family: str) -> Shape:
    """Return what a family's models compute best."""
    if family in ENCODER_FAMILIES:
        return "classifier"
    return "seq2seq" if family in SEQ2SEQ_FAMILIES else "causal"


def shape_of(training: Training, family: str) -> Shape:
    """Say how a task is computed on a family.

    Raises:
        PolicyError: the combination, or the method on it, is not offered; the hint names the
            nearest one.
        MachineError: what the method needs is not installed.
    """
    found = next((shape for families, shape in _SHAPES[training.task] if family in families), None)
    if found is None:
        offered = sorted(f for families, _ in _SHAPES[training.task] for f in families)
        raise PolicyError(
            "training.task",
            f"{training.task} is not offered on a base model of the family {family}",
            hint=f"set training.task: {_NEAREST[natural_shape(family)]}, or a base model of the "
            f"family {' | '.join(offered)}: appliance models list",
        )
    odd = [part.task for part in training.parts if part.task not in PARTS[found]]
    if odd:
        raise PolicyError(
            "training.parts",
            f"{odd[0]} is not offered beside others on a base model of the family {family}",
            hint=f"set parts among {', '.join(sorted(PARTS[found]))}: "
            "appliance policy explain training.parts",
        )
    require_method(training, family, found)
    return found


def peft_type(shape: Shape) -> str:
    """Return PEFT's word for a shape, as `adapter_config.json` says it."""
    return _PEFT_TYPES[shape]


def shape_of_model(model: Any) -> Shape:  # noqa: ANN401  transformers and peft are untyped
    """Say what a loaded model computes, with or without an adapter."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    if type(base).__name__.endswith("ForSequenceClassification"):
        return "classifier"
    return "seq2seq" if getattr(base.config, "is_encoder_decoder", False) else "causal"


def multi_label(model: Any) -> bool:  # noqa: ANN401  transformers and peft are untyped
    """Say whether a classifier may give a text several classes."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return bool(base.config.problem_type == "multi_label_classification")
