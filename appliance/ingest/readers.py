"""One door to all readers: a source file in, rows and bad rows out."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from appliance.errors import DataError
from appliance.ingest.delimited import read_delimited
from appliance.ingest.json_rows import read_json, read_json_lines
from appliance.ingest.parquet import read_parquet
from appliance.ingest.rows import BadRow, Reading, Row
from appliance.ingest.sources import SourceFile
from appliance.ingest.streams import BLOCK_BYTES, ByteStream, DecodedStream, Utf8Stream
from appliance.ingest.texts import read_text
from appliance.policy.model import Data
from appliance.vault import Vault

#: Where a packed Parquet file lies while it is read.
UNPACKED = "ingest/unpacked.parquet"
#: Without a vault a packed Parquet file is held in memory, up to here.
_HELD_BYTES = 256 * 1024 * 1024


def read_rows(
    source: SourceFile,
    policy: Data,
    *,
    check_columns: Callable[[list[str], str], None],
    on_read: Callable[[float], None],
    vault: Vault | None,
) -> Iterator[Row | BadRow]:
    """Read one source in bounded memory.

    Args:
        source: the file.
        policy: its limits and encoding.
        check_columns: told of a table's column names and the source before the first row; raises
            when they will not do. JSON and text have no header to check.
        on_read: told of stored bytes as they are read, for progress.
        vault: where a packed Parquet file is unpacked, since Parquet needs to seek.

    Yields:
        A row, or the row that could not be read.

    Raises:
        DataError: damaged, in another encoding, or beyond the limits.
        MachineError: it cannot be read by this user.
    """
    reading = Reading(source=source, limits=policy.limits, encoding=policy.encoding)
    with source.open() as raw:
        if source.format == "parquet" and source.compression is None:
            yield from _parquet(raw, reading, check_columns, on_read)
            return
        stream = DecodedStream(raw, source, policy.limits, on_read)
        if source.format == "parquet":
            with _unpacked(stream, reading, vault) as seekable:
                yield from _parquet(seekable, reading, check_columns, lambda _: None)
            return
        text = Utf8Stream(stream, source.name, policy.encoding)
        if source.format == "jsonl":
            yield from read_json_lines(text, reading)
        elif source.format == "json":
            yield from read_json(text, reading)
        elif source.format == "text":
            yield from read_text(text, reading)
        else:
            tabs = source.format == "tsv"
            yield from read_delimited(text, reading, tabs=tabs, check_columns=check_columns)


def _parquet(
    raw: BinaryIO,
    reading: Reading,
    check_columns: Callable[[list[str], str], None],
    on_read: Callable[[float], None],
) -> Iterator[Row | BadRow]:
    return read_parquet(
        raw,
        reading,
        stored_bytes=reading.source.stored_bytes,
        check_columns=check_columns,
        on_read=on_read,
    )


@contextlib.contextmanager
def _unpacked(stream: ByteStream, reading: Reading, vault: Vault | None) -> Iterator[BinaryIO]:
    """Unpack a file to where it can be read in any order."""
    blocks = iter(lambda: stream.read(BLOCK_BYTES), b"")
    if vault is not None:
        with vault.writer(UNPACKED) as sink:
            for block in blocks:
                sink.write(block)
        with vault.reader(UNPACKED) as sealed:
            yield cast("BinaryIO", sealed)
        return
    held = io.BytesIO()
    for block in blocks:
        held.write(block)
        if held.tell() > _HELD_BYTES:
            raise DataError(
                reading.name,
                f"unpacks to more than {_HELD_BYTES} bytes, too many to hold",
                hint="unpack the file and give the .parquet itself",
            )
    yield held
