"""The merged model: the adapter's logits without peft, nothing that executes, refused where none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.errors import PolicyError
from appliance.model.merge import write_merged
from tests.support.tiny import build_tiny_model

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = ["a tiny letter about nothing", "another one"]
    return build_tiny_model(tmp_path_factory.mktemp("base") / "tiny", texts, vocabulary=600)


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(3)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(str(base)),
        LoraConfig(r=4, lora_alpha=16, target_modules=["q_proj", "down_proj"]),
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.2)
    folder = tmp_path_factory.mktemp("adapter")
    model.save_pretrained(str(folder), safe_serialization=True)
    return folder


def files_of(adapter: Path) -> dict[str, bytes]:
    names = ("adapter_model.safetensors", "adapter_config.json")
    return {name: (adapter / name).read_bytes() for name in names}


def test_a_merged_model_loads_alone_with_the_adapters_logits(
    base: Path, adapter: Path, tmp_path: Path
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out = tmp_path / "release" / "merged"
    out.parent.mkdir()
    write_merged(base, files_of(adapter), out)
    assert [p.name for p in out.parent.iterdir()] == ["merged"], "nothing is left beside it"
    names = {p.name for p in out.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    assert {Path(n).suffix for n in names} <= {".json", ".safetensors", ".jinja", ".txt"}
    assert str(base) not in (out / "config.json").read_text()
    alone = AutoModelForCausalLM.from_pretrained(str(out))
    plain = AutoModelForCausalLM.from_pretrained(str(base))
    tokens = AutoTokenizer.from_pretrained(str(out))("a letter", return_tensors="pt")
    with torch.no_grad():
        before = plain(**tokens).logits
        together = PeftModel.from_pretrained(plain, str(adapter))(**tokens).logits
        merged = alone(**tokens).logits
    assert torch.allclose(together, merged, atol=1e-4)
    assert not torch.allclose(before, merged, atol=1e-2)


def test_every_file_of_a_merged_model_has_a_place_in_a_release(
    base: Path, adapter: Path, tmp_path: Path
) -> None:
    from appliance.release import layout

    write_merged(base, files_of(adapter), tmp_path / "merged")
    assert all(layout.has_place(f"merged/{p.name}") for p in (tmp_path / "merged").iterdir())


def test_an_adapter_that_is_no_change_of_weights_is_refused(
    base: Path, adapter: Path, tmp_path: Path
) -> None:
    files = files_of(adapter)
    config = json.loads(files["adapter_config.json"]) | {"peft_type": "PROMPT_TUNING"}
    files["adapter_config.json"] = json.dumps(config).encode()
    with pytest.raises(PolicyError, match="cannot be merged") as caught:
        write_merged(base, files, tmp_path / "merged")
    assert caught.value.exit_code == 3
    assert not (tmp_path / "merged").exists()
