"""A small sequence model: a linear-chain CRF over words, their neighbours, and what the rules saw.

Owns the model file (`SequenceModel`) and how labels become spans. A
model knows the document family it was trained on and little else; it adds to the rules and never
replaces them. Files are data, not code: crfsuite's binary format, compressed, digest-pinned.
"""

from __future__ import annotations

import hashlib
import json
import lzma
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pycrfsuite

from appliance.errors import IntegrityError, MachineError
from appliance.records import Span
from appliance.redact.detect.features import (
    FEATURES_VERSION,
    FeatureMaker,
    Token,
    rule_tags,
    sentences,
)
from appliance.redact.detect.lexicon import Lexicon

MODEL_FILE = "model.crfsuite.xz"
CARD_FILE = "model.json"

_HINT = "appliance detector train"
#: Score of the least sure hit.
_LEAST = 0.4
#: A word less likely than this to be anything is surely nothing.
_NOTHING = 0.005
#: Score of the surest hit, unless its card says otherwise.
CEILING = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is known about a trained model; written beside it.

    Attributes:
        language: ISO 639-1.
        labels: entity types it reports.
        context_labels: types it learned only to tell them apart; not reported.
        threshold: a word is reported when the probability of "nothing" is below this.
        documents: how many documents it was trained on.
        provenance: where they came from.
        digest: of the compressed model file, "sha256:<hex>".
        features_version: of the features it expects.
        ceiling: score of its surest hit; below that of rules that tell types better than it does.
    """

    language: str
    labels: tuple[str, ...]
    context_labels: tuple[str, ...]
    threshold: float
    documents: int
    provenance: str
    digest: str
    features_version: int = FEATURES_VERSION
    ceiling: float = CEILING


def read_card(directory: Path) -> Card:
    """Read the card of a model.

    Raises:
        MachineError: there is none, or it is for other features.
        IntegrityError: it is not what was written.
    """
    try:
        raw = json.loads((directory / CARD_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MachineError(str(directory), "holds no detector model", hint=_HINT) from None
    except ValueError:
        raise IntegrityError(str(directory / CARD_FILE), "is not JSON", hint=_HINT) from None
    try:
        card = Card(
            language=str(raw["language"]),
            labels=tuple(map(str, raw["labels"])),
            context_labels=tuple(map(str, raw["context_labels"])),
            threshold=float(raw["threshold"]),
            documents=int(raw["documents"]),
            provenance=str(raw["provenance"]),
            digest=str(raw["digest"]),
            features_version=int(raw["features_version"]),
            ceiling=float(raw.get("ceiling", CEILING)),
        )
    except (KeyError, TypeError, ValueError):
        raise IntegrityError(str(directory / CARD_FILE), "has other fields", hint=_HINT) from None
    if card.features_version != FEATURES_VERSION:
        raise MachineError(
            str(directory), "was trained by another version; train it again", hint=_HINT
        )
    return card


class SequenceModel:
    """A trained CRF, ready to label."""

    def __init__(self, directory: Path, lexicon: Lexicon, *, spares_ner: bool = False) -> None:
        """Load a model directory.

        Args:
            directory: as `detector train` writes it.
            lexicon: the word lists of the model's language.
            spares_ner: whether words it is sure of need no look by the entity recognizer.

        Raises:
            MachineError: it holds no model, or one for other features.
            IntegrityError: the model is not the one its card describes.
        """
        self.card = read_card(directory)
        self.spares_ner = spares_ner
        # Of our own general model the lists may doubt a hit; a customer's model is believed.
        self._source = f"model:{'shipped-' if spares_ner else ''}{self.card.language}"
        try:
            packed = (directory / MODEL_FILE).read_bytes()
        except FileNotFoundError:
            raise MachineError(str(directory), "holds no detector model", hint=_HINT) from None
        if "sha256:" + hashlib.sha256(packed).hexdigest() != self.card.digest:
            raise IntegrityError(
                str(directory / MODEL_FILE), "digest differs from its card", hint=_HINT
            )
        self._bytes = lzma.decompress(packed)
        self._tagger = pycrfsuite.Tagger()
        self._tagger.open_inmemory(self._bytes)
        self._maker = FeatureMaker(lexicon)
        self._labels = [label for label in self._tagger.labels() if label != "O"]

    def find(self, text: str, hits: Iterable[Span]) -> list[Span]:
        """Label a plain text; see `read`."""
        return self.read(text, hits)[0]

    def read(self, text: str, hits: Iterable[Span]) -> tuple[list[Span], list[tuple[int, int]]]:
        """Label a plain text.

        Args:
            text: plain text.
            hits: what the rules found in it.

        Returns:
            Spans with source "model:<language>" ("model:shipped-en" where the model spares the
            recognizer); and the bounds of words that are surely nothing.
        """
        at, names = rule_tags(text, hits)
        found: list[Span] = []
        nothing: list[tuple[int, int]] = []
        for sentence in sentences(text):
            self._tagger.set(self._maker.make(text, sentence, at, names))
            labels, scores = self._decide(len(sentence.tokens))
            found.extend(
                self._span(sentence.tokens, first, last, label, scores)
                for first, last, label in runs(labels)
                if label not in self.card.context_labels
            )
            nothing.extend(
                (token.start, token.end)
                for token, score in zip(sentence.tokens, scores, strict=True)
                if score < _NOTHING
            )
        return found, nothing

    def _decide(self, count: int) -> tuple[list[str], list[float]]:
        labels = self._tagger.tag()
        scores = []
        for i in range(count):
            nothing = self._tagger.marginal("O", i)
            if labels[i] == "O" and nothing < self.card.threshold:
                shares = {label: self._tagger.marginal(label, i) for label in self._labels}
                labels[i] = max(shares, key=shares.__getitem__)
            scores.append(1.0 - nothing)
        return labels, scores

    def _span(
        self, tokens: Sequence[Token], first: int, last: int, label: str, scores: Sequence[float]
    ) -> Span:
        score = sum(scores[first : last + 1]) / (last + 1 - first)
        return Span(
            start=tokens[first].start,
            end=tokens[last].end,
            entity_type=label,
            score=round(_LEAST + (self.card.ceiling - _LEAST) * score, 3),
            source=self._source,
        )


def runs(labels: Sequence[str]) -> list[tuple[int, int, str]]:
    """Turn B-/I-/O labels into (first, last, type); an I- after another type begins a run."""
    found: list[tuple[int, int, str]] = []
    for i, label in enumerate(labels):
        if label == "O":
            continue
        kind = label[2:]
        if label.startswith("I-") and found and found[-1][1] == i - 1 and found[-1][2] == kind:
            found[-1] = (found[-1][0], i, kind)
        else:
            found.append((i, i, kind))
    return found
