from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import DataError
from appliance.ingest.mapping import Mapped, Mapper, unit_digest, unit_text
from appliance.policy.model import Data

CHAT = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]


def _map(values: dict[str, object], **policy: object) -> Mapped | str:
    return Mapper(Data.model_validate(policy)).map(values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"text": "a"}, "text"),
        ({"text": "a", "label": "b"}, "classification"),
        ({"text": "a", "label": 3}, "classification"),
        ({"text": "a", "label": None}, "text"),
        ({"prompt": "a", "response": "b"}, "prompt_response"),
        ({"prompt": "a", "response": "b", "text": "c"}, "prompt_response"),
        ({"messages": CHAT}, "messages"),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "preference"),
    ],
)
def test_the_fullest_shape_is_taken(values: dict[str, object], kind: str) -> None:
    mapped = _map(values)
    assert isinstance(mapped, Mapped)
    assert mapped.kind == kind


def test_the_policys_names_come_first_and_the_rest_is_kept() -> None:
    mapped = _map(
        {"q": "a", "a": "b", "text": "c", "id": 1, "pid": 7},
        fields={"prompt": "q", "response": "a"},
        unit="pid",
    )
    assert isinstance(mapped, Mapped)
    assert mapped.fields == {"prompt": "a", "response": "b"}
    assert mapped.extra == {"text": "c", "id": 1, "pid": 7}
    assert mapped.unit == "7"


def test_a_shape_without_a_mapped_field_is_never_taken() -> None:
    assert _map({"q": "a", "text": "b"}, fields={"prompt": "q"}) == "no-field"


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ({"note": "a"}, "no-field"),
        ({"text": None}, "no-field"),
        ({"text": " \n"}, "empty"),
        ({"text": 5}, "type"),
        ({"text": ["a"]}, "type"),
        ({"text": "a\0b"}, "nul"),
        ({"text": "a", "label": 1.5}, "type"),
        ({"messages": "no json"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["a"]}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages"),
        ({"messages": [{"role": "user", "content": "a", "name": "b"}]}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages"),
        ({"messages": [{"role": "user", "content": ""}]}, "empty"),
        ({"messages": [{"role": "user", "content": "\0a"}]}, "nul"),
    ],
)
def test_a_row_that_is_no_record_is_set_aside(values: dict[str, object], cause: str) -> None:
    assert _map(values) == cause


def test_a_chat_inside_a_cell_is_parsed() -> None:
    mapped = _map({"messages": '[{"role": "user", "content": "hi"}]'})
    assert isinstance(mapped, Mapped)
    assert mapped.fields["messages"] == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("value", [None, "", "  ", True, [], {}, "\u3000"])
def test_a_row_without_a_unit_is_set_aside(value: object) -> None:
    assert _map({"text": "a", "pid": value}, unit="pid") == "no-unit"
    assert _map({"text": "a"}, unit="pid") == "no-unit"


@given(st.integers(-(2**53), 2**53))
def test_a_number_is_the_same_unit_in_every_format(number: int) -> None:
    assert unit_text(number) == unit_text(float(number)) == unit_text(f" {number} ")


def test_one_name_in_two_unicode_spellings_is_one_unit() -> None:
    assert unit_text("Jose\u0301") == unit_text("Jos\u00e9")


def test_units_of_different_origin_never_meet() -> None:
    key = b"k" * 32
    assert unit_digest(key, "value", "a") != unit_digest(key, "$source", "a")
    assert unit_digest(key, "$record", "a", "11") != unit_digest(key, "$record", "a1", "1")
    assert len(unit_digest(key, "value", "a")) == 16


@pytest.mark.parametrize(
    ("policy", "named"),
    [
        ({"unit": "patient"}, "'patient', which data.unit"),
        ({"fields": {"text": "letter"}}, "'letter', which data.fields.text"),
    ],
)
def test_a_column_the_policy_names_and_the_file_lacks_is_named(
    policy: dict[str, object], named: str
) -> None:
    mapper = Mapper(Data.model_validate(policy))
    with pytest.raises(DataError, match=named) as caught:
        mapper.check_columns(["text", "Maria Silva"], "notes.csv")
    assert "Maria" not in str(caught.value)
    assert caught.value.exit_code == 5


def test_a_file_without_any_records_columns_is_refused_without_showing_its_own() -> None:
    with pytest.raises(DataError, match="no column a record needs") as caught:
        Mapper(Data()).check_columns(["Maria Silva", "555-0100"], "notes.csv")
    assert "Maria" not in str(caught.value)
