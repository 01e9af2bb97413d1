"""How a workspace comes to be: made whole in a folder beside, then given its name."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from appliance.crypto.canonical import digest_file
from appliance.crypto.keys import RootKey
from appliance.crypto.signing import SigningKey
from appliance.crypto.slots import Profile, create_slots
from appliance.crypto.unlock import Unlock
from appliance.files import TEMPORARY, make_private_folder, write_atomic
from appliance.log import AuditLog
from appliance.vault import Vault
from appliance.workspace.anchors import HOME_SCOPE, LOG_PURPOSE, SIGNING_KEY
from appliance.workspace.layout import FOLDERS, move_into_place, require_vacant


def found(path: Path, unlock: Unlock, *, profile: Profile, label: str) -> None:
    """Make a workspace.

    Args:
        path: a folder that does not exist, or is empty.
        unlock: the first way in, asked for.
        profile: "fips" derives from passphrases by PBKDF2.
        label: the operator's name for the first way in.

    Raises:
        UsageError: there is something at `path`.
        MachineError: it cannot be written.

    Guarantees:
        After a crash there is either no workspace at `path` or a complete one.
    """
    require_vacant(path)
    staging = path.absolute().with_name(f"{TEMPORARY}home-{secrets.token_hex(8)}")
    make_private_folder(staging)
    try:
        root, signing = RootKey.generate(), SigningKey.generate()
        for folder in FOLDERS:
            make_private_folder(staging / folder)
        slots = staging / "keys" / "slots.json"
        create_slots(slots, root, unlock, profile=profile, label=label)
        write_atomic(staging / "keys" / "release.pub.pem", signing.public.pem())
        vault = Vault.create(staging / "vault", scope=HOME_SCOPE, root=root)
        vault.write_bytes(SIGNING_KEY, signing.pem())
        mac_key = vault.keyed(LOG_PURPOSE)
        log = AuditLog(staging / "log", key=signing.public, mac_key=mac_key)
        log.append("workspace.created", release_key=signing.key_id, profile=profile)
        log.append("keys.changed", file=slots.name, digest=digest_file(slots))
        log.checkpoint(signing)
        move_into_place(staging, path)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
