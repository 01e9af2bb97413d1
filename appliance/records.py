"""Values that cross rooms: records, spans, examples' origin.

Owns the shapes of a record (see interface: text, prompt/response, messages, text/label,
prompt/chosen/rejected). Refuses to show them: private text is hidden in every repr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "prompt_response", "messages", "classification", "preference"]

#: The string fields that make up each kind of record, in the order a reader would meet them.
#: `messages` holds a list of {"role", "content"} instead of a string.
KIND_FIELDS: Mapping[Kind, tuple[str, ...]] = {
    "text": ("text",),
    "prompt_response": ("prompt", "response"),
    "messages": ("messages",),
    "classification": ("text", "label"),
    "preference": ("prompt", "chosen", "rejected"),
}

#: A JSON value of a column that is not one of the record's own fields.
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of the customer's data.

    Attributes:
        record_id: position in the corpus it was read from, 0-based; stable within a run.
        unit: the privacy unit's keyed digest, 16 bytes; equal for all records of one person.
        source: index of the input file (its name may be private; the vault keeps the list).
        line: 1-based line, row or member number within the source.
        kind: the record's shape.
        fields: the record's own fields, e.g. {"prompt": ..., "response": ...}; private.
        extra: all other columns; private.
    """

    record_id: int
    unit: bytes
    source: int
    line: int
    kind: Kind
    fields: Mapping[str, Json] = field(repr=False)
    extra: Mapping[str, Json] = field(repr=False)

    def texts(self) -> list[str]:
        """Return the record's free texts in reading order (messages flattened)."""
        found: list[str] = []
        for name in KIND_FIELDS[self.kind]:
            value = self.fields.get(name)
            if isinstance(value, str):
                found.append(value)
            elif isinstance(value, list):
                found.extend(
                    content
                    for message in value
                    if isinstance(message, dict) and isinstance(content := message["content"], str)
                )
        return found


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Span:
    """A detected piece of a text: half-open, in code points of that text.

    Attributes:
        start: first code point.
        end: one past the last code point; `start < end`.
        entity_type: Presidio-style label, e.g. "PERSON", "US_SSN".
        score: confidence in [0, 1].
        source: which detector found it, e.g. "pattern:mrn_labelled", "ner", "propagation".
    """

    start: int
    end: int
    entity_type: str
    score: float
    source: str = ""


#: The four sides of a split; no privacy unit is ever on two of them.
Side = Literal["train", "validation", "test", "audit_holdout"]
SIDES: tuple[Side, ...] = ("train", "validation", "test", "audit_holdout")
