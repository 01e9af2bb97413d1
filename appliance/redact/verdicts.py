"""Weigh a column's header words against the measured shares of its values.

Owns the rules, in order:

1. (The policy's own rule for a column wins: see `columns`.)
2. Shapes and check digits that nearly all values satisfy settle a type, whatever the header says.
3. A header that names a type wins where the values can be of that type.
4. Running text is scanned piece by piece; a column of useful data is kept.
5. Names, places and identifiers without a telling header are known by name lists and structure.
6. What is left is kept, unless the detector finds persons in a sample: then it is scanned too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from appliance.records import Span
from appliance.redact.headers import HeaderReading
from appliance.redact.shapes import NEEDS_ALL, Look

#: Values given to the detector where shapes and lists say nothing.
_SCANNED = 40
#: Types that a detector sees in many words of useful columns.
_WEAK = frozenset({"DATE_TIME", "AGE", "ORGANIZATION", "LOCATION", "NRP"})
_SETTLED = 0.7
NEARLY_ALL = 0.95


class Finder(Protocol):
    """The part of a detector that is used here."""

    def detect_batch(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return the spans of each text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A type, or none, with its reason."""

    entity_type: str | None
    why: str
    free_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column under decision."""

    name: str
    values: tuple[str, ...] = field(repr=False)
    readings: tuple[HeaderReading, ...]
    look: Look


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def verdict(column: Column, detector: Finder) -> Verdict:
    """Settle what a column holds, by the first rule that says anything."""
    if not column.values:
        return _by_header_alone(column)
    for settle in (_by_strong_shape, _by_text, _by_header, _by_shape, _by_lists, _by_structure):
        verdict = settle(column)
        if verdict is not None:
            return verdict
    return _by_detector(column, detector)


def _by_header_alone(column: Column) -> Verdict:
    """Rule 3 for a column without values: careful, since later rows may have some."""
    for reading in column.readings:
        if reading.meaning == "useful":
            return Verdict(entity_type=None, why=f"no values; header says '{reading.phrase}'")
        if reading.meaning == "free_text":
            why = f"no values; header says '{reading.phrase}'"
            return Verdict(entity_type=None, why=why, free_text=True)
        return Verdict(
            entity_type=reading.entity_type, why=f"no values; header says '{reading.phrase}'"
        )
    return Verdict(entity_type=None, why="no values in the sample; scanned", free_text=True)


def _by_strong_shape(column: Column) -> Verdict | None:
    """Rule 2."""
    if column.look.words >= 4 and column.look.longest > 60:
        return None
    personal = {r.entity_type for r in column.readings if r.meaning == "personal"}
    ranked = sorted(column.look.strong.items(), key=lambda e: (e[0] not in personal, -e[1]))
    for entity_type, share in ranked:
        known = entity_type in personal
        needed = NEARLY_ALL if entity_type in NEEDS_ALL and not known else _SETTLED
        if known:
            needed = 0.4
        if share >= needed and not _rather_useful(column, entity_type):
            return Verdict(
                entity_type=entity_type,
                why=f"{_percent(share)} have the shape or check digits of {entity_type}",
            )
    return None


def _rather_useful(column: Column, entity_type: str) -> bool:
    """Tell whether a whole useful header outweighs check digits that chance could satisfy."""
    return entity_type in NEEDS_ALL and any(
        r.meaning == "useful" and r.whole for r in column.readings[:1]
    )


def _by_text(column: Column) -> Verdict | None:
    """Rule 4: running text."""
    seen = column.look
    first = column.readings[0] if column.readings else None
    wordy = seen.words >= 5 and seen.shares["street"] < 0.5 and seen.shares["person"] < 0.6
    if first is not None and first.meaning == "free_text" and seen.words > 1.2:
        return Verdict(entity_type=None, why=f"text; header says '{first.phrase}'", free_text=True)
    named = first is not None and first.meaning == "personal" and first.entity_type != "PERSON"
    if named and seen.words < 8:
        return None
    if (wordy and (seen.distinct >= 0.2 or seen.n < 20)) or seen.longest > 200:
        why = f"text of {seen.words:.0f} words a value"
        return Verdict(entity_type=None, why=why, free_text=True)
    return None


#: Type -> shares of which one must reach the bound for a header to be believed.
_PLAUSIBLE: dict[str, tuple[tuple[str, ...], float]] = {
    "DATE_TIME": (("date", "day", "integer", "time"), 0.5),
    "AGE": (("age",), 0.6),
    "ZIP_CODE": (("zip", "code", "integer", "cep"), 0.4),
    "BR_CEP": (("cepish", "integer"), 0.5),
    "PHONE_NUMBER": (("phone", "phoneish", "nanp"), 0.4),
    "FAX_NUMBER": (("phone", "phoneish", "nanp"), 0.4),
    "CARD_EXPIRY": (("date", "code", "number"), 0.0),
}


def _by_header(column: Column) -> Verdict | None:
    """Rules 3 and 4: the header, where the values can be what it says."""
    seen = column.look
    for reading in column.readings:
        if reading.meaning == "useful":
            if seen.shares["date"] >= _SETTLED or seen.shares["phone"] >= _SETTLED:
                return None
            return Verdict(entity_type=None, why=f"header says '{reading.phrase}'")
        if reading.meaning == "free_text":
            return Verdict(entity_type=None, why=f"header says '{reading.phrase}'", free_text=True)
        entity_type = reading.entity_type or "NRP"
        if not _is_plausible(entity_type, seen):
            continue
        why = f"header says '{reading.phrase}'" + _support(entity_type, seen)
        return Verdict(entity_type=entity_type, why=why)
    return None


def _is_plausible(entity_type: str, seen: Look) -> bool:
    if entity_type in _PLAUSIBLE:
        names, bound = _PLAUSIBLE[entity_type]
        return max(seen.shares[name] for name in names) >= bound
    numeric = seen.shares["number"] >= 0.8
    if entity_type in ("PERSON", "ORGANIZATION", "NRP"):
        # A column 'patient' or 'hospital' of numbers holds ids; of M and F it holds a sex.
        return not numeric and seen.shares["code"] < 0.5 and seen.shares["sex"] < _SETTLED
    if entity_type == "LOCATION":
        return seen.shares["state"] < _SETTLED or seen.n_distinct > 60
    if entity_type == "EMAIL_ADDRESS":
        return not numeric
    if seen.shares["date"] >= _SETTLED:
        return False
    if entity_type in ("URL", "PHOTO", "BIOMETRIC", "PASSWORD", "USERNAME"):
        return seen.n_distinct > 2
    # Identifiers: not decimals, not a handful of categories, not plain words.
    wordlike = seen.shares["code"] + seen.shares["number"] < 0.3 and seen.length < 4
    return seen.shares["decimal"] < 0.5 and not wordlike


def _support(entity_type: str, seen: Look) -> str:
    """Return the measured share that goes with a header."""
    share = {
        "PERSON": "person",
        "DATE_TIME": "date",
        "AGE": "age",
        "ZIP_CODE": "zip",
        "BR_CEP": "cepish",
        "PHONE_NUMBER": "phoneish",
        "LOCATION": "place",
    }.get(entity_type)
    if share is None:
        return f"; {_percent(seen.distinct)} of the values are different"
    if share == "place":
        best = max(seen.shares["place"], seen.shares["street"], seen.shares["town"])
        return f"; {_percent(best)} of the values look like places"
    return f"; {_percent(seen.shares[share])} of the values look so"


#: Shapes without a check digit that settle a type: condition on the look, type, words.
_SHAPES: tuple[tuple[Callable[[Look], bool], str | None, str, str], ...] = (
    (lambda s: s.shares["date"] >= _SETTLED, "DATE_TIME", "date", "are dates"),
    (
        lambda s: s.shares["icd"] >= 0.8 and s.distinct < 0.6,
        None,
        "icd",
        "have the shape of ICD-10",
    ),
    (
        lambda s: s.shares["cepish"] >= NEARLY_ALL and s.shares["cep"] >= 0.2,
        "BR_CEP",
        "cepish",
        "have the digits of a CEP",
    ),
    (lambda s: s.shares["uuid"] >= 0.9, "ID_NUMBER", "uuid", "are UUIDs"),
    (
        lambda s: s.shares["luhn"] >= NEARLY_ALL and s.distinct > 0.2,
        "CREDIT_CARD",
        "luhn",
        "have 12 to 19 digits and the check digit of cards",
    ),
    (
        lambda s: s.shares["phone"] >= _SETTLED and s.distinct > 0.2,
        "PHONE_NUMBER",
        "phone",
        "have the shape of telephone numbers",
    ),
    (
        lambda s: s.shares["nanp"] >= 0.98 and s.distinct > 0.5,
        "PHONE_NUMBER",
        "nanp",
        "are valid numbers of the North American plan",
    ),
    (
        lambda s: s.shares["nanp"] + s.shares["phone"] >= 0.9 and s.shares["phone"] > 0.2,
        "PHONE_NUMBER",
        "phoneish",
        "may be telephone numbers",
    ),
    (
        lambda s: (
            s.shares["zip"] >= NEARLY_ALL
            and s.shares["padded"] > 0
            and s.shares["round"] < 0.2
            and s.distinct > 0.1
        ),
        "ZIP_CODE",
        "zip",
        "have five digits, some with leading zeros",
    ),
    (
        lambda s: s.shares["plate"] >= 0.9 and s.distinct > 0.5,
        "LICENSE_PLATE",
        "plate",
        "have the shape of number plates",
    ),
)


def _by_shape(column: Column) -> Verdict | None:
    """Rule 2 for shapes that need no check digit but a look at the rest."""
    seen = column.look
    for holds, entity_type, share, words in _SHAPES:
        if holds(seen):
            return Verdict(entity_type=entity_type, why=f"{_percent(seen.shares[share])} {words}")
    return None


def _by_lists(column: Column) -> Verdict | None:
    """Rule 5: name lists."""
    seen, shares = column.look, column.look.shares
    if shares["number"] >= 0.5 or shares["sex"] >= _SETTLED or shares["code"] >= 0.5:
        return None
    if shares["state"] >= 0.8:
        return Verdict(entity_type=None, why=f"{_percent(shares['state'])} are states")
    if shares["street"] >= 0.6:
        why = f"{_percent(shares['street'])} have the shape of street addresses"
        return Verdict(entity_type="LOCATION", why=why)
    if shares["body"] >= 0.6:
        why = f"{_percent(shares['body'])} name a kind of organisation"
        return Verdict(entity_type="ORGANIZATION", why=why)
    town = max(shares["place"], min(1.0, shares["place"] + shares["town"]))
    rather_places = shares["person"] < 0.9 or shares["place"] >= 0.7
    if seen.n_distinct >= 8 and town >= max(0.5, shares["full_name"]) and rather_places:
        why = f"{_percent(town)} are names of places or built like them"
        return Verdict(entity_type="LOCATION", why=why)
    names = shares["person"] >= 0.6 or (shares["person"] >= 0.4 and shares["namelike"] >= 0.85)
    if names and (seen.n_distinct >= 12 or shares["full_name"] >= 0.6):
        why = f"{_percent(shares['person'])} are made of names in the census lists"
        return Verdict(entity_type="PERSON", why=why)
    return None


def _by_structure(column: Column) -> Verdict | None:
    """Rule 5: identifiers are many, unlike each other, and built alike."""
    seen, shares = column.look, column.look.shares
    if seen.sequence:
        return Verdict(entity_type=None, why="a running number")
    if shares["decimal"] >= 0.3 or seen.words > 1.5:
        return None
    many = seen.distinct >= 0.5 and seen.n_distinct >= 12
    if shares["integer"] >= NEARLY_ALL:
        alike = seen.one_shape >= 0.85 and seen.length >= 6 and shares["round"] < 0.15
        if many and alike:
            why = f"{_percent(seen.distinct)} different integers of one length"
            return Verdict(entity_type="ID_NUMBER", why=why)
        return None
    mixed = shares["code"] >= NEARLY_ALL and shares["decimal"] < 0.05 and seen.length >= 6
    if mixed and shares["integer"] >= 0.5:
        if many and seen.one_shape >= 0.6 and shares["round"] < 0.15:
            why = f"{_percent(seen.distinct)} different numbers built alike"
            return Verdict(entity_type="ID_NUMBER", why=why)
        return None
    if shares["handle"] >= 0.9 and seen.distinct >= 0.9 and seen.n_distinct >= 30:
        why = f"{_percent(shares['handle'])} are written as user names, nearly all different"
        return Verdict(entity_type="USERNAME", why=why)
    some = seen.n_distinct >= 100 and seen.distinct >= 0.15
    built = shares["code"] >= 0.8 and seen.one_shape >= 0.3 and seen.length >= 5
    # `E4000` on is built as a diagnosis too; but diagnoses come back, and are of several lengths.
    diagnoses = shares["icd"] >= 0.5 and not (seen.distinct >= 0.95 and seen.one_shape >= 0.9)
    if built and (many or some) and not diagnoses and shares["number"] < 0.5:
        why = f"{_percent(seen.distinct)} different codes built alike"
        return Verdict(entity_type="ID_NUMBER", why=why)
    return None


def _by_detector(column: Column, detector: Finder) -> Verdict:
    """Rule 6."""
    seen = column.look
    wordy = [v for v in dict.fromkeys(column.values) if re.search(r"[^\W\d_]{3}", v)]
    if seen.shares["number"] < 0.5 and wordy and seen.n_distinct >= 8:
        step = max(1, len(wordy) // _SCANNED)
        sampled = wordy[::step][:_SCANNED]
        hits = sum(bool(_telling(spans)) for spans in detector.detect_batch(sampled))
        if hits >= max(2, 0.1 * len(sampled)) and (seen.words > 1.5 or hits > 0.5 * len(sampled)):
            why = f"persons or identifiers found in {_percent(hits / len(sampled))} of a sample"
            return Verdict(entity_type=None, why=why, free_text=True)
    if seen.shares["number"] >= 0.5:
        return Verdict(entity_type=None, why=f"{_percent(seen.shares['number'])} are numbers")
    return Verdict(
        entity_type=None, why=f"{seen.n_distinct} different values, none of a personal shape"
    )


def _telling(spans: Sequence[Span]) -> list[Span]:
    return [
        s
        for s in spans
        if s.entity_type not in ("DATE_TIME", "AGE", "ORGANIZATION", "LOCATION", "NRP")
    ]
