"""What a Parquet file will really decode to, from its page headers, before a page is decoded.

A footer is only a claim: a file of 8 MB whose footer says 8 MB can decode to 80 GB. The page
headers are what the decoder obeys, so they are walked here, in bounded memory, and hold:

- no page larger than a bound when unpacked (the decoder allocates it whole);
- no row group with more list members than a bound (one row's list is decoded whole);
- strings in another encoding than plain or dictionary, which the library cannot keep as a
  dictionary, make batches small: one page of them can spell every value in full, but no value is
  longer than its page.

Reference:
    Apache Parquet format, parquet.thrift: PageHeader, DataPageHeader, DataPageHeaderV2;
    Apache Thrift compact protocol. Only what is needed is read; the rest is stepped over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

import pyarrow.parquet as pq

from appliance.errors import DataError

MIB = 1024 * 1024
#: Rows of a batch, for files without surprises.
BATCH_ROWS = 256
#: Bytes a batch of spelled-out strings may come to.
_BATCH_BYTES = 64 * MIB
#: List members of one column in one row group.
_MAX_MEMBERS = 32 * MIB
_MAX_FIXED_BYTES = 64 * 1024
#: PLAIN, PLAIN_DICTIONARY and RLE_DICTIONARY: what the library can read into a dictionary.
_KEPT_ENCODINGS = frozenset({0, 2, 8})
_WINDOW = 64 * 1024
_MAX_HEADER = 16 * MIB

_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(
    13
)
#: Field of PageHeader that holds a page kind's own header -> its field that names the encoding.
_KINDS = {5: 2, 7: 2, 8: 4}


class _Broken(Exception):  # noqa: N818 - a signal between functions of this file
    pass


@dataclass(slots=True)
class _Page:
    unpacked_bytes: int = -1
    packed_bytes: int = -1
    values: int = 0
    encoding: int = -1
    is_data: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """How a file may be decoded.

    Attributes:
        rows: of a batch, at least 1.
        dictionary_columns: paths of string columns whose dictionaries are to be kept.
    """

    rows: int
    dictionary_columns: tuple[str, ...]


def plan_batches(
    file: pq.ParquetFile, raw: BinaryIO, *, name: str, max_page_bytes: int
) -> BatchPlan:
    """Walk all page headers and settle how the file may be decoded.

    Args:
        file: the opened file, for the places of the column chunks.
        raw: the same file's bytes, seekable.
        name: of the source, for errors.
        max_page_bytes: largest page, unpacked.

    Raises:
        DataError: a page, a list column or a fixed-size column is too large, or the pages are
            not where the footer says.

    Guarantees:
        Whatever the footer says, decoding a batch of that many rows with those dictionaries kept
        allocates for each column at most a few pages of `max_page_bytes`.
    """
    rows = BATCH_ROWS
    dictionaries: list[str] = []
    for index in range(file.metadata.num_columns):
        column = file.schema.column(index)
        if column.physical_type == "FIXED_LEN_BYTE_ARRAY" and column.length > _MAX_FIXED_BYTES:
            raise _bomb(name, index, "values of a fixed size that is too large")
        chunks = [_chunk(file, group, index, raw, name) for group in range(file.num_row_groups)]
        largest = max((c.largest_bytes for c in chunks), default=0)
        if largest > max_page_bytes:
            raise _bomb(name, index, f"a page beyond {max_page_bytes} bytes when unpacked")
        text = column.physical_type == "BYTE_ARRAY"
        kept = all(c.encodings <= _KEPT_ENCODINGS for c in chunks)
        if column.max_repetition_level > 0:
            most = max((c.values for c in chunks), default=0)
            if most > _MAX_MEMBERS or (text and not kept):
                raise _bomb(name, index, "lists that could decode to any size")
        if text and kept:
            dictionaries.append(column.path)
        elif text:
            rows = min(rows, max(1, _BATCH_BYTES // max(1, largest)))
    return BatchPlan(rows=rows, dictionary_columns=tuple(dictionaries))


@dataclass(slots=True)
class _Chunk:
    largest_bytes: int = 0
    values: int = 0
    encodings: set[int] = field(default_factory=set)


def _chunk(file: pq.ParquetFile, group: int, index: int, raw: BinaryIO, name: str) -> _Chunk:
    """Walk the pages of one column in one row group."""
    chunk = file.metadata.row_group(group).column(index)
    starts = [p for p in (chunk.dictionary_page_offset, chunk.data_page_offset) if p]
    try:
        return _walk(raw, min(starts), chunk.total_compressed_size) if starts else _Chunk()
    except (_Broken, IndexError, ValueError, OSError):
        raise DataError(
            name,
            f"column {index + 1} has no readable pages where the footer says",
            hint="fetch the file again; it seems damaged",
        ) from None


def _walk(raw: BinaryIO, start: int, length: int) -> _Chunk:
    """Step from page to page of one column chunk."""
    chunk = _Chunk()
    position, end = start, start + length
    while position < end:
        page, header_bytes = _header(raw, position, end)
        if page.packed_bytes < 0 or page.unpacked_bytes < 0:
            raise _Broken
        position += header_bytes + page.packed_bytes
        chunk.largest_bytes = max(chunk.largest_bytes, page.unpacked_bytes)
        if page.is_data:
            chunk.values += page.values
            chunk.encodings.add(page.encoding)
    return chunk


def _header(raw: BinaryIO, position: int, end: int) -> tuple[_Page, int]:
    """Read the page header at `position`; statistics in it may make it long."""
    window = _WINDOW
    while True:
        raw.seek(position)
        data = raw.read(min(window, end - position))
        reader = _Compact(data)
        try:
            return reader.page(), reader.position
        except IndexError:
            if window >= _MAX_HEADER or position + len(data) >= end:
                raise _Broken from None
            window *= 16


class _Compact:
    """As much of a Thrift compact protocol reader as page headers need."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def page(self) -> _Page:
        """Read one PageHeader."""
        page = _Page()
        field = 0
        while (kind := self._field(field)) is not None:
            field, wire = kind
            if wire == _I32 and field == 2:
                page.unpacked_bytes = self._integer()
            elif wire == _I32 and field == 3:
                page.packed_bytes = self._integer()
            elif wire == _STRUCT and field in _KINDS:
                page.is_data = field != 7
                self._kind(page, _KINDS[field])
            else:
                self._skip(wire, 0)
        return page

    def _kind(self, page: _Page, encoding_field: int) -> None:
        """Read the header of a page's kind: its field 1 counts the values."""
        field = 0
        while (kind := self._field(field)) is not None:
            field, wire = kind
            if wire == _I32 and field == 1:
                page.values = self._integer()
            elif wire == _I32 and field == encoding_field:
                page.encoding = self._integer()
            else:
                self._skip(wire, 0)

    def _field(self, before: int) -> tuple[int, int] | None:
        """Read a field's id and wire type; None at the end of the struct."""
        byte = self._byte()
        if byte == _STOP:
            return None
        delta, wire = byte >> 4, byte & 0x0F
        return (before + delta if delta else self._integer()), wire

    def _byte(self) -> int:
        byte = self._data[self.position]
        self.position += 1
        return byte

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise _Broken

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _skip(self, wire: int, depth: int) -> None:
        """Step over a value."""
        if depth > 8:
            raise _Broken
        if wire in (_TRUE, _FALSE):
            return
        if wire in (_BYTE, _DOUBLE):
            self._forward(1 if wire == _BYTE else 8)
        elif wire in (_I16, _I32, _I64):
            self._varint()
        elif wire == _BINARY:
            self._forward(self._varint())
        elif wire in (_LIST, _SET):
            self._skip_list(depth)
        elif wire == _STRUCT:
            field = 0
            while (kind := self._field(field)) is not None:
                field, inner = kind
                self._skip(inner, depth + 1)
        else:
            raise _Broken

    def _skip_list(self, depth: int) -> None:
        """Step over a list; its members take at least one byte each."""
        byte = self._byte()
        size = byte >> 4
        if size == 15:
            size = self._varint()
        inner = byte & 0x0F
        if inner in (_TRUE, _FALSE):
            self._forward(size)
            return
        for _ in range(size):
            self._skip(inner, depth + 1)

    def _forward(self, count: int) -> None:
        self.position += count
        if self.position > len(self._data):
            raise IndexError


def _bomb(name: str, index: int, what: str) -> DataError:
    return DataError(
        name,
        f"column {index + 1} holds {what}",
        hint="write the file again with smaller pages and row groups; see data.limits",
    )
