"""What a Parquet file will really decode to, from its page headers, before a page is decoded.

A footer is only a claim: a file of 8 MB whose footer says 8 MB can decode to 80 GB. The page
headers are what the decoder obeys, so they are walked here, in bounded memory, and hold:

- no page larger than a bound when unpacked (the decoder allocates it whole);
- no row group with more list members than a bound (one row's list is decoded whole);
- strings in another encoding than plain or dictionary, which the library cannot keep as a
  dictionary, make batches small: one page of them can spell every value in full, but no value is
  longer than its page.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import BinaryIO

import pyarrow.parquet as pq

from appliance.errors import DataError
from appliance.ingest.parquet_thrift import (
    BrokenThriftError,
    ColumnChunk,
    Page,
    read_footer,
    read_page,
)

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
_MAX_FOOTER = 256 * MIB
_MAGIC = b"PAR1"


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
        file: the opened file, for its schema alone.
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
    places = _places(raw, name)
    columns = len(file.schema)
    if any(len(group) != columns for group in places):
        raise _damaged(name)
    for index in range(columns):
        column = file.schema.column(index)
        if column.physical_type == "FIXED_LEN_BYTE_ARRAY" and column.length > _MAX_FIXED_BYTES:
            raise _bomb(name, index, "values of a fixed size that is too large")
        chunks = [_chunk(group[index], raw, name) for group in places]
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


def _places(raw: BinaryIO, name: str) -> list[list[ColumnChunk]]:
    """Read where every column chunk lies; [row group][column]."""
    size = raw.seek(0, os.SEEK_END)
    raw.seek(max(0, size - len(_MAGIC) - 4))
    tail = raw.read(len(_MAGIC) + 4)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or length > min(_MAX_FOOTER, size - 12):
        raise _damaged(name)
    raw.seek(size - 8 - length)
    try:
        return read_footer(raw.read(length))
    except (BrokenThriftError, IndexError):
        raise _damaged(name) from None


def _chunk(place: ColumnChunk, raw: BinaryIO, name: str) -> _Chunk:
    """Walk the pages of one column in one row group."""
    if place.data_page_offset == 0:
        # A row group without rows. The library would find the file's magic there, and no page.
        return _Chunk()
    try:
        return _walk(raw, place.start, place.packed_bytes)
    except (BrokenThriftError, IndexError, ValueError, OSError):
        raise _damaged(name) from None


def _walk(raw: BinaryIO, start: int, length: int) -> _Chunk:
    """Step from page to page of one column chunk."""
    chunk = _Chunk()
    position, end = start, start + length
    if start < len(_MAGIC) or length < 0:
        raise BrokenThriftError
    while position < end:
        page, header_bytes = _header(raw, position, end)
        if page.packed_bytes < 0 or page.unpacked_bytes < 0:
            raise BrokenThriftError
        position += header_bytes + page.packed_bytes
        chunk.largest_bytes = max(chunk.largest_bytes, page.unpacked_bytes)
        if page.is_data:
            chunk.values += page.values
            chunk.encodings.add(page.encoding)
    return chunk


def _header(raw: BinaryIO, position: int, end: int) -> tuple[Page, int]:
    """Read the page header at `position`; statistics in it may make it long."""
    window = _WINDOW
    while True:
        raw.seek(position)
        data = raw.read(min(window, end - position))
        try:
            return read_page(data)
        except IndexError:
            if window >= _MAX_HEADER or position + len(data) >= end:
                raise
            window *= 16


def _damaged(name: str) -> DataError:
    return DataError(
        name,
        "not a Parquet file, or damaged or cut short",
        hint="fetch the file again; its size should be the sender's",
    )


def _bomb(name: str, index: int, what: str) -> DataError:
    return DataError(
        name,
        f"column {index + 1} holds {what}",
        hint="write the file again with smaller pages and row groups; see data.limits",
    )
