"""`appliance init`: make a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from appliance.cli.console import emit
from appliance.cli.new_way import DEVICE_HELP, PROFILES, device_unlock
from appliance.cli.options import Unlocking, home_options, json_option

if TYPE_CHECKING:
    from appliance.crypto.slots import Profile


@click.command()
@click.option("--device-key", metavar="URI", help=DEVICE_HELP)
@click.option(
    "--profile",
    type=PROFILES,
    default="default",
    show_default=True,
    help="fips: passphrases by PBKDF2 instead of Argon2id.",
)
@click.option("--label", default="", help="Your name for the first way in.")
@home_options
@json_option
def init(
    *, device_key: str | None, profile: Profile, label: str, unlocking: Unlocking, as_json: bool
) -> None:
    """Make a workspace with its root key and signing key."""
    from appliance.workspace import Home

    unlock = (
        unlocking.unlock(new=True)
        if device_key is None
        else device_unlock(device_key, unlocking, option="--pkcs11-module")
    )
    home = Home.init(unlocking.path, unlock, profile=profile, label=label)
    public = home.public_key_path
    home.close()
    emit(
        {"home": str(unlocking.path), "public_key": str(public)},
        as_json=as_json,
        text=f"workspace {unlocking.path} is ready\npublic key {public}\n"
        f"next: appliance models add demo --home {unlocking.path}",
    )
