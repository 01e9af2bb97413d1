"""What people signed, held against the policy: approvals, rejections, waivers, the release key."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.evidence import Evidence, Finding, PeopleSection
from appliance.gate.findings import MISSING, finding
from appliance.people import judge
from appliance.policy.model import Policy


def people(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    """Refuse where people must sign and have not, or have rejected."""
    section = evidence.people
    needed = policy.release.approvals
    if needed:
        yield _approvals(section, needed)
    if section is None:
        return
    if rejected := judge.rejections(section):
        what = "a rejection stands; the first page of the report says whose and until when"
        yield finding("release.rejected", False, len(rejected), 0, what)
    if section.release_key == "apart":
        yield finding(
            "release.signing_key",
            section.release_key_at_hand,
            section.release_key_at_hand,
            True,
            "the release key lies apart from the workspace: its holder signs",
        )


def excused(evidence: Evidence, policy: Policy) -> dict[str, str]:
    """Return the rules that stand waived, with the waiver in plain words."""
    if evidence.people is None:
        return {}
    return {
        rule: f"waived by {word.person} as {word.role} until {word.expires}: {word.reason}"
        for rule, word in judge.waived(evidence.people).items()
        if rule in policy.release.waivable
    }


def may_be_excused(found: Finding, policy: Policy) -> bool:
    """Say whether a finding is one a person may waive: it was measured, and the policy names it."""
    return (
        not found.passed
        and found.detail != MISSING
        and found.measured is not None
        and found.rule in policy.release.waivable
    )


def _approvals(section: PeopleSection | None, needed: int) -> Finding:
    rule = "release.approvals"
    if section is None:
        what = "signatures of different people in different roles, beyond the gate"
        return finding(rule, False, 0, needed, what)
    needed = max(needed, section.needed)
    count = judge.approvals(section)
    detail = "approvals by different people in different roles, none of them the operator"
    if not judge.in_force(section):
        detail = "no list of roles was in force: no signature counts"
    elif ignored := judge.objections(section):
        detail = f"{detail}; not counted: {'; '.join(ignored)}"
    return finding(rule, count >= needed, count, needed, detail)
