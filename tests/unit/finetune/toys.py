"""Small random models and units, built in code, shared by the tests of this room."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from appliance.finetune.adapter import attach_lora
from appliance.model.examples import Example

VOCAB = 61


def llama(seed: int = 0, **overrides):
    torch.manual_seed(seed)
    config = {
        "vocab_size": VOCAB,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "tie_word_embeddings": True,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    return LlamaForCausalLM(LlamaConfig(**{**config, **overrides})).float()


def awake(model, seed: int = 1):
    """Give B factors that are not zero, so that A's gradients are not."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.requires_grad and "lora_B" in name:
                p.copy_(torch.randn(p.shape, generator=generator) * 0.1)
    return model


def lora_llama(seed: int = 0, *, rank: int = 4, dropout: float = 0.0, **overrides):
    model = attach_lora(llama(seed, **overrides), rank=rank, alpha=8.0, dropout=dropout, seed=seed)
    return awake(model)


def example(rng, length: int, *, prompt: int = 1, vocab: int = VOCAB) -> Example:
    mask = np.zeros(length, dtype=np.bool_)
    mask[prompt:] = True
    ids = rng.integers(3, vocab, size=length).astype(np.int32)
    return Example(input_ids=ids, loss_mask=mask, record_id=int(rng.integers(1 << 30)))


def make_units(n: int, *, seed: int = 0, records: int = 3, vocab: int = VOCAB):
    """Units with 1 to `records` records of 4 to 20 tokens, some behind a prompt."""
    rng = np.random.default_rng(seed)
    return [
        [
            example(rng, int(rng.integers(4, 21)), prompt=int(rng.integers(1, 4)), vocab=vocab)
            for _ in range(int(rng.integers(1, records + 1)))
        ]
        for _ in range(n)
    ]


class MemoryStore:
    """A checkpoint store in memory."""

    def __init__(self) -> None:
        self.state: dict[str, bytes] | None = None
        self.saves = 0

    def save(self, state: Mapping[str, bytes]) -> None:
        self.state = dict(state)
        self.saves += 1

    def load(self):
        return self.state
