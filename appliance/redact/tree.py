"""A record's cells: every leaf of its columns, JSON inside cells included, in a stable order.

Owns the names of nested columns: "meta.phone" for a key, "tags[]" for the items of a list. A text
cell that holds a JSON object or list is opened and written back as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import orjson

from appliance.records import KIND_FIELDS, Json, Record

#: Deeper values are left to be scanned as one text.
MAX_DEPTH = 64
_SCALARS = (str, int, float, bool, type(None))


class _Drop:
    """Marks a cell that is to be left out."""


DROP = _Drop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One leaf of a record.

    Attributes:
        column: its column's name; nested names as in the module's rules.
        value: a scalar (a container only past `MAX_DEPTH`, as text); private.
        own: whether it is one of the record's own texts: prompt, response, message content, ...
    """

    column: str
    value: Json = field(repr=False)
    own: bool


def cells(record: Record) -> list[Cell]:
    """Return all leaves of a record, its own fields first."""
    found: list[Cell] = []
    for name, value in record.fields.items():
        for column, leaf in _leaves(value, name, 0):
            found.append(Cell(column=column, value=leaf, own=_is_own(record, column)))
    for name, value in record.extra.items():
        found.extend(
            Cell(column=column, value=leaf, own=False) for column, leaf in _leaves(value, name, 0)
        )
    return found


def rebuild(record: Record, values: Iterator[Json | _Drop]) -> Record:
    """Return the record with its leaves replaced, in the order of `cells`.

    Args:
        record: the record the cells are of.
        values: one value for each cell; `DROP` leaves the cell out (its key or list item too).
    """

    def take(_column: str, _leaf: Json) -> Json | _Drop:
        return next(values)

    fields = _mapped_row(record.fields, take)
    extra = _mapped_row(record.extra, take)
    return Record(
        record_id=record.record_id,
        unit=record.unit,
        source=record.source,
        line=record.line,
        kind=record.kind,
        fields=fields,
        extra=extra,
    )


def _mapped_row(
    row: Mapping[str, Json], take: Callable[[str, Json], Json | _Drop]
) -> dict[str, Json]:
    mapped: dict[str, Json] = {}
    for name, value in row.items():
        made = _mapped(value, name, take, 0)
        if not isinstance(made, _Drop):
            mapped[name] = made
    return mapped


def _is_own(record: Record, column: str) -> bool:
    """Tell whether a column is text the model will read."""
    own = ("messages[].content",) if record.kind == "messages" else KIND_FIELDS[record.kind]
    return any(column == o or column.startswith((f"{o}.", f"{o}[]")) for o in own if o != "label")


def _leaves(value: Json, column: str, depth: int) -> Iterator[tuple[str, Json]]:
    opened = _opened(value, depth)
    inner = value if opened is None else opened
    if isinstance(inner, dict) and depth < MAX_DEPTH:
        for key, item in inner.items():
            yield from _leaves(item, f"{column}.{key}", depth + 1)
    elif isinstance(inner, list) and depth < MAX_DEPTH:
        for item in inner:
            yield from _leaves(item, f"{column}[]", depth + 1)
    elif isinstance(value, _SCALARS):
        yield column, value
    else:
        yield column, orjson.dumps(value).decode()


def _mapped(
    value: Json, column: str, take: Callable[[str, Json], Json | _Drop], depth: int
) -> Json | _Drop:
    opened = _opened(value, depth)
    inner = value if opened is None else opened
    made: Json | _Drop
    if isinstance(inner, dict) and depth < MAX_DEPTH:
        rows = {k: _mapped(v, f"{column}.{k}", take, depth + 1) for k, v in inner.items()}
        made = {k: v for k, v in rows.items() if not isinstance(v, _Drop)}
    elif isinstance(inner, list) and depth < MAX_DEPTH:
        items = [_mapped(v, f"{column}[]", take, depth + 1) for v in inner]
        made = [v for v in items if not isinstance(v, _Drop)]
    else:
        return take(column, value)
    return made if opened is None else orjson.dumps(made).decode()


def _opened(value: Json, depth: int) -> dict[str, Json] | list[Json] | None:
    """Return the JSON object or list a text cell holds."""
    if not isinstance(value, str) or depth >= MAX_DEPTH or len(value) < 2:
        return None
    ends = value.strip()
    if not ends or (ends[0], ends[-1]) not in (("{", "}"), ("[", "]")):
        return None
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict | list) and parsed else None
