"""What is not offered refuses with the nearest that is; fewer bits need their package."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from appliance.errors import MachineError, PolicyError
from appliance.finetune.methods import MethodSettings, attach, engine_for
from appliance.finetune.toy import one_at_a_time
from appliance.model import offers
from appliance.model.tasks import shape_of
from appliance.policy.training import Training
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


@pytest.mark.parametrize(("method", "family"), zoo.OFFERED)
def test_everything_else_is_offered(method, family):
    shape_of(zoo.training(family, method), family)


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
