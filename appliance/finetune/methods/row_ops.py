"""Operations whose backward pass forms one parameter gradient per row of the batch.

Each takes tensors whose first dimension is the batch, computes what the plain operation computes,
and where autograd would add up a parameter's gradient over the batch, hands one gradient per row
to a `RowMap` instead. Parameters get no `.grad` from them.
"""

from __future__ import annotations

from typing import Any

import torch

from appliance.errors import MachineError
from appliance.finetune.per_sample import RowMap


def per_row(p: torch.nn.Parameter, rows: RowMap) -> torch.Tensor:
    """Give each row of the batch its own copy of a parameter, without copying.

    Args:
        p: of any shape.
        rows: the batch that runs.

    Returns:
        [rows, *shape], a view.

    Guarantees:
        The gradient is taken after the expansion: row b of it is that of row b alone.
    """
    found: torch.Tensor = _PerRow.apply(p, rows)
    return found


def linear(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    rows: RowMap,
    *,
    transposed: bool = False,
) -> torch.Tensor:
    """Compute x W' + b; form gradients per row of those of W and b that are trained.

    Args:
        x: [rows, ..., in].
        weight: [out, in]; [in, out] where `transposed`.
        bias: [out], or None.
        rows: the batch that runs.
        transposed: whether the weight lies as in GPT-2's Conv1D.
    """
    check_rows(x, rows)
    kind = x.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
    with torch.autocast(kind, enabled=False):
        found: torch.Tensor = _Linear.apply(x.to(dtype), weight, bias, rows, transposed)
    return found


def embedding(
    ids: torch.Tensor, weight: torch.nn.Parameter, padding_idx: int | None, rows: RowMap
) -> torch.Tensor:
    """Look rows of a table up; form the table's gradient per row of the batch.

    Args:
        ids: int64 [rows, ...], or [1, ...] where all rows look the same up (positions).
        weight: [entries, width].
        padding_idx: entry that gets no gradient.
        rows: the batch that runs.
    """
    if ids.shape[0] == 1 and rows.rows > 1:
        ids = ids.expand(rows.rows, *ids.shape[1:])
    check_rows(ids, rows)
    found: torch.Tensor = _Embedding.apply(ids, weight, padding_idx, rows)
    return found


def check_rows(x: torch.Tensor, rows: RowMap) -> None:
    """Refuse a tensor that has lost the batch.

    Raises:
        MachineError: the first dimension is not the batch: its gradient could not be told apart
            by unit.
    """
    if x.dim() < 2 or x.shape[0] != rows.rows:
        raise MachineError(
            "training.method",
            "a trained layer of this model mixes the rows of a batch: no per-unit gradient exists",
            hint="set training.method: lora (appliance policy explain training.method)",
        )


class _PerRow(torch.autograd.Function):  # type: ignore[misc]  # torch is untyped here
    @staticmethod
    def forward(ctx: Any, p: torch.Tensor, rows: RowMap) -> torch.Tensor:  # noqa: ANN401
        ctx.p, ctx.rows = p, rows
        return p.detach().unsqueeze(0).expand(rows.rows, *p.shape)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[None, None]:  # noqa: ANN401
        ctx.rows.add(ctx.p, grad.clone())  # Autograd may hand the same tensor to others.
        return None, None


class _Linear(torch.autograd.Function):  # type: ignore[misc]  # torch is untyped here
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        rows: RowMap,
        transposed: bool,
    ) -> torch.Tensor:
        matrix = weight.detach().to(x.dtype)
        if transposed:
            matrix = matrix.t()
        offset = None if bias is None else bias.detach().to(x.dtype)
        trained = weight.requires_grad
        ctx.save_for_backward(x if trained else None, matrix)
        ctx.weight, ctx.bias, ctx.rows, ctx.transposed = weight, bias, rows, transposed
        return torch.nn.functional.linear(x, matrix, offset)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401
        x, matrix = ctx.saved_tensors
        g = grad.reshape(len(grad), -1, grad.shape[-1])
        if ctx.bias is not None and ctx.bias.requires_grad:
            ctx.rows.add(ctx.bias, g.sum(dim=1))
        if x is not None:
            flat = x.reshape(len(x), -1, x.shape[-1])
            left, right = (flat, g) if ctx.transposed else (g, flat)
            ctx.rows.add_product(ctx.weight, left, right)
        grad_x = grad @ matrix if ctx.needs_input_grad[0] else None
        return grad_x, None, None, None, None


class _Embedding(torch.autograd.Function):  # type: ignore[misc]  # torch is untyped here
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        ids: torch.Tensor,
        weight: torch.Tensor,
        padding_idx: int | None,
        rows: RowMap,
    ) -> torch.Tensor:
        ctx.save_for_backward(ids)
        ctx.weight, ctx.padding_idx, ctx.rows = weight, padding_idx, rows
        return torch.nn.functional.embedding(ids, weight.detach())

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[None, None, None, None]:  # noqa: ANN401
        (ids,) = ctx.saved_tensors
        entries, width = ctx.weight.shape
        flat = ids.reshape(len(ids), -1)
        g = grad.reshape(*flat.shape, width).float()
        if ctx.padding_idx is not None:
            g = g.masked_fill((flat == ctx.padding_idx).unsqueeze(-1), 0.0)
        if ctx.rows.is_large(ctx.weight):
            ctx.rows.add_product(ctx.weight, flat, g)
            return None, None, None, None
        per_row = g.new_zeros(len(ids) * entries, width)
        places = flat + entries * torch.arange(len(ids), device=ids.device).unsqueeze(1)
        per_row.index_add_(0, places.reshape(-1), g.reshape(-1, width))
        ctx.rows.add(ctx.weight, per_row.view(len(ids), entries, width))
        return None, None, None, None
