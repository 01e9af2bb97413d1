"""The one screen at the end of a run."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from appliance.cli.summary import as_object, summary
from appliance.gate import decide
from appliance.policy import Policy, policy_digest
from appliance.report.json import build_report
from tests.unit.report import sample_report


def ended(policy: Policy, **changes: Any) -> Any:
    """What a run came to, by the real gate."""
    run = sample_report.run_section()
    identity = run.policy.model_copy(update={"digest": policy_digest(policy)})
    found = sample_report.evidence(run=run.model_copy(update={"policy": identity}), **changes)
    decision = decide(found, policy)
    return SimpleNamespace(
        report=build_report(found, decision.findings, decision.verdict, [], []),
        decision=decision,
        waiting=False,
        bundle=None,
        report_dir=Path("reports/r"),
    )


def asking(canaries: int) -> Policy:
    policy = sample_report.policy().policy
    rules = policy.release.rules.model_copy(update={"min_canaries": canaries})
    release = policy.release.model_copy(update={"rules": rules})
    return policy.model_copy(update={"release": release})


def test_a_run_without_power_is_called_inconclusive_and_says_what_was_not_judged() -> None:
    outcome = ended(asking(10**6))
    said = summary(outcome, Path("key.pem"))
    assert said.startswith("INCONCLUSIVE, NOT RELEASED: run ")
    assert "  not judged: release.rules.min_canaries: measured 200" in said
    assert as_object(outcome)["outcome"] == "inconclusive"


def test_a_leak_is_called_a_refusal_whatever_the_power() -> None:
    leak = sample_report.audit_section(shift=2.1)
    outcome = ended(asking(10**6), audit=leak)
    said = summary(outcome, Path("key.pem"))
    assert said.startswith("REFUSED: run ")
    assert "  refused by release.rules.max_auc: measured 0.97, threshold 0.65" in said
    assert as_object(outcome)["outcome"] == "refuse"
