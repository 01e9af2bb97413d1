"""The end of a run: decide, report, release or refuse, and burn what is no longer needed."""

from __future__ import annotations

import os
import platform
from importlib import metadata

from appliance.evidence import EnvironmentSection, Evidence
from appliance.gate import decide, waits_for_people
from appliance.pipeline.tuning import adapter_files
from appliance.run import Run, finish
from appliance.settlement.candidates import Candidate, accounts_of
from appliance.settlement.releasing import Outcome, hold_back, key_section, publish, settle

__all__ = ["Locks", "Outcome", "close", "end_over_budget", "environment"]

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
    """Decide, render, release, refuse or wait; then crypto-erase the run's data if so told.

    A run that only people's signatures keep from its release is sealed and waits; its data is
    burned all the same. A crash in here leaves the run unfinished: `--resume` decides again on the
    same receipts.
    """
    people = key_section(run.home, run.clock)
    identity = run.identity(finished=run.clock())
    evidence = evidence.model_copy(update={"run": identity, "people": people})
    evidence = _anchored(run, evidence)
    decision = decide(evidence, run.policy.policy)
    adapter = adapter_files(run.vault)
    outcome = publish(run.home, evidence, decision, run.policy, adapter, progress=run.progress)
    if decision.approval is None and waits_for_people(decision, run.policy.policy):
        candidate = Candidate(
            run_id=run.id,
            evidence=evidence,
            policy=run.policy,
            adapter=adapter,
            accounts=accounts_of(run.home, run.id),
        )
        outcome = hold_back(run.home, candidate, outcome)
    else:
        settle(run.home, run.id, decision.verdict)
    finish(run.home, run.id, "waiting" if outcome.waiting else decision.verdict)
    _retain(run)
    return outcome


def end_over_budget(run: Run) -> None:
    """End a run the people's lifetime budget has no room for; burn its data if so told.

    It took no step: there is nothing to attack and nothing to report. What is spent never comes
    back, so `--resume` could not go on either.
    """
    finish(run.home, run.id, "over budget")
    run.home.log.append("run.over-budget", run=run.id)
    _retain(run)


def _anchored(run: Run, evidence: Evidence) -> Evidence:
    """Put the audit log's signed checkpoint into the evidence: the report carries it out."""
    machine = evidence.environment
    if machine is None:
        return evidence
    note = run.home.log.checkpoint(run.home.signing_key()).note
    anchored = machine.model_copy(update={"log_checkpoint": note})
    return evidence.model_copy(update={"environment": anchored})


def _retain(run: Run) -> None:
    if run.policy.policy.data.retention.destroy_after_decision:
        run.home.purge_run(run.id)
