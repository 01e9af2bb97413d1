"""Bytes of a source: unpacked, counted, brought to UTF-8, cut into lines.

Rules:
- Decoded bytes are counted as they appear; nothing a header or footer says is believed.
- A packed source may not grow beyond the policy's ratio, nor any source beyond its total.
- An encoding is never guessed: bytes that do not fit the policy's one are refused or set aside.
- A line longer than the policy's largest record is never held in memory whole.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

import pyarrow as pa

from appliance.errors import DataError
from appliance.files import machine_errors
from appliance.ingest.sources import Compression, SourceFile
from appliance.policy.model import Limits

BLOCK_BYTES = 256 * 1024
#: A packed source smaller than this is not held to the ratio: short texts pack very well.
_RATIO_FLOOR_BYTES = 64 * 1024
_UTF8_BOM = codecs.BOM_UTF8
_UTF16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class ByteStream(Protocol):
    """Anything decoded bytes come from."""

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes; empty at the end."""


class _Counted:
    """A raw file that says how much of it was read; what pyarrow needs of a file object."""

    closed = False

    def __init__(self, raw: BinaryIO, name: str, on_read: Callable[[int], None]) -> None:
        self._raw = raw
        self._name = name
        self._on_read = on_read
        self.stored_bytes = 0

    def read(self, size: int) -> bytes:
        """Return at most `size` stored bytes."""
        with machine_errors(self._name):
            block = self._raw.read(size)
        self.stored_bytes += len(block)
        self._on_read(len(block))
        return block

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say no: packed bytes are read once, forwards."""
        return False

    def close(self) -> None:
        """Leave closing to whoever opened the file."""


class DecodedStream:
    """The unpacked bytes of one source, within its limits."""

    def __init__(
        self,
        raw: BinaryIO,
        source: SourceFile,
        limits: Limits,
        on_read: Callable[[int], None],
    ) -> None:
        """Open an already opened file.

        Args:
            raw: the stored bytes.
            source: names it and says how it is packed.
            limits: bounds on decoded bytes.
            on_read: told of every stored byte, for progress.
        """
        self._name = source.name
        self._limits = limits
        self._packed = source.compression
        self._counted = _Counted(raw, source.name, on_read)
        self._inner: ByteStream = self._counted
        if source.compression is not None:
            self._inner = _unpacking(self._counted, source.compression)
        self.decoded_bytes = 0

    def read(self, size: int) -> bytes:
        """Return at most `size` decoded bytes; empty at the end.

        Raises:
            DataError: damaged or cut short, or beyond the limits.
        """
        try:
            block = self._inner.read(size)
        except (OSError, pa.ArrowException) as e:
            raise _damaged(self._name, self._packed, e) from None
        self.decoded_bytes += len(block)
        check_budget(
            self._name,
            self._limits,
            decoded=self.decoded_bytes,
            stored=self._counted.stored_bytes if self._packed else None,
        )
        return block


def check_budget(name: str, limits: Limits, *, decoded: int, stored: int | None) -> None:
    """Refuse a source that grew too much.

    Args:
        name: of the source.
        limits: the policy's bounds.
        decoded: bytes decoded so far.
        stored: stored bytes they came from; None when the source is not packed.

    Raises:
        DataError: a bound is exceeded.
    """
    if decoded > limits.max_decoded_bytes:
        raise DataError(
            name,
            f"decodes to more than {limits.max_decoded_bytes} bytes",
            hint="appliance policy explain data.limits.max_decoded_bytes",
        )
    if stored is not None and decoded > limits.max_ratio * max(stored, _RATIO_FLOOR_BYTES):
        raise DataError(
            name,
            f"decodes to more than {limits.max_ratio:g} times its stored size",
            hint="appliance policy explain data.limits.max_ratio",
        )


def _unpacking(counted: _Counted, compression: Compression) -> ByteStream:
    stream: ByteStream = pa.CompressedInputStream(pa.PythonFile(counted, mode="r"), compression)
    return stream


def _damaged(name: str, packed: Compression | None, cause: Exception) -> DataError:
    """Say in which way packed bytes are wrong, without quoting the library."""
    if "runcated" in str(cause):
        what = f"the {packed} data is cut short"
    else:
        what = f"the {packed} data is damaged or of another kind"
    return DataError(name, what, hint="fetch the file again, or unpack it to see what is in it")


class Utf8Stream:
    """A stream brought from the policy's encoding to UTF-8, byte order mark removed.

    Bytes that the encoding does not define come out as bytes that are not UTF-8, so that the row
    they are in is set aside later; a file that is wrong as a whole is refused at once.
    """

    def __init__(self, inner: ByteStream, name: str, encoding: str) -> None:
        """Read `inner`, the bytes of the source `name`, in the policy's `encoding`."""
        self._inner = inner
        self._name = name
        self._encoding = encoding
        self._started = False
        self._decoder: codecs.IncrementalDecoder | None = None
        if encoding != "utf-8":
            errors = "surrogatepass" if encoding == "utf-16" else "surrogateescape"
            self._decoder = codecs.getincrementaldecoder(encoding)(errors)

    def read(self, size: int) -> bytes:
        """Return about `size` bytes of UTF-8; empty at the end."""
        while True:
            block = self._inner.read(size)
            if not self._started:
                self._started = True
                block = self._begin(block)
            text = block if self._decoder is None else self._decoded(block)
            if text or not block:
                return text

    def _begin(self, block: bytes) -> bytes:
        """Check the first block and drop its byte order mark."""
        if self._encoding == "utf-8":
            if block.startswith(_UTF16_BOMS) or _mostly_nul(block):
                raise self._wrong("looks like utf-16")
            return block.removeprefix(_UTF8_BOM)
        if self._encoding == "utf-16":
            if not block.startswith(_UTF16_BOMS):
                raise self._wrong("has no utf-16 byte order mark")
            return block
        if block.startswith(_UTF16_BOMS) or _mostly_nul(block):
            raise self._wrong("looks like utf-16")
        if block.startswith(_UTF8_BOM) or _certainly_utf8(block):
            raise self._wrong("is valid utf-8")
        return block

    def _decoded(self, block: bytes) -> bytes:
        assert self._decoder is not None
        try:
            text = self._decoder.decode(block, final=not block)
        except UnicodeDecodeError:
            raise self._wrong("ends inside a character, or is damaged") from None
        errors = "surrogatepass" if self._encoding == "utf-16" else "surrogateescape"
        return text.encode("utf-8", errors)

    def _wrong(self, found: str) -> DataError:
        return wrong_encoding(self._name, self._encoding, found)


def wrong_encoding(name: str, encoding: str, found: str) -> DataError:
    """Return the refusal of a file whose bytes are not in the policy's encoding."""
    return DataError(
        name,
        f"the file {found}, the policy expects {encoding} (data.encoding)",
        hint="appliance policy explain data.encoding",
    )


def _mostly_nul(block: bytes) -> bool:
    head = block[:4096]
    return head.count(0) * 4 > len(head)


def _certainly_utf8(block: bytes) -> bool:
    """Whether a block has multi-byte characters and all of them are valid UTF-8."""
    if block.isascii():
        return False
    try:
        codecs.utf_8_decode(block, "strict", False)
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end.

    Attributes:
        number: 1-based.
        offset: of its first byte in the UTF-8 stream.
        data: its bytes, or their beginning when it is too long.
        too_long: whether the line exceeds the limit.
    """

    number: int
    offset: int
    data: bytes = field(repr=False)
    too_long: bool = False


#: How much of a line that is too long is kept for the quarantine.
KEPT_BYTES = 64 * 1024


def lines(stream: ByteStream, *, limit_bytes: int) -> Iterator[Line]:
    r"""Cut a stream at "\n", or at "\r" when the first block has only those.

    Args:
        stream: bytes of text.
        limit_bytes: longest line held in memory.

    Yields:
        Every line; one that is too long has its beginning only. The end of the last line is
        optional. A "\r" before "\n" stays with the line.
    """
    block = stream.read(BLOCK_BYTES)
    end = b"\r" if b"\r" in block and b"\n" not in block else b"\n"
    number = 0
    offset = 0
    tail: list[bytes] = []
    held = 0
    while block:
        pieces = block.split(end)
        for piece in pieces[:-1]:
            number += 1
            size = held + len(piece)
            data = b"".join([*tail, piece]) if tail else piece
            too_long = size > limit_bytes
            yield Line(number, offset, data[:KEPT_BYTES] if too_long else data, too_long)
            offset += size + 1
            tail.clear()
            held = 0
        if pieces[-1]:
            held += len(pieces[-1])
            # Beyond the limit only the length is followed, not the bytes.
            if held <= limit_bytes + BLOCK_BYTES:
                tail.append(pieces[-1])
        block = stream.read(BLOCK_BYTES)
    if held:
        too_long = held > limit_bytes
        data = b"".join(tail)
        yield Line(number + 1, offset, data[:KEPT_BYTES] if too_long else data, too_long)
