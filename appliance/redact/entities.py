"""What an entity type is: its family, and whether it identifies a person by itself.

Detectors name types in Presidio's style and customers add their own; operators think in families.
A type nobody knows is an identifier: it is treated as the most careful family would be.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Family = Literal[
    "person",
    "date",
    "age",
    "zip",
    "place",
    "organization",
    "phone",
    "email",
    "url",
    "ip",
    "mac",
    "card",
    "iban",
    "ssn",
    "cpf",
    "identifier",
    "other",
]

_FAMILIES: dict[Family, tuple[str, ...]] = {
    "person": ("PERSON", "PER", "NAME", "PATIENT", "DOCTOR", "STAFF", "FIRST_NAME", "LAST_NAME"),
    "date": ("DATE_TIME", "DATE", "TIME", "DATE_OF_BIRTH", "DOB", "CARD_EXPIRY"),
    "age": ("AGE",),
    "zip": ("ZIP_CODE", "US_ZIP_CODE", "ZIP"),
    "place": ("LOCATION", "ADDRESS", "STREET_ADDRESS", "GPE", "LOC", "FAC", "CITY", "STREET"),
    "organization": ("ORGANIZATION", "ORG", "HOSPITAL", "COMPANY"),
    "phone": ("PHONE_NUMBER", "FAX_NUMBER", "PHONE", "FAX"),
    "email": ("EMAIL_ADDRESS", "EMAIL"),
    "url": ("URL", "DOMAIN_NAME"),
    "ip": ("IP_ADDRESS", "IP"),
    "mac": ("MAC_ADDRESS",),
    "card": ("CREDIT_CARD", "CARD"),
    "iban": ("IBAN_CODE", "IBAN"),
    "ssn": ("US_SSN", "SSN"),
    "cpf": ("BR_CPF",),
    "other": (
        "NRP",
        "NORP",
        "DEM",
        "TITLE",
        "PROFESSION",
        "MISC",
        "LEGAL",
        "RELIGION",
        "ETHNICITY",
        "QUANTITY",
    ),
}
_FAMILY_OF = {name: family for family, names in _FAMILIES.items() for name in names}

#: Labels of other people's models and corpora -> our name of that type.
_CANONICAL = {
    "PER": "PERSON",
    "NAME": "PERSON",
    "PATIENT": "PERSON",
    "DOCTOR": "PERSON",
    "STAFF": "PERSON",
    "HCW": "PERSON",
    "FIRST_NAME": "PERSON",
    "LAST_NAME": "PERSON",
    "GIVENNAME": "PERSON",
    "SURNAME": "PERSON",
    "DATE": "DATE_TIME",
    "TIME": "DATE_TIME",
    "DOB": "DATE_TIME",
    "DATE_OF_BIRTH": "DATE_TIME",
    "LOC": "LOCATION",
    "GPE": "LOCATION",
    "FAC": "LOCATION",
    "CITY": "LOCATION",
    "STREET": "LOCATION",
    "ADDRESS": "LOCATION",
    "ZIP": "ZIP_CODE",
    "ZIPCODE": "ZIP_CODE",
    "ORG": "ORGANIZATION",
    "HOSP": "ORGANIZATION",
    "HOSPITAL": "ORGANIZATION",
    "COMPANY": "ORGANIZATION",
    "VENDOR": "ORGANIZATION",
    "PHONE": "PHONE_NUMBER",
    "FAX": "FAX_NUMBER",
    "EMAIL": "EMAIL_ADDRESS",
    "ID": "ID_NUMBER",
    "IDNUM": "ID_NUMBER",
    "MEDICALRECORD": "MEDICAL_RECORD_NUMBER",
    "MRN": "MEDICAL_RECORD_NUMBER",
    "SSN": "US_SSN",
    "CARD": "CREDIT_CARD",
    "IBAN": "IBAN_CODE",
    "IP": "IP_ADDRESS",
    "NORP": "NRP",
    "DEM": "NRP",
}

#: Families whose values identify one person, or reach one, without further knowledge.
_DIRECT: frozenset[Family] = frozenset(
    {"phone", "email", "card", "iban", "ssn", "cpf", "identifier"}
)
#: Families whose values are long and random enough that a model can only know them by heart.
_HIGH_ENTROPY: frozenset[Family] = _DIRECT | {"mac", "ip", "url"}
#: Operators that leave a part of the value by design.
PARTIAL = frozenset({"keep", "year", "age_cap", "zip3"})

#: What our own operators write: never personal, never replaced again.
PLACEHOLDER = re.compile(r"\[[A-Z][A-Z0-9_]*\]|\b[A-Z][A-Z0-9_]*_[a-z2-7]{10}\b")

_SPACES = re.compile(r"\s+")


def words(text: str) -> frozenset[str]:
    """Return the words of a list written as one text."""
    return frozenset(text.split())


def family(entity_type: str) -> Family:
    """Return the family of a type; an unknown type is an "identifier"."""
    return _FAMILY_OF.get(entity_type, "identifier")


def canonical(label: str) -> str:
    """Return our name of a type that others call otherwise; an unknown one keeps its name."""
    name = label.upper().replace("-", "_").replace(" ", "_")
    return _CANONICAL.get(name, name)


def is_direct(entity_type: str) -> bool:
    """Tell whether a value of this type identifies or reaches one person by itself."""
    return family(entity_type) in _DIRECT


def is_high_entropy(value: str, entity_type: str) -> bool:
    """Tell whether a model can only produce this value by having memorised it."""
    if family(entity_type) not in _HIGH_ENTROPY:
        return False
    plain = [c for c in value if c.isalnum()]
    return len(plain) >= 6 and (sum(c.isdigit() for c in plain) >= 5 or "@" in value)


def normalise(value: str, entity_type: str) -> str:
    """Return the form in which two writings of one value are equal.

    Args:
        value: as found in a text or a cell.
        entity_type: its type; identifiers and phones lose their punctuation, names keep words.

    Returns:
        NFKC, case-folded; for families written with free punctuation only letters and digits.
    """
    plain = unicodedata.normalize("NFKC", value).casefold()
    if family(entity_type) in _DIRECT - {"email"}:
        return "".join(c for c in plain if c.isalnum())
    return _SPACES.sub(" ", plain).strip(" .,;:()[]\"'")
