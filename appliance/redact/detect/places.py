"""Find towns, states and countries by list, where they are written with a capital."""

from __future__ import annotations

import re
from collections.abc import Iterable

from appliance.records import Span
from appliance.redact.detect.lexicon import Lexicon, fold
from appliance.redact.detect.names_shapes import LETTER, UPPER

_WORD = rf"[{UPPER}]{LETTER}+(?:['’\-]{LETTER}+)*"
_RUN = re.compile(
    rf"(?<![\w@#/.'’\-]){_WORD}(?:[ ](?:(?:of|de|la|el|do|da|del|am"
    rf"|upon)[ ])?{_WORD}){{0,3}}(?![\w@])"
)
_PIECE = re.compile(r"\S+")
_SCORE = 0.4


class PlaceFinder:
    """Finds listed places."""

    def __init__(self, lexicon: Lexicon, stop: frozenset[str]) -> None:
        """Use the list of places, and the words that are never one, folded."""
        self._lexicon = lexicon
        self._stop = stop

    def find(self, text: str) -> Iterable[Span]:
        """Yield the longest listed places inside each run of capitalised words."""
        for run in _RUN.finditer(text):
            pieces = list(_PIECE.finditer(text, run.start(), run.end()))
            i = 0
            while i < len(pieces):
                j = self._longest(text, pieces, i)
                if j is not None:
                    yield Span(
                        start=pieces[i].start(),
                        end=pieces[j].end(),
                        entity_type="LOCATION",
                        score=_SCORE,
                        source="places",
                    )
                i = i + 1 if j is None else j + 1

    def _longest(self, text: str, pieces: list[re.Match[str]], i: int) -> int | None:
        for j in range(min(len(pieces), i + 4) - 1, i, -1):
            if self._lexicon.place(text[pieces[i].start() : pieces[j].end()]):
                return j
        word = pieces[i].group()
        alone = (
            len(word) > 3
            and self._lexicon.place(word)
            and not self._lexicon.common(word)
            and fold(word) not in self._stop
        )
        return i if alone else None
