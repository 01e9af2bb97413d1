"""Seal a whole vault anew: every file under new data keys, in a folder beside the old one.

Rules:
- The old vault is read and stays as it is; the copy is complete before anything points to it.
- The copy goes on counting where the old vault stopped, so an older state stays older.
- Keys derived for people's digests (`Vault.keyed`) are carried over: the ledger follows people
  by them. They open no sealed byte.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from appliance.crypto.keys import RootKey
from appliance.files import make_private_folder
from appliance.vault.index import Index
from appliance.vault.stage_keys import KEYS_FILE, StageKeys
from appliance.vault.store import INDEX_STAGE, KEYED_STAGE, Vault

_BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """A vault's copy under new keys.

    Attributes:
        vault: the copy, open for writing.
        digests: sealed digest before -> after.
        plain_bytes: how many bytes were sealed anew.
    """

    vault: Vault
    digests: dict[str, str]
    plain_bytes: int


def reseal(old: Vault, folder: Path, root: RootKey) -> Resealed:
    """Copy a vault under new data keys, streaming.

    Args:
        old: the vault to copy.
        folder: must not exist; takes the copy.
        root: wraps the new data keys.

    Raises:
        IntegrityError: a byte of the old vault was altered.
        MachineError: the copy cannot be written; the old vault is as it was.

    Guarantees:
        No data key of the old vault opens a byte of the copy. Nothing is in clear on disk.
    """
    make_private_folder(folder)
    keys = StageKeys(folder / KEYS_FILE, old.scope, root)
    keys.get(INDEX_STAGE, create=True)
    keys.adopt(KEYED_STAGE, old._keys.get(KEYED_STAGE, create=False))
    copy = Vault(folder, old.scope, keys, writable=True)
    start = Index(epoch=old.head.epoch, next_number=old._index.next_number, entries={}, retired=())
    copy._save(start)
    digests: dict[str, str] = {}
    total = 0
    for name in old.names():
        with old.reader(name) as source, copy.writer(name) as sink:
            shutil.copyfileobj(cast("BinaryIO", source), cast("BinaryIO", sink), _BLOCK)
        digests[old.digest(name)] = copy.digest(name)
        total += copy.size(name)
    return Resealed(vault=copy, digests=digests, plain_bytes=total)
