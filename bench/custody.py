"""What custody costs: training from sealed input against clear memory, rotation, random reads.

Training runs twice a round, interleaved: from records and checkpoints in clear in memory, and from
the vault (opened, read, and every checkpoint sealed to disk). Private training with the ordinary
engine; the model is far smaller than any real one, which makes custody's share as large as it
gets. Times are CPU seconds of this process on one thread. Rotation is timed beside more and
more sealed data; a single record is read out of a sealed corpus at random.

Run: python bench/custody.py [ROUNDS]
"""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from appliance.corpus import Corpus
from appliance.crypto.keys import make_key_file
from appliance.finetune.adapter import attach_lora
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.noise import OS_ENTROPY, fresh_key
from appliance.finetune.settings import TrainSettings
from appliance.finetune.trainer import train
from appliance.model.examples import Example
from appliance.model.store import read_examples, write_examples
from appliance.records import Record
from appliance.vault import Vault
from appliance.workspace import Home, Unlock, rotate

#: The most that sealed input may add to training.
LIMIT = 0.02
PEOPLE, LENGTH, STEPS = 300, 64, 20
NAME = "examples/train.arrow"


class InMemory:
    """A vault's reading and writing for one file, in clear."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    @contextmanager
    def writer(self, name: str):
        sink = io.BytesIO()
        yield sink
        self.kept[name] = sink.getvalue()

    def reader(self, name: str) -> io.BytesIO:
        return io.BytesIO(self.kept[name])


class Checkpoints:
    """Keeps checkpoints where it is told to."""

    def __init__(self, store: Vault | InMemory) -> None:
        self.store = store

    def load(self) -> None:
        return None

    def save(self, state: Mapping[str, bytes]) -> None:
        with self.store.writer("finetune/checkpoint.bin") as sink:
            for part in state.values():
                sink.write(part)


def people(rng: np.random.Generator) -> list[tuple[bytes, Example]]:
    made = []
    for unit in range(PEOPLE):
        ids = rng.integers(3, 2000, LENGTH).astype(np.int32)
        mask = np.arange(LENGTH) > 0
        made.append(
            (unit.to_bytes(16, "big"), Example(input_ids=ids, loss_mask=mask, record_id=unit))
        )
    return made


def tuned_from(store: Vault | InMemory, mechanism: Mechanism) -> float:
    """Read, train, keep checkpoints; return CPU seconds."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=2000, hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True,
    )  # fmt: skip
    model = attach_lora(LlamaForCausalLM(config).float(), rank=4, alpha=8.0, dropout=0.0, seed=0)
    start = time.process_time()
    units: Sequence[Sequence[Example]] = read_examples(store, NAME)  # type: ignore[arg-type]
    train(
        model, units, mechanism, TrainSettings(checkpoint_every_steps=10), noise_key=fresh_key(),
        noise_source=OS_ENTROPY, checkpoint_store=Checkpoints(store), progress=lambda *_: None,
    )  # fmt: skip
    return time.process_time() - start


def training(home: Home, rounds: int) -> bool:
    rng = np.random.default_rng(0)
    clear, sealed = InMemory(), home.run_vault("bench")
    examples = people(rng)
    for store in (clear, sealed):
        write_examples(store, NAME, examples)  # type: ignore[arg-type]
    mechanism = Mechanism.calibrate(
        target_epsilon=8.0, target_delta=1e-5, n_units=PEOPLE, expected_batch_size=32.0,
        steps=STEPS, max_grad_norm=1.0,
    )  # fmt: skip
    tuned_from(clear, mechanism)  # warm up
    pairs = [(tuned_from(clear, mechanism), tuned_from(sealed, mechanism)) for _ in range(rounds)]
    ratios = [mine / theirs - 1 for theirs, mine in pairs]
    cost = statistics.median(ratios)
    base = statistics.median(theirs for theirs, _ in pairs)
    print(f"training, {STEPS} steps, {PEOPLE} people: {base:.2f} s of CPU from clear memory")
    spread = f"{min(ratios):+.2%} to {max(ratios):+.2%}"
    print(f"sealed input and checkpoints add {cost:+.2%} (rounds: {spread})")
    opened = best(lambda: read_examples(sealed, NAME)) - best(lambda: read_examples(clear, NAME))  # type: ignore[arg-type]
    print(f"opening alone: {opened * 1e3:.2f} ms more than from memory, {opened / base:.3%} of it")
    print(f"needed: below {LIMIT:.0%}: {'met' if cost < LIMIT else 'NOT met'}")
    return cost < LIMIT


def best(action: Callable[[], object], rounds: int = 7) -> float:
    times = []
    for _ in range(rounds):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def rotation(home: Home, unlock: Unlock) -> None:
    vault = home.run_vault("bench")
    for mebibytes in (1, 16, 64):
        vault.write_bytes("bench/data.bin", bytes(mebibytes * 2**20))
        start = time.perf_counter()
        rotate(home, unlock)
        print(f"rotation beside {mebibytes:4} MiB sealed: {time.perf_counter() - start:.3f} s")


def random_reads(home: Home) -> None:
    vault, count = home.run_vault("bench"), 50_000
    with Corpus.writing(vault, "bench/corpus.arrow") as corpus:
        for number in range(count):
            corpus.append(
                Record(
                    record_id=number,
                    unit=bytes(16),
                    source=0,
                    line=number,
                    kind="text",
                    fields={"text": f"letter {number} " * 20},
                    extra={},
                )
            )
    records, rng = Corpus(vault, "bench/corpus.arrow"), np.random.default_rng(0)
    wanted = rng.integers(0, count, 20).tolist()
    start = time.perf_counter()
    for number in wanted:
        records.take([number])
    each = (time.perf_counter() - start) / len(wanted)
    print(f"one record out of {count:,} sealed ones, opened anew: {each * 1e3:.1f} ms")


def main() -> int:
    torch.set_num_threads(1)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory() as folder:
        make_key_file(Path(folder) / "key")
        unlock = Unlock(key_file=Path(folder) / "key")
        with Home.init(Path(folder) / "home", unlock) as home:
            met = training(home, rounds)
            rotation(home, unlock)
            random_reads(home)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
