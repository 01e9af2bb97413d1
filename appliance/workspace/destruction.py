"""Crypto-erase of a whole workspace: burn every key, prove that nothing opens, say what is left.

Steps:
 1. the intention is logged and signed: from here on `keys destroy` goes on without a passphrase
 2. the slots are overwritten, read back, removed
 3. each vault's key file is overwritten, read back, removed
 4. with the root key still in memory each vault is tried: that it opens would be a failure
 5. the sealed files are removed
 6. a receipt is signed with the release key, which dies with this process
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.crypto.canonical import canonical_json
from appliance.crypto.keys import RootKey
from appliance.crypto.signing import SigningKey, VerifyingKey, dsse_sign, dsse_verify
from appliance.errors import IntegrityError, MachineError
from appliance.files import overwrite_and_remove, read_regular, write_atomic
from appliance.log import AuditLog
from appliance.log.fields import login_uid
from appliance.vault import Vault, burn_keys, destroy_vault
from appliance.workspace.anchors import HOME_SCOPE, run_scope
from appliance.workspace.layout import RECEIPT_FILE, read_pem, run_folders

if TYPE_CHECKING:
    from appliance.workspace.home import Home

FORMAT = "appliance-destroyed/1"
PAYLOAD_TYPE = "application/vnd.appliance.destroyed+json"
_BEGUN = "workspace.destroying"
_MAX_BYTES = 16 * 1024 * 1024

#: Copies that would open the data, wherever they are.
ALSO_DESTROY = (
    "backups and snapshots that hold keys/slots.json together with a vault's keys.json",
    "the passphrase, key files and device keys of every slot, if such a backup may exist",
    "exported de-identified copies and the raw input, which were never in the workspace",
    "released adapters and reports: they are public by intent and stay valid",
    "on flash storage and copying file systems: the medium's old blocks",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destroyed:
    """What burning the keys did, and what it cannot reach.

    Attributes:
        vaults: how many vaults' keys were overwritten and removed.
        attempts: each vault's scope -> how the attempt to open it with the root key ended.
        sealed_files_left: sealed files still on disk; they have no keys any more.
        receipt: the signed statement of it; None when an interrupted destruction was finished,
            since the signing key was gone by then.
        also_destroy: copies that would open the data, wherever they are.
    """

    vaults: int
    attempts: Mapping[str, str]
    sealed_files_left: int
    receipt: Path | None
    also_destroy: tuple[str, ...] = ALSO_DESTROY


def destroy(home: Home) -> Destroyed:
    """Burn every key of the workspace: nothing sealed in it opens again, by anyone.

    Raises:
        MachineError: it cannot be written, or something still opens; calling it again goes on.

    Guarantees:
        The slot file and every vault's key file are overwritten before they are removed, and the
        root key was seen to open no vault any more. The audit log and the public key stay.
    """
    home.require_exclusive()
    vaults = _vaults(home.path)
    home.log.append(_BEGUN, vaults=len(vaults))
    for scope in vaults:
        home.log.append("vault.destroying", scope=scope)
    home.log.checkpoint(home._signing)
    overwrite_and_remove(home.path / "keys" / "slots.json")
    attempts = {}
    for scope, folder in vaults.items():
        attempts[scope] = burn(folder, scope, home._root)
        home.log.append("vault.destroyed", scope=scope, attempt=attempts[scope])
    for folder in vaults.values():
        destroy_vault(folder)
    receipt = _sign_receipt(home.path, attempts, home.log, home._signing)
    home.forget()
    return Destroyed(
        vaults=len(vaults),
        attempts=attempts,
        sealed_files_left=_sealed_files(home.path),
        receipt=receipt,
    )


def finish_destroying(path: Path) -> Destroyed | None:
    """Finish a destruction that was interrupted; it needs no key, since it only burns them.

    Returns:
        None when the log tells of no such destruction, or nobody signed that.

    Raises:
        IntegrityError: the signed part of the log was altered.
    """
    if not (path / "keys").is_dir() or (path / "keys" / RECEIPT_FILE).exists():
        return None
    public = VerifyingKey.from_pem(read_pem(path / "keys" / "release.pub.pem"))
    log = AuditLog(path / "log", key=public)
    signed = log.check_signed()
    if not any(event["event"] == _BEGUN for event in islice(log.events(), signed)):
        return None
    slots = path / "keys" / "slots.json"
    if slots.exists():
        overwrite_and_remove(slots)
    vaults = _vaults(path)
    for scope, folder in vaults.items():
        destroy_vault(folder)
        log.append("vault.destroyed", scope=scope)
    log.append("workspace.destroyed", vaults=len(vaults), receipt=False)
    attempts = dict.fromkeys(vaults, "its keys and files are gone")
    left = _sealed_files(path)
    return Destroyed(vaults=len(vaults), attempts=attempts, sealed_files_left=left, receipt=None)


def refuse_destroyed(path: Path) -> None:
    """Say that a workspace was destroyed on purpose, where it was.

    Raises:
        IntegrityError: its keys were burned; the receipt is signed by its release key.
    """
    receipt = path / "keys" / RECEIPT_FILE
    if (path / "keys" / "slots.json").exists() or not receipt.exists():
        return
    public = VerifyingKey.from_pem(read_pem(path / "keys" / "release.pub.pem"))
    when = read_receipt(receipt, public)["when"]
    raise IntegrityError(
        str(path),
        f"its keys were destroyed on {when}: nothing sealed in it opens again",
        hint=f"appliance log verify --home {path} --public-key {path}/keys/release.pub.pem",
    )


def read_receipt(path: Path, key: VerifyingKey) -> dict[str, Any]:
    """Return what a receipt says, its signature first.

    Raises:
        IntegrityError: not signed by `key`, or not a receipt.
    """
    try:
        envelope = json.loads(read_regular(path, limit_bytes=_MAX_BYTES))
        payload = dsse_verify(envelope, [key], payload_type=PAYLOAD_TYPE, where=str(path))
        body = json.loads(payload)
        if body["format"] != FORMAT or not isinstance(body["when"], str):
            raise ValueError("format")
    except (ValueError, KeyError, TypeError, RecursionError):
        raise IntegrityError(
            str(path), "not a receipt of a destruction", hint="appliance log verify"
        ) from None
    return dict(body)


def burn(folder: Path, scope: str, root: RootKey) -> str:
    """Burn a vault's keys, then try to open it with the very root key that opened it before.

    Returns:
        How the attempt ended.

    Raises:
        MachineError: it cannot be written, or the vault still opens.
    """
    burn_keys(folder)
    try:
        Vault.open(folder, scope=scope, root=root, writable=False).close()
    except IntegrityError as e:
        return f"refused: {e.what}"
    raise MachineError(
        str(folder),
        "still opens after its keys were burned",
        hint="appliance keys destroy, or runs purge, again",
    )


def _sign_receipt(
    path: Path, attempts: Mapping[str, str], log: AuditLog, signing: SigningKey
) -> Path:
    """Write the signed statement of what was destroyed."""
    log.append("workspace.destroyed", vaults=len(attempts), receipt=True)
    note = log.checkpoint(signing).note
    body = {
        "format": FORMAT,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "login_uid": login_uid(),
        "release_key": signing.key_id,
        "attempts": dict(attempts),
        "also_destroy": list(ALSO_DESTROY),
        "log_checkpoint": base64.b64encode(note.encode()).decode(),
    }
    receipt = path / "keys" / RECEIPT_FILE
    envelope = dsse_sign(canonical_json(body), PAYLOAD_TYPE, [signing])
    write_atomic(receipt, canonical_json(envelope) + b"\n")
    return receipt


def _vaults(path: Path) -> dict[str, Path]:
    """Return the folders of the workspace's vaults by scope, its own last."""
    found = {run_scope(run.name): run / "vault" for run in run_folders(path)}
    return {
        scope: folder
        for scope, folder in (*found.items(), (HOME_SCOPE, path / "vault"))
        if folder.is_dir()
    }


def _sealed_files(path: Path) -> int:
    """Count the sealed files below a folder."""
    return sum(1 for _ in path.rglob("*.sealed"))
