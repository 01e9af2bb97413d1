"""The key hierarchy below the slots: one root key, data keys wrapped by it, a key per file.

    root key  --AES-256-KWP-->  data key per vault and stage  --HKDF-Expand-->  key per file

The root key encrypts no data: it only wraps, and keys the MACs of the files that hold wrapped
keys. So it can be replaced by re-wrapping, however much is sealed.

NOTE: Python cannot erase memory for certain. Keys live in `bytearray` where they can and are wiped
when the workspace closes: best effort, and claimed as no more.

Reference:
    RFC 5649 and SP 800-38F (KWP), RFC 5869 (HKDF).
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)

from appliance.crypto.canonical import keyed_digest, same_digest
from appliance.errors import UsageError
from appliance.files import create_private, machine_errors, write_all

KEY_BYTES = 32


class RootKey:
    """The workspace's root key, in memory while the workspace is open."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes | bytearray) -> None:
        """Take a key of 32 uniformly random bytes; a copy is kept."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"expected a root key of {KEY_BYTES} bytes, got {len(key)}")
        self._key = bytearray(key)

    @classmethod
    def generate(cls) -> Self:
        """Make a new root key."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @property
    def key_id(self) -> str:
        """16 hex digits that name this root key and say nothing about it."""
        return derive_key(self._key, b"appliance/root/id").hex()[:16]

    def wrap(self, key: bytes) -> bytes:
        """Wrap a data key (AES-256-KWP)."""
        return aes_key_wrap_with_padding(self._key, key)

    def unwrap(self, wrapped: bytes) -> bytes | None:
        """Unwrap a data key; None when this root key did not wrap it."""
        return unwrap_key(self._key, wrapped)

    def mac(self, purpose: bytes, data: bytes) -> bytes:
        """Return a MAC over `data`, with a key of its own per purpose."""
        return keyed_digest(derive_key(self._key, b"appliance/root/mac/" + purpose), data)

    def holds(self, purpose: bytes, data: bytes, mac: bytes) -> bool:
        """Say whether `mac` is this root key's MAC over `data`."""
        return same_digest(self.mac(purpose, data), mac)

    def wrapped_under(self, slot_key: bytes) -> bytes:
        """Return the root key itself, wrapped under a slot's key."""
        return aes_key_wrap_with_padding(slot_key, self._key)

    def exposed(self) -> bytes:
        """Return a copy of the bytes, for a device that wraps them."""
        return bytes(self._key)

    def wipe(self) -> None:
        """Overwrite the key in memory; the object is useless afterwards."""
        self._key[:] = bytes(len(self._key))


def unwrap_key(wrapping_key: bytes | bytearray, wrapped: bytes) -> bytes | None:
    """Unwrap AES-256-KWP; None when the wrapping key is another one or the bytes were altered."""
    try:
        key = aes_key_unwrap_with_padding(bytes(wrapping_key), wrapped)
    except (InvalidUnwrap, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None


def derive_key(key: bytes | bytearray, context: bytes) -> bytes:
    """Derive a key of 32 bytes from a uniformly random one (HKDF-Expand-SHA-256).

    Guarantees:
        Different contexts give independent keys.
    """
    return HKDFExpand(hashes.SHA256(), KEY_BYTES, context).derive(bytes(key))


def make_key_file(path: Path) -> None:
    """Create a key file: 32 random bytes, readable by the owner only.

    Raises:
        UsageError: the path exists already.
        MachineError: it cannot be written.
    """
    with machine_errors(str(path)):
        try:
            fd = create_private(path)
        except FileExistsError:
            raise UsageError(
                str(path), "the file exists already", hint="give a path that does not exist"
            ) from None
        with open(fd, "wb", buffering=0) as sink:  # noqa: PTH123 - a descriptor, not a path
            write_all(sink.fileno(), secrets.token_bytes(KEY_BYTES))
