"""One screen at the end of a run: verdict, epsilon, what was found, use, leaks, where it lies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from appliance.evidence import Report
    from appliance.pipeline import Outcome


def as_object(outcome: Outcome) -> dict[str, Any]:
    """Return a run's result as JSON."""
    report = outcome.report
    return {
        "run": report.run.id,
        "verdict": report.verdict,
        "outcome": report.outcome,
        "waiting": outcome.waiting,
        "release": None if outcome.bundle is None else str(outcome.bundle),
        "report": str(outcome.report_dir / "report.html"),
        "reasons": [f.model_dump(mode="json") for f in outcome.decision.reasons],
        "spent_epsilon": None if report.privacy is None else report.privacy.spent_epsilon,
    }


def summary(outcome: Outcome, key: Path) -> str:
    """Return the one-screen summary for people.

    Args:
        outcome: what a run came to.
        key: the public key that its release verifies by.
    """
    report = outcome.report
    verdict: str = "waits for people" if outcome.waiting else report.verdict
    if report.outcome == "inconclusive":
        verdict = "inconclusive, not released"
    lines = [f"{verdict.upper()}: run {report.run.id} under {report.run.policy.name}"]
    lines += [
        f"  {'not judged:' if f.outcome == 'inconclusive' else 'refused by'} {f.rule}: "
        f"measured {_show(f.measured)}, threshold {_show(f.threshold)} ({f.detail})"
        for f in outcome.decision.reasons
    ]
    lines += ["", *_facts(report), ""]
    lines.append(f"  report    {outcome.report_dir / 'report.html'}")
    if outcome.bundle is not None:
        lines.append(f"  release   {outcome.bundle}")
        lines.append(f"  check it  appliance verify {outcome.bundle} --key {key}")
    elif outcome.waiting:
        lines.append(f"  asked     {outcome.report_dir / 'request.json'}")
        lines.append(f"  next      appliance approve {report.run.id} --role ROLE --signer FILE")
        lines.append(f"            appliance release {report.run.id} --approval FILE")
    return "\n".join(lines)


def _facts(report: Report) -> list[str]:
    lines: list[str] = []
    data, redacted = report.data, report.deidentification
    if data is not None:
        lines.append(
            f"  data      {data.records_used} records of {data.units} people used; "
            f"{data.records_quarantined} quarantined, {data.duplicates_removed} copies removed"
        )
    if redacted is not None:
        most = sorted(redacted.entities.items(), key=lambda e: -e[1])[:6]
        found = ", ".join(f"{n} {t}" for t, n in most) or "nothing found"
        lines.append(f"  removed   {sum(redacted.entities.values())} pieces: {found}")
    privacy = report.privacy
    if privacy is not None and privacy.spent_epsilon is not None:
        lines.append(
            f"  privacy   epsilon {privacy.spent_epsilon:.3f} of {privacy.target_epsilon:g} at "
            f"delta {privacy.target_delta:.2e} per {privacy.unit}; {privacy.steps} steps, noise "
            f"{privacy.noise_multiplier:.3f}"
        )
        if privacy.ledger is not None:
            lines.append(
                f"  ledger    {privacy.ledger.total_epsilon:.3f} of "
                f"{privacy.ledger.lifetime_epsilon:g} spent over these people's lifetime"
            )
    elif privacy is not None:
        lines.append(f"  privacy   no finite epsilon: {privacy.reasons.get('spent_epsilon', '')}")
    return lines + _measured(report)


def _measured(report: Report) -> list[str]:
    lines: list[str] = []
    loss = None if report.utility is None else report.utility.metrics.get("loss")
    if loss is not None and loss.base is not None and loss.adapter is not None:
        lines.append(
            f"  use       loss per token {loss.base:.3f} -> {loss.adapter:.3f} on unseen people"
        )
    audit = report.audit
    if audit is not None and audit.membership is not None:
        low, high = audit.membership.auc_interval
        control = audit.positive_control
        lines.append(
            f"  audit     canary AUC {audit.membership.auc:.3f} [{low:.3f}, {high:.3f}], "
            f"lower bound {_show(audit.empirical_epsilon)}, "
            f"{0 if audit.extraction is None else audit.extraction.extracted_greedy} extracted"
            + ("" if control is None else f"; control AUC {control.auc:.3f}")
        )
    return lines


def _show(value: float | str | bool | None) -> str:
    if value is None:
        return "missing"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
