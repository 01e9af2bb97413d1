from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from appliance.records import Span
from appliance.redact.detect import Hint
from appliance.redact.measure import clopper_pearson_real
from appliance.redact.review import (
    EXCERPT,
    Answer,
    Passage,
    ReviewItem,
    draw_queue,
    estimate,
    excerpts,
    read_answers,
    read_queue,
    remove_queue,
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


def _passages(texts: Iterable[str]) -> list[Passage]:
    return [Passage(text=text) for text in texts]


def _answer(number: int, *, found: int, missed: int = 0, wrong: int = 0) -> Answer:
    return Answer(number=number, found=found, missed=missed, wrong=wrong)


def test_the_queue_is_drawn_by_key_and_has_the_size_asked_for() -> None:
    texts = _passages(f"note {i} about Bo Chi." for i in range(200))
    finder = KnownValues({"Bo Chi": "PERSON"})
    one = draw_queue(texts, count=20, detector=finder, key=KEY)
    assert len(one) == 20
    assert one == draw_queue(texts, count=20, detector=finder, key=KEY)
    assert one != draw_queue(texts, count=20, detector=finder, key=b"z" * 32)
    assert all(item.spans for item in one)


def test_every_excerpt_is_as_likely_as_any_other_in_every_place() -> None:
    # 400 keys, 10 of 40 excerpts: each is drawn 100 times in the mean; five standard deviations.
    # Among the first five of the queue each is 50 times: what is answered first is a sample too.
    texts = _passages(f"text {i}" for i in range(40))
    counts = {p.text: 0 for p in texts}
    early = dict(counts)
    for key in range(400):
        queue = draw_queue(
            texts, count=10, detector=KnownValues({}), key=bytes([key % 256, key // 256]) * 16
        )
        for item in queue:
            counts[item.text] += 1
            early[item.text] += item.number <= 5
    assert all(abs(count - 100) < 5 * np.sqrt(400 * 0.25 * 0.75) for count in counts.values())
    assert all(abs(count - 50) < 5 * np.sqrt(400 * 0.125 * 0.875) for count in early.values())


def test_an_excerpt_is_judged_as_the_whole_text_would_be() -> None:
    long = "Filler of no interest at all. " * 60
    passage = Passage(
        text=f"{long}Renner came. {long}", hints=(Hint(value="Renner", entity_type="PERSON"),)
    )
    items = draw_queue([passage], count=99, detector=KnownValues({}), key=KEY)
    (hit,) = [item for item in items if item.spans]
    assert [hit.text[s.start : s.end] for s in hit.spans] == ["Renner"]


def test_excerpts_lose_no_character_and_are_short() -> None:
    text = "One sentence here. " * 100 + "x" * 2000 + "\n\nEnd."
    places = excerpts(text)
    assert all(b - a <= EXCERPT for a, b in places)
    assert "".join(text[a:b] for a, b in places) == text


def test_the_queue_and_its_answers_are_sealed_and_come_back(vault: Vault) -> None:
    items = [_item(1, 2), _item(2, 0)]
    write_queue(vault, "review/a/", items)
    assert read_queue(vault, "review/a/") == items
    assert read_answers(vault, "review/a/") == []
    answers = [_answer(1, found=2, missed=1)]
    write_answers(vault, "review/a/", answers)
    assert read_answers(vault, "review/a/") == answers
    remove_queue(vault, "review/a/")
    assert read_queue(vault, "review/a/") == []
    assert read_answers(vault, "review/a/") == answers


def test_shown_marks_what_was_found() -> None:
    item = ReviewItem(
        number=1, text="by Bo Chi.", spans=(Span(start=3, end=9, entity_type="PERSON", score=1.0),)
    )
    assert shown(item) == "by «PERSON: Bo Chi»."


def test_the_estimate_counts_pieces() -> None:
    answers = [
        _answer(1, found=4, missed=1),
        _answer(2, found=6, wrong=1),
        _answer(3, found=0),
    ]
    found = estimate(answers)
    assert found is not None
    assert found.recall == pytest.approx(9 / 10)
    assert found.precision == pytest.approx(9 / 10)
    assert found.documents == 3
    low, high = found.recall_interval
    assert low < 0.9 < high


def test_nothing_personal_judged_gives_no_estimate() -> None:
    assert estimate([_answer(1, found=0)]) is None


def test_no_miss_in_few_excerpts_is_not_taken_for_certainty() -> None:
    found = estimate([_answer(n, found=5) for n in range(1, 11)])
    assert found is not None
    # Ten excerpts, not fifty pieces: the lower limit of 10 of 10.
    assert found.recall_interval[0] == pytest.approx(0.69150, abs=1e-4)


def test_the_interval_covers_the_truth_where_misses_come_together() -> None:
    # 300 reviews of 60 excerpts; each excerpt has its own recall (mean .9): at least 90 % cover.
    generator = np.random.default_rng(7)
    covered = 0
    for _ in range(300):
        answers = []
        for n in range(1, 61):
            size = int(generator.integers(1, 8))
            missed = int(generator.binomial(size, 1 - generator.beta(4.5, 0.5)))
            answers.append(_answer(n, found=size - missed, missed=missed))
        found = estimate(answers)
        assert found is not None
        covered += found.recall_interval[0] <= 0.9 <= found.recall_interval[1]
    assert covered >= 270


def test_the_real_valued_interval_agrees_with_the_whole_numbered_one() -> None:
    near = clopper_pearson_real(8.0000001, 10.0000001)
    assert near == pytest.approx(clopper_pearson_real(8, 10), abs=1e-5)


def test_private_text_is_not_in_the_repr() -> None:
    assert "ab ab" not in repr(_item(1, 3))
    assert "Renner" not in repr(Passage(text="Renner"))
