"""Whatever is changed in a bundle, `verify` refuses, and names the file."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.crypto.canonical import canonical_json, digest_bytes, digest_file
from appliance.crypto.signing import SigningKey, sign_note
from appliance.errors import IntegrityError, MachineError, UsageError
from appliance.gate import decide
from appliance.release import statements
from appliance.release.model_sig import sign_files
from appliance.release.verify import verify
from appliance.report.json import decision_digest, parse_report
from tests.unit.release.conftest import CHECKPOINT_TEXT, ORIGIN, Released
from tests.unit.release.test_bundle import PROMISED
from tests.unit.release.test_papers import opened


def seal(released: Released, *, key: SigningKey | None = None) -> None:
    """Sign the folder as it is now: what an insider with the key could do."""
    digests = {
        str(p.relative_to(released.bundle)): digest_file(p)
        for p in released.bundle.rglob("*")
        if p.is_file() and p.name != "model.sig"
    }
    signed = sign_files(digests, name="m", key=key or released.key)
    (released.bundle / "model.sig").write_bytes(signed)


def restate(released: Released, name: str, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change one statement and sign it again."""
    stated = opened(released, name)
    change(stated)
    path = released.bundle / name
    path.write_bytes(statements.sign_statement(stated, key=released.key))


def rewrite_report(released: Released, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the report, derive every statement from it anew, and sign all."""
    path = released.bundle / "compliance/report.json"
    values = json.loads(path.read_bytes())
    change(values)
    path.write_bytes(canonical_json(values))
    report = parse_report(path.read_bytes(), where="report.json")
    digest = digest_file(path)
    digests = {"compliance/report.json": digest}

    def provenance(stated: dict[str, Any]) -> None:
        details = stated["predicate"]["runDetails"]
        details["byproducts"][0]["digest"] = {"sha256": digest.removeprefix("sha256:")}

    restate(released, statements.PROVENANCE, provenance)
    restate(
        released,
        statements.DP_GUARANTEE,
        lambda s: s.update(predicate=statements.dp_guarantee(report, digests=digests)),
    )
    restate(
        released,
        statements.LEAKAGE_AUDIT,
        lambda s: s.update(predicate=statements.leakage_audit(report, digests=digests)),
    )
    seal(released)


def refused(released: Released, **changes: Any) -> IntegrityError:
    arguments = {"public_key": released.public_key} | changes
    with pytest.raises(IntegrityError) as caught:
        verify(released.bundle, **arguments)
    assert caught.value.exit_code == 6
    return caught.value


def test_a_release_verifies_and_says_what_that_proves(original: Released) -> None:
    result = verify(original.bundle, public_key=original.public_key, decide=decide)
    assert all(check.passed for check in result.checks)
    assert len(result.checks) == 10
    assert any("no byte" in line for line in result.proved)
    assert any("that the figures were measured" in line for line in result.not_proved)
    assert any("42 events" in check.detail for check in result.checks)


def test_a_release_verifies_from_a_copy(released: Released) -> None:
    verify(released.bundle, public_key=released.public_key)


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_a_changed_byte_in_any_file_is_refused_by_name(released: Released, name: str) -> None:
    path = released.bundle / name
    raw = path.read_bytes()
    for position in (0, len(raw) // 3, len(raw) - 1):
        changed = bytearray(raw)
        changed[position] ^= 0x01
        path.write_bytes(changed)
        assert name in refused(released).where
    path.write_bytes(raw)
    verify(released.bundle, public_key=released.public_key)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_any_flipped_bit_is_refused(released: Released, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(PROMISED)))
    path = released.bundle / name
    raw = path.read_bytes()
    position = data.draw(st.integers(0, 8 * len(raw) - 1))
    changed = bytearray(raw)
    changed[position // 8] ^= 1 << (position % 8)
    path.write_bytes(changed)
    try:
        refused(released)
    finally:
        path.write_bytes(raw)


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_a_missing_file_is_refused_by_name(released: Released, name: str) -> None:
    (released.bundle / name).unlink()
    assert name in refused(released).where


@pytest.mark.parametrize(
    "name",
    ["extra.bin", ".gitignore", ".git/config", "attestations/x.dsse.json", "tokenizer.json"],
)
def test_an_added_file_is_refused_by_name(released: Released, name: str) -> None:
    path = released.bundle / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"{}")
    error = refused(released)
    assert name in error.where
    assert "was added" in error.what


def test_an_added_empty_folder_is_refused(released: Released) -> None:
    (released.bundle / ".git").mkdir()
    assert "empty folder" in refused(released).what


def test_a_symbolic_link_is_refused(released: Released, tmp_path: Path) -> None:
    card = released.bundle / "README.md"
    elsewhere = tmp_path / "README.md"
    elsewhere.write_bytes(card.read_bytes())
    card.unlink()
    card.symlink_to(elsewhere)
    assert "symbolic link" in refused(released).what


def test_a_linked_folder_is_refused(released: Released, tmp_path: Path) -> None:
    folder = released.bundle / "compliance"
    folder.rename(tmp_path / "compliance")
    folder.symlink_to(tmp_path / "compliance")
    assert "symbolic link" in refused(released).what


def test_a_signed_file_without_a_place_is_refused(released: Released) -> None:
    (released.bundle / "modeling.py").write_bytes(b"import os")
    seal(released)
    error = refused(released)
    assert "modeling.py" in error.where
    assert "no place in a release" in error.what


def test_a_signed_folder_without_its_report_is_refused(released: Released) -> None:
    (released.bundle / "compliance/report.json").unlink()
    seal(released)
    assert "missing from the release" in refused(released).what


def test_another_key_is_refused(released: Released, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(SigningKey.generate().public.pem())
    assert "another key" in refused(released, public_key=other).what


def test_a_bundle_signed_anew_by_another_key_is_refused(released: Released) -> None:
    seal(released, key=SigningKey.generate())
    assert "another key" in refused(released).what


def test_a_statement_by_another_key_is_refused(released: Released) -> None:
    stated = opened(released, statements.DP_GUARANTEE)
    path = released.bundle / statements.DP_GUARANTEE
    path.write_bytes(statements.sign_statement(stated, key=SigningKey.generate()))
    seal(released)
    assert statements.DP_GUARANTEE in refused(released).where


@pytest.mark.parametrize("name", statements.NAMES)
def test_a_statement_about_another_adapter_is_refused(released: Released, name: str) -> None:
    def swap(stated: dict[str, Any]) -> None:
        stated["subject"][0]["digest"]["sha256"] = "0" * 64

    restate(released, name, swap)
    seal(released)
    error = refused(released)
    assert name in error.where
    assert "speaks of other files" in error.what


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (statements.DP_GUARANTEE, lambda p: p["guarantee"].update(spent_epsilon=1.0)),
        (statements.DP_GUARANTEE, lambda p: p["guarantee"].update(unit="record")),
        (statements.LEAKAGE_AUDIT, lambda p: p["audit"].update(empirical_epsilon=0.5)),
        (statements.LEAKAGE_AUDIT, lambda p: p["findings"].pop()),
        (
            statements.PROVENANCE,
            lambda p: p["buildDefinition"]["resolvedDependencies"][0]["digest"].update(
                sha256="0" * 64
            ),
        ),
        (
            statements.PROVENANCE,
            lambda p: p["buildDefinition"]["internalParameters"].update(
                decisionDigest="sha256:" + "0" * 64
            ),
        ),
        (
            statements.PROVENANCE,
            lambda p: p["runDetails"]["byproducts"][0]["digest"].update(sha256="0" * 64),
        ),
    ],
)
def test_a_statement_that_contradicts_the_report_is_refused(
    released: Released, name: str, change: Callable[[dict[str, Any]], Any]
) -> None:
    restate(released, name, lambda stated: change(stated["predicate"]))
    seal(released)
    error = refused(released)
    assert name in error.where
    assert "says something else than the report" in error.what


def test_a_policy_that_is_not_the_reports_is_refused(released: Released) -> None:
    def loosen(stated: dict[str, Any]) -> None:
        policy = stated["predicate"]["buildDefinition"]["externalParameters"]["policy"]
        policy["release"]["rules"]["max_auc"] = 0.99

    restate(released, statements.PROVENANCE, loosen)
    seal(released)
    assert "another digest than the report's" in refused(released).what


def test_a_report_with_a_failed_finding_is_refused(released: Released) -> None:
    def fail(values: dict[str, Any]) -> None:
        values["findings"][3].update(passed=False, outcome="refuse")

    rewrite_report(released, fail)
    assert "does not follow from its findings" in refused(released).what


def test_a_report_without_findings_is_refused(released: Released) -> None:
    rewrite_report(released, lambda values: values.update(findings=[]))
    assert "does not follow from its findings" in refused(released).what


def test_a_finding_that_contradicts_itself_is_refused(released: Released) -> None:
    rewrite_report(released, lambda values: values["findings"][2].update(outcome="refuse"))
    assert "contradict each other" in refused(released).what


def test_figures_changed_after_the_decision_are_refused(released: Released) -> None:
    rewrite_report(released, lambda values: values["privacy"].update(spent_epsilon=0.5))
    error = refused(released)
    assert statements.PROVENANCE in error.where


def test_the_gate_asked_again_refuses_a_threshold_that_was_not_met(released: Released) -> None:
    def lie(values: dict[str, Any]) -> None:
        values["audit"]["membership"]["auc_interval"] = [0.9, 0.95]

    rewrite_report(released, lie)
    path = released.bundle / "compliance/report.json"
    report = parse_report(path.read_bytes(), where="report.json")
    restate(
        released,
        statements.PROVENANCE,
        lambda s: s["predicate"]["buildDefinition"].update(
            internalParameters={"decisionDigest": decision_digest(report)}
        ),
    )
    seal(released)
    verify(released.bundle, public_key=released.public_key)  # consistent in itself
    assert "answers otherwise" in refused(released, decide=decide).what


def test_a_report_that_lists_another_adapter_is_refused(released: Released) -> None:
    def swap(values: dict[str, Any]) -> None:
        for artifact in values["artifacts"]:
            artifact["digest"] = digest_bytes(b"another")

    rewrite_report(released, swap)
    assert "another digest than the file's" in refused(released).what


@pytest.mark.parametrize(
    ("note", "said"),
    [
        (
            lambda _: sign_note(CHECKPOINT_TEXT, name=ORIGIN, key=SigningKey.generate()),
            "the note's signature does not verify",
        ),
        (
            lambda key: sign_note("x\nnot a number\n", name="x", key=key),
            "is not a checkpoint",
        ),
        (lambda _: "no note at all", "the note's signature does not verify"),
    ],
)
def test_a_checkpoint_that_is_not_this_keys_is_refused(
    released: Released, note: Callable[[SigningKey], str], said: str
) -> None:
    content = base64.b64encode(note(released.key).encode()).decode()
    restate(
        released,
        statements.PROVENANCE,
        lambda s: s["predicate"]["runDetails"]["byproducts"][1].update(content=content),
    )
    seal(released)
    error = refused(released)
    assert said in error.what
    assert "log-checkpoint" in error.where


def test_a_folder_or_key_that_is_not_there_is_said(released: Released, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        verify(tmp_path / "nowhere", public_key=released.public_key)
    with pytest.raises(MachineError):
        verify(released.bundle, public_key=tmp_path / "nowhere.pem")


def test_a_key_of_another_kind_is_refused(released: Released, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_bytes(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    assert "not a PEM public key" in refused(released, public_key=bad).what


def test_verification_loads_nothing_heavy() -> None:
    code = (
        "import sys; from appliance.release.verify import verify; "
        "heavy = {'torch', 'transformers', 'numpy', 'scipy', 'matplotlib', 'jinja2', 'pyarrow', "
        "'spacy', 'click'}; print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
