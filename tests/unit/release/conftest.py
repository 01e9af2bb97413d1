"""A released bundle, made once; tests that change it work on a copy."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.crypto.signing import SigningKey, sign_note
from appliance.gate import Approval, decide
from appliance.release.bundle import release
from tests.unit.release.sample_adapter import adapter_files
from tests.unit.report import sample_report

ORIGIN = "appliance/log/test"
CHECKPOINT_TEXT = f"{ORIGIN}\n42\n{'A' * 43}=\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A bundle and the keys around it."""

    bundle: Path
    public_key: Path
    key: SigningKey


def approval() -> Approval:
    decision = decide(sample_report.evidence(), sample_report.policy().policy)
    assert decision.approval is not None
    return decision.approval


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Released:
    home = tmp_path_factory.mktemp("release")
    key = SigningKey.generate()
    public = home / "release.pub.pem"
    public.write_bytes(key.public.pem())
    bundle = home / "releases" / "run"
    release(
        approval(),
        report=sample_report.released_report(),
        adapter_files=adapter_files(),
        policy=sample_report.policy(),
        signing_key=key,
        log_checkpoint=sign_note(CHECKPOINT_TEXT, name=ORIGIN, key=key),
        out=bundle,
    )
    return Released(bundle=bundle, public_key=public, key=key)


@pytest.fixture
def released(original: Released, tmp_path: Path) -> Released:
    """A copy to damage."""
    bundle = tmp_path / "copy"
    shutil.copytree(original.bundle, bundle)
    return Released(bundle=bundle, public_key=original.public_key, key=original.key)
