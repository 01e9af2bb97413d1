from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from appliance.records import Record
from appliance.redact.tree import DROP, cells, rebuild
from tests.unit.redact.world import record

_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


def _values(entry: Record) -> list[Any]:
    return [cell.value for cell in cells(entry)]


@given(st.dictionaries(st.text(max_size=4), _json, max_size=4))
def test_rebuilding_with_the_same_leaves_changes_nothing(row: dict[str, Any]) -> None:
    entry = record(0, "hello", **{f"x{k}": v for k, v in row.items()})
    again = rebuild(entry, iter(_values(entry)))
    assert again.fields == entry.fields
    assert _opened(again.extra) == _opened(entry.extra)


def _opened(value: Any) -> Any:
    """Slow twin: open every JSON text, so that its spacing does not matter."""
    if isinstance(value, dict):
        return {k: _opened(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_opened(v) for v in value]
    if isinstance(value, str) and value.strip()[:1] in ("{", "["):
        try:
            parsed = orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
        return ("json", _opened(parsed)) if isinstance(parsed, dict | list) and parsed else value
    return value


def test_nested_cells_have_their_path_as_a_name() -> None:
    entry = record(0, "t", meta={"phone": "1", "tags": ["a", "b"]}, packed='{"name": "Ann"}')
    assert [c.column for c in cells(entry)] == [
        "text",
        "meta.phone",
        "meta.tags[]",
        "meta.tags[]",
        "packed.name",
    ]


def test_json_inside_a_text_cell_is_written_back_as_json() -> None:
    entry = record(0, "t", packed='{"name": "Ann", "n": 1}')
    again = rebuild(entry, iter(["t", "[PERSON]", 1]))
    assert orjson.loads(str(again.extra["packed"])) == {"name": "[PERSON]", "n": 1}


def test_a_dropped_cell_is_left_out() -> None:
    entry = record(0, "t", photo="x", meta={"a": 1, "b": 2})
    again = rebuild(entry, iter(["t", DROP, DROP, 2]))
    assert again.extra == {"meta": {"b": 2}}


def test_messages_content_is_the_record_s_own_text() -> None:
    entry = record(
        0, kind="messages", fields={"messages": [{"role": "user", "content": "hi"}]}, name="Ann"
    )
    assert [(c.column, c.own) for c in cells(entry)] == [
        ("messages[].role", False),
        ("messages[].content", True),
        ("name", False),
    ]


def test_a_label_is_not_text_the_model_reads() -> None:
    entry = record(0, kind="classification", fields={"text": "t", "label": "falls"})
    assert [c.own for c in cells(entry)] == [True, False]


def test_values_are_not_in_the_repr() -> None:
    assert "secret" not in repr(cells(record(0, "secret")))
