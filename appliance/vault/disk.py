"""The vault's two dealings with the disk itself: taking sealed bytes, and burning keys."""

from __future__ import annotations

import io
import os
from pathlib import Path

from typing_extensions import Buffer, override

from appliance.files import machine_errors, overwrite_and_remove, sync_folder, write_all
from appliance.vault.stage_keys import KEYS_FILE


class SealedSink(io.RawIOBase):
    """The sealed side of a writer: a descriptor whose failures are MachineErrors."""

    def __init__(self, descriptor: int, where: str) -> None:
        super().__init__()
        self.descriptor = descriptor
        self._where = where

    @override
    def writable(self) -> bool:
        return True

    @override
    def write(self, data: Buffer, /) -> int:
        view = memoryview(data)
        with machine_errors(self._where):
            write_all(self.descriptor, view)
        return len(view)

    @override
    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self.descriptor)


def burn_keys(folder: Path) -> None:
    """Overwrite a vault's wrapped data keys, then remove them; the sealed files stay.

    Raises:
        MachineError: the machine cannot write there, or the old bytes can still be read back.

    Guarantees:
        From then on no file of the vault opens, with or without the root key. Copies of the key
        file elsewhere (backups, snapshots) are not reached.
    """
    keys = folder / KEYS_FILE
    if keys.exists():
        overwrite_and_remove(keys)


def destroy_vault(folder: Path) -> None:
    """Burn a vault's wrapped data keys, then remove its files; goes on where a crash stopped it.

    Raises:
        MachineError: the machine cannot write there.
    """
    burn_keys(folder)
    with machine_errors(str(folder)):
        for entry in list(os.scandir(folder)):
            os.unlink(entry.path)  # noqa: PTH108
        os.rmdir(folder)  # noqa: PTH106
        sync_folder(folder.parent)
