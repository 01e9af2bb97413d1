"""Names that a message tells by a phrase: `M.T. is a 13-year-old`, `we call him Bug`.

Owns `ToldNames`. Each rule needs the phrase; the lists only keep words of medicine out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from appliance.records import Span
from appliance.redact.detect.lexicon import FUNCTION_WORDS, Lexicon, fold, plain_words
from appliance.redact.detect.names_cues import EPONYMS, STOP, word_set
from appliance.redact.detect.weeds import NOBODY

_WORD = r"[A-Z][\w'’\-]*[a-z]"
_CALLED = re.compile(
    r"(?<!\w)(?i:(?:we|they|i|you|everyone|everybody|friends|family|mum|mom|dad|people|folks)"
    r"(?:[ ](?:all|just|usually|both))?[ ]call(?:ed|s)?[ ](?:him|her|me|them)"
    r"|goes[ ]by|went[ ]by|go[ ]by|prefers[ ]to[ ]be[ ]called|likes[ ]to[ ]be[ ]called"
    rf"|answers[ ]to)[ ](?:the[ ]name[ ])?[\"“'‘]?(?P<v>{_WORD})(?!\w)"
)
#: `Thanks,` and the next line: whoever closes a letter, also by a plain word.
_CLOSES = re.compile(
    r"(?m)^[ \t]*(?i:(?:many[ ])?thanks(?:[ ]again)?|thank[ ]you|(?:best|kind|warm)(?:[ ]regards)?|regards"
    r"|sincerely(?:[ ]yours)?|yours(?:[ ](?:truly|sincerely|faithfully))?|respectfully|cheers|love"
    rf"|cordially|warmly|take[ ]care)[,.!]?[ \t]*\n{{1,3}}[ \t]*[\-–—]?[ ]?(?P<v>{_WORD}(?:[ ]{_WORD})?)"
    r"[ \t]*(?=\n|$)"
)
#: `kids: Inti (11), Killa (8)`: names by the ages behind them.
_CHILDREN = re.compile(
    r"(?i:(?<!\w)(?:kids|children|sons|daughters|siblings|brothers|sisters|twins|grandkids"
    r"|grandchildren)[ ]?[:,\-–]?[ ])"
    rf"(?P<v>{_WORD}[ ]\(?\d{{1,2}}\)?(?:(?:,|;|[ ]and|[ ]&)[ ](?:and[ ]|baby[ ])?{_WORD}[ ]\(?\d{{1,2}}\)?){{0,7}})"
)
_CHILD = re.compile(rf"(?P<v>{_WORD})[ ]\(?\d")
_HEDGE = r"(?:(?:now|only|just|maybe|about|around|almost|nearly|roughly|already|turning)[ ])*"
#: `Letebrhan, she's maybe 80`: whoever has an age.
_SUBJECT = re.compile(
    rf"(?<![\w'’.\-])(?P<v>{_WORD}(?:[ ]{_WORD}){{0,2}}),?[ ](?:and[ ])?"
    rf"(?:s?he(?:['’]s|[ ]is|[ ]was)|who(?:['’]s|[ ]is|[ ]was))[ ]{_HEDGE}\d{{1,3}}"
    r"(?=[,.;)\n]|[ ](?:years?|yrs?|and|with|but|now)\b|$)"
)
#: `Cosgrave, side room 2`: who lies there.
_PLACED = re.compile(
    rf"(?<![\w'’.\-])(?P<v>{_WORD}),?[ ](?:side[ ]?room|(?i:room|rm|bed|bay|cubicle))[ ]#?\d"
)
_BEFORE = re.compile(
    r"(?i:(?<!\w)(?:patient|pt|client|resident|student|pupil|child|girl|boy|baby|infant|inmate"
    r"|named|called|initials|initialled|initialed|son|daughter|brother|sister|husband|wife|mother"
    r"|father|partner|signed|signature|admit|admitting|discharge|discharging)[ :,]{1,2})$"
)
_AFTER = re.compile(
    r"(?:['’]s[ ](?:mother|father|mom|mum|dad|parents?|wife|husband|son|daughter|family|sister"
    r"|brother|age|record|chart|guardian|carer|school)"
    r"|,?[ ](?:is|was)[ ](?:an?|the|now)[ ](?:[\w\-]+[ ]){0,3}?(?:\d|man|woman|boy|girl|male|female"
    r"|patient|lady|gentleman|student|child|infant|baby|teen)"
    r"|,?[ ](?:aged?[ ])?\d{1,3}(?:[ ]?(?:yo|y/o|years?)\b|[ \-]years?|[ ]?[MFmf]\b|,)"
    r"|,[ ](?:an?[ ](?:\d|man|woman|boy|girl)|who|whose|born|aged)\b"
    r"|[ ]\(?(?:DOB|born|dob|MRN|aged)\b"
    r"|[ ](?:presents|presented|reports|reported|denies|denied|complains|complained|told|lives"
    r"|lived|says|said|returned|asks|asked|refuses|refused|weighs|takes|has[ ]been)\b)"
)
_DOTTED = re.compile(r"(?<![\w.])[A-Z]\.[ ]?[A-Z]\.(?:[ ]?[A-Z]\.)?(?!\w)")
#: Letters with full stops that are no person's: countries, times, ways and places.
_NOBODY = word_set(
    """us, uk, eu, un, usa, uae, dc, iv, im, po, pr, sl, sc, sq, er, or, ed, icu, am, pm, bid, tid,
    qid, qd, qhs, hs, prn, pc, ac, md, do, rn, np, pa, pt, ot, st, phd, ma, ba, bs, ms, mba, dds,
    dvm, jd, ie, eg, ad, bc, ii, cc, ny, nj, nc, sd, nd, nm, ri, nh, sa, ag, co, vs, id, ob, gi"""
)
_LETTERS = re.compile(r"(?<!\w)(?i:initials)[ ](?P<v>[A-Z]{2,3}|[a-z]{2,3})(?=[.,;)\n]|$)")
#: `dr bose`: a plain word that is a surname, unless it is what doctors do or have.
_DOCTOR = re.compile(r"(?<![\w@.\-])(?:dr|prof|mr|mrs)\.?[ ](?P<v>[a-z]{3,}(?:[-'’][a-z]+)?)(?!\w)")
_DOES = word_set(
    """said, office, visit, note, order, list, letter, will, want, wanna, call, told, bill, may,
    gave, put, seen, saw, just, never, ever, even, still, also, then, over, back, here, there,
    today, now, please, page, sign, see, care, test, room, line, house, help, think, thought, feel,
    felt, keep, kept, took, take, made, make, gonna, got, get, let, left, right, good, new, old,
    best, first, next, last, one, two, type, shopping, google, strange, love, pepper, web"""
)


#: `kl/RN`: letters before a credential.
_WHO = re.compile(
    r"(?<![\w/])(?P<v>[A-Za-z]{2,3})/(?:RN|LPN|LVN|CNA|MD|DO|NP|PA|RT|RRT|PT|OT|MA|CMA|RPN|RPh)(?![\w/])"
)
#: `charted 12/30 by sw.`: who did it, in lower case.
_BY = re.compile(r"(?<=[a-z\d] by )(?P<v>[a-z]{2,3})(?=[.;)\n]|,[ ]|$)")
#: `Okonjo, 71M`, `Okafor 45 yo`: a lone surname before an age.
_AGED = re.compile(
    rf"(?<![\w'’.\-])(?P<v>{_WORD}),?[ ]\(?\d{{1,3}}[ ]?(?:[MF]\b|(?:yo|y/o)\b|-?[ ]?year-?[ ]?old)"
)
#: How a message opens: `sunny's cast`, `nneka here`, `hiroshi is my father`, `rooster my brother`.
_KIN = r"(?:father|dad|mother|mom|mum|brother|sister|son|daughter|wife|husband|kid|child|uncle|aunt|friend|partner)"
_OPENS = re.compile(
    rf"\A[\s“]*(?P<v>[a-z]{{3,}})(?=['’]s[ ]|[ ]here\b|[ ]again\b|[ ](?:is[ ])?my[ ]{_KIN}\b|,[ ]\d{{1,2}},)"
)
#: `my ex chip has`, `my kid yusuf he`: a name without a capital behind kin.
_LOWER_KIN = re.compile(
    r"(?<![\w'’])(?:my|his|her|our)[ ](?:little[ ]|older[ ]|younger[ ]|big[ ]|twin[ ])?(?:kid|ex|girl|boy|son"
    r"|daughter|brother|sister|wife|husband|hubby|partner|boyfriend|girlfriend|bf|gf|cousin|nephew|niece|uncle"
    r"|aunt|auntie|grandson|granddaughter|friend|roommate|neighbor|mate|baby|toddler)[ ]"
    r"(?P<v>[a-z]{3,}(?:-[a-z]+)?)(?=[ ](?:is|was|has|had|he|she|and|who|just|got|had|fell|said|says|keeps"
    r"|started|gets|takes|did|does|wont|cant)\b|[,.;)]|['’]s\b|$)"
)
_NAME_NA = re.compile(r"(?i:(?<!\w)name[ ](?:na|is|be|he|she|are)?[ ]?)(?P<v>[a-z]{3,})(?=[ ,.;]|$)")
#: `K-E-A-L-O-H-A`: a name that is spelled.
_SPELLED = re.compile(r"(?<![\w\-])[A-Z](?:[\-.][A-Z]){3,}(?![\w\-])")
#: `Her twin Biscuit did not`, `— Viliami`: any word with a capital in a place for a name.
_TWIN = re.compile(
    r"(?i:(?<!\w)(?:my|his|her|their|our)[ ](?:twin|brother|sister|son|daughter|cousin|nephew|niece|baby|wife"
    rf"|husband|partner|mother|father|grandson|granddaughter)[ ])(?P<v>{_WORD})(?=[ ](?:is|was|has|had|did|does"
    r"|said|says|told|will|can|could|would|takes|took|lives|lived|drove|called|came|who)\b)"
)
_DASHED = re.compile(rf"(?m)(?:[—–]|--)[ ]?(?P<v>{_WORD})[ \t]*(?=\n|\Z)")
_SHORT_WORDS = plain_words("short_en")
_UNKIN = word_set("friend, friends, law, doctor, teacher, side, group, room, just, then, also, when")


class ToldNames:
    """Finds names by the phrases of messages."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Use the word lists."""
        self._lexicon = lexicon

    def find(self, text: str) -> Iterable[Span]:
        """Yield names; they may overlap."""
        for match in _CALLED.finditer(text):
            if fold(match["v"]) not in FUNCTION_WORDS | STOP:
                yield _person(*match.span("v"))
        for match in _CLOSES.finditer(text):
            if not any(fold(w) in FUNCTION_WORDS for w in match["v"].split(" ")):
                yield _person(*match.span("v"))
        for match in _CHILDREN.finditer(text):
            for child in _CHILD.finditer(text, *match.span("v")):
                yield _person(*child.span("v"))
        for rule in (_SPELLED, _TWIN, _DASHED):
            for match in rule.finditer(text):
                group = "v" if "v" in rule.groupindex else 0
                if fold(match[group]) not in FUNCTION_WORDS | _NOBODY | NOBODY:
                    yield _person(*match.span(group))
        yield from self._without_capitals(text)
        for match in _AGED.finditer(text):
            if not self._plain(match["v"]) and fold(match["v"]) not in NOBODY:
                yield _person(*match.span("v"))
        for match in _SUBJECT.finditer(text):
            words = match["v"].split(" ")
            if not any(self._plain(w) for w in words):
                yield _person(*match.span("v"))
        for match in _PLACED.finditer(text):
            if not self._plain(match["v"]) and self._lexicon.surname(match["v"]):
                yield _person(*match.span("v"))
        yield from self._letters(text)
        for match in _DOCTOR.finditer(text):
            word = match["v"]
            acts = word.endswith(("s", "ed", "ing")) or fold(word) in FUNCTION_WORDS | _DOES | STOP
            if self._lexicon.surname(word) and not acts:
                yield _person(*match.span("v"))

    def _without_capitals(self, text: str) -> Iterable[Span]:
        """`nneka here`, `my kid yusuf he is 2`, `my name is ebot`."""
        known = self._lexicon
        for rule in (_OPENS, _LOWER_KIN, _NAME_NA):
            for match in rule.finditer(text):
                word = match["v"]
                folded = fold(word)
                if folded in FUNCTION_WORDS | STOP | NOBODY | _DOES | _UNKIN or known.medical(word):
                    continue
                if not known.common(word) or (known.first_name(word) and rule is not _NAME_NA):
                    yield _person(*match.span("v"))

    def _letters(self, text: str) -> Iterable[Span]:
        """`M.T. is a 13-year-old`, `signed K.M.`, `initials tw`, `kl/RN`."""
        for rule in (_WHO, _BY):
            for match in rule.finditer(text):
                folded = fold(match["v"])
                if folded not in FUNCTION_WORDS | _SHORT_WORDS | NOBODY:
                    yield _person(*match.span("v"))
        for match in _LETTERS.finditer(text):
            if fold(match["v"]) not in FUNCTION_WORDS:
                yield _person(*match.span("v"))
        for match in _DOTTED.finditer(text):
            if fold(re.sub(r"[. ]", "", match.group())) in _NOBODY:
                continue
            told = _AFTER.match(text, match.end())
            if told or _BEFORE.search(text, max(0, match.start() - 20), match.start()):
                yield _person(*match.span())

    def _plain(self, word: str) -> bool:
        known, folded = self._lexicon, fold(word)
        return (
            known.common(word)
            or known.place(word)
            or folded in EPONYMS
            or folded in STOP
            or (known.medical(word))
        )


def _person(start: int, end: int) -> Span:
    return Span(start=start, end=end, entity_type="PERSON", score=0.55, source="names:told")
