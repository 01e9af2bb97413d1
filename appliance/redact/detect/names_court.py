"""People as judgments write them: by initials and letters, by office, in lists, with particles.

Owns `CourtNames`, which is asked only in texts of courts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from appliance.records import Span
from appliance.redact.detect.lexicon import FUNCTION_WORDS, fold, plain_lines, plain_words
from appliance.redact.detect.names_court_words import (
    CLOCKS,
    DEGREE,
    DOTTED,
    FOREIGN,
    FORMS,
    NOT_CODES,
    OFFICES,
    PLURAL,
    POSTS,
    RANK,
    SHORT,
    TITLES,
)
from appliance.redact.detect.names_cues import word_set
from appliance.redact.detect.names_shapes import TOKEN, UPPER, Trimmer

#: One letter of a name; alphabets that need two or three for one: "Ye.", "Sh.", "Dzh.".
_LETTERS = rf"(?:Dzh|Shch|Tsv|Chr|Ant|Alex|[{UPPER}][a-zà-ž]|[{UPPER}])"
_ONE = rf"{_LETTERS}\."
INITIALS = rf"{_ONE}(?:[ ]?-?{_ONE}){{0,3}}(?:-[{UPPER}])?"
_PARTICLE = (
    r"(?:de[ ]las|de[ ]los|de[ ]la|de[ ]le|de|da|do|dos|das|del|della|dello|dei|degli|delle|dalla"
    r"|dal|di|du|des|d’|d'|van[ ]der|van[ ]den|van[ ]de|van[ ]’t|van[ ]'t|van|von[ ]der|von[ ]dem"
    r"|von[ ]und[ ]zu|von|vom|zum|zur|zu|und|der|den|la|le|les|lo|el|al|bin|binti|bint|ibn|ben|bou"
    r"|abu|ter|ten|te|tot|op[ ]de|in[ ]’t|in[ ]'t|in[ ]de|af|av|och|y|e|i|ul|ur|ud|ní|nic|ó|mac"
    r"|ap|ab|ferch|née|nee|oğlu|oglu|ogly|ogli|qızı|qizi|kızı|kizi|gizi|kyzy|uulu|ugli|özvegy|dr\."
    r"|ved\.|vda\.|viuda[ ]de|veuve|épouse|ép\.|geb\.|roz\.|verw\.|u|lu)"
)
_BEHIND = (
    r"(?:oğlu|oglu|ogly|ogli|qızı|qizi|kızı|kizi|gızı|gizi|kyzy|uulu|ugli|hanum|bey|zoda|zadə)"
)
_NICK = rf"[\"“„«‘(]{TOKEN}(?:[ ]{TOKEN}){{0,2}}[\"”“»’)]"
#: A whole name: initials, words with a capital, particles, a nickname in the middle.
NAME = (
    rf"(?:(?:{INITIALS}[ ]?)?(?:{_PARTICLE}[ ]?){{0,3}}{TOKEN}|{INITIALS}(?=[ ]{_PARTICLE}[ ]))"
    rf"(?:[ ](?:{_PARTICLE}[ ]?){{1,3}}{TOKEN}|[ ](?:{INITIALS}[ ]?){TOKEN}"
    rf"|[ ][{UPPER}][a-zà-ž]{{2,4}}\.[ ](?!(?:He|She|It|The|In|On|They|At|His|Her|This|As|By|For|We"
    rf"|A|An|I|If|Mr|Mrs|Ms|Dr|When|That|There|To|No|Its|Their|After|Before|But|And)(?!\w)){TOKEN}"
    rf"|[ ]{TOKEN}|-[’'](?:t|s)[ ]{TOKEN}|[ ][{UPPER}]\.(?![ ]?[{UPPER}])"
    rf"|[ ]{_NICK}(?=[ ]{TOKEN})|[ -]{_BEHIND}(?!\w)){{0,6}}"
)
_TITLED = re.compile(
    rf"(?<![\w’'\-])(?P<t>(?:{TITLES}|{FOREIGN})\.?)[ \n](?:(?:{TITLES}|{FOREIGN}"
    rf"|{DEGREE})\.?[ ])"
    rf"{{0,4}}(?P<v>{NAME})"
)
_RANKED = re.compile(rf"(?<![\w’'\-])(?:{RANK}|HM[ ]Coroner[ ])(?P<v>{NAME})")
_NUMBERED = re.compile(
    rf"(?<![\w’'\-])(?:W?PC|PS|DC|Constable|Officer)[ ](?P<v>\d{{2,5}}[ ]{TOKEN})"
)
#: "known as 'the Bear'": whatever the quotes hold.
_KNOWN_AS = re.compile(
    r"(?i:(?:also[ ])?known[ ]as|nicknamed|alias(?:es)?|nicknames?|a\.?k\.?a\.?|pseudonym"
    r"|under[ ]the[ ]name"
    r"|the[ ]so-called|called[ ]himself|called[ ]herself)[ ,:]{1,2}[\"“„«‘']"
    r"(?P<v>[^\"”“»’'\n]{2,30})"
    r"[\"”“»’']"
)
#: `Abdurrahman Al`, `Murat Er`: surnames of two letters.
_TWO = re.compile(
    rf"(?<![\w’'\-])(?P<a>{TOKEN})[ ][{UPPER}][a-zà-ž](?=[,;.)]|[ ](?:and|was|had|who|of)\b)"
)
#: "Faith (born 2014)", "Dawn, then aged nine".
_AGED = re.compile(
    rf"(?<![\w’'\-])(?P<v>{NAME})(?=,?[ ]\(?(?:born[ ](?:in|on|\d)|(?:then[ ])?aged[ ]|(?:now["
    rf" ])?deceased))"
)
#: `I-v`, `B-kov`: what Russian courts leave of a surname.
_CUT = re.compile(
    rf"(?<![\w’'\-.])[{UPPER}][a-zà-ž]?-(?:v|va|ov|ova|ev|eva|kov|kova|in|ina|n|na|y|ko|yan|dze|k"
    rf"|ka"
    r"|ch|ich|sky|skiy|skaya|iy|ya|ev|yev|uk|chuk|enko)(?![\w\-])"
)
#: `Br. Knežević`, `Yev. Kholmogorov`: a first name cut short.
_ABBREVIATED = re.compile(
    rf"(?<![\w’'\-.])(?P<a>[{UPPER}][a-zà-ž]{{1,4}})\.[ ](?P<b>{TOKEN})(?!\w)"
)
_NOT_FIRST = word_set(
    """st, mt, ft, no, nos, art, arts, sec, fig, vol, ch, dr, mr, mrs, ms, prof, jr, sr, inc, ltd
    , co, str, ul, pl, av, ave, bd, nr, sgt, lt, capt, col, gen, maj, rev, hon, etc, al, v, cf, ed
    , para, paras, app, dec, jan
    , feb, mar, apr, aug, sept, sep, oct, nov, lda, corp, rd"""
)
#: `May King, probation officer`: what somebody is, behind the name.
_APPOSED = re.compile(
    rf"(?<![\w’'\-])(?P<v>{NAME}),[ ](?:(?:an?|the|his|her|their|then|acting)[ ])?(?:[a-z\-]+["
    rf" ]){{0,2}}"
    rf"{OFFICES}(?!\w)"
)
_RE = re.compile(r"(?<!\w)(?:Re|In[ ]re|R[ ]v\.?|Case[ ]of)[ ](?P<v>[A-Z]{1,2})(?=[ ]\(|[,.;)])")
_OF_OFFICE = re.compile(rf"(?<![\w’'\-])(?i:{OFFICES})(?P<c>,)?[ ](?P<v>{NAME})(?P<end>[,.;)]?)")
_ITEM = rf"(?:{TITLES}\.?[ ])?(?:{INITIALS}(?![ ]?[{UPPER}])|{NAME}|[{UPPER}](?!\w))"
_LIST = re.compile(
    rf"(?<![\w’'\-]){PLURAL}(?:,|:)?[ ](?P<v>{_ITEM}(?:,[ ](?:and[ ])?{_ITEM}){{0,12}}"
    rf"(?:,?[ ](?:and|or)[ ]{_ITEM})?)"
)
_ITEMS = re.compile(_ITEM)
_COMPOSED = re.compile(
    r"(?:composed[ ]of|consisting[ ]of)(?:[^\n]{0,60}:)?[ \n](?P<v>[\s\S]{10,1500}?)"
    r"(?=Having[ ]|Delivers|After[ ]having|PROCEDURE|\n\n\n)"
)
_BENCH = re.compile(
    rf"(?:^|(?<=[\n,;:]))[ ]*(?:and[ ])?(?:{TITLES}\.?[ ])?(?P<v>{NAME})[ ]*(?=[,;\n])"
)
_QUOTED = re.compile(rf"(?<!\w)(?P<v>{_NICK}[ ]{TOKEN}(?:[ ]{TOKEN})?)")
_BORN = re.compile(rf"(?<!\w)(?:née|nee|geb\.|geborene|maiden[ ]name)[ :]{{1,2}}(?P<v>{NAME})")
_PREFIX = re.compile(rf"(?<!\w)(?P<v>(?:[öÖ]zvegy|[öÖ]zv\.|[iI]fj\.|[iI]d\.|[iI]fjabb)[ ]{NAME})")
_SUFFIXED = re.compile(rf"(?<![\w’'\-])(?P<v>(?:{TOKEN}[ ]){{0,3}}{TOKEN}[ \-]{_BEHIND})(?!\w)")

_SINGLE = re.compile(rf"(?<![\w.’'\-/§&]){INITIALS}(?![\w\-/])")
_BARE = re.compile(r"(?<![\w.’'\-/§&(\[])[A-Z](?![\w\-/&+*%=]|\.\w|[ ]?\))")
#: "HJ (Iran)", "MK (Somalia)": tribunals name the people they protect so.
_OF_NATION = re.compile(r"[ ]\((?P<v>[A-Z][a-z]+(?:[ ][A-Z][a-z]+)?)\)")
_CODE = re.compile(r"(?<![\w.’'\-/§&])[A-Z]{2,3}(?![\w\-/&.])")
#: What a letter is of: "hepatitis C", "Series A", "Annex B", "point (c)"; lists of them.
_KIND = re.compile(
    r"(?i:(?:vitamins?|hepatitis|types?|groups?|class(?:es)?|factor|stage|grade|figure|fig"
    r"|sections?"
    r"|appendix|exhibits?|schedules?|plans?|phase|categor(?:y|ies)|levels?|units?|options?|parts?"
    r"|annex(?:es)?|tables?|panel|team|chapters?|articles?|rooms?|beds?|gate|form|apt|suite|points?"
    r"|lines?|series|letters?|items?|paragraphs?|sub-?paragraphs?|heads?|headings?|titles?|books?"
    r"|blocks?|buildings?|wings?|cells?|wards?|zones?|areas?|sectors?|plots?|lists?|volumes?"
    r"|protocols?|compan(?:y|ies)|firm|no|nos|nr|§+|house|flat|entrance|staircase|visas?"
    r"|licen[cs]es?"
    r"|division|chamber|tier|road|motorway|route|influenza|strain|sample|version|model|rule|size"
    r"|villages?|towns?|cit(?:y|ies)|court|newspaper|state|country|bank|school|hospital|vehicle|car"
    r"|equipment|site|parcel|dossier|document|decision|question|judgment|variant|article|mark)\.?"
    r"[ ](?:[A-Z],[ ]){0,4}(?:[A-Z][ ](?:and|or|to)[ ])?)$"
)
_ROLE = re.compile(
    rf"(?<![^\W_])(?:(?i:{OFFICES}s?)|(?i:children|witnesses|certain|named|called|one|alias"
    r"|nicknamed|Messrs|initials|behalf"
    r"|(?:referred[ ]to|known|identified|designated|anonymised|described)[ ]as))"
    r"(?:[ ]of)?[,:]?[ ][\"“]?$"
)
_TITLE_BEFORE = re.compile(rf"(?<!\w){TITLES}\.?[ ]$")
_NEAR = re.compile(
    r"(?:(?<!\w)(?:by|with|to|from|of|against|and|that|between|when|while|saw|met|told|for|if"
    r"|because|where|which|whom|or|as|asked|accused|beat|hit|shot|killed|attacked|arrested"
    r"|indicted|questioned|charged|convicted|v\.|after|before|but|then|on)|[,;])[ ]$|[.!?][ ]$"
    r"|^$|\n[ ]*$"
)
_DOES = re.compile(
    r"(?:’s|'s)(?![ ]?rights)|[,;)]|[ ](?:and[ ](?:[A-Z]\b|M(?:r|rs|s)\b|Others|the|his|her"
    r"|an?\b)|v\.|was|were|had|has|is|stated|told"
    r"|testified|alleged|submitted|lodged|claimed|gave|who|said|went|did|could|would|left|came|died"
    r"|lived|lives|made|took|put|began|saw|met|ran|fell|on|in|at|to|for|with|that|as"
    r"|[a-z]{2,}ed)(?!\w)"
    r"|[.]?$|[.](?=[ \n])"
)
_JOINED = re.compile(r"(?:\)|(?<!\w)[A-Z]{2})(?:,|,?[ ]and|[ ]or)[ ]$")
_HEADING = re.compile(r"(?:^|\n)[ \t]*(?:\d{1,2}\.[ ])?$")
_NUMBER_AFTER = re.compile(r"[ ]?(?:nos?\.|n\.|n°|no\b|\d)")
_ACTED_ON = re.compile(
    r"(?:questioned|told|met|saw|arrested|interviewed|heard|by|with|against|that|and|between"
    r"|from)[ ]$"
)
_CLOCK = re.compile(r"(?<!\b(?:19|20)\d)\d[ ]?$")
_COMPANY_BEFORE = re.compile(rf"(?:[{UPPER}][\w’'\-]*|[\"”’»])[ ,]{{1,2}}$")


class CourtNames:
    """Finds people in texts of courts by what judgments do."""

    def __init__(self, trimmer: Trimmer) -> None:
        """Use the lists and stop words of a trimmer."""
        self._trimmer = trimmer
        self._lexicon = trimmer.lexicon
        self._nations = plain_lines("nations_en")
        self._never = plain_words("months_days_en") | FUNCTION_WORDS

    def find(self, text: str) -> Iterable[Span]:
        """Yield names; they may overlap."""
        yield from self._titled(text)
        for match in _OF_OFFICE.finditer(text):
            yield from self._of_office(text, match)
        for match in _LIST.finditer(text):
            yield from self._items(text, *match.span("v"))
        for match in _COMPOSED.finditer(text):
            for judge in _BENCH.finditer(text, *match.span("v")):
                yield from self._whole(text, *judge.span("v"), 0.6, "bench")
        yield from self._forms(text)
        yield from self._letters(text)

    def _forms(self, text: str) -> Iterable[Span]:
        """Names that their own form gives away."""
        for rule in (_QUOTED, _BORN, _PREFIX, _SUFFIXED, _AGED):
            for match in rule.finditer(text):
                yield from self._whole(text, *match.span("v"), 0.6, "court_form")
        for rule in (_NUMBERED, _KNOWN_AS, _RE):
            for match in rule.finditer(text):
                yield _person(*match.span("v"), 0.6, "court_form")
        for match in _TWO.finditer(text):
            if self._lexicon.strong_first(match["a"]):
                yield _person(*match.span(), 0.5, "court_form")
        yield from self._cut(text)

    def _cut(self, text: str) -> Iterable[Span]:
        """`I-v`, `Br. Knežević`, and a plain name before what somebody is."""
        for match in _CUT.finditer(text):
            yield _person(*match.span(), 0.5, "court_form")
        for match in _ABBREVIATED.finditer(text):
            listed = fold(match["a"]) in _NOT_FIRST or self._lexicon.common(match["b"])
            if not listed and not self._trimmer.stopped(match["b"]):
                yield _person(*match.span(), 0.5, "court_form")
        for match in _APPOSED.finditer(text):
            words = match["v"].split(" ")
            if len(words) > 1 and self._lexicon.first_name(words[0]) and self._may_follow(words[1]):
                yield _person(*match.span("v"), 0.5, "court_form")

    def _titled(self, text: str) -> Iterable[Span]:
        """`Mr Hasan Er`, `Frau Uhlenbrock`, `DC 4471 Singh`; a foreign title is taken in."""
        for match in _TITLED.finditer(text):
            yield from self._whole(text, *match.span("v"), 0.8, "court_title")
            between = text[match.end("t") : match.start("v")]
            if "." in between or re.fullmatch(FOREIGN, match["t"].rstrip(".")):
                yield from self._whole(text, *match.span(), 0.5, "court_title")
        for match in _RANKED.finditer(text):
            yield from self._whole(text, *match.span("v"), 0.7, "court_title")

    def _whole(self, text: str, start: int, end: int, score: float, rule: str) -> Iterable[Span]:
        """A name as long as its words may be one: `Mr Hasan Er`, `Mrs Page`, `de Sá Nogueira`."""
        first: int | None = None
        last = start
        for piece in re.finditer(r"\S+", text[start:end]):
            word = piece.group().strip('"“”„«»‘’().,')
            begin = start + piece.start()
            if word[:1].isupper() and self._ends(word, opening=first is None, more=last > start):
                break
            if first is None:
                first = begin
            if word[:1].isupper() or fold(word) in _LAST:
                last = start + piece.end()
        if first is not None and last > first:
            yield _person(first, last, score, rule)

    def _ends(self, word: str, *, opening: bool, more: bool) -> bool:
        folded = fold(word)
        plain = folded in self._never and (opening or len(word) > 3)
        if folded in POSTS or (plain and not (opening and self._lexicon.first_name(word))):
            return True
        if not more and word.isupper() and len(word) > 4 and self._lexicon.common(word):
            return True
        return folded in self._nations and not self._lexicon.first_name(word) and opening

    def _of_office(self, text: str, match: re.Match[str]) -> Iterable[Span]:
        """`investigator Gentian`, `her son, Dawn, took`: a plain word there is a name."""
        start, end = match.span("v")
        words = text[start:end].split(" ")
        if match["c"] and len(words) == 1 and not match["end"]:
            return  # "the judge, Having regard".
        word = words[0].strip('"“”„«»‘’()')
        # "the co-defendant Timur": a capital behind an office in lower case is a choice.
        chosen = text[match.start()].islower() and not (
            len(words) > 1 and words[1][:1].isupper() and self._lexicon.common(words[1])
        )
        if not self._may_open(word, comma=bool(match["c"]) or chosen):
            return
        kept = start + len(words[0])
        for following in words[1:]:
            bare = following.strip('"“”„«»‘’()')
            if bare[:1].isupper() and not (following.endswith(".") or self._may_follow(bare)):
                break
            kept += 1 + len(following)
        while kept > start and text[start:kept].rsplit(" ", 1)[-1][:1].islower():
            kept = start + len(text[start:kept].rsplit(" ", 1)[0])
        yield _person(start, kept, 0.55, "office")

    def _may_open(self, word: str, *, comma: bool) -> bool:
        known = self._lexicon
        folded = fold(word)
        stopped = self._trimmer.stopped(word) or folded in self._never or folded in POSTS
        if stopped or word.isupper() or folded in self._nations:
            return False
        if not known.common(word):
            return True
        return known.first_name(word) or known.surname(word) or comma

    def _may_follow(self, word: str) -> bool:
        known = self._lexicon
        if fold(word) in self._never or fold(word) in POSTS:
            return False
        if self._trimmer.stopped(word):
            return len(word) < 5 and not word.isupper() and known.surname(word)
        return not known.common(word) or known.surname(word) or known.first_name(word)

    def _items(self, text: str, start: int, end: int) -> Iterable[Span]:
        """`judges A, Stonys and A.V.`, `her sons Ali, Can and Umut`."""
        for item in _ITEMS.finditer(text, start, end):
            words = item.group().split(" ")
            if (
                len(words[0].rstrip(".")) == 1
                or "." in words[0]
                or self._may_open(words[0], comma=True)
            ):
                if fold(words[0]) in self._never and len(words[0]) > 1:
                    continue
                yield from self._whole(text, *item.span(), 0.55, "court_list")
            elif fold(words[0].rstrip(".")) not in POSTS and len(words) > 1:
                yield from self._whole(text, *item.span(), 0.5, "court_list")

    def _letters(self, text: str) -> Iterable[Span]:
        for match in _SINGLE.finditer(text):
            if self._stands_for_one(text, match):
                yield _person(*match.span(), 0.5, "initials")
        known: set[str] = set()
        bare = list(_BARE.finditer(text)) + list(_CODE.finditer(text))
        for match in bare:
            joined = known and len(match.group()) == 2 and fold(match.group()) not in NOT_CODES
            if self._sure_letter(text, match) or (
                joined and _JOINED.search(text, max(0, match.start() - 12), match.start())
            ):
                known.add(match.group())
        for match in bare:
            value = match.group()
            article = value == "A" and not self._sure_letter(text, match)
            if article and not self._likely_letter(text, match):
                continue
            if value in known or (len(value) == 1 and self._likely_letter(text, match)):
                before = text[max(0, match.start() - 40) : match.start()]
                if not _KIND.search(before) and not _CLOCK.search(before):
                    yield _person(*match.span(), 0.45, "letter")

    def _sure_letter(self, text: str, match: re.Match[str]) -> bool:
        value = match.group()
        if value == "I" or fold(value) in NOT_CODES:
            return False
        before = text[max(0, match.start() - 40) : match.start()]
        if _KIND.search(before):
            return False
        nation = _OF_NATION.match(text, match.end()) if len(value) > 1 else None
        if nation is not None and fold(nation["v"]) in self._nations:
            return True
        cued = _TITLE_BEFORE.search(before) or _ROLE.search(before)
        return cued is not None and (
            len(value) > 1 or _DOES.match(text, match.end(), match.end() + 12) is not None
        )

    @staticmethod
    def _likely_letter(text: str, match: re.Match[str]) -> bool:
        """`playing cards with Y and Z`, `B told C that`: a letter that acts or is acted upon."""
        value = match.group()
        before = text[max(0, match.start() - 40) : match.start()]
        if value in "AI":
            return (
                value == "A"
                and re.match(r"[ ](?:and[ ]Others[ ])?v\.", text[match.end() :]) is not None
            )
        if not _NEAR.search(before) or _HEADING.search(before):
            return False
        return _DOES.match(text, match.end(), match.end() + 12) is not None

    def _stands_for_one(self, text: str, match: re.Match[str]) -> bool:
        letters = re.sub(r"[^\w]", "", match.group()).lower()
        dotted = match.group().count(".") > 1
        before = text[max(0, match.start() - 40) : match.start()]
        cued = _TITLE_BEFORE.search(before) or _ROLE.search(before)
        if _CLOCK.search(before) or _NUMBER_AFTER.match(text, match.end()):
            return False  # "21 U.S.C.", "9 A.M.", "Article 6 C.": no person.
        if dotted:
            if letters in DOTTED or letters in CLOCKS:
                return cued is not None or (letters not in DOTTED)
            return letters not in FORMS or cued is not None or not _COMPANY_BEFORE.search(before)
        if letters in SHORT or (len(letters) > 1 and fold(letters) in self._never):
            after = text[match.end() : match.end() + 2]
            if cued is None and (len(letters) < 2 or not _ACTED_ON.search(before)):
                return False
            return after[:1] in ",;" or after[1:].islower()
        if _KIND.search(before):
            return False
        after = text[match.end() : match.end() + 2]
        if _HEADING.search(before) and not after[1:].islower():
            return False
        if len(letters) > 1 and self._lexicon.common(letters):
            return cued is not None
        return True


_LAST = frozenset(fold(w) for w in _BEHIND.strip("(?:)").split("|"))


def _person(start: int, end: int, score: float, rule: str) -> Span:
    return Span(start=start, end=end, entity_type="PERSON", score=score, source=f"names:{rule}")
