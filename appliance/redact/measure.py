"""Measure a detector against annotated documents.

Owns the definition: recall is the share of annotated words that any finding touches ("what is
masked"), precision the share of found words inside any annotation. Words, not spans: half a name
left is a leak. Titles and function words within annotations need not be masked.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
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
            except orjson.JSONDecodeError:
                document = None
            if not _is_annotated(document):
                raise DataError(
                    f"{path}: line {number}",
                    'expected {"text", "spans": [{"start", "end", "type"}]}',
                    hint="appliance evaluate-detection --help",
                )
            yield document


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A measured share with its 95 % interval.

    Attributes:
        hits: words counted.
        words: out of how many.
    """

    hits: int
    words: int

    @property
    def value(self) -> float:
        """Return the share; 0 of nothing is 0."""
        return self.hits / self.words if self.words else 0.0

    @property
    def interval(self) -> Interval:
        """Return the Clopper-Pearson interval."""
        return clopper_pearson(self.hits, self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What a detector did on annotated documents, by words.

    Attributes:
        documents: documents read.
        clean: annotated documents in which nothing annotated is left.
        annotated: documents with an annotation.
        recall: annotated words that are masked.
        precision: masked words that are annotated.
        recall_by_type: annotated type -> recall.
        precision_by_type: found type -> precision.
    """

    documents: int
    clean: int
    annotated: int
    recall: Share
    precision: Share
    recall_by_type: dict[str, Share]
    precision_by_type: dict[str, Share]

    @property
    def f2(self) -> float:
        """Return F2 of precision and recall."""
        return f2(self.precision.value, self.recall.value)


def evaluate_detection(
    gold: Iterable[dict[str, Any]], detector: Finder, *, scope: frozenset[str] | None = None
) -> Recall:
    """Measure recall and precision with 95 % intervals, for the report; see `score_detection`."""
    scores = score_detection(gold, detector, scope=scope)
    return Recall(
        documents=scores.documents,
        recall=scores.recall.value,
        recall_interval=scores.recall.interval,
        precision=scores.precision.value,
        precision_interval=scores.precision.interval,
        by_type={name: share.value for name, share in scores.recall_by_type.items()},
    )


def score_detection(
    gold: Iterable[dict[str, Any]], detector: Finder, *, scope: frozenset[str] | None = None
) -> Scores:
    """Count what a detector masks of annotated documents, and what besides.

    Args:
        gold: annotated documents, see `read_gold`.
        detector: what is measured.
        scope: annotated types that count for recall; None means all.

    Returns:
        Recall and precision by words, whole and by type.

    Raises:
        DataError: a document is not as `read_gold` describes, or none holds an annotation.
    """
    counts = _Counts()
    for chunk in _chunks(map(checked, gold)):
        spans = detector.detect_batch([document["text"] for document in chunk])
        for document, hits in zip(chunk, spans, strict=True):
            counts.add(document, hits, scope)
    if not counts.words:
        raise DataError(
            "annotated documents",
            "hold no annotation to measure against",
            hint="appliance evaluate-detection --help",
        )
    return Scores(
        documents=counts.documents,
        clean=counts.clean,
        annotated=counts.annotated,
        recall=Share(hits=counts.masked.total(), words=counts.words.total()),
        precision=Share(hits=counts.right, words=counts.found),
        recall_by_type={
            name: Share(hits=counts.masked[name], words=counts.words[name])
            for name in sorted(counts.words)
        },
        precision_by_type={
            name: Share(hits=counts.right_by_type[name], words=counts.found_by_type[name])
            for name in sorted(counts.found_by_type)
        },
    )


@dataclass(slots=True)
class _Counts:
    """Running counts of words."""

    documents: int = 0
    clean: int = 0
    annotated: int = 0
    found: int = 0
    right: int = 0
    words: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    found_by_type: Counter[str] = field(default_factory=Counter)
    right_by_type: Counter[str] = field(default_factory=Counter)

    def add(
        self, document: dict[str, Any], hits: Sequence[Span], scope: frozenset[str] | None
    ) -> None:
        """Count one document."""
        text = document["text"]
        masked = _cover(text, ((s.start, s.end) for s in hits))
        left = False
        by_type = _annotated(document, scope)
        for entity_type, places in by_type.items():
            covered = sum(any(masked[a:b]) for a, b in places)
            self.words[entity_type] += len(places)
            self.masked[entity_type] += covered
            left = left or covered < len(places)
        self.documents += 1
        self.annotated += bool(by_type)
        self.clean += bool(by_type) and not left
        annotated = _cover(text, ((s["start"], s["end"]) for s in document["spans"]))
        for match in _WORD.finditer(text):
            if any(masked[match.start() : match.end()]):
                self.found += 1
                self.right += any(annotated[match.start() : match.end()])
        for span in hits:
            for match in _WORD.finditer(text[span.start : span.end]):
                self.found_by_type[span.entity_type] += 1
                start, end = span.start + match.start(), span.start + match.end()
                self.right_by_type[span.entity_type] += any(annotated[start:end])


def checked(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document that is as `read_gold` describes.

    Raises:
        DataError: it is not; nothing of it is shown.
    """
    if not _is_annotated(document):
        raise DataError(
            "annotated documents",
            'expected {"text", "spans": [{"start", "end", "type"}]}',
            hint="appliance evaluate-detection --help",
        )
    return document


def _is_annotated(document: object) -> bool:
    try:
        text, spans = document["text"], document["spans"]  # type: ignore[index]  # any JSON value
        ends = [(s["start"], s["end"], s.get("type") or s["entity_type"]) for s in spans]
        return isinstance(text, str) and all(
            0 <= a < b <= len(text) and isinstance(t, str) for a, b, t in ends
        )
    except (KeyError, TypeError, AttributeError):
        return False


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
