"""`appliance audit` and `appliance evaluate`: measure a run's adapter again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from appliance.cli.console import emit, progress, table
from appliance.cli.locking import lock_process
from appliance.cli.options import Unlocking, home_options, json_option
from appliance.errors import EXIT_DONE, EXIT_REFUSED, UsageError

if TYPE_CHECKING:
    from appliance.evidence import AuditSection, UtilitySection
    from appliance.pipeline.again import Again
    from appliance.run import Run
    from appliance.workspace import Home


@click.command()
@click.argument("run_id", metavar="RUN")
@home_options
@json_option
@click.pass_context
def audit(ctx: click.Context, run_id: str, *, unlocking: Unlocking, as_json: bool) -> None:
    """Attack the adapter of RUN again, and hold the result against its policy.

    The run's report and decision stay as they are. Exit 0: the rules about the audit hold.
    Exit 10: one does not.
    """
    ctx.exit(_again(run_id, "audit", unlocking, as_json=as_json))


@click.command()
@click.argument("run_id", metavar="RUN")
@home_options
@json_option
@click.pass_context
def evaluate(ctx: click.Context, run_id: str, *, unlocking: Unlocking, as_json: bool) -> None:
    """Measure the use of RUN's adapter again, and hold the result against its policy.

    The run's report and decision stay as they are. Exit 0: the rules about use hold. Exit 10:
    one does not.
    """
    ctx.exit(_again(run_id, "evaluate", unlocking, as_json=as_json))


def _again(
    run_id: str, stage: Literal["audit", "evaluate"], unlocking: Unlocking, *, as_json: bool
) -> int:
    with unlocking.open(exclusive=True) as home:
        run = _attach(home, run_id)
        run.progress = progress(quiet=as_json)
        lock_process(run.policy.policy, home=home, run=run_id)
        from appliance.pipeline.again import repeat

        result = repeat(run, stage)
    held = all(f.passed for f in result.findings)
    emit(
        {
            "run": run_id,
            "stage": stage,
            "held": held,
            "findings": [f.model_dump(mode="json") for f in result.findings],
            "measured": result.section.model_dump(mode="json"),
        },
        as_json=as_json,
        text=_text(run, stage, result, held=held),
    )
    return EXIT_DONE if held else EXIT_REFUSED


def _attach(home: Home, run_id: str) -> Run:
    """Open a run, ended or not, whose sealed data are still there."""
    from appliance.run import Run, run_ids

    where = f"run {run_id}"
    if run_id not in run_ids(home):
        raise UsageError(where, "there is no such run", hint="appliance runs list")
    if not (home.path / "runs" / run_id).is_dir():
        raise UsageError(
            where,
            "its sealed data were destroyed after the decision (the policy's "
            "data.retention.destroy_after_decision): there is nothing to measure",
            hint=f"appliance report {run_id} report.html",
        )
    return Run.attach(home, run_id)


def _text(run: Run, stage: str, result: Again, *, held: bool) -> str:
    rows = [
        (
            f.rule,
            f.outcome if f.passed else f.outcome.upper(),
            _show(f.measured),
            _show(f.threshold),
        )
        for f in result.findings
    ]
    then = "" if result.earlier is None else f"; the run itself: {_headline(result.earlier)}"
    return "\n".join(
        [
            f"{stage} of run {run.id} repeated: {_headline(result.section)}{then}",
            "",
            table(rows, ("rule", "outcome", "measured", "limit")),
            "",
            "every rule about it holds" if held else "a rule about it does not hold",
        ]
    )


def _headline(section: AuditSection | UtilitySection) -> str:
    """Return the one figure that two measurements are compared by."""
    attack = getattr(section, "membership", None)
    if attack is not None:
        low, high = attack.auc_interval
        return f"canary AUC {attack.auc:.3f} [{low:.3f}, {high:.3f}]"
    loss = getattr(section, "metrics", {}).get("loss")
    if loss is not None and loss.base is not None and loss.adapter is not None:
        return f"loss {loss.base:.3f} -> {loss.adapter:.3f}"
    return "no headline figure"


def _show(value: float | str | bool | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
