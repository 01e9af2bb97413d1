"""Check digits: each function answers "could this be one?", and nothing else.

A check digit raises a score and settles a type; it never drops a labelled hit, because a
mistyped number is still somebody's number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_NOT_ALNUM = re.compile(r"[^0-9A-Za-z]")


def _digits(value: str) -> list[int]:
    return [int(c) for c in value if "0" <= c <= "9"]


def _compact(value: str) -> str:
    return _NOT_ALNUM.sub("", value).upper()


def _weighted(digits: Sequence[int], weights: Sequence[int]) -> int:
    return sum(d * w for d, w in zip(digits, weights, strict=True))


def luhn(value: str) -> bool:
    """Luhn, ISO/IEC 7812-1 annex B."""
    total = 0
    for position, digit in enumerate(reversed(_digits(value))):
        doubled = digit * 2 if position % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def card(value: str) -> bool:
    """A PAN: 13-19 digits, an issuer range in use, Luhn."""
    digits = "".join(str(d) for d in _digits(value))
    return 13 <= len(digits) <= 19 and issuer(digits) is not None and luhn(digits)


def issuer(digits: str) -> str | None:
    """Return the card scheme whose range holds the number, by its leading digits."""
    two, three, four = int(digits[:2]), int(digits[:3]), int(digits[:4])
    length = len(digits)
    rules: tuple[tuple[str, bool], ...] = (
        ("visa", digits[0] == "4" and length in (13, 16, 18, 19)),
        ("mastercard", (51 <= two <= 55 or 2221 <= four <= 2720) and length == 16),
        ("amex", two in (34, 37) and length == 15),
        ("elo", four in (4011, 4312, 4389, 5041, 5066, 5067, 6277, 6362, 6363) and length == 16),
        ("discover", (four == 6011 or 644 <= three <= 649 or two == 65) and 16 <= length <= 19),
        ("diners", (300 <= three <= 305 or two in (36, 38, 39)) and 14 <= length <= 19),
        ("jcb", 3528 <= four <= 3589 and 16 <= length <= 19),
        ("unionpay", two == 62 and 16 <= length <= 19),
        ("hipercard", four == 6062 and length == 16),
        ("maestro", (two in (50, 56, 57, 58) or digits[0] == "6") and 12 <= length <= 19),
    )
    return next((name for name, holds in rules if holds), None)


def iban(value: str) -> bool:
    """IBAN, ISO 13616: the rearranged number is 1 modulo 97."""
    compact = _compact(value)
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", compact):
        return False
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1


def ssn(value: str) -> bool:
    """A US social security number as issued: no area 000, 666, 9xx; no zero group or serial."""
    digits = "".join(str(d) for d in _digits(value))
    return (
        len(digits) == 9
        and digits[:3] not in ("000", "666")
        and digits[0] != "9"
        and digits[3:5] != "00"
        and digits[5:] != "0000"
    )


def npi(value: str) -> bool:
    """US national provider identifier: Luhn over 80840 and the ten digits."""
    digits = "".join(str(d) for d in _digits(value))
    return len(digits) == 10 and digits[0] in "12" and luhn("80840" + digits)


def dea(value: str) -> bool:
    """US DEA number: (d1+d3+d5) + 2(d2+d4+d6) ends in d7."""
    d = _digits(_compact(value)[2:])
    return len(d) == 7 and (d[0] + d[2] + d[4] + 2 * (d[1] + d[3] + d[5])) % 10 == d[6]


def aba(value: str) -> bool:
    """US bank routing number: weights 3, 7, 1."""
    d = _digits(value)
    return len(d) == 9 and _weighted(d, (3, 7, 1) * 3) % 10 == 0 and any(d)


def nhs(value: str) -> bool:
    """UK NHS number: mod 11, weights 10..2."""
    d = _digits(value)
    if len(d) != 10:
        return False
    check = 11 - _weighted(d[:9], range(10, 1, -1)) % 11
    return check % 11 == d[9] and check != 10


def vin(value: str) -> bool:
    """Vehicle identification number, 49 CFR 565: position 9 is the sum modulo 11."""
    text = _compact(value)
    if not re.fullmatch(r"[A-HJ-NPR-Z0-9]{17}", text):
        return False
    letters = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", "12345678123457923456789", strict=True))
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    rest = _weighted([int(letters.get(c, c)) for c in text], weights) % 11
    return text[8] == ("X" if rest == 10 else str(rest))


def _mod11(digits: Sequence[int], weights: Sequence[int]) -> int:
    rest = _weighted(digits, weights) % 11
    return 0 if rest < 2 else 11 - rest


def cpf(value: str) -> bool:
    """Brazilian CPF: two mod-11 digits; numbers of one repeated digit are refused."""
    d = _digits(value)
    return (
        len(d) == 11
        and len(set(d)) > 1
        and _mod11(d[:9], range(10, 1, -1)) == d[9]
        and _mod11(d[:10], range(11, 1, -1)) == d[10]
    )


def cnpj(value: str) -> bool:
    """Brazilian CNPJ, numeric or alphanumeric (letters count as ASCII - 48): two mod-11 digits."""
    text = _compact(value)
    if not re.fullmatch(r"[0-9A-Z]{12}\d{2}", text) or len(set(text)) == 1:
        return False
    d = [ord(c) - 48 for c in text]
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return _mod11(d[:12], weights[1:]) == d[12] and _mod11(d[:13], weights) == d[13]


def cnh(value: str) -> bool:
    """Brazilian driving licence: two digits; the second makes up for an overflow of the first."""
    d = _digits(value)
    if len(d) != 11 or len(set(d)) == 1:
        return False
    first = _weighted(d[:9], range(9, 0, -1)) % 11
    overflow = 2 if first >= 10 else 0
    first = 0 if first >= 10 else first
    second = _weighted(d[:9], range(1, 10)) % 11
    second = 0 if second >= 10 else second - overflow
    return first == d[9] and second % 11 == d[10]


def pis(value: str) -> bool:
    """Brazilian PIS/PASEP/NIT: one mod-11 digit."""
    d = _digits(value)
    weights = (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return len(d) == 11 and len(set(d)) > 1 and _mod11(d[:10], weights) == d[10]


def cns(value: str) -> bool:
    """Brazilian health card: 15 digits, weights 15..1, a multiple of 11; starts 1, 2, 7, 8, 9."""
    d = _digits(value)
    return len(d) == 15 and d[0] in (1, 2, 7, 8, 9) and _weighted(d, range(15, 0, -1)) % 11 == 0


def titulo(value: str) -> bool:
    """Brazilian voter card: two mod-11 digits; the state code is 01-28."""
    d = _digits(value)
    if len(d) != 12 or not 1 <= d[8] * 10 + d[9] <= 28:
        return False
    first = _weighted(d[:8], range(2, 10)) % 11
    first = 0 if first == 10 else first
    second = (d[8] * 7 + d[9] * 8 + first * 9) % 11
    return first == d[10] and (0 if second == 10 else second) == d[11]


def processo(value: str) -> bool:
    """Brazilian court case, CNJ resolution 65/2008: the number modulo 97 leaves 1."""
    match = re.fullmatch(r"(\d{7})(\d{2})(\d{4})(\d)(\d{2})(\d{4})", _compact(value))
    if match is None:
        return False
    n, check, year, segment, court, origin = match.groups()
    return int(n + year + segment + court + origin + check) % 97 == 1


def nif_es(value: str) -> bool:
    """Spanish DNI or NIE: the letter is the number modulo 23."""
    text = _compact(value)
    match = re.fullmatch(r"([XYZ]?)(\d{7,8})([A-Z])", text)
    if match is None:
        return False
    prefix = {"": "", "X": "0", "Y": "1", "Z": "2"}[match[1]]
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(prefix + match[2]) % 23] == match[3]


def nir(value: str) -> bool:
    """French social security number: 97 minus the number modulo 97; Corsica counts 19, 18."""
    text = _compact(value).replace("2A", "19").replace("2B", "18")
    return bool(re.fullmatch(r"[12378]\d{14}", text)) and 97 - int(text[:13]) % 97 == int(text[13:])


def steuer_id(value: str) -> bool:
    """German tax identification number: ISO 7064 mod 11,10."""
    d = _digits(value)
    if len(d) != 11 or d[0] == 0:
        return False
    product = 10
    for digit in d[:10]:
        total = (digit + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == d[10]


def kvnr(value: str) -> bool:
    """German health insurance number: the letter as two digits, weights 1, 2, digit sums."""
    text = _compact(value)
    if not re.fullmatch(r"[A-Z]\d{9}", text):
        return False
    digits = _digits(f"{ord(text[0]) - 64:02d}{text[1:9]}")
    total = sum(sum(divmod(d * (1 + i % 2), 10)) for i, d in enumerate(digits))
    return total % 10 == int(text[9])


def codice_fiscale(value: str) -> bool:
    """Italian fiscal code: the last letter is a sum over odd and even places modulo 26."""
    text = _compact(value)
    if not re.fullmatch(r"[A-Z]{6}[0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]", text):
        return False
    odd = (
        1,
        0,
        5,
        7,
        9,
        13,
        15,
        17,
        19,
        21,
        2,
        4,
        18,
        20,
        11,
        3,
        6,
        8,
        12,
        14,
        16,
        10,
        22,
        25,
        24,
        23,
    )
    rank = [int(c) if c.isdigit() else ord(c) - 65 for c in text[:15]]
    total = sum(odd[r] if i % 2 == 0 else r for i, r in enumerate(rank))
    return chr(65 + total % 26) == text[15]


def nif_pt(value: str) -> bool:
    """Portuguese tax number: mod 11, weights 9..2."""
    d = _digits(value)
    return len(d) == 9 and d[0] in (1, 2, 3, 5, 6, 8, 9) and _mod11(d[:8], range(9, 1, -1)) == d[8]


def bsn(value: str) -> bool:
    """Dutch citizen service number: the eleven test, last weight -1."""
    d = _digits(value)
    return len(d) == 9 and any(d) and _weighted(d, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def mac(value: str) -> bool:
    """A MAC address has one separator throughout."""
    return len({c for c in value if c in ":-"}) == 1


def ipv4(value: str) -> bool:
    """Four numbers up to 255."""
    parts = value.split(".")
    return len(parts) == 4 and all(p.isdigit() and int(p) <= 255 for p in parts)


Check = Callable[[str], bool]
