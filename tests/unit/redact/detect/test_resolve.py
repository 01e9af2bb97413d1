from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from appliance.records import Span
from appliance.redact.detect.resolve import resolve
from tests.unit.redact.detect.cases import PROPERTY

_TEXT = "Dr. Ana Maria de Souza, MRN 12-345, 5/6/2020 x y z"
_SPAN = st.builds(
    lambda start, length, entity_type, score: Span(
        start=start,
        end=min(start + length, len(_TEXT)),
        entity_type=entity_type,
        score=score,
        source="test",
    ),
    st.integers(0, len(_TEXT) - 1),
    st.integers(1, 20),
    st.sampled_from(["PERSON", "ID_NUMBER", "DATE_TIME"]),
    st.sampled_from([0.3, 0.5, 0.9]),
)


@PROPERTY
@given(st.lists(_SPAN, max_size=12))
def test_resolved_spans_never_overlap(spans):
    resolved = resolve(_TEXT, spans)
    assert all(a.end <= b.start for a, b in pairwise(resolved))


@PROPERTY
@given(st.lists(_SPAN, max_size=12))
def test_no_masked_letter_or_digit_is_lost(spans):
    before = {i for s in spans for i in range(s.start, s.end) if _TEXT[i].isalnum()}
    after = {i for s in resolve(_TEXT, spans) for i in range(s.start, s.end)}
    assert before <= after


@PROPERTY
@given(st.lists(_SPAN, max_size=8), st.randoms())
def test_the_order_of_hits_does_not_matter(spans, random):
    shuffled = list(spans)
    random.shuffle(shuffled)
    assert resolve(_TEXT, spans) == resolve(_TEXT, shuffled)


@PROPERTY
@given(st.lists(_SPAN, max_size=8))
def test_resolving_again_changes_nothing(spans):
    once = resolve(_TEXT, spans)
    assert resolve(_TEXT, once) == once


def test_the_surer_hit_settles_the_type():
    weak = Span(start=24, end=34, entity_type="PERSON", score=0.4, source="a")
    sure = Span(start=28, end=34, entity_type="MEDICAL_RECORD_NUMBER", score=0.9, source="b")
    assert [(s.start, s.end, s.entity_type) for s in resolve(_TEXT, [weak, sure])] == [
        (24, 27, "PERSON"),
        (28, 34, "MEDICAL_RECORD_NUMBER"),
    ]
