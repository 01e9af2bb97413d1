"""What the audit costs beside the training it judges: CPU seconds, and what they grow with.

    python bench/audit.py [--canaries 500] [--people 2000] [--epochs 3] [--layers 4] [--width 96]

A small random Llama stands for the base model: the ratio of audit to training depends on tokens
and passes, not on what the weights know. Training is timed on the real private step over a few
steps and extrapolated to `people * epochs`; the audit is run whole, over all people, over a quarter
of them, and with a quarter of the canaries. Prints CPU seconds by part, the ratio (limit: 10 %),
and how often a canary passes through each model.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from appliance.audit.base import score_base
from appliance.audit.canaries import plant
from appliance.audit.ranking import RemovedSlot
from appliance.audit.stage import audit
from appliance.audit.templates import choose_domain
from appliance.evidence import PrivacySection
from appliance.finetune.adapter import attach_lora
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.noise import OS_ENTROPY, fresh_key
from appliance.finetune.settings import TrainSettings
from appliance.finetune.trainer import train
from appliance.model.examples import Example
from appliance.policy.model import Policy
from appliance.progress import SilentProgress

RECORD_TOKENS = 80
RECORDS = 3
KEPT = ("people", "canaries", "people_scored", "seconds", "parts")
QUIET = SilentProgress()


def build_tokenizer(vocabulary: int) -> PreTrainedTokenizerFast:
    """Learn merges from the appliance's own openings; the rest of the vocabulary stays unused."""
    generator = np.random.default_rng(0)
    domain = choose_domain([], "en")
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.train_from_iterator(
        [domain.opening(generator) for _ in range(500)],
        trainers.BpeTrainer(
            vocab_size=vocabulary // 4,
            special_tokens=["<end>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    core.add_tokens([f"zq{n}xv" for n in range(vocabulary - core.get_vocab_size())])
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<end>", pad_token="<end>")


def people(count: int, seed: int) -> list[list[Example]]:
    generator = np.random.default_rng(seed)
    mask = np.arange(RECORD_TOKENS) > 0
    return [
        [
            Example(
                input_ids=generator.integers(1, 500, RECORD_TOKENS).astype(np.int32),
                loss_mask=mask,
                record_id=unit * RECORDS + record,
            )
            for record in range(RECORDS)
        ]
        for unit in range(count)
    ]


class Removed:
    """Slots with 99 decoys each; finds nothing."""

    def __init__(self) -> None:
        decoys = tuple(f"QZ-{n:05d}" for n in range(99))
        self.slots = [
            RemovedSlot(before=f"Home visit for gout {n}, MRN ", value=f"QX-{n:05d}", decoys=decoys)
            for n in range(50)
        ]

    def find(self, texts: Any) -> list[int]:
        return [0 for _ in texts]


class Nowhere:
    """Keeps no checkpoint."""

    def save(self, state: Any) -> None: ...

    def load(self) -> None:
        return None


class Stopwatch:
    """A progress voice that adds up CPU seconds and examples by part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.examples: dict[str, float] = {}

    @contextmanager
    def task(self, what: str, total: float | None) -> Iterator[Any]:
        began = time.process_time()
        with QUIET.task(what, total) as task:
            yield task
        spent = time.process_time() - began
        self.seconds[what] = round(self.seconds.get(what, 0.0) + spent, 1)
        self.examples[what] = self.examples.get(what, 0.0) + (total or 0.0)


class PassCounter:
    """Counts how often each sequence passes through the decoder."""

    def __init__(self, model: Any) -> None:
        self.passes: Counter[bytes] = Counter()
        model.get_base_model().get_decoder().register_forward_pre_hook(
            self._count, with_kwargs=True
        )

    def _count(self, _module: Any, _args: Any, kwargs: Any) -> None:
        mask = kwargs.get("attention_mask")
        for row, ids in enumerate(kwargs["input_ids"]):
            kept = (
                ids
                if mask is None or mask.shape != kwargs["input_ids"].shape
                else ids[mask[row] > 0]
            )
            self.passes[kept.numpy().astype(np.int32).tobytes()] += 1

    def most(self, planted: Any) -> int:
        """The most passes of any canary."""
        return max(self.passes[c.example.input_ids.tobytes()] for c in planted.canaries)


def measure(args: argparse.Namespace, count: int, canaries: int) -> dict[str, Any]:
    """Run the audit over `count` people with `canaries` newtok; return CPU seconds by part."""
    words = build_tokenizer(args.vocabulary)
    torch.manual_seed(0)
    base = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=args.vocabulary,
            hidden_size=args.width,
            intermediate_size=args.width * 8 // 3,
            num_hidden_layers=args.layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            tie_word_embeddings=True,
            pad_token_id=0,
            eos_token_id=0,
            bos_token_id=None,
        )
    ).eval()
    model: Any = attach_lora(base, rank=8, alpha=16.0, seed=0)
    policy = Policy.model_validate(
        {
            "name": "bench",
            "version": "1",
            "regulation": "none",
            "data": {"unit": "person"},
            "deidentify": {"entities": {"US_SSN": "redact", "MEDICAL_RECORD_NUMBER": "redact"}},
            "audit": {
                "canaries": {
                    "newtok": canaries,
                    "secrets": canaries * 2 // 5,
                    "repeats": {},
                    "max_share": 1.0,
                }
            },
        }
    )
    members, holdout = people(count, 1), people(count // 6, 2)
    removed = Removed()
    planted = plant(
        policy=policy.audit,
        n_units=count,
        tokenizer=words,
        corpus_token_ids=[np.arange(500, dtype=np.int32)],
        entity_types=sorted(policy.deidentify.entities),
        entropy=b"b" * 32,
    )
    watch = Stopwatch()
    common: dict[str, Any] = {
        "model": model,
        "tokenizer": words,
        "canaries": planted,
        "members": members,
        "non_members": holdout,
        "policy": policy,
        "removed": removed,
        "progress": watch,
    }
    counter = PassCounter(model)
    began = time.process_time()
    scores = score_base(**common)
    base_seconds = time.process_time() - began
    passes = counter.most(planted)
    counter.passes.clear()
    began = time.process_time()
    section = audit(**common, privacy=_privacy(count), base_scores=scores, control=None)
    return {
        "people": count,
        "canaries": len(planted.canaries),
        "people_scored": len(scores.members) + len(scores.non_members),
        "seconds": round(base_seconds + time.process_time() - began, 1),
        "parts": watch.seconds,
        "passes_per_canary_base": passes,
        "control_auc_low": section.positive_control and section.positive_control.auc_interval[0],
        "model": model,
        "units": [*members, *planted.included_units()],
    }


def _privacy(count: int) -> PrivacySection:
    return PrivacySection(
        mechanism="dp-sgd",
        unit="person",
        neighboring_relation="add_or_remove_one",
        target_epsilon=8.0,
        target_delta=1e-5,
        spent_epsilon=8.0,
        noise_multiplier=1.0,
        sample_rate=0.05,
        steps=60,
        expected_batch_size=100.0,
        max_grad_norm=1.0,
        clipping="abadi",
        max_records_per_unit=4,
        n_units=count,
        accountant="bench",
        accountants=None,
        sampling="poisson",
        noise_source=OS_ENTROPY,
        self_test=None,
        ledger=None,
    )


def training_seconds(model: Any, units: Any, epochs: int) -> float:
    """Time a few private steps; extrapolate to all."""
    steps, batch = 3, 32.0
    mechanism = Mechanism.calibrate(
        target_epsilon=8.0,
        target_delta=1e-5,
        n_units=len(units),
        expected_batch_size=batch,
        steps=steps,
        max_grad_norm=1.0,
    )
    began = time.process_time()
    train(
        model,
        units,
        mechanism,
        TrainSettings(),
        noise_key=fresh_key(),
        noise_source=OS_ENTROPY,
        checkpoint_store=Nowhere(),
        progress=lambda *_: None,
    )
    seconds = time.process_time() - began
    return seconds / (steps * batch) * len(units) * epochs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--vocabulary", type=int, default=2048)
    parser.add_argument("--canaries", type=int, default=500)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)  # CPU seconds: waiting threads would count as work
    whole = measure(args, args.people, args.canaries)
    training = training_seconds(whole.pop("model"), whole.pop("units"), args.epochs)
    figures: dict[str, Any] = {
        "whole": whole,
        "training_s": round(training, 1),
        "audit_over_training": round(whole["seconds"] / training, 4),
        "limit": 0.10,
    }
    print(json.dumps(figures, indent=1), flush=True)
    for name, people_, canaries in (
        ("quarter_of_the_people", args.people // 4, args.canaries),
        ("quarter_of_the_canaries", args.people, args.canaries // 4),
    ):
        small = measure(args, people_, canaries)
        print(json.dumps({name: {k: small[k] for k in KEPT}}, indent=1), flush=True)


if __name__ == "__main__":
    main()
