"""Repeat the evaluation or the attacks on a run's adapter: the run itself stays as it is.

Canaries, coins, attacked people and random choices are those fixed before training, so that a
repetition measures the same as the run did; only the positive control is trained anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.errors import UsageError
from appliance.evidence import AuditSection, Evidence, Finding, Section, UtilitySection
from appliance.gate import Part, about
from appliance.pipeline import attack
from appliance.pipeline.tuning import TuningReceipt, Workbench
from appliance.run import Run

Stage = Literal["evaluate", "audit"]
S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A repeated stage.

    Attributes:
        section: what was measured now.
        earlier: what the run measured; None where it had not come so far.
        findings: the gate's rules about this section, held against it.
    """

    section: AuditSection | UtilitySection
    earlier: AuditSection | UtilitySection | None
    findings: tuple[Finding, ...]


def repeat(run: Run, stage: Stage) -> Again:
    """Measure a run's adapter again.

    Args:
        run: attached to; unfinished, or ended with its sealed data kept.
        stage: "evaluate" (use) or "audit" (leaks).

    Guarantees:
        No receipt, sealed byte, report or decision of the run changes; the repetition is logged
        with the digest of what it measured.

    Raises:
        UsageError: there is no adapter (yet), or its sealed data are not whole.
        IntegrityError: a sealed byte of the run was altered.
    """
    run.vault.verify()
    tuned = _earlier(run, "finetune", TuningReceipt)
    if tuned is None:
        raise UsageError(
            f"run {run.id}",
            "has no trained adapter yet",
            hint=f"appliance train --resume {run.id}",
        )
    if tuned.training is None:
        raise UsageError(
            f"run {run.id}",
            "was refused before training: there is no adapter",
            hint=f"appliance report {run.id} report.html",
        )
    if _gone(run):
        raise UsageError(
            f"run {run.id}",
            "part of its sealed data is gone (a person was erased from it): what was fixed before "
            "training cannot be repeated",
            hint=f"appliance report {run.id} report.html",
        )
    bench = Workbench(run)
    evidence = Evidence(run=run.identity(finished=None), privacy=tuned.privacy)
    earlier: AuditSection | UtilitySection | None
    section: AuditSection | UtilitySection
    if stage == "audit":
        section = attack.find_leaks(run, bench, tuned.privacy)
        earlier = _earlier(run, "audit", AuditSection)
    else:
        section = attack.measure_use(run, bench)
        earlier = _earlier(run, "evaluate", UtilitySection)
    part: Part = "audit" if stage == "audit" else "utility"
    findings = about(part, evidence.model_copy(update={part: section}), run.policy.policy)
    measured: dict[str, Any] = section.model_dump(mode="json")
    run.home.log.append(
        f"{stage}.repeated",
        run=run.id,
        digest=digest_bytes(canonical_json(measured)),
        reasons=[f.rule for f in findings if not f.passed],
    )
    return Again(section=section, earlier=earlier, findings=findings)


def _gone(run: Run) -> bool:
    """Say whether a sealed input of the attacks is no longer there."""
    receipts = [run.manifest.find(stage) for stage in ("examples", "canaries", "base_scores")]
    names = [name for receipt in receipts if receipt for name in receipt["outputs"]]
    return None in receipts or not all(run.vault.exists(name) for name in names)


def _earlier(run: Run, stage: str, section: type[S]) -> S | None:
    receipt = run.manifest.find(stage)
    if receipt is None:
        return None
    return section.model_validate_json(canonical_json(receipt["section"]))
