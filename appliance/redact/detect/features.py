"""What a sequence model sees of a word: itself, its neighbours, its line, what the rules saw.

NOTE: a change here makes every trained model useless; raise `FEATURES_VERSION` and train again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from appliance.records import Span
from appliance.redact.detect.lexicon import Lexicon, fold

#: Changes whenever the features do: a model is used only with those it was trained on.
FEATURES_VERSION = 1
_TOKEN = re.compile(r"\d+|[^\W\d_]+|[^\w\s]|_")
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+(?=[^\Wa-zà-ÿ])")
#: Longest run of words labelled at once.
_LIMIT = 300


@dataclass(slots=True)  # Not frozen: made for every word, and freezing doubles the time.
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


def sentences(text: str) -> list[Sentence]:
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


def rule_tags(text: str, spans: Iterable[Span]) -> tuple[dict[int, str], set[str]]:
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


@dataclass(slots=True)
class _Word:
    """What a word gives its own features and those of its neighbours."""

    own: tuple[str, ...] = field(repr=False)
    word: str = field(repr=False)
    shape: str = field(repr=False)
    before: tuple[str, str] = field(repr=False)
    after: tuple[str, str] = field(repr=False)
    before_that: str = field(repr=False)
    after_that: str = field(repr=False)


class FeatureMaker:
    """Turns words into the names of their features."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Use the word lists of a language."""
        self._lexicon = lexicon
        self._own: dict[str, _Word] = {}

    def _word(self, word: str) -> _Word:
        """Work out what a word gives by itself, and keep it: the same word comes back often."""
        folded = fold(word)
        low = re.sub(r"\d", "0", word.lower())
        w, s = f"w={low}", f"s={_shape(word)}"
        made = ["b", w, s, f"3={low[-3:]}", f"2={low[-2:]}", f"p={low[:3]}"]
        if word[0].isalpha():
            known = self._lexicon
            flags = (
                ("f" if folded in known.first else "")
                + ("l" if folded in known.last else "")
                + ("p" if folded in known.places else "")
            )
            made.append(f"g={flags}{'U' if word[0].isupper() else 'l'}")
        before, after = ("-" + w, "-" + s), ("+" + w, "+" + s)
        result = _Word(tuple(made), w, s, before, after, "--" + w, "++" + w)
        if len(self._own) > 100_000:
            self._own.clear()
        self._own[word] = result
        return result

    def make(
        self, text: str, sentence: Sentence, at: dict[int, str], names: set[str]
    ) -> list[list[str]]:
        """Return the features of each word of a sentence.

        Args:
            text: the whole plain text.
            sentence: one of its `sentences`.
            at: what the rules say at a character, from `rule_tags`.
            names: words the rules found in names anywhere in the text.
        """
        tokens = sentence.tokens
        known = self._own
        own = [known.get(t.text) or self._word(t.text) for t in tokens]
        rules = [at.get(t.start, "") for t in tokens]
        place = _bucket(sentence.line, sentence.lines)
        label = _label(tokens)
        made = []
        for i, token in enumerate(tokens):
            shape = own[i].shape
            feats = [*own[i].own]
            if rules[i]:
                feats.append("r=" + rules[i])
            if token.text in names:
                feats.append("n")
            if i:
                _before(feats, own, rules, i)
                if text[token.start - 1].isspace():
                    feats.append("sp")
            else:
                feats += ("BOS", "BOS|" + shape, "pl=" + sentence.before)
            _after(feats, own, rules, i)
            if label:
                feats += ("L=" + label, f"L={label}|{shape}")
            feats.append(f"@{place}|{shape}" if place != "body" else "@body")
            made.append(feats)
        return made


def _before(feats: list[str], own: Sequence[_Word], rules: Sequence[str], i: int) -> None:
    last, shape = own[i - 1], own[i].shape
    feats += last.before
    feats += (f"-|{last.word}|{shape}", f"-s|{last.shape}|{shape}")
    if rules[i - 1]:
        feats.append("-r=" + rules[i - 1])
    if i > 1:
        feats += (own[i - 2].before_that, f"--|{own[i - 2].word}|{last.word}")


def _after(feats: list[str], own: Sequence[_Word], rules: Sequence[str], i: int) -> None:
    if i + 1 == len(own):
        feats.append("EOS")
        return
    follows = own[i + 1]
    feats += follows.after
    feats.append(f"+s|{own[i].shape}|{follows.shape}")
    if rules[i + 1]:
        feats.append("+r=" + rules[i + 1])
    if i + 2 < len(own):
        feats.append(own[i + 2].after_that)


def _label(tokens: Sequence[Token]) -> str:
    """Return the field label of a line such as "Name: ...", folded."""
    for i, token in enumerate(tokens[:6]):
        if token.text == ":":
            return " ".join(fold(t.text) for t in tokens[:i])
    return ""
