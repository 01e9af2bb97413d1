"""Invented patients and the many ways a clinic writes them down.

Every name, number and address is drawn from lists or counters; telephone numbers are of the
555-01xx range kept for fiction, addresses and mail domains are made up or reserved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from appliance.sample_data.grammar import Draw, Value


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FEMALE = _words(
    """
    Marisol Ana Ruth Joyce Keisha Priya Mei Fatima Ingrid Olga Beatriz Nadia Grace Harriet Yuki
    Amara Leila Carmen Doris Edith Pearl Tamika Svetlana Noor Rosalind Bridget Xiomara Thuy
    Marguerite Philippa Aaliyah Ximena Deborah Annette Sunita Hanna Wilhelmina Josefa Esther
    Ines
    """
)
MALE = _words(
    """
    Walter Tobias Ahmed Jerome Luis Kenji Pavel Oluwaseun Desmond Clarence Rajiv Mateo Henrik
    Thaddeus Ibrahim Vernon Dmitri Quang Alonzo Percival Emeka Lamar Santiago Giorgos Barnaby
    Hector Wendell Nikhil Cornelius Tyrone Abram Rashid Felix Leopold Jorge Aldo Ernest Sven
    Milan
    """
)
LAST = _words(
    """
    Dalton Renner Okafor Castellanos Nguyen Petrov Abernathy Ramírez Lindqvist Haddad Kowalczyk
    Brightwater Osei Delacroix Fitzgerald Yamamoto Villanueva Thornbury Mbeki Ostrowski Caldwell
    Ferreira Halvorsen Ivanova Jankowski Kipling Lombardi McAllister Nakamura O'Rourke Pemberton
    Quintero Rosenthal Stavros Tran Underhill Vandermeer Whitlock Ximenes Youngblood Zielinski
    Adeyemi Blackwood Cardenas Drummond Espinoza Farouk Gallagher Huang Ingersoll Jimenez Kaplan
    Larkin Mahoney Norwood Obrien Pritchard Quimby Redfern Sorensen Tavares Ustinov Vasquez
    Weaver Achterberg Bhattacharya Choudhury Duarte Eze Fontaine Grimaldi Hollis Iglesias
    Johansson Khan
    """
)
CLINICIANS = (
    ("Helen", "Marsh", "NP"),
    ("Omar", "Siddiqui", "MD"),
    ("Ruth", "Callahan", "MD"),
    ("Victor", "Almeida", "PA-C"),
    ("Grace", "Tembo", "RN"),
    ("Neil", "Hargrove", "DO"),
)
STREETS = (
    "Larch Lane",
    "Old Mill Road",
    "Canal Street",
    "Juniper Court",
    "Harbor View Drive",
    "Quarry Road",
    "Fennel Close",
    "Rosewood Avenue",
    "Station Parade",
    "Kestrel Way",
    "Bakers Row",
    "Plum Tree Terrace",
)
TOWNS = (
    ("Millbrook", "OH", "430"),
    ("Eastfall", "PA", "156"),
    ("Port Harlan", "ME", "046"),
    ("Cedar Notch", "VT", "056"),
    ("Dunmore Heights", "NY", "128"),
    ("Larkspur Bend", "IN", "473"),
)
HOSPITALS = (
    "St. Brennan's Hospital",
    "Harlan County Medical Center",
    "Mercy Ridge Hospital",
    "Eastfall General",
)
INSURERS = ("Tri-County Health Plan", "Larkspur Mutual", "Keystone Shield")
EMPLOYERS = (
    "Dunmore Paper Mill",
    "Harlan School District",
    "Kestrel Freight",
    "Bend Canning Company",
)
#: Relatives by the patient's age: (up to that age, (word, sex) pairs).
_KIN = (
    (35, (("mother", "F"), ("father", "M"), ("sister", "F"), ("brother", "M"))),
    (60, (("wife", "F"), ("husband", "M"), ("sister", "F"), ("brother", "M"))),
    (120, (("daughter", "F"), ("son", "M"), ("niece", "F"), ("grandson", "M"))),
)
_MONTHS = "January February March April May June July August September October November December"
_LONG = _MONTHS.split()
_FIRST_VISIT = date(2021, 1, 4)
_VISIT_DAYS = 1200


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An invented patient."""

    patient_id: str
    first: str = field(repr=False)
    middle: str = field(repr=False)
    last: str = field(repr=False)
    sex: str
    born: date = field(repr=False)
    mrn: str = field(repr=False)
    ssn: str = field(repr=False)
    phone: tuple[str, str] = field(repr=False)
    email: str = field(repr=False)
    address: tuple[str, str, str, str] = field(repr=False)
    kin: tuple[str, str] = field(repr=False)
    policy_number: str = field(repr=False)
    clinician: tuple[str, str, str] = field(repr=False)

    @property
    def name(self) -> str:
        """The name as a register has it."""
        return f"{self.first} {self.middle}. {self.last}"

    @property
    def telephone(self) -> str:
        """The telephone number as a register has it."""
        return f"({self.phone[0]}) {self.phone[1]}"


def invent(number: int, draw: Draw) -> Person:
    """Return the patient with that number; about one in twelve is over 89."""
    sex = "F" if draw.chance(0.53) else "M"
    first = draw.pick(FEMALE if sex == "F" else MALE)
    last = draw.pick(LAST)
    years = draw.between(90, 96) if draw.chance(0.08) else draw.between(19, 88)
    born = date(2021, 1, 1) - timedelta(days=int(years * 365.25) + draw.below(365))
    kin_word, kin_sex = draw.pick(next(kin for up_to, kin in _KIN if years <= up_to))
    kin = (kin_word, draw.pick(FEMALE if kin_sex == "F" else MALE))
    town, state, zip3 = draw.pick(TOWNS)
    plain = "".join(c for c in last.lower() if c.isascii() and c.isalpha())
    return Person(
        patient_id=f"P{100000 + number * 7 % 900000:06d}",
        first=first,
        middle=chr(ord("A") + draw.below(26)),
        last=last,
        sex=sex,
        born=born,
        mrn=f"BH-{(112233 + number * 7919) % 1000000:06d}",
        ssn=f"{draw.between(101, 665)}-{draw.between(10, 99)}-{draw.between(1000, 9999)}",
        phone=(f"{draw.between(201, 989)}", f"555-01{draw.between(0, 99):02d}"),
        email=f"{first[0].lower()}{plain}{draw.between(2, 99)}@example.{draw.pick(('com', 'org'))}",
        address=(
            f"{draw.between(2, 980)} {draw.pick(STREETS)}",
            town,
            state,
            f"{zip3}{number:02d}"[:5],
        ),
        kin=kin,
        policy_number=f"{draw.pick(('TCH', 'LMU', 'KSX'))}{draw.between(10**7, 10**8 - 1)}",
        clinician=draw.pick(CLINICIANS),
    )


def visit_day(draw: Draw) -> date:
    """Return the day of a letter."""
    return _FIRST_VISIT + timedelta(days=draw.below(_VISIT_DAYS))


def values_of(person: Person, day: date) -> Mapping[str, Callable[[Draw], Value]]:
    """Return everything a template may say of a person, each in a format of the moment.

    Args:
        person: who the letter is about.
        day: of the letter.
    """
    age = (
        day.year - person.born.year - ((day.month, day.day) < (person.born.month, person.born.day))
    )
    kin = person.kin[1]
    title = "Ms." if person.sex == "F" else "Mr."
    first, last, _ = person.clinician
    street, town, _, postcode = person.address

    def near(low: int, high: int) -> Callable[[Draw], Value]:
        return lambda d: _date(day + timedelta(days=d.between(low, high)), d)

    def fixed(entity_type: str, *texts: str) -> Callable[[Draw], Value]:
        return lambda d: Value(d.pick(texts), entity_type)

    return {
        "name": lambda d: Value(_full_name(person, d), "PERSON"),
        "last": fixed("PERSON", person.last),
        "first": fixed("PERSON", person.first),
        "titled": fixed("PERSON", f"{title} {person.last}"),
        "kin": fixed("PERSON", kin, kin, f"{kin} {person.last}"),
        "clinician": fixed("PERSON", f"{first} {last}", f"{first[0]} {last}", f"{last}"),
        "signed": fixed("PERSON", f"{first[0]} {last}"),
        "born": lambda d: _date(person.born, d),
        "day": lambda d: _date(day, d),
        "before": near(-90, -5),
        "after": near(5, 60),
        "age": fixed("AGE", f"{age}-year-old", f"{age} yo", f"{age} y/o", f"{age}-yr-old"),
        "mrn": fixed("MEDICAL_RECORD_NUMBER", person.mrn),
        "ssn": fixed(
            "US_SSN", person.ssn, f"xxx-xx-{person.ssn[-4:]}", f"XXX-XX-{person.ssn[-4:]}"
        ),
        "phone": lambda d: Value(_phone(person, d), "PHONE_NUMBER"),
        "email": fixed("EMAIL_ADDRESS", person.email),
        "street": fixed("LOCATION", street),
        "town": fixed("LOCATION", town),
        "zip": fixed("LOCATION", postcode),
        "hospital": lambda d: Value(d.pick(HOSPITALS), "ORGANIZATION"),
        "insurer": lambda d: Value(d.pick(INSURERS), "ORGANIZATION"),
        "employer": lambda d: Value(d.pick(EMPLOYERS), "ORGANIZATION"),
        "policy": fixed("HEALTH_PLAN_ID", person.policy_number),
    }


def _full_name(person: Person, draw: Draw) -> str:
    """Write a name the way one of the clinic's programs does."""
    first, middle, last = person.first, person.middle, person.last
    return draw.pick(
        (
            f"{last.upper()}, {first.upper()} {middle}",
            f"{last.upper()}, {first.upper()} {middle}",
            f"{first} {middle}. {last}",
            f"{first} {last}",
            f"{last}, {first}",
            f"{first[0]}. {middle}. {last}",
        )
    )


def _date(day: date, draw: Draw) -> Value:
    """Write a date the way one of the clinic's programs does."""
    long = _LONG[day.month - 1]
    text = draw.pick(
        (
            f"{day.day} {long[:3]} {day.year}",
            f"{day.day} {long[:3]} {day.year}",
            f"{day.month:02d}/{day.day:02d}/{day.year}",
            f"{day.isoformat()}",
            f"{long} {day.day}, {day.year}",
            f"{day.month}/{day.day}/{day.year % 100:02d}",
        )
    )
    return Value(text, "DATE_TIME")


def _phone(person: Person, draw: Draw) -> str:
    """Write a telephone number the way one of the clinic's programs does."""
    area, local = person.phone
    plain = local.replace("-", ".")
    extension = draw.between(10, 999)
    return draw.pick(
        (
            f"({area}) {local}",
            f"{area}-{local}",
            f"{area}-{local} ext. {extension}",
            f"{area}.{plain} x{extension}",
            local,
        )
    )
