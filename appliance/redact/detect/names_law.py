"""People as courts write them: parties of a case, and people of whom only initials are given.

Owns `LawNames`. Initials are names only in a text that speaks of courts; elsewhere they are
abbreviations of medicine and of offices.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from appliance.records import Span
from appliance.redact.detect.court import is_court
from appliance.redact.detect.lexicon import fold
from appliance.redact.detect.names_court import CourtNames
from appliance.redact.detect.names_cues import word_set
from appliance.redact.detect.names_shapes import PARTICLES, TOKEN, UPPER, Trimmer

_JOINED = re.compile(rf"(?<![\w.])[{UPPER}]\.-[{UPPER}]\.[ ]{TOKEN}")
_PARTY = rf"{TOKEN}(?:[ ](?:{PARTICLES}[ ]){{0,2}}(?:{TOKEN}|[{UPPER}]\.)){{0,4}}"
_VERSUS = re.compile(
    rf"(?<![\w’'\-])(?P<a>{_PARTY}(?:(?:,[ ]|[ ](?:and|AND"
    rf"|&)[ ]){_PARTY}){{0,3}})(?:[ ]and[ ]Others"
    rf"|[ ]AND[ ]OTHERS|[ ]et[ ]al\.?)?[ ](?:v|vs|V)\.?[ ](?P<b>(?:the[ ]|THE[ ])?{_PARTY})"
)
#: `Sh. Kasymov`, `Yu. Zaytsev`, `Tsv. Kraleva`: initials of alphabets that need two letters.
_DIGRAPH = re.compile(
    rf"(?<![\w.])(?:[{UPPER}]\.[ ]?){{0,2}}(?:[SCZKTPD]h|[YJ][aeou]|T[sz]v?|Hr|Iv|S[zt]|Cs|Gy|Lj|Nj"
    rf"|D[zž]|Al|Vl|Kr|Ev|Ant|Alex|Zh|Kh)\.(?:[ ]?[{UPPER}][a-z]?\.)*[ ]?(?P<last>{TOKEN})(?!\w)"
)
_JUDGE = re.compile(
    rf"(?<![\w.’'\-])(?P<v>{TOKEN})(?:,)?[ ](?:LJJ?|JJ?|CJ|P|MR|VC|JA)(?=[ .,;:)]|$)"
)
_TITLE_BEFORE = re.compile(
    r"(?<!\w)(?:M(?:r|rs|s|iss|me|lle)?\.?|Dr\.?|Judge|Maître|Lord|Lady|Colonel|Captain|Officer"
    r"|Sergeant|Professor|Prof\.|Lieutenant|Inspector|Investigator)[ ]$"
)
_LORD = re.compile(
    rf"(?<!\w)(?:Lord|Lady|Baroness|Baron|Viscount|Earl|Dame|Sir)[ ](?P<v>{TOKEN}(?:[ ](?:of"
    rf"|de)[ ]{TOKEN}"
    rf"|[ ]{TOKEN}){{0,3}})"
)
_OFFICES = frozenset({"Justice", "Chief", "Chancellor", "Advocate", "President"})
_UNDER_NAME = re.compile(
    r"(?i:in[ ]the[ ]name[ ]of|under[ ]the[ ](?:name|pseudonym|alias)(?:[ ]of)?|pseudonym"
    r"|nicknamed|whose[ ](?:real[ ])?name[ ](?:is|was)|by[ ]the[ ]name[ ]of)[ ,:]{1,2}[\"“‘']?"
    rf"(?P<v>{TOKEN}(?:[ ](?:{PARTICLES}[ ]){{0,2}}{TOKEN}){{0,3}})"
)
#: The applicant, NAME, ... : whoever stands there is one.
_PARTY_NAME = re.compile(
    r"(?i:applicants?|complainant|accused|plaintiff|defendant|appellant|claimant|respondent"
    r"|investigator|judge|prosecutor|bailiff|registrar|counsel|lawyer|advocate|agent|son|daughter"
    r"|wife|husband|brother|sister|mother|father|cousin|nephew|niece|uncle|aunt),[ ]"
    rf"(?P<v>{TOKEN}(?:[ ](?:{PARTICLES}[ ]){{0,2}}(?:{TOKEN}|[{UPPER}]\.)){{1,5}})"
    r"(?=[ ]\(|[,;.]|[ ](?:was|is|had|has|and|who|of|from)\b)"
)
#: "The Turkish Government": an adjective.
_OF_STATE = re.compile(
    r"[ ](?:Governments?|Republic|Court|Parliament|Constitution|State|authorit|courts?|law|police"
    r"|nationals?|citizens?|language|army|Supreme|Constitutional|Ministry|Minister|Criminal|Civil)"
)
_CAPITALS = re.compile(rf"(?<![\w’'\-./]){TOKEN}(?:[ ]{TOKEN}){{0,5}}(?![\w])")
_LEADING = re.compile(r"(?i)(?:(?:in|the|case|cases|of|see|also|cf|matter|re|and|judgment)[ ])+")


class LawNames:
    """Finds parties and initials."""

    def __init__(self, trimmer: Trimmer) -> None:
        """Use the lists and stop words of a trimmer."""
        self._trimmer = trimmer
        self._court = CourtNames(trimmer)

    def find(self, text: str) -> Iterable[Span]:
        """Yield names; they may overlap."""
        if " v" in text or " V" in text:
            for match in _VERSUS.finditer(text):
                yield from self._parties(text, match)
        if is_court(text):
            yield from self._of_courts(text)
            yield from self._rare(text)
            return
        for match in _DIGRAPH.finditer(text):
            if _TITLE_BEFORE.search(text, max(0, match.start() - 12), match.start()):
                yield _person(*match.span(), 0.6, "digraph_initial")

    def _of_courts(self, text: str) -> Iterable[Span]:
        """Names beside the offices and phrases of courts, and initials."""
        for match in _JOINED.finditer(text):
            yield _person(*match.span(), 0.65, "joined_initials")
        for match in _DIGRAPH.finditer(text):
            yield _person(*match.span(), 0.6, "digraph_initial")
        for match in _UNDER_NAME.finditer(text):
            yield _person(*match.span("v"), 0.6, "under_name")
        for match in (*_JUDGE.finditer(text), *_LORD.finditer(text)):
            first = match["v"].split(" ")[0]
            known = self._trimmer.lexicon
            plain = known.common(first) and not (known.surname(first) or known.first_name(first))
            if not plain and not self._trimmer.stopped(match["v"]) and first not in _OFFICES:
                yield _person(match.start("v"), match.end(), 0.6, "judge")
        for match in _PARTY_NAME.finditer(text):
            bounds = self._trimmer.trim(text, *match.span("v"))
            if bounds is not None:
                yield _person(*bounds, 0.6, "party_name")
        yield from self._court.find(text)

    def _rare(self, text: str) -> Iterable[Span]:
        """Words with a capital that are no words and no places: in court texts, people.

        Lists of names are thin for most of the world; a court's own words are in the dictionary.
        """
        known = self._trimmer.lexicon
        for run in _CAPITALS.finditer(text):
            first: int | None = None
            last = run.start()
            for word in re.finditer(TOKEN, run.group()):
                piece = word.group().removesuffix("'s").removesuffix("’s")
                rare = (
                    len(piece) > 2
                    and not piece.isupper()
                    and not self._common(piece)
                    and not known.place(piece)
                    and not (piece.isascii() and self._trimmer.stopped(piece))
                )
                if rare:
                    first = word.start() if first is None else first
                    last = word.start() + len(piece)
                elif first is not None:
                    break
            if first is not None and not _OF_STATE.match(text, run.start() + last):
                yield _person(run.start() + first, run.start() + last, 0.36, "rare_word")

    def _common(self, word: str) -> bool:
        """Say whether a word is an ordinary one, or joined from ordinary ones: `Legal-aid`."""
        common = self._trimmer.lexicon.common
        if fold(word) in _BRITISH or common(word):
            return True
        parts = word.split("-")
        first = self._trimmer.lexicon.first_name
        return len(parts) > 1 and all(len(p) < 2 or (common(p) and not first(p)) for p in parts)

    def _parties(self, text: str, match: re.Match[str]) -> Iterable[Span]:
        start, end = match.span("a")
        lead = _LEADING.match(text, start, end)
        start = start if lead is None else lead.end()
        if start < end and not self._trimmer.stopped(text[start:end]):
            yield _person(start, end, 0.6, "party")
        other = match["b"].removeprefix("the ").removeprefix("THE ")
        words = other.split(" ")
        state = self._trimmer.lexicon.place(other) or fold(words[0]) in _STATES
        if not state and not self._trimmer.stopped(other):
            yield _person(match.end("b") - len(other), match.end("b"), 0.55, "party")


#: Words of British courts that the dictionary spells otherwise or takes for names.
_BRITISH = word_set(
    "first-tier, honour, labour, favour, colour, behaviour, programme, centre, licence, garda"
)
_STATES = word_set(
    """united, state, states, commonwealth, people, crown, secretary, commissioner, attorney,
    kingdom, republic, federal, government, city, county, minister, ministry, board, regina,
    rex, queen, king, sshd, dpp, hmrc, cps, ecj, eco, entry, others"""
)


def _person(start: int, end: int, score: float, rule: str) -> Span:
    return Span(start=start, end=end, entity_type="PERSON", score=score, source=f"names:{rule}")
