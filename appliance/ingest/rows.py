"""What readers hand on: rows, and rows that could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from appliance.errors import DataError
from appliance.ingest.sources import SourceFile
from appliance.policy.model import Limits
from appliance.records import Json

#: Why a row is set aside. The words are public: they go into the report.
Cause = Literal[
    "encoding",  # bytes that are not in the policy's encoding
    "nul",  # a NUL character
    "too-large",  # beyond data.limits.max_record_bytes
    "json",  # not valid JSON, NaN and infinities included
    "json-depth",  # nested beyond data.limits.max_json_depth
    "json-duplicate-key",  # one name twice in one object
    "json-number",  # a number that cannot be kept exactly
    "not-an-object",  # JSON, but no object with named fields
    "csv",  # quotes that do not fit
    "ragged",  # more or fewer cells than the header
    "columns",  # more columns than data.limits.max_columns
    "no-field",  # a field the record needs is missing or null
    "type",  # a field of a type its place does not take
    "empty",  # a field without text
    "messages",  # a chat that is no list of {role, content}
    "no-unit",  # no value for the privacy unit
]

#: What an operator reads about a cause, in plain words.
CAUSES: dict[Cause, str] = {
    "encoding": "bytes that are not in the expected encoding",
    "nul": "a NUL character",
    "too-large": "a record beyond data.limits.max_record_bytes",
    "json": "not valid JSON",
    "json-depth": "JSON nested beyond data.limits.max_json_depth",
    "json-duplicate-key": "a JSON object with one name twice",
    "json-number": "a number that cannot be kept exactly",
    "not-an-object": "not a JSON object",
    "csv": "quotes that do not fit",
    "ragged": "more or fewer cells than the header has",
    "columns": "more columns than data.limits.max_columns",
    "no-field": "a field the record needs is missing",
    "type": "a field of the wrong type",
    "empty": "a field without text",
    "messages": "messages are not a list of role and content",
    "no-unit": "no value for the privacy unit (data.unit)",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row that was read.

    Attributes:
        line: 1-based line, row or member number.
        values: column -> value; private.
        size: its decoded bytes, about.
    """

    line: int
    values: dict[str, Json] = field(repr=False)
    size: int


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read.

    Attributes:
        line: 1-based line, row or member number where it begins.
        cause: why.
        raw: its bytes or their beginning; private.
        rows: how many lines were given up with it.
        offset: of the first bad byte in the file, where that is the point.
    """

    line: int
    cause: Cause
    raw: bytes = field(repr=False, default=b"")
    rows: int = 1
    offset: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reader needs to know besides the bytes."""

    source: SourceFile
    limits: Limits
    encoding: str

    @property
    def name(self) -> str:
        """The source's name, for errors."""
        return self.source.name


def check_header(names: list[str], reading: Reading) -> list[str]:
    """Check a table's column names and name those without one.

    Raises:
        DataError: too many columns, or one name twice. Names are not shown: a file without a
            header has a record there.
    """
    if len(names) > reading.limits.max_columns:
        raise DataError(
            reading.name,
            f"has more than {reading.limits.max_columns} columns",
            hint="appliance policy explain data.limits.max_columns",
        )
    named = [name.strip() or f"column_{index}" for index, name in enumerate(names, 1)]
    for index, name in enumerate(named):
        if name in named[:index]:
            raise DataError(
                reading.name,
                f"columns {named.index(name) + 1} and {index + 1} have the same name",
                hint="give every column its own name in the first row",
            )
    return named
