"""What a model says about each learned entry of a batch, whatever the task.

One place where a padded batch of examples becomes the inputs of a classifier or of an encoder and
decoder. Training, evaluation and attack read it alike. (Causal models have a faster way of their
own, where logits exist at target positions only.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from appliance.model.examples import Example
from appliance.model.tasks import multi_label, shape_of_model

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """A distribution for each learned entry, row by row.

    Attributes:
        logits: [targets, classes], float32; with several labels two classes, no and yes.
        labels: int64 [targets], the class that is learned; private.
        row: int64 [targets], the row of the batch.
    """

    logits: torch.Tensor = field(repr=False)
    labels: torch.Tensor = field(repr=False)
    row: torch.Tensor = field(repr=False)


def predict_targets(
    model: Any,  # noqa: ANN401  transformers and peft are untyped
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor | None,
    targets: torch.Tensor,
) -> Predicted:
    """Run a classifier or an encoder and decoder over a batch.

    Args:
        model: as `load_base` made it, with or without an adapter.
        input_ids: int64 [rows, seq], padded on the right.
        attention_mask: int64 [rows, seq], or None where no row is padded.
        targets: bool [rows, seq]; the learned entries come last in each row.

    Guarantees:
        A row's logits depend on that row alone, up to rounding, and not on its own targets but
        through teacher forcing: a classifier never sees a class number.
    """
    if shape_of_model(model) == "classifier":
        return _classify(model, input_ids, attention_mask, targets)
    return _write(model, input_ids, attention_mask, targets)


def class_probabilities(
    model: Any,  # noqa: ANN401  transformers and peft are untyped
    examples: Sequence[Example],
    *,
    max_tokens: int,
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return a classifier's probabilities, float64 [examples, classes], in the given order."""
    import torch

    device = next(model.parameters()).device
    several = multi_label(model)
    found: dict[int, Any] = {}
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for batch in by_length(examples, max_tokens):
                inputs = _given(model, *padded([examples[i] for i in batch], device))
                logits = model(**inputs).logits.double()
                rows = logits.sigmoid() if several else logits.softmax(dim=-1)
                found.update(zip(batch, rows.cpu().numpy(), strict=True))
    finally:
        model.train(was_training)
    return np.stack([found[i] for i in range(len(examples))])


def by_length(examples: Sequence[Example], max_tokens: int) -> Iterator[list[int]]:
    """Group positions of examples of near length, so that little is padding."""
    batch: list[int] = []
    for index in sorted(range(len(examples)), key=lambda i: -len(examples[i])):
        longest = len(examples[batch[0]]) if batch else len(examples[index])
        if batch and longest * (len(batch) + 1) > max_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def padded_arrays(
    examples: Sequence[Example],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Pad examples on the right: ids, attention mask and targets, [rows, seq] each."""
    length = max(len(example) for example in examples)
    ids = np.zeros((len(examples), length), dtype=np.int64)
    mask = np.zeros((len(examples), length), dtype=np.int64)
    wanted = np.zeros((len(examples), length), dtype=bool)
    for row, example in enumerate(examples):
        ids[row, : len(example)] = example.input_ids
        mask[row, : len(example)] = 1
        wanted[row, : len(example)] = example.loss_mask
    return ids, mask, wanted


def padded(
    examples: Sequence[Example],
    device: Any,  # noqa: ANN401  a torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pad examples as `padded_arrays` does, as tensors on a device."""
    import torch

    ids, mask, wanted = (torch.from_numpy(a).to(device) for a in padded_arrays(examples))
    return ids, mask, wanted


def _given(
    model: Any,  # noqa: ANN401
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor | None,
    targets: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """Keep what is given: the learned entries become padding that nothing attends to."""
    import torch

    mask = (~targets).long()
    if attention_mask is not None:
        mask = mask * attention_mask
    width = int(mask.sum(dim=1).max())
    pad = int(getattr(model.config, "pad_token_id", None) or 0)
    ids = torch.where(mask.bool(), input_ids, pad)
    return {"input_ids": ids[:, :width], "attention_mask": mask[:, :width]}


def _classify(
    model: Any,  # noqa: ANN401
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor | None,
    targets: torch.Tensor,
) -> Predicted:
    import torch

    logits = model(**_given(model, input_ids, attention_mask, targets)).logits.float()
    row = targets.nonzero()[:, 0]
    if multi_label(model):
        scores = logits.reshape(-1)  # One target for each class, in order.
        logits = torch.stack([torch.zeros_like(scores), scores], dim=1)
    return Predicted(logits=logits, labels=input_ids[targets], row=row)


def _write(
    model: Any,  # noqa: ANN401
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor | None,
    targets: torch.Tensor,
) -> Predicted:
    import torch

    rows, width = input_ids.shape
    counts = targets.sum(dim=1)
    longest = int(counts.max())
    first = targets.int().argmax(dim=1)
    places = torch.arange(longest, device=input_ids.device)
    within = places[None, :] < counts[:, None]
    wanted = input_ids.gather(1, (first[:, None] + places[None, :]).clamp(max=width - 1))
    pad = int(model.config.pad_token_id or 0)
    wanted = torch.where(within, wanted, pad)
    start = torch.full((rows, 1), int(model.config.decoder_start_token_id), device=wanted.device)
    logits = model(
        **_given(model, input_ids, attention_mask, targets),
        decoder_input_ids=torch.cat([start, wanted[:, :-1]], dim=1),
        use_cache=False,
    ).logits
    return Predicted(
        logits=logits[within].float(), labels=wanted[within], row=within.nonzero()[:, 0]
    )
