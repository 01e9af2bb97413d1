"""Find people by how they are written: cues beside them, `LAST, FIRST M`, initials, name lists.

Owns `NameFinder`. Rules are language packs of cue words; the shapes are common. Everything here
relies on capitals unless it says otherwise; no rule ignores case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from appliance.records import Span
from appliance.redact.detect import names_cues_world
from appliance.redact.detect.lexicon import FUNCTION_WORDS, Lexicon, fold, plain_lines
from appliance.redact.detect.names_cued import CuedNames
from appliance.redact.detect.names_cues import ENGLISH, EPONYMS, STOP, Cues
from appliance.redact.detect.names_english import EnglishNames
from appliance.redact.detect.names_law import LawNames
from appliance.redact.detect.names_shapes import (
    JOINING,
    LETTER,
    PARTICLES,
    PIECE,
    RUNS,
    TOKEN,
    UPPER,
    Trimmer,
    bare,
    end_of,
)
from appliance.redact.detect.patterns import lower
from appliance.redact.detect.weeds import NOBODY

CUES = {
    "en": ENGLISH,
    "pt": names_cues_world.PORTUGUESE,
    "es": names_cues_world.SPANISH,
    "de": names_cues_world.GERMAN,
    "fr": names_cues_world.FRENCH,
    "it": names_cues_world.ITALIAN,
    "nl": names_cues_world.DUTCH,
}
_LAST_FIRST = re.compile(
    rf"(?<![\w\-.'’])(?!(?:Pt|PT|Patient|PATIENT|Dr|DR|Mrs?|Ms|PCP|Name|NAME|RE|Re)[ ])"
    rf"(?P<last>(?P<particle>(?:{PARTICLES}[ ]){{1,2}}|St\.[ ]|[dDlL]['’])?{TOKEN}(?:[ ]{TOKEN})?)"
    rf",[ ]{{0,2}}(?:(?i:jr|sr|iii|ii|iv)\.?,[ ])?"
    rf"(?P<first>(?:[{UPPER}]\.){{2,3}}(?!\w)|{TOKEN}(?:[ ](?:{TOKEN}|[{UPPER}]\.?(?!\w))){{0,2}})"
)
_INITIAL_LAST = re.compile(rf"(?<![\w.&])(?:[{UPPER}]\.[ ]?){{1,3}}(?P<last>{TOKEN})(?!\w)")


#: `Delgado-Whyte`, also in lower case.
_DOUBLE = re.compile(
    rf"(?<![\w\-'’.@/])(?P<a>{LETTER}{{3,}})-(?P<b>{LETTER}{{3,}})(?![\w\-@]|\.\w)"
)
_COUPLE = re.compile(rf"(?<![\w'’\-])(?P<a>{TOKEN})[ ](?:and|&)[ ](?P<b>{TOKEN})[ ]{TOKEN}")
#: As image archives write names: `LAST^FIRST^MIDDLE`.
_CARETS = re.compile(
    rf"(?<![\w^]){LETTER}[\w'’\- ]{{1,40}}(?:\^{LETTER}[\w'’.\-]{{0,30}}){{1,4}}(?![\w])"
)
_DEGREE = re.compile(r"(?:M\.?D|D\.O|R\.N|P\.A|N\.P|J\.D)\b")
_CLASS_BEFORE = re.compile(
    r"(?i:(?<![a-z])(?:cat|category|class|type|grade|stage|level|nyha|asa|mp|mallampati|vitamin"
    r"|hepatitis"
    r"|hep|group|factor|lead|part|phase|zone|stage|degree|mobitz|mm|cm|in|kg|mg|ml|on|the|to|of"
    r"|and|or|side"
    r"|eye|ear|arm|leg|hip|knee|on))[ ]$|\d[ ]?$"
)
_ITEM_BEFORE = re.compile(r"(?:^|[.;:\n(])[ \t]{0,3}$")
_NAMED_BEFORE = re.compile(
    r"(?i:(?<!\w)(?:pt|patient|name|re|mr|mrs|ms|dr|client|resident)[:.]?|:|\|)[ ]{0,3}$"
)
_SUFFIX = re.compile(r",?[ ](?:Jr|Sr|JR|SR|III|II|IV)(?![\w])\.?")
_WORD_BEFORE = re.compile(rf"(?<![\w'’\-@/.])(?P<v>{TOKEN})[ ][\"“(]?$")


class NameFinder:
    """Finds people's names by rule."""

    def __init__(self, languages: tuple[str, ...], lexicon: Lexicon) -> None:
        """Compile the rules of the languages."""
        self._lexicon = lexicon
        cues = Cues.union(CUES[language] for language in languages if language in CUES)
        self._english = "en" in languages
        # Where every noun has a capital, or a model reads the context, a lone word is no evidence.
        self._singles = bool({"en", "fr", "it", "nl"} & set(languages))
        self._trimmer = Trimmer(lexicon, STOP | cues.stop)
        self._cued = CuedNames(cues, self._trimmer)
        self._typed = EnglishNames(self._trimmer) if self._english else None
        self._nations = plain_lines("nations_en") if self._english else frozenset()
        self._law = LawNames(self._trimmer)

    def find(self, text: str, lowered: str | None = None) -> list[Span]:
        """Find names in a plain text.

        Args:
            text: plain text.
            lowered: `lower(text)` when the caller has it.

        Returns:
            PERSON and TITLE spans; they may overlap.
        """
        found = list(self._cued.find(text, lower(text) if lowered is None else lowered))
        found.extend(self._last_first(text))
        found.extend(self._initials(text))
        for match in _DOUBLE.finditer(text):
            if self._double_surname(match["a"], match["b"]):
                found.append(_person(*match.span(), 0.45, "double"))
        for match in _COUPLE.finditer(text):
            if self._lexicon.first_name(match["a"]) and self._lexicon.first_name(match["b"]):
                found.append(_person(*match.span("a"), 0.5, "couple"))
        for match in _CARETS.finditer(text) if "^" in text else ():
            found.append(_person(*match.span(), 0.7, "carets"))
        for run in RUNS.finditer(text):
            found.extend(self._listed(text, run.start(), run.end()))
        if self._typed is None:
            return found
        found.extend(self._typed.find(text))
        found.extend(self._law.find(text))
        return [_with_suffix(text, _without_possessive(text, span)) for span in found]

    def leads(self, text: str, start: int, end: int) -> int:
        """Return where a name begins that a model found with a verb: `Summarize Tadesse`."""
        words = text[start:end].split(" ")
        while len(words) > 1 and self._lexicon.common(words[0]):
            if self._lexicon.first_name(words[0]) or self._lexicon.surname(words[0]):
                break
            start += len(words.pop(0)) + 1
        return start

    def widen(self, text: str, start: int) -> int:
        """Return where a name begins whose first words a model left out: `Eun-ji` of `Eun-ji Choi`.

        Args:
            text: plain text.
            start: where the part that was found begins.
        """
        while match := _WORD_BEFORE.search(text, max(0, start - 30), start):
            word = match["v"]
            if self._trimmer.ordinary(word) or self._trimmer.stopped(word) or word.isupper():
                break
            if self._lexicon.common(word) or self._lexicon.place(word) or fold(word) in EPONYMS:
                break
            start = match.start("v")
        return start

    def trim(self, text: str, start: int, end: int) -> tuple[int, int] | None:
        """Cut a run of capitalised words at the first word that is no name."""
        return self._trimmer.trim(text, start, end)

    def _double_surname(self, *halves: str) -> bool:
        """Say whether both halves of a hyphened word are surnames and nothing else."""
        known = self._lexicon
        return self._english and all(
            known.surname(h)
            and not known.common(h)
            and not known.place(h)
            and fold(h) not in EPONYMS
            and not self._trimmer.stopped(h)
            for h in halves
        )

    def _last_first(self, text: str) -> Iterable[Span]:
        for match in _LAST_FIRST.finditer(text):
            score = self._order_score(text, match)
            if score is not None:
                bounds = self._trimmer.trim(text, *match.span("first"), strict=True)
                end = bounds[1] if bounds else match.end("first")
                yield _person(match.start(), end, score, "last_first")

    def _order_score(self, text: str, match: re.Match[str]) -> float | None:
        """Say how surely `X, Y` is a surname and a first name."""
        known = self._lexicon
        last, first = match["last"].split(" ")[-1], match["first"].split(" ")[0]
        if self._trimmer.stopped(last) or self._trimmer.stopped(first):
            return None
        degree = _DEGREE.match(text, match.start("first"))
        if degree or (fold(first) in NOBODY and (first.isupper() or "-" in first)):
            return None  # A credential: `P DELACROIX, PA-C`.
        known_first = known.first_name(first) and fold(first) not in FUNCTION_WORDS
        initial = len(first) == 1 or first.endswith(".")
        if match["particle"] and (initial or (known_first and match["particle"] != "St. ")):
            return 0.65
        opening = match["last"].isupper() and _opens_line(text, match.start())
        if opening and known.surname(last) and (known_first or len(first) == 1):
            return 0.75
        if self._trimmer.ordinary(first) or (known.place(last) and not known.strong_first(first)):
            return None
        if known_first and (opening or not known.common(last)):
            return 0.75
        if initial and known.surname(last) and not known.common(last):
            return 0.6
        if known_first and match["last"].isupper() and self._told(text, match):
            return 0.65
        capitals = match["last"].isupper() and match["first"].isupper() and len(first) > 2
        listed = known.surname(last) and not known.common(last) and not known.common(first)
        if capitals and listed and len(last) > 2:
            return 0.55
        return 0.6 if opening and not known.common(first) and not known.common(last) else None

    def _told(self, text: str, match: re.Match[str]) -> bool:
        """Say whether a label or `Jr.` says that this is somebody: `RE: TREVELYAN, ARTHUR`."""
        if _NAMED_BEFORE.search(text, max(0, match.start() - 12), match.start()):
            return True
        younger = re.search(r"(?i),[ ]{0,2}(?:jr|sr)\.?,", match.group())
        return younger is not None and self._lexicon.surname(match["last"].split(" ")[-1])

    def _initials(self, text: str) -> Iterable[Span]:
        for match in _INITIAL_LAST.finditer(text):
            last = match["last"]
            if self._trimmer.stopped(last) or len(last) < 3 or (last.isupper() and len(last) < 4):
                continue
            if self._english and self._marks_list(text, match):
                continue
            if self._lexicon.surname(last) or (self._english and not self._lexicon.common(last)):
                yield _person(match.start(), match.end(), 0.6, "initial")

    def _marks_list(self, text: str, match: re.Match[str]) -> bool:
        """Say whether a letter is an item, a class or a side: `B. Colon`, `cat I. Toco`."""
        if match.start("last") - match.start() > 3:
            return False
        if _CLASS_BEFORE.search(text, max(0, match.start() - 16), match.start()):
            return True
        if match.group()[0] not in "ABCDEFGH" or not self._lexicon.common(match["last"]):
            return False
        return _ITEM_BEFORE.search(text, max(0, match.start() - 4), match.start()) is not None

    def _listed(self, text: str, start: int, end: int) -> Iterable[Span]:
        """Look for FIRST [MIDDLE] LAST inside one run of capitalised words."""
        pieces = list(PIECE.finditer(text, start, end))
        i = 0
        while i < len(pieces):
            word = bare(pieces[i])
            last = i
            if self._reversed(pieces, i):
                last = i + 1
                yield _person(pieces[i].start(), end_of(pieces[last]), 0.5, "capitals")
            elif self._lexicon.first_name(word) and not self._trimmer.stopped(word):
                last = self._extend(pieces, i)
                score = self._list_score(text, pieces, i, last)
                if score is not None:
                    rule = "first_name" if last == i else "listed"
                    yield _person(pieces[i].start(), end_of(pieces[last]), score, rule)
            i = last + 1
        if self._english and len(pieces) in (1, 2) and self._lone_surname(text, pieces):
            yield _person(pieces[-1].start(), pieces[-1].end(), 0.4, "surname")

    def _reversed(self, pieces: list[re.Match[str]], i: int) -> bool:
        """Say whether two words in capitals are a surname and a name: `ROTHENBERG HYMAN`."""
        if not self._english or i + 1 >= len(pieces):
            return False
        if self._lexicon.first_name(bare(pieces[i])):
            return False  # The usual order; more names may follow.
        pair = [bare(pieces[i]), bare(pieces[i + 1])]
        known = self._lexicon
        return all(
            w.isupper()
            and len(w) > 3
            and not known.common(w)
            and not self._trimmer.stopped(w)
            and fold(w) not in EPONYMS
            and (known.surname(w) or known.first_name(w))
            for w in pair
        )

    def _list_score(
        self, text: str, pieces: list[re.Match[str]], first: int, last: int
    ) -> float | None:
        """Say how surely the pieces from a first name on are a person."""
        known = self._lexicon
        word, tail = bare(pieces[first]), bare(pieces[last])
        if last == first:
            lone = known.strong_first(word) and self._singles and not known.place(word)
            lone = lone and not (word.isupper() and len(word) < 5)
            return 0.45 if lone else None
        if known.strong_first(word):
            return 0.65
        if not known.surname(tail) or fold(word) in FUNCTION_WORDS:
            return None
        if not self._trimmer.ordinary(tail) and not self._trimmer.ordinary(word):
            return 0.65
        capitals = text[pieces[first].start() : pieces[last].end()].isupper()
        return 0.5 if not capitals and (first == 0 or not known.common(tail)) else None

    def _extend(self, pieces: list[re.Match[str]], first: int) -> int:
        """Return the index of the last piece that belongs to the name begun at `first`."""
        last = first
        distance = 0
        for k in range(first + 1, min(len(pieces), first + 7)):
            word = bare(pieces[k])
            if pieces[k].group().islower() or fold(word) in JOINING:
                continue
            distance += 1
            if bare(pieces[k - 1]).endswith(("'s", "’s")):
                break
            if len(word) > 1 and not self._continues(word, distance):
                break
            last = k
        return last

    def _continues(self, word: str, distance: int) -> bool:
        if self._trimmer.stopped(word):
            return False
        if not self._trimmer.ordinary(word):
            return True
        return self._lexicon.surname(word) and distance <= 2 and fold(word) not in FUNCTION_WORDS

    def _lone_surname(self, text: str, pieces: list[re.Match[str]]) -> bool:
        """Say whether a lone word is a surname and no ordinary word, where one may stand.

        The word that opens a sentence may stand before it: "Did DiMarco sign".
        """
        piece, word = pieces[-1], pieces[-1].group()
        if len(pieces) == 2 and not self._trimmer.ordinary(pieces[0].group()):
            return False
        if len(word) < 3 or word.isupper() or self._trimmer.stopped(word) or fold(word) in EPONYMS:
            return False
        if (
            not self._lexicon.surname(word)
            or self._lexicon.place(word)
            or fold(word) in self._nations
        ):
            return False
        start, end = piece.span()
        if text[start - 1 : start] == "(" and text[end : end + 1] in (",", ")", ";", ":"):
            return True
        before = text[max(0, start - 2) : start]
        inside = (
            len(before) == 2 and before[1] == " " and (before[0].islower() or before[0] in ",–—-")
        )
        return inside and not self._lexicon.common(word)


def _opens_line(text: str, position: int) -> bool:
    line = text[text.rfind("\n", 0, position) + 1 : position]
    return not line.strip(" \t*-|>")


def _without_possessive(text: str, span: Span) -> Span:
    """Leave the `'s` of a name to the sentence, so that the name itself is found again."""
    if not text.endswith(("'s", "’s"), span.start, span.end) or span.end - span.start < 4:
        return span
    return replace(span, end=span.end - 2)


def _with_suffix(text: str, span: Span) -> Span:
    """Take in the `Jr.` or `III` behind a name."""
    match = _SUFFIX.match(text, span.end) if span.entity_type == "PERSON" else None
    return span if match is None else replace(span, end=match.end())


def _person(start: int, end: int, score: float, rule: str) -> Span:
    return Span(start=start, end=end, entity_type="PERSON", score=score, source=f"names:{rule}")
