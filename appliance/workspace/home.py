"""The workspace: everything the appliance keeps, in one private folder.

What lies where: docs/formats.md.

Rules:
- Folders 0700, files 0600. A symbolic link anywhere stops the opening, and so does a hard link or
  a special file where the appliance keeps state.
- The log and the vaults vouch for each other: the log keeps each vault's head, the workspace's
  vault keeps the log's. Putting one of them back is seen; putting all of them back is seen only
  with a checkpoint kept elsewhere.
- One exclusive command at a time; the loser says who holds the lock.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from appliance.crypto.signing import SigningKey, VerifyingKey
from appliance.crypto.slots import Opened, Profile, Slot, open_slots
from appliance.crypto.unlock import Unlock
from appliance.errors import ApplianceError, IntegrityError, UsageError
from appliance.files import machine_errors, make_private_folder, sync_folder
from appliance.log import UNLOCK_REFUSED, AuditLog
from appliance.vault import Vault, VaultHead
from appliance.workspace.anchors import (
    HOME_SCOPE,
    LOG_HEAD,
    SIGNING_KEY,
    check_head,
    check_log,
    check_public_keys,
    check_slots,
    destroyed_scopes,
    logged_heads,
    open_vault,
    run_of,
    run_scope,
)
from appliance.workspace.checking import verify_all
from appliance.workspace.custody import finish_rotation
from appliance.workspace.destruction import burn, refuse_destroyed
from appliance.workspace.founding import found
from appliance.workspace.holder import HomeLock, held
from appliance.workspace.layout import (
    check_tree,
    open_to_others,
    read_pem,
    remove_leftovers,
    require_workspace,
)
from appliance.workspace.public_files import expect_public, hold_public, record_public
from appliance.workspace.resealing import burn_leftovers

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_HINT_BACKUP = "restore the workspace from a backup"


class Home:
    """An open workspace; close it, or use it in a `with` block, so that the log gets signed."""

    def __init__(
        self, path: Path, opened: Opened, vault: Vault, log: AuditLog, lock: HomeLock | None
    ) -> None:
        """Use `Home.init` or `Home.open`."""
        self.path = path
        self.vault = vault
        self.log = log
        self.slot = opened.slot
        self._opened_by = opened
        self._root = opened.root
        self._lock = lock
        self._runs: dict[str, Vault] = {}
        self._heads: dict[str, VaultHead] = {}
        self._temporary: list[Path] = []
        self._closed = False
        name = vault.file_of(SIGNING_KEY)
        self._signing = SigningKey.from_pem(vault.read_bytes(SIGNING_KEY), where=str(name))

    @classmethod
    def init(
        cls, path: Path, unlock: Unlock, *, profile: Profile = "default", label: str = ""
    ) -> Self:
        """Make a workspace and open it exclusively.

        Args:
            path: a folder that does not exist, or is empty.
            unlock: the first way in.
            profile: "fips" derives from passphrases by PBKDF2.
            label: the operator's name for the first way in.

        Raises:
            UsageError: there is something at `path`, or nothing to unlock with.
            MachineError: it cannot be written.

        Guarantees:
            After a crash there is either no workspace at `path` or a complete one.
        """
        unlock = unlock.asked()
        found(path, unlock, profile=profile, label=label)
        return cls.open(path, unlock, exclusive=True)

    @classmethod
    def open(cls, path: Path, unlock: Unlock, *, exclusive: bool, wait_s: float = 0.0) -> Self:
        """Open a workspace.

        Args:
            path: the folder `init` made.
            unlock: a passphrase, key file or token of one of its slots.
            exclusive: hold the lock and allow changes; otherwise read beside a running command.
            wait_s: how long to wait for the lock.

        Raises:
            MachineError: there is no workspace, or it cannot be read.
            LockedError: another command holds it.
            IntegrityError: wrong passphrase, or something in it was altered; the error names it.
            UsageError: nothing to unlock with.
        """
        require_workspace(path)
        check_tree(path)
        refuse_destroyed(path)
        lock = HomeLock(path / "lock", wait_s=wait_s) if exclusive else None
        try:
            opened = _unlocked(path, unlock)
            home = cls._opened(path, opened, lock)
            if exclusive:
                home._remove_stale()
                home._finish_purges()
                finish_rotation(home)
                home.vault.verify()
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        return home

    @property
    def exclusive(self) -> bool:
        """Whether this command may change the workspace."""
        return self._lock is not None

    @property
    def public_key_path(self) -> Path:
        """The release key's public half, for verifiers."""
        return self.path / "keys" / "release.pub.pem"

    def signing_key(self) -> SigningKey:
        """Return the release key."""
        return self._signing

    def run_vault(self, run_id: str) -> Vault:
        """Open a run's vault; an exclusive command makes it at its first opening.

        Raises:
            ValueError: not a run id.
            UsageError: there is no such run, or it was purged.
            IntegrityError: the vault is missing, was put back or altered.
        """
        if not _RUN_ID.fullmatch(run_id) or ".." in run_id:
            raise ValueError("not a run id")
        if run_id not in self._runs:
            self._runs[run_id] = self._open_run(run_id)
        return self._runs[run_id]

    def purge_run(self, run_id: str) -> str:
        """Burn a run's keys and remove its files; the log and the ledger keep its name.

        Returns:
            How the attempt to open the vault afterwards, with the root key, was refused.

        Raises:
            UsageError: there is no such run.
            MachineError: it cannot be removed; purging again goes on.
        """
        self.require_exclusive()
        folder = self.path / "runs" / run_id
        if not _RUN_ID.fullmatch(run_id) or not folder.is_dir():
            raise UsageError(f"run {run_id}", "there is no such run", hint="appliance runs list")
        self.log.append("vault.destroying", scope=run_scope(run_id))
        known = self._runs.pop(run_id, None)
        if known is not None:
            known.close()
        attempt = burn(folder / "vault", run_scope(run_id), self._root)
        with machine_errors(str(folder)):
            shutil.rmtree(folder)
            sync_folder(folder.parent)
        self.log.append("vault.destroyed", scope=run_scope(run_id), attempt=attempt)
        return attempt

    @property
    def root_key_id(self) -> str:
        """Names the root key and says nothing about it."""
        return self._root.key_id

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Every way into the workspace."""
        return self._opened_by.slots

    def record_public(self, *paths: Path) -> None:
        """Keep the digests of public files (reports, releases, models) so that `verify` sees them.

        Args:
            paths: files or whole folders below the workspace, final; of a folder that is not
                there, that it is not.
        """
        self.require_exclusive()
        record_public(self.vault, self.path, paths)

    def expect_public(self, *paths: Path) -> None:
        """Announce public files or folders about to be written; `record_public` must follow."""
        self.require_exclusive()
        expect_public(self.vault, self.path, paths)

    def hold_public(self, path: Path) -> None:
        """Refuse a public file that is not as it was recorded; call before believing it."""
        hold_public(self.vault, self.path, path)

    def private_temp(self) -> Path:
        """Make a private folder for this process under HOME/tmp; `close` removes it."""
        folder = self.path / "tmp" / f"{os.getpid()}-{secrets.token_hex(8)}"
        make_private_folder(folder)
        self._temporary.append(folder)
        return folder

    def findings(self) -> tuple[str, ...]:
        """Return what is not as private as it should be, in plain words."""
        return open_to_others(self.path)

    def verify(self) -> dict[str, int]:
        """Open every sealed byte and compare every file with what is known of it.

        Returns:
            Numbers of vaults, sealed files, receipts, public files and events checked.

        Raises:
            IntegrityError: naming the first file that is not as it was written.
        """
        return verify_all(self)

    @property
    def closed(self) -> bool:
        """Whether it was closed, or its keys were destroyed."""
        return self._closed

    def forget(self) -> None:
        """Wipe the keys and give up the lock without anchoring: there is nothing left to anchor."""
        self._closed = True
        self._wipe()

    def close(self) -> None:
        """Anchor the vaults' heads in the log, sign it, wipe the keys, give up the lock."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._lock is not None:
                self._anchor()
            self.log.checkpoint(self._signing)
        finally:
            self._wipe()

    def __enter__(self) -> Self:
        """Return the open workspace."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close; an error of the block outranks one of the closing."""
        if kind is None:
            self.close()
        else:
            with suppress(ApplianceError):
                self.close()

    @classmethod
    def _opened(cls, path: Path, opened: Opened, lock: HomeLock | None) -> Self:
        """Check what the log, the vault and the public key say of each other.

        Readers run beside a writer, so what is older is read first: (1) the log's signed part
        and its length, (2) the vault, (3) the log again against the vault's anchor, and who wrote
        what the anchor does not cover, (4) the heads in that length against the vaults.
        """
        pem = path / "keys" / "release.pub.pem"
        public = VerifyingKey.from_pem(read_pem(pem), where=str(pem))
        log = AuditLog(path / "log", key=public, unlocked_by=opened.slot.slot_id)
        signed, seen = log.check_signed(), log.size()
        interrupted = check_slots(path / "keys" / "slots.json", opened, log)
        vault = open_vault(path / "vault", HOME_SCOPE, opened, writable=lock is not None)
        home = cls(path, opened, vault, log, lock)
        check_public_keys(path / "keys", vault, home._signing.public)
        check_log(log, vault)
        home._heads = logged_heads(log, first=seen)
        check_head(vault, home._heads)
        home._check_runs()
        tail = log.unsigned(signed)
        if lock is not None and interrupted:
            log.append("keys.changed", file="slots.json", digest=opened.digest)
        if tail and (lock is not None or not held(path)):
            # Its command was killed, or still runs: whoever signs these events says so.
            log.append("log.unsigned-tail", events=tail)
        return home

    def _open_run(self, run_id: str) -> Vault:
        """Open or make a run's vault."""
        folder, scope = self.path / "runs" / run_id / "vault", run_scope(run_id)
        if folder.is_dir():
            vault = open_vault(folder, scope, self._opened_by, writable=self.exclusive)
            check_head(vault, self._heads)
            return vault
        if scope in destroyed_scopes(self.log):
            raise UsageError(f"run {run_id}", "was purged", hint="appliance runs list")
        if scope in self._heads:
            raise IntegrityError(str(folder), "the vault is missing", hint=_HINT_BACKUP)
        if not self.exclusive:
            raise UsageError(f"run {run_id}", "there is no such run", hint="appliance runs list")
        make_private_folder(folder.parent)
        vault = Vault.create(folder, scope=scope, root=self._root)
        self._log_head(vault)
        return vault

    def _check_runs(self) -> None:
        """Look for vaults that the log knows and the disk does not."""
        for scope in self._heads:
            run_id = run_of(scope)
            folder = self.path / "runs" / (run_id or "") / "vault"
            if run_id and not folder.is_dir() and scope not in destroyed_scopes(self.log):
                raise IntegrityError(str(folder), "the vault is missing", hint=_HINT_BACKUP)

    def _anchor(self) -> None:
        """Let the vault keep the log's head and the log the vaults' heads."""
        signed = self.log.checkpoint(self._signing).size
        size, root = self.log.head()
        notes = self.log.notes_head()
        head = {"size": size, "root": root, "signed": signed, "notes": notes, "keyed": True}
        self.vault.write_json(LOG_HEAD, head)
        for vault in (self.vault, *self._runs.values()):
            if self._heads.get(vault.scope) != vault.head:
                self._log_head(vault)

    def _log_head(self, vault: Vault) -> None:
        """Write a vault's head into the log."""
        head = vault.head
        self.log.append("vault.head", scope=vault.scope, epoch=head.epoch, digest=head.digest)
        self._heads[vault.scope] = head

    def _wipe(self) -> None:
        """Remove private folders, wipe keys, give up the lock."""
        for folder in self._temporary:
            shutil.rmtree(folder, ignore_errors=True)
        for vault in (self.vault, *self._runs.values()):
            vault.close()
        self._root.wipe()
        if self._lock is not None:
            self._lock.release()

    def require_exclusive(self) -> None:
        """Refuse to change a workspace opened for reading."""
        if self._lock is None:
            raise ValueError("the workspace was opened for reading")

    def _finish_purges(self) -> None:
        """Go on with the purging of runs that a crash interrupted: it was logged before."""
        gone = destroyed_scopes(self.log)
        for folder in sorted((self.path / "runs").iterdir()):
            if run_scope(folder.name) in gone:
                self.purge_run(folder.name)

    def _remove_stale(self) -> None:
        """Remove what crashed commands left: copies of vaults, half-written files, folders."""
        with machine_errors(str(self.path)):
            burn_leftovers(self.path)
            remove_leftovers(self.path)


def _unlocked(path: Path, unlock: Unlock) -> Opened:
    """Open the slots; a secret that opens none is an event, written by whoever tried."""
    unlock = unlock.asked()
    try:
        return open_slots(path / "keys" / "slots.json", unlock)
    except IntegrityError:
        with suppress(ApplianceError):
            public = VerifyingKey.from_pem(read_pem(path / "keys" / "release.pub.pem"))
            AuditLog(path / "log", key=public).append(UNLOCK_REFUSED, outcome="refused")
        raise
