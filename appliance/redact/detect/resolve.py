"""Turn overlapping hits into spans that do not overlap, without losing a masked character."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.records import Span

_SURE = 0.5


def resolve(text: str, spans: Iterable[Span]) -> list[Span]:
    """Settle overlaps.

    Args:
        text: the text the spans are of.
        spans: hits in any order.

    Returns:
        Spans in order of appearance.

    Guarantees:
        The result does not overlap; every letter or digit covered by a hit is covered by the
        result; the order of `spans` does not matter.
    """
    ranked = sorted(
        set(spans),
        key=lambda s: (
            not _of_customer(s),
            -s.score,
            s.start - s.end,
            s.start,
            s.entity_type,
            s.source,
        ),
    )
    taken: list[Span] = []
    covered = bytearray(len(text))
    for span in ranked:
        position = span.start
        while position < span.end:
            start = covered.find(0, position, span.end)
            if start < 0:
                break
            end = covered.find(1, start, span.end)
            position = span.end if end < 0 else end
            _take(text, span, start, position, taken, covered)
    return _joined(text, sorted(taken, key=lambda s: s.start))


def _of_customer(span: Span) -> bool:
    """Say whether the customer's own recognizer is sure: it then settles the type."""
    return span.source.startswith("recognizer:") and span.score >= _SURE


def _take(
    text: str, span: Span, start: int, end: int, taken: list[Span], covered: bytearray
) -> None:
    whole = (start, end) == (span.start, span.end)
    if not whole:
        while start < end and not text[start].isalnum():
            start += 1
        while start < end and not text[end - 1].isalnum():
            end -= 1
    if start >= end:
        return
    piece = Span(
        start=start, end=end, entity_type=span.entity_type, score=span.score, source=span.source
    )
    taken.append(piece)
    covered[start:end] = b"\1" * (end - start)


def _joined(text: str, spans: list[Span]) -> list[Span]:
    """Join neighbours of one type with nothing between them but one space or hyphen of a name."""
    joined: list[Span] = []
    for span in spans:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.entity_type == span.entity_type
            and (
                last.end == span.start
                or (
                    span.entity_type == "PERSON" and text[last.end : span.start] in (" ", "-", ". ")
                )
            )
        ):
            joined[-1] = Span(
                start=last.start,
                end=span.end,
                entity_type=last.entity_type,
                score=max(last.score, span.score),
                source=last.source if last.score >= span.score else span.source,
            )
        else:
            joined.append(span)
    return joined
