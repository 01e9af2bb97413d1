"""Decide: evidence and policy in, decision out. Pure: no I/O, no clock, no randomness.

Every rule becomes a finding with what was measured and the threshold. Missing evidence refuses;
an empty list of findings approves nothing; too little power is inconclusive, which a strict
policy refuses. Only this module makes an `Approval`, and only an approval opens the release room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.evidence import (
    AuditSection,
    DataSection,
    DeidentificationSection,
    Evidence,
    Finding,
    PrivacySection,
    Section,
)
from appliance.policy.model import Policy

Value = float | int | str | bool | None
#: Prefix of the only noise source whose adapters may leave.
SECURE_NOISE = "os-entropy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """The gate's word that one run may be released; made by `decide` alone."""

    run_id: str
    decision_digest: str


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


def decide(evidence: Evidence, policy: Policy) -> Decision:
    """Hold the evidence against every rule of the policy.

    Guarantees:
        Missing evidence refuses: each absent section or value is a finding that did not pass.
        Empty approves nothing: without findings the verdict is "refused".
        The result depends on the arguments alone.
    """
    findings = tuple(
        _settle(finding, policy) for rule in _RULES for finding in rule(evidence, policy)
    )
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
    approval = Approval(run_id=evidence.run.id, decision_digest=digest)
    return Decision(verdict="released", findings=findings, approval=approval)


def _settle(finding: Finding, policy: Policy) -> Finding:
    if finding.outcome == "inconclusive":
        passed = policy.release.rules.inconclusive == "pass"
        return finding.model_copy(update={"passed": passed})
    return finding


def _finding(rule: str, ok: bool, measured: Value, threshold: Value, detail: str) -> Finding:
    return Finding(
        rule=rule,
        passed=ok,
        outcome="pass" if ok else "refuse",
        measured=measured,
        threshold=threshold,
        detail=detail,
    )


def _unknown(rule: str, measured: Value, threshold: Value, detail: str) -> Finding:
    return Finding(
        rule=rule,
        passed=False,
        outcome="inconclusive",
        measured=measured,
        threshold=threshold,
        detail=detail,
    )


def _at_most(rule: str, measured: float | None, threshold: float, detail: str) -> Finding:
    if measured is None:
        return _missing(rule, threshold)
    return _finding(rule, measured <= threshold, measured, threshold, detail)


def _at_least(rule: str, measured: float | None, threshold: float, detail: str) -> Finding:
    if measured is None:
        return _missing(rule, threshold)
    return _finding(rule, measured >= threshold, measured, threshold, detail)


def _missing(rule: str, threshold: Value = None) -> Finding:
    return _finding(rule, False, None, threshold, "evidence is missing")


def _absent(rule: str, section: Section | None) -> Iterator[Finding]:
    if section is None:
        yield _missing(rule)


def _data(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    yield from _absent("data", evidence.data)
    data = evidence.data
    if data is None:
        return
    read = data.records_read
    share = data.records_quarantined / read if read else None
    yield _at_most(
        "data.quarantine_limit",
        share,
        policy.data.quarantine_limit,
        "share of rows that could not be read",
    )
    yield from _sides(data)


def _sides(data: DataSection) -> Iterator[Finding]:
    units = data.split_units
    smallest = (
        None
        if units is None
        else min(units.train, units.validation, units.test, units.audit_holdout)
    )
    yield _at_least("data.split", smallest, 1, "units on the smallest side of the split")


def _deidentification(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    yield from _absent("deidentification", evidence.deidentification)
    section = evidence.deidentification
    if section is None:
        return
    yield _at_most(
        "deidentify.residual_limit",
        section.residual.direct_identifier_rate,
        policy.deidentify.residual_limit,
        "share of de-identified records in which a second scan found a direct identifier",
    )
    if policy.deidentify.recall_floor is not None:
        yield _recall(section, policy.deidentify.recall_floor)


def _recall(section: DeidentificationSection, floor: float) -> Finding:
    recall = section.measured_recall
    return _at_least(
        "deidentify.recall_floor",
        None if recall is None else recall.recall_interval[0],
        floor,
        "lower 95 % limit of the recall measured on the gold sample",
    )


def _privacy(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    yield from _absent("privacy", evidence.privacy)
    section = evidence.privacy
    if section is None:
        return
    rules = policy.release.rules
    private = section.mechanism == "dp-sgd"
    if not private:
        yield _finding(
            "release.rules.require_dp",
            not rules.require_dp,
            section.mechanism,
            "dp-sgd" if rules.require_dp else None,
            "training had no differential privacy: nothing bounds what one person changes",
        )
        return
    yield _finding(
        "release.rules.require_dp", True, section.mechanism, "dp-sgd", "the mechanism that ran"
    )
    limit = policy.privacy.target_epsilon if rules.max_epsilon is None else rules.max_epsilon
    yield _at_most(
        "release.rules.max_epsilon", section.spent_epsilon, limit, "epsilon spent by this run"
    )
    yield from _mechanism(section, policy)


def _mechanism(section: PrivacySection, policy: Policy) -> Iterator[Finding]:
    yield _finding(
        "privacy.sampling",
        section.sampling == "poisson" and 0.0 < section.sample_rate <= 1.0,
        section.sampling,
        "poisson",
        "how batches were drawn; the accountant assumes it",
    )
    yield _finding(
        "privacy.noise",
        section.noise_multiplier > 0.0 and section.noise_source.startswith(SECURE_NOISE),
        section.noise_source,
        f"{SECURE_NOISE}...",
        "where noise and sampling came from; a fixed seed is never released",
    )
    agree = section.accountants
    yield _finding(
        "privacy.accountants",
        agree is not None and agree.agree,
        None if agree is None else agree.agree,
        True,
        "independent accountants agree on epsilon",
    )
    test = section.self_test
    failed = "" if test is None else ", ".join(c.name for c in test.checks if not c.passed)
    yield _finding(
        "privacy.self_test",
        test is not None and test.passed and bool(test.checks),
        None if test is None else test.passed,
        True,
        f"the DP self-test failed: {failed}" if failed else "the DP self-test before training",
    )
    ledger = section.ledger
    yield _at_most(
        "privacy.lifetime_epsilon",
        None if ledger is None else ledger.total_epsilon,
        policy.privacy.lifetime_epsilon,
        "epsilon spent over these people by all runs",
    )


def _utility(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    yield from _absent("utility", evidence.utility)
    section = evidence.utility
    if section is None or not policy.release.rules.require_better_than_base:
        return
    loss = section.metrics.get("loss")
    if loss is None or loss.base is None or loss.adapter is None:
        yield _missing("release.rules.require_better_than_base")
        return
    yield _finding(
        "release.rules.require_better_than_base",
        loss.adapter < loss.base,
        loss.adapter,
        loss.base,
        "loss per token on the test side: adapter against base model",
    )


def _audit(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    yield from _absent("audit", evidence.audit)
    section = evidence.audit
    if section is None:
        return
    yield from _power(section, policy)
    yield from _canary_attack(section, policy)
    yield from _lower_bound(section, evidence.privacy, policy)
    yield from _records(section, policy)
    yield from _extraction(section, policy)


def _power(section: AuditSection, policy: Policy) -> Iterator[Finding]:
    rules = policy.release.rules
    family = section.canaries.families.get("newtok")
    count = 0 if family is None else family.planted + family.held_out
    rule, detail = "release.rules.min_canaries", "canaries behind the membership attack"
    if count < rules.min_canaries:
        yield _unknown(rule, count, rules.min_canaries, f"{detail}: too few to see a leak")
    else:
        yield _finding(rule, True, count, rules.min_canaries, detail)
    secrets = section.canaries.families.get("secret")
    planted = 0 if secrets is None else secrets.planted
    rule, detail = "release.rules.min_secrets_planted", "planted secrets behind the claim"
    if planted < rules.min_secrets_planted:
        yield _unknown(rule, planted, rules.min_secrets_planted, f"{detail}: too few")
    else:
        yield _finding(rule, True, planted, rules.min_secrets_planted, detail)
    if not rules.require_positive_control:
        return
    control = section.positive_control
    rule = "release.rules.require_positive_control"
    detail = "lower limit of the attack's AUC on an adapter made to leak"
    if control is None:
        yield _unknown(rule, None, True, "the positive control did not run")
    elif not control.seen:
        yield _unknown(rule, control.auc_interval[0], 0.8, f"{detail}: the attack is blind")
    else:
        yield _finding(rule, True, control.auc_interval[0], 0.8, detail)


def _canary_attack(section: AuditSection, policy: Policy) -> Iterator[Finding]:
    rules = policy.release.rules
    attack = section.membership
    yield _at_most(
        "release.rules.max_auc",
        None if attack is None else attack.auc_interval[1],
        rules.max_auc,
        "upper limit of the canary attack's AUC",
    )
    difference = None if attack is None else attack.difference_interval
    yield _at_most(
        "release.rules.max_auc_difference",
        None if difference is None else difference[1],
        rules.max_auc_difference,
        "upper limit of that AUC minus the base model's",
    )
    point = None if attack is None else attack.tpr_at_fpr.get("0.01")
    yield _at_most(
        "release.rules.max_tpr_at_1_percent_fpr",
        None if point is None else point.value,
        rules.max_tpr_at_1_percent_fpr,
        "true-positive rate at 1 % false positives",
    )


def _lower_bound(
    section: AuditSection, privacy: PrivacySection | None, policy: Policy
) -> Iterator[Finding]:
    claimed = None if privacy is None else privacy.spent_epsilon
    limit = policy.release.rules.max_empirical_epsilon
    yield _at_most(
        "release.rules.max_empirical_epsilon",
        section.empirical_epsilon,
        limit if claimed is None else min(limit, claimed),
        "one-run lower bound on epsilon",
    )
    if claimed is not None:
        yield _at_most(
            "audit.claim_holds",
            section.empirical_epsilon_bug,
            claimed,
            "lower bound at 99 % against the claim: above it there is a bug",
        )


def _records(section: AuditSection, policy: Policy) -> Iterator[Finding]:
    attack = section.record_membership
    yield _at_most(
        "release.rules.max_record_auc",
        None if attack is None else attack.auc_interval[0],
        policy.release.rules.max_record_auc,
        "lower limit of the AUC on real people against the holdout",
    )


def _extraction(section: AuditSection, policy: Policy) -> Iterator[Finding]:
    rules = policy.release.rules
    found = section.extraction
    yield _at_most(
        "release.rules.max_extracted",
        None if found is None else found.extracted_greedy,
        rules.max_extracted,
        "planted secrets that greedy decoding revealed",
    )
    if rules.max_log2_probability is not None:
        yield _at_most(
            "release.rules.max_log2_probability",
            None if found is None else found.max_log2_probability,
            rules.max_log2_probability,
            "log2 of the largest probability of sampling a planted secret whole",
        )
    matches = section.regurgitation
    yield _at_most(
        "release.rules.max_regurgitated",
        None if matches is None else matches.matches - matches.matches_base,
        rules.max_regurgitated,
        "removed values found in generations, beyond the base model's",
    )


def _environment(evidence: Evidence, policy: Policy) -> Iterator[Finding]:  # noqa: ARG001  one shape for all rules
    yield from _absent("training", evidence.training)
    yield from _absent("environment", evidence.environment)


_RULES: tuple[Callable[[Evidence, Policy], Iterator[Finding]], ...] = (
    _data,
    _deidentification,
    _privacy,
    _utility,
    _audit,
    _environment,
)
