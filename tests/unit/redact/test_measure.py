from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import DataError
from appliance.records import Span
from appliance.redact.measure import (
    clopper_pearson,
    evaluate_detection,
    f2,
    read_gold,
    score_detection,
)

SCORER = Path(__file__).parents[4] / "shared" / "tools" / "score_detection.py"


class Fixed:
    """A detector that returns prepared spans."""

    def __init__(self, spans: dict[str, list[Span]]) -> None:
        self.spans = spans

    def detect_batch(self, texts: Any) -> list[list[Span]]:
        return [self.spans[text] for text in texts]


def _span(start: int, end: int, entity_type: str = "PERSON") -> Span:
    return Span(start=start, end=end, entity_type=entity_type, score=0.9)


def _gold(text: str, *spans: tuple[int, int, str]) -> dict[str, Any]:
    return {
        "id": text,
        "text": text,
        "spans": [{"start": a, "end": b, "type": t} for a, b, t in spans],
    }


def test_recall_counts_words_and_precision_found_words() -> None:
    gold = [_gold("Ann Lee saw Bob today", (0, 7, "PERSON"), (12, 15, "PERSON"))]
    found = evaluate_detection(gold, Fixed({gold[0]["text"]: [_span(0, 3), _span(16, 21)]}))
    assert found.recall == pytest.approx(1 / 3)
    assert found.precision == pytest.approx(1 / 2)
    assert found.by_type == {"PERSON": pytest.approx(1 / 3)}
    assert found.recall_interval[0] < 1 / 3 < found.recall_interval[1]


def test_titles_need_not_be_masked() -> None:
    gold = [_gold("Mrs. Ann", (0, 8, "PERSON"))]
    assert evaluate_detection(gold, Fixed({"Mrs. Ann": [_span(5, 8)]})).recall == 1.0


def test_the_interval_is_clopper_and_pearson_s() -> None:
    # Known answers: 0 of 10, and 8 of 10 (Brown, Cai and DasGupta 2001, table).
    assert clopper_pearson(0, 10) == (0.0, pytest.approx(0.30850, abs=1e-5))
    low, high = clopper_pearson(8, 10)
    assert (low, high) == (pytest.approx(0.44390, abs=1e-5), pytest.approx(0.97479, abs=1e-5))
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_shares_are_given_by_type_with_their_intervals() -> None:
    gold = [
        _gold("Ann Lee on Monday", (0, 7, "PERSON"), (11, 17, "DATE")),
        _gold("Bob at noon", (0, 3, "PERSON")),
    ]
    spans = {gold[0]["text"]: [_span(0, 7), _span(8, 10, "AGE")], gold[1]["text"]: [_span(0, 3)]}
    scores = score_detection(gold, Fixed(spans))
    assert (scores.documents, scores.annotated, scores.clean) == (2, 2, 1)
    assert scores.recall_by_type["PERSON"].value == 1.0
    assert scores.recall_by_type["DATE"].interval == (0.0, pytest.approx(0.975))
    assert scores.precision_by_type["AGE"].value == 0.0
    assert scores.f2.value == pytest.approx(0.75)


def test_the_interval_allows_for_words_of_a_document_missed_together() -> None:
    # 200 words in 20 documents; one document is missed whole: far from 10 single misses.
    text = " ".join(f"w{i}" for i in range(10))
    gold = [_gold(f"{text} d{n}", (0, len(text), "PERSON")) for n in range(20)]
    spans = {g["text"]: [_span(0, len(text))] if n else [] for n, g in enumerate(gold)}
    scores = score_detection(gold, Fixed(spans))
    assert scores.recall.value == pytest.approx(0.95)
    assert scores.recall.interval[0] < clopper_pearson(190, 200)[0] - 0.1
    assert scores.recall.interval == scores.recall_by_type["PERSON"].interval


def test_f2_has_an_interval_that_is_the_same_every_time_and_holds_its_value() -> None:
    gold = [_gold(f"Ann Lee saw {n}", (0, 7, "PER")) for n in range(40)]
    spans = {g["text"]: [_span(0, 7) if n % 4 else _span(8, 11)] for n, g in enumerate(gold)}
    one, again = (score_detection(gold, Fixed(spans)) for _ in range(2))
    assert one == again
    # The corpus's name of the type is another than the detector's.
    assert one.f2_by_type.keys() == {"PER"}
    assert one.f2_by_type["PER"] == one.f2
    low, high = one.f2.interval
    assert low < one.f2.value < high
    assert 0.1 < high - low < 0.5


def test_a_bad_document_is_refused_and_not_shown() -> None:
    with pytest.raises(DataError) as raised:
        evaluate_detection([{"text": "secret", "spans": [{"start": 4}]}], Fixed({}))
    assert "secret" not in str(raised.value)


def test_f2_weighs_recall() -> None:
    assert f2(0.5, 1.0) > f2(1.0, 0.5)
    assert f2(0.0, 1.0) == 0.0


def test_documents_without_annotation_are_refused() -> None:
    with pytest.raises(DataError):
        evaluate_detection([_gold("nothing here")], Fixed({"nothing here": []}))


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        '{"text": "a"}',
        '{"text": "secret", "spans": [{"start": 0, "end": 99, "type": "X"}]}',
    ],
)
def test_a_bad_gold_line_is_named_and_not_shown(tmp_path: Path, line: str) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text(f'{{"text": "ok", "spans": []}}\n{line}\n')
    with pytest.raises(DataError, match="line 2") as raised:
        list(read_gold(path))
    assert "secret" not in str(raised.value)


@st.composite
def _documents(draw: st.DrawFn) -> tuple[list[dict[str, Any]], dict[str, list[Span]]]:
    texts = draw(
        st.lists(
            st.lists(
                st.sampled_from(["Ann", "Lee", "Mr", "the", "x-ray", "día", "42"]),
                min_size=3,
                max_size=9,
            ).map(" ".join),
            min_size=1,
            max_size=3,
            unique=True,
        )
    )
    gold, spans = [], {}
    for text in texts:
        cuts = st.integers(0, len(text) - 1)
        pairs = st.lists(st.tuples(cuts, cuts, st.sampled_from(["PERSON", "DATE"])), max_size=4)
        gold.append(_gold(text, *[(min(a, b), max(a, b) + 1, t) for a, b, t in draw(pairs)]))
        spans[text] = [_span(min(a, b), max(a, b) + 1, t) for a, b, t in draw(pairs)]
    return gold, spans


@given(_documents())
def test_the_shares_agree_with_the_reference_scorer(
    case: tuple[list[dict[str, Any]], dict[str, list[Span]]],
) -> None:
    if not SCORER.is_file():
        pytest.skip("the reference scorer is not here")
    spec = importlib.util.spec_from_file_location("score_detection", SCORER)
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    gold, spans = case
    if not any(document["spans"] for document in gold):
        return
    preds = [
        {"id": t, "spans": [{"start": s.start, "end": s.end, "type": s.entity_type} for s in found]}
        for t, found in spans.items()
    ]
    expected = reference.evaluate(json.loads(json.dumps(gold)), preds)
    found = evaluate_detection(gold, Fixed(spans))
    if expected["tok_recall"] is not None:
        assert found.recall == pytest.approx(expected["tok_recall"], abs=1e-4)
    assert found.precision == pytest.approx(expected["tok_prec"] or 0.0, abs=1e-4)
