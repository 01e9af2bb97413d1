from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import appliance.corpus as corpus_module
from appliance.corpus import BATCH_ROWS, Corpus
from appliance.crypto.container import OpeningReader
from appliance.crypto.keys import RootKey
from appliance.errors import IntegrityError
from appliance.records import Record
from appliance.vault import Vault

NAME = "ingest/corpus.arrow"
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.create(tmp_path / "vault", scope="run/test", root=RootKey(b"r" * 32))


def _record(number: int, text: str = "SECRETVALUE", extra: object = None) -> Record:
    return Record(
        record_id=number,
        unit=(number // 3).to_bytes(16, "big"),
        source=number % 5,
        line=number + 1,
        kind="text",
        fields={"text": text},
        extra={"extra": extra},  # type: ignore[dict-item]
    )


def _write(vault: Vault, records: list[Record]) -> Corpus:
    with Corpus.writing(vault, NAME) as writer:
        for record in records:
            writer.append(record)
    return Corpus(vault, NAME)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.text(), VALUE), max_size=8))
def test_records_come_back_as_they_were_written(
    vault: Vault, rows: list[tuple[str, object]]
) -> None:
    records = [_record(i, text, extra) for i, (text, extra) in enumerate(rows)]
    assert list(_write(vault, records)) == records


def test_more_than_one_batch_is_read_in_order_and_counted(vault: Vault) -> None:
    records = [_record(i) for i in range(2 * BATCH_ROWS + 7)]
    corpus = _write(vault, records)
    assert len(corpus) == len(records)
    assert [r.record_id for batch in corpus.batches() for r in batch] == list(range(len(records)))
    assert [u for _, u in corpus.units()] == [r.unit for r in records]


def test_taken_records_come_in_the_order_asked_for_and_as_often(vault: Vault) -> None:
    corpus = _write(vault, [_record(i) for i in range(2 * BATCH_ROWS)])
    wanted = [BATCH_ROWS + 5, 3, BATCH_ROWS - 1, 3, 2 * BATCH_ROWS - 1]
    assert [r.record_id for r in corpus.take(wanted)] == wanted


def test_one_record_costs_the_opening_of_few_batches(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus_module, "BATCH_ROWS", 4)
    corpus = _write(vault, [_record(i) for i in range(4 * 64)])
    opened = 0
    real = OpeningReader.readinto

    def counted(self: OpeningReader, buffer: bytearray) -> int:
        nonlocal opened
        done = real(self, buffer)
        opened += done
        return done

    monkeypatch.setattr(OpeningReader, "readinto", counted)
    assert [r.record_id for r in corpus.take([77])] == [77]
    assert opened < vault.size(NAME) / 3


def test_a_record_that_is_not_there_is_an_integrity_error(vault: Vault) -> None:
    corpus = _write(vault, [_record(0)])
    with pytest.raises(IntegrityError, match="missing"):
        corpus.take([0, 1])


def test_records_are_numbered_by_position(vault: Vault) -> None:
    with (
        pytest.raises(ValueError, match="record_id=4 == 0"),
        Corpus.writing(vault, NAME) as writer,
    ):
        writer.append(_record(4))
    assert not vault.exists(NAME)


def test_a_corpus_that_was_not_finished_does_not_exist(vault: Vault) -> None:
    with contextlib.suppress(RuntimeError), Corpus.writing(vault, NAME) as writer:
        writer.append(_record(0))
        raise RuntimeError
    assert not vault.exists(NAME)


def test_no_text_is_shown_or_stored_in_clear(vault: Vault) -> None:
    corpus = _write(vault, [_record(0)])
    assert "SECRETVALUE" not in repr(corpus)
    assert "SECRETVALUE" not in repr(list(corpus))
    assert all(b"SECRETVALUE" not in f.read_bytes() for f in vault.path.iterdir())


def test_other_bytes_under_the_name_are_an_integrity_error(vault: Vault) -> None:
    vault.write_bytes(NAME, b"not arrow")
    with pytest.raises(IntegrityError, match="not a sealed corpus"):
        list(Corpus(vault, NAME))


def test_an_empty_corpus_has_no_records(vault: Vault) -> None:
    corpus = _write(vault, [])
    assert len(corpus) == 0
    assert list(corpus) == []


def test_a_copy_holds_the_kept_records_numbered_anew(vault: Vault) -> None:
    records = [_record(i, f"text {i}") for i in range(2 * BATCH_ROWS + 9)]
    keep = np.arange(len(records)) % 3 != 1
    keep[:BATCH_ROWS] = False
    copy = _write(vault, records).copy("ingest/kept.arrow", keep=keep)
    kept = [r for r, k in zip(records, keep, strict=True) if k]
    assert list(copy) == [dataclasses.replace(r, record_id=i) for i, r in enumerate(kept)]
    assert [r.line for r in copy.take([0, 5])] == [kept[0].line, kept[5].line]
