"""What a text, or a column, says of a person's gender; a guess only for keeping sentences whole.

Owns the words: titles in front of a name, articles in Portuguese, the next pronoun or noun, and the
values of a column 'sex'. Where these contradict each other, nothing is said.
"""

from __future__ import annotations

import re

from appliance.redact.entities import words
from appliance.redact.headers import header_words
from appliance.redact.persona import Gender

#: Characters behind a name in which its pronoun is looked for.
_BEHIND = 160
_TITLE = re.compile(
    r"(?:\b(?P<f>mrs|ms|miss|mme|mlle|sra|srta|dona|doña|señora|signora|senhora|frau|mevrouw|lady|dra)"
    r"|\b(?P<m>mr|m|sr|señor|senhor|signor|herrn?|monsieur|meneer|don|sir))\.?\s+$",
    re.IGNORECASE,
)
_ANY_TITLE = re.compile(
    r"\b(mrs?|ms|miss|mme|mlle|sra?|srta|dona|doña|señora?|signora?|senhora?|frau|herrn?|mevrouw"
    r"|meneer|monsieur|lady|sir|don|dra?|profa?|professor|doctor|doutora?|judge|hon|rev)\.?\s+$",
    re.IGNORECASE,
)
#: Portuguese articles, alone or in a contraction, stand in front of names.
_ARTICLE = re.compile(
    r"\b(?:(?P<f>a|à|da|na|pela)|(?P<m>o|ao|do|no|pelo))\s+(?:(?:paciente|doente|Sr[a]?|Dr[a]?)\.?\s+)?$",
    re.IGNORECASE,
)
_SAID = re.compile(
    r"\b(?:(?P<f>she|her|hers|herself|woman|female|lady|gentlewoman|mother|wife|daughter|sister"
    r"|ela|dela|nela|mulher|senhora|esposa|filha|irmã|mãe|ella|señora|mujer|hija|hermana|madre|elle"
    r"|épouse|fille|frau|patientin|tochter|schwester|mutter)"
    r"|(?P<m>he|him|his|himself|man|male|gentleman|father|husband|son|brother|ele|dele|nele|homem"
    r"|senhor|marido|filho|irmão|pai|él|señor|hombre|hijo|hermano|padre|il|époux|fils|herr|sohn"
    r"|bruder|vater))\b",
    re.IGNORECASE,
)
_SEX_HEADERS = words("sex gender sexo genero geschlecht sexe sesso geslacht")
_FEMALE = words("f female w woman weiblich frau feminino fem mulher femenino mujer femme féminin")
_MALE = words("m male man männlich mann masculino masc homem hombre homme masculin h")
#: Header words of columns that name somebody beside the record's own person.
_OTHERS = words(
    "provider doctor physician nurse clinician attending referring ordering surgeon contact"
    " guarantor emergency kin mother father spouse husband wife parent guardian author by staff"
    " employer user medico médico enfermeiro responsavel responsável mae mãe pai conjuge cônjuge"
    " contato madre padre arzt kontakt mutter vater relative subscriber"
)


def gender_of_value(column: str, value: str) -> Gender | None:
    """Tell the gender that a cell states, if its column is about that."""
    if not _SEX_HEADERS & set(header_words(column)):
        return None
    said = value.strip().casefold()
    if said in _FEMALE:
        return "female"
    return "male" if said in _MALE else None


def names_the_person(column: str) -> bool:
    """Tell whether a column of names is about the record's own person."""
    return not _OTHERS & set(header_words(column))


def titled(text: str, start: int, end: int) -> str:
    """Return the name at [start, end) with the title in front of it, if there is one."""
    found = _ANY_TITLE.search(text[max(0, start - 24) : start])
    return text[start:end] if found is None else f"{found[1]} {text[start:end]}"


def spoken_gender(text: str, start: int, end: int, *, stop: int, language: str) -> Gender | None:
    """Tell the gender that a text gives the person named at [start, end).

    Args:
        text: the text.
        start: where the name begins.
        end: one past its end.
        stop: where somebody else is named next; pronouns from there on are not this person's.
        language: of the text.
    """
    before = text[max(0, start - 24) : start]
    found = _TITLE.search(before)
    if found is None and language == "pt":
        found = _ARTICLE.search(before)
    if found is None:
        found = _SAID.search(text[end : min(stop, end + _BEHIND)])
    if found is None:
        return None
    return "female" if found["f"] else "male"
