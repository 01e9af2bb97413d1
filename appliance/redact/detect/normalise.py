"""Undo the ways a text hides personal data from patterns, keeping the way back.

Owns one function: `normalise`. What is undone:

- invisible characters (zero width, soft hyphen, variation selectors, bidi controls) are dropped;
- text between a right-to-left override and its end is put in the order a reader sees;
- full-width and other compatibility forms become ASCII; digits of any script become 0-9;
- Cyrillic and Greek letters that look Latin become Latin inside words that mix scripts or
  consist of look-alikes beside Latin text;
- separated accents are composed; exotic spaces, dashes and quotes become plain.

Every character of the result knows the slice of the original it came from, so a span found in
the result covers all characters that hid it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d\u00ad", "-")
_QUOTES = dict.fromkeys(
    "\u2018\u2019\u201a\u201b\u02bc\u02b9\u00b4\u2032\uff07", "'"
) | dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"')
_PLAIN = _DASHES | _QUOTES
del _PLAIN["\u00ad"]

_LOOKALIKES = dict(
    zip(
        "АВЕЅІЈКМНОРСТУХаеѕіјорсухһԁɡΑΒΕΖΗΙΚΜΝΟΡΤΥΧοιкмвнт",
        "ABESIJKMHOPCTYXaesijopcyxhdgABEZHIKMNOPTYXoikmbht",
        strict=True,
    )
)
_ALIKE = re.compile(f"[{''.join(_LOOKALIKES)}]")
_RLO = "\u202e"
_RLO_END = frozenset("\u202c\u2069\u202d\u202a\u202b\n")
_WORD = re.compile(r"[^\W\d_]+")
#: Letters and signs that hide nothing: a text of these needs at most one-to-one replacements.
_STRANGE = re.compile(
    r"[^\t\n\v\f\r -~\u00a0-\u00ac\u00ae-\u017f\u0218-\u021b\u2010-\u201f\u2020-\u2027\u2030-\u205e"
    r"\u20a0-\u20bf\u2122]|[\u00b2\u00b3\u00b9\u2024-\u2026]"
)
_ONE_TO_ONE = str.maketrans({**_PLAIN, "\u00a0": " "})
#: Ordinal signs: NFKC would make them letters.
_ORDINALS = frozenset("ªº")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Normalised:
    """A text made plain, and where each of its characters came from.

    Attributes:
        text: the plain text.
        starts: for each character of `text`, the original offset it starts at; None = identity.
        ends: for each character of `text`, the original offset it ends at; None = identity.
    """

    text: str = field(repr=False)
    starts: list[int] | None = field(repr=False, default=None)
    ends: list[int] | None = field(repr=False, default=None)

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Map a half-open span of the plain text to one of the original.

        Guarantees:
            The result covers every original character that any character of the span came from.
        """
        if self.starts is None or self.ends is None:
            return start, end
        return min(self.starts[start:end]), max(self.ends[start:end])


def _visual_order(text: str) -> list[int]:
    """Return offsets of the characters, with overridden runs in the order a reader sees."""
    order: list[int] = []
    position = 0
    while position < len(text):
        if text[position] != _RLO:
            order.append(position)
            position += 1
            continue
        end = position + 1
        while end < len(text) and text[end] not in _RLO_END:
            end += 1
        order.append(position)
        order.extend(range(end - 1, position, -1))
        position = end
    return order


def _plain(char: str) -> str:
    """Return the plain form of one character; empty means it is dropped."""
    code = ord(char)
    if code < 0x80:
        return "" if _CONTROL.match(char) else char
    if char in _PLAIN:
        return _PLAIN[char]
    if char in _ORDINALS:
        return char
    category = unicodedata.category(char)
    if category in ("Cf", "Cc") or 0xFE00 <= code <= 0xFE0F:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category in ("Zs", "Zl", "Zp"):
        return "\n" if category != "Zs" else " "
    folded = unicodedata.normalize("NFKC", char)
    # A form that grows (a ligature, a fraction) is kept when it is not letters or digits.
    return folded if folded.isascii() and folded.strip() else char


def _latinise(chars: list[str]) -> None:
    """Replace look-alike letters in words that mix scripts; in place."""
    text = "".join(c if len(c) == 1 else " " for c in chars)
    for match in _WORD.finditer(text):
        word = match.group()
        if word.isascii():
            continue
        alike = [c in _LOOKALIKES for c in word]
        if not any(alike):
            continue
        latin = any(c.isascii() for c in word)
        if latin or all(alike):
            for i, is_alike in enumerate(alike):
                if is_alike:
                    chars[match.start() + i] = _LOOKALIKES[word[i]]


@dataclass(slots=True)
class _Made:
    """Plain characters so far, and where each came from."""

    chars: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def copy(self, text: str, start: int, end: int) -> None:
        """Take over a stretch without strange characters."""
        self.chars.extend(text[start:end].translate(_ONE_TO_ONE))
        self.starts.extend(range(start, end))
        self.ends.extend(range(start + 1, end + 1))

    def add(self, char: str, index: int) -> None:
        """Take over one character, strange or not."""
        if unicodedata.combining(char):
            if not self.chars or self.starts[-1] > index:
                return
            composed = unicodedata.normalize("NFC", self.chars[-1] + char)
            if len(composed) == 1:
                self.chars[-1] = composed
            self.ends[-1] = max(self.ends[-1], index + 1)
            return
        for piece in _plain(char):
            self.chars.append(piece)
            self.starts.append(index)
            self.ends.append(index + 1)


def normalise(text: str) -> Normalised:
    """Make a text plain.

    Args:
        text: any string.

    Returns:
        The plain text with a map back to `text`; no map when every character kept its place.

    Guarantees:
        `original` of a span never leaves `text`; for plain ASCII and ordinary accented text the
        result is `text` itself. Deterministic.
    """
    if text.isascii() and _CONTROL.search(text) is None:
        return Normalised(text)
    if _STRANGE.search(text) is None:
        return Normalised(text.translate(_ONE_TO_ONE))
    made = _Made()
    if _RLO in text:
        for index in _visual_order(text):
            made.add(text[index], index)
    else:
        position = 0
        for match in _STRANGE.finditer(text):
            made.copy(text, position, match.start())
            made.add(match.group(), match.start())
            position = match.end()
        made.copy(text, position, len(text))
    if _ALIKE.search(text) is not None:
        _latinise(made.chars)
    plain = "".join(made.chars)
    if plain == text:
        return Normalised(text)
    return Normalised(plain, made.starts, made.ends)
