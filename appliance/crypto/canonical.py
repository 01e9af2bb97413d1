"""Canonical bytes and digests: what is signed, MAC'd and compared.

Digests are written "sha256:<hex>". A digest of a personal value is always keyed: a plain hash of
a name or number can be guessed.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

import rfc8785

DIGEST_PREFIX = "sha256:"


def canonical_json(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return the RFC 8785 bytes of a JSON value.

    Raises:
        ValueError: NaN, an infinity, an integer beyond 2**53 or a type JSON does not have.
    """
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        # The library's message quotes the value, which may be private.
        raise ValueError("value has no canonical JSON") from None


def digest_bytes(data: bytes | bytearray | memoryview) -> str:
    """Return "sha256:<hex>" of `data`."""
    return DIGEST_PREFIX + hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """Return "sha256:<hex>" of a file's bytes, read in bounded memory."""
    with path.open("rb") as source:
        return DIGEST_PREFIX + hashlib.file_digest(source, "sha256").hexdigest()


def keyed_digest(key: bytes, *parts: bytes) -> bytes:
    """Return HMAC-SHA-256 over the parts, each preceded by its length.

    Args:
        key: 32 bytes.
        parts: any number of byte strings.

    Returns:
        32 bytes.

    Guarantees:
        Different part lists never feed the MAC the same bytes: ("ab", "c") and ("a", "bc") differ.
    """
    if len(key) != 32:
        raise ValueError(f"expected a key of 32 bytes, got {len(key)}")
    mac = hmac.new(key, len(parts).to_bytes(8, "big"), hashlib.sha256)
    for part in parts:
        mac.update(len(part).to_bytes(8, "big"))
        mac.update(part)
    return mac.digest()


def same_digest(left: bytes, right: bytes) -> bool:
    """Compare two MACs in time that does not depend on where they differ."""
    return hmac.compare_digest(left, right)
