"""Measure a detector against annotated documents.

Owns the definition: recall is the share of annotated words that any finding touches ("what is
masked"), precision the share of found words inside any annotation. Words, not spans: half a name
left is a leak. Titles and function words within annotations need not be masked.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import orjson
from scipy.stats import beta

from appliance.errors import DataError
from appliance.evidence import Interval, Recall
from appliance.records import Span
from appliance.redact.entities import words

_WORD = re.compile(r"\w+")
_IGNORED = words(
    "mr mrs ms miss dr prof sir lady messrs the a an of and v no nos née m mme mlle sr sra dra d"
    " doña don de la el le du des do da dos das"
)
_BATCH = 64


class Finder(Protocol):
    """The part of a detector that is measured."""

    def detect_batch(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return the spans of each text."""


def clopper_pearson(hits: int, trials: int, *, confidence: float = 0.95) -> Interval:
    """Return the exact binomial interval of a share.

    Reference:
        Clopper and Pearson 1934, Biometrika 26. Words of one document are not independent, so the
        interval is descriptive where documents differ much.
    """
    if trials == 0:
        return (0.0, 1.0)
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, trials - hits + 1))
    high = 1.0 if hits == trials else float(beta.ppf(1.0 - tail, hits + 1, trials - hits))
    return (low, high)


def f2(precision: float, recall: float) -> float:
    """Return the F score that counts recall four times as much as precision."""
    if precision == 0.0 or recall == 0.0:
        return 0.0
    return 5.0 * precision * recall / (4.0 * precision + recall)


def read_gold(path: Path) -> Iterator[dict[str, Any]]:
    """Read annotated documents: JSONL of {"text", "spans": [{"start", "end", "type"}]}.

    Raises:
        DataError: a line is no such document; names file and line.
    """
    with path.open("rb") as source:
        for number, line in enumerate(source, start=1):
            if not line.strip():
                continue
            try:
                document = orjson.loads(line)
                text, spans = document["text"], document["spans"]
                ends = [(s["start"], s["end"], s.get("type") or s["entity_type"]) for s in spans]
                good = all(0 <= a < b <= len(text) and isinstance(t, str) for a, b, t in ends)
            except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
                good = False
            if not good:
                raise DataError(
                    f"{path}: line {number}",
                    'expected {"text", "spans": [{"start", "end", "type"}]}',
                    hint="appliance evaluate-detection --help",
                )
            yield document


def evaluate_detection(
    gold: Iterable[dict[str, Any]], detector: Finder, *, scope: frozenset[str] | None = None
) -> Recall:
    """Measure recall and precision with 95 % intervals.

    Args:
        gold: annotated documents, see `read_gold`.
        detector: what is measured.
        scope: annotated types that count for recall; None means all.

    Returns:
        Recall and precision by words, and recall by annotated type.
    """
    hit: Counter[str] = Counter()
    total: Counter[str] = Counter()
    found = right = documents = 0
    for chunk in _chunks(gold):
        spans = detector.detect_batch([document["text"] for document in chunk])
        for document, hits in zip(chunk, spans, strict=True):
            documents += 1
            text = document["text"]
            masked = _cover(text, ((s.start, s.end) for s in hits))
            for entity_type, places in _annotated(document, scope).items():
                total[entity_type] += len(places)
                hit[entity_type] += sum(any(masked[a:b]) for a, b in places)
            annotated = _cover(text, ((s["start"], s["end"]) for s in document["spans"]))
            for match in _WORD.finditer(text):
                if any(masked[match.start() : match.end()]):
                    found += 1
                    right += any(annotated[match.start() : match.end()])
    if not total:
        raise DataError(
            "annotated documents",
            "hold no annotation to measure against",
            hint="appliance evaluate-detection --help",
        )
    hits_n, total_n = sum(hit.values()), sum(total.values())
    recall = hits_n / total_n
    precision = right / found if found else 0.0
    return Recall(
        documents=documents,
        recall=recall,
        recall_interval=clopper_pearson(hits_n, total_n),
        precision=precision,
        precision_interval=clopper_pearson(right, found),
        by_type={name: hit[name] / total[name] for name in sorted(total)},
    )


def _chunks(gold: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    for document in gold:
        chunk.append(document)
        if len(chunk) == _BATCH:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _cover(text: str, spans: Iterable[tuple[int, int]]) -> bytearray:
    """Return one byte for each code point: 1 where a span lies."""
    mask = bytearray(len(text))
    for start, end in spans:
        mask[start:end] = b"\1" * (min(end, len(text)) - start)
    return mask


def _annotated(
    document: dict[str, Any], scope: frozenset[str] | None
) -> dict[str, list[tuple[int, int]]]:
    """Return the words that must be masked, by type."""
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    text = document["text"]
    for span in document["spans"]:
        entity_type = span.get("type") or span["entity_type"]
        if scope is not None and entity_type not in scope:
            continue
        start, end = span["start"], span["end"]
        every = [
            (start + m.start(), start + m.end(), m[0]) for m in _WORD.finditer(text[start:end])
        ]
        telling = [(a, b) for a, b, word in every if word.lower() not in _IGNORED]
        places[entity_type] += telling or [(a, b) for a, b, _ in every]
    return places
