"""`appliance log`: show, verify, export."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from appliance.cli.console import emit
from appliance.cli.options import PATH, Unlocking, home_options, json_option


@click.group()
def log() -> None:
    """Show, verify or export the audit log."""


@log.command()
@click.option("--last", type=click.IntRange(min=1), default=50, show_default=True)
@home_options
@json_option
def show(*, last: int, unlocking: Unlocking, as_json: bool) -> None:
    """Show the newest events."""
    from appliance.log import export_lines

    with unlocking.open(exclusive=False) as home:
        events = list(home.log.events())[-last:]
    emit({"events": events}, as_json=as_json, text="\n".join(export_lines(events, "jsonl")))


@log.command()
@click.option("--since", type=PATH, help="A signed checkpoint kept elsewhere.")
@home_options
@json_option
def verify(*, since: Path | None, unlocking: Unlocking, as_json: bool) -> None:
    """Check every line, the chain, the checkpoints, and an older checkpoint if given."""
    from appliance.files import machine_errors

    note = None
    if since is not None:
        with machine_errors(str(since)):
            note = since.read_text(encoding="utf-8", errors="replace")
    with unlocking.open(exclusive=False) as home:
        report = home.log.verify(since=note)
    emit(
        {"events": report.events, "checkpoints": report.checkpoints, "root": report.root},
        as_json=as_json,
        text=f"{report.events} events and {report.checkpoints} checkpoints are as written\n"
        f"root {report.root}",
    )


@log.command()
@click.option("--format", "form", type=click.Choice(["jsonl", "syslog", "cef"]), default="jsonl")
@home_options
@json_option
def export(*, form: str, unlocking: Unlocking, as_json: bool) -> None:
    """Write all events to stdout in another system's format."""
    from appliance.log.export import ExportFormat, export_lines

    with unlocking.open(exclusive=False) as home:
        lines = list(export_lines(home.log.events(), cast(ExportFormat, form)))
    emit({"format": form, "lines": lines}, as_json=as_json, text="\n".join(lines))
