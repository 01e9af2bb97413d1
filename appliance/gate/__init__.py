"""Decide: evidence and policy in, decision out. Pure: no I/O, no clock, no randomness.

Every rule becomes a finding with what was measured and the threshold. Missing evidence refuses;
an empty list of findings approves nothing; too little power is inconclusive, which a strict
policy refuses. Only this module makes an `Approval`, and only an approval opens the release room.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import InitVar, dataclass
from typing import Literal

from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.evidence import Evidence, Finding, Outcome, overall
from appliance.gate import leaks, people, rules
from appliance.gate.findings import finding
from appliance.policy.model import Policy

__all__ = ["Approval", "Decision", "Part", "about", "decide", "waits_for_people"]

_RULES: tuple[Callable[[Evidence, Policy], Iterator[Finding]], ...] = (
    rules.run,
    rules.data,
    rules.deidentification,
    rules.privacy,
    rules.utility,
    leaks.audit,
    rules.environment,
    people.people,
)


#: Sections that can be judged by themselves.
Part = Literal["audit", "utility"]

#: Findings that only signatures can change.
_SIGNED_BY_PEOPLE = frozenset({"release.approvals", "release.rejected", "release.signing_key"})


#: What only this module holds: no other makes an `Approval`.
_MINT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """The gate's word that one run may be released.

    Guarantees:
        Made by `decide` alone: anyone else's attempt raises a TypeError.
    """

    run_id: str
    decision_digest: str
    mint: InitVar[object] = None

    def __post_init__(self, mint: object) -> None:
        """Refuse to be made by anyone but the gate."""
        if mint is not _MINT:
            raise TypeError("only the gate makes an approval: appliance.gate.decide")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer, with every finding behind it.

    Attributes:
        verdict: "released" or "refused".
        findings: one per rule, in the order of the pipeline.
        approval: present only when every finding lets the run pass.
    """

    verdict: Literal["released", "refused"]
    findings: tuple[Finding, ...]
    approval: Approval | None

    @property
    def reasons(self) -> tuple[Finding, ...]:
        """The findings that refused."""
        return tuple(f for f in self.findings if not f.passed)

    @property
    def outcome(self) -> Outcome:
        """PASS, REFUSE, or INCONCLUSIVE: nothing was found, and too little could have been."""
        return overall(self.verdict, self.findings)


def decide(evidence: Evidence, policy: Policy) -> Decision:
    """Hold the evidence against every rule of the policy.

    Guarantees:
        Missing evidence refuses: each absent section or value is a finding that did not pass.
        Empty approves nothing: without findings the verdict is "refused".
        A number that is not finite, anywhere in the evidence, refuses.
        The result depends on the arguments alone.
    """
    waived = people.excused(evidence, policy)
    findings = tuple(_settle(f, policy, waived) for rule in _RULES for f in rule(evidence, policy))
    odd = next(_not_finite(evidence.model_dump(mode="python"), ""), None)
    if odd is not None:
        what = "a figure is not a finite number: training diverged, or there is a bug"
        findings += (finding("evidence.finite", False, odd, None, what),)
    approved = bool(findings) and all(f.passed for f in findings)
    if not approved:
        return Decision(verdict="refused", findings=findings, approval=None)
    digest = digest_bytes(
        canonical_json(
            {
                "evidence": evidence.model_dump(mode="json"),
                "findings": [f.model_dump(mode="json") for f in findings],
            }
        )
    )
    approval = Approval(run_id=evidence.run.id, decision_digest=digest, mint=_MINT)
    return Decision(verdict="released", findings=findings, approval=approval)


def about(part: Part, evidence: Evidence, policy: Policy) -> tuple[Finding, ...]:
    """Hold one section against the rules about it alone; approves nothing.

    Args:
        part: which section.
        evidence: the section, and what its rules compare it with.
        policy: the rules.
    """
    rule = leaks.audit if part == "audit" else rules.utility
    return tuple(_settle(f, policy, {}) for f in rule(evidence, policy))


def waits_for_people(decision: Decision, policy: Policy) -> bool:
    """Say whether nothing but people's signatures keeps a run from its release.

    True when every finding that refused is a missing signature, or one that the policy lets a
    privacy officer waive.
    """
    return bool(decision.reasons) and all(
        f.rule in _SIGNED_BY_PEOPLE or people.may_be_excused(f, policy) for f in decision.reasons
    )


def _settle(finding: Finding, policy: Policy, waived: Mapping[str, str]) -> Finding:
    if finding.outcome == "inconclusive" and policy.release.rules.inconclusive == "pass":
        return finding.model_copy(update={"passed": True})
    if finding.rule in waived and people.may_be_excused(finding, policy):
        detail = f"{finding.detail}; {waived[finding.rule]}"
        return finding.model_copy(update={"passed": True, "outcome": "waived", "detail": detail})
    return finding


def _not_finite(value: object, name: str) -> Iterator[str]:
    """Yield the dotted names of numbers that are NaN or infinite."""
    if isinstance(value, float) and not math.isfinite(value):
        yield name
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _not_finite(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _not_finite(inner, name)
