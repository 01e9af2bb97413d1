"""The real values of a data set, remembered without holding them.

Owns a Bloom filter over keyed digests: it never forgets a value it was given, and now and then
claims one it was not, so a surrogate it clears is certainly no real value. Memory is fixed, however
large the corpus.
"""

from __future__ import annotations

import math

from typing_extensions import override

from appliance.crypto.canonical import keyed_digest

#: Bits of the filter for a corpus of unknown size: 16 MiB hold 10 million values at 0.2 %.
DEFAULT_BITS = 1 << 27
_HASHES = 7


class RealValues:
    """A set that can be asked, never listed."""

    def __init__(self, key: bytes, *, bits: int = DEFAULT_BITS) -> None:
        """Make an empty set.

        Args:
            key: 32 bytes; the filter alone tells nothing without it.
            bits: size of the filter, a power of two.
        """
        if bits < 64 or bits & (bits - 1):
            msg = f"expected bits={bits} to be a power of two of at least 64"
            raise ValueError(msg)
        self._key = key
        self._mask = bits - 1
        self._filter = bytearray(bits // 8)
        self.added = 0

    @override
    def __repr__(self) -> str:
        """Show the count alone."""
        return f"RealValues(added={self.added})"

    def add(self, normalised: str) -> None:
        """Remember a value in its normal form."""
        for position in self._positions(normalised):
            self._filter[position >> 3] |= 1 << (position & 7)
        self.added += 1

    def __contains__(self, normalised: str) -> bool:
        """Tell whether a value may have been added; False is certain."""
        return all(self._filter[p >> 3] & (1 << (p & 7)) for p in self._positions(normalised))

    def false_positive_rate(self) -> float:
        """Return the chance that a value never added is claimed."""
        filled = 1.0 - math.exp(-_HASHES * self.added / (self._mask + 1))
        return float(filled**_HASHES)

    def _positions(self, normalised: str) -> list[int]:
        digest = keyed_digest(self._key, normalised.encode())
        low = int.from_bytes(digest[:8], "big")
        high = int.from_bytes(digest[8:16], "big") | 1
        return [(low + i * high) & self._mask for i in range(_HASHES)]
