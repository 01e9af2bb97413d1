"""Notes from around the world: staff's letters, days, ages, numbers and places, and what is none."""

import pytest

from tests.unit.redact.detect.cases import masks, parse


@pytest.mark.parametrize(
    "marked",
    [
        "Cornelius P. Abrams, M.D.\n[PERSON CPA/sd]\nDictated but not read",
        "TRANSCRIBED: 06/23/2015 14:10 BY [PERSON KLM]\nCC: X",
        "T: 03/20/2018\nJOB #: 3391872 / [PERSON tr]",
        "Family meeting on Wednesday 1500.\n\n[PERSON MQB]",
        "He rang back at noon. Documented by [PERSON I.P.]",
        "RE: [PERSON TREVELYAN, ARTHUR]      UNIT NO: 208-45-11",
        "Worker: [PERSON Malakai Fifita]\nSeen at home.",
        "Order received from his nurse [PERSON Jo]: furosemide 60 mg.",
        "I spoke with the nurse, [PERSON Chance]. She agreed.",
        "ok so my gf [PERSON brielle] took 12 tylenol",
        "The plan was made with [PERSON Aroha Tamihana], podiatrist, today.",
        "Cath out [DATE_TIME 4/20]. Interviewed by phone [DATE_TIME 8/21] w/ mother.",
        "WLE scheduled [DATE_TIME 3/27] w/ Dr. Engelhardt",
        "Blood cultures x2 [DATE_TIME 8/24] - Salmonella",
        "[DATE_TIME 8/30]  15:20\nPt seen on rounds.",
        "twitching in the chair on [DATE_TIME thursday 8/3] after dialysis",
        "Served in the military [DATE_TIME 1994-1998], honorable discharge",
        "Family: Mother d. [AGE 88] Alzheimer disease.",
        "Client: Autumn Spence   [AGE 31] y   G3P2",
        "Age at camp: [AGE 9]\nSession: July",
        "home for her yiayia's [AGE 90]th birthday",
        "Doctor: And how old are you?\nPatient: [AGE 59]. I do nights.",
        "Medicare card [MEDICAL_RECORD_NUMBER 3950 18462 1] sighted",
        "Pt: Wiremu Paki   URN [MEDICAL_RECORD_NUMBER 614 209]   seen",
        "Winnipeg, [LOCATION Manitoba]\nPHIN [MEDICAL_RECORD_NUMBER 512 886 047]",
        "Vehicle rego: [LICENSE_PLATE 1QX 7ZB]\nDate",
        "Crew: L. Nguyen (ALS, [ID_NUMBER 51937])",
        "a copy of his passport (series [US_PASSPORT KM 448190]) and",
        "Scribe: P. Dunne (user [USERNAME pdunne7])",
        "eScription document: [ID_NUMBER 5-7710932]",
        "carrier with hull number [VEHICLE_ID E-319].",
        "88 Boundary Creek Road, Foster, [LOCATION VIC] [ZIP_CODE 3960]",
        "Supported Housing, Elizabeth, [LOCATION SA]\nParticipant",
        "near [LOCATION 4th Cross], [LOCATION Jayanagar 9th Block], Bengaluru",
        "with him at home in [LOCATION Tuba City] and",
        "works roofing for [ORGANIZATION Bluebird Exteriors], fell",
    ],
)
def test_what_notes_give_away_is_found(rules, marked):
    masks(rules, marked)


@pytest.mark.parametrize(
    ("text", "entity_type"),
    [
        ("Patient: When I remember. I do nights.", "PERSON"),
        ("Baby: Weight 3260 g (down 5.8%)", "PERSON"),
        ("SURGEON: ADEBAYO FASHOLA, M.D.\nASSISTANT", "M.D"),
        ("2 mm STE II, III, aVF with reciprocal change", "PERSON"),
        ("GRADE 2 (6/9).\nMARGINS CLEAR", "DATE_TIME"),
        ("Visual acuity: Right 6/9, Left 6/24 (was 6/36)", "DATE_TIME"),
        ("MMSE 9/24, PHQ-9 12/27 and scale 8/21", "DATE_TIME"),
        ("Home oxygen at 2 L rest, 4 L exertion", "LOCATION"),
        ("Rule 39 of the Rules of Court applies", "LOCATION"),
        ("THE RISKS AND BENEFITS WERE DISCUSSED WITH HER", "ORGANIZATION"),
        ("Vitals: T 97.8, P 68, bone age 6.5", "DATE_TIME"),
        ("worked the shift 2000-2030 hrs on the ward", "DATE_TIME"),
        ("If no better call 000 and then mum", "PHONE_NUMBER"),
    ],
)
def test_what_names_nobody_stays(english, text, entity_type):
    found = english.detect(parse(text).text)
    if entity_type == "M.D":
        assert all("M.D" not in text[s.start : s.end] for s in found)
    else:
        assert entity_type not in {s.entity_type for s in found}
