"""The data keys of one vault, one per stage, wrapped by the root key (`keys.json`).

Rules:
- The file is canonical JSON under a MAC keyed by the root key and bound to the vault's scope.
- A stage's key is made at its first write and wrapped before any byte is sealed with it.
- Re-wrapping changes this file only. Overwriting it burns the vault.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import threading
from pathlib import Path
from typing import Self

from appliance.crypto.canonical import canonical_json
from appliance.crypto.keys import KEY_BYTES, RootKey
from appliance.errors import IntegrityError
from appliance.files import read_regular, write_atomic

FORMAT = "appliance-vault-keys/1"
KEYS_FILE = "keys.json"

_PURPOSE = b"vault-keys"
_MAX_BYTES = 16 * 1024 * 1024
_HINT = "restore it from a backup, or purge the run"


class StageKeys:
    """Data keys by stage, unwrapped on demand."""

    def __init__(self, path: Path, scope: str, root: RootKey) -> None:
        """Start with no keys; `load` reads them."""
        self.path = path
        self._scope = scope
        self._root = root
        self._wrapped: dict[str, bytes] = {}
        self._keys: dict[str, bytearray] = {}
        self._guard = threading.RLock()

    @classmethod
    def load(cls, path: Path, scope: str, root: RootKey) -> Self:
        """Read the file and check its MAC.

        Raises:
            IntegrityError: missing, altered, or of another workspace or vault.
            MachineError: it cannot be read.
        """
        keys = cls(path, scope, root)
        try:
            data = read_regular(path, limit_bytes=_MAX_BYTES)
        except FileNotFoundError:
            raise IntegrityError(
                str(path), "the vault's keys are gone: destroyed or deleted", hint=_HINT
            ) from None
        try:
            body = json.loads(data)
            mac = base64.b64decode(body.pop("mac"), validate=True)
            keys._wrapped = {s: base64.b64decode(w) for s, w in body["keys"].items()}
            whole = keys._encoded()
            authentic = root.holds(_PURPOSE, canonical_json(body), mac) and whole == data
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
            authentic = False
        if not authentic:
            raise IntegrityError(str(path), "altered, or of another workspace or vault", hint=_HINT)
        return keys

    def get(self, stage: str, *, create: bool) -> bytes:
        """Return a stage's key.

        Args:
            stage: first part of a logical name, or one of the vault's own.
            create: make and store it if the stage has none.

        Raises:
            IntegrityError: there is none, or it does not unwrap.
            MachineError: a new one cannot be stored.
        """
        with self._guard:
            key = self._keys.get(stage)
            if key is None:
                key = bytearray(self._make(stage) if create else self._unwrap(stage))
                self._keys[stage] = key
            return bytes(key)

    def adopt(self, stage: str, key: bytes) -> None:
        """Take over a key made elsewhere for a stage that has none."""
        self._wrapped[stage] = self._root.wrap(key)
        self.save()

    def wrapped(self) -> tuple[bytes, ...]:
        """Return the wrapped keys, as the file holds them."""
        return tuple(self._wrapped.values())

    def rewrap(self, root: RootKey) -> None:
        """Wrap every key under another root key and store the result, atomically."""
        wrapped = {stage: root.wrap(self._unwrap(stage)) for stage in self._wrapped}
        self._root, self._wrapped = root, wrapped
        self.save()

    def save(self) -> None:
        """Store the wrapped keys, atomically."""
        write_atomic(self.path, self._encoded())

    def wipe(self) -> None:
        """Overwrite the unwrapped keys in memory."""
        for key in self._keys.values():
            key[:] = bytes(len(key))
        self._keys.clear()

    def _make(self, stage: str) -> bytes:
        """Return a stage's key, made and stored if there was none."""
        if stage in self._wrapped:
            return self._unwrap(stage)
        key = secrets.token_bytes(KEY_BYTES)
        self._wrapped[stage] = self._root.wrap(key)
        try:
            self.save()
        except BaseException:
            del self._wrapped[stage]
            raise
        return key

    def _unwrap(self, stage: str) -> bytes:
        """Unwrap a stage's key."""
        key = self._root.unwrap(self._wrapped.get(stage, b""))
        if key is None:
            raise IntegrityError(str(self.path), f"no key for stage {stage}", hint=_HINT)
        return key

    def _encoded(self) -> bytes:
        """Return the file's bytes."""
        body = {
            "format": FORMAT,
            "scope": self._scope,
            "root": self._root.key_id,
            "keys": {s: base64.b64encode(w).decode() for s, w in sorted(self._wrapped.items())},
        }
        mac = base64.b64encode(self._root.mac(_PURPOSE, canonical_json(body))).decode()
        return canonical_json({**body, "mac": mac}) + b"\n"
