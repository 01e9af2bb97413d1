"""Keyed draws: every replacement is a function of a secret key, the person and the value.

Owns the pseudo-random choices of the operators. Refuses `random`: equal inputs must give equal
replacements in every run of a workspace, and nobody without the key may predict or invert them
(45 CFR 164.514(c): a re-identification code may not be derived from the person's data alone).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TypeVar

from typing_extensions import override

from appliance.crypto.canonical import keyed_digest

T = TypeVar("T")

_DIGITS = "0123456789"
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper()


class Draws:
    """An endless stream of pseudo-random choices under one key and label."""

    __slots__ = ("_block", "_counter", "_key", "_parts")

    def __init__(self, key: bytes, *parts: str) -> None:
        self._key = key
        self._parts = tuple(part.encode() for part in parts)
        self._counter = 0
        self._block = b""

    @override
    def __repr__(self) -> str:
        """Show nothing: key and label are private."""
        return "Draws(...)"

    def below(self, bound: int) -> int:
        """Return an integer in [0, bound), without modulo bias."""
        if not 0 < bound <= 2**63:
            msg = f"expected 0 < bound={bound} <= 2**63"
            raise ValueError(msg)
        limit = 2**64 - 2**64 % bound
        while True:
            if len(self._block) < 8:
                counter = self._counter.to_bytes(8, "big")
                self._block = keyed_digest(self._key, *self._parts, counter)
                self._counter += 1
            value = int.from_bytes(self._block[:8], "big")
            self._block = self._block[8:]
            if value < limit:
                return value % bound

    def choice(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[self.below(len(items))]

    def digits(self, count: int) -> str:
        """Return `count` decimal digits."""
        return "".join(_DIGITS[self.below(10)] for _ in range(count))

    def like(self, text: str) -> str:
        """Return `text` with each digit and letter replaced by one of its class."""
        return "".join(self._like(c) for c in text)

    def _like(self, c: str) -> str:
        if c.isdigit():
            return _DIGITS[self.below(10)]
        if c.isalpha():
            return (_UPPER if c.isupper() else _LOWER)[self.below(26)]
        return c


def pseudonym(key: bytes, entity_type: str, normalised: str) -> str:
    """Return the keyed pseudonym of a value, e.g. "PERSON_k3f9a2c7mq".

    Args:
        key: 32 bytes: the person's own key, so that pseudonyms do not link two persons.
        entity_type: written in front, so that the text still says what stood there.
        normalised: the value in its normal form, so that spellings of one value agree.

    Returns:
        The type, "_" and 50 bits of HMAC-SHA-256 in base32 (a-z, 2-7).

    Guarantees:
        Equal for equal values of one person; without the key nothing about the value can be
        computed, short of a collision of HMAC-SHA-256.
    """
    digest = keyed_digest(key, b"pseudonym", entity_type.encode(), normalised.encode())
    code = base64.b32encode(digest)[:10].decode().lower()
    return f"{entity_type}_{code}"
