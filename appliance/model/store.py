"""Tokenised examples of a data set, packed flat, sealed, and grouped by privacy unit.

Five bytes a token in memory, no object per record: a million short records fit in half a
gigabyte. The sealed copy lets a resumed run train on exactly the same examples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
from numpy.typing import NDArray
from typing_extensions import override

from appliance.model.examples import Example
from appliance.vault import Vault

_SCHEMA = pa.schema(
    [
        pa.field("record_id", pa.int64(), nullable=False),
        pa.field("unit", pa.binary(16), nullable=False),
        pa.field("input_ids", pa.list_(pa.int32()), nullable=False),
        pa.field("learned", pa.list_(pa.bool_()), nullable=False),
        pa.field("part", pa.int8(), nullable=False),
    ]
)
_BATCH = 1024


@dataclass(frozen=True, slots=True)
class UnitExamples(Sequence[Sequence[Example]]):
    """Units of examples: `units[i]` is the list of one unit's examples.

    Attributes:
        tokens: int32 [total]; private.
        learned: bool [total].
        offsets: int64 [examples + 1], where each example begins.
        record_ids: int64 [examples].
        first: int64 [units + 1], where each unit's examples begin; examples lie unit by unit.
        digests: [units], the units' keyed digests.
        parts: int8 [examples], the task of each; empty where there is one.
    """

    tokens: NDArray[np.int32] = field(repr=False)
    learned: NDArray[np.bool_] = field(repr=False)
    offsets: NDArray[np.int64] = field(repr=False)
    record_ids: NDArray[np.int64] = field(repr=False)
    first: NDArray[np.int64] = field(repr=False)
    digests: tuple[bytes, ...] = field(repr=False)
    parts: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8), repr=False)

    @override
    def __len__(self) -> int:
        """Count the units."""
        return len(self.digests)

    @overload
    def __getitem__(self, index: int) -> Sequence[Example]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sequence[Example]]: ...
    @override
    def __getitem__(self, index: int | slice) -> Sequence[Example] | Sequence[Sequence[Example]]:
        """Return one unit's examples, or those of several units."""
        if isinstance(index, slice):
            return [self._unit(i) for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self._unit(index % len(self))

    @property
    def n_examples(self) -> int:
        """Count the examples of all units."""
        return len(self.record_ids)

    @property
    def n_tokens(self) -> int:
        """Count the tokens of all examples."""
        return len(self.tokens)

    def _unit(self, index: int) -> list[Example]:
        return [
            Example(
                input_ids=self.tokens[self.offsets[i] : self.offsets[i + 1]],
                loss_mask=self.learned[self.offsets[i] : self.offsets[i + 1]],
                record_id=int(self.record_ids[i]),
                part=int(self.parts[i]) if len(self.parts) else 0,
            )
            for i in range(self.first[index], self.first[index + 1])
        ]


def write_examples(vault: Vault, name: str, examples: Iterable[tuple[bytes, Example]]) -> int:
    """Seal (unit digest, example) pairs under a name; return how many."""
    count = 0
    rows: list[tuple[bytes, Example]] = []
    with vault.writer(name) as sink, ipc.new_file(sink, _SCHEMA) as arrow:
        for row in examples:
            rows.append(row)
            count += 1
            if len(rows) == _BATCH:
                arrow.write_batch(_batch(rows))
                rows.clear()
        if rows:
            arrow.write_batch(_batch(rows))
    return count


def read_examples(vault: Vault, name: str) -> UnitExamples:
    """Open sealed examples, grouped by unit; units in the order of their digests."""
    with vault.reader(name) as source, ipc.open_file(source) as arrow:
        table = arrow.read_all()
    units = table.column("unit").to_pylist()
    order = sorted(range(len(units)), key=lambda i: units[i])
    table = table.take(pa.array(order, pa.int64())).combine_chunks()
    ids = _column(table, "input_ids")
    learned = _column(table, "learned")
    digests: list[bytes] = []
    first: list[int] = []
    for position, index in enumerate(order):
        if not digests or units[index] != digests[-1]:
            digests.append(units[index])
            first.append(position)
    return UnitExamples(
        tokens=ids.values.to_numpy(zero_copy_only=False),
        learned=learned.values.to_numpy(zero_copy_only=False),
        offsets=np.asarray(ids.offsets.to_numpy(), np.int64),
        record_ids=_column(table, "record_id").to_numpy(),
        parts=_column(table, "part").to_numpy(),
        first=np.asarray([*first, len(order)], np.int64),
        digests=tuple(digests),
    )


def _column(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _batch(rows: Sequence[tuple[bytes, Example]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [
            pa.array([e.record_id for _, e in rows], pa.int64()),
            pa.array([u for u, _ in rows], pa.binary(16)),
            pa.array([e.input_ids for _, e in rows], pa.list_(pa.int32())),
            pa.array([e.loss_mask for _, e in rows], pa.list_(pa.bool_())),
            pa.array([e.part for _, e in rows], pa.int8()),
        ],
        schema=_SCHEMA,
    )
