"""Find people by how they are written: titles, credentials, labels, kin, `LAST, FIRST M`.

Owns `NameFinder`. Rules are language packs of cue words (names_cues); the shapes are common.
Everything here relies on capitals unless it says otherwise; no rule ignores case.
"""

from __future__ import annotations

import re

from appliance.records import Span
from appliance.redact.detect.lexicon import FUNCTION_WORDS, Lexicon, fold
from appliance.redact.detect import names_cues_world
from appliance.redact.detect.names_cues import ENGLISH, EPONYMS, POLITE, STOP, Cues

UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮİĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽȘȚ"
_LETTER = r"[^\W\d_]"
#: A capitalised word, with inner apostrophes and hyphens.
TOKEN = rf"[{UPPER}]{_LETTER}*(?:['’\-]{_LETTER}+)*"
_INITIAL = rf"[{UPPER}]\.(?:[ ]?[{UPPER}]\.)*"
PARTICLES = (
    r"(?:de las|de los|de la|de|da|do|dos|das|del|della|di|du|des|van der|van den|van de|van|von der|von|vom|zu|zum|zur"
    r"|der|den|la|le|el|al|bin|ibn|ben|bint|abu|ter|ten|af|av|y|e|St\.|Ste\.|san|mac|o’|O’|d’|d')"
)
#: A run of name words on one line: at least one token, then tokens, initials, particles.
RUN = (
    rf"(?:{_INITIAL}[ ]?)?(?:{PARTICLES}[ ])?{TOKEN}"
    rf"(?:[ ](?:{PARTICLES}[ ]){{0,2}}{TOKEN}|[ ]{_INITIAL}(?!{_LETTER})|[ ][{UPPER}](?!\w)"
    rf"|[ ][\"“'(]{TOKEN}[\"”')](?=[ ]{TOKEN})){{0,5}}"
)
_TOKENS = re.compile(rf"{_INITIAL}|{TOKEN}|{_LETTER}+")
_PIECE = re.compile(rf"{_LETTER}+(?:['’\-]{_LETTER}+)*\.?")


CUES = {
    "en": ENGLISH,
    "pt": names_cues_world.PORTUGUESE,
    "es": names_cues_world.SPANISH,
    "de": names_cues_world.GERMAN,
    "fr": names_cues_world.FRENCH,
    "it": names_cues_world.ITALIAN,
    "nl": names_cues_world.DUTCH,
}


class NameFinder:
    """Finds people's names by rule."""

    def __init__(self, languages: tuple[str, ...], lexicon: Lexicon) -> None:
        """Compile the rules of the languages."""
        self._lexicon = lexicon
        packs = [CUES[language] for language in languages if language in CUES]
        cues = Cues.union(packs)
        self._english = "en" in languages
        # Where every noun has a capital, or a model reads the context, a lone word is no evidence.
        self._singles = bool({"en", "fr", "it", "nl"} & set(languages))
        self._stop = STOP | cues.stop
        self._keep_together = cues.lower_case
        titles = "|".join(sorted(map(re.escape, cues.titles), key=len, reverse=True))
        self._titled = re.compile(
            rf"(?<!\w)(?:(?:{titles})\.?[ \t]{{1,2}}){{1,3}}(?P<v>{RUN}|{TOKEN})|"
            rf"(?<!\w)(?:(?i:{titles})\.[ ]?)(?P<w>{RUN})"
        )
        credentials = "|".join(sorted(map(re.escape, cues.credentials), key=len, reverse=True))
        self._credential = re.compile(rf"(?:,[ ]?|[ ])\(?(?:{credentials})(?![\w\-])")
        self._before_credential = re.compile(rf"(?:{RUN})$")
        labels = "|".join(
            re.escape(label).replace(r"\ ", r"[ \t_]")
            for label in sorted(cues.labels, key=len, reverse=True)
        )
        self._labelled = re.compile(
            rf"(?<!{_LETTER})(?:(?i:{labels}))(?:\(s\)|s)?[ \t]*(?:\([^)\n]{{1,20}}\)[ \t]*)?(?:[:=]|\|)[ \t]*\n?[ \t]*[\"'“]?"
            rf"(?:(?:{titles})\.?[ \t])?(?P<v>{TOKEN},[ ]?{RUN}|{RUN})"
        )
        verbs = "|".join(
            re.escape(verb).replace(r"\ ", r"[ \t\n]")
            for verb in sorted(cues.cues, key=len, reverse=True)
        )
        self._cued = re.compile(
            rf"(?<!{_LETTER})(?i:{verbs})[ \t]{{1,2}}(?:(?:{titles})\.?[ ])?(?P<v>{RUN})"
        )
        kin = "|".join(map(re.escape, sorted(cues.kin, key=len, reverse=True)))
        self._kin = re.compile(rf"(?<!{_LETTER})(?i:{kin})(?:,|[ ]?\(|:|[ ]is)?[ ](?P<v>{RUN})")
        self._kin_bracket = re.compile(rf"(?<!{_LETTER})(?i:{kin})[ ]?\((?P<v>{RUN})[,)]")
        self._last_first = re.compile(
            rf"(?<![\w\-.'’])(?P<last>(?:{PARTICLES}[ ])?{TOKEN}(?:[ ]{TOKEN})?),[ ]{{0,2}}(?P<first>{TOKEN}(?:[ ](?:{TOKEN}|[{UPPER}]\.?(?!\w))){{0,2}})"
        )
        self._run = re.compile(rf"(?<![\w'’\-@/])(?:{RUN})(?![\w@])")
        self._initial_last = re.compile(
            rf"(?<![\w.])(?:[{UPPER}]\.[ ]?){{1,3}}(?P<last>{TOKEN})(?!\w)"
        )
        self._signature = re.compile(
            rf"(?:(?i:initials|signed|dictated by|typed by|transcribed by|entered by|electronically signed by)[ ]?:?[ ]|[ ]/[ ]?|\d[ ])(?P<v>[{UPPER}]{{2,4}})[ \t]*(?=$|\n)"
        )
        self._lower_pair = re.compile(r"(?<![\w@.\-])([a-z]{3,15})[ ]([a-z]{3,20})(?![\w@\-])")
        self._lower_title = re.compile(
            r"(?<![\w@.\-])(?:dr|drs|mr|mrs|ms|miss|prof|nurse|officer)\.?[ ](?P<v>[a-z]{3,20}(?:[ ][a-z]{3,20})?)(?![\w@])"
        )
        self._lower_cue = re.compile(
            r"(?:patient|pt|client|named|name is|am|son|daughter|wife|husband|mother|father|brother|sister|friend|for|from|to|by|with)[ ]$"
        )

    def find(self, text: str) -> list[Span]:
        """Find names in a plain text.

        Returns:
            PERSON spans; they may overlap.
        """
        found: list[Span] = []
        self._by_cue(text, found)
        self._by_credential(text, found)
        self._by_order(text, found)
        self._by_gazetteer(text, found)
        if self._english:
            self._lower_case(text, found)
        return found

    def _add(
        self, found: list[Span], bounds: tuple[int, int] | None, score: float, rule: str
    ) -> None:
        if bounds is not None:
            found.append(
                Span(
                    start=bounds[0],
                    end=bounds[1],
                    entity_type="PERSON",
                    score=score,
                    source=f"names:{rule}",
                )
            )

    def trim(
        self, text: str, start: int, end: int, *, strict: bool = False
    ) -> tuple[int, int] | None:
        """Cut a run of capitalised words at the first word that is no name.

        Args:
            strict: also cut at ordinary words that are neither first names nor surnames.
        """
        last_end = start
        first_start: int | None = None
        for piece in _PIECE.finditer(text, start, end):
            word = piece.group().rstrip(".")
            folded = fold(word)
            if folded in self._stop:
                if first_start is None and not strict:
                    return None
                break
            if strict and len(word) > 1 and self._ordinary(word):
                opening = first_start is None and self._lexicon.first_name(word)
                closing = first_start is not None and self._lexicon.surname(word)
                if not (opening or closing) or folded in FUNCTION_WORDS:
                    break
            if first_start is None:
                first_start = piece.start()
            if piece.group().islower() and not piece.group().endswith("."):
                continue  # A particle counts only when a name follows.
            last_end = piece.end() if len(word) == 1 else piece.start() + len(word)
        if first_start is None or last_end <= first_start:
            return None
        return first_start, last_end

    def _ordinary(self, word: str) -> bool:
        return self._lexicon.common(word) and not self._lexicon.strong_first(word)

    def _by_cue(self, text: str, found: list[Span]) -> None:
        for match in self._titled.finditer(text):
            group = "v" if match["v"] is not None else "w"
            bounds = self.trim(text, *match.span(group))
            self._add(found, bounds, 0.85, "title")
            if bounds is not None and not self._polite(match, group):
                title = text[match.start() : match.start(group)].rstrip()
                found.append(
                    Span(
                        start=match.start(),
                        end=match.start() + len(title),
                        entity_type="TITLE",
                        score=0.6,
                        source="names:title",
                    )
                )
        for match in self._labelled.finditer(text):
            self._add(found, self.trim(text, *match.span("v")), 0.85, "label")
        for match in self._cued.finditer(text):
            bounds = self.trim(text, *match.span("v"), strict=True)
            if bounds and self._plausible(text[slice(*bounds)]):
                self._add(found, bounds, 0.7, "cue")
        for rule in (self._kin, self._kin_bracket):
            for match in rule.finditer(text):
                bounds = self.trim(text, *match.span("v"), strict=True)
                if bounds and text[slice(*bounds)].upper() != text[slice(*bounds)]:
                    self._add(found, bounds, 0.75, "kin")
        for match in self._signature.finditer(text):
            if fold(match["v"]) not in self._stop:
                self._add(found, match.span("v"), 0.45, "signature")

    def _polite(self, match: re.Match[str], group: str) -> bool:
        """Say whether a title is only a form of address, which says nothing of the person."""
        first = match.string[match.start() : match.start(group)].split()[0]
        return fold(first.rstrip(".")) in POLITE

    def _plausible(self, name: str) -> bool:
        """Say whether a cued run has a word that is a name, or none that is ordinary."""
        tokens = [t.group() for t in _TOKENS.finditer(name) if len(t.group()) > 2]
        if not tokens:
            return False
        if any(self._lexicon.strong_first(t) for t in tokens):
            return True
        if any(fold(t) in EPONYMS for t in tokens):
            return False
        return not any(self._lexicon.common(t) for t in tokens) and not name.isupper()

    def _by_credential(self, text: str, found: list[Span]) -> None:
        for match in self._credential.finditer(text):
            head = text[max(0, match.start() - 60) : match.start()]
            line = head.rsplit("\n", 1)[-1]
            offset = match.start() - len(line)
            # The longest run that ends here, then without leading ordinary words.
            run = next(
                (m for m in self._run.finditer(line) if m.end() == len(line)),
                None,
            )
            if run is None:
                continue
            start, end = run.start() + offset, run.end() + offset
            start = self._skip_ordinary(text, start, end)
            if start < end:
                self._add(found, self.trim(text, start, end), 0.8, "credential")

    def _skip_ordinary(self, text: str, start: int, end: int) -> int:
        for piece in _PIECE.finditer(text, start, end):
            word = piece.group().rstrip(".")
            folded = fold(word)
            if folded not in self._stop and (len(word) == 1 or not self._ordinary(word)):
                return piece.start()
        # All ordinary: a surname such as Baker is the last word.
        last = text[start:end].rsplit(" ", 1)[-1]
        return (
            end - len(last) if self._lexicon.surname(last) and fold(last) not in self._stop else end
        )

    def _by_order(self, text: str, found: list[Span]) -> None:
        for match in self._last_first.finditer(text):
            last = match["last"].split(" ")[-1]
            first = match["first"].split(" ")[0]
            if fold(last) in self._stop or fold(first) in self._stop:
                continue
            known_first = self._lexicon.first_name(first) and fold(first) not in FUNCTION_WORDS
            known_last = self._lexicon.surname(last) and not self._ordinary(last)
            upper_line = match["last"].isupper() and self._opens_line(text, match.start())
            if upper_line and self._lexicon.surname(last) and (known_first or len(first) == 1):
                self._add(found, self._whole(text, match), 0.75, "last_first")
                continue
            if self._lexicon.place(last) and not self._lexicon.strong_first(first):
                continue
            if self._ordinary(first):
                continue
            if known_first and (known_last or upper_line or not self._lexicon.common(last)):
                self._add(found, self._whole(text, match), 0.75, "last_first")
            elif upper_line and not self._lexicon.common(first) and not self._lexicon.common(last):
                self._add(found, self._whole(text, match), 0.6, "last_first")
        for match in self._initial_last.finditer(text):
            last = match["last"]
            if fold(last) in self._stop or len(last) < 3 or (last.isupper() and len(last) < 4):
                continue
            if (self._lexicon.surname(last) and not self._ordinary(last)) or (
                not self._lexicon.common(last) and not self._english
            ):
                self._add(found, match.span(), 0.6, "initial")

    def _whole(self, text: str, match: re.Match[str]) -> tuple[int, int]:
        bounds = self.trim(text, *match.span("first"), strict=True)
        return match.start(), bounds[1] if bounds else match.end("first")

    @staticmethod
    def _opens_line(text: str, position: int) -> bool:
        line = text[text.rfind("\n", 0, position) + 1 : position]
        return not line.strip(" \t*-|>")

    def _by_gazetteer(self, text: str, found: list[Span]) -> None:
        for match in self._run.finditer(text):
            self._gazetteer_run(text, match.start(), match.end(), found)

    def _gazetteer_run(self, text: str, start: int, end: int, found: list[Span]) -> None:
        """Look for FIRST [MIDDLE] LAST inside one run of capitalised words."""
        pieces = list(_PIECE.finditer(text, start, end))
        i = 0
        while i < len(pieces):
            word = pieces[i].group().rstrip(".")
            if not self._lexicon.strong_first(word) and not (
                self._lexicon.first_name(word) and i + 1 < len(pieces)
            ):
                i += 1
                continue
            if fold(word) in self._stop:
                i += 1
                continue
            j = self._extend(pieces, i)
            strong = self._lexicon.strong_first(word)
            if j > i:
                tail = pieces[j].group().rstrip(".")
                if strong or (
                    self._lexicon.surname(tail)
                    and not self._ordinary(tail)
                    and not self._ordinary(word)
                ):
                    self._add(found, (pieces[i].start(), self._end(pieces[j])), 0.65, "gazetteer")
                elif (
                    self._lexicon.surname(tail)
                    and fold(word) not in FUNCTION_WORDS
                    and not text[pieces[i].start() : pieces[j].end()].isupper()
                    and (i == 0 or not self._lexicon.common(tail))
                ):
                    self._add(found, (pieces[i].start(), self._end(pieces[j])), 0.5, "gazetteer")
            elif strong and self._singles and not self._lexicon.place(word):
                self._add(found, (pieces[i].start(), self._end(pieces[i])), 0.45, "first_name")
            i = j + 1
        if len(pieces) == 1 and self._english:
            self._single_surname(text, pieces[0], found)

    def _single_surname(self, text: str, piece: re.Match[str], found: list[Span]) -> None:
        """Take a lone surname that is no ordinary word, inside a sentence or in brackets."""
        word = piece.group()
        if len(word) < 3 or word.isupper() or fold(word) in self._stop or fold(word) in EPONYMS:
            return
        if not self._lexicon.surname(word) or self._lexicon.place(word):
            return
        start, end = piece.span()
        bracketed = text[start - 1 : start] == "(" and text[end : end + 1] in (",", ")", ";", ":")
        before = text[max(0, start - 2) : start]
        inside = len(before) == 2 and before[1] == " " and (before[0].islower() or before[0] == ",")
        if bracketed or (inside and not self._lexicon.common(word)):
            self._add(found, (start, end), 0.4, "surname")

    def _extend(self, pieces: list[re.Match[str]], i: int) -> int:
        """Return the index of the last piece that still belongs to the name begun at `i`."""
        last = i
        for k in range(i + 1, min(len(pieces), i + 6)):
            piece = pieces[k].group()
            word = piece.rstrip(".")
            if piece.islower():
                continue
            if len(word) == 1:
                last = k
                continue
            if fold(word) in self._stop:
                break
            if self._ordinary(word) and not (
                k == i + 1 and self._lexicon.surname(word) and not self._english
            ):
                if not (
                    self._lexicon.surname(word) and k - i <= 2 and fold(word) not in FUNCTION_WORDS
                ):
                    break
            last = k
        while last > i and len(pieces[last].group().rstrip(".")) == 1 and last == i + 1:
            break
        return last

    @staticmethod
    def _end(piece: re.Match[str]) -> int:
        word = piece.group()
        return (
            piece.end()
            if len(word) == 2 and word.endswith(".")
            else piece.start() + len(word.rstrip("."))
        )

    def _lower_case(self, text: str, found: list[Span]) -> None:
        for match in self._lower_title.finditer(text):
            start, end = match.span("v")
            words = match["v"].split(" ")
            if not self._lower_name(words[0]):
                continue
            if len(words) == 2 and not self._lower_name(words[1]):
                end = start + len(words[0])
            self._add(found, (start, end), 0.55, "lower_title")
        position = 0
        while match := self._lower_pair.search(text, position):
            first, last = match[1], match[2]
            position = match.start(2)
            if not self._lexicon.strong_first(first) or self._lexicon.common(first):
                continue
            cued = self._lower_cue.search(text, max(0, match.start() - 10), match.start())
            if self._lexicon.surname(last) and (
                not self._lexicon.common(last) or (cued and fold(last) not in FUNCTION_WORDS)
            ):
                self._add(found, match.span(), 0.55, "lower_case")
                position = match.end()

    def _lower_name(self, word: str) -> bool:
        known = self._lexicon
        return (known.surname(word) or known.first_name(word)) and not known.common(word)
