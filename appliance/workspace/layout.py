"""The workspace's folders: what may lie there, and how a new one gets its name."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from appliance.errors import IntegrityError, MachineError, UsageError
from appliance.files import (
    TEMPORARY,
    machine_errors,
    read_regular,
    remove_temporaries,
    sync_folder,
)

FOLDERS = ("keys", "log", "runs", "models", "releases", "reports", "tmp")
MANIFEST_FILE = "manifest.jsonl"
#: The signed statement that the keys were destroyed.
RECEIPT_FILE = "destroyed.json"
#: The public half of a release key that lies apart from the workspace.
APART_KEY = "release-apart.pub.pem"

#: What may lie directly in a folder; "runs/*" stands for every run's folder.
_KNOWN: dict[str, frozenset[str]] = {
    ".": frozenset({*FOLDERS, "vault", "lock"}),
    "keys": frozenset({"slots.json", "release.pub.pem", APART_KEY, RECEIPT_FILE}),
    "log": frozenset({"events.jsonl", "checkpoints.jsonl"}),
    "runs/*": frozenset({"vault", MANIFEST_FILE}),
}
#: Public files: made by the appliance, read by others; only links are refused there.
PUBLIC_FOLDERS = ("models", "releases", "reports")

_MAX_PEM_BYTES = 16 * 1024
_HINT_BACKUP = "restore the workspace from a backup"


def check_tree(path: Path) -> None:
    """Refuse what does not belong in a workspace, naming the first such file.

    Symbolic links are refused everywhere but below HOME/tmp, which holds nothing that is read
    again; hard links, special files and unknown names where the appliance keeps its state.

    Raises:
        IntegrityError: such a file is there.
        MachineError: a folder cannot be read.
    """
    with machine_errors(str(path)):
        _check_names(path, _KNOWN["."])
        for top in sorted({*FOLDERS, "vault"}):
            if (path / top).is_symlink() or (path / top).exists():
                _check_folder(path / top, strict=top not in PUBLIC_FOLDERS, below=top != "tmp")
        for top in ("keys", "log"):
            _check_names(path / top, _KNOWN[top])
        for run in sorted((path / "runs").iterdir()):
            if not run.is_dir():
                raise _refused(str(run), "a file among the runs")
            _check_names(run, _KNOWN["runs/*"])


def run_folders(path: Path) -> list[Path]:
    """Return the folders of the runs that have a vault, sorted by name."""
    return sorted(
        p
        for p in (path / "runs").iterdir()
        if not p.name.startswith(TEMPORARY) and (p / "vault").is_dir()
    )


def remove_leftovers(path: Path) -> None:
    """Remove what interrupted writes left; call only as the single writer.

    Copies of vaults are burned by whoever made them, before this.
    """
    for folder in (path, path / "keys", path / "log", path / "runs", *(path / "runs").iterdir()):
        remove_temporaries(folder)
        for entry in os.scandir(folder):
            if entry.name.startswith(TEMPORARY) and entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
    for top in PUBLIC_FOLDERS:
        for file in (path / top).rglob(f"{TEMPORARY}*"):
            if file.is_file():
                file.unlink()
    _remove_private(path / "tmp")


def _remove_private(folder: Path) -> None:
    """Remove what processes that are gone left in HOME/tmp, and nothing that a link leads to."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for name in os.listdir(fd):  # noqa: PTH208 - by descriptor
            if not Path("/proc", name.partition("-")[0]).exists():
                shutil.rmtree(name, ignore_errors=True, dir_fd=fd)
    finally:
        os.close(fd)


def open_to_others(path: Path) -> tuple[str, ...]:
    """Return a finding for each folder or key file that others may enter or read."""
    return modes_too_wide(path, path / "keys", path / "keys" / "slots.json")


def modes_too_wide(*paths: Path) -> tuple[str, ...]:
    """Return a finding for each file or folder that others may read or enter."""
    modes = [(path, stat.S_IMODE(path.stat().st_mode)) for path in paths if path.exists()]
    return tuple(f"{p} is open to others (mode {m:03o})" for p, m in modes if m & 0o077)


def _check_names(folder: Path, known: frozenset[str]) -> None:
    """Refuse a name that the appliance does not give to anything."""
    for name in sorted(os.listdir(folder)):  # noqa: PTH208 - names only
        if name not in known and not name.startswith(TEMPORARY):
            raise _refused(str(folder / name), "a file of an unknown name")


def _check_folder(folder: Path, *, strict: bool, below: bool = True) -> None:
    """Check one folder and, unless told otherwise, those below."""
    if folder.is_symlink():
        raise _refused(str(folder), "a symbolic link")
    if not folder.is_dir():
        raise _refused(str(folder), "a file in a folder's place")
    for entry in list(os.scandir(folder)) if below else ():
        if entry.is_symlink():
            raise _refused(entry.path, "a symbolic link")
        if entry.is_dir(follow_symlinks=False):
            with suppress(FileNotFoundError):  # a writer beside us removed it
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


def require_workspace(path: Path) -> None:
    """Refuse to open what was never made.

    Raises:
        MachineError: there is no workspace.
    """
    if not (path / "keys").is_dir():
        raise MachineError(
            str(path), "there is no workspace here", hint=f"appliance init --home {path}"
        )


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
