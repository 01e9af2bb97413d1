"""Find again what was found once: the same name or number elsewhere in a document or unit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import ahocorasick

from appliance.records import Span
from appliance.redact.detect.lexicon import Lexicon, fold
from appliance.redact.detect.names_cues import STOP
from appliance.redact.detect.patterns import lower
from appliance.redact.detect.settings import Hint

_NEVER = frozenset(
    {"DATE_TIME", "AGE", "NRP", "LOCATION", "ORGANIZATION", "ZIP_CODE", "CVV", "TITLE"}
)
_WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
#: `E.C.`: whom a text calls by initials is called so again.
_INITIALS = re.compile(r"(?:[^\W\d_a-z]\.){2,4}")
_PARTICLES = frozenset(
    [
        "de",
        "da",
        "do",
        "dos",
        "das",
        "del",
        "della",
        "di",
        "du",
        "des",
        "van",
        "der",
        "den",
        "von",
        "la",
        "le",
        "el",
        "al",
        "bin",
        "ibn",
        "ben",
        "y",
        "e",
        "and",
        "zu",
    ]
)
#: What follows a person and hardly a thing: "Grace's mother", "Hope reports".
_OF_SOMEBODY = re.compile(
    r"['’]s[ ][a-z]|[ ](?:reports?|reported|denies|denied|says|said|states|stated|told|lives|called"
    r"|asked|asks|favou?rs|recommends|suggests|notes|noted|concurs|prefers|advises|wants|paged"
    r"|aware|notified|updated|signed|agreed|agrees|feels|thinks|endorses"
    r"|is[ ](?:doing|here|a|an|the|in|on|not"
    r"|now|well|stable))(?!\w)"
)
_SCORE = 0.55
#: A seed must be found with at least this score; weaker hits stand alone.
SEED_SCORE = 0.5


def hints_of(text: str, spans: Iterable[Span]) -> list[Hint]:
    """Return the values worth finding again, in order of appearance, without repeats."""
    seen: dict[tuple[str, str], None] = {}
    for span in sorted(spans):
        if span.score < SEED_SCORE or span.entity_type in _NEVER:
            continue
        value = text[span.start : span.end]
        if span.entity_type != "PERSON" and (
            len(value) < 5 or (sum(c.isdigit() for c in value) < 4 and "@" not in value)
        ):
            continue
        seen[value, span.entity_type] = None
    return [Hint(value=value, entity_type=entity_type) for value, entity_type in seen]


class Propagator:
    """Finds further occurrences of known values."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Remember the word lists that say which parts of a name stand for it alone."""
        self._lexicon = lexicon

    def _forms(self, hint: Hint) -> Iterable[tuple[str, bool]]:
        """Yield lower-case forms to look for, and whether the text must have capitals there."""
        value = " ".join(hint.value.split())
        if hint.entity_type != "PERSON":
            yield lower(value), False
            compact = re.sub(r"[\s\-./]", "", value)
            if compact != value and len(compact) >= 6:
                yield lower(compact), False
            return
        if _INITIALS.fullmatch(value):
            yield lower(value), True
            return
        words = [w for w in _WORD.findall(value) if fold(w) not in _PARTICLES]
        names = [w for w in words if len(w) > 1 and fold(w) not in STOP]
        if len(names) > 1:
            yield lower(value), False
        for word in names:
            # An ordinary word ("Grace", "Brown") stands for the person only in capitals; a short
            # one only as part of the whole name.
            short = len(word) == 2 and word[1].islower() and self._lexicon.surname(word)
            if len(word) >= 3 or short:
                yield lower(word), True
            # `Nkosi` of `Nkosi-Mthembu`: half of a double surname is used for the whole.
            if "-" in word:
                for half in word.split("-"):
                    if len(half) > 3 and half[0].isupper() and fold(half) not in STOP:
                        yield lower(half), True

    def known(self, hints: Sequence[Hint]) -> ahocorasick.Automaton | None:
        """Prepare the search for known values; None when there is nothing to look for."""
        automaton = ahocorasick.Automaton()
        for hint in hints:
            for form, capitals in self._forms(hint):
                there = automaton.get(form, None)
                if there is None or (there[2] and not capitals):
                    automaton.add_word(form, (len(form), hint.entity_type, capitals))
        if not len(automaton):
            return None
        automaton.make_automaton()
        return automaton

    def find(self, text: str, known: ahocorasick.Automaton) -> list[Span]:
        """Find every occurrence of known values and of the words of names.

        Args:
            text: plain text.
            known: from `known`.

        Returns:
            Spans; they may overlap.
        """
        found = []
        for last, (length, entity_type, capitals) in known.iter(lower(text)):
            start, end = last + 1 - length, last + 1
            if self._inside_word(text, start, end):
                continue
            if capitals and not self._stands_for_name(text, start, end):
                continue
            found.append(
                Span(
                    start=start,
                    end=end,
                    entity_type=entity_type,
                    score=_SCORE,
                    source="propagation",
                )
            )
        return found

    @staticmethod
    def _inside_word(text: str, start: int, end: int) -> bool:
        return (start > 0 and text[start - 1].isalnum() and text[start].isalnum()) or (
            end < len(text) and text[end].isalnum() and text[end - 1].isalnum()
        )

    def _stands_for_name(self, text: str, start: int, end: int) -> bool:
        word = text[start:end]
        if not word[0].isupper():
            return False
        if not self._lexicon.common(word):
            return True
        if word.isupper() and len(word) < 5:
            return False
        if _OF_SOMEBODY.match(text, end):
            return True
        # An ordinary word that opens a sentence has its capital from there.
        before = text[max(0, start - 12) : start].rstrip(" \t\"'(“*-•")[-1:] if start else ""
        return before not in ("", ".", "!", "?", ":", "\n")
