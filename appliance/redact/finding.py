"""The first pass: find personal data in the records of whole privacy units.

Owns the batching. A unit's records meet: what is found in one is looked for in all, seeded by the
person's own name and id columns. Memory is bounded by a bucket of units, never by the corpus.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from appliance.records import Record, Span
from appliance.redact.detect import Hint
from appliance.redact.entities import family, normalise
from appliance.redact.persona import name_tokens
from appliance.redact.real_values import RealValues
from appliance.redact.treatment import Detecting, Treatment

#: Texts and characters given to the detector at a time.
BATCH_TEXTS = 256
BATCH_CHARS = 400_000
#: Seeds kept of a unit too large for one batch.
_MOST_SEEDS = 20_000

#: For each record: index of a cell -> its spans.
Found = dict[int, list[Span]]


@dataclass(slots=True)
class _Batch:
    """Texts that wait for the detector."""

    places: list[tuple[int, int]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    hints: list[Sequence[Hint]] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    chars: int = 0


def find_in_units(
    records: Sequence[Record],
    *,
    treatment: Treatment,
    detector: Detecting,
    real: RealValues,
) -> list[Found]:
    """Find the personal data of records; all records of a unit must be among them.

    Args:
        records: in any order.
        treatment: which cells are scanned.
        detector: the detector.
        real: is told every value found, so that no surrogate will equal one.

    Returns:
        For each record, the spans of its scanned cells.

    Guarantees:
        The result does not depend on how units fall into batches.
    """
    found: list[Found] = [{} for _ in records]
    units: dict[bytes, list[int]] = {}
    for position, record in enumerate(records):
        units.setdefault(record.unit, []).append(position)
    batch = _Batch()
    for unit, positions in units.items():
        texts = [
            (position, treated.index, treated.text)
            for position in positions
            for treated in treatment.of(records[position])
            if treated.mode == "scan" and treated.text
        ]
        hints = _unit_hints([records[p] for p in positions], treatment)
        chars = sum(len(text) for *_, text in texts)
        if len(texts) > BATCH_TEXTS or chars > BATCH_CHARS:
            _find_in_large_unit(texts, hints, detector, found)
            continue
        if len(batch.texts) + len(texts) > BATCH_TEXTS or batch.chars + chars > BATCH_CHARS:
            _flush(batch, detector, found)
            batch = _Batch()
        for position, index, text in texts:
            batch.places.append((position, index))
            batch.texts.append(text)
            batch.hints.append(hints)
            batch.groups.append(unit.hex())
        batch.chars += chars
    _flush(batch, detector, found)
    _remember(records, found, treatment, real)
    return found


def _unit_hints(records: Sequence[Record], treatment: Treatment) -> list[Hint]:
    hints: dict[Hint, None] = {}
    for record in records:
        hints.update(dict.fromkeys(treatment.hints(record)))
    return list(hints)[:_MOST_SEEDS]


def _flush(batch: _Batch, detector: Detecting, found: list[Found]) -> None:
    if not batch.texts:
        return
    spans = detector.detect_batch(batch.texts, hints=batch.hints, groups=batch.groups)
    for (position, index), hits in zip(batch.places, spans, strict=True):
        found[position][index] = hits


def _find_in_large_unit(
    texts: Sequence[tuple[int, int, str]],
    hints: Sequence[Hint],
    detector: Detecting,
    found: list[Found],
) -> None:
    """Two passes over a unit larger than a batch: gather seeds, then find with all of them."""
    seeds: dict[Hint, None] = dict.fromkeys(hints)
    for chunk in _chunks(texts):
        for gathered in detector.collect_seeds([text for *_, text in chunk]):
            seeds.update(dict.fromkeys(gathered))
    known = list(seeds)[:_MOST_SEEDS]
    for chunk in _chunks(texts):
        spans = detector.detect_batch([t for *_, t in chunk], hints=[known] * len(chunk))
        for (position, index, _), hits in zip(chunk, spans, strict=True):
            found[position][index] = hits


def _chunks(texts: Sequence[tuple[int, int, str]]) -> Iterator[list[tuple[int, int, str]]]:
    chunk: list[tuple[int, int, str]] = []
    chars = 0
    for entry in texts:
        if chunk and (len(chunk) >= BATCH_TEXTS or chars + len(entry[2]) > BATCH_CHARS):
            yield chunk
            chunk, chars = [], 0
        chunk.append(entry)
        chars += len(entry[2])
    if chunk:
        yield chunk


def _remember(
    records: Sequence[Record], found: Sequence[Found], treatment: Treatment, real: RealValues
) -> None:
    """Tell the filter every real value, names word by word."""
    for record, spans in zip(records, found, strict=True):
        for treated in treatment.of(record):
            if treated.mode == "whole":
                _remember_value(treated.text, treated.entity_type, real)
            for span in spans.get(treated.index, ()):
                _remember_value(treated.text[span.start : span.end], span.entity_type, real)


def _remember_value(value: str, entity_type: str, real: RealValues) -> None:
    real.add(normalise(value, entity_type))
    if family(entity_type) in ("person", "place", "organization"):
        for token in name_tokens(value):
            real.add(token)
