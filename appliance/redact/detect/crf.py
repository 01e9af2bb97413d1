"""A small sequence model: a linear-chain CRF over words, their neighbours, and what the rules saw.

Owns the features (`features`), the model file (`SequenceModel`) and how labels become spans. A
model knows the document family it was trained on and little else; it adds to the rules and never
replaces them. Files are data, not code: crfsuite's binary format, compressed, digest-pinned.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pycrfsuite

from appliance.errors import IntegrityError, MachineError
from appliance.records import Span
from appliance.redact.detect.lexicon import Lexicon, fold

#: Changes whenever `features` does: a model is used only with the features it was trained on.
FEATURES_VERSION = 1
MODEL_FILE = "model.crfsuite.xz"
CARD_FILE = "model.json"

_TOKEN = re.compile(r"\d+|[^\W\d_]+|[^\w\s]|_")
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+(?=[^\Wa-zà-ÿ])")
_HINT = "appliance detector train"
#: Longest run of words labelled at once.
_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text, with its place."""

    text: str = field(repr=False)
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """The words of one sentence or line, and what came before it."""

    tokens: list[Token] = field(repr=False)
    line: int
    lines: int
    before: str = field(repr=False)


def sequences(text: str) -> list[Sentence]:
    """Cut a text into lines, long lines into sentences, and those into words."""
    lines = text.split("\n")
    found = []
    offset = 0
    before = "^"
    for number, line in enumerate(lines):
        for start, end in _sentences(line):
            tokens = [
                Token(m.group(), offset + m.start(), offset + m.end())
                for m in _TOKEN.finditer(line, start, end)
            ]
            for i in range(0, len(tokens), _LIMIT):
                chunk = tokens[i : i + _LIMIT]
                found.append(Sentence(chunk, number, len(lines), before))
                before = fold(chunk[-1].text)
        offset += len(line) + 1
    return found


def _sentences(line: str) -> Iterable[tuple[int, int]]:
    if len(line) <= 400:
        yield 0, len(line)
        return
    start = 0
    for match in _SENTENCE_END.finditer(line):
        if match.start() - start >= 80:
            yield start, match.start()
            start = match.end()
    yield start, len(line)


def _shape(word: str) -> str:
    if word.isdigit():
        return "0" * min(len(word), 9)
    if not word[0].isalpha():
        return word
    if word.isupper():
        return "A" if len(word) == 1 else "AA" if len(word) < 4 else "AAA"
    if word.islower():
        return "a" if len(word) < 4 else "aa"
    return "Aa" if word[0].isupper() and word[1:].islower() else "aA"


def _bucket(number: int, of: int) -> str:
    if number < 4:
        return f"{number}"
    if number >= of - 4:
        return f"-{of - number}"
    return "head" if number < 20 else "body"


def _hits(text: str, spans: Iterable[Span]) -> tuple[dict[int, str], set[str]]:
    """Return what the rules say at each character that begins a token, and the words of names."""
    at: dict[int, tuple[float, str]] = {}
    names: set[str] = set()
    for span in spans:
        tag = f"{span.entity_type}:{int(span.score * 4)}"
        for token in _TOKEN.finditer(text, span.start, span.end):
            key = token.start()
            if key not in at or at[key][0] < span.score:
                at[key] = (span.score, tag)
            if span.entity_type == "PERSON" and span.score >= 0.6 and len(token.group()) > 2:
                names.add(token.group())
    return {key: tag for key, (_, tag) in at.items()}, names


class FeatureMaker:
    """Turns words into the names of their features."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Use the word lists of a language."""
        self._lexicon = lexicon
        self._own: dict[str, tuple[str, ...]] = {}

    def _word(self, word: str) -> tuple[str, ...]:
        """Return the features of a word by itself; the same word comes back often."""
        cached = self._own.get(word)
        if cached is not None:
            return cached
        folded = fold(word)
        low = re.sub(r"\d", "0", word.lower())
        made = [f"w={low}", f"s={_shape(word)}", f"3={low[-3:]}", f"2={low[-2:]}", f"p={low[:3]}"]
        if word[0].isalpha():
            known = self._lexicon
            flags = (
                ("f" if folded in known.first else "")
                + ("l" if folded in known.last else "")
                + ("p" if folded in known.places else "")
            )
            made.append(f"g={flags}{'U' if word[0].isupper() else 'l'}")
        result = tuple(made)
        if len(self._own) > 200_000:
            self._own.clear()
        self._own[word] = result
        return result

    def make(
        self, text: str, sequence: Sentence, at: dict[int, str], names: set[str]
    ) -> list[list[str]]:
        """Return the features of each word of a sequence."""
        tokens = sequence.tokens
        own = [self._word(t.text) for t in tokens]
        rules = [at.get(t.start, "") for t in tokens]
        place = _bucket(sequence.line, sequence.lines)
        label = _label(tokens)
        made = []
        last = len(tokens) - 1
        for i, token in enumerate(tokens):
            feats = ["b", *own[i]]
            if rules[i]:
                feats.append("r=" + rules[i])
            if token.text in names:
                feats.append("n")
            if i:
                before = own[i - 1]
                feats += (
                    "-" + before[0],
                    "-" + before[1],
                    f"-|{before[0]}|{own[i][1]}",
                    f"-s|{before[1]}|{own[i][1]}",
                )
                if rules[i - 1]:
                    feats.append("-r=" + rules[i - 1])
                if text[token.start - 1].isspace():
                    feats.append("sp")
            else:
                feats += ("BOS", "BOS|" + own[i][1], "pl=" + sequence.before)
            if i > 1:
                feats += ("--" + own[i - 2][0], f"--|{own[i - 2][0]}|{own[i - 1][0]}")
            if i < last:
                after = own[i + 1]
                feats += ("+" + after[0], "+" + after[1], f"+s|{own[i][1]}|{after[1]}")
                if rules[i + 1]:
                    feats.append("+r=" + rules[i + 1])
            else:
                feats.append("EOS")
            if i + 1 < last:
                feats.append("++" + own[i + 2][0])
            if label:
                feats += ("L=" + label, f"L={label}|{own[i][1]}")
            feats.append(f"@{place}|{own[i][1]}" if place != "body" else "@body")
            made.append(feats)
        return made


def _label(tokens: Sequence[Token]) -> str:
    """Return the field label of a line such as "Name: ...", folded."""
    for i, token in enumerate(tokens[:6]):
        if token.text == ":":
            return " ".join(fold(t.text) for t in tokens[:i])
    return ""


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
    """

    language: str
    labels: tuple[str, ...]
    context_labels: tuple[str, ...]
    threshold: float
    documents: int
    provenance: str
    digest: str
    features_version: int = FEATURES_VERSION


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
        card = Card(**{k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()})
    except TypeError:
        raise IntegrityError(str(directory / CARD_FILE), "has other fields", hint=_HINT) from None
    if card.features_version != FEATURES_VERSION:
        raise MachineError(
            str(directory), "was trained by another version; train it again", hint=_HINT
        )
    return card


class SequenceModel:
    """A trained CRF, ready to label."""

    def __init__(self, directory: Path, lexicon: Lexicon) -> None:
        """Load a model directory.

        Raises:
            MachineError: it holds no model, or one for other features.
            IntegrityError: the model is not the one its card describes.
        """
        self.card = read_card(directory)
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
        """Label a plain text.

        Args:
            text: plain text.
            hits: what the rules found in it.

        Returns:
            Spans with source "model:<language>".
        """
        at, names = _hits(text, hits)
        found: list[Span] = []
        for sequence in sequences(text):
            self._tagger.set(self._maker.make(text, sequence, at, names))
            labels, scores = self._decide(len(sequence.tokens))
            found.extend(
                self._span(sequence.tokens, first, last, label, scores)
                for first, last, label in runs(labels)
                if label not in self.card.context_labels
            )
        return found

    def _decide(self, count: int) -> tuple[list[str], list[float]]:
        labels = self._tagger.tag()
        scores = []
        for i in range(count):
            nothing = self._tagger.marginal("O", i)
            if labels[i] == "O" and nothing < self.card.threshold:
                labels[i] = max(self._labels, key=lambda label: self._tagger.marginal(label, i))  # noqa: B023  called at once
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
            score=round(0.4 + 0.45 * score, 3),
            source=f"model:{self.card.language}",
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
