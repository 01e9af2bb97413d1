"""The positive control: a throw-away adapter that is made to leak, so that silence means something.

An audit that saw nothing proves nothing unless the same attack, on the same canaries, with the
same coins, sees an adapter that did learn them. Here such an adapter is trained without privacy on
the planted canaries, scored, and removed. It never leaves the process and is never saved.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from appliance.audit.scores import hidden_and_head, logits_agree, pad
from appliance.model.examples import Example
from appliance.model.predict import padded, predict_targets
from appliance.model.tasks import shape_of_model
from appliance.progress import Progress

if TYPE_CHECKING:
    import torch

#: Gives a model with a fresh trainable adapter, and takes it away again.
ControlFactory = Callable[[], AbstractContextManager["torch.nn.Module"]]

_NAME = "positive-control"
_LEARNING_RATE = 5e-3
_BATCH = 16
_MAX_EPOCHS = 8
#: Training stops once the planted canaries' loss has fallen to this share of its first value.
_ENOUGH = 0.55


@contextmanager
def throwaway_adapter(model: Any) -> Iterator[torch.nn.Module]:  # noqa: ANN401 - a peft model
    """Add a fresh adapter of the trained one's shape, make it the active one, and remove it.

    Args:
        model: a peft model with one active adapter.

    Yields:
        The same model with only the fresh adapter active and trainable.

    Guarantees:
        Afterwards the trained adapter is active, its weights and every parameter's
        `requires_grad` are as before, and nothing of the control is left, also after an error.
    """
    trained = model.active_adapter
    trainable = {name: p.requires_grad for name, p in model.named_parameters()}
    config = copy.deepcopy(model.peft_config[trained])
    config.inference_mode = False
    model.add_adapter(_NAME, config)
    try:
        model.set_adapter(_NAME)
        yield model
    finally:
        model.set_adapter(trained)
        model.delete_adapter(_NAME)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(trainable[name])
            parameter.grad = None


def overfit(
    model: torch.nn.Module,
    examples: Sequence[Example],
    *,
    generator: np.random.Generator,
    progress: Progress,
) -> None:
    """Train the active adapter on the planted canaries until it knows them, without privacy.

    Args:
        model: its trainable parameters are updated in place.
        examples: the planted canaries, at least one.
        generator: shuffles them.
        progress: told one unit per example and epoch.
    """
    import torch

    parameters = [p for p in model.parameters() if p.requires_grad]
    # A prompt needs larger steps than a low-rank factor: its model says so.
    optimizer = torch.optim.Adam(
        parameters, lr=float(getattr(model, "control_step_size", _LEARNING_RATE))
    )
    loss_of = _mean_loss(model)
    first = 0.0
    was_training = model.training
    model.train()
    with progress.task("training the positive control", len(examples) * _MAX_EPOCHS) as task:
        for epoch in range(_MAX_EPOCHS):
            total = 0.0
            order = generator.permutation(len(examples))
            for start in range(0, len(order), _BATCH):
                batch = [examples[index] for index in order[start : start + _BATCH]]
                optimizer.zero_grad(set_to_none=True)
                loss = loss_of(batch)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(parameters, 1.0)
                optimizer.step()
                total += float(loss.detach()) * len(batch)
                task.advance(len(batch))
            first = first or total
            if epoch and total < _ENOUGH * first:
                break
    model.train(was_training)


def _mean_loss(model: torch.nn.Module) -> Callable[[Sequence[Example]], torch.Tensor]:
    """Return the mean target loss of a batch, with logits at target positions only."""
    import torch

    device = next(model.parameters()).device
    if shape_of_model(model) != "causal":

        def whole_loss(examples: Sequence[Example]) -> torch.Tensor:
            found = predict_targets(model, *padded(examples, device))
            return torch.nn.functional.cross_entropy(found.logits, found.labels)

        return whole_loss
    apart = logits_agree(model, device)
    decoder, head = hidden_and_head(model)

    def loss_of(examples: Sequence[Example]) -> torch.Tensor:
        batch = pad(examples, device)
        inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        if apart:
            hidden = decoder(**inputs, use_cache=False).last_hidden_state
            logits = head(hidden.flatten(0, 1)[batch.predictors])
        else:
            logits = model(**inputs, use_cache=False).logits.flatten(0, 1)[batch.predictors]
        return torch.nn.functional.cross_entropy(logits.float(), batch.targets)

    return loss_of
