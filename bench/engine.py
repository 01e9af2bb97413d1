"""Time and memory of one private step, against plain PEFT and other ways to get per-unit gradients.

    python bench/engine.py [--layers 10] [--rounds 5] [--only 0] [--quick]

Methods are interleaved: each round runs every method once, and a ratio is taken within the round.
Times are CPU seconds of the process on one thread. On a shared machine the same step still takes
4 to 5.5 of them from round to round; what disturbs a step only ever makes it longer, so beside the
median of the rounds' ratios stands that of the best rounds. The model has the shape of SmolLM2-135M
with a third of its layers and random weights; all methods use the same chunked loss but ghost
clipping, which needs the graph of the logits. Memory is the peak that a fresh process adds from
before the model is built until two steps are done.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from _steps import peak_of, plain_step, random_batch, smollm2_shaped
from opacus.grad_sample import GradSampleModule
from opacus.grad_sample.grad_sample_module_fast_gradient_clipping import (
    GradSampleModuleFastGradientClipping,
)
from opacus.optimizers import DPOptimizer

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


@dataclass(frozen=True)
class Setting:
    name: str
    length: int
    rows: int
    targets: str | tuple[str, ...]
    bound: float
    checkpointing: bool = False
    rounds: int = 6
    rank: int = 16


SETTINGS = (
    Setting("all linear, T=128", 128, 8, "all-linear", 1.02, rounds=8),
    Setting("all linear, T=512", 512, 4, "all-linear", 1.05, rounds=4),
    Setting("q,v, T=128", 128, 8, ("q_proj", "v_proj"), 1.00),
)
#: Memory alone: what is left to see once activations are recomputed and logits chunked.
CHECKPOINTED = Setting(
    "all linear, T=128, gradient checkpointing", 128, 8, "all-linear", 1.05, checkpointing=True
)


def build(setting: Setting, layers: int) -> torch.nn.Module:
    model = smollm2_shaped(layers)
    adapted = attach_lora(
        model, rank=setting.rank, alpha=16.0, target_modules=setting.targets, seed=0
    )
    with torch.no_grad():
        for name, p in adapted.named_parameters():
            if "lora_B" in name:
                p.normal_(std=0.02)
    if setting.checkpointing:
        adapted.enable_input_require_grads()
        adapted.gradient_checkpointing_enable(
            gradient_checkpointing_kwargs={"use_reentrant": False}
        )
    return adapted.train()


def batch_of(setting: Setting) -> PhysicalBatch:
    return random_batch(setting.rows, setting.length)


def our_optimizer(model: torch.nn.Module, units: int) -> DpOptimizer:
    mechanism = Mechanism(
        sample_rate=0.01,
        noise_multiplier=1.0,
        steps=100,
        expected_batch_size=float(units),
        max_grad_norm=1.0,
        target_delta=1e-5,
    )
    return DpOptimizer(
        DpAdam(trainable(model), learning_rate=1e-4),
        mechanism=mechanism,
        noise=NoiseSource(key=KEY, origin=INJECTED),
        ranks=Ranks(),
    )


def ours(model: torch.nn.Module, batch: PhysicalBatch, engine_of: type = LoraEngine):
    optimizer = our_optimizer(model, len(batch.unit))
    engine = engine_of(model, causal_lm_loss)
    group = UnitGroup(units=len(batch.unit), batches=(batch,))
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
        expected_batch_size=len(batch.unit),
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
        rows = losses.view(len(batch.unit), -1).mean(dim=1)
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
        squares = torch.zeros(len(batch.unit))
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
    "plain PEFT": plain_step,
    "this engine": ours,
    "book-keeping (as fastDP)": book_keeping,
    "Opacus hooks": opacus,
    "Opacus functorch": opacus_functorch,
    "micro-batch of one": micro_batch,
    "Opacus ghost": opacus_ghost,
}


#: Far behind after two rounds: no more of them are needed.
SLOW = ("micro-batch of one", "Opacus ghost")
SLOW_ROUNDS = 2


def times(setting: Setting, layers: int, rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each method in each round."""
    batch = batch_of(setting)
    found: dict[str, list[float]] = {name: [] for name in METHODS}
    steps = {name: make(build(setting, layers), batch) for name, make in METHODS.items()}
    for step in steps.values():
        step()
    for number in range(rounds):
        if number == SLOW_ROUNDS:
            for name in SLOW:
                del steps[name]
        # Every other round runs backwards, so that a drift of the machine cancels.
        order = list(steps) if number % 2 == 0 else list(reversed(steps))
        for name in order:
            gc.collect()
            began = time.process_time()
            steps[name]()
            found[name].append(time.process_time() - began)
    return found


def memory(name: str, setting: Setting, layers: int) -> int:
    """Peak resident bytes that model and two steps add, in a child of this process."""
    return peak_of(lambda: METHODS[name](build(setting, layers), batch_of(setting)))


def randomness(setting: Setting, layers: int) -> list[float]:
    """CPU seconds that the noise and sampling of each of some steps take, over 100,000 units.

    All of it: keystream, normal numbers, rounding of noise and sums to the grid, adding, masks.
    """
    optimizer = our_optimizer(build(setting, layers), setting.rows)
    optimizer.clear()
    found = []
    for step in range(15):
        began = time.process_time()
        optimizer.add_step_noise(step)
        words = optimizer.noise.words(Purpose.UNIT_MASK, step=step, index=0, n=100_000)
        np.flatnonzero(words < 10)
        found.append(time.process_time() - began)
    return found


def show(setting: Setting, layers: int, rounds: int, *, with_memory: bool) -> None:
    """Measure one setting and print its table."""
    peaks = {n: memory(n, setting, layers) for n in METHODS} if with_memory else {}
    found = times(setting, layers, rounds)
    print(
        f"\n{setting.name}, B={setting.rows}, r={setting.rank}, {layers} layers, {rounds} rounds; "
        f"asked of this engine: time <= {setting.bound:.2f}, memory <= 1.02"
    )
    print(
        f"{'method':<26}{'seconds':>9}{'ratio':>8}{'lowest':>8}{'highest':>9}{'best':>8}{'memory':>8}"
    )
    for name, seconds in found.items():
        ratios = [s / b for s, b in zip(seconds, found["plain PEFT"], strict=False)]
        best = min(seconds) / min(found["plain PEFT"])
        peak = f"{peaks[name] / peaks['plain PEFT']:>8.3f}" if peaks else f"{'-':>8}"
        print(
            f"{name:<26}{statistics.median(seconds):>9.3f}{statistics.median(ratios):>8.3f}"
            f"{min(ratios):>8.3f}{max(ratios):>9.3f}{best:>8.3f}{peak}"
        )
    for name, seconds in found.items():
        if name in ("this engine", "plain PEFT"):
            continue
        pairs = [ours / other for ours, other in zip(found["this engine"], seconds, strict=False)]
        won = sum(pair < 1 for pair in pairs)
        print(
            f"this engine over {name}: {statistics.median(pairs):.3f}, faster in {won} of "
            f"{len(pairs)} rounds; best against best "
            f"{min(found['this engine']) / min(seconds):.3f}"
        )
    drawn, steps = randomness(setting, layers), found["this engine"]
    share = statistics.median(drawn) / statistics.median(steps)
    print(
        f"noise and sampling: {share:.2%} of a step of this engine, best against best"
        f" {min(drawn) / min(steps):.2%} (asked: < 1.5 %)",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=None, help="absent: each setting's own")
    parser.add_argument("--only", type=int, choices=range(len(SETTINGS) + 1), help="one setting")
    parser.add_argument(
        "--quick", action="store_true", help="first setting, two rounds, two layers"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    layers = 2 if args.quick else args.layers
    chosen = [0] if args.quick else range(len(SETTINGS) + 1) if args.only is None else [args.only]
    for number in chosen:
        if number < len(SETTINGS):
            setting = SETTINGS[number]
            rounds = args.rounds or (2 if args.quick else setting.rounds)
            show(setting, layers, rounds, with_memory=number == 0)
        else:
            peaks = {n: memory(n, CHECKPOINTED, layers) for n in ("plain PEFT", "this engine")}
            ratio = peaks["this engine"] / peaks["plain PEFT"]
            print(f"\n{CHECKPOINTED.name}: memory {ratio:.3f} (asked: <= {CHECKPOINTED.bound})")


if __name__ == "__main__":
    main()
