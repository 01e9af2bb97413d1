"""`appliance keys add-slot|remove-slot|make-file|make-device-key`: the ways into a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.console import emit
from appliance.cli.new_way import PROFILES, NewWay, device_unlock, new_way_options, public_slot
from appliance.cli.options import PATH, Unlocking, home_options, json_option

if TYPE_CHECKING:
    from appliance.crypto.slots import Profile


@click.command(name="add-slot")
@click.option("--label", default="", help="Your name for it, e.g. 'safe, second floor'.")
@click.option("--profile", type=PROFILES, help="How to derive from a passphrase; absent: as made.")
@new_way_options
@home_options
@json_option
def add_slot(
    *, label: str, profile: Profile | None, new: NewWay, unlocking: Unlocking, as_json: bool
) -> None:
    """Add a way into the workspace, e.g. a recovery key file kept in a safe."""
    from appliance.workspace import add_slot as add

    with unlocking.open(exclusive=True) as home:
        slot = add(home, new.unlock(), label=label, profile=profile)
    emit(
        {"slot": public_slot(slot)},
        as_json=as_json,
        text=f"slot {slot.slot_id} opens the workspace too ({slot.kind})",
    )


@click.command(name="remove-slot")
@click.argument("slot_id", metavar="SLOT")
@home_options
@json_option
def remove_slot(slot_id: str, *, unlocking: Unlocking, as_json: bool) -> None:
    """Take a way in away. If its secret leaked, `keys rotate` must follow."""
    from appliance.workspace import remove_slot as remove

    with unlocking.open(exclusive=True) as home:
        remove(home, slot_id)
        left = [public_slot(slot) for slot in home.slots]
    emit(
        {"removed": slot_id, "slots": left},
        as_json=as_json,
        text=f"slot {slot_id} is gone; {len(left)} left\n"
        "a copy of keys/slots.json from before still opens with it: appliance keys rotate",
    )


@click.command(name="make-file")
@click.argument("out", type=PATH)
@json_option
def make_file(out: Path, *, as_json: bool) -> None:
    """Write a new key file: 32 random bytes that only you may read."""
    from appliance.crypto.keys import make_key_file

    make_key_file(out)
    emit({"key_file": str(out)}, as_json=as_json, text=f"{out}: keep it apart from the workspace")


@click.command(name="make-device-key")
@click.argument("uri")
@home_options
@json_option
def make_device_key(uri: str, *, unlocking: Unlocking, as_json: bool) -> None:
    """Make an AES-256 key on a PKCS#11 device that cannot leave it. Needs no workspace."""
    unlock = device_unlock(uri, unlocking, option="--pkcs11-module")
    from appliance.crypto.token import DeviceKey

    if isinstance(unlock.token, DeviceKey):
        unlock.token.create()
    emit({"device_key": uri}, as_json=as_json, text=f"{uri}: made, sensitive, not extractable")
