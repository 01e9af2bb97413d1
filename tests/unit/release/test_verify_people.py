"""What people signed is checked again elsewhere: too few, twice, the operator, late, out of role."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.crypto.signing import SigningKey, dsse_sign
from appliance.errors import IntegrityError
from appliance.evidence import Evidence, PeopleSection
from appliance.gate import Decision, decide
from appliance.gate import waits_for_people as waits
from appliance.people.roles import SignedRoles
from appliance.people.section import people_section
from appliance.people.votes import CANDIDATE_REPORT, PAYLOAD_TYPE, Request, open_vote
from appliance.policy.load import LoadedPolicy, policy_digest
from appliance.release import statements
from appliance.release.bundle import PeoplesPapers, release
from appliance.release.verify import Verification, verify
from appliance.report.json import build_report, report_bytes
from appliance.report.limits import not_tested
from tests.unit.people.cast import NOW, Cast
from tests.unit.release.conftest import Released
from tests.unit.release.sample_adapter import adapter_files
from tests.unit.release.test_verify import restate, seal
from tests.unit.report import sample_report

JUDGED = NOW + timedelta(hours=1)
MAX_AUC = "release.rules.max_auc"


def two_person_policy(**release_knobs: Any) -> LoadedPolicy:
    policy = sample_report.policy().policy
    knobs = policy.release.model_copy(update={"approvals": 2} | release_knobs)
    changed = policy.model_copy(update={"release": knobs})
    return LoadedPolicy(policy=changed, digest=policy_digest(changed), path=Path("two.yaml"))


@dataclass
class Case:
    """A candidate, its people and the release key, as the pipeline would hold them."""

    cast: Cast = field(default_factory=Cast)
    policy: LoadedPolicy = field(default_factory=two_person_policy)
    leak: bool = False
    accounts: tuple[int, ...] = (1001,)

    def __post_init__(self) -> None:
        found = sample_report.evidence(leak=self.leak)
        identity = found.run.policy.model_copy(update={"digest": self.policy.digest})
        run = found.run.model_copy(update={"policy": identity})
        self.evidence = found.model_copy(update={"run": run})
        decision = decide(self.evidence, self.policy.policy)
        self.read = report_bytes(report_of(self.evidence, decision))
        files = {n: digest_bytes(d) for n, d in adapter_files().items()}
        self.request = Request(
            run=run.id,
            subject={**files, CANDIDATE_REPORT: digest_bytes(self.read)},
            report=digest_bytes(self.read),
            policy={"name": "p", "version": "1", "digest": self.policy.digest},
            needed=2,
            waivable=(MAX_AUC,),
        )

    def section(
        self, votes: Sequence[bytes], roles: SignedRoles, judged: datetime = JUDGED
    ) -> PeopleSection:
        words = [open_vote(v, request=self.request, roles=roles, where="vote") for v in votes]
        return people_section(
            words,
            roles=roles,
            needed=2,
            accounts=self.accounts,
            judged=judged.isoformat(timespec="seconds"),
        )

    def bundle(
        self,
        out: Path,
        votes: Sequence[bytes],
        *,
        roles: SignedRoles | None = None,
        section: PeopleSection | None = None,
    ) -> Released:
        """Release, whatever the gate says: what an insider with the release key could do."""
        roles = roles or self.cast.signed()
        people = section or self.section(votes, roles)
        evidence = self.evidence.model_copy(update={"people": people})
        decision = decide(evidence, self.policy.policy)
        findings = tuple(f.model_copy(update={"passed": True, "outcome": "pass"}) for f in
                         decision.findings if not f.passed)  # fmt: skip
        findings = tuple(f for f in decision.findings if f.passed) + findings
        forged = Decision(verdict="released", findings=findings, approval=None)
        report = report_of(evidence, decision if decision.approval else forged)
        from appliance.report.json import decision_digest

        release(
            SimpleNamespace(run_id=report.run.id, decision_digest=decision_digest(report)),
            report=report,
            adapter_files=adapter_files(),
            policy=self.policy,
            signing_key=self.cast.root,
            log_checkpoint=None,
            out=out,
            papers=PeoplesPapers(roles=roles.envelope, votes=votes, report=self.read),
        )
        key = out.parent / "release.pub.pem"
        key.write_bytes(self.cast.root.public.pem())
        return Released(bundle=out, public_key=key, key=self.cast.root)


def report_of(evidence: Evidence, decision: Decision) -> Any:
    return build_report(evidence, decision.findings, decision.verdict, [], not_tested(evidence))


@pytest.fixture(scope="module", autouse=True)
def plain_page() -> Iterator[None]:
    """Spare the drawings: a bundle takes seconds by them, and no test here looks at the page."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("appliance.release.bundle.render_html", lambda *_, **__: "<html></html>")
        yield


@pytest.fixture(scope="module")
def case() -> Case:
    return Case()


def good_votes(case: Case) -> list[bytes]:
    return [case.cast.vote(case.request, name) for name in ("ana", "bo")]


@pytest.fixture(scope="module")
def original(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Released:
    return case.bundle(tmp_path_factory.mktemp("two") / "run", good_votes(case))


@pytest.fixture
def released(original: Released, tmp_path: Path) -> Released:
    shutil.copytree(original.bundle, tmp_path / "copy")
    return Released(bundle=tmp_path / "copy", public_key=original.public_key, key=original.key)


def checked(released: Released, **more: Any) -> Verification:
    return verify(released.bundle, public_key=released.public_key, decide=decide, **more)


def refused(released: Released, **more: Any) -> IntegrityError:
    """Refused with the gate asked again, and without: the count does not hang on the gate."""
    with pytest.raises(IntegrityError):
        checked(released, **more)
    with pytest.raises(IntegrityError) as caught:
        verify(released.bundle, public_key=released.public_key, **more)
    assert caught.value.exit_code == 6
    return caught.value


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


# --- waivers ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def leaking() -> Case:
    """The canary attack's AUC is over the policy's threshold, and the policy lets it be waived."""
    failed = sample_report.evidence(leak=True)
    decision = decide(failed, sample_report.policy().policy)
    rules = tuple(f.rule for f in decision.reasons)
    assert MAX_AUC in rules
    policy = two_person_policy(waivable=(MAX_AUC,))
    attack = failed.audit.membership if failed.audit else None
    assert attack is not None
    knobs = policy.policy.release.rules.model_copy(
        update={"max_auc": attack.auc_interval[1] - 0.01}
    )
    changed = policy.policy.model_copy(
        update={"release": policy.policy.release.model_copy(update={"rules": knobs})}
    )
    case = Case(
        policy=LoadedPolicy(policy=changed, digest=policy_digest(changed), path=Path("w.yaml"))
    )
    audit = case.evidence.audit
    assert audit is not None
    assert audit.membership is not None
    worse = audit.membership.model_copy(update={"auc_interval": attack.auc_interval})
    assert attack.auc_interval[0] > 0
    case.evidence = case.evidence.model_copy(
        update={"audit": audit.model_copy(update={"membership": worse})}
    )
    case.read = report_bytes(report_of(case.evidence, decide(case.evidence, case.policy.policy)))
    digest = digest_bytes(case.read)
    subject = {**case.request.subject, CANDIDATE_REPORT: digest}
    case.request = Request(
        run=case.request.run, subject=subject, report=digest, policy=case.request.policy,
        needed=2, waivable=(MAX_AUC,),
    )  # fmt: skip
    return case


def asked(case: Case, votes: Sequence[bytes], judged: datetime = JUDGED) -> Decision:
    section = case.section(votes, case.cast.signed(), judged)
    evidence = case.evidence.model_copy(update={"people": section})
    return decide(evidence, case.policy.policy)


def test_a_waived_rule_is_shown_and_the_release_runs_out_with_it(
    leaking: Case, tmp_path: Path
) -> None:
    before = decide(leaking.evidence, leaking.policy.policy)
    assert {f.rule for f in before.reasons} == {MAX_AUC, "release.approvals"}
    assert waits(before, leaking.policy.policy)
    waiver = leaking.cast.vote(leaking.request, "ana", "waive", rule=MAX_AUC, days=7)
    votes = [*good_votes(leaking), waiver]
    decision = asked(leaking, votes)
    (found,) = [f for f in decision.findings if f.rule == MAX_AUC]
    assert (found.outcome, found.passed) == ("waived", True)
    assert "waived by ana" in found.detail
    bundle = leaking.bundle(tmp_path / "run", votes)
    checked(bundle, now=NOW + timedelta(days=6))
    late = refused(bundle, now=NOW + timedelta(days=8))
    assert "waiver of release.rules.max_auc ran out" in late.what


def test_a_waiver_counts_only_while_it_lasts_and_only_for_rules_the_policy_names(
    leaking: Case,
) -> None:
    waiver = leaking.cast.vote(leaking.request, "ana", "waive", rule=MAX_AUC, days=7)
    votes = [*good_votes(leaking), waiver]
    assert asked(leaking, votes).approval is not None
    late = asked(leaking, votes, NOW + timedelta(days=8))
    assert MAX_AUC in {f.rule for f in late.reasons}
    assert asked(leaking, good_votes(leaking)).approval is None
    strict = Case(cast=leaking.cast, policy=two_person_policy())
    section = leaking.section(votes, leaking.cast.signed())
    evidence = leaking.evidence.model_copy(update={"people": section})
    assert decide(evidence, strict.policy.policy).approval is None


def test_evidence_that_is_missing_is_never_waived(leaking: Case) -> None:
    waiver = leaking.cast.vote(leaking.request, "ana", "waive", rule=MAX_AUC, days=7)
    section = leaking.section([*good_votes(leaking), waiver], leaking.cast.signed())
    audit = leaking.evidence.audit
    assert audit is not None
    evidence = leaking.evidence.model_copy(
        update={"people": section, "audit": audit.model_copy(update={"membership": None})}
    )
    decision = decide(evidence, leaking.policy.policy)
    assert MAX_AUC in {f.rule for f in decision.reasons}
    assert not waits(decision, leaking.policy.policy)
