"""A customer's own token classification model, run beside the shipped detectors.

Refuses what could execute or fetch: safetensors and JSON only, every byte pinned by the policy's
digest, no hub, no remote code. Each window is one call, so that results do not depend on what else
is read: the sums of a batched matrix product differ in their last bits with its size.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from appliance.errors import DataError, IntegrityError, PolicyError
from appliance.model.registry import check_model_dir, model_digest
from appliance.records import Span

_FIELD = "deidentify.detectors.models"
_HINT = "appliance policy explain deidentify.detectors.models"
_ARCHITECTURE = "ForTokenClassification"
#: Longest window in tokens, whatever the model claims, and how far two windows overlap.
_MOST_TOKENS, _OVERLAP = 512, 64
_PREFIX = re.compile(r"^[BILUES][-_](?=.)", re.IGNORECASE)
_NAMELESS = re.compile(r"LABEL_\d+")


class TokenClassifier:
    """A transformers model that labels tokens, loaded and ready."""

    def __init__(
        self,
        model: Any,  # noqa: ANN401  transformers is untyped
        tokenizer: Any,  # noqa: ANN401
        *,
        types: list[str | None],
        threshold: float,
        name: str,
    ) -> None:
        """Use `load`."""
        self._model = model
        self._tokenizer = tokenizer
        self._types = types
        self._threshold = threshold
        self._source = f"model:{name}"

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        digest: str,
        type_of: Callable[[str], str | None],
        threshold: float = 0.5,
    ) -> TokenClassifier:
        """Check a model directory against its pinned digest and load it, offline.

        Args:
            path: the directory.
            digest: what the policy pins, "sha256:<hex>".
            type_of: a label without B- or I- -> entity type; None: not reported.
            threshold: in [0, 1]; a token is reported when the probability that it is something
                reaches this.

        Raises:
            PolicyError: not a token classification model that may be loaded; names the file.
            IntegrityError: not the bytes the policy pins.
        """
        check_pinned(path, digest, check_family=_check_architecture)
        model, tokenizer = _loaded(path)
        types = _types(model.config.id2label, type_of)
        return cls(model, tokenizer, types=types, threshold=threshold, name=path.name)

    def find(self, text: str, hits: Iterable[Span]) -> list[Span]:  # noqa: ARG002  a finder's shape
        """Label a plain text.

        Args:
            text: plain text.
            hits: what the rules found; not used.

        Returns:
            Spans of whole words with source "model:<directory>"; windows overlap, so may they.
        """
        import torch

        found: list[Span] = []
        with torch.inference_mode():
            for tokens, mask, offsets in self._windows(text):
                logits = self._model(input_ids=tokens, attention_mask=mask).logits[0]
                shares = torch.softmax(logits.float(), dim=-1).tolist()
                found.extend(self._spans(text, shares, offsets))
        return found

    def _windows(self, text: str) -> Iterator[tuple[Any, Any, list[tuple[int, int]]]]:
        """Cut a text into overlapping windows of tokens."""
        if not text.strip():
            return
        most = min(_MOST_TOKENS, self._tokenizer.model_max_length, _positions(self._model.config))
        encoded = self._tokenizer(
            text,
            truncation=True,
            max_length=most,
            stride=min(_OVERLAP, most // 4),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        import torch

        rows = zip(
            encoded["input_ids"], encoded["attention_mask"], encoded["offset_mapping"], strict=True
        )
        for tokens, mask, offsets in rows:
            yield torch.tensor([tokens]), torch.tensor([mask]), [(a, b) for a, b in offsets]

    def _spans(
        self, text: str, shares: list[list[float]], offsets: list[tuple[int, int]]
    ) -> Iterator[Span]:
        """Join labelled tokens to spans of whole words."""
        held: tuple[int, int, str, float] | None = None
        for row, (start, end) in zip(shares, offsets, strict=True):
            label = self._label(row) if end > start else None
            entity_type = None if label is None else self._types[label]
            if held is not None and (entity_type != held[2] or self._apart(text, held, start)):
                yield self._span(text, held)
                held = None
            if label is None or entity_type is None:
                continue
            share = 1.0 - self._nothing(row)
            if held is None:
                held = (start, end, entity_type, share)
            else:
                held = (held[0], end, entity_type, max(held[3], share))
        if held is not None:
            yield self._span(text, held)

    def _label(self, row: list[float]) -> int | None:
        """Return the likeliest label of something, where something is likely enough."""
        if 1.0 - self._nothing(row) < self._threshold:
            return None
        known = [i for i, name in enumerate(self._types) if name is not None]
        return max(known, key=row.__getitem__, default=None)

    def _nothing(self, row: list[float]) -> float:
        return sum(p for p, name in zip(row, self._types, strict=True) if name is None)

    @staticmethod
    def _apart(text: str, held: tuple[int, int, str, float], start: int) -> bool:
        """Tell whether a token does not go on where the held span ends."""
        return bool(text[held[1] : start].strip(" \t-'’."))

    def _span(self, text: str, held: tuple[int, int, str, float]) -> Span:
        """Widen a run of tokens to whole words."""
        start, end, entity_type, share = held
        while start < end and text[start].isspace():
            start += 1
        while start > 0 and text[start].isalnum() and text[start - 1].isalnum():
            start -= 1
        while end < len(text) and text[end].isalnum() and text[end - 1].isalnum():
            end += 1
        return Span(
            start=start,
            end=max(end, start + 1),
            entity_type=entity_type,
            score=round(0.4 + 0.45 * share, 3),
            source=self._source,
        )


def check_pinned(
    path: Path,
    digest: str,
    *,
    check_family: Callable[[Path], object],
    config: str = "config.json",
    also: tuple[str, ...] = (),
) -> None:
    """Check that a directory holds a model that may be loaded, and the one that is pinned.

    Args:
        path: the directory.
        digest: what the policy pins, "sha256:<hex>".
        check_family: raises DataError for another kind of model.
        config: the file that describes the model.
        also: names of further files that such a model may hold.

    Raises:
        PolicyError: something in it must not be loaded; names the file.
        IntegrityError: not the bytes the policy pins.
    """
    try:
        found = model_digest(
            check_model_dir(path, check_family=check_family, config=config, also=also)
        )
    except DataError as error:
        raise PolicyError(
            error.where,
            error.what,
            hint="keep only safetensors and JSON files there, then: appliance detector digest",
        ) from None
    if found != digest:
        raise IntegrityError(
            str(path),
            "differs from the digest that the policy pins",
            hint=f"appliance detector digest {path}",
        )


def _check_architecture(path: Path) -> str:
    """Return the model's architecture, if it labels tokens.

    Raises:
        DataError: it does something else.
    """
    try:
        config = json.loads((path / "config.json").read_bytes())
    except (ValueError, RecursionError):
        config = None
    named = config.get("architectures") if isinstance(config, dict) else None
    if not isinstance(named, list) or not any(
        isinstance(n, str) and n.endswith(_ARCHITECTURE) for n in named
    ):
        raise DataError(
            str(path / "config.json"), f"expected an architecture of {_ARCHITECTURE}", hint=_HINT
        )
    return str(named[0])


def _loaded(path: Path) -> tuple[Any, Any]:
    """Load model and tokenizer."""
    from transformers import AutoModelForTokenClassification, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    transformers_logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            str(path), local_files_only=True, trust_remote_code=False, use_fast=True
        )
        model, report = AutoModelForTokenClassification.from_pretrained(
            str(path),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    except Exception as error:  # noqa: BLE001  the library raises anything at a damaged model
        raise PolicyError(
            str(path), f"cannot be loaded ({type(error).__name__})", hint=_HINT
        ) from None
    if report["missing_keys"]:
        # The library would fill them with random numbers and go on.
        raise PolicyError(str(path), "its weights are not all there", hint=_HINT)
    if not tokenizer.is_fast:
        raise PolicyError(
            str(path), "its tokenizer tells no places of tokens (no tokenizer.json)", hint=_HINT
        )
    return model.eval(), tokenizer


def _types(names: dict[int, str], type_of: Callable[[str], str | None]) -> list[str | None]:
    """Return each label's entity type; None where it is not reported."""
    ordered = [str(names[i]) for i in sorted(names)]
    nameless = [n for n in ordered if _NAMELESS.fullmatch(n)]
    types = [None if n == "O" else type_of(_PREFIX.sub("", n)) for n in ordered]
    if nameless and any(type_of(n) == n for n in nameless):
        raise PolicyError(
            f"{_FIELD}: labels",
            f"the model's labels have no names ({len(nameless)} of them): map each to a type",
            hint=_HINT,
        )
    if not any(types) or all(types):
        raise PolicyError(
            f"{_FIELD}: labels",
            "expected labels of which some are reported and one, 'O', is nothing",
            hint=_HINT,
        )
    return types


def _positions(config: Any) -> int:  # noqa: ANN401  transformers is untyped
    """Return how many tokens the model has places for; some families lose two to padding."""
    places = getattr(config, "max_position_embeddings", None)
    return max(16, int(places) - 2) if isinstance(places, int) and places > 0 else _MOST_TOKENS
