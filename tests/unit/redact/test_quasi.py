from __future__ import annotations

from appliance.evidence import ColumnDecision
from appliance.redact.quasi import QuasiCounter
from tests.unit.redact.world import record


def _counter(**actions: str) -> QuasiCounter:
    return QuasiCounter(
        {
            name: ColumnDecision(entity_type=None, free_text=False, action=action)
            for name, action in actions.items()
        },
        key=b"q" * 32,
    )


def test_people_with_a_rare_value_are_counted() -> None:
    counter = _counter(icd10="keep")
    for i in range(40):
        counter.observe(record(i, unit=f"u{i}", icd10="E75.2" if i < 3 else "I10"))
    assert counter.people() == {"icd10": 3}


def test_many_records_of_one_person_count_once() -> None:
    counter = _counter(icd10="keep")
    for i in range(40):
        counter.observe(record(i, unit="one", icd10="I10"))
    assert counter.people() == {"icd10": 1}


def test_combinations_of_known_columns_are_counted() -> None:
    counter = _counter(sex="keep", zip="zip3", ldl="keep")
    for i in range(60):
        odd = i == 7
        counter.observe(
            record(
                i,
                unit=f"u{i}",
                sex="F" if i % 2 else "M",
                zip="036" if odd else "850",
                ldl=f"{i}.5",
            )
        )
    assert counter.people() == {"zip": 1, "sex + zip": 1}


def test_replaced_and_scanned_columns_are_not_watched() -> None:
    counter = _counter(name="surrogate", note="detect")
    counter.observe(record(0, name="Ann", note="text"))
    assert counter.people() == {}


def test_ages_and_places_that_texts_keep_are_counted_and_titles_are_not() -> None:
    counter = _counter()
    for i in range(30):
        counter.observe_text(f"u{i}".encode(), "AGE", "90+" if i < 2 else "42")
        counter.observe_text(f"u{i}".encode(), "TITLE", f"title {i}")
        counter.observe_text(f"u{i}".encode(), "LOCATION", "Springfield")
    assert counter.people() == {"AGE in texts": 2}
