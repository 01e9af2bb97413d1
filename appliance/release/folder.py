"""List a received folder, trusting nothing in it: plain files only, each named once."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from appliance.errors import IntegrityError, UsageError
from appliance.files import machine_errors

HINT = "ask whoever gave you the bundle for a fresh copy; do not use this one"
MAX_FILES = 1000
MAX_DEPTH = 8


def list_files(folder: Path) -> dict[str, Path]:
    """Return every file of a folder by its relative POSIX path.

    Raises:
        UsageError: the folder is missing or is no folder.
        IntegrityError: a symbolic or hard link, a special file, an empty folder, a name that is not
            plain text, or more files than a release can have; names it.
        MachineError: a folder cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(str(folder), "no such folder", hint="appliance verify BUNDLE --key PUB")
    found: dict[str, Path] = {}
    _walk(folder, "", found, depth=0)
    return found


def _walk(folder: Path, prefix: str, found: dict[str, Path], *, depth: int) -> None:
    with machine_errors(str(folder)), os.scandir(folder) as scan:
        entries = sorted(scan, key=lambda entry: entry.name)
    if not entries:
        raise IntegrityError(str(folder), "is an empty folder, which a release has not", hint=HINT)
    for entry in entries:
        name = f"{prefix}{entry.name}"
        path = folder / entry.name
        if not entry.name.isprintable():
            raise IntegrityError(str(folder), "holds a name that is not plain text", hint=HINT)
        with machine_errors(str(path)):
            status = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode) and depth < MAX_DEPTH:
            _walk(path, f"{name}/", found, depth=depth + 1)
            continue
        _plain(path, status)
        found[name] = path
        if len(found) > MAX_FILES:
            raise IntegrityError(str(folder), f"holds over {MAX_FILES} files", hint=HINT)


def _plain(path: Path, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise IntegrityError(str(path), "is a symbolic link, expected a plain file", hint=HINT)
    if not stat.S_ISREG(status.st_mode):
        raise IntegrityError(str(path), "is not a plain file", hint=HINT)
