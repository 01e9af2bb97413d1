"""English patterns: phones, pagers and dates."""

from __future__ import annotations

import re

from appliance.redact.detect.patterns import Pattern, anchored, labelled, shaped
from appliance.redact.detect.patterns_common import month_dates

_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
    "|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec"
)
_PHONE = (
    r"(?=(?:[ ().\-/]{0,3}\d){7,15}(?!\d))\+?\(?\d[\d ().\-/]{5,20}\d"
    r"(?:[ \t,]{0,2}(?:x|ext\.?|extension)[ \t.]?\d{1,6})?"
)
PHONES: tuple[Pattern, ...] = (
    shaped(
        "phone_us",
        "PHONE_NUMBER",
        r"(?<![\w\-/.+])(?:\+?1[\-. ]{0,2})?(?:\(\d{3}\)[ \-.]{0,2}|\d{3}[\-. /])\d{3}[\-. ]\d{4}"
        r"(?:[ \t,]{0,2}(?:x|ext\.?|extension)[ \t.]?\d{1,6})?(?![\w\-/])(?!\.\d)",
        score=0.7,
        flags=re.IGNORECASE,
        lead="digit",
        digits=10,
    ),
    shaped(
        "phone_area",
        "PHONE_NUMBER",
        r"(?<![\w\-/.+])(?:\+?\d{1,3}[\-. ]{0,2})?\(0?\d{2,5}\)[ \-.]?\d{3,5}[ \-.]?\d{3,4}"
        r"(?:[ \t]?x[ \t]?\d{1,6})?(?![\w\-/])",
        score=0.65,
        lead="digit",
        digits=8,
    ),
    shaped(
        "phone_groups",
        "PHONE_NUMBER",
        r"(?<![\w\-/.+,])(?:0\d{1,4}([ .\-/])\d{2,4}(?:[ .\-]\d{2,4}){1,4}|0\d{2,4}[ /\-]\d{5,8}"
        r"|\d{2}([ .\-])\d{2}\2\d{2}\2\d{2}(?:\2\d{2})?)"
        r"(?![\w\-/])(?!\.\d)",
        score=0.5,
        lead="digit",
        digits=7,
    ),
    shaped(
        "phone_three_groups",
        "PHONE_NUMBER",
        r"(?<![\w\-/.+,$])\d{2,3} \d{2,4} \d{2,4}(?: \d{2,4})?(?=[ \-]?(?i:office|fax|mobile|cell"
        r"|home|phone|desk|work))",
        score=0.6,
        lead="digit",
        digits=6,
    ),
    shaped(
        "phone_001",
        "PHONE_NUMBER",
        r"(?<![\w\-/.+])00\d{1,3}[\-. ](?:\(?\d{2,5}\)?[\-. ]?){1,4}\d(?:x\d{1,6})?(?![\w\-/])",
        score=0.65,
        lead="digit",
        digits=6,
    ),
    labelled(
        "phone_labelled",
        "PHONE_NUMBER",
        "phone, phones, telephone, tel, tel., ph, ph., cell, cellphone, cell phone, mobile, mob,"
        " mobile phone, fax, facsimile, home phone, work phone, office phone, home, work, office,"
        " contact, contact number, call, call at, called, callback, call back, text, reach,"
        " reached at, dial, whatsapp, voicemail, hotline, landline, clinic, pharmacy,"
        " emergency contact, daytime, evening, c:, h:, w:, t:, p:, f:, number, me at, him at,"
        " her at, them at, us at, me on, answering at, messages to, message to, registered, desk,"
        " direct, switchboard, sms, texted, texted to, call to, voice, main, toll free,"
        " after hours",
        value=rf"(?P<v>{_PHONE})(?![\w\-/])(?!\.\d)",
        separator=(
            r"(?:[ \t](?:phone|number|no|#|cell|me|him|her|them|us|mom|dad|wife|husband|at|on"
            r"|back))*\.?[ \t]*(?:\([a-z]{1,10}\))?[ \t]*[:#=]?[ \t]*\n?[ \t]*(?:is[ \t]+"
            r"|at[ \t]+|on[ \t]+)*[\"']?"
        ),
        score=0.75,
    ),
    labelled(
        "pager",
        "PHONE_NUMBER",
        "pager, pgr, beeper, bleep, page, paged, ext, ext., extension, ex., vocera, spectralink,"
        " dect, call, phone, tel, fax, cell, desk",
        value=(
            r"(?![ ]?(?:000|111|112|911|999|988)\b)(?P<v>(?:x|ext\.?)?[ ]?#?\d{3"
            r",7}(?:-\d{4})?)(?![\w\-/])(?!\.\d)(?!\s?(?:mg|ml|days?"
            r"|hours?|hrs?|am\b|pm\b))"
        ),
        separator=(
            r"[ \t]*(?:number|no|id|to|at|on|#)?\.?[ \t]*[:#=]?[ \t]*(?:is[ \t]+|at[ \t]+)?\(?"
        ),
        score=0.7,
    ),
    shaped(
        "extension",
        "PHONE_NUMBER",
        r"(?<![\w.])(?:x|X|ext\. ?|Ext\. ?)\d{4,6}(?![\w.\-/])",
        score=0.6,
    ),
    shaped(
        "pager_letter",
        "PHONE_NUMBER",
        r"[pb]\d{4,5}(?![\w\-/]|\.\d)",
        score=0.5,
        context=r"[A-Z][a-z'’\-]+,?[ ]{1,2}\(?",
    ),
    shaped(
        "phone_local",
        "PHONE_NUMBER",
        r"(?<![\w\-/.+])\d{3}[\-.]\d{4}(?![\w\-/])(?!\.\d)",
        score=0.5,
        lead="digit",
        digits=7,
    ),
)

_ON = (
    r"on|since|from|dated?|until|till|til|thru|through|by|for|down|spine|started|seen|admitted"
    r"|discharged|adm|d/c|dc|dob|born|between|rtc"
    r"|last|next|f/u|due|visit|appt|appointment|surgery|exam|note|labs?|before|after|around"
    r"|approx|about|as of|to|of|-|–|scheduled|expired|died|injury|ekg|mri|ct|cxr|cx|echo|us"
    r"|removed|placed|stopped|completed|done|performed|updated?|reviewed|signed|filed|collected"
    r"|drawn|received|fell|came|came back|went|was|were|is|left|hit|got|had|ran|felt|sent|began"
    r"|back|neg|pos|wk of|week of|early|late|out|in|fill|cycle \d{1,2}|day \d{1,2}|mon|tues?|weds?"
    r"|thurs?|fri|sat|sun|yesterday|today|tomorrow|tonight|yest|tmrw|repeat|again"
)
#: A month and a day, and what follows when it is a ratio, a strength or a dose after all.
_MD = r"(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])"
_NOT_RATIO = (
    r"(?![\w/%\-]|\.\d|[ ]?(?i:strength|murmur|pain|tabs?\b|tablet|cup|of\b|mg|ml|cm|hrs?\b"
    r"|in severity|on pain|power"
    r"|motor|systolic|diastolic|sem\b|reps|sets|inch|lb|blood culture|bottles|extremit))"
)
#: Not after what is measured in fifths and tenths, or counted.
_NO_MEASURE = (
    r"(?<!pain)(?<!strength)(?<!power)(?<!motor)(?<!murmur)(?<!reflexes)(?<!dtrs)(?<!pulses)"
    r"(?<!score)(?<!scale)(?<!apgar)(?<!apgars)(?<!rated)(?<!Rated)(?<!recall)(?<!bp)(?<!BP)"
    r"(?<!Pain)"
    r"(?<!Apgar)(?<!Apgars)(?<!APGARS)(?<!APGAR)(?<!Strength)(?<!Score)(?<!Recall)(?<!Motor)"
    r"(?<!grade)(?<!visit)"
    r"(?<!page)(?<!series)(?<!of)(?<!vision)(?<!VA)(?<!OD)(?<!OS)(?<!OU)(?<!stage)(?<!No\.)"
    r"(?<!no\.)"
)


def _years(value: str) -> bool:
    """Say whether two numbers are years that follow each other, and no shift: `2000-2030`."""
    first, last = int(value[:4]), int(value[-4:])
    return first < last and (first % 5 != 0 or last % 5 != 0)


DATES: tuple[Pattern, ...] = (
    *month_dates("en", _MONTHS, link="of|in", ordinal="st|nd|rd|th"),
    shaped(
        "en_month_day",
        "DATE_TIME",
        rf"(?<![\w/.]){_MD}{_NOT_RATIO}",
        score=0.5,
        lead="digit",
        digits=2,
        context=(
            rf"(?<!\w)(?i:{_ON}|(?!rated|scored|graded|recalled)[a-z]{{3,}}ed|[a-z]{{3,}}ing)"
            r"[ \t]{0,2}:?[ \t]*\(?"
        ),
    ),
    shaped(
        "en_month_day_visit",
        "DATE_TIME",
        rf"(?<![\w/.])(?P<v>{_MD})(?=[ ](?i:appts?|appointments?|visits?|clinic|f/u|follow-?up|labs"
        r"|surgery|procedure|scans?|mri|ct|cxr|echo|colonoscopy|dos|admission|discharge)\b)",
        score=0.45,
        lead="digit",
        digits=2,
    ),
    shaped(
        "en_month_day_word",
        "DATE_TIME",
        rf"(?<![\w/.])(?:0?[1-9]|1[0-2])/(?:0?[789]|1[1-9]|[23]\d){_NOT_RATIO}",
        score=0.45,
        lead="digit",
        digits=2,
        context=rf"[^\d/.%]{_NO_MEASURE}[ (~=]{{1,4}}",
    ),
    shaped(
        "en_month_day_high",
        "DATE_TIME",
        # A fraction, a strength or a score is never above one: 9/4 and 11/10 are days.
        rf"(?<![\w/.])(?:[2-9]/0?1|[3-9]/0?2|[4-9]/0?3|(?:[5-9]|1[0-2])/0?4|(?:[6-9]|1[0-2])/0?5"
        rf"|(?:[7-9]|1[0-2])/0?6|1[0-2]/(?:0?[1-9]|1[01])|0[1-9]/(?:[012]\d|3[01])"
        rf"|[1-9]/0[1-9]){_NOT_RATIO}",
        score=0.45,
        lead="digit",
        digits=2,
        context=rf"[^\d/.%]{_NO_MEASURE}[ (~=]{{1,4}}",
    ),
    shaped(
        "en_date_points",
        "DATE_TIME",
        r"(?<![\w/.\-])(?:0?[1-9]|1[0-2])\.(?:1[3-9]|2\d|3[01])\.(?:19"
        r"|20)?\d{2}(?![\w/\-])(?!\.\d)",
        score=0.5,
        lead="digit",
        digits=4,
        context=r"(?<!ver\.)(?<!version)(?<!v)(?<!section)[ (:\n]|^",
    ),
    shaped(
        "en_month_day_range",
        "DATE_TIME",
        rf"(?<![\w/.])(?P<v>{_MD}[ ]?(?:-|–|to|through|thru)[ ]?{_MD}){_NOT_RATIO}",
        score=0.45,
        lead="digit",
        digits=4,
    ),
    shaped(
        "en_month_day_opening",
        "DATE_TIME",
        rf"(?m)(?:^[ \t]*(?:\d{{1,2}}[.)] |[\-*•] ?)?|[;|][ \t]?)(?P<v>{_MD})(?=[ \t]*(?:[:)\-,;"
        rf"|]|[A-Za-z])|[ \t]*$|[ \t]+(?:[01]?\d|2[0-3]):?[0-5]\d(?![\d/])){_NOT_RATIO}",
        score=0.45,
    ),
    shaped(
        "en_month_day_then",
        "DATE_TIME",
        # No fraction and no score: a day of two digits, and what is said of it.
        r"(?<![\w/.])(?:0?[1-9]|1[0-2])/(?:1[3-9]|2\d|3[01])(?=[ ](?:[-–][ ][A-Za-z]|w/|with\b"
        r"|at[ ]\d"
        r"|@))",
        score=0.45,
        lead="digit",
        digits=3,
        context=r"[^/.%][ ]",
    ),
    anchored(
        "en_weekday_dated",
        "DATE_TIME",
        "mon, tue, wed, thu, fri, sat, sun",
        rf"(?P<v>(?:mon|tues|wednes|thurs|fri|satur|sun)day|mon|tues?|weds?|thurs?|fri|sat)\.?,?[ ]"
        rf"(?:the[ ]\d{{1,2}}(?:st|nd|rd|th)|{_MD}(?![\d%])"
        rf"|(?:{_MONTHS})\.?[ ]\d|\d{{1,2}}(?:st|nd|rd|th)?[ ](?:{_MONTHS})\b)",
        score=0.5,
    ),
    shaped(
        "en_years_from_to",
        "DATE_TIME",
        r"(?<![\w/.,$€£#:@+\-])(?P<v>(?:19[3-9]\d|20[0-3]\d)[ ]?[-–][ ]?(?:19[3-9]\d|20[0-3]\d))"
        r"(?![\w/%:\-]|\.\d|[ ]?(?i:hrs?|hours|h\b|ml|mg|units?|cc|kcal|cal|steps))",
        score=0.45,
        lead="digit",
        digits=8,
        check=_years,
        check_required=True,
    ),
    shaped(
        "en_year_bare",
        "DATE_TIME",
        r"(?<![\w/.,$€£#:@+\-])(?<!at )(?<!@ )(?<!x )(?:19[3-9]\d|20[0-3]\d)(?![\w/%:\-]|\.\d|,\d"
        r"|[ ]?(?i:mg|ml|mcg|units?|iu|cc|kcal|cal|calories|steps|hrs?|hours|patients|people"
        r"|cases|h\b|g\b|meters|cells|ft|copies|gmt|est|pst|edt|utc|psi|rpm|points?|dollars|euros"
        r"|words|tokens))",
        score=0.4,
        lead="digit",
        digits=4,
    ),
    shaped(
        "en_year_quarter",
        "DATE_TIME",
        r"(?<!\w)(?:Q[1-4][ /\-]?(?:19|20)\d{2}|(?:19|20)\d{2}[ \-/]Q[1-4])(?!\w)",
        score=0.6,
    ),
    anchored(
        "en_ordinal_day",
        "DATE_TIME",
        "on the, until the, by the, since the, from the",
        r"(?:on|until|by|since|from) the (?P<v>\d{1,2}(?:st|nd|rd|th))(?! (?:percentile|floor|day"
        r"|week|month|postop|digit|rib|toe|finger|grade|visit|time|hour|attempt|dose|century"
        r"|cycle|generation|birthday|edition|line))",
        score=0.5,
    ),
    labelled(
        "en_date_labelled",
        "DATE_TIME",
        "dob, d.o.b., date of birth, birth date, birthdate, born, born on, date, doa, dod, dos,"
        " date of service, date of admission, admission date, discharge date, date of death,"
        " admitted, discharged, exp, expires, expiry, expiration date, valid thru",
        value=(
            r"(?P<v>\d{1,4}[ ]?[/.\-][ ]?\d{1,2}(?:[ ]?[/.\-][ ]?\d{1,4})?|(?:19|20)\d{2}"
            r"|\d{2} ?\d{2} ?(?:19|20)\d{2})(?![\w/\-])"
        ),
        separator=(
            r"[ \t]*(?:\([^)\n]{1,14}\))?[ \t]*"
            r"(?:[:=#|]|\.{3,}:?|_{3,}|is\b|on\b|in\b|-)?[ \t]*\n?[ \t]*"
        ),
        score=0.75,
    ),
)

PATTERNS: tuple[Pattern, ...] = PHONES + DATES
