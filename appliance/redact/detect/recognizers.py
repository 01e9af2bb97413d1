"""Presidio's side: customers' recognizers plug in here, and our stack plugs into Presidio.

Owns the only imports of `presidio_analyzer` in this room. The library would fetch two lists of
domain suffixes at its first e-mail or URL; `quiet` takes that away before anything is built.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import io
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import PolicyError
from appliance.records import Span

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer, RecognizerRegistry

_FIELD = "deidentify.detectors.recognizers"
_HINT = "appliance policy explain deidentify.detectors.recognizers"
#: What Presidio's own enhancer adds when a context word is near, and the least it makes of it.
_CONTEXT_BONUS = 0.35
_CONTEXT_FLOOR = 0.4
_CONTEXT_REACH = 60


def quiet() -> None:
    """Make the libraries below Presidio work from what is installed; call before building any.

    Guarantees:
        No later e-mail or URL check opens a connection.
    """
    import tldextract

    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


def files_of(path: Path) -> list[Path]:
    """Return the recognizer files of a YAML file or a directory, sorted by name.

    Raises:
        PolicyError: the path is neither, or holds none.
    """
    if path.is_file():
        return [path]
    found = sorted(p for p in path.glob("*") if p.suffix in (".yaml", ".yml", ".py"))
    if not found:
        raise PolicyError(_FIELD, "names no YAML file and no directory of recognizers", hint=_HINT)
    return found


def digest_of(path: Path) -> str:
    """Digest the recognizer files, for the receipt: names and contents, in order."""
    total = hashlib.sha256()
    for file in files_of(path):
        body = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file.name}\0{body}\n".encode())
    return "sha256:" + total.hexdigest()


def load(path: Path, languages: Sequence[str]) -> list[EntityRecognizer]:
    """Load the customer's recognizers for some languages.

    Args:
        path: a YAML file of pattern recognizers, or a directory of such files and Python modules
            whose `EntityRecognizer` classes are built without arguments.
        languages: those of the texts; recognizers of other languages are left out.

    Raises:
        PolicyError: a file cannot be used; names the file and the kind of error, no content.
    """
    quiet()
    from presidio_analyzer import RecognizerRegistry

    found: list[EntityRecognizer] = []
    for file in files_of(path):
        try:
            # Presidio prints what it cannot parse; stdout is for our results.
            with redirect_stdout(io.StringIO()):
                if file.suffix == ".py":
                    found.extend(_from_module(file))
                else:
                    registry = RecognizerRegistry(supported_languages=list(languages))
                    registry.add_recognizers_from_yaml(file)
                    found.extend(registry.recognizers)
        except Exception as error:  # noqa: BLE001  customers' code may raise anything
            raise PolicyError(
                f"{_FIELD}: {file.name}", f"cannot be loaded ({type(error).__name__})", hint=_HINT
            ) from None
    kept = [r for r in found if r.supported_language in languages]
    if not kept:
        raise PolicyError(_FIELD, f"no recognizer for {', '.join(languages)}", hint=_HINT)
    for recognizer in kept:
        try:
            recognizer.load()
        except Exception as error:  # noqa: BLE001  as above
            raise _failed(recognizer, "cannot be loaded", error) from None
    return kept


def _failed(recognizer: EntityRecognizer, what: str, error: Exception) -> PolicyError:
    """Name a recognizer that raised; its message may hold the text and is left out."""
    return PolicyError(
        f"{_FIELD}: {recognizer.name}", f"{what} ({type(error).__name__})", hint=_HINT
    )


def _from_module(file: Path) -> list[EntityRecognizer]:
    from presidio_analyzer import EntityRecognizer

    name = f"appliance_recognizers_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(file.name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [
        kind()
        for _, kind in sorted(inspect.getmembers(module, inspect.isclass))
        if issubclass(kind, EntityRecognizer)
        and kind.__module__ == name
        and not inspect.isabstract(kind)
    ]


def run(recognizers: Iterable[EntityRecognizer], text: str, artifacts: object = None) -> list[Span]:
    """Run recognizers on a plain text.

    Returns:
        Spans with source "recognizer:<name>"; scores raised where a context word is near.

    Raises:
        PolicyError: a recognizer raised; names it and the kind of error, no content.
    """
    found = []
    for recognizer in recognizers:
        context = [w.lower() for w in (getattr(recognizer, "context", None) or ())]
        try:
            results = recognizer.analyze(text, recognizer.supported_entities, artifacts) or []
        except Exception as error:  # noqa: BLE001  customers' code may raise anything
            raise _failed(recognizer, "failed on a text", error) from None
        for result in results:
            score = float(result.score)
            if context and score > 0:
                near = text[max(0, result.start - _CONTEXT_REACH) : result.end + 20].lower()
                if any(word in near for word in context):
                    score = min(1.0, max(score + _CONTEXT_BONUS, _CONTEXT_FLOOR))
            if score > 0 and 0 <= result.start < result.end <= len(text):
                found.append(
                    Span(
                        start=result.start,
                        end=result.end,
                        entity_type=result.entity_type,
                        score=score,
                        source=f"recognizer:{recognizer.name}",
                    )
                )
    return found


def registry(
    find: Callable[[str], Sequence[Span]], entities: Sequence[str], languages: Sequence[str]
) -> RecognizerRegistry:
    """Wrap a detector as a Presidio registry, one recognizer a language.

    Args:
        find: the detector, text to spans.
        entities: the types it reports.
        languages: those it was built for.
    """
    quiet()
    from presidio_analyzer import (
        EntityRecognizer,
        RecognizerRegistry,
        RecognizerResult,
    )

    class StackRecognizer(EntityRecognizer):  # type: ignore[misc]  # untyped base
        def load(self) -> None:
            pass

        def analyze(
            self,
            text: str,
            entities: list[str],
            nlp_artifacts: object = None,  # noqa: ARG002  Presidio's signature
        ) -> list[RecognizerResult]:
            return [
                RecognizerResult(entity_type=s.entity_type, start=s.start, end=s.end, score=s.score)
                for s in find(text)
                if s.entity_type in entities
            ]

    return RecognizerRegistry(
        recognizers=[
            StackRecognizer(
                supported_entities=list(entities), name="appliance", supported_language=language
            )
            for language in languages
        ],
        supported_languages=list(languages),
    )
