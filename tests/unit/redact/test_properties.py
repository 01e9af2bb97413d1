"""Properties of finding and replacing together, with the shipped rules and generated records."""

from __future__ import annotations

import re
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.policy.model import Deidentify
from appliance.records import Span
from appliance.redact.detect import Detector, DetectorSettings
from appliance.redact.entities import PARTIAL, PLACEHOLDER, normalise
from appliance.redact.operators import Replaced, Rules, replace_spans
from appliance.redact.persona import fold, name_pools, name_tokens
from appliance.redact.real_values import RealValues
from tests.unit.redact.world import READING, persona

NAMES = ["Marisol Dalton", "DALTON, MARISOL D", "Mrs. Dalton", "Dr. Aaron Renner", "Bo Chi, MD"]
VALUES = [
    "MRN: BH-112233",
    "SSN 075-69-1543",
    "call (890) 283-0166",
    "ann.lee@clinic.test",
    "DOB 03/14/1961",
    "seen 19 Sep 2014",
    "3-5 May 2020",
    "a 93-year-old woman",
    "lives at 12 Oak Street, Johnstown, PA 15904",
    "card 4111 1111 1111 1111",
    "https://clinic.test/p/8842",
    "Policy #: ZX-99-12345",
]
PLAIN = ["has knee pain", "takes 20 mg daily", "BP 130/80", "walks well", "no fever", "I10 noted"]
PIECES = st.one_of(
    st.sampled_from(NAMES), st.sampled_from(VALUES), st.sampled_from(PLAIN), st.text(max_size=12)
)
TEXTS = st.lists(PIECES, min_size=1, max_size=7).map(". ".join)
#: What removes for good: nothing of these may be found again.
SAFE = {"TITLE": "keep", "AGE": "age_cap", "DATE_TIME": "year", "ZIP_CODE": "zip3"}


@cache
def _detector() -> Detector:
    return Detector.build(DetectorSettings(languages=("en",), ner=False))


@cache
def _crowded() -> tuple[RealValues, frozenset[str]]:
    """A data set that holds nine in ten of the names surrogates are drawn from."""
    pools = name_pools()
    names = sorted({fold(n) for n in pools.female["en"] + pools.male["en"] + pools.last["en"]})
    taken = frozenset(name for i, name in enumerate(names) if i % 10)
    real = RealValues(b"f" * 32, bits=1 << 20)
    for name in taken:
        real.add(name)
    return real, taken


def _rules(default: str, **entities: str) -> Rules:
    section = {"entities": {"PERSON": default, **entities}, "default_operator": default}
    return Rules(deidentify=Deidentify.model_validate(section), reading=READING)


def _redacted(text: str, rules: Rules) -> tuple[list[Span], Replaced]:
    spans = _detector().detect(text)
    return spans, replace_spans(text, spans, persona=persona(), rules=rules)


@pytest.mark.parametrize("operator", ["redact", "pseudonym"])
@settings(max_examples=120, deadline=None)
@given(text=TEXTS)
def test_redaction_is_idempotent(operator: str, text: str) -> None:
    rules = _rules(operator, **SAFE)
    _, once = _redacted(text, rules)
    _, again = _redacted(once.text, rules)
    assert again.text == once.text


@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_no_detected_value_survives(text: str) -> None:
    rules = _rules("redact")
    spans, done = _redacted(text, rules)
    left = PLACEHOLDER.sub("\x00", done.text)
    kept = text
    for span in sorted(spans, reverse=True):
        kept = kept[: span.start] + "\x00" + kept[span.end :]
    # Nothing but what no span covered is left, in its order: slow twin by cutting the spans out.
    assert re.sub(r"\x00+", "\x00", left) == re.sub(r"\x00+", "\x00", PLACEHOLDER.sub("\x00", kept))


@settings(max_examples=120, deadline=None)
@given(text=TEXTS)
def test_nothing_is_found_in_redacted_text_but_what_the_policy_keeps(text: str) -> None:
    rules = _rules("redact", **SAFE)
    _, done = _redacted(text, rules)
    ours = [m.span() for m in PLACEHOLDER.finditer(done.text)]
    for span in _detector().detect(done.text):
        inside = any(a < span.end and span.start < b for a, b in ours)
        assert inside or rules.operator(span.entity_type) in PARTIAL, span.entity_type


@settings(max_examples=60, deadline=None)
@given(order=st.permutations(NAMES[:3]), filler=st.lists(st.sampled_from(PLAIN), max_size=3))
def test_surrogates_are_consistent_over_a_person_s_records(
    order: list[str], filler: list[str]
) -> None:
    rules = _rules("surrogate")
    texts = [f"{name} {plain}" for name in order for plain in [*filler, "came"]]
    who = persona()
    who.meet(order)
    seen: dict[str, set[str]] = {}
    for text in texts:
        done = replace_spans(text, _detector().detect(text), persona=who, rules=rules)
        for piece in done.pieces:
            if piece.entity_type == "PERSON":
                made = name_tokens(done.text[piece.start : piece.end])
                for before, after in zip(name_tokens(piece.original), made, strict=True):
                    seen.setdefault(before, set()).add(after)
    assert {"dalton"} <= set(seen)
    assert all(len(made) == 1 for made in seen.values())


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=3))
def test_no_surrogate_is_a_real_value_of_the_data(texts: list[str]) -> None:
    rules = _rules("surrogate", **SAFE)
    real, taken = _crowded()
    found = [(text, _detector().detect(text)) for text in texts]
    values = {(s.entity_type, text[s.start : s.end]) for text, spans in found for s in spans}
    for entity_type, value in values:
        real.add(normalise(value, entity_type))
        for token in name_tokens(value):
            real.add(token)
    names = {t for kind, value in values if kind == "PERSON" for t in name_tokens(value)}
    for text, spans in found:
        done = replace_spans(text, spans, persona=persona(real=real), rules=rules)
        for piece in done.pieces:
            made = done.text[piece.start : piece.end]
            if piece.entity_type == "PERSON":
                assert not (names | taken) & set(name_tokens(made))
            elif piece.operator == "surrogate" and piece.changed and made[0] != "[":
                assert (piece.entity_type, made) not in values
