"""Which files are read, found and opened without being led astray.

Rules:
- A folder is read in the order of its relative names, so the same folder gives the same corpus.
- Inside a folder nothing is followed: symbolic links, second hard links, devices, pipes and
  sockets are refused, and every part of a path is opened relative to the folder above it.
- Names beginning with "." or "_" are markers of other programs (`_SUCCESS`) and are skipped; any
  other unknown ending is refused, since a file left out by mistake is a person left out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from appliance.errors import ApplianceError, DataError
from appliance.files import machine_error

Format = Literal["csv", "tsv", "json", "jsonl", "parquet", "text"]
Compression = Literal["gzip", "zstd"]

FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".txt": "text",
}
COMPRESSIONS: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd"}
ACCEPTED = ".csv .tsv .json .jsonl .parquet .txt, each also .gz or .zst"
#: Folders below folders; deeper ones are a mistake or an attack.
_MAX_DEPTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file to read.

    Attributes:
        index: position in the list of sources.
        root: the file or folder the operator named.
        parts: path below `root`; empty when `root` is the file itself.
        format: how its rows lie, from its ending.
        compression: how it is packed, from its ending.
        stored_bytes: size on disk.
    """

    index: int
    root: Path
    parts: tuple[str, ...]
    format: Format
    compression: Compression | None
    stored_bytes: int

    @property
    def name(self) -> str:
        """The name an operator knows it by, safe to print."""
        return printable(self.root.joinpath(*self.parts))

    @property
    def relative(self) -> str:
        """The name below the folder that was named, or the file's own name."""
        return str(PurePosixPath(*self.parts)) if self.parts else self.root.name

    @property
    def folder(self) -> str:
        """The folder the file lies in, as a privacy unit."""
        return str(PurePosixPath(*self.parts).parent) if self.parts else str(self.root.parent)

    def open(self) -> BinaryIO:
        """Open it for reading, following nothing.

        Raises:
            DataError: it is gone, or is no plain file.
            MachineError: it cannot be read by this user.
        """
        try:
            descriptor = _descend(self.root, self.parts)
        except OSError as e:
            raise _cannot_read(self.name, e) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise _not_plain(self.name, "not a regular file")
        return os.fdopen(descriptor, "rb", buffering=0)


def find_sources(source: Path) -> list[SourceFile]:
    """List the files to read.

    Args:
        source: a file, or a folder whose files are all read.

    Returns:
        At least one file, in the order of relative names.

    Raises:
        DataError: nothing there, an ending that is not known, or something that is no plain file.
        MachineError: this user may not read it.

    Guarantees:
        No symbolic link below `source` is followed, and none is silently skipped.
    """
    try:
        status = source.stat(follow_symlinks=False)
    except OSError as e:
        raise _cannot_read(printable(source), e) from None
    if stat.S_ISLNK(status.st_mode):
        raise _not_plain(printable(source), "a symbolic link")
    if stat.S_ISREG(status.st_mode):
        return [_source(0, source, (), status.st_size)]
    if not stat.S_ISDIR(status.st_mode):
        raise _not_plain(printable(source), "neither a file nor a folder")
    found = sorted(_walk(source), key=lambda pair: pair[0])
    if not found:
        raise DataError(
            printable(source), "the folder holds no data file", hint=f"add files of: {ACCEPTED}"
        )
    return [_source(index, source, parts, size) for index, (parts, size) in enumerate(found)]


def printable(path: Path) -> str:
    """Return a path fit for one line of a terminal."""
    text = str(path)
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def _walk(root: Path) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield (parts, size) of each plain file below `root`."""

    def fail(e: OSError) -> None:
        raise _cannot_read(printable(Path(e.filename or root)), e) from None

    for top, folders, files, descriptor in os.fwalk(root, follow_symlinks=False, onerror=fail):
        parts = Path(top).relative_to(root).parts
        if len(parts) > _MAX_DEPTH:
            raise DataError(
                printable(Path(top)), "folders lie too deep", hint=f"at most {_MAX_DEPTH} levels"
            )
        folders[:] = sorted(name for name in folders if not _skipped(name))
        for name in [*folders, *files]:
            if _skipped(name):
                continue
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            path = printable(Path(top, name))
            if stat.S_ISDIR(status.st_mode):
                continue
            if stat.S_ISLNK(status.st_mode):
                raise _not_plain(path, "a symbolic link")
            if not stat.S_ISREG(status.st_mode):
                raise _not_plain(path, "not a regular file")
            if status.st_nlink > 1:
                raise _not_plain(path, "a file with a second hard link")
            yield (*parts, name), status.st_size


def _skipped(name: str) -> bool:
    return name.startswith((".", "_"))


def _source(index: int, root: Path, parts: tuple[str, ...], size: int) -> SourceFile:
    """Tell format and packing from the name."""
    suffixes = [s.lower() for s in PurePosixPath(parts[-1] if parts else root.name).suffixes]
    compression = COMPRESSIONS.get(suffixes[-1]) if suffixes else None
    if compression is not None:
        suffixes.pop()
    kind = FORMATS.get(suffixes[-1]) if suffixes else None
    name = printable(root.joinpath(*parts))
    if kind is None:
        raise DataError(name, "not a kind of file that is read", hint=f"rename it to: {ACCEPTED}")
    if size == 0:
        raise DataError(name, "the file is empty", hint="give a file with at least one record")
    return SourceFile(
        index=index,
        root=root,
        parts=parts,
        format=kind,
        compression=compression,
        stored_bytes=size,
    )


def _descend(root: Path, parts: tuple[str, ...]) -> int:
    """Open root/parts one component at a time, no component being a symbolic link."""
    plain = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    # O_NONBLOCK: opening a pipe put in the file's place must not wait for its writer.
    last = plain | os.O_NONBLOCK
    if not parts:
        return os.open(root, last)
    above = os.open(root, plain | os.O_DIRECTORY)
    for index, part in enumerate(parts):
        flags = last if index == len(parts) - 1 else plain | os.O_DIRECTORY
        try:
            below = os.open(part, flags, dir_fd=above)
        finally:
            os.close(above)
        above = below
    return above


def _cannot_read(name: str, cause: OSError) -> ApplianceError:
    if isinstance(cause, (FileNotFoundError, NotADirectoryError)):
        return DataError(name, "no such file or folder", hint="check the path given with --data")
    return machine_error(name, cause)


def _not_plain(name: str, kind: str) -> DataError:
    return DataError(name, f"{kind}, expected a plain file", hint="copy the file itself there")
