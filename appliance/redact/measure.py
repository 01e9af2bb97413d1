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
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import orjson
from numpy.typing import NDArray
from scipy.stats import beta

from appliance.errors import DataError
from appliance.evidence import Interval, Recall
from appliance.records import Span
from appliance.redact.entities import canonical, words

_WORD = re.compile(r"\w+")
_IGNORED = words(
    "mr mrs ms miss dr prof sir lady messrs the a an of and v no nos née m mme mlle sr sra dra d"
    " doña don de la el le du des do da dos das"
)
_BATCH = 64
#: Resampled sets of documents behind the interval of F2.
_RESAMPLES = 1000


class Finder(Protocol):
    """The part of a detector that is measured."""

    def detect_batch(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return the spans of each text."""


def clopper_pearson(hits: int, trials: int, *, confidence: float = 0.95) -> Interval:
    """Return the exact binomial interval of a share.

    Reference:
        Clopper and Pearson 1934, Biometrika 26.
    """
    if trials == 0:
        return (0.0, 1.0)
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, trials - hits + 1))
    high = 1.0 if hits == trials else float(beta.ppf(1.0 - tail, hits + 1, trials - hits))
    return (low, high)


def clopper_pearson_real(hits: float, trials: float) -> Interval:
    """Return the Clopper-Pearson interval at a number of trials that need not be whole."""
    if float(hits).is_integer() and float(trials).is_integer():
        return clopper_pearson(int(hits), int(trials))
    low = 0.0 if hits <= 0 else float(beta.ppf(0.025, hits, trials - hits + 1))
    high = 1.0 if hits >= trials else float(beta.ppf(0.975, hits + 1, trials - hits))
    return (low, high)


def clustered(hits: Sequence[int], trials: Sequence[int]) -> Interval:
    """Return the 95 % interval of a share whose trials come in clusters, e.g. documents.

    Args:
        hits: of each cluster.
        trials: of each cluster.

    Guarantees:
        The exact binomial interval at the effective number of trials: never at more than there
        are, and at the number of clusters where the estimated variance is zero.

    Reference:
        Korn and Graubard 1998, Survey Methodology 24, section 3.
    """
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
        interval: allows for words of one document being missed together (see `clustered`).
    """

    hits: int
    words: int
    interval: Interval

    @classmethod
    def of(cls, hits: Sequence[int], words: Sequence[int]) -> Share:
        """Return the share of counts given document by document."""
        return cls(hits=sum(hits), words=sum(words), interval=clustered(hits, words))

    @property
    def value(self) -> float:
        """Return the share; 0 of nothing is 0."""
        return self.hits / self.words if self.words else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """An F2 with its 95 % interval, by bootstrap over documents."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What a detector did on annotated documents, by words.

    Attributes:
        documents: documents read.
        clean: annotated documents in which nothing annotated is left.
        annotated: documents with an annotation.
        recall: annotated words that are masked.
        precision: masked words that are annotated.
        f2: of both.
        recall_by_type: annotated type -> recall.
        precision_by_type: found type -> precision.
        f2_by_type: type -> F2, of types both annotated and found.
    """

    documents: int
    clean: int
    annotated: int
    recall: Share
    precision: Share
    f2: Score
    recall_by_type: dict[str, Share]
    precision_by_type: dict[str, Share]
    f2_by_type: dict[str, Score]


def evaluate_detection(
    gold: Iterable[dict[str, Any]], detector: Finder, *, scope: frozenset[str] | None = None
) -> Recall:
    """Measure recall and precision with 95 % intervals, for the report; see `score_detection`."""
    return as_recall(score_detection(gold, detector, scope=scope))


def as_recall(scores: Scores) -> Recall:
    """Return the part of the scores that is evidence."""
    return Recall(
        documents=scores.documents,
        recall=scores.recall.value,
        recall_interval=scores.recall.interval,
        precision=scores.precision.value,
        precision_interval=scores.precision.interval,
        by_type={name: share.value for name, share in scores.recall_by_type.items()},
        by_type_interval={n: share.interval for n, share in scores.recall_by_type.items()},
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
    return counts.scores()


@dataclass(slots=True)
class _Counts:
    """Counts of words, document by document."""

    documents: int = 0
    clean: int = 0
    annotated: int = 0
    words: Counter[str] = field(default_factory=Counter)
    everything: list[_Document] = field(default_factory=list)

    def add(
        self, document: dict[str, Any], hits: Sequence[Span], scope: frozenset[str] | None
    ) -> None:
        """Count one document."""
        text = document["text"]
        counted = _Document()
        masked = _cover(text, ((s.start, s.end) for s in hits))
        for entity_type, places in _annotated(document, scope).items():
            counted.words[entity_type] = len(places)
            counted.masked[entity_type] = sum(any(masked[a:b]) for a, b in places)
        annotated = _cover(text, ((s["start"], s["end"]) for s in document["spans"]))
        for match in _WORD.finditer(text):
            if any(masked[match.start() : match.end()]):
                counted.all_found += 1
                counted.all_right += any(annotated[match.start() : match.end()])
        for span in hits:
            for match in _WORD.finditer(text[span.start : span.end]):
                counted.found[span.entity_type] += 1
                start, end = span.start + match.start(), span.start + match.end()
                counted.right[span.entity_type] += any(annotated[start:end])
        self.everything.append(counted)
        self.words.update(counted.words)
        self.documents += 1
        self.annotated += bool(counted.words)
        self.clean += bool(counted.words) and counted.masked == counted.words

    def scores(self) -> Scores:
        """Return the shares."""
        rows = self.everything
        masked = [r.masked.total() for r in rows]
        words = [r.words.total() for r in rows]
        right, found = [r.all_right for r in rows], [r.all_found for r in rows]
        by_type = {n: ([r.masked[n] for r in rows], [r.words[n] for r in rows]) for n in self.words}
        kinds = sorted({n for r in rows for n in r.found})
        of_found = {n: ([r.right[n] for r in rows], [r.found[n] for r in rows]) for n in kinds}
        return Scores(
            documents=self.documents,
            clean=self.clean,
            annotated=self.annotated,
            recall=Share.of(masked, words),
            precision=Share.of(right, found),
            f2=_score(masked, words, right, found),
            recall_by_type={n: Share.of(*by_type[n]) for n in sorted(by_type)},
            precision_by_type={n: Share.of(*of_found[n]) for n in kinds},
            f2_by_type={
                n: _score(*by_type[n], *of_found[canonical(n)])
                for n in sorted(by_type)
                if canonical(n) in of_found
            },
        )


@dataclass(slots=True)
class _Document:
    """Counts of one document: by annotated type, by found type, and whatever the type."""

    masked: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    all_right: int = 0
    all_found: int = 0


def _score(
    masked: Sequence[int], words: Sequence[int], right: Sequence[int], found: Sequence[int]
) -> Score:
    """Return F2 with its percentile interval over resampled documents; the same every time."""
    counts = np.array([masked, words, right, found], dtype=np.float64)
    totals = counts.sum(axis=1)
    value = f2(_over(totals[2], totals[3]), _over(totals[0], totals[1]))
    drawn = _resampled(counts.shape[1]) @ counts.T
    resampled = [f2(_over(r, f), _over(m, w)) for m, w, r, f in drawn.tolist()]
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Score(value=value, interval=(float(low), float(high)))


@lru_cache(maxsize=1)
def _resampled(documents: int) -> NDArray[np.int64]:
    """Return how often each document is drawn, resample by resample."""
    even = np.full(documents, 1.0 / documents)
    return np.random.default_rng(0).multinomial(documents, even, size=_RESAMPLES)


def _over(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


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
