from __future__ import annotations

import io
import string
from collections.abc import Sequence

import numpy as np
import pytest

from appliance.ingest.dedupe import Duplicates, Fingerprints, _Tables, find_duplicates, sign
from appliance.records import Record

KEY = b"d" * 32
LETTER = (
    "the patient was seen today for review of long standing asthma and sleeps well at night "
    "we agreed to go on with the inhaler twice a day and to come back in three months or sooner "
    "if the chest gets tight again a flu shot was given and a written plan was handed over while "
    "the cat at home stays the likely trigger and the parents were told so once more in plain words"
)


def _record(number: int, text: str, unit: str) -> Record:
    return Record(
        record_id=number,
        unit=unit.encode().ljust(16, b"."),
        source=0,
        line=number + 1,
        kind="text",
        fields={"text": text},
        extra={},
    )


def _find(rows: Sequence[tuple[str, str]], threshold: float = 0.85) -> Duplicates:
    sink = io.BytesIO()
    prints = Fingerprints(sink, key=KEY)
    for number, (unit, text) in enumerate(rows):
        prints.add(_record(number, text, unit))
    prints.finish()
    return find_duplicates(sink, records=len(rows), threshold=threshold)


def _jaccard(left: str, right: str) -> float:
    """The slow twin: shingles as sets."""
    keep = set(string.ascii_letters + string.digits)

    def shingles(text: str) -> set[tuple[str, ...]]:
        words = "".join(c if c in keep else " " for c in text).lower().split()
        return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}

    a, b = shingles(left), shingles(right)
    return len(a & b) / len(a | b)


def _edited(text: str, positions: Sequence[int], word: str = "edited") -> str:
    words = text.split()
    for position in positions:
        words[position] = word
    return " ".join(words)


def test_exact_copies_after_white_space_and_unicode_are_found_across_people() -> None:
    found = _find(
        [("a", "No show  today."), ("b", "No show\n today. "), ("c", "No show yesterday.")]
    )
    assert found.exact.tolist() == [False, True, False]
    assert not found.near.any()
    accents = _find([("a", "Jose\u0301 came"), ("b", "Jos\u00e9 came")])
    assert accents.exact.tolist() == [False, True]


def test_a_copy_of_one_person_with_a_small_edit_is_near() -> None:
    near = _edited(LETTER, [20])
    assert _jaccard(LETTER, near) > 0.9
    assert _find([("a", LETTER), ("a", near)]).near.tolist() == [False, True]


def test_form_letters_of_different_people_are_not_copies() -> None:
    first = f"DALTON, MARISOL D, MRN BH-112233. {LETTER}"
    second = f"OKAFOR, TOBIAS R, MRN BH-445566. {LETTER}"
    assert _jaccard(first, second) > 0.85
    assert not _find([("a", first), ("b", second)], threshold=0.7).near.any()
    assert _find([("a", first), ("a", second)], threshold=0.7).near.any()


def test_one_letter_filed_under_two_people_is_near_when_names_and_numbers_agree() -> None:
    first = f"DALTON, MARISOL D, MRN BH-112233. {LETTER}"
    second = _edited(first, [30])
    assert _find([("a", first), ("b", second)]).near.tolist() == [False, True]


def test_a_letter_with_much_changed_is_kept() -> None:
    changed = _edited(LETTER, [3, 9, 15, 21, 27, 33, 39, 45])
    assert _jaccard(LETTER, changed) < 0.6
    assert not _find([("a", LETTER), ("a", changed)]).near.any()


def test_texts_too_short_for_a_shingle_are_only_compared_exactly() -> None:
    found = _find([("a", "No show"), ("a", "No shows"), ("a", "No show"), ("a", "???")])
    assert found.exact.tolist() == [False, False, True, False]
    assert not found.near.any()


def test_a_copy_is_removed_only_beside_one_that_is_kept() -> None:
    """c is close to b, b to a, c not to a: with b gone, c stays."""
    a = LETTER
    b = _edited(a, [10, 40])
    c = _edited(b, [20, 50, 60])
    found = _find([("u", a), ("u", b), ("u", c)], threshold=0.75)
    assert _jaccard(a, b) > 0.8
    assert _jaccard(a, c) < 0.72
    assert found.near.tolist() == [False, True, False]


@pytest.mark.parametrize("edits", [0, 1, 2, 4, 8])
def test_the_estimate_agrees_with_the_sets(edits: int) -> None:
    """64 permutations: the standard error is at most .0625; four of them over 200 pairs' mean."""
    rng = np.random.default_rng(edits)
    words = [f"w{i}" for i in range(5000)]
    errors = []
    for _ in range(200):
        text = " ".join(rng.choice(words, 60))
        other = _edited(text, rng.choice(60, edits, replace=False).tolist(), "zz")
        signature, _ = sign([text, other], _Tables(KEY))
        estimate = ((signature[0] == signature[1]).mean() - 1 / 256) / (1 - 1 / 256)
        errors.append(estimate - _jaccard(text, other))
    assert abs(float(np.mean(errors))) < 4 * 0.0625 / np.sqrt(200)
    assert float(np.std(errors)) < 0.09


def _all_pairs(texts: list[str]) -> set[int]:
    """The slow twin of banding and grouping: all pairs of signatures, greedily in order."""
    signature, _ = sign(texts, _Tables(KEY))
    alike = ((signature[:, None] == signature[None]).mean(2) - 1 / 256) / (1 - 1 / 256) >= 0.85
    kept: list[int] = []
    for i in range(len(texts)):
        if not any(alike[i, j] for j in kept):
            kept.append(i)
    return set(kept)


@pytest.mark.parametrize("edits", [0, 4, 60])
def test_search_finds_what_comparing_all_pairs_finds(edits: int) -> None:
    """60 letters that differ from one form in that many words, then a near copy of each."""
    rng = np.random.default_rng(5)
    words = [f"w{i}" for i in range(400)]
    form = " ".join(rng.choice(words, 60))

    def changed(text: str, count: int) -> str:
        for place in rng.choice(60, count, replace=False).tolist():
            text = _edited(text, [place], words[rng.integers(400)])
        return text

    texts = [changed(form, edits) for _ in range(60)]
    texts += [changed(text, 1) for text in texts]
    found = _find([("u", t) for t in texts])
    kept = set(np.flatnonzero(~(found.near | found.exact)).tolist())
    # Around one form, a copy just under the threshold may be close to a record that is no first.
    assert len(kept ^ _all_pairs(texts)) <= 6
    assert len(kept) <= 70


def test_signatures_do_not_depend_on_the_batch_or_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{LETTER} number {i} {'x' * (i % 7)}" for i in range(50)] + ["", "a", "a b", "é ü"]
    together, marks = sign(texts, _Tables(KEY))
    for i, text in enumerate(texts):
        alone, mark = sign([text], _Tables(KEY))
        assert (alone[0] == together[i]).all()
        assert mark[0] == marks[i]


def test_chunks_of_the_sealed_file_are_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("a", f"{LETTER} {i % 90} {'much more' * (i % 4)}") for i in range(300)]
    whole = _find(rows)
    monkeypatch.setattr("appliance.ingest.dedupe._CHUNK_ROWS", 64)
    monkeypatch.setattr("appliance.ingest.dedupe._BATCH_CHARS", 3000)
    monkeypatch.setattr("appliance.ingest.dedupe._PAIRS_AT_A_TIME", 10)
    monkeypatch.setattr("appliance.ingest.dedupe._SORTED_AT_A_TIME", 40)
    chunked = _find(rows)
    assert (whole.exact == chunked.exact).all()
    assert (whole.near == chunked.near).all()
    assert whole.exact.sum() > 50
    assert whole.near.sum() > 50


def test_another_key_gives_other_fingerprints() -> None:
    one, two = io.BytesIO(), io.BytesIO()
    for sink, key in ((one, b"a" * 32), (two, b"b" * 32)):
        prints = Fingerprints(sink, key=key)
        prints.add(_record(0, LETTER, "u"))
        prints.finish()
    same = np.frombuffer(one.getvalue(), np.uint8) == np.frombuffer(two.getvalue(), np.uint8)
    assert same[16:].mean() < 0.1
