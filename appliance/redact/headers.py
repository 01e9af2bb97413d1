"""What a column's header says, in English, Portuguese, Spanish, French, German and some Italian.

Owns the reading of header words (`data/headers.json`). A header is a hint: the values decide.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from appliance.redact.persona import fold

Meaning = Literal["personal", "special", "useful", "free_text"]

_CAMEL = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Ý])|(?<=[A-ZÀ-Ý])(?=[A-ZÀ-Ý][a-zà-ÿ])")
_DIGITS = re.compile(r"(?<=[^\W\d])(?=\d)|(?<=\d)(?=[^\W\d])")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderReading:
    """One thing a header may mean.

    Attributes:
        meaning: personal data of a type, special category, useful data, or free text.
        entity_type: the type, when personal or special.
        phrase: the words that say so.
        whole: whether these words are the whole header.
    """

    meaning: Meaning
    entity_type: str | None
    phrase: str
    whole: bool


@cache
def _lexicon() -> dict[tuple[str, ...], list[tuple[Meaning, str | None]]]:
    text = resources.files("appliance.redact").joinpath("data/headers.json").read_text("utf-8")
    table = json.loads(text)
    lexicon: dict[tuple[str, ...], list[tuple[Meaning, str | None]]] = {}

    def add(phrases: str, meaning: Meaning, entity_type: str | None) -> None:
        for phrase in phrases.split("|"):
            entries = lexicon.setdefault(tuple(phrase.split()), [])
            if (meaning, entity_type) not in entries:
                entries.append((meaning, entity_type))

    for entity_type, phrases in table["personal"].items():
        add(phrases, "personal", entity_type)
    add(table["special"], "special", "NRP")
    add(table["useful"], "useful", None)
    add(table["free_text"], "free_text", None)
    return lexicon


@cache
def _squashed() -> dict[str, tuple[str, ...]]:
    """Map phrases written without spaces to their words; only those long enough to be sure."""
    return {"".join(p): p for p in _lexicon() if len(p) > 1 and len("".join(p)) >= 5}


def header_words(header: str) -> list[str]:
    """Return the folded words of a header: "dtNasc_1" -> ["dt", "nasc", "1"]."""
    leaf = header.rsplit(".", 1)[-1].removesuffix("[]")
    parts = re.split(r"[\W_]+", _CAMEL.sub(" ", leaf))
    words: list[str] = []
    for part in filter(None, map(fold, parts)):
        if (part,) in _lexicon():
            words.append(part)
        else:
            words.extend(_DIGITS.sub(" ", part).split())
    return words


def read_header(header: str) -> list[HeaderReading]:
    """Return what a header may mean, most telling first.

    Args:
        header: a column's name; of a nested one the last part is read.

    Returns:
        Readings by the number of words they explain, then by their place: the last words of a
        header usually name the thing ("patient state", "phone type").
    """
    words = header_words(header)
    squashed = _squashed().get("".join(words))
    found: list[tuple[int, int, int, HeaderReading]] = []
    if squashed is not None and list(squashed) != words:
        words = list(squashed)
    for start in range(len(words)):
        for end in range(start + 1, min(len(words), start + 4) + 1):
            phrase = tuple(words[start:end])
            for rank, (meaning, entity_type) in enumerate(_lexicon().get(phrase, ())):
                reading = HeaderReading(
                    meaning=meaning,
                    entity_type=entity_type,
                    phrase=" ".join(phrase),
                    whole=len(phrase) == len(words),
                )
                found.append((-len(phrase), -end, rank, reading))
    found.sort(key=lambda f: f[:3])
    return [reading for *_, reading in found]
