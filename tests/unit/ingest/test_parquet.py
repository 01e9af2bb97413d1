from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from appliance.errors import DataError
from appliance.ingest.parquet import read_parquet
from appliance.ingest.rows import BadRow, Row
from appliance.ingest.streams import check_budget
from tests.unit.ingest.rooms import bad, good, reading

BIG = "x" * 1_000_000


def _write(table: pa.Table, **options: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def _rows(data: bytes, **limits: object) -> list[Row | BadRow]:
    return list(
        read_parquet(
            io.BytesIO(data),
            reading(**limits),
            stored_bytes=len(data),
            check_columns=lambda c, n: None,
            on_read=lambda n: None,
        )
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zstd", "data_page_version": "2.0"},
        {"use_dictionary": False},
        {"column_encoding": "DELTA_BYTE_ARRAY", "use_dictionary": False},
        {"column_encoding": "DELTA_LENGTH_BYTE_ARRAY", "use_dictionary": False},
    ],
)
def test_strings_come_out_as_they_went_in(options: dict[str, object]) -> None:
    texts = [f"note {i % 37} of {i}" if i % 11 else None for i in range(3000)]
    data = _write(pa.table({"text": texts}), row_group_size=700, **options)
    assert [values["text"] for _, values in good(_rows(data))] == texts
    assert [line for line, _ in good(_rows(data))] == list(range(1, 3001))


def test_chats_and_other_nested_columns_become_json() -> None:
    rows = [
        {"messages": [{"role": "user", "content": "hi"}], "tags": {"a": [1, 2]}, "v": [1.5, 2.5]},
        {"messages": [], "tags": None, "v": None},
    ]
    schema = pa.schema(
        [
            ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
            ("tags", pa.struct([("a", pa.list_(pa.int64()))])),
            ("v", pa.list_(pa.float64(), 2)),
        ]
    )
    found = [values for _, values in good(_rows(_write(pa.Table.from_pylist(rows, schema))))]
    assert found == rows


@pytest.mark.parametrize("group", [7, 100, 1000])
def test_chats_in_several_row_groups_are_read_whole(group: int) -> None:
    rows = [
        {"messages": [{"role": "user", "content": f"question {i}"}] * (i % 3), "tags": ["a"] * 2}
        for i in range(300)
    ]
    data = _write(pa.Table.from_pylist(rows), row_group_size=group)
    assert [values for _, values in good(_rows(data))] == rows


def test_every_other_type_becomes_plain_json() -> None:
    table = pa.table(
        {
            "f": pa.array([1.5, float("nan"), None]),
            "i": pa.array([1, 2, None], pa.uint64()),
            "b": pa.array([True, False, None]),
            "d": pa.array([dt.date(2014, 9, 19)] * 3),
            "t": pa.array(
                [dt.datetime(2014, 9, 19, 1, 2, 3, tzinfo=dt.UTC)] * 3, pa.timestamp("ns", "UTC")
            ),
            "m": pa.array([Decimal("1.50")] * 3),
            "x": pa.array([b"abc"] * 3),
            "n": pa.nulls(3),
            "c": pa.array(["u", "v", "u"]).dictionary_encode(),
            "l": pa.array(["u", "v", "u"], pa.large_string()),
        }
    )
    first, second, third = (values for _, values in good(_rows(_write(table))))
    assert first == {
        "f": 1.5, "i": 1, "b": True, "d": "2014-09-19", "t": "2014-09-19 01:02:03.000000000Z",
        "m": "1.50", "x": "abc", "n": None, "c": "u", "l": "u",
    }  # fmt: skip
    assert second["f"] is None
    assert third["i"] is None


def test_a_value_without_text_sets_one_row_aside() -> None:
    data = _write(pa.table({"id": [1, 2, 3], "x": pa.array([b"a", b"\xff", b"c"])}))
    assert bad(_rows(data)) == [(2, "encoding")]
    assert [line for line, _ in good(_rows(data))] == [1, 3]


def _dictionary_bomb(rows: int) -> bytes:
    indices = pa.array(np.zeros(rows, np.int32))
    table = pa.table({"text": pa.DictionaryArray.from_arrays(indices, pa.array([BIG]))})
    return _write(table, compression="zstd", store_schema=False, dictionary_pagesize_limit=2**30)


def test_a_dictionary_bomb_is_stopped_in_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    data = _dictionary_bomb(80_000)
    assert len(data) < 10_000
    before = pa.total_allocated_bytes()
    held: list[int] = []

    def spy(*args: object, **kwargs: object) -> None:
        held.append(pa.total_allocated_bytes() - before)
        check_budget(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr("appliance.ingest.parquet.check_budget", spy)
    with pytest.raises(DataError, match="times its stored size"):
        _rows(data)
    # Spelled out, the first 256 rows alone are 256 MB.
    assert max(held) < 50_000_000


def test_rows_beyond_the_largest_record_are_set_aside_unread() -> None:
    table = pa.table({"text": ["a", BIG, "b"]})
    rows = _rows(_write(table), max_record_bytes=1000, max_ratio=1e6)
    assert bad(rows) == [(2, "too-large")]
    assert [values["text"] for _, values in good(rows)] == ["a", "b"]


def test_a_page_that_unpacks_to_too_much_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("appliance.ingest.parquet._MIN_PAGE_BYTES", 2**20)
    table = pa.table({"text": ["y" * 3_000_000]})
    data = _write(table, compression="zstd", use_dictionary=False, write_statistics=False)
    assert len(good(_rows(data, max_record_bytes=2**22))) == 1
    with pytest.raises(DataError, match="a page beyond 1048576 bytes"):
        _rows(data, max_record_bytes=2**19)


def test_a_row_of_forty_million_list_members_is_refused() -> None:
    values = pa.array(np.zeros(40_000_000, np.int8))
    table = pa.table({"v": pa.ListArray.from_arrays([0, len(values)], values)})
    data = _write(table, compression="zstd")
    with pytest.raises(DataError, match="lists that could decode to any size"):
        _rows(data)


def test_strings_that_share_prefixes_are_decoded_few_at_a_time() -> None:
    texts = [BIG[:100_000] + str(i) for i in range(2000)]
    data = _write(
        pa.table({"text": pa.array(texts, pa.large_string())}),
        use_dictionary=False,
        column_encoding="DELTA_BYTE_ARRAY",
        compression="zstd",
        data_page_size=2**30,
        write_batch_size=5000,
        write_statistics=False,
    )
    assert len(data) < 300_000
    del texts
    with pytest.raises(DataError, match="times its stored size"):
        _rows(data)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_cut_short_is_refused(share: float) -> None:
    data = _write(pa.table({"text": [f"note {i}" for i in range(5000)]}))
    with pytest.raises(DataError, match="not a Parquet file, or damaged or cut short"):
        _rows(data[: int(len(data) * share)])


def test_flipped_bytes_are_refused_or_read_but_never_a_bug() -> None:
    data = _write(pa.table({"text": [f"note {i}" for i in range(300)], "n": list(range(300))}))
    rng = np.random.default_rng(7)
    refused = 0
    for _ in range(150):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        try:
            _rows(bytes(damaged))
        except DataError:
            refused += 1
    assert refused > 30


def test_a_table_without_rows_has_none() -> None:
    assert _rows(_write(pa.table({"text": pa.array([], pa.string())}))) == []
    schema = pa.schema([("text", pa.string())])
    out = io.BytesIO()
    with pq.ParquetWriter(out, schema) as writer:
        writer.write_table(schema.empty_table())
        writer.write_table(pa.table({"text": ["a"]}))
        writer.write_table(schema.empty_table())
    assert [values for _, values in good(_rows(out.getvalue()))] == [{"text": "a"}]
