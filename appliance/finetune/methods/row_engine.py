"""One-pass per-unit gradients of any mixture of known layers.

Takes the place of the forward pass of every layer that has something to train. In the backward
pass each forms one gradient per row and adds it to the row's unit: no loop over records. Covers
linear layers, GPT-2's Conv1D, embeddings (tied ones too: what is shared adds up), layer norms, RMS
norms, LoRA, DoRA with its bare magnitude, IA3's bare scales, prompts and prefixes.

Where the gradients of enough units do not fit into memory together, those of large weights stay
factors, from which norm and clipped sum follow (`factored.py`).
"""

from __future__ import annotations

from typing import Any, Final

import torch

from appliance.errors import MachineError
from appliance.finetune.batching import UnitGroup
from appliance.finetune.frozen_norms import FrozenNorms
from appliance.finetune.methods import row_layers
from appliance.finetune.per_sample import LossFn, RowMap, trainable

#: Fewest entries of a weight that is worth keeping as factors.
_LARGE: Final = 2**15


class RowEngine:
    """Per-unit gradients in one backward pass.

    Guarantees:
        Row u of `grad_sample` is the gradient of unit u's loss, the same as with no other unit in
        the batch up to rounding (1e-5 relative in float32, tested and self-tested). A trained
        layer whose input has lost the batch's dimension refuses; it never adds rows up.

    Reference:
        Goodfellow 2015, arXiv:1510.01799. Bare parameters: the gradient with respect to one copy
        per row, made by expansion before the parameter meets the batch.
    """

    name = "one-pass-by-row"

    def __init__(
        self, model: torch.nn.Module, loss_fn: LossFn, *, large: frozenset[int] = frozenset()
    ) -> None:
        """Attach to every layer that trains something.

        Args:
            model: of which `covers` says yes.
            loss_fn: the loss of a physical batch, a sum over its rows.
            large: of `large_weights`; `grad_sample` of these is `Factored`.

        Raises:
            MachineError: the model trains a parameter that no layer known here owns.
        """
        if not covers(model):
            raise MachineError(
                "training.method",
                "expected layers known to the one-pass engine as the only ones trained",
                hint="appliance policy explain training.method",
            )
        self._model = model
        self._loss_fn = loss_fn
        self._params = trainable(model)
        self._rows = RowMap(large)
        if large:
            self.name = "one-pass-by-row-and-factors"
        self._layers = [m for m in model.modules() if row_layers.owned(m)]
        for layer in _outermost(self._layers):
            layer.forward = _while_training(layer, row_layers.forward_of(layer, self._rows))
        self._norms = FrozenNorms(model)

    def unit_gradients(self, group: UnitGroup) -> torch.Tensor:
        """Set `grad_sample` on every trainable parameter; see `GradientEngine`."""
        for p in self._params:
            p.grad_sample, p.grad = None, None
        losses = torch.zeros(group.units, device=self._params[0].device)
        for batch in group.batches:
            self._rows.enter(batch.unit, group.units, alone=len(group.batches) == 1)
            total, row_losses = self._loss_fn(self._model, batch)
            total.backward()
            losses.index_add_(0, batch.unit, row_losses * batch.weight)
        for p in self._params:
            if p.grad is not None:
                _refuse_sum()
            if p.grad_sample is None:
                p.grad_sample = torch.zeros((group.units, *p.shape), device=p.device)
        return losses

    def close(self) -> None:
        """Give every layer its own forward back."""
        for layer in self._layers:
            layer.__dict__.pop("forward", None)
        self._norms.close()


def covers(model: torch.nn.Module) -> bool:
    """Tell whether every trainable parameter lies in a layer that is known here."""
    found: set[int] = set()
    rows = RowMap()
    for layer in model.modules():
        mine = row_layers.owned(layer)
        if mine and row_layers.forward_of(layer, rows) is not None:
            found |= {id(p) for p in mine}
    params = trainable(model)
    return bool(params) and all(id(p) in found for p in params)


def large_weights(model: torch.nn.Module) -> frozenset[int]:
    """Return the `id` of each large trained weight of linear layers and embeddings alone."""
    found: set[int] = set()
    other: set[int] = set()
    for layer in model.modules():
        mine = row_layers.owned(layer)
        plain = row_layers.is_plain(layer)
        for p in mine:
            large = plain and p.dim() == 2 and p.numel() >= _LARGE
            (found if large else other).add(id(p))
    return frozenset(found - other)


def _outermost(layers: list[torch.nn.Module]) -> list[torch.nn.Module]:
    """Leave out the small modules that another layer of the list runs itself."""
    inner = {
        id(part)
        for layer in layers
        if hasattr(layer, "lora_A") or hasattr(layer, "ia3_l")
        for part in layer.modules()
        if part is not layer
    }
    return [layer for layer in layers if id(layer) not in inner]


def _while_training(layer: Any, ours: row_layers.Forward | None) -> row_layers.Forward:  # noqa: ANN401
    """Leave a pass without gradients (a measurement between steps) to the layer itself."""
    own = type(layer).forward

    def forward(*args: Any, **kwargs: Any) -> torch.Tensor:  # noqa: ANN401  as the layer's
        if ours is not None and torch.is_grad_enabled():
            return ours(*args, **kwargs)
        found: torch.Tensor = own(layer, *args, **kwargs)
        return found

    return forward


def _refuse_sum() -> None:
    raise MachineError(
        "training.method",
        "a gradient was added up over the batch before it could be told apart by unit",
        hint="appliance doctor --dp",
    )
