"""Sealing and opening against raw AES-256-GCM, in one run on one machine.

Raw is `cryptography`'s AESGCM over the same 16 KiB chunks from and to memory. Ours is the whole
container through memory, and the vault with its file, fsync and index. CPU seconds of this process,
the best of nine interleaved rounds each, so that a busy machine or a slow disk blurs little.

Run: python bench/vault.py [MEBIBYTES]
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance.crypto.container import CHUNK_BYTES, OpeningReader, SealingWriter, seal
from appliance.crypto.keys import RootKey
from appliance.vault import Vault

ROUNDS = 9
STEP = 256 * 1024
#: The least share of raw speed that is acceptable.
SEAL_SHARE, OPEN_SHARE = 0.45, 0.60


class Nowhere(io.RawIOBase):
    """Takes everything, keeps nothing."""

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        return len(data)


def best(*actions: Callable[[], None]) -> list[float]:
    """Run all actions in turn, round after round; return each one's least time."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(ROUNDS):
        for kept, action in zip(times, actions, strict=True):
            start = time.process_time()
            action()
            kept.append(time.process_time() - start)
    return [min(kept) for kept in times]


def drain(reader: OpeningReader) -> None:
    buffer = bytearray(STEP)
    while reader.readinto(buffer):
        pass


def main() -> int:
    size = int(sys.argv[1] if len(sys.argv) > 1 else "64") * 2**20
    data, key, nonce = os.urandom(size), os.urandom(32), bytes(12)
    view, aead = memoryview(data), AESGCM(key)
    sealed_chunk = aead.encrypt(nonce, data[:CHUNK_BYTES], None)
    chunks = range(0, size, CHUNK_BYTES)

    def seal_raw() -> None:
        for at in chunks:
            aead.encrypt(nonce, view[at : at + CHUNK_BYTES], None)

    def open_raw() -> None:
        for _ in chunks:
            aead.decrypt(nonce, sealed_chunk, None)

    def seal_ours() -> None:
        with SealingWriter(Nowhere(), key, b"bench") as writer:
            for at in range(0, size, STEP):
                writer.write(view[at : at + STEP])

    sealed = seal(key, b"bench", data)
    with tempfile.TemporaryDirectory() as folder:
        vault = Vault.create(Path(folder) / "vault", scope="bench", root=RootKey.generate())
        raw_seal, our_seal, vault_seal, raw_open, our_open, vault_open = best(
            seal_raw,
            seal_ours,
            lambda: vault.write_bytes("bench/data", data),
            open_raw,
            lambda: drain(OpeningReader(io.BytesIO(sealed), key, b"bench")),
            lambda: drain(vault.reader("bench/data")),
        )
        start, reads = time.process_time(), 5000
        with vault.reader("bench/data") as reader:
            for number in range(reads):
                reader.seek(number * 7919 * 400 % (size - 400))
                reader.read(400)
        per_second = reads / (time.process_time() - start)
    for name, ours, raw in (
        ("seal, container", our_seal, raw_seal),
        ("open, container", our_open, raw_open),
        ("seal, vault on disk", vault_seal, raw_seal),
        ("open, vault on disk", vault_open, raw_open),
    ):
        speed, limit = size / ours / 1e9, size / raw / 1e9
        print(f"{name:22} {speed:5.2f} GB/s  raw {limit:5.2f}  {raw / ours:4.0%}")
    print(f"random reads of 400 bytes: {per_second:,.0f}/s")
    enough = raw_seal / our_seal >= SEAL_SHARE and raw_open / our_open >= OPEN_SHARE
    print(f"needed: seal {SEAL_SHARE:.0%}, open {OPEN_SHARE:.0%}: {'met' if enough else 'NOT met'}")
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
