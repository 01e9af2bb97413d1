"""The second pass: replace what was found, person by person, and look again.

Owns the building of a person's name book before any of the person's records is rewritten, and the
residual scan, which does not count what we wrote ourselves.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from appliance.policy.model import OperatorName
from appliance.records import Json, Record, Span
from appliance.redact import dates, operators
from appliance.redact.entities import (
    PARTIAL,
    PLACEHOLDER,
    family,
    is_direct,
    is_high_entropy,
)
from appliance.redact.finding import Found
from appliance.redact.gender import gender_of_value, names_the_person, spoken_gender, titled
from appliance.redact.operators import Ranges, Replacement, Rules
from appliance.redact.persona import Persona
from appliance.redact.real_values import RealValues
from appliance.redact.removed import RemovedPiece, SlotSampler, fingerprint, is_telling
from appliance.redact.treatment import Treated, Treatment
from appliance.redact.tree import DROP, rebuild

#: A scan of de-identified texts.
Scan = Callable[[Sequence[str]], list[list[Span]]]


@dataclass(slots=True)
class Tally:
    """Counts over the corpus.

    Attributes:
        entities: type -> pieces and cells replaced.
        operators: type -> operator, of the types met.
        records: records rewritten or looked at.
        changed: records of which something was replaced.
        scanned: records the residual scan looked at.
        with_findings: records in which it found something.
        with_direct: records in which it found a direct identifier.
        findings: type -> what it found.
    """

    entities: Counter[str] = field(default_factory=Counter)
    operators: dict[str, OperatorName] = field(default_factory=dict)
    records: int = 0
    changed: int = 0
    scanned: int = 0
    with_findings: int = 0
    with_direct: int = 0
    findings: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """A record after replacement.

    Attributes:
        record: de-identified; still treated as private.
        removed: what was taken out, in order.
        own: (cell index, new text, pieces) of the cells that hold text; for the residual scan.
    """

    record: Record = field(repr=False)
    removed: tuple[RemovedPiece, ...]
    own: tuple[tuple[int, str, tuple[Replacement, ...]], ...] = field(repr=False)

    def kept(self) -> Iterator[tuple[str, str]]:
        """Yield type and value of pieces that were kept or generalised by design."""
        for _, text, pieces in self.own:
            for piece in pieces:
                shown = text[piece.start : piece.end]
                if piece.operator in PARTIAL and not PLACEHOLDER.fullmatch(shown):
                    yield piece.entity_type, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacer:
    """Rewrites records under one policy and key.

    Attributes:
        treatment: how cells are treated.
        rules: the operators.
        person_key: 32 bytes: key of all replacements.
        removed_key: 32 bytes: key of the digests of removed values.
        real: real values, which no surrogate may equal.
        sampler: chooses the slots that keep their true value.
    """

    treatment: Treatment
    rules: Rules
    person_key: bytes = field(repr=False)
    removed_key: bytes = field(repr=False)
    real: RealValues
    sampler: SlotSampler

    def rewrite_units(
        self, records: Sequence[Record], found: Sequence[Found], tally: Tally
    ) -> list[Rewritten]:
        """Rewrite the records of whole units.

        Args:
            records: in any order; all records of a unit must be among them.
            found: their spans, from the first pass.
            tally: is counted into.

        Returns:
            The rewritten records, in the order of `records`.
        """
        units: dict[bytes, list[int]] = {}
        for position, record in enumerate(records):
            units.setdefault(record.unit, []).append(position)
        rewritten: dict[int, Rewritten] = {}
        for unit, positions in units.items():
            treated = {p: self.treatment.of(records[p]) for p in positions}
            persona = self._persona(unit)
            dated = self._meet(persona, positions, treated, found)
            rules = self._rules_of(dated)
            for p in positions:
                rewritten[p] = self._rewrite(
                    records[p], treated[p], found[p], persona, rules, tally
                )
        return [rewritten[p] for p in range(len(records))]

    def _persona(self, unit: bytes) -> Persona:
        knobs = self.rules.deidentify.surrogates
        return Persona(
            person_key=self.person_key,
            unit=unit,
            language=self.rules.reading.language,
            real=self.real,
            keep_gender=knobs.keep_gender,
            keep_initials=knobs.keep_initials,
        )

    def _meet(
        self,
        persona: Persona,
        positions: Sequence[int],
        treated: dict[int, list[Treated]],
        found: Sequence[Found],
    ) -> list[str]:
        """Introduce all names of a unit; return its date expressions."""
        names: list[str] = []
        dated: list[str] = []
        columns: list[tuple[str, str]] = []
        for p in positions:
            for cell in treated[p]:
                if cell.mode == "whole" and family(cell.entity_type) == "person":
                    columns.append((cell.cell.column, cell.text))
                for span in found[p].get(cell.index, ()):
                    value = cell.text[span.start : span.end]
                    if family(span.entity_type) == "person":
                        names.append(titled(cell.text, span.start, span.end))
                    elif family(span.entity_type) == "date":
                        dated.append(value)
        for role in ("given", "family"):
            said = [text for name, text in columns if self.treatment.stated_role(name) == role]
            persona.learn(role, said)
        self._tell_gender(persona, columns, [(treated[p], found[p]) for p in positions])
        persona.meet([*names, *(text for _, text in columns)])
        return dated

    def _tell_gender(
        self,
        persona: Persona,
        columns: Sequence[tuple[str, str]],
        records: Sequence[tuple[Sequence[Treated], Found]],
    ) -> None:
        """Tell a persona what columns and texts say of its names' gender."""
        own = [text for name, text in columns if names_the_person(name)]
        for treated, found in records:
            for cell in treated:
                stated = gender_of_value(cell.cell.column, cell.text)
                if stated is not None and not cell.cell.own:
                    persona.declare(own, stated)
                spans = [s for s in found.get(cell.index, ()) if family(s.entity_type) == "person"]
                for span, following in zip_longest(spans, spans[1:]):
                    heard = spoken_gender(
                        cell.text,
                        span.start,
                        span.end,
                        stop=len(cell.text) if following is None else following.start,
                        language=self.rules.reading.language,
                    )
                    if heard is not None:
                        persona.hear(cell.text[span.start : span.end], heard)

    def _rules_of(self, dated: list[str]) -> Rules:
        """Read the unit's ambiguous dates as its unambiguous ones are written."""
        reading = self.rules.reading
        day_first = dates.is_day_first(dated, default=reading.day_first)
        if day_first == reading.day_first:
            return self.rules
        return Rules(
            deidentify=self.rules.deidentify,
            reading=dates.Reading(
                language=reading.language,
                day_first=day_first,
                reference_year=reading.reference_year,
            ),
        )

    def _rewrite(
        self,
        record: Record,
        treated: Sequence[Treated],
        found: Found,
        persona: Persona,
        rules: Rules,
        tally: Tally,
    ) -> Rewritten:
        values: list[Json] = []
        removed: list[RemovedPiece] = []
        own: list[tuple[int, str, tuple[Replacement, ...]]] = []
        for cell in treated:
            value, pieces = self._replaced(cell, found, persona, rules)
            values.append(value)
            if cell.mode == "scan":
                own.append((cell.index, str(value), pieces))
            for piece in pieces:
                tally.operators[piece.entity_type] = piece.operator
                if piece.changed:
                    tally.entities[piece.entity_type] += 1
                    removed.append(self._removed(record, cell, piece))
        tally.records += 1
        tally.changed += bool(removed)
        made = rebuild(record, iter(self._with_drops(treated, values)))
        return Rewritten(record=made, removed=tuple(removed), own=tuple(own))

    @staticmethod
    def _with_drops(treated: Sequence[Treated], values: Sequence[Json]) -> Iterator[Json]:
        for cell, value in zip(treated, values, strict=True):
            yield DROP if cell.mode == "drop" else value  # type: ignore[misc]  # DROP is a marker

    def _replaced(
        self, cell: Treated, found: Found, persona: Persona, rules: Rules
    ) -> tuple[Json, tuple[Replacement, ...]]:
        if cell.mode == "scan":
            spans = found.get(cell.index, [])
            done = operators.replace_spans(cell.text, spans, persona=persona, rules=rules)
            return (_typed(done.text, cell), done.pieces)
        if cell.mode != "whole" or PLACEHOLDER.fullmatch(cell.text.strip()):
            return (cell.cell.value, ())
        made = operators.apply(cell.operator, cell.text, cell.entity_type, persona, rules)
        if cell.entity_type == "AGE" and cell.operator == "age_cap":
            made = _capped(cell, made)
        piece = Replacement(
            start=0,
            end=len(made),
            entity_type=cell.entity_type,
            operator=cell.operator,
            original=cell.text,
            changed=made != cell.text,
        )
        return (_typed(made, cell), (piece,))

    def _removed(self, record: Record, cell: Treated, piece: Replacement) -> RemovedPiece:
        # Only text the model reads has slots, and only where something still stands in the place.
        if cell.cell.own and is_high_entropy(piece.original, piece.entity_type):
            self.sampler.offer((record.record_id, cell.index, piece.start))
        return RemovedPiece(
            record_id=record.record_id,
            unit=record.unit,
            cell=cell.index,
            start=piece.start,
            end=piece.end,
            entity_type=piece.entity_type,
            telling=is_telling(piece.original, piece.entity_type),
            digest=fingerprint(self.removed_key, piece.original),
            value=piece.original,
        )


def look_again(rewritten: Sequence[Rewritten], *, scan: Scan, tally: Tally) -> None:
    """Scan de-identified records by the independent second look and count what is left.

    Args:
        rewritten: records after replacement.
        scan: the second look; it shares nothing with the first one.
        tally: is counted into.

    Guarantees:
        A finding inside something we wrote (a placeholder, pseudonym or surrogate), or inside a
        value the policy keeps or generalises by design, is not counted; anything else is.
    """
    texts = [text for record in rewritten for _, text, _ in record.own]
    hits = iter(scan(texts))
    for record in rewritten:
        left: list[Span] = []
        for _, text, pieces in record.own:
            left += _left_over(text, next(hits), pieces)
        tally.scanned += 1
        tally.with_findings += bool(left)
        tally.with_direct += any(is_direct(span.entity_type) for span in left)
        tally.findings.update(span.entity_type for span in left)


def _left_over(text: str, spans: Iterable[Span], pieces: Sequence[Replacement]) -> Iterator[Span]:
    written = [(p.start, p.end) for p in pieces if p.changed or p.operator in PARTIAL]
    ours = Ranges([*(m.span() for m in PLACEHOLDER.finditer(text)), *written])
    for span in spans:
        rest = _outside(span, ours)
        if any(text[i].isalnum() for i in rest) and _says_something(text, rest, span):
            yield span


def _outside(span: Span, ours: Ranges) -> list[int]:
    """Return the places of a span that are not ours."""
    near = ours.overlapping(span.start, span.end)
    return [i for i in range(span.start, span.end) if not any(a <= i < b for a, b in near)]


def _says_something(text: str, rest: Sequence[int], span: Span) -> bool:
    """Tell whether what a finding holds beside our own text could identify anybody.

    A finding that only spills over the edge of a surrogate ("St. Mapleton Clinic on") is ours.
    """
    if len(rest) == span.end - span.start:
        return True
    outside = "".join(text[i] for i in rest)
    if is_direct(span.entity_type):
        return sum(c.isdigit() for c in outside) >= 4 or "@" in outside
    return False


def _typed(made: str, cell: Treated) -> Json:
    """Return a number where a number was, if what replaced it is one."""
    value = cell.cell.value
    if isinstance(value, str):
        return made
    if made == cell.text:
        return value
    if isinstance(value, int) and re.fullmatch(r"[1-9]\d{0,17}|0", made):
        return int(made)
    return made


def _capped(cell: Treated, made: str) -> str:
    """Keep a column of numbers a column of numbers: 90 stands for 90 and older."""
    return made.replace("90+", "90") if isinstance(cell.cell.value, int | float) else made
