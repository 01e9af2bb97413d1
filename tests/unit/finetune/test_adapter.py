"""Adapters: fresh ones change nothing, exported ones load with plain PEFT."""

from __future__ import annotations

import json

import pytest
import torch
from peft import PeftModel

from appliance.errors import IntegrityError, UsageError
from appliance.finetune.adapter import (
    CONFIG_NAME,
    WEIGHTS_NAME,
    attach_lora,
    export_adapter,
    verify_export,
)
from appliance.finetune.methods import MethodSettings, attach
from appliance.finetune.per_sample import trainable
from tests.unit.finetune.toys import awake, llama, lora_llama

IDS = torch.arange(3, 23).view(2, 10)


def test_a_fresh_adapter_computes_what_the_base_computes():
    expected = llama()(input_ids=IDS).logits
    model = attach_lora(llama(), rank=4, alpha=8.0, seed=0)
    assert torch.equal(model(input_ids=IDS).logits, expected)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"rslora": True},
        {"freeze_a": True},
        {"layers": [1]},
        {"target_modules": ("q_proj", "v_proj")},
        {"dropout": 0.2},
    ],
    ids=["plain", "rslora", "frozen-a", "last-layer", "qv", "dropout"],
)
def test_an_exported_adapter_loads_with_plain_peft(how, tmp_path):
    model = awake(attach_lora(llama(), rank=4, alpha=8.0, seed=0, **how)).eval()
    expected = model(input_ids=IDS).logits
    for name, data in export_adapter(model, base_model_name="smollm2-135m").items():
        (tmp_path / name).write_bytes(data)
    loaded = PeftModel.from_pretrained(llama(), tmp_path).eval()
    assert torch.equal(loaded(input_ids=IDS).logits, expected)
    fields = json.loads((tmp_path / CONFIG_NAME).read_text())
    assert fields["base_model_name_or_path"] == "smollm2-135m"
    assert fields["modules_to_save"] is None
    assert fields["inference_mode"] is True


def test_exporting_leaves_the_model_as_it_was():
    model = attach_lora(llama(), rank=4, alpha=8.0, freeze_a=True)
    names = [name for name, _ in model.named_parameters()]
    wanted = [p.requires_grad for p in model.parameters()]
    export_adapter(model, base_model_name="b")
    assert [name for name, _ in model.named_parameters()] == names
    assert [p.requires_grad for p in model.parameters()] == wanted


def test_other_weights_than_the_trained_ones_are_refused():
    model = lora_llama()
    files = export_adapter(model, base_model_name="b")
    other = export_adapter(awake(lora_llama(), seed=8), base_model_name="b")
    with pytest.raises(IntegrityError, match="other logits"):
        verify_export(model, {**files, WEIGHTS_NAME: other[WEIGHTS_NAME]})
    verify_export(model, files)


def test_frozen_a_factors_leave_the_b_factors_to_train():
    model = attach_lora(llama(), rank=4, alpha=8.0, seed=0, freeze_a=True)
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    assert names
    assert all("lora_B" in name for name in names)


def test_switching_the_adapter_off_and_on_wakes_nothing():
    """PEFT wakes frozen A factors when it switches an adapter on."""
    settings = MethodSettings(rank=4, freeze_a=True)
    model = attach(llama(), settings)
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    expected = llama()(input_ids=IDS).logits
    with model.disable_adapter():
        assert torch.equal(model(input_ids=IDS).logits, expected)
    assert [name for name, p in model.named_parameters() if p.requires_grad] == names


def test_the_last_layers_alone_can_carry_factors():
    model = attach_lora(llama(), rank=4, alpha=8.0, layers=[1])
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    assert names
    assert all(".layers.1." in name for name in names)
    assert not any("lm_head" in name for name in names)


def test_factors_are_float32_and_the_base_is_frozen():
    model = attach_lora(llama().to(torch.bfloat16), rank=4, alpha=8.0)
    assert {p.dtype for p in trainable(model)} == {torch.float32}
    assert all("lora_" in n for n, p in model.named_parameters() if p.requires_grad)


def test_unknown_layers_are_refused():
    with pytest.raises(UsageError, match="linear layers"):
        attach_lora(llama(), rank=4, alpha=8.0, target_modules=("no_such_layer",))
