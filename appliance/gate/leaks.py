"""What the attacks saw, held against the policy."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.evidence import (
    AuditSection,
    Evidence,
    Finding,
    PositiveControl,
    PrivacySection,
)
from appliance.gate.findings import absent, at_most, finding, unknown
from appliance.policy.model import Policy

#: What the attack's AUC on the leaking control must reach, at the interval's lower end.
CONTROL_AUC = 0.8


def audit(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    """Judge the attacks, and whether they could have seen a leak."""
    yield from absent("audit", evidence.audit)
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
    count = _attacked(section)
    rule, detail = "release.rules.min_canaries", "canaries behind the membership attack"
    if count < rules.min_canaries:
        yield unknown(rule, count, rules.min_canaries, f"{detail}: too few to see a leak")
    else:
        yield finding(rule, True, count, rules.min_canaries, detail)
    secrets = section.canaries.families.get("secret")
    planted = 0 if secrets is None else secrets.planted
    rule, detail = "release.rules.min_secrets_planted", "planted secrets behind the claim"
    if planted < rules.min_secrets_planted:
        yield unknown(rule, planted, rules.min_secrets_planted, f"{detail}: too few")
    else:
        yield finding(rule, True, planted, rules.min_secrets_planted, detail)
    if rules.require_positive_control:
        yield _control(section.positive_control)


def _attacked(section: AuditSection) -> int:
    """Count the canaries that the membership attack saw, which planting alone does not prove."""
    family = section.canaries.families.get("newtok")
    count = 0 if family is None else family.planted + family.held_out
    attack = section.membership
    return count if attack is None else min(count, attack.n_members + attack.n_non_members)


def _control(control: PositiveControl | None) -> Finding:
    rule = "release.rules.require_positive_control"
    detail = "lower limit of the attack's AUC on an adapter made to leak"
    if control is None:
        return unknown(rule, None, True, "the positive control did not run")
    low = control.auc_interval[0]
    if not control.seen or not low >= CONTROL_AUC:
        return unknown(rule, low, CONTROL_AUC, f"{detail}: the attack is blind")
    return finding(rule, True, low, CONTROL_AUC, detail)


def _canary_attack(section: AuditSection, policy: Policy) -> Iterator[Finding]:
    rules = policy.release.rules
    attack = section.membership
    yield at_most(
        "release.rules.max_auc",
        None if attack is None else attack.auc_interval[1],
        rules.max_auc,
        "upper limit of the canary attack's AUC",
    )
    difference = None if attack is None else attack.difference_interval
    yield at_most(
        "release.rules.max_auc_difference",
        None if difference is None else difference[1],
        rules.max_auc_difference,
        "upper limit of that AUC minus the base model's",
    )
    point = None if attack is None else attack.tpr_at_fpr.get("0.01")
    yield at_most(
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
    yield at_most(
        "release.rules.max_empirical_epsilon",
        section.empirical_epsilon,
        limit if claimed is None else min(limit, claimed),
        "one-run lower bound on epsilon",
    )
    if claimed is not None:
        yield at_most(
            "audit.claim_holds",
            section.empirical_epsilon_bug,
            claimed,
            "lower bound at 99 % against the claim: above it there is a bug",
        )


def _records(section: AuditSection, policy: Policy) -> Iterator[Finding]:
    attack = section.record_membership
    yield at_most(
        "release.rules.max_record_auc",
        None if attack is None else attack.auc_interval[0],
        policy.release.rules.max_record_auc,
        "lower limit of the AUC on real people against the holdout",
    )


def _extraction(section: AuditSection, policy: Policy) -> Iterator[Finding]:
    rules = policy.release.rules
    found = section.extraction
    secrets = section.canaries.families.get("secret")
    if found is not None and found.attempted < (0 if secrets is None else secrets.planted):
        found = None  # Part of the planted secrets was not attacked: the claim is about all.
    yield at_most(
        "release.rules.max_extracted",
        None if found is None else found.extracted_greedy,
        rules.max_extracted,
        "planted secrets that greedy decoding revealed",
    )
    if rules.max_log2_probability is not None:
        yield at_most(
            "release.rules.max_log2_probability",
            None if found is None else found.max_log2_probability,
            rules.max_log2_probability,
            "log2 of the largest probability of sampling a planted secret whole",
        )
    matches = section.regurgitation
    yield at_most(
        "release.rules.max_regurgitated",
        None if matches is None else matches.matches - matches.matches_base,
        rules.max_regurgitated,
        "removed values found in generations, beyond the base model's",
    )
