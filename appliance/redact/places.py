"""Surrogates for places and organisations: same kind, same form, nowhere.

Owns the words that say what kind of place it is (street, clinic, county), which stay, and the
invented names that replace the rest.
"""

from __future__ import annotations

import json
import re
from importlib import resources

from appliance.redact.keyed import Draws
from appliance.redact.persona import Persona, fold

_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")

_TABLE = json.loads(
    resources.files("appliance.redact").joinpath("data/places.json").read_text("utf-8")
)
#: Words that say what a place or body is, or join others; they identify nobody.
_KIND_WORDS = frozenset(_TABLE["kind_words"])
#: Country -> "Name:XX Other_Name:YY ...".
_STATES: dict[str, str] = _TABLE["states"]
_COUNTRIES: list[str] = _TABLE["countries"]
#: Language -> parts that invented names are made of.
_HEADS: dict[str, list[str]] = _TABLE["heads"]
_TAILS: dict[str, list[str]] = _TABLE["tails"]


def _state_index() -> dict[str, tuple[str, int]]:
    index: dict[str, tuple[str, int]] = {}
    for country, listing in _STATES.items():
        for position, entry in enumerate(listing.split()):
            name, _, short = entry.partition(":")
            index.setdefault(fold(name.replace("_", " ")), (country, position))
            index.setdefault(short, (country, position))
    return index


_STATE_INDEX = _state_index()
_COUNTRY_INDEX = {fold(name) for name in _COUNTRIES}


def is_state(value: str) -> bool:
    """Tell whether a value is a state of the US or Brazil, by name or two letters."""
    return value.strip() in _STATE_INDEX or fold(value.strip()) in _STATE_INDEX


def place(value: str, persona: Persona) -> str:
    """Replace a place by a fictitious one of the same kind.

    Args:
        value: a street, city, facility, state or country, with numbers and punctuation.
        persona: whose place it is; its places are replaced consistently.
    """
    swapped = _swapped_region(value.strip(), persona)
    if swapped is not None:
        return value.replace(value.strip(), swapped)
    return _replaced(value, persona, "place")


def organization(value: str, persona: Persona) -> str:
    """Replace an organisation's own name; the words that say what it is stay."""
    return _replaced(value, persona, "organization")


def _swapped_region(value: str, persona: Persona) -> str | None:
    """Swap a state for a state of its country and a country for a country."""
    known = _STATE_INDEX.get(value) or _STATE_INDEX.get(fold(value))
    if known is not None:
        country, position = known
        entries = _STATES[country].split()
        step = 1 + persona.draws("state", str(position)).below(len(entries) - 1)
        name, _, short = entries[(position + step) % len(entries)].partition(":")
        return short if value in _STATE_INDEX else _like(name.replace("_", " "), value)
    if fold(value) in _COUNTRY_INDEX:
        others = [name for name in _COUNTRIES if fold(name) != fold(value)]
        return _like(persona.draws("country", fold(value)).choice(others), value)
    return None


def _replaced(value: str, persona: Persona, label: str) -> str:
    """Replace runs of naming words by invented names, digits by digits, and keep kind words."""
    parts: list[str] = []
    position = 0
    run: list[re.Match[str]] = []
    for match in _WORD.finditer(value):
        if any(c.isdigit() for c in match[0]) or _is_kind(match[0]) or _is_short_state(match[0]):
            position = _flush(value, run, persona, label, parts, position)
            parts.append(value[position : match.start()])
            parts.append(_kept_or_drawn(match[0], persona))
            position = match.end()
        elif run and value[run[-1].end() : match.start()].strip():
            position = _flush(value, run, persona, label, parts, position)
            run.append(match)
        else:
            run.append(match)
    position = _flush(value, run, persona, label, parts, position)
    replaced = "".join(parts) + value[position:]
    if replaced.casefold() != value.casefold():
        return replaced
    # Kind words alone ("Memorial Hospital") are a name too: keep only what kind of body it is.
    words = _WORD.findall(value)
    return f"{invented(value, persona, label)} {words[-1]}" if len(words) > 1 else replaced


def _is_kind(word: str) -> bool:
    return word.casefold().rstrip(".") in _KIND_WORDS


def _is_short_state(word: str) -> bool:
    return len(word) == 2 and word in _STATE_INDEX


def _kept_or_drawn(word: str, persona: Persona) -> str:
    if any(c.isdigit() for c in word):
        if len(word) == 5 and word.isdigit():
            # Looks like a ZIP code; no area begins with 000.
            return "000" + persona.draws("zip", word).digits(2)
        drawn = persona.draws("number", word.casefold()).like(word)
        if drawn.casefold() == word.casefold():
            drawn = persona.draws("number-again", word.casefold()).like(word)
        return drawn
    if _is_short_state(word):
        return _swapped_region(word, persona) or word
    return word


def _flush(
    value: str,
    run: list[re.Match[str]],
    persona: Persona,
    label: str,
    parts: list[str],
    position: int,
) -> int:
    """Write the invented name of a run of naming words; return where the value goes on."""
    if not run:
        return position
    start, end = run[0].start(), run[-1].end()
    parts.append(value[position:start])
    parts.append(invented(value[start:end], persona, label))
    run.clear()
    return end


def invented(value: str, persona: Persona, label: str) -> str:
    """Return the invented name that replaces a proper name of a place or body."""
    folded = fold(value)
    draws = persona.draws(label, folded)
    if value.isupper() and len(value) <= 5 and value.isalpha():
        return _acronym(value, draws, persona)
    language = persona.language if persona.language in _HEADS else "en"
    name = ""
    for _ in range(64):
        name = draws.choice(_HEADS[language]) + draws.choice(_TAILS[language])
        if fold(name) != folded and not persona.is_real(fold(name)):
            return _like(name, value)
    return _like(f"{name}{draws.choice(_TAILS['en'])}{draws.choice(_TAILS['en'])}", value)


def _acronym(value: str, draws: Draws, persona: Persona) -> str:
    for _ in range(64):
        drawn = draws.like(value)
        if drawn != value and not persona.is_real(drawn.casefold()):
            return drawn
    return "X" * len(value)


def _like(name: str, value: str) -> str:
    """Return `name` in the letter case of `value`."""
    if len(value) > 1 and value.isupper():
        return name.upper()
    return name.lower() if value.islower() else name
