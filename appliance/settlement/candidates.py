"""A run that only people keep from its release: the adapter and its evidence, sealed and waiting.

    vault "home": candidates/<run>/case.json      evidence, policy, base model, accounts
                  candidates/<run>/adapter/...    the adapter's files
                  candidates/<run>/votes.json     words that came so far

The run's own vault, with everything about people, is burned as the policy says: deciding needs
none of it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.errors import UsageError
from appliance.evidence import Evidence
from appliance.gate import Decision, decide
from appliance.gate.people import may_be_excused
from appliance.people.votes import CANDIDATE_REPORT, Request
from appliance.policy import LoadedPolicy, Policy, policy_digest
from appliance.report.json import build_report, report_bytes
from appliance.report.limits import not_tested

if TYPE_CHECKING:
    from appliance.workspace import Home

_FOLDER = "candidates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One run, ready but for people's word.

    Attributes:
        run_id: the run.
        evidence: everything measured; nothing of people yet.
        policy: what it is decided under.
        adapter: its files.
        accounts: Unix accounts that worked on the run.
    """

    run_id: str
    evidence: Evidence
    policy: LoadedPolicy
    adapter: Mapping[str, bytes]
    accounts: tuple[int, ...]

    def decision(self) -> Decision:
        """Return what the gate says without any word of people."""
        return decide(self.evidence, self.policy.policy)

    def report(self) -> bytes:
        """Return the report that people read before they sign."""
        decision = self.decision()
        made = build_report(
            self.evidence, decision.findings, decision.verdict, [], not_tested(self.evidence)
        )
        return report_bytes(made)


def request_of(candidate: Candidate, *, needed: int) -> Request:
    """Return what people are asked about."""
    report = digest_bytes(candidate.report())
    policy = candidate.policy
    subject = {name: digest_bytes(data) for name, data in candidate.adapter.items()}
    return Request(
        run=candidate.run_id,
        subject={**subject, CANDIDATE_REPORT: report},
        report=report,
        policy={
            "name": policy.policy.name,
            "version": policy.policy.version,
            "digest": policy.digest,
        },
        needed=needed,
        waivable=tuple(
            f.rule for f in candidate.decision().reasons if may_be_excused(f, policy.policy)
        ),
    )


def keep(home: Home, candidate: Candidate) -> None:
    """Seal a candidate in the workspace's own vault; an earlier one of the run is replaced."""
    burn(home, candidate.run_id)
    for name, data in candidate.adapter.items():
        home.vault.write_bytes(f"{_FOLDER}/{candidate.run_id}/adapter/{name}", data)
    # Last: a candidate without its case does not exist.
    home.vault.write_bytes(
        _case(candidate.run_id),
        canonical_json(
            {
                "evidence": candidate.evidence.model_dump(mode="json"),
                "policy": candidate.policy.policy.model_dump(mode="json"),
                "policy_path": str(candidate.policy.path),
                "accounts": list(candidate.accounts),
            }
        ),
    )


def load(home: Home, run_id: str) -> Candidate:
    """Open a candidate.

    Raises:
        UsageError: no such run waits.
    """
    if not home.vault.exists(_case(run_id)):
        raise UsageError(
            f"run {run_id}", "does not wait for anyone", hint=f"appliance runs show {run_id}"
        )
    row = home.vault.read_json(_case(run_id))
    policy = Policy.model_validate_json(canonical_json(row["policy"]))
    folder = f"{_FOLDER}/{run_id}/adapter/"
    return Candidate(
        run_id=run_id,
        evidence=Evidence.model_validate_json(canonical_json(row["evidence"])),
        policy=LoadedPolicy(
            policy=policy, digest=policy_digest(policy), path=Path(row["policy_path"])
        ),
        adapter={
            n.removeprefix(folder): home.vault.read_bytes(n) for n in home.vault.names(folder)
        },
        accounts=tuple(row["accounts"]),
    )


def waits(home: Home, run_id: str) -> bool:
    """Say whether a run waits for people."""
    return home.vault.exists(_case(run_id))


def votes_of(home: Home, run_id: str) -> list[bytes]:
    """Return the words that came so far, in the order they came."""
    name = f"{_FOLDER}/{run_id}/votes.json"
    rows = home.vault.read_json(name) if home.vault.exists(name) else []
    return [base64.b64decode(row) for row in rows]


def keep_votes(home: Home, run_id: str, votes: Sequence[bytes]) -> None:
    """Remember the words that came so far."""
    rows = [base64.b64encode(vote).decode() for vote in votes]
    home.vault.write_json(f"{_FOLDER}/{run_id}/votes.json", rows)


def burn(home: Home, run_id: str) -> None:
    """Remove a candidate, its case first."""
    names = home.vault.names(f"{_FOLDER}/{run_id}/")
    for name in sorted(names, key=lambda name: name != _case(run_id)):
        home.vault.delete(name)


def accounts_of(home: Home, run_id: str) -> tuple[int, ...]:
    """Return the Unix accounts that worked on a run, as the audit log names them."""
    found: set[int] = set()
    for event in home.log.events():
        if event["fields"].get("run") == run_id:
            who = event["who"]
            found |= {int(a) for a in (who["uid"], who["login_uid"]) if a is not None}
    return tuple(sorted(found))


def _case(run_id: str) -> str:
    return f"{_FOLDER}/{run_id}/case.json"
