"""Identifiers whose type a label or a check digit settles, by country, and cards as they are kept.

A label beats a plain shape: the number behind "CIF" is a CIF even when its check digit fails.
"""

from __future__ import annotations

import re

from appliance.redact.detect import checksums
from appliance.redact.detect.patterns import Pattern, anchored, labelled, shaped

_CARD = r"(?P<v>\d(?:[ \-.]?\d){12,18})(?![\w\-])"
#: Right behind the name of a value: one of two names, a sign, brackets.
_NAMED = (
    r"(?:[ ]?[/&][ ]?\w{2,5})?(?:[ \t]*(?:number|no|nr|num|code|n[º°.])\b\.?)?"
    r"[ \t]*(?:[:=#]|is\b|was\b|\()?[ \t]*\n?[ \t]*"
)

CARDS: tuple[Pattern, ...] = (
    labelled(
        "card_labelled",
        "CREDIT_CARD",
        "card, card number, card no, pan, credit card, debit card, cc, cc number, visa, mastercard"
        ", amex, american express, discover, cartão, cartao, cartão de crédito, cartão de débito,"
        " tarjeta, tarjeta de crédito, carte, carte bancaire, carte bleue, karte, kreditkarte,"
        " kartennummer, carta, carta di credito, creditcard, kaartnummer",
        value=_CARD,
        score=0.9,
        check=checksums.card,
    ),
    shaped(
        "card_truncated",
        "CREDIT_CARD",
        r"(?<![\w*•])[2-6]\d{3}[ \-]?\d{2}(?:[ \-]?[*xX•]){2,9}[ \-]?(?:[*xX•]{4}"
        r"[ \-]?)?\d{4}(?!\w)",
        score=0.7,
        lead="digit",
        digits=4,
    ),
    labelled(
        "cvv_named",
        "CVV",
        "cvv, cvv2, cvc, cvc2, cid, csc, cav, cav2, cvn, card code, security code, cód. segurança,"
        " código de segurança, código de seguridad, código cvv, codice di sicurezza,"
        " cryptogramme, cryptogramme visuel, prüfnummer, kartenprüfnummer, beveiligingscode",
        value=r"(?P<v>\d{3,4})(?!\d)",
        separator=_NAMED,
        score=0.9,
    ),
    anchored(
        "track1_bare",
        "CARD_TRACK",
        ("^",),
        r"(?<![A-Za-z\d])%?B[ ]?\d{12,19}\^[^^\n]{2,40}\^\d{4}[^?\s]{0,60}\??",
        score=0.95,
        before=22,
        flags=0,
    ),
    shaped(
        "track2_bare",
        "CARD_TRACK",
        r"(?<![\w;])\d{12,19}[=D]\d{7,24}[F?]?(?!\w)",
        score=0.95,
        lead="digit",
        digits=12,
    ),
    labelled(
        "pin_block",
        "CARD_TRACK",
        "pin block, pinblock, track, track data, track1, track2, track 1, track 2, emv data",
        value=r"(?P<v>(?=[0-9A-F]*\d)[0-9A-F]{14,40})(?![\w\-])",
        score=0.9,
    ),
)

ENGLISH: tuple[Pattern, ...] = (
    anchored(
        "password_pair",
        "PASSWORD",
        ("@",),
        r"(?<![\w.+\-])[\w.+\-]{1,64}@[\w.\-]{2,60}[ ]?[/|:][ ]?(?P<v>("
        r"?=\S*[\d!@#$%^&*_])(?=\S*[^\d\s().\-+])"
        r"(?!https?:)[^\s,;|\"']{5,64}[^\s,;|\"'.)])",
        score=0.6,
        before=65,
    ),
    shaped(
        "id_prefixed",
        "ID_NUMBER",
        r"(?<![\w./\-@&])[A-Z]{1,5}#[ ]?\d{3,12}(?![\w/%]|\.\d)",
        score=0.5,
        lead="code",
    ),
    shaped(
        "id_dashed",
        "ID_NUMBER",
        r"(?<![\w.,/$€£#+*=<>:\-])\d{1,4}-\d{2,4}-\d{1,6}(?:-\d{1,4})?(?![\w/%\-]|[.,:]\d)",
        score=0.4,
        lead="digit",
        digits=6,
    ),
    shaped(
        "parcel_tracking",
        "ID_NUMBER",
        r"(?<!\w)[A-Z]{2}[ ]?\d{9}[ ]?[A-Z]{2}(?!\w)",
        score=0.55,
        lead="code",
    ),
    labelled(
        "last_four",
        "US_SSN",
        "last 4, last four",
        value=r"(?P<v>[A-Z]?\d{4})(?![\w\-])",
        separator=r"(?:[ \t](?:digits|of ssn|of social|ssn|social))?[ \t]*[:#]?[ \t]*(?:is[ \t])?",
        score=0.6,
    ),
    shaped(
        "id_hash",
        "ID_NUMBER",
        r"#\d{3,8}(?![\w/%]|\.\d)",
        score=0.45,
        context=r"(?<!\w)(?!Disp|Qty|Tabs|Caps|Refill|Dispense|Quantity)[A-Z][\w'’]+[ ]",
    ),
)

SPANISH: tuple[Pattern, ...] = (
    labelled(
        "es_cif_labelled",
        "ES_CIF",
        "cif, c.i.f.",
        value=r"(?P<v>[A-W][ \-]?\d{7}[ \-]?[0-9A-J])(?!\w)",
        score=0.9,
    ),
)

FRENCH: tuple[Pattern, ...] = (
    labelled(
        "fr_nir_labelled",
        "FR_NIR",
        "nir, insee, n° ss, nss, numéro de sécurité sociale, n° de sécurité sociale,"
        " sécurité sociale, n° sécu, sécu, carte vitale",
        value=r"(?P<v>[1-478](?:[ .\-]?[\dAB]){12}(?:[ .\-]?\d{2})?)(?!\w)",
        score=0.85,
        check=checksums.nir,
    ),
    labelled(
        "fr_record",
        "MEDICAL_RECORD_NUMBER",
        "ipp, nip, numéro de dossier, n° dossier, n° patient, numéro patient",
        value=r"(?P<v>[A-Z]{0,3}\d{5,14})(?!\w)",
        score=0.9,
    ),
)

GERMAN: tuple[Pattern, ...] = (
    labelled(
        "de_kvnr_labelled",
        "DE_KVNR",
        "krankenversichertennummer, versichertennummer, versicherten-nr, versichertennr, kvnr,"
        " kv-nummer, kv-nr, krankenkasse, egk",
        value=r"(?P<v>[A-Z]\d{9})(?!\w)",
        score=0.9,
        check=checksums.kvnr,
    ),
    labelled(
        "de_case_short",
        "CASE_NUMBER",
        "fallnr., fallnr, fall-nr., fall-nr, aufnahmenr., aufnahmenr, a"
        "ktennr., akten-nr., az., vorgangsnr.",
        value=r"(?P<v>(?=(?:[\w/\-]*\d){4})[A-Z0-9][\w/\-]{3,20})(?!\w)",
        score=0.85,
    ),
    shaped(
        "de_pension",
        "ID_NUMBER",
        r"(?<![\w\-/])\d{2}[ ]?(?:0[1-9]|[12]\d|3[01])(?:0[1-9]"
        r"|1[0-2])\d{2}[ ]?[A-Z][ ]?\d{3}(?!\w)",
        score=0.86,
        lead="digit",
        digits=8,
    ),
)

DUTCH: tuple[Pattern, ...] = (
    labelled(
        "nl_record",
        "MEDICAL_RECORD_NUMBER",
        "patiëntnummer, patientnummer, patiëntnr, patiëntnr., dossiernummer, dossiernr, dossiernr.,"
        " z-nummer, znummer",
        value=r"(?P<v>[A-Z]{0,3}\d{4,14})(?!\w)",
        score=0.9,
    ),
)

ITALIAN: tuple[Pattern, ...] = (
    labelled(
        "it_fiscal_spaced",
        "IT_FISCAL_CODE",
        "cf, c.f., codice fiscale, cod. fisc., cod fiscale",
        value=(
            r"(?P<v>[A-Z]{3}[ ]?[A-Z]{3}[ ]?\d{2}[ ]?[A-EHLMPR-T][ ]?\d"
            r"{2}[ ]?[A-Z][ ]?\d{3}[ ]?[A-Z])"
            r"(?!\w)"
        ),
        score=0.85,
    ),
    anchored(
        "it_born_at",
        "LOCATION",
        "nato , nata ",
        r"nat[oa][ ](?:il[ ][\w /.\-]{4,24}?[ ])?a[ ](?P<v>(?-i:[A-ZÀ-Ý])[\w'’\-]+(?:[ ](?:(?:di"
        r"|del|della"
        r"|dei|sul)[ ])?(?-i:[A-ZÀ-Ý])[\w'’\-]+){0,3})",
        score=0.6,
    ),
)


def age_aside(name: str, years: str) -> Pattern:
    """Build the pattern of an age set off by commas: "Maria, 45 anos, relata"."""
    return shaped(
        f"{name}_age_aside",
        "AGE",
        rf"(?<=\w, )(?P<v>\d{{1,3}})[ ](?:{years})(?=[ ]?(?:[,.;)\n]|$))",
        score=0.6,
        lead="digit",
        digits=1,
        flags=re.IGNORECASE,
    )
