"""The end of a run: decide, report, release or refuse, and burn what is no longer needed."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from appliance.evidence import EnvironmentSection, Evidence, Report
from appliance.files import make_private_folder, write_atomic
from appliance.gate import Decision, decide
from appliance.ledger import State
from appliance.pipeline.tuning import adapter_files, ledger_of
from appliance.release.bundle import release
from appliance.report.html import render_html
from appliance.report.json import build_report, report_bytes
from appliance.report.limits import not_tested
from appliance.run import Run, finish

#: Packages whose versions the report names: those that touch data, privacy or the model.
PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "opacus",
    "dp-accounting",
    "presidio-analyzer",
    "spacy",
    "cryptography",
    "pyarrow",
    "numpy",
    "scipy",
    "rensa",
    "safetensors",
    "tokenizers",
)
Locks = dict[str, str | bool | int | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run came to.

    Attributes:
        decision: the gate's answer.
        report: the evidence with the answer.
        report_dir: where report.html and report.json lie.
        bundle: the release; None when the gate refused.
    """

    decision: Decision
    report: Report
    report_dir: Path
    bundle: Path | None


def environment(locks: Locks, checkpoint: str | None) -> EnvironmentSection:
    """Describe the machine and the software that did the run."""
    return EnvironmentSection(
        locks=locks,
        packages={name: metadata.version(name) for name in PACKAGES},
        hardware={
            "machine": platform.machine(),
            "system": f"{platform.system()} {platform.release()}",
            "python": platform.python_version(),
            "cpus": os.cpu_count() or 0,
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        },
        log_checkpoint=checkpoint,
    )


def close(run: Run, evidence: Evidence) -> Outcome:
    """Decide, render, release or refuse; then crypto-erase the run's data if the policy says so.

    A crash in here leaves the run unfinished: `--resume` decides again on the same receipts.
    """
    evidence = evidence.model_copy(update={"run": run.identity(finished=run.clock())})
    decision = decide(evidence, run.policy.policy)
    report = build_report(evidence, decision.findings, decision.verdict, [], not_tested(evidence))
    run.home.log.append(
        "run.decided",
        outcome=decision.verdict,
        run=run.id,
        reasons=[f.rule for f in decision.reasons],
    )
    checkpoint = run.home.log.checkpoint(run.home.signing_key()).note
    bundle = run.home.path / "releases" / run.id
    if decision.approval is None:
        bundle_made = None
    else:
        shutil.rmtree(bundle, ignore_errors=True)  # of a crash between release and verdict
        with run.progress.task("sign the release", None):
            artifacts = release(
                decision.approval,
                report=report,
                adapter_files=adapter_files(run.vault),
                policy=run.policy,
                signing_key=run.home.signing_key(),
                log_checkpoint=checkpoint,
                out=bundle,
            )
        report = report.model_copy(update={"artifacts": artifacts})
        bundle_made = bundle
        run.home.log.append("run.released", run=run.id, files=len(artifacts))
    report_dir = _write_report(run, report, bundle_made)
    _settle(run, decision)
    finish(run.home, run.id, decision.verdict)
    _retain(run)
    return Outcome(decision=decision, report=report, report_dir=report_dir, bundle=bundle_made)


def _write_report(run: Run, report: Report, bundle: Path | None) -> Path:
    """Put the report where the officer looks; a released one is the signed copy, byte for byte."""
    folder = run.home.path / "reports" / run.id
    make_private_folder(folder)
    if bundle is not None:
        for name in ("report.html", "report.json"):
            write_atomic(folder / name, (bundle / "compliance" / name).read_bytes())
        return folder
    knobs = run.policy.policy.report
    page = render_html(report, language=knobs.language, organisation=knobs.organisation)
    write_atomic(folder / "report.html", page.encode())
    write_atomic(folder / "report.json", report_bytes(report))
    return folder


def _settle(run: Run, decision: Decision) -> None:
    ledger = ledger_of(run)
    state: State = decision.verdict
    if any(e.run == run.id for e in ledger.entries()):
        ledger.settle(run.id, state)
        run.home.log.append("ledger.settled", run=run.id, head=ledger.head())


def _retain(run: Run) -> None:
    if run.policy.policy.data.retention.destroy_after_decision:
        run.home.purge_run(run.id)
