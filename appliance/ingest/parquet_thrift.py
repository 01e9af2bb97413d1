"""As much of Parquet's metadata as the page walk needs, read without trusting any of it.

The library's own accessors end the process on some damaged footers; this reader raises.

Reference:
    Apache Thrift compact protocol; Apache Parquet format, parquet.thrift: FileMetaData, RowGroup,
    ColumnChunk, ColumnMetaData, PageHeader, DataPageHeader, DataPageHeaderV2. Fields that are not
    needed are stepped over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET = range(1, 11)
_STRUCT = 12
_INTEGERS = (_I16, _I32, _I64)
#: Field of PageHeader that holds a page kind's own header -> its field that names the encoding.
_KINDS = {5: 2, 7: 2, 8: 4}
_DICTIONARY_PAGE = 7
_MAX_DEPTH = 16


class BrokenThriftError(Exception):
    """The bytes are no such structure; never shown."""


@dataclass(slots=True)
class Page:
    """What a page header says."""

    unpacked_bytes: int = -1
    packed_bytes: int = -1
    values: int = 0
    encoding: int = -1
    is_data: bool = False


@dataclass(slots=True)
class ColumnChunk:
    """Where a column chunk lies, as the footer says."""

    packed_bytes: int = -1
    data_page_offset: int = -1
    dictionary_page_offset: int = 0

    @property
    def start(self) -> int:
        """Where reading begins, by the rule of the library."""
        if 0 < self.dictionary_page_offset < self.data_page_offset:
            return self.dictionary_page_offset
        return self.data_page_offset


def read_page(data: bytes) -> tuple[Page, int]:
    """Read a PageHeader from the beginning of `data`.

    Returns:
        The page, and how many bytes its header takes.

    Raises:
        IndexError: the header is longer than `data`.
        BrokenThriftError: it is no header.
    """
    reader = _Compact(data)
    page = Page()
    for field, wire in reader.fields():
        if wire == _I32 and field == 2:
            page.unpacked_bytes = reader.integer()
        elif wire == _I32 and field == 3:
            page.packed_bytes = reader.integer()
        elif wire == _STRUCT and field in _KINDS:
            page.is_data = field != _DICTIONARY_PAGE
            for inner, inner_wire in reader.fields():
                if inner_wire == _I32 and inner == 1:
                    page.values = reader.integer()
                elif inner_wire == _I32 and inner == _KINDS[field]:
                    page.encoding = reader.integer()
                else:
                    reader.skip(inner_wire)
        else:
            reader.skip(wire)
    return page, reader.position


def read_footer(data: bytes) -> list[list[ColumnChunk]]:
    """Read where the column chunks of each row group lie.

    Args:
        data: the whole FileMetaData.

    Raises:
        IndexError: it is longer than `data`.
        BrokenThriftError: it is no FileMetaData.
    """
    reader = _Compact(data)
    groups: list[list[ColumnChunk]] = []
    for field, wire in reader.fields():
        if wire == _LIST and field == 4:
            groups = [_row_group(reader) for _ in reader.structs()]
        else:
            reader.skip(wire)
    return groups


def _row_group(reader: _Compact) -> list[ColumnChunk]:
    chunks: list[ColumnChunk] = []
    for field, wire in reader.fields():
        if wire == _LIST and field == 1:
            chunks = [_column_chunk(reader) for _ in reader.structs()]
        else:
            reader.skip(wire)
    return chunks


def _column_chunk(reader: _Compact) -> ColumnChunk:
    chunk = ColumnChunk()
    for field, wire in reader.fields():
        if wire == _STRUCT and field == 3:
            for inner, inner_wire in reader.fields():
                if inner_wire == _I64 and inner == 7:
                    chunk.packed_bytes = reader.integer()
                elif inner_wire == _I64 and inner == 9:
                    chunk.data_page_offset = reader.integer()
                elif inner_wire == _I64 and inner == 11:
                    chunk.dictionary_page_offset = reader.integer()
                else:
                    reader.skip(inner_wire)
        else:
            reader.skip(wire)
    return chunk


class _Compact:
    """A Thrift compact protocol reader over bytes; running out of them is an IndexError."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """Yield (id, wire type) of a struct's fields; the caller reads or skips each value."""
        field = 0
        while byte := self._byte():
            delta = byte >> 4
            field = field + delta if delta else self.integer()
            yield field, byte & 0x0F

    def structs(self) -> Iterator[int]:
        """Yield once for each struct of a list; the caller reads each."""
        size, wire = self._list_header()
        if size and wire != _STRUCT:
            raise BrokenThriftError
        yield from range(size)

    def integer(self) -> int:
        """Read a zigzag integer."""
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def skip(self, wire: int, depth: int = 0) -> None:
        """Step over a value."""
        if depth > _MAX_DEPTH:
            raise BrokenThriftError
        if wire in (_TRUE, _FALSE):
            return
        if wire in (_BYTE, _DOUBLE):
            self._forward(1 if wire == _BYTE else 8)
        elif wire in _INTEGERS:
            self._varint()
        elif wire == _BINARY:
            self._forward(self._varint())
        elif wire in (_LIST, _SET):
            self._skip_list(depth)
        elif wire == _STRUCT:
            for _, inner in self.fields():
                self.skip(inner, depth + 1)
        else:
            raise BrokenThriftError

    def _skip_list(self, depth: int) -> None:
        """Step over a list; its members take at least one byte each, as the bytes run out."""
        size, wire = self._list_header()
        if wire in (_TRUE, _FALSE):
            self._forward(size)
            return
        for _ in range(size):
            self.skip(wire, depth + 1)

    def _list_header(self) -> tuple[int, int]:
        byte = self._byte()
        size = byte >> 4
        return (self._varint() if size == 15 else size), byte & 0x0F

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
                raise BrokenThriftError

    def _forward(self, count: int) -> None:
        self.position += count
        if self.position > len(self._data):
            raise IndexError
