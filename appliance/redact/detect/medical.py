"""Names that are no people: eponyms, drugs, organisms, as clinical texts write them.

Owns `Clinical`, which looks at what stands around a weak hit. A title, a label or a kinship word
makes a hit strong; strong hits are never asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from appliance.records import Span
from appliance.redact.detect.eponyms import Eponyms, shared, sure
from appliance.redact.detect.lexicon import Lexicon, fold
from appliance.redact.detect.names_cues import EPONYMS, SURE_EPONYMS
from appliance.redact.detect.weeds import READ, Weeds

#: Who finds names by their look alone.
_WEAK = frozenset(
    READ
    | {"places", "names:surname", "names:first_name", "names:credential", "names:double"}
    | {
        "pattern:org_partners",
        "pattern:place_suffix",
        "pattern:org_hyphen",
        "pattern:place_compound",
    }
)
#: Who finds names by their look or by a plain word before them; asked only for listed eponyms.
_UNSURE = _WEAK | {
    "names:cue",
    "names:listed",
    "names:subject",
    "names:bare_initial",
    "names:trailing_initial",
    "names:last_first",
    "names:couple",
    "names:credential",
    "names:party",
    "pattern:org_of_work",
    "pattern:place_cue",
    "pattern:org_saint",
    "pattern:org_chain",
    "pattern:us_city_state",
    "pattern:note_place_to",
    "pattern:note_organization_labelled",
    "orgs:cued",
    "orgs:tail",
    "names:note_role",
}
_NAMED = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "NRP"})
#: What is named after people and is never theirs: "Wilson disease", "the Duke criteria".
_SURE = (
    "disease syndrome sign signs score scores scale criteria criterion classification rings"
    " maneuver manoeuvre reflex palsy fracture fractures catheter lymphoma sarcoma carcinoma"
    " triad tetrad pentad phenomenon anastomosis stain agar phenotype antigen antibody virus"
    " syndromes chorea ataxia dystrophy contracture esophagus oesophagus thyroiditis arteritis"
    " formula nomogram questionnaire inventory granuloma aphasia spots lactate fascia"
)
#: What may be named after people, or be theirs: it takes a known eponym, or two joined names.
_MAYBE = (
    "test tests law procedure operation repair tumor tumour bodies body cells cell nodes node"
    " nodules tube drain graft flap position respirations breathing gait pulse dementia anemia"
    " index lines line loop duct gland splint frame pin nail ligament curve stage grade murmur"
    " valve stent balloon forceps clamp retractor regimen solution tendon tendinitis canal fossa"
    " hump cyst neuroma ulcer click shoe liner scan band boot brace collar tongs mask needle blade"
    " scope hook knife clip staple screw plate rod wire cage patch mesh port airway loops blocks"
    " pouch space triangle incision guidelines level point membrane epi"
    "lepsy nevus rule rules protocol bypass suture"
)
_BETWEEN = r"(?:(?:coma|treadmill|dvt|pe|dementia|depression|anxiety|risk|heart|back)[ ])?"
_EPONYM = re.compile(
    rf"(?:['’]s?|s['’])?[ ]{_BETWEEN}(?:{'|'.join(_SURE.split())})(?![\w\-])"
    r"(?<!sign(?=[ ](?:the|an?|his|her|their|this|that|these|off|up|in|out|for|it)\b))",
    re.IGNORECASE,
)
_POSSIBLE = re.compile(rf"(?:['’]s?|s['’])?[ ](?:{'|'.join(_MAYBE.split())})(?![\w\-])")
_RESULT = re.compile(
    r"(?:['’]s?)?(?:(?:[ ](?:and|or|&)[ ]|,[ ]|[ ]?/[ ]?)[\w\-]+(?:['’]s?)?){0,4}[ ](?:is[ ]|was["
    r" ]|were[ ])?"
    r"(?:neg(?:ative)?|pos(?:itive)?|absent|present|equivocal|elicited|\+|-ve|\+ve)(?!\w)"
)
#: Right behind a name that signs share: "Hawkins +", "Jobe 4/5".
_FINDING = re.compile(
    r"(?:['’]s?)?(?:[ ]?(?:\(?\+\)?(?!\w)|\(-\)|-ve)|\?|[ ](?:nl|wnl|neg(?:ative)?|pos(?:itive)?"
    r"|equivocal|no(?=[.,;]))(?!\w)(?![ ]for)|[ ][0-5]/5|[ ][+\-]\d)"
)
_DOSE = re.compile(
    r"(?:[ ](?:XR|ER|SR|CR|LA|HCT|DS))?,?[ ]\d+(?:[.,]\d+)?(?:[/\-]\d+(?:\.\d+)?)*[ ]?"
    r"(?:mg|mcg|ug|µg|ml|units?|iu|meq|puffs?|tabs?|tablets?|caps?|capsules?|drops|gtts?)(?!\w)"
    r"|[ ](?:tablets?|capsules?|ointment|cream|inhaler|drip|infusion|trough)(?!\w)",
    re.IGNORECASE,
)
_DENIED = re.compile(r"(?i:no|neg|neg for|negative for|pos for|positive for|denies)[ ]$")
#: Stems that the WHO keeps for the names of drugs (International Nonproprietary Names).
_STEM = re.compile(
    r"[a-z]{2,}(?:mab|tinib|ciclib|parib|pril|sartan|olol|statin|conazole|cillin|mycin|floxacin"
    r"|dipine|parin|xaban|gatran|gliptin|gliflozin|glutide|prazole|tidine|caine|azepam|azolam"
    r"|triptan|setron|vudine|buvir|tegravir|navir|ciclovir|cycline|solone|asone|profen|coxib"
    r"|fibrate|thiazide|semide|oxetine|pramine|triptyline|azine|idone|apine|barbital|curium"
    r"|curonium|tropium|terol|lukast|grelor|platin|rubicin|taxel|bicin|trexate|mustine|limus"
    r"|micin|penem|bactam|ceph\w+|cef\w+|sulfa\w+|nidazole|quine|formin|glitazone|gliclazide"
    r"|dronate|calcitriol|kinra|cept|stim|poetin|plase)s?"
)
#: "Clostridium difficile", "Candida albicans": a genus and a Latin species in lower case.
_SPECIES = re.compile(
    r"[ ][a-z]{3,}(?:ii|us|um|is|ae|ans|ens|oides|ile|icum|ica|ori|oli|eri|ini|osa|osum|alis)(?!\w)"
)
_GENUS = re.compile(r"[A-Z][a-z]+(?:us|um|ia|ea|is|ella|bacter|cter|spora|phyton|coccus|ma|da|x)")
_AFTER = 40
#: What a model takes in behind a name: a sign, words without a capital.
_TAIL = re.compile(r"(?:[ ]\+|[ ][0-5]/5|[ ](?:nl|no|neg|pos|wnl|normal|negative|positive))$")
_SIDE = re.compile(r"[A-Z]\.[ ]\w+")
#: What follows the name of a scale: a grade in Roman numerals, a part of a whole, a unit, a total.
_WORD_BEFORE = re.compile(r"(?P<v>[A-Z][\w'’\-]+)[ ]$")
_GRADED = re.compile(
    r"[ ](?:(?:type|grade|class|stage|level)[ ])?(?:[IVX]{1,3}[ab]?(?![\w.'’\-])"
    r"|\d{1,3}(?:\.\d+)?(?:%|/\d|[ ]?(?:s|sec|mm|cm|kg|mg|mcg"
    r"|points?|pts)\b)|\d{1,2}(?=[,;]|\.(?!\d))|\d[A-C]{1,2}\b)"
)
_SURE_SCORE = 0.6
_NAMED_AFTER = EPONYMS | SURE_EPONYMS | sure()
_SHARED_AFTER = shared()
_TOTAL = re.compile(r"[ ]\d{1,2}")
_ROMAN_END = re.compile(r"[ ](?:[IVX]{1,3}\.?|\d[A-C]{2})$")
_POSSESSIVE = re.compile(r"['’]s?")
_PARTS = re.compile(r"[^\W\d_]{3,}")


class Clinical:
    """Says which weak hits are words of medicine."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Remember the lists of names: a stem alone makes no drug of a name."""
        self._lexicon = lexicon
        self._eponyms = Eponyms()
        self._weeds = Weeds(lexicon)

    def people(self, text: str, spans: Iterable[Span]) -> list[Span]:
        """Return the spans without those that name a disease, test, drug or organism.

        Args:
            text: the plain text of the spans.
            spans: hits of any kind; only weak hits of names are looked at.
        """
        spans = list(spans)
        zones = self._eponyms.zones(text)
        people = [s for s in spans if s.entity_type == "PERSON" and s.score >= _SURE_SCORE]
        kept = []
        for span in spans:
            if self._weeds.nobody(text, span) or _credentialed(text, span, people):
                continue
            if _fraction(text, span, zones):
                continue
            if span.source == "names:initial" and _SIDE.match(text, span.start):
                if _inside(text, span, zones):
                    continue  # "boot R. Xeroform": a side, then a brand.
            elif span.entity_type in _NAMED and span.source in _UNSURE:
                if _inside(text, span, zones) or self._graded(text, span):
                    continue
                if span.source in _WEAK and self._medical(text, span.start, span.end):
                    continue
            kept.append(span)
        return kept

    def _graded(self, text: str, span: Span) -> bool:
        """Say whether a lone word that is no first name carries a grade: `Stroop 31`."""
        piece = text[span.start : span.end]
        word = _ROMAN_END.sub("", piece)
        if " " in word or len(word) < 3:
            return False
        if fold(word) in _SHARED_AFTER:
            graded = _GRADED.match(text, span.end, span.end + 20)
            return word != piece or (
                graded is not None and _TOTAL.fullmatch(graded.group()) is None
            )
        if span.source not in (*READ, "names:surname") or self._lexicon.first_name(word):
            return False
        return word != piece or _GRADED.match(text, span.end, span.end + 20) is not None

    def _medical(self, text: str, start: int, end: int) -> bool:
        piece = _TAIL.sub("", text[start:end])
        end = start + len(piece)
        word = piece.removesuffix("'s").removesuffix("’s")
        reach = min(len(text), end + _AFTER)
        if _EPONYM.match(text, end, reach) or _EPONYM.search(piece):
            return True
        if any(
            (
                self._drug(word),
                _only_eponyms(word),
                self._shared(text, word, end, reach),
                self._species(text, word, end, reach),
            )
        ):
            return True
        if fold(word) in EPONYMS and _DENIED.search(text, max(0, start - 16), start):
            return True
        if _DOSE.match(text, end, reach):
            return self._unlisted(word)
        known = any(fold(part) in _NAMED_AFTER for part in word.split("-"))
        if known or ("-" in word and " " not in word and not self._unlisted(word)):
            if _POSSIBLE.match(text, end, reach):
                return True
            if known and _RESULT.match(text, end, reach):
                return True
        if " " in word or not self._unlisted(word):
            return False
        return _STEM.fullmatch(fold(word)) is not None

    def _species(self, text: str, word: str, end: int, reach: int) -> bool:
        """Say whether a word is a genus: Candida is a first name too, but not before a species."""
        species = _SPECIES.match(text, end, reach)
        if species is None or _GENUS.fullmatch(word) is None:
            return False
        latin = species.group().strip()
        return self._unlisted(word) or self._lexicon.medical(latin)

    @staticmethod
    def _shared(text: str, word: str, end: int, reach: int) -> bool:
        """Say whether a surname is that of a sign or a device here: `Hawkins +`, `Kelly clamp`."""
        if fold(word) not in _SHARED_AFTER:
            return False
        return (
            _FINDING.match(text, end, reach) is not None
            or _POSSIBLE.match(text, end, reach) is not None
            or (
                _POSSESSIVE.match(text, end) is not None
                and _RESULT.match(text, end, reach) is not None
            )
        )

    def _drug(self, phrase: str) -> bool:
        """Say whether every word is one of medicine: `Ambien, Ativan and Zofran`."""
        words = re.findall(r"[^\W\d_]+", phrase)
        names = [w for w in words if fold(w) not in ("and", "or")]
        return bool(names) and all(self._drug_name(w) for w in names)

    def _drug_name(self, word: str) -> bool:
        return self._lexicon.medical(word) or (fold(word) in EPONYMS and self._unlisted(word))

    def _unlisted(self, phrase: str) -> bool:
        known = self._lexicon
        return not any(known.first_name(w) or known.surname(w) for w in phrase.split(" "))


def _credentialed(text: str, span: Span, people: list[Span]) -> bool:
    """Say whether `Greta, MD` is a doctor and no town of Maryland."""
    if span.source != "pattern:us_city_state":
        return False
    if not text.endswith((" MD", ",MD", " PA", " DO", " MA", " CO"), span.start, span.end):
        return False
    return any(p.start < span.end and span.start < p.end <= span.end for p in people)


def _inside(text: str, span: Span, zones: bytearray) -> bool:
    """Say whether all words of a hit, or the first of a model's organization, are eponyms."""
    parts = list(_PARTS.finditer(text, span.start, span.end))
    if span.source in READ:
        parts = [p for p in parts if not p.group().islower()]
    if not parts:
        return False
    if span.source in READ and span.entity_type == "ORGANIZATION" and zones[parts[0].start()]:
        return True
    return all(
        zones[p.start()] or re.fullmatch("[IVX]+", p.group()) is not None for p in parts
    ) and any(zones[p.start()] for p in parts)


def _fraction(text: str, span: Span, zones: bytearray) -> bool:
    """Say whether a model's day is what a test gave: `Jobe 4/5`."""
    if span.entity_type != "DATE_TIME" or span.source not in READ:
        return False
    before = _WORD_BEFORE.search(text, max(0, span.start - 24), span.start)
    return before is not None and (zones[before.start()] == 1 or fold(before["v"]) in _SHARED_AFTER)


def _only_eponyms(word: str) -> bool:
    """Say whether hardly anybody is called so: `Rinne`, `Kayser-Fleischer`, `Mallampati IV`."""
    halves = re.findall(r"[^\W\d_]+", word)
    return bool(halves) and all(fold(h) in SURE_EPONYMS or len(h) < 3 for h in halves)
