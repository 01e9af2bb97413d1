"""Large and odd inputs: memory stays flat, one long line is read, crowded anchors cost little."""

import time
import tracemalloc

import pytest

from appliance.redact.detect import Detector, DetectorSettings

NAMES = ["Osei", "Adeyemi", "Qwort", "Petrovsk", "Okafor", "Lindqvist", "Tembo", "Nakagawa"]


def note(number: int) -> str:
    name = NAMES[number % 8] + "xyzq"[number % 4]
    return (
        f"Mr. {name} was seen on 3/{1 + number % 28}/2020, MRN 88-{10_000 + number % 80_000}."
        " Wound clean and dry, metoprolol 25 mg twice a day.\n" * 4
    )


@pytest.mark.parametrize("limit", [{"cache_texts": 64}, {"cache_hits": 64 * 12}])
def test_memory_does_not_grow_with_the_corpus(limit):
    detector = Detector.build(DetectorSettings(ner=False, **limit))
    number = 0

    def read(batches: int) -> None:
        nonlocal number
        for _ in range(batches):
            detector.detect_batch([note(number + i) for i in range(12)])
            number += 12

    read(6)
    tracemalloc.start()
    try:
        read(2)
        before, _ = tracemalloc.get_traced_memory()
        read(8)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 200_000
    assert peak - before < 2_000_000


@pytest.mark.parametrize(
    "filler",
    ["word ", "a@", "1234567890", "A1b2", ". ", "(", "\u200b", "[at] ", "x\n"],
)
def test_a_long_text_of_one_thing_is_read_in_time(rules, filler):
    text = filler * (60_000 // len(filler)) + " SSN 123-45-6789"
    started = time.process_time()
    found = rules.detect(text)
    assert time.process_time() - started < 6
    assert "123-45-6789" in [text[s.start : s.end] for s in found]


def test_a_long_line_is_read_to_its_end(rules):
    text = note(1).replace("\n", " ") * 150
    found = rules.detect(text)
    assert sum(text[s.start : s.end] == "88-10001" for s in found) == 600
