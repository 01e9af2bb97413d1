"""Training by any method: resumed exactly, self-tested, knobs reported, leaks when asked to."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from appliance.audit.control import overfit
from appliance.audit.scores import score_examples
from appliance.errors import PolicyError
from appliance.finetune.methods import MethodSettings, attach, leaking, throwaway
from appliance.finetune.methods.own import Tuned
from appliance.finetune.noise import OS_ENTROPY, fresh_key
from appliance.finetune.per_sample import trainable
from appliance.finetune.selftest import check_model
from appliance.policy.training import STEP_SIZES, Training
from appliance.progress import SilentProgress
from tests.unit.finetune.methods import zoo
from tests.unit.finetune.test_trainer import KilledError, run, settings, weights
from tests.unit.finetune.toys import MemoryStore

EACH = [(m, "gpt2" if m == "bitfit" else "llama") for m in zoo.METHODS if m != "lora"]


@pytest.mark.parametrize(("method", "family"), EACH)
def test_a_killed_and_resumed_run_ends_with_the_same_bits(method, family):
    units = zoo.units_for(family, 8)
    whole = zoo.tuned(method, family)
    reference = run(whole, units=units)
    store = MemoryStore()

    def die(done, _total, _figures):
        if done == 3:
            raise KilledError

    with pytest.raises(KilledError):
        run(zoo.tuned(method, family), units=units, store=store, progress=die)
    resumed = zoo.moved(zoo.tuned(method, family), seed=9)  # All must come from the store.
    outcome = run(resumed, units=units, store=store, noise_key=fresh_key(), noise_source=OS_ENTROPY)
    assert torch.equal(weights(resumed), weights(whole))
    assert outcome.resumed_times == 1
    assert outcome.engine == reference.engine == "one-pass-by-row"


@pytest.mark.parametrize(("method", "family"), EACH)
def test_training_changes_what_is_trained_and_nothing_else(method, family):
    model = zoo.tuned(method, family)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    run(model, units=zoo.units_for(family, 8), how=settings(learning_rate=0.1))
    for name, p in model.named_parameters():
        assert torch.equal(p, before[name]) == (name in frozen), name


@pytest.mark.parametrize(("method", "family"), EACH)
def test_the_self_test_holds_the_model_to_units_taken_alone(method, family, monkeypatch):
    from appliance.finetune.per_sample import RowMap

    model, units = zoo.tuned(method, family), zoo.units_for(family)
    found = check_model(model, units)
    assert found.passed
    assert found.detail.startswith("one-pass-by-row")
    add = RowMap.add

    def lossy(self, p, rows):
        add(self, p, torch.cat([torch.zeros_like(rows[:1]), rows[1:]]))

    monkeypatch.setattr(RowMap, "add", lossy)
    assert not check_model(model, units).passed


@pytest.mark.parametrize(("method", "family"), EACH)
def test_a_throw_away_copy_learns_and_leaves_no_trace(method, family):
    model = attach(zoo.base(family), MethodSettings(method=method, rank=4, virtual_tokens=8))
    examples = [e for unit in zoo.units_for(family, 6, seed=2) for e in unit]

    def loss():
        scores = score_examples(model, examples, max_tokens=512, progress=SilentProgress())
        return float(np.mean([s.loss for s in scores]))

    before = loss()
    with throwaway(model):
        generator = np.random.default_rng(0)
        overfit(model, examples, generator=generator, progress=SilentProgress())
        learned = loss()
    assert learned < before
    assert abs(loss() - before) < 1e-6


@pytest.mark.parametrize("method", ["prompt", "prefix"])
def test_the_control_beside_virtual_tokens_leaks_and_leaves_no_trace(method):
    model = zoo.tuned(method, "llama")
    examples = [e for unit in zoo.units_for("llama", 6, seed=2) for e in unit]
    names, before = [n for n, _ in model.named_parameters()], model(**zoo.inputs("llama")).logits
    wanted = [p.requires_grad for p in model.parameters()]

    def loss(of):
        scores = score_examples(of, examples, max_tokens=512, progress=SilentProgress())
        return float(np.mean([s.loss for s in scores]))

    with leaking(model) as control:
        assert all("lora_" in n for n, p in control.named_parameters() if p.requires_grad)
        start = loss(control)
        assert abs(start - loss(zoo.base("llama"))) < 1e-5
        overfit(control, examples, generator=np.random.default_rng(0), progress=SilentProgress())
        assert loss(control) < start
    assert [n for n, _ in model.named_parameters()] == names
    assert [p.requires_grad for p in model.parameters()] == wanted
    assert torch.equal(model(**zoo.inputs("llama")).logits, before)


def test_the_last_layers_alone_can_be_trained_by_every_method_that_has_layers():
    for method in ("dora", "full", "ia3", "bottleneck"):
        model = zoo.tuned(method, "llama", last_layers=1)
        trained = [name for name, p in model.named_parameters() if p.requires_grad]
        assert trained
        assert all(".1." in name or "/1/" in name for name in trained), method


def test_full_training_keeps_tied_embeddings_tied_and_t5s_shared_bias_frozen():
    model = zoo.tuned("full", "llama")
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    model = zoo.tuned("full", "t5")
    frozen = [name for name, p in model.named_parameters() if not p.requires_grad]
    assert frozen
    assert all("relative_attention_bias" in name for name in frozen)


def test_master_weights_are_float32_whatever_the_base():
    model = attach(zoo.base("llama").to(torch.bfloat16), MethodSettings(method="full"))
    assert {p.dtype for p in trainable(model)} == {torch.float32}
    model = attach(zoo.base("gpt2").to(torch.bfloat16), MethodSettings(method="bitfit"))
    assert isinstance(model, Tuned)
    assert {p.dtype for p in trainable(model)} == {torch.float32}


def test_a_base_without_biases_has_nothing_for_bitfit():
    with pytest.raises(PolicyError, match="nearest: ia3"):
        attach(zoo.base("llama"), MethodSettings(method="bitfit"))


def test_the_report_shows_the_knobs_that_a_method_reads_and_no_others():
    shown = MethodSettings.of(Training(method="prompt", rank=64)).shown()
    assert shown == {"virtual_tokens": 20, "prompt_text": "random words"}
    assert set(MethodSettings().shown()) >= {"rank", "alpha", "target_modules"}
    named = MethodSettings.of(Training(method="prefix", prompt_text="a public sentence"))
    assert "a public sentence" not in str(named.shown())


def test_a_step_size_is_the_policys_or_the_methods_own():
    assert Training(method="full").step_size == STEP_SIZES["full"]
    assert Training(method="full", learning_rate=0.5).step_size == 0.5
