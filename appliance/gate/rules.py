"""What was read, removed, spent and gained, held against the policy."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.evidence import (
    DataSection,
    DeidentificationSection,
    Evidence,
    Finding,
    PrivacySection,
)
from appliance.gate.findings import absent, at_least, at_most, finding, missing
from appliance.policy.load import policy_digest
from appliance.policy.model import Policy

#: Prefix of the only noise source whose adapters may leave.
SECURE_NOISE = "os-entropy"


def run(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    """Refuse evidence that was measured under another policy."""
    ours = policy_digest(policy)
    yield finding(
        "run.policy",
        evidence.run.policy.digest == ours,
        evidence.run.policy.digest,
        ours,
        "the policy under which the run was measured",
    )


def data(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    """Judge what was read and split."""
    yield from absent("data", evidence.data)
    section = evidence.data
    if section is None:
        return
    read = section.records_read
    share = section.records_quarantined / read if read else None
    yield at_most(
        "data.quarantine_limit",
        share,
        policy.data.quarantine_limit,
        "share of rows that could not be read",
    )
    yield from _sides(section)


def _sides(data: DataSection) -> Iterator[Finding]:
    units = data.split_units
    smallest = (
        None
        if units is None
        else min(units.train, units.validation, units.test, units.audit_holdout)
    )
    yield at_least("data.split", smallest, 1, "units on the smallest side of the split")


def deidentification(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    """Judge what was found, missed and kept."""
    yield from absent("deidentification", evidence.deidentification)
    if evidence.deidentification is not None:
        people = None if evidence.data is None else evidence.data.units
        yield from deidentified(evidence.deidentification, policy, people=people)


def deidentified(
    section: DeidentificationSection, policy: Policy, *, people: int | None
) -> Iterator[Finding]:
    """Judge de-identification by itself, of a run or of a copy to be exported."""
    yield at_most(
        "deidentify.residual_limit",
        # A scan of nothing finds nothing.
        section.residual.direct_identifier_rate if section.residual.records_scanned else None,
        policy.deidentify.residual_limit,
        "share of de-identified records in which a second scan found a direct identifier",
    )
    if policy.deidentify.recall_floor is not None:
        yield _recall(section, policy.deidentify.recall_floor)
    if policy.deidentify.quasi_limit is not None:
        most = max(section.quasi_identifiers.values(), default=0)
        yield at_most(
            "deidentify.quasi_limit",
            most / people if people else None,
            policy.deidentify.quasi_limit,
            "largest share of people who share kept values with fewer than five",
        )


def _recall(section: DeidentificationSection, floor: float) -> Finding:
    """Hold the floor against every measurement there is: one good one excuses no bad one."""
    lows = [r.recall_interval[0] for r in (section.measured_recall, section.reviewed_recall) if r]
    return at_least(
        "deidentify.recall_floor",
        min(lows, default=None),
        floor,
        "lower 95 % limit of the recall measured on annotated documents or in a review",
    )


def privacy(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    """Judge the mechanism that ran and what it spent."""
    yield from absent("privacy", evidence.privacy)
    section = evidence.privacy
    if section is None:
        return
    rules = policy.release.rules
    private = section.mechanism == "dp-sgd"
    if not private:
        yield finding(
            "release.rules.require_dp",
            not rules.require_dp,
            section.mechanism,
            "dp-sgd" if rules.require_dp else None,
            "training had no differential privacy: nothing bounds what one person changes",
        )
        return
    yield finding(
        "release.rules.require_dp", True, section.mechanism, "dp-sgd", "the mechanism that ran"
    )
    limit = policy.privacy.target_epsilon if rules.max_epsilon is None else rules.max_epsilon
    spent = section.spent_epsilon
    yield at_most(
        "release.rules.max_epsilon",
        # No step that touches people costs nothing: zero or less was never measured.
        spent if spent is not None and spent > 0.0 else None,
        limit,
        "epsilon spent by this run",
    )
    yield at_most(
        "privacy.target_delta",
        section.target_delta,
        policy.privacy.target_delta or 1.0 / max(1, section.n_units),
        "probability left outside epsilon; one person's share when the policy names none",
    )
    yield from _mechanism(section, policy)


def _mechanism(section: PrivacySection, policy: Policy) -> Iterator[Finding]:
    asked = policy.data.unit if policy.privacy.unit == "person" else None
    yield finding(
        "privacy.unit",
        section.unit == (asked or "record"),
        section.unit,
        asked or "record",
        "whose presence epsilon hides; a record's epsilon is not a person's",
    )
    yield finding(
        "privacy.neighboring_relation",
        section.neighboring_relation == policy.privacy.neighboring_relation,
        section.neighboring_relation,
        policy.privacy.neighboring_relation,
        "between which data sets epsilon holds",
    )
    yield finding(
        "privacy.sampling",
        section.sampling == "poisson" and 0.0 < section.sample_rate <= 1.0,
        section.sampling,
        "poisson",
        "how batches were drawn; the accountant assumes it",
    )
    yield finding(
        "privacy.noise",
        section.noise_multiplier > 0.0 and section.noise_source.startswith(SECURE_NOISE),
        section.noise_source,
        f"{SECURE_NOISE}...",
        "where noise and sampling came from; a fixed seed is never released",
    )
    agree = section.accountants
    yield finding(
        "privacy.accountants",
        agree is not None and agree.agree,
        None if agree is None else agree.agree,
        True,
        "independent accountants agree on epsilon",
    )
    test = section.self_test
    failed = "" if test is None else ", ".join(c.name for c in test.checks if not c.passed)
    yield finding(
        "privacy.self_test",
        test is not None and test.passed and bool(test.checks) and not failed,
        None if test is None else test.passed,
        True,
        f"the DP self-test failed: {failed}" if failed else "the DP self-test before training",
    )
    ledger = section.ledger
    yield at_most(
        "privacy.lifetime_epsilon",
        None if ledger is None else ledger.total_epsilon,
        policy.privacy.lifetime_epsilon,
        "epsilon spent over these people by all runs",
    )


def utility(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    """Judge the adapter's use against the base model's."""
    yield from absent("utility", evidence.utility)
    section = evidence.utility
    if section is None or not policy.release.rules.require_better_than_base:
        return
    rule = "release.rules.require_better_than_base"
    names = ["loss", *(f"{part.task}.loss" for part in policy.training.parts)]
    for name in names:
        loss = section.metrics.get(name)
        if loss is None or loss.base is None or loss.adapter is None:
            yield missing(rule)
            return
        if not loss.adapter < loss.base or name == names[-1]:
            what = "loss" if name == "loss" else f"loss of {name.removesuffix('.loss')}"
            yield finding(
                rule,
                loss.adapter < loss.base,
                loss.adapter,
                loss.base,
                f"{what} on the test side, per learned token or class: adapter against base model",
            )
            return


def environment(evidence: Evidence, policy: Policy) -> Iterator[Finding]:
    """Refuse without a description of training and machine."""
    yield from absent("training", evidence.training)
    if evidence.training is not None:
        task = evidence.training.task
        yield finding(
            "training.task",
            task == policy.training.task,
            task,
            policy.training.task,
            "what was learned; which attacks apply follows from it",
        )
    yield from absent("environment", evidence.environment)
