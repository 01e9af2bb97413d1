"""What de-identification took out, kept so that the audit can look for it, and no longer.

Owns "redact/removed.arrow" in the vault: for each replaced piece a keyed digest of its normal form
with type, unit and place, and for a few long, random values the true value itself. Digests are
still derived from persons: the file is destroyed with the run's data after the decision.
"""

from __future__ import annotations

import heapq
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
from numpy.typing import NDArray

from appliance.corpus import Corpus
from appliance.crypto.canonical import keyed_digest
from appliance.records import Span
from appliance.redact.entities import family, is_high_entropy
from appliance.redact.keyed import Draws
from appliance.redact.tree import cells
from appliance.vault import Vault

REMOVED = "redact/removed.arrow"
#: Decoys of a slot, as in the audit's candidate ranking.
DECOYS = 99
_BATCH_ROWS = 8192
_SCHEMA = pa.schema(
    [
        pa.field("record_id", pa.int64(), nullable=False),
        pa.field("unit", pa.binary(16), nullable=False),
        pa.field("cell", pa.int32(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("entity_type", pa.string(), nullable=False),
        pa.field("telling", pa.bool_(), nullable=False),
        pa.field("digest", pa.binary(32), nullable=False),
        pa.field("value", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedPiece:
    """One replaced piece of one record.

    Attributes:
        record_id: the record.
        unit: its privacy unit.
        cell: index of the cell it was in (see `tree.cells`).
        start: where its replacement begins in the de-identified cell, in code points.
        end: one past its replacement.
        entity_type: what it was.
        telling: whether finding it in generated text says something: long and random, or a whole
            name or address.
        digest: keyed digest of its normal form.
        value: the true value, for a few slots; private.
    """

    record_id: int
    unit: bytes
    cell: int
    start: int
    end: int
    entity_type: str
    telling: bool
    digest: bytes
    value: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A place a value was removed from, with candidates to rank.

    Attributes:
        record_id: the record.
        before: de-identified text in front of the slot; private.
        value: the true value; private.
        decoys: values of the same format, drawn by key and format alone.
    """

    record_id: int
    before: str = field(repr=False)
    value: str = field(repr=False)
    decoys: tuple[str, ...] = field(repr=False)


def fingerprint(key: bytes, value: str) -> bytes:
    """Return the keyed digest by which two writings of a value are recognised.

    Args:
        key: 32 bytes, the vault's key for this purpose.
        value: as found; letters and digits alone count, whatever case and width.
    """
    plain = unicodedata.normalize("NFKC", value).casefold()
    return keyed_digest(key, "".join(c for c in plain if c.isalnum()).encode())


def is_telling(value: str, entity_type: str) -> bool:
    """Tell whether a removed value in a generation can hardly be chance."""
    if is_high_entropy(value, entity_type):
        return True
    words = [w for w in value.split() if sum(c.isalpha() for c in w) > 1]
    if family(entity_type) == "person":
        return len(words) >= 2
    return family(entity_type) == "place" and len(words) >= 2 and any(map(str.isdigit, value))


class SlotSampler:
    """Keeps a bounded, keyed random choice of high-entropy values."""

    def __init__(self, key: bytes, limit: int) -> None:
        self._key = key
        self._limit = limit
        self._heap: list[tuple[int, tuple[int, int, int]]] = []

    def offer(self, place: tuple[int, int, int]) -> None:
        """Consider the piece at (record, cell, start)."""
        if self._limit == 0:
            return
        label = b"/".join(str(n).encode() for n in place)
        rank = -int.from_bytes(keyed_digest(self._key, b"slot", label)[:8], "big")
        if len(self._heap) < self._limit:
            heapq.heappush(self._heap, (rank, place))
        else:
            heapq.heappushpop(self._heap, (rank, place))

    def chosen(self) -> frozenset[tuple[int, int, int]]:
        """Return the places chosen so far."""
        return frozenset(place for _, place in self._heap)


class RemovedWriter:
    """Appends pieces; made by `writing_removed`."""

    def __init__(self, writer: ipc.RecordBatchFileWriter) -> None:
        self._writer = writer
        self._rows: list[RemovedPiece] = []

    def append(self, piece: RemovedPiece) -> None:
        """Add one piece."""
        self._rows.append(piece)
        if len(self._rows) >= _BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Seal the rows held so far."""
        if self._rows:
            columns = [
                pa.array([getattr(row, name) for row in self._rows], _SCHEMA.field(name).type)
                for name in _SCHEMA.names
            ]
            self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=_SCHEMA))
            self._rows.clear()


@contextmanager
def writing_removed(vault: Vault) -> Iterator[RemovedWriter]:
    """Write "redact/removed.arrow"; it exists only after a clean exit."""
    with vault.writer(REMOVED) as sink, ipc.new_file(sink, _SCHEMA) as arrow:
        writer = RemovedWriter(arrow)
        yield writer
        writer.flush()


def read_removed(vault: Vault) -> Iterator[RemovedPiece]:
    """Read all pieces in order, one batch in memory at a time."""
    with vault.reader(REMOVED) as source:
        reader = ipc.open_file(source)
        for index in range(reader.num_record_batches):
            for row in reader.get_batch(index).to_pylist():
                yield RemovedPiece(**row)


class RemovedValues:
    """What was removed from some records, for the audit's memorisation tests.

    Attributes:
        slots: places to rank true values in, in keyed random order.
    """

    def __init__(
        self,
        *,
        slots: Sequence[Slot],
        known: NDArray[np.uint64],
        key: bytes,
        detect: Callable[[Sequence[str]], list[list[Span]]],
    ) -> None:
        """Use `open_removed`."""
        self.slots = slots
        self._known = known
        self._key = key
        self._detect = detect

    def find(self, texts: Sequence[str]) -> list[int]:
        """Count, for each text, the distinct removed values found in it.

        Only telling values count: long and random ones, whole names, addresses with a number.
        """
        found: list[int] = []
        for text, spans in zip(texts, self._detect(texts), strict=True):
            values = {text[s.start : s.end] for s in spans}
            digests = {_short(fingerprint(self._key, value)) for value in values}
            found.append(int(np.isin(list(digests), self._known).sum()) if digests else 0)
        return found


def open_removed(
    vault: Vault,
    corpus: Corpus,
    *,
    records: Iterable[int],
    detect: Callable[[Sequence[str]], list[list[Span]]],
) -> RemovedValues:
    """Open what was removed from some records.

    Args:
        vault: the run's.
        corpus: the de-identified corpus.
        records: ids of the records trained on.
        detect: finds personal data in texts, as the de-identification did.
    """
    key = vault.keyed("removed")
    wanted = frozenset(records)
    digests: list[int] = []
    with_value: list[RemovedPiece] = []
    for piece in read_removed(vault):
        if piece.record_id not in wanted:
            continue
        if piece.telling:
            digests.append(_short(piece.digest))
        if piece.value is not None:
            with_value.append(piece)
    with_value.sort(key=lambda p: keyed_digest(key, b"order", p.digest, str(p.record_id).encode()))
    return RemovedValues(
        slots=tuple(_slots(corpus, with_value, key)),
        known=np.unique(np.asarray(digests, dtype=np.uint64)),
        key=key,
        detect=detect,
    )


def _short(digest: bytes) -> int:
    """Return 64 bits of a digest: enough to tell ten million values apart."""
    return int.from_bytes(digest[:8], "big")


def _slots(corpus: Corpus, pieces: Sequence[RemovedPiece], key: bytes) -> Iterator[Slot]:
    records = {r.record_id: r for r in corpus.take({p.record_id for p in pieces})}
    for piece in pieces:
        cell = cells(records[piece.record_id])[piece.cell]
        value = piece.value or ""
        if not cell.own or not isinstance(cell.value, str):
            continue
        draws = Draws(key, "decoys", str(piece.record_id), str(piece.start), str(len(value)))
        yield Slot(
            record_id=piece.record_id,
            before=cell.value[: piece.start],
            value=value,
            decoys=tuple(draws.like(value) for _ in range(DECOYS)),
        )
