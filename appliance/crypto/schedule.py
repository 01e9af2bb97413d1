"""The container's sizes and key schedule, as the specification states them.

Reference:
    c2sp.org/chunked-encryption, "Key derivation" and "AEAD usage".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

KEY_BYTES = 32
SALT_BYTES = 24
COMMITMENT_BYTES = 32
HEADER_BYTES = SALT_BYTES + COMMITMENT_BYTES
CHUNK_BYTES = 16 * 1024
TAG_BYTES = 16
NONCE_BYTES = 12
MAX_CHUNKS = 2**38

SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES
_INFO = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"


def sealed_bytes(plain_bytes: int) -> int:
    """Return the size of the container of a message of `plain_bytes`."""
    chunks, rest = divmod(plain_bytes, CHUNK_BYTES)
    return HEADER_BYTES + chunks * SEALED_CHUNK_BYTES + rest + TAG_BYTES


@dataclass(frozen=True, slots=True)
class Schedule:
    """The single-use key, base nonce and commitment of one message."""

    aead: AESGCM = field(repr=False)
    base_nonce: int = field(repr=False)
    commitment: bytes

    @classmethod
    def derive(cls, key: bytes, salt: bytes, context: bytes) -> Self:
        """Derive them as the specification's "Key derivation" says."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"expected a key of {KEY_BYTES} bytes, got {len(key)}")
        length = KEY_BYTES + NONCE_BYTES + COMMITMENT_BYTES
        expand = HKDFExpand(hashes.SHA512(), length, _INFO + salt + context)
        material = expand.derive(key)
        return cls(
            AESGCM(material[:KEY_BYTES]),
            int.from_bytes(material[KEY_BYTES : KEY_BYTES + NONCE_BYTES], "big"),
            material[KEY_BYTES + NONCE_BYTES :],
        )

    def nonce(self, chunk: int) -> bytes:
        """Return the nonce of chunk number `chunk`."""
        if chunk >= MAX_CHUNKS:
            raise ValueError("message longer than 2**38 chunks")
        return (self.base_nonce ^ chunk).to_bytes(NONCE_BYTES, "big")
