"""Other tasks from raw file to release: a classifier that reloads, training that goes on, composing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import appliance, unlock
from tests.support.tiny import build_tiny_encoder

LABELS = [
    "airways", "coverage", "dermatology", "diabetes", "discharge", "falls", "heart-failure",
    "kidney", "mental-health", "neurology", "oncology", "pharmacy", "post-op", "radiology",
    "telephone", "urgent-care",
]  # fmt: skip

#: Few records, few steps: the whole way in seconds.
SMALL = """
extends: {demo}
name: small
version: "1"
regulation: test
training: {training}
privacy: {{target_epsilon: {epsilon}, target_delta: {delta}}}
evaluate: {{max_records: 12}}
audit:
  generations: 4
  generation_tokens: 4
  max_members: 6
  canaries: {{newtok: 12, secrets: 14, repeats: {{}}, max_share: 1.0}}
release:
  rules:
    min_canaries: 4
    min_secrets_planted: 1
    max_auc: 1.0
    max_auc_difference: 1.0
    max_tpr_at_1_percent_fpr: 1.0
    max_record_auc: 1.0
    min_rank_p_value: 0.0
    max_empirical_epsilon: 8.0
    require_positive_control: false
    require_better_than_base: false
"""

RELOAD = """
import json, sys, torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification
base, adapter, ids = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=16)
model = PeftModel.from_pretrained(model, adapter).eval()
with torch.no_grad():
    print(json.dumps(model(input_ids=torch.tensor([ids])).logits[0].tolist()))
"""


def policy(
    path: Path, training: dict[str, Any], epsilon: float = 8.0, delta: float | None = None
) -> Path:
    demo = Path(__file__).parents[2] / "policies" / "demo.yaml"
    fields = {
        "last_layers": None, "freeze_a": False, "rank": 2, "steps": 3,
        "expected_batch_size": 12, "max_length": 48, **training,
    }  # fmt: skip
    privacy = {"epsilon": epsilon, "delta": json.dumps(delta)}
    path.write_text(SMALL.format(demo=demo, training=json.dumps(fields), **privacy))
    return path


def sample(out: Path, shape: str) -> Path:
    words = ("--records", "60", "--patients", "30", "--shape", shape)
    appliance("sample-data", out, *words).assert_code(0)
    return out / "notes.jsonl"


@pytest.fixture
def home(fresh_home: Path, tmp_path: Path) -> Path:
    shutil.copytree(fresh_home.parent, tmp_path / "w")
    return tmp_path / "w" / "home"


def test_a_released_classifier_reloads_with_plain_libraries(home: Path, tmp_path: Path) -> None:
    data = sample(tmp_path / "data", "classification")
    texts = [json.loads(line)["text"] for line in data.read_text().splitlines()]
    base = build_tiny_encoder(tmp_path / "encoder", texts, vocabulary=800)
    appliance("models", "add", base, *unlock(home)).assert_code(0)
    training = {
        "task": "classification", "base_model": "encoder", "classes": {"labels": LABELS},
        "curriculum": {"by": "length", "limits": [40], "share": 0.3},
    }  # fmt: skip
    rules = policy(tmp_path / "p.yaml", training)
    appliance("train", "--policy", rules, "--data", data, *unlock(home)).assert_code(0)
    (bundle,) = (home / "releases").iterdir()
    appliance("verify", bundle, "--key", home / "keys" / "release.pub.pem").assert_code(0)
    report = json.loads((bundle / "compliance" / "report.json").read_text())
    assert report["training"]["task"] == "classification"
    assert report["training"]["hyperparameters"]["classes"] == 16
    assert "length" in report["training"]["hyperparameters"]["curriculum"]
    assert set(report["utility"]["metrics"]) == {"loss", "accuracy", "macro_f1", "auc"}
    assert report["utility"]["confusion"]["labels"] == LABELS
    assert report["audit"]["extraction"] is None
    assert report["audit"]["reasons"]["extraction"]
    assert report["audit"]["membership"]["n_members"] > 0
    card = (bundle / "README.md").read_text()
    assert all(label in card for label in LABELS)
    ids = [2, 9, 11, 30, 3]
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RELOAD, str(base), str(bundle), json.dumps(ids)],
        capture_output=True,
        text=True,
        check=True,
    )
    logits = json.loads(found.stdout.splitlines()[-1])
    assert logits == pytest.approx(_ours(base, bundle, training, ids), abs=1e-5)
    assert len(set(logits)) == 16


def _ours(base: Path, bundle: Path, training: dict[str, Any], ids: list[int]) -> list[float]:
    """The logits of the released adapter as the appliance itself puts it together."""
    import torch

    from appliance.finetune.methods import MethodSettings, attach, restore
    from appliance.model.load import load_base
    from appliance.policy.model import Training

    classes = {"labels": tuple(training["classes"]["labels"])}
    wanted = Training.model_validate({"task": "classification", "rank": 2, "classes": classes})
    loaded = load_base(base, training=wanted)
    model = attach(loaded.model, MethodSettings.of(wanted), shape=loaded.shape, fresh=loaded.fresh)
    names = ("adapter_model.safetensors", "adapter_config.json")
    restore(model, {name: (bundle / name).read_bytes() for name in names})
    model.eval()
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0].tolist()  # type: ignore[no-any-return]


def test_training_goes_on_from_a_release_and_shared_people_pay_twice(
    home: Path, tmp_path: Path
) -> None:
    data = sample(tmp_path / "data", "text")
    training = {"task": "self-supervised", "base_model": "tiny"}
    # One delta for both: that of the policy follows from how many people the draw leaves to train on.
    first = policy(tmp_path / "first.yaml", training, 4.0, delta=0.01)
    appliance("train", "--policy", first, "--data", data, *unlock(home)).assert_code(0)
    (one,) = (p.name for p in (home / "releases").iterdir())
    half = tmp_path / "half.jsonl"
    half.write_text("".join(data.read_text().splitlines(keepends=True)[24:]))
    second = policy(tmp_path / "second.yaml", {**training, "continue_from": one}, 2.0, delta=0.01)
    appliance("train", "--policy", second, "--data", half, *unlock(home)).assert_code(0)
    (two,) = (p.name for p in (home / "releases").iterdir() if p.name != one)
    path = home / "releases" / two / "compliance" / "report.json"
    report = json.loads(path.read_text())
    ledger = report["privacy"]["ledger"]
    assert report["training"]["hyperparameters"]["continued_from"] == one
    assert 3.9 < ledger["previous_epsilon"] <= 4.0
    assert ledger["previous_epsilon"] < ledger["total_epsilon"] <= 6.0

    out = tmp_path / "composed"
    words = ("--how", "weighted", "--weights", "0.5,0.5", *unlock(home))
    found = appliance("compose", one, two, out, *words, "--json").assert_code(0).json
    runs = {tuple(cell["runs"]): cell for cell in found["cells"]}
    both = runs[(one, two)]
    assert both["people"] > 0
    assert found["epsilon"] == both["epsilon"] == pytest.approx(ledger["total_epsilon"], rel=0.02)
    assert found["epsilon"] < found["epsilon_sum"]
    assert runs[(one,)]["epsilon"] <= 4.0
    assert json.loads((out / "composition.json").read_text())["privacy"]["rule"]
    for how in ("stacked", "routed"):
        again = tmp_path / how
        said = appliance("compose", one, two, again, "--how", how, *unlock(home), "--json")
        assert said.assert_code(0).json["epsilon"] == found["epsilon"]
        assert json.loads((again / "composition.json").read_text())["how"] == how
    routes = json.loads((tmp_path / "routed" / "routes.json").read_text())
    assert sorted(routes["self-supervised"]) == sorted((one, two))
    assert all((tmp_path / "routed" / run / "adapter_config.json").exists() for run in (one, two))
    rank = json.loads((tmp_path / "stacked" / "adapter_config.json").read_text())["r"]
    assert rank == 4  # Two of rank 2.
    nowhere = appliance("compose", one, "nowhere", tmp_path / "x", "--how", "routed", *unlock(home))
    nowhere.assert_two_lines(2)
    weight = appliance("compose", one, two, tmp_path / "x", "--how", "weighted", "--weights", "1,b")
    weight.assert_two_lines(2)
    assert not (tmp_path / "x").exists()


def test_a_task_that_the_base_does_not_offer_is_refused_before_reading(
    home: Path, tmp_path: Path
) -> None:
    rules = policy(
        tmp_path / "p.yaml",
        {"task": "classification", "base_model": "tiny", "classes": {"labels": LABELS}},
    )
    (tmp_path / "data.jsonl").write_text("no record\n")
    done = appliance("train", "--policy", rules, "--data", tmp_path / "data.jsonl", *unlock(home))
    done.assert_two_lines(3)
    assert "training.task: causal-lm" in done.err


def test_going_on_from_a_release_that_is_not_there_is_refused(home: Path, tmp_path: Path) -> None:
    training = {"task": "self-supervised", "base_model": "tiny", "continue_from": "nowhere"}
    rules = policy(tmp_path / "p.yaml", training)
    (tmp_path / "data.jsonl").write_text("no record\n")
    done = appliance("train", "--policy", rules, "--data", tmp_path / "data.jsonl", *unlock(home))
    done.assert_two_lines(3)
