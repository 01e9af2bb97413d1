"""Lists of names, places and common words, and questions about one word.

The lists are folded: lower case, no accents. Sources and licences: gazetteers/PROVENANCE.md.
"""

from __future__ import annotations

import lzma
import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib import resources

_PACKAGE = "appliance.redact.detect.gazetteers"


@lru_cache(maxsize=65536)
def fold(word: str) -> str:
    """Lower-case and strip accents."""
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFD", word.lower())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


@cache
def words_of(name: str) -> frozenset[str]:
    """Load one shipped list."""
    body = resources.files(_PACKAGE).joinpath(f"{name}.txt.xz").read_bytes()
    return frozenset(lzma.decompress(body).decode().split("\n"))


def plain_words(name: str) -> frozenset[str]:
    """Load one shipped list that is short enough to be plain text."""
    return frozenset(resources.files(_PACKAGE).joinpath(f"{name}.txt").read_text("utf-8").split())


def plain_lines(name: str) -> frozenset[str]:
    """Load one shipped list of phrases, one a line."""
    lines = resources.files(_PACKAGE).joinpath(f"{name}.txt").read_text("utf-8").split("\n")
    return frozenset(line for line in lines if line)


def _stems(word: str) -> Iterable[str]:
    """Return what an English word may be an inflection of."""
    yield word
    for suffix, replacements in (
        ("ies", ("y",)),
        ("es", ("", "e")),
        ("s", ("",)),
        ("ied", ("y",)),
        ("ed", ("", "e")),
        ("ing", ("", "e")),
        ("ly", ("", "le")),
        ("er", ("", "e")),
        ("est", ("", "e")),
        ("ion", ("e", "")),
        ("al", ("", "e")),
        ("ic", ("", "y")),
    ):
        if word.endswith(suffix) and len(word) > len(suffix) + 2:
            stem = word[: -len(suffix)]
            for replacement in replacements:
                yield stem + replacement
            if len(stem) > 3 and stem[-1] == stem[-2]:
                yield stem[:-1]


#: Words no dictionary of nouns, verbs and adjectives holds.
FUNCTION_WORDS = plain_words("function_en")
#: First names that are so often plain words, units or places that alone they are no evidence.
_AMBIGUOUS_EN = plain_words("ambiguous_en")
#: Words that English writes with the accents they came with, folded.
_BORROWED = plain_words("borrowed_en")
_MONTHS_DAYS = plain_words("months_days_en")


class Lexicon:
    """Questions about single words, for the languages of a detector."""

    def __init__(self, languages: tuple[str, ...]) -> None:
        """Load the lists the languages need."""
        first = words_of("first_world")
        last = words_of("last_world")
        if "en" in languages:
            first |= words_of("first_en") | plain_words("nicknames_en") | plain_words("given_en")
            last |= words_of("last_en")
        if "pt" in languages or "es" in languages:
            first |= words_of("first_pt")
        if set(languages) - {"en"}:
            last |= words_of("last_en")
        self._english = "en" in languages
        self.only_english = languages == ("en",)
        self._dictionary = words_of("words_en") if self._english else frozenset()
        self._medical = words_of("medical_en") if self._english else frozenset()
        self.first = frozenset(first)
        self.last = frozenset(last)
        self.places = words_of("places")
        known = words_of("first_en") | words_of("first_pt") if self._english else self.first
        known |= plain_words("given_en")
        self._strong = (known | words_of("first_world")) & self.first - _AMBIGUOUS_EN - _MONTHS_DAYS
        if self._english:
            rare = words_of("first_world") - words_of("first_en")
            self._strong -= rare & self._dictionary
        self._strong = frozenset(w for w in self._strong if len(w) > 2)

    @lru_cache(maxsize=65536)  # noqa: B019  detectors live as long as the process
    def common(self, word: str) -> bool:
        """Say whether a word is an ordinary word of the language in lower case."""
        folded = fold(word)
        if self.only_english and not word.isascii() and folded not in _BORROWED:
            return False  # English words have no accents: Ján is a man, not January.
        if folded in FUNCTION_WORDS or folded in _MONTHS_DAYS:
            return True
        if len(folded) < 2:
            return False
        return folded in self._medical or any(s in self._dictionary for s in _stems(folded))

    def medical(self, word: str) -> bool:
        """Say whether a word is one of medicine and of nothing else, in lower case."""
        return fold(word) in self._medical

    def first_name(self, word: str) -> bool:
        """Say whether somebody may be called so."""
        return fold(word) in self.first

    def strong_first(self, word: str) -> bool:
        """Say whether a capitalised word is a first name and hardly anything else."""
        return fold(word) in self._strong

    def surname(self, word: str) -> bool:
        """Say whether a family may be called so."""
        folded = fold(word)
        return folded in self.last or any(
            part in self.last for part in re.split(r"['’\-]", folded) if len(part) > 2
        )

    def place(self, phrase: str) -> bool:
        """Say whether a town, state or country is called so."""
        return fold(phrase) in self.places
