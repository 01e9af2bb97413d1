"""German patterns: identifiers of Germany, Austria and Switzerland, clinics, addresses."""

from __future__ import annotations

from appliance.redact.detect import checksums
from appliance.redact.detect.patterns import WEAK_VALUE, Pattern, anchored, labelled, shaped
from appliance.redact.detect.patterns_common import month_dates

_MONTHS = (
    "januar|jänner|februar|feber|märz|maerz|april|mai|juni|juli|august|september|oktober|november"
    "|dezember"
    "|jan|feb|mär|mrz|apr|jun|jul|aug|sept|sep|okt|nov|dez"
)
_SEP = (
    r"(?:[ \t\-]*(?:nummer|nr|no|id|code)\b\.?)*[ \t]*(?:lautet|ist)?[ \t]*(?:[:=#\-–]|\|)?[ \t]*"
    r"\n?[ \t]*[\"'(]?[ \t]*"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"

IDENTIFIERS: tuple[Pattern, ...] = (
    labelled(
        "de_tax",
        "DE_STEUER_ID",
        "steuer-id, steuerid, steuer-identifikationsnummer, steueridentifikationsnummer,"
        " identifikationsnummer, idnr, tin, steuernummer, steuer-nr, st.-nr., ust-id, ust-idnr,"
        " uid",
        value=r"(?P<v>(?=(?:[\w /.\-]*?\d){5})[A-Z0-9][\d /.\-]{5,18}\d)(?!\w)",
        separator=_SEP,
        check=checksums.steuer_id,
    ),
    shaped(
        "de_tax_shape",
        "DE_STEUER_ID",
        r"(?<![\w.,/\-])\d{2} ?\d{3} ?\d{3} ?\d{3}(?![\w\-/]|[.,]\d)",
        score=0.45,
        check=checksums.steuer_id,
        check_required=True,
        lead="digit",
        digits=11,
    ),
    shaped(
        "de_kvnr",
        "DE_KVNR",
        r"(?<!\w)[A-Z]\d{9}(?!\w)",
        score=0.5,
        check=checksums.kvnr,
        lead="capital",
    ),
    labelled(
        "de_insurance",
        "HEALTH_PLAN_ID",
        "krankenversichertennummer, versichertennummer, versicherten-nr, versichertennr,"
        " versicherungsnummer, versicherungs-nr, kv-nummer, kvnr, kv-nr, krankenkasse,"
        " rentenversicherungsnummer, rvnr, sv-nummer, sozialversicherungsnummer, svnr, sv-nr,"
        " ahv, ahv-nummer, police, policennummer, vertragsnummer, kassennummer, kassen-nr",
        value=r"(?P<v>(?=(?:[\w ./\-]*?\d){4})[A-Z0-9][\w./\-]*(?: \d{2,6}){0,3})(?!\w)",
        separator=_SEP,
        score=0.8,
        check=checksums.kvnr,
    ),
    labelled(
        "de_case",
        "MEDICAL_RECORD_NUMBER",
        "fallnummer, fall-nr, fallnr, fall, fall-nummer, aufnahmenummer, aufnahme-nr, aufnahmenr,"
        " aufnahmezahl, az, a-zahl, patientennummer, patienten-nr, patientennr, pat-nr, pat.-nr.,"
        " pat.nr., pat. nr, patienten-id, patid, pat-id, pid, piz, krankenblatt,"
        " krankenaktennummer, aktenzeichen, geschäftszeichen, auftragsnummer, auftrag,"
        " auftrags-nr, befundnummer, befund-nr, histologie-nr, histo-nr, einsendenummer,"
        " einsende-nr, eingangsnummer, eingangs-nr, probennummer, labornummer, labor-nr,"
        " journalnummer, journal-nr, untersuchungsnummer, e-nr, e.nr, b-nr, h-nr, archivnummer,"
        " ident, identnummer",
        value=r"(?P<v>(?=(?:[\w./\-]*\d){3})[A-Z0-9][\w./\-]{1,28}\w)",
        separator=_SEP,
        score=0.75,
    ),
    labelled(
        "de_documents",
        "ID_NUMBER",
        "personalausweis, personalausweisnummer, ausweis, ausweisnummer, ausweis-nr, reisepass,"
        " pass, passnummer, führerschein, führerscheinnummer, kennzeichen, kfz-kennzeichen,"
        " fahrgestellnummer, fin, kundennummer, kunden-nr, kundennr, mitgliedsnummer,"
        " kontonummer, konto, konto-nr, blz, rechnungsnummer, rechnung, rechnungs-nr,"
        " bestellnummer, personalnummer, personal-nr, matrikelnummer, lanr, bsnr,"
        " betriebsstättennummer, arztnummer, seriennummer, serien-nr, sn, chargennummer, charge,"
        " ch.-b., lot, gerätenummer, handelsregister, hrb, hra, registernummer, benutzername,"
        " kennung, zulassungsnummer, lfd. nr",
        value=WEAK_VALUE,
        separator=_SEP,
        score=0.7,
    ),
    shaped(
        "de_plate",
        "VEHICLE_ID",
        r"(?<![\w\-])[A-ZÄÖÜ]{1,3}-[A-Z]{1,2} \d{1,4}[EH]?(?!\w)",
        score=0.6,
        lead="capital",
    ),
    shaped(
        "de_lab_number",
        "ID_NUMBER",
        r"(?<![\w./\-])[A-Z]{1,3}[/\- ]?\d{2,4}[/\-]\d{4,8}(?![\w/\-])",
        score=0.45,
        lead="capital",
    ),
    labelled(
        "de_secret",
        "PASSWORD",
        "passwort, kennwort, pin, zugangscode",
        value=r"(?P<v>(?=[^\s\"']*\d)[^\s\"',;]{3,64}[^\s\"',;.)])",
        separator=r"[ \t]*(?:[:=]|lautet|ist)[ \t]*[\"']?",
        score=0.7,
    ),
)

CONTACT: tuple[Pattern, ...] = (
    shaped(
        "de_phone",
        "PHONE_NUMBER",
        r"(?<![\w./\-])(?:\(0\d{2,5}\)[ ]?|0\d{2,5}[ ]?[/\-][ ]?"
        r"|0\d{2,4}[ ](?=\d{3,}))\d{2,}(?:[ \-]?\d{2,}){0,4}(?![\w/])(?!\.\d)",
        score=0.6,
        lead="digit",
        digits=6,
    ),
    labelled(
        "de_phone_labelled",
        "PHONE_NUMBER",
        "telefon, telefonnummer, tel, tel., telefax, fax, mobil, mobiltelefon, handy, durchwahl,"
        " dw, ruf, rufnummer, funk, pieper, dect, sekretariat, zentrale, notruf, t, f",
        value=r"(?P<v>(?=(?:[ ().\-/]{0,3}\d){4,15}(?!\d))\+?\(?\d[\d ().\-/]{2,22}\d)(?![\w\-/])",
        separator=(
            r"(?:[ \t]*\([^)\d\n]{1,20}\))?\.?(?:[ \t\-]*(?:nr\.?"
            r"|nummer))?[ \t]*[:#=][ \t]*\n?[ \t]*|\.?[ \t]{1,2}"
        ),
        score=0.7,
    ),
)

_STREET_TAIL = (
    r"(?:[Ss]tra(?:ß|ss)e|[Ss]tr\.|[Ww]eg|[Pp]latz|[Aa]llee|[Gg]asse|[Rr]ing|[Uu]fer|[Dd]amm"
    r"|[Cc]haussee|[Ss]teig|[Ss]tieg|[Pp]fad|[Pp]romenade|[Hh]of|[Mm]arkt|[Bb]erg|[Kk]amp"
    r"|[Ll]andstra(?:ß|ss)e|[Bb]rücke|[Gg]raben|[Ww]all|[Hh]alde|[Gg]arten|[Ff]eld|[Bb]ogen"
    r"|[Rr]ain|[Tt]or|[Aa]u|[Kk]ai|[Zz]eile|[Hh]öhe|[Rr]uhe|[Bb]reite|[Ww]iese|[Pp]l\.)"
)
PLACES: tuple[Pattern, ...] = (
    shaped(
        "de_street",
        "LOCATION",
        rf"(?<![\w\-])(?:(?:[A-ZÄÖÜ][\wäöüß.]*[ \-]){{0,3}}[A-ZÄÖÜ][\wäöüß\-]*?{_STREET_TAIL}"
        rf"|(?:[A-ZÄÖÜ][\wäöüß.]*[ \-]){{1,3}}{_STREET_TAIL}|(?:Am|An der|An den|Im|In der|In den"
        r"|Auf der|Auf dem|Unter den|Zum|Zur|Hinter der|Beim|Vor dem|Obere|Untere|Alte"
        rf"|Neue)[ ][A-ZÄÖÜ][\wäöüß\-]+(?:[ ][A-ZÄÖÜ][\wäöüß\-]+)?)[ ]?\d{{1,4}}[ ]?[a-z]?(?:[ ]?["
        rf"/\-–][ ]?\d{{1,3}}[a-z]?)?(?![\w.%]|[ ]?(?:mg|ml|Uhr|cm|mm))",
        score=0.65,
        lead="capital",
    ),
    shaped(
        "de_postal_city",
        "LOCATION",
        r"(?<![\w.,/\-])(?:(?:D|A|CH|DE|AT)[ \-])?\d{4,5}[ ](?P<v>[A-ZÄÖÜ][a-zäöüß]+(?:[ \-](?:an "
        r"der|am|ob der|im|in|bei|[A-ZÄÖÜ])[\wäöüß.]*){0,3})(?![\w])(?![ ]?(?:mg|ml|Einheiten"
        r"|Stück|Euro|IE|IU|Leukozyten|Thrombozyten))",
        score=0.45,
    ),
    shaped(
        "de_postal",
        "ZIP_CODE",
        r"(?<![\w.,/\-])(?:(?:D|A|CH|DE|AT)[ \-])?(?P<v>\d{5})(?=[ ][A-ZÄÖÜ][a-zäöüß]{2,}(?![ ]?(?"
        r":mg|ml|Einheiten|Stück|Euro|IE|IU|Leukozyten|Thrombozyten)\b))",
        score=0.5,
    ),
    labelled(
        "de_address_labelled",
        "LOCATION",
        "adresse, anschrift, wohnort, wohnhaft, wohnhaft in, wohnadresse, straße, strasse, ort,"
        " plz/ort, plz ort, geburtsort, stadt, hausarzt in, land, bundesland",
        value=(
            r"(?P<v>[A-ZÄÖÜ0-9][^\n|;:]{1,80}?)(?=[ \t]*(?:$|\n|\||;|[ \t]{3,}|\.[ \n]|, (?:der"
            r"|die|das|welche|wurde|befand|geb)|(?:Tel|Telefon|Fax|E-?Mail|geb|Geb)\b))"
        ),
        separator=r"[ \t]*[:=][ \t]*\n?[ \t]*",
        score=0.6,
    ),
    shaped(
        "de_place_cue",
        "LOCATION",
        r"(?<!\w)(?:[Ww]ohnhaft(?: in)?|wohnt in|lebt in|geboren in|aus|stammt aus"
        r"|Ort:)[ ](?P<v>[A-ZÄÖÜ][\wäöüß]+(?:[ \-](?:an der|am|ob der|im|bei"
        r"|[A-ZÄÖÜ])[\wäöüß]+)?(?=[ ]*[,.]))",
        score=0.4,
    ),
)

DATES: tuple[Pattern, ...] = (
    *month_dates("de", _MONTHS, ordinal=r"\.", month_first=False),
    shaped(
        "de_date_spaced",
        "DATE_TIME",
        rf"(?<![\w.,/]){_DAY}\.[ ]?{_MONTH}\.[ ]?(?:[12]\d{{3}}|\d{{2}})(?!\d)",
        score=0.75,
        lead="digit",
        digits=4,
    ),
    shaped(
        "de_day_month",
        "DATE_TIME",
        rf"(?<![\w.,/\-]){_DAY}\.{_MONTH}\.(?!\d)(?=[\s\-–,;:)/]|bis|und|u\.)",
        score=0.55,
        lead="digit",
        digits=2,
    ),
    shaped(
        "de_day_range",
        "DATE_TIME",
        rf"(?<![\w.,/])(?P<v>{_DAY}\.(?:{_MONTH}\.)?)(?=[ ]?(?:-|–|bis|/|\+|u\."
        rf"|und)[ ]?(?:zum[ ])?{_DAY}\.[ ]?{_MONTH}\.)",
        score=0.5,
        lead="digit",
        digits=3,
    ),
    shaped(
        "de_month_slash",
        "DATE_TIME",
        rf"(?<![\w.,/\-]){_MONTH}[ ]?/[ ]?(?:(?:19|20)\d{{2}}|[0-9]\d)(?![\w/%]|[.,]\d|[ ]?(?:mg"
        r"|ml|min|mmHg|Tbl))",
        score=0.4,
        lead="digit",
        digits=3,
    ),
    shaped(
        "de_month_dot",
        "DATE_TIME",
        r"(?<![\w.,/\-])(?:0[1-9]|1[0-2])\.(?:19|20)\d{2}(?![\w.]\d|\d)",
        score=0.5,
        lead="digit",
        digits=6,
    ),
    shaped(
        "de_month_range",
        "DATE_TIME",
        rf"(?<![\w.,/\-])(?P<v>{_MONTH}[ ]?[\-–][ ]?{_MONTH}/(?:(?:19|20)\d{{2}}|\d{{2}}))(?!\w)",
        score=0.5,
        lead="digit",
        digits=4,
    ),
    shaped(
        "de_year",
        "DATE_TIME",
        r"(?<!\w)(?i:seit|im jahre?|jahr|in|von|bis|und|ab|anno|ca\.|um|nach|vor|ED|EM"
        r"|z\.n\.[^\n.]{0,40}|\()[ ]?(?P<v>(?:19|20)\d{2})(?![\w/.]\d|\w|/|,\d)",
        score=0.45,
    ),
    shaped(
        "de_birth",
        "DATE_TIME",
        r"(?:\*|geb\.?|Geb\.?|geboren|Geburtsdatum|GebDatum|Geb\.-Datum|Geb\.dat\.)[ ]?(?:am"
        r"|:)?[ :]{0,2}(?P<v>\d{1,2}[./\-][ ]?\d{1,2}[./\-][ ]?\d{2,4}|(?:19|20)\d{2})(?!\d)",
        score=0.8,
    ),
)

AGES: tuple[Pattern, ...] = (
    anchored(
        "de_age",
        "AGE",
        "jährig, jaehrig, -jähr, jähr, j., jahre, lebensjahr, monate",
        r"(?<![\w.,/\-])(?P<v>\d{1,3})(?:[ \-]{0,2}(?:jährig|jaehrig|jähr\.|j\.[ ]?a\.|Jahre alt"
        r"|jahre alt|Monate alt|-monatig)|[ ]Jahre\b(?=,|\)|[ ]alt))",
        score=0.75,
        before=6,
    ),
    labelled(
        "de_age_labelled",
        "AGE",
        "alter, alter von, im alter von",
        value=r"(?P<v>\d{1,3})(?!\d)(?![.,]\d|[ ]?(?:%|Wochen|Tagen))",
        separator=r"[ \t]*(?:[:=|]|von\b|ist\b)?[ \t]*",
        score=0.7,
    ),
)

ORGANIZATIONS: tuple[Pattern, ...] = (
    shaped(
        "de_org",
        "ORGANIZATION",
        r"(?<!\w)(?:[A-ZÄÖÜ][\wäöüß.\-]*[ ](?:(?:der|des|für|und"
        r"|an der)[ ])?){0,3}(?:[A-ZÄÖÜ][\wäöüß\-]*(?:klinik|klinikum|krankenhaus|spital|hospital"
        r"|zentrum|praxis|universität|institut|heim)|Klinikum|Krankenhaus|Universitätsklinikum"
        r"|Universitätsklinik|Universität|Klinik|Spital|LKH|Landeskrankenhaus|Charité|Sanatorium"
        r"|Praxis|Hochschule|Institut)(?:[ ](?:(?:der|des|für|und|an der|am|in"
        r"|im)[ ]){0,2}[A-ZÄÖÜ][\wäöüß.\-]*){1,4}",
        score=0.35,
        lead="capital",
    ),
    shaped(
        "de_org_tail",
        "ORGANIZATION",
        r"(?<!\w)(?:[A-ZÄÖÜ][\wäöüß&\-]*[ ]){1,5}(?:GmbH|AG|KG|OHG|e\.V\.|mbH|SE|UG"
        r"|GbR)(?:[ ]&[ ]Co\.[ ]KG)?(?!\w)",
        score=0.55,
        lead="capital",
    ),
)

PATTERNS: tuple[Pattern, ...] = IDENTIFIERS + CONTACT + PLACES + DATES + AGES + ORGANIZATIONS
