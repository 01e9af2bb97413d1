"""What the benchmarks of single steps share: model shape, batch, plain step, peak memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from appliance.finetune.batching import PhysicalBatch
from appliance.finetune.loss import causal_lm_loss
from appliance.finetune.optimizer import DpAdam
from appliance.finetune.per_sample import trainable

VOCABULARY = 49152


def smollm2_shaped(layers: int) -> torch.nn.Module:
    """Random weights in the shape of SmolLM2-135M, with some of its 30 layers."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=layers,
        num_attention_heads=9,
        num_key_value_heads=3,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config)


def random_batch(rows: int, length: int) -> PhysicalBatch:
    """One record a unit, all of one length."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(3, VOCABULARY, (rows, length), generator=generator)
    targets = torch.ones_like(ids, dtype=torch.bool)
    targets[:, 0] = False
    return PhysicalBatch(
        input_ids=ids,
        attention_mask=None,
        targets=targets,
        unit=torch.arange(rows),
        weight=torch.ones(rows),
        tokens=ids.numel(),
    )


def plain_step(model: torch.nn.Module, batch: PhysicalBatch) -> Callable[[], None]:
    """A step of the same optimizer on the same loss, without privacy."""
    adam = DpAdam(trainable(model), learning_rate=1e-5)

    def step() -> None:
        total, _ = causal_lm_loss(model, batch)
        total.backward()
        adam.step()
        adam.zero_grad()

    return step


def peak_of(make: Callable[[], Callable[[], None]]) -> int:
    """Peak bytes that making a step and taking it twice add, in a child of this process."""
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        Path("/proc/self/clear_refs").write_text("5")  # The peak starts anew.
        before = resident("VmRSS")
        step = make()
        step()
        step()
        os.write(sink, str(resident("VmHWM") - before).encode())
        os._exit(0)
    os.close(sink)
    with os.fdopen(source) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return int(text)


def resident(field: str) -> int:
    """Resident bytes of this process: now (VmRSS) or at most so far (VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return 1024 * int(line.split()[1])
    raise RuntimeError(field)
