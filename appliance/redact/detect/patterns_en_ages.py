"""English patterns: how old people are."""

from __future__ import annotations

from appliance.redact.detect.patterns import Pattern, anchored, labelled, shaped

PATTERNS: tuple[Pattern, ...] = (
    anchored(
        "en_age_years",
        "AGE",
        "y, y.o",
        r"(?<![\w.\-/])(?P<v>\d{1,3})(?:[ \t]|[\-–]){0,2}(?:y\.?[ ]?/?[ ]?o\b\.?|yo(?=[MFmf]?\b)"
        r"|years?[ \t\-–]{0,2}(?:old|of age)|yrs?\.?[ \t\-–]{0,2}(?:old|of age)|year[ \-]olds?)",
        score=0.8,
        before=7,
    ),
    anchored(
        "en_age_y",
        "AGE",
        "y, yrs",
        r"(?<![\w.\-/])(?P<v>\d{1,3})[ ]?(?:y|yrs)(?=[ ]{2}|[ ]?[,;|][ ]?(?:[A-Z]|f\b|m\b)"
        r"|[ ]/?[ ]?[MF]\b"
        r"|[ ]G\d)",
        score=0.55,
        before=5,
    ),
    anchored(
        "en_age_birthday",
        "AGE",
        "birthday",
        r"(?<!\w)(?P<v>\d{1,3})(?:st|nd|rd|th)[ ]birthday",
        score=0.6,
        before=7,
    ),
    anchored(
        "en_age_asked",
        "AGE",
        "how old, your age, his age, her age, you are",
        r"(?:how old[^?\n]{0,30}|(?:your|his|her) age[^?\n]{0,20}|you are)\?[ \n]+"
        r"(?:[A-Z][\w ]{0,20}:[ ])?(?P<v>\d{1,3})(?![\d/]|\.\d)",
        score=0.55,
    ),
    anchored(
        "en_age_months",
        "AGE",
        "month, week, wk, day, mo",
        r"(?<![\w.\-/])(?P<v>\d{1,3})(?:[ \t]|[\-–]){0,2}(?:months?|mos?|weeks?|wks?"
        r"|days?)[ \t\-–]{1,2}(?:old|of age)\b",
        score=0.7,
        before=7,
    ),
    shaped(
        "en_age_sex",
        "AGE",
        r"(?<![\w.\-/:])(?P<v>[1-9]\d?|1[01]\d)(?:[ ]?(?:yo?|y/o)?[ /]?)(?:[MF]|male|female|man"
        r"|woman|boy|girl|lady|gentleman)(?![\w\-°'])(?! ?(?:French|Fr\b))",
        score=0.6,
        lead="digit",
        digits=1,
    ),
    labelled(
        "en_age_labelled",
        "AGE",
        "age, aged, ages, age at visit, age at camp, age at entry, age at admission, age at death,"
        " age today, age at onset, age at diagnosis, at age, at the age of,"
        " age of, turned, turning, turn, turns, current age, patient age",
        value=r"(?P<v>\d{1,3})(?![\w/.\-%]\d|\d)(?![ ]?(?:%|weeks?|days|minutes|times))",
        separator=r"[ \t]*(?:\([^)\n]{1,14}\))?[ \t]*(?:[:=|]|is\b|of\b|was\b)?[ \t]*",
        score=0.75,
    ),
    anchored(
        "en_age_is",
        "AGE",
        "she, he, who, patient, pt, they, i, i'm, i’m, i's, i’s",
        r"(?<!\w)(?i:she|he|who|patient|pt|they|i)(?:[ \t](?i:is|was|turned|am|are)|'s"
        r"|’s)[ \t](?:now |currently |about |only )?(?P<v>[1-9]\d|1[01]\d)"
        r"(?=[ \t]*(?:[.,;)]|$|and\b|with\b|years\b|who\b|but\b|living\b)(?!\d))(?!\.\d)",
        score=0.6,
        flags=0,
    ),
    shaped(
        "en_age_comma",
        "AGE",
        r"(?<=[a-z]), (?P<v>[1-9]\d|1[01]\d)(?=, (?:an?|of|is|was|who|has|presented|presents"
        r"|living|from|suffer|the|has)\b)",
        score=0.5,
    ),
    shaped(
        "en_age_aside",
        "AGE",
        r", (?:then[ ]|now[ ]|aged[ ])?(?P<v>[1-9]\d|1[01]\d|[4-9])(?=(?:,"
        r"|[ ]-)[ ](?:[A-Za-z]{2,}|\d{2,3}[ ]?(?:kg|lbs?|cm|yo)\b))"
        r"(?!, (?:and|or|to)[ ]\d|, (?:Inc|No|Art|pp?|at)\b)",
        score=0.5,
        context=(
            r"(?<!\w)(?!(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|January|February"
            r"|March|April|June|July|August|September|October|November|December|Articles?"
            r"|Rules?|Sections?|Grade|Level|Unit|Block|Figures?|Tables?|Chapters?"
            r"|Room)\b)[A-Z][a-zà-ÿ'’\-]+\.?|/(?:them|her|him|hers|his|theirs)"
        ),
    ),
    shaped(
        "en_age_name_plain",
        "AGE",
        r"(?P<v>[1-9]\d)(?=,[ ](?:here|presents?|presenting|with|w/|c/o|brought|seen|from|lives"
        r"|student|fell"
        r"|s/p|hx|is|was|has|who)\b)",
        score=0.4,
        lead="digit",
        digits=1,
        context=r"(?<![A-Z])[A-Z][a-zà-ÿ'’\-]+ [A-Z][a-zà-ÿ'’\-]+[ ]{1,2}",
    ),
    shaped(
        "en_age_name_end",
        "AGE",
        r"[,;] (?P<v>[1-9]\d|1[01]\d)(?=[.;](?:\s|$))",
        score=0.45,
        context=r"(?<![A-Z])(?<![A-Z][a-z])[A-Z][a-zà-ÿ'’\-]+ [A-Z][a-zà-ÿ'’\-]+",
    ),
    shaped(
        "en_age_siblings",
        "AGE",
        r"(?P<v>[1-9]\d?)(?=(?:(?:(?<=\(\d)|(?<=\(\d\d))\))?(?:[,;.]|[ ](?:and|&)[ ]|\s*$|["
        r" ](?!(?:times|x|days?|weeks?|hours?"
        r"|months?"
        r"|mg|ml|doses?|feet|ft|in|lbs?|kg|blocks|visits?)\b)[a-z]{2,}))(?![.,]\d)",
        score=0.5,
        lead="digit",
        digits=1,
        context=(
            r"(?i:sibs?|siblings?|kids|child|children|sons?|daughters?|brothers?|sisters?|twins"
            r"|bro|sis"
            r"|grandkids)\b[ :(][^.\n]{0,20}(?<![A-Z])[A-Z][a-zà-ÿ'’\-]+[ ,(]{1,2}"
        ),
    ),
    shaped(
        "en_age_gravida",
        "AGE",
        r"(?<![\w.\-/:])(?P<v>[1-4]\d)(?=[ ](?:yo?[ ]|y/o[ ])?G\d{1,2}(?:[ ]?P|\b))",
        score=0.6,
        lead="digit",
        digits=2,
    ),
    anchored(
        "en_age_at",
        "AGE",
        "died at, alive at, passed at, passed away at, deceased at, diagnosed at, dx at, dxd at"
        ", dx'd at, onset at, living at, well at, died age, d. at, then , now , menarche at"
        ", menopause at",
        r"(?:(?:died|alive|passed(?: away)?|deceased|diagnosed|dx'?d?|onset|living|well|d\."
        r"|menarche"
        r"|menopause)[ ](?:at|age)|(?<=, )(?:then|now))[ ](?:age[ ])?(?P<v>[1-9]\d|1[01]\d|[4-9])"
        r"(?=[ ]*(?:[.,;)\n]|$|of\b|from\b|with\b|w/|and\b|due\b|after\b|years\b"
        r"|yrs?\b))(?![.,]\d)",
        score=0.6,
    ),
)
