"""The clipped sum of every family equals brute force: one record at a time, clipped by hand.

Tiny random instances; LoRA on all linear layers through the one-pass engine, by the task that is
natural to the family. The truth runs transformers' own forward and loss and shares no code with it.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    Gemma2Config,
    Gemma2ForCausalLM,
    GemmaConfig,
    GemmaForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PhiConfig,
    PhiForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    RobertaConfig,
    RobertaForSequenceClassification,
    T5Config,
    T5ForConditionalGeneration,
)

from appliance.finetune.batching import group_units
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.methods import MethodSettings, attach, engine_for
from appliance.finetune.noise import INJECTED, NoiseSource
from appliance.finetune.optimizer import DpOptimizer
from appliance.finetune.per_sample import trainable
from appliance.finetune.ranks import Ranks
from appliance.finetune.sampling import UnitDraw
from appliance.finetune.task_loss import loss_of, truth_of
from appliance.model.examples import Example
from appliance.model.tasks import shape_of_model
from appliance.policy.model import Training
from tests.unit.finetune.toys import make_units

VOCAB = 61
DECODER = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
GROUPED = {**DECODER, "num_key_value_heads": 2}
ENCODER = {
    **{k: DECODER[k] for k in DECODER if k != "bos_token_id" and k != "eos_token_id"},
    "num_labels": 3,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
NO_DROPOUT = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
FAMILIES = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**GROUPED, tie_word_embeddings=True)),
    "mistral": lambda: MistralForCausalLM(MistralConfig(**GROUPED)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**GROUPED)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**GROUPED, head_dim=8)),
    "gemma": lambda: GemmaForCausalLM(GemmaConfig(**GROUPED, head_dim=8)),
    "gemma2": lambda: Gemma2ForCausalLM(Gemma2Config(**GROUPED, head_dim=8)),
    "phi": lambda: PhiForCausalLM(PhiConfig(**DECODER)),
    "gpt2": lambda: GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCAB,
            n_embd=32,
            n_layer=2,
            n_head=4,
            n_positions=64,
            bos_token_id=1,
            eos_token_id=2,
            **NO_DROPOUT,
        )
    ),
    "bert": lambda: BertForSequenceClassification(BertConfig(**ENCODER)),
    "roberta": lambda: RobertaForSequenceClassification(RobertaConfig(**ENCODER)),
    "distilbert": lambda: DistilBertForSequenceClassification(
        DistilBertConfig(
            vocab_size=VOCAB,
            dim=32,
            hidden_dim=48,
            n_layers=2,
            n_heads=4,
            num_labels=3,
            dropout=0.0,
            attention_dropout=0.0,
            seq_classif_dropout=0.0,
        )
    ),
    "t5": lambda: T5ForConditionalGeneration(
        T5Config(
            vocab_size=VOCAB,
            d_model=32,
            d_kv=8,
            d_ff=48,
            num_layers=2,
            num_heads=4,
            dropout_rate=0.0,
            pad_token_id=0,
            eos_token_id=2,
            decoder_start_token_id=0,
        )
    ),
}

#: PEFT keeps a classifier's head for itself: factors go on the blocks alone.
TARGETS = {
    "bert": ("query", "key", "value"),
    "roberta": ("query", "key", "value"),
    "distilbert": ("q_lin", "k_lin", "v_lin", "out_lin", "lin1", "lin2"),
}


def units_for(shape: str) -> list[list[Example]]:
    """Units of one to three records; a class number, or the last tokens, are what is learned."""
    units = make_units(6, seed=2, vocab=VOCAB)
    if shape == "causal":
        return units
    return [[_last_learned(e, 1 if shape == "classifier" else 3) for e in unit] for unit in units]


def _last_learned(example: Example, count: int) -> Example:
    mask = np.zeros(len(example), dtype=np.bool_)
    mask[-count:] = True
    ids = example.input_ids.copy()
    if count == 1:
        ids[-1] %= 3
    return Example(input_ids=ids, loss_mask=mask, record_id=example.record_id)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_clipped_sum_equals_brute_force(family):
    torch.manual_seed(0)
    base = FAMILIES[family]().float().eval().requires_grad_(False)
    shape = shape_of_model(base)
    targets = TARGETS.get(family, "all-linear")
    settings = MethodSettings(rank=4, alpha=8.0, target_modules=targets)
    model = attach(base, settings, shape=shape).eval()
    for name, p in model.named_parameters():  # The head's own gradient is other tests' business.
        p.requires_grad_("lora_" in name)
    with torch.no_grad():
        for p in trainable(model):  # Both factors awake, or A's gradients are zero.
            p.copy_(torch.randn(p.shape) * 0.1)
    labels = {"a": 0.5, "b": 1.0, "c": 2.0}
    knobs = {"task": "classification", "classes": {"labels": tuple(labels), "weights": labels}}
    training = Training.model_validate(knobs if shape == "classifier" else {})
    units = units_for(shape)
    truth = truth_of(training, shape)(model, units)
    norms = truth.norm(dim=1, keepdim=True)
    bound = float(norms.median())
    expected = (truth * (bound / norms).clamp(max=1.0)).sum(dim=0)

    engine = engine_for(model, loss_of(training, shape))
    assert engine.name == "lora-one-pass"
    optimizer = DpOptimizer(
        torch.optim.SGD(trainable(model), lr=1.0),
        mechanism=Mechanism(
            sample_rate=1.0,
            noise_multiplier=0.0,
            steps=1,
            expected_batch_size=6.0,
            max_grad_norm=bound,
            target_delta=1e-3,
        ),
        noise=NoiseSource(key=bytes(32), origin=INJECTED),
        ranks=Ranks(),
    )
    draws = [UnitDraw(unit=i, records=tuple(range(len(r)))) for i, r in enumerate(units)]
    for group in group_units(draws, units, physical_batch_tokens=48, units_in_memory=4):
        engine.unit_gradients(group)
        optimizer.clip_and_accumulate()
    found = torch.cat([p.summed_grad.reshape(-1) for p in trainable(model)])
    assert float((found - expected).norm() / expected.norm()) < 1e-5
    assert int((norms > bound).sum()) >= 2  # Some are clipped, and some are not.
