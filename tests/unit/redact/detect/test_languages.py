import pytest

from appliance.errors import PolicyError
from appliance.redact.detect import Detector, DetectorSettings
from appliance.redact.detect.languages import languages_of
from tests.unit.redact.detect.cases import masks


@pytest.mark.parametrize(
    ("language", "marked"),
    [
        ("pt", "CPF [BR_CPF 111.444.777-35] e CPF nº [BR_CPF 123.456.789-00]"),
        ("pt", "CNPJ [BR_CNPJ 12.ABC.345/01DE-35], CNPJ: [BR_CNPJ 11.222.333/0001-81]"),
        ("pt", "RG [BR_RG 12.345.678-9] SSP/SP, CNH [BR_CNH 02650306461]"),
        ("pt", "título de eleitor [BR_TITULO_ELEITOR 0043 5687 0906], PIS [BR_PIS 120.12345.67-2]"),
        ("pt", "cartão SUS [BR_CNS 898 0011 6066 0036], CEP [ZIP_CODE 70150-900]"),
        ("pt", "processo [BR_PROCESSO 0012843-03.2015.8.07.0001] distribuído"),
        ("pt", "chave pix: [BR_PIX_KEY 123e4567-e89b-12d3-a456-426614174000]"),
        ("pt", "OAB/SP [LICENSE_NUMBER 123.456], placa [VEHICLE_ID ABC1D23]"),
        ("pt", "fone [PHONE_NUMBER (61) 99876-5432], em [DATE_TIME 15 de março de 2018]"),
        ("pt", "mora na [LOCATION Rua das Flores, 123], paciente de [AGE 45] anos de idade"),
        (
            "es",
            "DNI [ES_NIF 12345678Z] y NIE [ES_NIE X1234567L]; NHC: [MEDICAL_RECORD_NUMBER 2569870]",
        ),
        ("es", "[LOCATION Calle Carmen Romero, 23, 1D]. CP: [ZIP_CODE 28035]"),
        (
            "es",
            "el [DATE_TIME 17 de junio de 2016], varón de [AGE 53 años], tel. [PHONE_NUMBER 612 345 678]",
        ),
        (
            "de",
            "geb. am [DATE_TIME 3.6.1942], [LOCATION Hauptstr. 8], [ZIP_CODE 47809] [LOCATION Krefeld]",
        ),
        ("de", "Steuer-ID [DE_STEUER_ID 86 095 742 719], Tel.: [PHONE_NUMBER 0221 1234567]"),
        ("de", "ein [AGE 80]-jähriger Mann, Fallnummer [MEDICAL_RECORD_NUMBER 4711-22]"),
        ("fr", "NIR [FR_NIR 2 55 08 14 168 025 38], tél. [PHONE_NUMBER 06 12 34 56 78]"),
        ("fr", "le [DATE_TIME 12 mars 2019], [LOCATION 12 rue de la Paix], âgé de [AGE 67] ans"),
        (
            "it",
            "CF [IT_FISCAL_CODE RSSMRA85T10A562S], [LOCATION Via Garibaldi 12], [DATE_TIME 3 maggio 2020]",
        ),
        ("nl", "BSN [NL_BSN 111222333], [LOCATION Kerkstraat 12], [ZIP_CODE 1234 AB]"),
        ("en", "NHS number [UK_NHS 943 476 5919], NINO [UK_NINO AB 12 34 56 C]"),
        ("pt", "NIF [PT_NIF 123456789] do contribuinte"),
    ],
)
def test_national_identifiers_are_found(by_language, language, marked):
    masks(by_language(language), marked)


def test_a_language_without_a_model_says_so():
    assert {p.code: p.model for p in languages_of(("en", "pt", "fr"))} == {
        "en": True,
        "pt": True,
        "fr": False,
    }


@pytest.mark.parametrize("languages", [("xx",), ()])
def test_an_unknown_language_is_refused(languages):
    with pytest.raises(PolicyError, match=r"data\.languages") as caught:
        Detector.build(DetectorSettings(languages=languages))
    # What was rejected may be a value that slipped into the wrong place.
    assert "xx" not in str(caught.value)


def test_english_entities_are_never_found_in_other_languages(by_language):
    detector = by_language("fr", ner=True)
    assert all(s.source != "ner" for s in detector.detect("Le patient vit à Lyon avec Marie."))


def test_languages_may_be_mixed():
    detector = Detector.build(DetectorSettings(languages=("pt", "en"), ner=False))
    masks(detector, "CPF [BR_CPF 111.444.777-35], SSN [US_SSN 123-45-6789]")
