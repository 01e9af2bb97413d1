"""One run by two processes, through the command line, from raw file to released adapter."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import appliance, unlock

OVERLAY = """
privacy:
  adaptive_clipping: {quantile: 0.6}
training:
  steps: 6
  schedule: cosine
  warmup_steps: 1
  averaging: tail
  average_share: 0.5
  shard_base: true
"""


def loopback_can_be_had() -> bool:
    script = "from appliance.locks import netns; netns.enter_loopback()"
    return subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_two_processes_do_one_run(home: Path, policy: Callable[[str], Path], sample: Path) -> None:
    if not loopback_can_be_had():
        pytest.skip("the kernel gives no network namespace")
    path = policy(OVERLAY)
    given = ("--policy", path, "--data", sample, *unlock(home), "--processes", "2")
    appliance("train", *given, env={"OMP_NUM_THREADS": "1"}).assert_code(0)
    (file,) = (home / "reports").glob("*/report.json")
    report = json.loads(file.read_text())
    privacy, training = report["privacy"], report["training"]
    assert report["verdict"] == "released"
    assert privacy["steps"] == 6
    assert 0.99 * privacy["target_epsilon"] <= privacy["spent_epsilon"] <= privacy["target_epsilon"]
    assert privacy["epsilon_by_step"][-1] == [6, privacy["spent_epsilon"]]
    assert training["losses"][-1][0] == 6
    assert training["hyperparameters"]["averaging"] == "tail"
    assert report["environment"]["locks"]["network_namespace"].startswith("in force")


def test_processes_that_cannot_share_a_prompt_are_refused(home: Path, sample: Path) -> None:
    given = ("--policy", "p.yaml", "--data", sample, "--home", home, "--processes", "2")
    appliance("train", *given).assert_two_lines(2)
