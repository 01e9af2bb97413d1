"""A waived rule is shown, holds only for rules the policy names, and ends the release with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from appliance.crypto.canonical import digest_bytes
from appliance.gate import Decision, decide
from appliance.gate import waits_for_people as waits
from appliance.people.votes import CANDIDATE_REPORT, Request
from appliance.policy.load import LoadedPolicy, policy_digest
from appliance.report.json import report_bytes
from tests.unit.people.cast import NOW
from tests.unit.release.two_people import (
    JUDGED,
    MAX_AUC,
    Case,
    checked,
    good_votes,
    refused,
    report_of,
    two_person_policy,
)
from tests.unit.report import sample_report


@pytest.fixture(scope="module", autouse=True)
def plain_page() -> Iterator[None]:
    """Spare the drawings: a bundle takes seconds by them, and no test here looks at the page."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("appliance.release.bundle.render_html", lambda *_, **__: "<html></html>")
        yield


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
