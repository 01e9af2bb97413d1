"""After a run: repeat its audit and evaluation, and render its evidence in every format."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import appliance, unlock

KEPT = """
name: kept
version: "1"
regulation: test
extends: tiny.yaml
data:
  retention: {destroy_after_decision: false}
"""


@pytest.fixture(scope="module")
def kept(fresh_home: Path, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a released run whose sealed data were kept."""
    from tests.e2e.conftest import TINY_POLICY

    root = tmp_path_factory.mktemp("kept")
    shutil.copytree(fresh_home.parent, root / "w")
    home = root / "w" / "home"
    demo = Path(__file__).parents[2] / "policies" / "demo.yaml"
    (root / "tiny.yaml").write_text(TINY_POLICY.format(demo=demo))
    (root / "kept.yaml").write_text(KEPT)
    train = appliance("train", "--policy", root / "kept.yaml", "--data", sample, *unlock(home))
    train.assert_code(0)
    return home


def report_of(home: Path) -> dict[str, Any]:
    (run,) = (home / "reports").iterdir()
    found: dict[str, Any] = json.loads((run / "report.json").read_text())
    return found


def rounded(value: Any) -> Any:
    """The same value to four decimals: sums differ in the last bits with the threads."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return round(value, 4) if isinstance(value, float) else value


def digests(home: Path) -> dict[str, bytes]:
    """Everything the run left, but the log."""
    folders = ("runs", "reports", "releases")
    return {
        str(p.relative_to(home)): p.read_bytes()
        for folder in folders
        for p in sorted((home / folder).rglob("*"))
        if p.is_file()
    }


def test_an_audit_repeated_measures_the_same_and_changes_nothing(kept: Path) -> None:
    report, before = report_of(kept), digests(kept)
    run = report["run"]["id"]
    again = appliance("audit", run, "--json", *unlock(kept)).assert_code(0).json
    assert again["held"] is True
    assert {f["rule"] for f in again["findings"]} <= {f["rule"] for f in report["findings"]}
    for name in ("membership", "user_membership", "extraction", "regurgitation", "guesses"):
        assert rounded(again["measured"][name]) == rounded(report["audit"][name]), name
    assert digests(kept) == before
    log = appliance("log", "show", "--json", *unlock(kept)).assert_code(0).out
    assert "audit.repeated" in log


def test_an_evaluation_repeated_measures_the_same(kept: Path) -> None:
    report = report_of(kept)
    run = report["run"]["id"]
    again = appliance("evaluate", run, "--json", *unlock(kept)).assert_code(0).json
    assert rounded(again["measured"]["metrics"]) == rounded(report["utility"]["metrics"])
    said = appliance("evaluate", run, *unlock(kept)).assert_code(0).out
    assert "the run itself: loss" in said


def test_evidence_is_rendered_in_every_format_and_language(kept: Path, tmp_path: Path) -> None:
    run = report_of(kept)["run"]["id"]
    starts = {"html": b"<!doctype", "pdf": b"%PDF", "json": b"{", "oscal": b"{", "mlbom": b"{"}
    for form, start in starts.items():
        for language in ("en", "pt-BR"):
            out = tmp_path / f"{form}.{language}"
            words = ("report", run, out, "--format", form, "--language", language)
            appliance(*words, *unlock(kept)).assert_code(0)
            raw = out.read_bytes()
            assert raw.lower().startswith(start.lower()), form
            assert len(raw) < 3_000_000
    bill = json.loads((tmp_path / "mlbom.en").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    schema = appliance("report", "--schema").assert_code(0).json
    assert schema["title"] == "Report"


def test_an_altered_bill_of_materials_is_not_handed_out(kept: Path, tmp_path: Path) -> None:
    shutil.copytree(kept.parent, tmp_path / "w")
    home = tmp_path / "w" / "home"
    run = report_of(home)["run"]["id"]
    bill = home / "releases" / run / "mlbom.cdx.json"
    bill.write_bytes(bill.read_bytes().replace(b"CycloneDX", b"CycloneDY"))
    words = ("report", run, tmp_path / "out", "--format", "mlbom")
    appliance(*words, *unlock(home)).assert_two_lines(6)
    bill.unlink()
    appliance(*words, *unlock(home)).assert_two_lines(2)


def test_what_cannot_be_repeated_says_why(kept: Path, tmp_path: Path) -> None:
    shutil.copytree(kept.parent, tmp_path / "w")
    home = tmp_path / "w" / "home"
    run = report_of(home)["run"]["id"]
    appliance("audit", "no-such-run", *unlock(home)).assert_two_lines(2)
    appliance("runs", "purge", run, "--confirm", run, *unlock(home)).assert_code(0)
    gone = appliance("audit", run, *unlock(home)).assert_two_lines(2)
    assert "destroyed after the decision" in gone.err
