"""English patterns of letters, logs and forms: old state names, logins, ages in headings."""

from __future__ import annotations

from appliance.redact.detect.patterns import Pattern, anchored, shaped, words

#: How states were shortened before they had two letters.
_OLD_STATES = words(
    "Ala, Ariz, Ark, Calif, Colo, Conn, Del, Fla, Ga, Ill, Ind, Kan, Kans, Ky, La, Md, Mass, Mich"
    ", Minn, Miss, Mo, Mont, Neb, Nebr, Nev, Okla, Ore, Penn, Pa, Tenn, Tex, Va, Vt, Wash, Wis, Wyo"
    ", Ont, Que, Alta, Sask, Man, NSW"
)
_TOWN = r"[A-Z][\w'’\-]+(?:[ ](?:of[ ])?[A-Z][\w'’\-]+){0,2}"
_EXAM = r"(?:CT|CTA|MRI|MRA|PET|X-?ray|xray|US|echo|mammo|DEXA|scan|C/A/P|labs|colonoscopy|EGD)"

_HIJRI = (
    r"(?:muharram|safar|rabi[ '’\-]?(?:al[ \-])?(?:awwal|thani|akhir)|jumada[ \-](?:al[ \-])?\w+"
    r"|rajab"
    r"|sha['’]?ban|ramadh?an|shawwal|(?:dh?|z)u[l]?[ '’\-]?(?:al[ \-])?(?:qi['’]?dah?|hijjah?))"
)

PATTERNS: tuple[Pattern, ...] = (
    anchored(
        "old_state",
        "LOCATION",
        tuple(f", {state.lower()}." for state in _OLD_STATES),
        rf"(?<![\w.])(?P<v>{_TOWN},[ ](?:{'|'.join(_OLD_STATES)})\.)(?=[ ,;:)\n]|$)",
        score=0.55,
        before=40,
        flags=0,
    ),
    shaped(
        "docket_letters",
        "CASE_NUMBER",
        r"(?<![\w\-/.])(?:\d{2}|\d{4})-[A-Z]{2,4}-\d{3,6}(?![\w\-/])",
        score=0.55,
        lead="digit",
        digits=4,
    ),
    anchored(
        "login_by",
        "USERNAME",
        "by ",
        r"by[ ](?P<v>[a-z]{3,14}\d{1,3}|[a-z]{3,14}_[a-z]{1,8}\d{0,3})(?![\w@\-]|\.\w)",
        score=0.5,
        flags=0,
    ),
    anchored(
        "login_joined",
        "USERNAME",
        "_",
        r"(?<![\w@./\-])[a-z]{3,14}_[a-z]\d{0,3}(?![\w@/=(\-]|\.\w)",
        score=0.4,
        before=15,
        flags=0,
    ),
    anchored(
        "exam_month",
        "DATE_TIME",
        "april, january, february, june, july, august, september, october, november, december",
        rf"(?<!\w)(?-i:{_EXAM})[ ](?P<v>(?-i:January|February|March|April|June|July|August"
        r"|September|October|November|December))(?=[.,;)\n]|$)",
        score=0.45,
        before=9,
    ),
    shaped(
        "month_visit",
        "DATE_TIME",
        r"(?P<v>(?:January|February|April|June|July|August|September|October"
        r"|November|December))(?=[ ](?:visit|appointment|appt|scan|clinic|labs|review|admission"
        r"|session))",
        score=0.45,
        lead="capital",
        context=r"(?<!\w)(?:the|her|his|our|my)[ ]",
    ),
    anchored(
        "date_hijri",
        "DATE_TIME",
        "muharram, safar, rabi, jumada, rajab, sha, ramad, shawwal, dhu, dul, zul",
        rf"(?<![\w/.])\d{{1,2}}(?:st|nd|rd|th)?[ \-/](?:of[ ])?(?i:{_HIJRI})"
        rf"(?:[ ,\-/]{{1,2}}1[34]\d\d)?(?!\w)"
        rf"|(?<!\w)(?i:{_HIJRI})[ ]1[34]\d\d(?!\w)",
        score=0.6,
        before=8,
    ),
    anchored(
        "date_japanese",
        "DATE_TIME",
        "showa, heisei, reiwa, taisho",
        r"(?:showa|heisei|reiwa|taisho|shōwa|taishō)[ ]\d{1,2}(?:,?[ ]\d{1,2}/\d{1,2})?(?![\w/])",
        score=0.6,
    ),
    anchored(
        "visit_age",
        "AGE",
        "well child, wcc, wcv, well visit, check-up, checkup",
        r"(?:well[ ]child(?:[ ](?:visit|check|exam|care))?|wcc|wcv|well[ ]visit|check-?up)[ ]?"
        r"[\-–—:][ ]?(?P<v>\d{1,2})[ \-](?=years?|yrs?|months?|mos?\b)",
        score=0.5,
    ),
    shaped(
        "age_after_birthday",
        "AGE",
        r"[ ]{2,4}\(?(?P<v>[1-9]\d?|1[01]\d)\)?(?=[ \t]*(?:\n|$))",
        score=0.45,
        context=r"(?i:[/\-., ](?:19|20)\d\d)",
    ),
    shaped(
        "age_months_glued",
        "AGE",
        r"(?<![\w.\-/])(?P<v>\d{1,2})(?=mo(?!\w))",
        score=0.5,
        lead="digit",
        digits=1,
        context=r"(?:[A-Z][\w'’\-]+,?|(?i:is|a|our|my|old|boy|girl|the)|[,;:(|])[ ]?",
    ),
)
