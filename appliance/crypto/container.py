"""The one format private bytes are kept in: C2SP chunked-encryption, "Cobblestone-256".

AES-256-GCM over chunks of 16 KiB, key and nonce from HKDF-Expand-SHA-512, key commitment, random
access. No format of our own: another implementation opens these files given key and context.

    salt (24) || commitment (32) || chunk 0 || chunk 1 || ... || final chunk (shorter than 16 KiB)

Rules:
- No plaintext leaves before its chunk's tag has been checked, and none at all before the
  commitment has been checked and the final chunk opened (so truncation is seen first).
- A failure says "altered, truncated or mis-keyed" and no more: which of them is not ours to guess.

Reference:
    c2sp.org/chunked-encryption; checked by the Wycheproof vectors in tests/vectors/container.
"""

from __future__ import annotations

import hashlib
import io
import secrets
from types import TracebackType
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from typing_extensions import Buffer, override

from appliance.crypto.canonical import DIGEST_PREFIX, same_digest
from appliance.crypto.schedule import (
    CHUNK_BYTES,
    HEADER_BYTES,
    SALT_BYTES,
    SEALED_CHUNK_BYTES,
    TAG_BYTES,
    Schedule,
    sealed_bytes,
)
from appliance.errors import IntegrityError

__all__ = [
    "CHUNK_BYTES",
    "HEADER_BYTES",
    "OpeningReader",
    "SealingWriter",
    "open_",
    "seal",
    "sealed_bytes",
]

#: Chunks sealed or opened between two calls to the operating system.
_BATCH = 16


def seal(key: bytes, context: bytes, plaintext: bytes) -> bytes:
    """Seal a message that fits in memory.

    Args:
        key: 32 uniformly random bytes.
        context: what the message is; opening needs the same bytes.
        plaintext: the message.

    Returns:
        The container: 72 bytes longer than the plaintext, plus 16 for each full 16 KiB.
    """
    sink = io.BytesIO()
    with SealingWriter(sink, key, context) as writer:
        writer.write(plaintext)
    return sink.getvalue()


def open_(key: bytes, context: bytes, ciphertext: bytes, *, where: str = "sealed bytes") -> bytes:
    """Open a message that fits in memory.

    Raises:
        IntegrityError: altered, truncated, extended, or another key or context.
        ValueError: the key is not 32 bytes long.
    """
    with OpeningReader(io.BytesIO(ciphertext), key, context, where=where) as reader:
        return reader.readall()


class SealingWriter(io.RawIOBase):
    """Seal a stream into a sink; the message is complete only after `close`.

    Guarantees:
        Less than one chunk of plaintext is held between writes. A message that was never closed,
        or whose body raised in a `with` block, has no final chunk and never opens.
    """

    def __init__(self, sink: BinaryIO, key: bytes, context: bytes) -> None:
        """Start a message.

        Args:
            sink: takes the sealed bytes in order; it is left open.
            key: 32 uniformly random bytes.
            context: what the message is.
        """
        super().__init__()
        self._aborted = False
        salt = secrets.token_bytes(SALT_BYTES)
        self._schedule = Schedule.derive(key, salt, context)
        self._sink = sink
        self._pending = bytearray()
        self._out = memoryview(bytearray(_BATCH * SEALED_CHUNK_BYTES))
        self._chunk = 0
        self._plain_bytes = 0
        self.header = salt + self._schedule.commitment
        self._digest = hashlib.sha256(self.header)
        _write_all(sink, memoryview(self.header))

    @override
    def writable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._plain_bytes

    @override
    def write(self, data: Buffer, /) -> int:
        """Take plaintext; full chunks are sealed and passed on at once."""
        if self.closed or self._aborted:
            raise ValueError("write to a closed message")
        view = memoryview(data).cast("B")
        taken = len(view)
        if self._pending:
            room = CHUNK_BYTES - len(self._pending)
            self._pending += view[:room]
            view = view[room:]
            if len(self._pending) == CHUNK_BYTES:
                self._seal_full(memoryview(bytes(self._pending)))
                self._pending.clear()
        whole = len(view) - len(view) % CHUNK_BYTES
        self._seal_full(view[:whole])
        self._pending += view[whole:]
        self._plain_bytes += taken
        return taken

    @override
    def close(self) -> None:
        """Seal the final chunk; the sink stays open."""
        if self.closed:
            return
        try:
            if not self._aborted:
                sealed = self._schedule.aead.encrypt(
                    self._schedule.nonce(self._chunk), bytes(self._pending), None
                )
                self._digest.update(sealed[-TAG_BYTES:])
                _write_all(self._sink, memoryview(sealed))
        except BaseException:
            self._aborted = True
            raise
        finally:
            self._pending.clear()
            super().close()

    def abort(self) -> None:
        """End without a final chunk: what was written never opens."""
        self._aborted = True
        self.close()

    def digest(self) -> str:
        """Return "sha256:<hex>" over the header and every chunk's tag, after `close`.

        Guarantees:
            Without the key nobody can change a sealed byte so that it still opens under an
            unchanged digest: the header fixes the message's keys, the tags its chunks. Hashing
            the tags alone costs a thousandth of hashing the bytes.
        """
        if not self.closed or self._aborted:
            raise ValueError("the message is not complete")
        return DIGEST_PREFIX + self._digest.hexdigest()

    @property
    def plain_bytes(self) -> int:
        """Bytes of plaintext taken so far."""
        return self._plain_bytes

    def _seal_full(self, view: memoryview) -> None:
        """Seal and pass on a whole number of full chunks."""
        encrypt = self._schedule.aead.encrypt_into
        for start in range(0, len(view), _BATCH * CHUNK_BYTES):
            batch = view[start : start + _BATCH * CHUNK_BYTES]
            end = 0
            for at in range(0, len(batch), CHUNK_BYTES):
                sealed = self._out[end : end + SEALED_CHUNK_BYTES]
                nonce = self._schedule.nonce(self._chunk)
                encrypt(nonce, batch[at : at + CHUNK_BYTES], None, sealed)
                self._digest.update(sealed[CHUNK_BYTES:])
                self._chunk += 1
                end += SEALED_CHUNK_BYTES
            _write_all(self._sink, self._out[:end])

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._aborted = True
        self.close()

    @override
    def __del__(self) -> None:
        # io.IOBase closes on collection, which would complete a message nobody finished.
        self._aborted = True


class OpeningReader(io.RawIOBase):
    """Read a sealed message at any position; everything returned has been authenticated.

    Guarantees:
        The length is authenticated when the reader is made. Once a chunk has failed to open,
        every later read fails.
    """

    def __init__(
        self, source: BinaryIO, key: bytes, context: bytes, *, where: str = "sealed bytes"
    ) -> None:
        """Check the commitment and the final chunk.

        Args:
            source: the container, seekable; closed with the reader.
            key: the key it was sealed with.
            context: the context it was sealed with.
            where: named in the error, e.g. the file's path.

        Raises:
            IntegrityError: altered, truncated, extended, or another key or context.
            ValueError: the key is not 32 bytes long.
        """
        super().__init__()
        self._source = source
        self._where = where
        self._failed = False
        self._position = 0
        body = source.seek(0, io.SEEK_END) - HEADER_BYTES
        self._full_chunks, final = divmod(body, SEALED_CHUNK_BYTES)
        if body < 0 or final < TAG_BYTES:
            raise self._failure()
        source.seek(0)
        self.header = source.read(HEADER_BYTES)
        salt, commitment = self.header[:SALT_BYTES], self.header[SALT_BYTES:]
        self._schedule = Schedule.derive(key, salt, context)
        if not same_digest(commitment, self._schedule.commitment):
            raise self._failure()
        self._final_bytes = final - TAG_BYTES
        self._in = memoryview(bytearray(_BATCH * SEALED_CHUNK_BYTES))
        self._cached: tuple[int, bytes] = (-1, b"")
        self._chunk(self._full_chunks)

    @property
    def size(self) -> int:
        """Bytes of plaintext; authenticated."""
        return self._full_chunks * CHUNK_BYTES + self._final_bytes

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._position

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("seek before the start")
        self._position = base + offset
        return self._position

    @override
    def readall(self) -> bytes:
        out = bytearray(max(0, self.size - self._position))
        done = self.readinto(out)
        return bytes(out if done == len(out) else out[:done])

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        """Fill `buffer` from the current position.

        Raises:
            IntegrityError: a chunk in the range does not open.
        """
        if self.closed:
            raise ValueError("read of a closed message")
        if self._failed:
            raise self._failure()
        out = memoryview(buffer).cast("B")
        want = max(0, min(len(out), self.size - self._position))
        done = 0
        while done < want:
            chunk, offset = divmod(self._position + done, CHUNK_BYTES)
            whole = 0 if offset else min((want - done) // CHUNK_BYTES, self._full_chunks - chunk)
            if whole > 0:
                done += self._open_into(out[done:want], chunk, min(whole, _BATCH))
            else:
                part = self._chunk(chunk)[offset : offset + want - done]
                out[done : done + len(part)] = part
                done += len(part)
        self._position += done
        return done

    @override
    def close(self) -> None:
        if not self.closed:
            self._cached = (-1, b"")
            self._source.close()
        super().close()

    def digest(self) -> str:
        """Return the digest `SealingWriter.digest` gave, read from the stored tags."""
        digest = hashlib.sha256(self.header)
        for chunk in range(self._full_chunks + 1):
            plain = CHUNK_BYTES if chunk < self._full_chunks else self._final_bytes
            self._source.seek(HEADER_BYTES + chunk * SEALED_CHUNK_BYTES + plain)
            digest.update(self._source.read(TAG_BYTES))
        return DIGEST_PREFIX + digest.hexdigest()

    def _open_into(self, out: memoryview, chunk: int, count: int) -> int:
        """Open `count` full chunks straight into `out`; return the bytes written."""
        sealed = self._in[: count * SEALED_CHUNK_BYTES]
        self._fetch(chunk, sealed)
        decrypt = self._schedule.aead.decrypt_into
        for i in range(count):
            target = out[i * CHUNK_BYTES : (i + 1) * CHUNK_BYTES]
            source = sealed[i * SEALED_CHUNK_BYTES : (i + 1) * SEALED_CHUNK_BYTES]
            try:
                decrypt(self._schedule.nonce(chunk + i), source, None, target)
            except InvalidTag:
                # The cipher may have written before it saw the tag.
                target[:] = bytes(len(target))
                raise self._failure() from None
        return count * CHUNK_BYTES

    def _chunk(self, chunk: int) -> bytes:
        """Return the plaintext of one chunk; the last one opened is kept."""
        if self._cached[0] == chunk:
            return self._cached[1]
        plain = CHUNK_BYTES if chunk < self._full_chunks else self._final_bytes
        sealed = self._in[: plain + TAG_BYTES]
        self._fetch(chunk, sealed)
        try:
            opened = self._schedule.aead.decrypt(self._schedule.nonce(chunk), sealed, None)
        except InvalidTag:
            raise self._failure() from None
        self._cached = (chunk, opened)
        return opened

    def _fetch(self, chunk: int, into: memoryview) -> None:
        """Read sealed bytes from the start of `chunk`; a short file is a failure."""
        self._source.seek(HEADER_BYTES + chunk * SEALED_CHUNK_BYTES)
        while len(into) > 0:
            got = self._source.readinto(into)  # type: ignore[attr-defined]  # every binary file has it
            if not got:
                raise self._failure()
            into = into[got:]

    def _failure(self) -> IntegrityError:
        """Mark the message as failed and return the error that says so."""
        self._failed = True
        return IntegrityError(
            self._where,
            "altered, truncated or mis-keyed",
            hint="restore it from a backup, or appliance doctor",
        )


def _write_all(sink: BinaryIO, view: memoryview) -> None:
    """Write everything: an unbuffered file may take less than it is given."""
    while len(view) > 0:
        view = view[sink.write(view) :]
