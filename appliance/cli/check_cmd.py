"""`appliance check`: the whole workspace, byte by byte."""

from __future__ import annotations

import click

from appliance.cli.console import emit
from appliance.cli.options import Unlocking, home_options, json_option


@click.command()
@home_options
@json_option
def check(*, unlocking: Unlocking, as_json: bool) -> None:
    """Open every sealed byte and compare every file of the workspace with what is known of it.

    Exit 6 names the first file that was altered, removed, added, swapped or put back.
    """
    with unlocking.open(exclusive=False) as home:
        found = home.verify()
    counts = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in found.items())
    emit(found, as_json=as_json, text=f"as written: {counts}")
