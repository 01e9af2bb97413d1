"""Accuracy of a private classifier beside one without privacy: MiniLM on the clinic's letters.

    python bench/classification.py [--records 3000] [--patients 3000] [--seeds 0] [--epsilons 8,inf]
                                   [--kept DIR]

Everything follows `policies/examples/classification.yaml` but for clipping and noise: the same
letters, steps, batches, learning rate and seeds with epsilon 8 and with none. The letters are the
sample generator's, their identifiers left in: the labels do not depend on them. They are drawn with
another seed than those by which the example's step sizes were chosen, and test patients are never
trained on. Intervals are percentile bootstraps over test patients; of the difference, over the same
patients for both. With `--kept`, a run's answers are kept in a folder, so that runs may be made
apart and summed up together, and a run that was stopped goes on where it was.

The blocks below the trained ones are frozen and drop nothing: what they make of a letter is
computed once and remembered (`Trunk`), instead of at every draw. That changes the time alone: the
whole model with the trained adapter is held to the same logits.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from appliance.evaluate.classes import calls, macro_auc, macro_f1
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.methods import MethodSettings, attach
from appliance.finetune.noise import INJECTED
from appliance.finetune.per_sample import trainable
from appliance.finetune.task_loss import loss_of
from appliance.finetune.trainer import train
from appliance.model.examples import Example
from appliance.model.load import load_base
from appliance.model.predict import class_probabilities
from appliance.model.registry import Registry
from appliance.model.task_encode import TaskEncoder
from appliance.pipeline.recipe import plan_mechanism, train_settings
from appliance.policy import load_policy
from appliance.policy.model import Policy
from appliance.records import Record
from appliance.sample_data import write_sample_data

POLICY = Path(__file__).parents[1] / "policies" / "examples" / "classification.yaml"
TEST_SHARE = 0.25
#: Of the sample generator. The step sizes were chosen on letters of its own first seed.
DATA_SEED = 7
DRAWS = 2000


class Kept:
    """A run's last checkpoint, in memory or in a folder: a run that was stopped goes on there."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def save(self, state: Mapping[str, bytes]) -> None:
        if self.folder is None:
            return
        fresh = self.folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        for name, data in state.items():
            (fresh / name).write_bytes(data)
        self.drop()
        fresh.rename(self.folder)

    def load(self) -> dict[str, bytes] | None:
        if self.folder is None or not self.folder.exists():
            return None
        return {file.name: file.read_bytes() for file in self.folder.iterdir()}

    def drop(self) -> None:
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


class Trunk(torch.nn.Module):
    """What the frozen blocks make of each letter, in the place of embeddings and those blocks."""

    def __init__(self, model: Any, texts: Sequence[NDArray[np.int64]], blocks: int) -> None:
        super().__init__()
        self.made: dict[bytes, torch.Tensor] = {}
        for start in range(0, len(texts), 16):
            part = texts[start : start + 16]
            ids = torch.zeros(len(part), max(map(len, part)), dtype=torch.int64)
            mask = torch.zeros_like(ids)
            for row, text in enumerate(part):
                ids[row, : len(text)], mask[row, : len(text)] = torch.from_numpy(text), 1
            with torch.no_grad():
                found = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
            for row, text in enumerate(part):
                self.made[text.tobytes()] = found.hidden_states[blocks][row, : len(text)].clone()

    def forward(self, input_ids: torch.Tensor, **_others: object) -> torch.Tensor:
        found = []
        for row in input_ids.numpy():
            text = row[: np.flatnonzero(row)[-1] + 1]  # Padding is 0, and the last token is not.
            found.append(self.made[text.tobytes()])
        padded: torch.Tensor = torch.nn.utils.rnn.pad_sequence(found, batch_first=True)
        short = input_ids.shape[1] - padded.shape[1]
        return torch.nn.functional.pad(padded, (0, 0, 0, short))

    def put_in(self, model: Any, blocks: int) -> None:
        """Let a model begin behind the frozen blocks."""
        model.bert.embeddings = self
        model.bert.encoder.layer = model.bert.encoder.layer[blocks:]
        model.config.num_hidden_layers -= blocks


def letters(records: int, patients: int) -> tuple[list[list[Record]], list[list[Record]]]:
    """The sample's letters by patient, for training and for testing."""
    with tempfile.TemporaryDirectory() as folder:
        written = write_sample_data(
            Path(folder),
            seed=DATA_SEED,
            records=records,
            patients=patients,
            shape="classification",
        )
        rows = [json.loads(line) for line in written.notes.read_text().splitlines()]
    people: dict[str, list[Record]] = {}
    for number, row in enumerate(rows):
        record = Record(
            record_id=number,
            unit=row["patient_id"].encode().ljust(16),
            source=0,
            line=number + 1,
            kind="classification",
            fields={"text": row["text"], "label": row["label"]},
            extra={},
        )
        people.setdefault(row["patient_id"], []).append(record)
    order = np.random.default_rng(1).permutation(len(people))
    units = list(people.values())
    cut = round(len(units) * TEST_SHARE)
    return [units[i] for i in order[cut:]], [units[i] for i in order[:cut]]


def measure(
    policy: Policy,
    home: Path,
    sides: tuple[list[list[Example]], list[list[Example]]],
    trunk: Trunk,
    epsilon: float,
    seed: int,
    store: Kept,
) -> dict[str, Any]:
    """Train one classifier and score it on the test patients."""
    trained_on, tested_on = sides
    privacy = policy.privacy.model_copy(
        update={"mechanism": "none"} if np.isinf(epsilon) else {"target_epsilon": epsilon}
    )
    policy = policy.model_copy(update={"privacy": privacy})
    mechanism: Mechanism = plan_mechanism(policy, n_units=len(trained_on))
    base, how = load_base(home, training=policy.training), MethodSettings.of(policy.training)
    trunk.put_in(base.model, frozen_blocks(policy, base.model))
    model = attach(base.model, how, shape=base.shape, fresh=base.fresh)
    train(
        model,
        trained_on,
        mechanism,
        dataclasses.replace(train_settings(policy), checkpoint_every_steps=1),
        noise_key=bytes([seed]) * 32,
        noise_source=INJECTED,
        checkpoint_store=store,
        progress=lambda *_: None,
        loss_fn=loss_of(policy.training, base.shape),
    )
    examples = [e for unit in tested_on for e in unit]
    owner = np.repeat(np.arange(len(tested_on)), [len(unit) for unit in tested_on])
    scores = class_probabilities(model, examples, max_tokens=4096)
    whole = attach(
        *(load_base(home, training=policy.training).model, how),
        shape=base.shape,
        fresh=base.fresh,
    )
    give_weights(model, whole, frozen_blocks(policy, whole))
    again = class_probabilities(whole, examples[:16], max_tokens=4096)
    np.testing.assert_allclose(scores[:16], again, atol=1e-4)
    labels = np.array([int(e.input_ids[e.loss_mask][0]) for e in examples])
    truth = labels[:, None] == np.arange(scores.shape[1])[None, :]
    right = (scores.argmax(axis=1) == labels).astype(float)
    ones = np.ones(len(labels))
    return {
        "epsilon": epsilon,
        "seed": seed,
        "right": np.bincount(owner, right).tolist(),
        "letters": np.bincount(owner).tolist(),
        "macro_f1": macro_f1(truth, calls(scores, multi_label=False), ones),
        "auc": macro_auc(truth, scores, ones),
        "noise_multiplier": mechanism.noise_multiplier,
        "trained": sum(p.numel() for p in trainable(model)),
    }


def frozen_blocks(policy: Policy, model: Any) -> int:
    """How many blocks lie below the trained ones."""
    count = int(model.config.num_hidden_layers)
    return count - (policy.training.last_layers or count)


def give_weights(source: torch.nn.Module, target: torch.nn.Module, shift: int) -> None:
    """Put the adapter of a model that begins behind some blocks on the whole model."""
    given = dict(source.named_parameters())
    with torch.no_grad():
        for name, p in target.named_parameters():
            before, layer, after = name.partition(".encoder.layer.")
            if "lora_" in name:
                number, _, rest = after.partition(".")
                name = f"{before}{layer}{int(number) - shift}.{rest}"
            if "lora_" in name or "modules_to_save" in name:
                p.copy_(given[name])


def interval(right: NDArray[np.float64], letters: NDArray[np.float64]) -> tuple[float, float]:
    """95 % of a share of letters, patients drawn again."""
    people = len(letters)
    drawn = np.random.default_rng(2).multinomial(people, np.full(people, 1 / people), size=DRAWS)
    low, high = np.percentile((drawn @ right) / (drawn @ letters), [2.5, 97.5])
    return float(low), float(high)


def show(runs: list[dict[str, Any]]) -> None:
    """A row for each run; then, for each epsilon, the mean over seeds and what privacy costs."""
    print("| epsilon | seed | accuracy | 95 % | macro-F1 | AUC | noise |")
    print("|---|---|---|---|---|---|---|")
    for row in runs:
        right, letters = np.array(row["right"]), np.array(row["letters"], float)
        low, high = interval(right, letters)
        print(
            f"| {row['epsilon']:g} | {row['seed']} | {right.sum() / letters.sum():.3f} | "
            f"{low:.3f} to {high:.3f} | {row['macro_f1']:.3f} | {row['auc']:.4f} | "
            f"{row['noise_multiplier']:.2f} |"
        )
    means = {
        epsilon: np.mean([row["right"] for row in runs if row["epsilon"] == epsilon], axis=0)
        for epsilon in sorted({row["epsilon"] for row in runs})
    }
    letters = np.array(runs[0]["letters"], float)
    for epsilon, right in means.items():
        print(f"epsilon {epsilon:g}: mean of seeds {right.sum() / letters.sum():.4f}", end="")
        if np.isfinite(epsilon) and float("inf") in means:
            change = right - means[float("inf")]
            low, high = interval(change, letters)
            print(
                f", {100 * change.sum() / letters.sum():+.2f} points to none "
                f"(95 %: {100 * low:+.2f} to {100 * high:+.2f})",
                end="",
            )
        print()


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--records", type=int, default=3000)
    words.add_argument("--patients", type=int, default=3000)
    words.add_argument("--seeds", default="0")
    words.add_argument("--epsilons", default="8,inf")
    words.add_argument("--set", action="append", default=[], metavar="KNOB=JSON")
    words.add_argument("--kept", type=Path)
    given = words.parse_args()
    torch.manual_seed(0)
    policy = load_policy(POLICY).policy
    changes = {k: json.loads(v) for k, v in (pair.split("=", 1) for pair in given.set)}
    policy = policy.model_copy(update={"training": policy.training.model_copy(update=changes)})
    with tempfile.TemporaryDirectory() as folder:
        home = Registry(Path(folder)).add_minilm().path
        base = load_base(home, training=policy.training)
        encoder = TaskEncoder(base.tokenizer, training=policy.training, shape=base.shape)
        sides = tuple(
            [[e for record in unit for e in encoder.encode(record)] for unit in side]
            for side in letters(given.records, given.patients)
        )
        print(f"{len(sides[0])} patients trained on, {len(sides[1])} tested on", flush=True)
        trunk = trunk_of(policy, base.model, sides, given.kept)
        runs = []
        for seed in map(int, given.seeds.split(",")):
            for epsilon in map(float, given.epsilons.split(",")):
                folder = None if given.kept is None else given.kept / f"run-{seed}-{epsilon:g}"
                store = Kept(folder)
                runs.append(measure(policy, home, sides, trunk, epsilon, seed, store))
                store.drop()
                if given.kept is not None:
                    with (given.kept / "runs.jsonl").open("a") as kept:
                        kept.write(f"{json.dumps(runs[-1])}\n")
    if given.kept is not None:
        lines = (given.kept / "runs.jsonl").read_text().splitlines()
        runs = sorted((json.loads(line) for line in lines), key=lambda r: (r["seed"], r["epsilon"]))
    show(runs)


def trunk_of(
    policy: Policy, model: Any, sides: Sequence[Sequence[Sequence[Example]]], kept: Path | None
) -> Trunk:
    """Run the frozen blocks over every letter, unless that was kept."""
    where = None if kept is None else kept / "trunk.safetensors"
    if where is not None and where.exists():
        trunk = Trunk(model, (), 0)
        trunk.made = {bytes.fromhex(k): v for k, v in load_file(where).items()}
        return trunk
    examples = [e for side in sides for unit in side for e in unit]
    texts = sorted((e.input_ids[~e.loss_mask].astype(np.int64) for e in examples), key=len)
    trunk = Trunk(model, texts, frozen_blocks(policy, model))
    if where is not None:
        where.parent.mkdir(exist_ok=True)
        save_file({k.hex(): v for k, v in trunk.made.items()}, f"{where}.new")
        Path(f"{where}.new").replace(where)
    return trunk


if __name__ == "__main__":
    main()
