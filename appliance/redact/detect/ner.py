"""English named entities from a local spaCy model: `ner` only, no downloads.

Refuses to fetch: a model is a directory, or a package that holds one, or an error. Results do not
depend on what else is in a batch: each text is one call, because the sums of a batched matrix
product differ in the last bits with its size.
"""

from __future__ import annotations

import importlib.util
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from appliance.crypto.canonical import canonical_json, digest_bytes, digest_file
from appliance.errors import IntegrityError, MachineError, PolicyError
from appliance.files import machine_errors
from appliance.records import Span
from appliance.redact.detect.lexicon import Lexicon, fold
from appliance.redact.detect.names_cues import STOP
from appliance.redact.detect.weeds import READ

_LABELS = {
    "PERSON": "PERSON",
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "FAC": "LOCATION",
    "ORG": "ORGANIZATION",
    "NORP": "NRP",
    "DATE": "DATE_TIME",
}
_SCORES = {
    "PERSON": 0.6,
    "LOCATION": 0.5,
    "ORGANIZATION": 0.45,
    "NRP": 0.4,
    "DATE_TIME": 0.5,
}
_UNUSED = ["tok2vec", "tagger", "parser", "senter", "attribute_ruler", "lemmatizer"]
_HINT = "appliance doctor"
_PIN = "appliance policy explain deidentify.detectors.ner_model_digest"

_MONTH = r"jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DATE = re.compile(
    rf"(?i)\b(?:{_MONTH})[a-z]*\b|\b(?:1[89]|20)\d\d\b|\d[/.\-]\d|\d(?:st|nd|rd|th)\b"
    r"|\b(?:christmas|easter|thanksgiving|halloween|new year|labor day|memorial day"
    r"|independence day|valentine)"
)
#: `T 97.8`, `age 6.5`, `31 4/7 weeks`, `152/98 x2`: measured, and no day.
_MEASURE = re.compile(
    r"(?i)^(?:t|temp|bp|age|bone age)[ ]?\d+\.\d+$|\d/7\b|^\d{2,3}/\d{2,3}[ ]x|^\w+days?[ ]\d-\d$"
)
_DURATION = re.compile(
    r"(?i)\b(?:seconds?|minutes?|hours?|hrs?|days?|weeks?|wks?|months?|mos?|years?|yrs?|decades?"
    r"|daily|weekly|monthly"
    r"|yearly|annual(?:ly)?|old|ago|yesterday|today|tomorrow|tonight|morning|evening|night"
    r"|overnight|noon)\b"
)
ORGANIZATION_CUE = re.compile(
    r"(?i)\b(?:hospitals?|clinics?|cl[ií]nica|medical|health(?:care)?|centers?|centres?|infirmary"
    r"|hospice|university|college|schools?|academy"
    r"|institute|foundation|church|inc|llc|llp|ltd|plc|corp(?:oration)?|co|company|group|gmbh"
    r"|bank|partners|associates|pharmacy"
    r"|laborator(?:y|ies)|labs|department|ministry|agency|services|rehab(?:ilitation)?|nursing"
    r"|home|sanatorium|general|memorial"
    r"|insurance|trust|council|association|society|union|court|police|county|systems?|solutions"
    r"|industries|holdings|and sons"
    r"|& sons|shelter|network|management|consulting|technologies|authority|commission|committee"
    r"|office|bureau|federal|national)\b"
)
#: A rule's hit with this score explains its words.
_EXPLAINED = 0.6
_SENTENCE = re.compile(r"[^\n]+?(?:[.!?;](?=\s+[^\Wa-zà-ÿ])|(?=\n)|$)")
_CAPITALISED = re.compile(r"[^\W\d_a-zà-ÿ][^\W\d_]*(?:['’\-][^\W\d_]+)*")
_CONTRACTION = re.compile(r"(?:n['’]t|['’](?:s|m|ve|ll|re|d))$")
_WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")


def model_directory(name: str) -> Path:
    """Find the directory of a spaCy model without importing or fetching anything.

    Args:
        name: a directory, or a package whose files hold a model (`meta.json` beside `config.cfg`).

    Raises:
        MachineError: there is no such directory or package.
    """
    path = Path(name)
    if (path / "config.cfg").is_file():
        return path
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None or spec.submodule_search_locations is None:
        raise MachineError("detector", f"English model {name!r} is not installed", hint=_HINT)
    for location in spec.submodule_search_locations:
        for config in sorted(Path(location).glob("*/config.cfg")):
            return config.parent
    raise MachineError("detector", f"package {name!r} holds no spaCy model", hint=_HINT)


def model_digest(directory: Path) -> str:
    """Return one digest for all files of a model directory, names included.

    Raises:
        IntegrityError: something in it is neither a directory nor a regular file.
    """
    with machine_errors(str(directory)):
        files = sorted(p for p in directory.rglob("*") if p.is_symlink() or not p.is_dir())
        if any(p.is_symlink() or not p.is_file() for p in files):
            raise IntegrityError(
                str(directory), "holds something that is no regular file", hint="find DIR -type l"
            )
        named = {p.relative_to(directory).as_posix(): digest_file(p) for p in files}
    return digest_bytes(canonical_json(named))


def pinned_directory(name: str, digest: str | None) -> Path:
    """Find a model and check it against the digest the policy pins.

    Args:
        name: a directory, or a package that holds a model.
        digest: what the policy pins. A package may go without: the hash lock pins it.

    Raises:
        MachineError: there is no such directory or package.
        PolicyError: a customer's own directory is not pinned; the message says what to pin.
        IntegrityError: the files are not the ones that were pinned.
    """
    directory = model_directory(name)
    if digest is None:
        if directory == Path(name):
            raise PolicyError(
                "deidentify.detectors.ner_model_digest",
                f"a model directory of your own is pinned: {model_digest(directory)}",
                hint=_PIN,
            )
        return directory
    if model_digest(directory) != digest:
        raise IntegrityError(
            str(directory), "differs from the digest that the policy pins", hint=_PIN
        )
    return directory


@contextmanager
def _own_factories() -> Iterator[None]:
    """Load a model without the parts that other packages offer to spaCy.

    spaCy would import them all; one of Presidio's imports transformers, which is slow and wants a
    temporary folder that the locks may have taken away.
    """
    from spacy.util import catalogue, registry

    offered = registry._entry_point_factories
    registry._entry_point_factories = catalogue.create("spacy", "factories", entry_points=False)
    try:
        yield
    finally:
        registry._entry_point_factories = offered


class EnglishNer:
    """A spaCy model reduced to its entity recognizer."""

    def __init__(self, name: str, lexicon: Lexicon, digest: str | None = None) -> None:
        """Load the model.

        Raises:
            MachineError: the model is not installed or has no entity recognizer of its own.
            PolicyError: a model directory is not pinned.
            IntegrityError: the model is not the one that was pinned.
        """
        import spacy

        directory = pinned_directory(name, digest)
        with _own_factories():
            self._nlp: Any = spacy.load(directory, exclude=_UNUSED)
        if "ner" not in self._nlp.pipe_names:
            raise MachineError("detector", "the English model has no `ner` component", hint=_HINT)
        self._lexicon = lexicon

    def memory_zone(self) -> AbstractContextManager[object]:
        """Return a context in which the vocabulary's growth is given back at the end."""
        zone: AbstractContextManager[object] = self._nlp.memory_zone()
        return zone

    def find(
        self, text: str, hits: Iterable[Span] = (), nothing: Iterable[tuple[int, int]] = ()
    ) -> list[Span]:
        """Find entities in a plain text of at most a million characters.

        Args:
            text: plain text.
            hits: what was found before.
            nothing: bounds of words that are surely nothing. Sentences in which no other word could
                be a name are not read by the model, which is where the time goes.

        Returns:
            Spans with source "ner"; they may overlap `hits`.
        """
        parts = self._worth_reading(text, hits, nothing)
        if not parts:
            return []
        joined = "\n".join(text[start:end] for start, end in parts)
        offsets = []
        length = 0
        for start, end in parts:
            offsets.append(length)
            length += end - start + 1
        found = []
        for entity in self._nlp(joined).ents:
            label = _LABELS.get(entity.label_)
            if label is None:
                continue
            for a, b in self._parts(joined, entity.start_char, entity.end_char, label):
                index = bisect_right(offsets, a) - 1
                shift = parts[index][0] - offsets[index]
                found.append(
                    Span(
                        start=a + shift,
                        end=b + shift,
                        entity_type=label,
                        score=_SCORES[label],
                        source="ner",
                    )
                )
        return found

    def _worth_reading(
        self, text: str, hits: Iterable[Span], nothing: Iterable[tuple[int, int]]
    ) -> list[tuple[int, int]]:
        """Return the sentences in which a word that is not yet explained could be a name."""
        known = bytearray(len(text))
        for hit in hits:
            if hit.score >= _EXPLAINED or hit.source in READ:
                known[hit.start : hit.end] = b"\1" * (hit.end - hit.start)
        for start, end in nothing:
            known[start:end] = b"\1" * (end - start)
        return [
            m.span()
            for m in _SENTENCE.finditer(text)
            if any(
                not known[w.start()] and self._could_be_name(w.group(), w.start() - m.start())
                for w in _CAPITALISED.finditer(text, m.start(), m.end())
            )
        ]

    def _could_be_name(self, word: str, offset: int) -> bool:
        lexicon = self._lexicon
        word = _CONTRACTION.sub("", word)
        if len(word) < 2 or fold(word) in STOP:
            return False
        listed = lexicon.first_name(word) or lexicon.surname(word)
        if word.isupper() and len(word) < 5 and not listed:
            return False
        # A capital inside a sentence is a choice; at its start it is grammar.
        return not lexicon.common(word) or (offset > 2 and listed and not word.isupper())

    def _parts(self, text: str, start: int, end: int, label: str) -> list[tuple[int, int]]:
        """Split at line ends, tidy the edges, drop what cannot be what the label says."""
        found = []
        for match in re.finditer(r"[^\n|]+", text[start:end]):
            a, b = start + match.start(), start + match.end()
            piece = text[a:b]
            stripped = piece.strip(" \t\r,;:.()[]*-–—\"'")
            if not stripped:
                continue
            a += piece.index(stripped)
            b = a + len(stripped)
            if stripped.endswith(("'s", "’s")):
                b -= 2
            if text[a:b].lower().startswith("the "):
                a += 4
            if a < b and self._acceptable(text[a:b], label):
                found.append((a, b))
        return found

    def _acceptable(self, piece: str, label: str) -> bool:
        if label == "DATE_TIME":
            if _MEASURE.search(piece):
                return False
            return _DATE.search(piece) is not None or _DURATION.search(piece) is not None
        words = _WORD.findall(piece)
        known = self._lexicon
        unusual = [w for w in words if not known.common(w) and fold(w) not in STOP]
        if label == "PERSON":
            if piece.isupper() and len(piece) < 5:
                return False
            return any(len(w) > 1 for w in unusual) or any(
                known.strong_first(w)
                or (len(words) == 1 and (known.first_name(w) or known.surname(w)))
                for w in words
                if fold(w) not in STOP
            )
        if label == "LOCATION":
            return len(piece) > 2 and (known.place(piece) or bool(unusual))
        if label == "NRP":
            return len(piece) > 3
        if ORGANIZATION_CUE.search(piece) and len(words) > 1:
            return any(fold(w) not in STOP for w in words)
        if piece.isupper() or any(c.isdigit() for c in piece):
            return False
        return bool(unusual) or (len(words) == 1 and known.surname(piece) and len(piece) > 3)


def is_duration(piece: str) -> bool:
    """Say whether a temporal expression names no date: an age, a length of time, a relative day."""
    return _DATE.search(piece) is None
