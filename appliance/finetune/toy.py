"""A toy that trains in milliseconds: a two-layer model with LoRA, and units of random tokens.

Used by the self-test only. Its size is chosen so that a full private step takes about ten
milliseconds on one core; its code path is the real one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from appliance.finetune.adapter import attach_lora
from appliance.finetune.per_sample import trainable
from appliance.model.examples import Example

_VOCABULARY = 37


def toy_model(
    *, layers: int = 2, target_modules: str | tuple[str, ...] = "all-linear"
) -> torch.nn.Module:
    """Build the toy: grouped-query attention, tied embeddings, both LoRA factors awake.

    Args:
        layers: how deep.
        target_modules: linear layers that get factors.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(20)
        config = LlamaConfig(
            vocab_size=_VOCABULARY,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=64,
            tie_word_embeddings=True,
        )
        model = attach_lora(
            LlamaForCausalLM(config).float(), rank=4, alpha=8.0, target_modules=target_modules
        )
        with torch.no_grad():
            for p in trainable(model):
                p.copy_(torch.randn(p.shape) * 0.3)
    return model.eval()


def toy_units(n: int) -> list[list[Example]]:
    """Make units of one to three records, from 3 to 30 tokens, some mostly prompt.

    Args:
        n: how many units.
    """
    rng = np.random.default_rng(21)
    units = []
    for number in range(n):
        records = []
        for _ in range(1 + number % 3):
            length = int(rng.choice([3, 5, 8, 13, 30]))
            mask = np.zeros(length, dtype=np.bool_)
            mask[int(rng.integers(1, length)) :] = True
            ids = rng.integers(0, _VOCABULARY, size=length).astype(np.int32)
            records.append(Example(input_ids=ids, loss_mask=mask, record_id=number))
        units.append(records)
    return units


def one_at_a_time(model: torch.nn.Module, units: Sequence[Sequence[Example]]) -> torch.Tensor:
    """Compute each unit's gradient the obvious way: its records alone, the model's own forward.

    Args:
        model: any causal language model with trainable parameters, no engine attached.
        units: the records of each unit.

    Returns:
        float32 [units, parameters].

    Reference:
        The definition: gradient of the mean, over the unit's records, of each record's mean
        negative log-likelihood of its target tokens. Shares no code with the engines.
    """
    params = trainable(model)
    rows = []
    for records in units:
        loss = torch.zeros((), device=params[0].device)
        for record in records:
            ids = torch.from_numpy(record.input_ids.astype(np.int64)).to(params[0].device)
            target = torch.from_numpy(record.loss_mask[1:]).to(params[0].device)
            logits = model(input_ids=ids[None]).logits[0, :-1].float()
            picked = logits.log_softmax(-1).gather(1, ids[1:, None])[:, 0][target]
            if len(picked):
                loss = loss - picked.mean() / len(records)
        if not loss.requires_grad:
            rows.append(torch.zeros(sum(p.numel() for p in params), device=params[0].device))
            continue
        grads = torch.autograd.grad(loss, params, allow_unused=True)
        flat = [
            torch.zeros(p.numel(), device=p.device) if g is None else g.reshape(-1).float()
            for g, p in zip(grads, params, strict=True)
        ]
        rows.append(torch.cat(flat))
    return torch.stack(rows)
