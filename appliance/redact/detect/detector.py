"""The stack: normalise, patterns, names, models, customers' recognizers, propagation, filters.

Owns `Detector`. Rules:

1. Every text is made plain first; spans are mapped back to the text as it was given.
2. Long texts are cut into windows at line ends; memory is bounded by the window.
3. A text's own hits depend on that text alone; hints and groups only add.
4. Texts are never logged, stored or shown; the cache holds digests and offsets.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

from appliance.records import Span
from appliance.redact.detect import recognizers, residual
from appliance.redact.detect.court import Court
from appliance.redact.detect.crf import SequenceModel
from appliance.redact.detect.languages import Language, languages_of
from appliance.redact.detect.lexicon import Lexicon
from appliance.redact.detect.medical import Clinical
from appliance.redact.detect.names import NameFinder
from appliance.redact.detect.names_cues import STOP
from appliance.redact.detect.ner import EnglishNer, is_duration
from appliance.redact.detect.normalise import Normalised, normalise
from appliance.redact.detect.notes import Notes
from appliance.redact.detect.patterns import PatternSet, lower
from appliance.redact.detect.places import PlaceFinder
from appliance.redact.detect.propagate import Propagator, hints_of
from appliance.redact.detect.resolve import resolve
from appliance.redact.detect.settings import DetectorSettings, Hint
from appliance.redact.detect.text_tables import TextTables
from appliance.redact.detect.weeds import READ

#: Texts longer than this are cut, at a line end if there is one.
WINDOW = 20_000
_NER_TYPES = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "NRP", "DATE_TIME"})
_NAME_TYPES = frozenset({"PERSON", "TITLE"})


def windows(text: str, limit: int = WINDOW) -> list[tuple[int, int]]:
    """Cut a text into pieces of at most `limit` characters, preferably at line ends or spaces."""
    pieces = []
    start = 0
    while len(text) - start > limit:
        end = max(text.rfind("\n", start + limit // 2, start + limit), -1) + 1
        if end <= start:
            end = text.rfind(" ", start + limit // 2, start + limit) + 1
        if end <= start:
            end = start + limit
        pieces.append((start, end))
        start = end
    pieces.append((start, len(text)))
    return pieces


class Plugged(Protocol):
    """A model that is built elsewhere and runs beside the shipped ones."""

    def find(self, text: str, hits: Iterable[Span]) -> list[Span]:
        """Return the spans of a plain window; `hits` is what the rules found in it."""


@dataclass(slots=True)
class Detector:
    """Finds personal data in texts."""

    settings: DetectorSettings
    _patterns: PatternSet = field(repr=False)
    _languages: tuple[Language, ...] = field(repr=False)
    _lexicon: Lexicon = field(repr=False)
    _names: NameFinder | None = field(repr=False)
    _places: PlaceFinder | None = field(repr=False)
    _notes: Notes | None = field(repr=False)
    _ner: EnglishNer | None = field(repr=False)
    _recognizers: tuple[Any, ...] = field(repr=False)
    _models: tuple[SequenceModel, ...] = field(repr=False)
    _plugged: tuple[Plugged, ...] = field(repr=False)
    _propagator: Propagator = field(repr=False)
    _clinical: Clinical | None = field(repr=False)
    _court: Court | None = field(repr=False)
    _tables: TextTables = field(repr=False, default_factory=TextTables)
    _cache: OrderedDict[bytes, tuple[Span, ...]] = field(repr=False, default_factory=OrderedDict)
    _cached_hits: int = field(repr=False, default=0)

    @classmethod
    def build(cls, settings: DetectorSettings, *, plugged: Sequence[Plugged] = ()) -> Detector:
        """Load everything the settings need.

        Args:
            settings: how to detect.
            plugged: further models, already loaded.

        Raises:
            PolicyError: a language is unknown.
            MachineError: a model is missing.
        """
        packs = languages_of(settings.languages)
        wanted = settings.entities
        lexicon = Lexicon(settings.languages)
        patterns = [p for pack in packs for p in pack.patterns]
        if wanted is not None:
            patterns = [p for p in patterns if p.entity_type in wanted]
        unique = {p.name: p for p in patterns}
        names = wanted is None or bool(_NAME_TYPES & wanted)
        models = settings.ner and (wanted is None or bool(_NER_TYPES & wanted))
        return cls(
            settings=settings,
            _patterns=PatternSet(tuple(unique.values())),
            _languages=packs,
            _lexicon=lexicon,
            _names=NameFinder(settings.languages, lexicon) if names else None,
            _places=PlaceFinder(lexicon, STOP) if wanted is None or "LOCATION" in wanted else None,
            _notes=Notes(lexicon) if names and "en" in settings.languages else None,
            _ner=EnglishNer(settings.ner_model, lexicon, settings.ner_model_digest)
            if models and "en" in settings.languages
            else None,
            _recognizers=tuple(recognizers.load(settings.recognizers, settings.languages))
            if settings.recognizers is not None
            else (),
            _models=_load_models(settings, lexicon, shipped=models),
            _plugged=tuple(plugged),
            _propagator=Propagator(lexicon),
            _clinical=Clinical(lexicon) if "en" in settings.languages else None,
            _court=Court(lexicon) if "en" in settings.languages else None,
        )

    def detect_batch(
        self,
        texts: Sequence[str],
        *,
        hints: Sequence[Sequence[Hint]] | None = None,
        groups: Sequence[str] | None = None,
    ) -> list[list[Span]]:
        """Find personal data in texts.

        Args:
            texts: the texts.
            hints: for each text, values known to belong to its person.
            groups: for each text, its privacy unit; what is found in one text of a unit is looked
                for in the unit's other texts of this batch.

        Returns:
            For each text its spans: in order, not overlapping, code points of the text as given.

        Guarantees:
            A text's spans do not depend on other texts of the batch, except through `groups`.
        """
        with self._zone():
            own = [self._own(text) for text in texts]
            seeds = [self._seeds(text, spans) for text, spans in zip(texts, own, strict=True)]
            shared: dict[str, list[Hint]] = {}
            if groups is not None:
                for group, found in zip(groups, seeds, strict=True):
                    shared.setdefault(group, []).extend(found)
            results = []
            for i, text in enumerate(texts):
                known = list(seeds[i]) if groups is None else shared[groups[i]]
                if hints is not None:
                    known = [*known, *hints[i]]
                results.append(self._finish(text, own[i], known))
            return results

    def second_look(self, texts: Sequence[str]) -> list[list[Span]]:
        """Scan de-identified texts by the independent path (see `residual`)."""
        return residual.second_look(texts)

    def detect(self, text: str, *, hints: Sequence[Hint] = ()) -> list[Span]:
        """Find personal data in one text."""
        return self.detect_batch([text], hints=[hints])[0]

    def collect_seeds(self, texts: Sequence[str]) -> list[list[Hint]]:
        """First pass over a unit: the values worth finding again, for each text.

        Give them as `hints` of the unit's texts in a second pass; memory then holds the values
        of a unit, never its texts.
        """
        with self._zone():
            return [self._seeds(text, self._own(text)) for text in texts]

    def _zone(self) -> AbstractContextManager[object]:
        return nullcontext() if self._ner is None else self._ner.memory_zone()

    def _seeds(self, text: str, spans: Iterable[Span]) -> list[Hint]:
        return hints_of(text, spans) if self.settings.propagate else []

    def _own(self, text: str) -> tuple[Span, ...]:
        """Return the hits of one text, from the cache when it was seen lately."""
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        cached = self._cache.get(key)
        if cached is not None:
            self._cache.move_to_end(key)
            return cached
        found: list[Span] = []
        for start, end in windows(text):
            plain = normalise(text[start:end])
            found.extend(_mapped(self._window(plain.text), plain, start))
        result = tuple(found)
        self._remember(key, result)
        return result

    def _remember(self, key: bytes, hits: tuple[Span, ...]) -> None:
        """Keep a text's hits; forget the longest unused, so that memory stays flat."""
        self._cache[key] = hits
        self._cached_hits += len(hits)
        limits = self.settings
        while len(self._cache) > limits.cache_texts or self._cached_hits > limits.cache_hits:
            _, forgotten = self._cache.popitem(last=False)
            self._cached_hits -= len(forgotten)

    @property
    def lexicon(self) -> Lexicon:
        """The word lists of the detector's languages."""
        return self._lexicon

    @property
    def models(self) -> tuple[SequenceModel, ...]:
        """The sequence models in use; their cards say where they come from."""
        return self._models

    def rule_hits(self, text: str) -> list[Span]:
        """Run patterns and name rules on a plain text: raw hits that may overlap."""
        lowered = lower(text)
        found = self._patterns.scan(text, lowered)
        if self._names is not None:
            found.extend(self._names.find(text, lowered))
        if self._places is not None:
            found.extend(self._places.find(text))
        if self._names is not None:
            found.extend(self._tables.find(text))
        if self._notes is not None:
            found.extend(self._notes.find(text, found))
        if self._court is not None:
            found.extend(self._court.find(text, lowered))
        return found

    def _window(self, text: str) -> list[Span]:
        """Run the stack on one plain window."""
        found = self.rule_hits(text)
        nothing: list[tuple[int, int]] = []
        for model in (*self._models, *self._plugged):
            if isinstance(model, SequenceModel) and model.spares_ner:
                hits, nothing = model.read(text, found)
                found.extend(hits)
            else:
                found.extend(model.find(text, found))
        if self._ner is not None:
            # Durations are nothing to the small model; a policy that wants them reads everything.
            if self.settings.keep_durations:
                entities = self._ner.find(text, found, nothing)
            else:
                entities = self._ner.find(text, [s for s in found if s.source not in READ])
            found.extend(entities)
            if self._notes is not None:
                found.extend(self._notes.beside(text, entities))
        if self._recognizers:
            found.extend(recognizers.run(self._recognizers, text))
        found = self._filtered(text, _settled_dates(found))
        if self._clinical is not None:
            found = self._clinical.people(text, found)
        if self._names is not None:
            found = [s for s in (self._tidy(text, s) for s in found) if s is not None]
        if self._court is not None:
            found = self._court.people(text, found)
        return found

    def _tidy(self, text: str, span: Span) -> Span | None:
        if span.entity_type != "PERSON" or span.source != "ner" or self._names is None:
            return span
        bounds = self._names.trim(text, span.start, span.end)
        if bounds is None or text[bounds[1] : bounds[1] + 1].isdigit():
            return None  # "SpO" of "SpO2" is no name.
        return Span(
            start=self._names.widen(text, self._names.leads(text, *bounds)),
            end=bounds[1],
            entity_type=span.entity_type,
            score=span.score,
            source=span.source,
        )

    def _filtered(self, text: str, spans: Iterable[Span]) -> list[Span]:
        """Drop what the settings do not ask for."""
        wanted = self.settings.entities
        kept = []
        for span in spans:
            if wanted is not None and span.entity_type not in wanted:
                continue
            if span.score < self.settings.score_threshold:
                continue
            if (
                self.settings.keep_durations
                and span.source in READ
                and span.entity_type == "DATE_TIME"
                and is_duration(text[span.start : span.end])
            ):
                continue
            kept.append(span)
        return kept

    def _finish(self, text: str, own: Sequence[Span], known: Sequence[Hint]) -> list[Span]:
        found = list(own)
        wanted = self.settings.entities
        usable = [h for h in known if wanted is None or h.entity_type in wanted]
        automaton = self._propagator.known(usable) if usable else None
        if automaton is not None:
            for start, end in windows(text):
                plain = normalise(text[start:end])
                found.extend(_mapped(self._propagator.find(plain.text, automaton), plain, start))
        return resolve(text, found)


def _load_models(
    settings: DetectorSettings, lexicon: Lexicon, *, shipped: bool
) -> tuple[SequenceModel, ...]:
    """Load the shipped sequence models of the languages, if wanted, and the plugged-in ones."""
    ours = Path(str(resources.files("appliance.redact.detect.models")))
    codes = [c for c in settings.languages if (ours / c).is_dir()] if shipped else []
    own = [path for code, path in settings.model_dirs if code in settings.languages]
    return (
        # The shipped English model has read all kinds of texts: its sure words are not read again.
        *(SequenceModel(ours / code, lexicon, spares_ner=code == "en") for code in codes),
        *(SequenceModel(directory, lexicon) for directory in own),
    )


def _settled_dates(spans: list[Span]) -> list[Span]:
    """Drop a model's date where a pattern found one: the pattern knows its edges."""
    sure = [s for s in spans if s.entity_type in ("DATE_TIME", "AGE") and s.source != "ner"]
    return [
        s
        for s in spans
        if s.source != "ner"
        or s.entity_type != "DATE_TIME"
        or not any(d.start < s.end and s.start < d.end for d in sure)
    ]


def _mapped(spans: Iterable[Span], plain: Normalised, offset: int) -> Iterable[Span]:
    """Map spans of a plain window to the text it was cut from."""
    for span in spans:
        start, end = plain.original(span.start, span.end)
        yield Span(
            start=start + offset,
            end=end + offset,
            entity_type=span.entity_type,
            score=span.score,
            source=span.source,
        )
