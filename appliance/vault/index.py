"""The vault's index: the numbered, sealed list of what exists in it.

Refuses to guess: a file that is missing, added, renamed, linked or of another size than listed is
an IntegrityError naming that file. The index is sealed under the vault's own key, bound to the
vault's scope, and its epoch rises with every change.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from appliance.crypto.canonical import canonical_json
from appliance.crypto.container import HEADER_BYTES, open_, seal, sealed_bytes
from appliance.errors import IntegrityError
from appliance.files import TEMPORARY, machine_errors, read_regular
from appliance.vault.stage_keys import KEYS_FILE

FORMAT = "appliance-index/1"
INDEX_FILE = "index.sealed"
MAX_INDEX_BYTES = 256 * 1024 * 1024

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
_MAX_NAME = 255
_CONTEXT = b"appliance/vault/index/1\x00"
_HINT = "restore the vault from a backup, or purge the run"


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultHead:
    """The state of a vault in two values, to be kept elsewhere against rollback.

    Attributes:
        epoch: number of changes since the vault was made.
        digest: of the sealed index.
    """

    epoch: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One sealed file.

    Attributes:
        number: never used twice in a vault; the file's name on disk.
        name: logical name, e.g. "ingest/corpus.arrow".
        plain_bytes: size of the plaintext.
        header: the container's salt and commitment, 56 bytes: fixes the one message meant.
        digest: of the sealed bytes, as `SealingWriter.digest` defines it.
    """

    number: int
    name: str
    plain_bytes: int
    header: bytes
    digest: str

    @property
    def file_name(self) -> str:
        """The file's name on disk."""
        return sealed_name(self.number)

    @property
    def sealed_bytes(self) -> int:
        """The file's size on disk."""
        return sealed_bytes(self.plain_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What exists in a vault at one epoch.

    Attributes:
        epoch: number of changes since the vault was made.
        next_number: the next file's number; larger than any ever listed.
        entries: logical name -> entry.
        retired: numbers of replaced or deleted files that may still be on disk.
    """

    epoch: int
    next_number: int
    entries: Mapping[str, Entry]
    retired: tuple[int, ...]

    @classmethod
    def empty(cls) -> Self:
        """Return the index of a new vault."""
        return cls(epoch=0, next_number=1, entries={}, retired=())

    def changed(
        self, folder: Path, *, add: Entry | None = None, remove: str | None = None
    ) -> Index:
        """Return the next epoch's index, with one entry added or replaced, or one removed."""
        entries = dict(self.entries)
        gone = entries.pop(add.name if add else remove or "", None)
        if add is not None:
            entries[add.name] = add
        retired = [n for n in self.retired if (folder / sealed_name(n)).exists()]
        if gone is not None:
            retired.append(gone.number)
        following = self.next_number if add is None else max(self.next_number, add.number + 1)
        return Index(
            epoch=self.epoch + 1, next_number=following, entries=entries, retired=tuple(retired)
        )

    def sealed(self, key: bytes, scope: str) -> bytes:
        """Return the index as it lies on disk."""
        body = {
            "format": FORMAT,
            "epoch": self.epoch,
            "next": self.next_number,
            "retired": list(self.retired),
            "files": [
                {
                    "number": entry.number,
                    "name": entry.name,
                    "bytes": entry.plain_bytes,
                    "header": base64.b64encode(entry.header).decode(),
                    "digest": entry.digest,
                }
                for entry in self.entries.values()
            ],
        }
        return seal(key, _CONTEXT + scope.encode(), canonical_json(body))

    @classmethod
    def opened(cls, path: Path, sealed: bytes, key: bytes, scope: str) -> Self:
        """Read an index.

        Raises:
            IntegrityError: altered, or of another vault.
        """
        body = json.loads(open_(key, _CONTEXT + scope.encode(), sealed, where=str(path)))
        if body.get("format") != FORMAT:
            raise IntegrityError(
                str(path), "an index of another version", hint="appliance --version"
            )
        entries = [_entry(item) for item in body["files"]]
        return cls(
            epoch=body["epoch"],
            next_number=body["next"],
            entries={entry.name: entry for entry in entries},
            retired=tuple(body["retired"]),
        )

    def check(self, folder: Path) -> None:
        """Compare the folder with the list, by name, kind and size.

        Raises:
            IntegrityError: naming the first file that is missing, added or not as listed.
        """
        present = {entry.name: entry.stat(follow_symlinks=False) for entry in os.scandir(folder)}
        for entry in self.entries.values():
            status = present.pop(entry.file_name, None)
            if status is None:
                status = present.get(temporary_name(entry.number))
            where = str(folder / entry.file_name)
            if status is None:
                raise IntegrityError(where, "the file is missing", hint=_HINT)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
                raise IntegrityError(where, "not a plain file", hint=_HINT)
            if status.st_size != entry.sealed_bytes:
                what = f"{status.st_size} bytes, expected {entry.sealed_bytes}"
                raise IntegrityError(where, what, hint=_HINT)
        for name in sorted(present.keys() - self._tolerated()):
            if not name.startswith(TEMPORARY):
                raise IntegrityError(
                    str(folder / name),
                    "a file the vault does not list: added, renamed or rolled back",
                    hint=_HINT,
                )

    def _tolerated(self) -> set[str]:
        """Return the names that may be present besides the listed files."""
        return {INDEX_FILE, KEYS_FILE, *(sealed_name(number) for number in self.retired)}


def read_index_bytes(folder: Path) -> bytes:
    """Read the index file's bytes.

    Raises:
        IntegrityError: it is missing or not a plain file.
        MachineError: it cannot be read.
    """
    path = folder / INDEX_FILE
    try:
        return read_regular(path, limit_bytes=MAX_INDEX_BYTES)
    except FileNotFoundError:
        raise IntegrityError(str(path), "the file is missing", hint=_HINT) from None


def unfinished(index: Index, folder: Path) -> Iterator[Entry]:
    """Yield listed entries whose file still has its temporary name, after checking it is theirs."""
    for entry in index.entries.values():
        temporary = folder / temporary_name(entry.number)
        if (folder / entry.file_name).exists() or not temporary.exists():
            continue
        header = read_regular(temporary, limit_bytes=entry.sealed_bytes)[:HEADER_BYTES]
        if header == entry.header:
            yield entry


def remove_retired(index: Index, folder: Path) -> None:
    """Remove replaced and deleted files (step 4)."""
    with machine_errors(str(folder)):
        for number in index.retired:
            with suppress(FileNotFoundError):
                os.unlink(folder / sealed_name(number))  # noqa: PTH108 - see files.py


def stage_of(name: str) -> str:
    """Return the stage of a logical name.

    Raises:
        ValueError: not a name like "stage/file.ext".
    """
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        raise ValueError('expected a name like "stage/file.ext"')
    return name.split("/", 1)[0]


def file_context(scope: str, name: str, number: int) -> bytes:
    """Return what a file is, for its key and its container."""
    return b"appliance/vault/file/1\x00" + canonical_json([scope, name, number])


def sealed_name(number: int) -> str:
    """Return the name on disk of file `number`."""
    return f"{number:010d}.sealed"


def temporary_name(number: int) -> str:
    """Return the name file `number` has while it is being written."""
    return f"{TEMPORARY}{number:010d}"


def _entry(item: Mapping[str, Any]) -> Entry:
    """Read one entry; the bytes were authenticated before."""
    try:
        header = base64.b64decode(item["header"], validate=True)
    except binascii.Error:
        raise ValueError("header") from None
    return Entry(
        number=item["number"],
        name=item["name"],
        plain_bytes=item["bytes"],
        header=header,
        digest=item["digest"],
    )
