from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import UsageError
from appliance.sample_data import COARSE, write_sample_data
from appliance.sample_data.grammar import Draw, Value, Writer
from appliance.sample_data.letters import KINDS, POOLS
from appliance.sample_data.people import invent, values_of, visit_day


def _load(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], list[Any]]:
    written = write_sample_data(tmp_path_factory.mktemp("sample"))
    return _load(written.notes), _load(written.gold)


def test_there_are_as_many_letters_and_patients_as_asked(
    sample: tuple[list[Any], list[Any]],
) -> None:
    notes, gold = sample
    assert len(notes) == len(gold) == 560
    assert len({n["patient_id"] for n in notes}) == 200
    assert [n["text"] for n in notes] == [g["text"] for g in gold]
    assert max(Counter(n["patient_id"] for n in notes).values()) >= 4


def test_the_same_seed_gives_the_same_bytes_and_another_others(tmp_path: Path) -> None:
    files = [
        write_sample_data(tmp_path / str(i), seed=seed, records=30, patients=10).notes.read_bytes()
        for i, seed in enumerate((1, 1, 2))
    ]
    assert files[0] == files[1] != files[2]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["text", "prompt_response", "classification"]))
def test_spans_are_exact_and_no_value_of_the_patient_lies_outside(
    tmp_path_factory: pytest.TempPathFactory, seed: int, shape: Any
) -> None:
    out = tmp_path_factory.mktemp("seed")
    written = write_sample_data(out, seed=seed, records=20, patients=8, shape=shape)
    notes = {n["note_id"]: n for n in _load(written.notes)}
    for gold in _load(written.gold):
        note = notes[gold["id"].partition(".")[0]]
        field = gold["id"].partition(".")[2] or "text"
        assert note[field] == gold["text"]
        outside = list(gold["text"])
        for span in gold["spans"]:
            value = gold["text"][span["start"] : span["end"]]
            assert value
            assert value == value.strip()
            assert span["type"] == COARSE[span["entity_type"]]
            outside[span["start"] : span["end"]] = "\0" * len(value)
        rest = "".join(outside)
        first, _, last = note["name"].split(" ")
        for value in (first, last, last.upper(), note["mrn"], note["dob"], note["phone"][6:]):
            assert not re.search(rf"\b{re.escape(value)}\b", rest)


def test_the_hard_formats_are_all_there(sample: tuple[list[Any], list[Any]]) -> None:
    texts = "\n".join(g["text"] for g in sample[1])
    for pattern in (
        r"Re: [A-Z'Í]+, [A-Z]+ [A-Z]\b",
        r"\b\d{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}",
        r"\b\d{4}-\d\d-\d\d\b",
        r"\b\d{1,2}/\d{1,2}/\d\d\b",
        r"MRN: BH-\d{6}",
        r"xxx-xx-\d{4}",
        r"XXX-XX-\d{4}",
        r"555-01\d\d ext\. \d+",
        r"555\.01\d\d x\d+",
        r"\b9[0-9]-year-old",
        r"\b9[0-9] yo",
        r"@example\.(com|org)",
        r"(daughter|son|mother|wife|niece) [A-Z][a-z]+",
        r"Re: [A-Z]\. [A-Z]\. [A-Z]",
        r"\d+ (Larch Lane|Canal Street|Station Parade)",
    ):
        assert re.search(pattern, texts), pattern


def test_every_kind_of_entity_and_letter_occurs(sample: tuple[list[Any], list[Any]]) -> None:
    notes, gold = sample
    assert {s["entity_type"] for g in gold for s in g["spans"]} == set(COARSE)
    assert {n["letter_kind"] for n in notes} == {k.label for k in KINDS}
    assert len(KINDS) >= 12


def test_letters_are_short_and_none_is_a_near_copy(sample: tuple[list[Any], list[Any]]) -> None:
    texts = [n["text"] for n in sample[0]]
    words = [len(t.split()) for t in texts]
    assert 25 < sum(words) / len(words) < 60

    def shingles(text: str) -> set[tuple[str, ...]]:
        parts = text.split()
        return set(zip(parts, parts[1:], parts[2:], strict=False))

    sets = [shingles(t) for t in texts]
    closest = max(
        len(a & b) / len(a | b) for i, a in enumerate(sets) for b in sets[:i] if len(a & b) > 9
    )
    assert closest < 0.75


def test_every_kind_has_whole_cases() -> None:
    for kind in KINDS:
        assert len(kind.history) >= 3
        for phrases in (kind.findings, kind.impression, kind.plan):
            assert len(phrases) >= 3


def test_every_phrase_renders() -> None:
    draw = Draw(5)
    person = invent(3, draw)
    pools = {**POOLS, "sexword": ("woman",), "kinword": ("son",)}
    phrases = [p for k in KINDS for p in (*k.history, *k.findings, *k.impression, *k.plan)]
    for phrase in [*phrases, *(p for pool in POOLS.values() for p in pool)]:
        writer = Writer(draw, values_of(person, visit_day(draw)), pools)
        writer.write(phrase)
        assert "{" not in writer.marked().text


def test_numbers_stay_in_their_range() -> None:
    draw = Draw(1)
    writer = Writer(draw, {"x": lambda d: Value("v", "T")}, {})
    for _ in range(300):
        writer.write("{n:3-5} {n:0.70-1.15}\n")
    for line in writer.marked().text.splitlines():
        whole, part = line.split()
        assert 3 <= int(whole) <= 5
        assert re.fullmatch(r"[01]\.\d\d", part)
        assert 0.70 <= float(part) <= 1.15


def test_fewer_records_than_patients_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="each patient needs a record"):
        write_sample_data(tmp_path, records=5, patients=6)
