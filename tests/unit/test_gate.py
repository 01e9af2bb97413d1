"""The gate: missing, impossible and foreign evidence refuses; only a whole case is approved."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import appliance
from appliance.evidence import Evidence, Section
from appliance.gate import Approval, Decision, decide
from appliance.policy import Policy, policy_digest
from tests.unit.report import sample_report

POLICY = sample_report.policy().policy
GOOD = sample_report.evidence()
SECTIONS = [n for n in Evidence.model_fields if n not in ("run", "people", "reasons")]


def changed(model: Any, dotted: str, value: object) -> Any:
    """A copy of a model (or a mapping or list inside it) with one value replaced, unvalidated."""
    head, _, rest = dotted.partition(".")
    if isinstance(model, BaseModel):
        below = changed(getattr(model, head), rest, value) if rest else value
        return model.model_copy(update={head: below})
    if isinstance(model, dict):
        return {**model, head: changed(model[head], rest, value) if rest else value}
    items = list(model)
    items[int(head)] = changed(items[int(head)], rest, value) if rest else value
    return type(model)(items)


def under(policy: Policy) -> Evidence:
    """The good evidence, as if measured under another policy."""
    found: Evidence = changed(GOOD, "run.policy.digest", policy_digest(policy))
    return found


def with_rules(**rules: object) -> Policy:
    merged = POLICY.release.rules.model_copy(update=rules)
    return POLICY.model_copy(
        update={"release": POLICY.release.model_copy(update={"rules": merged})}
    )


def reasons(evidence: Evidence, policy: Policy = POLICY) -> set[str]:
    decision = decide(evidence, policy)
    assert (decision.verdict == "refused") == bool(decision.reasons)
    assert (decision.approval is None) == (decision.verdict == "refused")
    return {f.rule for f in decision.reasons}


def test_whole_and_sound_evidence_is_approved() -> None:
    decision = decide(GOOD, POLICY)
    assert decision.reasons == ()
    assert decision.verdict == "released"
    assert decision.approval is not None
    assert decision.approval.run_id == GOOD.run.id


def test_the_decision_depends_on_the_arguments_alone() -> None:
    assert decide(GOOD, POLICY) == decide(GOOD.model_copy(deep=True), POLICY)


def test_the_approval_is_about_this_evidence() -> None:
    other: Evidence = changed(GOOD, "training.seconds", 1.0)
    one, two = decide(GOOD, POLICY).approval, decide(other, POLICY).approval
    assert isinstance(one, Approval)
    assert isinstance(two, Approval)
    assert one.decision_digest != two.decision_digest


@pytest.mark.parametrize("name", SECTIONS)
def test_each_missing_section_refuses_and_is_named(name: str) -> None:
    assert name in reasons(changed(GOOD, name, None))


def test_no_evidence_at_all_refuses() -> None:
    assert set(SECTIONS) <= reasons(Evidence(run=GOOD.run))


@pytest.mark.parametrize(
    ("dotted", "rule"),
    [
        ("data.split_units", "data.split"),
        ("deidentification.residual.direct_identifier_rate", "deidentify.residual_limit"),
        ("privacy.spent_epsilon", "release.rules.max_epsilon"),
        ("privacy.accountants", "privacy.accountants"),
        ("privacy.self_test", "privacy.self_test"),
        ("privacy.ledger", "privacy.lifetime_epsilon"),
        ("utility.metrics.loss.base", "release.rules.require_better_than_base"),
        ("utility.metrics.loss.adapter", "release.rules.require_better_than_base"),
        ("audit.membership", "release.rules.max_auc"),
        ("audit.membership.difference_interval", "release.rules.max_auc_difference"),
        ("audit.record_membership", "release.rules.max_record_auc"),
        ("audit.empirical_epsilon", "release.rules.max_empirical_epsilon"),
        ("audit.user_membership", "release.rules.max_record_auc"),
        ("audit.empirical_epsilon_bug", "audit.claim_holds"),
        ("audit.curve_p_value", "audit.curve_holds"),
        ("audit.regurgitation.real_values_ranked", "release.rules.min_rank_p_value"),
        ("audit.regurgitation.rank_p_value", "release.rules.min_rank_p_value"),
        ("audit.extraction", "release.rules.max_extracted"),
        ("audit.regurgitation", "release.rules.max_regurgitated"),
        ("audit.positive_control", "release.rules.require_positive_control"),
    ],
)
def test_each_missing_value_refuses_and_is_named(dotted: str, rule: str) -> None:
    assert rule in reasons(changed(GOOD, dotted, None))


def test_a_missing_extraction_probability_refuses_where_it_is_judged() -> None:
    policy = with_rules(max_log2_probability=-1.0)
    evidence = changed(under(policy), "audit.extraction.max_log2_probability", None)
    assert reasons(evidence, policy) == {"release.rules.max_log2_probability"}


def test_a_missing_recall_refuses_only_where_a_floor_is_set() -> None:
    none: Evidence = changed(GOOD, "deidentification.measured_recall", None)
    floor = POLICY.deidentify.model_copy(update={"recall_floor": 0.5})
    policy = POLICY.model_copy(update={"deidentify": floor})
    there = changed(none, "run.policy.digest", policy_digest(policy))
    assert reasons(there, policy) == {"deidentify.recall_floor"}
    free = POLICY.deidentify.model_copy(update={"recall_floor": None})
    policy = POLICY.model_copy(update={"deidentify": free})
    assert reasons(changed(none, "run.policy.digest", policy_digest(policy)), policy) == set()


@pytest.mark.parametrize("key", ["metrics", "tpr", "newtok", "secret"])
def test_an_empty_table_refuses(key: str) -> None:
    evidence: Evidence = {
        "metrics": lambda: changed(GOOD, "utility.metrics", {}),
        "tpr": lambda: changed(GOOD, "audit.membership.tpr_at_fpr", {}),
        "newtok": lambda: changed(GOOD, "audit.canaries.families", {}),
        "secret": lambda: changed(
            GOOD,
            "audit.canaries.families",
            {k: v for k, v in GOOD.audit.canaries.families.items() if k != "secret"},  # type: ignore[union-attr]
        ),
    }[key]()
    assert reasons(evidence)


def floats(value: object, name: str = "") -> Iterator[str]:
    """The dotted names of all numbers with a fraction in a section."""
    if isinstance(value, Section):
        for field in type(value).model_fields:
            yield from floats(getattr(value, field), f"{name}.{field}" if name else field)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if "." not in str(key):
                yield from floats(inner, f"{name}.{key}")
    elif isinstance(value, list | tuple) and value:
        yield from floats(value[0], f"{name}.0")
    elif isinstance(value, float):
        yield name


FLOATS = sorted(floats(GOOD))


def test_the_walk_over_the_evidence_sees_what_the_gate_judges() -> None:
    assert {
        "privacy.spent_epsilon",
        "privacy.noise_multiplier",
        "audit.membership.auc_interval.0",
        "utility.metrics.loss.adapter",
        "deidentification.residual.direct_identifier_rate",
    } <= set(FLOATS)


@pytest.mark.parametrize("dotted", FLOATS)
@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_no_figure_that_is_not_finite_is_ever_approved(dotted: str, odd: float) -> None:
    decision = decide(changed(GOOD, dotted, odd), POLICY)
    assert decision.verdict == "refused"
    for finding in decision.findings:
        for value in (finding.measured, finding.threshold):
            assert not isinstance(value, float) or math.isfinite(value)


@pytest.mark.parametrize("spent", [0.0, -1.0])
def test_an_epsilon_that_costs_nothing_is_no_evidence(spent: float) -> None:
    assert "release.rules.max_epsilon" in reasons(changed(GOOD, "privacy.spent_epsilon", spent))


@pytest.mark.parametrize(
    ("dotted", "value", "rule"),
    [
        ("run.policy.digest", "sha256:" + "0" * 64, "run.policy"),
        ("data.records_quarantined", 500, "data.quarantine_limit"),
        ("data.records_read", 0, "data.quarantine_limit"),
        ("data.split_units.test", 0, "data.split"),
        ("data.split_units.audit_holdout", 0, "data.split"),
        ("deidentification.residual.direct_identifier_rate", 0.5, "deidentify.residual_limit"),
        ("deidentification.residual.records_scanned", 0, "deidentify.residual_limit"),
        ("privacy.mechanism", "none", "release.rules.require_dp"),
        ("privacy.spent_epsilon", 99.0, "release.rules.max_epsilon"),
        ("privacy.target_delta", 0.5, "privacy.target_delta"),
        ("privacy.unit", "record", "privacy.unit"),
        ("privacy.unit", "", "privacy.unit"),
        ("privacy.neighboring_relation", "replace_one", "privacy.neighboring_relation"),
        ("privacy.sampling", "none", "privacy.sampling"),
        ("privacy.sample_rate", 0.0, "privacy.sampling"),
        ("privacy.sample_rate", 1.5, "privacy.sampling"),
        ("privacy.noise_multiplier", 0.0, "privacy.noise"),
        ("privacy.noise_source", "injected", "privacy.noise"),
        ("privacy.noise_source", "seed:7", "privacy.noise"),
        ("privacy.noise_source", "", "privacy.noise"),
        ("privacy.accountants.agree", False, "privacy.accountants"),
        ("privacy.self_test.passed", False, "privacy.self_test"),
        ("privacy.self_test.checks", [], "privacy.self_test"),
        ("privacy.self_test.checks.0.passed", False, "privacy.self_test"),
        ("privacy.ledger.total_epsilon", 1e6, "privacy.lifetime_epsilon"),
        ("utility.metrics.loss.adapter", 99.0, "release.rules.require_better_than_base"),
        ("audit.canaries.families.newtok.planted", -500, "release.rules.min_canaries"),
        ("audit.membership.n_members", -500, "release.rules.min_canaries"),
        ("audit.canaries.families.secret.planted", 0, "release.rules.min_secrets_planted"),
        ("audit.positive_control.seen", False, "release.rules.require_positive_control"),
        (
            "audit.positive_control.auc_interval",
            (0.4, 0.6),
            "release.rules.require_positive_control",
        ),
        ("audit.membership.auc_interval", (0.4, 0.99), "release.rules.max_auc"),
        ("audit.membership.difference_interval", (0.0, 0.9), "release.rules.max_auc_difference"),
        ("audit.empirical_epsilon", 5.0, "release.rules.max_empirical_epsilon"),
        ("audit.empirical_epsilon_bug", 99.0, "audit.claim_holds"),
        ("audit.record_membership.auc_interval", (0.99, 1.0), "release.rules.max_record_auc"),
        ("audit.user_membership.auc_interval", (0.99, 1.0), "release.rules.max_record_auc"),
        ("audit.curve_p_value", 0.004, "audit.curve_holds"),
        ("audit.regurgitation.rank_p_value", 0.0005, "release.rules.min_rank_p_value"),
        ("audit.extraction.extracted_greedy", 1, "release.rules.max_extracted"),
        ("audit.extraction.attempted", 0, "release.rules.max_extracted"),
        ("audit.regurgitation.matches", 99, "release.rules.max_regurgitated"),
    ],
)
def test_each_broken_rule_refuses_by_its_own_name(dotted: str, value: object, rule: str) -> None:
    assert rule in reasons(changed(GOOD, dotted, value))


def test_a_claim_below_the_limit_bounds_the_empirical_epsilon() -> None:
    evidence = changed(changed(GOOD, "privacy.spent_epsilon", 0.1), "audit.empirical_epsilon", 0.2)
    assert "release.rules.max_empirical_epsilon" in reasons(evidence)


def test_a_run_without_privacy_passes_only_a_policy_that_says_so() -> None:
    policy = with_rules(require_dp=False)
    evidence = changed(under(policy), "privacy.mechanism", "none")
    assert "release.rules.require_dp" not in reasons(evidence, policy)
    assert "release.rules.require_dp" in reasons(changed(GOOD, "privacy.mechanism", "none"))


def test_too_little_power_is_inconclusive_and_the_policy_says_what_that_means() -> None:
    for word, verdict in (("refuse", "refused"), ("pass", "released")):
        policy = with_rules(min_canaries=10**6, inconclusive=word)
        decision = decide(under(policy), policy)
        (power,) = [f for f in decision.findings if f.rule == "release.rules.min_canaries"]
        assert power.outcome == "inconclusive"
        assert decision.verdict == verdict


def test_a_run_refused_for_want_of_power_alone_is_inconclusive() -> None:
    policy = with_rules(min_canaries=10**6)
    assert decide(GOOD, POLICY).outcome == "pass"
    assert decide(under(policy), policy).outcome == "inconclusive"
    leak = changed(under(policy), "audit.extraction.extracted_greedy", 1)
    assert decide(leak, policy).outcome == "refuse"
    assert decide(Evidence(run=GOOD.run), POLICY).outcome == "refuse"


def test_nobody_but_the_gate_makes_an_approval() -> None:
    given = decide(GOOD, POLICY).approval
    assert given is not None
    with pytest.raises(TypeError, match="only the gate"):
        Approval(run_id=given.run_id, decision_digest=given.decision_digest)
    with pytest.raises(TypeError, match="only the gate"):
        replace(given, run_id="another")
    with pytest.raises(TypeError, match="only the gate"):
        Approval(run_id=given.run_id, decision_digest=given.decision_digest, mint=object())
    makers = [
        path.name
        for path in Path(appliance.__file__).parent.rglob("*.py")
        if re.search(r"\bApproval\(\w|_MINT", path.read_text())
        and path.parent.name != "gate"
        and "class Approval(Protocol)" not in path.read_text()
    ]
    assert makers == []


def test_where_a_record_is_the_unit_no_person_need_be_attacked() -> None:
    policy = POLICY.model_copy(
        update={"privacy": POLICY.privacy.model_copy(update={"unit": "record"})}
    )
    by_record = changed(under(policy), "privacy.unit", "record")
    alone = changed(by_record, "audit.user_membership", None)
    assert reasons(alone, policy) == set()
    assert reasons(changed(GOOD, "audit.user_membership", None)) != set()


def test_the_ranking_is_judged_only_where_the_policy_asks_for_it() -> None:
    none = changed(GOOD, "audit.regurgitation.real_values_ranked", 0)
    assert reasons(changed(none, "audit.regurgitation.rank_p_value", None)) == set()
    policy = POLICY.model_copy(
        update={"audit": POLICY.audit.model_copy(update={"ranked_values": 0})}
    )
    unasked = changed(under(policy), "audit.regurgitation.rank_p_value", None)
    assert reasons(unasked, policy) == set()


def test_inconclusive_pass_never_passes_missing_evidence() -> None:
    policy = with_rules(inconclusive="pass")
    for name in SECTIONS:
        assert name in reasons(changed(under(policy), name, None), policy)


@pytest.mark.parametrize("people", [1, 2])
def test_a_policy_that_asks_for_signatures_is_not_released_without_them(people: int) -> None:
    policy = POLICY.model_copy(
        update={"release": POLICY.release.model_copy(update={"approvals": people})}
    )
    assert reasons(under(policy), policy) == {"release.approvals"}


def test_a_policy_whose_name_alone_differs_is_another_policy() -> None:
    other = POLICY.model_copy(update={"version": "2"})
    assert reasons(GOOD, other) == {"run.policy"}


@settings(max_examples=150, deadline=None)
@given(
    changes=st.lists(
        st.tuples(
            st.sampled_from(FLOATS),
            st.one_of(
                st.none(),
                st.floats(allow_nan=True, allow_infinity=True),
                st.sampled_from([0.0, 0.5, 1.0, -1.0]),
            ),
        ),
        max_size=5,
    ),
    gone=st.sets(st.sampled_from(SECTIONS), max_size=2),
)
def test_nothing_is_approved_while_any_finding_fails(
    changes: list[tuple[str, float | None]], gone: set[str]
) -> None:
    evidence: Evidence = GOOD
    for dotted, value in changes:
        evidence = changed(evidence, dotted, value)
    for name in gone:
        evidence = changed(evidence, name, None)
    try:
        decision: Decision = decide(evidence, POLICY)
    except TypeError:
        return  # A None where the model allows none cannot come out of a validated section.
    assert decision.findings
    assert (decision.verdict == "released") == all(f.passed for f in decision.findings)
    assert (decision.approval is not None) == (decision.verdict == "released")
    assert not gone or decision.verdict == "refused"
