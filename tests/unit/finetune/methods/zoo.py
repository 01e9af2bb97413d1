"""A tiny random model of every family, and units of every task."""

from __future__ import annotations

import numpy as np
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GemmaConfig,
    GemmaForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    PhiConfig,
    PhiForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    RobertaConfig,
    RobertaForSequenceClassification,
    SmolLM3Config,
    SmolLM3ForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from appliance.finetune.methods import MethodSettings, attach
from appliance.finetune.per_sample import trainable
from appliance.finetune.task_loss import loss_of, truth_of
from appliance.model.examples import Example
from appliance.model.tasks import shape_of
from appliance.policy.training import Training

VOCAB = 59
LABELS = ("a", "b", "c")
_BLOCK = {
    "vocab_size": VOCAB,
    "hidden_size": 16,
    "intermediate_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_GROUPED = {**_BLOCK, "num_key_value_heads": 2}
_QUIET = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "num_labels": 3}

BUILD = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**_GROUPED, tie_word_embeddings=True)),
    "mistral": lambda: MistralForCausalLM(MistralConfig(**_GROUPED, sliding_window=6)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**_GROUPED)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**_GROUPED, head_dim=8)),
    "gemma": lambda: GemmaForCausalLM(GemmaConfig(**_GROUPED, head_dim=8)),
    "gemma2": lambda: Gemma2ForCausalLM(Gemma2Config(**_GROUPED, head_dim=8)),
    "gemma3_text": lambda: Gemma3ForCausalLM(Gemma3TextConfig(**_GROUPED, head_dim=8)),
    "smollm3": lambda: SmolLM3ForCausalLM(SmolLM3Config(**_GROUPED)),
    "phi": lambda: PhiForCausalLM(PhiConfig(**_BLOCK, resid_pdrop=0.0, embd_pdrop=0.0)),
    "phi3": lambda: Phi3ForCausalLM(
        Phi3Config(**_GROUPED, resid_pdrop=0.0, embd_pdrop=0.0, attention_dropout=0.0)
    ),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCAB,
            n_embd=16,
            n_layer=2,
            n_head=4,
            n_positions=64,
            bos_token_id=1,
            eos_token_id=2,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
        )
    ),
    "bert": lambda: BertForSequenceClassification(BertConfig(**_BLOCK, **_QUIET)),
    "roberta": lambda: RobertaForSequenceClassification(RobertaConfig(**_BLOCK, **_QUIET)),
    "distilbert": lambda: DistilBertForSequenceClassification(
        DistilBertConfig(
            vocab_size=VOCAB,
            dim=16,
            hidden_dim=20,
            n_layers=2,
            n_heads=4,
            max_position_embeddings=64,
            dropout=0.0,
            attention_dropout=0.0,
            seq_classif_dropout=0.0,
            num_labels=3,
        )
    ),
    "t5": lambda: T5ForConditionalGeneration(
        T5Config(
            vocab_size=VOCAB,
            d_model=16,
            d_kv=4,
            d_ff=20,
            num_layers=2,
            num_heads=4,
            dropout_rate=0.0,
            decoder_start_token_id=0,
        )
    ),
}
CAUSAL = (
    *("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "smollm3"),
    *("phi", "phi3", "gpt2"),
)
ENCODERS = ("bert", "roberta", "distilbert")
HEADS = {
    "bert": ("classifier",),
    "roberta": ("classifier",),
    "distilbert": ("pre_classifier", "classifier"),
}
METHODS = ("lora", "dora", "full", "ia3", "bottleneck", "bitfit", "prompt", "prefix")
#: (method, family) that exist; what is missing here is refused (see test_offers.py).
OFFERED = [
    (method, family)
    for method in METHODS
    for family in (*CAUSAL, *ENCODERS, "t5")
    if not (method == "prefix" and family not in CAUSAL)
    and not (method == "bitfit" and family not in ("qwen2", "phi", "gpt2", *ENCODERS))
]


def training(family: str, method: str = "lora", **classes) -> Training:
    task = "causal-lm"
    if family in ENCODERS:
        task = "classification"
    elif family == "t5":
        task = "seq2seq"
    return Training.model_validate(
        {"method": method, "task": task, "classes": {"labels": LABELS, **classes}}, strict=False
    )


def base(family: str, seed: int = 0):
    torch.manual_seed(seed)
    return BUILD[family]().float().eval()


def tuned(method: str, family: str, **knobs):
    """A model with the method on it, its parameters moved off their start."""
    settings = MethodSettings(
        method=method, **{"rank": 3, "virtual_tokens": 4, "bottleneck_size": 3, **knobs}
    )
    shape = shape_of(training(family, method), family)
    model = attach(base(family), settings, shape=shape, fresh=HEADS.get(family, ()))
    moved(model)
    return model.eval()


def moved(model, seed: int = 1):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in trainable(model):
            p.add_(torch.randn(p.shape, generator=generator) * 0.05)
    return model


def loss_and_truth(method: str, family: str, **classes):
    knobs = training(family, method, **classes)
    shape = shape_of(knobs, family)
    return loss_of(knobs, shape), truth_of(knobs, shape)


def units_for(family: str, n: int = 4, seed: int = 0):
    """Units of one to three records of unequal lengths."""
    rng = np.random.default_rng(seed)
    return [[_record(family, rng) for _ in range(1 + int(rng.integers(0, 3)))] for _ in range(n)]


def _record(family: str, rng: np.random.Generator) -> Example:
    length = int(rng.integers(4, 12))
    learned = 1 if family in ENCODERS else int(rng.integers(2, length))
    ids = rng.integers(3, VOCAB, size=length).astype(np.int32)
    mask = np.arange(length) >= length - learned
    if family in ENCODERS:
        ids[mask] = rng.integers(0, len(LABELS))
    return Example(input_ids=ids, loss_mask=mask, record_id=int(rng.integers(1 << 30)))


def several_labels(units):
    """The same texts, each with a yes or no for every class."""
    rng = np.random.default_rng(7)
    return [[_labelled(record, rng) for record in unit] for unit in units]


def _labelled(record: Example, rng: np.random.Generator) -> Example:
    text = record.input_ids[~record.loss_mask]
    answers = rng.integers(0, 2, size=len(LABELS)).astype(np.int32)
    ids = np.concatenate((text, answers))
    mask = np.arange(len(ids)) >= len(text)
    return Example(input_ids=ids, loss_mask=mask, record_id=record.record_id)


def inputs(family: str):
    ids = torch.arange(3, 19).view(2, 8)
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    given = {"input_ids": ids, "attention_mask": mask}
    return {**given, "decoder_input_ids": ids[:, :5]} if family == "t5" else given
