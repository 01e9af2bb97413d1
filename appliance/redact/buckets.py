"""Sort a corpus into buckets of whole privacy units, and merge the results back into order.

Owns the sealed intermediate files under "redact/work/". A unit lies in exactly one bucket, so that
its records meet in memory; a bucket is a bounded share of the corpus.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from appliance.corpus import Corpus
from appliance.crypto.canonical import keyed_digest
from appliance.records import Record
from appliance.redact import lines
from appliance.redact.removed import RemovedPiece
from appliance.vault import Vault

#: Sealed bytes of the corpus that go into one bucket.
BUCKET_BYTES = 24 * 1024 * 1024
MOST_BUCKETS = 200
WORK = "redact/work/"


def count_buckets(vault: Vault, corpus: Corpus) -> int:
    """Return how many buckets keep each within `BUCKET_BYTES`."""
    return max(1, min(MOST_BUCKETS, vault.size(corpus.name) // BUCKET_BYTES + 1))


def partition(records: Iterator[Record], *, vault: Vault, count: int, key: bytes) -> None:
    """Write each record to its unit's bucket, "redact/work/in-N.jsonl".

    Args:
        records: the corpus, in order.
        vault: the run's.
        count: buckets.
        key: decides which unit goes where.
    """
    with ExitStack() as stack:
        writers = [
            stack.enter_context(lines.writing(vault, f"{WORK}in-{n}.jsonl")) for n in range(count)
        ]
        for record in records:
            bucket = int.from_bytes(keyed_digest(key, b"bucket", record.unit)[:8], "big") % count
            writers[bucket].append(pack(record))


def read_bucket(vault: Vault, number: int) -> list[Record]:
    """Read one bucket whole."""
    return [unpack(row) for row in lines.reading(vault, f"{WORK}in-{number}.jsonl")]


def merge(vault: Vault, count: int) -> Iterator[tuple[Record, list[RemovedPiece]]]:
    """Yield rewritten records with what was removed from them, in the corpus's order."""
    streams = [_rewritten(vault, number) for number in range(count)]
    yield from heapq.merge(*streams, key=lambda entry: entry[0].record_id)


def write_rewritten(
    vault: Vault, number: int, rows: Sequence[tuple[Record, Sequence[RemovedPiece]]]
) -> None:
    """Write one bucket's result, "redact/work/out-N.jsonl"."""
    with lines.writing(vault, f"{WORK}out-{number}.jsonl") as writer:
        for record, removed in rows:
            writer.append([pack(record), [_pack_piece(piece) for piece in removed]])


def remove_work(vault: Vault) -> None:
    """Delete the intermediate files, those of an interrupted attempt included."""
    for name in vault.names(WORK):
        vault.delete(name)


def pack(record: Record) -> list[Any]:
    """Return a record as JSON values."""
    return [
        record.record_id,
        record.unit.hex(),
        record.source,
        record.line,
        record.kind,
        dict(record.fields),
        dict(record.extra),
    ]


def unpack(row: Sequence[Any]) -> Record:
    """Return the record of `pack`."""
    record_id, unit, source, line, kind, fields, extra = row
    return Record(
        record_id=record_id,
        unit=bytes.fromhex(unit),
        source=source,
        line=line,
        kind=kind,
        fields=fields,
        extra=extra,
    )


def _rewritten(vault: Vault, number: int) -> Iterator[tuple[Record, list[RemovedPiece]]]:
    for row, pieces in lines.reading(vault, f"{WORK}out-{number}.jsonl"):
        record = unpack(row)
        yield record, [_unpack_piece(record, piece) for piece in pieces]


def _pack_piece(piece: RemovedPiece) -> list[Any]:
    return [
        piece.cell,
        piece.start,
        piece.end,
        piece.entity_type,
        piece.telling,
        piece.digest.hex(),
        piece.value,
    ]


def _unpack_piece(record: Record, row: Sequence[Any]) -> RemovedPiece:
    cell, start, end, entity_type, telling, digest, value = row
    return RemovedPiece(
        record_id=record.record_id,
        unit=record.unit,
        cell=cell,
        start=start,
        end=end,
        entity_type=entity_type,
        telling=telling,
        digest=bytes.fromhex(digest),
        value=value,
    )
