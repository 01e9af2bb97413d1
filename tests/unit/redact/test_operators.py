from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.model import OperatorName
from appliance.records import Span
from appliance.redact.entities import PARTIAL, normalise
from appliance.redact.operators import (
    Ranges,
    age_cap,
    apply,
    mask,
    replace_spans,
    replace_value,
    settle,
)
from appliance.redact.real_values import RealValues
from tests.unit.redact.world import marked, persona, rules

CASE = (
    "Pt [PERSON DALTON, MARISOL D] (MRN [MEDICAL_RECORD_NUMBER BH-112233], SSN [US_SSN 075-69-1543])"
    " seen [DATE_TIME 19 Sep 2014] at [ORGANIZATION Mercy Hospital], [LOCATION 12 Oak Street],"
    " [ZIP_CODE 15940], age [AGE 93], [PHONE_NUMBER (890) 283-0166], [EMAIL_ADDRESS a.b@c.org]."
)
REMOVING = sorted(set(get_args(OperatorName)) - PARTIAL - {"date_shift"})
IDEMPOTENT = sorted(set(get_args(OperatorName)) - {"surrogate", "date_shift"})


def test_redact_writes_the_type() -> None:
    text, spans = marked("call [PHONE_NUMBER 555-0100] now")
    done = replace_spans(text, spans, persona=persona(), rules=rules("redact"))
    assert done.text == "call [PHONE_NUMBER] now"
    assert [(p.start, p.end) for p in done.pieces] == [(5, 19)]


@pytest.mark.parametrize("operator", REMOVING)
def test_no_detected_value_survives(operator: str) -> None:
    text, spans = marked(CASE)
    done = replace_spans(text, spans, persona=persona(), rules=rules(operator))
    for span in spans:
        value = text[span.start : span.end]
        if not (operator == "surrogate" and span.entity_type == "AGE"):
            replaced = done.text.lower()
            assert value.lower() not in replaced or span.entity_type == "AGE"


@pytest.mark.parametrize("operator", sorted(get_args(OperatorName)))
def test_pieces_say_where_the_replacements_stand(operator: str) -> None:
    text, spans = marked(CASE)
    done = replace_spans(text, spans, persona=persona(), rules=rules(operator))
    rebuilt, position = "", 0
    for span, piece in zip(sorted(spans), done.pieces, strict=True):
        rebuilt += text[position : span.start] + done.text[piece.start : piece.end]
        position = span.end
        assert piece.original == text[span.start : span.end]
    assert rebuilt + text[position:] == done.text


@pytest.mark.parametrize("operator", IDEMPOTENT)
def test_operators_but_surrogate_and_shift_are_idempotent(operator: str) -> None:
    text, spans = marked(CASE)
    for span in spans:
        value = text[span.start : span.end]
        once = replace_value(value, span.entity_type, persona=persona(), rules=rules(operator))
        again = replace_value(once, span.entity_type, persona=persona(), rules=rules(operator))
        assert again == once


def test_placeholders_and_pseudonyms_in_a_text_are_not_replaced_again() -> None:
    text = "seen by [PERSON] and PERSON_k3f5a2c7mq"
    spans = [
        Span(start=8, end=16, entity_type="ORGANIZATION", score=0.9),
        Span(start=21, end=38, entity_type="ID_NUMBER", score=0.9),
    ]
    assert replace_spans(text, spans, persona=persona(), rules=rules()).text == text


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("93", "90+"),
        ("93-year-old", "90+-year-old"),
        ("93F", "90+F"),
        ("104 y/o", "90+ y/o"),
        ("ninety-three", "90+"),
        ("in her nineties", "in her 90+"),
        ("89", "89"),
        ("90+", "90+"),
        ("95 months", "95 months"),
        ("42", "42"),
        ("noventa e dois anos", "90+ anos"),
    ],
)
def test_ages_over_89_become_one_category(written: str, expected: str) -> None:
    assert age_cap(written) == expected


def test_a_masked_card_shows_at_most_six_and_four_digits() -> None:
    assert mask("4111 1111 1111 1234", "CREDIT_CARD") == "4111 11** **** 1234"
    assert mask("123-45-6789", "US_SSN") == "***-**-****"


def test_an_operator_that_does_not_fit_falls_back_to_redact() -> None:
    who = persona()
    assert apply("date_shift", "Christmas Eve", "DATE_TIME", who, rules()) == "[DATE_TIME]"
    assert apply("year", "10:30", "DATE_TIME", who, rules()) == "[DATE_TIME]"
    assert apply("zip3", "SW1A 1AA", "ZIP_CODE", who, rules()) == "[ZIP_CODE]"
    assert apply("surrogate", "Baptist", "NRP", who, rules()) == "[NRP]"


def test_a_date_shift_keeps_intervals_within_a_person() -> None:
    who = persona()
    moved = [
        apply("date_shift", d, "DATE_TIME", who, rules()) for d in ("2014-01-10", "01/25/2014")
    ]
    first = date.fromisoformat(moved[0])
    month, day, year = map(int, moved[1].split("/"))
    assert (date(year, month, day) - first).days == 15
    assert moved[0] != "2014-01-10"


TYPES = ["PERSON", "US_SSN", "PHONE_NUMBER", "LOCATION", "ID_NUMBER", "EMAIL_ADDRESS", "BR_CPF"]


@given(st.sampled_from(TYPES), st.text(min_size=1, max_size=30))
def test_a_surrogate_never_equals_its_value(entity_type: str, value: str) -> None:
    made = apply("surrogate", value, entity_type, persona(), rules())
    if any(c.isalnum() for c in value) and normalise(value, entity_type):
        words = [w for w in value.split() if len(w) > 1]
        fixed = entity_type in ("PERSON", "LOCATION") and not any(
            c.isalnum() for c in "".join(words)
        )
        assert made != value or fixed or len(value.strip()) == 1 or _only_fixed_words(value)


def _only_fixed_words(value: str) -> bool:
    """Titles, particles and kind words ("Dr.", "de", "Street") name nobody and stay."""
    from appliance.redact.persona import name_tokens

    return not name_tokens(value) or not any(c.isascii() and c.isalnum() for c in value)


def test_a_surrogate_is_no_real_value_of_the_data() -> None:
    real = RealValues(b"f" * 32, bits=1 << 16)
    first = apply("surrogate", "x6", "PHONE_NUMBER", persona(real=real), rules())
    for digit in range(10):
        real.add(f"x{digit}")
    # Every number of that form is taken: nothing realistic is left, so the value is removed.
    assert first != "x6"
    assert apply("surrogate", "x6", "PHONE_NUMBER", persona(real=real), rules()) == "[PHONE_NUMBER]"


@st.composite
def _spans(draw: st.DrawFn) -> list[Span]:
    found = []
    for _ in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, 38))
        found.append(
            Span(
                start=start,
                end=draw(st.integers(start + 1, 40)),
                entity_type=draw(st.sampled_from(["PERSON", "AGE", "ZIP_CODE", "URL"])),
                score=draw(st.sampled_from([0.4, 0.9])),
            )
        )
    return found


@given(_spans())
def test_settled_spans_do_not_overlap_and_cover_the_same_characters(spans: list[Span]) -> None:
    policy = rules("redact", AGE="age_cap", ZIP_CODE="zip3", URL="keep")
    settled = settle(spans, policy)
    assert all(a.end <= b.start for a, b in pairwise(settled))
    # Slow twin: the sets of covered characters.
    assert {i for s in settled for i in range(s.start, s.end)} == {
        i for s in spans for i in range(s.start, s.end)
    }
    for span in spans:
        if policy.operator(span.entity_type) == "redact":
            over = next(s for s in settled if s.start <= span.start and span.end <= s.end)
            assert policy.operator(over.entity_type) == "redact"


@given(_spans())
def test_the_order_of_spans_does_not_matter(spans: list[Span]) -> None:
    policy = rules("redact", AGE="age_cap", URL="keep")
    assert settle(spans, policy) == settle(list(reversed(spans)), policy)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=6), st.integers(0, 30))
def test_ranges_are_found_as_a_slow_search_finds_them(
    pairs: list[tuple[int, int]], start: int
) -> None:
    given_ranges = [(min(p), max(p) + 1) for p in pairs]
    covered = {i for a, b in given_ranges for i in range(a, b)}
    found = Ranges(given_ranges).overlapping(start, start + 3)
    touched = {i for a, b in found for i in range(a, b)}
    assert touched & set(range(start, start + 3)) == covered & set(range(start, start + 3))
