"""English patterns of courts and offices: file numbers, nationality, values in words."""

from __future__ import annotations

import re

from appliance.redact.detect.patterns import Pattern, anchored, labelled, shaped, words

#: `2 BvR 1481/04`, `IV K 57/99`, `U-III-1234/2005`, `3021/B/04`, `1999/212`, `15463/89`.
_FILE = (
    r"(?:(?-i:[IVXLC]{1,5}|[A-Z][A-Za-z]{0,3}|\d{1,3})[. \-/]{1,2}){0,4}\d{1,6}"
    r"(?:[/\-](?-i:[A-Z]{1,4}|[IVX]{1,4}))?(?:[/\-]\d{2,6}(?:[/\-](?-i:[A-Z]{1,4}|\d{1,4}[A-Za-z]?)|[A-Za-z](?!\w))?"
    r"|[/\-][^\W\d_](?!\w))"
)
#: One value behind "no.": groups with a digit, or short ones of capitals: `II. ÚS 363/06`.
_GROUP = r"(?:(?=[^\W\d_]{0,4}\d)[^\W_]{1,12}|(?-i:[A-ZÀ-ÞЀ-Я԰-Ֆ]{1,5})(?![^\W\d_]))"
_NUMBERED = rf"{_GROUP}(?:(?:\.[ ]|[ ./\-–]){_GROUP}){{0,6}}"
#: What has a number and is no case, whatever its capitals.
ACTS = (
    "".join(
        rf"(?<!\b{word} )"
        for word in words(
            """law, laws, act, acts, decree, ordinance, statute, directive, regulation, protocol,
        resolution, recommendation, convention, code, bulletin, gazette, rule, section, series a,
        series, protocols, school, prison, colony, hospital, kindergarten, unit, block, wing,
        article, annex, appendix, schedule, exhibit, circular, instruction"""
        )
    )
    + r"(?<!\(E[CU]\) )(?<!\(EEC\) )"
)
_FILES = rf"{_FILE}(?:(?:,|;| and|, and| &| or)[ \n](?:no\.[ ])?{_FILE})*"

CASES: tuple[Pattern, ...] = (
    labelled(
        "court_file",
        "CASE_NUMBER",
        "case, cases, file, files, docket, application, applications, action, decision, judgment,"
        " judgement, order, ref, reference, proceedings, register, complaint, claim, appeal,"
        " petition, cause, matter, suit, ruling, indictment, warrant, writ, our ref, your ref,"
        " registration, record, protocol, permit, deed, inquiry, investigation, criminal case,"
        " civil case, case file, act, report, certificate, passport",
        value=rf"(?P<v>{_FILES})(?![\w/])",
        separator=r"[ \t]*(?:number|numbers|nos?|nr)?\.?[ \t]*[:#(]?[ \t]*\n?[ \t]*",
        score=0.8,
    ),
    anchored(
        "court_file_no",
        "CASE_NUMBER",
        "no., nos., no , nos , nr., nr ",
        rf"{ACTS}n(?:os?|r)\.?[ \t\n]{{0,2}}(?P<v>{_FILES})(?![\w/])",
        score=0.8,
    ),
    anchored(
        "numbered",
        "CASE_NUMBER",
        "no., nos., number ",
        rf"{ACTS}(?:no\.|nos\.|number)[ \t\n]{{1,2}}(?P<v>(?=(?:[^\d\n,;()]{{0,10}}\d){{4}}"
        rf"|[^\s,;()]{{0,6}}\d[^\s,;()]{{0,6}}/)(?=[\w./\-– ]{{0,12}}\d){_NUMBERED})(?![^\W_])",
        score=0.6,
    ),
    anchored(
        "registered_as",
        "CASE_NUMBER",
        "registered as, registered under, filed as, filed under, entered as, listed as"
        ", docketed as, renumbered",
        r"(?:registered|filed|entered|listed|docketed|renumbered)(?:[ ](?:as|under))?[ ](?:the[ ])?"
        r"(?:number[ ]|no\.[ ]|case[ ]|file[ ])?"
        rf"(?P<v>(?=(?:[^\d\s,;()]{{0,6}}\d){{3}}){_NUMBERED})(?![^\W_])",
        score=0.6,
    ),
    labelled(
        "land_plot",
        "CASE_NUMBER",
        "plot, plots, parcel, parcels, entry, land register, sheet/plan"
        ", sheet, folio, page, cadastral, title deed, deed"
        ", lot, block",
        value=(
            r"(?P<v>\d{1,6}[/\-](?-i:[0-9A-Z]{1,6}|[a-z](?!\w))(?:/[0-9A-Za-z]{1,6})?"
            r"|(?-i:[A-Z]{1,3})[ ]?\d{3,8})(?![\w/])"
        ),
        separator=r"[ \t]*(?:number|numbers|nos?|nr)?\.?[ \t]*[:#]?[ \t]*",
        score=0.55,
    ),
    shaped(
        "court_file_bare",
        "CASE_NUMBER",
        r"(?<![\w/.\-])(?:[IVXL]{1,5}[ ][A-Z][A-Za-z]{0,3}[ \-]?\d{1,6}/(?:19|20)?\d{2}"
        r"|[A-Z][A-Za-z]{0,3}[ \-]?\d{1,6}/(?:19|20)\d{2})(?![\w/%])",
        score=0.45,
        lead="capital",
    ),
    shaped(
        "court_file_register",
        "CASE_NUMBER",
        r"(?<![\w/.\-])\d{1,3}[ ](?!(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[ ])"
        r"(?!(?:BP|HR|RR|PR|P|T|Wt|Ht|Sat|BS|FS|RA|NS|LR|RBC|WBC)[ ])"
        r"[A-Z][A-Za-z]{0,3}[ ]\d{1,6}/\d{2}(?:\d{2})?[a-z]?(?![\w/%])",
        score=0.5,
        lead="digit",
        digits=1,
    ),
    anchored(
        "licence_short",
        "LICENSE_NUMBER",
        "licence, license, badge, permit, certificate, membership, diploma, warrant card",
        r"(?:licen[cs]e|badge|permit|certificate|membership|diploma|warrant card)[ ]"
        r"(?:no\.|nos\.|number|nr\.?|#)[ ]{0,2}(?P<v>\d{2,3})(?![\w/.\-]\d|\w)",
        score=0.6,
    ),
    labelled(
        "tail_number",
        "VEHICLE_ID",
        "tail, tail number, tail no, aircraft, aircraft registration, plane registered as"
        ", registered as, flight, vessel, call sign",
        value=r"(?P<v>(?-i:[A-Z]{1,2}-?(?=[A-Z\d]*\d)[A-Z\d]{3,5}))(?![\w/\-])",
        score=0.55,
    ),
    shaped(
        "us_docket",
        "CASE_NUMBER",
        r"(?<![\w\-])(?:\d{1,2}:)?\d{2}-(?:cv|cr|mc|mj|bk|ap|civ|crim|md|ml|po)-\d{3,6}"
        r"(?:-[A-Za-z]{2,6}){0,3}(?![\w])",
        score=0.85,
        flags=re.IGNORECASE,
        lead="digit",
        digits=2,
    ),
    shaped(
        "us_docket_letters",
        "CASE_NUMBER",
        r"(?<![\w\-])\d{2,4}[ \-]?(?:CV|CR|CF|CA|CI|DR|GA|FA|JV|PR|SC|TR|CH)[ \-]?\d{4,8}"
        r"(?:-[A-Z0-9]{1,4})?(?![\w\-])",
        score=0.5,
        lead="digit",
        digits=2,
    ),
)

NATIONALITY: tuple[Pattern, ...] = (
    anchored(
        "nationality",
        "NRP",
        "national, citizen, origin, descent, ethnicity, nationality, refugee, extraction",
        r"(?:a|an|and|of|two|the|are|were|is"
        r"|was)[ ](?P<v>(?-i:[A-Z][a-z]{3,}(?:[ \-][A-Z][a-z]{3,})?))"
        r"[ ](?:nationals?|citizens?|origin|descent|ethnicity|nationality|refugees?"
        r"|extraction)(?!\w)",
        score=0.7,
        before=45,
    ),
)

_SCRIPTS = "Ͱ-Ͽἀ-῿Ѐ-ӿ԰-֏א-תء-يऀ-ॿก-๏぀-ヿ一-鿿가-힣ა-ჿ"
_ONES = "one|two|three|four|five|six|seven|eight|nine"
_DIGIT_WORD = rf"(?:zero|oh|o|nought|{_ONES}|(?:double|triple)[ ](?:zero|oh|{_ONES}))"
_ORDINAL = (
    r"(?:(?:twenty|thirty)[ \-])?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)"
    r"|tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth"
    r"|nineteenth|twentieth|thirtieth"
)
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_YEAR_WORDS = (
    rf"(?:nineteen|eighteen|twenty)[ \-](?:(?:{_TENS})(?:[ \-](?:{_ONES}))?|oh[ \-](?:{_ONES})"
    r"|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen)"
    rf"|two[ ]thousand(?:[ ]and)?(?:[ \-](?:(?:{_TENS})(?:[ \-](?:{_ONES}))?|{_ONES}|ten|eleven"
    r"|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen))?"
)
_MONTH = "january|february|march|april|may|june|july|august|september|october|november|december"

WRITTEN: tuple[Pattern, ...] = (
    shaped(
        "foreign_script",
        "PERSON",
        # In English texts, what is left in another script is a name or an address.
        rf"(?<![^\W_])[{_SCRIPTS}]{{3,}}(?:[ .,\-]{{1,2}}[{_SCRIPTS}]{{2,}})*(?![^\W_])",
        score=0.35,
    ),
    anchored(
        "date_in_words",
        "DATE_TIME",
        tuple(_MONTH.split("|")),
        rf"(?<!\w)(?:the[ ])?(?:(?:{_ORDINAL})(?:[ ]day)?[ ](?:of[ ])?(?:{_MONTH})"
        rf"|(?:{_MONTH})(?:[ ]the)?[ ](?:{_ORDINAL}))(?!\w)"
        rf"(?:,?[ ](?:in[ ]the[ ]year[ ](?:of[ ])?)?(?:{_YEAR_WORDS}|(?:19|20)\d{{2}})(?!\w))?",
        score=0.75,
        before=32,
    ),
    anchored(
        "month_year_in_words",
        "DATE_TIME",
        tuple(_MONTH.split("|")),
        rf"(?:{_MONTH})[ ,]{{1,2}}(?:of[ ])?(?:{_YEAR_WORDS})(?!\w)",
        score=0.7,
    ),
    anchored(
        "year_in_words",
        "DATE_TIME",
        "in nineteen, in eighteen, in twenty, in two thousand, since nineteen, since two thousand"
        ", since twenty, of nineteen, born nineteen",
        rf"(?:in|since|of|born)[ ](?P<v>{_YEAR_WORDS})(?![\w\-]|[ ](?:days?|weeks?|months?|years?"
        r"|hours?|minutes?|patients?|people|percent|dollars|other|of)\b)",
        score=0.6,
    ),
    anchored(
        "date_day_of",
        "DATE_TIME",
        "day of ",
        rf"\d{{1,2}}(?:st|nd|rd|th)[ ]day[ ]of[ ](?:{_MONTH})(?:,?[ ](?:A\.?D\.?[ ])?(?:1[5-9]|20)"
        r"\d{2})?(?!\w)",
        score=0.75,
        before=6,
    ),
    anchored(
        "date_or_about",
        "DATE_TIME",
        "between , from ",
        rf"(?:between|from)[ ](?P<v>(?:(?:early|mid|late)[ \-])?(?:{_MONTH}))[ ](?:and|to|until)[ ]"
        rf"(?:(?:early|mid|late)[ \-])?(?:{_MONTH})[ ](?:19|20)\d{{2}}(?!\w)",
        score=0.6,
    ),
    shaped(
        "date_roman_month",
        "DATE_TIME",
        r"(?<![\w./])(?:0?[1-9]|[12]\d|3[01])[. /\-]{1,2}(?:I{1,3}|IV|VI{0,3}|IX|XI{0,2}|X)"
        r"[. /\-]{1,2}(?:19|20)\d{2}(?!\w)",
        score=0.75,
        lead="digit",
        digits=1,
    ),
    shaped(
        "date_week",
        "DATE_TIME",
        r"(?<![\w\-])(?:19|20)\d{2}-?W[0-5]\d(?:-?[1-7])?(?![\w\-])",
        score=0.65,
        lead="digit",
        digits=4,
    ),
    anchored(
        "date_decade",
        "DATE_TIME",
        "0s, 0's, 0’s",
        r"(?<![\w.])(?P<v>(?:(?i:early|mid|late)[ \-])?(?:1[89]|20)\d0['’]?s)(?!\w)",
        score=0.5,
        before=9,
    ),
    anchored(
        "date_season",
        "DATE_TIME",
        "spring, summer, autumn, fall, winter",
        r"(?<!\w)(?i:(?:early|mid|late)[ \-])?(?i:spring|summer|autumn|fall|winter)(?:[ ]of|,)?[ ]"
        r"(?:19|20)\d{2}(?!\w)",
        score=0.6,
        flags=0,
        before=6,
    ),
    anchored(
        "holiday",
        "DATE_TIME",
        "thanksgiving, christmas, xmas, easter, halloween, new year, labor day, memorial day"
        ", independence day, valentine, ramadan, eid , diwali, passover, hanukkah, mother's day"
        ", father's day, boxing day, good friday",
        r"(?:thanksgiving|(?:christmas|xmas)(?:[ ](?:eve|day))?|easter(?:[ ]sunday)?|halloween"
        r"|new[ ]year['’]?s?(?:[ ](?:eve|day))?|labor[ ]day|memorial[ ]day|independence[ ]day"
        r"|valentine['’]?s[ ]day|ramadan|eid[ ]al-\w+|diwali|passover|hanukkah|mother['’]s[ ]day"
        r"|father['’]s[ ]day|boxing[ ]day|good[ ]friday)(?!\w)(?:,?[ ](?:of[ ])?(?:19"
        r"|20)\d{2}(?!\w))?",
        score=0.5,
    ),
    shaped(
        "weekday_of_date",
        "DATE_TIME",
        r"(?<!\w)(?:Mon|Tues?|Wed(?:s|nes)?|Thu(?:rs?)?|Fri|Sat(?:ur)?|Sun)(?:day)?\.?(?=,?[ ]"
        r"(?:\d{1,2}[/\-.]\d|\d{1,2}(?:st|nd|rd|th)?[ ]|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep"
        r"|Oct|Nov"
        r"|Dec)[a-z]*\.?[ ]\d))",
        score=0.5,
        lead="capital",
    ),
    shaped(
        "date_short_year",
        "DATE_TIME",
        r"(?<=[a-z\d,.] )['’](?:[0-4]\d|[5-9]\d)(?![\w'’]|[ ]?(?i:years?|yrs?|s\b))",
        score=0.5,
        context=r"(?i:in|since|of|until|till|from|to|summer|winter|spring|fall|autumn|around|about"
        r"|x\d|circa|early|late|mid|class of|[a-z]{3,9}\.?|\d{1,2}(?:st|nd|rd|th)?,)[ ]",
    ),
    anchored(
        "phone_in_words",
        "PHONE_NUMBER",
        ("zero", "oh", *_ONES.split("|")),
        rf"(?<![\w\-]){_DIGIT_WORD}(?:(?:[ ,.\-]|,[ ]){_DIGIT_WORD}){{5,14}}(?![\w\-])",
        score=0.7,
    ),
    anchored(
        "phone_letters",
        "PHONE_NUMBER",
        "800-, 888-, 877-, 866-, 855-, 844-, 833-",
        r"(?<![\w\-])(?:1-)?(?:800|888|877|866|855|844"
        r"|833)-(?=[A-Z\d\-]*[A-Z])[A-Z\d]{3,7}(?:-[A-Z\d]{2,5})?(?![\w\-])",
        score=0.75,
        before=2,
        flags=0,
    ),
    anchored(
        "email_in_words",
        "EMAIL_ADDRESS",
        " dot , (dot), [dot]",
        r"(?<![\w.])[a-z0-9]+(?:[ ](?:dot|underscore|dash|period)[ ][a-z0-9]+|[._\-][a-z0-9]+){0,3}"
        r"[ ](?:at|\(at\)|\[at\])[ ][a-z0-9\-]+(?:[ ](?:dot|\(dot\)"
        r"|\[dot\])[ ][a-z0-9\-]{2,24}){1,3}"
        r"(?!\w)",
        score=0.8,
        before=65,
    ),
)

_ROADS = (
    r"rue|avenue|boulevard|allée|quai|chemin|via|viale|piazza|corso|calle|carrera|avenida|paseo"
    r"|rua|travessa|praça|alameda|estrada|ulica|ul\.|ulitsa|jalan|jl\.|soi|strada|calea"
)
ABROAD: tuple[Pattern, ...] = (
    anchored(
        "street_abroad",
        "LOCATION",
        "rue , avenue , boulevard , quai , chemin , via , viale , piazza , corso , calle , carrera"
        ", avenida , paseo , rua , travessa , praça , alameda , estrada , ulica , ul. , jalan"
        ", jl. , strada ",
        rf"(?<![\w/.\-])(?!via[ ](?![^,\n]{{2,30}}[ ,]\d))(?:(?:\d{{1,5}}(?:[\-/]\d{{1,5}})?(?:"
        rf"[ ]?(?:bis|ter"
        rf"|[A-Z]))?,?[ ])(?:{_ROADS})"
        rf"|(?:{_ROADS}))[ ](?-i:(?:(?:de|des|du|da|do|dos|das|del|della|la|le|les|los|las|di"
        rf"|d['’])"
        r"[ ]?){0,3}[A-ZÀ-Þ][\w'’\-]+(?:[ ](?:(?:de|da|do|del|la)[ ])?[A-ZÀ-Þ][\w'’\-]+){0,3})"
        r"(?:,?[ ](?:n[.º°]?[ ]?)?\d{1,5}[A-Za-z]?(?!\w))?(?:,[ ]\d{4,6}(?!\w))?",
        score=0.55,
        before=14,
    ),
    anchored(
        "street_compound",
        "LOCATION",
        "straße, strasse, gasse, platz, allee, gade, gatan, straat, laan, vej, weg, gata, gaten,"
        " vegen, veien, vägen, katu, utca, plein, gracht, kade",
        r"(?-i:[A-ZÀ-Þ])[\w\-]*(?:straße|strasse|gasse|platz|allee|gade|gatan|straat|laan|vej"
        r"|weg|gata|gaten|vegen|veien|vägen|katu|utca|plein|gracht|kade)[ ]\d{1,4}[a-z]?(?![\w.])"
        r"(?:,[ ](?:[A-Z]{1,2}-)?(?:\d{3,5}[ ]?\d{0,2}[ ])?(?-i:[A-ZÀ-Þ])[\w\-]+)?",
        score=0.6,
        before=30,
    ),
    shaped(
        "plot",
        "LOCATION",
        r"(?<!\w)(?:Plot|House|Flat|Block|Villa|Door|Unit|Stand|Erf|Shop)[ ](?:[Nn]o\.?[ ]?|#)?"
        r"[A-Z]?\d{1,5}[A-Z]?(?:[/\-]\d{1,4})?(?:,[ ][A-Z][\w'’.\-]*(?:[ ][A-Z\d]"
        r"[\w'’.\-]*){0,3}){0,2}"
        r"(?!\w)",
        score=0.55,
        lead="capital",
    ),
    anchored(
        "route",
        "LOCATION",
        "rt, rte, route, hwy, highway, interstate, i-",
        r"(?:(?:rte?|route|hwy|highway|interstate)\.?[ ]?\d{1,4}|i-\d{1,3})(?=[ ]?(?:[.,;)\n]|$"
        r"|in\b|near\b"
        r"|and\b|at\b|from\b|to\b))",
        score=0.45,
    ),
    shaped(
        "place_tail",
        "LOCATION",
        r"(?<![\w'’\-])[A-Z][a-zà-ÿ'’]+(?:[ ][A-Z][a-zà-ÿ'’]+){0,2}[ ](?:Heights|Springs|Falls"
        r"|Valley"
        r"|Creek|Hills|Grove|Ridge|Township|Borough|Village|County|Harbor|Harbour|Bay|Island"
        r"|Islands"
        r"|Parish|Province|Region|Oblast|District|Prefecture|Municipality|Governorate|Peninsula"
        r"|Road|Street|Avenue|Lane|Drive|Close|Crescent|Boulevard|Terrace|Beach|Mountains|River"
        r"|Prison|Barracks|Airport|Cemetery|Mosque|Cathedral|Monastery)(?!\w|[ ](?:Court|Council))",
        score=0.66,
        lead="capital",
    ),
)

PATTERNS: tuple[Pattern, ...] = CASES + NATIONALITY + WRITTEN + ABROAD
