"""What texts of courts need beside the names in them: docket numbers, and towns that are no people.

Owns `Court` and `is_court`. Nothing here touches a text that does not speak of courts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from appliance.records import Span
from appliance.redact.detect.lexicon import Lexicon, fold, plain_lines, words_of
from appliance.redact.detect.patterns import PatternSet, lower
from appliance.redact.detect.patterns_en_dockets import PATTERNS

#: Words of courts and of little else, and words that others use too ("hearing aid").
_STRONG = (
    r"applicants?|courts?|judge?ments?|plaintiffs?|defendants?|respondents?|appellants?"
    r"|prosecutors?|prosecution|acquitted|extradition|coroner|gendarmes?|bailiffs?|ad litem"
    r"|convicts?|upheld|quashed|convention|v\.|tribunal|judges?|investigators?|warders?|remand"
    r"|indicted|indictment|magistrates?|pleaded|convicted|complainants?|testified|verdict"
    r"|gendarmerie|notary|extradited|offences?|ombudsman|(?:co-)?accused|co-defendants?"
)
_LEGAL = re.compile(
    rf"(?i)(?<!\w)(?:(?P<strong>{_STRONG})|applications?|governments?|represented|lodged"
    r"|constitutional|sentenced?|hearings?|charged|arrested|counsel|custody|dismissed|appeal(?:s|ed)?"
    r"|proceedings|detention|lawyers?|witness(?:es)?|questioned|criminal|police officers?|prison)"
    r"(?!\w)"
)
#: Different words of courts that make a text one of theirs: with a strong one, without.
_ENOUGH, _ENOUGH_WEAK = 2, 3

#: Who finds people by their look alone.
_WEAK = frozenset(
    {
        "ner",
        "model:shipped-en",
        "names:rare_word",
        "names:surname",
        "names:first_name",
        "names:listed",
        "names:double",
    }
    | {
        "names:initial",
        "names:subject",
        "names:cue",
        "names:last_first",
        "names:party",
        "names:couple",
    }
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
#: Where somebody lives: whatever stands there is a place, listed or not.
_LIVES = re.compile(
    r"(?<!\w)(?:live[sd]?|living|residents?|resid(?:es?|ed|ing)|born(?:[ ]in[ ]\d{4})?|practising"
    r"|practicing|detained|imprisoned|registered[ ]office|office|based|situated|located|stationed"
    r"|arrived|prison|settled|farm|hospital|clinic|court|university|colony|camp|monastery"
    r"|villages?|towns?|hamlets?|suburbs?|cit(?:y|ies)|province|district|region|municipality"
    r"|island|airport|barracks|flat|house|plot|cottage|land|centre)[ ]"
    r"(?:in|near|at|of|outside|called)[ ](?:the[ ])?$"
)
_NOT_LIVED = re.compile(r"['’]s|[ ](?:v\.|and[ ]Others)|[ ]\(")
#: "the newspaper Yeni Zaman", "a Makarov pistol".
_NAMED_THING = re.compile(
    r"(?<!\w)(?:newspapers?|magazines?|dail(?:y|ies)|weekly|periodicals?|websites?|channels?|radio"
    r"|television|book|novel|film|compan(?:y|ies)|firm|enterprise|organi[sz]ation|association"
    r"|union|bank|ship|vessel|hotel|restaurant|café|bar|club|brand|programme|site|estates?)"
    r"[ ,:]{1,2}(?:the[ ])?(?:[\"“«„][^\"”»\n]{2,40}[\"”»],?[ ](?:and[ ])?)*[\"“«„‘']?"
    r"(?:[^\W\d_]+[ ](?:da|de|do|di|del|of)[ ])?$|(?<!\w)an?[ ]$"
)
_WHAT_IT_IS = re.compile(
    r",[ ](?:an?|the|its)[ ](?:[\w\-]+[ ]){0,3}(?:company|firm|enterprise|newspaper|magazine"
    r"|association|bank|organi[sz]ation|village|town|city|settlement|suburb|hamlet|river"
    r"|foundation|NGO|weekly|daily|publisher|factory|plant|party|union)(?![\w’'\-]|[ ](?:director"
    r"|secretary|leader|member|official|owner|manager|employee|worker))"
)
_THING_AFTER = re.compile(
    r"[\"”»’]?[ ](?:pistols?|rifles?|guns?|cars?|jeeps?|minibus|lorry|truck|vans?|saloon|vehicles?"
    r"|machine|revolvers?|paintings?|drawings?|newspaper|magazine|factory|plant|restaurant|hotel"
    r"|café|street|square|airport|river|mountains?|refinery|company|brand|district|village|Street"
    r"|Square|Avenue|Road|River|Prison|Hospital)(?!\w)"
)
_OFFICES = frozenset(
    {"deputy", "minister", "prosecutor", "general", "president", "secretary", "registrar", "judge"}
    | {"agent", "director", "commissioner", "governor", "chancellor", "attorney", "inspector"}
)
_LETTERS = str.maketrans("łøđıßæœəðþ’ʼ", "lodisaeedt''")
_ADDRESSED = re.compile(
    r"(?<!\w)(?:M(?:r|rs|s|iss|me|lle)?\.?|Dr\.?|Prof\.?|Judge|Justice|Lord|Lady|Sir|Captain|Major"
    r"|Colonel|Lieutenant|Sergeant|Inspector|Officer|Constable|Messrs|Maître)[ ]$"
)


@lru_cache(maxsize=1)  # asked several times of the window at hand
def is_court(text: str) -> bool:
    """Say whether a text speaks of courts: several different words of theirs."""
    seen: set[str] = set()
    strong = False
    for match in _LEGAL.finditer(text):
        seen.add(match.group().lower().removesuffix("s"))
        strong = strong or match["strong"] is not None
        if len(seen) >= (_ENOUGH if strong else _ENOUGH_WEAK):
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
            if s.entity_type == "PERSON" and s.source in _WEAK and self._no_person(text, s)
        ]
        if not doubtful or not is_court(text):
            return spans
        dropped = set(doubtful)
        return [s for s in spans if s not in dropped]

    def _no_person(self, text: str, span: Span) -> bool:
        words = text[span.start : span.end].split(" ")
        if fold(words[-1]) in _OFFICES and all(self._lexicon.common(w) for w in words):
            return True
        return (
            self._thing(text, span)
            or self._lived_in(text, span)
            or self._heading(text, span)
            or self._is_place(text, span.start, span.end)
        )

    @staticmethod
    def _thing(text: str, span: Span) -> bool:
        """Say whether what stands around makes it a thing: a newspaper, a pistol, a company."""
        if _NAMED_THING.search(text, max(0, span.start - 70), span.start):
            return True
        if _WHAT_IT_IS.match(text, span.end):
            return True
        last = text.rfind(" ", span.start, span.end)
        if _OF_GROUP.match(text, span.end) or (last > 0 and _OF_GROUP.match(text, last)):
            return True
        return _THING_AFTER.match(text, span.end) is not None

    def _lived_in(self, text: str, span: Span) -> bool:
        """Say whether somebody lives there: `lives in Szymany`."""
        if not _LIVES.search(text, max(0, span.start - 40), span.start):
            return False
        first = re.split(r"[ \-]", text[span.start : span.end])[0]
        return not self._lexicon.strong_first(first) and not _NOT_LIVED.match(text, span.end)

    def _heading(self, text: str, span: Span) -> bool:
        """Say whether a line begins with a letter of a list: `A. Tax asset stripping`."""
        if span.source != "names:initial" or text[span.start - 1 : span.start] not in ("", "\n"):
            return False
        return self._lexicon.common(text[span.start : span.end].split(" ")[-1])

    def _is_place(self, text: str, start: int, end: int) -> bool:
        if _ADDRESSED.search(text, max(0, start - 14), start):
            return False
        phrase = text[start:end]
        if phrase.lower().startswith("the "):
            phrase = phrase[4:]
        phrase = phrase.removesuffix("'s").removesuffix("’s").removesuffix(" Bar")
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
        folded = fold(phrase).translate(_LETTERS)
        nation = folded in self._nations
        if not nation and folded not in self._towns:
            return False
        if cued or " " in folded:
            return True
        if self._lexicon.first_name(folded):
            return nation and not self._lexicon.strong_first(folded)
        return nation or not self._lexicon.surname(folded)
