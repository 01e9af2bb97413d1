"""The loss: each record's own mean token loss, and nothing of its neighbours.

Refuses a batch mean. Dividing by the tokens of a batch couples records: one record's gradient then
depends on the length of the others, and its sensitivity has no bound.
"""

from __future__ import annotations

import torch

from appliance.errors import MachineError
from appliance.finetune.batching import PhysicalBatch

_CHUNK_LOGITS = 2**25  # 128 MB of float32 logits at a time


def causal_lm_loss(
    model: torch.nn.Module, batch: PhysicalBatch
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the summed unit losses of a physical batch.

    Args:
        model: a PEFT model over a causal language model.
        batch: padded rows with targets, units and weights.

    Returns:
        Scalar with a graph: the sum over rows of weight * mean token loss. And float32 [rows],
        each row's mean token loss, without a graph; both private.

    Raises:
        MachineError: the base model has no decoder or output embeddings to be found.

    Guarantees:
        A row's loss is the mean negative log-likelihood of its own target tokens: it does not
        depend on any other row, nor on padding, in exact arithmetic. The gradient of the scalar
        is the sum over units of the gradient of the mean loss of the unit's rows.

    Reference:
        The unit's loss is a mean over its drawn records, not a sum: with clipping to one bound,
        equal scale across units clips prolific and scarce units alike (the per-user average of
        McMahan et al. 2018, arXiv:1710.06963). Its sensitivity is the clipping bound either way.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    head = base.get_output_embeddings()
    decoder = base.get_decoder() if hasattr(base, "get_decoder") else None
    if head is None or decoder is None:
        raise MachineError(
            "training.base_model",
            "expected a causal language model with a decoder and output embeddings",
            hint="appliance models list",
        )
    hidden = decoder(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False
    ).last_hidden_state
    predicted = batch.targets[:, 1:]
    counts = predicted.sum(dim=1).clamp(min=1)
    row_of_token = predicted.nonzero()[:, 0]
    token_weight = (batch.weight / counts)[row_of_token]
    total, token_losses = _token_losses(
        hidden[:, :-1],
        predicted,
        batch.input_ids[:, 1:][predicted],
        token_weight,
        head,
        softcap=getattr(base.config, "final_logit_softcapping", None),
        scale=float(getattr(base.config, "logit_scale", None) or 1.0)
        / float(getattr(base.config, "logits_scaling", None) or 1.0),
    )
    row_losses = torch.zeros_like(batch.weight).index_add_(0, row_of_token, token_losses) / counts
    return total, row_losses


def _token_losses(
    hidden: torch.Tensor,
    predicted: torch.Tensor,
    targets: torch.Tensor,
    token_weight: torch.Tensor,
    head: torch.nn.Module,
    *,
    softcap: float | None,
    scale: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weigh and sum the losses of target tokens: chunked where the output layer is frozen."""
    frozen = not any(p.requires_grad for p in head.parameters())
    if frozen and type(head) is torch.nn.Linear and softcap is None and scale == 1.0:
        total, losses = _FrozenHeadLoss.apply(
            hidden[predicted], head.weight, head.bias, targets, token_weight
        )
        return total, losses
    # A trained head must see the rows of the batch, or its gradient has no rows.
    logits = head(hidden[predicted]) if frozen else head(hidden)[predicted]
    logits = logits.float() * scale
    if softcap is not None:
        logits = softcap * torch.tanh(logits / softcap)
    losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    return (losses * token_weight).sum(), losses.detach()


class _FrozenHeadLoss(torch.autograd.Function):  # type: ignore[misc]  # torch is untyped here
    """Weighted cross-entropy through a frozen output layer, a chunk of tokens at a time.

    The gradient is formed in the forward pass while a chunk's logits exist: logits are computed
    once, and never all together.
    """

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        hidden: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        targets: torch.Tensor,
        token_weight: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the weighted sum and each token's loss, float32."""
        dtype = _compute_dtype(hidden)
        need = ctx.needs_input_grad[0]
        grad = torch.empty_like(hidden, dtype=dtype) if need else None
        losses = torch.empty(len(hidden), dtype=torch.float32, device=hidden.device)
        matrix = weight.to(dtype)
        rows = max(1, _CHUNK_LOGITS // weight.shape[0])
        with torch.autocast(hidden.device.type, enabled=False):
            for start in range(0, len(hidden), rows):
                part = slice(start, start + rows)
                logits = torch.nn.functional.linear(
                    hidden[part].to(dtype), matrix, None if bias is None else bias.to(dtype)
                ).float()
                chosen = targets[part].unsqueeze(1)
                top = logits.amax(dim=1, keepdim=True)
                picked = logits.gather(1, chosen) - top
                exps = logits.sub_(top).exp_()
                norm = exps.sum(dim=1, keepdim=True)
                losses[part] = (norm.log() - picked).squeeze(1)
                if grad is not None:
                    scale = token_weight[part].unsqueeze(1)
                    exps.mul_(scale / norm).scatter_add_(1, chosen, -scale)
                    torch.mm(exps.to(dtype), matrix, out=grad[part])
        ctx.save_for_backward(grad)
        ctx.dtype = hidden.dtype
        ctx.mark_non_differentiable(losses)
        return (losses * token_weight).sum(), losses

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, grad_total: torch.Tensor, _losses: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        """Scale the stored gradient by the incoming one."""
        (grad,) = ctx.saved_tensors
        scaled = None if grad is None else grad.mul_(grad_total).to(ctx.dtype)
        return scaled, None, None, None, None


def _compute_dtype(x: torch.Tensor) -> torch.dtype:
    """Follow autocast where it is on, the tensor otherwise."""
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
