"""Per-unit gradients: what every engine promises, the exact slow one, and the choice between them.

An engine turns a group of units into `grad_sample` tensors, one row per unit, on every trainable
parameter: the attribute Opacus's optimizers read. The fast engine covers LoRA on linear layers;
the micro-batch engine covers anything that has a gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch

from appliance.finetune.batching import PhysicalBatch, UnitGroup
from appliance.finetune.factored import Factored, Piece

LossFn = Callable[[Any, PhysicalBatch], tuple[torch.Tensor, torch.Tensor]]


class GradientEngine(Protocol):
    """Forms per-unit gradients of a model's trainable parameters."""

    name: str

    def unit_gradients(self, group: UnitGroup) -> torch.Tensor:
        """Set `grad_sample` [units, *shape], or `Factored`, on every trainable parameter.

        Args:
            group: whole units.

        Returns:
            float32 [units], each unit's loss; private.
        """
        ...

    def close(self) -> None:
        """Give the model back unchanged."""
        ...


def trainable(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    """List the parameters that are trained, in the model's own order."""
    return [p for p in model.parameters() if p.requires_grad]


class RowMap:
    """Which unit each row of the present physical batch belongs to."""

    def __init__(self, large: frozenset[int] = frozenset()) -> None:
        """Start without a batch.

        Args:
            large: `id` of each weight whose per-unit gradients are kept as factors.
        """
        self._large = large
        self.unit: torch.Tensor = torch.empty(0, dtype=torch.int64)
        self.rows = 0
        self.units = 0
        self.identity = False

    def enter(self, unit: torch.Tensor, units: int, *, alone: bool) -> None:
        """Note the rows of the batch that runs next."""
        self.unit, self.rows, self.units = unit, len(unit), units
        in_order = torch.arange(units, device=unit.device)
        # Where each unit is one row, in order, the rows' gradients are the units' gradients.
        self.identity = alone and len(unit) == units and bool((unit == in_order).all())

    def add_product(self, p: torch.nn.Parameter, left: torch.Tensor, right: torch.Tensor) -> None:
        """Add per-row gradients left' right of a weight; see `Piece`. Indices only if large."""
        if id(p) not in self._large:
            self.add(p, torch.bmm(left.transpose(1, 2), right))
            return
        if p.grad_sample is None:
            p.grad_sample = Factored(p, self.units)
        piece = Piece(left=left.detach(), right=right.detach(), unit=self.unit)
        p.grad_sample.pieces.append(piece)

    def is_large(self, p: torch.nn.Parameter) -> bool:
        """Tell whether a weight's per-unit gradients are kept as factors."""
        return id(p) in self._large

    def add(self, p: torch.nn.Parameter, rows: torch.Tensor) -> None:
        """Add per-row gradients [rows, *shape] to the units' gradients, in float32."""
        rows = rows.float()
        held = p.grad_sample
        if held is None and self.identity:
            p.grad_sample = rows
            return
        if held is None:
            held = torch.zeros((self.units, *rows.shape[1:]), device=rows.device)
            p.grad_sample = held
        held.index_add_(0, self.unit, rows)


class MicroBatchEngine:
    """One unit at a time: slow, and exact for every parameter and every layer.

    Guarantees:
        Row u of `grad_sample` is the gradient of unit u's loss, computed with no other unit in
        the batch.

    Reference:
        The definition of a per-sample gradient; Opacus calls it the micro-batch method.
    """

    name = "micro-batch-of-one"

    def __init__(self, model: torch.nn.Module, loss_fn: LossFn) -> None:
        """Keep the model and the loss."""
        self._model = model
        self._loss_fn = loss_fn
        self._params = trainable(model)

    def unit_gradients(self, group: UnitGroup) -> torch.Tensor:
        """Set `grad_sample` on every trainable parameter; see `GradientEngine`."""
        losses = torch.zeros(group.units, device=_device(self._params))
        for p in self._params:
            p.grad_sample = torch.zeros((group.units, *p.shape), device=p.device)
        for unit in range(group.units):
            for batch in group.batches:
                rows = batch.unit == unit
                if not bool(rows.any()):
                    continue
                total, _ = self._loss_fn(self._model, only(batch, rows))
                grads = torch.autograd.grad(total, self._params, allow_unused=True)
                for p, grad in zip(self._params, grads, strict=True):
                    if grad is not None:
                        p.grad_sample[unit] += grad.detach().float()
                losses[unit] += total.detach()
        return losses

    def close(self) -> None:
        """Nothing to undo."""


def only(batch: PhysicalBatch, rows: torch.Tensor) -> PhysicalBatch:
    """Keep some rows of a batch, cut to their own longest length."""
    attention = batch.attention_mask
    width = batch.input_ids.shape[1]
    if attention is not None:
        attention = attention[rows]
        width = int(attention.sum(dim=1).max())
        attention = None if bool((attention[:, :width] == 1).all()) else attention[:, :width]
    ids = batch.input_ids[rows][:, :width]
    return PhysicalBatch(
        input_ids=ids,
        attention_mask=attention,
        targets=batch.targets[rows][:, :width],
        unit=batch.unit[rows],
        weight=batch.weight[rows],
        tokens=int(ids.numel() if attention is None else attention.sum()),
    )


def _device(params: Sequence[torch.nn.Parameter]) -> torch.device:
    """Tell where the parameters live."""
    return params[0].device
