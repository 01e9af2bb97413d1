"""Which patterns belong to which language, and what is said of a language without a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.errors import PolicyError
from appliance.redact.detect import (
    patterns_common,
    patterns_de,
    patterns_en,
    patterns_es,
    patterns_ids,
    patterns_more,
    patterns_pt,
)
from appliance.redact.detect.patterns import Pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """What the appliance knows of a language.

    Attributes:
        code: ISO 639-1.
        patterns: what personal data looks like in it.
        model: whether a model for names and places ships or plugs in for it.
    """

    code: str
    patterns: tuple[Pattern, ...]
    model: bool


def _pack(code: str, patterns: tuple[Pattern, ...], *, model: bool) -> Language:
    everywhere = patterns_common.PATTERNS + patterns_ids.CARDS
    return Language(code=code, patterns=everywhere + patterns, model=model)


_PACKS: dict[str, Language] = {
    "en": _pack("en", patterns_en.PATTERNS, model=True),
    "pt": _pack("pt", (*patterns_pt.PATTERNS, patterns_ids.age_aside("pt", "anos?")), model=True),
    "es": _pack("es", patterns_es.PATTERNS + patterns_ids.SPANISH, model=True),
    "de": _pack("de", patterns_de.PATTERNS + patterns_ids.GERMAN, model=True),
    "fr": _pack(
        "fr",
        (*patterns_more.FRENCH, *patterns_ids.FRENCH, patterns_ids.age_aside("fr", "ans?")),
        model=False,
    ),
    "it": _pack(
        "it",
        (*patterns_more.ITALIAN, *patterns_ids.ITALIAN, patterns_ids.age_aside("it", "anni")),
        model=False,
    ),
    "nl": _pack("nl", patterns_more.DUTCH + patterns_ids.DUTCH, model=False),
}


#: ISO 639-1 codes of the languages with patterns and name rules.
LANGUAGE_CODES = tuple(_PACKS)


def languages_of(codes: Sequence[str]) -> tuple[Language, ...]:
    """Return the packs of the languages.

    Raises:
        PolicyError: a language is unknown, or none is given.
    """
    unknown = sum(code not in _PACKS for code in codes)
    if unknown or not codes:
        found = f"{unknown} other" if codes else "none"
        raise PolicyError(
            "data.languages",
            f"expected some of {', '.join(sorted(_PACKS))}, found {found}",
            hint="appliance policy explain data.languages",
        )
    return tuple(_PACKS[code] for code in codes)
