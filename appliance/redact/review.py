"""A sample of texts for a steward to judge, and recall estimated from the answers.

Owns the drawing of the queue and its statistics. The queue is private: it is written to the vault
only, and a steward answers it in the terminal. An answer is two numbers: pieces missed, and pieces
covered that are not personal.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from appliance.crypto.canonical import keyed_digest
from appliance.errors import UsageError
from appliance.evidence import Interval, Recall
from appliance.records import Span
from appliance.redact import lines
from appliance.redact.measure import Finder, clopper_pearson
from appliance.vault import Vault

QUEUE = "review/queue.jsonl"
ANSWERS = "review/answers.jsonl"
#: Longest excerpt, in characters; longer texts are cut at a line or sentence end.
EXCERPT = 700
_BREAK = re.compile(r"(?<=[.!?;])\s+|\n+")


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
        missed: personal pieces that were not found.
        wrong: found pieces that are not personal.
    """

    number: int
    missed: int
    wrong: int


def draw_queue(
    texts: Iterable[str], *, count: int, detector: Finder, key: bytes
) -> list[ReviewItem]:
    """Draw excerpts at random, by key, each as likely as any other.

    Args:
        texts: the texts, before de-identification; read once, never held together.
        count: excerpts to draw.
        detector: what is to be judged.
        key: 32 bytes; the same key draws the same queue.
    """
    chosen: list[tuple[int, int, str]] = []
    number = 0
    for text in texts:
        for excerpt in excerpts(text):
            rank = int.from_bytes(keyed_digest(key, b"review", str(number).encode())[:8], "big")
            entry = (-rank, -number, excerpt)
            number += 1
            if len(chosen) < count:
                heapq.heappush(chosen, entry)
            else:
                heapq.heappushpop(chosen, entry)
    drawn = [excerpt for *_, excerpt in sorted(chosen, key=lambda e: -e[1])]
    found = detector.detect_batch(drawn) if drawn else []
    return [
        ReviewItem(number=i, text=text, spans=tuple(sorted(spans)))
        for i, (text, spans) in enumerate(zip(drawn, found, strict=True), start=1)
    ]


def excerpts(text: str) -> list[str]:
    """Cut a text into excerpts of at most `EXCERPT` characters, at line or sentence ends."""
    pieces: list[str] = []
    held = ""
    for part in _BREAK.split(text):
        for start in range(0, len(part), EXCERPT):
            piece = part[start : start + EXCERPT]
            if held and len(held) + len(piece) + 1 > EXCERPT:
                pieces.append(held)
                held = ""
            held = f"{held} {piece}" if held else piece
    return [p for p in [*pieces, held] if any(c.isalnum() for c in p)]


def write_queue(vault: Vault, items: Sequence[ReviewItem]) -> None:
    """Seal a queue, replacing an earlier one and its answers."""
    with lines.writing(vault, QUEUE) as writer:
        for item in items:
            spans = [[s.start, s.end, s.entity_type, s.score, s.source] for s in item.spans]
            writer.append([item.number, item.text, spans])
    if vault.exists(ANSWERS):
        vault.delete(ANSWERS)


def read_queue(vault: Vault) -> list[ReviewItem]:
    """Open the sealed queue.

    Raises:
        UsageError: none was drawn.
    """
    if not vault.exists(QUEUE):
        raise UsageError("review", "no queue was drawn", hint="appliance detect --review N ...")
    return [
        ReviewItem(
            number=number,
            text=text,
            spans=tuple(
                Span(start=a, end=b, entity_type=t, score=score, source=source)
                for a, b, t, score, source in spans
            ),
        )
        for number, text, spans in lines.reading(vault, QUEUE)
    ]


def write_answers(vault: Vault, answers: Sequence[Answer]) -> None:
    """Seal the answers given so far."""
    with lines.writing(vault, ANSWERS) as writer:
        for answer in answers:
            writer.append([answer.number, answer.missed, answer.wrong])


def read_answers(vault: Vault) -> list[Answer]:
    """Open the answers given so far; none is an empty list."""
    if not vault.exists(ANSWERS):
        return []
    return [
        Answer(number=number, missed=missed, wrong=wrong)
        for number, missed, wrong in lines.reading(vault, ANSWERS)
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


def estimate(items: Sequence[ReviewItem], answers: Sequence[Answer]) -> Recall | None:
    """Estimate recall and precision of a detector from a steward's answers.

    Args:
        items: the queue.
        answers: judgements of some of its items.

    Returns:
        Recall and precision by pieces with 95 % intervals; None while nothing personal was judged.

    Guarantees:
        The intervals allow for pieces of one excerpt being missed together: they are exact
        binomial intervals at the effective number of pieces, never at more than there are.

    Reference:
        Korn and Graubard 1998, Survey Methodology 24, section 3: Clopper-Pearson with the
        effective sample size; where the estimated variance is zero, the number of excerpts.
    """
    found = {item.number: len(item.spans) for item in items}
    judged = [a for a in answers if a.number in found]
    right = [max(0, found[a.number] - a.wrong) for a in judged]
    personal = [r + a.missed for r, a in zip(right, judged, strict=True)]
    if sum(personal) == 0:
        return None
    covered = [found[a.number] for a in judged]
    recall = sum(right) / sum(personal)
    precision = sum(right) / sum(covered) if sum(covered) else 0.0
    return Recall(
        documents=len(judged),
        recall=recall,
        recall_interval=_clustered(right, personal),
        precision=precision,
        precision_interval=_clustered(right, covered),
        by_type={},
        reasons={"by_type": "a review counts missed pieces, not their types"},
    )


def _clustered(hits: Sequence[int], trials: Sequence[int]) -> Interval:
    """Return the interval of a ratio over clusters."""
    total = sum(trials)
    clusters = sum(t > 0 for t in trials)
    if total == 0:
        return (0.0, 1.0)
    share = sum(hits) / total
    spread = sum((h - share * t) ** 2 for h, t in zip(hits, trials, strict=True))
    variance = spread / total**2 * clusters / max(1, clusters - 1)
    effective = float(clusters)
    if variance > 0:
        effective = min(float(total), share * (1.0 - share) / variance)
    effective = max(1.0, effective)
    return clopper_pearson_real(share * effective, effective)


def clopper_pearson_real(hits: float, trials: float) -> Interval:
    """Return the Clopper-Pearson interval at a number of trials that need not be whole."""
    if float(hits).is_integer() and float(trials).is_integer():
        return clopper_pearson(int(hits), int(trials))
    from scipy.stats import beta

    low = 0.0 if hits <= 0 else float(beta.ppf(0.025, hits, trials - hits + 1))
    high = 1.0 if hits >= trials else float(beta.ppf(0.975, hits + 1, trials - hits))
    return (low, high)
