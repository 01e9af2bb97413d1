"""English patterns of other countries: places and numbers of Australia, Canada, India, Britain.

And numbers of crews, passports and vehicles that a text gives without a colon.
"""

from __future__ import annotations

import re

from appliance.redact.detect.patterns import Pattern, anchored, labelled, shaped

_PROVINCES = (
    "ontario, quebec, manitoba, saskatchewan, alberta, british columbia, nova scotia"
    ", new brunswick, newfoundland, prince edward island, yukon, nunavut, queensland"
    ", new south wales, victoria, tasmania, northern territory, western australia"
    ", south australia, karnataka, kerala, maharashtra, gujarat, rajasthan, punjab, haryana, bihar"
    ", telangana, tamil nadu, andhra pradesh, uttar pradesh, madhya pradesh, west bengal, odisha"
    ", assam, jharkhand, chhattisgarh, uttarakhand, himachal pradesh, goa, waikato, otago"
    ", canterbury, taranaki, northland, hawke's bay, bay of plenty, southland, wales, scotland"
    ", northern ireland, england, kent, surrey, sussex, essex, devon, cornwall, dorset, norfolk"
    ", suffolk, cumbria, cork, galway, kerry, limerick, gauteng, kwazulu-natal, western cape"
    ", eastern cape, limpopo, mpumalanga"
)
_WORDS = sorted((name.strip() for name in _PROVINCES.split(",")), key=len, reverse=True)
_PROVINCE = "|".join(re.escape(" ".join(w.capitalize() for w in n.split(" "))) for n in _WORDS)
_STATES = "NSW|VIC|Vic|QLD|Qld|SA|WA|TAS|Tas|ACT|NT"

PLACES: tuple[Pattern, ...] = (
    anchored(
        "world_province",
        "LOCATION",
        _PROVINCES,
        rf"(?<=,[ ])(?P<v>(?-i:{_PROVINCE}))(?![\w'’\-])",
        score=0.6,
    ),
    shaped(
        "au_state_postcode",
        "LOCATION",
        rf"(?<![\w])(?:{_STATES})(?=,?[ ]{{1,2}}\d{{4}}(?!\d|[ ]?(?:mL|ml|mg|hrs?)\b))",
        score=0.65,
        lead="capital",
    ),
    shaped(
        "au_postcode",
        "ZIP_CODE",
        r"\d{4}(?![\w/\-]|\.\d|[ ]?(?:mL|ml|mg|hrs?)\b)",
        score=0.65,
        lead="digit",
        digits=4,
        context=rf"(?<!\w)(?:{_STATES}),?[ ]{{1,2}}",
    ),
    shaped(
        "au_state_closing",
        "LOCATION",
        rf"(?m)(?<=[a-z],[ ])(?:{_STATES})(?=[ \t]*(?:$|[|;)]))",
        score=0.5,
        lead="capital",
    ),
    shaped(
        "in_street",
        "LOCATION",
        r"(?<![\w/.\-])\d{1,3}(?:st|nd|rd|th)[ ](?:(?:A|B|C|D)[ ])?(?:Cross|Main|Block|Phase|Stage"
        r"|Sector)(?:[ ](?:Road|Rd))?(?!\w)",
        score=0.5,
        lead="digit",
        digits=1,
    ),
    shaped(
        "in_block",
        "LOCATION",
        r"(?<![\w'’\-])[A-Z][a-z]{4,}[ ]\d{1,2}(?:st|nd|rd|th)[ ](?:Block|Phase|Stage"
        r"|Sector)(?!\w)",
        score=0.6,
        lead="capital",
    ),
    anchored(
        "place_lives",
        "LOCATION",
        "live, living, lived, resid, born, raised, grew up",
        r"(?<!\w)(?i:lives?|living|lived|resid(?:es|ing|ed)|born|raised|grew up)[ ](?i:in)[ ]"
        r"(?P<v>[A-Z][a-zà-ÿ'’\-]+(?:[ ][A-Z][a-zà-ÿ'’\-]+){0,2})(?!\w)",
        score=0.56,
        flags=0,
    ),
    shaped(
        "place_city",
        "LOCATION",
        r"(?<![\w'’\-])(?!(?:Inner|The|Our|Your|This|That|Any|Each|Big|Home)[ ])[A-Z][a-zà-ÿ]{2"
        r",}[ ]"
        r"City(?![\w]|[ ](?:Hospital|Clinic|Medical|Health|Schools?|Middle|High|Council|Hall))",
        score=0.45,
        lead="capital",
    ),
)

_TAIL = r"(?![\w%]|[./\-]\d)"
IDS: tuple[Pattern, ...] = (
    labelled(
        "world_record",
        "MEDICAL_RECORD_NUMBER",
        "ur, ur no, urn, ur number, cr no, cr number, uhid, ip no, op no, ipd no, opd no, hosp no"
        ", hospital no, hospital number, nhs no, nhs number, nhi, chi, chi no, phin, mhsc, uli, ahc"
        ", phn, hcn, ohip, health card, health card no, ihi, dva, dva no, medicare card"
        ", medicare no"
        ", medicare number, ndis, ndis no, abha, hn, pid, rn number, file no",
        value=(
            r"(?P<v>\d{4}[ ]\d{5}[ ]\d(?:[/\-]\d)?|\d{2,4}(?:[ \-]\d{2,4}){1,3}(?:[ ][A-Z]{2})?"
            rf"|(?-i:[A-Z]{{1,4}})[ ]?\d{{3,9}}|(?=(?:[A-Z\-/]*\d){{4}})[A-Z0-9][A-Z0-9\-/]{{3"
            rf",18}}){_TAIL}"
        ),
        separator=r"[ \t]*(?:number|no\.?|#|id)?[ \t]*[:#]?[ \t]*",
        score=0.6,
    ),
    labelled(
        "world_plate",
        "LICENSE_PLATE",
        "rego, vehicle rego, rego no, registration plate, number plate, reg plate",
        value=(r"(?P<v>(?=[A-Z0-9 \-]{0,8}\d)[A-Z0-9]{1,4}(?:[ \-][A-Z0-9]{2,4}){0,2})" + _TAIL),
        separator=r"[ \t]*(?:number|no\.?|#)?[ \t]*[:#]?[ \t]*",
        score=0.6,
    ),
    labelled(
        "world_hull",
        "VEHICLE_ID",
        "hull number, hull no, tail number, fleet number, call sign, callsign",
        value=rf"(?P<v>(?=[A-Z\-]{{0,4}}\d)[A-Z0-9]{{1,4}}(?:-[A-Z0-9]{{1,6}})?){_TAIL}",
        separator=r"[ \t]*[:#]?[ \t]*",
        score=0.55,
    ),
    labelled(
        "world_document",
        "ID_NUMBER",
        "document, document id, document no, document number, doc id, dictation id, escription,"
        " confirmation, confirmation no, transcription id, job, job id, job no, job number",
        value=rf"(?P<v>(?=(?:[A-Z\-]*\d){{4}})[A-Z0-9]+(?:-[A-Z0-9]+){{0,3}}){_TAIL}",
        separator=r"[ \t]*(?:number|no\.?|id)?[ \t]*(?::|#)[ \t]*#?[ \t]*",
        score=0.55,
    ),
    anchored(
        "world_user",
        "USERNAME",
        "user , login ",
        r"(?:user|login)[ ](?P<v>(?=[a-z._]{0,18}\d)[a-z][a-z0-9._]{2,20})(?![\w@])",
        score=0.5,
        flags=0,
    ),
    shaped(
        "world_crew",
        "ID_NUMBER",
        # `L. Nguyen (ALS, 51937)`: a member of a crew, a grade and a number.
        r"(?<=[A-Z], )\d{4,7}(?=\))",
        score=0.5,
        lead="digit",
        digits=4,
        context=r"[a-zà-ÿ][ ]\([A-Z][A-Za-z]{1,6},[ ]",
    ),
    shaped(
        "world_passport",
        "US_PASSPORT",
        r"[A-Z]{1,3}[ ]?\d{6,9}(?![\w/\-])",
        score=0.6,
        lead="code",
        context=(
            r"(?i:passports?|identity cards?|id cards?|series|permits?|licen[cs]es?)[ ](?:\w+[ ])?"
            r"\(?(?:(?i:series|nos?\.?|numbers?)[ ])?(?:[A-Z]{1,3}[ ]?\d{6,9}(?:,[ ]|[ ]and[ ]))?"
        ),
    ),
    shaped(
        "world_card_again",
        "ID_NUMBER",
        r"[A-Z]{2,3}[ ]\d{7,9}(?![\w/\-])",
        score=0.5,
        lead="code",
        context=r"\d{6}(?:,[ ]|[ ](?:and|or)[ ])",
    ),
)

PATTERNS: tuple[Pattern, ...] = PLACES + IDS
