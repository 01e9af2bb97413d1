"""A candidate, the people who sign for it, and bundles as an insider could make them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.crypto.canonical import digest_bytes
from appliance.errors import IntegrityError
from appliance.evidence import Evidence, PeopleSection
from appliance.gate import Decision, decide
from appliance.people.roles import SignedRoles
from appliance.people.section import people_section
from appliance.people.votes import CANDIDATE_REPORT, Request, open_vote
from appliance.policy.load import LoadedPolicy, policy_digest
from appliance.release.bundle import PeoplesPapers, release
from appliance.release.verify import Verification, verify
from appliance.report.json import build_report, report_bytes
from appliance.report.limits import not_tested
from tests.unit.people.cast import NOW, Cast
from tests.unit.release.conftest import Released
from tests.unit.release.sample_adapter import adapter_files
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


def good_votes(case: Case) -> list[bytes]:
    return [case.cast.vote(case.request, name) for name in ("ana", "bo")]


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
