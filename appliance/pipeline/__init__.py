"""The hallway: the order of the stages, on one page."""

from __future__ import annotations

from appliance.corpus import Corpus
from appliance.errors import BudgetError
from appliance.evidence import (
    AuditSection,
    DataSection,
    DeidentificationSection,
    Evidence,
    UtilitySection,
)
from appliance.ingest.stage import ingest
from appliance.pipeline import attack, prepare
from appliance.pipeline.closing import Locks, Outcome, close, end_over_budget, environment
from appliance.pipeline.course import continued_files
from appliance.pipeline.tuning import TuningReceipt, Workbench, tune
from appliance.run import Run
from appliance.steward.measured import deidentify
from appliance.subjects import register

__all__ = ["Outcome", "execute"]


def execute(run: Run, *, locks: Locks) -> Outcome:
    """Take a run from its raw file to a released adapter, or refuse it.

    Args:
        run: new or resumed; finished stages are reused from their receipts.
        locks: the process locks in force, for the report.
    """
    policy, vault = run.policy.policy, run.vault
    continued_files(run)  # What training goes on from is checked before anything is read.
    people = run.home.vault.keyed("units")  # one key per workspace: the ledger follows people
    data = run.stage(
        "ingest",
        DataSection,
        lambda: ingest(
            run.source,
            policy=policy.data,
            vault=vault,
            progress=run.progress,
            unit_key=people,
            erased=register.erased(run.home.vault),
        ),
    )
    corpus = Corpus(vault, "ingest/corpus.arrow")
    if not register.recorded(run.home.vault, run.id):
        register.record(
            run.home.vault,
            run.id,
            source=run.source.name,
            units=(unit for _, unit in corpus.units()),
        )
    redacted = run.stage(
        "redact",
        DeidentificationSection,
        lambda: deidentify(
            corpus,
            home=run.home,
            policy=policy,
            vault=vault,
            person_key=vault.keyed("persons"),
            progress=run.progress,
        ),
    )
    sides = run.stage("split", prepare.SplitReceipt, lambda: prepare.split_people(run))
    run.stage("examples", prepare.ExamplesReceipt, lambda: prepare.encode_sides(run))
    run.stage("canaries", prepare.CanariesReceipt, lambda: prepare.plant_canaries(run))
    bench = Workbench(run)
    run.stage("base_scores", attack.BaseReceipt, lambda: attack.score_before(run, bench))
    try:
        tuned = run.stage("finetune", TuningReceipt, lambda: tune(run, bench))
    except BudgetError:
        end_over_budget(run)
        raise
    utility = leakage = None
    if tuned.training is not None:
        utility = run.stage("evaluate", UtilitySection, lambda: attack.measure_use(run, bench))
        leakage = run.stage(
            "audit", AuditSection, lambda: attack.find_leaks(run, bench, tuned.privacy)
        )
    evidence = Evidence(
        run=run.identity(finished=None),
        data=data.model_copy(update={"splits": sides.records, "split_units": sides.units}),
        deidentification=redacted,
        privacy=tuned.privacy,
        training=tuned.training,
        utility=utility,
        audit=leakage,
        environment=environment(locks, None),
    )
    return close(run, evidence)
