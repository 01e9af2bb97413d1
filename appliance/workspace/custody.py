"""Changing the ways in: slots added and removed, the root key replaced, all keys burned.

Rules:
- Each needs the workspace opened exclusively, and is in the log.
- Rotation is (1) new slots that also hold the previous root key, wrapped by the new one, (2) every
  vault's key file wrapped anew, (3) the previous key forgotten. Opening exclusively finishes 2, 3.
- Burning overwrites key files before removing them, and says what it cannot reach.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.crypto.canonical import digest_bytes
from appliance.crypto.keys import RootKey
from appliance.crypto.slots import Profile, Slot, encode_slots, make_slot
from appliance.crypto.unlock import Unlock
from appliance.errors import UsageError
from appliance.files import overwrite_and_remove, write_atomic
from appliance.vault import destroy_vault
from appliance.workspace.anchors import run_scope

if TYPE_CHECKING:
    from appliance.workspace.home import Home


@dataclass(frozen=True, slots=True, kw_only=True)
class Destroyed:
    """What burning the keys did, and what it cannot reach.

    Attributes:
        vaults: how many vaults' keys were overwritten and removed.
        sealed_files_left: sealed files still on disk; they have no keys any more.
        also_destroy: copies that would open the data, wherever they are.
    """

    vaults: int
    sealed_files_left: int
    also_destroy: tuple[str, ...] = (
        "backups and snapshots that hold keys/slots.json together with a vault's keys.json",
        "the passphrase, key files and device keys of every slot, if such a backup may exist",
        "exported de-identified copies and the raw input, which were never in the workspace",
        "released adapters and reports: they are public by intent and stay valid",
        "on flash storage and copying file systems: the medium's old blocks",
    )


def add_slot(home: Home, unlock: Unlock, *, label: str = "", profile: Profile = "default") -> Slot:
    """Add a way in, e.g. a recovery key file kept in a safe.

    Raises:
        UsageError: nothing to unlock with.
        MachineError: it cannot be written.
    """
    home.require_exclusive()
    slot = make_slot(home._root, unlock, profile=profile, label=label)
    _store(home, home._root, (*home.slots, slot))
    home.log.append("keys.slot-added", slot_id=slot.slot_id, kind=slot.kind)
    return slot


def remove_slot(home: Home, slot_id: str) -> None:
    """Take a way in away; the root key stays, so `rotate` must follow if the secret leaked.

    Raises:
        UsageError: there is no such slot, or it is the last.
    """
    home.require_exclusive()
    kept = tuple(slot for slot in home.slots if slot.slot_id != slot_id)
    if len(kept) == len(home.slots) or not kept:
        what = "is the last way in" if not kept else "is not a slot of this workspace"
        raise UsageError(f"slot {slot_id}", what, hint="appliance keys status")
    _store(home, home._root, kept)
    home.log.append("keys.slot-removed", slot_id=slot_id)


def rotate(home: Home, unlock: Unlock, *, profile: Profile = "default") -> tuple[Slot, ...]:
    """Replace the root key and wrap every data key anew; the sealed data stays as it is.

    Args:
        home: the workspace, opened exclusively.
        unlock: the one way into the workspace from now on; add others afterwards.
        profile: how to derive from a passphrase.

    Returns:
        The slots that no longer open.

    Raises:
        MachineError: it cannot be written; opening the workspace again goes on.

    Guarantees:
        The time does not depend on how much is sealed. After a crash at any point the new
        secret, or before the first write the old one, opens everything.
    """
    home.require_exclusive()
    before, old = home.slots, home._root
    root = RootKey.generate()
    slot = make_slot(root, unlock, profile=profile)
    _store(home, root, (slot,), previous=old)
    home.slot = slot
    finish_rotation(home)
    home.log.append("keys.rotated", slot_id=slot.slot_id, closed_slots=len(before))
    return before


def destroy(home: Home) -> Destroyed:
    """Burn every key of the workspace: nothing sealed in it opens again, by anyone.

    Returns:
        What was burned, the failed attempt to open it, and what else has to be destroyed.

    Guarantees:
        The slot file and every vault's key file are overwritten before they are removed. The
        audit log and the public key stay.
    """
    home.require_exclusive()
    runs = [p / "vault" for p in (home.path / "runs").iterdir() if (p / "vault").is_dir()]
    for folder in runs:
        home.log.append("vault.destroying", scope=run_scope(folder.parent.name))
    home.log.append("workspace.destroyed", runs=len(runs))
    home.log.checkpoint(home._signing)
    overwrite_and_remove(home.path / "keys" / "slots.json")
    for folder in (*runs, home.path / "vault"):
        destroy_vault(folder)
    home._closed = True
    home._wipe()
    return Destroyed(vaults=len(runs) + 1, sealed_files_left=_sealed_files(home.path))


def _store(
    home: Home, root: RootKey, slots: tuple[Slot, ...], *, previous: RootKey | None = None
) -> None:
    """Replace the slot file between two events in the log, and in the open workspace."""
    path = home.path / "keys" / "slots.json"
    data = encode_slots(root, slots, previous=previous)
    digest = digest_bytes(data)
    home.log.append("keys.changing", file=path.name, digest=digest)
    write_atomic(path, data)
    home.log.append("keys.changed", file=path.name, digest=digest)
    home._root = root
    home._opened_by = replace(
        home._opened_by, root=root, slots=slots, digest=digest, previous=previous
    )


def finish_rotation(home: Home) -> None:
    """Wrap every vault by the present root key, then forget the previous one."""
    if home._opened_by.previous is None:
        return
    for folder in (home.path / "runs").iterdir():
        if (folder / "vault").is_dir():
            home.run_vault(folder.name)
    for vault in (home.vault, *home._runs.values()):
        vault.rewrap(home._root)
    _store(home, home._root, home.slots)


def _sealed_files(path: Path) -> int:
    """Count the sealed files below a folder."""
    return sum(1 for _ in path.rglob("*.sealed"))
