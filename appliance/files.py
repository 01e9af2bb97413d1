"""Durable, private file writes: the few calls every custody file goes through.

Rules:
- A file appears under its name whole or not at all: temporary file in the same folder, fsync,
  rename, fsync of the folder.
- Files are 0600, folders 0700; a symbolic link, a hard link or a special file is never followed.
- A full disk, a missing permission or a failing device is a MachineError, never a torn file.
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from appliance.errors import IntegrityError, MachineError

#: Prefix of files that were being written; never read, removed by the next writer.
TEMPORARY = ".tmp-"

#: AT_FDCWD and RENAME_EXCHANGE of renameat2(2).
_HERE, _EXCHANGE = -100, 2
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def machine_errors(where: str) -> Iterator[None]:
    """Turn an OSError of the body into a MachineError naming `where`.

    Raises:
        MachineError: the disk is full, access is denied, or the device failed.
    """
    try:
        yield
    except OSError as e:
        raise machine_error(where, e) from None


def machine_error(where: str, cause: OSError) -> MachineError:
    """Return the MachineError that tells an operator what `cause` means."""
    if cause.errno in _FULL:
        return MachineError(where, "the disk is full", hint="df -h, then free space and repeat")
    if cause.errno in _DENIED:
        return MachineError(
            where, "access denied", hint="appliance doctor, or check the owner and mode of the path"
        )
    if cause.errno == errno.ENOENT:
        return MachineError(where, "no such file or folder", hint="check the path and repeat")
    reason = os.strerror(cause.errno).lower() if cause.errno else "the device failed"
    return MachineError(where, reason, hint="appliance doctor")


def sync_folder(folder: Path) -> None:
    """Make renames and removals in `folder` durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write all of `data`; a short write goes on, it does not tear."""
    view = memoryview(data)
    while len(view) > 0:
        view = view[os.write(fd, view) :]


def create_private(path: Path) -> int:
    """Create `path` anew, 0600, and return its descriptor, open for reading and writing."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, 0o600)


def write_atomic(path: Path, data: bytes) -> None:
    """Replace `path` by a file holding `data`, or leave everything as it was.

    Raises:
        MachineError: the machine cannot write there.

    Guarantees:
        After a crash at any point `path` holds either its old bytes or all of `data`.
    """
    with machine_errors(str(path)):
        temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
        fd = create_private(temporary)
        try:
            try:
                write_all(fd, data)
                os.fsync(fd)
            finally:
                os.close(fd)
            os.replace(temporary, path)  # noqa: PTH105 - one seam for fault injection: os.*
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108
            raise
        sync_folder(path.parent)


def exchange(one: Path, other: Path) -> None:
    """Let two folders of one file system swap their names, in one step.

    Raises:
        MachineError: the file system or the C library cannot.

    Guarantees:
        After a crash the names are swapped or not; neither is ever missing.

    Reference:
        renameat2(2), RENAME_EXCHANGE.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with machine_errors(str(other)):
        if not hasattr(libc, "renameat2"):
            raise OSError(errno.ENOSYS, "no renameat2")
        names = (os.fsencode(one), os.fsencode(other))
        if libc.renameat2(_HERE, names[0], _HERE, names[1], _EXCHANGE):
            raise OSError(ctypes.get_errno(), "renameat2")
        sync_folder(one.parent)
        sync_folder(other.parent)


def open_regular(path: Path) -> int:
    """Open an existing regular file for reading and return its descriptor.

    Raises:
        IntegrityError: it is a symbolic link, a special file, or has a second hard link.
        FileNotFoundError: there is no such file.
        MachineError: the machine cannot read it.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as e:
        if e.errno == errno.ELOOP:
            raise _not_plain(path, "a symbolic link") from None
        raise machine_error(str(path), e) from None
    status = os.fstat(fd)
    kind = None
    if not stat.S_ISREG(status.st_mode):
        kind = "not a regular file"
    elif status.st_nlink > 1:
        kind = "a file with a second hard link"
    if kind is not None:
        os.close(fd)
        raise _not_plain(path, kind)
    return fd


def read_regular(path: Path, *, limit_bytes: int) -> bytes:
    """Read a whole regular file of at most `limit_bytes`.

    Raises:
        IntegrityError: not a plain file, or larger than `limit_bytes`.
        FileNotFoundError: there is no such file.
        MachineError: the machine cannot read it.
    """
    fd = open_regular(path)
    with os.fdopen(fd, "rb") as source, machine_errors(str(path)):
        data = source.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise IntegrityError(
            str(path), f"larger than the {limit_bytes} bytes expected here", hint="appliance doctor"
        )
    return data


def read_or_empty(path: Path) -> bytes:
    """Read a whole file; an absent one is empty."""
    try:
        fd = open_regular(path)
    except FileNotFoundError:
        return b""
    with os.fdopen(fd, "rb") as source, machine_errors(str(path)):
        return source.read()


def read_at(fd: int, at: int, count: int) -> bytes:
    """Read exactly `count` bytes at a position."""
    parts = []
    while count > 0:
        part = os.pread(fd, count, at)
        if not part:
            break
        parts.append(part)
        at, count = at + len(part), count - len(part)
    return b"".join(parts)


def make_private_folder(path: Path) -> None:
    """Create a folder 0700, parents included; an existing one must be a real folder.

    Raises:
        IntegrityError: the path is a symbolic link or no folder.
        MachineError: the machine cannot create it.
    """
    with machine_errors(str(path)):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise _not_plain(path, "a symbolic link")


def remove_temporaries(folder: Path) -> None:
    """Remove what interrupted writes left in `folder`; call only as the single writer."""
    with machine_errors(str(folder)):
        for entry in os.scandir(folder):
            if entry.name.startswith(TEMPORARY) and entry.is_file(follow_symlinks=False):
                os.unlink(entry.path)  # noqa: PTH108


def overwrite_and_remove(path: Path) -> None:
    """Overwrite a small file in place with random bytes, read them back, then remove it.

    Raises:
        MachineError: it cannot be written, or something else is read back.

    NOTE: journals, snapshots and flash translation layers may keep old blocks; whoever destroys
    keys must say so (`keys destroy` does).
    """
    with machine_errors(str(path)):
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            noise = secrets.token_bytes(os.fstat(fd).st_size)
            write_all(fd, noise)
            os.fsync(fd)
            if read_at(fd, 0, len(noise)) != noise:
                raise OSError(errno.EIO, "not the bytes that were written")
        finally:
            os.close(fd)
        os.unlink(path)  # noqa: PTH108
        sync_folder(path.parent)


def _not_plain(path: Path, kind: str) -> IntegrityError:
    """Return the refusal of a path that is not a plain file or folder."""
    return IntegrityError(
        str(path), f"{kind}, expected a plain one", hint="remove it, then appliance doctor"
    )
