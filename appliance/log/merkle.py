"""RFC 9162 Merkle tree hashes over a list of entries: what a checkpoint signs.

Reference:
    RFC 9162 section 2.1.1. SHA-256; leaves are prefixed 0x00, nodes 0x01.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of one entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def tree_root(entries: Iterable[bytes]) -> bytes:
    """Return the Merkle tree head of the entries, in order.

    Returns:
        32 bytes; the hash of nothing for no entries.
    """
    stack: list[tuple[int, bytes]] = []
    for entry in entries:
        _push(stack, entry)
    return _head(stack)


def tree_roots(entries: Iterable[bytes], sizes: Collection[int]) -> Iterator[tuple[int, bytes]]:
    """Yield (size, head over the first `size` entries) for each wanted size, hashing once."""
    stack: list[tuple[int, bytes]] = []
    if 0 in sizes:
        yield 0, _head(stack)
    for size, entry in enumerate(entries, 1):
        _push(stack, entry)
        if size in sizes:
            yield size, _head(stack)


def _push(stack: list[tuple[int, bytes]], entry: bytes) -> None:
    """Add an entry to a stack of complete subtrees: one hash per set bit of the count."""
    height, digest = 0, leaf_hash(entry)
    while stack and stack[-1][0] == height:
        digest = _node(stack.pop()[1], digest)
        height += 1
    stack.append((height, digest))


def _head(stack: list[tuple[int, bytes]]) -> bytes:
    """Join the complete subtrees, the smallest first."""
    if not stack:
        return hashlib.sha256().digest()
    digest = stack[-1][1]
    for _, left in reversed(stack[:-1]):
        digest = _node(left, digest)
    return digest


def _node(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()
