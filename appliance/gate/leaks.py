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
from appliance.gate.findings import absent, at_least, at_most, finding, unknown
from appliance.policy.model import Policy

#: Why rules about text do not apply to a classifier.
SILENT = "does not apply: a classifier writes no text; membership is attacked by its loss"
#: What the attack's AUC on the leaking control must reach, at the interval's lower end.
CONTROL_AUC = 0.8
#: The guesses' chance under the accountant's own curve below which there is a bug.
BUG_CHANCE = 0.01


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
    yield from _removed(section, policy)


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
    if _silent(section, policy):
        yield finding(rule, True, None, None, SILENT)
    elif planted < rules.min_secrets_planted:
        yield unknown(rule, planted, rules.min_secrets_planted, f"{detail}: too few")
    else:
        yield finding(rule, True, planted, rules.min_secrets_planted, detail)
    if rules.require_positive_control:
        yield _control(section.positive_control)


def _silent(section: AuditSection, policy: Policy) -> bool:
    """Say whether there is no text to attack: the policy's task is a classifier, and nothing else.

    The evidence cannot claim it: a section that holds secrets or generations is judged by them.
    """
    secrets = section.canaries.families.get("secret")
    return (
        policy.training.task == "classification"
        and section.extraction is None
        and section.regurgitation is None
        and (secrets is None or secrets.planted == 0)
    )


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
        yield at_least(
            "audit.curve_holds",
            section.curve_p_value,
            BUG_CHANCE,
            "chance of the guesses under the accountant's own curve: below 1 % there is a bug",
        )


def _records(section: AuditSection, policy: Policy) -> Iterator[Finding]:
    attacks = [section.record_membership]
    if policy.privacy.unit == "person":
        attacks.append(section.user_membership)  # several records of each together
    lows = [None if attack is None else attack.auc_interval[0] for attack in attacks]
    known = [low for low in lows if low is not None]
    yield at_most(
        "release.rules.max_record_auc",
        max(known) if len(known) == len(lows) else None,
        policy.release.rules.max_record_auc,
        "lower limit of the AUC on real people against the holdout, by one record or several",
    )


def _extraction(section: AuditSection, policy: Policy) -> Iterator[Finding]:
    rules = policy.release.rules
    if _silent(section, policy):
        yield finding("release.rules.max_extracted", True, None, None, SILENT)
        return
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


def _removed(section: AuditSection, policy: Policy) -> Iterator[Finding]:
    rules = policy.release.rules
    if _silent(section, policy):
        yield finding("release.rules.max_regurgitated", True, None, None, SILENT)
        return
    matches = section.regurgitation
    yield at_most(
        "release.rules.max_regurgitated",
        None if matches is None else matches.matches - matches.matches_base,
        rules.max_regurgitated,
        "removed values found in generations, beyond the base model's",
    )
    if not policy.audit.ranked_values:
        return
    rule = "release.rules.min_rank_p_value"
    if matches is not None and matches.real_values_ranked == 0:
        yield finding(rule, True, 0, None, "nothing removed is long and random enough to rank")
        return
    yield at_least(
        rule,
        None if matches is None or not matches.real_values_ranked else matches.rank_p_value,
        rules.min_rank_p_value,
        "chance that removed values rank this well among decoys by luck",
    )
