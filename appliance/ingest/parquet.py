"""Rows of Parquet, decoded a few at a time within a budget of decoded bytes.

Rules:
- `parquet_pages` has walked the page headers before anything is decoded.
- Dictionaries stay dictionaries: a million copies of a large value cost one copy and a million
  indices until single rows are taken out, and what a row comes to is known before it is.
- Times, decimals and bytes become text; a missing or not-a-number value becomes null, as tables
  mean it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from appliance.errors import DataError
from appliance.ingest.parquet_pages import MIB, plan_batches
from appliance.ingest.rows import BadRow, Reading, Row, check_header
from appliance.ingest.streams import check_budget
from appliance.records import Json

#: Bytes taken out of a batch at a time.
_SLICE_BYTES = 4 * MIB
_BUFFER_BYTES = MIB
_MIN_PAGE_BYTES = 256 * MIB


def read_parquet(
    raw: BinaryIO,
    reading: Reading,
    *,
    stored_bytes: int,
    check_columns: Callable[[list[str], str], None],
    on_read: Callable[[float], None],
) -> Iterator[Row | BadRow]:
    """Read a Parquet file.

    Args:
        raw: the file, seekable.
        reading: the source and its limits.
        stored_bytes: size of the file on disk.
        check_columns: told of the column names before the first row; raises when they will not do.
        on_read: told of progress, in stored bytes.

    Yields:
        A row, or the row that could not be read, with its number in the file.

    Raises:
        DataError: damaged, cut short, or beyond the limits.
    """
    reader = _Reader(raw, reading, stored_bytes)
    header = check_header(reader.names, reading)
    check_columns(header, reading.name)
    number = 0
    for batch, sizes in reader.batches():
        reader.spend(int(sizes.sum()))
        for start, stop in _slices(sizes, reading.limits.max_record_bytes):
            if stop == start + 1 and sizes[start] > reading.limits.max_record_bytes:
                yield BadRow(number + stop, "too-large")
                continue
            yield from _rows(
                batch.slice(start, stop - start), header, number + start, sizes[start:stop].tolist()
            )
        number += len(batch)
        on_read(stored_bytes * len(batch) / max(1, reader.rows))


class _Reader:
    """The opened file; every failure of the library becomes one plain error."""

    def __init__(self, raw: BinaryIO, reading: Reading, stored_bytes: int) -> None:
        self._reading = reading
        self._stored_bytes = stored_bytes
        self._decoded = 0
        try:
            plain = pq.ParquetFile(pa.PythonFile(raw, mode="r"))
        except (pa.ArrowException, OSError, ValueError):
            raise self._damaged() from None
        limit = max(_MIN_PAGE_BYTES, 2 * reading.limits.max_record_bytes)
        self._plan = plan_batches(plain, raw, name=reading.name, max_page_bytes=limit)
        try:
            self._file = pq.ParquetFile(
                pa.PythonFile(raw, mode="r"),
                read_dictionary=list(self._plan.dictionary_columns),
                pre_buffer=False,
                buffer_size=_BUFFER_BYTES,
            )
        except (pa.ArrowException, OSError, ValueError):
            raise self._damaged() from None

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return [str(name) for name in self._file.schema_arrow.names]

    @property
    def rows(self) -> int:
        """Rows, as the footer says; for progress only."""
        return int(self._file.metadata.num_rows)

    def batches(self) -> Iterator[tuple[pa.RecordBatch, NDArray[np.int64]]]:
        """Decode a few rows at a time, and say what each comes to in bytes."""
        batches = self._one_group_after_another()
        while True:
            try:
                batch = next(batches)
                batch.validate()
                zero = np.zeros(len(batch), np.int64)
                sizes = sum((_row_bytes(column) for column in batch.columns), zero)
            except StopIteration:
                return
            except (pa.ArrowException, OSError, ValueError, IndexError):
                raise self._damaged() from None
            yield batch, sizes

    def _one_group_after_another(self) -> Iterator[pa.RecordBatch]:
        """Decode batches that never span two row groups.

        The library joins neither the dictionaries of two groups nor chunks inside lists: strings
        in lists, as chats have, would not decode.
        """
        for group in range(self._file.metadata.num_row_groups):
            yield from self._file.iter_batches(
                batch_size=self._plan.rows, row_groups=[group], use_threads=False
            )

    def spend(self, decoded: int) -> None:
        """Count decoded bytes."""
        self._decoded += decoded
        check_budget(
            self._reading.name,
            self._reading.limits,
            decoded=self._decoded,
            stored=self._stored_bytes,
        )

    def _damaged(self) -> DataError:
        return DataError(
            self._reading.name,
            "not a Parquet file, or damaged or cut short",
            hint="fetch the file again; its size should be the sender's",
        )


def _row_bytes(array: pa.Array) -> NDArray[np.int64]:
    """Return what each row of a column comes to, in bytes, without spelling it out."""
    return np.asarray(_measured(array), dtype=np.int64)


def _measured(array: pa.Array) -> Any:  # noqa: ANN401 - numpy out of an untyped library
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return _row_bytes(array.storage)
    if pa.types.is_dictionary(kind):
        # A damaged page may point outside its dictionary, and the library would follow.
        used = pc.drop_null(array.indices).to_numpy()
        if len(used) and not 0 <= used.min() <= used.max() < len(array.dictionary):
            raise ValueError("an index outside its dictionary")
        lengths = np.append(_row_bytes(array.dictionary), 0)
        indices = pc.fill_null(array.indices, len(lengths) - 1).to_numpy(zero_copy_only=False)
        return lengths[indices]
    if pa.types.is_struct(kind):
        zero = np.zeros(len(array), np.int64)
        return sum((_row_bytes(c) for c in array.flatten()), zero)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        members = np.concatenate([[0], np.cumsum(_row_bytes(array.values) + 8)])
        offsets = array.offsets.to_numpy(zero_copy_only=False)
        return np.diff(members[offsets])
    if pa.types.is_fixed_size_list(kind):
        members = _row_bytes(array.values) + 8
        first = array.offset * kind.list_size
        taken = members[first : first + len(array) * kind.list_size]
        return taken.reshape(len(array), kind.list_size).sum(axis=1)
    if pa.types.is_primitive(kind) or pa.types.is_null(kind) or pa.types.is_decimal(kind):
        return np.full(len(array), 16, np.int64)
    return pc.fill_null(pc.binary_length(array), 0).to_numpy(zero_copy_only=False)


def _slices(sizes: NDArray[np.int64], limit: int) -> Iterator[tuple[int, int]]:
    """Cut rows into runs of bounded bytes; a row beyond `limit` stands alone."""
    start = held = 0
    for index, size in enumerate(sizes.tolist()):
        if index > start and (held + size > _SLICE_BYTES or size > limit or held > limit):
            yield start, index
            start, held = index, 0
        held += size
    if start < len(sizes):
        yield start, len(sizes)


def _rows(
    batch: pa.RecordBatch, header: list[str], before: int, sizes: list[int]
) -> Iterator[Row | BadRow]:
    """Take rows out of a slice; when one of them is bad, one at a time."""
    try:
        columns = [_to_json_column(column) for column in batch.columns]
    except (ValueError, OverflowError, pa.ArrowException) as e:
        if len(batch) == 1:
            yield BadRow(before + 1, "encoding" if isinstance(e, UnicodeDecodeError) else "type")
            return
        for index in range(len(batch)):
            one = batch.slice(index, 1)
            yield from _rows(one, header, before + index, sizes[index : index + 1])
        return
    for number, (size, *cells) in enumerate(zip(sizes, *columns, strict=True), before + 1):
        yield Row(number, dict(zip(header, cells, strict=True)), size)


def _to_json_column(array: pa.Array) -> list[Json]:
    """Return a column's values as JSON.

    Raises:
        ValueError: a value has no JSON.
    """
    kind = array.type
    if pa.types.is_temporal(kind) and not pa.types.is_duration(kind):
        return list(pc.cast(array, pa.string()).to_pylist())
    values: list[Any] = array.to_pylist()
    if pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return values
    return [_to_json(value) for value in values]


def _to_json(value: Any) -> Json:  # noqa: ANN401 - any Arrow scalar; one type, one line
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (list, tuple)):
        return [_to_json(member) for member in value]
    if isinstance(value, dict):
        return {str(key): _to_json(member) for key, member in value.items()}
    raise ValueError("a type without JSON")
