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
    return Language(code=code, patterns=patterns_common.PATTERNS + patterns, model=model)


_PACKS: dict[str, Language] = {
    "en": _pack("en", patterns_en.PATTERNS, model=True),
    "pt": _pack("pt", patterns_pt.PATTERNS, model=True),
    "es": _pack("es", patterns_es.PATTERNS, model=True),
    "de": _pack("de", patterns_de.PATTERNS, model=True),
    "fr": _pack("fr", patterns_more.FRENCH, model=False),
    "it": _pack("it", patterns_more.ITALIAN, model=False),
    "nl": _pack("nl", patterns_more.DUTCH, model=False),
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
