"""What people signed is checked again elsewhere: too few, twice, the operator, late, out of role."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.crypto.canonical import canonical_json
from appliance.crypto.signing import SigningKey, dsse_sign
from appliance.people.votes import PAYLOAD_TYPE, Request
from appliance.release import statements
from tests.unit.people.cast import NOW, Cast
from tests.unit.release.conftest import Released
from tests.unit.release.test_verify import restate, seal
from tests.unit.release.two_people import (
    MAX_AUC,
    Case,
    checked,
    good_votes,
    refused,
)


@pytest.fixture(scope="module", autouse=True)
def plain_page() -> Iterator[None]:
    """Spare the drawings: a bundle takes seconds by them, and no test here looks at the page."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("appliance.release.bundle.render_html", lambda *_, **__: "<html></html>")
        yield


@pytest.fixture(scope="module")
def case() -> Case:
    return Case()


@pytest.fixture(scope="module")
def original(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Released:
    return case.bundle(tmp_path_factory.mktemp("two") / "run", good_votes(case))


@pytest.fixture
def released(original: Released, tmp_path: Path) -> Released:
    shutil.copytree(original.bundle, tmp_path / "copy")
    return Released(bundle=tmp_path / "copy", public_key=original.public_key, key=original.key)


def test_two_people_in_two_roles_verify_and_are_named(released: Released) -> None:
    result = checked(released)
    (people,) = [c for c in result.checks if c.name == "people"]
    assert "ana (privacy-officer, approve), bo (approver, approve)" in people.detail
    assert any("names the right people" in line for line in result.not_proved)


def test_one_of_two_signatures_is_refused(case: Case, tmp_path: Path) -> None:
    bundle = case.bundle(tmp_path / "run", good_votes(case)[:1])
    assert "1 signatures" in refused(bundle).what


def test_no_signature_at_all_is_refused(case: Case, tmp_path: Path) -> None:
    assert "0 signatures" in refused(case.bundle(tmp_path / "run", [])).what


def test_one_person_twice_is_refused(case: Case, tmp_path: Path) -> None:
    votes = [case.cast.vote(case.request, "ana", days=n) for n in (10, 20)]
    assert "1 signatures" in refused(case.bundle(tmp_path / "run", votes)).what


def test_one_person_in_two_roles_is_refused(case: Case, tmp_path: Path) -> None:
    cast = case.cast
    people = (cast.person("ana", roles=("privacy-officer", "approver")), cast.person("bo"))
    votes = [cast.vote(case.request, "ana"), cast.vote(case.request, "ana", role="approver")]
    bundle = case.bundle(tmp_path / "run", votes, roles=cast.signed(people=people))
    assert "1 signatures" in refused(bundle).what


def test_two_people_in_one_role_are_refused(case: Case, tmp_path: Path) -> None:
    cast = case.cast
    people = (cast.person("bo"), cast.person("cy", roles=("approver",)))
    votes = [cast.vote(case.request, n, role="approver") for n in ("bo", "cy")]
    bundle = case.bundle(tmp_path / "run", votes, roles=cast.signed(people=people))
    assert "1 signatures" in refused(bundle).what


def test_the_operator_as_approver_is_refused(case: Case, tmp_path: Path) -> None:
    people = (case.cast.person("ana"), case.cast.person("bo", accounts=(1001,)))
    bundle = case.bundle(tmp_path / "run", good_votes(case), roles=case.cast.signed(people=people))
    assert "operator" in refused(bundle).what


def test_an_expired_signature_is_refused(case: Case, tmp_path: Path) -> None:
    old = case.cast.vote(case.request, "bo", signed=NOW - timedelta(days=9), days=3)
    bundle = case.bundle(tmp_path / "run", [good_votes(case)[0], old])
    assert "expired" in refused(bundle).what


def test_a_signature_of_a_role_that_may_not_approve_is_refused(case: Case, tmp_path: Path) -> None:
    waiver = case.cast.vote(case.request, "ana", "waive", rule=MAX_AUC)
    stated = json.loads(base64.b64decode(json.loads(waiver)["payload"]))
    stated["predicate"] |= {"decision": "approve", "rule": None, "role": "auditor"}
    raw = dsse_sign(canonical_json(stated), PAYLOAD_TYPE, [case.cast.keys["dee"]])
    bundle = case.bundle(tmp_path / "run", [good_votes(case)[0], canonical_json(raw) + b"\n"])
    assert "may not approve" in refused(bundle).what


def test_a_role_its_signer_does_not_hold_is_refused(case: Case, tmp_path: Path) -> None:
    cast = case.cast
    votes = [cast.vote(case.request, "ana"), cast.vote(case.request, "bo", role="steward")]
    everything = (cast.person("ana"), cast.person("bo", roles=("approver", "steward")))
    bundle = case.bundle(tmp_path / "run", votes, roles=cast.signed(people=everything))
    (bundle.bundle / "attestations/roles.dsse.json").write_bytes(cast.signed().envelope)
    seal(bundle)
    assert "does not hold the role" in refused(bundle).what


def test_a_list_of_roles_by_another_key_is_refused_unless_its_root_is_given(
    case: Case, tmp_path: Path
) -> None:
    root = SigningKey.generate()
    apart = Cast(root=root, keys=case.cast.keys)
    bundle = case.bundle(tmp_path / "run", good_votes(case), roles=apart.signed())
    assert "not signed by the release's key" in refused(bundle).what
    checked(bundle, roles_key=root.public)
    refused(bundle, roles_key=SigningKey.generate().public)


def test_a_list_that_had_ended_is_refused(case: Case, tmp_path: Path) -> None:
    ended = case.cast.signed(expires="2026-05-04T12:30:00+00:00")
    bundle = case.bundle(tmp_path / "run", good_votes(case), roles=ended)
    assert "not in force" in refused(bundle).what


def test_a_removed_signature_is_refused_though_all_is_signed_anew(released: Released) -> None:
    (released.bundle / "attestations/approval-02.dsse.json").unlink()
    seal(released)
    assert "something else than what they signed" in refused(released).what


def test_removed_papers_are_refused(released: Released) -> None:
    for name in ("attestations/roles.dsse.json", "compliance/candidate-report.json"):
        raw = (released.bundle / name).read_bytes()
        (released.bundle / name).unlink()
        seal(released)
        assert name in refused(released).where
        (released.bundle / name).write_bytes(raw)
    seal(released)
    checked(released)


def test_an_altered_statement_is_refused(released: Released, case: Case) -> None:
    path = released.bundle / "attestations/approval-01.dsse.json"
    body = json.loads(path.read_bytes())
    stated = json.loads(base64.b64decode(body["payload"]))
    stated["predicate"]["reason"] = "another"
    body["payload"] = base64.b64encode(canonical_json(stated)).decode()
    path.write_bytes(canonical_json(body) + b"\n")
    seal(released)
    assert "approval-01" in refused(released).where
    again = dsse_sign(canonical_json(stated), PAYLOAD_TYPE, [case.cast.keys["ana"]])
    path.write_bytes(canonical_json(again) + b"\n")
    seal(released)
    assert "something else than what they signed" in refused(released).what


def test_signatures_for_another_adapter_are_refused(case: Case, tmp_path: Path) -> None:
    other = {**case.request.subject, "adapter_model.safetensors": "sha256:" + "0" * 64}
    asked = Request(
        run=case.request.run, subject=other, report=case.request.report,
        policy=case.request.policy, needed=2, waivable=(),
    )  # fmt: skip
    votes = [case.cast.vote(asked, name) for name in ("ana", "bo")]
    section = case.section(good_votes(case), case.cast.signed())
    bundle = case.bundle(tmp_path / "run", votes, section=section)
    assert "another run, report, policy or adapter" in refused(bundle).what


def test_what_people_read_must_be_what_is_released(case: Case, tmp_path: Path) -> None:
    lied = Case(cast=case.cast)
    privacy = lied.evidence.privacy
    assert privacy is not None
    lied.evidence = lied.evidence.model_copy(
        update={"privacy": privacy.model_copy(update={"spent_epsilon": 0.1})}
    )
    bundle = lied.bundle(tmp_path / "run", good_votes(lied))
    assert "what people read" in refused(bundle).what


def test_a_page_that_claims_more_than_was_signed_is_refused(case: Case, tmp_path: Path) -> None:
    votes = good_votes(case)
    section = case.section(votes, case.cast.signed())
    bundle = case.bundle(tmp_path / "run", votes[:1], section=section)
    assert "something else than what they signed" in refused(bundle).what


def test_a_rejection_that_stands_is_refused(case: Case, tmp_path: Path) -> None:
    votes = [*good_votes(case), case.cast.vote(case.request, "dee", "reject")]
    assert "rejection stands" in refused(case.bundle(tmp_path / "run", votes)).what


def test_a_rejection_that_ran_out_stays_readable(case: Case, tmp_path: Path) -> None:
    old = case.cast.vote(case.request, "dee", "reject", signed=NOW - timedelta(days=9), days=3)
    bundle = case.bundle(tmp_path / "run", [*good_votes(case), old])
    (people,) = [c for c in checked(bundle).checks if c.name == "people"]
    assert "dee (auditor, reject)" in people.detail


def test_a_release_under_a_two_person_policy_without_its_page_is_refused(
    released: Released,
) -> None:
    path = released.bundle / "compliance/report.json"
    values = json.loads(path.read_bytes())
    values["people"] = None
    path.write_bytes(canonical_json(values))
    for name in released.bundle.glob("attestations/approval-*"):
        name.unlink()
    (released.bundle / "attestations/roles.dsse.json").unlink()
    (released.bundle / "compliance/candidate-report.json").unlink()
    from tests.unit.release.test_verify import rewrite_report

    rewrite_report(released, lambda _: None)
    report = json.loads(path.read_bytes())
    assert report["people"] is None
    restate(
        released,
        statements.PROVENANCE,
        lambda s: s["predicate"]["buildDefinition"].update(
            internalParameters={"decisionDigest": _decision(path)}
        ),
    )
    seal(released)
    assert "0 signatures, expected 2" in refused(released).what


def _decision(path: Path) -> str:
    from appliance.report.json import decision_digest, parse_report

    return decision_digest(parse_report(path.read_bytes(), where="r"))
