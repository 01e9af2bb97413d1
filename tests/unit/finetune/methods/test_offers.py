"""What is not offered refuses with the nearest that is; fewer bits need their package."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from pydantic import ValidationError

from appliance.errors import MachineError, PolicyError
from appliance.finetune import adapter
from appliance.finetune.methods import MethodSettings, attach, engine_for
from appliance.finetune.toy import one_at_a_time
from appliance.model import offers, tasks
from appliance.model.targets import require_offered
from appliance.model.tasks import shape_of
from appliance.policy.tasks import TaskName
from appliance.policy.training import Method, Training
from tests.unit.finetune.methods import zoo
from tests.unit.finetune.methods.test_exact import rows_of


@pytest.mark.parametrize(
    ("method", "family", "nearest"),
    [
        ("bitfit", "llama", "ia3"),
        ("bitfit", "gemma2", "ia3"),
        ("bitfit", "t5", "ia3"),
        ("prefix", "t5", "prompt"),
    ],
)
def test_a_method_without_a_place_in_a_family_names_the_nearest(method, family, nearest):
    with pytest.raises(PolicyError, match=f"nearest: {nearest}") as caught:
        shape_of(zoo.training(family, method), family)
    assert caught.value.exit_code == 3
    assert f"training.method: {nearest}" in caught.value.hint


@pytest.mark.parametrize(
    ("knobs", "nearest"),
    [
        ({"method": "prefix", "gradient_checkpointing": True}, "prompt"),
        ({"method": "prompt", "quantize": "4bit"}, "lora"),
        ({"method": "full", "quantize": "8bit"}, "lora"),
        ({"method": "dora", "quantize": "8bit"}, "4bit"),
        (
            {"method": "prefix", "task": "classification", "classes": {"labels": ("a", "b")}},
            "prompt",
        ),
    ],
)
def test_knobs_that_do_not_go_together_name_the_nearest(knobs, nearest):
    with pytest.raises(ValidationError, match=f"nearest: {nearest}"):
        Training.model_validate(knobs)


def answer(training, family):
    """What is said to a combination: None where it is offered, else the hint."""
    try:
        shape_of(training, family)
    except PolicyError as refused:  # Exit 3, by its class.
        return refused.hint
    return None


def test_every_method_on_every_family_is_tested_or_names_one_that_is():
    """`test_exact.py`, `test_saved.py` run over `zoo.OFFERED`: nothing is offered beside it."""
    assert set(zoo.BUILD) == tasks.FAMILIES
    assert set(zoo.METHODS) == set(get_args(Method))
    offered = set()
    for family in sorted(tasks.FAMILIES):
        for method in zoo.METHODS:
            said = answer(zoo.training(family, method), family) if allowed(method, family) else ""
            if said is None:
                offered.add((method, family))
            elif said:
                nearest = said.split("training.method: ")[1].split()[0]
                assert answer(zoo.training(family, nearest), family) is None
    assert offered == set(zoo.OFFERED)


def allowed(method, family):
    """Whether the policy itself takes a method and a family's own task together."""
    try:
        return bool(zoo.training(family, method))
    except ValidationError as refused:
        return "nearest: " not in str(refused)


#: Which shape of model computes a task on a family; the rest is refused. Each shape and family is
#: in `zoo.OFFERED`, where its loss is held to units taken alone.
COMPUTED = {
    "causal-lm": dict.fromkeys(zoo.CAUSAL, "causal"),
    "self-supervised": dict.fromkeys(zoo.CAUSAL, "causal"),
    "classification": dict.fromkeys(zoo.ENCODERS, "classifier"),
    "seq2seq": {"t5": "seq2seq"},
    "multi-task": {**dict.fromkeys(zoo.CAUSAL, "causal"), "t5": "seq2seq"},
}


def asked(task, family):
    parts = ("seq2seq", "classification") if family == "t5" else ("causal-lm", "classification")
    knobs = {"task": task, "classes": {"labels": zoo.LABELS}}
    if task == "multi-task":
        knobs["parts"] = tuple({"task": part} for part in parts)
    return Training.model_validate(knobs)


def test_every_task_on_every_family_is_tested_or_names_one_that_is():
    assert set(COMPUTED) == set(get_args(TaskName))
    for task in COMPUTED:
        for family in sorted(tasks.FAMILIES):
            shape = COMPUTED[task].get(family)
            if shape is not None:
                assert shape_of(asked(task, family), family) == shape
                continue
            said = answer(asked(task, family), family)
            nearest = said.split("training.task: ")[1].split(",")[0]
            assert answer(asked(nearest, family), family) is None, (task, family)


@pytest.mark.parametrize("family", sorted(zoo.BUILD))
def test_layers_to_train_are_checked_against_the_base_before_any_data(family, tmp_path):
    model = zoo.BUILD[family]()
    model.config.save_pretrained(tmp_path)  # No weights: the names alone are looked at.
    real = adapter._linear_names(model, ("classifier", "pre_classifier"))

    def asked(method, *names):
        return zoo.training(family, method).model_copy(update={"target_modules": names})

    assert require_offered(asked("lora", *real), tmp_path)
    assert require_offered(asked("prompt", "typo"), tmp_path)
    for names, index in (((real[0], f"{real[0]}x"), 1), (("classifier", real[0]), 0)):
        with pytest.raises(PolicyError) as caught:
            require_offered(asked("dora", *names), tmp_path)
        assert caught.value.exit_code == 3
        assert f"training.target_modules.{index}" in caught.value.message
        assert all(name in caught.value.hint for name in real)
        assert index == 0 or f"nearest: {real[0]}" in caught.value.message
        assert f"{real[0]}x" not in caught.value.message + caught.value.hint


def test_layers_below_the_trained_blocks_are_none_to_train(tmp_path):
    zoo.BUILD["llama"]().config.save_pretrained(tmp_path)
    low, high = (f"model.layers.{block}.self_attn.q_proj" for block in (0, 1))
    knobs = {"last_layers": 1}
    assert require_offered(Training(target_modules=(high,), **knobs), tmp_path) == "causal"
    assert require_offered(Training(target_modules=("lm_head", "embed_tokens")), tmp_path)
    for names in ((low,), (), ("lm_head",)):
        with pytest.raises(PolicyError, match="nearest: "):
            require_offered(Training(target_modules=names, **knobs), tmp_path)


def test_fewer_bits_without_their_package_are_the_machines_fault(monkeypatch):
    monkeypatch.setattr(offers, "find_spec", lambda _name: None)
    with pytest.raises(MachineError, match="bitsandbytes") as caught:
        shape_of(Training(quantize="4bit"), "llama")
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(("bits", "method"), [("4bit", "lora"), ("8bit", "lora"), ("4bit", "dora")])
def test_factors_on_a_base_of_fewer_bits_are_exact(bits, method, tmp_path):
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=zoo.VOCAB,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=1,
        num_attention_heads=4,
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    base = AutoModelForCausalLM.from_pretrained(
        tmp_path,
        dtype=torch.float32,
        **offers.fewer_bits(Training(quantize=bits, method=method), "cpu"),
    )
    model = zoo.moved(attach(base.eval(), MethodSettings(method=method, rank=4))).eval()
    units = zoo.units_for("llama")
    truth = one_at_a_time(model, units)
    loss, _ = zoo.loss_and_truth(method, "llama")
    rows = rows_of(engine_for(model, loss), model, units)
    assert float((rows - truth).norm(dim=1).max() / truth.norm(dim=1).max()) < 1e-5
