"""English patterns of clinical notes: numbers of officers and laboratories, organizations."""

from __future__ import annotations

import re

from appliance.redact.detect.patterns import Pattern, labelled, shaped

IDS: tuple[Pattern, ...] = (
    labelled(
        "note_officer",
        "ID_NUMBER",
        "shield, shield #, shield no, star, star #, star no, unit badge, credential, credential"
        " #, trooper id,"
        " officer id, id tag, wristband, band, bracelet, armband, seal, evidence bag, bag, tag,"
        " locker",
        value=r"(?P<v>(?=(?:[A-Z\-]*\d){2})[A-Z0-9][A-Z0-9\-]{1,14})(?![\w%]|\.\d)",
        separator=r"[ \t]*(?:number|no\.?|#|id)?[ \t]*[:#]?[ \t]*",
        score=0.55,
    ),
    labelled(
        "note_laboratory",
        "LICENSE_NUMBER",
        "clia, cap, clia no, clia number, cms, ccn, aaaasf, jcaho, iso, nabp, oscar, oasis id,"
        " hha id",
        value=r"(?P<v>(?=(?:[A-Z.\-]*\d){5})[A-Z0-9][A-Z0-9]*(?:-[A-Z0-9]+){0,3})(?![\w%]|\.\d)",
        separator=r"[ \t]*(?:number|no\.?|#|id|lic\.?|cert\.?)?[ \t]*[:#]?[ \t]*",
        score=0.6,
    ),
    labelled(
        "note_container",
        "SPECIMEN_ID",
        "cycle, straw, straws, tank, cane, tray, kit, pouch, tote, cassette, tube,"
        " vial, sticker, ampule,"
        " unit number, bag number, container, cryovial",
        value=r"(?P<v>(?=[A-Z]*\d)(?:[A-Z]{1,4}\d{2,6}-\d{1,6}|\d{2,3}-\d{4,6}|\d{4,8}-\d{1,4})|[A-Z]{2,4}\d{4,8})(?![\w/%]|\.\d)",
        separator=r"[ ]?(?:no\.?|#)?[ ]?[:#]?[ ]?",
        score=0.5,
        flags=re.IGNORECASE,
    ),
    shaped(
        "note_veteran_tag",
        "US_SSN",
        r"(?P<v>[A-Z]\d{4})(?=\)|[ ]*[,;\n]|$)",
        score=0.6,
        lead="code",
        context=(
            r"(?:(?i:\bvet(?:eran)?|last ?4|\bl4|\bssn)|[A-Z]{2,},[ ]?[A-Z]{2,}(?: [A-Z]+\.?)?)"
            r"[ :#]{0,2}\(?[ ]?"
        ),
    ),
)

_UNITS = (
    "Cavalry|Infantry|Airborne|Armou?red?|Marines?|Mar(?:ine)? Div|Division|Div|Battalion|Bn"
    "|Brigade|Bde|Regiment|Rgt|Fleet"
    "|Squadron|Rangers?|Special Forces|SFG|Engineers?|MP|Artillery|Field Artillery|Signal"
    "|Transport(?:ation)?|Medical"
    "|Ranger|Seabees|Fighter|Bomb(?:er)?|Air Force|Army|Corps|ID|ACR|MEU|Wing|Support Group"
)
_W = r"(?:(?:St|Mt|Ft|Dr)\.|[A-Z0-9#](?:[\w'’&\-]|\.(?=\w))*)"
_COMPANY = (
    rf"(?P<v>{_W}(?:(?:[ ](?:of|the|and|for|de|la|del|at|on|y|du)){{0,2}}[ ](?:&[ ])?(?:{_W}"
    rf"|\d{{1,4}}(?!\w)(?![/\-]))"
    r"){0,6}(?:,[ ](?:LLC|Inc|PC|PLLC|Ltd|LLP)\b\.?)?)"
)
ORGANIZATIONS: tuple[Pattern, ...] = (
    shaped(
        "note_unit_of_army",
        "ORGANIZATION",
        rf"(?<!\w)\d{{1,3}}(?:st|nd|rd|th)[ ](?:[A-Z][a-z]+[ ])?(?:{_UNITS})(?:[ ](?:Division"
        rf"|Regiment|Brigade|Battalion|Group|Wing))?(?!\w)",
        score=0.5,
        lead="digit",
        digits=1,
    ),
    labelled(
        "note_organization_labelled",
        "ORGANIZATION",
        "ins, insurance, insurer, ins co, insurance co, primary ins, secondary ins, primary"
        " insurance,"
        " secondary insurance, payer, payor, primary payer, carrier, health plan, bill, bill to,"
        " billed to, agency,"
        " home health agency, home health, home care, visiting nurse, hh, hha, dme, dme vendor,"
        " vendor, supplier, employer, emp, works, workplace, school, daycare,"
        " pharmacy, pharm, facility, hospital, hosp, practice, referring facility, receiving"
        " facility,"
        " sending facility, destination, transported to, transport to, dest, reference lab, ref"
        " lab, performing lab,"
        " performed at, prior tx, prior treatment, previous tx, group home, shelter, snf, alf,"
        " dialysis unit,"
        " dialysis center, outpatient unit, opo, tpl, wc carrier, work comp, church, funeral"
        " home, mortuary,"
        " company, organization, org, institution, sponsor",
        value=rf"(?-i:{_COMPANY})(?!\w)",
        separator=r"[ \t]*(?:\([^)\n]{1,14}\))?[ ]?[:=][ \t]*[\"']?",
        score=0.45,
    ),
)

PATTERNS: tuple[Pattern, ...] = IDS + ORGANIZATIONS
