"""The log and the vaults vouch for each other: who is older than the other knows, was put back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from appliance.crypto.signing import VerifyingKey
from appliance.crypto.slots import Opened
from appliance.errors import IntegrityError
from appliance.log import AuditLog
from appliance.vault import Vault, VaultHead
from appliance.workspace.layout import APART_KEY, RECEIPT_FILE, read_pem

HOME_SCOPE = "home"
#: The release key's private half, in the workspace's vault.
SIGNING_KEY = "signing/release.pem"
#: The release key that lies apart: {"public": PEM, "placed": whether its file must be there,
#: "before": the PEM that may still be in its place, or None}.
APART_RECORD = "people/release-key.json"
#: What the workspace's vault knows of the log.
LOG_HEAD = "custody/log-head.json"
#: Purpose of the key under which events carry their MACs.
LOG_PURPOSE = "log"

_RUN_SCOPE = "run/"
_HINT_BACKUP = "restore the workspace from a backup"


def run_scope(run_id: str) -> str:
    """Return the scope of a run's vault."""
    return _RUN_SCOPE + run_id


def run_of(scope: str) -> str | None:
    """Return the run whose vault has this scope, if it is a run's."""
    return scope.removeprefix(_RUN_SCOPE) if scope.startswith(_RUN_SCOPE) else None


def open_vault(folder: Path, scope: str, opened: Opened, *, writable: bool) -> Vault:
    """Open a vault by the root key, or by the previous one while that is being replaced.

    Raises:
        IntegrityError: the vault was altered, or neither key wrapped its keys.
    """
    try:
        return Vault.open(folder, scope=scope, root=opened.root, writable=writable)
    except IntegrityError:
        if opened.previous is None:
            raise
        return Vault.open(folder, scope=scope, root=opened.previous, writable=writable)


def check_head(vault: Vault, heads: Mapping[str, VaultHead]) -> None:
    """Compare a vault with the head the log keeps of it.

    Raises:
        IntegrityError: the vault is older than the log says, or another one.
    """
    known = heads.get(vault.scope)
    head = vault.head
    if known is None or head.epoch > known.epoch:
        return
    if head.epoch < known.epoch or head.digest != known.digest:
        raise IntegrityError(
            str(vault.path / "index.sealed"),
            f"put back to an older state: change {head.epoch}, the log knows {known.epoch}",
            hint=_HINT_BACKUP,
        )


def check_public_keys(folder: Path, vault: Vault, release: VerifyingKey) -> None:
    """Compare the public keys that verifiers are given with what the vault knows.

    Raises:
        IntegrityError: one is altered, missing or added, or a receipt tells of a destruction that
            never was.
    """
    allowed: set[bytes | None] = {None}
    if vault.exists(APART_RECORD):
        record = vault.read_json(APART_RECORD)
        allowed = {record["public"].encode()}
        if not record.get("placed", True):  # interrupted: `keys set-apart`, again, ends it
            before = record["before"]
            allowed.add(None if before is None else before.encode())
    apart = folder / APART_KEY
    found = read_pem(apart) if apart.exists() else None
    if found not in allowed:
        what = "missing" if found is None else "not this workspace's release key"
        raise IntegrityError(str(apart), what, hint=_HINT_BACKUP)
    own = folder / "release.pub.pem"
    if release.pem() != read_pem(own):
        raise IntegrityError(str(own), "not this workspace's public key", hint=_HINT_BACKUP)
    receipt = folder / RECEIPT_FILE
    if receipt.exists():
        raise IntegrityError(
            str(receipt), "added: this workspace was never destroyed", hint="remove it"
        )


def check_log(log: AuditLog, vault: Vault) -> None:
    """Compare the log with what the vault knows of it; what came since must be our own.

    Raises:
        IntegrityError: the log was put back, is another one, or holds a forged event.
    """
    known: int | None = 0
    if vault.exists(LOG_HEAD):
        anchor = vault.read_json(LOG_HEAD)
        log.check_continues(
            anchor["size"],
            anchor["root"],
            signed=anchor["signed"],
            notes=tuple(anchor.get("notes", (0, ""))),  # absent in older workspaces
        )
        # Before events carried MACs: what is there is believed once more, and keyed from now on.
        known = anchor["size"] if anchor.get("keyed") else None
    log.believe(vault.keyed(LOG_PURPOSE), known=known)


def logged_heads(log: AuditLog, *, first: int) -> dict[str, VaultHead]:
    """Return the vaults' heads as the first events of the log know them."""
    return {
        scope: VaultHead(epoch=event["fields"]["epoch"], digest=event["fields"]["digest"])
        for scope, event in log.latest("vault.head", "scope", first=first).items()
    }


def destroyed_scopes(log: AuditLog) -> set[str]:
    """Return the scopes of vaults that were destroyed on purpose."""
    return set(log.latest("vault.destroying", "scope"))


def check_slots(path: Path, opened: Opened, log: AuditLog) -> bool:
    """Compare the slot file with what the log says of it.

    A change is logged before it is made ("keys.changing") and after ("keys.changed"): between the
    two, after a crash, the file may be either.

    Returns:
        Whether a change was interrupted and the log has yet to say how it ended.

    Raises:
        IntegrityError: the slot file was put back to an older state.
    """
    changed = log.latest("keys.changed", "file").get(path.name)
    changing = log.latest("keys.changing", "file").get(path.name)
    if changed is None or opened.digest == changed["fields"].get("digest"):
        return False
    under_way = changing is not None and changing["seq"] > changed["seq"]
    if under_way and changing is not None and opened.digest == changing["fields"].get("digest"):
        return True
    raise IntegrityError(
        str(path), "put back to an older state than the log knows", hint=_HINT_BACKUP
    )
