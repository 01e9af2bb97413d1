"""Train, validation, test and audit holdout: by privacy unit, no person on two sides.

Units are ordered by a keyed digest and cut at exact shares, so that the sides have the sizes the
policy asks for (a threshold on hashes would miss them by chance) and nobody without the key can
say on which side a person is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
from numpy.typing import NDArray

from appliance.corpus import Corpus
from appliance.crypto.canonical import keyed_digest
from appliance.errors import DataError, IntegrityError
from appliance.evidence import Splits
from appliance.policy.model import SplitShares
from appliance.records import SIDES, Side
from appliance.vault import Vault

SIDES_NAME = "split/sides.arrow"
_CUT_ROWS = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitResult:
    """How many records and units lie on each side."""

    records: Splits
    units: Splits


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Which side each record is on.

    Attributes:
        side: int8 [records], index into `records.SIDES`.
        unit: int64 [records], the unit's number in order of first appearance.
    """

    side: NDArray[np.int8] = field(repr=False)
    unit: NDArray[np.int64] = field(repr=False)

    def ids(self, side: Side) -> NDArray[np.int64]:
        """Return the record ids of one side, ascending."""
        return np.flatnonzero(self.side == SIDES.index(side))

    def groups(self, side: Side) -> list[NDArray[np.int64]]:
        """Return the record ids of one side, a group for each unit, in order of appearance."""
        ids = self.ids(side)
        if len(ids) == 0:
            return []
        units = self.unit[ids]
        order = np.argsort(units, kind="stable")
        cuts = np.flatnonzero(np.diff(units[order])) + 1
        return np.split(ids[order], cuts)


def split(
    corpus: Corpus, *, shares: SplitShares, key: bytes, vault: Vault, name: str = SIDES_NAME
) -> SplitResult:
    """Put every unit on one side and seal the result.

    Args:
        corpus: its record ids and units; fields are not read.
        shares: of units, summing to 1.
        key: 32 bytes that settle the order.
        vault: the run's.
        name: of the sealed result.

    Returns:
        Counts.

    Raises:
        DataError: there are fewer units than sides.

    Guarantees:
        No unit is on two sides. A side's units are within one of its share, but every side with a
        share above 0 has at least one. The same units under the same key are split alike,
        whatever their order.
    """
    digests, unit = _numbered(corpus)
    counts = _counts(len(digests), shares)
    keyed = np.frombuffer(b"".join(keyed_digest(key, d.tobytes()) for d in digests), "S32")
    side_of_unit = np.empty(len(digests), np.int8)
    side_of_unit[np.argsort(keyed)] = np.repeat(np.arange(len(SIDES), dtype=np.int8), counts)
    side = side_of_unit[unit]
    _write(vault, name, side, unit)
    records = np.bincount(side, minlength=len(SIDES))
    return SplitResult(records=_splits(records.tolist()), units=_splits(counts))


def read_sides(vault: Vault, name: str = SIDES_NAME) -> Sides:
    """Read which side each record is on.

    Raises:
        IntegrityError: it is not what `split` wrote.
    """
    with vault.reader(name) as source:
        try:
            table = ipc.open_file(source).read_all()
        except pa.ArrowInvalid:
            raise IntegrityError(
                name, "is not a sealed split", hint="appliance runs list"
            ) from None
    side, unit = (table.column(c).to_numpy() for c in ("side", "unit"))
    return Sides(side=side.astype(np.int8), unit=unit.astype(np.int64))


def _numbered(corpus: Corpus) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Number the units in order of first appearance.

    Returns:
        uint8 [units, 16], each unit's digest; int64 [records], each record's unit.
    """
    whole = np.frombuffer(b"".join(unit for _, unit in corpus.units()), "V16")
    # Fixed-size byte strings sort and compare exactly; only their printing drops zero bytes.
    _, first, inverse = np.unique(whole.view("S16"), return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(first), np.int64)
    rank[order] = np.arange(len(first))
    return whole[first[order]].view(np.uint8).reshape(-1, 16), rank[inverse]


def _counts(units: int, shares: SplitShares) -> list[int]:
    """Return units per side: largest remainders, none of the wanted sides empty."""
    wanted = [cast("float", getattr(shares, side)) for side in SIDES]
    needed = sum(share > 0.0 for share in wanted)
    if units < needed:
        raise DataError(
            "split",
            f"{units} privacy units cannot fill {needed} sides; at least {needed} are needed",
            hint="give more data, or appliance policy explain data.unit",
        )
    exact = [share * units for share in wanted]
    counts = [int(e) for e in exact]
    by_remainder = sorted(range(len(SIDES)), key=lambda i: counts[i] - exact[i])
    for i in by_remainder[: units - sum(counts)]:
        counts[i] += 1
    for i, share in enumerate(wanted):
        if share > 0.0 and counts[i] == 0:
            counts[counts.index(max(counts))] -= 1
            counts[i] = 1
    return counts


def _splits(counts: list[int]) -> Splits:
    return Splits.model_validate(dict(zip(SIDES, counts, strict=True)))


def _write(vault: Vault, name: str, side: NDArray[np.int8], unit: NDArray[np.int64]) -> None:
    schema = pa.schema([("side", pa.int8()), ("unit", pa.int64())])
    with vault.writer(name) as sink, ipc.new_file(sink, schema) as writer:
        for first in range(0, len(side), _CUT_ROWS):
            cut = slice(first, first + _CUT_ROWS)
            columns = [pa.array(side[cut]), pa.array(unit[cut])]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
