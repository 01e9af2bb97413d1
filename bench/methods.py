"""What each tuning method costs and what it is worth, under one privacy guarantee.

    python bench/methods.py [--part time|use|sweep] [--layers 6] [--rounds 3] [--steps 30]
                            [--seeds 3]

time   One private step against one plain step of the same method on the same batch, interleaved;
       CPU seconds on one thread; median of the rounds' ratios. Memory is the peak that a fresh
       process adds from before the model is built until two steps are done. The model has the
       shape of SmolLM2-135M with fewer layers and random weights.
use    Loss on held-out letters of the sample generator at epsilon 8 and without privacy, same
       data, same steps. The base is a small model trained on the spot on the public half of the
       letters' kinds; the private half is new to it. One letter is one unit. A seed is the
       start of what is trained, the draws and the noise.
sweep  The held-out loss at epsilon 8 over step sizes: where STEPS below comes from.
"""

from __future__ import annotations

import argparse
import copy
import functools
import gc
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from _steps import peak_of, plain_step, random_batch, smollm2_shaped
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

from appliance.finetune.batching import PhysicalBatch, UnitGroup
from appliance.finetune.loss import causal_lm_loss
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.methods import Holding, MethodSettings, attach, engine_for, holding
from appliance.finetune.noise import INJECTED, NoiseSource
from appliance.finetune.optimizer import DpAdam, DpOptimizer
from appliance.finetune.per_sample import trainable
from appliance.finetune.ranks import Ranks
from appliance.finetune.settings import UNIT_GRADIENT_BYTES, TrainSettings
from appliance.finetune.trainer import train
from appliance.model.examples import Example
from appliance.sample_data import write_sample_data

METHODS = ("lora", "dora", "ia3", "prompt", "prefix", "bottleneck", "full")
TIMED = (*METHODS, "full-by-unit")  # The last: every gradient as it is, for comparison.
#: Step sizes for the small model of `use`: the best of `sweep` at epsilon 8.
STEPS = {
    "lora": 1e-2,
    "dora": 1e-2,
    "ia3": 3e-2,
    "prompt": 3e-2,
    "prefix": 3e-2,
    "bottleneck": 1e-2,
    "full": 1e-3,
}
SWEEP = (1 / 3, 1.0, 3.0)
KEY = bytes(32)
WIDTH, VOCABULARY, LENGTH, BATCH = 64, 1024, 32, 48


def settings_of(method: str, seed: int = 0) -> MethodSettings:
    method = method.removesuffix("-by-unit")
    return MethodSettings(method=method, rank=8, alpha=16.0, virtual_tokens=10, seed=seed)


# --- time and memory -----------------------------------------------------------------------------


def private_step(model: torch.nn.Module, batch: PhysicalBatch, held: Holding) -> Callable[[], None]:
    """A step as the trainer does it: groups of as many units as it holds together."""
    optimizer = DpOptimizer(
        DpAdam(trainable(model), learning_rate=1e-5),
        mechanism=Mechanism(
            sample_rate=0.01,
            noise_multiplier=1.0,
            steps=100,
            expected_batch_size=float(len(batch.unit)),
            max_grad_norm=1.0,
            target_delta=1e-5,
        ),
        noise=NoiseSource(key=KEY, origin=INJECTED),
        ranks=Ranks(),
    )
    engine = engine_for(model, causal_lm_loss, large=held.large)
    number = iter(range(10_000))
    rows, length = batch.input_ids.shape
    fit = max(1, TrainSettings().physical_batch_tokens // length) if held.large else rows
    in_memory = min(held.units, fit)
    parts = [
        UnitGroup(units=len(cut), batches=(_part(batch, cut),))
        for cut in (range(i, min(i + in_memory, rows)) for i in range(0, rows, in_memory))
    ]

    def step() -> None:
        optimizer.clear()
        for group in parts:
            engine.unit_gradients(group)
            optimizer.clip_and_accumulate()
        optimizer.add_step_noise(next(number))
        optimizer.scale_grad()
        optimizer.original_optimizer.step()
        optimizer.clear()

    return step


def _part(batch: PhysicalBatch, cut: range) -> PhysicalBatch:
    chosen = torch.tensor(list(cut))
    return PhysicalBatch(
        input_ids=batch.input_ids[chosen],
        attention_mask=None,
        targets=batch.targets[chosen],
        unit=torch.arange(len(chosen)),
        weight=batch.weight[chosen],
        tokens=int(batch.input_ids[chosen].numel()),
    )


def held_by(model: torch.nn.Module, method: str) -> Holding:
    """How the trainer would hold gradients."""
    if method != "full-by-unit":
        return holding(model, unit_gradient_bytes=UNIT_GRADIENT_BYTES)
    size = 4 * sum(p.numel() for p in trainable(model))
    return Holding(units=max(1, UNIT_GRADIENT_BYTES // size))


def seconds(
    method: str, layers: int, rounds: int, shape: tuple[int, int]
) -> tuple[int, list[float], list[float]]:
    # A model each: the private one's layers belong to its engine.
    plain, model = (attach(smollm2_shaped(layers), settings_of(method)).train() for _ in range(2))
    batch = random_batch(*shape)
    steps = (
        plain_step(plain, batch),
        private_step(model, batch, held_by(model, method)),
    )
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for step, taken in zip(steps, found, strict=True):
            gc.collect()
            began = time.process_time()
            step()
            if number:  # The first round warms up.
                taken.append(time.process_time() - began)
    return sum(p.numel() for p in trainable(model)), *found


def peak(method: str, layers: int, shape: tuple[int, int], *, private: bool) -> int:
    """Bytes that a model and two steps add at their peak, in a child of this process."""
    batch = random_batch(*shape)

    def make() -> Callable[[], None]:
        model = attach(smollm2_shaped(layers), settings_of(method)).train()
        if private:
            return private_step(model, batch, held_by(model, method))
        return plain_step(model, batch)

    return peak_of(make)


def show_time(methods: Sequence[str], layers: int, rounds: int, shape: tuple[int, int]) -> None:
    print(
        f"One step, B={shape[0]}, T={shape[1]}, {layers} layers of SmolLM2-135M's shape, "
        f"{rounds} rounds, against the same method without privacy\n"
    )
    print("| method | trained | plain s | private s | time | lowest | highest | memory |")
    print("|---|---|---|---|---|---|---|---|")
    for method in methods:
        peaks = [peak(method, layers, shape, private=private) for private in (False, True)]
        count, plain, private = seconds(method, layers, rounds, shape)
        ratios = [b / a for a, b in zip(plain, private, strict=True)]
        print(
            f"| {method} | {count:,} | {statistics.median(plain):.2f} | "
            f"{statistics.median(private):.2f} | {statistics.median(ratios):.3f} | "
            f"{min(ratios):.3f} | {max(ratios):.3f} | {peaks[1] / peaks[0]:.3f} |",
            flush=True,
        )


# --- use -----------------------------------------------------------------------------------------


def letters() -> tuple[list[str], list[str]]:
    """Letters of the public kinds, and of the private ones."""
    with tempfile.TemporaryDirectory() as folder:
        made = write_sample_data(Path(folder), records=3000, patients=3000, shape="classification")
        rows = [json.loads(line) for line in made.notes.read_text().splitlines()]
    kinds = sorted({row["label"] for row in rows})
    public = set(kinds[: len(kinds) // 2])
    return (
        [row["text"] for row in rows if row["label"] in public],
        [row["text"] for row in rows if row["label"] not in public],
    )


def tokenizer_of(texts: Sequence[str]) -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    return made


def windows(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Example]:
    """The middle of each letter: its opening says little."""
    found = []
    for number, text in enumerate(texts):
        ids = np.asarray(tokenizer.encode(text).ids, np.int32)
        start = max(0, (len(ids) - LENGTH) // 2)
        ids = ids[start : start + LENGTH]
        learned = np.ones(len(ids), dtype=np.bool_)
        learned[0] = False
        found.append(Example(input_ids=ids, loss_mask=learned, record_id=number))
    return found


def public_base(examples: Sequence[Example], steps: int = 300) -> torch.nn.Module:
    torch.manual_seed(1)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=WIDTH,
            intermediate_size=160,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=256,
            tie_word_embeddings=True,
        )
    )
    adam = torch.optim.Adam(model.parameters(), lr=3e-3)
    draw = np.random.default_rng(2)
    for _ in range(steps):
        chosen = draw.choice(len(examples), size=BATCH // 2, replace=False)
        batch = _padded([examples[i] for i in chosen])
        total, _ = causal_lm_loss(model, batch)
        adam.zero_grad()
        (total / len(chosen)).backward()
        adam.step()
    return model.eval()


def _padded(examples: Sequence[Example]) -> PhysicalBatch:
    width = max(len(e) for e in examples)
    ids = torch.zeros(len(examples), width, dtype=torch.int64)
    mask = torch.zeros(len(examples), width, dtype=torch.int64)
    targets = torch.zeros(len(examples), width, dtype=torch.bool)
    for row, e in enumerate(examples):
        ids[row, : len(e)] = torch.from_numpy(e.input_ids.astype(np.int64))
        mask[row, : len(e)] = 1
        targets[row, : len(e)] = torch.from_numpy(e.loss_mask)
    return PhysicalBatch(
        input_ids=ids,
        attention_mask=mask,
        targets=targets,
        unit=torch.arange(len(examples)),
        weight=torch.ones(len(examples)),
        tokens=int(mask.sum()),
    )


def held_out_loss(model: torch.nn.Module, examples: Sequence[Example]) -> float:
    model.eval()
    with torch.no_grad():
        parts = [
            causal_lm_loss(model, _padded(examples[i : i + 64]))[1]
            for i in range(0, len(examples), 64)
        ]
    return float(torch.cat(parts).mean())


class NoStore:
    def save(self, state: object) -> None:
        pass

    def load(self) -> None:
        return None


@functools.cache
def mechanism_of(n: int, epsilon: float | None, steps: int) -> Mechanism:
    common = {"n_units": n, "expected_batch_size": float(BATCH), "steps": steps}
    if epsilon is None:
        return Mechanism.without_privacy(**common, target_delta=n**-1.1, max_records_per_unit=1)
    return Mechanism.calibrate(
        **common, target_epsilon=epsilon, target_delta=n**-1.1, max_grad_norm=1.0
    )


def tuned_loss(
    base: torch.nn.Module,
    method: str,
    train_side: Sequence[Example],
    test_side: Sequence[Example],
    *,
    epsilon: float | None,
    steps: int,
    step_size: float,
    seed: int = 0,
) -> float:
    model = attach(copy.deepcopy(base), settings_of(method, seed))
    train(
        model,
        [[e] for e in train_side],
        mechanism_of(len(train_side), epsilon, steps),
        TrainSettings(learning_rate=step_size, physical_batch_tokens=BATCH * LENGTH),
        noise_key=seed.to_bytes(32, "big"),
        noise_source=INJECTED,
        checkpoint_store=NoStore(),
        progress=lambda _done, _all, _figures: None,
    )
    return held_out_loss(model, test_side)


def world() -> tuple[torch.nn.Module, list[Example], list[Example]]:
    public, private = letters()
    tokenizer = tokenizer_of(public)
    base = public_base(windows(tokenizer, public))
    examples = windows(tokenizer, private)
    return base, examples[:-300], examples[-300:]


def show_use(steps: int, seeds: int) -> None:
    base, train_side, test_side = world()
    before = held_out_loss(base, test_side)
    print(
        f"Held-out loss, nats per token; base {before:.3f}; {len(train_side)} units, "
        f"{steps} steps of {BATCH}; mean of {seeds} seeds and their spread\n"
    )
    print("| method | trained | epsilon 8 | no privacy | gain kept |")
    print("|---|---|---|---|---|")
    for method in METHODS:
        count = sum(p.numel() for p in trainable(attach(copy.deepcopy(base), settings_of(method))))
        with_noise, without = (
            [
                tuned_loss(
                    base,
                    method,
                    train_side,
                    test_side,
                    epsilon=epsilon,
                    steps=steps,
                    step_size=STEPS[method],
                    seed=seed,
                )
                for seed in range(seeds)
            ]
            for epsilon in (8.0, None)
        )
        kept = [
            (before - noisy) / max(1e-9, before - clear)
            for noisy, clear in zip(with_noise, without, strict=True)
        ]
        print(
            f"| {method} | {count:,} | {_spread(with_noise)} | {_spread(without)} "
            f"| {min(kept):.0%} to {max(kept):.0%} |",
            flush=True,
        )


def _spread(losses: Sequence[float]) -> str:
    """The mean, and half of what lies between the lowest and the highest."""
    return f"{statistics.mean(losses):.3f} ± {(max(losses) - min(losses)) / 2:.3f}"


def show_sweep(steps: int) -> None:
    base, train_side, test_side = world()
    print(f"base {held_out_loss(base, test_side):.3f}")
    for method in METHODS:
        found = {
            STEPS[method] * factor: tuned_loss(
                base,
                method,
                train_side,
                test_side,
                epsilon=8.0,
                steps=steps,
                step_size=STEPS[method] * factor,
            )
            for factor in SWEEP
        }
        print(method, {f"{size:.0e}": round(loss, 3) for size, loss in found.items()}, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("time", "use", "sweep"))
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3, help="of `use`: start, draws and noise")
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--only", choices=TIMED)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.part in (None, "time"):
        chosen = TIMED if args.only is None else (args.only,)
        show_time(chosen, args.layers, args.rounds, (args.rows, args.length))
        print()
    if args.part in (None, "use"):
        show_use(args.steps, args.seeds)
    if args.part == "sweep":
        show_sweep(args.steps)


if __name__ == "__main__":
    main()
