import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.redact.detect.normalise import normalise
from tests.unit.redact.detect.cases import PROPERTY, masks

_TRICKY = st.text(
    alphabet=st.one_of(
        st.characters(codec="utf-8", exclude_categories=("Cs",)),
        st.sampled_from("\u200b\u202e\u202c\u00adＡ１٣ѕе\u0301 .-@"),
    ),
    max_size=60,
)


@pytest.mark.parametrize(
    ("hidden", "plain"),
    [
        ("12\u200b34", "1234"),
        ("１２３-４５", "123-45"),
        ("٤١١١", "4111"),
        ("Jоhn", "John"),
        ("e\u0301", "é"),
        ("\u202e4321\u202c", "1234"),
        ("a\u00a0b", "a b"),
        ("1\u20132", "1-2"),
        ("j\u00adohn", "john"),
    ],
)
def test_every_way_of_hiding_is_undone(hidden, plain):
    assert normalise(hidden).text == plain


def test_plain_text_is_its_own_normal_form():
    text = "Élodie Núñez, née Weiß: 12/03/2020 (n.º 5)"
    assert normalise(text).text == text
    assert normalise(text).starts is None


def test_words_in_cyrillic_stay_cyrillic():
    assert normalise("Привет, мир").text == "Привет, мир"


@PROPERTY
@given(_TRICKY)
def test_offsets_are_right_under_every_normalisation(text):
    plain = normalise(text)
    for i in range(len(plain.text)):
        start, end = plain.original(i, i + 1)
        assert 0 <= start < end <= len(text)


@PROPERTY
@given(_TRICKY)
def test_normalising_twice_changes_nothing_more_of_plain_text(text):
    once = normalise(text).text
    if once.isascii():
        assert normalise(once).text == once


@PROPERTY
@given(st.text(alphabet="\u200b\u200d\u2060\ufeff", min_size=1, max_size=3))
def test_invisible_characters_hide_no_number(filler):
    hidden = "SSN " + filler.join("123-45-6789")
    plain = normalise(hidden)
    at = plain.text.index("123-45-6789")
    start, end = plain.original(at, at + 11)
    assert (start, end) == (4, len(hidden))


@pytest.mark.parametrize(
    "marked",
    [
        "SSN [US_SSN １２３-４５-６７８９] on file",
        "MRN: [MEDICAL_RECORD_NUMBER 12\u200b34\u200d567] seen",
        "Dr. [PERSON Jоhn Smіth] called",
        "card [CREDIT_CARD ٤١١١ ١١١١ ١١١١ ١١١١] declined",
        "SSN \u202e[US_SSN 9876-54-321]\u202c end",
        "mail [EMAIL_ADDRESS j\u00adohn@ex\u200bample.com] now",
    ],
)
def test_hidden_values_are_found_where_they_are(rules, marked):
    masks(rules, marked)
