"""`appliance init`: make a workspace."""

from __future__ import annotations

import click

from appliance.cli.console import emit
from appliance.cli.options import Unlocking, home_options, json_option


@click.command()
@home_options
@json_option
def init(*, unlocking: Unlocking, as_json: bool) -> None:
    """Make a workspace with its root key and signing key."""
    from appliance.workspace import Home

    home = Home.init(unlocking.path, unlocking.unlock(new=True))
    public = home.public_key_path
    home.close()
    emit(
        {"home": str(unlocking.path), "public_key": str(public)},
        as_json=as_json,
        text=f"workspace {unlocking.path} is ready\npublic key {public}\n"
        f"next: appliance models add demo --home {unlocking.path}",
    )
