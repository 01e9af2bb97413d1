"""The file of signed checkpoints: one note a line, the last of which a crash may have cut off."""

from __future__ import annotations

import json
import os
from pathlib import Path

from appliance.crypto.canonical import canonical_json
from appliance.errors import IntegrityError
from appliance.files import machine_errors, read_at, read_or_empty, sync_folder, write_all
from appliance.log.chain import COMPARE


def store_note(path: Path, note: str) -> None:
    """Append a checkpoint's note; the events' lock is held.

    Raises:
        MachineError: it cannot be written.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with machine_errors(str(path)):
        fd = os.open(path, flags, 0o600)
        try:
            data = read_at(fd, 0, os.fstat(fd).st_size)
            whole = data.rfind(b"\n") + 1
            os.ftruncate(fd, whole)
            os.lseek(fd, whole, os.SEEK_SET)
            write_all(fd, canonical_json({"note": note}) + b"\n")
            os.fsync(fd)
            if whole == 0:
                sync_folder(path.parent)
        finally:
            os.close(fd)


def read_notes(path: Path) -> list[str]:
    """Return the stored notes; one that was cut off was never signed for.

    Raises:
        IntegrityError: a line was altered.
    """
    lines = read_or_empty(path).split(b"\n")[:-1]
    notes = []
    for at, line in enumerate(lines):
        try:
            note = json.loads(line)["note"]
            sound = isinstance(note, str) and canonical_json({"note": note}) == line
        except (ValueError, KeyError, TypeError, RecursionError):
            sound = False
        if not sound:
            raise IntegrityError(str(path), f"bad hash: line {at + 1} was altered", hint=COMPARE)
        notes.append(note)
    return notes
