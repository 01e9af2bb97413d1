"""Texts in several languages: each privacy unit goes to the detector of its own language.

Owns the guess. A recogniser trained on English names half of a German text, so no text is ever
given to another language's models; where nothing tells, the policy's first language is taken.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from appliance.records import Span
from appliance.redact.detect import Hint
from appliance.redact.entities import words
from appliance.redact.treatment import Detecting

_WORD = re.compile(r"[^\W\d_]+")
#: Characters of a unit that are read to guess its language.
_READ = 20_000
#: Frequent words that few of the other languages share.
_FREQUENT: dict[str, frozenset[str]] = {
    "en": words(
        "the and of to is was with for on at by from has had his her she he this that were been are"
        " not which will who they their after before seen pain patient history no"
    ),
    "pt": words(
        "o os um uma não nao com foi ao aos às pela pelo em no na nos nas são seu sua também já até"
        " está paciente anos dos das do da que por mais relata refere após há"
    ),
    "es": words(
        "el los las y una unos con fue del al en su sus se por también está años paciente que como"
        " más sin desde presenta refiere tras muy hay le lo"
    ),
    "fr": words(
        "le les et une des du au aux est été avec pour dans sur par pas qui que ans son sa ses ce"
        " cette il elle nous vous sans depuis patiente présente"
    ),
    "de": words(
        "der die das und ist ein eine einen mit von zu den dem im am bei nach wurde wird nicht auf"
        " für aus als auch sich seit keine jahre vom zur zum über patientin"
    ),
    "it": words(
        "il gli e di che è una con per della del nel nella dei delle al alla sono stato anni non da"
        " dal anche più come dopo paziente riferisce"
    ),
    "nl": words(
        "de het een en van is met voor op te aan bij naar werd wordt niet uit ook zich sinds geen"
        " jaar patiënt heeft dat deze haar zijn hij zij"
    ),
}


def guess(texts: Sequence[str], languages: Sequence[str]) -> str:
    """Guess which of some languages texts are written in.

    Args:
        texts: texts of one person.
        languages: the candidates; the first is the answer where nothing tells.
    """
    counts: Counter[str] = Counter()
    left = _READ
    for text in texts:
        if left <= 0:
            break
        counts.update(w.casefold() for w in _WORD.findall(text[:left]))
        left -= len(text)
    scores = {
        language: sum(counts[word] for word in _FREQUENT.get(language, ()))
        for language in languages
    }
    best = max(languages, key=lambda language: scores[language])
    return best if scores[best] > 0 else languages[0]


class Polyglot:
    """One detector for each language, made when first needed."""

    def __init__(self, languages: Sequence[str], build: Callable[[str], Detecting]) -> None:
        """Prepare.

        Args:
            languages: of the policy; the first is the main one.
            build: makes the detector of one language.
        """
        self._languages = tuple(languages)
        self._build = build
        self._detectors: dict[str, Detecting] = {}

    def detect_batch(
        self,
        texts: Sequence[str],
        *,
        hints: Sequence[Sequence[Hint]] | None = None,
        groups: Sequence[str] | None = None,
    ) -> list[list[Span]]:
        """Find personal data, each unit by its language's detector; see `Detector`."""
        results: list[list[Span]] = [[] for _ in texts]
        for language, chosen in self._by_language(texts, groups).items():
            found = self._detector(language).detect_batch(
                [texts[i] for i in chosen],
                hints=None if hints is None else [hints[i] for i in chosen],
                groups=None if groups is None else [groups[i] for i in chosen],
            )
            for i, spans in zip(chosen, found, strict=True):
                results[i] = spans
        return results

    def collect_seeds(self, texts: Sequence[str]) -> list[list[Hint]]:
        """Return the values of each text worth finding again."""
        results: list[list[Hint]] = [[] for _ in texts]
        for language, chosen in self._by_language(texts, None).items():
            found = self._detector(language).collect_seeds([texts[i] for i in chosen])
            for i, seeds in zip(chosen, found, strict=True):
                results[i] = seeds
        return results

    def _by_language(
        self, texts: Sequence[str], groups: Sequence[str] | None
    ) -> dict[str, list[int]]:
        """Return the texts of each language; texts of one unit share one."""
        units: dict[object, list[int]] = {}
        for i in range(len(texts)):
            units.setdefault(i if groups is None else groups[i], []).append(i)
        found: dict[str, list[int]] = {}
        for members in units.values():
            language = guess([texts[i] for i in members], self._languages)
            found.setdefault(language, []).extend(members)
        return found

    def _detector(self, language: str) -> Detecting:
        if language not in self._detectors:
            self._detectors[language] = self._build(language)
        return self._detectors[language]
