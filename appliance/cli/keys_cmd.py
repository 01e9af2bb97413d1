"""`appliance keys`: what opens this workspace and what it signs with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from appliance.cli.console import emit, table
from appliance.cli.options import Unlocking, home_options, json_option

if TYPE_CHECKING:
    from appliance.crypto.slots import Slot


@click.group()
def keys() -> None:
    """Show the workspace's keys."""


@keys.command()
@home_options
@json_option
def status(*, unlocking: Unlocking, as_json: bool) -> None:
    """Show the slots that open the workspace, and the release key. Never a secret."""
    from appliance.crypto.slots import load_slots

    with unlocking.open(exclusive=False) as home:
        slots = [_public(s) for s in load_slots(home.path / "keys" / "slots.json")]
        key_id = home.signing_key().key_id
        public = home.public_key_path
    rows = [(str(s["label"]), str(s["kind"]), str(s["kdf"]), str(s["created"])) for s in slots]
    emit(
        {"slots": slots, "release_key": {"id": key_id, "public_key": str(public)}},
        as_json=as_json,
        text=table(rows, ("slot", "kind", "derived by", "made"))
        + f"\n\nrelease key {key_id}\npublic half {public}",
    )


def _public(slot: Slot) -> dict[str, Any]:
    """Return what may be shown of a slot: never salt or wrapped key."""
    kept = slot.as_json()
    return {
        "id": kept["id"],
        "label": kept["label"],
        "kind": kept["kind"],
        "created": kept["created"],
        "kdf": ", ".join(f"{k} {v}" if k != "name" else str(v) for k, v in kept["kdf"].items()),
    }
