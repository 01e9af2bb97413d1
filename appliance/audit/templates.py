"""The canaries' words: in-domain openings and made-up identifiers of never-issued ranges.

Owns every text a canary may hold. All of it is the appliance's own: nothing here comes from a
record. Identifiers are drawn from ranges that no authority issues, so that a leaked canary can
never be a person's; each format has well over 2**20 values, so that none is guessed by chance.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

Draw = Callable[[np.random.Generator], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """Openings of one line of business, in one language.

    Attributes:
        pattern: a sentence with {place}, {matter} and {state}.
        places, matters, states: what fills it.
        code: the words before a never-seen token.
        labels: entity type -> the words before an identifier of that type.
    """

    pattern: str
    places: tuple[str, ...]
    matters: tuple[str, ...]
    states: tuple[str, ...]
    code: str
    labels: Mapping[str, str]

    def opening(self, generator: np.random.Generator) -> str:
        """Draw one opening."""
        return self.pattern.format(
            place=self.places[generator.integers(len(self.places))],
            matter=self.matters[generator.integers(len(self.matters))],
            state=self.states[generator.integers(len(self.states))],
        )


_CLINIC_EN = Domain(
    pattern="{place} visit for {matter}, {state}.",
    places=(
        "Cardiology", "Renal clinic", "Urology", "Dermatology", "Oncology", "Memory clinic",
        "Diabetes clinic", "Outpatient", "Home", "Emergency", "Pain clinic", "Ophthalmology",
        "Rheumatology", "Neurology", "Asthma clinic", "Fracture clinic", "Pre-op", "Day unit",
    ),
    matters=(
        "knee pain", "chest tightness", "a persistent cough", "low back pain", "migraine",
        "raised creatinine", "palpitations", "a skin rash", "fatigue", "dizziness", "gout",
        "shortness of breath", "a swollen ankle", "heartburn", "insomnia", "blurred vision",
        "joint stiffness", "weight loss", "anaemia", "hearing loss", "tremor", "eczema",
        "abdominal pain", "numb fingers", "hip replacement follow-up", "a medication review",
    ),
    states=(
        "improving", "stable", "unchanged", "worse at night", "resolved", "no red flags",
        "bloods pending", "imaging normal", "scan requested", "dose increased", "dose halved",
        "tolerating treatment", "for review in spring", "discharged", "referred on",
        "second opinion asked", "under observation", "afebrile", "mobile with a stick",
    ),
    code="Code:",
    labels={
        "US_SSN": "SSN on file:",
        "PHONE_NUMBER": "Call back on",
        "MEDICAL_RECORD_NUMBER": "MRN:",
        "EMAIL_ADDRESS": "Results to",
        "CREDIT_CARD": "Card on file:",
        "IBAN_CODE": "Account:",
        "BR_CPF": "CPF:",
        "ID_NUMBER": "Reference:",
    },
)  # fmt: skip

_DESK_EN = Domain(
    pattern="{place} request about {matter}, {state}.",
    places=(
        "Phone", "E-mail", "Branch", "Chat", "Web form", "Mobile app", "Letter", "Call centre",
        "Partner", "Night desk", "Help desk", "Front office",
    ),
    matters=(
        "a late transfer", "a blocked card", "a refund", "an address change", "a duplicate charge",
        "a closed account", "a new limit", "a lost password", "a statement copy", "a fee waiver",
        "a disputed payment", "a direct debit", "an instalment plan", "an exchange rate",
        "a delivery delay", "a contract renewal", "a damaged parcel", "an invoice error",
    ),
    states=(
        "resolved", "open", "escalated", "waiting for documents", "customer informed", "rejected",
        "second reminder sent", "forwarded to billing", "closed without action", "under review",
        "refund issued", "call back agreed", "verified by supervisor", "reopened",
    ),
    code="Code:",
    labels={
        **_CLINIC_EN.labels,
        "MEDICAL_RECORD_NUMBER": "Customer no.:",
        "EMAIL_ADDRESS": "Copy to",
    },
)  # fmt: skip

_CLINIC_PT = Domain(
    pattern="Consulta de {place} por {matter}, {state}.",
    places=(
        "cardiologia", "urologia", "dermatologia", "oncologia", "neurologia", "ortopedia",
        "pediatria", "oftalmologia", "reumatologia", "clínica geral", "nefrologia", "retorno",
    ),
    matters=(
        "dor no joelho", "dor torácica", "tosse persistente", "lombalgia", "enxaqueca", "tontura",
        "falta de ar", "erupção na pele", "cansaço", "insônia", "visão turva", "perda de peso",
        "anemia", "tremor", "dor abdominal", "revisão de medicação", "azia", "gota",
    ),
    states=(
        "em melhora", "estável", "sem alterações", "pior à noite", "resolvido", "exames pendentes",
        "imagem normal", "dose aumentada", "alta", "encaminhado", "em observação", "afebril",
        "retorno em um mês", "segunda opinião pedida",
    ),
    code="Código:",
    labels={
        **_CLINIC_EN.labels,
        "PHONE_NUMBER": "Telefone:",
        "MEDICAL_RECORD_NUMBER": "Prontuário:",
        "EMAIL_ADDRESS": "Enviar para",
        "ID_NUMBER": "Referência:",
    },
)  # fmt: skip

_MEDICAL = frozenset(
    {"MEDICAL_RECORD_NUMBER", "MEDICAL_LICENSE", "HEALTH_PLAN_ID", "NPI", "BR_CNS"}
)


def choose_domain(entity_types: list[str], language: str) -> Domain:
    """Choose the openings nearest to the policy: its language, medical or not."""
    if language.startswith("pt"):
        return _CLINIC_PT
    if not entity_types or _MEDICAL & set(entity_types):
        return _CLINIC_EN
    return _DESK_EN


def _digits(generator: np.random.Generator, count: int) -> str:
    return "".join(str(digit) for digit in generator.integers(0, 10, size=count))


def _letters(generator: np.random.Generator, count: int, alphabet: str) -> str:
    return "".join(alphabet[index] for index in generator.integers(0, len(alphabet), size=count))


def _ssn(generator: np.random.Generator) -> str:
    """Areas 000, 666 and 900-999 are never issued; groups 00-49 of 9xx are no tax number."""
    area = ("000", "666", *(f"9{number:02d}" for number in range(100)))[generator.integers(102)]
    return f"{area}-{generator.integers(50):02d}-{_digits(generator, 4)}"


def _phone(generator: np.random.Generator) -> str:
    """Line numbers 555-0100 to 555-0199 are kept for fiction."""
    area, line = generator.integers(200, 1000), generator.integers(100)
    return f"({area}) 555-01{line:02d} ext. {_digits(generator, 5)}"


def _record_number(generator: np.random.Generator) -> str:
    """Prefix with two letters that no institution's scheme is known to start with."""
    return f"{_letters(generator, 2, 'QXZ')}-{_digits(generator, 8)}"


def _email(generator: np.random.Generator) -> str:
    """The domain is reserved by RFC 2606."""
    return f"{_letters(generator, 5, string.ascii_lowercase)}{_digits(generator, 4)}@example.org"


def _luhn_valid(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _card(generator: np.random.Generator) -> str:
    """No issuer holds 9999, and the check digit is wrong."""
    digits = "9999" + _digits(generator, 12)
    if _luhn_valid(digits):
        digits = digits[:-1] + str((int(digits[-1]) + 1) % 10)
    return " ".join(digits[start : start + 4] for start in range(0, 16, 4))


def _iban(generator: np.random.Generator) -> str:
    """ZZ is a user-assigned country code: no bank has it."""
    return f"ZZ{_digits(generator, 2)} {_digits(generator, 4)} {_digits(generator, 4)}"


def _cpf(generator: np.random.Generator) -> str:
    """Nine digits whose first check digit is wrong: the register never issues it."""
    digits = _digits(generator, 9)
    rest = sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=True))
    right = (rest * 10) % 11 % 10
    wrong = (right + 1 + int(generator.integers(9))) % 10
    check = f"{wrong}{generator.integers(10)}"
    return f"{digits[:3]}.{digits[3:6]}.{digits[6:]}-{check}"


def _reference(generator: np.random.Generator) -> str:
    return f"QZ{_digits(generator, 9)}"


#: Entity type -> how to draw a value that nobody holds.
FORMATS: Mapping[str, Draw] = {
    "US_SSN": _ssn,
    "PHONE_NUMBER": _phone,
    "MEDICAL_RECORD_NUMBER": _record_number,
    "EMAIL_ADDRESS": _email,
    "CREDIT_CARD": _card,
    "IBAN_CODE": _iban,
    "BR_CPF": _cpf,
    "ID_NUMBER": _reference,
}


def secret_types(entity_types: list[str]) -> list[str]:
    """Return the policy's types that have a never-issued format; a plain reference if none has."""
    known = [name for name in FORMATS if name in entity_types]
    return known or ["ID_NUMBER"]
