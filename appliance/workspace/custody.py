"""Changing the ways in: slots added and removed, the root key replaced.

Rules:
- Each needs the workspace opened exclusively, and is in the log.
- Rotation is (1) new slots that also hold the previous root key, wrapped by the new one, (2) every
  vault's key file wrapped anew, (3) the previous key forgotten. Opening exclusively finishes 2, 3.
- What a slot needs of a secret's owner cannot be had without them: a new root key closes the
  other slots, which are added again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.crypto.canonical import digest_bytes
from appliance.crypto.keys import RootKey
from appliance.crypto.slots import MAX_SLOTS, Profile, Slot, encode_slots, make_slot
from appliance.crypto.unlock import Unlock
from appliance.errors import UsageError
from appliance.files import write_atomic
from appliance.workspace.layout import run_folders

if TYPE_CHECKING:
    from appliance.workspace.home import Home


def profile_of(home: Home) -> Profile:
    """Return how the workspace derives keys from passphrases, as chosen when it was made."""
    made = home.log.latest("workspace.created", "profile")
    return "fips" if "fips" in made else "default"


def add_slot(
    home: Home, unlock: Unlock, *, label: str = "", profile: Profile | None = None
) -> Slot:
    """Add a way in, e.g. a recovery key file kept in a safe.

    Args:
        home: the workspace, opened exclusively.
        unlock: the new way.
        label: the operator's name for it.
        profile: how to derive from a passphrase; None: as the workspace does.

    Raises:
        UsageError: nothing to unlock with, or there are as many slots as there may be.
        MachineError: it cannot be written.
    """
    home.require_exclusive()
    if len(home.slots) >= MAX_SLOTS:
        raise UsageError(
            str(home.path), f"has {MAX_SLOTS} slots, the most", hint="appliance keys remove-slot"
        )
    slot = make_slot(home._root, unlock, profile=profile or profile_of(home), label=label)
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


def rotate(
    home: Home, unlock: Unlock, *, label: str = "", profile: Profile | None = None
) -> tuple[Slot, ...]:
    """Replace the root key and wrap every data key anew; the sealed data stays as it is.

    Args:
        home: the workspace, opened exclusively.
        unlock: the one way into the workspace from now on; add others afterwards.
        label: the operator's name for it.
        profile: how to derive from a passphrase; None: as the workspace does.

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
    slot = make_slot(root, unlock, profile=profile or profile_of(home), label=label)
    _store(home, root, (slot,), previous=old)
    home.slot = slot
    finish_rotation(home)
    home.log.append("keys.rotated", slot_id=slot.slot_id, closed_slots=len(before))
    return before


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
    for folder in run_folders(home.path):
        home.run_vault(folder.name)
    for vault in (home.vault, *home._runs.values()):
        vault.rewrap(home._root)
    _store(home, home._root, home.slots)
