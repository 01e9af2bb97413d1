"""What is learned at the same epsilon, in the same steps: this engine against Opacus's defaults.

    python bench/utility.py [--seeds 5] [--epsilons 1 3 8 inf] [--accountant rdp|prv] [--letters 4]

A small base model is trained on public English (the Python manual), then tuned on letters of the
sample clinic under differential privacy of the patient. Both sides have the same adapter, start,
loss, bound, learning rate, Adam, expected batch and number of steps, and the same epsilon and delta
for a patient. What differs is what each offers by default:

    this engine   units of up to four letters, noise calibrated by PLD
    Opacus        its hooks, DPOptimizer, Poisson draws and RDP calibration; its unit is a record,
                  so that each patient gives one letter, or a patient's epsilon would not hold

The rate favours Opacus: at each epsilon it is the one of `--rates` at which Opacus does best, on a
seed and patients of their own, and both sides take it. Infinity is the limit of the rows above it:
the same clipping, no noise. `--accountant prv` gives Opacus its tighter accountant, `--letters 1`
gives this engine one letter a patient: so the two differences are told apart.

Loss is the mean over the target tokens of patients that neither training nor the choice of rate
saw. Intervals are Student's, 95 %, over seeds; the difference is paired by seed.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import pydoc_data.topics
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from opacus.accountants.utils import get_noise_multiplier
from opacus.grad_sample import GradSampleModule
from opacus.optimizers import DPOptimizer
from scipy import stats
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

from appliance.finetune.adapter import attach_lora
from appliance.finetune.batching import group_units
from appliance.finetune.loss import causal_lm_loss
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.noise import INJECTED
from appliance.finetune.per_sample import trainable
from appliance.finetune.sampling import UnitDraw
from appliance.finetune.settings import TrainSettings
from appliance.finetune.trainer import train
from appliance.model.examples import Example
from appliance.sample_data import write_sample_data

VOCABULARY, LENGTH = 500, 32
PATIENTS, LETTERS, BATCH, STEPS = 1300, 3250, 100, 20
HELD_OUT, TUNING = 200, 100
BOUND = 0.3
#: Seed of the choice of rate: none of the table's.
TUNING_SEED = 100
Units = list[list[Example]]


def tokenizer(texts: Sequence[str]) -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    return made


def pretrained(ids: np.ndarray, steps: int) -> LlamaForCausalLM:
    """A small model that knows some public English."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=160,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=LENGTH,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config)
    adam = torch.optim.AdamW(model.parameters(), lr=3e-3)
    rng = np.random.default_rng(0)
    for step in range(steps):
        for group in adam.param_groups:
            group["lr"] = 3e-3 * (1.0 - step / steps)
        starts = rng.integers(0, len(ids) - LENGTH, size=32)
        batch = torch.from_numpy(np.stack([ids[s : s + LENGTH] for s in starts]))
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        adam.step()
        adam.zero_grad()
    return model.requires_grad_(False)


def letters(coder: Tokenizer) -> tuple[Units, Units, Units]:
    """Patients to train on, to measure on and to choose a rate on, each a list of letters."""
    with tempfile.TemporaryDirectory() as folder:
        written = write_sample_data(Path(folder), records=LETTERS, patients=PATIENTS)
        rows = [json.loads(line) for line in written.notes.read_text().splitlines()]
    people: dict[str, list[Example]] = {}
    for number, row in enumerate(rows):
        ids = np.array(coder.encode(row["text"]).ids[:LENGTH], dtype=np.int32)
        mask = np.ones(len(ids), dtype=np.bool_)
        mask[0] = False
        example = Example(input_ids=ids, loss_mask=mask, record_id=number)
        people.setdefault(row["patient_id"], []).append(example)
    units = list(people.values())
    held = HELD_OUT + TUNING
    return units[held:], units[:HELD_OUT], units[HELD_OUT:held]


def loss_of(model: torch.nn.Module, units: Units) -> float:
    total, count = 0.0, 0
    flat = [[example] for unit in units for example in unit]
    with torch.no_grad():
        for group in group_units(
            everyone(flat), flat, physical_batch_tokens=8192, units_in_memory=999
        ):
            for batch in group.batches:
                _, rows = causal_lm_loss(model, batch)
                targets = batch.targets[:, 1:].sum(dim=1)
                total += float((rows * targets).sum())
                count += int(targets.sum())
    return total / count


def everyone(units: Units) -> list[UnitDraw]:
    return [UnitDraw(unit=i, records=tuple(range(len(u)))) for i, u in enumerate(units)]


def adapted(base: LlamaForCausalLM, seed: int) -> torch.nn.Module:
    fresh = LlamaForCausalLM(base.config)
    fresh.load_state_dict(base.state_dict())
    return attach_lora(fresh, rank=8, alpha=16.0, seed=seed)


class Nowhere:
    def save(self, state: object) -> None: ...

    def load(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What both sides are given.

    Attributes:
        base: the public model.
        units: the patients to train on.
        epsilon: of a patient; infinity keeps the clipping and adds no noise.
        delta: of a patient.
        accountant: Opacus's, "rdp" or "prv".
        letters: most letters of a patient in a step of this engine.
    """

    base: LlamaForCausalLM
    units: Units
    epsilon: float
    delta: float
    accountant: str
    letters: int

    @property
    def sample_rate(self) -> float:
        return BATCH / len(self.units)


def ours(task: Task, rate: float, seed: int) -> tuple[torch.nn.Module, float]:
    """Train by the appliance; return the model and the noise multiplier."""
    model = adapted(task.base, seed)
    same = {
        "expected_batch_size": float(BATCH),
        "steps": STEPS,
        "target_delta": task.delta,
        "max_grad_norm": BOUND,
        "max_records_per_unit": task.letters,
    }
    if math.isinf(task.epsilon):
        mechanism = Mechanism(sample_rate=task.sample_rate, noise_multiplier=0.0, **same)
    else:
        n = len(task.units)
        mechanism = Mechanism.calibrate(target_epsilon=task.epsilon, n_units=n, **same)
    train(
        model,
        task.units,
        mechanism,
        TrainSettings(learning_rate=rate, physical_batch_tokens=8192),
        noise_key=seed.to_bytes(32, "big"),
        noise_source=INJECTED,
        checkpoint_store=Nowhere(),
        progress=lambda *_: None,
    )
    return model, mechanism.noise_multiplier


@functools.cache
def opacus_noise(epsilon: float, delta: float, sample_rate: float, accountant: str) -> float:
    """Calibrate as Opacus does; no noise at infinity."""
    if math.isinf(epsilon):
        return 0.0
    return get_noise_multiplier(
        target_epsilon=epsilon,
        target_delta=delta,
        sample_rate=sample_rate,
        steps=STEPS,
        accountant=accountant,
    )


def opacus(task: Task, rate: float, seed: int) -> tuple[torch.nn.Module, float]:
    """Train by Opacus's own parts; return the model and the noise multiplier."""
    model = adapted(task.base, seed)
    rng = np.random.default_rng(seed)
    records = [[unit[rng.integers(len(unit))]] for unit in task.units]
    noise = opacus_noise(task.epsilon, task.delta, task.sample_rate, task.accountant)
    module = GradSampleModule(model.train(), loss_reduction="sum", strict=False)
    optimizer = DPOptimizer(
        torch.optim.Adam(trainable(model), lr=rate),
        noise_multiplier=noise,
        max_grad_norm=BOUND,
        expected_batch_size=BATCH,
        generator=torch.Generator().manual_seed(seed),
    )
    drawn = torch.Generator().manual_seed(1000 + seed)
    for _ in range(STEPS):
        mask = torch.rand(len(records), generator=drawn) < task.sample_rate
        chosen = [records[i] for i in mask.nonzero()[:, 0].tolist()]
        for group in group_units(
            everyone(chosen), chosen, physical_batch_tokens=10**9, units_in_memory=10**9
        ):
            for batch in group.batches:
                total, _ = causal_lm_loss(module._module, batch)
                total.backward()
        optimizer.step()
        optimizer.zero_grad()
    module.remove_hooks()
    return model, noise


def best_rate(task: Task, rates: Sequence[float], tuning: Units) -> float:
    """Find the rate at which Opacus does best, on a seed and patients of their own."""
    if len(rates) == 1:
        return rates[0]
    found = {r: loss_of(opacus(task, r, TUNING_SEED)[0].eval(), tuning) for r in rates}
    return min(found, key=found.__getitem__)


def interval(values: Sequence[float]) -> str:
    mean, n = float(np.mean(values)), len(values)
    half = float(stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / math.sqrt(n))
    return f"{mean:.3f} ± {half:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epsilons", type=float, nargs="+", default=[1.0, 3.0, 8.0, math.inf])
    parser.add_argument("--rates", type=float, nargs="+", default=[3e-3, 1e-2, 3e-2])
    parser.add_argument("--accountant", choices=("rdp", "prv"), default="rdp", help="Opacus's")
    parser.add_argument("--letters", type=int, default=4, help="of a patient in a step, here")
    parser.add_argument("--public-steps", type=int, default=200)
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    public = list(pydoc_data.topics.topics.values())
    coder = tokenizer(public)
    base = pretrained(np.array(coder.encode("\n".join(public)).ids), args.public_steps)
    units, held_out, tuning = letters(coder)
    delta = len(units) ** -1.1
    print(
        f"{len(units)} patients, {sum(map(len, units))} letters, {STEPS} steps of {BATCH}, "
        f"delta {delta:.2e}, {args.seeds} seeds; loss of the base {loss_of(base, held_out):.3f}"
    )
    print(
        f"{'epsilon':>8}{'rate':>8}{'noise':>8}{'Opacus':>8}{'this engine':>18}{'Opacus':>18}"
        f"{'difference':>20}",
        flush=True,
    )
    for epsilon in args.epsilons:
        task = Task(
            base=base,
            units=units,
            epsilon=epsilon,
            delta=delta,
            accountant=args.accountant,
            letters=args.letters,
        )
        found: dict[str, list[float]] = {"ours": [], "opacus": []}
        noise: dict[str, float] = {}
        began = time.process_time()
        rate = best_rate(task, args.rates, tuning)
        for seed in range(args.seeds):
            for name, method in (("ours", ours), ("opacus", opacus)):
                model, noise[name] = method(task, rate, seed)
                found[name].append(loss_of(model.eval(), held_out))
        paired = [a - b for a, b in zip(found["ours"], found["opacus"], strict=True)]
        print(
            f"{epsilon:>8g}{rate:>8g}{noise['ours']:>8.3f}{noise['opacus']:>8.3f}"
            f"{interval(found['ours']):>18}{interval(found['opacus']):>18}{interval(paired):>20}"
            f"   ({time.process_time() - began:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
