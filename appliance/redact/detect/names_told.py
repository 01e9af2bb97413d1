"""Names that a message tells by a phrase: `M.T. is a 13-year-old`, `we call him Bug`.

Owns `ToldNames`. Each rule needs the phrase; the lists only keep words of medicine out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from appliance.records import Span
from appliance.redact.detect.lexicon import FUNCTION_WORDS, Lexicon, fold, plain_words
from appliance.redact.detect.names_cues import EPONYMS, STOP, word_set
from appliance.redact.detect.patterns import words
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
    r"(?m)^[ \t]*(?i:(?:many[ ])?thanks(?:[ ]again)?|thank[ ]you|(?:best|kind|warm)(?:[ ]regards)?"
    r"|regards"
    r"|sincerely(?:[ ]yours)?|yours(?:[ ](?:truly|sincerely|faithfully))?|respectfully|cheers|love"
    rf"|cordially|warmly|take[ ]care)[,.!]?[ \t]*\n{{1,3}}[ \t]*[\-–—]?[ ]?(?P<v>{_WORD}"
    rf"(?:[ ]{_WORD})?)"
    r"[ \t]*(?=\n|$)"
)
#: `kids: Inti (11), Killa (8)`: names by the ages behind them.
_CHILDREN = re.compile(
    r"(?<!\w)(?i:(?:kids|children|sons|daughters|siblings|brothers|sisters|twins|grandkids"
    r"|grandchildren)[ ]?[:,\-–]?[ ])"
    rf"(?P<v>{_WORD}[ ]\(?\d{{1,2}}\)?(?:(?:,|;|[ ]and|[ ]&)[ ](?:and[ ]"
    rf"|baby[ ])?{_WORD}[ ]\(?\d{{1,2}}\)?){{0,7}})"
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
_INITIALS = re.compile(r"(?<![\w.])[A-Z]\.[ ]?[A-Z]\.(?:[ ]?[A-Z]\.)?(?!\w)")
#: Letters with full stops that are no person's: countries, times, ways and places.
_NOBODY = word_set(
    """us, uk, eu, un, usa, uae, dc, iv, im, po, pr, sl, sc, sq, er, or, ed, icu, am, pm, bid, tid,
    qid, qd, qhs, hs, prn, pc, ac, md, do, rn, np, pa, pt, ot, st, phd, ma, ba, bs, ms, mba, dds,
    dvm, jd, ie, eg, ad, bc, ii, cc, ny, nj, nc, sd, nd, nm, ri, nh, sa, ag, co, vs, id, ob, gi"""
)
_LETTERS = re.compile(r"(?<!\w)(?i:initials)[ ](?P<v>[A-Z]{2,3}|[a-z]{2,3})(?=[.,;)\n]|$)")
#: `dr bose`: a plain word that is a surname, unless it is what doctors do or have.
_TITLED = re.compile(r"(?<![\w@.\-])(?:dr|prof|mr|mrs)\.?[ ](?P<v>[a-z]{3,}(?:[-'’][a-z]+)?)(?!\w)")
_DOES = word_set(
    """said, office, visit, note, order, list, letter, will, want, wanna, call, told, bill, may,
    gave, put, seen, saw, just, never, ever, even, still, also, then, over, back, here, there,
    today, now, please, page, sign, see, care, test, room, line, house, help, think, thought, feel,
    felt, keep, kept, took, take, made, make, gonna, got, get, let, left, right, good, new, old,
    best, first, next, last, one, two, type, shopping, google, strange, love, pepper, web"""
)
#: `kl/RN`: letters before a credential.
_WHO = re.compile(
    r"(?<![\w/])(?P<v>[A-Za-z]{2,3})/(?:RN|LPN|LVN|CNA|MD|DO|NP|PA|RT|RRT|PT|OT|MA|CMA|RPN|RPh)"
    r"(?![\w/])"
)
#: `charted 12/30 by sw.`: who did it, in lower case.
_BY = re.compile(r"(?<=[a-z\d] by )(?P<v>[a-z]{2,3})(?=[.;)\n]|,[ ]|$)")
#: `Okonjo, 71M`, `Okafor 45 yo`: a lone surname before an age.
_AGED = re.compile(
    rf"(?<![\w'’.\-])(?P<v>{_WORD}),?[ ]\(?\d{{1,3}}[ ]?(?:[MF]\b|(?:yo|y/o)\b|-?[ ]?year-?[ ]?old)"
)
#: How a message opens: `sunny's cast`, `nneka here`, `hiroshi is my father`, `rooster my brother`.
_KIN = (
    r"(?:father|dad|mother|mom|mum|brother|sister|son|daughter|wife|husband|kid|child|uncle|aunt"
    r"|friend|partner)"
)
_OPENS = re.compile(
    rf"\A[\s“]*(?P<v>[a-z]{{3,}})(?=['’]s[ ]|[ ]here\b|[ ]again\b|[ ](?:is[ ])?my[ ]{_KIN}\b"
    rf"|,[ ]\d{{1,2}},)"
)
#: `my ex chip has`, `my kid yusuf he`: a name without a capital behind kin.
_LOWER_KIN = re.compile(
    r"(?<![\w'’])(?:my|his|her|our)[ ](?:little[ ]|older[ ]|younger[ ]|big[ ]|twin[ ])?(?:kid|ex"
    r"|girl|boy|son"
    r"|daughter|brother|sister|wife|husband|hubby|partner|boyfriend|girlfriend|bf|gf|cousin|nephew"
    r"|niece|uncle"
    r"|aunt|auntie|grandson|granddaughter|friend|roommate|neighbor|mate|baby|toddler)[ ]"
    r"(?P<v>[a-z]{3,}(?:-[a-z]+)?)(?=[ ](?:is|was|has|had|he|she|and|who|just|got|had|fell|said"
    r"|says|keeps"
    r"|started|gets|takes|did|does|wont|cant)\b|[,.;)]|['’]s\b|$)"
)
_NAME_NA = re.compile(
    r"(?<![Bb]rand )(?<![Tt]rade )(?<!eneric )(?<!rug )"
    r"(?i:(?<!\w)name[ ](?:na|is|be|he|she|are)?[ ]?)(?P<v>[a-z]{3,})(?=[ ,.;]|$)"
)
#: `K-E-A-L-O-H-A`: a name that is spelled.
_SPELLED = re.compile(r"(?<![\w\-])[A-Z](?:[\-.][A-Z]){3,}(?![\w\-])")
#: `Her twin Biscuit did not`, `— Viliami`: any word with a capital in a place for a name.
_TWIN = re.compile(
    r"(?<!\w)(?:[Mm]y|[Hh]is|[Hh]er|[Tt]heir|[Oo]ur)[ ](?i:(?:twin|brother|sister|son|daughter"
    r"|cousin|nephew|niece|baby|wife"
    rf"|husband|partner|mother|father|grandson|granddaughter)[ ])(?P<v>{_WORD})(?=[ ](?:is|was|has"
    rf"|had|did|does"
    r"|said|says|told|will|can|could|would|takes|took|lives|lived|drove|called|came|who)\b)"
)
_DASHED = re.compile(rf"(?m)(?:[ ][\-—–]|--)[ ]?(?P<v>{_WORD})[ \t]*(?=\n|\Z)")
_SHORT_WORDS = plain_words("short_en")
_UNKIN = word_set(
    "friend, friends, law, doctor, teacher, side, group, room, just, then, also, when"
)


class _Rule(NamedTuple):
    """An expression, and the words without one of which it cannot match."""

    regex: re.Pattern[str]
    needs: tuple[str, ...] = ()


#: Any word may be the name: the phrase says so.
_SURE = (
    _Rule(_CALLED, ("call", "goes by", "went by", "go by", "answers to")),
    _Rule(
        _CLOSES,
        words(
            "thank, regards, sincer, yours, cheers, love, cordial, warm, respect, best, take care"
        ),
    ),
    _Rule(_TWIN, ("my ", "his ", "her ", "their ", "our ")),
    _Rule(_SPELLED, ("-", ".")),
)
#: The word is no word of the language, no place and nothing of medicine.
_RARE = (
    _Rule(_AGED),
    _Rule(_DASHED, ("-",)),
    _Rule(_SUBJECT, ("she", "he's", "he’s", "he is", "he was", "who")),
    _Rule(_PLACED, ("room", "rm ", "bed ", "bay ", "cubicle")),
)
_LOWER = (
    _Rule(_OPENS),
    _Rule(_LOWER_KIN, ("my ", "his ", "her ", "our ")),
    _Rule(_NAME_NA, ("name ",)),
)
_INITIALED = (_Rule(_WHO, ("/",)), _Rule(_BY, (" by ",)), _Rule(_LETTERS, ("initials ",)))
_DOTTED = (_Rule(_INITIALS),)
_DOCTOR = (_Rule(_TITLED, ("dr", "prof", "mr")),)
_NO_NAME = FUNCTION_WORDS | STOP | NOBODY | _NOBODY
_NO_LETTERS = FUNCTION_WORDS | _SHORT_WORDS | NOBODY
_NO_LOWER = FUNCTION_WORDS | STOP | NOBODY | _DOES | _UNKIN


class ToldNames:
    """Finds names by the phrases of messages."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Use the word lists."""
        self._lexicon = lexicon

    def find(self, text: str) -> Iterable[Span]:
        """Yield names; they may overlap."""
        low = text.lower()
        for rules, accepts in (
            (_SURE, self._any),
            (_RARE, self._rare),
            (_LOWER, self._without_capital),
            (_INITIALED, self._letters),
            (_DOTTED, self._dotted),
            (_DOCTOR, self._doctor),
        ):
            for rule in rules:
                if not rule.needs or any(need in low for need in rule.needs):
                    yield from (_person(m) for m in rule.regex.finditer(text) if accepts(m))
        for match in _CHILDREN.finditer(text):
            yield from map(_person, _CHILD.finditer(text, *match.span("v")))

    def _any(self, match: re.Match[str]) -> bool:
        """Say whether no word is a function word or a post; a letter may be signed `Will`."""
        words = _name(match).split(" ")
        if len(words) == 1 and match.re is _CLOSES and self._lexicon.first_name(words[0]):
            return True
        return not any(fold(w) in _NO_NAME for w in words)

    def _rare(self, match: re.Match[str]) -> bool:
        return not any(self._plain(w) for w in _name(match).split(" "))

    @staticmethod
    def _letters(match: re.Match[str]) -> bool:
        return fold(_name(match)) not in _NO_LETTERS

    def _doctor(self, match: re.Match[str]) -> bool:
        word = _name(match)
        acts = word.endswith(("s", "ed", "ing")) or fold(word) in _NO_LOWER
        return self._lexicon.surname(word) and not acts

    def _without_capital(self, match: re.Match[str]) -> bool:
        """Say whether a word in lower case is somebody: `nneka here`, `my kid yusuf he is 2`."""
        word, known = _name(match), self._lexicon
        if fold(word) in _NO_LOWER or known.medical(word):
            return False
        return not known.common(word) or (known.first_name(word) and match.re is not _NAME_NA)

    @staticmethod
    def _dotted(match: re.Match[str]) -> bool:
        """Say whether initials are somebody's: `M.T. is a 13-year-old`, `signed K.M.`."""
        text, start = match.string, match.start()
        if fold(re.sub(r"[. ]", "", match.group())) in _NOBODY:
            return False
        told = _AFTER.match(text, match.end()) or _BEFORE.search(text, max(0, start - 20), start)
        return told is not None

    def _plain(self, word: str) -> bool:
        known, folded = self._lexicon, fold(word)
        listed = folded in EPONYMS or folded in STOP or folded in NOBODY
        return listed or known.common(word) or known.place(word) or known.medical(word)


def _name(match: re.Match[str]) -> str:
    return match["v"] if "v" in match.re.groupindex else match.group()


def _person(match: re.Match[str]) -> Span:
    start, end = match.span("v" if "v" in match.re.groupindex else 0)
    return Span(start=start, end=end, entity_type="PERSON", score=0.55, source="names:told")
