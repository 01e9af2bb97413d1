"""The parts a report is laid out in, before any page format: text, tables, figures.

Builders (`officer`, `auditor`, `engineer`) make these from a `Report`; `html` and `pdf` lay the
same parts out. No part holds markup: text is text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

Tone = Literal["good", "bad", "note"]


def bound(text: str) -> str:
    """Return text whose numbers stay on the line of their per cent sign."""
    return text.replace(" %", "\u00a0%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFigure:
    """One number a reader should leave with."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFigures:
    """A row of numbers."""

    items: tuple[KeyFigure, ...]


@dataclass(frozen=True, slots=True)
class Coded:
    """A cell in plain words with the exact name of what it is about beneath."""

    text: str
    code: str


Cell = str | Coded


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under a caption.

    Attributes:
        numeric: columns set flush right.
        outcome: the column that holds "pass"-like words, marked by sign and weight; or None.
        failed: rows that did not pass, by position.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numeric: frozenset[int] = frozenset()
    outcome: int | None = None
    failed: frozenset[int] = frozenset()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A drawing with its caption and what it shows in words."""

    name: str
    caption: str
    alt: str
    draw: Callable[[], Drawing]


Block = Paragraph | Bullets | KeyFigures | Table | Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A titled part of a level."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What one kind of reader needs."""

    anchor: str
    title: str
    reader: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole report, in one language.

    Attributes:
        tone: "good" when released, "bad" when refused.
        reasons: for a refusal, one sentence per finding that did not pass, with its rule.
        people: what people signed, one sentence each: it stands on the first page.
    """

    language: str
    title: str
    organisation: str
    subtitle: str
    tone: Tone
    verdict: str
    summary: str
    reasons: tuple[Coded, ...]
    people: tuple[str, ...]
    people_title: str
    contents: str
    levels: tuple[Level, ...]
    footer: tuple[str, ...]
