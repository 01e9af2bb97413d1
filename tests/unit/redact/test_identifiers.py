from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.redact import identifiers
from appliance.redact.detect import checksums
from appliance.redact.keyed import Draws, pseudonym

SEEDS = [str(n) for n in range(60)]


def draws(seed: str) -> Draws:
    return Draws(b"k" * 32, seed)


def _shape(text: str) -> str:
    return re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", re.sub(r"\d", "9", text)))


@pytest.mark.parametrize("seed", SEEDS)
def test_surrogate_social_security_numbers_were_never_issued(seed: str) -> None:
    made = identifiers.ssn("075-69-1543", draws(seed))
    assert re.fullmatch(r"9\d\d-(0[1-9]|[1-4]\d)-\d{4}", made)
    assert not checksums.ssn(made)


def test_a_partial_social_security_number_keeps_its_mask() -> None:
    assert re.fullmatch(r"xxx-xx-\d{4}", identifiers.ssn("xxx-xx-1234", draws("1")))


@pytest.mark.parametrize("seed", SEEDS)
def test_surrogate_cards_have_no_issuer_and_a_wrong_check_digit(seed: str) -> None:
    made = identifiers.card("4111 1111 1111 1111", draws(seed))
    assert _shape(made) == "9999 9999 9999 9999"
    assert made.startswith("0")
    assert not checksums.luhn(made)
    assert not checksums.card(made)


@pytest.mark.parametrize("seed", SEEDS)
def test_surrogate_tax_numbers_and_accounts_cannot_be_valid(seed: str) -> None:
    assert not checksums.cpf(identifiers.tax_number("123.456.789-09", draws(seed)))
    assert not checksums.iban(identifiers.iban("DE89 3704 0044 0532 0130 00", draws(seed)))


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("(890)283-0166x131", r"\([2-9]\d\d\)555-01\d\dx\d{3}"),
        ("890-283-0166", r"[2-9]\d\d-555-01\d\d"),
        ("+1 890 283 0166", r"\+1 [2-9]\d\d 555 01\d\d"),
        ("9937786579", r"[2-9]\d\d55501\d\d"),
        ("555-1234", r"555-01\d\d"),
        ("(11) 98765-4321", r"\((20|23|25|26|29|30|36|39|50|52|56|57|58|59)\) 9\d{4}-\d{4}"),
        ("+55 11 98765-4321", r"\+55 (20|23|25|26|29|30|36|39|50|52|5[6-9]) 9\d{4}-\d{4}"),
        ("+49 30 1234567", r"\+49 0\d \d{7}"),
        ("x6787", r"x\d{4}"),
    ],
)
def test_surrogate_telephone_numbers_ring_nowhere(number: str, expected: str) -> None:
    for seed in SEEDS:
        assert re.fullmatch(expected, identifiers.phone(number, draws(seed)))


def test_addresses_of_machines_lie_in_reserved_ranges() -> None:
    for seed in SEEDS:
        assert re.search(r"@example\.(org|com|net)$", identifiers.email("a@b.com", draws(seed)))
        assert "://example." in identifiers.url("https://x.io/p?q=1", draws(seed))
        made = identifiers.ip_address("10.1.2.3", draws(seed))
        assert made.rsplit(".", 1)[0] in ("192.0.2", "198.51.100", "203.0.113")
        assert identifiers.ip_address("fe80::1", draws(seed)).startswith("2001:db8::")
        assert identifiers.mac_address("AA:BB:CC:DD:EE:FF", draws(seed)).startswith(
            "00:00:5E:00:53"
        )


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=30))
def test_a_code_keeps_its_form(value: str) -> None:
    assert _shape(identifiers.code(value, draws("x"))) == _shape(value)


def test_a_label_taken_along_stays() -> None:
    assert identifiers.code("MRN: BH-112233", draws("x")).startswith("MRN: ")


def test_pseudonyms_need_the_key() -> None:
    one = pseudonym(b"1" * 32, "PERSON", "ann lee")
    assert re.fullmatch(r"PERSON_[a-z2-7]{10}", one)
    assert one == pseudonym(b"1" * 32, "PERSON", "ann lee")
    assert one != pseudonym(b"2" * 32, "PERSON", "ann lee")
    assert one != pseudonym(b"1" * 32, "PERSON", "ann leo")


@given(st.integers(1, 1000))
def test_draws_stay_below_their_bound(bound: int) -> None:
    source = draws("bound")
    assert all(0 <= source.below(bound) < bound for _ in range(50))


def test_draws_are_uniform() -> None:
    # Chi-square over 10 cells, 5,000 draws: 27.9 is the 99.9 % point of 9 degrees of freedom.
    source = draws("uniform")
    counts = [0] * 10
    for _ in range(5000):
        counts[source.below(10)] += 1
    assert sum((c - 500) ** 2 / 500 for c in counts) < 27.9
