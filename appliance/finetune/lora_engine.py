"""One-pass per-unit gradients of LoRA factors.

Takes the place of PEFT's LoRA forward while it is attached. In the backward pass, where autograd
would form one weight gradient for the whole batch, it forms one per row and adds it to the row's
unit; the frozen base gets no weight gradient, the activations' gradient is as before. Layers that
read the same input (q/k/v, gate/up) are one operation: one product with their stacked A factors.

Covers plain LoRA on `nn.Linear` (other base layers are called as they are), A factors trained
or frozen, with dropout, biases,
gradient checkpointing of both kinds and autocast. Refuses DoRA and other variants, merged
adapters, and more than one active adapter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from appliance.errors import MachineError
from appliance.finetune.batching import PhysicalBatch, UnitGroup
from appliance.finetune.frozen_norms import FrozenNorms
from appliance.finetune.per_sample import LossFn, RowMap, only, trainable


class LoraEngine:
    """Per-unit LoRA gradients in one backward pass.

    Guarantees:
        Row u of `grad_sample` is the gradient of unit u's loss, the same as with no other unit in
        the batch up to rounding (1e-5 relative in float32, tested and self-tested). A row's
        gradient is a product of that row's own activations and gradients only.

    Reference:
        Goodfellow 2015, arXiv:1510.01799 (per-example gradients of a linear layer from its inputs
        and output gradients), applied to the two factors of Hu et al. 2021, arXiv:2106.09685.
    """

    name = "lora-one-pass"

    def __init__(self, model: torch.nn.Module, loss_fn: LossFn) -> None:
        """Attach to every LoRA layer of the model.

        Args:
            model: a PEFT model whose trainable parameters are all LoRA factors.
            loss_fn: the loss of a physical batch, a sum over its rows.

        Raises:
            MachineError: the model has trainable parameters this engine does not cover.
        """
        if not covers(model):
            raise MachineError(
                "training.method",
                "expected plain LoRA on linear layers as the only trainable parameters",
                hint="appliance policy explain training.method",
            )
        self._model = model
        self._loss_fn = loss_fn
        self._params = trainable(model)
        self._rows = RowMap()
        self._slots = [_Slot(m) for m in model.modules() if _is_lora_layer(m)]
        self._shared: list[_SharedInput] = []
        self._attach([[slot] for slot in self._slots])
        self._norms = FrozenNorms(model)
        self._fused = False

    def unit_gradients(self, group: UnitGroup) -> torch.Tensor:
        """Set `grad_sample` on every trainable parameter; see `GradientEngine`."""
        for p in self._params:
            p.grad_sample = None
        losses = torch.zeros(group.units, device=self._params[0].device)
        for batch in group.batches:
            if not self._fused:
                self._fuse(batch)
            self._rows.enter(batch.unit, group.units, alone=len(group.batches) == 1)
            for shared in self._shared:
                shared.forget()
            total, row_losses = self._loss_fn(self._model, batch)
            total.backward()
            losses.index_add_(0, batch.unit, row_losses * batch.weight)
        for p in self._params:
            if p.grad_sample is None:
                p.grad_sample = torch.zeros((group.units, *p.shape), device=p.device)
        return losses

    def close(self) -> None:
        """Give every layer its own forward back."""
        for slot in self._slots:
            slot.release()
        self._norms.close()

    def _attach(self, groups: Sequence[Sequence[_Slot]]) -> None:
        """Route each layer's forward through its group."""
        self._shared = [_SharedInput(list(members), self._rows) for members in groups]
        for shared in self._shared:
            for slot in shared.members:
                slot.take_over(shared)

    def _fuse(self, batch: PhysicalBatch) -> None:
        """Find, on one real row, which layers read the very same tensor; join them."""
        self._fused = True
        seen: list[tuple[torch.Tensor, list[_Slot]]] = []

        def note(slot: _Slot, x: torch.Tensor) -> None:
            for other, members in reversed(seen):
                if other is x and members[0].joins(slot):
                    members.append(slot)
                    return
            seen.append((x, [slot]))

        # One real row: what is given and what is learned differs from task to task.
        probe = only(batch, torch.arange(len(batch.unit), device=batch.unit.device) == 0)
        for slot in self._slots:
            slot.watch(note)
        # The probe leaves dropout's generator alone, or a resumed run would draw other masks.
        with torch.no_grad(), torch.random.fork_rng():
            self._loss_fn(self._model, probe)
        calls = [slot for _, members in seen for slot in members]
        once = len(calls) == len(set(map(id, calls)))
        # A layer that runs twice per pass, or not at all, keeps to itself: exact, only slower.
        groups = [members for _, members in seen] if once else []
        found = {id(slot) for members in groups for slot in members}
        self._attach([*groups, *([slot] for slot in self._slots if id(slot) not in found)])


def covers(model: torch.nn.Module) -> bool:
    """Tell whether every trainable parameter is a plain LoRA factor of a linear layer."""
    factors: set[int] = set()
    for module in model.modules():
        if _is_lora_layer(module):
            factors |= {id(p) for p in module.lora_A.parameters()}
            factors |= {id(p) for p in module.lora_B.parameters()}
    params = trainable(model)
    return bool(params) and all(id(p) in factors for p in params)


def _is_lora_layer(module: torch.nn.Module) -> bool:
    """Recognise PEFT's plain LoRA around a linear layer, with one active adapter."""
    from peft.tuners.lora.layer import Linear

    if not isinstance(module, Linear):
        return False
    active = [name for name in module.active_adapters if name in module.lora_A]
    return (
        len(active) == 1
        and not module.lora_variant
        and not module.merged
        and not module.disable_adapters
        and not module.lora_bias.get(active[0], False)
        and module.lora_B[active[0]].weight.requires_grad
    )


class _Slot:
    """One LoRA layer of PEFT, and its forward while the engine is attached."""

    def __init__(self, module: torch.nn.Module) -> None:
        self.module = module
        adapter = next(n for n in module.active_adapters if n in module.lora_A)
        self.base = module.get_base_layer()
        #: The factors, [rank, in] and [out, rank]; what their product is multiplied by.
        self.a: torch.nn.Parameter = module.lora_A[adapter].weight
        self.b: torch.nn.Parameter = module.lora_B[adapter].weight
        self.scaling = float(module.scaling[adapter])
        dropout = module.lora_dropout[adapter]
        #: The layer's dropout, or None where it does nothing.
        self.dropout = dropout if isinstance(dropout, torch.nn.Dropout) and dropout.p > 0 else None
        #: Whether the frozen base is a linear layer that may be computed here.
        self.plain_base = type(self.base) is torch.nn.Linear and not any(
            p.requires_grad for p in self.base.parameters()
        )

    def joins(self, other: _Slot) -> bool:
        """Tell whether two layers that read one tensor may be one operation."""
        return all(s.dropout is None and s.plain_base for s in (self, other))

    def take_over(self, shared: _SharedInput) -> None:
        """Send the layer's forward to its group."""
        self.module.forward = lambda x, *_args, **_kwargs: shared.output(self, x)

    def watch(self, note: Callable[[_Slot, torch.Tensor], None]) -> None:
        """Report the layer's input, then run PEFT's own forward."""
        own = type(self.module).forward

        def forward(x: torch.Tensor, *args: object, **kwargs: object) -> torch.Tensor:
            note(self, x)
            return own(self.module, x, *args, **kwargs)

        self.module.forward = forward

    def release(self) -> None:
        """Uncover PEFT's own forward."""
        self.module.__dict__.pop("forward", None)


class _SharedInput:
    """Layers that read one tensor: computed together at the first call, handed out one by one."""

    def __init__(self, members: list[_Slot], rows: RowMap) -> None:
        self.members = members
        self.rows = rows
        self.input: torch.Tensor | None = None
        self.ready: dict[int, torch.Tensor] = {}

    def forget(self) -> None:
        """Drop outputs that nobody asked for."""
        self.input = None
        self.ready.clear()

    def output(self, slot: _Slot, x: torch.Tensor) -> torch.Tensor:
        """Return a layer's output for `x`."""
        if slot.dropout is not None or not slot.plain_base:
            return self._around_base(slot, x)
        if self.input is not x or id(slot) not in self.ready:
            outputs = self._run(x, with_base=True)
            self.ready = {id(m): y for m, y in zip(self.members, outputs, strict=True)}
            self.input = x
        mine = self.ready.pop(id(slot))
        if not self.ready:
            self.input = None
        return mine

    def _around_base(self, slot: _Slot, x: torch.Tensor) -> torch.Tensor:
        """Call the base layer as it is and add the low-rank part."""
        result = slot.base(x)
        dropped = x if slot.dropout is None else slot.dropout(x)
        (low_rank,) = self._run(dropped, with_base=False)
        return result + low_rank.to(result.dtype)

    def _run(self, x: torch.Tensor, *, with_base: bool) -> tuple[torch.Tensor, ...]:
        """Run the joint operation in autocast's type, or the input's."""
        kind = x.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
        factors = [p for m in self.members for p in (m.a, m.b)]
        with torch.autocast(kind, enabled=False):
            outputs = _Joint.apply(x.to(dtype), self, with_base, *factors)
        return outputs if isinstance(outputs, tuple) else (outputs,)


class _Joint(torch.autograd.Function):  # type: ignore[misc]  # torch is untyped here
    """y_m = x W_m' + b_m + s_m (x A_m') B_m' for all members m of a group."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        x: torch.Tensor,
        shared: _SharedInput,
        with_base: bool,
        *_factors: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        """Compute all members' outputs from one input [..., seq, in]."""
        flat = x.reshape(-1, x.shape[-1])
        low = flat @ _stacked_a(shared.members, flat.dtype).t()
        outputs, start = [], 0
        for m in shared.members:
            part = low[:, start : start + m.a.shape[0]]
            factor = m.b.detach().to(flat.dtype).t()
            if with_base:
                bias = None if m.base.bias is None else m.base.bias.to(flat.dtype)
                y = torch.nn.functional.linear(flat, m.base.weight.to(flat.dtype), bias)
                y.addmm_(part, factor, alpha=m.scaling)
            else:
                y = (part @ factor).mul_(m.scaling)
            outputs.append(y.view(*x.shape[:-1], y.shape[-1]))
            start += m.a.shape[0]
        ctx.save_for_backward(x, low)
        ctx.shared, ctx.with_base = shared, with_base
        ctx.set_materialize_grads(False)
        return tuple(outputs)

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, *grads: torch.Tensor | None
    ) -> tuple[torch.Tensor | None, ...]:
        """Return the input's gradient; add each row's factor gradients to its unit."""
        x, low = ctx.saved_tensors
        shared: _SharedInput = ctx.shared
        batch, width = x.shape[0], x.shape[-1]
        x3, low3 = x.reshape(batch, -1, width), low.view(batch, -1, low.shape[-1])
        low_grads, grad_x, start = [], None, 0
        for m, grad in zip(shared.members, grads, strict=True):
            rank = m.a.shape[0]
            if grad is None:
                low_grads.append(torch.zeros_like(low[:, start : start + rank]))
            else:
                flat = grad.reshape(-1, grad.shape[-1])
                low_grads.append((flat @ m.b.detach().to(flat.dtype)).mul_(m.scaling))
                # Skinny side left: [rank, seq] x [seq, out] is the faster orientation.
                part = low3[:, :, start : start + rank]
                rows = torch.bmm(part.transpose(1, 2), flat.view(batch, -1, flat.shape[-1]))
                shared.rows.add(m.b, rows.mul_(m.scaling).transpose(1, 2))
                if ctx.with_base and ctx.needs_input_grad[0]:
                    weight = m.base.weight.to(flat.dtype)
                    grad_x = flat @ weight if grad_x is None else grad_x.addmm_(flat, weight)
            start += rank
        low_grad = low_grads[0] if len(low_grads) == 1 else torch.cat(low_grads, dim=1)
        if any(m.a.requires_grad for m in shared.members):
            rows = torch.bmm(low_grad.view(batch, -1, low_grad.shape[-1]).transpose(1, 2), x3)
            start = 0
            for m in shared.members:
                if m.a.requires_grad:
                    shared.rows.add(m.a, rows[:, start : start + m.a.shape[0]])
                start += m.a.shape[0]
        if ctx.needs_input_grad[0]:
            stacked = _stacked_a(shared.members, low_grad.dtype)
            grad_x = low_grad @ stacked if grad_x is None else grad_x.addmm_(low_grad, stacked)
            grad_x = grad_x.view_as(x)
        return (grad_x, None, None, *([None] * (2 * len(shared.members))))


def _stacked_a(members: Sequence[_Slot], dtype: torch.dtype) -> torch.Tensor:
    """Stack the members' A factors, [sum of ranks, in]."""
    if len(members) == 1:
        return members[0].a.detach().to(dtype)
    return torch.cat([m.a.detach() for m in members]).to(dtype)
