"""`appliance ledger`: privacy spent."""

from __future__ import annotations

import click

from appliance.cli.console import emit, table
from appliance.cli.options import Unlocking, home_options, json_option


@click.command()
@click.argument("what", type=click.Choice(["show"]), default="show", metavar="[show]")
@home_options
@json_option
def ledger(*, what: str, unlocking: Unlocking, as_json: bool) -> None:  # noqa: ARG001  the only one
    """Show the privacy spent, every run, trial and refused run included."""
    _show(unlocking, as_json=as_json)


def _show(unlocking: Unlocking, *, as_json: bool) -> None:
    from appliance.finetune.spent import compose
    from appliance.ledger import Ledger

    with unlocking.open(exclusive=False) as home:
        book = Ledger(home.vault, compose)
        rows = [
            {
                "run": e.run,
                "state": e.state,
                "epsilon": book.epsilon_of(e),
                "delta": e.delta,
                "units": e.n_units,
                "policy": e.policy,
                "started": e.started,
            }
            for e in book.entries()
        ]
        head = book.head()
    cells = [
        (
            str(r["run"]),
            str(r["state"]),
            "unbounded" if r["epsilon"] is None else f"{r['epsilon']:.3f}",
            f"{r['delta']:.2e}",
            str(r["units"]),
            str(r["policy"]),
        )
        for r in rows
    ]
    text = table(cells, ("run", "state", "epsilon", "delta", "units", "policy"))
    emit(
        {"entries": rows, "head": head},
        as_json=as_json,
        text=text if rows else "nothing has been spent",
    )
