"""What is saved is what was trained: in a fresh process, over the same base, with plain libraries."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from appliance.errors import IntegrityError
from appliance.finetune.methods import MethodSettings, Tuned, attach, export, restore, throwaway
from appliance.finetune.methods.attach import verify
from appliance.finetune.per_sample import trainable
from appliance.release.lint import lint_adapter
from tests.unit.finetune.methods import zoo

ONE_EACH = [(method, "llama") for method in zoo.METHODS if method != "bitfit"]
ONE_EACH += [("bitfit", "gpt2"), ("lora", "bert"), ("full", "bert"), ("prompt", "t5")]


def logits(model, family):
    with torch.no_grad():
        return model(**zoo.inputs(family)).logits


@pytest.fixture(scope="module")
def fresh_process(tmp_path_factory):
    """Export every method on every family; read all back in one other process."""
    root = tmp_path_factory.mktemp("adapters")
    expected = {}
    for method, family in zoo.OFFERED:
        model = zoo.tuned(method, family)
        folder = root / f"{method}-{family}"
        folder.mkdir()
        files = export(model, base_model_name="tiny")
        lint_adapter(files)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        expected[folder.name] = logits(model, family)
    out = tmp_path_factory.mktemp("read") / "logits.safetensors"
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.unit.finetune.methods.reload", root, out],
        check=True,
        cwd=Path(__file__).parents[4],
        timeout=300,
    )
    return expected, load_file(out)


@pytest.mark.parametrize(("method", "family"), zoo.OFFERED)
def test_a_fresh_process_computes_the_same_logits(method, family, fresh_process):
    # Sums of another process may round in another order: its threads and memory are its own.
    expected, found = fresh_process
    name = f"{method}-{family}"
    torch.testing.assert_close(found[name], expected[name], rtol=1e-5, atol=2e-6)
    if method in ("full", "bitfit"):
        torch.testing.assert_close(found[f"{name}-plain"], expected[name], rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize(("method", "family"), ONE_EACH)
def test_an_adapter_changes_its_base_and_switches_off(method, family):
    model = zoo.tuned(method, family)
    base = logits(zoo.base(family), family)
    assert not torch.equal(logits(model, family), base)
    with model.disable_adapter():
        off = logits(model, family)
    # A fresh classifier belongs to what is trained: switched off, it is as it came.
    assert torch.equal(off, base)
    assert not torch.equal(logits(model, family), base)


@pytest.mark.parametrize(("method", "family"), ONE_EACH)
def test_restoring_gives_the_trained_weights_back(method, family):
    model = zoo.tuned(method, family)
    expected = logits(model, family)
    files = export(model, base_model_name="tiny")
    zoo.moved(model, seed=9)
    assert not torch.equal(logits(model, family), expected)
    restore(model, files)
    assert torch.equal(logits(model, family), expected)


@pytest.mark.parametrize(("method", "family"), ONE_EACH)
def test_files_with_other_weights_are_refused(method, family):
    model = zoo.tuned(method, family)
    files = export(model, base_model_name="tiny")
    zoo.moved(model, seed=9)
    with pytest.raises(IntegrityError, match="other logits"):
        verify(model, files)


@pytest.mark.parametrize(("method", "family"), ONE_EACH)
def test_the_control_starts_anew_and_leaves_no_trace(method, family):
    model = zoo.tuned(method, family)
    expected, wanted = logits(model, family), [p.requires_grad for p in model.parameters()]
    shape = zoo.shape_of(zoo.training(family, method), family)
    settings = MethodSettings(method=method, rank=3, virtual_tokens=4, bottleneck_size=3)
    fresh = attach(zoo.base(family), settings, shape=shape, fresh=zoo.HEADS.get(family, ()))

    def learn():
        with throwaway(model) as started:
            assert torch.equal(logits(started, family), logits(fresh.eval(), family))
            zoo.moved(started, seed=4)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        learn()
    assert torch.equal(logits(model, family), expected)
    assert [p.requires_grad for p in model.parameters()] == wanted


@pytest.mark.parametrize("method", ["lora", "dora", "ia3", "full", "bottleneck"])
def test_a_fresh_start_computes_what_the_base_computes(method):
    expected = logits(zoo.base("llama"), "llama")
    model = attach(zoo.base("llama"), MethodSettings(method=method, rank=3)).eval()
    assert torch.allclose(logits(model, "llama"), expected, atol=1e-6)


@pytest.mark.parametrize("method", ["lora", "dora", "ia3"])
def test_peft_has_nothing_to_say_about_how_a_familys_weights_lie(method, recwarn):
    for family in ("gpt2", "llama", "bert"):
        files = export(zoo.tuned(method, family), base_model_name="tiny")
        said = json.loads(files["adapter_config.json"])["fan_in_fan_out"]
        assert said == (family == "gpt2")
    assert not [w for w in recwarn if "fan_in_fan_out" in str(w.message)]


def test_a_prompt_starts_as_the_words_of_its_text():
    class Words:
        def __call__(self, text, add_special_tokens):
            assert not add_special_tokens
            return {"input_ids": [5, 6, 7]}

    settings = MethodSettings(method="prompt", virtual_tokens=4, prompt_text="a public text")
    base = zoo.base("llama")
    wanted = base.get_input_embeddings().weight[[5, 6, 7, 5]].detach()
    model = attach(base, settings, tokenizer=Words())
    (weight,) = trainable(model)
    assert torch.equal(weight, wanted)
    with torch.no_grad():
        both = zoo.base("llama")(input_ids=torch.tensor([[5, 6, 7, 5, 9, 11]])).logits[:, 4:]
        assert torch.allclose(model(input_ids=torch.tensor([[9, 11]])).logits, both, atol=1e-6)


def test_a_prefix_starts_as_the_keys_and_values_of_words():
    model = attach(zoo.base("llama"), MethodSettings(method="prefix", virtual_tokens=4, seed=3))
    words = torch.randint(0, zoo.VOCAB, (4,), generator=torch.Generator().manual_seed(3))
    text = torch.tensor([[9, 11, 12]])
    with torch.no_grad():
        whole = zoo.base("llama")(input_ids=torch.cat((words[None], text), dim=1)).logits[:, 4:]
        assert torch.allclose(model.eval()(input_ids=text).logits, whole, atol=1e-5)


@pytest.mark.parametrize("method", ["prompt", "prefix"])
@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt2"])
def test_virtual_tokens_generate_as_they_score(method, family):
    """PEFT's generation, with its cache, says what the model's own logits say."""
    model, ids = zoo.tuned(method, family), torch.arange(3, 19).view(2, 8)
    with torch.no_grad():
        grown = ids
        for _ in range(5):
            last = model(input_ids=grown).logits[:, -1:].argmax(-1)
            grown = torch.cat((grown, last), dim=1)
        given = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "do_sample": False}
        asked = {"max_new_tokens": 5, "pad_token_id": 0, "eos_token_id": 99}
        assert torch.equal(model.generate(**given, **asked), grown)
        with model.disable_adapter():
            plain = model.generate(**given, **asked)
        assert torch.equal(plain, zoo.base(family).generate(**given, **asked))


def test_damaged_or_foreign_files_are_refused_with_the_next_command(tmp_path):
    files = export(zoo.tuned("bottleneck", "llama"), base_model_name="tiny")
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(IntegrityError, match="other weights"):
        Tuned.load(zoo.base("gpt2"), tmp_path)
    fields = json.loads(files["adapter_config.json"])
    (tmp_path / "adapter_config.json").write_text(json.dumps({**fields, "format": 2}))
    with pytest.raises(IntegrityError, match="expected the configuration"):
        Tuned.load(zoo.base("llama"), tmp_path)
    (tmp_path / "adapter_config.json").write_bytes(files["adapter_config.json"])
    (tmp_path / "adapter_model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(IntegrityError, match="other weights"):
        Tuned.load(zoo.base("llama"), tmp_path)
