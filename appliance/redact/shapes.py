"""What the values of a column look like: shares of a sample, never the values.

Owns the shapes and check digits by which a value can be recognised without its header.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from appliance.redact import dates, places
from appliance.redact.detect import checksums
from appliance.redact.detect.lexicon import Lexicon
from appliance.redact.entities import words
from appliance.redact.persona import fold

Test = Callable[[str], bool]

_EMAIL = re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_IPV6 = re.compile(r"(?=.*:.*:)[0-9a-fA-F:]{6,39}")
_MAC = re.compile(r"(?:[0-9a-fA-F]{2}[:\-]){5}[0-9a-fA-F]{2}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SSN = re.compile(r"(?:\d{3}|[xX*]{3})[- ](?:\d{2}|[xX*]{2})[- ]\d{4}")
_PHONE = re.compile(
    r"[+(]?\d[\d\s().\-/]{4,22}\d(?:\s?(?:x|ext\.?|ramal|r\.)\s?\d{1,6})?|\(\d{2,5}\)[\d\s.\-/]{5,14}",
    re.IGNORECASE,
)
_GROUPED = re.compile(r"(?:\d{2,4}[\s.\-]){1,4}\d{2,4}(?:\D|$)")
_NANP = re.compile(r"1?[2-9]\d{2}[2-9]\d{6}")
_CEP = re.compile(r"\d{5}-\d{3}")
_ZIP = re.compile(r"\d{5}(?:-\d{4})?")
_CPF = re.compile(r"\d{3}\.\d{3}\.\d{3}-\d{2}")
_CNPJ = re.compile(r"[\dA-Z]{2}\.[\dA-Z]{3}\.[\dA-Z]{3}/[\dA-Z]{4}-\d{2}")
_PROCESSO = re.compile(r"\d{7}-\d{2}\.\d{4}\.\d\.\d{2}\.\d{4}")
# Six digits and no point are a number of the house; only of the O chapter they are a code.
_ICD = re.compile(r"(?![A-NP-Z]\d{6}$)[A-TV-Z]\d[0-9AB](?:\.?[0-9A-TV-Z]{1,4})?")
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:[., ]\d{3})+|\d+)(?:[.,]\d+)?\s?%?")
_MONEY = re.compile(r"(?:[$€£]|R\$|US\$)\s?[\d.,]+|[\d.,]+\s?(?:[$€£]|USD|EUR|BRL)")
_TIME = re.compile(r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s?[aApP]\.?[mM]\.?)?")
_DAY = re.compile(
    r"\d{1,2}[/.\- ]\d{1,2}\.?|\d{1,2}[. \-]{0,2}[^\W\d_]{3,9}|[^\W\d_]{3,9}[. \-]{1,2}\d{1,2}"
)
_CODE = re.compile(r"(?=.*\d)[A-Za-z]{0,6}[\-/ _.]?\d[\dA-Za-z\-/._]{3,}")
_PLATE = re.compile(r"[A-Z]{3}-?\d[A-Z\d]\d{2}|[A-Z]{1,3}-[A-Z]{1,2} ?\d{1,4}|\d{4} ?[A-Z]{3}")
_STREET = re.compile(
    r"(?:\d+[A-Za-z]?,?\s+(?:[^\W\d_][\w.'’\-]*\s?){2,}(?:\S+\s*){0,6}"
    r"|(?:rua|r\.|av\.?|avenida|travessa|alameda|praça|praca|rodovia|estrada|calle|c/|avda\.?|paseo"
    r"|plaza|carrer|rue|boulevard|chemin|allée|via|viale|piazza|corso|largo)\s.+"
    r"|.*(?:straße|strasse|str\.|weg|platz|allee|gasse|ring|ufer|damm|straat|laan)\s+\d+.*"
    r"|(?:p\.?\s?o\.?\s?box|apt|apartment|suite|unit|caixa postal)\b.*\d.*)",
    re.IGNORECASE,
)
_TOWN = re.compile(
    r"(?:(?:north|south|east|west|new|lake|port|saint|st\.|san|santa|são|santo|são|vila|nova|bad|villa"
    r"|el|los|las|la|le|fort|mount|mt\.)\s)[^\W\d_].*"
    r"|[^\W\d_]+(?:ville|town|ton|burgh|bury|borough|mouth|fort|port|shire|stad|haven|furt|chester"
    r"|land|side|view|field|berg|burg|hausen|heim|stadt|dorf|ópolis|opolis|lândia|landia|fell)",
    re.IGNORECASE,
)
_AGE = re.compile(r"\d{1,3}(?:\s?(?:y|yo|yrs?|years?|anos|años|ans|jahre)\.?)?", re.IGNORECASE)
_BODY = re.compile(
    r"\b(?:hospital|clinic|clinica|clínica|medical cent(?:er|re)|health|klinik|klinikum|krankenhaus"
    r"|hôpital|ospedale|ziekenhuis|university|universidade|universidad|bank|banco|inc|llc|ltd|ltda"
    r"|gmbh|s\.a|corp|laborat[oó]rio|pharmacy|farm[aá]cia|school|escola)\b",
    re.IGNORECASE,
)
_HANDLE = re.compile(r"(?=.*[a-z])[a-z0-9][a-z0-9._\-]{2,24}")
_SEXES = words("m f male female masculino feminino homem mulher h w man woman o u x")


def _digits(value: str) -> str:
    return "".join(c for c in value if c.isdigit())


def _all(pattern: re.Pattern[str]) -> Test:
    return lambda v: pattern.fullmatch(v) is not None


def _number(check: Test, lengths: Sequence[int]) -> Test:
    """Accept values of digits and punctuation whose digits have a length and a check digit."""

    def test(value: str) -> bool:
        digits = _digits(value)
        free = all(c.isdigit() or c in " .-/" for c in value)
        return free and len(digits) in lengths and len(set(digits)) > 1 and check(digits)

    return test


def _code(check: Test, pattern: str) -> Test:
    shape = re.compile(pattern)

    def test(value: str) -> bool:
        plain = re.sub(r"[\s.\-/]", "", value).upper()
        return shape.fullmatch(plain) is not None and check(plain)

    return test


#: Type -> test. A rate of .7 settles the type, whatever the header says, in this order.
STRONG: dict[str, Test] = {
    "EMAIL_ADDRESS": _all(_EMAIL),
    "URL": _all(_URL),
    "MAC_ADDRESS": _all(_MAC),
    "IP_ADDRESS": lambda v: (v.count(".") == 3 and checksums.ipv4(v)) or bool(_IPV6.fullmatch(v)),
    "IBAN_CODE": _code(checksums.iban, r"[A-Z]{2}\d{2}[A-Z\d]{11,30}"),
    "BR_PROCESSO": _all(_PROCESSO),
    "BR_CPF": lambda v: bool(_CPF.fullmatch(v)) or _number(checksums.cpf, (11,))(v),
    "BR_CNPJ": lambda v: bool(_CNPJ.fullmatch(v)) or _number(checksums.cnpj, (14,))(v),
    "BR_RG": _all(re.compile(r"\d{1,2}\.\d{3}\.\d{3}-[\dXx]")),
    "US_SSN": _all(_SSN),
    "CREDIT_CARD": _number(checksums.card, range(13, 20)),
    "BR_CNS": _number(checksums.cns, (15,)),
    "US_NPI": _number(checksums.npi, (10,)),
    "IT_FISCAL_CODE": _code(checksums.codice_fiscale, r"[A-Z]{6}\d\w[A-Z]\w{2}[A-Z]\w{3}[A-Z]"),
    "ES_NIF": _code(checksums.nif_es, r"[XYZ\d]\d{7}[A-Z]"),
    "FR_NIR": _code(checksums.nir, r"[12]\d{4}[\dAB]\d{9}"),
    "UK_NINO": _code(lambda _: True, r"[A-CEGHJ-PR-TW-Z]{2}\d{6}[A-D]"),
    "DE_KVNR": _code(checksums.kvnr, r"[A-Z]\d{9}"),
    "VEHICLE_ID": _code(checksums.vin, r"[A-HJ-NPR-Z\d]{17}"),
    "US_MBI": _code(
        lambda _: True,
        r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y\d]\d[AC-HJKMNP-RT-Y]"
        r"[AC-HJKMNP-RT-Y\d]\d[AC-HJKMNP-RT-Y]{2}\d{2}",
    ),
}
#: Numbers that many others satisfy by chance: nearly all values must.
NEEDS_ALL = frozenset({"BR_CNS", "US_NPI", "CREDIT_CARD", "BR_CPF", "BR_CNPJ", "FR_NIR"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The shares of a column's sampled values, in [0, 1].

    Attributes:
        n: values that are not empty.
        distinct: different values over values.
        n_distinct: different values.
        strong: type -> share, for shapes that settle a type.
        shares: other shapes: "date", "day" (no year), "phone", "zip", "cep", "person", "place",
            "town", "street", "icd", "number", "integer", "decimal", "code", "state", "sex", "time",
            "uuid", "plate", "nanp".
        words: mean words a value.
        length: mean characters a value.
        longest: characters of the longest value.
        one_shape: share of the most frequent pattern of letters and digits.
        sequence: whether integers rise by one from row to row.
    """

    n: int
    distinct: float
    n_distinct: int
    strong: dict[str, float]
    shares: dict[str, float]
    words: float
    length: float
    longest: int
    one_shape: float
    sequence: bool


def look(values: Sequence[str], *, lexicon: Lexicon, reading: dates.Reading) -> Look:
    """Measure a sample of a column's values.

    Args:
        values: not empty, stripped.
        lexicon: names, places and common words of the policy's languages.
        reading: how ambiguous dates are read.
    """
    n = max(1, len(values))
    counts = Counter(values)
    tests = _tests(lexicon, reading)

    def share(test: Test) -> float:
        return sum(count for value, count in counts.items() if test(value)) / n

    shapes = Counter(_shape(value) for value in values)
    integers = [int(v) for v in values if re.fullmatch(r"\d{1,15}", v)]
    steps = [b - a for a, b in pairwise(integers)]
    return Look(
        n=len(values),
        distinct=len(counts) / n,
        n_distinct=len(counts),
        strong={name: share(test) for name, test in STRONG.items()},
        shares={name: share(test) for name, test in tests.items()},
        words=sum(len(v.split()) for v in values) / n,
        length=sum(map(len, values)) / n,
        longest=max(map(len, values), default=0),
        one_shape=max(shapes.values(), default=0) / n,
        sequence=len(integers) == len(values) > 5 and set(steps) == {1},
    )


def _tests(lexicon: Lexicon, reading: dates.Reading) -> dict[str, Test]:
    return {
        "date": lambda v: _is_date(v, reading),
        "day": _all(_DAY),
        "phone": _is_phone,
        "phoneish": _may_be_phone,
        "nanp": lambda v: len(v) in (10, 11) and _NANP.fullmatch(v) is not None,
        "zip": _all(_ZIP),
        "padded": lambda v: v.startswith("0"),
        "cep": _all(_CEP),
        "cepish": lambda v: re.fullmatch(r"\d{5}-?\d{3}", v) is not None,
        "luhn": _number(checksums.luhn, range(12, 20)),
        "body": lambda v: _BODY.search(v) is not None and len(v.split()) <= 8,
        "handle": lambda v: _HANDLE.fullmatch(v) is not None and not lexicon.common(v),
        "person": lambda v: _is_person(v, lexicon),
        "namelike": lambda v: _is_person(v, lexicon, common=True),
        "full_name": lambda v: len(v.split()) > 1 and _is_person(v, lexicon),
        "place": lambda v: lexicon.place(fold(v.split(",")[0].strip())),
        "town": lambda v: len(v.split()) <= 4 and _TOWN.fullmatch(v) is not None,
        "street": lambda v: _STREET.fullmatch(v) is not None and not _is_date(v, reading),
        "icd": _all(_ICD),
        "number": lambda v: bool(_NUMBER.fullmatch(v) or _MONEY.fullmatch(v)),
        "integer": lambda v: re.fullmatch(r"\d{1,18}", v) is not None,
        "decimal": lambda v: re.fullmatch(r"[-+]?\d+[.,]\d+", v) is not None,
        "round": lambda v: re.fullmatch(r"\d*00", v) is not None,
        "age": lambda v: (
            re.fullmatch(r"\d{1,3}(?:\s?(?:y|yo|yrs?|years?|anos|años|ans|jahre)\.?)?", v, re.I)
            is not None
            and int(_digits(v)) <= 125
        ),
        "code": lambda v: _CODE.fullmatch(v) is not None or _UUID.fullmatch(v) is not None,
        "uuid": _all(_UUID),
        "plate": _all(_PLATE),
        "state": places.is_state,
        "sex": lambda v: v.casefold() in _SEXES,
        "time": _all(_TIME),
    }


def _shape(value: str) -> str:
    """Return a value's pattern: digits as 9, letters as A, anything else as itself."""
    return "".join("9" if c.isdigit() else "A" if c.isalpha() else c for c in value[:40])


def _is_date(value: str, reading: dates.Reading) -> bool:
    if len(value) > 40 or re.fullmatch(r"\d{1,7}|\d{9,}|\d+[.,]\d+|\d{1,2}[/\-]\d{1,2}", value):
        return False
    found = dates.years(value, reading) or []
    return bool(found) and all(1850 <= year <= reading.reference_year + 30 for year in found)


def _is_phone(value: str) -> bool:
    """Tell whether a value is written as a telephone number: with a prefix or in groups."""
    digits = _digits(value)
    grouped = re.search(r"\d[\s.\-/)]+\d", value) is not None
    marked = value[0] in "+(" or (value[0] == "0" and grouped) or _GROUPED.match(value) is not None
    return marked and 7 <= len(digits) <= 17 and _PHONE.fullmatch(value) is not None


def _may_be_phone(value: str) -> bool:
    """Tell whether a value could be a telephone number, if its header says so."""
    return 5 <= len(_digits(value)) <= 17 and _PHONE.fullmatch(value) is not None


def _is_person(value: str, lexicon: Lexicon, *, common: bool = False) -> bool:
    """Tell whether every word can be part of a name, and one (unless `common`) nothing else."""
    parts = re.findall(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*\.?", value)
    if not 1 <= len(parts) <= 7 or re.search(r"[\d@/:;()]", value):
        return False
    named = 0
    for word in parts:
        folded = fold(word.rstrip("."))
        if len(folded) == 1 or folded in _JOINERS:
            continue
        pieces = [folded, *re.split(r"['’\-]", folded)]
        if not any(lexicon.first_name(p) or lexicon.surname(p) for p in pieces):
            return False
        named += common or not lexicon.common(folded)
    return named > 0


_JOINERS = words(
    "de da do das dos di del della la van von der den el al bin y e dr dra mr mrs ms miss prof"
    " sr sra md rn np phd jr iii ii"
)
