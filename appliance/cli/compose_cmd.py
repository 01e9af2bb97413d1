"""`appliance compose`: several released adapters as one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.console import emit, table
from appliance.cli.options import PATH, Unlocking, home_options, json_option

if TYPE_CHECKING:
    from appliance.pipeline.composing import How


@click.command()
@click.argument("runs", metavar="RUN RUN...", nargs=-1, required=True)
@click.argument("out", type=PATH)
@click.option(
    "--how",
    type=click.Choice(["weighted", "stacked", "routed"]),
    required=True,
    help="Add weighted changes; add all of them; or lay the adapters side by side, by task.",
)
@click.option("--weights", default="", help="With weighted: one number for each run, with commas.")
@home_options
@json_option
def compose(
    runs: tuple[str, ...],
    out: Path,
    *,
    how: How,
    weights: str,
    unlocking: Unlocking,
    as_json: bool,
) -> None:
    """Compose released adapters, and say what people in several of them have spent.

    Epsilons add up over shared people; over disjoint people the largest counts.
    """
    from appliance.errors import UsageError
    from appliance.pipeline.composing import compose as composed

    try:
        numbers = [float(part) for part in weights.split(",") if part.strip()]
    except ValueError:
        raise UsageError(
            "appliance compose --weights",
            "expected numbers with commas between them",
            hint="appliance compose --help",
        ) from None
    with unlocking.open(exclusive=True) as home:
        found = composed(home, runs, how=how, weights=numbers, out=out)
    cells = [
        {
            "runs": list(cell.runs),
            "people": cell.people,
            "epsilon": cell.epsilon,
            "epsilon_sum": cell.epsilon_sum,
            "delta": cell.delta,
        }
        for cell in found.cells
    ]
    rows = [
        (", ".join(c.runs), str(c.people), f"{c.epsilon:.3f}", f"{c.epsilon_sum:.3f}")
        for c in found.cells
    ]
    emit(
        {
            "folder": str(out),
            "how": how,
            "epsilon": found.epsilon,
            "epsilon_sum": found.epsilon_sum,
            "cells": cells,
        },
        as_json=as_json,
        text=table(rows, ("people in", "people", "epsilon", "plain sum"))
        + f"\nepsilon {found.epsilon:.3f} for the person in most of them: {out}",
    )
