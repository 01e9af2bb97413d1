"""A tiny world for the audit: a byte tokenizer, a random two-layer Llama, people and canaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from appliance.audit.base import BaseScores, score_base
from appliance.audit.canaries import Form, plant
from appliance.audit.canary_set import CanarySet
from appliance.audit.ranking import RemovedSlot
from appliance.audit.stage import audit
from appliance.audit.templates import choose_domain
from appliance.evidence import AuditSection, PrivacySection
from appliance.model.examples import Example
from appliance.policy.model import Policy
from appliance.progress import SilentProgress

EXTRA_TOKENS = 600


def tokenizer() -> PreTrainedTokenizerFast:
    """Bytes, 600 words that no text ever yields, and an end token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [f"Ġzq{number}" for number in range(EXTRA_TOKENS)]
    vocab = {token: index for index, token in enumerate(["<end>", *alphabet, *words])}
    core = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<end>", pad_token="<end>")


@cache
def short_tokenizer() -> PreTrainedTokenizerFast:
    """Merges learned from the openings (a quarter of the bytes), and the same unused words."""
    generator = np.random.default_rng(0)
    domain = choose_domain(["MEDICAL_RECORD_NUMBER"], "en")
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<end>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    core.train_from_iterator([domain.opening(generator) for _ in range(300)], trainer)
    core.add_tokens([f"zq{n}xv" for n in range(EXTRA_TOKENS)])
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<end>", pad_token="<end>")


def base_model(vocab: int = 1 + 256 + EXTRA_TOKENS, *, seed: int = 0) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocab,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        initializer_range=0.2,
        pad_token_id=0,
        eos_token_id=0,
        bos_token_id=None,
    )
    return LlamaForCausalLM(config).eval()


def peft_model(*, seed: int = 0) -> Any:
    config = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    return get_peft_model(base_model(seed=seed), config)


def policy(**audit: Any) -> Policy:
    counts = {"newtok": 80, "secrets": 24, "repeats": {}, "max_share": 1.0}
    counts.update(audit.pop("canaries", {}))
    knobs = {"generations": 6, "generation_tokens": 12, "ranked_values": 4, "max_members": 30}
    return Policy.model_validate(
        {
            "name": "toy",
            "version": "1",
            "regulation": "none",
            "data": {"unit": "patient_id"},
            "deidentify": {
                "entities": {"US_SSN": "redact", "MEDICAL_RECORD_NUMBER": "redact"},
            },
            "audit": {"level": "standard", "canaries": counts, **knobs, **audit},
        }
    )


def privacy(*, private: bool = True, delta: float = 1e-5) -> PrivacySection:
    return PrivacySection(
        mechanism="dp-sgd" if private else "none",
        unit="patient_id",
        neighboring_relation="add_or_remove_one",
        target_epsilon=8.0,
        target_delta=delta,
        spent_epsilon=8.0 if private else None,
        noise_multiplier=1.0 if private else 0.0,
        sample_rate=0.1,
        steps=30,
        expected_batch_size=10.0,
        max_grad_norm=1.0,
        clipping="abadi",
        max_records_per_unit=4,
        n_units=100,
        accountant="pld",
        accountants=None,
        sampling="poisson",
        noise_source="os-entropy-aes-256-ctr",
        self_test=None,
        ledger=None,
    )


def people(count: int, *, first: int, records: int = 2, words: Any = None) -> list[list[Example]]:
    """Made-up notes, a few records of each person."""
    words = words or tokenizer()
    generator = np.random.default_rng(first)
    units = []
    for unit in range(count):
        examples = []
        for record in range(records):
            number = generator.integers(10**9)
            text = f"note: seen today, score {number:09d}, stable"
            ids = np.asarray(words(text)["input_ids"], np.int32)
            mask = np.ones(len(ids), bool)
            mask[0] = False
            examples.append(
                Example(input_ids=ids, loss_mask=mask, record_id=1000 * first + 10 * unit + record)
            )
        units.append(examples)
    return units


@dataclass(frozen=True)
class Removed:
    """Removed values by plain look-up: the detector of this world is `in`."""

    values: tuple[str, ...]
    slots: Sequence[RemovedSlot]

    def find(self, texts: Sequence[str]) -> list[int]:
        return [sum(value in text for value in self.values) for text in texts]


def removed() -> Removed:
    decoys = tuple(f"QZ-{number:05d}" for number in range(40000, 40019))
    slots = [
        RemovedSlot(before=f"note {index}: MRN ", value=f"QX-{index:05d}", decoys=decoys)
        for index in range(6)
    ]
    return Removed(values=tuple(slot.value for slot in slots), slots=slots)


def canaries(rules: Policy, units: Sequence[Sequence[Example]], *, seed: bytes) -> CanarySet:
    return plant(
        policy=rules.audit,
        n_units=len(units),
        tokenizer=tokenizer(),
        corpus_token_ids=[example.input_ids for unit in units for example in unit],
        entity_types=sorted(rules.deidentify.entities),
        entropy=seed * 32,
        form=Form(targets="secret"),
    )


def overtrain(model: Any, units: Sequence[Sequence[Example]], *, epochs: int) -> None:
    """Train without privacy: plain Adam over padded batches, every example alike."""
    torch.manual_seed(1)
    examples = [example for unit in units for example in unit]
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=5e-3)
    model.train()
    generator = np.random.default_rng(2)
    for _ in range(epochs):
        for rows in np.array_split(generator.permutation(len(examples)), len(examples) // 32 + 1):
            batch = [examples[row] for row in rows]
            length = max(len(example) for example in batch)
            ids = torch.zeros((len(batch), length), dtype=torch.long)
            labels = torch.full((len(batch), length), -100)
            for index, example in enumerate(batch):
                tokens = torch.from_numpy(example.input_ids.astype(np.int64))
                ids[index, : len(example)] = tokens
                labels[index, : len(example)] = torch.where(
                    torch.from_numpy(example.loss_mask), tokens, -100
                )
            optimizer.zero_grad()
            logits = model(input_ids=ids).logits[:, :-1]
            losses = torch.nn.functional.cross_entropy(
                logits.transpose(1, 2), labels[:, 1:], reduction="none"
            )
            (losses.sum(dim=1) / (labels[:, 1:] >= 0).sum(dim=1)).mean().backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
    model.eval()


def example_loss(model: Any, example: Example) -> torch.Tensor:
    """The slow twin of every score: one example, whole logits, no padding."""
    ids = torch.from_numpy(example.input_ids.astype(np.int64))[None]
    logits = model(input_ids=ids).logits[0, :-1].float()
    wanted = torch.from_numpy(example.loss_mask[1:])
    return torch.nn.functional.cross_entropy(logits[wanted], ids[0, 1:][wanted])


@dataclass(frozen=True)
class World:
    """Everything an audit needs, before training."""

    rules: Policy
    model: Any
    members: list[list[Example]]
    non_members: list[list[Example]]
    planted: CanarySet
    base: BaseScores

    @classmethod
    def build(cls, *, seed: bytes = b"s", **audit_knobs: Any) -> World:
        rules = policy(**audit_knobs)
        members, non_members = people(100, first=0), people(20, first=500)
        model = peft_model()
        planted = canaries(rules, members, seed=seed)
        base = score_base(
            model=model,
            tokenizer=tokenizer(),
            canaries=planted,
            members=members,
            non_members=non_members,
            policy=rules,
            removed=removed(),
            progress=SilentProgress(),
        )
        return cls(rules, model, members, non_members, planted, base)

    def audit(self, **changes: Any) -> AuditSection:
        values: dict[str, Any] = {
            "model": self.model,
            "tokenizer": tokenizer(),
            "canaries": self.planted,
            "members": self.members,
            "non_members": self.non_members,
            "policy": self.rules,
            "privacy": privacy(),
            "base_scores": self.base,
            "removed": removed(),
            "control": None,
            "progress": SilentProgress(),
        }
        return audit(**{**values, **changes})
