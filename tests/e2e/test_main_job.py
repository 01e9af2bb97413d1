"""The main job from raw file to released adapter, and its refusals, on a tiny model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import appliance, unlock

Write = Callable[..., Path]


@pytest.fixture(scope="module")
def released(fresh_home: Path, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which the tiny policy released an adapter."""
    from tests.e2e.conftest import TINY_POLICY

    root = tmp_path_factory.mktemp("released")
    shutil.copytree(fresh_home.parent, root / "w")
    home = root / "w" / "home"
    demo = Path(__file__).parents[2] / "policies" / "demo.yaml"
    policy = root / "tiny.yaml"
    policy.write_text(TINY_POLICY.format(demo=demo))
    appliance("train", "--policy", policy, "--data", sample, *unlock(home)).assert_code(0)
    return home


def bundle_of(home: Path) -> Path:
    (bundle,) = (home / "releases").iterdir()
    return bundle


def test_a_released_bundle_verifies_elsewhere(released: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(bundle_of(released), copy)
    key = tmp_path / "release.pub.pem"
    shutil.copy(released / "keys" / "release.pub.pem", key)
    result = appliance("verify", copy, "--key", key, "--json").assert_code(0).json
    assert result["verified"] is True
    assert result["not_proved"]


def test_a_changed_byte_in_any_released_file_is_named(released: Path, tmp_path: Path) -> None:
    key = released / "keys" / "release.pub.pem"
    for file in sorted(p for p in bundle_of(released).rglob("*") if p.is_file()):
        copy = tmp_path / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(bundle_of(released), copy)
        target = copy / file.relative_to(bundle_of(released))
        raw = bytearray(target.read_bytes())
        raw[len(raw) // 2] ^= 1
        target.write_bytes(raw)
        appliance("verify", copy, "--key", key).assert_two_lines(6)


def test_an_added_file_is_refused(released: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(bundle_of(released), copy)
    (copy / ".gitattributes").write_text("x")
    appliance("verify", copy, "--key", released / "keys" / "release.pub.pem").assert_two_lines(6)


def test_the_report_says_what_ran(released: Path) -> None:
    report = json.loads((bundle_of(released) / "compliance" / "report.json").read_text())
    assert report["verdict"] == "released"
    assert all(f["passed"] for f in report["findings"])
    privacy = report["privacy"]
    assert 0 < privacy["spent_epsilon"] <= 8
    assert privacy["sampling"] == "poisson"
    assert privacy["unit"] == "patient_id"
    assert privacy["noise_source"].startswith("os-entropy")
    assert report["not_tested"]
    metrics = report["utility"]["metrics"]
    assert metrics["loss"]["adapter"] < metrics["loss"]["base"]


def test_the_adapter_loads_with_plain_peft_and_generates(released: Path, tiny_model: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = AutoModelForCausalLM.from_pretrained(str(tiny_model))
    tokenizer = AutoTokenizer.from_pretrained(str(tiny_model))
    model = PeftModel.from_pretrained(base, str(bundle_of(released)))
    assert any(p.abs().sum() > 0 for n, p in model.named_parameters() if "lora_B" in n)
    with torch.no_grad():
        out = model.generate(**tokenizer("Seen today", return_tensors="pt"), max_new_tokens=4)
    assert out.shape[1] > 2


def test_the_runs_data_is_burned_after_the_decision(released: Path) -> None:
    assert not any((released / "runs").iterdir())


def test_runs_ledger_and_log_tell_of_the_run(released: Path) -> None:
    (run,) = appliance("runs", "list", "--json", *unlock(released)).assert_code(0).json["runs"]
    assert run["verdict"] == "released"
    (entry,) = appliance("ledger", "--json", *unlock(released)).assert_code(0).json["entries"]
    assert entry["state"] == "released"
    assert entry["epsilon"] <= 8
    appliance("log", "verify", *unlock(released)).assert_code(0)


def test_an_impossible_threshold_refuses_and_names_rule_value_and_threshold(
    home: Path, sample: Path, policy: Write
) -> None:
    path = policy("release: {rules: {max_auc: 0.0}}\n")
    done = appliance("train", "--policy", path, "--data", sample, *unlock(home)).assert_code(10)
    assert "release.rules.max_auc" in done.out
    assert "threshold 0" in done.out
    assert "measured 0." in done.out or "measured 1" in done.out
    assert not list((home / "releases").iterdir())
    (report,) = (home / "reports").rglob("report.json")
    assert json.loads(report.read_text())["verdict"] == "refused"


def test_a_run_without_privacy_is_never_released(home: Path, sample: Path, policy: Write) -> None:
    path = policy("privacy: {mechanism: none}\n")
    done = appliance("train", "--policy", path, "--data", sample, "--json", *unlock(home))
    done.assert_code(10)
    assert "release.rules.require_dp" in [r["rule"] for r in done.json["reasons"]]
    assert not list((home / "releases").iterdir())


def test_a_second_run_composes_and_the_lifetime_budget_refuses(
    released: Path, sample: Path, policy: Write, tmp_path: Path
) -> None:
    shutil.copytree(released.parent, tmp_path / "again")
    home = tmp_path / "again" / "home"
    path = policy("privacy: {lifetime_epsilon: 9.0}\n")
    appliance("train", "--policy", path, "--data", sample, *unlock(home)).assert_two_lines(7)
    listed = appliance("runs", "list", "--json", *unlock(home)).json["runs"]
    assert [r["verdict"] for r in listed] == ["released", "over budget"]
    assert not list((home / "runs").iterdir())
