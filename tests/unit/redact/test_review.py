from __future__ import annotations

import re

import numpy as np
import pytest

from appliance.errors import UsageError
from appliance.records import Span
from appliance.redact.review import (
    EXCERPT,
    Answer,
    ReviewItem,
    clopper_pearson_real,
    draw_queue,
    estimate,
    excerpts,
    read_answers,
    read_queue,
    shown,
    write_answers,
    write_queue,
)
from appliance.vault import Vault
from tests.unit.redact.world import KnownValues

KEY = b"q" * 32


def _item(number: int, found: int) -> ReviewItem:
    spans = tuple(
        Span(start=3 * i, end=3 * i + 2, entity_type="PERSON", score=0.9) for i in range(found)
    )
    return ReviewItem(number=number, text="ab " * max(1, found), spans=spans)


def test_the_queue_is_drawn_by_key_and_has_the_size_asked_for() -> None:
    texts = [f"note {i} about Bo Chi." for i in range(200)]
    finder = KnownValues({"Bo Chi": "PERSON"})
    one = draw_queue(texts, count=20, detector=finder, key=KEY)
    assert len(one) == 20
    assert one == draw_queue(texts, count=20, detector=finder, key=KEY)
    assert one != draw_queue(texts, count=20, detector=finder, key=b"z" * 32)
    assert all(item.spans for item in one)


def test_every_excerpt_is_as_likely_as_any_other() -> None:
    # 400 keys, 10 of 40 excerpts: each is drawn 100 times in the mean; five standard deviations.
    texts = [f"text {i}" for i in range(40)]
    counts = dict.fromkeys(texts, 0)
    for key in range(400):
        for item in draw_queue(
            texts, count=10, detector=KnownValues({}), key=bytes([key % 256, key // 256]) * 16
        ):
            counts[item.text] += 1
    assert all(abs(count - 100) < 5 * np.sqrt(400 * 0.25 * 0.75) for count in counts.values())


def test_excerpts_lose_no_word_and_are_short() -> None:
    text = "One sentence here. " * 100 + "x" * 2000
    pieces = excerpts(text)
    assert all(len(piece) <= EXCERPT for piece in pieces)
    assert re.sub(r"\s", "", "".join(pieces)) == re.sub(r"\s", "", text)


def test_the_queue_and_its_answers_are_sealed_and_come_back(vault: Vault) -> None:
    items = [_item(1, 2), _item(2, 0)]
    write_queue(vault, items)
    assert read_queue(vault) == items
    assert read_answers(vault) == []
    answers = [Answer(number=1, missed=1, wrong=0)]
    write_answers(vault, answers)
    assert read_answers(vault) == answers
    write_queue(vault, items)
    assert read_answers(vault) == []


def test_a_missing_queue_says_how_to_draw_one(vault: Vault) -> None:
    with pytest.raises(UsageError, match="no queue"):
        read_queue(vault)


def test_shown_marks_what_was_found() -> None:
    item = ReviewItem(
        number=1, text="by Bo Chi.", spans=(Span(start=3, end=9, entity_type="PERSON", score=1.0),)
    )
    assert shown(item) == "by «PERSON: Bo Chi»."


def test_the_estimate_counts_pieces() -> None:
    items = [_item(1, 4), _item(2, 6), _item(3, 0)]
    answers = [
        Answer(number=1, missed=1, wrong=0),
        Answer(number=2, missed=0, wrong=1),
        Answer(number=3, missed=0, wrong=0),
    ]
    found = estimate(items, answers)
    assert found is not None
    assert found.recall == pytest.approx(9 / 10)
    assert found.precision == pytest.approx(9 / 10)
    assert found.documents == 3
    low, high = found.recall_interval
    assert low < 0.9 < high


def test_nothing_personal_judged_gives_no_estimate() -> None:
    assert estimate([_item(1, 0)], [Answer(number=1, missed=0, wrong=0)]) is None


def test_no_miss_in_few_excerpts_is_not_taken_for_certainty() -> None:
    items = [_item(n, 5) for n in range(1, 11)]
    found = estimate(items, [Answer(number=n, missed=0, wrong=0) for n in range(1, 11)])
    assert found is not None
    # Ten excerpts, not fifty pieces: the lower limit of 10 of 10.
    assert found.recall_interval[0] == pytest.approx(0.69150, abs=1e-4)


def test_the_interval_covers_the_truth_where_misses_come_together() -> None:
    # 300 reviews of 60 excerpts; each excerpt has its own recall (mean .9): at least 90 % cover.
    generator = np.random.default_rng(7)
    covered = 0
    for _ in range(300):
        items, answers = [], []
        for n in range(1, 61):
            size = int(generator.integers(1, 8))
            missed = int(generator.binomial(size, 1 - generator.beta(4.5, 0.5)))
            items.append(_item(n, size - missed))
            answers.append(Answer(number=n, missed=missed, wrong=0))
        found = estimate(items, answers)
        assert found is not None
        covered += found.recall_interval[0] <= 0.9 <= found.recall_interval[1]
    assert covered >= 270


def test_the_real_valued_interval_agrees_with_the_whole_numbered_one() -> None:
    near = clopper_pearson_real(8.0000001, 10.0000001)
    assert near == pytest.approx(clopper_pearson_real(8, 10), abs=1e-5)


def test_private_text_is_not_in_the_repr() -> None:
    assert "ab ab" not in repr(_item(1, 3))
