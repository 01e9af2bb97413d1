"""What clinical notes write beside names: ages, the tag of a veteran, a name in quotes.

Owns `Notes`, which reads a text after the other rules and sees their hits; and runs the finders of
names without capitals, initials and organizations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from appliance.records import Span
from appliance.redact.detect.lexicon import FUNCTION_WORDS, Lexicon, fold
from appliance.redact.detect.names_cues import STOP, word_set
from appliance.redact.detect.names_notes import NoteNames
from appliance.redact.detect.names_shapes import TOKEN
from appliance.redact.detect.names_told import ToldNames
from appliance.redact.detect.orgs_en import OrganizationFinder
from appliance.redact.detect.weeds import NOBODY

_N = r"(?P<v>[1-9]\d?|1[01]\d)"
#: What follows a name and is the age of who bears it.
_AGES = tuple(
    re.compile(expression)
    for expression in (
        rf"[\"”']?[ ]?\({_N}(?:[ ]?(?:yo?|y/o|yrs?|[mfMF]))?[,;)]",
        rf",[ ]{_N}(?=[,;:][ ][A-Za-z(]|[ ](?:and|&)[ ]|\.(?:[ \n]|$)|[ ]?(?:$|\n))",
        rf"[ ]?[/\-][ ]?{_N}(?=[ ]?(?:yo?\b|[MFmf]\b|/[MF]\b))",
        rf"(?:[ ]{{2,12}}|\t|[ ]?\|[ ]?){_N}"
        r"(?=[ ]{2}|\t|[ ]?\||[ ]?/?[ ]?[MFmf]\b|[ ]?(?:$|\n))",
        rf",?[ ]{_N}(?=[ ]?(?:yo?|y/o|yrs?|years?|mo)\b|[ ]?/?[ ]?[MFmf]\b"
        r"|,?[ ](?:at[ ]the[ ]time|here|presents?|with|w/|c/o|s/p|seen|who|has|is|for|from|hx)\b)",
        rf"[ ](?:is|was|turned|turns)[ ](?:now[ ]|only[ ])?{_N}(?=[.,;)](?!\d)|[ ](?:and|with)[ ]"
        rf"|$)",
        # An identifier or a day between: a list of cases.
        rf"[ ,;|]{{1,3}}#?[A-Z]{{0,4}}[\d/\-]{{4,14}}[,;|][ ]?{_N}(?=[,;|/]|[ ]?[MFmf]\b)",
    )
)
#: Who is named by what stands behind: `Olamide Sturgess (29)`, `Bea Achterhof   77   882104`.
_NAMED_BY = re.compile(
    rf"(?<![\w'’\-./])(?P<v>{TOKEN}(?:[ ](?:{TOKEN}|[A-Z]\.?)){{1,3}}),?[ ](?=\(\d{{1,3}}\)"
    rf"|\(?(?:DOB|dob|D\.O\.B|MRN|mrn|SSN)\b"
    rf"|\d{{1,3}}[ ]?(?:y/?o\b|yo[mfMF]?\b|[FM]\b)|#\d{{4}}"
    r"|(?:senior[ ]|staff[ ]|lead[ ]|clinical[ ]|registered[ ]|charge[ ])?(?:podiatrist"
    r"|physio(?:therapist)?"
    r"|dietiti?an|dietician|osteopath|audiologist|optometrist|orthoptist|radiographer|sonographer"
    r"|paramedic|midwife|nurse|registrar|pharmacist|psychologist|counsell?or|social worker"
    r"|case manager|care coordinator|speech pathologist|occupational therapist|physical therapist"
    r"|health visitor|chaplain|scribe|interpreter)\b(?![ ](?:will|to|on|for)\b))"
)
_LINE_NAMED = re.compile(
    rf"(?m)^[ \t|]{{0,6}}(?:\d{{1,2}}[.)][ ])?(?P<v>{TOKEN}(?:[ ]{TOKEN})?,[ ]?{TOKEN}(?:["
    rf" ][A-Z]\.?)?)"
    r"(?=[ ]{2}|\t|[ ]?\||,?[ ](?:#|MRN|DOB|\d))"
)
_DOCTORS = re.compile(
    rf"(?<!\w)(?:Drs|Doctors|Mses|Messrs|RNs|Nurses)\.?[ ](?P<v>{TOKEN}(?:(?:,[ ](?:and[ ]|&[ ])?"
    rf"|[ ](?:and|&)[ ]|/){TOKEN}){{1,6}})"
)
_KIN_NICK = re.compile(
    r"(?<![\w\-])(?:son|daughter|dtr|wife|husband|husb|mother|father|mom|dad|brother|sister|niece"
    r"|nephew|aunt|uncle|cousin"
    r"|partner|girlfriend|boyfriend|friend|housemate|roommate|flatmate|neighbor|neighbour"
    r"|grandson|granddaughter|grandma|grandpa"
    r"|stepdad|stepmom|stepson|stepdaughter|fiancée?|fiancee?|twin|spouse|dog|cat|horse|pet|aide"
    r"|nanny|sitter)[ ](?P<v>[A-Z][a-z]{2,14})"
    r"(?=['’]s[ ]|[,.;)(\n]|[ ](?:and|&|at|who|is|was|will|has|w/|with)[ ]|[ ]\(|$)"
)
#: In a column behind a whole name: `Sunniva Kjellberg 36   M:`.
_AGE_COLUMN = re.compile(rf"[ ]{_N}(?=[ ]{{2}}|[ ]?(?:$|\n|\|))")
_QUOTED_BEFORE = re.compile(rf"[\"“](?P<v>{TOKEN})[\"”][ ]$")
_LAST_FIRST_BY = re.compile(
    rf"(?<![\w'’\-./])(?P<v>{TOKEN},[ ]{TOKEN}(?:[ ][A-Z]\.?)?)(?=,?[ ]+(?:\(?\d{{1,3}}["
    rf" ]?(?:y/?o\b|yo[mfMF]?\b|[FMfm]\b)"
    r"|\(\d{1,3}\)|(?i:dob|mrn|chart|acct|hosp|d\.o\.b)\b|#\d))"
)
_SLASHED = re.compile(r"(?<![\w/])(?P<a>[A-Z]{3,})/(?P<b>[A-Z]{3,})(?:/[A-Z]{1,12})?(?![\w/])")
_AGE_CLOSING = re.compile(rf",[ ]{_N}(?=[ ]?\))")
_OPEN = re.compile(r"\([^()\n]{0,40}$")
_TAG = re.compile(r"[ ]?[(\[](?P<v>[A-Z]?\d{4})[)\]]")
_QUOTED = re.compile(rf",?[ ]?[(]?[\"“](?P<v>{TOKEN}(?:[ ]{TOKEN})?)[\"”]")
_QUOTED_PAIR = re.compile(rf"[\"“](?P<v>{TOKEN},[ ]?{TOKEN}(?:[ ]{TOKEN})?)[\"”]")
_QUOTED_CUES = word_set(
    """prefers, name, by, as, called, alias, aka, nickname, nicknamed, to, named, alert, handle,
    grandmother, grandma, grandfather, grandpa, mother, father, mom, dad, son, daughter,
    sister, brother, wife, husband, partner, friend, cousin, aunt, uncle, dog, cat, staff, pt,
    patient"""
)
_QUOTED_NAME = re.compile(
    rf"[ ,:]{{1,2}}(?:to be called[ ])?[\"“'‘](?P<v>{TOKEN}(?:[ ]{TOKEN})?)[\"”'’]"
)
_BORN = re.compile(
    rf"(?i:d[o0]b|d\.o\.b\.?|born|b\.|birth[ ]?date|date of birth)["
    rf" :]{{0,3}}\d{{1,4}}[/.\-]\d{{1,2}}[/.\-]\d{{2,4}}[ ,;]{{0,2}}\(?{_N}"
    r"(?=[ ]?\)|[ ]?(?:yo?\b|y/o|[MFmf]\b|yrs?))"
)
_FAMILY = word_set(
    """mother, father, mom, dad, mo, fa, brother, bro, sister, sis, uncle, aunt, cousin, son,
    daughter, dtr, grandmother, grandfather, grandma, grandpa, mgm, mgf, pgm, pgf, mgma, pgma,
    niece, nephew, sib, sibs, sibling, siblings, parent, parents, twin, wife, husband, fh,
    fhx, famhx, family"""
)
_KIN_AT = re.compile(
    rf"\b[^.\n;]{{0,40}}?(?:\b(?:at|age|aged|dx|died|d\.?|alive,?|living,?|well,?)[ ]|@[ ]?){_N}"
    rf"(?=[ ]?(?:[,;.)\n/]|$|of\b|from\b|w/|with\b|and\b|[A-Z]{{2,4}}\b|[A-Z][a-z]{{3,}}"
    rf"|\())(?![.,/]\d)"
)
_KIN_NUMBER = re.compile(
    rf"[ ](?:is[ ]|was[ ]|now[ ])?{_N}(?=[ ]?(?:[,;)]|a\b|and\b|alive|living|healthy|well|w/"
    rf"|with\b|deceased|died|dec\b))"
    r"(?![.,/]\d)"
)
_KIN = word_set(
    """son, daughter, dtr, wife, husband, husb, mother, father, mom, dad, brother, sister, niece,
    nephew, aunt, uncle, cousin, partner, girlfriend, boyfriend, friend, housemate, roommate,
    flatmate, neighbor, neighbour, grandson, granddaughter, grandma, grandpa, stepdad,
    stepmom, stepson, stepdaughter, fiance, fiancee, fiancée, twin, spouse, dog, cat, horse,
    pet, aide, nanny, sitter"""
)
_KIN_NICK = re.compile(
    r"[ ](?P<v>[A-Z][a-z]{2,14})(?=['’]s[ ]|[,.;)(\n]|[ ](?:and|&|at|who|is|was|will|has|w/"
    r"|with)[ ]|[ ]\(|$)"
)
_KIN_MONTH = re.compile(
    r"[ ](?P<v>June|April|May|August|Autumn|Summer|Sunday|Friday|Wednesday)(?![\w]|[ ]\d|,[ ]\d)"
)
#: A hit with less is not sure enough to give its number to somebody.
_KNOWN = 0.4
_CUES = _QUOTED_CUES | _FAMILY | _KIN
_CUE_WORD = re.compile(r"(?<![\w\-])[A-Za-zé]+(?=[ ,:@])")


class Notes:
    """Finds what stands beside the names of a note."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Use the word lists."""
        self._lexicon = lexicon
        self._names = NoteNames(lexicon)
        self._told = ToldNames(lexicon)
        self._organizations = OrganizationFinder(lexicon)

    def find(self, text: str, hits: Sequence[Span]) -> list[Span]:
        """Find more in a plain text.

        Args:
            text: plain text.
            hits: what the rules found in it.
        """
        found = [*self._names.find(text), *self._told.find(text)]
        found.extend(self._organizations.find(text))
        found.extend(self._named(text))
        found.extend(self._kin(text))
        found.extend(self.beside(text, (*hits, *found)))
        found.extend(self._quoted(text))
        found.extend(_age(*m.span("v")) for m in _BORN.finditer(text))
        return found

    def beside(self, text: str, hits: Iterable[Span]) -> list[Span]:
        """Find the ages, tags and nicknames right beside the people among some hits."""
        people = {s.end: s for s in hits if s.entity_type == "PERSON" and s.score >= _KNOWN}
        return [found for span in people.values() for found in self._beside(text, span)]

    def _named(self, text: str) -> Iterable[Span]:
        """People by what follows them, in lists of doctors, and by nicknames behind kin."""
        for match in _SLASHED.finditer(text) if "/" in text else ():
            known = self._lexicon
            plain = known.common(match["a"]) or known.common(match["b"])
            if known.surname(match["a"]) and known.first_name(match["b"]) and not plain:
                yield _person(*match.span())
        for rule in (_NAMED_BY, _LINE_NAMED, _LAST_FIRST_BY):
            for match in rule.finditer(text):
                if self._somebody(re.split(r"[ ,]+", match["v"])):
                    owned = 2 if match["v"].endswith(("'s", "’s")) else 0
                    yield _person(match.start("v"), match.end("v") - owned)
        for match in _DOCTORS.finditer(text):
            for name in re.finditer(TOKEN, match["v"]):
                if fold(name.group()) not in STOP:
                    yield _person(match.start("v") + name.start(), match.start("v") + name.end())

    def _kin(self, text: str) -> Iterable[Span]:
        """Nicknames and ages behind kin, names in quotes behind whoever bears them."""
        for cue in _CUE_WORD.finditer(text):
            word, end = cue.group().lower(), cue.end()
            if word not in _CUES:
                continue
            if word in _KIN:
                yield from self._nicknamed(text, end, lower=cue.group().islower())
            rules = (_KIN_AT, _KIN_NUMBER) if word in _FAMILY else ()
            for rule in rules:
                if (match := rule.match(text, end)) is not None:
                    yield _age(*match.span("v"))
            match = _QUOTED_NAME.match(text, end) if word in _QUOTED_CUES else None
            if match is not None and fold(match["v"]) not in STOP:
                yield _person(*match.span("v"))

    def _nicknamed(self, text: str, end: int, *, lower: bool) -> Iterable[Span]:
        """`Wife June`, `housemate Pixie`: plain words behind kin."""
        if (match := _KIN_MONTH.match(text, end)) is not None:
            yield _person(*match.span("v"))
        if lower and (match := _KIN_NICK.match(text, end)) is not None:
            name = fold(match["v"])
            plain = name in STOP or name in FUNCTION_WORDS or self._lexicon.medical(name)
            if not plain and not self._lexicon.place(name):
                yield _person(*match.span("v"))

    def _somebody(self, words: list[str]) -> bool:
        known = self._lexicon
        if any(w.isupper() and fold(w).replace(".", "") in NOBODY for w in words[1:]):
            return False
        words = [w.strip(".") for w in words if len(w) > 2]
        if not words or any(fold(w) in STOP or known.medical(w) for w in words):
            return False
        return any(not known.common(w) for w in words) and (
            any(known.surname(w) or known.first_name(w) for w in words)
            or not "".join(words).isupper()
        )

    def _beside(self, text: str, span: Span) -> Iterable[Span]:
        near = text[span.end : span.end + 8]
        if not any(map(str.isdigit, near)) and '"' not in near and "“" not in near:
            if text[span.start - 2 : span.start] in ('" ', "” "):
                yield from self._quoted_before(text, span)
            return
        for rule in _AGES:
            match = rule.match(text, span.end)
            if match is not None:
                yield _age(*match.span("v"))
                break
        column = _AGE_COLUMN.match(text, span.end)
        if column is not None and " " in text[span.start : span.end]:
            yield _age(*column.span("v"))
        yield from self._quoted_before(text, span)
        closing = _AGE_CLOSING.match(text, span.end)
        if closing is not None and _OPEN.search(text, max(0, span.start - 42), span.start):
            yield _age(*closing.span("v"))
        tag = _TAG.match(text, span.end)
        if tag is not None and (tag["v"][0].isalpha() or text[span.start : span.end].isupper()):
            yield Span(
                start=tag.start("v"),
                end=tag.end("v"),
                entity_type="US_SSN",
                score=0.6,
                source="notes:tag",
            )
        quoted = _QUOTED.match(text, span.end)
        if quoted is not None and fold(quoted["v"]) not in STOP:
            yield _person(*quoted.span("v"))

    @staticmethod
    def _quoted_before(text: str, span: Span) -> Iterable[Span]:
        """`"Tiny" Marcus Fontenot`."""
        before = _QUOTED_BEFORE.search(text, max(0, span.start - 24), span.start)
        if before is not None and fold(before["v"]) not in STOP:
            yield _person(*before.span("v"))

    def _quoted(self, text: str) -> Iterable[Span]:
        for match in _QUOTED_PAIR.finditer(text):
            last, first = re.split(r",[ ]?", match["v"], maxsplit=1)
            known = self._lexicon
            if known.surname(last) and fold(first.split(" ")[0]) not in STOP:
                yield _person(*match.span("v"))


def _age(start: int, end: int) -> Span:
    return Span(start=start, end=end, entity_type="AGE", score=0.55, source="notes:age")


def _person(start: int, end: int) -> Span:
    return Span(start=start, end=end, entity_type="PERSON", score=0.55, source="notes:quoted")
