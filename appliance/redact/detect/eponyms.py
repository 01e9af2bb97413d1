"""Where a text speaks of a sign, a score, a device or a brand that bears somebody's name.

Owns `Eponyms`, the lists `eponyms_en.txt`, `eponyms_phrases_en.txt` and `brands_en.txt`.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

import ahocorasick

from appliance.redact.detect.patterns import lower

_PACKAGE = "appliance.redact.detect.gazetteers"
_NUMBER = re.compile(
    r"[ ]?(?:type |grade |class |stage |level |score |scale |of |is |was |[=:] ?|\()?"
    r"(?:\d|[IVX]{1,4}(?!\w)|[A-F]\d?(?![\w.])|C\d{1,2}M\d)"
)


def _lines(name: str) -> list[str]:
    body = resources.files(_PACKAGE).joinpath(f"{name}.txt").read_text("utf-8")
    return [line for line in body.split("\n") if line and not line.startswith("#")]


@cache
def sure() -> frozenset[str]:
    """Return the words that alone are medicine, in lower case."""
    lists = (*_lines("eponyms_en"), *_lines("brands_en"))
    return frozenset(word for line in lists for word in line.split(" "))


@cache
def shared() -> frozenset[str]:
    """Return the surnames that signs, tests and devices also bear, in lower case."""
    phrases = _lines("eponyms_phrases_en")
    return frozenset(p.removesuffix(" *") for p in phrases if p.endswith(" *"))


class Eponyms:
    """Finds the words of a text that are eponyms or brands."""

    def __init__(self) -> None:
        """Load the lists."""
        self._automaton = ahocorasick.Automaton()
        for phrase in _lines("eponyms_phrases_en"):
            if not phrase.endswith(" *"):
                text = phrase.removesuffix("#").rstrip()
                self._automaton.add_word(text, (len(text), phrase.endswith("#")))
        for word in sure():
            self._automaton.add_word(word, (len(word), False))
        self._automaton.make_automaton()

    def zones(self, text: str) -> bytearray:
        """Return one byte a character: 1 where it belongs to an eponym or a brand."""
        covered = bytearray(len(text))
        lowered = lower(text).replace("’", "'")
        for last, (length, numbered) in self._automaton.iter(lowered):
            start, end = last + 1 - length, last + 1
            before, after = lowered[start - 1 : start], lowered[end : end + 1]
            if before.isalnum() or before == "-" or (after.isalnum() and lowered[last].isalnum()):
                continue
            if numbered and not _NUMBER.match(text, end):
                continue
            if (
                after == "-"
                and lowered[end + 1 : end + 2].isalpha()
                and not text[end + 1].islower()
            ):
                continue  # `Strasberg-Ito` is a surname.
            covered[start:end] = b"\1" * length
        return covered
