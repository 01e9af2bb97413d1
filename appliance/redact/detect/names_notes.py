"""Names as clinical notes write them: without capitals behind a role, and initials of staff.

Owns `NoteNames`. A word needs a cue and the lists; letters need a cue or the end of a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from appliance.records import Span
from appliance.redact.detect.lexicon import FUNCTION_WORDS, Lexicon, fold, plain_words
from appliance.redact.detect.names_cues import STOP, word_set
from appliance.redact.detect.weeds import NOBODY

_LOWER = r"[a-zà-öø-ÿ]{2,20}(?:['’\-][a-zà-öø-ÿ]+)*"
#: People of a note whose name may stand without a capital behind what they are.
_ROLES = word_set(
    """niece, nephew, aunt, uncle, cousin, son, daughter, dtr, wife, husband, husb, mother, mom,
    mum, father, dad, sister, sis, brother, bro, partner, fiance, fiancee, fiancé, fiancée,
    boyfriend, girlfriend, bf, gf, friend, neighbor, neighbour, roommate, housemate, flatmate,
    grandson, granddaughter, grandma, grandpa, grandmother, grandfather, stepdad, stepmom,
    stepson, stepdaughter, stepfather, stepmother, guardian, caregiver, caretaker, aide,
    sitter, nanny, twin, ex, tech, technician, scribe, nurse, rn, lpn, cna, ma, np, pa, rt,
    pt, ot, slp, sw, cm, msw, doula, midwife, chaplain, intern, resident, fellow, assistant,
    asst, hygienist, interpreter, phlebotomist, medic, paramedic, driver, supervisor, manager,
    coordinator, navigator, liaison, secretary, clerk, receptionist, transport, transporter,
    coach, teacher, principal, boss, landlord, dog, cat, sibling, spouse, poa, hcp, proxy"""
)
_ROLE = re.compile(
    rf"(?P<sep>[ ]|,[ ]|:[ ]?|[ ]\(|[ ]?=[ ]?)[\"“']?(?P<v>{_LOWER})(?P<i>[ ][a-z]\.)?"
    r"(?:[ ]{2}|[,.;:)\n\"”]|[ ](?=[\w/@&(])|$)"
)
#: Last words of labels of staff and of patients, before a colon.
_LABELS = word_set(
    """by, asst, assistant, tech, scribe, witness, staff, per, informant, interpreter, hygienist,
    to, with, w, nurse, rn, ma, caller, contact, nok, ec, provider, pcp, attending, pt,
    patient, name, client, resident"""
)
_LABEL_ENDS = ("ist", "ian", "rse", "ech", "ide", "cer", "ger", "sor")
_LABELLED = re.compile(
    rf"[ ]?:[ \t]{{0,4}}(?P<v>{_LOWER}(?:[ ][a-z]\.?(?!\w)|[ ]{_LOWER})?)"
    r"(?=[ ]{2}|[ \t]{0,4}[,.;)|/(\n]|[ \t]{0,4}$)"
)
_PATIENTS = word_set("pt, patient, name, client, resident, re, mbr, veteran, subject")
_LAST_FIRST_LABELLED = re.compile(
    rf"(?:[ ]name)?[ ]?[:=\-]?[ \t]{{1,3}}"
    rf"(?P<v>(?P<a>{_LOWER}),[ ]?(?P<b>{_LOWER})(?:[ ][a-z](?![\w]))?)"
    r"(?=[ ]{2}|[ ]?[,;(|#\n\[]|[ ]\d|[ ](?:mrn|dob|mr|id|acct)\b|$)"
)
_LAST_FIRST_OPENING = re.compile(
    rf"(?m)^[ \t]{{0,8}}(?:\d{{1,2}}[.)][ ])?(?P<v>(?P<a>{_LOWER}),[ ]?(?P<b>{_LOWER})(?:["
    rf" ][a-z](?!\w)\.?)?)"
    r"(?=[ ,;(\[]{1,4}(?:#|mrn|dob|mr\b|id\b|acct|\d{1,3}[ ]?(?:yo?|y/o|m|f)\b|\d{2,}"
    r"|\d{1,2}[/\-.]))"
)
_BEFORE_INITIAL = word_set(
    """pt, patient, mr, mrs, ms, dr, client, resident, re, w, with, by, per, to,
    from, rn, md, np, pa"""
)
_INITIAL_LAST = re.compile(
    r"\.?[:/]?[ ]{1,2}(?P<v>[a-z]\.[ ]?(?P<last>[a-z]{3,20}(?:-[a-z]+)?))(?![\w@\-]|\.\w)"
)
#: Last words of labels before the letters of the staff who wrote, typed, read or gave something.
_SIGNERS = word_set(
    """rt, rrt, overread, read, tech, technologist, ma, rma, cma, rn, lpn, cna, scribe, typed,
    typist,
    transcribed, transcriptionist, dict, dictated, trans, initials, initial, init, verified,
    checked, entered, drawn, collected, recorded, by, asst, assistant, hygienist, reviewed,
    reviewer, performed, witness, witnessed, check, cosign, cosigned, staff, sig, signed,
    sono, sonographer, phleb, mlt, mls, cytotech, grossed, gross, reader, proctor, therapist,
    nurse, prep, prepared, filled, rph, dispensed, escort, transport"""
)
_SIGNED = re.compile(
    r"[ ]?[:=/][ ]{0,5}(?P<v>[A-Z]{2,3}|[a-z]{2,3}|[A-Z]\.[ ]?[A-Z]\.|[a-z]\.[ ]?[a-z]\.)"
    r"(?P<more>[ ]?/[ ]?[A-Za-z]{2,3})?(?=[ \t]{0,4}(?:$|\n|[|;,)]|\.(?:\s|$))|[ ]{2}|[ ]\d)"
    r"|[ ]?\((?P<w>[a-z]{2,3}|[A-Z]{2,3})\)"
)
_DONE = word_set(
    """placed, inserted, drawn, cannulated, given, administered, typed, transcribed, entered,
    recorded, reviewed, verified, checked, collected, performed, done, obtained, removed,
    started, dictated, scanned, read, called, signed, witnessed, cosigned, documented,
    completed, roomed, triaged, assisted, accessed, hung, spiked, prepped, grossed, cut,
    stained, filled"""
)
_DONE_BY = re.compile(
    r"[ ](?:by|BY):?[ ](?P<v>[A-Z]{2,3}|[A-Z]\.[ ]?[A-Z]\.(?:[ ]?[A-Z]\.)?)"
    r"(?=[.,;)\n]|[ ](?:at|on|@)[ ]|[ ]\d|\s*$)"
)
#: `TRANSCRIBED: 06/23/2015 BY KLM`, `JOB #: 3391872 / tr`.
_TYPED_BY = re.compile(
    r"(?i:transcribed|typed|dictated|entered|keyed)[^\n]{0,30}?[ ](?i:by):?[ ](?P<v>[A-Z]{2,4}"
    r"|[a-z]{2,4})(?=\s|$)"
    r"|(?i:job|conf(?:irmation)?|doc(?:ument)?|dictation)[ ]?(?i:#|no\.?|id|number)?[:# ]{0"
    r",3}[\dA-Z\-]{4,14}"
    r"[ ]?/[ ]?(?P<w>[A-Za-z]{2,4})[ \t]*(?=\n|$)"
)
_BY = re.compile(r"[ ](?P<v>[A-Z]{2})(?=\.(?:\s|$)|[;)\n]|$)")
_WITNESSED = word_set("witness, witnessed, scribed, cosigned, initialed, logged, charted")
_WITNESS = re.compile(r"[ ](?P<v>[A-Z]{2,3}|[A-Z]\.[ ]?[A-Z]\.)(?=[.;)\n]|$)")
_CUE_WORD = re.compile(r"(?<![\w\-@])[A-Za-zé]+(?=[ :=,(/.])")
_DICTATED = re.compile(
    r"(?<![\w/:.\-])(?P<v>[A-Z]{2,4}[/:][a-z]{2,4})(?![\w/:\-])"
    r"|(?<![\w/:.\-])(?P<w>[a-z]{2,4}/[a-z]{2,4})(?=[ \t]*$|[ \t]*\n)"
)
_DICTATION = re.compile(
    r"(?:\b(?:D|T|DD|DT|DR|TR|R)[: ]|(?i:dict|trans|job|conf|doc(?:ument)?[ ]?(?:#|id|no)))"
)
_CLOSING = re.compile(
    r"(?m)(?:^[ \t]{0,8}|[.!?)\]\d][ ]{1,3}|[ ]{2})(?:[\-–—~/]{1,2}[ ]?|/s/[ ]?|sig:?[ ]"
    r"|\()(?P<v>[A-Za-z]{2,3}(?:/[A-Za-z]{2,3})?|[A-Za-z]\.[A-Za-z]\.)\)?"
    r"(?P<n>[ ]\d{3,6})?[ \t]{0,4}$"
)
_CLOSING_SURE = re.compile(
    r"(?m)(?:(?<![\w\-])(?:--|[—~])[ ]?|(?:MD|DO|PA-C|NP|RN|CNM|CRNA|DPM|DDS|LPN|PhD|PharmD|FNP-C"
    r"|FNP|DNP)[ ]?/[ ]?)"
    r"(?P<v>[A-Za-z]{2,3})[ \t]{0,4}$"
)
_CLOSING_LAST = re.compile(r"(?:[.!?)][ ]{1,3}|\n[ \t]*)(?P<v>[A-Z]{2,3})\s*\Z")
#: Entries of a log: the letters of who wrote one, and the time or number that opens the next.
_CLOSING_ENTRY = re.compile(
    r"(?m)[.!?)][ ]{1,3}(?:ok[ ])?(?P<v>[A-Z]{2,3}|[a-z]{2,3})[ \t]*\n(?=[ \t]*#?\d{1,2}[:/. ]?\d)"
)
_CLOSING_SLASH = re.compile(r"(?m)[ ]/[ ]?(?P<v>[A-Z]{2,3})[ ](?=\d{3,6}[ \t]*(?:$|\.|,|;))")
_CLOSING_DOTTED = re.compile(
    r"(?:(?:[.!?;)][ ]{1,3}|\n[ \t]{0,8}|[a-z][ ])(?P<v>[a-z]\.[ ]?[a-z]\.(?:[ ]?[a-z]\.)?)"
    r"|[ ]{2}(?P<w>[A-Z]\.[ ]?[A-Z]\.(?:[ ]?[A-Z]\.)?))[ \t]{0,4}(?=\n|$)"
)
#: Two or three letters that stand for something else in notes, folded.
_SHORT = plain_words("short_en")
#: After a label: what is no initials there.
_NO_ANSWER = word_set(
    """na, no, yes, tbd, all, nos, pos, neg, rt, lt, wnl, nl, see, per, left, via, iv, po, ok"""
)
_SURE_CUE = re.compile(
    r"(?i)over-?read|tech|init|typed|trans|scribe|grossed|reader|drawn|collected|verified"
)
_STOP_SHORT = _SHORT | NOBODY
#: Two letters with full stops that are somebody's degree, a place or a way to give a drug.
_DOTTED = word_set(
    "md, rn, pa, np, do, dc, pt, ot, er, or, ed, iv, im, po, us, ie, eg, am, pm, dr, id"
)
_JUST_BY = frozenset({"by"})
_CUES = _ROLES | _LABELS | _PATIENTS | _BEFORE_INITIAL | _SIGNERS | _DONE | _WITNESSED


class NoteNames:
    """Finds names that have no capitals, and initials."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Use the word lists."""
        self._lexicon = lexicon

    def find(self, text: str) -> Iterable[Span]:
        """Yield names; they may overlap."""
        for cue in _CUE_WORD.finditer(text):
            word = cue.group().lower()
            if word in _CUES or word.endswith(_LABEL_ENDS):
                yield from self._cued(text, word, cue.end())
        for match in _LAST_FIRST_OPENING.finditer(text):
            if self._pair(match["a"], match["b"]):
                yield _person(*match.span("v"), "lower_last_first")
        yield from self._initials(text)

    def _cued(self, text: str, word: str, end: int) -> Iterable[Span]:
        """What may stand behind one cue word."""
        match = _ROLE.match(text, end) if word in _ROLES else None
        if match is not None and (
            self._given(match["v"], sure=":" in match["sep"])
            or (match["i"] is not None and ":" in match["sep"] and self._worn(match["v"]))
        ):
            last = match.end("v") if match["i"] is None else match.end("i")
            yield _person(match.start("v"), last, "role")
        if word in _LABELS or word.endswith(_LABEL_ENDS):
            match = _LABELLED.match(text, end)
            if match is not None:
                first, *rest = match["v"].split(" ")
                initial = bool(rest) and len(rest[0].rstrip(".")) == 1
                known = self._given(first, sure=True) or (initial and self._worn(first))
                if known and not (rest and self._unfit(rest[0])):
                    yield _person(*match.span("v"), "labelled")
        match = _LAST_FIRST_LABELLED.match(text, end) if word in _PATIENTS else None
        if match is not None and self._pair(match["a"], match["b"]):
            yield _person(*match.span("v"), "lower_last_first")
        match = _INITIAL_LAST.match(text, end) if word in _BEFORE_INITIAL else None
        if match is not None and not self._plain(match["last"]):
            yield _person(*match.span("v"), "lower_initial")
        yield from self._signed(text, word, end)

    def _signed(self, text: str, word: str, end: int) -> Iterable[Span]:
        """Letters behind a label or a verb: `Overread: VS`, `cannulated by TN`, `gross (klw)`."""
        if word in _SIGNERS or word.endswith("ist"):
            match = _SIGNED.match(text, end)
            if match is not None:
                letters = match["v"] or match["w"]
                if self._letters(letters, sure=_SURE_CUE.match(word) is not None):
                    last = (
                        match.end("more")
                        if match["more"]
                        else match.end("v" if match["v"] else "w")
                    )
                    yield _person(match.start("v" if match["v"] else "w"), last, "initials")
        for words, rule in ((_DONE, _DONE_BY), (_JUST_BY, _BY), (_WITNESSED, _WITNESS)):
            match = rule.match(text, end) if word in words else None
            if match is not None and self._letters(match["v"]):
                yield _person(*match.span("v"), "initials")

    def _initials(self, text: str) -> Iterable[Span]:
        """Letters at the end of a line, of whoever wrote or typed it."""
        for match in _DICTATED.finditer(text):
            letters = match["v"] or match["w"]
            halves = re.split("[/:]", letters)
            before = text[max(0, match.start() - 120) : match.end()].rsplit("\n", 1)[-1]
            line = before + text[match.end() : match.end() + 80].split("\n", 1)[0]
            closing = line.strip() == letters or line.rstrip().endswith(letters)
            told = _DICTATION.search(line) is not None
            sure = told and match["v"] is not None
            signs = match["v"] is not None and _signs(text, match.start(), halves[0])
            if signs or ((closing or told) and all(self._letters(h, sure=sure) for h in halves)):
                yield _person(*match.span(), "initials")
        for match in _TYPED_BY.finditer(text):
            group = "v" if match["v"] else "w"
            if fold(match[group]) not in FUNCTION_WORDS:
                yield _person(*match.span(group), "initials")
        for match in _CLOSING_SURE.finditer(text):
            folded = fold(match["v"])
            if folded not in _SHORT and folded not in FUNCTION_WORDS:
                yield _person(*match.span("v"), "initials")
        for rule in (_CLOSING, _CLOSING_ENTRY, _CLOSING_SLASH, _CLOSING_DOTTED, _CLOSING_LAST):
            for match in rule.finditer(text):
                group = "v" if match["v"] else "w"
                if all(self._letters(half) for half in match[group].split("/")):
                    yield _person(*match.span(group), "initials")

    def _letters(self, letters: str, *, sure: bool = False) -> bool:
        """Say whether letters can be initials: no abbreviation, no word; few are none when sure."""
        folded = fold(re.sub(r"[. ]", "", letters))
        if "." in letters and letters.isupper():
            return folded not in _DOTTED
        if sure and letters != letters.lower():
            return folded not in NOBODY and folded not in _NO_ANSWER
        if folded in _STOP_SHORT or folded in STOP or len(set(folded)) == 1:
            return False
        short = letters.islower() and "." not in letters
        if folded in FUNCTION_WORDS:
            return False
        return not (short and len(folded) > 2 and self._lexicon.common(folded))

    def _worn(self, word: str) -> bool:
        """Say whether a plain word is somebody's first name before an initial: `saffron l.`."""
        folded = fold(word)
        return self._lexicon.first_name(word) and folded not in FUNCTION_WORDS | STOP | NOBODY

    def _unfit(self, word: str) -> bool:
        """Say whether a second word behind a label is no name and no initial."""
        return len(word.rstrip(".")) > 1 and self._plain(word)

    def _plain(self, word: str) -> bool:
        folded = fold(word)
        return (
            self._lexicon.common(word)
            or folded in STOP
            or folded in NOBODY
            or folded in FUNCTION_WORDS
            or len(folded) < 3
        )

    def _given(self, word: str, *, sure: bool) -> bool:
        """Say whether a word behind a role is a first name; a colon lets it be a word as well."""
        known, folded = self._lexicon, fold(word)
        if folded in STOP or folded in NOBODY or folded in FUNCTION_WORDS or len(folded) < 3:
            return False
        if known.common(word):
            return sure and known.strong_first(word)
        return known.first_name(word) or (sure and known.surname(word))

    def _pair(self, last: str, first: str) -> bool:
        """Say whether `okafor, ada` is somebody: one word is a name and none is only a word."""
        known = self._lexicon
        if any(
            fold(w) in STOP or fold(w) in NOBODY or fold(w) in FUNCTION_WORDS for w in (last, first)
        ):
            return False
        plain = known.common(last) + known.common(first)
        if plain == 2:
            return known.strong_first(first) and known.surname(last)
        return plain == 0 or known.first_name(first)


def _signs(text: str, end: int, letters: str) -> bool:
    """Say whether a name stands shortly before whose initials the letters are: `C. P. Abrams`."""
    words = r"[ ]".join(rf"{re.escape(c)}[\w.'’\-]*" for c in letters)
    short = rf"{re.escape(letters[0])}[\w'’\-]+[ ](?:\w\.?[ ])?{re.escape(letters[-1])}[\w'’\-]+"
    near = text[max(0, end - 300) : end]
    return re.search(rf"(?<!\w)(?:{words}|{short})(?!\w)", near) is not None


def _person(start: int, end: int, rule: str) -> Span:
    return Span(start=start, end=end, entity_type="PERSON", score=0.55, source=f"names:note_{rule}")
