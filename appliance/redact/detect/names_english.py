"""English names as people type them: lower case, bare initials, nicknames, subjects of sentences.

Owns `EnglishNames`. Each rule needs the name lists or a cue; none masks a word for its place alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from appliance.records import Span
from appliance.redact.detect.lexicon import FUNCTION_WORDS, fold
from appliance.redact.detect.names_cues import EPONYMS, word_set
from appliance.redact.detect.names_shapes import LETTER, TOKEN, UPPER, Trimmer

_LOWER = r"[a-zà-öø-ÿ]+(?:['’\-][a-zà-öø-ÿ]+)*"
_LOWER_PAIR = re.compile(
    rf"(?<![\w@.\-])(?P<a>[a-z]{{3,15}})[ ](?:[a-z]\.?[ ])?(?P<b>{_LOWER})(?![\w@\-])"
)
_LOWER_TITLE = re.compile(
    r"(?<![\w@.\-])(?:dr|drs|doctor|mister|doc|mr|mrs|ms|miss|prof|nurse|officer|judge|surgeon|attending|resident"
    r"|pcp|rn|np|cna"
    r"|pharmacist|consultant|provider|therapist)\.?[ ](?:[a-z]\.?[ ])?"
    rf"(?P<v>{_LOWER}(?:[ ]{_LOWER})?)(?![\w@])"
)
_LOWER_LABEL = re.compile(
    r"(?<![\w@.\-])(?:name|patient|pt|client|signed(?: by)?|dictated by|transcribed by|typed by"
    r"|seen by|entered by|provider|attending|author|from|to|cc)[ ]?:[ \t]*"
    rf"(?P<v>(?:[a-z]\.?[ ]){{0,2}}{_LOWER}(?:[ ]{_LOWER})?)(?![\w@])"
)
_LOWER_ONE = re.compile(rf"(?<![\w@.\-'’/])(?P<v>{_LOWER})(?![\w@\-/]|\.\w)")
_LOWER_CUE = re.compile(
    r"(?:patient|pt|client|named|name is|am|son|daughter|wife|husband|mother|father|brother|sister"
    r"|friend|partner|pcp|rn|md|np|dtr|under|doc|caller|for|from|to|by|with|w/|per|and|&"
    r"|referred|told|called|contact|tell|ask|is"
    r"|does|did|has|was|can|will|about|see|saw)[ ]$"
)
_BARE_INITIAL = re.compile(
    rf"(?<![\w.'’\-/&])(?P<i>[{UPPER}])[ ]"
    rf"(?P<last>[{UPPER}][a-zà-öø-ÿ]+(?:['’\-]{TOKEN})?)(?![\w\-])"
)
_TRAILING_INITIAL = re.compile(
    rf"(?<![\w'’\-])(?P<last>[{UPPER}][a-zà-öø-ÿ]{{2,}})[ ][{UPPER}](?=[,;)\n]|\.(?!\w)|$)"
)
#: Words after which a letter is a kind of something.
_KIND = re.compile(
    r"(?i:vitamins?|hepatitis|types?|groups?|class|factor|stage|grade|influenza|protein|troponin"
    r"|bilirubin|figure|fig|section|appendix|exhibit|schedule|plan|phase|category|level|unit|lead"
    r"|option|part|annex|strep|wave|table|panel|team|chapter|article|room|bed|gate|form|apt|suite"
    r"|hemoglobin|haemoglobin|immunoglobulin|apo|serotype|genotype|zone|point|line|medicare)"
    r"[ ][\w\"]{0,2}$"
)
_ALIAS = re.compile(
    r"(?:a/?k/?a|alias|aliases|nicknamed|nickname(?:[ ]is)?|goes[ ]by|known[ ]as|called|dubbed)\.?"
    rf"[ ,:]{{1,2}}(?:the[ ]name[ ])?[\"“‘'](?P<v>{TOKEN}(?:[ ]{TOKEN}){{0,2}})[\"”’']"
)
_DOES = (
    "denies denied reports reported states stated complains complained presents presented endorses"
    " endorsed lives lived works worked smokes drinks drank called came walks walked fell fainted"
    " asked says said told agrees agreed declined declines refuses refused requests requested"
    " returns returned visits visited left arrived sleeps slept coughs coughed cried cries eats ate"
    " speaks spoke takes took needs wants wanted wishes feels felt missed tolerated delivered"
    " survived snores fasts favors favours recommends recommended suggests suggested concurs"
    " concurred prefers preferred presented proposes proposed advises advised testified alleged"
    " confessed pleaded married resides moved"
)
_IS = (
    r"(?:is|was|has|had)[ ](?:an?|not|been|seen|admitted|discharged|here|stable|well|pregnant|late"
    r"|obese|allergic|married|single|divorced|retired|anxious|born|arrested|convicted|brought"
    r"|followed|referred|readmitted|intubated|sleeping|alert|awake|doing|feeling|complaining"
    r"|unable|able|asthma|diabetes)"
)
_SUBJECT = re.compile(
    rf"(?m)(?:^|(?<=[.!?;][ ]))[ \t]*(?P<v>{TOKEN}(?:[ ]{TOKEN}){{0,3}})[ ]"
    rf"(?:(?P<does>{'|'.join(_DOES.split())})|{_IS})(?!\w)"
)
#: What only people do: enough for a first name that is also a plain word.
_HUMAN = word_set(
    """denies, denied, reports, reported, states, stated, complains, complained, endorses, lives,
    lived, smokes, drinks, asks, asked, says, said, told, agrees, agreed, declined, declines,
    refuses, refused, wants, wanted, wishes, cried, testified, called, needs"""
)
_NO_PERSON = word_set("baby, male, female, mother, father, mom, dad, pain, patience, art, may")
_LOWER_JOINED = re.compile(
    r"(?<![\w@.\-])(?P<a>[a-z]{3,15})[ ](?:bin|binti|binte|bint|ibn|abu|al|el|van|von|van der"
    r"|de la|de)"
    r"[ ](?P<b>[a-z]{3,20})(?![\w@\-])"
)
_LOWER_AL = re.compile(r"(?<![\w@.\-])(?:al|el|ben|abd|abu)-[a-z]{3,20}(?![\w@\-])")
_LOWER_RUN = re.compile(r"(?<![\w@.\-'’/])[a-z]{2,20}(?:[ ][a-z]{2,20})+(?![\w@\-])")
_LOWER_DOTTED = re.compile(
    r"(?<![\w@.\-/])(?P<a>[a-z]{3,15})[._](?P<b>[a-z]{3,20})\d{0,4}(?![\w@\-]|\.\w)"
)
_LOWER_NUMBERED = re.compile(
    r"(?<![\w@.\-'’/])(?P<v>[a-z]{2,20}[ ][a-z]{2,20}(?:[ ][a-z]{2,20})?),?[ ]\(?"
    r"(?:dob|d\.o\.b\.?|mrn|ssn|born|b\.|\d{1,2}[/\-]\d{1,2}[/\-]\d{2,4}(?!\w))"
)
_LOWER_CREDENTIAL = re.compile(
    r"(?<![\w@.])(?P<v>[a-z]\.?[ ]?(?P<last>[a-z]{3,20}))(?:,[ ]?|[ ])"
    r"(?:md|rn|np|pa|pa-c|do|lpn|lvn|cna|crna|pt|dpt|ot|rph|pharmd|msw|lcsw|arnp|aprn"
    r"|fnp)(?![\w\-])"
)
#: `Big Tony`, `Uncle Sal`, `Papa Joe`.
_FAMILIAR = re.compile(
    rf"(?<![\w'’\-])(?:Big|Little|Lil|Old|Papa|Mama|Nana|Uncle|Aunt|Auntie|Tía"
    rf"|Tío)[ ](?P<a>{TOKEN})"
)
_NAMING = re.compile(r"[Nn]ame(?:'s|’s| is| was| of|[?:])|[Ss]urname|[Cc]alls? (?:me|her|him)|NAME")
_NAME_IS = re.compile(
    r"(?i:(?:my|maiden|last|first|full|legal|middle|birth|given|family|real)[ ]name"
    r"(?:['’]s|[ ]is|[ ]was|[?:]|[ ]of)|surname(?:[ ](?:is|was|of))?|by[ ]the[ ]name[ ]of"
    r"|call[ ]me|calls[ ](?:me|her|him))[ ]"
    rf"(?P<v>{LETTER}{{2,}}(?:['’\-]{LETTER}+)*(?:[ ](?:[{UPPER}]\.[ ])?{TOKEN})?)(?![\w@])"
)
#: "my dr is hollingsworth", "msg to pt jiayi": who is spoken of, in lower case.
_LOWER_IS = re.compile(
    r"(?<![\w@.\-])(?:(?:my|our|his|her|their|the)[ ](?:dr|doc|doctor|pcp|nurse|surgeon"
    r"|therapist|psychiatrist"
    r"|cardiologist|oncologist|neurologist|dentist|midwife|counselor|case manager|social worker"
    r"|husband|wife|son|daughter|boss|roommate|caregiver|aide|provider|np|pa)(?:['’]s|[ ]is|[ ]was)"
    rf"|(?:call(?:ed|s)?|named|its|this is))[ ](?:dr[ ])?(?P<v>{_LOWER}(?:[ ]{_LOWER})?)(?![\w@])"
)
_LOWER_PT = re.compile(
    r"(?<![\w@.\-])(?:to|for|call|tell|msg|message|schedule|reschedule|remind|contact|see|book"
    r"|text|email"
    r"|page|notify|ask|about|of|with|from|re|on)[ ](?:pt|patient|client|dr|nurse|resident)[ ]"
    rf"(?P<v>{_LOWER})(?![\w@])"
)
_LOWER_KIN = re.compile(
    r"(?<![\w@.\-'’])(?P<k>pt|patient|client|son|daughter|wife|husband|sister|brother|mom|dad"
    r"|mother|father|partner"
    r"|spouse|aide|friend|neighbor|roommate|niece|nephew|aunt|uncle|grandson|granddaughter)[ ]"
    rf"(?P<v>(?P<a>{_LOWER})(?:[ ](?P<b>{_LOWER}))?)(?![\w@])"
)
#: Ends of words that say what a patient is like, or does.
_ADJECTIVE = re.compile(
    r".*(?:al|ic|ive|ous|ed|ing|[ai]ble|emic|ary|ful|less|ly|ation|ity|ness|itis|osis)$"
)
_GROUPS = word_set("team, staff, family, police, security, everyone, nobody, school, clinic, ems")
#: Who was told: "Graves aware", "Lo paged".
_AWARE = re.compile(
    rf"(?<![\w'’\-])(?P<v>{TOKEN})[ ](?:(?:is[ ]|was[ ]|made[ ])?(?:aware|notified|paged)"
    r"|at[ ](?:the[ ])?bedside|in[ ]agreement)(?!\w)"
)
_CAPITAL = re.compile(rf"[{UPPER}]")


_REMEMBERED = 50_000


class EnglishNames:
    """Finds English names by rules that other languages do not need."""

    def __init__(self, trimmer: Trimmer) -> None:
        """Use the lists and stop words of a trimmer."""
        self._trimmer = trimmer
        self._lexicon = trimmer.lexicon
        self._lower_names: dict[str, bool] = {}
        self._surely_first = frozenset(self._first_names())

    def _first_names(self) -> Iterable[str]:
        """Yield first names that are nothing else, in lower case."""
        known = self._lexicon
        for word in known.first:
            sure = len(word) > 3 and known.strong_first(word) and not known.common(word)
            if sure and not known.place(word) and word not in EPONYMS:
                yield word

    def find(self, text: str) -> Iterable[Span]:
        """Yield names; they may overlap."""
        for match in _ALIAS.finditer(text):
            yield _person(*match.span("v"), 0.7, "alias")
        for match in _FAMILIAR.finditer(text):
            if self._lexicon.first_name(match["a"]) and not self._trimmer.stopped(match["a"]):
                yield _person(*match.span(), 0.5, "familiar")
        for match in _NAME_IS.finditer(text) if _NAMING.search(text) else ():
            word = match["v"].split(" ")[0]
            plain = word[0].islower() and self._lexicon.common(word)
            if not plain and fold(word) not in FUNCTION_WORDS and not self._trimmer.stopped(word):
                yield _person(*match.span("v"), 0.6, "name_is")
        for match in _AWARE.finditer(text):
            if self._plain_surname(match["v"]):
                yield _person(*match.span("v"), 0.5, "aware")
        yield from self._bare_initials(text)
        yield from self._subjects(text)
        yield from self._lower_case(text)

    def _bare_initials(self, text: str) -> Iterable[Span]:
        """`G Tembo`, `Tembo G`: an initial without its full stop."""
        for match in _BARE_INITIAL.finditer(text):
            before = text[max(0, match.start() - 20) : match.start()]
            if match["i"] in "AI" and not re.search(r"[a-z][ ]$", before):
                continue
            if _KIND.search(before) or not self._family(match["last"]):
                continue
            if re.search(rf"[{UPPER}][\w'’\-]*[ ]$", before) and not before[:1].islower():
                continue
            yield _person(match.start(), match.end(), 0.55, "bare_initial")
        for match in _TRAILING_INITIAL.finditer(text):
            if self._lexicon.surname(match["last"]) and self._family(match["last"]):
                yield _person(match.start(), match.end(), 0.45, "trailing_initial")

    def _plain_surname(self, word: str) -> bool:
        known = self._lexicon
        stopped = self._trimmer.stopped(word) or word.isupper() or known.place(word)
        stopped = stopped or fold(word) in _GROUPS
        return not stopped and known.surname(word) and fold(word) not in FUNCTION_WORDS

    def _family(self, word: str) -> bool:
        """Say whether a word can be a surname and hardly anything else."""
        known = self._lexicon
        if known.common(word) or self._trimmer.stopped(word) or fold(word) in EPONYMS:
            return False
        return known.surname(word) or not known.place(word)

    def _subjects(self, text: str) -> Iterable[Span]:
        """`ALVAREZ needs dialysis`, `Saw Htoo Eh is a refugee`: who a sentence is about."""
        for match in _SUBJECT.finditer(text):
            words = match["v"].split(" ")
            if self._person(words, acts=match["does"] or ""):
                yield _person(*match.span("v"), 0.5, "subject")

    def _person(self, words: list[str], *, acts: str) -> bool:
        known = self._lexicon
        ordinary = [w for w in words if known.common(w) or self._trimmer.stopped(w)]
        if len(words) == 1:
            word = words[0]
            if ordinary and acts in _HUMAN and fold(word) not in _NO_PERSON:
                stopped = self._trimmer.stopped(word) or fold(word) in FUNCTION_WORDS
                return known.first_name(word) and not stopped and not word.isupper()
            if ordinary or known.place(word) or fold(word) in EPONYMS or len(word) < 3:
                return False
            listed = known.surname(word) or known.first_name(word)
            return listed and (bool(acts) or not word.isupper())
        if any(fold(w) in EPONYMS for w in words[1:]) and not known.strong_first(words[0]):
            return False
        named = known.first_name(words[0]) and known.surname(words[-1])
        if not ordinary:
            return named or bool(acts) or not "".join(words).isupper()
        # `Will Power is obese`: two plain words, but a first name and a surname.
        return named and len(words) == 2 and not "".join(words).isupper()

    def _lower_case(self, text: str) -> Iterable[Span]:
        """Find names written without capitals: beside a title or label, in pairs, or cued."""
        for rule in (_LOWER_TITLE, _LOWER_LABEL):
            for match in rule.finditer(text):
                yield from self._lower_cued(match)
        position = 0
        while pair := _LOWER_PAIR.search(text, position):
            position = pair.start("b")
            if self._lower_pair(text, pair):
                end = self._lower_more(text, pair.end())
                yield _person(pair.start(), end, 0.55, "lower_case")
                position = end
        for match in _LOWER_IS.finditer(text):
            yield from self._lower_cued(match)
        for match in _LOWER_PT.finditer(text):
            word = match["v"]
            strange = len(word) > 2 and not self._lexicon.common(word)
            if strange and not self._trimmer.stopped(word) and not _ADJECTIVE.match(word):
                yield _person(*match.span("v"), 0.45, "lower_patient")
        for match in _LOWER_KIN.finditer(text):
            behind = self._lower_kin(match)
            if behind is not None:
                yield _person(match.start("v"), behind, 0.45, "lower_patient")
        yield from self._lower_foreign(text)
        yield from self._lower_person(text)
        yield from self._lower_alone(text)

    def _lower_foreign(self, text: str) -> Iterable[Span]:
        """`fatimah binti ismail`, `al-jaziri`, `ng wai ling`, `anjali.rao`."""
        for match in _LOWER_JOINED.finditer(text):
            if self._lower_name(match["a"]) and not self._lexicon.common(match["b"]):
                yield _person(match.start(), match.end(), 0.55, "lower_joined")
        for match in _LOWER_AL.finditer(text):
            if not self._lexicon.common(match.group()):
                yield _person(match.start(), match.end(), 0.5, "lower_joined")
        for match in _LOWER_DOTTED.finditer(text):
            if self._lexicon.first_name(match["a"]) and self._lexicon.surname(match["b"]):
                yield _person(match.start(), match.end(), 0.5, "lower_dotted")
        for match in _LOWER_RUN.finditer(text):
            yield from self._lower_runs(match)

    def _lower_person(self, text: str) -> Iterable[Span]:
        """`okeke chidi (1/1/70)`, `s.tomczak pa-c`: a birthday, a number, a credential behind."""
        for match in _LOWER_NUMBERED.finditer(text):
            names = 0
            for word in reversed(match["v"].split(" ")):
                if self._lexicon.common(word) or self._trimmer.stopped(word):
                    break
                names += len(word) + 1
            if names and " " in match["v"][1 - names :]:
                yield _person(match.end("v") - names + 1, match.end("v"), 0.5, "lower_numbered")
        for match in _LOWER_CREDENTIAL.finditer(text):
            word = match["last"] if "." in match["v"] or " " in match["v"] else match["v"]
            if self._lower_name(word) and not self._trimmer.stopped(word):
                yield _person(*match.span("v"), 0.5, "lower_credential")

    def _lower_runs(self, match: re.Match[str]) -> Iterable[Span]:
        """Two or more words in a row that are names and nothing else."""
        start = end = None
        count = 0
        for word in re.finditer(r"[a-z]+", match.group() + " the"):
            if self._lower_name(word.group()) and not self._trimmer.stopped(word.group()):
                start = word.start() if start is None else start
                end, count = word.end(), count + 1
                continue
            if start is not None and end is not None and count > 1:
                yield _person(match.start() + start, match.start() + end, 0.5, "lower_run")
            start, end, count = None, None, 0

    def _lower_cued(self, match: re.Match[str]) -> Iterable[Span]:
        start, end = match.span("v")
        words = [w for w in match["v"].split(" ") if len(w.rstrip(".")) > 1]
        if words and not self._lower_name(words[0]):
            return
        if len(words) == 2 and not self._lower_name(words[1]):
            end -= len(words[1]) + 1
        yield _person(start, end, 0.55, "lower_title")

    def _lower_pair(self, text: str, match: re.Match[str]) -> bool:
        known = self._lexicon
        first, last = match["a"], match["b"]
        if not known.strong_first(first):
            return False
        # `mary ellen kowalczyk`: a second first name may stand between.
        if not known.surname(last) and not known.strong_first(last):
            return False
        if known.common(first):
            return not known.common(last)
        if not known.common(last):
            return True
        cued = _LOWER_CUE.search(text, max(0, match.start() - 10), match.start())
        return cued is not None and fold(last) not in FUNCTION_WORDS and known.surname(last)

    def _lower_kin(self, match: re.Match[str]) -> int | None:
        """Return where the name behind `pt` or `son` ends: `pt obafemi ladipo`, `son marcel`."""
        known = self._lexicon
        first, last = match["a"], match["b"] or ""
        odd = not known.common(first) and not self._trimmer.stopped(first)
        odd = odd and len(first) > 2 and not _ADJECTIVE.match(first)
        more = len(last) > 2 and not known.common(last) and not self._trimmer.stopped(last)
        more = more and not _ADJECTIVE.match(last)
        if odd and (more or self._lower_name(first)):
            return match.end("v") if more else match.end("a")
        if match["k"] not in ("pt", "patient", "client") and known.strong_first(first):
            return match.end("a")
        return None

    def _lower_more(self, text: str, end: int) -> int:
        more = re.compile(rf"[ ](?P<v>{_LOWER})(?![\w@\-])").match(text, end)
        if more is not None and self._lower_name(more["v"]):
            return more.end()
        return end

    def _lower_alone(self, text: str) -> Iterable[Span]:
        """One first name: after a cue, or in a line that has no capitals at all."""
        for match in _LOWER_ONE.finditer(text):
            word = match["v"].removesuffix("'s").removesuffix("’s")
            if word not in self._surely_first:
                continue
            start = match.start()
            if _LOWER_CUE.search(text, max(0, start - 10), start) or _plain_line(text, start):
                yield _person(start, start + len(word), 0.45, "lower_alone")

    def _lower_name(self, word: str) -> bool:
        answer = self._lower_names.get(word)
        if answer is None:
            known = self._lexicon
            answer = (known.surname(word) or known.first_name(word)) and not known.common(word)
            if len(self._lower_names) > _REMEMBERED:
                self._lower_names.clear()
            self._lower_names[word] = answer
        return answer


def _plain_line(text: str, position: int) -> bool:
    """Say whether the line around a position has no capital but perhaps its first letter."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    return not _CAPITAL.search(text, start + 1, end if end >= 0 else len(text))


def _person(start: int, end: int, score: float, rule: str) -> Span:
    return Span(start=start, end=end, entity_type="PERSON", score=score, source=f"names:{rule}")
