"""`appliance doctor`: this machine, and what it can promise."""

from __future__ import annotations

import click

from appliance.cli.console import emit, table
from appliance.cli.options import json_option


@click.command()
@click.option("--dp", is_flag=True, help="Also run the DP self-test (seconds).")
@json_option
@click.pass_context
def doctor(ctx: click.Context, *, dp: bool, as_json: bool) -> None:
    """Examine locks, swap, core dumps, disk, processors, packages; with --dp the DP self-test.

    Exit 4 when something a run needs is missing.
    """
    from appliance.doctor import examine

    rows = examine(dp=dp)
    cells = [({True: "ok", False: "FAIL", None: "note"}[r.ok], r.name, r.found) for r in rows]
    failed = [r for r in rows if r.ok is False]
    text = table(cells, ("", "what", "found"))
    if failed:
        text += "\n" + "\n".join(f"hint: {r.hint}" for r in failed if r.hint)
    emit(
        {"checks": [{"name": r.name, "ok": r.ok, "found": r.found, "hint": r.hint} for r in rows]},
        as_json=as_json,
        text=text,
    )
    ctx.exit(4 if failed else 0)
