"""English patterns of clinical notes: rooms, street names alone, days in lists, damaged values."""

from __future__ import annotations

import re

from appliance.redact.detect.patterns import Pattern, anchored, labelled, shaped

_MONTHS = (
    "Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    "|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?|JAN|FEB|MAR|APR|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
)
_LOWER_MONTHS = (
    "january|february|april|june|july|august|september|october|november|december|jan|feb|apr|jun"
    "|jul|aug|sept|oct|nov"
)
_MD = r"(?:0?[1-9]|1[0-2])[/\-](?:0?[1-9]|[12]\d|3[01])"
#: Month and day as written after an examination or a laboratory: "BMP 6/6", "echo 3/2".
_EXAMS = (
    r"BMP|CMP|CBC|[Ll]abs?|LABS|[BUW]?[Cc]x|CXR|CT|CTA|CTAP|MRI|MRA|MRCP|US|U/S|[Ee]cho|ECHO|TTE"
    r"|TEE|EKG|ECG"
    r"|A1[Cc]|INR|HIDA|PET|PET/CT|EGD|ERCP|EUS|[Cc]olo(?:noscopy)?|[Cc]ath|LHC|RHC|PCI|[Bb]x"
    r"|[Bb]iopsy|LP|UA|XR"
    r"|[Xx]-?rays?|KUB|EEG|EMG|PFTs?|[Mm]ammo|DEXA|DXA|[Pp]ap|LFTs?|[Tt]rop|PSA|TSH|CEA"
    r"|[Ss]urgery|[Oo]p|OR|NST|BPP"
    r"|DO[ILSE]|LMP|EDD|EDC|IUD|C/?[Ss]|[Aa]dm(?:it(?:ted)?)?|[Dd]/?[Cc]|POD#?0|s/p|[Ff]/?[Uu]|RTC|NV|LV"
    r"|[Nn]ext|[Ll]ast|[Pp]rev"
    r"|[Ff]illed|[Pp]laced|[Dd]ue|[Ss]een|[Vv]isit|[Rr]echeck|[Rr]efill|ROM|AROM|SROM|GBS|NIPT"
    r"|amnio|XRT|RT|C\d|ICD"
)
_NO_UNIT = r"(?![\w/%\-]|\.\d|[ ]?(?:mg|mcg|ml|mL|cm|mm|strength|pain|tabs?|hrs?|of\b))"

_DAYS_BY_MONTH = 40


def _rising(value: str) -> bool:
    """Say whether months and days of a list only go up: days of a calendar, not grades."""
    pairs = [
        (int(m[1]), int(m[2]))
        for m in re.finditer(r"(\d{1,2})[/\-](\d{1,2})(?:[/\-]\d{2,4})?", value)
    ]
    keys = [month * _DAYS_BY_MONTH + day for month, day in pairs]
    days = {day for _, day in pairs}
    dated = re.search(r"\d[/\-]\d{1,2}[/\-]\d{2}", value) is not None
    far = any(day > 5 and day != 10 for day in days)
    return keys == sorted(set(keys)) and (dated or far or len(keys) > 2)


def _damaged(value: str) -> bool:
    """Say whether a number was misread: a letter or two, and digits enough."""
    digits, letters = sum(map(str.isdigit, value)), sum(map(str.isalpha, value))
    return 0 < letters < digits and digits > 2


DATES: tuple[Pattern, ...] = (
    shaped(
        "note_days_list",
        "DATE_TIME",
        rf"(?<![\w/.\-]){_MD}(?:[/\-](?:\d{{4}}|\d{{2}}))?(?:(?:,? ?(?:and|&|then|or)|[,;]|["
        rf" ]?\+)[ ]?{_MD}"
        rf"(?:[/\-](?:\d{{4}}|\d{{2}}))?){{1,11}}{_NO_UNIT}",
        score=0.6,
        lead="digit",
        digits=2,
        check=_rising,
        check_required=True,
    ),
    shaped(
        "note_exam_day",
        "DATE_TIME",
        rf"(?<![\w/.]){_MD}{_NO_UNIT}(?=[ ]?[;,.:)\]\-]|[ ][a-z<>]|[ ]?$|\n)",
        score=0.5,
        lead="digit",
        digits=2,
        context=rf"(?<![\w/])(?:{_EXAMS})[ ]?[:(]?[ ]?",
    ),
    shaped(
        "note_day_dashed",
        "DATE_TIME",
        r"(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12]\d|3[01])(?=[,;)\n]|\.(?:\s|$)|$)",
        score=0.45,
        lead="digit",
        digits=2,
        context=r"(?<!\w)(?i:on|since|until|dated|seen|filled|from)[ ]",
    ),
    shaped(
        "note_month_day_short_year",
        "DATE_TIME",
        rf"(?<![^\W_])(?:{_MONTHS})\.?[ ]\d{{1,2}}(?:st|nd|rd|th)?,?[ ]['’]\d{{2}}(?!\w)",
        score=0.85,
        lead="capital",
    ),
    shaped(
        "note_month_alone",
        "DATE_TIME",
        rf"(?:{_MONTHS})\.?(?![\w\-'’]|[ ][A-Z][a-z])",
        score=0.45,
        lead="capital",
        context=(
            r"(?<!\w)(?i:in|since|until|till|til|last|this past|next|early|mid|late|through|thru"
            r"|around"
            r"|before|after|back in|end of|start of|beginning of|middle of|due|by|from|of|every"
            r"|each)[ \-]"
        ),
    ),
    anchored(
        "note_month_alone_lower",
        "DATE_TIME",
        tuple(_LOWER_MONTHS.split("|")),
        r"(?<!\w)(?:in|since|last|until|till|next|early|late|mid|of|by|before|after|around|from"
        rf"|this)[ \-](?P<v>{_LOWER_MONTHS})(?![\w\-'’])",
        score=0.45,
        before=8,
    ),
    shaped(
        "note_timestamp",
        "DATE_TIME",
        r"(?<![^\W_])(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
        r"(?:[T_ ]?(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?(?:\.\d+)?(?:[+\-]\d{4}|Z)?)(?![\w])",
        score=0.85,
        lead="digit",
        digits=8,
    ),
    shaped(
        "note_date_in_key",
        "DATE_TIME",
        r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)",
        score=0.7,
        lead="digit",
        digits=8,
        context=r"(?i:dt|date|dttm|dob|time|ts|tm|start|end|day)[ ]?[=:|][ ]?[\"']?",
    ),
    shaped(
        "note_date_damaged",
        "DATE_TIME",
        # As scanned pages are read: a letter for a digit.
        r"(?<![\w/\-.])[0-3OolI]?[0-9OolISB]([/.\-])"
        r"[0-3OolI]?[0-9OolISB]\1(?:[12Il][0-9OoS])?[0-9OolISB]{2}(?![\w/])",
        score=0.6,
        check=_damaged,
        check_required=True,
    ),
    labelled(
        "note_dob_damaged",
        "DATE_TIME",
        "d0b, dob, d.o.b., date of birth, birth date, b0b, oob",
        value=(
            r"(?P<v>[0-9OolISB]{1,4}[ ]?[/.\-][ ]?[0-9OolISB]{1,2}[ ]?[/.\-][ ]?[0-9OolISB]{2,4})"
            r"(?!\w)"
        ),
        separator=r"[ \t]*[:;=.|]?[ \t]*",
        score=0.8,
    ),
)

PHONES: tuple[Pattern, ...] = (
    shaped(
        "note_phone_damaged",
        "PHONE_NUMBER",
        r"(?<![\w/\-.])\(?[2-9OolISB][0-9OolISB]{2}\)?[\-. ][0-9OolISB]{3}[\-."
        r" ][0-9OolISB]{4}(?!\w)",
        score=0.7,
        check=_damaged,
        check_required=True,
    ),
    shaped(
        "note_phone_local_extension",
        "PHONE_NUMBER",
        r"(?<![\w\-/.+])(?:\d{3}[\-. ])?\d{3}[\-.]\d{4}[ \t,;]{0,3}(?:x|X|ext\.?|Ext\.?|EXT\.?"
        r"|extension|opt\.?"
        r"|option|#)[ \t.:]{0,2}\d{1,6}(?![\w\-/])",
        score=0.75,
        lead="digit",
        digits=7,
    ),
    anchored(
        "note_extension_dashed",
        "PHONE_NUMBER",
        "ext, extension, pager, pgr, beeper, vocera, cisco, spok, x",
        r"(?:(?:ext(?:ension|n)?|pager|pgr|beeper|vocera|cisco|spok)\b[ \t]*[.:#]?[ \t]*"
        r"|(?<!\w)x[ ]?)(?P<v>\d{1,2}-\d{4}"
        r"|\d{4,5})(?![\w/\-]|\.\d)",
        score=0.6,
    ),
)

_AFTER_ROOM = (
    r"(?![\w/%+:]|\.\d|,\d|[ ]?(?:days?|d\b|wks?|weeks?|hrs?|hours?|h\b|mins?|min\b|mg|ml|cc|mm"
    r"|cm|units?"
    r"|liters?|L\b|x\b|times|pts?\b|patients|to\b|of\b|-\d))"
)
_STREET_AFTER = (
    r"(?=,[ ](?:[A-Z]|lower|upper|basement|rear|downstairs|upstairs|apt|unit|ste|suite|floor|\d)"
    r"|[.;)\n]|$"
    r"|,?[ ](?:w/|with|alone|since|in|near|by|for|x)\b|[ ]#)"
)
_NAME_OF_STREET = (
    r"(?:(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West|Old|Upper|Lower|New|Saint|St\.|Mt\.)[ ])?"
    r"(?!(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Monday|Tuesday|Wednesday|Thursday"
    r"|Friday|Saturday"
    r"|Sunday|Units?|Days?|Weeks?|Months?|Years?|Hours?|Tabs?|Tablets?|Fr|French|Gauge|Hz"
    r"|Patients?|Mr|Mrs|Ms|Dr)\b)"
    r"[A-Z][a-zà-ÿ'’]{2,}(?:[ ][A-Z][a-zà-ÿ'’]{2,}){0,2}"
)
_PART = (
    r"(?:(?i:apt|apartment|suite|ste|unit|rm|room|fl|floor|bldg|building|trlr|trailer|slip)\.?"
    r"[ ]?#?[ ]?[A-Za-z]?-?\d{0,5}[A-Za-z]?\b|#[ ]?\w{1,6}|(?i:(?:lower|upper|ground|main|top)["
    r" ](?:level|floor"
    r"|unit|flat|apt|apartment)|basement(?:[ ](?:apt|apartment|unit))?|rear(?:[ ](?:house|unit"
    r"|apt|cottage))?"
    r"|downstairs|upstairs|garage(?:[ ](?:apt|apartment))?|(?:\d{1,2}(?:st|nd|rd|th)|first|second"
    r"|third|fourth)"
    r"[ ](?:floor|fl)\b(?:[ ](?:rear|front|left|right))?|back[ ](?:house|unit)|in-law[ ](?:unit"
    r"|suite)))"
)
PLACES: tuple[Pattern, ...] = (
    shaped(
        "note_street_part",
        "LOCATION",
        rf"(?<![\w/\-.])\d{{1,5}}[A-Z]?[ ]{_NAME_OF_STREET},?[ ]{_PART}(?!\w)",
        score=0.65,
        lead="digit",
        digits=1,
    ),
    shaped(
        "note_street_cued",
        "LOCATION",
        rf"(?<![\w/\-.])\d{{1,5}}[A-Z]?[ ]{_NAME_OF_STREET}{_STREET_AFTER}",
        score=0.55,
        lead="digit",
        digits=1,
        context=(
            r"(?<!\w)(?i:home|lives?|living|resid(?:es|ing|ence)|address|addr|stay(?:s|ing)|moved"
            r"|moving|evict(?:ed|ion)"
            r"|house|apartment|apt|property|at|from|to|scene|location|loc|office|clinic"
            r"|deliver(?:ed|y)?|mail(?:ed|ing)?"
            r"|located|found)(?:[ ](?i:in|at|to|is|from|of|on|address|outside|near))?[ ]?:?[ ]"
        ),
    ),
    shaped(
        "note_street_after_person",
        "LOCATION",
        rf"(?<![\w/\-.])\d{{1,5}}[ ]{_NAME_OF_STREET}(?=,[ ](?:[A-Z][a-z]+(?:[ ][A-Z][a-z]+)?,?["
        rf" ](?:[A-Z]{{2}}\b|ph|tel|\d{{5}})|{_PART}))",
        score=0.55,
        lead="digit",
        digits=1,
    ),
    anchored(
        "note_place_to",
        "LOCATION",
        "home, back, return, ret'd, drive, drove, driving, flying, fly, going, goes, went"
        ", dispo, trip, vacation, travel, cruise, deployment, up, down, out, outside"
        ", near, behind, beside, across, next to, off, past, around the corner",
        r"(?<!\w)(?:(?i:home|back|return(?:s|ed|ing)?|ret'd|drive|drove|driving|flying|fly|going"
        r"|goes|went"
        r"|disposition|dispo)[ ]to|(?i:trip|vacation|travel|cruise|deployment)[ ](?:to|in)|(?i:up"
        r"|down|out)[ ](?i:in|on|at|near)|(?i:outside|near|behind|beside"
        r"|across[ ]from|next[ ]to|off|past|around the corner from)(?:[ ]of)?)[ ](?:the[ ])?"
        r"(?!(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b)"
        r"(?P<v>[A-Z][a-zà-ÿ'’]+(?:[ \-](?:of[ ]|the[ ]|&[ ])?[A-Z][a-zà-ÿ'’]+){0,3})(?!\w)",
        score=0.42,
        flags=0,
    ),
    shaped(
        "note_place_kind",
        "LOCATION",
        r"(?<![\w'’\-])(?!(?:Recent|No|Multiple|Frequent|Prior|Any|Denies|Past|Two|Three|The|Her"
        r"|His|Fall|Trigger)[ ])"
        r"[A-Z][a-zà-ÿ'’]{2,}[ ](?:Falls|Heights|Corners|Mesa|Bluffs?|Prairie|Flats|Hollow"
        r"|Crossing|Springs|Harbou?r"
        r"|Junction|Landing|Grove|Ridge|Valley|Hills|Creek|Beach|Bay|Islands?|Gap|Mills|Village"
        r"|Meadows|Acres"
        r"|Estates|Shores|Rapids|Summit|Township|Parish|Pines|Oaks|Bend|Run|Forks?|Cove|Pond"
        r"|Lakes?|Woods|Knolls?|Point)"
        r"(?!\w|[ ]of\b)",
        score=0.42,
        lead="capital",
    ),
    shaped(
        "note_place_abroad",
        "LOCATION",
        r"(?<![\w'’\-])[A-Z][a-zà-ÿ]{2,}(?:abad|istan|pur|puram|nagar|grad|garh|hausen|weiler"
        r"|ovice|kulam|patnam|halli|shahr"
        r"|havn|drecht|kirchen|brunn|ingen|polis|mandu|pradesh|baatar|ovo|evsk|insk|yansk|ovka"
        r"|ivka|abinsk)(?!\w)",
        score=0.4,
        lead="capital",
    ),
    shaped(
        "note_room",
        "LOCATION",
        r"(?<!\w)(?<!Post )(?<!Pre )(?:(?:OR|O\.R\.|LDR|LDRP|L&D|ED|ER|ED HALL|Hall|HALL|Hallway"
        r"|WING|Wing|Pod|POD|Chair|CHAIR"
        r"|Op|OP|Operatory|OPERATORY|Trauma|TRAUMA|Resus|RESUS|Triage|TRIAGE|Fast Track|Cube"
        r"|Cubicle|Isolette|Crib"
        r"|[MSCN]ICU|CVICU|CTICU|PICU|PACU|ICU|CCU|CDU|ICU|PCU|SDU|IMCU|Stepdown|Step-down|TELE"
        r"|Tele|Cell|Dorm|Cabin|Site|Slip"
        r"|Exam|Procedure Room|Cath Lab|Suite|Ward|WARD|Floor|Bay|BAY|Rm|RM|Room|ROOM|Unit"
        r"|Station|Theatre|Theater|Cottage)"
        rf"[ ]#?)(?P<v>(?:\d{{1,4}}[A-D]?|[A-H]\d{{0,3}})(?:[ \-/,]{{1,2}}(?i:bed|bay|chair)?["
        rf" ]?#?(?:\d{{1,3}}[A-D]?|[A-D]))?){_AFTER_ROOM}",
        score=0.45,
        lead="capital",
    ),
    shaped(
        "note_ward",
        "LOCATION",
        r"(?<![\w/.\-])\d{1,2}[ \-]?(?:North|South|East|West|Tower|Main|Center|Central|Pavilion"
        r"|NORTH|SOUTH|EAST|WEST|TOWER)"
        r"[ \-](?:(?i:rm|room|bed)[ ])?\d{1,4}(?:[\-/]?[A-D1-4])?(?![\w/%]|\.\d)",
        score=0.6,
        lead="digit",
        digits=1,
    ),
    anchored(
        "note_room_lower",
        "LOCATION",
        "wing , pod , bay , site ",
        rf"(?:wing|pod|bay|(?<=, )site)[ ]#?(?P<v>[a-h](?=[,.;)\n])|\d{{1,3}}[a-d]?){_AFTER_ROOM}",
        score=0.5,
    ),
    shaped(
        "note_bed_column",
        "LOCATION",
        r"(?<=[ ]{2})\d{1,4}-?[A-D](?=[ ]{2}|[ ]?\n|[ ]?\||$)",
        score=0.45,
        lead="digit",
        digits=1,
    ),
    labelled(
        "note_state",
        "LOCATION",
        "st, state, pt_st, addr_st",
        value=r"(?P<v>(?-i:[A-Z]{2}))(?![\w])",
        separator=r"[ ]?[=:][ ]?[\"']?",
        score=0.6,
    ),
)

PATTERNS: tuple[Pattern, ...] = DATES + PHONES + PLACES
