from __future__ import annotations

import base64
import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from appliance.corpus import Corpus
from appliance.errors import DataError
from appliance.ingest.dedupe import Duplicates
from appliance.ingest.stage import CORPUS, QUARANTINE, SOURCES
from appliance.records import Record
from appliance.vault import Vault
from tests.unit.ingest.rooms import run_ingest

ROWS = [
    {
        "patient_id": f"P{i // 2}",
        "text": f"visit {i}: all words of this row say {i * 'x'}",
        "age": 40 + i,
    }
    for i in range(8)
]


def _jsonl(rows: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _table(rows: list[dict[str, object]], separator: str) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _parquet(rows: list[dict[str, object]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


WRITERS: dict[str, Callable[[list[dict[str, object]]], bytes]] = {
    "csv": lambda rows: _table(rows, ","),
    "tsv": lambda rows: _table(rows, "\t"),
    "json": lambda rows: json.dumps(rows, indent=1).encode(),
    "jsonl": _jsonl,
    "parquet": _parquet,
}


def _read(vault: Vault) -> list[Record]:
    return list(Corpus(vault, CORPUS))


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
@pytest.mark.parametrize("kind", list(WRITERS))
def test_every_format_and_packing_gives_the_same_records(
    tmp_path: Path, vault: Vault, kind: str, packing: str
) -> None:
    data = WRITERS[kind](ROWS)  # type: ignore[arg-type]
    packed = {"": data, ".gz": gzip.compress(data), ".zst": zstandard.compress(data)}[packing]
    path = tmp_path / f"notes.{kind}{packing}"
    path.write_bytes(packed)
    section = run_ingest(path, vault, unit="patient_id")
    records = _read(vault)
    assert [r.fields for r in records] == [{"text": row["text"]} for row in ROWS]
    assert [str(r.extra["age"]) for r in records] == [str(row["age"]) for row in ROWS]
    assert [r.record_id for r in records] == list(range(8))
    assert section.records_used == section.records_read == 8
    assert section.units == 4
    assert section.max_records_of_a_unit == 2
    assert section.columns == ["age", "patient_id", "text"]
    assert [r.unit for r in records[::2]] == [r.unit for r in records[1::2]]


def test_one_person_has_one_unit_in_every_format(tmp_path: Path, vault: Vault) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for kind, write in WRITERS.items():
        rows = [{"pid": 77, "text": f"row of {kind}"}, {"pid": 78, "text": f"other of {kind}"}]
        (folder / f"{kind}.{kind}").write_bytes(write(rows))  # type: ignore[arg-type]
    section = run_ingest(folder, vault, unit="pid")
    assert (section.records_used, section.units) == (10, 2)
    assert vault.read_json(SOURCES) == [
        "csv.csv",
        "json.json",
        "jsonl.jsonl",
        "parquet.parquet",
        "tsv.tsv",
    ]


def test_a_folder_of_texts_is_one_record_a_file(tmp_path: Path, vault: Vault) -> None:
    for name in ("p1/a.txt", "p1/b.txt", "p2/c.txt"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"the whole letter {name}\nwith two lines")
    section = run_ingest(tmp_path / "in", vault, unit="$folder", fields={"text": "note"})
    assert (section.records_used, section.units) == (3, 2)
    assert run_ingest(tmp_path / "in", vault, unit="$source").units == 3
    assert run_ingest(tmp_path / "in", vault, unit="$record").units == 3
    assert _read(vault)[0].texts()[0].startswith("the whole letter p1/a.txt")


def test_bad_rows_are_sealed_with_their_place_and_counted(tmp_path: Path, vault: Vault) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_bytes(
        _jsonl(ROWS[:3]) + b'{"text": NaN}\n' + b'{"text": "no unit"}\n' + _jsonl(ROWS[3:])
    )  # type: ignore[arg-type]
    section = run_ingest(path, vault, unit="patient_id", quarantine_limit=0.5)
    assert section.records_read == 10
    assert section.records_quarantined == 2
    assert section.quarantine == {"json": 1, "no-unit": 1}
    assert section.records_used == 8
    entries = [json.loads(line) for line in vault.read_bytes(QUARANTINE).splitlines()]
    assert [(e["source"], e["line"], e["cause"]) for e in entries] == [
        (0, 4, "json"),
        (0, 5, "no-unit"),
    ]
    assert base64.b64decode(entries[0]["raw"]) == b'{"text": NaN}'
    assert json.loads(base64.b64decode(entries[1]["raw"])) == {"text": "no unit"}


def test_too_many_bad_rows_stop_the_run_and_name_the_first(tmp_path: Path, vault: Vault) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_bytes(_jsonl(ROWS) + b'{"text": "MARKERMARKER" BROKEN}\n')  # type: ignore[arg-type]
    with pytest.raises(DataError) as caught:
        run_ingest(path, vault)
    assert caught.value.where == f"{path}: line 9"
    assert "not valid JSON; 1 of 9 rows set aside (json 1)" in caught.value.what
    assert caught.value.hint == "appliance policy explain data.quarantine_limit"
    assert "MARKER" not in str(caught.value)
    assert vault.names() == ()


def test_a_file_that_is_mostly_bad_is_not_read_to_its_end(tmp_path: Path, vault: Vault) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_bytes(b"not json\n" * 50_000)
    with pytest.raises(DataError, match="of 1000 rows set aside"):
        run_ingest(path, vault)


def test_nothing_but_bad_rows_is_refused_whatever_the_limit(tmp_path: Path, vault: Vault) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_bytes(b"not json\n")
    with pytest.raises(DataError, match="1 of 1 rows"):
        run_ingest(path, vault, quarantine_limit=1.0)


def test_copies_are_removed_or_kept_as_the_policy_says(tmp_path: Path, vault: Vault) -> None:
    letter = " ".join(f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(90))
    rows: list[dict[str, object]] = [
        {"pid": 1, "text": letter},
        {"pid": 2, "text": f"  {letter} "},
        {"pid": 1, "text": letter.replace("wordab", "changed", 1)},
        {"pid": 1, "text": "quite another letter about the weather and the sea"},
    ]
    path = tmp_path / "notes.jsonl"
    path.write_bytes(_jsonl(rows))
    both = run_ingest(path, vault, unit="pid")
    assert (both.exact_duplicates, both.near_duplicates, both.duplicates_removed) == (1, 1, 2)
    assert [r.line for r in _read(vault)] == [1, 4]
    assert [r.record_id for r in _read(vault)] == [0, 1]
    kept = run_ingest(path, vault, unit="pid", duplicates={"exact": "keep", "near": "keep"})
    assert (kept.exact_duplicates, kept.near_duplicates, kept.duplicates_removed) == (1, 1, 0)
    assert kept.records_used == 4
    exact = run_ingest(path, vault, unit="pid", duplicates={"near": "keep"})
    assert [r.line for r in _read(vault)] == [1, 3, 4]
    assert exact.duplicates_removed == 1


def test_nothing_is_left_in_the_vault_but_the_results(tmp_path: Path, vault: Vault) -> None:
    path = tmp_path / "notes.parquet.gz"
    path.write_bytes(gzip.compress(_parquet(ROWS)))  # type: ignore[arg-type]
    run_ingest(path, vault, unit="patient_id")
    assert vault.names() == (CORPUS, QUARANTINE, SOURCES)


def test_nothing_is_ever_in_clear_below_the_vault(
    tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_bytes(
        _jsonl([{"text": f"MARKER-{i}-SECRETVALUE and more words"} for i in range(50)])
    )
    seen = []

    def spy(*args: object, **kwargs: object) -> Duplicates:
        seen.extend(f.read_bytes() for f in vault.path.iterdir())
        raise DataError("here", "stopped on purpose", hint="none")

    monkeypatch.setattr("appliance.ingest.stage.find_duplicates", spy)
    with pytest.raises(DataError):
        run_ingest(path, vault)
    assert sum(map(len, seen)) > 3000
    assert not any(b"SECRETVALUE" in data for data in seen)


def test_columns_that_only_a_few_records_have_are_not_named(tmp_path: Path, vault: Vault) -> None:
    rows: list[dict[str, object]] = [{"text": f"row {i}"} for i in range(300)]
    rows[7]["Maria da Silva"] = 1
    path = tmp_path / "notes.jsonl"
    path.write_bytes(_jsonl(rows))
    section = run_ingest(path, vault)
    assert section.columns == ["text"]
    assert section.reasons == {"columns": "1 columns of under 1 % of records not named"}


@pytest.mark.parametrize("kind", list(WRITERS))
def test_a_column_the_policy_names_and_the_file_lacks_stops_the_run(
    tmp_path: Path, vault: Vault, kind: str
) -> None:
    path = tmp_path / f"notes.{kind}"
    path.write_bytes(WRITERS[kind](ROWS))  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"no column 'mrn', which data\.unit"):
        run_ingest(path, vault, unit="mrn", quarantine_limit=1.0)
    with pytest.raises(DataError, match=r"no column 'note', which data\.fields\.text"):
        run_ingest(path, vault, fields={"text": "note"}, quarantine_limit=1.0)


def test_a_missing_column_is_named_even_where_the_file_is_given_up_early(
    tmp_path: Path, vault: Vault
) -> None:
    # Without the unit's column every row is bad: reading stops long before the end, and the share
    # of bad rows would say nothing of the cause.
    path = tmp_path / "notes.jsonl"
    path.write_bytes(_jsonl([{"text": f"row {i}"} for i in range(3000)]))
    with pytest.raises(DataError, match=r"no column 'mrn', which data\.unit"):
        run_ingest(path, vault, unit="mrn")


def test_limits_on_records_and_columns_hold(tmp_path: Path, vault: Vault) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_bytes(_jsonl([{"text": f"row {i}", f"c{i}": 1} for i in range(30)]))
    with pytest.raises(DataError, match="more than 5 records"):
        run_ingest(path, vault, limits={"max_records": 5})
    with pytest.raises(DataError, match="more than 20 columns"):
        run_ingest(path, vault, limits={"max_columns": 20})


def test_the_same_source_gives_the_same_corpus(tmp_path: Path, vault: Vault) -> None:
    path = tmp_path / "notes.csv"
    path.write_bytes(WRITERS["csv"](ROWS))  # type: ignore[arg-type]
    run_ingest(path, vault, unit="patient_id")
    first = vault.read_bytes(CORPUS)
    run_ingest(path, vault, unit="patient_id")
    assert vault.read_bytes(CORPUS) == first
