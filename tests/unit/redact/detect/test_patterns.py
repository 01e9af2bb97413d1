import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.redact.detect.languages import LANGUAGE_CODES, languages_of
from appliance.redact.detect.patterns import Pattern, PatternSet, anchored, labelled, lower, shaped
from tests.unit.redact.detect.cases import PROPERTY, check, masks

_WORDS = st.sampled_from(
    [
        "MRN",
        "SSN",
        "12",
        "5/6",
        "03/04/2020",
        "2020-01-02",
        "555-0100",
        "(415)",
        "555-0101",
        "4111",
        "1111",
        "A12345678",
        "Main",
        "St",
        "12",
        "Oak",
        "Ave",
        "New",
        "York",
        "NY",
        "10001",
        "45M",
        "67",
        "y/o",
        "March",
        "3",
        "x1234",
        "123-45-6789",
        "192.168.1.1",
        "no.",
        "12/34",
        "98.6",
        "120/80",
        "10",
        "mg",
        ":",
        "#",
        ",",
        ".",
        "\n",
    ]
)


def _slow(pattern: Pattern, text: str) -> list[tuple[int, int]]:
    """Every span of one pattern, by running its expression over the whole text."""
    found = []
    for match in pattern.regex.finditer(text):
        span = pattern.span(match)
        if span is not None:
            found.append((span.start, span.end))
    return found


@pytest.mark.parametrize("language", LANGUAGE_CODES)
@PROPERTY
@given(words=st.lists(_WORDS, max_size=12))
def test_led_patterns_find_what_a_full_scan_finds(language, words):
    text = " ".join(words)
    led = [p for p in languages_of((language,))[0].patterns if p.lead]
    found = PatternSet(led).scan(text)
    for pattern in led:
        fast = {(s.start, s.end) for s in found if s.source == f"pattern:{pattern.name}"}
        assert fast == set(_slow(pattern, text)), pattern.name


def test_pattern_names_are_unique_in_a_language():
    for language in LANGUAGE_CODES:
        names = [p.name for p in languages_of((language,))[0].patterns]
        assert len(names) == len(set(names))


def test_a_check_digit_raises_the_score_and_never_drops_a_labelled_hit():
    pattern = labelled(
        "x", "X", "code", value=r"(?P<v>\d{4})", score=0.5, check=lambda v: v == "1234"
    )
    right, wrong = PatternSet([pattern]).scan("code: 1234 code: 9999")
    assert right.score > wrong.score == 0.5


def test_a_common_shape_needs_its_check_digit():
    pattern = shaped(
        "x", "X", r"\d{4}", score=0.5, check=lambda v: v == "1234", check_required=True
    )
    assert [s.start for s in PatternSet([pattern]).scan("9999 1234")] == [5]


def test_an_anchor_inside_a_word_is_no_label():
    pattern = labelled("x", "X", "pin", value=r"(?P<v>\d{4})")
    assert not PatternSet([pattern]).scan("spin 1234")


def test_an_anchored_pattern_may_begin_before_its_anchor():
    pattern = anchored("x", "X", ("@",), r"\w+@\w+", score=0.5, before=10)
    assert [(s.start, s.end) for s in PatternSet([pattern]).scan("mail a@b c@d")] == [
        (5, 8),
        (9, 12),
    ]


@PROPERTY
@given(st.text(max_size=30))
def test_lower_keeps_the_length(text):
    assert len(lower(text)) == len(text)


def test_capital_patterns_do_not_ignore_case():
    for language in LANGUAGE_CODES:
        for pattern in languages_of((language,))[0].patterns:
            if pattern.lead == "capital":
                assert not pattern.regex.flags & re.IGNORECASE, pattern.name


@pytest.mark.parametrize(
    "marked",
    [
        "MRN: [MEDICAL_RECORD_NUMBER BH-112233] admitted",
        "chart # [MEDICAL_RECORD_NUMBER A24138888] reviewed",
        "member ID [HEALTH_PLAN_ID W314331766-01] active",
        "claim [CASE_NUMBER 562 711 431] denied",
        "Accession: [SPECIMEN_ID RX20-118822] final",
        "device [DEVICE_ID SN B7312127] checked",
        "NPI [US_NPI 1903301959] billed",
        "license number [LICENSE_NUMBER D245-938-19-203] seen",
        "plate [VEHICLE_ID 98-Q430] parked",
        "account number [ACCOUNT_NUMBER 7742-9931] closed",
        "SSN [US_SSN 123-45-6789] given",
        "SSN xxx-xx-1234".replace("xxx-xx-1234", "[US_SSN xxx-xx-1234]"),
        "employee ID [ID_NUMBER 56789] left",
        "application (no. [CASE_NUMBER 36244/06]) lodged",
        "username: [USERNAME jdoe_77] set",
        "password: [PASSWORD B@nZes94!] leaked",
        "CVV [CVV 123] kept",
        "card [CREDIT_CARD 4111 1111 1111 1111] used",
        "IBAN [IBAN_CODE GB29 NWBK 6016 1331 9268 19] used",
        "ip [IP_ADDRESS 192.168.4.22] logged",
        "see [URL https://example.org/a?b=1] there",
        "write to [EMAIL_ADDRESS a.b@example.org] today",
        "track [CARD_TRACK %B4111111111111111^ROE/JANE^25121010000?] kept",
    ],
)
def test_labelled_and_shaped_identifiers_are_found(rules, marked):
    check(rules, marked)


@pytest.mark.parametrize(
    "marked",
    [
        "seen on [DATE_TIME 19 Sep 2014] and [DATE_TIME July 10, 2023]",
        "A1c on [DATE_TIME 4/3]. Next",
        "born [DATE_TIME 19641117] here",
        "since [DATE_TIME 6/2019] on it",
        "in [DATE_TIME 2019] he",
        "a [AGE 72]-year-old man, a [AGE 61]F, age: [AGE 45]",
        "call [PHONE_NUMBER (617) 555-0199 ext 22] or [PHONE_NUMBER x6787]",
        "pager [PHONE_NUMBER 92670] please",
        "at [LOCATION 0853 Wright Prairie Suite 304] in [LOCATION Reno, NV] [ZIP_CODE 51260]",
        "Room [LOCATION 4N-42] now",
        "ZIP: [ZIP_CODE 02139] area",
        "P.O. [LOCATION Box 1234] here",
    ],
)
def test_dates_ages_phones_and_places_are_found(rules, marked):
    masks(rules, marked)


@pytest.mark.parametrize(
    "text",
    [
        "BP 120/80, HR 72, T 98.6, SpO2 97 %",
        "pain 7/10, strength 5/5, murmur 3/6",
        "on day 2 of admission, treated for 3 weeks",
        "metoprolol 25 mg twice a day, glucose 212",
        "EF 35%, Cr 2.1, Na 140, WBC 11.2, platelets 250000/uL",
        "L4-5 disc bulge, stage 3 disease, grade 2",
    ],
)
def test_measurements_and_durations_stay(rules, text):
    assert rules.detect(text) == []


_DOCKETS = """3118:2000|06040/1229/2003. bü.|4(103)-392/2011|St. 22/06|Už-1022/08|CO/3318/2012
C1/2012/2290|Gž-2208/10|II K 123/04|2 BvR 1234/05|04-12.345|2-1234/05|1234/1999|123/2004
2004/311-176|26 F 1234/02 UG|7 Ob 301/99w|5P.123/2004|1C_123/2010|IV. ÚS 123/05|I ACa 123/05
Pfv.II.20.123/2005/4|12/P/1999|3K-3-123/2005|KKO 2003:12|Ö 123-05|P.04.0123.F|45.712/99
EKD/0123/01/08|2-1(81)-123/11|P1. 2094/00|I. 1577/01|Gž. 123/07|Kž. I 123/06|P.br. 123/98
U-III-1234/2005|1994/1134 Hz.|10-178321TVI-OTIR/06|QB-2019-001234|33 KLs 12/98"""


@pytest.mark.parametrize("docket", _DOCKETS.replace("\n", "|").split("|"))
def test_dockets_of_every_country_are_found(rules, docket):
    masks(rules, f"The court dismissed the applicant's claim (no. [CASE_NUMBER {docket}]) there.")


@pytest.mark.parametrize(
    "marked",
    [
        "The applicant's claim was dismissed by the court ([CASE_NUMBER St. 22/06]) there.",
        "The court rejected the applicant's appeal ([CASE_NUMBER Už-1022/08]), holding so.",
        "By decision no. [CASE_NUMBER 417] of 5 May the court recognised the applicant's title.",
        "The court (E. [CASE_NUMBER 2004/123], K. [CASE_NUMBER 2005/45]) acquitted the applicant.",
    ],
)
def test_dockets_are_found_without_a_label(rules, marked):
    masks(rules, marked)


def test_acts_reports_and_schools_have_numbers_that_are_no_cases(rules):
    text = "The Court, Series A no. 260-B, Protocol No. 11, law no. 15/1998; the applicant's school no. 12/3."
    assert [s for s in rules.detect(text) if s.entity_type == "CASE_NUMBER"] == []


@pytest.mark.parametrize(
    "marked",
    [
        "i'm [AGE 73] and my leg cramps",
        "I'm [AGE 26], 11 weeks pregnant",
        "shes [AGE 90]. she fell",
        "my mom ([AGE 82]) fell",
        "she passed on the 9th at [AGE 96].",
        "out til [DATE_TIME monday the 3rd] she said",
        "back in [DATE_TIME mid-August] or so",
        "member ID [HEALTH_PLAN_ID WQP0049182 03], thanks",
        "subscriber is her husband, ID [ID_NUMBER CVP 771 0092 4], thanks",
        "the patient in [LOCATION 4412-A] had a rash",
        "Mrs. Kaplowitz in [LOCATION 210] needs her inhaler",
        "bed [LOCATION SICU 17] is free",
        "I am at extension [PHONE_NUMBER 2-6631] today",
        "she works at [ORGANIZATION Halberd Steel Fabricators] now",
        "we live at [LOCATION 902 Marigold, unit 5] here",
    ],
)
def test_short_messages_leave_the_words_out(rules, marked):
    masks(rules, marked)


@pytest.mark.parametrize(
    "text", ["i'm 5 weeks along", "she's 4 cm dilated", "for the visit: 99213 at $145, please"]
)
def test_measures_and_prices_are_no_ages_or_numbers(rules, text):
    assert rules.detect(text) == []


@pytest.mark.parametrize(
    "marked",
    [
        "DOB [DATE_TIME 4-12-66] ([AGE 57]) F",
        "Two children, Maisie ([AGE 11]) and Gus ([AGE 8]), live here",
        "Mrs. H. Lindgaard, 500-7714-2, [AGE 69], mass",
        "mother MI at [AGE 44], uncle colon ca @ [AGE 51]",
        "Achterhof, Bea   [AGE 77]   882104   [LOCATION 7A]\n",
        "on [DATE_TIME 2-5, 2-12, and 2-26-20] he",
        "x3 ([DATE_TIME 1/6, 1/13, 1/20]).",
        "BMP [DATE_TIME 6/6]; took it in [DATE_TIME Feb] and [DATE_TIME May 5 '48]",
        "ESIG_DT=[DATE_TIME 20230711143355]|",
        "D0B: [DATE_TIME 12/O1/1994] ph [PHONE_NUMBER 480-555-O196]",
        "intake [PHONE_NUMBER 555-0119 x 23], ext [PHONE_NUMBER 4-7719], x[PHONE_NUMBER 5-1177]",
        "evicted from [LOCATION 2207 Old Quarry, Apt 9], home [LOCATION 77 Upper Kill], Delhi",
        "lives at [LOCATION 118 Birchmont, lower level].",
        "taken to OR [LOCATION 6]. Then LDR [LOCATION 4], ED HALL [LOCATION 3], [LOCATION 3 South 18]",
        "Veteran RATHBONE,CURTIS ([US_SSN R8830]) is",
        "Trooper D. Eisenhauer, shield [ID_NUMBER 3391].",
        "CLIA [LICENSE_NUMBER 26D2033817]",
        "[ORGANIZATION SAINT BRENDAN REGIONAL MEDICAL CENTER]\nnote",
        "Ins: [ORGANIZATION Garden Dental Plan] grp",
        "PAYER=[ORGANIZATION HEARTLAND CHOICE HMO]|",
        "a sous-chef at [ORGANIZATION Pomegranate & Vine].",
        "referral to [ORGANIZATION Lantern House] shelter, vendor [ORGANIZATION Loon State Mobility]",
        "[ORGANIZATION Coastal Kidney Care #19] today; served [ORGANIZATION 1st Cavalry]",
    ],
)
def test_what_notes_write_beside_names_is_found(rules, marked):
    masks(rules, marked)


@pytest.mark.parametrize(
    "text",
    [
        "strength 4/5, 5/5, 5/5 and pulses 2/4, 2/4",
        "SPINE CLINIC; PEDIATRIC HEMATOLOGY CLINIC; Treatment Plan",
        "site 3 of injection, ICU 3 days, ER 90%, OR 2.3",
    ],
)
def test_grades_headings_and_counts_are_left(rules, text):
    assert rules.detect(text) == []


@pytest.mark.parametrize(
    "marked",
    [
        "moved to Trenton, [LOCATION New Jersey] [ZIP_CODE 08601]. Seen",
        "at Boise, [LOCATION Idaho] [ZIP_CODE 83702-1234]",
        "St. Paul, [LOCATION Minn.] [ZIP_CODE 55101]",
        "in Toronto, [ZIP_CODE M5V 2T6] now",
        "UDI [DEVICE_ID (01)00844588003288(21)A1B2C3], fine",
        "last Plavix dose [DATE_TIME 8/23].",
        "lat [LOCATION 40.71280] long [LOCATION -74.00600]",
    ],
)
def test_codes_of_places_and_devices_are_found(rules, marked):
    masks(rules, marked)


def test_five_digits_behind_a_state_alone_are_its_code_and_counts_are_none(rules):
    assert [
        s
        for s in rules.detect("ohio had 45,402 cases, 45402.5 a year")
        if s.entity_type == "ZIP_CODE"
    ] == []
