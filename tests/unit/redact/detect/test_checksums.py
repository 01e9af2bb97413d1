import pytest

from appliance.redact.detect import checksums as c

#: One valid value of each kind; published examples or made with the standard's own rule.
VALID = {
    c.luhn: "79927398713",
    c.card: "4111 1111 1111 1111",
    c.iban: "GB29 NWBK 6016 1331 9268 19",
    c.ssn: "521-44-9382",
    c.npi: "1234567893",
    c.dea: "AB1234563",
    c.aba: "021000021",
    c.nhs: "943 476 5919",
    c.vin: "1M8GDM9AXKP042788",
    c.cpf: "111.444.777-35",
    c.cnpj: "12.ABC.345/01DE-35",
    c.cnh: "02650306461",
    c.pis: "120.12345.67-2",
    c.cns: "898001160660036",
    c.titulo: "0043 5687 0906",
    c.processo: "0012843-03.2015.8.07.0001",
    c.nif_es: "12345678Z",
    c.nir: "2 55 08 14 168 025 38",
    c.steuer_id: "86095742719",
    c.kvnr: "A123456780",
    c.codice_fiscale: "RSSMRA85T10A562S",
    c.nif_pt: "123456789",
    c.bsn: "111222333",
}


def _bumped(value):
    """Change the last digit (or letter) by one."""
    at = max(i for i, char in enumerate(value) if char.isalnum())
    char = value[at]
    new = str((int(char) + 1) % 10) if char.isdigit() else chr(65 + (ord(char) - 64) % 26)
    return value[:at] + new + value[at + 1 :]


@pytest.mark.parametrize("check", VALID, ids=lambda check: check.__name__)
def test_a_valid_number_passes(check):
    assert check(VALID[check])


@pytest.mark.parametrize(
    "check", [k for k in VALID if k not in (c.ssn, c.vin)], ids=lambda check: check.__name__
)
def test_a_changed_last_place_fails(check):
    assert not check(_bumped(VALID[check]))


@pytest.mark.parametrize("value", ["111.111.111-11", "000.000.000-00"])
def test_a_cpf_of_one_digit_is_refused(value):
    assert not c.cpf(value)


def test_a_vin_with_another_check_place_fails():
    assert not c.vin("1M8GDM9A1KP042788")


def test_numbers_never_issued_are_no_ssn():
    assert not c.ssn("000-12-3456")
    assert not c.ssn("666-12-3456")
    assert not c.ssn("912-12-3456")


@pytest.mark.parametrize("check", VALID, ids=lambda check: check.__name__)
def test_junk_is_no_number(check):
    for junk in ("", "x", "12", "é" * 20):
        assert check(junk) is False or check is c.luhn


def test_a_pan_needs_an_issuer():
    assert c.issuer("4111111111111111") == "visa"
    assert c.issuer("6062825624254001") == "hipercard"
    assert not c.card("0000 0000 0000 0000")
