"""Bad input, one fault a case: the exit code, two plain lines, and no word of the content."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from appliance.crypto.keys import RootKey
from appliance.errors import ApplianceError, DataError
from appliance.ingest.stage import ingest
from appliance.policy.model import Data
from appliance.progress import SilentProgress
from appliance.vault import Vault

MARK = "ZEBRAMARKER"
GOOD = [{"patient_id": f"P{i}", "text": f"{MARK} letter number {i}"} for i in range(20)]


def _jsonl(*extra: bytes) -> bytes:
    return b"".join(json.dumps(r).encode() + b"\n" for r in GOOD) + b"".join(
        e + b"\n" for e in extra
    )


def _csv(*extra: str) -> bytes:
    lines = ["patient_id,text", *(f"{r['patient_id']},{r['text']}" for r in GOOD), *extra]
    return "\n".join(lines).encode()


def _parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(GOOD * 50), out)
    return out.getvalue()


#: name of the file, its bytes, and what the first line has to say.
FAULTS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "empty": ("a.jsonl", lambda: b"", "is empty"),
    "header only": ("a.csv", lambda: b"patient_id,text\n", "holds no record"),
    "blank lines only": ("a.jsonl", lambda: b"\n\n\n", "holds no record"),
    "empty array": ("a.json", lambda: b"[]", "holds no record"),
    "latin-1": ("a.csv", lambda: _csv().replace(b"letter", b"l\xe9tter"), "not utf-8"),
    "utf-16": ("a.csv", lambda: _csv().decode().encode("utf-16"), "looks like utf-16"),
    "truncated parquet": ("a.parquet", lambda: _parquet()[:-100], "cut short"),
    "half a parquet": ("a.parquet", lambda: _parquet()[: len(_parquet()) // 2], "cut short"),
    "truncated gzip": ("a.jsonl.gz", lambda: gzip.compress(_jsonl())[:-20], "cut short"),
    "not a gzip": ("a.jsonl.gz", _jsonl, "damaged or of another kind"),
    "not a parquet": ("a.parquet", _jsonl, "not a Parquet file"),
    "ragged": ("a.csv", lambda: _csv(f"P1,{MARK},{MARK}"), "line 22: more or fewer cells"),
    "open quote": ("a.csv", lambda: _csv(f'P1,"{MARK}'), "line 22: quotes that do not fit"),
    "nan": ("a.jsonl", lambda: _jsonl(b'{"patient_id": NaN, "text": "ZEBRAMARKER"}'), "line 21: not valid JSON"),
    "duplicate keys": ("a.jsonl", lambda: _jsonl(b'{"text": "ZEBRAMARKER", "text": "x"}'), "line 21: a JSON object with one name twice"),
    "huge integer": ("a.jsonl", lambda: _jsonl(b'{"text": "ZEBRAMARKER", "n": 1' + b"0" * 5000 + b"}"), "line 21: a number"),
    "deep": ("a.jsonl", lambda: _jsonl(b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "line 21: JSON nested"),
    "array cut short": ("a.json", lambda: json.dumps(GOOD).encode()[:-30], "ends inside a value"),
    "no unit in a row": ("a.jsonl", lambda: _jsonl(b'{"text": "ZEBRAMARKER"}'), "line 21: no value for the privacy unit"),
    "no unit column": ("a.csv", lambda: _csv().replace(b"patient_id", b"person"), "no column 'patient_id'"),
    "no text column": ("a.csv", lambda: _csv().replace(b"text", b"note"), "no column a record needs"),
    "no header": ("a.csv", lambda: _csv().split(b"\n", 1)[1], "no column 'patient_id'"),
    "gzip bomb": ("a.jsonl.gz", lambda: gzip.compress(b'{"text": "' + b" " * 50_000_000), "times its stored size"),
    "unknown kind": ("a.xlsx", lambda: b"PK", "not a kind of file"),
}  # fmt: skip


def _ingest(path: Path, tmp_path: Path) -> None:
    vault = Vault.create(tmp_path / "vault", scope="run/test", root=RootKey(b"r" * 32))
    ingest(
        path,
        policy=Data(unit="patient_id"),
        vault=vault,
        unit_key=b"u" * 32,
        progress=SilentProgress(),
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_exit_code_and_no_content(tmp_path: Path, fault: str) -> None:
    name, data, expected = FAULTS[fault]
    path = tmp_path / name
    path.write_bytes(data())
    with pytest.raises(ApplianceError) as caught:
        _ingest(path, tmp_path)
    error = caught.value
    assert isinstance(error, DataError)
    assert error.exit_code == 5
    assert expected in error.message
    assert error.where.startswith(str(path))
    assert "\n" not in error.message + error.hint
    assert MARK not in error.message + error.hint
    assert error.hint
    assert error.__cause__ is None


def test_a_missing_file_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        _ingest(tmp_path / "absent.jsonl", tmp_path)


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"empty", "unknown kind"}))
def test_a_failed_ingest_leaves_nothing_in_the_vault(tmp_path: Path, fault: str) -> None:
    name, data, _ = FAULTS[fault]
    path = tmp_path / name
    path.write_bytes(data())
    with pytest.raises(DataError):
        _ingest(path, tmp_path)
    left = [f.read_bytes() for f in (tmp_path / "vault").iterdir()]
    assert not any(MARK.encode() in content for content in left)
    assert not [f for f in (tmp_path / "vault").iterdir() if f.name.startswith(".tmp")]
