"""Surrogates for numbers, codes and addresses of machines: right in form, issued to nobody.

Owns the reserved and never-issued ranges, so that no surrogate can be a stranger's real number:

    US SSN           area 9xx with group 01-49 (SSA issues no area 900-999; ITINs use groups 50-99)
    phone            +1 555-0100..0199 (NANPA, fiction); Brazil area codes never assigned; elsewhere
                     an area that begins with 0 after the country code's own trunk digit
    card             first digit 0 (no issuer, ISO/IEC 7812) and a wrong Luhn digit
    IBAN             check digits 00 (ISO 13616: 02..98 only)
    CPF, CNPJ        wrong check digits
    e-mail, URL      example.org and its sisters (RFC 2606)
    IP               documentation ranges (RFC 5737, RFC 3849); MAC 00-00-5E-00-53 (RFC 7042)
"""

from __future__ import annotations

import re
from collections.abc import Callable

from appliance.redact.entities import Family
from appliance.redact.keyed import Draws

_DOMAINS = ("example.org", "example.com", "example.net")
_WORDS = ("river", "maple", "stone", "cloud", "amber", "cedar", "harbor", "meadow", "north", "lark")
#: Area codes that ANATEL never assigned.
_BR_UNASSIGNED = (
    "20",
    "23",
    "25",
    "26",
    "29",
    "30",
    "36",
    "39",
    "50",
    "52",
    "56",
    "57",
    "58",
    "59",
)
#: A word before the value that a detector may have taken along: "MRN: 123", "SSN 123".
_LABEL = re.compile(
    r"\s*(?:[^\W\d_]{2,}[.:#]?\s*)*(?:(?:no|nr|num|number|id|#)\.?\s*)?[:#=]\s*", re.IGNORECASE
)
#: Two digits of area, then a Brazilian number.
_BRAZILIAN = re.compile(r"\s*\(?\d{2}\)?[\s\-.]*9?\d{4}[\s\-.]?\d{4}\s*")


def labelled_part(value: str) -> int:
    """Return how many characters of a value are its label, to be kept."""
    match = _LABEL.match(value)
    return match.end() if match is not None and match.end() < len(value) else 0


def same_digits(value: str, digits: str) -> str:
    """Return `value` with its decimal digits replaced, in order, by `digits`."""
    source = iter(digits)
    return "".join(next(source, "0") if c.isdigit() else c for c in value)


def ssn(value: str, draws: Draws) -> str:
    """Replace a Social Security number; of a partial one only the digits that are there."""
    count = sum(c.isdigit() for c in value)
    if count != 9:
        return same_digits(value, draws.digits(count)) if count else "000-00-0000"
    group = f"{1 + draws.below(49):02d}"
    return same_digits(value, f"9{draws.digits(2)}{group}{draws.digits(4)}")


def phone(value: str, draws: Draws) -> str:
    """Replace a telephone number, extension and punctuation kept in form."""
    digits = "".join(c for c in value if c.isdigit())
    plus = value.lstrip(" (").startswith("+")
    if plus and not digits.startswith("1"):
        return same_digits(value, _foreign(digits, draws))
    if value.lstrip().startswith("(") and _BRAZILIAN.fullmatch(value):
        return same_digits(value, _brazilian(digits, draws))
    main = digits[1:] if len(digits) >= 11 and digits.startswith("1") else digits
    head = digits[: len(digits) - len(main)]
    if len(main) == 11 and _BRAZILIAN.fullmatch(value):
        return same_digits(value, head + _brazilian(main, draws))
    if len(main) >= 10:
        area = f"{2 + draws.below(8)}{draws.below(9)}{draws.below(10)}"
        return same_digits(value, f"{head}{area}55501{draws.digits(len(main) - 8)}")
    if len(main) == 7:
        return same_digits(value, f"55501{draws.digits(2)}")
    return same_digits(value, head + draws.digits(len(main)))


def _foreign(digits: str, draws: Draws) -> str:
    if digits.startswith("55"):
        return "55" + _brazilian(digits[2:], draws)
    country = digits[:2]
    return country + "0" + draws.digits(max(0, len(digits) - 3))


def _brazilian(main: str, draws: Draws) -> str:
    """Return a number in an area nobody has; the 9 that marks a mobile stays."""
    return draws.choice(_BR_UNASSIGNED) + main[2:3] + draws.digits(max(0, len(main) - 3))


def card(value: str, draws: Draws) -> str:
    """Replace a payment card number by one no issuer can have."""
    count = sum(c.isdigit() for c in value)
    if count < 8:
        return draws.like(value)
    body = "0" + draws.digits(count - 2)
    return same_digits(value, body + str((luhn_digit(body) + 1 + draws.below(9)) % 10))


def luhn_digit(body: str) -> int:
    """Return the Luhn check digit of a string of digits."""
    total = 0
    for index, c in enumerate(reversed(body)):
        doubled = int(c) * (2 if index % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return -total % 10


def iban(value: str, draws: Draws) -> str:
    """Replace an IBAN: the country stays, its check digits cannot be right."""
    match = re.match(r"(\s*[A-Za-z]{2}\s?)(\d{2})(.*)", value, re.DOTALL)
    if match is None:
        return draws.like(value)
    return f"{match[1]}00{draws.like(match[3])}"


def tax_number(value: str, draws: Draws) -> str:
    """Replace a CPF by one whose check digits are wrong."""
    digits = "".join(c for c in value if c.isdigit())
    if len(digits) != 11:
        return draws.like(value)
    body = draws.digits(9)
    first = _mod11(body, range(10, 1, -1))
    wrong = (first + 1 + draws.below(9)) % 10
    return same_digits(value, f"{body}{wrong}{draws.below(10)}")


def _mod11(body: str, weights: range) -> int:
    rest = sum(int(c) * w for c, w in zip(body, weights, strict=True)) % 11
    return 0 if rest < 2 else 11 - rest


def email(value: str, draws: Draws) -> str:
    """Replace an e-mail address by one under a reserved domain."""
    local = f"{draws.choice(_WORDS)}.{draws.choice(_WORDS)}{draws.digits(2)}"
    return f"{local.upper() if value.isupper() else local}@{draws.choice(_DOMAINS)}"


def url(value: str, draws: Draws) -> str:
    """Replace a web address by one under a reserved domain."""
    scheme = re.match(r"[a-z]+://", value, re.IGNORECASE)
    path = f"/{draws.choice(_WORDS)}-{draws.digits(4)}"
    return f"{scheme[0] if scheme else ''}{draws.choice(_DOMAINS)}{path}"


def ip_address(value: str, draws: Draws) -> str:
    """Replace an IP address by one of a documentation range."""
    if ":" in value and "." not in value:
        groups = ":".join(f"{draws.below(0x10000):x}" for _ in range(2))
        return f"2001:db8::{groups}"
    return f"{draws.choice(('192.0.2', '198.51.100', '203.0.113'))}.{1 + draws.below(254)}"


def zip_code(value: str, draws: Draws) -> str:
    """Replace a postal code; of a US ZIP the area is 000, which is nowhere."""
    digits = sum(c.isdigit() for c in value)
    if digits in (5, 9) and not any(c.isalpha() for c in value):
        return same_digits(value, "000" + draws.digits(digits - 3))
    return draws.like(value)


def mac_address(value: str, draws: Draws) -> str:
    """Replace a MAC address by one of the documentation range."""
    separator = next((c for c in value if c in ":-."), ":")
    octet = f"{draws.below(256):02x}"
    address = separator.join(("00", "00", "5e", "00", "53", octet))
    return address.upper() if value.isupper() else address


def code(value: str, draws: Draws) -> str:
    """Replace any other number or code, letters and digits by their like."""
    kept = labelled_part(value)
    return value[:kept] + draws.like(value[kept:])


#: Families written as numbers or codes, and what replaces them.
MAKERS: dict[Family, Callable[[str, Draws], str]] = {
    "ssn": ssn,
    "phone": phone,
    "card": card,
    "iban": iban,
    "cpf": tax_number,
    "email": email,
    "url": url,
    "ip": ip_address,
    "mac": mac_address,
    "zip": zip_code,
    "identifier": code,
}
