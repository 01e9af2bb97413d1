"""Time and memory of one private step, against plain PEFT and other ways to get per-unit gradients.

    python bench/engine.py [--layers 10] [--rounds 5] [--quick]

Methods are interleaved: each round runs every method once, and a ratio is taken within the round.
Times are CPU seconds of the process on one thread, so that a busy machine blurs them little. The
model has the shape of SmolLM2-135M with a third of its layers and random weights; all methods use
the same chunked loss but ghost clipping, which needs the graph of the logits.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from opacus.grad_sample import GradSampleModule
from opacus.grad_sample.grad_sample_module_fast_gradient_clipping import (
    GradSampleModuleFastGradientClipping,
)
from opacus.optimizers import DPOptimizer
from transformers import LlamaConfig, LlamaForCausalLM

from appliance.finetune.adapter import attach_lora
from appliance.finetune.batching import PhysicalBatch, UnitGroup
from appliance.finetune.lora_engine import LoraEngine
from appliance.finetune.loss import causal_lm_loss
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.noise import INJECTED, NoiseSource, Purpose
from appliance.finetune.optimizer import DpAdam, DpOptimizer
from appliance.finetune.per_sample import MicroBatchEngine, trainable
from appliance.finetune.ranks import Ranks

KEY = bytes(32)
ROWS = 8


@dataclass(frozen=True)
class Setting:
    name: str
    length: int
    rank: int
    targets: str | tuple[str, ...]


SETTINGS = (
    Setting("all linear, T=128", 128, 16, "all-linear"),
    Setting("all linear, T=512", 512, 16, "all-linear"),
    Setting("q,v, T=128", 128, 16, ("q_proj", "v_proj")),
)


def build(setting: Setting, layers: int) -> torch.nn.Module:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=layers,
        num_attention_heads=9,
        num_key_value_heads=3,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config)
    adapted = attach_lora(
        model, rank=setting.rank, alpha=16.0, target_modules=setting.targets, seed=0
    )
    with torch.no_grad():
        for name, p in adapted.named_parameters():
            if "lora_B" in name:
                p.normal_(std=0.02)
    return adapted.train()


def batch_of(length: int) -> PhysicalBatch:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(3, 49152, (ROWS, length), generator=generator)
    targets = torch.ones_like(ids, dtype=torch.bool)
    targets[:, 0] = False
    return PhysicalBatch(
        input_ids=ids,
        attention_mask=None,
        targets=targets,
        unit=torch.arange(ROWS),
        weight=torch.ones(ROWS),
        tokens=ids.numel(),
    )


def plain(model: torch.nn.Module, batch: PhysicalBatch) -> Callable[[], None]:
    adam = DpAdam(trainable(model), learning_rate=1e-4)

    def step() -> None:
        total, _ = causal_lm_loss(model, batch)
        total.backward()
        adam.step()
        adam.zero_grad()

    return step


def ours(model: torch.nn.Module, batch: PhysicalBatch, engine_of: type = LoraEngine):
    mechanism = Mechanism(
        sample_rate=0.01,
        noise_multiplier=1.0,
        steps=100,
        expected_batch_size=float(ROWS),
        max_grad_norm=1.0,
        target_delta=1e-5,
    )
    optimizer = DpOptimizer(
        DpAdam(trainable(model), learning_rate=1e-4),
        mechanism=mechanism,
        noise=NoiseSource(key=KEY, origin=INJECTED),
        ranks=Ranks(),
    )
    engine = engine_of(model, causal_lm_loss)
    group = UnitGroup(units=ROWS, batches=(batch,))
    number = iter(range(10_000))

    def step() -> None:
        optimizer.clear()
        engine.unit_gradients(group)
        optimizer.clip_and_accumulate()
        optimizer.add_step_noise(next(number))
        optimizer.scale_grad()
        optimizer.original_optimizer.step()

    return step


def micro_batch(model: torch.nn.Module, batch: PhysicalBatch) -> Callable[[], None]:
    return ours(model, batch, MicroBatchEngine)


def opacus(model: torch.nn.Module, batch: PhysicalBatch, *, functorch: bool = False):
    module = GradSampleModule(model, loss_reduction="sum", force_functorch=functorch, strict=False)
    optimizer = DPOptimizer(
        DpAdam(trainable(model), learning_rate=1e-4),
        noise_multiplier=1.0,
        max_grad_norm=1.0,
        expected_batch_size=ROWS,
    )

    def step() -> None:
        total, _ = causal_lm_loss(module._module, batch)
        total.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def opacus_functorch(model: torch.nn.Module, batch: PhysicalBatch) -> Callable[[], None]:
    return opacus(model, batch, functorch=True)


def opacus_ghost(model: torch.nn.Module, batch: PhysicalBatch) -> Callable[[], None]:
    """Two backward passes: norms, then the weighted loss."""
    module = GradSampleModuleFastGradientClipping(
        model, loss_reduction="sum", strict=False, max_grad_norm=1.0, use_ghost_clipping=True
    )
    adam = DpAdam(trainable(model), learning_rate=1e-4)
    generator = torch.Generator().manual_seed(2)

    def step() -> None:
        logits = module._module(input_ids=batch.input_ids).logits[:, :-1]
        losses = torch.nn.functional.cross_entropy(
            logits.reshape(-1, logits.shape[-1]),
            batch.input_ids[:, 1:].reshape(-1),
            reduction="none",
        )
        rows = losses.view(ROWS, -1).mean(dim=1)
        rows.sum().backward(retain_graph=True)
        adam.zero_grad()
        weights = module.get_clipping_coef()
        module.disable_hooks()
        (rows * weights).sum().backward()
        module.enable_hooks()
        _add_noise(model, generator)
        adam.step()
        adam.zero_grad()

    return step


def book_keeping(model: torch.nn.Module, batch: PhysicalBatch) -> Callable[[], None]:
    """As fastDP does it: one backward pass, norms by Gram matrices, then weighted products."""
    adam = DpAdam(trainable(model), learning_rate=1e-4)
    generator = torch.Generator().manual_seed(2)
    layers = [
        m for n, m in model.named_modules() if n.endswith(("lora_A.default", "lora_B.default"))
    ]
    held: dict[int, list[torch.Tensor]] = {}
    for layer in layers:
        layer.weight.requires_grad_(False)
        layer.register_forward_hook(
            lambda m, args, _out: held.__setitem__(id(m), [args[0].detach()])
        )
        layer.register_full_backward_hook(
            lambda m, _gin, gout: held[id(m)].append(gout[0].detach())
        )
    model.enable_input_require_grads()

    def step() -> None:
        total, _ = causal_lm_loss(model, batch)
        total.backward()
        squares = torch.zeros(ROWS)
        for layer in layers:
            a, g = held[id(layer)]
            squares += (torch.bmm(a, a.mT) * torch.bmm(g, g.mT)).sum(dim=(1, 2))
        factors = (1.0 / squares.sqrt()).clamp(max=1.0)
        for layer in layers:
            a, g = held[id(layer)]
            weighted = (g * factors[:, None, None]).reshape(-1, g.shape[-1])
            layer.weight.grad = weighted.t() @ a.reshape(-1, a.shape[-1])
        held.clear()
        _add_noise(model, generator)
        adam.step()
        adam.zero_grad()

    # The optimizer was built while the factors were trainable.
    return step


def _add_noise(model: torch.nn.Module, generator: torch.Generator) -> None:
    for p in model.parameters():
        if p.grad is not None:
            p.grad += torch.randn(p.shape, generator=generator)


METHODS: dict[str, Callable[[torch.nn.Module, PhysicalBatch], Callable[[], None]]] = {
    "plain PEFT": plain,
    "this engine": ours,
    "book-keeping (as fastDP)": book_keeping,
    "Opacus hooks": opacus,
    "Opacus functorch": opacus_functorch,
    "micro-batch of one": micro_batch,
    "Opacus ghost": opacus_ghost,
}


def times(setting: Setting, layers: int, rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each method in each round."""
    batch = batch_of(setting.length)
    found: dict[str, list[float]] = {name: [] for name in METHODS}
    steps = {name: make(build(setting, layers), batch) for name, make in METHODS.items()}
    for step in steps.values():
        step()
    for number in range(rounds):
        # Every other round runs backwards, so that a drift of the machine cancels.
        order = list(steps) if number % 2 == 0 else list(reversed(steps))
        for name in order:
            gc.collect()
            began = time.process_time()
            steps[name]()
            found[name].append(time.process_time() - began)
    return found


def memory(name: str, setting: Setting, layers: int) -> int:
    """Peak resident bytes that two steps add, in a process of their own."""
    model, batch = build(setting, layers), batch_of(setting.length)
    step = METHODS[name](model, batch)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step()
    step()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


def randomness(step_seconds: float, setting: Setting, layers: int) -> float:
    """Share of a step that noise and sampling take, over 100,000 units."""
    n = sum(p.numel() for p in trainable(build(setting, layers)))
    source = NoiseSource(key=KEY, origin=INJECTED)
    began = time.process_time()
    source.normal(Purpose.GRADIENT_NOISE, step=0, index=0, n=n)
    np.flatnonzero(source.words(Purpose.UNIT_MASK, step=0, index=0, n=100_000) < 10)
    return (time.process_time() - began) / step_seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--quick", action="store_true", help="first setting, two rounds, two layers"
    )
    parser.add_argument("--memory-of", nargs=2, metavar=("METHOD", "SETTING"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.memory_of:
        name, number = args.memory_of
        sys.stdout.write(json.dumps(memory(name, SETTINGS[int(number)], args.layers)))
        return
    layers, rounds = (2, 2) if args.quick else (args.layers, args.rounds)
    for number, setting in enumerate(SETTINGS[: 1 if args.quick else None]):
        found = times(setting, layers, rounds)
        base = found["plain PEFT"]
        peaks = {}
        for name in METHODS:
            command = [sys.executable, __file__, "--layers", str(layers), "--memory-of", name]
            done = subprocess.run(
                [*command, str(number)], capture_output=True, text=True, check=True
            )
            peaks[name] = json.loads(done.stdout.splitlines()[-1])
        print(f"\n{setting.name}, B={ROWS}, r={setting.rank}, {layers} layers, {rounds} rounds")
        print(f"{'method':<26}{'seconds':>9}{'ratio':>8}{'lowest':>8}{'highest':>9}{'memory':>8}")
        for name, seconds in found.items():
            ratios = [s / b for s, b in zip(seconds, base, strict=True)]
            print(
                f"{name:<26}{statistics.median(seconds):>9.3f}{statistics.median(ratios):>8.3f}"
                f"{min(ratios):>8.3f}{max(ratios):>9.3f}"
                f"{peaks[name] / peaks['plain PEFT']:>8.3f}"
            )
        share = randomness(statistics.median(found["this engine"]), setting, layers)
        print(f"noise and sampling: {share:.2%} of a step of this engine", flush=True)


if __name__ == "__main__":
    main()
