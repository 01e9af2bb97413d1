"""Identifiers of each country: labelled and bare, right and wrong check digit, plain and disguised.

Values were made up; check digits were computed, not taken from anybody.
"""

import pytest

from tests.unit.redact.detect.cases import masks, parse

CASES = {
    "pt": [
        "O CPF [BR_CPF 815.284.607-08] confere.",
        "CPF nº [BR_CPF 815.284.607-09] inválido",
        "CPF [BR_CPF 111.111.111-11] repetido",
        "pagou [BR_CPF 815.284.607-08] ontem",
        "empresa [BR_CNPJ 11.222.333/0001-81] ativa",
        "CNPJ: [BR_CNPJ 12ABC34501DE35] nova",
        "empresa [BR_CNPJ 12.ABC.345/01DE-35] nova",
        "RG nº [BR_RG 1234567] emitido",
        "identidade [BR_RG MG-12.345.678] emitida",
        "CNH nº [BR_CNH 12345678901] vencida",
        "título de eleitor [BR_TITULO_ELEITOR 1234 5678 0191] zona",
        "PIS/PASEP [BR_PIS 120.56412.54-7] ativo",
        "NIT [BR_PIS 12056412547] ativo",
        "cartão SUS: [BR_CNS 754 9909 5145 4752] ok",
        "processo [BR_PROCESSO 0001234-99.2019.8.26.0001] julgado",
        "CEP [ZIP_CODE 01310-100] centro",
        "chave Pix: [BR_PIX_KEY 123e4567-e89b-12d3-a456-426614174000] enviada",
        "placa [VEHICLE_ID ABC1D23] e [VEHICLE_ID ABC-1234]",
        "contribuinte nº [PT_NIF 123456789] Lisboa",
        "Maria, [AGE 45] anos, relata dor",
    ],
    "es": [
        "DNI [ES_NIF 12345678Z] presente",
        "con DNI [ES_NIF 12.345.678-Z] presente",
        "vino [ES_NIF 12345678Z] ayer",
        "NIF: [ES_NIF 12345678A] erróneo",
        "vive [ES_NIE X1234567L] aquí",
        "CIF [ES_CIF A58818501] sociedad",
        "CIF [ES_CIF A58818502] sociedad",
        "NSS: [ES_NSS 281234567840] alta",
    ],
    "fr": [
        "NIR [FR_NIR 255081416802538] assuré",
        "NIR : [FR_NIR 255081416802539] faux",
        "le [FR_NIR 255081416802538] figure",
        "numéro de sécurité sociale : [FR_NIR 2 55 08 14 168 025 38] ok",
        "n° de sécurité sociale [FR_NIR 1 84 05 2A 113 042 11] Corse",
        "IPP [MEDICAL_RECORD_NUMBER 800123456] dossier",
    ],
    "de": [
        "Steuer-ID [DE_STEUER_ID 86095742719] Finanzamt",
        "Steuer-ID [DE_STEUER_ID 12345678901] falsch",
        "Versichertennummer [DE_KVNR A123456780] gesetzlich",
        "KVNR: [DE_KVNR A123456789] falsch",
        "Sozialversicherungsnummer [ID_NUMBER 12 010170 M 006] gemeldet",
    ],
    "it": [
        "codice fiscale [IT_FISCAL_CODE RSSMRA85T10A562S] ok",
        "C.F. [IT_FISCAL_CODE RSSMRA85T10A562X] errato",
        "la signora [IT_FISCAL_CODE RSSMRA85T10A562S] qui",
        "nato il [DATE_TIME 3 maggio 1970] a [LOCATION Napoli] e residente",
    ],
    "nl": [
        "BSN [NL_BSN 111222333] bekend",
        "BSN: [NL_BSN 123456789] fout",
        "postcode [ZIP_CODE 1017 AB] centrum",
    ],
    "en": [
        "NHS number [UK_NHS 943 476 5919] ok",
        "NHS number: [UK_NHS 943 476 5918] bad",
        "lives [UK_NINO AB123456C] here",
        "SSN [US_SSN 000-12-3456] was never issued",
        "SSN [US_SSN 123456789] plain",
        "NPI [US_NPI 1234567893] and NPI [US_NPI 1234567890]",
        "DEA number [LICENSE_NUMBER AB1234560] wrong",
        "the [US_DEA AB1234563] form",
        "Medicare [US_MBI 1EG4-TE5-MK73] active",
        "VIN [VEHICLE_ID 1HGCM82633A004352] towed",
        "pan [CREDIT_CARD 4111111111111111] ok",
        "pan [CREDIT_CARD 378282246310005] ok",
        "paid [CREDIT_CARD 5555555555554444] today",
        "paid [CREDIT_CARD 6011 1111 1111 1117] today",
        "card number: [CREDIT_CARD 4111111111111112] mistyped",
        "card [CREDIT_CARD 4111-1111-1111-1112] mistyped",
        "kept as [CREDIT_CARD 411111******1111] only",
        "cvv [CVV 123], CVC2: [CVV 9876], security code is [CVV 042], CVV/CVC [CVV 222]",
        "dump [CARD_TRACK %B4111111111111111^ROE/JANE^25121010000000000000?] here",
        "dump [CARD_TRACK ;4111111111111111=25121010000000000000?] here",
        "dump [CARD_TRACK 4111111111111111=25121010000012300000] here",
        "dump [CARD_TRACK 4111111111111111D25121010000012300000F] here",
        "PIN block [CARD_TRACK 04122CEEBAFBBEEE] here",
        "routing [ABA_ROUTING_NUMBER 021000021] account [ACCOUNT_NUMBER 000123456789]",
        "mail [EMAIL_ADDRESS jane dot roe at mail dot example] please",
        "call [PHONE_NUMBER five five five, oh one two three] now",
        "call [PHONE_NUMBER 1-800-FLOWERS] now",
    ],
}
ALL = [(language, marked) for language, cases in CASES.items() for marked in cases]


@pytest.mark.parametrize(("language", "marked"), ALL)
def test_an_identifier_is_found_whatever_its_check_digit(by_language, language, marked):
    masks(by_language(language), marked)


_ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
_FULL = {ord(c): chr(ord(c) + 0xFEE0) for c in map(chr, range(0x21, 0x7F))}
_GREEK = str.maketrans("ABEHKMOPTX", "ΑΒΕΗΚΜΟΡΤΧ")
DISGUISES = {
    "zero width": lambda v: "\u200b".join(v),
    "soft hyphen": lambda v: "\u00ad".join(v),
    "joiners and marks": lambda v: "\u2060" + "\u200e".join(v) + "\ufeff",
    "full width": lambda v: v.translate(_FULL),
    "Arabic-Indic digits": lambda v: v.translate(_ARABIC),
    "right to left": lambda v: f"\u202e{v[::-1]}\u202c",
    "look-alikes": lambda v: v.translate(_GREEK),
    "exotic spaces and dashes": lambda v: v.replace(" ", "\u2009").replace("-", "\u2011"),
}
#: Values whose shape alone, or whose label, finds them; no label is disguised.
HIDDEN = [
    ("en", "SSN {} noted", "123-45-6789"),
    ("en", "MRN: {} noted", "BH-112233"),
    ("en", "paid {} today", "4111 1111 1111 1111"),
    ("en", "the {} form", "AB1234563"),
    ("en", "mail {} now", "jane@mail.example"),
    ("en", "call {} now", "(617) 555-0199"),
    ("en", "on {} she", "2020-03-04"),
    ("pt", "o CPF {} confere", "815.284.607-08"),
    ("pt", "CNPJ {} ativa", "12.ABC.345/01DE-35"),
    ("es", "DNI {} presente", "12345678Z"),
    ("fr", "le {} figure", "255081416802538"),
    ("de", "KVNR {} versichert", "A123456780"),
    ("it", "la signora {} qui", "RSSMRA85T10A562S"),
    ("nl", "BSN {} bekend", "111222333"),
    ("en", "IBAN {} used", "GB29 NWBK 6016 1331 9268 19"),
]


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize(("language", "around", "value"), HIDDEN)
def test_a_disguise_hides_no_identifier(by_language, language, around, value, disguise):
    hidden = DISGUISES[disguise](value)
    text = around.format(hidden)
    start = around.index("{")
    covered = {i for s in by_language(language).detect(text) for i in range(s.start, s.end)}
    left = [c for i, c in enumerate(text) if start <= i < start + len(hidden) and i not in covered]
    assert not [c for c in left if c.isalnum()]


def test_a_case_is_a_text_and_its_spans():
    case = parse("call [PHONE_NUMBER 555-0100] now")
    assert (case.text, case.spans) == ("call 555-0100 now", [(5, 13, "PHONE_NUMBER")])
