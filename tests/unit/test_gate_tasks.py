"""The gate and the task: what a classifier cannot do is no missing evidence, and nothing more."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.evidence import Evidence, Metric
from appliance.gate import decide
from appliance.policy import Policy, policy_digest
from tests.unit.test_gate import GOOD, POLICY, changed

TEXT_RULES = {
    "release.rules.min_secrets_planted",
    "release.rules.max_extracted",
    "release.rules.max_regurgitated",
}


def policy_of(task: str, **training: object) -> Policy:
    fields = {"task": task, **training}
    return POLICY.model_copy(update={"training": POLICY.training.model_copy(update=fields)})


def refused(evidence: Evidence, policy: Policy) -> set[str]:
    evidence = changed(evidence, "run.policy.digest", policy_digest(policy))
    return {f.rule for f in decide(evidence, policy).reasons}


def silent(task: str = "classification") -> Evidence:
    """Evidence of a run that could not be attacked by its text."""
    found: Any = changed(GOOD, "training.task", task)
    found = changed(found, "audit.extraction", None)
    found = changed(found, "audit.regurgitation", None)
    secret = GOOD.audit.canaries.families["secret"]  # type: ignore[union-attr]
    none = secret.model_copy(update={"planted": 0, "held_out": 0})
    return changed(found, "audit.canaries.families.secret", none)  # type: ignore[no-any-return]


def test_a_classifier_needs_no_extraction() -> None:
    policy = policy_of("classification")
    assert refused(silent(), policy) == set()
    rules = {f.rule: f.detail for f in decide(silent(), policy).findings}
    assert all("writes no text" in rules[rule] for rule in TEXT_RULES)


@pytest.mark.parametrize("task", ["causal-lm", "seq2seq", "self-supervised"])
def test_a_model_that_writes_needs_it(task: str) -> None:
    assert refused(silent(task), policy_of(task)) >= TEXT_RULES


def test_evidence_cannot_call_itself_a_classifier() -> None:
    found = refused(silent("classification"), policy_of("causal-lm"))
    assert found >= TEXT_RULES
    assert "training.task" in found


def test_a_classifiers_policy_does_not_excuse_another_task() -> None:
    assert "training.task" in refused(silent("causal-lm"), policy_of("classification"))


def test_a_classifier_that_says_a_secret_is_still_judged() -> None:
    policy = policy_of("classification")
    leaky = changed(
        changed(GOOD, "training.task", "classification"), "audit.extraction.extracted_greedy", 9
    )
    assert "release.rules.max_extracted" in refused(leaky, policy)
    spoken = changed(silent(), "audit.regurgitation", GOOD.audit.regurgitation)  # type: ignore[union-attr]
    spoken = changed(spoken, "audit.regurgitation.matches", 99)
    assert "release.rules.max_regurgitated" in refused(spoken, policy)


def test_membership_is_never_excused() -> None:
    policy = policy_of("classification")
    for name in ("membership", "record_membership"):
        assert refused(changed(silent(), f"audit.{name}", None), policy)


def test_each_part_of_a_mix_must_be_better_than_the_base() -> None:
    parts = ({"task": "causal-lm"}, {"task": "classification"})
    policy = POLICY.model_copy(
        update={
            "training": type(POLICY.training)(
                task="multi-task", parts=parts, classes={"labels": ("a", "b")}
            )
        }
    )
    rule = "release.rules.require_better_than_base"
    mixed = changed(GOOD, "training.task", "multi-task")
    better, worse = Metric(base=2.0, adapter=1.0), Metric(base=1.0, adapter=2.0)
    assert rule in refused(mixed, policy)  # No part was measured.
    mixed = measured(mixed, {"causal-lm.loss": better, "classification.loss": better})
    assert rule not in refused(mixed, policy)
    assert rule in refused(measured(mixed, {"causal-lm.loss": worse}), policy)


def measured(evidence: Any, metrics: dict[str, Metric]) -> Evidence:
    """The evidence with more measures of use."""
    metrics = {**evidence.utility.metrics, **metrics}
    return changed(evidence, "utility.metrics", metrics)  # type: ignore[no-any-return]
