"""Docket numbers of courts in every national manner, where an English text quotes them.

Behind "no." or a word of courts, in brackets alone, or by their shape. A docket is a chain of
groups: registers ("II K", "BvR", "Už", "St."), running numbers and years.
"""

from __future__ import annotations

from appliance.redact.detect.patterns import Pattern, anchored, shaped
from appliance.redact.detect.patterns_en_law import ACTS

_UPPER = "A-ZÀ-ÖØ-ÞĀ-ŽȘȚ"
#: Words with a capital that open a sentence or a name behind a number; months.
_NO_REGISTER = (
    r"(?!(?:On|In|The|By|At|As|Of|An|If|It|He|She|They|We|His|Her|Its|For|From|To|Mr|Mrs|Ms|Dr"
    r"|And|But|Or|So|No|Nos|Art|Arts|Jan|Feb|Mar|Apr|May|Jun|June|Jul|July|Aug|Sept?|Oct|Nov|Dec"
    r"|March|April|ECHR|CEDH|Rule|Rules|EUR|USD|GBP|p|pp|vol)(?![^\W_]))"
)
#: A register: "K", "BvR", "Už", "Pfv", "EKD", "St"; a running number with its letters: "88h".
_REGISTER = rf"{_NO_REGISTER}[{_UPPER}][^\W\d_]{{0,4}}\d{{0,10}}(?![^\W_])"
_NUMBER = r"\d{1,12}(?:[^\W\d_]{1,4}\d{0,4})?(?![^\W_])"
_SMALL = r"(?!nos?\.|nr\.|pp?\.|vol\.)[a-zà-ž]{1,3}(?=[/\-.][ ]?\d)"
_GROUP = rf"(?:{_NUMBER}|{_REGISTER}|{_SMALL})"
#: Between groups; a full stop and a space only behind a register: "P1. 2094/00", "IV. ÚS 12/05".
_LINK = (
    rf"(?:[/\-–:_]{_GROUP}|\.{_GROUP}|\([\d{_UPPER}]{{1,5}}\)"
    rf"|(?:(?<=[^\W\d_]\.)|(?<=[^\W\d_]\d\.)|(?<=[^\W\d_][^\W_])|(?<=[^\W_])|(?<=\)))[ ]"
    rf"(?:{_NUMBER}|{_REGISTER}(?=[. /\-–:]{{1,2}}(?:[^\W\d_]{{1,4}}[. /\-–]{{1,2}}){{0,2}}\d))"
    rf"|(?<=[^\W\d_])\.(?=[ ]\d)|(?<=[^\W\d_]\d)\.(?=[ ]\d)"
    rf"|(?<=[IVX])\.(?=[ ][{_UPPER}])|(?<=[^\W\d_])\.(?=[ ][IVX]{{1,4}}[ ]\d))"
)
_DOCKET = rf"{_GROUP}{_LINK}{{0,9}}"
#: Four digits, or a running number and a year.
_ENOUGH = (
    r"(?=(?:[^\d\n,;]{0,10}\d){3}"
    r"|[^\n,;]{0,12}\d[A-Za-z]{0,2}[/:\-–.][A-Z]{0,3}[/\-]?\d)"
)
_TAIL = r"(?![^\W_])(?!,\d{3})"

PATTERNS: tuple[Pattern, ...] = (
    anchored(
        "docket_no",
        "CASE_NUMBER",
        "no., nos., no , nos , nr., nr , n°, nº, №",
        rf"(?i:{ACTS})(?:(?i:nos?|nr)\.?|[nN][°º]|№)[ \t\n]{{0,2}}(?P<v>{_ENOUGH}{_DOCKET}"
        rf"(?:[ ][{_UPPER}][^\W\d_]{{0,3}}\.?(?=\)))?(?:\.?[ ][a-zà-ž]{{1,3}}\.(?=[)]))?){_TAIL}",
        score=0.65,
        flags=0,
    ),
    anchored(
        "docket_labelled",
        "CASE_NUMBER",
        "case, application, decision, judgment, judgement, order, ruling, file, ref, reference"
        ", complaint, inquiry, indictment, warrant, writ, contract, certificate, permit, licence"
        ", passport, card, invoice, report, record, register, registration, account, policy, plot"
        ", proceedings, appeal, petition, protocol, deed, docket, claim, action, minutes, summons"
        ", subpoena, docket, matter, suit",
        r"(?i:(?-i:c)ases?|applications?|(?-i:d)ecisions?|judge?ments?|(?-i:o)rders?|rulings?"
        r"|files?"
        r"|ref|references?"
        r"|complaints?|inquiry|indictments?|warrants?|writs?|contracts?|certificates?|permits?"
        r"|licen[cs]es?|passports?|card|invoices?|reports?|records?|register|registration"
        r"|account|policy|plots?|proceedings|appeals?|petitions?|(?-i:p)rotocols?|deeds?|dockets?"
        r"|claims?|actions?|minutes|summons(?:es)?|subpoenas?|matter|suit)[ ,]{1,2}"
        r"(?:[a-z]+[ ])?\(?(?:(?i:nos?|number|nr)\.?|[nN][°º]|№)[ ]{0,2}(?P<v>\d{1,12}[a-z]?)"
        rf"(?!,?[ ](?i:of[ ]the[ ](?:convention|constitution)|decree))(?![\w/.\-–:(]\d){_TAIL}",
        score=0.6,
        flags=0,
    ),
    shaped(
        "docket_brackets",
        "CASE_NUMBER",
        # "(St. 22/06)", "(Už-1022/08)", "(2 BvR 1234/05, decision of ...)".
        rf"\((?:(?i:see|cf|under|ref|reference|file|case|docket|application|decision|judgment"
        r"|recurso|rollo|autos|procedimiento|dossier|dosar|sygn\.[ ]akt|akt|gz|az|sp\.[ ]zn|č\.["
        r" ]?j"
        r"|broj|br|processo|proc|zaak|zaaknummer|sak|sag|mål|esas|karar|dosya|numéro|spis"
        rf"|nos?|no)[.:]?[ ]){{0,4}}"
        rf"(?P<v>(?=[^()\n,;]{{0,3}}[^\n,;)]{{0,24}}\d[A-Za-z]{{0,2}}[/\-–:]"
        rf"(?:[A-Z]{{1,3}}[/\-])?\d)(?=[^()\n,;]*[{_UPPER}]|[^()\n,;]*/[^()\n,;]*(?:\d[^()\d\n,;]*)"
        r"{2}|\d{1,3}(?:-(?:\d{1,6}|[a-z])){2,4}\)|\d{5,12}/\d)(?!\d{1,2}[/\-.]\d{1,2}[/\-.]\d)"
        r"(?!(?:19|20)\d\d[\-–/]\d{2,4}\))"
        rf"{_DOCKET}(?:[ ][{_UPPER}]{{1,3}})?)(?=[),;])",
        score=0.5,
        lead="digit",
    ),
    shaped(
        "docket_register",
        "CASE_NUMBER",
        # "Už-1022/08", "Gž-2208/10", "CO/3318/2012", "C1/2012/2290", "EKD/0123/01/08".
        rf"(?<![\w/.\-])(?:{_NO_REGISTER}[{_UPPER}][^\W\d_]{{0,4}}-"
        rf"(?:[IVX]{{1,4}}-)?\d{{1,6}}/\d{{2,4}}"
        r"(?:-\d{1,4})?|[A-Z]{1,4}\d?/\d{2,6}/\d{2,6}(?:/\d{2,4})?"
        rf"|[{_UPPER}][a-zà-ž]{{0,3}}\.(?:[IVX]{{1,4}}\.)?\d{{1,2}}\.\d{{3}}/(?:19"
        rf"|20)\d{{2}}(?:/\d{{1,4}})?"
        r"|\d[A-Z]{1,2}[._]\d{1,4}/(?:19|20)\d{2}|[A-Z]\.\d{2}\.\d{4}\.[FN])(?![\w/%])",
        score=0.5,
        lead="capital",
    ),
    shaped(
        "docket_running",
        "CASE_NUMBER",
        # "1C_123/2010", "3-1-1-23-05", "12.B.345/2003", "2-1(81)-123/11", "1234/03.5TBLSB".
        r"(?<![\w/.\-$€£])(?:\d[A-Z]{1,2}[._]\d{1,4}/(?:19|20)\d{2}"
        r"|\d{1,3}\.[A-Z][a-z]{0,3}\.\d{1,6}/"
        r"(?:19|20)\d{2}(?:/\d{1,4})?|\d{1,2}-?\d?\(\d{1,3}\)-\d{1,6}/\d{2,4}"
        r"|\d{1,5}/\d{2}\.\d[A-Z]{4,7}(?:-[A-Z]\d?)?|\d{2}-\d{6}[A-Z]{3}-[A-Z]{3,5}"
        r"|\d{1,6}/[A-Z]{1,3}/(?:19|20)?\d{2})(?![\w/%])",
        score=0.5,
        lead="digit",
        digits=1,
    ),
    anchored(
        "court_plate",
        "VEHICLE_ID",
        "plate, plates, registration number, registered under",
        r"(?i:plates?|registration[ ]number|registered[ ]under)[ ](?:(?:nos?\.|number)[ ])?"
        r"(?P<v>[A-Z]{1,3}[ \-]?\d{2,4}[ \-]?[A-Z]{1,3}(?:[ \-]?\d{1,3})?(?:[ ]?(?:RUS"
        r"|rus))?)(?![\w/])",
        score=0.82,
        flags=0,
    ),
    shaped(
        "docket_turkish",
        "CASE_NUMBER",
        r"(?<![\w.])[EK]\.?[ ]?(?:no\.?[ ]?)?(?P<v>(?:19|20)\d{2}/\d{1,6})(?![\w/])",
        score=0.6,
        lead="capital",
    ),
    shaped(
        "docket_italian",
        "CASE_NUMBER",
        r"(?<![\w.])R\.?G\.?(?:N\.?R\.?|I\.?P\.?)?(?:[ ]?(?:no?\."
        r"|n°))?[ ]?(?P<v>\d{1,6}/\d{2,4})(?![\w/])",
        score=0.6,
        lead="capital",
    ),
)
