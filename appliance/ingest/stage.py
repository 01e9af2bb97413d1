"""The ingest stage: files in, a sealed corpus out.

1. Every source is read in bounded memory; bad rows go to the quarantine.
2. Records, their fingerprints and the quarantine are sealed as they pass.
3. Copies are found from the fingerprints.
4. What the policy keeps is written as the corpus, ids 0..n-1; the first reading is deleted.

Sealed outputs: "ingest/corpus.arrow", "ingest/quarantine.jsonl", "ingest/sources.json".
"""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import orjson
from numpy.typing import NDArray

from appliance.corpus import Corpus, CorpusWriter
from appliance.errors import DataError
from appliance.evidence import DataSection
from appliance.ingest.dedupe import Duplicates, Fingerprints, find_duplicates
from appliance.ingest.mapping import Mapper, unit_digest
from appliance.ingest.quarantine import Quarantine
from appliance.ingest.readers import UNPACKED, read_rows
from appliance.ingest.rows import BadRow, Row
from appliance.ingest.sources import SourceFile, find_sources, printable
from appliance.ingest.streams import KEPT_BYTES
from appliance.policy.model import Data
from appliance.progress import Progress, Task
from appliance.records import Record
from appliance.vault import Vault

CORPUS = "ingest/corpus.arrow"
QUARANTINE = "ingest/quarantine.jsonl"
SOURCES = "ingest/sources.json"
_READ = "ingest/read.arrow"
_FINGERPRINTS = "ingest/fingerprints.bin"
_TEMPORARY = (_READ, _FINGERPRINTS, UNPACKED)

#: A column found in a smaller share of the records is counted, not named: names that are that
#: rare may be data (an object keyed by people's names).
_NAMED_SHARE = 0.01
_SHAPES_HELD = 4096
#: Joined at once: `join` holds an object for each of what it joins.
_UNITS_AT_A_TIME = 65536
#: Record numbers are held in 32 bits while copies are looked for.
_MAX_RECORDS = 2**31 - 1


def ingest(
    source: Path,
    *,
    policy: Data,
    vault: Vault,
    unit_key: bytes,
    progress: Progress,
    erased: frozenset[bytes] = frozenset(),
) -> DataSection:
    """Read the customer's files into a sealed corpus.

    Args:
        source: a file, or a folder whose files are all read.
        policy: what the records look like and how they are read.
        vault: the run's.
        unit_key: 32 bytes, the same for every run of a workspace.
        progress: told of stored bytes read and of the search for copies.
        erased: digests of people who were erased: their rows are counted and dropped.

    Returns:
        Counts; never content.

    Raises:
        DataError: nothing there, damaged, in another encoding, beyond the limits, without a
            column the policy names, or with too many bad rows.
        MachineError: this user may not read it, or the disk is full.

    Guarantees:
        Nothing is written in clear. Memory does not grow with the size of the source beyond some
        tens of bytes a record. Record ids are 0..n-1 in the order of the sources.
    """
    sources = find_sources(source)
    intake = _Intake(policy=policy, vault=vault, unit_key=unit_key, erased=erased)
    with progress.task("reading", sum(s.stored_bytes for s in sources)) as task:
        intake.read(sources, task)
    if intake.records == 0:
        raise DataError(
            printable(source), "holds no record", hint="give a file with at least one record"
        )
    with progress.task("finding copies", 2.0) as task:
        found = _find(vault, intake.records, policy, task)
        kept = _write_kept(vault, policy, found, task)
    vault.write_json(SOURCES, [s.relative for s in sources])
    for name in _TEMPORARY:
        if vault.exists(name):
            vault.delete(name)
    return intake.section(found, kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    records: int
    removed: int
    units: int
    most_of_a_unit: int


@dataclass(slots=True, kw_only=True)
class _Intake:
    """The first reading: rows to sealed records, and what was counted on the way."""

    policy: Data
    vault: Vault
    unit_key: bytes = field(repr=False)
    erased: frozenset[bytes] = field(default=frozenset(), repr=False)
    records: int = 0
    records_erased: int = 0
    rows: int = 0
    bytes_read: int = 0
    causes: dict[str, int] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    shapes: Counter[tuple[str, ...]] = field(default_factory=Counter, repr=False)
    columns: Counter[str] = field(default_factory=Counter, repr=False)

    def read(self, sources: list[SourceFile], task: Task) -> None:
        """Read every source."""
        with contextlib.ExitStack() as stack:
            corpus = stack.enter_context(Corpus.writing(self.vault, _READ))
            sink = stack.enter_context(self.vault.writer(_FINGERPRINTS))
            prints = Fingerprints(cast("BinaryIO", sink), key=self.vault.keyed("ingest/dedupe"))
            bad = stack.enter_context(self.vault.writer(QUARANTINE))
            quarantine = Quarantine(
                cast("BinaryIO", bad),
                limit=self.policy.quarantine_limit,
                encoding=self.policy.encoding,
            )
            for source in sources:
                self._read_source(source, corpus, prints, quarantine, task)
            quarantine.check(self.rows)
            prints.finish()
            self.causes = {str(cause): n for cause, n in sorted(quarantine.counts.items())}
            self._fold(sources[-1])

    def _read_source(
        self,
        source: SourceFile,
        corpus: CorpusWriter,
        prints: Fingerprints,
        quarantine: Quarantine,
        task: Task,
    ) -> None:
        """Read one source into the corpus."""
        mapper = Mapper(self.policy, own_names=source.format == "text")
        columns = _Columns(mapper, source)
        name_unit = self._units(source)
        rows = read_rows(
            source,
            self.policy,
            check_columns=mapper.check_columns,
            on_read=task.advance,
            vault=self.vault,
        )
        for row in rows:
            if isinstance(row, BadRow):
                self._set_aside(row, quarantine, columns)
                continue
            columns.see(row)
            mapped = mapper.map(row.values)
            if isinstance(mapped, str):
                raw = orjson.dumps(row.values)[:KEPT_BYTES]
                self._set_aside(BadRow(row.line, mapped, raw), quarantine, columns)
                continue
            unit = name_unit(mapped.unit, row.line)
            if unit in self.erased:
                self.rows += 1
                self.records_erased += 1
                continue
            record = Record(
                record_id=self.records,
                unit=unit,
                source=source.index,
                line=row.line,
                kind=mapped.kind,
                fields=mapped.fields,
                extra=mapped.extra,
            )
            corpus.append(record)
            prints.add(record)
            self._count(source, row, mapped.kind)
        columns.check()

    def _set_aside(self, row: BadRow, quarantine: Quarantine, columns: _Columns) -> None:
        """Count a bad row; a column that no row has explains more than a share of bad rows."""
        self.rows += row.rows
        quarantine.add(columns.source, row)
        if quarantine.hopeless(self.rows):
            columns.check()
            quarantine.check(self.rows)

    def _count(self, source: SourceFile, row: Row, kind: str) -> None:
        """Count one record, its shape and its columns."""
        self.rows += 1
        self.records += 1
        self.bytes_read += row.size
        self.kinds[kind] += 1
        self.shapes[tuple(row.values)] += 1
        if len(self.shapes) > _SHAPES_HELD:
            self._fold(source)
        most = min(self.policy.limits.max_records, _MAX_RECORDS)
        if self.records > most:
            raise DataError(
                source.name,
                f"more than {most} records",
                hint="appliance policy explain data.limits.max_records",
            )

    def _fold(self, source: SourceFile) -> None:
        """Turn counts of shapes into counts of columns, which are bounded."""
        for shape, count in self.shapes.items():
            for column in shape:
                self.columns[column] += count
        self.shapes.clear()
        if len(self.columns) > self.policy.limits.max_columns:
            raise DataError(
                source.name,
                f"has more than {self.policy.limits.max_columns} columns",
                hint="appliance policy explain data.limits.max_columns",
            )

    def _units(self, source: SourceFile) -> Callable[[str | None, int], bytes]:
        """Return what names the unit of a record of this source."""
        key, unit = self.unit_key, self.policy.unit

        @lru_cache(maxsize=65536)
        def by_value(value: str) -> bytes:
            return unit_digest(key, "value", value)

        if unit in ("$source", "$folder"):
            own = source.relative if unit == "$source" else source.folder
            same = unit_digest(key, unit, own)
            return lambda _value, _line: same
        if unit in (None, "$record"):
            return lambda _value, line: unit_digest(key, "$record", source.relative, str(line))
        return lambda value, _line: by_value(value or "")

    def section(self, found: Duplicates, kept: _Kept) -> DataSection:
        """Return what was counted."""
        named = [c for c, n in self.columns.items() if n >= _NAMED_SHARE * self.records]
        rare = len(self.columns) - len(named)
        reasons = {"columns": f"{rare} columns of under 1 % of records not named"} if rare else {}
        return DataSection(
            records_read=self.rows,
            records_quarantined=sum(self.causes.values()),
            quarantine=self.causes,
            records_erased=self.records_erased,
            duplicates_removed=kept.removed,
            exact_duplicates=int(found.exact.sum()),
            near_duplicates=int(found.near.sum()),
            records_used=kept.records,
            units=kept.units,
            max_records_of_a_unit=kept.most_of_a_unit,
            kinds=dict(sorted(self.kinds.items())),
            columns=sorted(named),
            bytes_read=self.bytes_read,
            reasons=reasons,
        )


class _Columns:
    """Which of the columns the policy may look for a file of JSON has; tables check their header.

    Attributes:
        source: the file.
    """

    def __init__(self, mapper: Mapper, source: SourceFile) -> None:
        self.source = source
        self._mapper = mapper
        self._missing = set(mapper.wanted) if source.format in ("json", "jsonl") else set()
        self._rows = 0

    def see(self, row: Row) -> None:
        """Look at one row."""
        self._rows += 1
        if self._missing:
            self._missing.difference_update(row.values)

    def check(self) -> None:
        """Hold what was seen against the policy, if there was anything to see.

        Raises:
            DataError: no row has a column the policy names.
        """
        if self._missing and self._rows:
            self._mapper.check_columns(self._mapper.wanted - self._missing, self.source.name)


def _find(vault: Vault, records: int, policy: Data, task: Task) -> Duplicates:
    """Find copies among what was read."""
    with vault.reader(_FINGERPRINTS) as source:
        return find_duplicates(
            source, records=records, threshold=policy.duplicates.threshold, done=task.advance
        )


def _write_kept(vault: Vault, policy: Data, found: Duplicates, task: Task) -> _Kept:
    """Write the corpus without the copies the policy removes."""
    removed = np.zeros(len(found.exact), np.bool_)
    if policy.duplicates.exact == "remove":
        removed |= found.exact
    if policy.duplicates.near == "remove":
        removed |= found.near
    corpus = Corpus(vault, _READ).copy(CORPUS, keep=~removed)
    task.advance(0.5)
    sizes = _unit_sizes(corpus)
    task.advance(0.5)
    return _Kept(
        records=int((~removed).sum()),
        removed=int(removed.sum()),
        units=len(sizes),
        most_of_a_unit=int(sizes.max()),
    )


def _unit_sizes(corpus: Corpus) -> NDArray[np.int64]:
    """Return how many records each unit has; 64 of a digest's 128 bits tell units apart."""
    units = iter(corpus.units())
    parts = iter(lambda: b"".join(u[:8] for _, u in itertools.islice(units, _UNITS_AT_A_TIME)), b"")
    halves = np.concatenate([np.frombuffer(part, np.uint64) for part in parts])
    halves.sort()
    begins = np.flatnonzero(np.diff(halves)) + 1
    return np.diff(begins, prepend=0, append=len(halves))
