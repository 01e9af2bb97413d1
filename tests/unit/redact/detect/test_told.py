"""Names told by a phrase, cells of tables in texts, labels with dots; and what looks like them."""

import pytest

from tests.unit.redact.detect.cases import masks


@pytest.mark.parametrize(
    "marked",
    [
        "[PERSON M.T.] is a 13-year-old girl. Do we admit [PERSON M.T.] today?",
        "The note is signed [PERSON K.M.] and nothing else.",
        "He is small, we call him [PERSON Bug] at home.",
        "[PERSON Letebrhan], she's maybe [AGE 80], came from far away.",
        "[PERSON Cosgrave], side room [LOCATION 2], on a pump",
        "appt tmrw with dr [PERSON bose] please",
        "ext 5-2217, initials [PERSON tw].",
        "[PERSON kl]/RN paged me about it",
        "Thanks,\n[PERSON Will]\n\nsent from my phone",
        "Ring me back please — [PERSON Viliami]",
        "kids: [PERSON Inti] ([AGE 11]), [PERSON Killa] ([AGE 8]) at home",
        "Her twin [PERSON Biscuit] did not get it.",
        "[PERSON nneka] here, am asking again",
        "my kid [PERSON yusuf] he is tired",
        "The caller spelled it: [PERSON K-E-A-L-O-H-A].",
        "PATIENT NAME ............. [PERSON Krzyzewska]",
        "SS# (last 4) ............. [US_SSN 6620]",
        "Encounter closed by [USERNAME jpruitt02] at noon",
        "We live in Salthill, [ZIP_CODE H91 X0P5].",
        "implanted [DATE_TIME 14-Rajab-1442] at a clinic",
        "born [DATE_TIME showa 23] in a village",
        "we shared it all of [DATE_TIME october] and now this",
        "She grew up in [LOCATION Vicksburg, Miss.] and left.",
        "she lives at [LOCATION Vestregata 11, Tromsø] now",
        "seen in [LOCATION Altoona, PA] on [DATE_TIME March 3, 2024] by us",
        "WELL CHILD VISIT - [AGE 4] YEARS",
        "The case is [CASE_NUMBER 21-CVD-4408] there",
        "Keep [DATE_TIME 2/3] appt. and week of [DATE_TIME 6/6] too",
    ],
)
def test_what_a_phrase_tells_is_found(rules, marked):
    masks(rules, marked)


@pytest.mark.parametrize(
    "text",
    [
        "Give it I.V. and p.o. in the E.R. after O.T. and P.T. have been.",
        "hi dr said to wait, the dr office will call",
        "my mom will come and my friend was there",
        "Metformin, she's on 500 mg twice",
        "The patient I.V. was taken out",
        "sold under the brand name xyzalon, twice a day",
        "my son will, and my sister just, left",
        "Thanks,\nThe team\n",
        "no reply by now, seen by pt, ok",
        "Warfarin 5 F. for the line",
        "He was told, and — Sincerely",
        "Store at room 2 to 8 C, Meropenem, room 3",
    ],
)
def test_phrases_that_name_nobody(rules, text):
    assert [s for s in rules.detect(text) if s.source == "names:told"] == []


BOARD = """ED BOARD
BED|NAME|A/S|MRN|CC|RN|MD
[LOCATION A01]|[PERSON GUTIERREZ-HOLT, M]|[AGE 44]F|[ID_NUMBER 0918827]|abd pn|[PERSON trish]|[PERSON OKAFOR]
[LOCATION HALL 3]|[PERSON STUBBLEFIELD, ED]|[AGE 59]M|[ID_NUMBER 0020014]|etoh|[PERSON Sun-hi]|--
"""
VACCINES = """vaccine;date;age;lot;site;by
HepB 1;[DATE_TIME 20151104];[AGE 1]d;[ID_NUMBER J448K];RVL;[PERSON okw]
MMR 1;[DATE_TIME 20161118];[AGE 12]m;[ID_NUMBER M002714];LA;[PERSON sfp]
"""


@pytest.mark.parametrize("marked", [BOARD, VACCINES])
def test_cells_are_what_their_header_says(rules, marked):
    masks(rules, marked)


@pytest.mark.parametrize(
    "text",
    [
        "Na 140 | K 4.1 | Cl 100 | CO2 24\nCa 9 | Mg 2 | Phos 3 | ok",
        "test|result|units|flag\nsodium|140|mmol|H\nglucose|99|mg|L",
        "first; second; third\nred; green; blue",
        "Name | By | zeta | omega\nLove | Hope | Charity | Faith",
    ],
)
def test_tables_of_values_are_left(rules, text):
    assert [s for s in rules.detect(text) if s.source == "text_table"] == []


def test_a_blank_line_ends_a_table(rules):
    text = "NAME|RN|MD\nROE, JANE|ann|LEE\n\nalpha|beta|gamma"
    cells = [text[s.start : s.end] for s in rules.detect(text)]
    assert "ann" in cells
    assert not {"alpha", "beta", "gamma"} & set(cells)


def test_initials_of_a_judgment_are_found_again(rules):
    text = (
        "The applicant was represented before the Court by Ms E.C., a lawyer. The Government"
        " contested that. The Court of Appeal had questioned only the guard and E.C. about it."
    )
    text += " On 18 November 1997 E. was interviewed by the applicant, as the Court noted."
    assert "E." in {text[s.start : s.end] for s in rules.detect(text)}
    assert sum(text[s.start : s.end].rstrip(".") == "E.C" for s in rules.detect(text)) == 2


@pytest.mark.parametrize(
    "text",
    [
        "Says her sugars run 180-220. Her daughter Marisela helps.",
        "Dec 13 lipid panel: TC 188 LDL 109 HDL 51 (ordered by Acevedo)",
        "He was intubated in field, GCS 6, lactate 4.8, by Estela Ramos",
    ],
)
def test_values_and_plain_words_are_doubted(english, text):
    found = {text[s.start : s.end] for s in english.detect(text)}
    assert not {"180-220", "TC 188 LDL 109 HDL 51", "field"} & found
