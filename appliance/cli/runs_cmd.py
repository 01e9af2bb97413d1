"""`appliance runs`: list, show, purge."""

from __future__ import annotations

import click

from appliance.cli.console import emit, table
from appliance.cli.options import Unlocking, home_options, json_option
from appliance.errors import UsageError


@click.group()
def runs() -> None:
    """List, show or purge runs."""


@runs.command(name="list")
@home_options
@json_option
def list_(*, unlocking: Unlocking, as_json: bool) -> None:
    """List the workspace's runs."""
    from appliance.run import run_ids, status

    with unlocking.open(exclusive=False) as home:
        rows = [status(home, run_id) for run_id in run_ids(home)]
    cells = [(r.id, r.verdict or "unfinished", ", ".join(r.stages)) for r in rows]
    emit(
        {"runs": [{"id": r.id, "verdict": r.verdict, "stages": list(r.stages)} for r in rows]},
        as_json=as_json,
        text=table(cells, ("run", "verdict", "stages done")) if rows else "no runs yet",
    )


@runs.command()
@click.argument("run_id", metavar="RUN")
@home_options
@json_option
def show(run_id: str, *, unlocking: Unlocking, as_json: bool) -> None:
    """Show how far one run is and where its report lies."""
    from appliance.run import run_ids, status

    with unlocking.open(exclusive=False) as home:
        if run_id not in run_ids(home):
            raise UsageError(f"run {run_id}", "there is no such run", hint="appliance runs list")
        row = status(home, run_id)
        report = home.path / "reports" / run_id / "report.html"
        bundle = home.path / "releases" / run_id
    found = {
        "id": row.id,
        "verdict": row.verdict,
        "stages": list(row.stages),
        "report": str(report) if report.is_file() else None,
        "release": str(bundle) if bundle.is_dir() else None,
    }
    next_step = "" if row.verdict else f"\nnext: appliance train --resume {run_id}"
    if row.verdict == "waiting":
        next_step = f"\nnext: appliance approve {run_id}, then appliance release {run_id}"
    emit(
        {"run": found},
        as_json=as_json,
        text="\n".join(f"{k}: {v}" for k, v in found.items()) + next_step,
    )


@runs.command()
@click.argument("run_id", metavar="RUN")
@click.option("--confirm", help="The run's id again, instead of typing it.")
@home_options
@json_option
def purge(run_id: str, *, confirm: str | None, unlocking: Unlocking, as_json: bool) -> None:
    """Crypto-erase a run's sealed data. Its line in the ledger, its report and release stay.

    A run that waits for people is given up: its adapter goes too.
    """
    from appliance.run import finish, run_ids, status

    with unlocking.open(exclusive=True) as home:
        waiting = run_id in run_ids(home) and status(home, run_id).verdict == "waiting"
        sealed = (home.path / "runs" / run_id).is_dir()
        if run_id not in run_ids(home) or not (sealed or waiting):
            raise UsageError(f"run {run_id}", "holds no sealed data", hint="appliance runs list")
        click.echo(
            f"run {run_id}: its sealed records, checkpoints and adapter will be lost", err=True
        )
        typed = confirm or click.prompt("Type the run's id to go on", err=True)
        if typed != run_id:
            raise UsageError("confirmation", "is not the run's id", hint="appliance runs list")
        if waiting:
            from appliance.settlement.releasing import give_up

            give_up(home, run_id)
        elif status(home, run_id).verdict is None:
            finish(home, run_id, "purged")
        if sealed:
            home.purge_run(run_id)
    emit({"purged": run_id}, as_json=as_json, text=f"run {run_id} is gone")
