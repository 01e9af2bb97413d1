"""Names as people type them, as courts write them, and words of medicine that look like names."""

import pytest

from appliance.records import Span
from appliance.redact.detect.lexicon import Lexicon
from appliance.redact.detect.medical import Clinical
from appliance.redact.detect.normalise import normalise
from tests.unit.redact.detect.cases import masks


@pytest.mark.parametrize(
    "marked",
    [
        "Who is the PCP for [PERSON G Tembo]?",
        "does mr [PERSON o'malley] have a pacemaker",
        "dictated by: [PERSON r. okafor], late",
        "does [PERSON jose p. rizal] take aspirin",
        "[PERSON mary ellen kowalczyk] called again",
        "spoke with [PERSON terrence] about labs",
        "send it to [PERSON anjali.rao] today",
        "is [PERSON al-jaziri] anticoagulated",
        "the dose for [PERSON JUAN CARLOS DE LA CRUZ] today",
        "[PERSON Maria do Carmo Silva] was here",
        "[PERSON ALVAREZ] needs dialysis",
        "[PERSON Htoo Eh] lives in a camp",
        "[PERSON Will Power] is obese",
        'the man goes by "[PERSON Smoke]" here',
        "the defendant Tyrell, a/k/a '[PERSON Smoke]', ran",
        "she lives w/ [PERSON Baz] (partner)",
        "4/17 - [PERSON Zhang] at bedside",
        "Did [PERSON DiMarco] sign the consent?",
    ],
)
def test_names_are_found_as_people_type_them(rules, marked):
    masks(rules, marked)


def test_a_possessive_does_not_hide_the_name_elsewhere(rules):
    masks(rules, "[PERSON Mrs. Achterberg]'s scan. Later [PERSON Achterberg] left.")


@pytest.mark.parametrize(
    "marked",
    [
        "In the case of [PERSON Kraska] v. Switzerland",
        "CASE OF [PERSON O’HALLORAN AND FRANCIS] v. THE UNITED KINGDOM",
        "The court convicted [PERSON M.K.] on appeal and [PERSON J.-P. Dubois] as well.",
        "The court heard police officers [PERSON Yu.] and [PERSON Sh.] questioned the applicant.",
        "judgment (no. [CASE_NUMBER 36244/06]), file [CASE_NUMBER 2 BvR 1481/04] of the court",
        "docket [CASE_NUMBER IV K 57/99]; ref. [CASE_NUMBER 3021/B/04]",
        "Civil Action No. [CASE_NUMBER 2:14-cv-03382-JLL]",
        "a [NRP Turkish] national born in [DATE_TIME 1972]",
        "on the [DATE_TIME 2nd day of July, 2003], and on [DATE_TIME 9.IX.1997]",
        "born in [DATE_TIME nineteen fifty-two], or in the [DATE_TIME early 1950s]",
        "on the [DATE_TIME twelfth of May, nineteen sixty-two] he",
        "in [DATE_TIME winter 1993], since '[DATE_TIME 98], at [DATE_TIME Thanksgiving 2019]",
        "Svetlana, [AGE 34], gave birth; her mother died at [AGE 88].",
        "lives at [LOCATION 12-14 rue des Lilas] there",
        "lives at [LOCATION Plot 8, Ring Road East], there",
        "crashed in [LOCATION Hollow Creek] then",
    ],
)
def test_courts_and_letters_are_read(rules, marked):
    masks(rules, marked)


@pytest.mark.parametrize(
    "text",
    [
        "given p.o., then i.v.; D.C. instructions, E.R. visit, B.I.D. dosing",
        "vitamin D deficiency, hepatitis B surface antigen, group A strep, factor V Leiden",
        "does it come with a rash, and is it worse at night",
    ],
)
def test_abbreviations_of_medicine_are_no_initials(rules, text):
    assert [s for s in rules.detect(text) if s.entity_type == "PERSON"] == []


@pytest.mark.parametrize(
    "text",
    [
        "Does Wilson disease cause Kayser-Fleischer rings?",
        "List the Duke criteria and the Wells score for PE.",
        "Treat Clostridium difficile and Candida albicans.",
        "Continue Latuda 40 mg and Zosyn; Lisinopril held.",
        "Nondisplaced fracture; Postprocedural fever; Salter-Harris fracture.",
        "Ambien, Ativan and Zofran held. Kernig and Brudzinski negative.",
        "SpO2 98% on RA, Hgb 9.2.",
    ],
)
def test_useful_words_of_medicine_stay(english, text):
    assert english.detect(text) == []


@pytest.mark.parametrize(
    "marked",
    [
        "[PERSON Uwimana] denies tremor.",
        "Wound of [PERSON Mr. Wilson] clean; [PERSON Mr. Wilson] negative for flu.",
        "[ORGANIZATION Okafor] positive for influenza.",
    ],
)
def test_people_beside_words_of_medicine_are_still_people(english, marked):
    masks(english, marked)


def test_a_strong_hit_is_never_taken_for_medicine():
    clinical = Clinical(Lexicon(("en",)))
    text = "Wilson disease"
    titled = Span(start=0, end=6, entity_type="PERSON", score=0.85, source="names:title")
    weak = Span(start=0, end=6, entity_type="PERSON", score=0.6, source="ner")
    assert clinical.people(text, [titled, weak]) == [titled]


def test_stretches_without_strange_characters_keep_their_places():
    text = "abc\u200b “def” \U0001f600 １２"
    plain = normalise(text)
    assert plain.text == 'abc "def" \U0001f600 12'
    start = plain.text.index("12")
    assert text[slice(*plain.original(start, start + 2))] == "１２"


@pytest.mark.parametrize(
    "marked",
    [
        "The court heard his acquaintance [PERSON Ye.] and, as a witness, [PERSON Dzh. Alimov].",
        "The prosecutor questioned [PERSON Sh.] while the applicant played cards with [PERSON Y.] there.",
        "The applicant, his nephew [PERSON B], who left, and a notary, [PERSON N.]. The court sat.",
        "The court dismissed it. [PERSON A.G.] and [PERSON P.S.], the applicants, appealed.",
        "The applicant [PERSON Rövşən Məmməd oğlu Hüseynov] and [PERSON Leyla Arif qızı] lodged it.",
        "The applicant, Mr [PERSON Hermenegildo de Sá Nogueira], and Mr [PERSON Hasan Er] appealed.",
        "The grandmother, [PERSON özvegy Kovács Jánosné], née [PERSON Szabó], told the applicant and the court.",
        "Before Judges [PERSON A], [PERSON Stonys] and [PERSON A.V.] the applicant was convicted.",
        "HM Coroner [PERSON Geraint Pryce-Owen] told the court. [PERSON Wall LJ] agreed.",
        'The court convicted [PERSON "Smudge" Hargreaves]; the applicant was the "Smudge" of the trial.',
        "The first applicant's son, [PERSON Gentian], took photographs before the court sat.",
        "The court heard the co-accused, [PERSON Murat Er], and DC [PERSON 4471 Singh].",
        "The appellant is the mother of [PERSON AB] (born 2001) and [PERSON CD] (born 2003). Judge [PERSON Bang] sat.",
        "The tribunal dismissed the appeal of [PERSON HJ] (Iran), who is known as '[PERSON the Cook]'.",
        "The court placed three children, [PERSON Joy] (born 2010) and [PERSON Faith] (born 2014), with the applicant.",
        "The applicant was represented by [PERSON Frau Uhlenbrock] and Prof. [PERSON Dr. med. Uwe Grün] in court.",
        "composed of:\n[PERSON Danutė Jočytė],\n[PERSON Ivana Frost], judges,\nHaving deliberated, the Court",
    ],
)
def test_people_are_found_as_courts_write_them(rules, marked):
    masks(rules, marked)


@pytest.mark.parametrize(
    "text",
    [
        "The applicant lives in Bregenz. The Bregenz District Court dismissed the claim.",
        "The applicant fled to Bari; the Court of Yerevan and the Haarlem court upheld it.",
        "The application was lodged against the Kingdom of the Netherlands, not v. Armenia.",
        "The applicant holds Moldovan nationality; the judgment was translated into Georgian.",
        "The Government were represented by their Agent, the Deputy Minister and Attorney-General.",
        "The applicant wrote for the newspaper Yeni Zaman and bought a Zastava Yugo. The court sat.",
        "THE FACTS\nA. Background of the case\nThe applicant and the court; Annex B, hepatitis C, Series A.",
        "The applicant company, Tipografia Gran Sole S.A., appealed to the court.",
        "The applicant lives in Szymany. The Court of Appeal sat at 9 A.M. there.",
    ],
)
def test_places_posts_and_things_of_courts_are_no_people(rules, text):
    assert [text[s.start : s.end] for s in rules.detect(text) if s.entity_type == "PERSON"] == []


@pytest.mark.parametrize(
    "marked",
    [
        "my dr is [PERSON hollingsworth] but",
        "write a msg to pt [PERSON jiayi]: labs ok",
        "hi, pt [PERSON obafemi ladipo] is asking",
        "wants to leave, son [PERSON marcel] at bedside",
        "somebody with the surname [PERSON Featherly] called",
        "I want to recognise [PERSON Ikaika] in the cath lab",
        "he hit [TITLE RN] [PERSON Tosh] and [TITLE CNA] [PERSON Bixby]",
        "need to reschedule pt [PERSON darnell okoye-pruitt]",
    ],
)
def test_people_are_found_in_short_messages(rules, marked):
    masks(rules, marked)


def test_a_verb_and_a_language_are_no_people(rules):
    text = "reschedule pt, translate into Spanish and plain English"
    assert [s for s in rules.detect(text) if s.entity_type == "PERSON"] == []


@pytest.mark.parametrize(
    "marked",
    [
        "Pt: [PERSON delgadillo, ramona]  #[ID_NUMBER 66120]",
        "[PERSON okeke, chidi] mrn [MEDICAL_RECORD_NUMBER 448120]",
        "pt [PERSON n. szymborski], stable",
        "stays w/ niece [PERSON leilani] now",
        "vendor brought it, tech [PERSON gary].",
        "Taken by: [PERSON bridget]   Routed",
        "Asst: [PERSON shanice w.]  Provider: none",
        "Overread: [PERSON VS]",
        "MA: [PERSON kp]\nnext",
        "Cannulated by [PERSON TN]. Gross ([PERSON klw]).",
        "DD: [DATE_TIME 12/04/21]  [PERSON AD/mlw]  Conf# 552190",
        "K. Dubrovsky RN / [PERSON KD] 2226",
        "Doing well. --[PERSON jt]",
        'grandmother "[PERSON Mimi]" came; "[PERSON Doe, Birch]" was used',
        "housemate [PERSON Pixie], 2 weeks",
        "[PERSON GRUNWALD/ESTHER/L]   seen",
        "[PERSON Drs. Ishikawa], [PERSON Pellegrini], and [PERSON Stone]",
        "Wife [PERSON June] drives",
    ],
)
def test_names_and_initials_of_notes_are_found(rules, marked):
    masks(rules, marked)


@pytest.mark.parametrize(
    "text",
    [
        "the critical view of Strasberg; a 19 Fr Blake drain, 0 Vicryl on a Carter-Thomason",
        "Neer +, Hawkins +, Speed's neg, Jobe 4/5, Spurling's neg",
        "Weiss ring, Goldmann tonometry, St. Jude valve, factor V Leiden, Lewy body",
        "Penn 3, Prague C1M3, Tanner 2, Mallampati III, Wagner 2 ulcer",
        "A. Colon, ascending: adenoma. B. Colon, rectum. cat I. Toco q3. 4.5 cm L. Coban",
        "BIMS 9/15, Satisfaction 10/10, AC/VC 18/420/+10/50%, shift 1900-0700, G2P1001",
        "Loc: home; Iso: none; routed to P PEDS NURSE POOL; ASA III.",
        "Invega and Xarelto held, Betadine paint",
    ],
)
def test_eponyms_brands_and_scores_are_nobody(english, text):
    assert [s for s in english.detect(text) if s.entity_type != "TITLE"] == []


@pytest.mark.parametrize(
    "marked",
    [
        "[PERSON Dr. Strasberg] called; son [PERSON Blake] agreed.",
        "Signed [PERSON Penn Wagner], MD",
        "[PERSON Maya Strasberg] is here",
        "[PERSON Dr. Ma] and [PERSON Mrs. Do] agreed. Attending: [PERSON Ho]",
    ],
)
def test_an_eponym_with_a_title_or_a_first_name_is_a_person(english, marked):
    masks(english, marked)


@pytest.mark.parametrize(
    "text",
    ["Greta Halvorsen, MD, seen", "Armand Delacroix, PA-C\nnext", "signed Ana Lopez MD 17:20 PST"],
)
def test_credentials_and_zones_of_time_are_no_places(english, text):
    found = [text[s.start : s.end] for s in english.detect(text)]
    assert not {"MD", "PA-C", "PST"} & set(found)
