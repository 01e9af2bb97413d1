"""A keyed stream of pseudo-random bytes: AES-256 in counter mode, addressed by block.

The caller names a 16-byte counter block; the same (key, block) always gives the same bytes. Whoever
lays out the block keeps ranges apart: the last eight bytes count blocks and should start at zero.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

KEY_BYTES: Final = 32
BLOCK_BYTES: Final = 16
#: A piece that stays in the processor's cache; fresh pages cost more than the cipher.
_ZEROS: Final = bytes(2**14)


def keystream(key: bytes, *, counter_block: bytes, n_bytes: int) -> bytearray:
    """Expand a key into bytes that look random to whoever lacks the key.

    Args:
        key: 32 secret bytes.
        counter_block: 16 bytes; the first block encrypted, then counted up as a big-endian number.
        n_bytes: how many bytes to return.

    Returns:
        `n_bytes` bytes, a pure function of the arguments.

    Raises:
        ValueError: key or counter block of another length, or a negative count.

    Guarantees:
        Two calls with one key whose counter ranges do not overlap return bytes that are
        indistinguishable from independent uniform ones, under AES-256 as a pseudo-random
        permutation and up to n^2 / 2^129 for n blocks in all (2^-57 at 2^36 blocks: a terabyte).

    Reference:
        NIST SP 800-38A, section 6.5 (CTR), of an all-zero plaintext; PRP/PRF switching lemma for
        the bound.
    """
    if len(key) != KEY_BYTES:
        msg = f"expected a key of {KEY_BYTES} bytes"
        raise ValueError(msg)
    if len(counter_block) != BLOCK_BYTES or n_bytes < 0:
        msg = f"expected a counter block of {BLOCK_BYTES} bytes and n_bytes >= 0"
        raise ValueError(msg)
    out = bytearray(n_bytes + BLOCK_BYTES - 1)
    encryptor = Cipher(algorithms.AES256(key), modes.CTR(counter_block)).encryptor()
    with memoryview(out) as view:
        for start in range(0, n_bytes, len(_ZEROS)):
            size = min(len(_ZEROS), n_bytes - start)
            encryptor.update_into(_ZEROS[:size], view[start:])
    del out[n_bytes:]
    return out
