"""English organizations by the word they end in, or by where the text has somebody go or work.

Owns `OrganizationFinder` and the lists `org_tails_en.txt`, kinds of organizations, and
`org_plain_en.txt`, words of departments and headings that make no name ("SPINE CLINIC").
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from appliance.records import Span
from appliance.redact.detect.lexicon import FUNCTION_WORDS, Lexicon, fold, plain_words
from appliance.redact.detect.names_cues import STOP, word_set

_TAILS = plain_words("org_tails_en")
_PLAIN = plain_words("org_plain_en")
#: Tails that also end phrases of notes: what stands before must be no word of notes at all.
_LOOSE = word_set(
    """plan, plans, care, place, air, court, house, home, homes, line, lines, steel, waste, bar,
    bank, tire, pool, body, mine, store, center, group, practice, medical, health, nursing,
    surgical, surgery, memory, recovery, wound, spine, eye, vision, fire, rescue, transport,
    security, co, pc, sa, pos, express, drug, drugs, drugs, animal, water, gas, oil, power,
    solar, council, union, board, services, systems, solutions, design, records, sports, park,
    maid, cab, league, crossing, landing, village"""
)
#: Tails that make a name of plain words also in a sentence of capitals: `MERCY HOSPITAL`.
_HOUSES = word_set(
    """hospital, hospitals, university, college, school, church, pharmacy, institute, hospice,
    infirmary, clinic, center, centre"""
)
_WORD = r"(?:(?:St|Mt|Ft)\.|(?:[A-Z]|\d{1,3}(?:st|nd|rd|th)(?!\w))(?:[\w'’\-]|\.(?=\w))*)"
_RUN = re.compile(
    rf"(?<![\w'’@/])(?=[A-Z]){_WORD}(?:[ ](?:(?:of|the|and|for|at|de|la|del|du|y|in)["
    rf" ]){{0,2}}(?:&[ ])?{_WORD}){{1,7}}"
    r"(?:[ ]#?\d{1,5}(?![\w/.\-]))?"
)
_FORM = re.compile(
    r",?[ ](?:PLLC|P\.?L\.?L\.?C\.?|L\.?L\.?C\.?|L\.?L\.?P\.?|P\.?C\.|P\.A\.|Inc\.?|Ltd\.?)(?!\w)"
)
_PIECE = re.compile(r"[^\s]+")
_COMPANY = (
    rf"(?P<v>(?=[A-Z]){_WORD}(?:[ ](?:(?:of|the|and|for|de|la|del)[ ])?(?:&[ ])?{_WORD}){{0,4}})"
)
_GOES = re.compile(
    r"(?<!\w)(?i:work(?:s|ed|ing)?(?:[ ](?:as[ ][\w /\-]{3,24}?[ ]))?[ ]?(?:at|for|@)|employed["
    r" ](?:by|at|with)|job[ ](?:at|with|@)"
    r"|owns|runs|manages|teaches(?:[ ][\w ]{2,14}?)?[ ]at|attends|attending[ ]school[ ]at"
    r"|enrolled[ ](?:at|in)|student[ ]at|goes[ ]to|volunteers?[ ](?:at|for|with)"
    r"|stay(?:s|ing|ed)[ ](?:at|w/|with)|sheltering[ ]at|resid(?:es|ent|ing)[ ](?:at|of)"
    r"|placement[ ]at|bed[ ](?:at|available at)"
    r"|referr(?:al|ed)[ ](?:to|from)|ref(?:'d)?[ ]to|transfer(?:red|s)?[ ](?:to|from)"
    r"|xfer(?:red)?[ ](?:to|from)|tx'?d?[ ](?:to|from)"
    r"|accepted[ ](?:at|by|to)|admitted[ ](?:to|at)|d/c(?:'d)?[ ]to|dc'?d?[ ]to|discharged?[ ]to"
    r"|sent[ ](?:to|from)|transported[ ](?:to|by|via)"
    r"|brought[ ]in[ ]by|bib|via|(?:seen|treated|followed|delivered|hospitalized|cared for|done"
    r"|performed|evaluated)[ ]at"
    r"|records[ ](?:from|requested from)|through|thru|with|vendor|supplier|pharmacy|insurer"
    r"|agency|shelter|hospice|daycare|employer|landlord"
    r"|[a-z]{4,}(?:er|or|ist|ian|ef|ant|ent|ook|ress|man|ard|ent|ide|ant|ary|iver)[ ](?:at|for|@)"
    r"|(?:cook|chef|clerk|nurse|guard|aide|host|maid|temp|vet|foreman)[ ](?:at|for))$"
)
_BEFORE_NAME = word_set(
    """at, for, by, to, from, of, in, via, through, thru, with, vendor, supplier, pharmacy,
    insurer, agency, shelter, hospice, daycare, employer, landlord, attends, owns, runs,
    manages, bib, @, w/"""
)
#: How far before a name its cue may begin.
_REACH = 44
_CUE_WORD = re.compile(r"(?:[a-z]+|@|w/)(?=[ ](?:the[ ])?[A-Z])")
_GOAL = re.compile(rf"[ ](?:the[ ])?{_COMPANY}(?!\w)")
#: Cues after which a plain phrase of two words with capitals is enough.
_STRONG_CUE = re.compile(
    r"(?i)^(?:work|employed|job|owns|teaches|attends|enrolled|student|volunteer|stay|shelter"
    r"|resid|referr|ref|transfer|xfer"
    r"|accepted|transported|brought|records|vendor|supplier|insurer|agency|employer|placement|d/c"
    r"|dc|discharge|hospice|daycare|[a-z]{4,}[ ](?:at|for|@))"
)


class OrganizationFinder:
    """Finds organizations that notes name."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Use the word lists."""
        self._lexicon = lexicon

    def find(self, text: str) -> Iterable[Span]:
        """Yield organizations; they may overlap other hits."""
        for run in _RUN.finditer(text):
            yield from self._tailed(text, run)
        for cue in _CUE_WORD.finditer(text):
            if cue.group() not in _BEFORE_NAME:
                continue
            goes = _GOES.search(text, max(0, cue.start() - _REACH), cue.end())
            goal = None if goes is None else _GOAL.match(text, cue.end())
            if goes is not None and goal is not None:
                strong = _STRONG_CUE.match(goes.group()) is not None
                if self._cued(goal["v"].split(" "), strong=strong):
                    yield _organization(*goal.span("v"), 0.42, "cued")

    def _tailed(self, text: str, run: re.Match[str]) -> Iterable[Span]:
        pieces = list(_PIECE.finditer(text, run.start(), run.end()))
        words = [_bare(p.group()) for p in pieces]
        last = max((i for i, w in enumerate(words) if fold(w) in _TAILS), default=0)
        if last == 0:
            return
        # "Bui at Lake Region Cardiology": what stands before is none of it.
        first = max((i + 1 for i in range(1, last) if words[i] == "at"), default=0)
        while first < last and self._leads(words[first]):
            first += 1
        named = words[first:last]
        if self._dictated(run, words, first, last):
            return
        if not named or not any(self._names(w, words[last]) for w in named):
            return
        if fold(words[last]) in _LOOSE and not any(self._rare(w) for w in named) and len(named) < 2:
            return
        end = pieces[last].end()
        if last + 1 < len(pieces) and re.fullmatch(r"#?\d{1,5}", words[last + 1]):
            end = pieces[last + 1].end()
        end -= len(text[pieces[last].start() : end]) - len(
            text[pieces[last].start() : end].rstrip(".,")
        )
        form = _FORM.match(text, end)
        end = end if form is None else form.end()
        yield _organization(pieces[first].start(), end, 0.45, "tail")

    def _dictated(self, run: re.Match[str], words: list[str], first: int, last: int) -> bool:
        """Say whether plain words are part of a sentence in capitals: `RISKS AND BENEFITS WERE`."""
        named = words[first:last]
        if not all(w.isupper() for w in words) or any(self._rare(w) for w in named):
            return False
        if fold(words[last]) in _HOUSES:
            return False
        text = run.string
        around = text[max(0, run.start() - 12) : run.start()] + text[run.end() : run.end() + 12]
        beside = words[:first] + words[last + 1 :] + re.findall(r"[^\W\d_]{2,}", around)
        return bool(beside) and all(w.isupper() for w in beside)

    def _leads(self, word: str) -> bool:
        """Say whether a word before a name is none of it: `Seen Dover Clinic`."""
        folded = fold(word)
        return folded in FUNCTION_WORDS or folded in STOP - _TAILS or folded in _PLAIN

    def _names(self, word: str, tail: str) -> bool:
        folded = fold(word)
        if "-" in folded and all(p in _PLAIN for p in folded.split("-")):
            return False
        if len(folded) < 3 or folded in FUNCTION_WORDS or folded in _PLAIN or folded in STOP:
            return False
        if fold(tail) in _LOOSE and word.isupper() and self._lexicon.common(word):
            return False
        return not self._lexicon.medical(word)

    def _rare(self, word: str) -> bool:
        return len(word) > 2 and not self._lexicon.common(word)

    def _cued(self, words: list[str], *, strong: bool) -> bool:
        names = [w for w in map(_bare, words) if self._names(w, "")]
        if not names or all(w.isupper() and len(w) < 6 for w in names):
            return False
        if fold(_bare(words[0])) in FUNCTION_WORDS | STOP:
            return False
        if strong and (len(words) > 1 or "&" in words):
            return True
        return strong and any(self._rare(w) for w in names)


def _bare(word: str) -> str:
    return word.strip(".,;:'’")


def _organization(start: int, end: int, score: float, rule: str) -> Span:
    return Span(
        start=start, end=end, entity_type="ORGANIZATION", score=score, source=f"orgs:{rule}"
    )
