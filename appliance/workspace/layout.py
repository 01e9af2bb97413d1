"""The workspace's folders: what may lie there, and how a new one gets its name."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from appliance.errors import IntegrityError, UsageError
from appliance.files import machine_errors, read_regular, sync_folder

FOLDERS = ("keys", "log", "runs", "models", "releases", "tmp")

_MAX_PEM_BYTES = 16 * 1024
_HINT_BACKUP = "restore the workspace from a backup"


def check_tree(path: Path) -> None:
    """Refuse symbolic links, and hard links and special files among the state, naming the first.

    HOME/tmp is left out: it holds nothing that is read again.

    Raises:
        IntegrityError: such a file is there.
        MachineError: a folder cannot be read.
    """
    for top in FOLDERS:
        if top != "tmp":
            _check_folder(path / top, strict=top not in ("models", "releases"))
    _check_folder(path / "vault", strict=True)


def _check_folder(folder: Path, *, strict: bool) -> None:
    """Check one folder and those below."""
    with machine_errors(str(folder)):
        if folder.is_symlink():
            raise _refused(str(folder), "a symbolic link")
        entries = list(os.scandir(folder))
        for entry in entries:
            if entry.is_symlink():
                raise _refused(entry.path, "a symbolic link")
            if entry.is_dir(follow_symlinks=False):
                _check_folder(Path(entry.path), strict=strict)
            elif strict:
                _check_plain(entry)


def _check_plain(entry: os.DirEntry[str]) -> None:
    """Refuse a hard link or special file."""
    with suppress(FileNotFoundError):  # a writer beside us removed it
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            raise _refused(entry.path, "a special file")
        if status.st_nlink > 1:
            raise _refused(entry.path, "a file with a second hard link")


def require_vacant(path: Path) -> None:
    """Refuse to make a workspace over something."""
    if (path / "keys" / "slots.json").exists():
        raise UsageError(
            str(path), "a workspace is here already", hint=f"appliance keys status --home {path}"
        )
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(
            str(path), "not an empty folder", hint="appliance init --home FOLDER with a new folder"
        )


def move_into_place(staging: Path, path: Path) -> None:
    """Give a finished workspace its name."""
    with machine_errors(str(path)):
        try:
            os.rename(staging, path)  # noqa: PTH104
        except OSError as e:
            if e.errno not in (errno.EBUSY, errno.EXDEV):
                raise
            # A mount point cannot be replaced: fill it, the folder that makes it a workspace last.
            for name in sorted(os.listdir(staging), key=lambda name: name == "keys"):  # noqa: PTH208
                shutil.move(staging / name, path / name)
        sync_folder(path.absolute().parent)


def read_pem(path: Path) -> bytes:
    """Read the public key's file."""
    try:
        return read_regular(path, limit_bytes=_MAX_PEM_BYTES)
    except FileNotFoundError:
        raise IntegrityError(str(path), "the file is missing", hint=_HINT_BACKUP) from None


def _refused(where: str, kind: str) -> IntegrityError:
    """Return the refusal of a file that must not be in a workspace."""
    return IntegrityError(where, f"{kind}, which a workspace never holds", hint="remove it")
