"""What replaces a found value: pure functions of value, type, person and policy.

    redact      "[PERSON]"                      mask        "***-**-****"
    pseudonym   "PERSON_k3f9a2c7mq"             surrogate   "Destiny Jones", 555-01 numbers, ...
    date_shift  moved by the person's days      year        "2014", "before 1937"
    age_cap     93 -> "90+"                     zip3        "850", "000"
    keep        unchanged

Rules:
- An operator that does not fit a value (a surrogate for a fingerprint, a date nobody can read)
  falls back to `redact`: less is left, never more.
- What an operator wrote is not replaced again: redact, mask, pseudonym, year, age_cap and zip3 are
  idempotent.
- Replacements are functions of the key, the person and the normalised value: consistent across
  records, columns and runs.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from appliance.policy.model import Deidentify, OperatorName
from appliance.records import Span
from appliance.redact import dates, identifiers, keyed, places, zip3
from appliance.redact.entities import PLACEHOLDER, Family, family, normalise
from appliance.redact.persona import Persona

_TRIES = 32
#: Ages from 90 on, in digits or words; a number that counts months or smaller is no such age.
_OLD_AGE = re.compile(
    r"(?<![\d.,])(?:9\d|1[0-3]\d)(?!\d|[.,]\d|\+)(?:'?s\b)?(?![\s\-]*(?:m(?:o|os|onths?|eses|ois)?|w(?:ks?|eeks?)?"
    r"|d(?:ays?)?|h(?:rs?|ours?)?|min\w*|monate?n?|wochen?|tage?n?|semanas?|dias?|días?|jours?)\b)"
    r"|\b(?:nineties|ninety(?:[\s\-]?(?:one|two|three|four|five|six|seven|eight|nine))?"
    r"|(?:a |one )hundred(?:[\s\-](?:and[\s\-])?"
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten))?"
    r"|noventa(?: e | y )?\w*|neunzig(?:er)?|\w*undneunzig|quatre-vingt-(?:dix|onze|douze|treize"
    r"|quatorze|quinze|seize)(?:-sept|-huit|-neuf)?|cento e \w+|centen[aá]ri[ao]|centenarian)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the policy says about replacing, resolved once.

    Attributes:
        deidentify: the policy's section.
        reading: how ambiguous dates are read.
    """

    deidentify: Deidentify
    reading: dates.Reading

    def operator(self, entity_type: str) -> OperatorName:
        """Return the operator of a type."""
        return self.deidentify.entities.get(entity_type, self.deidentify.default_operator)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """One replaced piece.

    Attributes:
        start: its place in the new text, half-open, in code points.
        end: one past its end in the new text.
        entity_type: what it was.
        operator: what replaced it.
        original: what stood there; private.
        changed: whether the text changed.
    """

    start: int
    end: int
    entity_type: str
    operator: OperatorName
    original: str = field(repr=False)
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """A text after replacement.

    Attributes:
        text: the new text; still to be treated as private.
        pieces: what was replaced, in order.
    """

    text: str = field(repr=False)
    pieces: tuple[Replacement, ...]


class Ranges:
    """Half-open ranges that do not overlap, searched by place."""

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Take ranges in any order; touching and overlapping ones are joined."""
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(ranges):
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def overlapping(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the ranges that share a place with [start, end)."""
        first = bisect_right(self._ends, start)
        last = bisect_left(self._starts, end)
        return list(zip(self._starts[first:last], self._ends[first:last], strict=True))


def redact(entity_type: str) -> str:
    """Return the placeholder of a type."""
    return f"[{entity_type}]"


def mask(value: str, entity_type: str) -> str:
    """Cover letters and digits by asterisks; of a card number six and four digits stay.

    Reference:
        PCI DSS v4.0.1, 3.4.1: at most BIN and the last four digits are displayed. Six leading
        digits are kept here although eight are allowed for eight-digit BINs.
    """
    digits = [i for i, c in enumerate(value) if c.isdigit()]
    shown: set[int] = set()
    if family(entity_type) == "card" and len(digits) >= 13:
        shown = {*digits[:6], *digits[-4:]}
    return "".join("*" if c.isalnum() and i not in shown else c for i, c in enumerate(value))


def age_cap(value: str) -> str:
    """Replace ages over 89 by "90+"; younger ages stay.

    Reference:
        45 CFR 164.514(b)(2)(i)(C): ages over 89 may be one category of age 90 or older.
    """
    return _OLD_AGE.sub("90+", value)


def surrogate(value: str, entity_type: str, persona: Persona, rules: Rules) -> str | None:
    """Return a realistic stand-in, or None where there is none for this type.

    Guarantees:
        Neither equal to the value nor, in normal form, to any real value the persona knows of.
    """
    kind = family(entity_type)
    if kind == "person":
        return persona.rename(value)
    if kind == "place":
        return places.place(value, persona)
    if kind == "organization":
        return places.organization(value, persona)
    if kind == "date":
        return date_shift(value, persona, rules)
    if kind == "age":
        return age_cap(value)
    return _drawn(value, kind, entity_type, persona) if kind in identifiers.MAKERS else None


def _drawn(value: str, kind: Family, entity_type: str, persona: Persona) -> str | None:
    """Draw until the surrogate is no real value."""
    normal = normalise(value, entity_type)
    draws = persona.draws("surrogate", entity_type, normal)
    for _ in range(_TRIES):
        made = identifiers.MAKERS[kind](value, draws)
        form = normalise(made, entity_type)
        if form and form != normal and not persona.is_real(form):
            return made
    return None


def date_shift(value: str, persona: Persona, rules: Rules) -> str | None:
    """Move dates by this person's days; None where they cannot be read."""
    days = persona.shift_days(rules.deidentify.date_shift_days)
    return dates.shift(value, days, rules.reading)


def replace_value(value: str, entity_type: str, *, persona: Persona, rules: Rules) -> str:
    """Replace one value as the policy says for its type.

    Args:
        value: a detected piece of text, or a whole cell.
        entity_type: its type.
        persona: whose value it is.
        rules: the policy's operators.

    Returns:
        What stands in its place; the placeholder where the operator does not fit the value.

    Guarantees:
        Idempotent for every operator but surrogate and date_shift: a placeholder or pseudonym of
        ours is returned unchanged, and year, age_cap and zip3 map their results to themselves.
    """
    if PLACEHOLDER.fullmatch(value.strip()):
        return value
    return apply(rules.operator(entity_type), value, entity_type, persona, rules)


def apply(
    operator: OperatorName, value: str, entity_type: str, persona: Persona, rules: Rules
) -> str:
    """Apply one named operator to one value; see `replace_value`."""
    made: str | None
    match operator:
        case "keep":
            return value
        case "redact":
            made = None
        case "mask":
            made = mask(value, entity_type)
        case "pseudonym":
            made = keyed.pseudonym(persona.key, entity_type, normalise(value, entity_type))
        case "surrogate":
            made = surrogate(value, entity_type, persona, rules)
        case "date_shift":
            made = date_shift(value, persona, rules)
        case "year":
            made = dates.year_only(value, rules.reading)
        case "age_cap":
            made = age_cap(value)
        case "zip3":
            made = zip3.first_three(value)
    return redact(entity_type) if made is None else made


def replace_spans(text: str, spans: Sequence[Span], *, persona: Persona, rules: Rules) -> Replaced:
    """Replace every span of a text.

    Args:
        text: the text the spans are of.
        spans: in any order; overlaps are settled here if a detector left any.
        persona: whose text it is.
        rules: the policy's operators.

    Returns:
        The new text, and where each replacement stands in it.

    Guarantees:
        Replacements do not overlap. Every code point of a span whose operator removes is gone.
        Placeholders and pseudonyms that already stand in the text stay as they are.
    """
    protected = Ranges(m.span() for m in PLACEHOLDER.finditer(text))
    parts: list[str] = []
    pieces: list[Replacement] = []
    position = length = 0
    for span in settle(spans, rules):
        if protected.overlapping(span.start, span.end):
            continue
        original = text[span.start : span.end]
        made = replace_value(original, span.entity_type, persona=persona, rules=rules)
        before = text[position : span.start]
        parts += (before, made)
        length += len(before)
        pieces.append(
            Replacement(
                start=length,
                end=length + len(made),
                entity_type=span.entity_type,
                operator=rules.operator(span.entity_type),
                original=original,
                changed=made != original,
            )
        )
        length += len(made)
        position = span.end
    parts.append(text[position:])
    return Replaced(text="".join(parts), pieces=tuple(pieces))


def settle(spans: Iterable[Span], rules: Rules) -> list[Span]:
    """Return spans in order without overlaps.

    Guarantees:
        The union of the spans stays covered. Where spans overlap, the one whose operator leaves
        the least wins and takes the whole union; then the longer one, then the surer one.
    """
    settled: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end, s.entity_type)):
        last = settled[-1] if settled else None
        if last is None or span.start >= last.end:
            settled.append(span)
            continue
        winner = max(last, span, key=lambda s: _strength(s, rules))
        settled[-1] = Span(
            start=last.start,
            end=max(last.end, span.end),
            entity_type=winner.entity_type,
            score=winner.score,
            source=winner.source,
        )
    return settled


def _strength(span: Span, rules: Rules) -> tuple[int, int, float]:
    """Order spans by how much their operator removes, their length and their score."""
    operator = rules.operator(span.entity_type)
    rank = {"keep": 0, "age_cap": 1, "year": 2, "date_shift": 2, "zip3": 2}.get(operator, 3)
    return (rank, span.end - span.start, span.score)
