"""What texts of courts need beside the names in them: docket numbers, and towns that are no people.

Owns `Court` and `is_court`. Nothing here touches a text that does not speak of courts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from appliance.records import Span
from appliance.redact.detect.lexicon import Lexicon, fold, plain_lines, words_of
from appliance.redact.detect.patterns import PatternSet, lower
from appliance.redact.detect.patterns_en_dockets import PATTERNS

_LEGAL = re.compile(
    r"(?i)(?<!\w)(?:applicants?|courts?|judge?ments?|plaintiffs?|defendants?|respondents?"
    r"|appellants?"
    r"|prosecutors?|applications?|governments?|represented|lodged|constitutional|pleaded|sentenced"
    r"|hearings?|judges?|prosecution|charged|arrested|acquitted|extradition|counsel|coroner|gendarmes?"
    r"|bailiffs?|ad litem|custody|convict|sentence|upheld|quashed|dismissed|convention|v\."
    r"|appeals?|proceedings|convicted|tribunal|detention|lawyers?"
    r"|witness(?:es)?|complainants?|testified|questioned|criminal|police officers?)(?!\w)"
)
#: Different words of courts that make a text one of theirs.
_ENOUGH = 2

#: Who finds people by their look alone.
_WEAK = frozenset(
    {"ner", "names:rare_word", "names:surname", "names:first_name", "names:listed", "names:double"}
    | {"names:subject", "names:cue", "names:last_first", "names:party", "names:couple"}
)
_PIECES = re.compile(r"[ ,]+(?:and[ ])?|(?<=\w)-(?=\w)")
#: Before a place: "in Bari", "v. Georgia", "the Republic of Armenia".
_IN = re.compile(
    r"(?:(?<!\w)(?:[Ii]n|at|near|outside|between|[Aa]gainst|v\.|via|into|towards|reached|left"
    r"|Republic[ ]of"
    r"|Kingdom[ ]of|[Cc]ity[ ]of|[Tt]own[ ]of|[Vv]illage[ ]of|[Dd]istrict[ ]of|[Rr]egion[ ]of"
    r"|[Uu]niversity[ ]of|[Cc]ourt[ ]of|Bar[ ]of|[Cc]ourt[ ]in"
    r"|[a-z][ ]from|live[ds]?[ ]in|practising[ ]in)[ ](?:the[ ]|The[ ])?"
    r"|(?<!\w)[Tt]he[ ])$"
)
#: Behind a place: "Lori Regional Court", "Bari police".
_OF_PLACE = re.compile(
    r"[ ](?:(?:City|Town|Municipal|District|Regional|Region|County|Provincial|Province|Oblast|Area"
    r"|Garrison|Circuit|Military|Magistrates|Crown|High|Supreme|Administrative|Commercial|Economic"
    r"|Criminal|Assize|Family|Labour|First|Central|Public|Youth|Juvenile|Appeal|Court|Courts|Bar"
    r"|Prison|Police|Prosecutor|University|Government|Governments|Republic|State|Constitution"
    r"|Airport|Hospital|Remand|Detention|Department|Directorate|Commissariat|Gendarmerie"
    r"|Security|Chamber|Parliament|Army|Railway)(?!\w)"
    r"|(?:district|regional|region|municipality|province|county|police|prison|authorit|court|local"
    r"|national|citizen|nationality|origin|language|gendarmerie|airport|military|army|border"
    r"|prosecutor|hospital|law|side|passport|delegation)|\(GC\)|Bar\b)"
    r"|[ ]?\((?:dec|GC|USA)\b|[,.]?[ ]\d{4,6}[ ]?\)"
)
#: "Georgian Young Lawyers' Association", "Soros Foundation", "Quinta do Alecrim Lda".
_OF_GROUP = re.compile(
    r",?[ ](?:(?:Helsinki|Young|Human|Legal|Free|Memorial|European|Roma|Women|Bar)[ ]){0,2}"
    r"(?:Lawyers|Associations?|Unions?|Committees?|Foundations?|Cent(?:er|re)s?|Societ(?:y|ies)"
    r"|Institutes?|Councils?|Leagues?|Federation|Confederation|Initiative|Institution"
    r"|Part(?:y|ies)"
    r"|Front|Movement|Rights|Company|Corporation|Group|Holding|Bank|Insurance|Fund|Trust"
    r"|Church|Monastery|Parish|School|Lyceum|Hotel|Newspaper|Magazine|Factory|Plant|Shipyard"
    r"|Airlines|Airways|Televisions?|Radio|News|Post|Times|Solicitors|Chambers|Partners"
    r"|Associates"
    r"|Ld?t?da\.?|Lda|Ltda|Ltd|LLC|LLP|Limited|Inc|PLC|plc|GmbH|AG|KG|mbH|OHG|SCP|SARL|SAS"
    r"|S\.?A\.?(?:[ ]de[ ]C\.?V\.?)?|S\.?L\.?U?|S\.?r\.?l\.?|S\.?p\.?A\.?|d\.?o\.?o\.?|d\.?d\.?"
    r"|a\.?d\.?|s\.?r\.?o\.?|a\.?s\.?|A\.?Ş\.?|Kft\.?|Bt\.?|Zrt\.?|Nyrt\.?|Rt\.?"
    r"|sp\.[ ]z[ ]o\.o\.?"
    r"|OOO|ZAO|OAO|PAO|UAB|AB|SIA|AS|OÜ|OY|Oyj?|ApS|A/S|ASA|B\.?V\.?|N\.?V\.?|EOOD|OOD|AD|SHPK"
    r"|e\.V\.)(?![\w\-])"
)
_ADDRESSED = re.compile(
    r"(?<!\w)(?:M(?:r|rs|s|iss|me|lle)?\.?|Dr\.?|Prof\.?|Judge|Justice|Lord|Lady|Sir|Captain|Major"
    r"|Colonel|Lieutenant|Sergeant|Inspector|Officer|Constable|Messrs|Maître)[ ]$"
)


def is_court(text: str) -> bool:
    """Say whether a text speaks of courts: two different words of theirs."""
    seen: set[str] = set()
    for match in _LEGAL.finditer(text):
        seen.add(match.group().lower().removesuffix("s"))
        if len(seen) >= _ENOUGH:
            return True
    return False


class Court:
    """Docket numbers and the geography of courts."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Load the lists of towns and nations."""
        self._lexicon = lexicon
        self._dockets = PatternSet(PATTERNS)
        self._nations = plain_lines("nations_en")
        self._towns = words_of("places_europe") | lexicon.places

    def find(self, text: str, lowered: str | None = None) -> list[Span]:
        """Find docket numbers, in texts of courts alone."""
        if not is_court(text):
            return []
        return self._dockets.scan(text, lower(text) if lowered is None else lowered)

    def people(self, text: str, spans: Iterable[Span]) -> list[Span]:
        """Return the spans without the people that are towns, nations or languages."""
        spans = list(spans)
        doubtful = [
            s
            for s in spans
            if s.entity_type == "PERSON"
            and s.source in _WEAK
            and (self._is_place(text, s.start, s.end) or _OF_GROUP.match(text, s.end, s.end + 50))
        ]
        if not doubtful or not is_court(text):
            return spans
        dropped = set(doubtful)
        return [s for s in spans if s not in dropped]

    def _is_place(self, text: str, start: int, end: int) -> bool:
        if _ADDRESSED.search(text, max(0, start - 14), start):
            return False
        phrase = text[start:end]
        if phrase.lower().startswith("the "):
            phrase = phrase[4:]
        phrase = phrase.removesuffix("'s").removesuffix("’s")
        cued = (
            _IN.search(text, max(0, start - 24), start) is not None
            or _OF_PLACE.match(text, end, end + 24) is not None
        )
        if self._place(phrase, cued=cued):
            return True
        pieces = [p for p in _PIECES.split(phrase) if p]
        if len(pieces) < 2:
            return False
        if fold(pieces[0]) in self._nations and not self._lexicon.first_name(pieces[0]):
            # "Georgian Young Lawyers", "Turkish Kurds": an adjective opens no name.
            return all(self._place(p, cued=cued) or self._lexicon.common(p) for p in pieces[1:])
        return all(self._place(p, cued=cued) for p in pieces)

    def _place(self, phrase: str, *, cued: bool) -> bool:
        folded = fold(phrase).replace("’", "'")
        nation = folded in self._nations
        if not nation and folded not in self._towns:
            return False
        if cued or " " in folded:
            return True
        if self._lexicon.first_name(folded):
            return nation and not self._lexicon.strong_first(folded)
        return nation or not self._lexicon.surname(folded)
