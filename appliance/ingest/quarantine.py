"""Rows that could not be read: sealed, counted, located.

The sealed file is JSON Lines: {"source", "line", "cause", "raw"}, where `raw` is base64 of the
row's bytes (at most 64 KiB of them). Counts and causes are public; lines are shown to the
operator; bytes never leave the vault.
"""

from __future__ import annotations

import base64
from collections import Counter
from typing import BinaryIO

import orjson

from appliance.errors import DataError
from appliance.ingest.rows import CAUSES, BadRow, Cause
from appliance.ingest.sources import SourceFile

#: A file that is this bad this early is not read to its end.
_EARLY_ROWS = 1000
_EARLY_SHARE = 0.5


class Quarantine:
    """Takes bad rows and says when there are too many."""

    def __init__(self, sink: BinaryIO, *, limit: float, encoding: str) -> None:
        """Begin with no row.

        Args:
            sink: sealed.
            limit: largest share of rows, `data.quarantine_limit`.
            encoding: the policy's, for the message about wrong ones.
        """
        self._sink = sink
        self._limit = limit
        self._encoding = encoding
        self._first: tuple[SourceFile, BadRow] | None = None
        self.counts: Counter[Cause] = Counter()
        self.rows = 0

    def add(self, source: SourceFile, row: BadRow) -> None:
        """Set a row aside."""
        entry = {
            "source": source.index,
            "line": row.line,
            "cause": row.cause,
            "raw": base64.b64encode(row.raw).decode("ascii"),
        }
        self._sink.write(orjson.dumps(entry) + b"\n")
        self.counts[row.cause] += row.rows
        self.rows += row.rows
        if self._first is None:
            self._first = (source, row)

    def hopeless(self, rows_read: int) -> bool:
        """Whether more than half of enough rows are set aside, and the limit is lower."""
        return rows_read >= _EARLY_ROWS and self.rows > max(self._limit, _EARLY_SHARE) * rows_read

    def check(self, rows_read: int) -> None:
        """Hold the rows set aside against the policy's limit.

        Raises:
            DataError: there are too many, or no row is left.
        """
        if self.rows > self._limit * rows_read or (self.rows and self.rows >= rows_read):
            raise self._refusal(rows_read)

    def _refusal(self, rows_read: int) -> DataError:
        """Name the first bad row and count the causes."""
        assert self._first is not None
        source, row = self._first
        causes = ", ".join(f"{cause} {n}" for cause, n in sorted(self.counts.items()))
        at = "" if row.offset is None else f", first at byte {row.offset}"
        what = (
            f"{CAUSES[row.cause]}{at}; {self.rows} of {rows_read} rows set aside ({causes}), "
            f"the policy allows {self._limit:.3g} of them"
        )
        knob = "data.encoding" if row.cause == "encoding" else "data.quarantine_limit"
        if row.cause == "encoding":
            what = f"not {self._encoding}: {what}"
        raise DataError(
            f"{source.name}: line {row.line}", what, hint=f"appliance policy explain {knob}"
        )
