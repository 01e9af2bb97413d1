"""Rows of a table as they are, for commands that look at columns without making a corpus."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from appliance.errors import DataError
from appliance.ingest.delimited import read_delimited
from appliance.ingest.json_rows import read_json, read_json_lines
from appliance.ingest.parquet import read_parquet
from appliance.ingest.rows import BadRow, Reading, Row
from appliance.ingest.sources import SourceFile, find_sources
from appliance.ingest.streams import BLOCK_BYTES, DecodedStream, Utf8Stream
from appliance.policy.model import Data
from appliance.records import Json


def read_table(path: Path, *, policy: Data) -> Iterator[dict[str, Json]]:
    """Yield the readable rows of one table file; bad rows are passed over.

    Args:
        path: CSV, TSV, JSON, JSONL or Parquet, also packed.
        policy: limits and encoding.

    Raises:
        DataError: not one table, damaged, or beyond the limits.
    """
    sources = find_sources(path)
    if len(sources) != 1 or sources[0].format == "text":
        raise DataError(str(path), "is not one table file", hint="appliance detect --help")
    for row in _rows(sources[0], policy):
        if isinstance(row, Row):
            yield row.values


def _rows(source: SourceFile, policy: Data) -> Iterator[Row | BadRow]:
    reading = Reading(source=source, limits=policy.limits, encoding=policy.encoding)
    with source.open() as raw:
        stream = DecodedStream(raw, source, policy.limits, lambda _read: None)
        if source.format == "parquet":
            file: io.BufferedIOBase = raw  # type: ignore[assignment]  # any seekable binary file
            if source.compression is not None:
                file = io.BytesIO(b"".join(iter(lambda: stream.read(BLOCK_BYTES), b"")))
            yield from read_parquet(
                file,  # type: ignore[arg-type]  # any seekable binary file
                reading,
                stored_bytes=source.stored_bytes,
                check_columns=_any_columns,
                on_read=lambda _read: None,
            )
            return
        text = Utf8Stream(stream, source.name, policy.encoding)
        if source.format == "jsonl":
            yield from read_json_lines(text, reading)
        elif source.format == "json":
            yield from read_json(text, reading)
        else:
            tabs = source.format == "tsv"
            yield from read_delimited(text, reading, tabs=tabs, check_columns=_any_columns)


def _any_columns(_names: object, _where: str) -> None:
    """Accept any header: no column is mapped here."""
