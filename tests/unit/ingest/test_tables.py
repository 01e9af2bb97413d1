from __future__ import annotations

import gzip
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from appliance.errors import DataError
from appliance.ingest.tables import read_table
from appliance.policy.model import Data

ROWS = [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]


def _parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t.csv", b"a,b\n1,x\n2,y\n"),
        ("t.jsonl", b'{"a":"1","b":"x"}\n{"a":"2","b":"y"}\n'),
        ("t.parquet", _parquet()),
        ("t.parquet.gz", gzip.compress(_parquet())),
    ],
)
def test_rows_come_as_they_are_whatever_their_columns(
    tmp_path: Path, name: str, data: bytes
) -> None:
    (tmp_path / name).write_bytes(data)
    assert list(read_table(tmp_path / name, policy=Data())) == ROWS


def test_bad_rows_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,x\n1,2,3\n2,y\n")
    assert list(read_table(path, policy=Data())) == ROWS


def test_a_packed_file_too_large_to_hold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.ingest.readers._HELD_BYTES", 100)
    path = tmp_path / "t.parquet.gz"
    path.write_bytes(gzip.compress(_parquet()))
    with pytest.raises(DataError, match="too many to hold"):
        list(read_table(path, policy=Data()))


def test_a_text_or_several_files_are_no_table(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"text")
    with pytest.raises(DataError, match="not one table"):
        list(read_table(tmp_path / "a.txt", policy=Data()))
    (tmp_path / "b.csv").write_bytes(b"a\n1\n")
    with pytest.raises(DataError, match="not one table"):
        list(read_table(tmp_path, policy=Data()))
