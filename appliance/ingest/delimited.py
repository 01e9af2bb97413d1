r"""Rows of CSV and TSV.

Rules:
- The dialect is settled by the first row alone: the separator it has most of, of comma,
  semicolon, tab and bar; quotes are doubled inside quotes (RFC 4180). Nothing else is guessed.
- A row with more or fewer cells than the header is set aside, with its line.
- A quote that does not fit costs its own line, not the rest of the file: reading begins anew on
  the next line, so a quote left open by one row cannot swallow the rows after it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator

from appliance.errors import DataError
from appliance.ingest.rows import CAUSES, BadRow, Cause, Reading, Row, check_header
from appliance.ingest.streams import KEPT_BYTES, ByteStream, Line, lines
from appliance.records import Json

_SEPARATORS = (",", ";", "\t", "|")
#: A broken row is read again from its second line only up to here; beyond, its lines are lost.
_RESUME_BYTES = 1024 * 1024
#: Most separators of one line: bounds the cells held in memory.
_MAX_SEPARATORS = 1_000_000


class _GiveUp(Exception):  # noqa: N818 - a signal between functions of this file
    def __init__(self, cause: Cause) -> None:
        super().__init__(cause)
        self.cause: Cause = cause


def read_delimited(
    stream: ByteStream,
    reading: Reading,
    *,
    tabs: bool,
    check_columns: Callable[[list[str], str], None],
) -> Iterator[Row | BadRow]:
    """Read a table with a header row.

    Args:
        stream: UTF-8.
        reading: the source and its limits.
        tabs: the separator is the tab; otherwise the header row tells.
        check_columns: told of the column names and the source before the first row; raises when
            they will not do.

    Yields:
        A row, or the row that could not be read, with the line it begins on.

    Raises:
        DataError: there is no usable header.
    """
    feed = _Feed(lines(stream, limit_bytes=reading.limits.max_record_bytes), reading)
    # NOTE: the module's limit is global; it only ever bounds a field, never loosens a policy.
    csv.field_size_limit(min(reading.limits.max_record_bytes, 2**31 - 1))
    header = check_header(_header(feed, reading, tabs=tabs), reading)
    check_columns(header, reading.name)
    yield from _rows(feed, header)


def _header(feed: _Feed, reading: Reading, *, tabs: bool) -> list[str]:
    """Read the first row and settle the separator."""
    first = feed.peek()
    if first is None:
        raise DataError(
            reading.name, "the file is empty", hint="give a file with a header and rows"
        )
    feed.separator = "\t" if tabs else _separator(first)
    try:
        names = next(feed.reader())
    except (csv.Error, _GiveUp, StopIteration):
        feed.flaw = "csv"
    if feed.flaw is not None:
        raise DataError(
            f"{reading.name}: line 1",
            f"the header row cannot be read: {CAUSES[feed.flaw]}",
            hint="check quotes, separators and encoding of the first row",
        )
    return names


def _separator(line: str) -> str:
    """Return the separator that a header row has most of, outside quotes; the first wins ties."""
    bare = "".join(line.split('"')[::2])
    return max(_SEPARATORS, key=bare.count)


def _rows(feed: _Feed, header: list[str]) -> Iterator[Row | BadRow]:
    reader = feed.reader()
    width = len(header)
    while True:
        feed.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield feed.give_up("csv")
            continue
        except _GiveUp as e:
            yield feed.give_up(e.cause)
            continue
        if not cells or (width > 1 and len(cells) == 1 and not cells[0].strip()):
            continue
        if feed.flaw is not None:
            yield feed.give_up(feed.flaw)
        elif len(cells) != width:
            yield feed.give_up("ragged")
        else:
            values: dict[str, Json] = dict(zip(header, cells, strict=True))
            yield Row(feed.line, values, feed.size)


class _Feed:
    """Gives the csv module its lines, remembers those of the row under way, can go back."""

    def __init__(self, source: Iterator[Line], reading: Reading) -> None:
        self._source = source
        self._reading = reading
        self._again: list[Line] = []
        self._taken: list[Line] = []
        self.separator = ","
        self.flaw: Cause | None = None
        self.size = 0

    def reader(self) -> Iterator[list[str]]:
        """Return the csv module's reader over this feed."""
        return csv.reader(self, delimiter=self.separator, doublequote=True, strict=True)

    def begin(self) -> None:
        """Begin a row."""
        self._taken.clear()
        self.flaw = None
        self.size = 0

    @property
    def line(self) -> int:
        """The number of the line the row began on."""
        return self._taken[0].number

    def peek(self) -> str | None:
        """Return the first line that has something, leaving it where it is."""
        for line in self._source:
            if line.data and not line.data.isspace():
                self._again.append(line)
                return line.data.decode("utf-8", "surrogateescape")
        return None

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._source)
        self._taken.append(line)
        self.size += len(line.data) + 1
        if line.too_long or self.size > self._reading.limits.max_record_bytes:
            raise _GiveUp("too-large")
        if line.data.count(self.separator.encode()) > _MAX_SEPARATORS:
            raise _GiveUp("too-large")
        if b"\0" in line.data:
            self.flaw = "nul"
        try:
            return line.data.decode() + "\n"
        except UnicodeDecodeError:
            self.flaw = "encoding"
            return line.data.decode("utf-8", "surrogateescape") + "\n"

    def give_up(self, cause: Cause) -> BadRow:
        """Set aside the row under way; of one whose quotes do not fit, only the first line."""
        first, rest = self._taken[0], self._taken[1:]
        if cause == "csv" and self.size <= _RESUME_BYTES:
            self._again.extend(reversed(rest))
            rest = []
        raw = b"\n".join(line.data for line in [first, *rest])[:KEPT_BYTES]
        lost = 1 if cause == "ragged" else 1 + len(rest)
        return BadRow(first.number, cause, raw, rows=lost, offset=self._offset(cause, first))

    def _offset(self, cause: Cause, first: Line) -> int | None:
        """Return where in the file the first byte is that is not UTF-8."""
        if cause != "encoding" or self._reading.encoding != "utf-8":
            return None
        for line in self._taken:
            try:
                line.data.decode()
            except UnicodeDecodeError as e:
                return line.offset + e.start
        return first.offset
