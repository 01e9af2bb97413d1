"""A sample of texts for a steward to judge, and recall estimated from the answers.

Owns the drawing of a queue and its statistics. A queue is private: it is written to the vault only,
and a steward answers it in the terminal. An answer is two numbers: pieces missed, and pieces
covered that are not personal. When the last excerpt is answered the excerpts are deleted; the
numbers stay.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from appliance.crypto.canonical import keyed_digest
from appliance.evidence import Recall
from appliance.records import Span
from appliance.redact import lines
from appliance.redact.detect import Hint
from appliance.redact.measure import clustered
from appliance.vault import Vault

#: Longest excerpt, in characters; longer texts are cut at a line or sentence end.
EXCERPT = 700
#: Characters around an excerpt that the detector reads with it.
_AROUND = 4000
_BREAK = re.compile(r"(?<=[.!?;])\s+|\n+")


class Finder(Protocol):
    """The part of a detector that is judged."""

    def detect_batch(
        self, texts: Sequence[str], *, hints: Sequence[Sequence[Hint]] | None = None
    ) -> list[list[Span]]:
        """Return the spans of each text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A text that excerpts are drawn from.

    Attributes:
        text: before de-identification; private.
        hints: what is known of its person, as de-identification will know it.
    """

    text: str = field(repr=False)
    hints: tuple[Hint, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """One excerpt to judge.

    Attributes:
        number: its place in the queue, from 1.
        text: the excerpt; private.
        spans: what was found in it.
    """

    number: int
    text: str = field(repr=False)
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A steward's judgement of one excerpt.

    Attributes:
        number: the item's.
        found: pieces that were found in it.
        missed: personal pieces that were not found.
        wrong: found pieces that are not personal.
    """

    number: int
    found: int
    missed: int
    wrong: int


def draw_queue(
    passages: Iterable[Passage], *, count: int, detector: Finder, key: bytes
) -> list[ReviewItem]:
    """Draw excerpts at random, by key, each as likely as any other.

    Args:
        passages: the texts, before de-identification; read once, never held together.
        count: excerpts to draw.
        detector: what is to be judged.
        key: 32 bytes; the same key draws the same queue.
    """
    chosen: list[tuple[int, int, tuple[str, int, int, tuple[Hint, ...]]]] = []
    number = 0
    for passage in passages:
        for start, end in excerpts(passage.text):
            rank = int.from_bytes(keyed_digest(key, b"review", str(number).encode())[:8], "big")
            number += 1
            if len(chosen) == count and -rank <= chosen[0][0]:
                continue
            low = max(0, start - _AROUND)
            near = passage.text[low : end + _AROUND]
            entry = (-rank, -number, (near, start - low, end - low, passage.hints))
            (heapq.heappush if len(chosen) < count else heapq.heappushpop)(chosen, entry)
    items: list[ReviewItem] = []
    # In the order of the lots: what is answered first is a sample of the whole too.
    for place, (*_, drawn) in enumerate(sorted(chosen, reverse=True), start=1):
        near, start, end, hints = drawn
        (spans,) = detector.detect_batch([near], hints=[hints])
        items.append(
            ReviewItem(number=place, text=near[start:end], spans=_clipped(spans, start, end))
        )
    return items


def _clipped(spans: Iterable[Span], start: int, end: int) -> tuple[Span, ...]:
    """Return the parts of spans that lie in [start, end), counted from `start`."""
    return tuple(
        Span(
            start=max(s.start, start) - start,
            end=min(s.end, end) - start,
            entity_type=s.entity_type,
            score=s.score,
            source=s.source,
        )
        for s in sorted(spans)
        if s.start < end and start < s.end
    )


def excerpts(text: str) -> list[tuple[int, int]]:
    """Cut a text into excerpts of at most `EXCERPT` characters, at line or sentence ends."""
    pieces: list[tuple[int, int]] = []
    begin = end = 0
    ends = [m.end() for m in _BREAK.finditer(text)]
    for stop in [*ends, len(text)]:
        while stop - begin > EXCERPT:
            cut = end if end > begin else begin + EXCERPT
            pieces.append((begin, cut))
            begin = cut
            end = max(end, cut)
        end = stop
    pieces.append((begin, len(text)))
    return [(a, b) for a, b in pieces if any(c.isalnum() for c in text[a:b])]


def write_queue(vault: Vault, folder: str, items: Sequence[ReviewItem]) -> None:
    """Seal a queue under a folder of the vault."""
    with lines.writing(vault, f"{folder}queue.jsonl") as writer:
        for item in items:
            spans = [[s.start, s.end, s.entity_type, s.score, s.source] for s in item.spans]
            writer.append([item.number, item.text, spans])


def read_queue(vault: Vault, folder: str) -> list[ReviewItem]:
    """Open a sealed queue; one that was answered whole is empty."""
    if not vault.exists(f"{folder}queue.jsonl"):
        return []
    return [
        ReviewItem(
            number=number,
            text=text,
            spans=tuple(
                Span(start=a, end=b, entity_type=t, score=score, source=source)
                for a, b, t, score, source in spans
            ),
        )
        for number, text, spans in lines.reading(vault, f"{folder}queue.jsonl")
    ]


def remove_queue(vault: Vault, folder: str) -> None:
    """Delete the excerpts; the answers stay."""
    if vault.exists(f"{folder}queue.jsonl"):
        vault.delete(f"{folder}queue.jsonl")


def write_answers(vault: Vault, folder: str, answers: Sequence[Answer]) -> None:
    """Seal the answers given so far."""
    with lines.writing(vault, f"{folder}answers.jsonl") as writer:
        for answer in answers:
            writer.append([answer.number, answer.found, answer.missed, answer.wrong])


def read_answers(vault: Vault, folder: str) -> list[Answer]:
    """Open the answers given so far; none is an empty list."""
    if not vault.exists(f"{folder}answers.jsonl"):
        return []
    return [
        Answer(number=number, found=found, missed=missed, wrong=wrong)
        for number, found, missed, wrong in lines.reading(vault, f"{folder}answers.jsonl")
    ]


def shown(item: ReviewItem) -> str:
    """Return an excerpt with what was found marked: "seen by «PERSON: ...»"."""
    parts: list[str] = []
    position = 0
    for span in item.spans:
        parts.append(item.text[position : span.start])
        parts.append(f"«{span.entity_type}: {item.text[span.start : span.end]}»")
        position = span.end
    return "".join([*parts, item.text[position:]])


def estimate(answers: Sequence[Answer]) -> Recall | None:
    """Estimate recall and precision of a detector from a steward's answers.

    Args:
        answers: judgements of excerpts that were drawn at random.

    Returns:
        Recall and precision by pieces with 95 % intervals; None while nothing personal was judged.

    Guarantees:
        The intervals allow for pieces of one excerpt being missed together: they are exact
        binomial intervals at the effective number of pieces, never at more than there are.

    Reference:
        Korn and Graubard 1998, Survey Methodology 24, section 3: Clopper-Pearson with the
        effective sample size; where the estimated variance is zero, the number of excerpts.
    """
    right = [max(0, a.found - a.wrong) for a in answers]
    personal = [r + a.missed for r, a in zip(right, answers, strict=True)]
    if sum(personal) == 0:
        return None
    covered = [a.found for a in answers]
    recall = sum(right) / sum(personal)
    precision = sum(right) / sum(covered) if sum(covered) else 0.0
    return Recall(
        documents=len(answers),
        recall=recall,
        recall_interval=clustered(right, personal),
        precision=precision,
        precision_interval=clustered(right, covered),
        by_type={},
        reasons={"by_type": "a review counts missed pieces, not their types"},
    )
