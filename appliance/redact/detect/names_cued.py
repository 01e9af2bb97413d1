"""Names beside a cue: titles, field labels, verbs, kin, credentials, signatures.

All cue words of all languages are found in one Aho-Corasick pass; what must follow each is tried
only there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import ahocorasick

from appliance.records import Span
from appliance.redact.detect.lexicon import FUNCTION_WORDS, fold
from appliance.redact.detect.names_cues import EPONYMS, POLITE, WEAK_TITLES, Cues
from appliance.redact.detect.names_shapes import LETTER, RUN, RUNS, TOKEN, UPPER, WORDS, Trimmer
from appliance.redact.detect.patterns import lower

_LABEL_TAIL = (
    r"(?:\(s\)|s)?[ \t]*(?:\([^)\n]{1,20}\)[ \t]*)?(?:[:=]|\||\.{3,}:?|_{3,})[ \t]*\n?[ \t]*[\"'“]?"
)
_SIGNATURE_LOWER = re.compile(r"\d[ ]/[ ]?(?P<v>[a-z]{2,4})[ \t]*(?=$|\n)")
_SIGNATURE = re.compile(
    r"(?:(?i:initials|signed|dictated by|typed by|transcribed by|entered by"
    rf"|electronically signed by)[ ]?:?[ ]|[ ]/[ ]?|(?<!\d{{5}})\d[ ])"
    rf"(?P<v>[{UPPER}]{{2,4}})[ \t]*(?=$|\n)"
)
_SECOND = re.compile(rf"[ ](?P<v>{TOKEN})(?=[,.;)\n(]|$)")
_ADDRESSED = frozenset({"dr", "mr", "mrs", "ms", "miss", "prof"})
#: Those who are called by a first name behind their post: "RN Mo has".
_FIRST_NAMED = frozenset({"rn", "nurse", "np", "cna", "lpn"})
_NO_SURNAME = frozenset({"if", "in", "is", "it", "at", "of", "or", "as", "by", "to"})
_GAUGE = re.compile(r"\d[ ]?$")
#: Credentials that stand before a name as titles do: "hit RN Tosh".
_CREDENTIALS = frozenset({"rn", "cna", "lpn", "lvn", "np", "crna", "aprn", "arnp", "cma"})
_GOES_ON = re.compile(r",?[ ][a-z0-9]|[ ]I[ ]")
_STATES = frozenset({"PA", "MD", "MA", "CO", "MS"})
_WHERE = re.compile(r"(?<!\w)(?:in|from|near|outside|of|to)[ ]$")
_ROMAN = re.compile(r"(?<!\w)[IVX]+$")
_GAP = re.compile(rf"[ ]{{2,3}}(?P<v>{TOKEN})(?=[ ]*(?:$|\n|[ ]{{2}}|[,;|(]))")
#: How far before a credential its name may begin.
_REACH = 60


class CuedNames:
    """Finds names by what stands beside them."""

    def __init__(self, cues: Cues, trimmer: Trimmer) -> None:
        """Compile the cues of the languages."""
        self._trimmer = trimmer
        titles = "|".join(sorted(map(re.escape, cues.titles), key=len, reverse=True))
        self._titles = cues.titles
        self._chain = re.compile(
            rf"\.?[ \t]{{1,2}}(?:(?:{titles})\.?[ \t]{{1,2}}){{0,3}}(?P<v>{RUN}|{TOKEN})"
            rf"|\.(?P<w>{RUN})"
        )
        titled = rf"(?:(?:{titles})\.?[ \t])?"
        self._tails = {
            "label": re.compile(rf"{_LABEL_TAIL}{titled}(?P<v>{TOKEN},[ ]?{RUN}|{RUN})"),
            "cue": re.compile(rf"[ \t]{{1,2}}{titled}(?P<v>{RUN})"),
            "kin": re.compile(
                rf"(?:,[ ]|[ ]?\(|:[ ]|[ ]is[ ]|[ ]){titled}(?P<v>{RUN})(?!{LETTER})"
            ),
        }
        self._automaton = _automaton(
            {
                "title": (lower(word) for word in cues.titles),
                "label": cues.labels,
                "cue": cues.cues,
                "kin": cues.kin,
            }
        )
        credentials = "|".join(sorted(map(re.escape, cues.credentials), key=len, reverse=True))
        self._credential = re.compile(rf"(?:,[ ]?|[ ])\(?(?:{credentials})(?![\w\-])")

    def find(self, text: str, lowered: str) -> Iterable[Span]:
        """Yield names; they may overlap."""
        for last, (length, kinds) in self._automaton.iter(lowered):
            start, end = last + 1 - length, last + 1
            if start and lowered[start - 1].isalnum():
                continue
            for kind in kinds:
                if kind == "title":
                    yield from self._titled(text, start, end)
                else:
                    yield from self._cued(text, start, end, kind)
        yield from self._credentialed(text)
        for match in _SIGNATURE_LOWER.finditer(text):
            if not self._trimmer.stopped(match["v"]):
                yield _person(match.span("v"), 0.45, "signature")
        for match in _SIGNATURE.finditer(text):
            if not self._trimmer.stopped(match["v"]):
                yield _person(match.span("v"), 0.45, "signature")

    def _titled(self, text: str, start: int, end: int) -> Iterable[Span]:
        match = self._chain.match(text, end)
        if match is None:
            return
        # "DR." is a title in any case; "general" without a capital is not.
        if text[start:end] not in self._titles and match["w"] is None:
            return
        group = "v" if match["v"] is not None else "w"
        title = fold(text[start:end])
        if title == "fr" and _GAUGE.search(text, max(0, start - 4), start):
            return  # "19 Fr Blake": a size.
        bounds = self._trimmer.trim(text, *match.span(group), strict=title in WEAK_TITLES)
        if (
            bounds is None
            and title in _ADDRESSED | _FIRST_NAMED
            and self._short(match[group], first=title in _FIRST_NAMED)
        ):
            bounds = match.start(group), match.start(group) + 2
        if bounds is None and title in _CREDENTIALS:
            bounds = self._plain_word(text, start, end, match)
        if bounds is None:
            return
        yield _person(bounds, 0.85, "title")
        if title not in POLITE:
            yield Span(
                start=start,
                end=start + len(text[start : match.start(group)].rstrip()),
                entity_type="TITLE",
                score=0.6,
                source="names:title",
            )

    def _short(self, run: str, *, first: bool) -> bool:
        """Say whether a name of two letters stands there: `Dr. Ma`, `Mrs. Do`, `RN Mo`."""
        lexicon = self._trimmer.lexicon
        word = run.split(" ")[0]
        return (
            len(word) == 2
            and word.istitle()
            and fold(word) not in _NO_SURNAME
            and (lexicon.first_name(word) if first else lexicon.surname(word))
        )

    def _cued(self, text: str, start: int, end: int, kind: str) -> Iterable[Span]:
        match = self._tails[kind].match(text, end)
        if match is None:
            return
        if kind == "label":
            bounds = self._trimmer.trim(text, *match.span("v"))
            if bounds is not None and not self._speech(text, *bounds):
                yield _person((bounds[0], self._past_gap(text, bounds[1])), 0.85, kind)
            return
        bounds = self._trimmer.trim(text, *match.span("v"), strict=True)
        if bounds is None and kind == "kin":
            bounds = self._plain_word(text, start, end, match)
        if bounds is None:
            return
        name = text[slice(*bounds)]
        if kind == "kin" and not name.isupper():
            yield _person(bounds, 0.75, kind)
        elif kind == "cue" and self._plausible(name):
            yield _person(bounds, 0.7, kind)

    def _speech(self, text: str, start: int, end: int) -> bool:
        """Say whether a label is who speaks or what a heading is about: `Patient: When I walk`."""
        word = text[start:end]
        if " " in word or _GOES_ON.match(text, end) is None or word.isupper():
            return False
        lexicon = self._trimmer.lexicon
        return fold(word) in FUNCTION_WORDS or (
            lexicon.common(word) and not lexicon.strong_first(word)
        )

    def _past_gap(self, text: str, end: int) -> int:
        """Take in a last name behind a gap, as copies of forms have it: `Name:  Amaka   Obi`."""
        gap = _GAP.match(text, end)
        if gap is None or self._trimmer.stopped(gap["v"]) or gap["v"].isupper():
            return end
        lexicon = self._trimmer.lexicon
        known = lexicon.surname(gap["v"]) or not lexicon.common(gap["v"])
        return gap.end() if known and not lexicon.place(fold(gap["v"])) else end

    def _plain_word(
        self, text: str, start: int, end: int, match: re.Match[str]
    ) -> tuple[int, int] | None:
        """Return a surname or nickname that is a plain word: `partner River`, `doula Moon`.

        Its capital is a choice only where the word before it has none.
        """
        cue = text[start:end]
        credential = fold(cue) in _CREDENTIALS
        if (cue[1:] != cue[1:].lower() and not credential) or ":" in text[end : match.start("v")]:
            return None
        word = match["v"].split(" ")[0]
        lexicon = self._trimmer.lexicon
        listed = lexicon.surname(word) or lexicon.first_name(word)
        if (cue[0].isupper() or credential) and match.end("v") - match.start("v") != len(word):
            return None  # A heading in capitals: "Father Heart Attack".
        known = listed and fold(word) not in EPONYMS
        if not known or word.isupper() or self._trimmer.stopped(word) or len(word) < 3:
            return None
        end = match.start("v") + len(word)
        more = _SECOND.match(text, end)
        if more is not None and lexicon.surname(more["v"]) and not self._trimmer.stopped(more["v"]):
            end = more.end()
        return match.start("v"), end

    def _plausible(self, name: str) -> bool:
        """Say whether a cued run has a word that is a name, or none that is ordinary."""
        lexicon = self._trimmer.lexicon
        tokens = [t.group() for t in WORDS.finditer(name) if len(t.group()) > 2]
        if not tokens:
            return False
        if any(lexicon.strong_first(t) for t in tokens):
            return True
        if any(fold(t) in EPONYMS for t in tokens):
            return False
        ordinary = any(lexicon.common(t) for t in tokens)
        if ordinary and len(tokens) == 1:
            return lexicon.first_name(tokens[0]) and not name.isupper()
        return not ordinary and not name.isupper()

    def _credentialed(self, text: str) -> Iterable[Span]:
        for match in self._credential.finditer(text):
            head = text[max(0, match.start() - _REACH) : match.start()]
            line = head.rsplit("\n", 1)[-1]
            offset = match.start() - len(line)
            run = next((m for m in RUNS.finditer(line) if m.end() == len(line)), None)
            if run is None:
                continue
            end = run.end() + offset
            if match.group().endswith("III") and (
                _ROMAN.search(run.group()) or (len(run.group()) < 5 and run.group().isupper())
            ):
                continue  # "ASA III", "II, III": a class, not a third of his name.
            start = self._trimmer.skip_ordinary(text, run.start() + offset, end)
            if self._town(text, start, end, match.group()):
                continue
            bounds = self._trimmer.trim(text, start, end) if start < end else None
            if bounds is not None:
                first = self._first_before(text, run.start() + offset, bounds[0])
                yield _person((first, bounds[1]), 0.8, "credential")

    def _town(self, text: str, start: int, end: int, credential: str) -> bool:
        """Say whether a state stands there: `in Altoona, PA on March 3`."""
        if credential.lstrip(", (") not in _STATES or not self._trimmer.lexicon.place(
            text[start:end]
        ):
            return False
        return _WHERE.search(text, max(0, start - 12), start) is not None

    def _first_before(self, text: str, run_start: int, start: int) -> int:
        """Take in a first name that is a plain word: `Whit Calloway CRNA`."""
        words = text[run_start:start].split()
        lexicon = self._trimmer.lexicon
        if len(words) != 1 or self._trimmer.stopped(words[0]) or words[0].isupper():
            return start
        known = lexicon.first_name(words[0]) or lexicon.surname(words[0])
        return run_start if known else start


def _automaton(kinds: dict[str, Iterable[str]]) -> ahocorasick.Automaton:
    by_word: dict[str, list[str]] = {}
    for kind, words in kinds.items():
        for word in words:
            by_word.setdefault(word, []).append(kind)
    automaton = ahocorasick.Automaton()
    for word, found in by_word.items():
        automaton.add_word(word, (len(word), tuple(dict.fromkeys(found))))
    automaton.make_automaton()
    return automaton


def _person(bounds: tuple[int, int], score: float, rule: str) -> Span:
    return Span(
        start=bounds[0],
        end=bounds[1],
        entity_type="PERSON",
        score=score,
        source=f"names:{rule}",
    )
