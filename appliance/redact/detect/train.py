"""Train a small detector from annotated documents: the customer's own, or a public corpus.

    python -m appliance.redact.detect.train --language pt --gold docs.jsonl --out DIR

Gold lines are {"id", "text", "spans": [{"start", "end", "type"}]}; code points, half-open. A file
whose name ends in .txt holds marked documents instead, each under a line "=== N":
`Seen by Dr. [PERSON Ana Ruiz] on [DATE 3/4].`
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pycrfsuite

from appliance.errors import DataError
from appliance.records import Span
from appliance.redact.detect.crf import CARD_FILE, CEILING, MODEL_FILE, Card
from appliance.redact.detect.detector import Detector
from appliance.redact.detect.features import FeatureMaker, Sentence, rule_tags, sentences
from appliance.redact.detect.normalise import normalise
from appliance.redact.detect.patterns import lower
from appliance.redact.detect.settings import DetectorSettings

#: Names of types in public corpora, and ours.
_TYPES = {
    "DATE": "DATE_TIME",
    "TIME": "DATE_TIME",
    "ORG": "ORGANIZATION",
    "PER": "PERSON",
    "NAME": "PERSON",
    "LOC": "LOCATION",
    "PHONE": "PHONE_NUMBER",
    "EMAIL": "EMAIL_ADDRESS",
    "ID": "ID_NUMBER",
    "SSN": "US_SSN",
    "CARD": "CREDIT_CARD",
    "IBAN": "IBAN_CODE",
    "IP": "IP_ADDRESS",
    "DEM": "NRP",
}
#: Types that are learned to be told apart but never reported.
CONTEXT_TYPES = frozenset({"LEGAL", "MISC", "OTHER", "QUANTITY"})
MINIMUM_DOCUMENTS = 20
_MARKED = re.compile(r"\[([A-Z][A-Z_]+) ([^\]]+)\]")
_HEAD = re.compile(r"(?m)^=== .*\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldDocument:
    """An annotated document.

    Attributes:
        text: its text; private.
        spans: its personal data.
        lowered: learn it once more without capitals, as messages are written.
    """

    text: str = field(repr=False)
    spans: tuple[Span, ...] = field(repr=False)
    lowered: bool = False


def read_gold(path: Path) -> list[GoldDocument]:
    """Read annotated documents.

    Raises:
        DataError: a line is not JSON or lacks text or spans; the line is named, never shown.
    """
    if path.suffix == ".txt":
        return [_marked(part) for part in _HEAD.split(path.read_text("utf-8"))[1:]]
    documents = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                spans = tuple(
                    Span(
                        start=int(s["start"]),
                        end=int(s["end"]),
                        entity_type=str(s.get("type") or s["entity_type"]),
                        score=1.0,
                    )
                    for s in row["spans"]
                )
                documents.append(GoldDocument(text=str(row["text"]), spans=spans))
            except (ValueError, KeyError, TypeError, AttributeError):
                raise DataError(
                    f"{path.name}: line {number}",
                    'expected {"text", "spans": [{"start", "end", "type"}]}',
                    hint="appliance evaluate-detection --help",
                ) from None
    return documents


def _marked(text: str) -> GoldDocument:
    """Take the marks out of a document."""
    plain, spans, position = "", [], 0
    for mark in _MARKED.finditer(text):
        plain += text[position : mark.start()]
        end = len(plain) + len(mark[2])
        spans.append(Span(start=len(plain), end=end, entity_type=mark[1], score=1.0))
        plain += mark[2]
        position = mark.end()
    return GoldDocument(text=plain + text[position:], spans=tuple(spans))


def _labels(sentence: Sentence, spans: Sequence[Span]) -> list[str]:
    """Give each word its B-/I-/O label; of overlapping spans the longest wins."""
    labels = ["O"] * len(sentence.tokens)
    for span in sorted(spans, key=lambda s: s.end - s.start):
        first = True
        kind = _TYPES.get(span.entity_type, span.entity_type)
        for i, token in enumerate(sentence.tokens):
            if token.start < span.end and token.end > span.start:
                labels[i] = ("B-" if first else "I-") + kind
                first = False
    return labels


def train_detector(
    documents: Sequence[GoldDocument],
    out: Path,
    *,
    language: str,
    provenance: str,
    threshold: float = 0.6,
    iterations: int = 150,
    l1: float = 0.2,
    l2: float = 0.05,
    without_rules: bool = False,
    ceiling: float = CEILING,
) -> Card:
    """Train a detector and write it to a directory.

    Args:
        documents: annotated documents, at least 20; 200 to 300 give a useful detector.
        out: directory to make; `model.crfsuite.xz` and `model.json` are written into it.
        language: ISO 639-1.
        provenance: where the documents came from, for the card and the report.
        threshold: in (0, 1]; report a word when the probability of "nothing" is below it.
        iterations: of L-BFGS.
        l1: weight of the L1 penalty; more makes a smaller model.
        l2: weight of the L2 penalty.
        without_rules: learn each document a second time as if the rules had seen nothing in it.
            Where the rules know the documents well, a model learns to repeat them; what they
            miss it then tells by the words around. Raises recall, lowers precision.
        ceiling: score of its surest hit, (0.4, 1].

    Returns:
        The model's card.

    Raises:
        DataError: too few documents, or none has a span.

    Guarantees:
        The same documents and arguments give the same file.

    Reference:
        Lafferty, McCallum, Pereira 2001, conditional random fields; trained by orthant-wise
        L-BFGS (Andrew, Gao 2007) as in crfsuite.
    """
    if len(documents) < MINIMUM_DOCUMENTS or not any(d.spans for d in documents):
        raise DataError(
            "gold",
            f"expected at least {MINIMUM_DOCUMENTS} annotated documents, found {len(documents)}",
            hint="appliance detector train --help",
        )
    detector = Detector.build(DetectorSettings(languages=(language,), ner=False))
    maker = FeatureMaker(detector.lexicon)
    trainer = pycrfsuite.Trainer(verbose=False)
    kinds: set[str] = set()
    for document in documents:
        for features, labels in _examples(document, detector, maker, without_rules):
            trainer.append(features, labels)
            kinds.update(label[2:] for label in labels if label != "O")
    trainer.select("lbfgs")
    trainer.set_params({"c1": l1, "c2": l2, "max_iterations": iterations, "feature.minfreq": 2})
    out.mkdir(parents=True, exist_ok=True)
    # NOTE: in memory, never in a file: the unpacked model spells out words of the documents.
    with os.fdopen(os.memfd_create("detector"), "rb") as memory:
        trainer.train(f"/proc/self/fd/{memory.fileno()}")
        packed = lzma.compress(memory.read(), preset=9 | lzma.PRESET_EXTREME)
    card = Card(
        language=language,
        labels=tuple(sorted(kinds - CONTEXT_TYPES)),
        context_labels=tuple(sorted(kinds & CONTEXT_TYPES)),
        threshold=threshold,
        documents=len(documents),
        provenance=provenance,
        digest="sha256:" + hashlib.sha256(packed).hexdigest(),
        ceiling=ceiling,
    )
    (out / MODEL_FILE).write_bytes(packed)
    (out / CARD_FILE).write_text(json.dumps(asdict(card), indent=1, ensure_ascii=False) + "\n")
    return card


def _examples(
    document: GoldDocument, detector: Detector, maker: FeatureMaker, without_rules: bool
) -> Iterable[tuple[list[list[str]], list[str]]]:
    """Yield features and labels of each sentence, on the plain text the detector will see."""
    plain = normalise(document.text)
    text = plain.text
    spans = list(document.spans)
    if plain.starts is not None:
        spans = [_to_plain(plain.starts, s) for s in spans]
    at, names = rule_tags(text, detector.rule_hits(text))
    for sentence in sentences(text):
        if sentence.tokens:
            labels = _labels(sentence, spans)
            yield maker.make(text, sentence, at, names), labels
            if without_rules:
                yield maker.make(text, sentence, {}, set()), labels
    low = lower(text)
    for sentence in sentences(low) if document.lowered else ():
        if sentence.tokens:
            yield maker.make(low, sentence, {}, set()), _labels(sentence, spans)


def _to_plain(starts: Sequence[int], span: Span) -> Span:
    inside = [i for i, start in enumerate(starts) if span.start <= start < span.end]
    return Span(
        start=inside[0] if inside else 0,
        end=inside[-1] + 1 if inside else 0,
        entity_type=span.entity_type,
        score=span.score,
    )


def main() -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--language", required=True)
    parser.add_argument("--gold", type=Path, default=[], action="append")
    parser.add_argument(
        "--lowered", type=Path, default=[], action="append", help="gold, learned also in lower case"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--provenance", required=True)
    parser.add_argument("--threshold", type=float, default=0.6)
    parser.add_argument("--ceiling", type=float, default=CEILING, help="of the scores")
    parser.add_argument("--without-rules", action="store_true", help="learn each document twice")
    parser.add_argument("--half", type=int, choices=(0, 1), help="use every second document")
    args = parser.parse_args()
    documents = [d for path in args.gold for d in read_gold(path)]
    documents += [replace(d, lowered=True) for path in args.lowered for d in read_gold(path)]
    if args.half is not None:
        documents = documents[args.half :: 2]
    train_detector(
        documents,
        args.out,
        language=args.language,
        provenance=args.provenance,
        threshold=args.threshold,
        without_rules=args.without_rules,
        ceiling=args.ceiling,
    )


if __name__ == "__main__":
    main()
