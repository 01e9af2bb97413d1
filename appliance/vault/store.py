"""The only way a stage writes private bytes: sealed, atomic, listed, destroyable.

    VAULT/keys.json          data keys of the stages, wrapped by the root key, under its MAC
    VAULT/index.sealed       the numbered list of files; its epoch rises with every change
    VAULT/<number>.sealed    one container per file; the name on disk says nothing

Rules:
- Bytes are sealed while they are written; nothing is in clear on disk at any moment.
- A file exists once the index lists it. A crash leaves the old state or the new one, because
  (1) the sealed bytes are written and synced under a temporary name that carries the number,
  (2) the index that lists them replaces the old one, (3) the temporary file is renamed,
  (4) a replaced file is removed. Opening for writing finishes steps 3 and 4.
- A file that is missing, added, renamed, swapped or of another size stops the opening, by name.
  Altered content stops the reading of the chunk it is in.
- A whole vault put back to an older state is seen by whoever kept its `head` (the log does).
- Single writer: the caller holds the workspace's lock. Readers may run beside it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.crypto.container import OpeningReader, SealingWriter
from appliance.crypto.keys import RootKey, derive_key
from appliance.errors import ApplianceError, IntegrityError
from appliance.files import (
    TEMPORARY,
    create_private,
    machine_errors,
    make_private_folder,
    open_regular,
    remove_temporaries,
    sync_folder,
    write_atomic,
)
from appliance.vault.disk import SealedSink, destroy_vault
from appliance.vault.index import (
    INDEX_FILE,
    Entry,
    Index,
    VaultHead,
    file_context,
    read_index_bytes,
    remove_retired,
    stage_of,
    temporary_name,
    unfinished,
)
from appliance.vault.stage_keys import KEYS_FILE, StageKeys

INDEX_STAGE = ".index"
KEYED_STAGE = ".keyed"
#: How often a reader beside a writer looks again before it believes what it saw.
_ATTEMPTS = 20
#: How long it waits in between.
_PAUSE_S = 0.01
_HINT = "restore the vault from a backup, or purge the run"


class Vault:
    """Sealed files under logical names like "ingest/corpus.arrow"; the first part is the stage."""

    def __init__(self, folder: Path, scope: str, keys: StageKeys, *, writable: bool) -> None:
        """Use `Vault.create` or `Vault.open`."""
        self.path = folder
        self.scope = scope
        self.writable = writable
        self._guard = threading.RLock()
        self._keys = keys
        self._index = Index.empty()
        self._reserved = 0
        self._head_digest = ""
        self._uncertain = False

    @classmethod
    def create(cls, folder: Path, *, scope: str, root: RootKey) -> Self:
        """Make a new, empty vault and open it for writing.

        Args:
            folder: must not exist; its parent must.
            scope: what the vault belongs to, e.g. "run/01J..."; bound into every sealed byte.
            root: wraps the data keys.

        Raises:
            MachineError: it cannot be written.

        Guarantees:
            After a crash the folder is either absent or a complete, empty vault.
        """
        staging = folder.with_name(f"{TEMPORARY}vault-{secrets.token_hex(8)}")
        make_private_folder(staging)
        keys = StageKeys(staging / KEYS_FILE, scope, root)
        vault = cls(staging, scope, keys, writable=True)
        try:
            keys.get(INDEX_STAGE, create=True)
            keys.get(KEYED_STAGE, create=True)
            vault._save(Index.empty())
            with machine_errors(str(folder)):
                os.rename(staging, folder)  # noqa: PTH104 - one seam for fault injection: os.*
                sync_folder(folder.parent)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        vault.path = folder
        keys.path = folder / KEYS_FILE
        return vault

    @classmethod
    def open(cls, folder: Path, *, scope: str, root: RootKey, writable: bool = True) -> Self:
        """Open an existing vault, finishing what a crash interrupted if `writable`.

        Args:
            folder: the vault's folder.
            scope: as given when it was made.
            root: the workspace's root key.
            writable: the caller holds the workspace's lock.

        Raises:
            IntegrityError: a file is missing, added, swapped or altered; the error names it.
            MachineError: the machine cannot read or write it.
        """
        keys = StageKeys.load(folder / KEYS_FILE, scope, root)
        vault = cls(folder, scope, keys, writable=writable)
        if writable:
            vault._load_index()
            vault._recover()
        vault.refresh()
        return vault

    def refresh(self) -> None:
        """Read the index again and check the folder against it: for readers beside a writer.

        Raises:
            IntegrityError: the folder is not as the index says.
        """
        with machine_errors(str(self.path)):
            for attempt in range(_ATTEMPTS):
                self._load_index()
                try:
                    self._index.check(self.path)
                except (IntegrityError, FileNotFoundError):
                    # A writer may have changed the folder between our two looks at it.
                    if self.writable or attempt == _ATTEMPTS - 1:
                        raise
                    time.sleep(_PAUSE_S)
                else:
                    return

    @contextmanager
    def writer(self, name: str) -> Iterator[SealingWriter]:
        """Write one file as a stream; it exists once the block ends without an exception.

        Args:
            name: logical name; an existing file of that name is replaced.

        Yields:
            A writable binary file, not seekable.

        Raises:
            MachineError: the disk is full or fails; nothing is left behind.

        Guarantees:
            On an exception in the block the vault is as it was before.
        """
        stage = stage_of(name)
        self._require_writable()
        with self._guard:
            number = max(self._index.next_number, self._reserved + 1)
            self._reserved = number
        temporary = self.path / temporary_name(number)
        where = str(temporary)
        with machine_errors(where):
            sink = SealedSink(create_private(temporary), where)
        try:
            with sink:
                context = file_context(self.scope, name, number)
                key = derive_key(self._keys.get(stage, create=True), context)
                with SealingWriter(cast("BinaryIO", sink), key, context) as writer:
                    yield writer
                with machine_errors(where):
                    os.fsync(sink.descriptor)
            entry = Entry(
                number=number,
                name=name,
                plain_bytes=writer.plain_bytes,
                header=writer.header,
                digest=writer.digest(),
            )
            self._publish(entry)
        finally:
            listed = any(e.number == number for e in self._index.entries.values())
            if not listed and not self._uncertain:
                with suppress(OSError):
                    os.unlink(temporary)  # noqa: PTH108

    def reader(self, name: str) -> OpeningReader:
        """Open one file for reading, seekable, each byte authenticated before it is returned.

        Raises:
            IntegrityError: there is no such file, or it is not the one the index lists.
        """
        for attempt in range(_ATTEMPTS):
            entry = self._entry(name)
            try:
                return self._open_entry(entry)
            except FileNotFoundError:
                # Replaced by a writer beside us: look again.
                if self.writable or attempt == _ATTEMPTS - 1:
                    break
                self.refresh()
        raise IntegrityError(
            str(self.path / entry.file_name), "the file is missing", hint=_HINT
        ) from None

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write one file at once."""
        with self.writer(name) as sink:
            sink.write(data)

    def read_bytes(self, name: str) -> bytes:
        """Read one file at once."""
        with self.reader(name) as source:
            return source.readall()

    def write_json(self, name: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
        """Write a JSON value; NaN and infinities are refused."""
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        self.write_bytes(name, text.encode())

    def read_json(self, name: str) -> Any:  # noqa: ANN401 - any JSON value
        """Read a JSON value."""
        return json.loads(self.read_bytes(name))

    def exists(self, name: str) -> bool:
        """Say whether a file of that name is listed."""
        return name in self._index.entries

    def names(self, prefix: str = "") -> tuple[str, ...]:
        """Return the listed names that start with `prefix`, sorted."""
        return tuple(sorted(name for name in self._index.entries if name.startswith(prefix)))

    def size(self, name: str) -> int:
        """Return the plaintext size of a file in bytes."""
        return self._entry(name).plain_bytes

    def digest(self, name: str) -> str:
        """Return the digest of a file's sealed bytes, as written (see `SealingWriter.digest`)."""
        return self._entry(name).digest

    def file_of(self, name: str) -> Path:
        """Return the path on disk of a file's sealed bytes."""
        return self.path / self._entry(name).file_name

    def delete(self, name: str) -> None:
        """Remove a file."""
        self._require_writable()
        self._entry(name)
        with self._guard:
            self._save(self._index.changed(self.path, remove=name))
            remove_retired(self._index, self.path)

    def keyed(self, purpose: str) -> bytes:
        """Return a 32-byte key for one purpose, e.g. "pseudonyms"; stable while the vault lives.

        Guarantees:
            Different purposes and different vaults give independent keys. Rotation of the root
            key does not change them.
        """
        context = b"appliance/vault/keyed/1\x00" + canonical_json([self.scope, purpose])
        return derive_key(self._keys.get(KEYED_STAGE, create=False), context)

    @property
    def head(self) -> VaultHead:
        """The present state, for an anchor elsewhere."""
        return VaultHead(epoch=self._index.epoch, digest=self._head_digest)

    def verify(self) -> int:
        """Open every byte of every file and compare it with the index.

        Returns:
            The number of files.

        Raises:
            IntegrityError: naming the first file that is not as written.
        """
        self.refresh()
        buffer = bytearray(1024 * 1024)
        for name in self.names():
            with self.reader(name) as source:
                while source.readinto(buffer):
                    pass
                if source.digest() != self.digest(name):
                    raise IntegrityError(
                        str(self.file_of(name)), "not the bytes that were listed", hint=_HINT
                    )
        return len(self.names())

    def rewrap(self, new_root: RootKey) -> None:
        """Wrap the data keys under another root key; the sealed data stays as it is."""
        self._require_writable()
        self._keys.rewrap(new_root)

    def close(self) -> None:
        """Wipe the data keys from memory; the vault can no longer be used."""
        self._keys.wipe()

    def destroy(self) -> None:
        """Burn the data keys, then remove the files: nothing in the vault opens again."""
        self._require_writable()
        self._keys.wipe()
        self._index = Index.empty()
        destroy_vault(self.path)

    def _open_entry(self, entry: Entry) -> OpeningReader:
        """Open the container of one entry and check that it is the one listed."""
        path = self.path / entry.file_name
        try:
            fd = open_regular(path)
        except FileNotFoundError:
            # Listed, but not renamed yet: its writer is between steps 2 and 3.
            fd = open_regular(self.path / temporary_name(entry.number))
        source = open(fd, "rb", buffering=0)  # noqa: PTH123, SIM115 - closed with the reader
        try:
            context = file_context(self.scope, entry.name, entry.number)
            key = derive_key(self._keys.get(stage_of(entry.name), create=False), context)
            with machine_errors(str(path)):
                reader = OpeningReader(cast("BinaryIO", source), key, context, where=str(path))
            if reader.header != entry.header or reader.size != entry.plain_bytes:
                raise IntegrityError(str(path), "not the file that was listed", hint=_HINT)
        except BaseException:
            source.close()
            raise
        return reader

    def _entry(self, name: str) -> Entry:
        """Return the entry of a name."""
        entry = self._index.entries.get(name)
        if entry is None:
            raise IntegrityError(
                str(self.path), f"no file {name} in this vault", hint="appliance runs show"
            )
        return entry

    def _require_writable(self) -> None:
        """Refuse to change a vault opened for reading."""
        if not self.writable:
            raise ValueError("the vault was opened for reading")

    def _load_index(self) -> None:
        """Read the index from disk."""
        sealed = read_index_bytes(self.path)
        key = self._keys.get(INDEX_STAGE, create=False)
        self._index = Index.opened(self.path / INDEX_FILE, sealed, key, self.scope)
        self._head_digest = digest_bytes(sealed)
        self._uncertain = False

    def _save(self, index: Index) -> None:
        """Replace the index on disk and in memory (step 2)."""
        sealed = index.sealed(self._keys.get(INDEX_STAGE, create=False), self.scope)
        try:
            write_atomic(self.path / INDEX_FILE, sealed)
        except BaseException:
            # It may have failed after the rename: only the disk knows which index is in force,
            # and until it has said so nothing that either of them lists is removed.
            self._uncertain = True
            with suppress(ApplianceError):
                self._load_index()
            raise
        self._index = index
        self._head_digest = digest_bytes(sealed)

    def _publish(self, entry: Entry) -> None:
        """Write the index that lists an entry, then give its file its name (steps 2 and 3)."""
        with self._guard:
            self._save(self._index.changed(self.path, add=entry))
            with machine_errors(str(self.path / entry.file_name)):
                os.replace(  # noqa: PTH105
                    self.path / temporary_name(entry.number), self.path / entry.file_name
                )
                sync_folder(self.path)
            remove_retired(self._index, self.path)

    def _recover(self) -> None:
        """Finish steps 3 and 4 after a crash, and drop what never got to step 2."""
        with machine_errors(str(self.path)):
            for entry in unfinished(self._index, self.path):
                os.replace(  # noqa: PTH105
                    self.path / temporary_name(entry.number), self.path / entry.file_name
                )
            remove_retired(self._index, self.path)
            remove_temporaries(self.path)
            sync_folder(self.path)
