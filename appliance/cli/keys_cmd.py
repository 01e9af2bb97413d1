"""`appliance keys`: what opens this workspace, replaced, added, burned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from appliance.cli.apart_cmd import set_apart
from appliance.cli.console import emit, table
from appliance.cli.new_way import PROFILES, NewWay, new_way_options, public_slot
from appliance.cli.options import Unlocking, home_options, json_option
from appliance.cli.ways_cmd import add_slot, make_device_key, make_file, remove_slot
from appliance.errors import UsageError

if TYPE_CHECKING:
    from appliance.crypto.slots import Profile
    from appliance.workspace import Destroyed


@click.group()
def keys() -> None:
    """Show, replace, add or burn the workspace's keys."""


@keys.command()
@home_options
@json_option
def status(*, unlocking: Unlocking, as_json: bool) -> None:
    """Show the slots that open the workspace, and the release key. Never a secret."""
    from appliance.workspace import profile_of
    from appliance.workspace.layout import modes_too_wide
    from appliance.workspace.resealing import unfinished

    secrets = [p for p in (unlocking.passphrase_file, unlocking.key_file) if p is not None]

    with unlocking.open(exclusive=False) as home:
        slots = [public_slot(slot) for slot in home.slots]
        release = {"id": home.signing_key().key_id, "public_key": str(home.public_key_path)}
        found: dict[str, Any] = {
            "slots": slots,
            "opened_by": home.slot.slot_id,
            "root_key": home.root_key_id,
            "profile": profile_of(home),
            "resealing_unfinished": unfinished(home.log),
            "release_key": release,
            "findings": [*home.findings(), *modes_too_wide(*secrets)],
        }
    header = ("slot", "label", "kind", "derived by", "made")
    rows = [tuple(str(s[n]) for n in ("id", "label", "kind", "kdf", "created")) for s in slots]
    lines = [
        table(rows, header),
        "",
        f"opened by   {found['opened_by']}",
        f"root key    {found['root_key']}",
        f"release key {release['id']}",
        f"public half {release['public_key']}",
        *found["findings"],
    ]
    if found["resealing_unfinished"]:
        lines.append("a full re-encryption was interrupted: appliance keys rotate --full, again")
    emit(found, as_json=as_json, text="\n".join(lines))


@keys.command()
@click.option("--full", is_flag=True, help="Also seal all data anew, under new data keys.")
@click.option("--label", help="Your name for the new slot; absent: that of the old one.")
@click.option("--profile", type=PROFILES, help="How to derive from a passphrase; absent: as made.")
@new_way_options
@home_options
@json_option
def rotate(
    *,
    full: bool,
    label: str | None,
    profile: Profile | None,
    new: NewWay,
    unlocking: Unlocking,
    as_json: bool,
) -> None:
    """Replace the root key and wrap every data key anew, whatever is sealed.

    The way in is the new one given, or the present one again; every other slot is closed and has
    to be added again, since only its owner has its secret.
    """
    from appliance.workspace import reseal_all
    from appliance.workspace import rotate as replace_root

    present = unlocking.unlock().asked()
    with unlocking.open(exclusive=True, secret=present) as home:
        secret = new.unlock() if new.given else present.for_slot(home.slot.uri)
        name = home.slot.label if label is None else label
        opened_by = home.slot.slot_id
        old = replace_root(home, secret, label=name, profile=profile)
        closed = [public_slot(slot) for slot in old if slot.slot_id != opened_by]
        resealed = reseal_all(home) if full else None
        (slot,) = home.slots
    lines = [f"slot {slot.slot_id} opens the workspace; the old root key opens nothing in it"]
    if resealed is not None:
        lines.append(
            f"{resealed.files} files in {resealed.vaults} vaults were sealed anew "
            f"({resealed.plain_bytes:,} bytes); their old data keys are burned"
        )
    lines += [f"closed: slot {s['id']} {s['label']} ({s['kind']})" for s in closed]
    if closed:
        lines.append("next: appliance keys add-slot, once for each that shall open it again")
    lines.append(
        "a backup from before still opens with the old secret: destroy it"
        if full
        else "keys in a backup from before open today's data with the old secret: destroy them, "
        "or rotate with --full"
    )
    result = {
        "slot": public_slot(slot),
        "closed_slots": closed,
        "resealed": None
        if resealed is None
        else {
            "vaults": resealed.vaults,
            "files": resealed.files,
            "bytes": resealed.plain_bytes,
        },
    }
    emit(result, as_json=as_json, text="\n".join(lines))


@keys.command()
@click.option("--confirm", help="The workspace folder's name, instead of typing it.")
@home_options
@json_option
def destroy(*, confirm: str | None, unlocking: Unlocking, as_json: bool) -> None:
    """Burn every key: nothing sealed in the workspace opens again, by anyone.

    Says how the attempt to open it afterwards was refused, signs that, and lists what else would
    have to be destroyed. The log, released adapters and reports stay.
    """
    from appliance.workspace import destroy as burn
    from appliance.workspace import finish_destroying

    name = unlocking.path.absolute().name
    click.echo(f"{unlocking.path}: all sealed records, runs and keys will be lost", err=True)
    typed = confirm or click.prompt(f"Type the folder's name ({name}) to go on", err=True)
    if typed != name:
        raise UsageError("confirmation", "is not the folder's name", hint=f"--confirm {name}")
    report = finish_destroying(unlocking.path)
    if report is None:
        with unlocking.open(exclusive=True) as home:
            report = burn(home)
    emit(_as_object(report), as_json=as_json, text=_as_text(report))


def _as_object(report: Destroyed) -> dict[str, Any]:
    return {
        "vaults": report.vaults,
        "attempts": dict(report.attempts),
        "sealed_files_left": report.sealed_files_left,
        "receipt": None if report.receipt is None else str(report.receipt),
        "also_destroy": list(report.also_destroy),
    }


def _as_text(report: Destroyed) -> str:
    lines = [f"the keys of {report.vaults} vaults are burned; tried with the root key:"]
    lines += [f"  {scope}: {attempt}" for scope, attempt in report.attempts.items()]
    lines += [f"{report.sealed_files_left} sealed files left"]
    lines += [f"receipt {report.receipt}" if report.receipt else "no receipt: the key was gone"]
    lines += ["also destroy:", *(f"  - {what}" for what in report.also_destroy)]
    return "\n".join(lines)


for _command in (add_slot, remove_slot, make_file, make_device_key, set_apart):
    keys.add_command(_command)
