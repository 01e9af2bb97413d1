from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.redact.detect import Detector, DetectorSettings, Hint
from appliance.redact.detect.detector import WINDOW, windows
from tests.unit.redact.detect.cases import PROPERTY, check, masks

NOTE = (
    "SOAP NOTE Aug 15\nS: Estela Ramírez, 61F, returns. Her daughter Marisela (lives in"
    " Barbaramouth) fills her pillbox. Seen w/ Dr. Renner.\nRefer to St. Sandra's Medical Center."
    " RTC 02/28/2009. Estela to call x6787.\nHeather Beasley, NP  (pager 92670)\n"
)


def test_a_clinical_note_is_masked(english):
    masks(
        english,
        "S: [PERSON Estela Ramírez], [AGE 61]F. Her daughter [PERSON Marisela] (lives in"
        " [LOCATION Barbaramouth]) came on [DATE_TIME January 15th] to [ORGANIZATION Lara Clinic]."
        " [PERSON Estela] to call [PHONE_NUMBER x6787]. [PERSON Heather Beasley], NP",
    )


def test_a_name_found_once_is_found_everywhere(rules):
    check(rules, "Name: [PERSON Ubika Osei]. later [PERSON Ubika] slept, osei not")


def test_what_a_unit_knows_is_found_in_its_other_texts(rules):
    texts = ["Name: Zyx Qwort", "then Qwort left", "then Qwort left"]
    first, second, other = rules.detect_batch(texts, groups=["a", "a", "b"])
    assert first
    assert [(s.start, s.end, s.source) for s in second] == [(5, 10, "propagation")]
    assert other == []


def test_hints_from_columns_are_found(rules):
    hints = [
        Hint(value="Zyx Qwort", entity_type="PERSON"),
        Hint(value="77-AB-12", entity_type="ID_NUMBER"),
    ]
    spans = rules.detect("then Qwort left with 77-AB-12", hints=hints)
    assert [(s.start, s.end, s.entity_type) for s in spans] == [
        (5, 10, "PERSON"),
        (21, 29, "ID_NUMBER"),
    ]


def test_two_passes_find_what_one_batch_finds(rules):
    texts = ["Name: Zyx Qwort, MRN 88-12345", "then Qwort left, 8812345 closed"]
    seeds = [hint for found in rules.collect_seeds(texts) for hint in found]
    second = rules.detect_batch(texts, hints=[seeds, seeds])
    assert second == rules.detect_batch(texts, groups=["a", "a"])


def test_a_hint_hides_its_value():
    assert "Roe" not in repr(Hint(value="Jane Roe", entity_type="PERSON"))


def test_an_ordinary_word_stands_for_a_person_only_inside_a_sentence(rules):
    text = "Mrs. Grace Brown slept. Brown stool noted. They told Brown to wait."
    found = [s.start for s in rules.detect(text) if s.entity_type == "PERSON"]
    assert text.index("Brown stool") not in found
    assert text.index("Brown to wait") in found


def test_spans_do_not_depend_on_the_batch(english):
    texts = [NOTE, "call 555-0100", NOTE.replace("Estela", "Jovana"), "Mr. Adeyemi left Lagos."]
    together = Detector.build(DetectorSettings()).detect_batch(texts)
    alone = [english.detect_batch([text])[0] for text in texts]
    assert together == alone


def test_a_cached_text_gives_the_same_spans(english):
    assert english.detect(NOTE) == english.detect(NOTE)


def test_only_the_entities_asked_for_are_reported():
    detector = Detector.build(DetectorSettings(entities=frozenset({"US_SSN"})))
    check(detector, "John Smith, SSN [US_SSN 123-45-6789], 3/4/2020, john@example.org")


def test_durations_are_dates_only_when_the_policy_says_so():
    text = "Symptoms began three weeks ago with Jovana Petrovsk in Zagrebania."
    kept = Detector.build(DetectorSettings(keep_durations=True)).detect(text)
    reported = Detector.build(DetectorSettings(keep_durations=False)).detect(text)
    assert "DATE_TIME" not in {s.entity_type for s in kept}
    assert "DATE_TIME" in {s.entity_type for s in reported}


def test_a_score_threshold_drops_weaker_hits():
    strict = Detector.build(DetectorSettings(ner=False, score_threshold=0.95))
    check(strict, "mail [EMAIL_ADDRESS a@example.org] in 2019, Room 4")


def test_an_empty_text_has_no_spans(rules):
    assert rules.detect_batch(["", " ", "\n"]) == [[], [], []]
    assert rules.detect_batch([]) == []


@pytest.mark.parametrize("size", [0, 1, WINDOW, WINDOW + 1, 3 * WINDOW + 7])
@pytest.mark.parametrize("unit", ["word ", "line\n", "x"])
def test_windows_cover_a_text_once(unit, size):
    text = (unit * size)[:size]
    pieces = windows(text)
    assert "".join(text[a:b] for a, b in pieces) == text
    assert all(b - a <= WINDOW for a, b in pieces)


def test_a_long_text_is_searched_to_its_end(rules):
    text = "nothing to see here\n" * 4_000 + "MRN: 99-12345 Zyx\n" + "plain words only\n" * 3_000
    spans = rules.detect(text)
    assert [text[s.start : s.end] for s in spans] == ["99-12345"]


def test_one_long_line_is_searched(rules):
    text = "word " * 30_000 + "SSN 123-45-6789"
    assert [text[s.start : s.end] for s in rules.detect(text)] == ["123-45-6789"]


@PROPERTY
@given(st.text(max_size=80))
def test_spans_lie_in_the_text_in_order_without_overlap(text):
    spans = _RULES.detect(text)
    assert all(0 <= s.start < s.end <= len(text) for s in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))


@PROPERTY
@given(
    st.lists(
        st.sampled_from(["Mr. Osei", "MRN 12-345", "x", "on 3/4/2020", "SSN 123-45-6789", "\n"]),
        max_size=6,
    )
)
def test_what_is_removed_is_not_found_again(parts):
    text = " ".join(parts)
    redacted, position = "", 0
    for span in _RULES.detect(text):
        redacted += text[position : span.start] + f"[{span.entity_type}]"
        position = span.end
    redacted += text[position:]
    values = {text[s.start : s.end] for s in _RULES.detect(text) if s.end - s.start > 2}
    assert not any(value in redacted for value in values)


_RULES = Detector.build(DetectorSettings(ner=False))
