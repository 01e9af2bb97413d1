"""The losses of tasks other than causal language modelling, and their one-at-a-time truth.

Like `loss`: each record's own mean over its own learned entries. Class weights come from the policy
and multiply a record's own loss; no batch statistic appears anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from appliance.finetune import toy
from appliance.finetune.batching import PhysicalBatch
from appliance.finetune.loss import causal_lm_loss
from appliance.finetune.per_sample import LossFn, trainable
from appliance.finetune.selftest import Truth
from appliance.model.examples import Example
from appliance.model.predict import predict_targets
from appliance.model.tasks import Shape, multi_label
from appliance.policy.model import Training


def loss_of(training: Training, shape: Shape) -> LossFn:
    """Return the loss of a task on a shape of model."""
    if shape == "causal":
        return causal_lm_loss
    return TargetLoss(class_weights(training) if shape == "classifier" else ())


def truth_of(training: Training, shape: Shape) -> Truth:
    """Return the obvious way to a unit's gradient; it shares no code with the losses here."""
    if shape == "causal":
        return toy.one_at_a_time
    row_loss = _seq2seq_truth if shape == "seq2seq" else _classifier_truth(class_weights(training))
    return lambda model, units: _gradients(model, units, row_loss)


def class_weights(training: Training) -> tuple[float, ...]:
    """Return each class's weight, in the order of the labels."""
    classes = training.classes
    return tuple(float(classes.weights.get(label, 1.0)) for label in classes.labels)


class TargetLoss:
    """Mean cross-entropy of a row's own learned entries, weighted by class where weights are given.

    Guarantees:
        A row's loss depends on no other row: a weight is the policy's for that row's own class.
        The gradient of the total is the sum over units of the gradient of the mean loss of the
        unit's rows.
    """

    def __init__(self, weights: Sequence[float] = ()) -> None:
        """Keep the weights of the classes; none: 1 each."""
        self._weights = torch.tensor(weights, dtype=torch.float32)

    def __call__(
        self, model: torch.nn.Module, batch: PhysicalBatch
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute the summed unit losses of a physical batch; see `causal_lm_loss`."""
        found = predict_targets(model, batch.input_ids, batch.attention_mask, batch.targets)
        losses = torch.nn.functional.cross_entropy(found.logits, found.labels, reduction="none")
        if len(self._weights):
            weights = self._weights.to(losses.device)
            chosen = found.labels
            if multi_label(model):
                chosen = torch.arange(len(losses), device=losses.device) % len(weights)
            losses = losses * weights[chosen]
        counts = batch.targets.sum(dim=1).clamp(min=1)
        total = (losses * (batch.weight / counts)[found.row]).sum()
        rows = torch.zeros_like(batch.weight).index_add_(0, found.row, losses.detach()) / counts
        return total, rows


def _gradients(
    model: Any,  # noqa: ANN401  peft is untyped
    units: Sequence[Sequence[Example]],
    row_loss: Callable[[Any, torch.Tensor, torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    """Differentiate each unit's mean record loss, one record in the model at a time."""
    params = trainable(model)
    rows = []
    for records in units:
        flat = torch.zeros(sum(p.numel() for p in params), device=params[0].device)
        for record in records:
            ids = torch.from_numpy(record.input_ids.astype(np.int64)).to(params[0].device)
            learned = torch.from_numpy(record.loss_mask).to(params[0].device)
            loss = row_loss(model, ids[~learned][None], ids[learned][None]) / len(records)
            grads = torch.autograd.grad(loss, params, allow_unused=True)
            flat += torch.cat(
                [
                    torch.zeros(p.numel(), device=p.device) if g is None else g.flatten().float()
                    for g, p in zip(grads, params, strict=True)
                ]
            )
        rows.append(flat)
    return torch.stack(rows)


def _seq2seq_truth(model: Any, given: torch.Tensor, learned: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
    """Ask transformers' own loss."""
    return torch.as_tensor(model(input_ids=given, labels=learned, use_cache=False).loss)


def _classifier_truth(
    weights: Sequence[float],
) -> Callable[[Any, torch.Tensor, torch.Tensor], torch.Tensor]:
    """Score a text alone, without a mask; transformers' own loss knows no weights."""

    def row_loss(model: Any, given: torch.Tensor, learned: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
        logits = model(input_ids=given).logits.float()
        weight = torch.tensor(weights, device=logits.device)
        if multi_label(model):
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                logits, learned.float(), weight=weight
            )
        else:
            loss = torch.nn.functional.cross_entropy(logits, learned[0]) * weight[learned[0, 0]]
        return loss

    return row_loss
