"""Weak hits that name nobody: credentials, zones of time, labels, abbreviations, test names.

Owns `Weeds`. It looks at a hit's own words and what stands right beside them, never at the list
of a document; strong hits (titles, labels with names, kin) are not asked about.
"""

from __future__ import annotations

import re

from appliance.records import Span
from appliance.redact.detect.lexicon import Lexicon, fold, plain_words
from appliance.redact.detect.names_cues import STOP, word_set

#: Words after a name and words of times and tables: alone they name nobody; folded, no points.
NOBODY = word_set(
    """md, do, rn, np, pa, pac, pa-c, arnp, aprn, crnp, fnp, fnp-c, fnp-bc, agnp-c, agacnp-bc, cnp,
    dnp, lpn, lvn, cna, cma, rma, ccma, bsn, msn, phd, psyd, edd, pharmd, rph, bcps, bcacp, bcop,
    cphq, dds, dmd, dpm, dvm, od, dc, pt, dpt, ot, otr, otrl, otr/l, ota, cota, pta, slp, ccc-slp,
    rt, rrt, crt, rd, rdn, ldn, cde, cdces, lcsw, lmsw, licsw, lgsw, msw, bsw, lmft, mft, lpc, lpcc,
    lcpc, lmhc, ladc, cadc, crna, srna, caa, cnm, cpm, lm, ibclc, rnc, rnc-ob, ccrn, cen, cwocn,
    cwon, chpn, achpn, ocn, bmtcn, pccn, cnor, crnfa, cst, rdms, rvt, rdcs, arrt, mls, mlt, mt,
    ascp, ct, ha, aud, au.d, ccds, ms, ma, mba, mha, mph, mbbs, mbchb, mbch, mrcp, frcs, frcp,
    frcpc,
    facp, facs, facc, faap, facog, facep, faan, fccp, fasn, faafp, faad, esq, jd, cpa, emt, emt-b,
    emt-p, nremt, nrp, ff/pm, cpnp, pnp, whnp, whnp-bc, pmhnp, pmhnp-bc, anp, anp-bc, acnp, bcba,
    rbt, ctrs, atc, cscs, cped, cpo, lat, lmt, lac, dipl, bccc, mdiv, phn, dabr, dabfp, facr, phd,
    pgy, pgy1, pgy2, pgy3, pgy4, ms3, ms4, ssn, ho, attg, im, em, fm, obgyn, ccc,
    est, edt, cst, cdt, mst, mdt, pst, pdt, akst, hst, utc, gmt, am, pm, hrs,
    mom, mum, mommy, dad, daddy, mother, father, grandma, grandpa, gma, gpa, mgm, pgm, mgf, pgf,
    mam, mammy, nan, nana, nanna, gran, granny, grandad, granda, gramps, pops, fob,
    mob, sib, sibs, sis, bro, wife, husband, son, daughter, dtr, baby, infant, parents, spouse,
    aunt, uncle, niece, nephew, hubby, mil, fil, pt, patient"""
)
_SHORT = plain_words("short_en")
_DEPARTMENTS = plain_words("org_plain_en")
#: Endings of words of medicine that no name has.
_SUFFIX = re.compile(
    r"[a-z]{3,}(?:grams?|graphy|graphic|scopy|scopic|ectomy|ostomy|otomy|plasty|pexy|rrhaphy|itis"
    r"|osis|emia"
    r"|aemia|uria|pathy|pathic|algia|metry|centesis|desis|lysis|rrhea|rrhoea|rrhage|megaly|penia"
    r"|plegia|paresis"
    r"|phagia|phasia|pnea|pnoea|trophy|trophic|genic|ocyte|ocytes|ocytosis|blast|oma|omas|otomies"
    r"|ectomies"
    r"|iasis|ology|ologic|ologist|esthesia|esthetic|cardia|thorax|opia|opsia|tropia|phoria|stasis"
    r"|stenosis|sclerosis|philia|phobia|mycin|cillin)"
)
_LABEL = re.compile(r"[ ]?:(?!\d)")
#: Models that read a sentence and know no list.
READ = frozenset({"ner", "model:shipped-en"})
#: Sources that see a word's look and not what it is called.
_WEAK = frozenset(
    {*READ, "places", "names:surname", "names:first_name", "names:cue", "names:initial"}
)
_CUED = frozenset(
    {"names:title", "names:label", "names:kin", "names:last_first", "names:listed", "names:initial"}
)
#: Rules of courts and messages that know letters of people from letters of other things.
_LETTERS = frozenset({"names:note_initials", "names:initials", "names:court_list", "names:told"})
_DEGREES = word_set("md, phd, jd, llm, llb, mba")
_RELATIVES = word_set(
    """mom, mum, mommy, dad, daddy, mother, father, grandma, grandpa, sis, bro, wife, husband, son,
    daughter, baby, infant, parents, spouse, aunt, uncle, niece, nephew, hubby, patient, pt"""
)
_NAMED = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "NRP"})
#: "BIMS 9/15", "Satisfaction 10/10": a score before a fraction.
_SCORED = re.compile(
    r"(?i:(?<![a-z])(?:bims|mmse|moca|slums|gcs|apgars?|phq-?\d?|gad-?\d?|berg|tinetti|poma|katz"
    r"|lawton|kps|vas|nrs"
    r"|flacc|cpot|rass|bishop|satisf\w*|severity|intensity|discomfort|anxiety|mood|sleep|stress"
    r"|fatigue|energy"
    r"|appetite|nausea|itch\w*|pruritus|craving|cravings|urges?|confidence|readiness|importance"
    r"|motivation"
    r"|function|effort|cage|audit|dast|cows|ciwa|whodas|boston|morse|norton|braden|fim|tug|nihss"
    r"|hit-?6|midas"
    r"|acq|act|cat|mrc|borg|rpe|dyspnea|soreness|tenderness|numeric|worst|best|current|average"
    r"|avg|now"
    r"|pain|tone|grip|dorsiflexion|plantarflexion|flexion|extension|abduction|biceps|triceps"
    r"|deltoids?"
    r"|quads?|hams?|iliopsoas|ehl|ta|gastroc|ue|le|rue|lue|rle|lle|ues|les|bue|ble|throughout"
    r"|reflex(?:es)?"
    r"|patellar|achilles|dtrs?|pulses?|dp|radial|femoral|popliteal|strength|power|motor|murmurs?"
    r"|sem|hsm"
    r"|recall|items?|words?|questions?|correct|oriented|orientation|score[ds]?|scale|rated|rating"
    r"|total|index|sum"
    r"|visit|session|tx|treatment|fraction|fx|cycle|week|page|image|series|nodes?|ln|lns"
    r"|cores?"
    r"|bottles?|blocks?|vial|va|vision|od|os|ou|acuity|sc|cc|ph|snellen|near|distance)"
    r"s?\b)\.?[ \t]{0,2}(?:of[ ]|was[ ]|is[ ]|at[ ]|a[ ]|to[ ]|=[ ]?|:[ ]?|\([ ]?|~[ ]?|rated["
    r" ]|currently[ ]|now[ ])*$"
)
#: Sight in metres, 6/9: 6 over one of the lines of the chart, in a text about eyes.
_SIGHT = re.compile(r"6/(?:5|6|7\.5|9|12|18|24|30|36|60)")
_EYES = re.compile(r"(?i:\bacuity|snellen|pinhole|\bVA\b|\bvision\b|ophthalm|optometr)")
#: "Nottingham grade 2 (6/9)": the score in brackets behind a grade.
_GRADED = re.compile(r"(?i:grade[ ][\dIV]{1,3}[ ]\()$")
_WEEK_OF = re.compile(r"(?i)(?<!\w)(?:week|wk)[ ]of[ ]$")
#: "B. Colon": the second jar.
_ITEM = re.compile(r"[A-H]\.[ ](\w+)")
_SHORT_LABELS = word_set("loc, arr, iso, alb, ana, phos, lac, al, ed, dot, rae, kay, lyn, lin, tam")
_GROUPS = word_set("pool, team, staff, inbox, desk, queue, scheduling, triage, clinic, unit, dept")
_TOKEN = re.compile(r"[\w\-]+")
_CAPITALS = re.compile(r"[A-Z]")
_VALUES = re.compile(
    r"(?:[A-Za-z]{1,6}[ ]\d{1,3}(?:\.\d+)?(?:,?[ ]|$)){2,}|\d{1,3}[ ]?[\-–/][ ]?\d{1,3}"
)
_SHIFT = re.compile(r"(?:[01]\d|2[0-4])[0-5][05]-(?:[01]\d|2[0-4])[0-5][05]")
_PARITY = re.compile(
    r"G\d{1,2}P[\d\-]{1,7}(?:A\d{1,2})?(?:L\d{1,2})?|[cpy]?T\d[a-c]?N\d[a-c]?M[\dx]|C\d{1,2}M\d{1,2}"
)
_EXAM = re.compile(
    r"(?:TTE|TEE|CT|CTA|CTAP|MRI|MRA|MRCP|US|XR|XRAY|KUB|EGD|ERCP|EUS|EKG|ECG|EEG|EMG|PET|CXR|BMP"
    r"|CMP|CBC"
    r"|PFT|DXA|DEXA|LHC|RHC|PCI|CABG|TKA|THA|TAVR|ICD|PPM|ECHO|SPECT|MPI|VCUG|HIDA|LP|BM|BX)[ ]"
)
_DAY_SOURCES = frozenset(
    {
        "pattern:en_month_day",
        "pattern:en_month_day_word",
        "pattern:en_month_day_high",
        "pattern:en_month_day_then",
        "model:shipped-en",
    }
)


class Weeds:
    """Says which weak hits name nobody."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Use the word lists."""
        self._lexicon = lexicon

    def nobody(self, text: str, span: Span) -> bool:
        """Say whether a hit is a credential, a label, an abbreviation or a score."""
        if span.entity_type == "DATE_TIME":
            return span.source in _DAY_SOURCES and self._score(text, span)
        if span.entity_type not in _NAMED:
            return self._no_number(text, span)
        piece = text[span.start : span.end]
        words = re.findall(r"[^\W\d_][\w'’./\-]*", piece)
        if not words or (
            span.source in _LETTERS and piece.replace(".", "").lower() not in _DEGREES
        ):
            return False
        if all(fold(w).replace(".", "") in NOBODY for w in words):
            return not self._called(span, piece)
        return self._no_person(span, piece, words) or (
            span.source in _WEAK and self._unnamed(text, span, words)
        )

    def _called(self, span: Span, piece: str) -> bool:
        """Say whether a short word is a surname after all: `Dr. Ma`, `Mrs. Do`, `Attending: Ho`."""
        if span.entity_type != "PERSON" or span.source not in _CUED or fold(piece) in _RELATIVES:
            return False
        if span.source == "names:title":
            return not (piece.isupper() and len(piece) > 3)  # "RN CHPN": two credentials.
        return piece.istitle() and self._lexicon.surname(piece)

    @staticmethod
    def _no_person(span: Span, piece: str, words: list[str]) -> bool:
        """Say whether capitals are a group, an abbreviation or a department: `PEDS NURSE POOL`."""
        if span.entity_type == "PERSON" and piece.isupper() and _GROUPS & {fold(w) for w in words}:
            return True
        if span.source == "names:signature":
            return fold(piece) in _SHORT
        lone = span.source == "names:credential" and piece.isupper() and len(words) == 1
        return lone and fold(piece) in _DEPARTMENTS

    def _unnamed(self, text: str, span: Span, words: list[str]) -> bool:
        if len(words) == 1 and self._label(text, span, words[0]):
            return True
        if span.source not in READ:
            return False
        if self._plain_words(text, span, words):
            return True
        item = _ITEM.fullmatch(text, span.start, span.end)
        if item is not None and self._lexicon.common(item[1]):
            return True
        capitals = text[span.start : span.end].isupper()
        heading = span.entity_type == "ORGANIZATION" and len(words) > 2 and capitals
        return self._clinical(words, heading=heading)

    def _plain_words(self, text: str, span: Span, words: list[str]) -> bool:
        """Say whether words of the dictionary have no capital but a sentence's: `in field`, `See`.

        Where nothing has capitals, a plain word may be a nickname.
        """
        known = self._lexicon
        if not all(known.common(w) and not known.strong_first(w) for w in words):
            return False
        if text[span.start : span.end].islower():
            return len(_CAPITALS.findall(text, max(0, span.start - 120), span.end + 60)) > 1
        before = text[max(0, span.start - 3) : span.start].rstrip(" \"“'*([")
        opens = before[-1:] in ("", ".", "!", "?", "\n") and span.entity_type == "PERSON"
        return opens and not any(known.first_name(w) for w in words)

    def _label(self, text: str, span: Span, word: str) -> bool:
        """Say whether a lone word is the label of what follows: `Loc: home`, `Bill: plan`."""
        if _LABEL.match(text, span.end, span.end + 3) is None:
            return False
        if self._lexicon.common(word) or fold(word) in _SHORT_LABELS:
            return True
        return len(word) < 5 and not self._lexicon.first_name(word)

    def _clinical(self, words: list[str], *, heading: bool) -> bool:
        """Say whether every word is an abbreviation, a code or a word of medicine."""
        known = self._lexicon

        def plain(word: str) -> bool:
            folded = fold(word)
            listed = known.first_name(word) or known.surname(word) or known.place(word)
            if heading and (
                not listed or len(word) < 5 or known.common(word) or known.medical(word)
            ):
                return True
            if "-" in word and all(p in _DEPARTMENTS for p in folded.split("-")):
                return True
            if any(c.isdigit() for c in word) or folded in STOP:
                return True
            if word.isupper() and not listed:
                return len(words) == 1 or len(word) < 6 or known.common(word)
            return not listed and (_SUFFIX.fullmatch(folded) is not None or known.medical(word))

        return all(plain(w) for w in words)

    @staticmethod
    def _no_number(text: str, span: Span) -> bool:
        """Say whether a number is a setting, a shift or an examination with its month."""
        piece = text[span.start : span.end]
        if span.source in READ and ("/+" in piece or _VALUES.fullmatch(piece)):
            return True  # "AC/VC 18/420/+10": a ventilator; "TC 188 LDL 109": what was measured.
        if span.source == "pattern:phone_international":
            return sum(map(str.isdigit, piece)) < 7
        if span.source.startswith("pattern:court_file"):
            inside = span.start and text[span.start - 1].isalnum() and piece[0].isalpha()
            return bool(inside) or _EXAM.match(piece) is not None
        if len(piece) < 4 and not any(c.isdigit() for c in piece):
            return span.entity_type in ("DEVICE_ID", "ID_NUMBER", "MEDICAL_RECORD_NUMBER")
        whole = _TOKEN.search(text, max(0, span.start - 8), min(len(text), span.end + 8))
        while whole is not None and whole.end() < span.end:
            whole = _TOKEN.search(text, whole.end(), min(len(text), span.end + 8))
        if whole is not None and _PARITY.fullmatch(whole.group()):
            return True
        return _SHIFT.fullmatch(piece) is not None and not span.source.endswith("_labelled")

    @staticmethod
    def _score(text: str, span: Span) -> bool:
        if _GRADED.search(text, max(0, span.start - 14), span.start):
            return True
        if _WEEK_OF.search(text, max(0, span.start - 10), span.start):
            return False
        if _SIGHT.fullmatch(text, span.start, span.end) and _EYES.search(text):
            return True
        return _SCORED.search(text, max(0, span.start - 30), span.start) is not None
