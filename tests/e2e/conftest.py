"""One tiny model, one sample data set and one way to make a workspace, for all whole-run tests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import appliance, unlock
from tests.support.tiny import build_tiny_model

#: The demo policy's rules with fewer canaries, fewer steps: what a tiny model does in seconds.
TINY_POLICY = """
name: tiny
version: "1"
regulation: test
extends: {demo}
training:
  base_model: tiny
  rank: 4
  steps: 12
  expected_batch_size: 24
  max_length: 128
  learning_rate: 5e-3
  checkpoint_seconds: 0.001
audit:
  level: standard
  generations: 8
  generation_tokens: 8
  canaries: {{newtok: 60, secrets: 20, repeats: {{}}, max_share: 1.0}}
release:
  rules:
    min_canaries: 40
    min_secrets_planted: 1
    max_auc: 0.999
    max_auc_difference: 0.999
    max_tpr_at_1_percent_fpr: 1.0
    max_record_auc: 1.0
    require_positive_control: false
    require_better_than_base: true
"""


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 letters of 45 invented patients."""
    out = tmp_path_factory.mktemp("sample")
    appliance("sample-data", out, "--records", "120", "--patients", "45").assert_code(0)
    return out / "notes.jsonl"


@pytest.fixture(scope="session")
def tiny_model(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = [json.loads(line)["text"] for line in sample.read_text().splitlines()]
    return build_tiny_model(tmp_path_factory.mktemp("models") / "tiny", texts)


@pytest.fixture(scope="session")
def fresh_home(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the tiny model, to be copied."""
    root = tmp_path_factory.mktemp("fresh")
    (root / "passphrase").write_text("correct horse battery staple\n")
    home = root / "home"
    appliance("init", *unlock(home)).assert_code(0)
    appliance("models", "add", tiny_model, "--name", "tiny", *unlock(home)).assert_code(0)
    return home


@pytest.fixture
def home(fresh_home: Path, tmp_path: Path) -> Path:
    """A workspace of the test's own."""
    shutil.copytree(fresh_home.parent, tmp_path / "w")
    return tmp_path / "w" / "home"


@pytest.fixture
def policy(tmp_path: Path) -> Callable[[str], Path]:
    """Write the tiny policy, changed by an overlay of YAML that extends it."""

    def write(overlay: str = "") -> Path:
        demo = Path(__file__).parents[2] / "policies" / "demo.yaml"
        base = tmp_path / "tiny.yaml"
        base.write_text(TINY_POLICY.format(demo=demo))
        if not overlay:
            return base
        path = tmp_path / "overlay.yaml"
        path.write_text(
            'name: overlay\nversion: "1"\nregulation: test\nextends: tiny.yaml\n' + overlay
        )
        return path

    return write
