"""A release key that lies apart from the workspace: on a device, or in its holder's own file.

    HOME/keys/release-apart.pub.pem    its public half, for verifiers

The workspace's own key goes on signing the audit log; a release then names that key, under the
signature of the key apart. Which key lies apart is in the audit log, sealed by its checkpoints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.crypto.signing import VerifyingKey
from appliance.errors import IntegrityError
from appliance.files import write_atomic
from appliance.workspace.anchors import APART_RECORD
from appliance.workspace.layout import APART_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.workspace import Home

_HINT = "restore the workspace from a backup"


def set_apart(home: Home, public: VerifyingKey) -> Path:
    """Let releases of this workspace be signed by a key that lies elsewhere.

    Returns:
        Where its public half lies.

    Raises:
        MachineError: it cannot be written.
    """
    home.require_exclusive()
    path = home.path / "keys" / APART_KEY
    pem = public.pem().decode()
    before = path.read_text(encoding="ascii") if path.exists() else None
    # Announced, placed, recorded: opening the workspace compares, and a crash may come between.
    home.vault.write_json(APART_RECORD, {"public": pem, "placed": False, "before": before})
    write_atomic(path, public.pem())
    home.vault.write_json(APART_RECORD, {"public": pem, "placed": True, "before": None})
    home.log.append("release-key.set-apart", of="workspace", key=public.key_id)
    return path


def apart_key(home: Home) -> VerifyingKey | None:
    """Return the key that lies apart, if there is one.

    Raises:
        IntegrityError: the vault, the log and the public file do not agree.
    """
    logged = home.log.latest("release-key.set-apart", "of").get("workspace")
    if not home.vault.exists(APART_RECORD):
        if logged is not None:
            raise IntegrityError("release key", "what the vault knew of it is gone", hint=_HINT)
        return None
    pem = home.vault.read_json(APART_RECORD)["public"].encode()
    key = VerifyingKey.from_pem(pem, where="release key")
    path = home.path / "keys" / APART_KEY
    if logged is not None and logged["fields"]["key"] != key.key_id:
        raise IntegrityError("release key", "is not the one the audit log tells of", hint=_HINT)
    if not path.is_file() or path.read_bytes() != pem:
        hint = "appliance keys set-apart SIGNER, again"
        raise IntegrityError(str(path), "is not this workspace's release key", hint=hint)
    return key


def verifying_path(home: Home) -> Path:
    """Return the public key that verifiers of this workspace's releases need."""
    return home.path / "keys" / APART_KEY if apart_key(home) else home.public_key_path
