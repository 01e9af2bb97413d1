from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import DataError
from appliance.ingest.json_rows import read_json, read_json_lines
from appliance.ingest.rows import BadRow, Row
from tests.unit.ingest.rooms import bad, good, reading

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECT = st.dictionaries(st.text(), JSON, max_size=5)


class _Dribble(io.BytesIO):
    def __init__(self, data: bytes, step: int) -> None:
        super().__init__(data)
        self._step = step

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self._step)


def _lines(data: bytes, **limits: object) -> list[Row | BadRow]:
    return list(read_json_lines(io.BytesIO(data), reading(**limits)))


@given(st.lists(OBJECT), st.booleans())
def test_lines_are_read_as_the_standard_library_reads_them(
    rows: list[dict[str, object]], ascii_only: bool
) -> None:
    data = b"\n".join(json.dumps(r, ensure_ascii=ascii_only).encode() for r in rows if r)
    expected = [json.loads(line) for line in data.split(b"\n") if line]
    assert [values for _, values in good(_lines(data))] == expected
    assert bad(_lines(data)) == []


@given(st.lists(OBJECT), st.sampled_from([None, 2]), st.integers(1, 50))
def test_an_array_is_cut_into_the_members_the_standard_library_finds(
    rows: list[dict[str, object]], indent: int | None, step: int
) -> None:
    data = json.dumps(rows, indent=indent).encode()
    found = list(read_json(_Dribble(data, step), reading()))
    assert [values for _, values in good(found)] == rows
    assert [line for line, _ in good(found)] == list(range(1, len(rows) + 1))


@given(OBJECT, OBJECT, st.integers(1, 50))
def test_objects_one_after_the_other_are_members_too(
    first: dict[str, object], second: dict[str, object], step: int
) -> None:
    data = (json.dumps(first, indent=1) + "\n" + json.dumps(second)).encode()
    found = list(read_json(_Dribble(data, step), reading()))
    assert [values for _, values in good(found)] == [first, second]


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        (b'{"text": NaN}', "json"),
        (b'{"text": Infinity}', "json"),
        (b'{"text": 1e999}', "json-number"),
        (b'{"text": 123456789012345678901234567890}', "json-number"),
        (b'{"text": 18446744073709551616}', "json-number"),
        (b'{"text": -9223372036854775809}', "json-number"),
        (b'{"text": "a", "text": "b"}', "json-duplicate-key"),
        (b'{"a": {"x": 1, "x": 2}}', "json-duplicate-key"),
        (b'{"a": [{"x": 1}, {"x": 1, "y": 2, "x": 3}]}', "json-duplicate-key"),
        (b'{"te\\u0078t": "a", "text": "b"}', "json-duplicate-key"),
        (b'{"a": 1, "a": 2, "b": "\\u003a"}', "json-duplicate-key"),
        (b'{"text": "\xff"}', "encoding"),
        (b'{"text": "a\x00b"}', "nul"),
        (b'{"text": "\\ud800"}', "json"),
        (b'{"text": "a"} trailing', "json"),
        (b'{"text": "a"', "json"),
        (b"[1, 2]", "not-an-object"),
        (b'"text"', "not-an-object"),
        (b"[" * 100 + b"]" * 100, "json-depth"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "json-depth"),
    ],
)
def test_a_bad_line_is_set_aside_with_its_cause_and_the_rest_is_read(
    row: bytes, cause: str
) -> None:
    rows = _lines(b'{"text": "before"}\n' + row + b'\n{"text": "after"}')
    assert bad(rows) == [(2, cause)]
    assert good(rows) == [(1, {"text": "before"}), (3, {"text": "after"})]


def test_the_offset_of_a_byte_in_the_wrong_encoding_is_told() -> None:
    (row,) = (r for r in _lines(b'{"text": "x"}\n{"text": "ab\xe9"}\n') if isinstance(r, BadRow))
    assert row.offset == len(b'{"text": "x"}\n{"text": "ab')


@pytest.mark.parametrize(
    "row",
    [
        b'{"text": "{\\"a\\": 1, \\"a\\": 2}"}',
        b'{"text": "12345678901234567890123", "n": 18446744073709551615}',
        b'{"text": "a : b :: c", "url": "http://x:80"}',
        b'{"text": "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["}',
        b'{"text": "\\u003a", "b": 1.5e10}',
        b'{"n": 1234567890123456789.5}',
    ],
)
def test_what_only_looks_bad_inside_a_string_is_read(row: bytes) -> None:
    assert [values for _, values in good(_lines(row))] == [json.loads(row)]


@given(st.lists(st.tuples(st.text(max_size=3), JSON), max_size=6), st.booleans())
def test_duplicate_names_are_found_exactly_when_there_are_some(
    pairs: list[tuple[str, object]], ascii_only: bool
) -> None:
    inside = ",".join(
        json.dumps(k, ensure_ascii=ascii_only) + ":" + json.dumps(v, ensure_ascii=ascii_only)
        for k, v in pairs
    )
    rows = _lines(b"{" + inside.encode() + b"}")
    names = [k for k, _ in pairs]
    assert bool(bad(rows)) == (len(set(names)) < len(names))


def test_a_line_beyond_the_largest_record_is_set_aside() -> None:
    rows = _lines(b'{"text": "' + b"x" * 5000 + b'"}\n{"text": "ok"}', max_record_bytes=1000)
    assert bad(rows) == [(1, "too-large")]
    assert good(rows) == [(2, {"text": "ok"})]


def test_more_columns_than_the_limit_are_set_aside() -> None:
    row = json.dumps({f"c{i}": i for i in range(11)}).encode()
    assert bad(_lines(row, max_columns=10)) == [(1, "columns")]


@pytest.mark.parametrize("data", [b'[{"a": 1}', b'[{"a": "x', b'{"a": 1', b"[", b'[{"a": 1}, '])
def test_an_array_cut_short_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="ends inside a value"):
        list(read_json(io.BytesIO(data), reading()))


@pytest.mark.parametrize("data", [b"[{}]]", b'[{"a": 1}] {"b": 2}', b"}"])
def test_brackets_that_do_not_fit_are_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="brackets do not fit"):
        list(read_json(io.BytesIO(data), reading()))


def test_a_bad_member_of_an_array_is_set_aside_alone() -> None:
    rows = list(read_json(io.BytesIO(b'[{"a": 1}, {"a": NaN}, 7, {"a": 2}]'), reading()))
    assert good(rows) == [(1, {"a": 1}), (4, {"a": 2})]
    assert bad(rows) == [(2, "json"), (3, "not-an-object")]


def test_a_member_beyond_the_largest_record_stops_the_file() -> None:
    data = b'[{"a": "' + b"x" * 2_000_000 + b'"}]'
    with pytest.raises(DataError, match="max_record_bytes"):
        list(read_json(io.BytesIO(data), reading(max_record_bytes=1000)))
