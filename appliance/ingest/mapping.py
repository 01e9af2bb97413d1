"""From a row's columns to a record's own fields, its privacy unit and everything else.

Rules:
- The policy's names come first; a field it does not map is looked for under its own name.
- A record takes the fullest shape its columns allow: preference, chat, prompt and response, text
  and label, text. A shape that leaves out a mapped field is never taken.
- A column the policy names and a file does not have stops the run: a unit or a field that is
  looked for in the wrong place is never guessed. Names found in the file are not shown; a table
  without a header has a record there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import get_args

from appliance.crypto.canonical import keyed_digest
from appliance.errors import DataError
from appliance.ingest.json_rows import parse_cell
from appliance.ingest.rows import Cause
from appliance.policy.model import Data, FieldMap
from appliance.records import KIND_FIELDS, Json, Kind

#: Fullest shape first.
_ORDER: tuple[Kind, ...] = (
    "preference",
    "messages",
    "prompt_response",
    "classification",
    "text",
)
#: A shape and its (field, column) pairs.
_Shape = tuple[Kind, tuple[tuple[str, str], ...]]
_WITHOUT_COLUMN = ("$record", "$source", "$folder")
_HINT = "appliance policy explain data.fields"


@dataclass(frozen=True, slots=True)
class Mapped:
    """A row as a record, before it has a place in the corpus.

    Attributes:
        kind: its shape.
        fields: its own fields; private.
        extra: all other columns; private.
        unit: the value of the unit's column, normalised; None without such a column; private.
    """

    kind: Kind
    fields: dict[str, Json] = field(repr=False)
    extra: dict[str, Json] = field(repr=False)
    unit: str | None = field(repr=False)


class Mapper:
    """Maps rows as one policy says."""

    def __init__(self, policy: Data, *, own_names: bool = False) -> None:
        """Settle which columns make which shape.

        Args:
            policy: `data.fields`, `data.unit` and the limits.
            own_names: ignore `data.fields`; for files that have no columns of their own.
        """
        given = FieldMap() if own_names else policy.fields
        mapped = {name: column for name, column in given.model_dump().items() if column}
        self._mapped = mapped
        self._max_depth = policy.limits.max_json_depth
        self._shapes: list[_Shape] = [
            (kind, tuple((name, mapped.get(name, name)) for name in KIND_FIELDS[kind]))
            for kind in _ORDER
            if set(mapped) <= set(KIND_FIELDS[kind])
        ]
        self.unit_column = None if policy.unit in (None, *_WITHOUT_COLUMN) else policy.unit

    def check_columns(self, columns: Iterable[str], name: str) -> None:
        """Check that a file has the columns the policy names and a shape a record can take.

        Args:
            columns: every column the file has.
            name: the file, for errors.

        Raises:
            DataError: it has not.
        """
        present = set(columns)
        for field_name, column in self._mapped.items():
            if column not in present:
                raise _lacks(name, column, f"data.fields.{field_name}")
        if self.unit_column is not None and self.unit_column not in present:
            raise _lacks(name, self.unit_column, "data.unit")
        if not any(all(c in present for _, c in shape) for _, shape in self._shapes):
            shapes = ", or ".join(" + ".join(c for _, c in shape) for _, shape in self._shapes)
            raise DataError(name, f"has no column a record needs: {shapes or 'none'}", hint=_HINT)

    @property
    def wanted(self) -> frozenset[str]:
        """Every column name that the policy or a shape may look for."""
        names = {c for _, shape in self._shapes for _, c in shape} | set(self._mapped.values())
        return frozenset(names | ({self.unit_column} if self.unit_column else set()))

    def map(self, values: Mapping[str, Json]) -> Mapped | Cause:
        """Map one row, or say why it cannot be."""
        found = self._shape(values)
        if found is None:
            return "no-field"
        kind, shape = found
        fields: dict[str, Json] = {}
        for name, column in shape:
            value = self._field(name, values[column])
            if isinstance(value, _Fault):
                return value.cause
            fields[name] = value
        unit: str | None = None
        if self.unit_column is not None:
            unit = unit_text(values.get(self.unit_column))
            if unit is None:
                return "no-unit"
        own = {column for _, column in shape}
        extra = {column: value for column, value in values.items() if column not in own}
        if _has_nul(fields.values()) or (unit is not None and "\0" in unit):
            return "nul"
        return Mapped(kind, fields, extra, unit)

    def _shape(self, values: Mapping[str, Json]) -> _Shape | None:
        """Return the fullest shape a row has values for."""
        for kind, shape in self._shapes:
            for _, column in shape:  # No generator: this runs for every row.
                if values.get(column) is None:
                    break
            else:
                return kind, shape
        return None

    def _field(self, name: str, value: Json) -> Json | _Fault:
        """Check one of the record's own fields."""
        if name == "messages":
            return self._messages(value)
        if name == "label" and isinstance(value, (bool, int)):
            return str(value)
        if not isinstance(value, str):
            return _Fault("type")
        return value if value.strip() else _Fault("empty")

    def _messages(self, value: Json) -> Json | _Fault:
        """Check a chat; in a table it is JSON inside a cell."""
        if isinstance(value, str):
            try:
                value = parse_cell(value, max_depth=self._max_depth)
            except ValueError:
                return _Fault("messages")
        if not isinstance(value, list) or not value:
            return _Fault("messages")
        for message in value:
            if not isinstance(message, dict) or set(message) != {"role", "content"}:
                return _Fault("messages")
            if not all(isinstance(part, str) for part in message.values()):
                return _Fault("messages")
        contents = (m["content"] for m in value if isinstance(m, dict))
        if not any(isinstance(c, str) and c.strip() for c in contents):
            return _Fault("empty")
        return value


@dataclass(frozen=True, slots=True)
class _Fault:
    cause: Cause


def unit_text(value: Json) -> str | None:
    """Return a unit's value in one spelling, or None when there is none.

    Guarantees:
        The same number read from CSV, JSON or a Parquet column of floats is the same text.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return unicodedata.normalize("NFC", str(value)).strip() or None


def unit_digest(unit_key: bytes, *parts: str) -> bytes:
    """Return the 16 bytes a privacy unit is known by.

    Args:
        unit_key: 32 bytes, one for a workspace, so that the ledger knows a person again.
        parts: how the unit is named ("value", "source", "folder" or "record") and its name.
    """
    return keyed_digest(unit_key, *(part.encode("utf-8", "surrogateescape") for part in parts))[:16]


def _has_nul(values: Iterable[Json]) -> bool:
    for value in values:
        if isinstance(value, str):
            if "\0" in value:
                return True
        elif isinstance(value, list):
            for message in value:
                if isinstance(message, dict) and _has_nul(message.values()):
                    return True
    return False


def _lacks(name: str, column: str, knob: str) -> DataError:
    return DataError(
        name,
        f"has no column {column!r}, which {knob} of the policy names",
        hint=f"appliance policy explain {knob.rpartition('.')[0] if 'fields' in knob else knob}",
    )


assert set(_ORDER) == set(get_args(Kind)), "every shape has a place in the order"
