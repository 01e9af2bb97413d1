"""A customer's own GLiNER model, run beside the shipped detectors.

GLiNER (Zaratiana et al. 2024, "GLiNER: Generalist Model for Named Entity Recognition using
Bidirectional Transformer") scores spans of words against labels in plain words: it finds what the
policy's `labels` ask for and nothing else. Refuses what could execute or fetch, as `classify` does:
safetensors and JSON only, its encoder described in its own file, every byte pinned, no hub.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from appliance.errors import DataError, PolicyError
from appliance.model.classify import check_pinned
from appliance.records import Span

CONFIG = "gliner_config.json"
_FIELD = "deidentify.detectors.models"
_HINT = "appliance policy explain deidentify.detectors.models"
#: Words that two windows share: longer than any name.
_OVERLAP = 24
#: Tokens left for the encoder's own marks around a window.
_MARKS = 8


def is_gliner(path: Path) -> bool:
    """Say whether a directory holds a GLiNER model."""
    return (path / CONFIG).is_file()


class SpanModel:
    """A GLiNER model, loaded and ready."""

    def __init__(
        self,
        model: Any,  # noqa: ANN401  gliner is untyped
        *,
        labels: Mapping[str, str],
        threshold: float,
        name: str,
    ) -> None:
        """Use `load`."""
        self._model = model
        self._labels = dict(labels)
        self._threshold = threshold
        self._source = f"model:{name}"
        self._tokenizer = model.data_processor.transformer_tokenizer
        most = min(int(self._tokenizer.model_max_length), _places(model), 512)
        prompt = sum(self._tokens_of(label) + 1 for label in labels)
        self._room = most - prompt - _MARKS
        if self._room < _MARKS:
            raise PolicyError(
                f"{_FIELD}: labels",
                f"{len(labels)} labels leave the model no room for text",
                hint=_HINT,
            )

    @classmethod
    def load(
        cls, path: Path, *, digest: str, labels: Mapping[str, str], threshold: float = 0.5
    ) -> SpanModel:
        """Check a GLiNER directory against its pinned digest and load it, offline.

        Args:
            path: the directory.
            digest: what the policy pins, "sha256:<hex>".
            labels: what to ask for, in the words the model was trained with -> entity type.
            threshold: in [0, 1]; a span is reported when its score reaches this.

        Raises:
            PolicyError: not a GLiNER model that may be loaded, or nothing is asked of it.
            IntegrityError: not the bytes the policy pins.
        """
        check_pinned(path, digest, check_family=_check_config, config=CONFIG, also=("spm.model",))
        if not labels:
            raise PolicyError(
                f"{_FIELD}: labels",
                "a GLiNER model finds what it is asked for: expected labels, such as "
                '{person: PERSON, "phone number": PHONE_NUMBER}',
                hint=_HINT,
            )
        return cls(_loaded(path), labels=labels, threshold=threshold, name=path.name)

    def find(self, text: str, hits: Iterable[Span]) -> list[Span]:  # noqa: ARG002  a finder's shape
        """Find what the labels ask for in a plain text.

        Args:
            text: plain text.
            hits: what the rules found; not used.

        Returns:
            Spans of whole words with source "model:<directory>"; windows overlap, so may they.
        """
        found: set[Span] = set()
        for start, end in self._windows(text):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # They may quote the text.
                entities = self._model.predict_entities(
                    text[start:end], list(self._labels), threshold=self._threshold
                )
            found.update(self._span(entity, start) for entity in entities)
        return sorted(found, key=lambda s: (s.start, s.end, s.entity_type))

    def _windows(self, text: str) -> Iterator[tuple[int, int]]:
        """Cut a text into windows that the model reads whole: it would drop the rest silently."""
        words = [(a, b) for _, a, b in self._model.data_processor.words_splitter(text)]
        sizes = [min(self._tokens_of(text[a:b]), self._room) for a, b in words]
        first = 0
        while first < len(words):
            last, used = first, 0
            while (
                last < len(words)
                and last - first < self._model.config.max_len
                and used + sizes[last] <= self._room
            ):
                used += sizes[last]
                last += 1
            yield words[first][0], words[last - 1][1]
            if last == len(words):
                return
            first = max(last - _OVERLAP, first + 1)

    def _tokens_of(self, word: str) -> int:
        return len(self._tokenizer.tokenize(word)) or 1

    def _span(self, entity: Mapping[str, Any], offset: int) -> Span:
        return Span(
            start=offset + int(entity["start"]),
            end=offset + int(entity["end"]),
            entity_type=self._labels[entity["label"]],
            score=round(0.4 + 0.45 * float(entity["score"]), 3),
            source=self._source,
        )


def _check_config(path: Path) -> str:
    """Return the kind of the model's encoder, if everything it needs is in the directory.

    Raises:
        DataError: it would fetch a part, or needs a package that is not there.
    """
    where = str(path / CONFIG)
    try:
        config = json.loads((path / CONFIG).read_bytes())
    except (ValueError, RecursionError):
        config = None
    encoder = config.get("encoder_config") if isinstance(config, dict) else None
    if not isinstance(config, dict) or not isinstance(encoder, dict):
        raise DataError(where, "does not hold its encoder's configuration", hint=_HINT)
    if config.get("labels_encoder") or config.get("labels_decoder"):
        raise DataError(where, "names a second model, for labels", hint=_HINT)
    if config.get("words_splitter_type", "whitespace") != "whitespace":
        raise DataError(where, "expected words_splitter_type whitespace", hint=_HINT)
    return str(encoder.get("model_type"))


def _loaded(path: Path) -> Any:  # noqa: ANN401  gliner is untyped
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        from gliner import GLiNER

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = GLiNER.from_pretrained(str(path), local_files_only=True, strict=True)
    except Exception as error:  # noqa: BLE001  the library raises anything at a damaged model
        raise PolicyError(
            str(path), f"cannot be loaded ({type(error).__name__})", hint=_HINT
        ) from None
    if not model.data_processor.transformer_tokenizer.is_fast:
        raise PolicyError(str(path), "holds no tokenizer.json", hint=_HINT)
    return model.eval()


def _places(model: Any) -> int:  # noqa: ANN401  gliner is untyped
    """Return how many tokens the encoder has places for."""
    encoder = model.config.encoder_config
    places = getattr(encoder, "max_position_embeddings", None)
    return int(places) - 2 if isinstance(places, int) and places > 0 else 512
