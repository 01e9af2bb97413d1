"""A sealed sequence of records: written once, read in order or at random.

Arrow IPC inside the vault's container, so that a stage streams with bounded memory and a trainer
opens single batches without the data set ever lying on disk in clear. Record ids are positions.
Refuses to be written twice under one name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.ipc as ipc
from numpy.typing import NDArray
from typing_extensions import override

from appliance.errors import IntegrityError
from appliance.records import Kind, Record
from appliance.vault import Vault

#: Rows of one Arrow batch, and a bound on its decoded bytes, whichever comes first.
BATCH_ROWS = 1024
BATCH_BYTES = 8 * 1024 * 1024

_SCHEMA = pa.schema(
    [
        pa.field("record_id", pa.int64(), nullable=False),
        pa.field("unit", pa.binary(16), nullable=False),
        pa.field("source", pa.int32(), nullable=False),
        pa.field("line", pa.int64(), nullable=False),
        pa.field("kind", pa.dictionary(pa.int8(), pa.string()), nullable=False),
        pa.field("fields", pa.large_binary(), nullable=False),
        pa.field("extra", pa.large_binary(), nullable=False),
    ]
)
_KINDS: tuple[Kind, ...] = ("text", "prompt_response", "messages", "classification", "preference")


class CorpusWriter:
    """Appends records; made by `Corpus.writing`."""

    def __init__(self, writer: ipc.RecordBatchFileWriter) -> None:
        self._writer = writer
        self._rows: list[Record] = []
        self._encoded: list[tuple[bytes, bytes]] = []
        self._bytes = 0
        self.count = 0

    def append(self, record: Record) -> None:
        """Add one record.

        Args:
            record: its `record_id` must be the number of records appended before it.

        Raises:
            ValueError: the record id is not the next position.
        """
        if record.record_id != self.count:
            msg = f"expected record_id={record.record_id} == {self.count}"
            raise ValueError(msg)
        encoded = (orjson.dumps(dict(record.fields)), orjson.dumps(dict(record.extra)))
        self._rows.append(record)
        self._encoded.append(encoded)
        self._bytes += len(encoded[0]) + len(encoded[1])
        self.count += 1
        if len(self._rows) >= BATCH_ROWS or self._bytes >= BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the rows held so far as one batch."""
        if not self._rows:
            return
        kinds = pa.DictionaryArray.from_arrays(
            pa.array([_KINDS.index(r.kind) for r in self._rows], pa.int8()), pa.array(_KINDS)
        )
        columns = [
            pa.array([r.record_id for r in self._rows], pa.int64()),
            pa.array([r.unit for r in self._rows], pa.binary(16)),
            pa.array([r.source for r in self._rows], pa.int32()),
            pa.array([r.line for r in self._rows], pa.int64()),
            kinds,
            pa.array([f for f, _ in self._encoded], pa.large_binary()),
            pa.array([e for _, e in self._encoded], pa.large_binary()),
        ]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=_SCHEMA))
        self._rows.clear()
        self._encoded.clear()
        self._bytes = 0


class Corpus:
    """Records in the vault under one name.

    Attributes:
        name: the vault's logical name, e.g. "ingest/corpus.arrow".
    """

    def __init__(self, vault: Vault, name: str) -> None:
        self._vault = vault
        self.name = name

    @override
    def __repr__(self) -> str:
        """Name the corpus; never its content."""
        return f"Corpus({self.name!r})"

    @classmethod
    @contextmanager
    def writing(cls, vault: Vault, name: str) -> Iterator[CorpusWriter]:
        """Write a corpus; it exists only after a clean exit."""
        if PurePosixPath(name).suffix != ".arrow":
            msg = f"expected name={name!r} to end in .arrow"
            raise ValueError(msg)
        with vault.writer(name) as sink, ipc.new_file(sink, _SCHEMA) as arrow:
            writer = CorpusWriter(arrow)
            yield writer
            writer.flush()

    def __len__(self) -> int:
        """Count the records, from the batches' own row counts."""
        with self._open() as reader:
            return sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))

    def __iter__(self) -> Iterator[Record]:
        """Read all records in order, one batch in memory at a time."""
        with self._open() as reader:
            for index in range(reader.num_record_batches):
                yield from _rows(reader.get_batch(index))

    def batches(self) -> Iterator[list[Record]]:
        """Read all records in order, a batch at a time."""
        with self._open() as reader:
            for index in range(reader.num_record_batches):
                yield _rows(reader.get_batch(index))

    def units(self) -> Iterator[tuple[int, bytes]]:
        """Yield (record_id, unit) of each record without decoding its fields."""
        with self._open() as reader:
            for index in range(reader.num_record_batches):
                batch = reader.get_batch(index)
                yield from zip(
                    batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True
                )

    def take(self, record_ids: Iterable[int]) -> list[Record]:
        """Read some records, in the order asked for.

        Of n batches each record costs the opening of about log2(n), not of all.

        Raises:
            IntegrityError: a record id is not in this corpus.
        """
        wanted = list(record_ids)
        found: dict[int, Record] = {}
        needed = set(wanted)
        with self._open() as reader:
            batches = _Batches(reader)
            for record_id in sorted(needed):
                if record_id not in found:
                    found.update(batches.among(record_id, needed))
        if len(found) != len(needed):
            raise IntegrityError(
                self.name, "a record that should be there is missing", hint="appliance runs list"
            )
        return [found[i] for i in wanted]

    def copy(self, name: str, *, keep: NDArray[np.bool_]) -> Corpus:
        """Write some of the records under another name, numbered anew, without decoding them.

        Args:
            name: of the new corpus.
            keep: bool [records].

        Returns:
            The new corpus; its records are in the order they had.
        """
        count = 0
        with (
            self._open() as reader,
            self._vault.writer(name) as sink,
            ipc.new_file(sink, _SCHEMA) as writer,
        ):
            for index in range(reader.num_record_batches):
                batch = reader.get_batch(index)
                first = batch.column(0)[0].as_py()
                kept = batch.filter(pa.array(keep[first : first + batch.num_rows]))
                if kept.num_rows == 0:
                    continue
                ids = pa.array(np.arange(count, count + kept.num_rows, dtype=np.int64))
                writer.write_batch(kept.set_column(0, _SCHEMA.field(0), ids))
                count += kept.num_rows
        return Corpus(self._vault, name)

    @contextmanager
    def _open(self) -> Iterator[ipc.RecordBatchFileReader]:
        with self._vault.reader(self.name) as source:
            try:
                reader = ipc.open_file(source)
            except pa.ArrowInvalid:
                raise IntegrityError(
                    self.name, "is not a sealed corpus", hint="appliance runs list"
                ) from None
            yield reader


class _Batches:
    """Finds the batch of a record by halving; each batch is looked into once."""

    def __init__(self, reader: ipc.RecordBatchFileReader) -> None:
        self._reader = reader
        self._bounds: dict[int, tuple[int, int]] = {}

    def among(self, record_id: int, needed: set[int]) -> dict[int, Record]:
        """Return the needed records of the batch that holds one of them; none: it is nowhere."""
        low, high = 0, self._reader.num_record_batches
        while low < high:
            middle = (low + high) // 2
            first, end = self._bounds_of(middle)
            if first <= record_id < end:
                inside = [i - first for i in sorted(needed.intersection(range(first, end)))]
                batch = self._reader.get_batch(middle)
                return {r.record_id: r for r in _rows(batch.take(pa.array(inside, pa.int64())))}
            low, high = (low, middle) if record_id < first else (middle + 1, high)
        return {}

    def _bounds_of(self, index: int) -> tuple[int, int]:
        if index not in self._bounds:
            batch = self._reader.get_batch(index)
            first = batch.column(0)[0].as_py()
            self._bounds[index] = (first, first + batch.num_rows)
        return self._bounds[index]


def _rows(batch: pa.RecordBatch) -> list[Record]:
    columns: Sequence[list[object]] = [column.to_pylist() for column in batch.columns]
    return [
        Record(
            record_id=record_id,
            unit=unit,
            source=source,
            line=line,
            kind=kind,
            fields=orjson.loads(fields),
            extra=orjson.loads(extra),
        )
        for record_id, unit, source, line, kind, fields, extra in zip(*columns, strict=True)
    ]
