"""Whatever the bytes, ingest reads them or refuses them as an ApplianceError: never a bug.

`make fuzz` runs the same with FUZZ_EXAMPLES set high.
"""

from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from appliance.vault import Vault
from tests.unit.ingest.rooms import run_ingest

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
#: Pieces that parsers stumble over, mixed with plain bytes.
PIECES = st.one_of(
    st.sampled_from([b"{", b"}", b"[", b"]", b'"', b"\\", b"\\u", b"\\ud800", b":", b",", b";"]),
    st.sampled_from([b"\0", b"\t", b"\n", b"\r", b" ", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe"]),
    st.sampled_from([b"NaN", b"1e999", b"-", b"0" * 40, b"null", b"PAR1", b"text,label\n"]),
    st.sampled_from([b'"text":"a"', b'{"text":"a"}\n', b"a,b\n", b'"a,\nb"']),
)
SOUP = st.lists(PIECES | st.binary(max_size=6), max_size=40).map(b"".join)


def _parquet() -> bytes:
    out = io.BytesIO()
    rows = [
        {"text": f"row {i}", "messages": [{"role": "user", "content": "x" * (i % 5)}], "n": i / 3}
        for i in range(40)
    ]
    pq.write_table(pa.Table.from_pylist(rows), out, compression="zstd", row_group_size=15)
    return out.getvalue()


PARQUET = _parquet()


def _never_a_bug(path: Path, data: bytes, vault: Vault, encoding: str = "utf-8") -> None:
    path.write_bytes(data)
    refusal: ApplianceError | None = None
    try:
        run_ingest(path, vault, quarantine_limit=1.0, encoding=encoding)
    except ApplianceError as e:
        refusal = e
    if refusal is not None:
        assert "\n" not in refusal.message + refusal.hint
        assert refusal.hint


@pytest.mark.parametrize("ending", ["csv", "tsv", "json", "jsonl", "txt", "parquet"])
def test_no_bytes_make_a_bug(tmp_path: Path, vault: Vault, ending: str) -> None:
    @fuzz
    @given(SOUP, st.sampled_from(["utf-8", "latin-1", "cp1252", "utf-16"]))
    def check(data: bytes, encoding: str) -> None:
        _never_a_bug(tmp_path / f"a.{ending}", data, vault, encoding)

    check()


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_no_packed_bytes_make_a_bug(tmp_path: Path, vault: Vault, ending: str) -> None:
    whole = {"gz": gzip.compress, "zst": zstandard.compress}[ending](b'{"text": "a"}\n' * 500)

    @fuzz
    @given(st.integers(0, len(whole) - 1), st.binary(max_size=8), st.integers(0, 9))
    def check(at: int, put: bytes, skip: int) -> None:
        _never_a_bug(tmp_path / f"a.jsonl.{ending}", whole[:at] + put + whole[at + skip :], vault)

    check()


def test_no_damage_to_parquet_makes_a_bug(tmp_path: Path, vault: Vault) -> None:
    @fuzz
    @given(st.integers(0, len(PARQUET) - 1), st.binary(max_size=8), st.integers(0, 9))
    def check(at: int, put: bytes, skip: int) -> None:
        _never_a_bug(tmp_path / "a.parquet", PARQUET[:at] + put + PARQUET[at + skip :], vault)

    check()


def test_no_footer_makes_a_bug(tmp_path: Path, vault: Vault) -> None:
    """Damage where it matters most: the footer, its length kept right."""
    footer = int.from_bytes(PARQUET[-8:-4], "little")
    start = len(PARQUET) - 8 - footer

    @fuzz
    @given(st.lists(st.tuples(st.integers(0, footer - 1), st.integers(0, 255)), max_size=3))
    def check(changes: list[tuple[int, int]]) -> None:
        damaged = bytearray(PARQUET)
        for at, byte in changes:
            damaged[start + at] = byte
        _never_a_bug(tmp_path / "a.parquet", bytes(damaged), vault)

    check()
