"""A release appears whole, for exactly what was approved, or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from appliance.crypto.canonical import digest_bytes
from appliance.crypto.signing import SigningKey
from appliance.errors import IntegrityError, MachineError, UsageError
from appliance.gate import decide
from appliance.release import bundle as bundle_module
from appliance.release.bundle import release
from appliance.report.json import parse_report
from tests.unit.release.conftest import Released, approval
from tests.unit.release.sample_adapter import adapter_files
from tests.unit.report import sample_report

PROMISED = {
    "adapter_model.safetensors",
    "adapter_config.json",
    "README.md",
    "model.sig",
    "attestations/provenance.dsse.json",
    "attestations/dp-guarantee.dsse.json",
    "attestations/leakage-audit.dsse.json",
    "mlbom.cdx.json",
    "compliance/report.json",
    "compliance/report.html",
    "compliance/oscal-assessment-results.json",
}


def attempt(out: Path, **changes: Any) -> list[Any]:
    arguments: dict[str, Any] = {
        "report": sample_report.released_report(),
        "adapter_files": adapter_files(),
        "policy": sample_report.policy(),
        "signing_key": SigningKey.generate(),
        "log_checkpoint": None,
        "out": out,
    }
    given = changes.pop("approval", None) or approval()
    return release(given, **(arguments | changes))


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_a_release_holds_exactly_what_the_interface_promises(original: Released) -> None:
    assert files(original.bundle) == PROMISED


def test_the_report_is_inside_and_lists_the_adapter_by_digest(original: Released) -> None:
    raw = (original.bundle / "compliance/report.json").read_bytes()
    report = parse_report(raw, where="report.json")
    listed = {a.path: (a.digest, a.bytes) for a in report.artifacts}
    assert set(listed) == {
        "adapter_model.safetensors",
        "adapter_config.json",
        "README.md",
        "mlbom.cdx.json",
    }
    for name, (digest, size) in listed.items():
        data = (original.bundle / name).read_bytes()
        assert (digest, size) == (digest_bytes(data), len(data))


def test_files_are_the_owners_alone(original: Released) -> None:
    for path in original.bundle.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_every_file_is_returned_with_its_digest(tmp_path: Path) -> None:
    artifacts = attempt(tmp_path / "out")
    assert {a.path for a in artifacts} == PROMISED
    for artifact in artifacts:
        data = (tmp_path / "out" / artifact.path).read_bytes()
        assert artifact.digest == digest_bytes(data)


def test_another_runs_approval_opens_nothing(tmp_path: Path) -> None:
    elsewhere = sample_report.evidence(run=sample_report.run_section(id="another"))
    other = decide(elsewhere, sample_report.policy().policy).approval
    assert other is not None
    with pytest.raises(IntegrityError, match="is for another run"):
        attempt(tmp_path / "out", approval=other)
    assert not list(tmp_path.iterdir())


def test_a_report_changed_after_the_decision_opens_nothing(tmp_path: Path) -> None:
    better = sample_report.privacy_section(spent_epsilon=0.5)
    report = sample_report.released_report().model_copy(update={"privacy": better})
    with pytest.raises(IntegrityError, match="differ from what the gate approved"):
        attempt(tmp_path / "out", report=report)


def test_a_refused_report_opens_nothing(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="the verdict is not released"):
        attempt(tmp_path / "out", report=sample_report.refused_report())


def test_another_policy_opens_nothing(tmp_path: Path) -> None:
    other = sample_report.load_policy(Path("hipaa"))
    with pytest.raises(IntegrityError, match="not the one the run was decided under"):
        attempt(tmp_path / "out", policy=other)


def test_a_file_that_has_no_place_is_refused(tmp_path: Path) -> None:
    extra = adapter_files() | {"modeling_custom.py": b"import os"}
    with pytest.raises(IntegrityError, match=r"modeling_custom\.py: may not be part of a release"):
        attempt(tmp_path / "out", adapter_files=extra)


def test_tokenizer_files_may_come_along(tmp_path: Path) -> None:
    attempt(tmp_path / "out", adapter_files=adapter_files() | {"tokenizer.json": b"{}"})
    assert files(tmp_path / "out") == PROMISED | {"tokenizer.json"}


def test_an_existing_folder_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="exists already"):
        attempt(tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = 0

    def full(fd: int, data: bytes) -> None:
        nonlocal written
        written += 1
        if written == 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.write(fd, data)

    monkeypatch.setattr(bundle_module, "write_all", full)
    with pytest.raises(MachineError, match="the disk is full"):
        attempt(tmp_path / "releases" / "out")
    assert list((tmp_path / "releases").iterdir()) == []
