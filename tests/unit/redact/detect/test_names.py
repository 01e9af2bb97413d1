import pytest

from tests.unit.redact.detect.cases import check, masks, parse


@pytest.mark.parametrize(
    "marked",
    [
        "[TITLE Dr.] [PERSON O'Brien-Haddad] operated.",
        "seen by [PERSON Delacroix], NP, today",
        "[PERSON GUTIERREZ-LOPEZ, MARIA ELENA] is here",
        "Name: [PERSON Swaminathan, Kyle]",
        "PATIENT NAME: [PERSON Nguyen, Thi Hoa]",
        "her son [PERSON Ubika] helps",
        "Her daughter ([PERSON Marisela]) fills it",
        "[PERSON Estela Ramírez]|[PERSON John Smith]|x",
        "lot by [PERSON S. Bourgeois]",
        "signed by [PERSON Chaudhry] at noon",
        "my patient [PERSON harold finch] fell",
        "[PERSON naomi vasquez] called",
        "dr [PERSON patel] is aware",
        "Your nurse today was [PERSON Mark].",
        "Dear [PERSON Caridad],",
        "from [PERSON Jean-Baptiste Delacroix] to",
        "seen with [PERSON van der Merwe, P.J.] today",
        "[PERSON von Trapp, Maria R] came; [PERSON d'Angelo, Luca] left",
        "Pt Name:  [PERSON Amaka   Obi]",
        "Patient: [PERSON Lindiwe  Khumalo-Reyes]   DOB [DATE_TIME 1/2/1990]",
        "Dressing changed.\n--[PERSON Marisol Quiñonez], RN",
    ],
)
def test_names_are_found_however_they_are_written(rules, marked):
    masks(rules, marked)


@pytest.mark.parametrize(
    "text",
    [
        "The patient may have acute pain and will rest.",
        "Patient Denies Fever. Heart Regular Rate. Lungs Clear.",
        "Foley removed, Parkinson disease, Crohn flare, Glasgow score 15",
        "Call the doctor. Ask the nurse. Your mother said so.",
        "mark the site, grant access, bill the account",
    ],
)
def test_ordinary_words_are_no_names(rules, text):
    assert [s for s in rules.detect(text) if s.entity_type == "PERSON"] == []


def test_a_name_ends_where_the_next_field_begins(rules):
    check(rules, "Name: [PERSON Jane Roe] DOB unknown")


def test_a_title_is_not_part_of_the_name(rules):
    case = parse("[TITLE Dr.] [PERSON Brightwater] came")
    assert [(s.start, s.end, s.entity_type) for s in rules.detect(case.text)] == case.spans


@pytest.mark.parametrize(
    ("language", "marked"),
    [
        ("pt", "Relator: [PERSON JOAQUIM BARBOSA] votou."),
        ("pt", "a [TITLE Ministra] [PERSON Cármen Lúcia] disse"),
        ("pt", "filho de [PERSON José da Silva Souza] e outra"),
        ("es", "Nombre: [PERSON Ernestina]."),
        ("es", "la Dra. [PERSON Estefanía Romero Selas] firma"),
        ("de", "wir berichten über Frau [PERSON Antonia Anderer], stationär"),
        ("fr", "Mme [PERSON Françoise Lefèvre] est venue"),
        ("it", "il Sig. [PERSON Mario Rossi] arriva"),
        ("nl", "mevrouw [PERSON Anneke de Vries] belde; Mevr. [PERSON Jansen]"),
    ],
)
def test_names_are_found_in_every_language(by_language, language, marked):
    masks(by_language(language), marked)
