"""Per-unit gradients against the obviously correct way: one unit at a time, plain PEFT."""

from __future__ import annotations

import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from appliance.finetune import lora_engine
from appliance.finetune.adapter import attach_lora
from appliance.finetune.batching import group_units
from appliance.finetune.loss import causal_lm_loss
from appliance.finetune.methods.choose import engine_for
from appliance.finetune.per_sample import MicroBatchEngine, trainable
from appliance.finetune.sampling import UnitDraw
from tests.unit.finetune.toys import awake, llama, lora_llama, make_units

SMALL = {"vocab_size": 61, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}


def slow_twin(model, units):
    """Gradients of each unit's mean-of-records loss by the book: PEFT's forward, HF's logits."""
    params, rows = trainable(model), []
    for records in units:
        loss = 0.0
        for record in records:
            ids = torch.from_numpy(record.input_ids.astype("int64"))[None]
            target = torch.from_numpy(record.loss_mask)
            logp = model(input_ids=ids).logits[0, :-1].float().log_softmax(-1)
            picked = logp.gather(1, ids[0, 1:, None])[:, 0][target[1:]]
            loss = loss - picked.mean() / len(records)
        grads = torch.autograd.grad(loss, params)
        rows.append(torch.cat([g.reshape(-1) for g in grads]))
    return torch.stack(rows)


def by_engine(engine, model, units, *, tokens=64, in_memory=99):
    draws = [UnitDraw(unit=i, records=tuple(range(len(r)))) for i, r in enumerate(units)]
    rows = []
    for group in group_units(draws, units, physical_batch_tokens=tokens, units_in_memory=in_memory):
        engine.unit_gradients(group)
        rows.append(torch.cat([p.grad_sample.flatten(1) for p in trainable(model)], dim=1))
    return torch.cat(rows)


def relative(found, expected):
    return float((found - expected).norm(dim=1).max() / expected.norm(dim=1).max())


def families():
    yield "llama-gqa-tied", lambda: llama()
    yield "llama-untied-bias", lambda: llama(tie_word_embeddings=False, attention_bias=True)
    yield (
        "qwen2",
        lambda: Qwen2ForCausalLM(Qwen2Config(**SMALL, intermediate_size=48, num_key_value_heads=2)),
    )
    yield (
        "mistral",
        lambda: MistralForCausalLM(
            MistralConfig(**SMALL, intermediate_size=48, num_key_value_heads=2)
        ),
    )
    yield (
        "gemma2-softcap",
        lambda: Gemma2ForCausalLM(
            Gemma2Config(**SMALL, intermediate_size=48, num_key_value_heads=2, head_dim=8)
        ),
    )
    yield (
        "gpt2-conv1d",
        lambda: GPT2LMHeadModel(
            GPT2Config(
                vocab_size=61,
                n_embd=32,
                n_layer=2,
                n_head=4,
                n_positions=64,
                resid_pdrop=0.0,
                embd_pdrop=0.0,
                attn_pdrop=0.0,
            )
        ),
    )


@pytest.mark.parametrize(("name", "build"), [pytest.param(n, b, id=n) for n, b in families()])
def test_one_pass_equals_one_at_a_time_for_every_family(name, build):
    torch.manual_seed(0)
    model = awake(attach_lora(build(), rank=4, alpha=8.0, seed=0))
    units = make_units(7)
    expected = slow_twin(model.eval(), units)
    engine = engine_for(model, causal_lm_loss)
    assert engine.name == "lora-one-pass"
    found = by_engine(engine, model, units)
    assert relative(found, expected) < 1e-5


@pytest.mark.parametrize("tokens", [1, 40, 10_000])
@pytest.mark.parametrize("in_memory", [1, 3, 99])
def test_physical_batches_and_groups_do_not_change_a_gradient(tokens, in_memory):
    model = lora_llama()
    units = make_units(6)
    expected = slow_twin(model, units)
    engine = engine_for(model, causal_lm_loss)
    found = by_engine(engine, model, units, tokens=tokens, in_memory=in_memory)
    assert relative(found, expected) < 1e-5


def test_one_record_units_take_the_direct_path_exactly():
    model = lora_llama()
    units = sorted(make_units(6, records=1), key=lambda u: len(u[0]))
    expected = slow_twin(model, units)
    engine = engine_for(model, causal_lm_loss)
    found = by_engine(engine, model, units, tokens=10_000)
    assert engine._rows.identity
    assert relative(found, expected) < 1e-5


@pytest.mark.parametrize("reentrant", [False, True])
def test_gradient_checkpointing_does_not_change_a_gradient(reentrant):
    model = lora_llama()
    units = make_units(5)
    expected = slow_twin(model, units)
    model.train()
    model.enable_input_require_grads()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": reentrant})
    engine = engine_for(model, causal_lm_loss)
    found = by_engine(engine, model, units)
    assert relative(found, expected) < 1e-5


def test_shared_inputs_are_fused():
    model = lora_llama()
    engine = engine_for(model, causal_lm_loss)
    by_engine(engine, model, make_units(2))
    sizes = sorted(len(shared.members) for shared in engine._shared)
    assert sizes == [1, 1, 1, 1, 2, 2, 3, 3]


def test_dropout_masks_are_part_of_a_units_gradient():
    """With dropout, the engine's row equals plain autograd under the same masks."""
    model = lora_llama(dropout=0.5)
    units = make_units(1, records=1, seed=3)
    engine = engine_for(model, causal_lm_loss)
    by_engine(engine, model, units)  # The fusing probe draws masks of its own.
    model.train()
    torch.manual_seed(5)
    found = by_engine(engine, model, units)
    engine.close()
    torch.manual_seed(5)
    expected = slow_twin(model, units)
    assert relative(found, expected) < 1e-5


def test_autocast_keeps_norms_in_float32_and_close_to_the_truth():
    model = lora_llama()
    units = make_units(5)
    expected = slow_twin(model, units)

    def loss(m, batch):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return causal_lm_loss(m, batch)

    engine = engine_for(model, loss)
    found = by_engine(engine, model, units)
    assert found.dtype == torch.float32
    assert relative(found, expected) < 0.05


def test_frozen_a_factors_leave_the_b_factors_exact():
    model = awake(attach_lora(llama(), rank=4, alpha=8.0, seed=0, freeze_a=True))
    units = make_units(6)
    expected = slow_twin(model, units)
    assert expected.shape[1] == sum(p.numel() for p in trainable(model))
    engine = engine_for(model, causal_lm_loss)
    assert engine.name == "lora-one-pass"
    assert relative(by_engine(engine, model, units), expected) < 1e-5


def test_factors_on_the_last_layers_alone_are_exact():
    model = awake(attach_lora(llama(), rank=4, alpha=8.0, seed=0, layers=[1]))
    units = make_units(6)
    expected = slow_twin(model, units)
    engine = engine_for(model, causal_lm_loss)
    assert relative(by_engine(engine, model, units), expected) < 1e-5


def test_a_closed_engine_leaves_pefts_own_forward():
    model = lora_llama()
    ids = torch.arange(3, 13)[None]
    before = model(input_ids=ids).logits
    engine = engine_for(model, causal_lm_loss)
    by_engine(engine, model, make_units(2))
    engine.close()
    assert torch.equal(model(input_ids=ids).logits, before)
    assert not any("forward" in m.__dict__ for m in model.modules())


def test_the_engine_computes_pefts_forward():
    model = lora_llama()
    ids = torch.arange(3, 13)[None]
    before = model(input_ids=ids).logits
    engine = engine_for(model, causal_lm_loss)
    assert torch.allclose(model(input_ids=ids).logits, before, atol=1e-5)
    engine.close()


def test_a_trained_parameter_that_no_fast_engine_knows_takes_the_exact_slow_one():
    model = lora_llama()
    norm = model.get_base_model().model.norm
    # The same computation, in a class that the one-pass engines have never heard of.
    norm.__class__ = type("Unheard", (type(norm),), {})
    norm.weight.requires_grad_(True)
    assert not lora_engine.covers(model)
    engine = engine_for(model, causal_lm_loss)
    assert isinstance(engine, MicroBatchEngine)
    units = make_units(4)
    expected = slow_twin(model, units)
    assert relative(by_engine(engine, model, units), expected) < 1e-5


def test_a_neighbours_length_does_not_touch_a_row():
    model = lora_llama()
    engine = engine_for(model, causal_lm_loss)
    units = make_units(6, seed=4)
    alone = by_engine(engine, model, units[:1])
    among = by_engine(engine, model, units, tokens=10_000)[:1]
    assert relative(among, alone) < 1e-5


def test_the_frozen_head_loss_equals_cross_entropy_in_many_chunks(monkeypatch):
    monkeypatch.setattr("appliance.finetune.loss._CHUNK_LOGITS", 61 * 3)
    model = lora_llama()
    units = make_units(4)
    expected = slow_twin(model, units)
    engine = engine_for(model, causal_lm_loss)
    assert relative(by_engine(engine, model, units), expected) < 1e-5


def test_a_group_without_rows_has_zero_gradients():
    model = lora_llama()
    engine = engine_for(model, causal_lm_loss)
    units = make_units(2)
    for unit in units:
        for record in unit:
            record.loss_mask[:] = False
    assert float(by_engine(engine, model, units).abs().max()) == 0.0
