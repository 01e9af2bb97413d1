"""The list of roles that a workspace has adopted: the highest version, and who may sign the next.

    vault "home": people/roles.json = {"root": PEM, "envelope": text, "version", "digest"}

Rules:
- The first list pins its root: the release key, or a key given apart. A list of another root is
  refused, unless the pinned root signed it too: that is how a root hands over.
- A lower version is refused, and so is another list of the same version. The vault remembers the
  version, the audit log too, and each guards the other against being put back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from appliance.crypto.canonical import digest_bytes
from appliance.crypto.signing import VerifyingKey
from appliance.errors import IntegrityError, UsageError
from appliance.people.roles import SignedRoles, open_roles

if TYPE_CHECKING:
    from appliance.workspace import Home

_NAME = "people/roles.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """The list in the workspace and the key that signs the next one."""

    signed: SignedRoles
    root: VerifyingKey


def adopted(home: Home) -> Adopted | None:
    """Return the adopted list, if there is one.

    Raises:
        IntegrityError: the vault's list is not the one the audit log tells of.
    """
    logged = home.log.latest("roles.adopted", "of").get("workspace")
    if not home.vault.exists(_NAME):
        if logged is not None:
            raise IntegrityError(
                "roles", "the adopted list is gone", hint="restore the workspace from a backup"
            )
        return None
    row = home.vault.read_json(_NAME)
    root = VerifyingKey.from_pem(row["root"].encode(), where="root of roles")
    signed = open_roles(row["envelope"].encode(), roots=[root], where="adopted roles")
    if logged is not None and logged["fields"]["version"] > signed.roles.version:
        raise IntegrityError(
            "roles",
            "the adopted list is older than the audit log knows",
            hint="restore the workspace from a backup",
        )
    return Adopted(signed=signed, root=root)


def adopt(
    home: Home, raw: bytes, *, root: VerifyingKey | None, now: datetime, where: str
) -> SignedRoles:
    """Adopt a list of roles.

    Args:
        home: the workspace, opened exclusively.
        raw: the signed list.
        root: the key that signed it; None: the pinned one, or at first the release key.
        now: UTC.
        where: the file, named in errors.

    Raises:
        IntegrityError: altered, of another root, or older than the one adopted.
        UsageError: it has ended, or has not begun.
    """
    home.require_exclusive()
    known = adopted(home)
    pinned = known.root if known else None
    root = root or pinned or VerifyingKey.from_file(home.public_key_path)
    roots = [root] if pinned is None or pinned.key_id == root.key_id else [root, pinned]
    signed = open_roles(raw, roots=roots, where=where)
    if known is not None:
        _follows(known.signed, signed, where)
    if not datetime.fromisoformat(signed.roles.issued) <= now < signed.roles.ends:
        raise UsageError(where, "is not in force today", hint="appliance roles sign DRAFT OUT")
    # The vault first: after a crash between the two the log knows less, never more.
    digest = digest_bytes(raw)
    home.vault.write_json(_NAME, {"root": root.pem().decode(), "envelope": raw.decode()})
    home.log.append(
        "roles.adopted",
        of="workspace",
        version=signed.roles.version,
        digest=digest,
        root=root.key_id,
    )
    return signed


def _follows(before: SignedRoles, after: SignedRoles, where: str) -> None:
    if after.roles.version < before.roles.version:
        what = f"version {after.roles.version}, the workspace has {before.roles.version}"
        raise IntegrityError(where, f"an older list of roles: {what}", hint="appliance roles show")
    # ECDSA signs one list anew with other bytes: what was signed must be the same.
    if after.roles.version == before.roles.version and after.roles != before.roles:
        raise IntegrityError(where, "another list of the same version", hint="appliance roles show")
