"""A small world for the de-identification tests: readable cases, a detector that knows its values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from appliance.corpus import Corpus
from appliance.policy import load_policy
from appliance.policy.model import Deidentify, Policy
from appliance.records import Json, Kind, Record, Span
from appliance.redact.dates import Reading
from appliance.redact.detect import Hint
from appliance.redact.operators import Rules
from appliance.redact.persona import Persona
from appliance.redact.real_values import RealValues
from appliance.vault import Vault

KEY = b"k" * 32
READING = Reading(language="en", day_first=False, reference_year=2026)
_MARK = re.compile(r"\[([A-Z_]+) ([^\]]+)\]")


def marked(text: str) -> tuple[str, list[Span]]:
    """Parse "call [PHONE_NUMBER 555-0100] now" into a text and its spans."""
    plain, spans, position = "", [], 0
    for match in _MARK.finditer(text):
        plain += text[position : match.start()]
        start = len(plain)
        plain += match[2]
        spans.append(Span(start=start, end=len(plain), entity_type=match[1], score=0.9))
        position = match.end()
    return plain + text[position:], spans


def rules(operator: str = "redact", **entities: str) -> Rules:
    return Rules(
        deidentify=Deidentify.model_validate(
            {"entities": {"PERSON": operator, **entities}, "default_operator": operator}
        ),
        reading=READING,
    )


def persona(unit: bytes = b"u" * 16, *, real: RealValues | None = None, **knobs: object) -> Persona:
    return Persona(person_key=KEY, unit=unit, real=real, **knobs)  # type: ignore[arg-type]


def policy(**deidentify: object) -> Policy:
    base = load_policy(Path("hipaa")).policy
    return base.model_copy(update={"deidentify": base.deidentify.model_copy(update=deidentify)})


class KnownValues:
    """Finds values it was told, and values of hints and groups."""

    def __init__(self, known: Mapping[str, str], *, propagate: bool = True) -> None:
        self.known = dict(known)
        self.propagate = propagate
        self.calls: list[int] = []

    def detect_batch(
        self,
        texts: Sequence[str],
        *,
        hints: Sequence[Sequence[Hint]] | None = None,
        groups: Sequence[str] | None = None,
    ) -> list[list[Span]]:
        self.calls.append(len(texts))
        seeds = self.collect_seeds(texts)
        found = []
        for i, text in enumerate(texts):
            values = {h.value: h.entity_type for h in seeds[i]}
            if hints is not None and self.propagate:
                values |= {h.value: h.entity_type for h in hints[i]}
            if groups is not None and self.propagate:
                for j, other in enumerate(groups):
                    if other == groups[i]:
                        values |= {h.value: h.entity_type for h in seeds[j]}
            found.append(list(_search(text, values)))
        return found

    def collect_seeds(self, texts: Sequence[str]) -> list[list[Hint]]:
        return [
            [
                Hint(value=text[s.start : s.end], entity_type=s.entity_type)
                for s in _search(text, self.known)
            ]
            for text in texts
        ]


def _search(text: str, values: Mapping[str, str]) -> Iterator[Span]:
    taken: list[tuple[int, int]] = []
    for value in sorted(values, key=lambda v: (-len(v), v)):
        for match in re.finditer(rf"(?<!\w){re.escape(value)}(?!\w)", text):
            if not any(a < match.end() and match.start() < b for a, b in taken):
                taken.append(match.span())
                yield Span(
                    start=match.start(),
                    end=match.end(),
                    entity_type=values[value],
                    score=0.9,
                    source="known",
                )


def record(
    record_id: int,
    text: str = "",
    *,
    unit: str = "a",
    kind: Kind = "text",
    fields: Mapping[str, Json] | None = None,
    **extra: Json,
) -> Record:
    return Record(
        record_id=record_id,
        unit=unit.encode().ljust(16, b"."),
        source=0,
        line=record_id + 1,
        kind=kind,
        fields={"text": text} if fields is None else fields,
        extra=extra,
    )


def write_corpus(vault: Vault, records: Sequence[Record]) -> Corpus:
    with Corpus.writing(vault, "ingest/corpus.arrow") as writer:
        for entry in records:
            writer.append(entry)
    return Corpus(vault, "ingest/corpus.arrow")
