"""Whole runs by tuning methods other than LoRA, chosen by one line of the policy."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import appliance, unlock

#: METHODS=all runs every method: minutes. The suite runs the one that shares least with LoRA.
EVERY = ("dora", "full", "ia3", "prompt", "prefix", "bottleneck")
RUN = EVERY if os.environ.get("METHODS") == "all" else ("prefix", "full")


@pytest.mark.parametrize("method", RUN)
def test_one_line_of_the_policy_takes_a_run_to_a_verified_release(
    method: str, home: Path, policy: Callable[[str], Path], sample: Path
) -> None:
    # The rule about use is off: twelve noisy steps of a random model make no better one. And few
    # parameters before a random model cannot always learn the control's canaries.
    control = method in ("full", "dora")
    chosen = policy(
        f"training: {{method: {method}, learning_rate: null}}\n"
        "release: {rules: {require_better_than_base: false, "
        f"require_positive_control: {str(control).lower()}}}}}\n"
        "evaluate: {max_records: 8}\n"
    )
    done = appliance(
        "train", "--policy", chosen, "--data", sample, "--base-model", "tiny", *unlock(home)
    ).assert_code(0)
    bundle = next((home / "releases").iterdir())
    appliance("verify", bundle, "--key", home / "keys" / "release.pub.pem").assert_code(0)
    report = json.loads((bundle / "compliance" / "report.json").read_text())
    assert report["training"]["method"] == method
    assert report["training"]["hyperparameters"]["engine"] == "one-pass-by-row"
    (norms,) = [c for c in report["privacy"]["self_test"]["checks"] if c["name"].startswith("T7")]
    assert norms["passed"]
    assert "one-pass-by-row" in norms["detail"]
    assert report["audit"]["positive_control"]["seen"] or not control
    assert method in (bundle / "README.md").read_text()
    assert done.err.count("Traceback") == 0


@pytest.mark.parametrize(
    ("method", "said", "nearest"),
    [
        ("bitfit", "no biases", "ia3"),
        ("prefix, gradient_checkpointing: true", "cannot recompute", "prompt"),
        ("prompt, quantize: 4bit", "quantize is not offered with prompt", "lora"),
        ("lora, target_modules: [v_proj, q_porj]", "target_modules.1: names no layer", "q_proj"),
    ],
)
def test_what_is_not_offered_names_the_nearest_that_is(
    method: str, said: str, nearest: str, home: Path, policy: Callable[[str], Path], tmp_path: Path
) -> None:
    unread = tmp_path / "unread.jsonl"
    unread.write_bytes(bytes(range(256)))  # Read, it would be exit 5.
    done = appliance(
        *("train", "--policy", policy(f"training: {{method: {method}}}\n"), "--data", unread),
        *("--base-model", "tiny", *unlock(home)),
    ).assert_two_lines(3)
    assert said in done.err
    assert f"nearest: {nearest}" in done.err


def test_fewer_bits_without_their_package_is_the_machines_fault(
    home: Path, policy: Callable[[str], Path], sample: Path
) -> None:
    done = appliance(
        *("train", "--policy", policy("training: {quantize: 4bit}\n"), "--data", sample),
        *("--base-model", "tiny", *unlock(home)),
    ).assert_two_lines(4)
    assert "bitsandbytes" in done.err
